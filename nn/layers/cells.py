"""Recurrent cells: one step of an RNN, a GRU or an LSTM, and the gates that it is made of."""

from __future__ import annotations

from typing import Any, ClassVar, TypeAlias

import numpy as np

import autograd_mini as ag
from autograd_mini import Tensor
from autograd_mini.nn.activations import Activation, name_of, resolve
from autograd_mini.nn.initialisers import Initialiser, initial
from autograd_mini.nn.layers.dense import size
from autograd_mini.nn.losses.refusals import tensor_input
from autograd_mini.nn.module import Module
from autograd_mini.nn.seeds import Seed, generator
from autograd_mini.typing import Array, Operand

State: TypeAlias = Any
"""The state of one layer: (N, n_hidden), or for an LSTM a pair of these, output and memory."""


# What a step is made of.  Each is one node, so that a step costs a few nodes, not dozens; the
# pullbacks are NumPy code that is recorded over Tensors, as everywhere; each states the
# composite that it equals.


def _quarters(z: Operand) -> tuple[Operand, Operand, Operand, Operand]:
    n = np.shape(z)[1] // 4
    return z[:, :n], z[:, n : 2 * n], z[:, 2 * n : 3 * n], z[:, 3 * n :]


def _lstm_gates(z: Operand) -> Operand:
    n = np.shape(z)[1] // 4
    gates = ag.sigmoid(z)
    np.tanh(z[:, 2 * n : 3 * n], out=gates[:, 2 * n : 3 * n])
    return gates


def _lstm_gates_pullback(g: Operand, gates: Operand, z: Operand) -> Operand:
    n = np.shape(z)[1] // 4
    tanh = np.arange(4 * n) // n == 2
    return g * (np.where(tanh, 1 + gates, gates) * (1 - gates))


def _lstm_gates_parts(z: Operand) -> Operand:
    i, f, m, o = _quarters(z)
    return np.concatenate([ag.sigmoid(i), ag.sigmoid(f), np.tanh(m), ag.sigmoid(o)], axis=1)


def _lstm_memory(gates: Operand, c: Operand) -> Operand:
    i, f, m, _ = _quarters(gates)
    return f * c + i * m


def _lstm_memory_pullback(g: Operand, out: Operand, gates: Operand, c: Operand) -> Operand:
    i, _, m, _ = _quarters(gates)
    return np.concatenate([g * m, g * c, g * i, np.zeros(np.shape(g))], axis=1)


def _lstm_output(gates: Operand, c: Operand) -> Operand:
    return _quarters(gates)[3] * np.tanh(c)


def _lstm_output_pullback(g: Operand, out: Operand, gates: Operand, c: Operand) -> Operand:
    n = np.shape(c)[1]
    return np.concatenate([np.zeros((np.shape(c)[0], 3 * n)), g * np.tanh(c)], axis=1)


lstm_gates = ag.primitive(
    _lstm_gates,
    [_lstm_gates_pullback],
    name="lstm_gates",
    parts=_lstm_gates_parts,
    sentence="σ, σ, tanh and σ of the four quarters: input gate, forget gate, news, output gate.",
)
lstm_memory = ag.primitive(
    _lstm_memory,
    [_lstm_memory_pullback, lambda g, out, gates, c: g * _quarters(gates)[1]],
    name="lstm_memory",
    parts=_lstm_memory,
    sentence="forget gate · memory + input gate · news.",
)
lstm_output = ag.primitive(
    _lstm_output,
    [
        _lstm_output_pullback,
        lambda g, out, gates, c: g * _quarters(gates)[3] * (1 - np.tanh(c) ** 2),
    ],
    name="lstm_output",
    parts=_lstm_output,
    sentence="output gate · tanh(memory).",
)


def _thirds(z: Operand) -> tuple[Operand, Operand, Operand]:
    n = np.shape(z)[1] // 3
    return z[:, :n], z[:, n : 2 * n], z[:, 2 * n :]


def _gru_gates(x: Operand, h: Operand) -> Operand:
    n = np.shape(x)[1] // 3
    gates = np.empty_like(x)
    gates[:, : 2 * n] = ag.sigmoid(x[:, : 2 * n] + h[:, : 2 * n])
    np.tanh(x[:, 2 * n :] + gates[:, :n] * h[:, 2 * n :], out=gates[:, 2 * n :])
    return gates


def _gru_gates_pullback(g: Operand, gates: Operand, h: Operand, of_h: bool) -> Operand:
    (r, z, m), (gr, gz, gm) = _thirds(gates), _thirds(g)
    dm = gm * (1 - m * m)
    dr = (gr + dm * _thirds(h)[2]) * r * (1 - r)
    return np.concatenate([dr, gz * z * (1 - z), dm * r if of_h else dm], axis=1)


def _gru_gates_parts(x: Operand, h: Operand) -> Operand:
    (x1, x2, x3), (h1, h2, h3) = _thirds(x), _thirds(h)
    r, z = ag.sigmoid(x1 + h1), ag.sigmoid(x2 + h2)
    return np.concatenate([r, z, np.tanh(x3 + r * h3)], axis=1)


def _gru_state(gates: Operand, h: Operand) -> Operand:
    _, z, m = _thirds(gates)
    return m + z * (h - m)


def _gru_state_pullback(g: Operand, out: Operand, gates: Operand, h: Operand) -> Operand:
    _, z, m = _thirds(gates)
    return np.concatenate([np.zeros(np.shape(g)), g * (h - m), g * (1 - z)], axis=1)


gru_gates = ag.primitive(
    _gru_gates,
    [
        lambda g, out, x, h: _gru_gates_pullback(g, out, h, False),
        lambda g, out, x, h: _gru_gates_pullback(g, out, h, True),
    ],
    name="gru_gates",
    parts=_gru_gates_parts,
    sentence="r = σ(x₁ + h₁), z = σ(x₂ + h₂) and news tanh(x₃ + r·h₃) of the thirds of x and h.",
)
gru_state = ag.primitive(
    _gru_state,
    [_gru_state_pullback, lambda g, out, gates, h: g * _thirds(gates)[1]],
    name="gru_state",
    parts=_gru_state,
    sentence="z · state + (1 − z) · news.",
)


# Cells


class Cell(Module):
    """The base of the cells: one step of a recurrent layer.

    Arguments:
        n_in: how many numbers a step's input has; ``None`` takes it from the first input.
        n_hidden: how many numbers the state has.
        rng: a seed or a Generator (see ``nn.seeds``).
        init, recurrent_init: starting values of one gate's ``(n_in, n_hidden)`` and
            ``(n_hidden, n_hidden)`` weights, by name or as a function ``(shape, rng)``; or the
            whole array.

    Attributes:
        weight: a Tensor of shape ``(n_in, gates · n_hidden)``, labelled ``W``.
        recurrent_weight: of shape ``(n_hidden, gates · n_hidden)``, labelled ``U``.
        bias, recurrent_bias: of shape ``(gates · n_hidden,)``.  As in PyTorch there are two,
            where one would do, so that models and their training can be exchanged.
    """

    gates: ClassVar[int]
    """How many groups of n_hidden columns the weights have."""

    def __init__(
        self,
        n_in: int | None,
        n_hidden: int,
        *,
        rng: Seed = None,
        init: Initialiser = "glorot_uniform",
        recurrent_init: Initialiser = "orthogonal",
    ) -> None:
        self.n_in = None if n_in is None else size("n_in", n_in)
        self.n_hidden = size("n_hidden", n_hidden)
        self._start = init, recurrent_init, generator(rng)
        if self.n_in is not None:
            self._make(self.n_in)

    @property
    def _waits(self) -> bool:
        return self.n_in is None

    def _make(self, n_in: int) -> None:
        init, recurrent_init, rng = self._start
        self.weight = Tensor(self._initial(init, n_in, rng), "W")
        self.recurrent_weight = Tensor(self._initial(recurrent_init, self.n_hidden, rng), "U")
        self.bias = Tensor(self._first_bias(), "b")
        self.recurrent_bias = Tensor(np.zeros(self.gates * self.n_hidden), "b_h")
        self.n_in = n_in

    def _initial(self, init: Initialiser, rows: int, rng: np.random.Generator) -> Array:
        if isinstance(init, str) or callable(init):  # a gate at a time, as if it stood alone
            each = [initial(init, (rows, self.n_hidden), rng) for _ in range(self.gates)]
            return np.concatenate(each, axis=1)
        return initial(init, (rows, self.gates * self.n_hidden), rng)

    def _first_bias(self) -> Array:
        return np.zeros(self.gates * self.n_hidden)

    def first_state(self, samples: int) -> State:
        """The state before the first step: zeros."""
        return np.zeros((samples, self.n_hidden))

    def forward(self, x: Operand, state: State = None) -> State:
        """The next state for inputs of shape ``(N, n_in)`` and the state before.

        Raises:
            ValueError: the inputs or the state have another shape.
        """
        x = self._checked(x)
        return self.next(x, self._checked_state(state, np.shape(x)[0]))

    def next(self, x: Operand, state: State) -> State:
        """What ``forward`` gives, of operands that are known to fit."""
        raise NotImplementedError(f"{type(self).__name__} has no next state: define next")

    def _checked(self, x: Operand) -> Operand:
        x = tensor_input(self, x, self.n_in, "(N, {})")
        if self.n_in is None:
            self._make(np.shape(x)[1])
        return x

    def _checked_state(self, state: State, samples: int) -> State:
        if state is None:
            return self.first_state(samples)
        wanted = (samples, self.n_hidden)
        found = np.shape(state)
        if found != wanted:
            raise ValueError(f"{self!r}: the state has shape {wanted}, not {found}")
        return state if isinstance(state, Tensor) else np.asarray(state, dtype=np.float64)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.n_in}, {self.n_hidden})"


class RNNCell(Cell):
    """The simple recurrent cell: h′ = f(x·W + b + h·U + b_h).

    (J. L. Elman, "Finding structure in time", Cognitive Science 14, 1990.)

    Arguments:
        n_in, n_hidden, rng, init, recurrent_init: as for ``Cell``.
        activation: f, a name from ``nn.activations.names()`` or a function.

    The input of a step has the shape ``(N, n_in)``, the state ``(N, n_hidden)``.

    >>> RNNCell(2, 3, rng=0)(np.ones((5, 2))).shape
    (5, 3)
    """

    gates = 1

    def __init__(
        self, n_in: int | None, n_hidden: int, activation: Activation = "tanh", **options: Any
    ) -> None:
        super().__init__(n_in, n_hidden, **options)
        self.activation = activation
        self._activate = resolve(activation)

    def next(self, x: Operand, state: State) -> State:
        """h′ of shape ``(N, n_hidden)``."""
        fed = ag.affine(x, self.weight, self.bias)
        return self._activate(fed + ag.affine(state, self.recurrent_weight, self.recurrent_bias))

    def __repr__(self) -> str:
        more = "" if self.activation == "tanh" else f", activation={name_of(self.activation)}"
        return f"RNNCell({self.n_in}, {self.n_hidden}{more})"


class GRUCell(Cell):
    """The gated recurrent unit: h′ = z·h + (1 − z)·m.

    With x·W + b and h·U + b_h cut into thirds, r = σ(x₁ + h₁), z = σ(x₂ + h₂) and
    m = tanh(x₃ + r·h₃).  (K. Cho and others, "Learning phrase representations using RNN
    encoder–decoder", EMNLP 2014, with the reset gate after the product as in PyTorch.)

    Arguments: as for ``Cell``.

    The input of a step has the shape ``(N, n_in)``, the state ``(N, n_hidden)``.

    >>> GRUCell(2, 3, rng=0)(np.ones((5, 2))).shape
    (5, 3)
    """

    gates = 3

    def next(self, x: Operand, state: State) -> State:
        """h′ of shape ``(N, n_hidden)``."""
        fed = ag.affine(x, self.weight, self.bias)
        back = ag.affine(state, self.recurrent_weight, self.recurrent_bias)
        return gru_state(gru_gates(fed, back), state)


class LSTMCell(Cell):
    """Long short-term memory: c′ = f·c + i·m and h′ = o·tanh(c′).

    With z = x·W + b + h·U + b_h cut into quarters, i = σ(z₁), f = σ(z₂), m = tanh(z₃) and
    o = σ(z₄).  (S. Hochreiter and J. Schmidhuber, "Long short-term memory", Neural Computation
    9, 1997; the forget gate, whose bias starts at 1, is by F. A. Gers, J. Schmidhuber and
    F. Cummins, 2000.)

    Arguments: as for ``Cell``.

    The input of a step has the shape ``(N, n_in)``; the state is a pair (h, c), both of shape
    ``(N, n_hidden)``.

    >>> h, c = LSTMCell(2, 3, rng=0)(np.ones((5, 2)))
    >>> h.shape, c.shape
    ((5, 3), (5, 3))
    """

    gates = 4

    def _first_bias(self) -> Array:
        return np.repeat([0.0, 1.0, 0.0, 0.0], self.n_hidden)

    def first_state(self, samples: int) -> State:
        """Two arrays of zeros."""
        return super().first_state(samples), super().first_state(samples)

    def next(self, x: Operand, state: State) -> State:
        """(h′, c′), each of shape ``(N, n_hidden)``."""
        h, c = state
        fed = ag.affine(x, self.weight, self.bias)
        gates = lstm_gates(fed + ag.affine(h, self.recurrent_weight, self.recurrent_bias))
        c = lstm_memory(gates, c)
        return lstm_output(gates, c), c

    def _checked_state(self, state: State, samples: int) -> State:
        if state is None:
            return self.first_state(samples)
        if not isinstance(state, tuple | list) or len(state) != 2:
            raise ValueError(f"{self!r}: the state is a pair (h, c), not {type(state).__name__}")
        return tuple(super(LSTMCell, self)._checked_state(part, samples) for part in state)
