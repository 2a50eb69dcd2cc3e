"""Attention: each query takes a weighted mean of values, weighted by how keys fit it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

import autograd_mini as ag
from autograd_mini.nn.initialisers import Initialiser
from autograd_mini.nn.layers.dense import Dense, size
from autograd_mini.nn.losses.refusals import real_steps, tensor_input
from autograd_mini.nn.module import Module
from autograd_mini.nn.seeds import Seed, generator
from autograd_mini.typing import Array, Operand


def scaled_dot_product_attention(
    queries: Operand,
    keys: Operand,
    values: Operand,
    *,
    mask: ArrayLike | None = None,
    causal: bool = False,
) -> Operand:
    """softmax(queries · keysᵀ / √d) · values: scaled dot-product attention.

    (A. Vaswani and others, "Attention is all you need", NeurIPS 2017, equation 1.)

    Arguments:
        queries: of shape ``(..., T, d)``.
        keys: of shape ``(..., S, d)``.
        values: of shape ``(..., S, v)``.
        mask: boolean, to be broadcast to ``(..., T, S)``: True where a query may attend to a key.
        causal: whether query t may attend to keys 0 to t only.

    Returns:
        A Tensor (an array if all operands are) of shape ``(..., T, v)``.

    Raises:
        ValueError: shapes do not fit, there are no queries or keys, or a query may attend to
            nothing.

    >>> x = np.eye(3)
    >>> scaled_dot_product_attention(x, x, x, causal=True).round(2)
    array([[1.  , 0.  , 0.  ],
           [0.36, 0.64, 0.  ],
           [0.26, 0.26, 0.47]])
    """
    return attention_weights(queries, keys, mask=mask, causal=causal) @ values


def attention_weights(
    queries: Operand, keys: Operand, *, mask: ArrayLike | None = None, causal: bool = False
) -> Operand:
    """How much each query attends to each key, of shape ``(..., T, S)``; each row sums to 1.

    Arguments, errors: as for ``scaled_dot_product_attention``.
    """
    q, k = np.shape(queries), np.shape(keys)
    if len(q) < 2 or len(k) < 2 or q[-1] != k[-1]:
        raise ValueError(
            f"attention: queries of shape {q} and keys of shape {k} must be (..., T, d) and "
            "(..., S, d)"
        )
    if 0 in (*q, *k):
        raise ValueError(f"attention: there are no samples (queries {q}, keys {k})")
    scores = (queries * (1 / math.sqrt(q[-1]))) @ np.swapaxes(keys, -1, -2)
    allowed = _allowed(np.shape(scores), mask, causal)
    return ag.softmax(scores) if allowed is None else masked_softmax(scores, allowed=allowed)


def _masked_softmax(scores: Operand, allowed: Array) -> Operand:
    scores = np.where(allowed, scores, -np.inf)
    e = np.exp(scores - np.max(scores, axis=-1, keepdims=True))
    return e / np.sum(e, axis=-1, keepdims=True)


def _masked_softmax_parts(scores: Operand, allowed: Array) -> Operand:
    return ag.softmax(np.where(allowed, scores, -np.inf))


masked_softmax = ag.primitive(
    _masked_softmax,
    [lambda g, out, scores, allowed: out * (g - np.sum(g * out, axis=-1, keepdims=True))],
    name="masked_softmax",
    parts=_masked_softmax_parts,
    sentence="softmax over the last axis among what is allowed, 0 elsewhere.",
)


def _allowed(shape: tuple[int, ...], mask: ArrayLike | None, causal: bool) -> Array | None:
    allowed: Array | None = np.tri(*shape[-2:], dtype=bool) if causal else None
    if mask is not None:
        given = np.asarray(mask)
        if given.dtype != bool:
            raise ValueError(
                f"attention: the mask is boolean, True where a query may attend, not {given.dtype}"
            )
        try:
            np.broadcast_to(given, shape)
        except ValueError:
            raise ValueError(
                f"attention: a mask of shape {given.shape} does not fit weights of shape {shape}"
            ) from None
        allowed = given if allowed is None else allowed & given
    if allowed is not None and not allowed.any(axis=-1).all():
        place = np.argwhere(~np.broadcast_to(allowed, shape).any(axis=-1))[0].tolist()
        raise ValueError(f"attention: the query at {place} may attend to no key")
    return allowed


class MultiHeadAttention(Module):
    """Attention of several heads side by side, each on its own part of learnt projections.

    Queries, keys and values are ``Dense`` projections of the inputs, cut into ``heads`` parts of
    ``width / heads`` numbers; the heads' results stand side by side and are projected once more.
    (Vaswani and others, section 3.2.2; ``torch.nn.MultiheadAttention``.)

    Arguments:
        width: how many numbers each step has, in inputs and outputs; a multiple of ``heads``.
            ``None`` takes it from the first input.
        heads: how many heads.
        causal: whether a step may attend to itself and earlier steps only.
        bias: whether the projections have one.
        rng, init: as for ``Dense``.

    Attributes:
        query, key, value, output: the projections, ``Dense`` layers of ``width`` numbers each.

    Inputs have the shape ``(N, T, width)``, outputs as well.  With ``memory`` of shape
    ``(N, S, width)``, keys and values come from there.

    Raises:
        ValueError: a shape does not fit, there are no samples or steps, a step may attend to
            nothing, or ``width`` is no multiple of ``heads``.

    >>> layer = MultiHeadAttention(8, heads=2, causal=True, rng=0)
    >>> layer(np.ones((5, 7, 8))).shape
    (5, 7, 8)
    """

    def __init__(
        self,
        width: int | None,
        heads: int = 1,
        *,
        causal: bool = False,
        bias: bool = True,
        rng: Seed = None,
        init: Initialiser = "glorot_uniform",
    ) -> None:
        self.heads = size("heads", heads)
        self.causal = causal
        self.width = None if width is None else self._fitting(size("width", width))
        self._start = bias, init, generator(rng)
        if self.width is not None:
            self._make(self.width)

    def _fitting(self, width: int) -> int:
        if width % self.heads:
            raise ValueError(
                f"{type(self).__name__}: width {width} is no multiple of heads={self.heads}"
            )
        return width

    @property
    def _waits(self) -> bool:
        return self.width is None

    def _make(self, width: int) -> None:
        bias, init, rng = self._start
        self.width = self._fitting(width)
        self.query, self.key, self.value, self.output = (
            Dense(width, width, rng=rng, init=init, bias=bias) for _ in range(4)
        )

    def forward(
        self,
        x: Operand,
        memory: Operand = None,
        *,
        mask: ArrayLike | None = None,
        lengths: ArrayLike | None = None,
    ) -> Operand:
        """The attended values, projected, of shape ``(N, T, width)``.

        Arguments:
            x: where queries come from, of shape ``(N, T, width)``.
            memory: where keys and values come from, of shape ``(N, S, width)``; ``x`` by default.
            mask: boolean, of shape ``(T, S)`` or ``(N, T, S)``: True where a step may attend.
            lengths: for each of the N memories, how many of its S steps are real; the others
                are attended to by none, and count as 0 whatever they hold.
        """
        x, queries, keys, values = self._projected(x, memory, lengths)
        allowed = self._allowed(np.shape(x)[0], np.shape(keys)[2], mask, lengths)
        found = scaled_dot_product_attention(
            queries, keys, values, mask=allowed, causal=self.causal
        )
        return self.output(np.reshape(np.swapaxes(found, 1, 2), np.shape(x)))

    def weights(
        self,
        x: Operand,
        memory: Operand = None,
        *,
        mask: ArrayLike | None = None,
        lengths: ArrayLike | None = None,
    ) -> Operand:
        """How much each step attends to each, of shape ``(N, heads, T, S)``."""
        x, queries, keys, _ = self._projected(x, memory, lengths)
        allowed = self._allowed(np.shape(x)[0], np.shape(keys)[2], mask, lengths)
        return attention_weights(queries, keys, mask=allowed, causal=self.causal)

    def _projected(
        self, x: Operand, memory: Operand, lengths: ArrayLike | None
    ) -> tuple[Operand, Operand, Operand, Operand]:
        x = tensor_input(self, x, self.width, "(N, T, {})")
        if self.width is None:
            self._make(np.shape(x)[2])
        source = x if memory is None else tensor_input(self, memory, self.width, "(N, S, {})")
        if np.shape(source)[0] != np.shape(x)[0]:
            raise ValueError(
                f"{self!r}: inputs {np.shape(x)} and memory {np.shape(source)} have not as many "
                "samples"
            )
        samples, steps = np.shape(source)[:2]
        real = real_steps(self, samples, steps, lengths=lengths)
        if real is not None:  # what fills up may be anything, and 0 · NaN is NaN
            source = np.where(real[:, :, None], source, 0.0)
            x = source if memory is None else x
        return x, *map(self._cut, (self.query(x), self.key(source), self.value(source)))

    def _cut(self, x: Operand) -> Operand:
        samples, steps, width = np.shape(x)
        parts = np.reshape(x, (samples, steps, self.heads, width // self.heads))
        return np.swapaxes(parts, 1, 2)

    def _allowed(
        self, samples: int, steps: int, mask: ArrayLike | None, lengths: ArrayLike | None
    ) -> Operand:
        allowed = None if mask is None else np.asarray(mask)
        if allowed is not None and allowed.ndim == 3:
            allowed = allowed[:, None]
        if lengths is None:
            return allowed
        real = real_steps(self, samples, steps, lengths=lengths)
        if real is None:
            return allowed
        real = real[:, None, None, :]
        return real if allowed is None else allowed & real

    def __repr__(self) -> str:
        causal = ", causal=True" if self.causal else ""
        return f"{type(self).__name__}({self.width}, heads={self.heads}{causal})"


class Attention(MultiHeadAttention):
    """Attention of one head on learnt projections: ``MultiHeadAttention`` with ``heads=1``.

    Arguments, shapes, errors: as there.

    >>> layer = Attention(4, rng=0)
    >>> layer(np.ones((2, 3, 4))).shape, layer.weights(np.ones((2, 3, 4))).data[0, 0, 0].round(3)
    ((2, 3, 4), array([0.333, 0.333, 0.333]))
    """

    def __init__(self, width: int | None, **options: Any) -> None:
        super().__init__(width, 1, **options)

    def __repr__(self) -> str:
        return super().__repr__().replace(", heads=1", "")
