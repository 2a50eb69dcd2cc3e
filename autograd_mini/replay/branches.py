"""A branch that few elements take, as the calls of NumPy's that it makes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd_mini.interface.traced import Untraceable, is_traced
from autograd_mini.replay.program import Text
from autograd_mini.replay.simplify import simplified
from autograd_mini.replay.trace import Place, Trace
from autograd_mini.typing import Function, Operand


def in_numpy(branch: Function, operands: Sequence[Any]) -> tuple[Function, list[int]] | None:
    """The branch over plain arrays of one axis, and which operands it reads.

    Arguments:
        branch: an elementwise function.
        operands: arrays and numbers, of the dtypes that it will be given.

    >>> from autograd_mini import exp
    >>> made, read = in_numpy(lambda out, x: 2 * exp(x), [np.ones(3), np.zeros(3)])
    >>> made(np.zeros(2)), read
    (array([2., 2.]), [1])
    """
    trace = Trace()
    given = [trace.input(_sample(operand)) for operand in operands]
    try:
        with np.errstate(all="ignore"):
            out = branch(*given)
    except Untraceable:
        return None
    if not is_traced(out) or out.shape != (2,):
        return None
    steps, outputs = simplified(trace, [Place(out.place)])
    if not steps or any(step.function is not step.ufunc or step.kwargs for step in steps):
        return None
    used = {place for step in steps for place in step.reads()}
    read = [i for i, place in enumerate(trace.inputs) if place in used]
    inputs = [trace.inputs[i] for i in read]
    steps_of = {step.out: step for step in steps if step.out is not None}
    text = Text(steps, outputs, inputs, trace.values, steps_of, {}, {}, {})
    scope: dict[str, Any] = {}
    exec(compile(text.written(), "<branch>", "exec"), scope)
    run = scope["make"](None, None, *text.scope.values())

    def made(*arrays: Operand) -> Operand:
        return run(False, *arrays)[0]

    made.is_of_elements = True  # type: ignore[attr-defined]
    return made, read


def _sample(operand: Operand) -> Operand:
    is_array = isinstance(operand, np.ndarray) and operand.ndim
    return np.resize(operand.ravel(), 2) if is_array else operand
