"""LSUV: starting weights with which each layer makes variance one of the data."""

from __future__ import annotations

import numpy as np

import autograd_mini as ag
from autograd_mini.nn.initialisers import orthogonal
from autograd_mini.nn.layers.dense import Dense
from autograd_mini.nn.module import Module
from autograd_mini.nn.operands import Data, numbers
from autograd_mini.nn.seeds import Seed, generator
from autograd_mini.typing import Array, Operand


def lsuv(
    model: Module, X: Data, *, tolerance: float = 0.1, iterations: int = 10, rng: Seed = None
) -> dict[str, float]:
    """Layer-sequential unit variance: start each Dense layer so that what it makes has variance 1.

    Every Dense weight becomes an orthogonal matrix; then, from the first layer to the last, each
    is divided by the standard deviation of its outputs x·W + b for the samples X, before the
    activation.  (D. Mishkin and J. Matas, "All you need is a good init", ICLR 2016,
    algorithm 1.)  Buffers and Generators are left as they were.

    Arguments:
        model: a Module with Dense layers over Tensors, in the order in which they are called.
        X: samples that the model takes, a few dozen or hundred of the training part.
        tolerance: how far from 1 the variance may stay.
        iterations: how often a weight is divided at most.
        rng: a seed or a Generator (see ``nn.seeds``) for the orthogonal matrices.

    Returns:
        The variance that each Dense layer's outputs have, by the layer's name.

    Raises:
        ValueError: the model has no Dense layer that is called; a layer's outputs are all equal;
            there are fewer than two samples, or one is NaN or infinite.

    >>> from autograd_mini import nn
    >>> X = np.random.default_rng(0).normal(size=(200, 8))
    >>> found = lsuv(nn.MLP([8, 50, 50, 3], hidden="relu", rng=0), X, rng=1)
    >>> bool(all(abs(variance - 1) <= 0.1 for variance in found.values()))
    True
    """
    samples = numbers(X)
    if not samples.ndim or len(samples) < 2 or not np.isfinite(samples).all():
        raise ValueError(
            f"lsuv needs at least two samples of finite numbers, got shape {samples.shape}"
            + ("" if np.isfinite(samples).all() else " with NaN or infinity")
        )
    rng = generator(rng)
    modes = [(module, module.training) for module in model.modules()]
    with ag.no_grad():
        model.eval()(samples)  # makes what takes its size from the first input
        model.parameters()  # says so if a layer is not called
        buffers = [(buffer, buffer.copy()) for _, buffer in model.named_buffers()]
        drawn = [(each, each.bit_generator.state) for _, each in model.named_generators()]
        for module, training in modes:
            module.training = training
        layers = {name: m for name, m in model.named_modules() if isinstance(m, Dense)}
        if not layers or any(layer.scalar for layer in layers.values()):
            raise ValueError("lsuv starts the weights of Dense layers over Tensors; there are none")
        for layer in layers.values():
            layer.weight.data = orthogonal(layer.weight.shape, rng)
        found = {}
        for name, layer in layers.items():
            for turn in range(iterations + 1):
                outputs = _outputs(model, layer, name, samples)
                found[name] = float(outputs.var())
                if not found[name]:
                    raise ValueError(
                        f"lsuv: the outputs of {name} {layer!r} are all equal, no weight gives "
                        "them variance 1: scale the inputs, or start the layers before otherwise"
                    )
                if abs(found[name] - 1) <= tolerance or turn == iterations:
                    break
                layer.weight.data /= outputs.std()
        for buffer, old in buffers:
            buffer[...] = old
        for each, state in drawn:
            each.bit_generator.state = state
    return found


def _outputs(model: Module, layer: Dense, name: str, samples: Array) -> Array:
    """What a layer makes before its activation, seen from outside while the model runs."""
    seen: list[Array] = []
    linear = layer.linear

    def watched(x: Operand) -> Operand:
        z = linear(x)
        seen.append(numbers(z))
        return z

    layer.linear = watched  # type: ignore[method-assign]
    try:
        model(samples)
    finally:
        del layer.linear
    if not seen:
        raise ValueError(f"lsuv: {name} {layer!r} is not called by model(X)")
    return seen[-1]
