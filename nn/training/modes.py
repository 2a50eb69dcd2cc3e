"""Blocks in which a model is in another mode, or floats do not warn."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from autograd_mini.nn.module import Module


class evaluating:
    """A ``with`` block in eval mode; afterwards every part has the mode that it had."""

    def __init__(self, model: Module) -> None:
        self.model = model

    def __enter__(self) -> None:
        self._modes = [(module, module.training) for module in self.model.modules()]
        self.model.eval()

    def __exit__(self, *error: object) -> None:
        for module, mode in self._modes:
            module.training = mode


def quietly() -> np.errstate:
    """A ``with`` block in which a diverging model does not warn of each number."""
    return np.errstate(over="ignore", invalid="ignore")


@contextmanager
def undisturbed(model: Module) -> Iterator[None]:
    """A ``with`` block in which a model may run in any mode: afterwards nothing has changed.

    Modes, buffers such as running statistics, and Generators are put back; parameters and
    gradients are not looked after.
    """
    modes = [(module, module.training) for module in model.modules()]
    generators = [(g, g.bit_generator.state) for _, g in model.named_generators()]
    buffers = [(buffer, buffer.copy()) for _, buffer in model.named_buffers()]
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode
        for g, state in generators:
            g.bit_generator.state = state
        for buffer, before in buffers:
            buffer[...] = before
