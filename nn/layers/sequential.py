"""Layers put together: Sequential, MLP made from a list of sizes, Residual, Flatten."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from autograd_mini.nn.activations import Activation
from autograd_mini.nn.initialisers import Initialiser
from autograd_mini.nn.layers.dense import Dense, size
from autograd_mini.nn.module import Module
from autograd_mini.nn.operands import operand
from autograd_mini.nn.seeds import Seed, generator
from autograd_mini.typing import Operand


class Sequential(Module):
    """Layers one after another, each fed with the output of the one before.

    Arguments:
        layers: Modules, and plain functions such as ``np.tanh``.

    Attributes:
        layers: the layers, in order.

    Raises:
        TypeError: a layer is neither a Module nor a function.
        ValueError: there is no layer.

    >>> model = Sequential(Dense(2, 3, "tanh", rng=0), Dense(3, 1, rng=1))
    >>> model
    Sequential(
      (0): Dense(2, 3, activation='tanh')
      (1): Dense(3, 1)
    )
    >>> model(np.ones((5, 2))).shape
    (5, 1)
    >>> for name, parameter in model.named_parameters():
    ...     print(name, parameter.label, parameter.shape)
    layers.0.weight W1 (2, 3)
    layers.0.bias b1 (3,)
    layers.1.weight W2 (3, 1)
    layers.1.bias b2 (1,)
    """

    def __init__(self, *layers: Module | Callable[[Any], Any]) -> None:
        if not layers:
            raise ValueError(f"{type(self).__name__} needs at least one layer")
        for layer in layers:
            if not callable(layer):
                raise TypeError(
                    f"{type(self).__name__} takes layers as arguments, Modules or functions, "
                    f"not {type(layer).__name__}"
                    + ("; write Sequential(*layers)" if isinstance(layer, list | tuple) else "")
                )
        self.layers: list[Any] = list(layers)
        dense = [module for module in self.modules() if isinstance(module, Dense)]
        for number, layer in enumerate(dense, 1):
            layer.number_labels(number)

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.layers)

    def __getitem__(self, index: int) -> Operand:
        """The layer at an index: ``model[0]``, ``model[-1]``."""
        return self.layers[index]

    def forward(self, x: Operand) -> Operand:
        """The last layer's output for an input of the first layer's shape."""
        for layer in self.layers:
            x = layer(x)
        return x

    def logits(self, x: Operand) -> Operand:
        """The output before the last activation: what ``cross_entropy`` takes.

        Raises:
            TypeError: the last layer is no Dense, no Sequential and no plain function.
        """
        *before, last = self.layers
        for layer in before:
            x = layer(x)
        if isinstance(last, Dense | Sequential):
            return last.logits(x)
        if isinstance(last, Module):
            raise TypeError(
                f"logits() knows what comes before the activation of a Dense layer, not of "
                f"{type(last).__name__}"
            )
        return x


class MLP(Sequential):
    """A multilayer perceptron: Dense layers of the given sizes.

    Arguments:
        sizes: the number of inputs, then of neurons in each layer: ``[4, 8, 3]``.
        hidden: the activation of all layers but the last.
        output: the activation of the last layer: ``"softmax"`` for classes (the default where
            there are several outputs), ``"sigmoid"`` for yes or no, ``"identity"`` for regression
            (the default where there is one output).
        rng: a seed or a Generator for the starting values (see ``nn.seeds``).
        init, bias, scalar: as for ``Dense``, for every layer.

    Calling the model gives the output after its last activation, such as probabilities;
    ``logits(x)`` gives what goes into that activation.  Train a softmax model with
    ``nn.cross_entropy(model.logits(x), y)``.

    Raises:
        ValueError: fewer than two sizes, or one that is no positive whole number.

    >>> model = MLP([2, 2, 2], rng=0)
    >>> model
    MLP(
      (0): Dense(2, 2, activation='sigmoid')
      (1): Dense(2, 2, activation='softmax')
    )
    >>> model([0.05, 0.10]).data.sum().round(12)
    np.float64(1.0)
    >>> scalar = MLP([2, 2, 2], rng=0, scalar=True)
    >>> bool(scalar.layers[0].weight[0, 1].data == model.layers[0].weight.data[0, 1])
    True
    """

    def __init__(
        self,
        sizes: Sequence[int],
        hidden: Activation = "sigmoid",
        output: Activation | None = None,
        *,
        rng: Seed = None,
        init: Initialiser = "glorot_uniform",
        bias: Initialiser | bool = True,
        scalar: bool = False,
    ) -> None:
        sizes = [size(f"sizes[{i}]", n) for i, n in enumerate(sizes)]
        if len(sizes) < 2:
            raise ValueError(f"sizes lists inputs and layers, such as [4, 8, 3], not {sizes}")
        if output is None:
            output = "softmax" if sizes[-1] > 1 else "identity"
        rng = generator(rng)
        last = len(sizes) - 2
        super().__init__(
            *[
                Dense(
                    n_in,
                    n_out,
                    output if index == last else hidden,
                    rng=rng,
                    init=init,
                    bias=bias,
                    scalar=scalar,
                )
                for index, (n_in, n_out) in enumerate(pairwise(sizes))
            ]
        )


class Residual(Module):
    """What a layer makes of its input, added to the input: x + layer(x).

    The gradient reaches the input undiminished by the way round the layer.  (K. He, X. Zhang,
    S. Ren and J. Sun, "Deep residual learning for image recognition", CVPR 2016, equation 1.)

    Arguments:
        layer: a Module or a function.
        skip: what is done to the input on the way round, such as a ``Dense`` that changes the
            width; nothing by default.

    Inputs have any shape that the layer takes; its output must have the same, or that of
    ``skip(x)``.

    Raises:
        ValueError: the two shapes differ.

    >>> Residual(np.tanh)(np.array([0.0, 1.0])).round(3)
    array([0.   , 1.762])
    """

    def __init__(
        self,
        layer: Module | Callable[[Any], Any],
        skip: Module | Callable[[Any], Any] | None = None,
    ) -> None:
        for part in (layer, skip):
            if part is not None and not callable(part):
                raise TypeError(f"Residual takes a Module or a function, not {type(part).__name__}")
        self.layer: Any = layer
        self.skip: Any = skip

    def forward(self, x: Operand, **options: object) -> Operand:
        """The sum; options such as ``lengths`` go to the layer."""
        x = operand(x, "inputs")
        through = self.layer(x, **options)
        past = x if self.skip is None else self.skip(x)
        if np.shape(through) != np.shape(past):
            raise ValueError(
                f"Residual: the layer makes shape {np.shape(through)} of {np.shape(x)}, and "
                f"{np.shape(past)} goes past it; they must be equal: give skip=Dense(...) to fit"
            )
        return past + through


class Flatten(Module):
    """Each sample's numbers as one axis: ``(N, ...)`` to ``(N, size)``.

    Raises:
        ValueError: the input has no axis, or no samples.

    >>> Flatten()(np.ones((5, 2, 3))).shape
    (5, 6)
    """

    def forward(self, x: Operand) -> Operand:
        """The samples of shape ``(N, size)``."""
        x = operand(x, "inputs")
        shape = np.shape(x)
        if not shape or 0 in shape:
            raise ValueError(f"Flatten takes samples of shape (N, ...), got {shape}")
        return np.reshape(x, (shape[0], -1))
