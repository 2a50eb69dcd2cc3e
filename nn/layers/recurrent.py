"""Recurrent layers: RNN, GRU and LSTM, unrolled through time.

A cell makes the next state of one step's input and the state before.  A layer runs its cell
over sequences, batch first, and each step is recorded: the graph of a sequence is the unrolled
network, and the reverse sweep over it is backpropagation through time.

Truncated backpropagation through time: cut a long sequence into pieces, and start each piece
with the numbers, but not the graph, of the state in which the last one ended.

>>> import numpy as np
>>> from autograd_mini import nn
>>> layer, state = nn.GRU(2, 3, rng=0), None
>>> for piece in np.split(np.ones((4, 20, 2)), 4, axis=1):
...     outputs, state = layer.run(piece, nn.detached(state))
...     np.sum(outputs).backward()
>>> outputs.shape, state[0].shape
((4, 5, 3), (4, 3))
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike

from autograd_mini import Tensor
from autograd_mini.nn.initialisers import Initialiser
from autograd_mini.nn.layers.cells import Cell, GRUCell, LSTMCell, RNNCell, State
from autograd_mini.nn.layers.dense import size
from autograd_mini.nn.layers.dropout import Dropout
from autograd_mini.nn.losses.refusals import real_steps, tensor_input
from autograd_mini.nn.module import Module
from autograd_mini.nn.seeds import Seed, generator
from autograd_mini.typing import Array, Operand

# Layers


class Recurrent(Module):
    """The base of RNN, GRU and LSTM: a cell, or several one above the other, through time.

    Arguments:
        n_in: how many numbers each step has; ``None`` takes it from the first input.
        n_hidden: how many numbers the state, and the output of a step, has.
        layers: how many cells stand one above the other.
        returns: ``"all"`` for the output of every step, ``"last"`` for that of the last one.
        dropout: the probability of dropout between the layers.
        rng, init, recurrent_init: as for ``Cell``.
        more: what else the kind of cell takes, such as ``activation`` of an ``RNN``.

    Attributes:
        cells: the cells, whose weights are the parameters.

    Inputs have the shape ``(N, T, n_in)``, outputs ``(N, T, n_hidden)``, or ``(N, n_hidden)``
    for ``returns="last"``.  A call gives the outputs alone, ``outputs = layer(x)``, so that layers
    can be put together; with the state it is ``outputs, state = layer.run(x)``.  (Elsewhere a call
    gives a pair.  Here ``outputs, state = layer(x)`` would take the batch apart, as for any array:
    Python refuses it unless the batch has two samples.)

    Sequences of different lengths stand in one array, filled up with anything: ``lengths`` of
    shape ``(N,)`` says how many steps of each are real, or a boolean ``mask`` of shape
    ``(N, T)`` says which.  Where a step is not real, the state stays as it was, the output is 0
    and no gradient flows.

    Raises:
        ValueError: inputs, state, lengths or mask have another shape; there are no samples or
            no steps, or a sequence has none that is real.
    """

    cell: ClassVar[Callable[..., Cell]]

    def __init__(
        self,
        n_in: int | None,
        n_hidden: int,
        layers: int = 1,
        *,
        returns: Literal["all", "last"] = "all",
        dropout: float = 0.0,
        rng: Seed = None,
        init: Initialiser = "glorot_uniform",
        recurrent_init: Initialiser = "orthogonal",
        **more: Any,
    ) -> None:
        if returns not in ("all", "last"):
            raise ValueError(f"returns is 'all' or 'last', not {returns!r}")
        rng = generator(rng)
        widths = [n_in, *[n_hidden] * (size("layers", layers) - 1)]
        self.returns = returns
        self.cells = [
            type(self).cell(
                width, n_hidden, rng=rng, init=init, recurrent_init=recurrent_init, **more
            )
            for width in widths
        ]
        self.dropout = Dropout(dropout, rng=rng)

    def forward(
        self,
        x: Operand,
        state: Sequence[State] | None = None,
        *,
        lengths: ArrayLike | None = None,
        mask: ArrayLike | None = None,
    ) -> Operand:
        """The outputs for sequences of shape ``(N, T, n_in)``; ``run`` gives the state as well."""
        return self.run(x, state, lengths=lengths, mask=mask)[0]

    def run(
        self,
        x: Operand,
        state: Sequence[State] | None = None,
        *,
        lengths: ArrayLike | None = None,
        mask: ArrayLike | None = None,
    ) -> tuple[Any, tuple[State, ...]]:
        """The outputs, and the state after the last step, to go on from.

        Arguments:
            x: sequences of shape ``(N, T, n_in)``.
            state: what the state before the first step is, for each layer; zeros by default.
            lengths, mask: which steps are real (see the class); all by default.

        Returns:
            Outputs of shape ``(N, T, n_hidden)``, or ``(N, n_hidden)`` for
            ``returns="last"``; and for each layer its state, of shape ``(N, n_hidden)``, or for
            an LSTM a pair (h, c) of that shape.
        """
        first = self.cells[0]
        x = tensor_input(self, x, first.n_in, "(N, T, {})")
        samples, steps, width = np.shape(x)
        if first.n_in is None:
            first._make(width)
        real = real_steps(self, samples, steps, lengths, mask)
        if real is not None:
            x = np.where(np.expand_dims(real, 2), x, 0)  # what fills up may be NaN
        states = self._first_states(state, samples)
        sequence = _steps(x)
        for depth, cell in enumerate(self.cells):
            if depth and self.dropout.p:
                sequence = [self.dropout(each) for each in sequence]
            for t, each in enumerate(sequence):
                new = cell.next(each, states[depth])
                if real is not None and not real[:, t].all():
                    new = _where(real[:, t : t + 1], new, states[depth])
                states[depth] = new
                sequence[t] = _output(new)
        if self.returns == "last":
            return _output(states[-1]), tuple(states)
        outputs = np.stack(sequence, axis=1)
        if real is not None:
            outputs = np.where(np.expand_dims(real, 2), outputs, 0)
        return outputs, tuple(states)

    def _first_states(self, state: Sequence[State] | None, samples: int) -> list[State]:
        given: Sequence[State] = [None] * len(self.cells) if state is None else state
        if not isinstance(given, tuple | list) or len(given) != len(self.cells):
            kind = type(given).__name__
            if isinstance(given, Tensor | np.ndarray):
                kind = f"an array of shape {np.shape(given)}"
            raise ValueError(
                f"{self!r}: the state is a tuple with one entry for each of {len(self.cells)} "
                f"layers, not {kind}: write outputs, state = layer.run(x); a call of the layer "
                "gives the outputs alone"
            )
        pairs = zip(self.cells, given, strict=True)
        return [cell._checked_state(each, samples) for cell, each in pairs]

    def __repr__(self) -> str:
        words = [str(self.cells[0].n_in), str(self.cells[0].n_hidden)]
        if len(self.cells) > 1:
            words.append(f"layers={len(self.cells)}")
        if self.returns != "all":
            words.append(f"returns={self.returns!r}")
        if self.dropout.p:
            words.append(f"dropout={self.dropout.p}")
        return f"{type(self).__name__}({', '.join(words)})"


class RNN(Recurrent):
    """The simple recurrent layer, h′ = f(x·W + b + h·U + b_h) through time (see ``RNNCell``).

    Arguments: as for ``Recurrent``, and ``activation``, f, tanh by default.

    Shapes, masks, errors: as for ``Recurrent``.

    >>> RNN(2, 3, rng=0)(np.ones((5, 7, 2))).shape
    (5, 7, 3)
    """

    cell = RNNCell


class GRU(Recurrent):
    """A layer of gated recurrent units through time (see ``GRUCell``).

    Arguments, shapes, masks, errors: as for ``Recurrent``.

    >>> GRU(2, 3, returns="last", rng=0)(np.ones((5, 7, 2)), lengths=[7, 3, 1, 2, 7]).shape
    (5, 3)
    """

    cell = GRUCell


class LSTM(Recurrent):
    """A layer of long short-term memory through time (see ``LSTMCell``).

    Arguments, shapes, masks, errors: as for ``Recurrent``.

    >>> layer = LSTM(2, 3, layers=2, rng=0)
    >>> outputs, ((h1, c1), (h2, c2)) = layer.run(np.ones((5, 7, 2)))
    >>> outputs.shape, bool(np.all(outputs.data[:, -1] == h2.data))
    ((5, 7, 3), True)
    """

    cell = LSTMCell


def detached(state: State | None) -> Operand:
    """A state's numbers without their graph: what truncated backpropagation carries on.

    Arguments:
        state: a Tensor, an array, ``None``, or a tuple or list of these, nested at will.

    >>> detached((Tensor([1.0]), None))
    (array([1.]), None)
    """
    if isinstance(state, tuple | list):
        return tuple(detached(part) for part in state)
    return state.data.copy() if isinstance(state, Tensor) else state


def _steps(x: Operand) -> list[Any]:
    """Each step's part of shape ``(N, n_in)`` of sequences of shape ``(N, T, n_in)``.

    A Tensor is halved again and again.  The gradient of a part is an array of the whole with
    zeros elsewhere: taken from the whole at once, T parts would cost T wholes; so it is log T.
    """
    steps = np.shape(x)[1]
    if not isinstance(x, Tensor) or steps == 1:
        return [x[:, t] for t in range(steps)]
    return _steps(x[:, : steps // 2]) + _steps(x[:, steps // 2 :])


def _where(real: Array, new: State, old: State) -> State:
    if isinstance(new, tuple):
        return tuple(np.where(real, a, b) for a, b in zip(new, old, strict=True))
    return np.where(real, new, old)


def _output(state: State) -> Operand:
    return state[0] if isinstance(state, tuple) else state
