"""Losses: how far outputs are from targets, as one number that can be differentiated.

All take ``(outputs, targets)`` in this order, as PyTorch does.  Outputs are a Tensor, an
array or list of Values, or plain numbers (then the loss is a plain number).  Outputs and
targets must have exactly the same shape, or for class indices the shape without the last
axis: what broadcasting would let pass is an error that names both shapes.

Probabilities or logits?  A logit is a score before softmax or sigmoid.

* ``cross_entropy`` takes logits: ``cross_entropy(model.logits(x), y)``.  It refuses the
  result of softmax or sigmoid and whatever looks like probabilities, so that softmax is
  never silently applied twice.  For the textbook's −Σ t·log(p) of softmax outputs write
  ``cross_entropy(model(x), y, from_logits=False)``.
* ``binary_cross_entropy`` takes probabilities: ``binary_cross_entropy(model(x), y)``, or
  logits: ``binary_cross_entropy(model.logits(x), y, from_logits=True)``.

Both forms have the same value and gradient.  The one from logits stays exact where
probabilities round to 0 or 1; there the one from probabilities is an error, not infinity.

For sequences that were filled up, a boolean ``mask`` says which targets count: it has the first
axes of outputs and targets, such as ``(N, T)``.  What it leaves out may be anything, and the mean
is over the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

import autograd_mini as ag
from autograd_mini import Tensor
from autograd_mini.nn.activations import identity
from autograd_mini.nn.data import one_hot
from autograd_mini.nn.operands import Array, made_by, numbers, operand
from autograd_mini.nn.refusals import (
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

Reduction = Literal["mean", "sum"]


def half_squared_error(outputs: Any, targets: Any) -> Any:
    """The textbook's error E = ½ Σ (target − output)², summed over everything.

    Its gradient is output − target.  (D. E. Rumelhart, G. E. Hinton and R. J. Williams,
    "Learning representations by back-propagating errors", Nature 323, 1986, equation 3.)

    Arguments:
        outputs: any shape.
        targets: the same shape.

    Raises:
        ValueError: the shapes differ, or there are no samples.

    >>> half_squared_error([0.75, 0.5], [0.25, 1.0])
    np.float64(0.25)
    >>> out = ag.Value(0.75, label="out")
    >>> half_squared_error(out, 0.25).backward()
    >>> out.grad
    0.5
    """
    outputs, targets = same_shape("half_squared_error", outputs, targets)
    return 0.5 * np.sum(ag.square(targets - outputs))


def mean_squared_error(
    outputs: Any, targets: Any, *, mask: Any = None, reduction: Reduction = "mean"
) -> Any:
    """The mean of (target − output)² over all elements, ``np.mean((targets - outputs) ** 2)``.

    Its gradient is 2 (output − target) / n, where n counts all elements, not samples.

    Arguments:
        outputs: any shape.
        targets: the same shape.
        mask: which targets count: boolean, of the shape of their first axes.
        reduction: ``"mean"`` over all elements, or ``"sum"``.

    Raises:
        ValueError: the shapes differ, there are no samples, or a target is NaN or infinite.

    >>> mean_squared_error([0.75, 0.5], [0.25, 1.0])
    np.float64(0.25)
    >>> mean_squared_error([0.75, 0.5], [0.25, np.nan], mask=[True, False])
    np.float64(0.25)
    """
    outputs, targets = counted("mean_squared_error", outputs, targets, mask)
    outputs, targets = same_shape("mean_squared_error", outputs, targets)
    return _reduced_elements(ag.square(targets - outputs), reduction)


def mean_absolute_error(
    outputs: Any, targets: Any, *, mask: Any = None, reduction: Reduction = "mean"
) -> Any:
    r"""The mean of \|target − output\| over all elements, the L1 loss.

    Its gradient is sign(output − target) / n, and 0 where the two are equal.

    Arguments, errors: as for ``mean_squared_error``.

    >>> mean_absolute_error([0.75, 0.5], [0.25, 1.5])
    np.float64(0.75)
    """
    outputs, targets = counted("mean_absolute_error", outputs, targets, mask)
    outputs, targets = same_shape("mean_absolute_error", outputs, targets)
    return _reduced_elements(ag.abs(targets - outputs), reduction)


def huber(
    outputs: Any,
    targets: Any,
    *,
    delta: float = 1.0,
    mask: Any = None,
    reduction: Reduction = "mean",
) -> Any:
    r"""½·d² for errors \|d\| up to δ, and δ·(\|d\| − ½·δ) beyond: outliers pull no harder than δ.

    Its gradient is output − target limited to ±δ, divided by n.  (P. J. Huber, "Robust
    estimation of a location parameter", Annals of Mathematical Statistics 35, 1964.)

    Arguments:
        delta: δ, positive.
        outputs, targets, mask, reduction: as for ``mean_squared_error``.

    Raises:
        ValueError: δ is not positive; else as for ``mean_squared_error``.

    >>> huber([0.5, 3.0], [0.0, 0.0], reduction="sum")
    np.float64(2.625)
    """
    if not 0 < delta < np.inf:
        raise ValueError(f"huber: delta is a positive number, not {delta!r}")
    outputs, targets = counted("huber", outputs, targets, mask)
    outputs, targets = same_shape("huber", outputs, targets)
    error = ag.abs(targets - outputs)
    limited = ag.minimum(error, delta)
    return _reduced_elements(limited * (error - 0.5 * limited), reduction)


def cross_entropy(
    outputs: Any,
    targets: Any,
    *,
    from_logits: bool | None = None,
    label_smoothing: float = 0.0,
    class_weights: Any = None,
    mask: Any = None,
    reduction: Reduction = "mean",
) -> Any:
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


def negative_log_likelihood(
    outputs: Any,
    targets: Any,
    *,
    class_weights: Any = None,
    mask: Any = None,
    reduction: Reduction = "mean",
) -> Any:
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


def _softmax_loss(z: Any, wanted: Array, weights: Array | None, divisor: float) -> Any:
    logarithms = ag.log_softmax(z)
    if wanted.shape == z.shape:
        return -np.sum(wanted * logarithms) / divisor
    chosen = of_class(logarithms, wanted)
    return -(chosen if weights is None else weights * chosen).sum() / divisor


def _softmax_loss_pullback(
    g: Any, out: Any, z: Any, wanted: Array, weights: Array | None, divisor: float
) -> Any:
    rows, found = wanted, ag.softmax(z)
    if wanted.shape != z.shape:
        rows = np.zeros(z.shape, z.dtype)
        places = rows.reshape(-1, rows.shape[-1])
        places[np.arange(wanted.size), wanted.ravel()] = 1 if weights is None else weights
        if weights is None:  # each row sums to 1
            return g / divisor * (found - rows)
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

    def likelihood(self, x: Any, logarithm: Callable[[Any], Any], reduction: Reduction) -> Any:
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
        return _reduced(-np.sum(terms), self.count, reduction)

    def from_logits(self, z: Tensor, reduction: Reduction) -> Any:
        """The same from logits, as one operation."""
        if self.wanted.shape == self.shape:
            rows = self.wanted if self.weights is None else self.wanted * self.weights
            wanted, weights = like(rows, z), None
        else:
            wanted = self.wanted
            weights = None if self.weights is None else like(self.weights[wanted.ravel()], z)
        divisor = _divisor(self.count, reduction)
        return softmax_loss(z, wanted=wanted, weights=weights, divisor=divisor)


def _classes(
    what: str, outputs: Any, targets: Any, weights: Any, mask: Any
) -> tuple[Any, _Classes]:
    if mask is not None:
        check_constant(what, targets)
    outputs, targets = counted(what, outputs, targets, mask)
    outputs = operand(outputs, "outputs")
    shape = np.shape(outputs)
    check_classes(what, shape)
    wanted = class_targets(what, shape, targets)
    check_some(what, shape)
    found = class_weights(what, shape[-1], weights)
    count: float = int(np.prod(shape[:-1]))
    if found is not None and wanted.shape != shape:
        count = float(np.sum(found[wanted]))
        if not count:
            raise ValueError(f"{what}: the class_weights of all targets are 0")
    return outputs, _Classes(wanted, shape, found, count)


def binary_cross_entropy(
    outputs: Any,
    targets: Any,
    *,
    from_logits: bool = False,
    mask: Any = None,
    reduction: Reduction = "mean",
) -> Any:
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
        if made_by(outputs) in ("sigmoid", "softmax"):
            raise ValueError(
                f"binary_cross_entropy(from_logits=True): these outputs are probabilities, the "
                f"result of {made_by(outputs)}: give what went into it (model.logits(x)), or leave "
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
    return _reduced(total, np.size(targets), reduction)


def hinge(outputs: Any, targets: Any, *, mask: Any = None, reduction: Reduction = "mean") -> Any:
    """The hinge loss max(0, 1 − t·output) of scores for targets t of −1 and 1, averaged.

    Its derivative at the hinge itself (t·output = 1) is taken to be 0.  (C. Cortes and
    V. Vapnik, "Support-vector networks", Machine Learning 20, 1995.)

    Arguments:
        outputs: scores of any shape, without an activation.
        targets: the same shape: −1 or 1.
        mask: which targets count: boolean, of the shape of their first axes.
        reduction: ``"mean"`` over all elements, or ``"sum"``.

    Raises:
        ValueError: the shapes differ, there are no samples, or a target is not −1 or 1.
        TypeError: the targets are computed (a Tensor or Values).

    >>> hinge([0.5, -2.0, 3.0], [1, -1, 1], reduction="sum")
    np.float64(0.5)
    """
    check_constant("hinge", targets)
    outputs, targets = counted("hinge", outputs, targets, mask)
    outputs, targets = same_shape("hinge", outputs, targets)
    wrong = first_unlike(targets, (targets == 1) | (targets == -1))
    if wrong is not None:
        raise ValueError(
            f"hinge: targets are -1 or 1, found {wrong:g}"
            + ("; write 2 * targets - 1 for targets of 0 and 1" if wrong == 0 else "")
        )
    return _reduced_elements(ag.relu(1 - targets * outputs), reduction)


def _reduced_elements(terms: Any, reduction: Reduction) -> Any:
    return _reduced(np.sum(terms), np.size(terms), reduction)


def _reduced(total: Any, count: float, reduction: Reduction) -> Any:
    divisor = _divisor(count, reduction)
    return total if divisor == 1 else total / divisor


def _divisor(count: float, reduction: Reduction) -> float:
    if reduction not in ("mean", "sum"):
        raise ValueError(f"reduction is 'mean' or 'sum', not {reduction!r}")
    return count if reduction == "mean" else 1
