"""Losses of classes: cross-entropies of logits, of probabilities and of their logarithms."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

import autograd_mini as ag
from autograd_mini import Tensor
from autograd_mini.nn.activations import identity
from autograd_mini.nn.data import one_hot
from autograd_mini.nn.losses.loss import declared
from autograd_mini.nn.losses.reduction import Reduction, divisor_of, reduced
from autograd_mini.nn.losses.refusals import (
    SIGMOID,
    SOFTMAX,
    check_classes,
    check_constant,
    check_logarithms,
    check_not_rounded,
    check_probabilities,
    check_range,
    check_some,
    class_targets,
    class_weights,
    counted,
    first_unlike,
    like,
    of_class,
    refuse_probabilities,
    same_shape,
)
from autograd_mini.nn.operands import Data, made_by, numbers, operand
from autograd_mini.typing import Array, Operand


def _unchecked(outputs: Data, targets: Array) -> Operand:
    if not isinstance(outputs, Tensor):
        return cross_entropy(outputs, targets)
    return softmax_loss(outputs, wanted=targets, weights=None, divisor=float(targets.size))


@declared(
    takes="logits", targets="classes", activation="softmax", logits_by={}, unchecked=_unchecked
)
def cross_entropy(
    outputs: Data,
    targets: Data,
    *,
    from_logits: bool | None = None,
    label_smoothing: float = 0.0,
    class_weights: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Operand:
    """The cross-entropy −Σ t·log(p) of each sample, p = softmax(logits), averaged over samples.

    From logits z it is −Σ t·log_softmax(z), which neither overflows nor loses precision; its
    gradient for z is (p − t) / N.  (I. Goodfellow, Y. Bengio and A. Courville, "Deep Learning",
    MIT Press 2016, section 6.2.2.3.)

    Arguments:
        outputs: scores of shape ``(N, K)`` for N samples and K ≥ 2 classes, ``(K,)`` for one
            sample, or in general ``(..., K)``.
        targets: class indices of shape ``(N,)``, or one-hot rows or probabilities of shape
            ``(N, K)``, each row summing to 1 (to within 0.02).
        from_logits: ``None`` and ``True`` take the outputs for logits, ``False`` for
            probabilities.  The result of a recorded softmax or sigmoid is never taken for
            logits; numbers that only look like probabilities (no entry negative, each row
            sums to 1) are, if ``True`` says so.
        label_smoothing: ε, at least 0 and at most 1: each target becomes (1 − ε)·t + ε / K.
            (C. Szegedy and others, "Rethinking the Inception architecture", CVPR 2016,
            section 7.)
        class_weights: how much each class counts, of shape ``(K,)``: the term of class k is
            multiplied by its weight.  For class indices the mean is divided by the sum of the
            targets' weights, for rows by N, as in PyTorch.
        mask: which samples count: boolean, of the outputs' shape without the last axis.
        reduction: ``"mean"`` over the samples (not over the classes), or ``"sum"``.

    Raises:
        ValueError: logits are expected and probabilities found, or the other way round; the
            shapes do not fit; a label is out of range; a row of targets does not sum to 1;
            there are no samples or fewer than two classes; the probability of a sample's
            class has been rounded to 0; the weights of all targets are 0.
        TypeError: the targets are computed (a Tensor or Values).

    >>> cross_entropy([[2.0, 0.0], [0.0, 3.0]], [0, 1]).round(4)
    np.float64(0.0878)
    >>> cross_entropy([[2.0, 0.0], [0.0, 3.0]], [0, 1], class_weights=[1.0, 9.0]).round(4)
    np.float64(0.0564)
    >>> cross_entropy(ag.softmax(ag.Tensor([[2.0, 0.0]])), [0])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ValueError: cross_entropy takes logits, and these outputs are probabilities, ...
    >>> cross_entropy(ag.softmax(ag.Tensor([[2.0, 0.0]])), [0], from_logits=False).data.round(4)
    np.float64(0.1269)
    """
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"label_smoothing is between 0 and 1, not {label_smoothing!r}")
    outputs, target = _classes("cross_entropy", outputs, targets, class_weights, mask)
    target = target.smoothed(label_smoothing)
    if from_logits is False:
        check_probabilities(outputs, target.wanted)
        return target.likelihood(outputs, ag.log, reduction)
    refuse_probabilities(outputs, said=bool(from_logits))
    if isinstance(outputs, Tensor):
        return target.from_logits(outputs, reduction)
    return target.likelihood(ag.log_softmax(outputs), identity, reduction)


@declared(takes="log-probabilities", targets="classes")
def negative_log_likelihood(
    outputs: Data,
    targets: Data,
    *,
    class_weights: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Operand:
    """The cross-entropy −Σ t·log(p) of logarithms of probabilities, averaged over samples.

    ``negative_log_likelihood(ag.log_softmax(z), y)`` is ``cross_entropy(z, y)``.

    Arguments:
        outputs: log-probabilities of shape ``(N, K)``, or in general ``(..., K)``.
        targets, class_weights, mask, reduction: as for ``cross_entropy``.

    Raises:
        ValueError: the exponentials of a sample's outputs do not sum to 1; else as for
            ``cross_entropy``.

    >>> negative_log_likelihood(np.log([[0.75, 0.25], [0.5, 0.5]]), [0, 1]).round(4)
    np.float64(0.4904)
    """
    what = "negative_log_likelihood"
    outputs, target = _classes(what, outputs, targets, class_weights, mask)
    check_logarithms(what, outputs)
    return target.likelihood(outputs, identity, reduction)


def _softmax_loss(z: Operand, wanted: Array, weights: Array | None, divisor: float) -> Operand:
    logarithms = ag.log_softmax(z)
    if wanted.shape == z.shape:
        return -np.sum(wanted * logarithms) / divisor
    chosen = of_class(logarithms, wanted)
    return -(chosen if weights is None else weights * chosen).sum() / divisor


def _softmax_loss_pullback(
    g: Operand, out: Operand, z: Operand, wanted: Array, weights: Array | None, divisor: float
) -> Operand:
    rows, found = wanted, ag.softmax(z)
    if wanted.shape != z.shape:
        rows = wanted[..., None] == np.arange(z.shape[-1])
        if weights is None:  # each row sums to 1
            return g / divisor * (found - rows)
        rows = rows * np.reshape(weights, (*wanted.shape, 1)).astype(z.dtype)
    return g / divisor * (found * rows.sum(axis=-1, keepdims=True) - rows)


def _softmax_loss_formula(loss: Tensor) -> str:
    wanted, weights = loss.options["wanted"], loss.options["weights"]
    classes = loss.parents[0].shape[-1]
    if wanted.shape != loss.parents[0].shape:
        rows = f"(softmax(x0, axis=-1) - eye({classes})[wanted])"
        return f"g / divisor * {rows}" if weights is None else (
            f"g / divisor * reshape(weights, {(*wanted.shape, 1)}) * {rows}"
        )  # fmt: skip
    if np.allclose(wanted.sum(axis=-1), 1):
        return "g / divisor * (softmax(x0, axis=-1) - wanted)"
    return "g / divisor * (softmax(x0, axis=-1) * sum(wanted, axis=-1, keepdims=True) - wanted)"


softmax_loss = ag.primitive(
    _softmax_loss,
    [_softmax_loss_pullback],
    name="softmax_loss",
    parts=_softmax_loss,
    formulas=[_softmax_loss_formula],
    sentence="−Σ t·log(softmax(z)) / divisor, with the pullback (Σt·softmax(z) − t) / divisor.",
)


@dataclass(frozen=True)
class _Classes:
    """Checked targets of classes."""

    wanted: Array
    """Indices, or rows of probabilities."""
    shape: tuple[int, ...]
    """That of the outputs."""
    weights: Array | None
    """How much each class counts."""
    count: float
    """What a mean divides by."""

    def smoothed(self, share: float) -> _Classes:
        """Each target moved by a share towards all classes alike; a mean divides as before."""
        if not share:
            return self
        classes = self.shape[-1]
        rows = self.wanted if self.wanted.shape == self.shape else one_hot(self.wanted, classes)
        return replace(self, wanted=(1 - share) * rows + share / classes)

    def likelihood(
        self, x: Operand, logarithm: Callable[[Any], Any], reduction: Reduction
    ) -> Operand:
        """−Σ weight · target · log(p), reduced; ``logarithm`` makes log(p) of ``x``."""
        if self.wanted.shape != self.shape:
            terms = logarithm(of_class(x, self.wanted))
            if self.weights is not None:
                terms = terms * like(self.weights[self.wanted.ravel()], x)
        else:
            rows = like(self.wanted if self.weights is None else self.wanted * self.weights, x)
            if logarithm is not identity:  # 0 · log(0) is 0
                hit = self.wanted > 0
                rows, x = rows[hit], x[hit]
            terms = rows * logarithm(x)
        return reduced(-np.sum(terms), self.count, reduction)

    def from_logits(self, z: Tensor, reduction: Reduction) -> Operand:
        """The same from logits, as one operation."""
        if self.wanted.shape == self.shape:
            rows = self.wanted if self.weights is None else self.wanted * self.weights
            wanted, weights = like(rows, z), None
        else:
            wanted = self.wanted
            weights = None if self.weights is None else like(self.weights[wanted.ravel()], z)
        divisor = divisor_of(self.count, reduction)
        return softmax_loss(z, wanted=wanted, weights=weights, divisor=divisor)


def _classes(
    what: str, outputs: Data, targets: Data, weights: ArrayLike | None, mask: ArrayLike | None
) -> tuple[Any, _Classes]:
    if mask is not None:
        check_constant(what, targets)
    outputs, targets = counted(what, outputs, targets, mask)
    outputs = operand(outputs, "outputs")
    shape = outputs.shape
    check_classes(what, shape)
    wanted = class_targets(what, shape, targets)
    check_some(what, shape)
    found = class_weights(what, shape[-1], weights)
    count: float = math.prod(shape[:-1])
    if found is not None and wanted.shape != shape:
        count = float(np.sum(found[wanted]))
        if not count:
            raise ValueError(f"{what}: the class_weights of all targets are 0")
    return outputs, _Classes(wanted, shape, found, count)


@declared(
    takes="probabilities",
    targets="probabilities",
    activation="sigmoid",
    logits_by={"from_logits": True},
)
def binary_cross_entropy(
    outputs: Data,
    targets: Data,
    *,
    from_logits: bool = False,
    mask: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Operand:
    """The cross-entropy −t·log(p) − (1 − t)·log(1 − p) of yes-or-no outputs, averaged.

    From logits z, p = sigmoid(z), it is −t·log_sigmoid(z) − (1 − t)·log_sigmoid(−z), which is
    exact for all z; its gradient for z is (p − t) / n.  (C. M. Bishop, "Pattern Recognition and
    Machine Learning", Springer 2006, equation 4.90.)

    Arguments:
        outputs: any shape: probabilities between 0 and 1, or logits.
        targets: the same shape: 0 or 1, or probabilities.
        from_logits: whether the outputs are logits.
        mask: which targets count: boolean, of the shape of their first axes.
        reduction: ``"mean"`` over all elements, or ``"sum"``.

    Raises:
        ValueError: the shapes differ, there are no samples, a target is not between 0 and 1;
            an output is no probability, or one that contradicts its target has been rounded to
            0 or 1; ``from_logits=True`` is given the result of sigmoid.
        TypeError: the targets are computed (a Tensor or Values).

    >>> binary_cross_entropy([0.9, 0.2], [1, 0]).round(4)
    np.float64(0.1643)
    >>> binary_cross_entropy([40.0, -40.0], [1, 0], from_logits=True) < 1e-17
    np.True_
    """
    check_constant("binary_cross_entropy", targets)
    outputs, targets = counted("binary_cross_entropy", outputs, targets, mask)
    outputs, targets = same_shape("binary_cross_entropy", outputs, targets)
    wrong = first_unlike(targets, (targets >= 0) & (targets <= 1))
    if wrong is not None:
        raise ValueError(
            f"binary_cross_entropy: targets are between 0 and 1, found {wrong:g}"
            + ("; hinge takes targets of -1 and 1" if wrong == -1 else "")
        )
    if from_logits:
        maker = made_by(outputs)
        if maker is not None and maker in (SIGMOID, SOFTMAX):
            raise ValueError(
                f"binary_cross_entropy(from_logits=True): these outputs are probabilities, the "
                f"result of {maker.name}: give what went into it (model.logits(x)), or leave "
                "from_logits out"
            )
        likelihood = targets * ag.log_sigmoid(outputs) + (1 - targets) * ag.log_sigmoid(-outputs)
        total = -np.sum(likelihood)
    else:
        check_range("binary_cross_entropy", outputs)
        yes, no = targets > 0, targets < 1
        check_not_rounded("binary_cross_entropy", numbers(outputs)[yes])
        check_not_rounded("binary_cross_entropy", 1 - numbers(outputs)[no])
        total = -np.sum(targets[yes] * ag.log(outputs[yes]))
        total = total - np.sum((1 - targets[no]) * ag.log1p(-outputs[no]))
    return reduced(total, np.size(targets), reduction)
