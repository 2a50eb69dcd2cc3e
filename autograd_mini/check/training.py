"""``check_step``: a training step is checked as it stands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from autograd_mini.check.pipeline import checked
from autograd_mini.check.report import GradientReport
from autograd_mini.check.report.view import Hints, checked_hints
from autograd_mini.check.steps.posed import Asked, posed
from autograd_mini.check.steps.step import Step, step_of
from autograd_mini.typing import Operand


def check_step(
    step: Callable[..., Any],
    *args: Operand,
    loss: str | None = None,
    params: Sequence[str] = (),
    seed: int = 0,
    entries: int = 16,
    hints: Hints = 3,
    seconds: float = 10.0,
    **keywords: Operand,
) -> GradientReport:
    """Check the gradients that a training step derives by hand, as it stands.

    The step is called as ``step(*args, **keywords)``, several times, and all that it changes is
    put back.  Its parameters are the arrays and numbers that it changes, in its arguments, in the
    object whose method it is and in variables around it; the gradient of each is what the step
    takes away from it, divided by the rate.  The loss is the number that the step returns, prints,
    keeps in a list or calls a loss; where there is none, the loss whose gradient the output's
    error is.  The report says first what was assumed.

    Arguments:
        step: a function or method, such as ``net.train_step``.
        args: its arguments, with ``keywords``.
        loss: which loss is meant: a name, the number of a line, or an expression in the names of
            the step.
        params: the names of the parameters, where it changes other things too.
        seed, entries, hints, seconds: as for ``check_gradients``.

    Raises:
        ValueError: it changes nothing, it has no loss, or ``hints`` is something else; the
            message says what to give.
        Exception: what the step itself raises.

    >>> import numpy as np
    >>> X, t = np.array([[1.0, 2.0], [3.0, -1.0]]), np.array([1.0, 0.0])
    >>> class Neuron:
    ...     def __init__(self):
    ...         self.w = np.array([0.5, -0.3])
    ...     def train_step(self, X, t, rate=0.1):
    ...         out = 1 / (1 + np.exp(-(X @ self.w)))
    ...         loss = np.sum((t - out) ** 2) / 2
    ...         self.w -= rate * X.T @ (out - t)
    ...         return loss
    >>> report = check_step(Neuron().train_step, X, t)
    >>> report.assumptions[2]
    'Parameters: w, which it changes (params=)'
    >>> report.mistakes[0].repair.text
    'self.w -= rate * X.T @ ((out - t) * out * (1 - out))'
    """
    checked_hints(hints)
    return step_checked(
        step_of(step, args, keywords),
        Asked(loss, tuple(params)),
        seed=seed,
        entries=entries,
        hints=hints,
        seconds=seconds,
    )


def step_checked(
    step: Step, asked: Asked, *, seed: int, entries: int, hints: Hints, seconds: float
) -> GradientReport:
    """The report on a step, however it came about; arguments as for ``check_step``."""
    problem, assumptions = posed(step, asked)
    report = checked(problem, seed=seed, entries=entries, seconds=seconds)
    report.assumptions = list(assumptions)
    return report.with_hints(hints)
