"""Where a program looks for NaN: at few values, and at the sooner ones, that tell of all others.

A sweep looks at gradients for NaN, and a derivative is another where a result is NaN.  NaN goes
on through most operations: where there is none in what comes of a value, there is none in it.
So a recording of a run without NaN holds for runs without NaN, which a look at the last values
tells; a run with one is recorded by itself, as it is.  What is finite tells of more: a finite
product has finite factors, and a product of these is not NaN.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from autograd_mini.interface.functions import but
from autograd_mini.interface.traced import holds_nan
from autograd_mini.operations.indexing import zeros_with
from autograd_mini.replay.algebra import combined_at
from autograd_mini.replay.trace import Kind, Place, Step, needed, renamed
from autograd_mini.typing import Array, Operand


def with_few_looks(
    steps: Sequence[Step], outputs: Sequence[Place], values: Sequence[Any]
) -> tuple[list[Step], list[Place]]:
    """The steps and where the outputs are, with the looks for NaN that are needed.

    >>> from autograd_mini.replay.trace import Trace
    >>> trace = Trace()
    >>> x = trace.input(np.array([1.0, 2.0]))
    >>> y = np.exp(x)
    >>> if np.logical_or.reduce(np.isnan(y), axis=None):
    ...     y = y + 1.0
    >>> z = np.sum(y)
    >>> steps, _ = with_few_looks(trace.steps, [Place(z.place)], trace.values)
    >>> [step.kind or step.function.__name__ for step in steps]
    ['exp', 'reduce', 'nan']
    """
    made = {step.out: step for step in steps if step.out is not None}
    looks = {step: place for step in steps if (place := _looked_at(step, made)) is not None}
    masks = {
        mask: place
        for step in steps
        for mask in _mask_of(step)
        if mask in made
        and (place := _asked_for_nan(made[mask])) is not None
        and np.ndim(values[place])
        and not np.any(values[mask])
    }
    asked = {*looks.values(), *masks.values()}
    is_done = any(step.kind == Kind.DONE for step in steps)  # and would be again, for a late look
    if not asked or is_done or any(np.isnan(values[place]).any() for place in asked):
        return list(steps), list(outputs)
    kept = needed([step for step in steps if step not in looks], [*outputs, *asked])
    kept, same = _without_masks(kept, values, masks.keys())
    outputs = [renamed(place, same) for place in outputs]
    local = {place for step, place in looks.items() if _is_of_one_share(made[step.args[0]])}
    sought = {place for place in asked if type(same.get(place, place)) is Place}
    sought = {renamed(place, same) for place in sought - (local - {*masks.values()})}
    kept = needed(kept, [*outputs, *sought])
    alive = {step.out for step in kept} | {p for step in kept for p in step.reads()}
    sought |= {place for place in local if place in alive}
    looked = _looked_at_in_the_end(kept, values, sought, masks.keys())
    computed = {step.out for step in kept}
    guarded = [_look(place, looked) for place in sorted(looked) if place not in computed]
    for step in kept:
        guarded.append(step)
        if step.out is not None and step.out in looked:
            guarded.append(_look(step.out, looked))
    return guarded, outputs


def _without_masks(
    steps: Sequence[Step], values: Sequence[Any], masks: Collection[Place]
) -> tuple[list[Step], dict[Place, Any]]:
    """The steps where no element is NaN, and what is the same there as the values left out."""
    same: dict[Place, Any] = {}
    users: dict[Place, list[Step]] = defaultdict(list)
    for step in steps:
        for place in step.reads():
            users[place].append(step)
    kept = []
    for step in steps:
        _rename(step, same)
        if step.out is not None and not step.kind and not step.body:
            found = _without_mask(step, values, masks, users)
            if found is not None:
                same[step.out] = found
                continue
        kept.append(step)
    return kept, same


def _is_of_one_share(asking: Step) -> bool:
    """Whether NaN decides no more than how one share is computed, which may not be needed."""
    return asking.function is holds_nan


def _looked_at(step: Step, made: dict[Place, Step]) -> Place | None:
    """The value in which a condition wants no NaN."""
    if step.kind != Kind.TRUTH or step.expected:
        return None
    asking = made.get(step.args[0])
    if asking is not None and (place := _asked_for_nan(asking)) is not None:
        least = made.get(place)
        whole = _least_of(least) if least is not None else None
        return place if whole is None else whole
    if asking is not None and _is_of_one_share(asking):
        share: Place = asking.args[0]
        return share
    if asking is not None and asking.function == np.logical_or.reduce and _of_all(asking):
        each = made.get(asking.args[0])
        return _asked_for_nan(each) if each is not None else None
    return None


def _mask_of(step: Step) -> list[Place]:
    """Where a step gives what is of another branch."""
    if step.function is but:
        return [step.args[1]]
    is_where = step.function is np.where and type(step.args[0]) is Place
    return [step.args[0]] if is_where else []


def _least_of(step: Step) -> Place | None:
    """The array whose least element a sweep takes, to look for NaN."""
    is_least = step.function == np.minimum.reduce and step.kwargs.get("initial") == 0.0
    return step.args[0] if is_least and _of_all(step) and type(step.args[0]) is Place else None


def _of_all(reduction: Step) -> bool:
    return len(reduction.args) == 1 and reduction.kwargs.get("axis", 0) is None


def _asked_for_nan(step: Step) -> Place | None:
    """The value of which a step asks, element by element, whether it is NaN."""
    if step.kind or step.body or step.kwargs:
        return None
    first = step.args[0] if step.args else None
    is_asked = step.ufunc is np.isnan or (
        step.ufunc is np.not_equal and type(first) is Place and step.args[1] == first
    )
    return first if is_asked and type(first) is Place else None


def _looked_at_in_the_end(
    steps: Sequence[Step], values: Sequence[Any], asked: set[Place], masks: Collection[Place]
) -> dict[Place, bool]:
    """The values that tell of all that is asked of, each with whether it must be finite."""
    telling = _telling(steps, values, asked, masks)
    of_all = _telling(steps, values, set(), masks, finite=True)
    looked = dict.fromkeys([telling[place] for place in asked if telling[place] != place], False)
    made = {step.out: step for step in steps if step.out is not None}
    for place in sorted(asked):
        if telling[place] != place:
            continue
        found = _told_by_operands(made.get(place), telling, of_all, looked, made)
        if found is None:
            looked.setdefault(place, False)
        for other in found or ():
            looked[other] = True
    return looked


def _told_by_operands(
    step: Step | None, telling: Mapping[Place, Place], of_all: Mapping[Place, Place],
    looked: Collection[Place], made: Mapping[Place, Step],
) -> list[Place] | None:  # fmt: skip
    """Which of the values that are looked at must be finite for a step to make no NaN."""
    if step is None or step.function is not step.ufunc or step.kwargs:
        return None
    finite: list[Place] = []
    domains: list[tuple[float, ...]] = []
    for operand in step.args:
        if type(operand) is not Place:
            if np.ndim(operand):
                return None
            domains.append((float(operand),))
            continue
        numbers = _NUMBERS
        if of_all.get(operand) in looked:
            finite.append(of_all[operand])
            numbers = tuple(filter(math.isfinite, numbers))
        elif telling.get(operand) not in looked:
            return None
        if _is_never_negative(operand, made):
            numbers = tuple(number for number in numbers if number >= 0)
        domains.append(numbers)
    return None if _makes_nan(step.ufunc, *domains) else finite


@functools.cache
def _makes_nan(ufunc: np.ufunc, *domains: tuple[float, ...]) -> bool:
    """Whether operands of these numbers, none of which is NaN, make one.

    >>> _makes_nan(np.multiply, (0.0, 1e308), (-1e308, 3.0)), _makes_nan(np.log, (-1.0,))
    (False, True)
    """
    try:
        with np.errstate(all="ignore"):
            return any(np.isnan(ufunc(*operands)) for operands in itertools.product(*domains))
    except (TypeError, ValueError):  # it is none of numbers, as a product of matrices is not
        return True


def _is_never_negative(operand: Operand, made: Mapping[Place, Step]) -> bool:
    """Whether what it is computed of keeps it from being negative."""
    if type(operand) is not Place:
        return not np.ndim(operand) and bool(operand >= 0)
    step = made.get(operand)
    if step is None or step.ufunc is None:
        return False
    if step.ufunc in (np.square, np.absolute, np.exp, np.sqrt):
        return True
    return step.ufunc in (np.add, np.multiply, np.true_divide) and all(
        _is_never_negative(each, made) for each in step.args
    )


def _telling(
    steps: Sequence[Step],
    values: Sequence[Any],
    asked: set[Place],
    masks: Collection[Place],
    finite: bool = False,
) -> dict[Place, Place]:
    """For each value asked of, and others, one that has NaN if it has, and is sooner looked at.

    With ``finite`` one that is not finite if it is not.
    """
    telling = {place: place for place in asked}
    for step in reversed(steps):
        out = step.out
        if out is None or step.kind or step.body or _least_of(step) is not None:
            continue
        if getattr(values[out], "size", 1) == 0:
            continue  # nothing tells of nothing else
        if out not in telling and _is_ordinary(values[out], finite):
            telling[out] = out
        for operand in _passed_on(step, values, masks, finite) if out in telling else ():
            size = np.size(values[telling[out]])
            known = telling.get(operand, operand)
            is_better = known == operand or size < np.size(values[known])
            if is_better and size <= np.size(values[operand]) + _LOOK:
                telling[operand] = telling[out]
    return telling


_LOOK = 4000
"""To look at an array for NaN costs as much as so many of its elements, besides these."""


def _is_ordinary(value: Operand, finite: bool) -> bool:
    """Whether it has no NaN, or is finite and can be seen to be."""
    is_float = type(value) is float or getattr(getattr(value, "dtype", None), "kind", "") == "f"
    if not is_float or not finite:
        return is_float and not np.isnan(value).any()
    return not np.ndim(value) or (
        has_sum_of_squares(value) and bool(np.vdot(value, value) < np.inf)
    )


def has_sum_of_squares(array: Array) -> bool:
    """Whether the sum of an array's squares, which tells of NaN and infinity, is soon had."""
    flags = array.flags
    return array.dtype.char in "fd" and bool(flags.c_contiguous or flags.f_contiguous)


def _passed_on(
    step: Step, values: Sequence[Any], masks: Collection[Place], finite: bool
) -> list[Place]:
    """The operands whose NaN, or with ``finite`` infinity too, comes out of a step."""
    args: Sequence[Any] = ()
    if step.function in (np.matmul, float):
        args = step.args
    elif step.function is combined_at:
        args = step.args[:2]
    elif step.function is zeros_with or (step.function is but and _is_in(step.args[1], masks)):
        args = step.args[:1]
    elif step.function is np.where and _is_in(step.args[0], masks):
        args = step.args[2:]
    elif step.view is not None and step.out is not None:
        whole = values[step.view]
        is_whole = isinstance(whole, np.ndarray) and np.size(values[step.out]) >= whole.size
        args = [step.view] if is_whole else ()
    elif step.function is step.ufunc and not step.kwargs:
        numbers = [None if np.ndim(o) or type(o) is Place else float(o) for o in step.args]
        args = [o for i, o in enumerate(step.args) if _keeps(step.ufunc, finite, i, *numbers)]
    elif step.ufunc is not None and _keeps(step.ufunc, finite, 0, None, None):  # a reduction
        args = step.args[:1]
    return [operand for operand in args if type(operand) is Place]


@functools.cache
def _keeps(ufunc: np.ufunc, finite: bool, index: int, *numbers: float | None) -> bool:
    """Whether the result is NaN where the operand of an index is, or with ``finite`` not finite.

    >>> _keeps(np.power, False, 0, None, 2.0), _keeps(np.power, False, 0, None, None)
    (True, False)
    >>> _keeps(np.multiply, True, 0, None, None), _keeps(np.divide, True, 1, None, None)
    (True, False)
    """
    tried: list[tuple[float, ...]] = [
        (*_NUMBERS, math.nan) if number is None else (number,) for number in numbers
    ]
    tried[index] = (math.nan, math.inf, -math.inf) if finite else (math.nan,)
    try:
        with np.errstate(all="ignore"):
            found = [float(ufunc(*operands)) for operands in itertools.product(*tried)]
            return not any(map(math.isfinite, found)) and (finite or all(map(math.isnan, found)))
    except TypeError:
        return False


_NUMBERS: tuple[float, ...] = (0.0, 1.0, -1.0, 0.5, 3.0, 1e308, -1e308, math.inf, -math.inf)


def _is_in(operand: Operand, masks: Collection[Place]) -> bool:
    return type(operand) is Place and operand in masks


def _without_mask(
    step: Step, values: Sequence[Any], masks: Collection[Place], users: dict[Place, list[Step]]
) -> Operand:
    """What a step gives where no element is NaN, if it is a value, or zero to be added."""
    other: Operand = None
    assert step.out is not None
    if step.function is but and _is_in(step.args[1], masks):
        other = step.args[0]
    elif step.function is np.where and len(step.args) == 3 and _is_in(step.args[0], masks):
        other = step.args[2]
        if type(other) is int and other == 0:
            own = users[step.out]
            is_added = [u.function is np.add and _is_like(u.out, step.out, values) for u in own]
            return 0.0 if all(is_added) else None
    elif step.function is np.add and 0.0 in [each for each in step.args if type(each) is float]:
        other = step.args[type(step.args[0]) is float]
    return other if type(other) is Place and _is_like(other, step.out, values) else None


def _is_like(place: Place | None, other: Place | None, values: Sequence[Any]) -> bool:
    if place is None or other is None:
        return False
    one, two = np.asarray(values[place]), np.asarray(values[other])
    return (one.shape, one.dtype, one.strides) == (two.shape, two.dtype, two.strides)


def _look(place: Place, looked: Mapping[Place, bool]) -> Step:
    return Step(bool, (place,), {}, kind=Kind.NAN, expected=looked[place])


def _rename(step: Step, same: dict[Place, Any]) -> None:
    step.args, step.kwargs = renamed(step.args, same), renamed(step.kwargs, same)
    step.view = renamed(step.view, same)
    for inner in step.body:
        _rename(inner, same)
