"""Dropout: numbers left out at random while a model learns."""

from __future__ import annotations

import numpy as np

import autograd_mini as ag
from autograd_mini import Tensor
from autograd_mini.nn.module import Module
from autograd_mini.nn.operands import operand
from autograd_mini.nn.seeds import Seed, generator
from autograd_mini.typing import Operand


class Dropout(Module):
    """In training each number is 0 with probability ``p``, else divided by 1 − p.

    So the expected output is the input; in eval mode the output is the input.  (N. Srivastava,
    G. Hinton, A. Krizhevsky, I. Sutskever and R. Salakhutdinov, "Dropout: a simple way to
    prevent neural networks from overfitting", JMLR 15, 2014; "inverted" as in PyTorch.)

    Arguments:
        p: the probability, at least 0 and below 1.
        rng: a seed or a Generator (see ``nn.seeds``); each call draws from it.

    Inputs and outputs have the same shape, any.

    Raises:
        ValueError: ``p`` is out of range.

    >>> layer = Dropout(0.5, rng=0)
    >>> layer(np.ones(6))
    array([2., 0., 0., 0., 2., 2.])
    >>> layer.eval()(np.ones(6))
    array([1., 1., 1., 1., 1., 1.])
    """

    def __init__(self, p: float = 0.5, *, rng: Seed = None) -> None:
        if not 0 <= p < 1:
            raise ValueError(f"Dropout: p is at least 0 and below 1, not {p!r}")
        self.p = p
        self.rng = generator(rng)

    def forward(self, x: Operand) -> Operand:
        """The input with numbers left out, or in eval mode as it is."""
        x = operand(x, "inputs")
        if not self.training or not self.p:
            return x
        kept = ag.drawn(self.rng.random, np.shape(x)) >= self.p
        dtype = x.dtype if isinstance(x, Tensor) or x.dtype.kind == "f" else np.float64
        return x * np.divide(kept, 1 - self.p, dtype=dtype)

    def __repr__(self) -> str:
        return f"Dropout({self.p})"
