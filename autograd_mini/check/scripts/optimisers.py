"""Files that hand a loss and its gradient to one of SciPy's optimisers."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd_mini.check.lines.program import Follow
from autograd_mini.check.scripts.execution import Execution, File, line_of
from autograd_mini.check.scripts.held_back import exchanged
from autograd_mini.check.scripts.text import OPTIMISERS, optimises
from autograd_mini.check.steps.step import Step, step_of
from autograd_mini.check.steps.variables import Held

_OF_BOTH = ("fmin_l_bfgs_b", "fmin_tnc")
"""Those of which a loss without a gradient beside it gives both."""


class _Handed(BaseException):
    """An optimiser was handed a gradient: the file need not run on, whatever it catches."""

    def __init__(self, given: _Given) -> None:
        self.given = given


@dataclass(frozen=True)
class _Given:
    """What an optimiser is handed.

    Attributes:
        name: the optimiser.
        loss, gradient: the functions; where there is only one, it returns both.
        start: where it begins.
        arguments: what the functions are called with besides.
    """

    name: str
    loss: Callable[..., Any]
    gradient: Callable[..., Any] | None
    start: Held
    arguments: tuple[Held, ...]


def handed_over(file: File) -> Step | None:
    """A call of the loss and of the gradient that the first optimiser is handed, as a step.

    Arguments:
        file: the file; where it calls no optimiser it is not run.

    Raises:
        CannotTell: data are missing, or it takes too long.
        Exception: what the file raises.
    """
    if not optimises(file.cells):
        return None
    try:
        from scipy import optimize
    except ImportError:  # the file says so itself
        return None
    with contextlib.ExitStack() as stack:
        for name in OPTIMISERS:
            watched = _watched(name, getattr(optimize, name))
            stack.enter_context(exchanged(optimize, name, watched))
        try:
            Execution(file).run()
        except _Handed as handed:
            return _step(handed.given, line_of(handed, file))
    return None


def _watched(name: str, optimiser: Callable[..., Any]) -> Callable[..., Any]:
    """An optimiser that ends the run where it is handed a gradient."""

    def call(*arguments: Held, **keywords: Held) -> Held:
        given = _given(name, inspect.signature(optimiser), arguments, keywords)
        if given is not None:
            raise _Handed(given)
        return optimiser(*arguments, **keywords)

    return call


def _given(
    name: str, signature: inspect.Signature, arguments: Sequence[Any], keywords: Mapping[str, Any]
) -> _Given | None:
    """What an optimiser is handed; ``None`` where no gradient is among it."""
    bound = signature.bind(*arguments, **keywords)
    bound.apply_defaults()
    held = bound.arguments

    def first(*names: str) -> Held:
        return next((held[each] for each in names if each in held), None)

    loss, gradient, beside = first("fun", "func", "f"), first("jac", "fprime", "grad"), held["args"]
    beside = beside if isinstance(beside, tuple) else (beside,)
    both = gradient is True or (
        gradient is None and name in _OF_BOTH and not held.get("approx_grad")
    )
    if not (both or callable(gradient)):
        return None
    return _Given(name, loss, None if both else gradient, held["x0"], beside)


def _step(given: _Given, line: int) -> Step:
    """A call of both functions, after which the gradient is taken away from what they are given."""
    name = _first_name(given.loss)
    local = {name: np.array(given.start, float).ravel()}
    functions = [given.loss] if given.gradient is None else [given.loss, given.gradient]
    parts = [step_of(each, (local[name], *given.arguments), {}) for each in functions]
    spaces = [space for part in parts for space in part.spaces[1:]]
    spaces = list({id(space): space for space in spaces}.values())

    def call(follow: Follow) -> tuple[Any, Sequence[Mapping[str, Any]]]:
        start = local[name]
        made = [follow(each)(start, *given.arguments) for each in functions]
        value, derived = made if len(made) > 1 else made[0]
        return value, [{name: start - np.ravel(derived)}, *spaces]

    names = [getattr(each, "__name__", str(each)) for each in functions]
    words = f"what {given.name} in line {line} is given, one call of {' and '.join(names)}"
    code = tuple(function for part in parts for function in part.functions)
    derived = f"what {names[-1]} returns" + (", behind the loss" if given.gradient is None else "")
    return Step([local, *spaces], call, words, code, derived=derived)


def _first_name(function: Callable[..., Any]) -> str:
    """What a function calls its first argument."""
    try:
        return next(iter(inspect.signature(function).parameters), "x")
    except ValueError:
        return "x"
