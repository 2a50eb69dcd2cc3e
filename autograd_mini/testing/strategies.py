"""Hypothesis strategies that draw losses with hand-derived backward passes, right and wrong.

``graphs`` draws a loss, its named intermediates, its parameters and the pass that a person
would write for it, as source text: a failing example prints as a program.  ``mutated`` plants
one mistake of ``autograd_mini.testing.mutants`` in it.

Re-exported by ``autograd_mini.testing``.  Needs ``pip install autograd_mini[test]``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd_mini.testing.edits import Mutant, Pass, compiled
from autograd_mini.testing.mutants import mutants, noticeable
from autograd_mini.typing import Float

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy


@dataclass(frozen=True)
class Step:
    """An operation of a graph from ``x`` to ``y``, forward and backward as text.

    ``{x}``, ``{y}`` and the parameters' names stand for names in the graph; parameters have
    shapes in letters: ``n`` columns of x, ``m`` columns of y.
    """

    forward: str
    backward: tuple[str, ...]
    params: Mapping[str, str]
    same_width: bool = True


STEPS: Mapping[str, Step] = {
    "dense": Step(
        "{x} @ {W} + {b}",
        ("d{W} = {x}.T @ d{y}", "d{b} = d{y}.sum(axis=0)", "d{x} = d{y} @ {W}.T"),
        {"W": "nm", "b": "m"},
        same_width=False,
    ),
    "tanh": Step("np.tanh({x})", ("d{x} = d{y} * (1 - {y} ** 2)",), {}),
    "sigmoid": Step("1 / (1 + np.exp(-{x}))", ("d{x} = d{y} * {y} * (1 - {y})",), {}),
    "relu": Step("np.maximum({x}, 0)", ("d{x} = d{y} * ({x} > 0)",), {}),
    "sine": Step("np.sin({x})", ("d{x} = d{y} * np.cos({x})",), {}),
    "gain": Step(
        "{g} * {x}",
        ("d{g} = (d{y} * {x}).sum(axis=0)", "d{x} = d{y} * {g}"),
        {"g": "n"},
    ),
    "residual": Step(
        "{x} + {x} @ {R}",
        ("d{R} = {x}.T @ d{y}", "d{x} = d{y} + d{y} @ {R}.T"),
        {"R": "nn"},
    ),
    "centre": Step(
        "{x} - np.mean({x}, axis=0)",
        ("d{x} = d{y} - d{y}.mean(axis=0)",),
        {},
    ),
    "softmax": Step(
        "np.exp({x}) / np.sum(np.exp({x}), axis=1, keepdims=True)",
        ("d{x} = {y} * (d{y} - (d{y} * {y}).sum(axis=1, keepdims=True))",),
        {},
    ),
}
"""The operations that graphs are made of."""

ENDS: Mapping[str, tuple[str, str]] = {
    "half squares": ("np.sum(({x} - T) ** 2) / 2", "d{x} = {x} - T"),
    "mean squares": ("np.mean(({x} - T) ** 2)", "d{x} = 2 * ({x} - T) / T.size"),
    "weighted sum": ("np.sum(T * {x})", "d{x} = T * np.ones_like({x})"),
}
"""The losses that graphs end in."""


@dataclass(frozen=True)
class Derivation:
    """A loss and a hand-derived backward pass, with data and parameters.

    Attributes:
        loss_source: the loss, as text.
        manual_source: the backward pass, as text.
        data: the arrays that both read, by name.
        params: the parameters, by name.

    >>> from autograd_mini import check_gradients
    >>> example = derivation(["dense", "tanh"], "half squares", [2, 3], rows=4, seed=0)
    >>> print(example.manual_source)
    def manual(W1, b1):
        y1 = X @ W1 + b1
        y2 = np.tanh(y1)
        dy2 = y2 - T
        dy1 = dy2 * (1 - y2 ** 2)
        dW1 = X.T @ dy1
        db1 = dy1.sum(axis=0)
        return {'y2': dy2, 'y1': dy1, 'W1': dW1, 'b1': db1}
    >>> check_gradients(example.loss, example.params, example.manual).ok
    True
    """

    loss_source: str
    manual_source: str
    data: Mapping[str, Any]
    params: Mapping[str, Any]

    @cached_property
    def loss(self) -> Callable[..., Any]:
        """The loss, to be called with the parameters by name."""
        function: Callable[..., Any] = compiled(self.loss_source, {"np": np, **self.data})
        return function

    @cached_property
    def manual(self) -> Pass:
        """The backward pass, called likewise; gives a dict of gradients."""
        return self.manual_in(np.float64)

    def manual_in(self, dtype: Float) -> Pass:
        """The backward pass with its data in a precision."""
        data = {name: np.asarray(x, dtype) for name, x in self.data.items()}
        function: Pass = compiled(self.manual_source, {"np": np, **data})
        return function

    def __repr__(self) -> str:
        shapes = {name: np.shape(x) for name, x in {**self.data, **self.params}.items()}
        return f"\n{self.loss_source}\n\n{self.manual_source}\n\nshapes {shapes}\n"


@dataclass(frozen=True)
class MutatedDerivation(Derivation):
    """A derivation whose backward pass has one mistake.

    Attributes:
        mutant: the mistake; ``mutant.name`` is the quantity whose line has it, ``mutant.kind``
            what was done, ``mutant.codes`` the causes that name it.
        right: the derivation without it.
    """

    mutant: Mutant
    right: Derivation

    def __repr__(self) -> str:
        m = self.mutant
        return f"{super().__repr__()}{m.kind} of {m.name}: {m.before}  →  {m.after}\n"


def derivation(
    steps: Sequence[str],
    end: str,
    widths: Sequence[int],
    rows: int,
    seed: int,
    decay: float = 0.0,
) -> Derivation:
    """A chain of operations, with the backward pass that a person would write.

    Arguments:
        steps: names of ``STEPS``.
        end: a name of ``ENDS``.
        widths: columns of the data, and of what each ``dense`` gives.
        rows: examples in the batch.
        seed: of the numbers, which are in general position.
        decay: the weight of an L2 term for all matrices.

    Returns:
        The derivation; intermediates are named y1, y2, …, parameters after their step.
    """
    rng = np.random.default_rng(seed)
    left = list(widths)
    width, x = left.pop(0), "X"
    params: dict[str, Any] = {}
    forward: list[str] = []
    backward: list[list[str]] = []
    X = rng.normal(size=(rows, width))
    for i, step in enumerate((STEPS[name] for name in steps), 1):
        out = width if step.same_width else left.pop(0)
        names = {name: f"{name}{i}" for name in step.params} | {"x": x, "y": f"y{i}"}
        for name, letters in step.params.items():
            shape = tuple({"n": width, "m": out}[letter] for letter in letters)
            params[names[name]] = rng.normal(size=shape)
        forward.append(f"{names['y']} = {step.forward.format(**names)}")
        lines = [line.format(**names) for line in step.backward]
        backward.append([line for line in lines if not line.startswith("dX ")])
        width, x = out, names["y"]
    value, first = (text.format(x=x) for text in ENDS[end])
    matrices = [name for name, p in params.items() if p.ndim == 2] if decay else []
    if matrices:
        value += f" + {decay} * ({' + '.join(f'np.sum({name} ** 2)' for name in matrices)})"
    lines = [first, *(line for lines in reversed(backward) for line in lines)]
    for name in matrices:
        lines = [
            f"{line} + {2 * decay} * {name}" if line.startswith(f"d{name} ") else line
            for line in lines
        ]
    found = [line.split(" = ")[0] for line in lines]
    returned = ", ".join(f"{name[1:]!r}: {name}" for name in found)
    arguments = ", ".join(params)
    return Derivation(
        _source(f"loss({arguments})", [*forward, f"return {value}"]),
        _source(f"manual({arguments})", [*forward, *lines, f"return {{{returned}}}"]),
        {"X": X, "T": rng.normal(size=(rows, width))},
        params,
    )


def _source(head: str, lines: Sequence[str]) -> str:
    return "\n    ".join([f"def {head}:", *lines])


def graphs(max_steps: int = 5, max_size: int = 5) -> SearchStrategy[Derivation]:
    """A strategy: losses with named intermediates, their parameters and a right backward pass.

    Arguments:
        max_steps: how many operations at the most; the first is always ``dense``.
        max_size: rows and columns at the most; sizes that are equal by accident are likely.

    Returns:
        A strategy for ``Derivation``.

    >>> from hypothesis import given, settings
    >>> from autograd_mini import check_gradients
    >>> @settings(max_examples=3, deadline=None, database=None)
    ... @given(graphs(max_steps=3))
    ... def test_right_gradients_agree(graph):
    ...     check_gradients(graph.loss, graph.params, graph.manual).raise_if_wrong()
    >>> test_right_gradients_agree()
    """
    from hypothesis import strategies as st

    @st.composite
    def drawn(draw: st.DrawFn) -> Derivation:
        steps = ["dense", *draw(st.lists(st.sampled_from(list(STEPS)), max_size=max_steps - 1))]
        size = st.integers(1, max_size)
        widths = [draw(size) for _ in range(1 + steps.count("dense"))]
        return derivation(
            steps,
            draw(st.sampled_from(list(ENDS))),
            widths,
            rows=draw(size),
            seed=draw(st.integers(0, 2**16)),
            decay=draw(st.sampled_from([0.0, 0.05])),
        )

    return drawn()


def parameters(
    shapes: Mapping[str, tuple[int, ...]], scale: float = 1.0
) -> SearchStrategy[dict[str, Any]]:
    """A strategy: arrays of given shapes by name, with numbers in general position.

    Numbers are normally distributed and drawn from a seed: no two are equal by accident, which
    would hide a mistake or sit on a kink.

    Arguments:
        shapes: the shape of each array; ``()`` gives a float.
        scale: their standard deviation.

    >>> from hypothesis import find
    >>> found = find(parameters({"W": (2, 3), "b": ()}), lambda params: True)
    >>> found["W"].shape, found["b"]
    ((2, 3), ...)
    """
    from hypothesis import strategies as st

    def numbers(seed: int) -> dict[str, Any]:
        rng = np.random.default_rng(seed)
        return {name: scale * rng.normal(size=shape or None) for name, shape in shapes.items()}

    return st.integers(0, 2**32 - 1).map(numbers)


def mutated(
    derivations: SearchStrategy[Derivation] | None = None, kinds: Sequence[str] | None = None
) -> SearchStrategy[MutatedDerivation]:
    """A strategy: derivations with one mistake that changes a number by more than rounding.

    Arguments:
        derivations: a strategy for right ones, ``graphs()`` if none is given.
        kinds: only these kinds of mistakes, such as ``["sign", "lost factor"]``.

    Returns:
        A strategy for ``MutatedDerivation``.

    >>> from hypothesis import given, settings
    >>> from autograd_mini import check_gradients
    >>> @settings(max_examples=3, deadline=None, database=None)
    ... @given(mutated(kinds=["sign", "lost sum"]))
    ... def test_it_is_found(wrong):
    ...     report = check_gradients(wrong.loss, wrong.params, wrong.manual)
    ...     assert wrong.mutant.name in report.culprits
    >>> test_it_is_found()
    """
    from hypothesis import assume
    from hypothesis import strategies as st

    @st.composite
    def drawn(draw: st.DrawFn) -> MutatedDerivation:
        right = draw(graphs() if derivations is None else derivations)
        found = mutants(right.manual, right.params)
        found = [m for m in found if kinds is None or m.kind in kinds]
        assume(found)
        kind = draw(st.sampled_from(sorted({m.kind for m in found})))
        mutant = draw(st.sampled_from([m for m in found if m.kind == kind]))
        wrong = MutatedDerivation(
            right.loss_source, mutant.source, right.data, right.params, mutant, right
        )
        assume(_noticeable(wrong))
        return wrong

    return drawn()


def _noticeable(wrong: MutatedDerivation) -> bool:
    try:
        return noticeable(wrong.mutant.name, wrong.right.manual_in, wrong.manual_in, wrong.params)
    except ValueError:  # NumPy refuses a shape further on
        return False
