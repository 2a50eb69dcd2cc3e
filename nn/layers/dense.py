"""Dense: every neuron sees every input, z = x·W + b and a = f(z)."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_mini import Tensor, Value, affine
from autograd_mini.nn.activations import Activation, name_of, resolve
from autograd_mini.nn.initialisers import Initialiser, initial
from autograd_mini.nn.module import Module
from autograd_mini.nn.operands import of_values, operand
from autograd_mini.nn.seeds import Seed, generator
from autograd_mini.typing import Array, Operand


class Dense(Module):
    """A fully connected layer: ``activation(x @ weight + bias)``.

    Arguments:
        n_in: how many numbers each sample has; ``None`` takes it from the first input.
        n_out: how many neurons the layer has.
        activation: a name from ``nn.activations.names()``, or a function; none by default.
        rng: a seed or a Generator for the starting values (see ``nn.seeds``).
        init: starting values of the weights: a name from ``nn.initialisers``, a function
            ``(shape, rng)``, or an array of shape ``(n_in, n_out)``.
        bias: the same for the bias, of shape ``(n_out,)``; ``True`` is ``"zeros"`` and
            ``False`` leaves it out.
        scalar: compute neuron by neuron over Values instead of over Tensors.

    Attributes:
        weight: a Tensor of shape ``(n_in, n_out)`` (the transpose of PyTorch's), labelled
            ``W``; or an object array of this shape of Values, labelled ``w[i,j]``.
        bias: a Tensor of shape ``(n_out,)``, labelled ``b``; or Values ``b[j]``; or ``None``.
            In a ``Sequential`` the labels carry the layer's number, from 1: ``W1``, ``w1[0,1]``.

    Inputs have the shape ``(..., n_in)``, outputs ``(..., n_out)``: one sample, or a batch of
    them along the first axis.  For one sample, a scalar layer labels its nodes, too: ``z1[j]``
    before the activation and ``a1[j]`` after it.

    Raises:
        ValueError: a size is no positive whole number, a name is unknown, starting values or
            inputs have the wrong shape, or the activation is a softmax of one number.
        TypeError: a scalar layer gets a Tensor, or a layer over Tensors gets Values.

    >>> layer = Dense(2, 1, "sigmoid", init=[[0.5], [-0.5]], bias=[0.25])
    >>> layer
    Dense(2, 1, activation='sigmoid')
    >>> layer(np.array([[1.0, 1.0], [0.0, 3.0]])).data.round(4)
    array([[0.5622],
           [0.2227]])
    >>> Dense(2, 1, init=[[0.5], [-0.5]], scalar=True).weight[0, 0]
    Value(0.5, label='w[0,0]')
    """

    def __init__(
        self,
        n_in: int | None,
        n_out: int,
        activation: Activation = "identity",
        *,
        rng: Seed = None,
        init: Initialiser = "glorot_uniform",
        bias: Initialiser | bool = True,
        scalar: bool = False,
    ) -> None:
        self.n_in = None if n_in is None else size("n_in", n_in)
        self.n_out = size("n_out", n_out)
        self.activation = activation
        self.scalar = scalar
        if self.n_out == 1 and activation in ("softmax", "log_softmax"):
            raise ValueError(
                f"{activation} of one number is constant, whatever the number is: write "
                "'sigmoid' for yes or no, 'identity' for regression, or two outputs"
            )
        self._activate = resolve(activation)
        self._number = ""
        self._start = init, bias, generator(rng)
        self.weight: Any = None
        self.bias: Any = None
        if self.n_in is not None:
            self._make(self.n_in)

    @property
    def _waits(self) -> bool:
        return self.n_in is None

    def _make(self, n_in: int) -> None:
        init, bias, rng = self._start
        weight = initial(init, (n_in, self.n_out), rng)
        self.weight = self._parameter("W", weight)
        if bias is not False and bias is not None:
            start = initial("zeros" if bias is True else bias, (self.n_out,), rng)
            self.bias = self._parameter("b", start)
        self.n_in = n_in

    def _parameter(self, label: str, start: Array) -> Operand:
        if not self.scalar:
            return Tensor(start, label + self._number)
        return _labelled(_values(start), label.lower() + self._number)

    def forward(self, x: Operand) -> Operand:
        """The activations for inputs of shape ``(..., n_in)``, of shape ``(..., n_out)``."""
        z = self.linear(x)
        a = self._activate(z)
        if self.scalar and a is not z and of_values(a) and a.ndim == 1:
            _labelled(a, f"a{self._number}")
        return a

    def linear(self, x: Operand) -> Operand:
        """What goes into the activation, ``x @ weight + bias``, of shape ``(..., n_out)``."""
        x = self._checked(x)
        if self.n_in is None:
            self._make(np.shape(x)[-1])
        if self.scalar or self.bias is None:
            z = x @ self.weight
            z = z if self.bias is None else z + self.bias
        else:
            z = affine(x, self.weight, self.bias)
        if self.scalar and of_values(z) and z.ndim == 1:
            _labelled(z, f"z{self._number}")
        return z

    logits = linear

    def number_labels(self, number: int) -> None:
        """Put the layer's number into the labels; one that was given by hand stays."""
        before, self._number = self._number, str(number)
        for array, letter in ((self.weight, "W"), (self.bias, "b")):
            if of_values(array):
                letter = letter.lower()
                _labelled(array, f"{letter}{number}", instead_of=f"{letter}{before}")
            elif array is not None and array.label == f"{letter}{before}":
                array.label = f"{letter}{number}"

    def _checked(self, x: Operand) -> Operand:
        x = operand(x, "inputs")
        if self.scalar and isinstance(x, Tensor):
            raise TypeError(
                f"{self!r} computes over Values and got a Tensor: pass numbers or Values, "
                "tensor.data for example, or make the layer with scalar=False"
            )
        if not self.scalar and of_values(x):
            raise TypeError(
                f"{self!r} computes over Tensors and got Values: make the layer with scalar=True"
            )
        shape = x.shape
        if self.n_in is None and (not shape or 0 in shape):
            raise ValueError(f"{self!r} takes its size from its first input, got shape {shape}")
        if self.n_in is not None and (not shape or shape[-1] != self.n_in):
            remedy = "one row for each sample"
            if self.n_in == 1:
                remedy = "write x.reshape(-1, 1) for a batch of single numbers"
            elif len(shape) == 2 and shape[0] == self.n_in:
                remedy = "write x.T, one row for each sample"
            raise ValueError(
                f"{self!r} takes inputs of shape (..., {self.n_in}), got {shape}: {remedy}"
            )
        return x

    def __repr__(self) -> str:
        words = [str(self.n_in), str(self.n_out)]
        if self.activation != "identity":
            words.append(f"activation={name_of(self.activation)}")
        if self._start[1] is False or self._start[1] is None:
            words.append("bias=False")
        if self.scalar:
            words.append("scalar=True")
        return f"Dense({', '.join(words)})"


def size(name: str, number: object) -> int:
    """A positive whole number, checked.

    >>> size("n_in", 0)
    Traceback (most recent call last):
    ValueError: n_in is a positive whole number, not 0
    """
    if not isinstance(number, int | np.integer) or isinstance(number, bool) or number < 1:
        raise ValueError(f"{name} is a positive whole number, not {number!r}")
    return int(number)


def _values(array: Array) -> Array:
    """An object array of leaf Values with these numbers."""
    made = np.empty(array.shape, dtype=object)
    for index, number in np.ndenumerate(array):
        made[index] = Value(number)
    return made


def _labelled(values: Array, label: str, instead_of: str = "") -> Array:
    """The same Values, labelled by their index; ``instead_of`` spares all other labels."""
    for index, value in np.ndenumerate(values):
        where = f"[{','.join(map(str, index))}]"
        if not instead_of or value.label == instead_of + where:
            value.label = label + where
    return values
