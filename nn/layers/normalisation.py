"""Normalisation: mean 0 and variance 1, over a batch or over the features of a sample."""

from __future__ import annotations

import math

import numpy as np

import autograd_mini as ag
from autograd_mini import Tensor
from autograd_mini.nn.layers.dense import size
from autograd_mini.nn.losses.refusals import tensor_input
from autograd_mini.nn.module import Module
from autograd_mini.typing import Array, Operand


def _normalised(x: Operand, axes: tuple[int, ...], eps: float) -> Operand:
    centred = x - np.mean(x, axis=axes, keepdims=True)
    variance = np.mean(centred * centred, axis=axes, keepdims=True)
    return centred / np.sqrt(variance + eps)


def _normalised_pullback(
    g: Operand, out: Operand, x: Operand, axes: tuple[int, ...], eps: float
) -> Operand:
    spread = np.sqrt(np.var(x, axis=axes, keepdims=True) + eps)
    along = out * np.mean(g * out, axis=axes, keepdims=True)
    return (g - np.mean(g, axis=axes, keepdims=True) - along) / spread


normalised = ag.primitive(
    _normalised,
    [_normalised_pullback],
    name="normalised",
    parts=_normalised,
    sentence="(x − mean) / √(variance + eps) over axes; same shape as x.",
)


class _Normalisation(Module):
    """What both kinds have: a gain and a shift for each feature."""

    def __init__(self, features: int | None, eps: float, affine: bool) -> None:
        if not 0 <= eps < math.inf:
            raise ValueError(f"eps is a number of at least 0, not {eps!r}")
        self.features = None if features is None else size("features", features)
        self.eps = eps
        self.affine = affine
        self.weight: Tensor | None = None
        self.bias: Tensor | None = None
        if self.features is not None:
            self._make(self.features)

    @property
    def _waits(self) -> bool:
        return self.features is None

    def _make(self, features: int) -> None:
        self.features = features
        if self.affine:
            self.weight = Tensor(np.ones(features), "gamma")
            self.bias = Tensor(np.zeros(features), "beta")

    def _checked(self, x: Operand) -> Operand:
        x = tensor_input(self, x, self.features)
        if self.features is None:
            self._make(np.shape(x)[-1])
        return x

    def _scaled(self, normal: Operand) -> Operand:
        return normal * self.weight + self.bias if self.affine else normal

    def _words(self) -> str:
        return f"{self.features}, eps={self.eps}" + ("" if self.affine else ", affine=False")


class LayerNorm(_Normalisation):
    """Each sample's features at mean 0 and variance 1, then times a gain plus a shift.

    y = γ·(x − mean) / √(variance + ε) + β over the last axis, with the variance divided by the
    number of features.  (J. L. Ba, J. R. Kiros and G. E. Hinton, "Layer normalization", 2016,
    equation 4; ``torch.nn.LayerNorm``.)

    Arguments:
        features: the size of the last axis; by default that of the first input.
        eps: ε, which keeps the divisor from 0.
        affine: whether there are γ and β.

    Attributes:
        weight: γ, a Tensor of ones of shape ``(features,)``, or ``None``.
        bias: β, a Tensor of zeros of shape ``(features,)``, or ``None``.

    Inputs and outputs have the shape ``(..., features)``.

    Raises:
        ValueError: an input has another width or is empty.

    >>> LayerNorm(4)(np.array([1.0, 2.0, 3.0, 4.0])).data.round(3)
    array([-1.342, -0.447,  0.447,  1.342])
    """

    def __init__(
        self, features: int | None = None, *, eps: float = 1e-5, affine: bool = True
    ) -> None:
        super().__init__(features, eps, affine)

    def forward(self, x: Operand) -> Operand:
        """The normalised samples, of the input's shape ``(..., features)``."""
        return self._scaled(normalised(self._checked(x), axes=(-1,), eps=self.eps))

    def __repr__(self) -> str:
        return f"LayerNorm({self._words()})"


class BatchNorm(_Normalisation):
    """Each feature at mean 0 and variance 1 over the batch, then times a gain plus a shift.

    In training mean and variance are the batch's, over all axes but the last, and running
    statistics follow them: running ← (1 − m)·running + m·batch, with the variance divided by
    n − 1.  In eval mode the running statistics are used.  (S. Ioffe and C. Szegedy, "Batch
    normalization", ICML 2015, algorithms 1 and 2; ``torch.nn.BatchNorm1d``, which has the
    features of sequences and images on axis 1 instead.)

    Arguments:
        features: the size of the last axis; by default that of the first input.
        eps: ε, which keeps the divisor from 0.
        momentum: m, above 0 and at most 1; ``None`` makes the running statistics the plain mean
            over all batches so far.
        affine: whether there are a gain γ and a shift β.

    Attributes:
        weight: γ, a Tensor of ones of shape ``(features,)``, or ``None``.
        bias: β, a Tensor of zeros of shape ``(features,)``, or ``None``.
        running_mean, running_var: buffers of shape ``(features,)``.
        num_batches_tracked: a buffer of shape ``()``: how many batches they have followed.

    Inputs and outputs have the shape ``(N, ..., features)``.

    Raises:
        ValueError: an input has another width or is empty; in training there is only one number
            for each feature, whose variance would be 0.

    >>> layer = BatchNorm(1)
    >>> layer(np.array([[1.0], [3.0]])).data.round(3)
    array([[-1.],
           [ 1.]])
    >>> layer.running_mean, layer.running_var.round(3)
    (array([0.2]), array([1.1]))
    >>> layer.eval()(np.array([[0.2]])).data
    array([[0.]])
    """

    def __init__(
        self,
        features: int | None = None,
        *,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
    ) -> None:
        if momentum is not None and not 0 < momentum <= 1:
            raise ValueError(f"momentum is above 0 and at most 1, or None, not {momentum!r}")
        self.momentum = momentum
        super().__init__(features, eps, affine)

    def _make(self, features: int) -> None:
        super()._make(features)
        self.running_mean: Array = np.zeros(features)
        self.running_var: Array = np.ones(features)
        self.num_batches_tracked: Array = np.zeros((), dtype=np.int64)

    def forward(self, x: Operand) -> Operand:
        """The normalised batch, of the input's shape ``(N, ..., features)``."""
        x = self._checked(x)
        if not self.training:
            spread = np.sqrt(self.running_var + self.eps)
            if not self.affine:
                return (x - self.running_mean) / spread
            scale = self.weight / spread
            return x * scale + (self.bias - self.running_mean * scale)
        count = np.size(x) // np.shape(x)[-1]
        if count < 2:
            raise ValueError(
                f"{self!r} needs at least two samples in training, got shape {np.shape(x)}: take "
                "a larger batch, or call model.eval() to use the running statistics"
            )
        axes = tuple(range(np.ndim(x) - 1))
        ag.effect(self._follow, x.data if isinstance(x, Tensor) else x, axes)
        return self._scaled(normalised(x, axes=axes, eps=self.eps))

    def _follow(self, x: Array, axes: tuple[int, ...]) -> None:
        self.num_batches_tracked += 1
        share = 1 / int(self.num_batches_tracked) if self.momentum is None else self.momentum
        for running, batch in (
            (self.running_mean, x.mean(axis=axes)),
            (self.running_var, x.var(axis=axes, ddof=1)),
        ):
            running *= 1 - share
            running += share * batch

    def __repr__(self) -> str:
        momentum = "" if self.momentum == 0.1 else f", momentum={self.momentum}"
        return f"BatchNorm({self._words()}{momentum})"
