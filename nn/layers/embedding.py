"""Embedding: a row of numbers for each token."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_mini import Tensor, Value
from autograd_mini.nn.initialisers import Initialiser, initial
from autograd_mini.nn.layers.dense import size
from autograd_mini.nn.module import Module
from autograd_mini.nn.operands import numbers
from autograd_mini.nn.seeds import Seed, generator
from autograd_mini.typing import Array, Operand


class Embedding(Module):
    """A table whose row ``i`` stands for token ``i``; the rows are learnt.

    It is a Dense layer without bias on one-hot inputs, without computing with the zeros: the
    gradient of a row is the sum of the upstream gradients wherever its token stands.

    Arguments:
        tokens: how many there are.
        n_out: how many numbers stand for each.
        padding: a token that fills up short sequences; its row starts at 0 and is not learnt.
        rng: a seed or a Generator (see ``nn.seeds``).
        init: starting values: a name, a function ``(shape, rng)`` or an array of shape
            ``(tokens, n_out)``.

    Attributes:
        weight: a Tensor of shape ``(tokens, n_out)``, labelled ``E``.

    Inputs are whole numbers of any shape ``(...)``, outputs have the shape ``(..., n_out)``.

    Raises:
        ValueError: an input is no whole number or not one of 0 to ``tokens - 1``.
        TypeError: the input is a Tensor or Values: nothing can be differentiated by a token.

    >>> layer = Embedding(3, 2, init=[[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]])
    >>> layer([[2, 0]]).data
    array([[[4., 5.],
            [0., 1.]]])
    """

    def __init__(
        self,
        tokens: int,
        n_out: int,
        *,
        padding: int | None = None,
        rng: Seed = None,
        init: Initialiser = "normal",
    ) -> None:
        self.tokens = size("tokens", tokens)
        self.n_out = size("n_out", n_out)
        self.padding = padding
        start = np.array(initial(init, (tokens, n_out), generator(rng)))
        if padding is not None:
            if not isinstance(padding, int | np.integer) or not 0 <= padding < tokens:
                raise ValueError(f"padding is a token from 0 to {tokens - 1}, not {padding!r}")
            start[padding] = 0
        self.weight = Tensor(start, "E")

    def forward(self, x: Operand) -> Operand:
        """The rows for tokens of shape ``(...)``, of shape ``(..., n_out)``."""
        x = self._checked(x)
        rows: Any = self.weight[x]
        if self.padding is not None:
            fixed = np.expand_dims(x == self.padding, -1)
            rows = np.where(fixed, self.weight.data[self.padding], rows)
        return rows

    def _checked(self, x: Operand) -> Array:
        if isinstance(x, Tensor | Value):
            raise TypeError(f"{self!r} takes whole numbers, not a {type(x).__name__}")
        found = numbers(x)
        if not found.size:
            raise ValueError(f"{self!r}: there are no tokens (shape {found.shape})")
        if found.dtype.kind not in "iu":
            wrong = ~(found == np.floor(found)) | np.isinf(found)
            if wrong.any():
                raise ValueError(f"{self!r} takes whole numbers, not {found[wrong][0]}")
            found = found.astype(np.int64)
        if found.min() < 0 or found.max() >= self.tokens:
            bad = found[(found < 0) | (found >= self.tokens)][0]
            raise ValueError(f"{self!r}: token {bad} is not one of 0 to {self.tokens - 1}")
        return found

    def __repr__(self) -> str:
        padding = "" if self.padding is None else f", padding={self.padding}"
        return f"Embedding({self.tokens}, {self.n_out}{padding})"
