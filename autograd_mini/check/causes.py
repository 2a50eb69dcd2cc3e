"""Why a hand-derived gradient is wrong: what single slip makes these numbers.

Nothing is guessed.  Each explanation is a prediction: an array that the slip would give.
It counts only if it is the user's array to rounding.  First come relations between the
user's array and the right one (a factor, a sign, a transpose, a lost sum), then slips
inside the step that leads to it (``slips``).  Explanations that the numbers cannot tell
apart are all given.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from autograd_mini.check.blame import Blame, WrongStep
from autograd_mini.check.deadline import Deadline
from autograd_mini.check.kinks import at_kink
from autograd_mini.check.result import CAUSES, Cause, Quantity
from autograd_mini.check.slips import (
    Slip,
    derived,
    exchanges,
    other_axes,
    other_derivatives,
    slips,
)
from autograd_mini.check.structure import summing
from autograd_mini.check.wording import FactorNames
from autograd_mini.core.graph import data_of
from autograd_mini.typing import Array

_EXPLAINED = 1e-3
"""An explanation leaves at most this part of the difference unexplained (rounding aside)."""

_SLACK = 16.0
"""How many times the rounding bound of the right numbers those of a slip may be off."""

_MOST_PAIRED = 10**7
"""How many numbers are computed in the search through pairs of arrays, at the most."""

_INFORMATIVE = 3
"""A free factor explains at least this many numbers, or must be one that has a name."""


def explained(blame: Blame, seconds: float = math.inf) -> list[Quantity]:
    """The quantities, each mistake with its causes.

    What is made of a gradient of a wrong shape, and explained by nothing but that, is inherited.

    Arguments:
        blame: the quantities, and which are mistakes.
        seconds: how long may be searched, at the most, of the processor.
    """
    quantities, end, left = [], Deadline(seconds), len(blame.mistakes)
    for quantity in blame.quantities:
        if quantity.name in blame.mistakes:
            mistake = blame.mistakes[quantity.name]
            mistake.step.until, left = Deadline(end.left / left), left - 1
            why = causes(mistake)
            if mistake.lacks_upstream and why[0].code in _FOLLOWS:
                quantity = replace(quantity, inherited=True)
            else:
                quantity = replace(quantity, causes=why)
        quantities.append(quantity)
    return quantities


_FOLLOWS = ("unknown", "shape", "missing-reduction")
"""What a gradient of a wrong shape makes of the gradients that are computed from it."""


def causes(mistake: WrongStep) -> tuple[Cause, ...]:
    """The explanations of a mistake, the simplest first; ``unknown`` if there is none."""
    simplicity = list(CAUSES)
    with np.errstate(all="ignore"):  # most predictions are wrong, and some are no numbers at all
        for looks in _LOOKS:
            by_code: dict[str, Cause] = {}
            for cause in itertools.chain(*(look(mistake) for look in looks)):
                by_code.setdefault(cause.code, cause)
            if by_code:
                return tuple(sorted(by_code.values(), key=lambda c: simplicity.index(c.code)))
        return (Cause("unknown", _unknown(mistake)),)


def _unknown(mistake: WrongStep) -> str:
    if mistake.manual.shape != mistake.expected.shape:
        return "no single slip explains numbers of this shape"
    wrong = mistake.wrong
    if 0 < wrong.sum() <= wrong.size / 4 and wrong.size > 3:
        where = np.argwhere(wrong)
        return (
            f"right but for {_counted(wrong.sum(), 'element')} of {wrong.size}"
            f" ({_places(where)}); no single slip explains these"
        )
    cut = "; the search was cut short" if mistake.step.is_spent else ""
    return f"no single slip explains the numbers{cut}"


# What explains numbers


def explains(predicted: Array | float, mistake: WrongStep) -> bool:
    """Whether a slip that makes these numbers made the user's."""
    numbers, manual = np.asarray(predicted), mistake.manual
    if numbers.shape != manual.shape or not _may_explain(numbers, mistake):
        return False
    rest = np.abs(manual - numbers)
    if not np.isfinite(rest).all():
        return False
    growth = max(1.0, _largest(numbers) / (_largest(mistake.expected) or 1.0))
    allowed = _SLACK * growth * _largest(mistake.bound)
    if manual.shape == mistake.expected.shape:
        allowed = min(allowed, _EXPLAINED * mistake.size)
    return bool(_largest(rest) <= allowed)


def _may_explain(numbers: Array, mistake: WrongStep) -> bool:
    """Whether the numbers are the user's at a few places; most slips end here."""
    if numbers.size <= _FEW or mistake.manual.shape != mistake.expected.shape:
        return True
    few = np.linspace(0, numbers.size - 1, _FEW).astype(int)
    rest = np.abs(mistake.manual.flat[few] - numbers.flat[few])
    return bool(np.all(rest <= _EXPLAINED * mistake.size))


_FEW = 256

# Numbers that are none


def _not_finite(mistake: WrongStep) -> Iterator[Cause]:
    bad = ~np.isfinite(mistake.manual)
    if bad.any():
        kinds = sorted({str(value) for value in mistake.manual[bad]})
        words = f"{' and '.join(kinds)} at {_places(np.argwhere(bad))}"
        if mistake.manual.shape == mistake.expected.shape and np.isfinite(mistake.expected).all():
            words += ", computed from finite numbers"
        yield Cause("non-finite", words)


# The whole array


def _whole(mistake: WrongStep) -> Iterator[Cause]:
    if mistake.manual.shape == mistake.expected.shape:
        yield from _constant_factor(mistake)
    else:
        yield from _other_shape(mistake)
        yield from _that_explain(mistake, other_axes(mistake.step))
    yield from _other_order(mistake)
    yield from _reduced(mistake)


def _constant_factor(mistake: WrongStep) -> Iterator[Cause]:
    if not mistake.expected.any():
        yield Cause("extra-term", "the right gradient is zero everywhere")
        return
    if explains(np.zeros_like(mistake.expected), mistake):
        yield Cause("missing-term", "it is zero everywhere, the right gradient is not")
        return
    factor = _ratio(mistake.manual, mistake.expected)
    if factor is None or not explains(factor * mistake.expected, mistake):
        return
    name = mistake.factors.name(factor)
    if name is None and np.count_nonzero(mistake.expected) < _INFORMATIVE:
        return  # any two numbers have a ratio
    if name == "−1":
        yield Cause("sign", "every element has the other sign")
        return
    yield from _sum_or_mean(factor, mistake, "the right gradient")
    yield Cause("scale", f"{_times(factor, name)} × the right gradient")


def _clipped(mistake: WrongStep) -> Iterator[Cause]:
    """The right gradient, its elements cut off at a limit."""
    manual, right = mistake.manual, mistake.expected
    if manual.shape != right.shape or manual.size < _INFORMATIVE:
        return
    limit = _largest(manual)
    told = np.any(np.abs(right) < limit) or (manual.min() < 0 < manual.max())
    if limit and told and explains(np.clip(right, -limit, limit), mistake):
        yield Cause("clipped", f"the right gradient, clipped to ±{limit:.6g}")


def _block(mistake: WrongStep) -> Iterator[Cause]:
    """Right but for one row or column, which is off by a constant, or by that times its values."""
    manual, right = mistake.manual, mistake.expected
    if manual.shape != right.shape or not 1 <= right.ndim <= 2:
        return
    for axis in range(right.ndim):
        others = tuple(i for i in range(right.ndim) if i != axis)
        touched = np.flatnonzero(mistake.wrong.any(axis=others))
        if len(touched) != 1 or right.shape[axis] < _INFORMATIVE:
            continue
        index = int(touched[0])
        place = (slice(None),) * axis + (index,)
        name = ("row", "column")[axis] if right.ndim == 2 else "element"
        rest = (manual - right)[place]
        off, values = np.atleast_1d(rest), np.atleast_1d(np.asarray(mistake.node.data)[place])
        room = _SLACK * _largest(mistake.bound)
        constant = float(np.mean(off))
        share = _ratio(off, values)
        if np.all(np.abs(off - constant) <= room):
            size = _times(abs(constant), mistake.factors.name(abs(constant)))
            much = "large" if constant > 0 else "small"
            yield Cause("extra-term", f"{name} {index} is too {much} by {size}; all else is right")
        elif share and np.all(np.abs(off - share * values) <= room):
            size = _times(share, mistake.factors.name(share))
            told = f"{name} {index} has {size} × its own values too much; all else is right"
            yield Cause("extra-term", told)


def _reduced_counts(mistake: WrongStep) -> Iterator[tuple[int, str]]:
    """Over how many elements the step and the forward pass near it take sums and means."""
    wording = mistake.step.wording
    for node in (*mistake.step.inside, *mistake.forward):
        if summing(node) and np.size(node.data):
            operand = node.parents[0]
            count = int(np.size(data_of(operand)) // np.size(node.data))
            if count > 1:
                yield count, f"the {count} elements of {wording(operand)} along the summed axes"


def _other_shape(mistake: WrongStep) -> Iterator[Cause]:
    manual, right = mistake.manual.shape, mistake.expected.shape
    if mistake.manual.size == mistake.expected.size and explains(
        mistake.expected.reshape(manual), mistake
    ):
        yield Cause("shape", f"the right numbers in shape {manual} in place of {right}")
    for axis in range(len(right)):
        row = np.take(mistake.expected, [0], axis)
        if right[axis] > 1 and np.array_equal(np.broadcast_to(row, right), mistake.expected):
            unrepeated = [row, row[0] if axis == 0 else np.squeeze(row, axis)]
            if any(explains(one, mistake) for one in unrepeated):
                yield Cause("shape", f"the right numbers, not repeated along axis {axis}")
    padded = (1,) * (mistake.manual.ndim - mistake.expected.ndim) + right
    if len(padded) == mistake.manual.ndim:
        axes = tuple(i for i, (m, r) in enumerate(zip(manual, padded, strict=True)) if m != r)
        if axes and all(padded[axis] == 1 for axis in axes):
            total = mistake.manual.sum(axis=axes, keepdims=True).reshape(right)
            if _close(total, mistake.expected, mistake.bound):
                counted = " and ".join(f"axis {axis} ({manual[axis]} elements)" for axis in axes)
                yield Cause("missing-reduction", f"not summed over {counted}")


def _other_order(mistake: WrongStep) -> Iterator[Cause]:
    if mistake.expected.ndim < 2 or mistake.expected.ndim > 5:
        return
    for order in itertools.permutations(range(mistake.expected.ndim)):
        turned = np.transpose(mistake.expected, order)
        if order != tuple(range(len(order))) and explains(turned, mistake):
            if len(order) == 2:
                yield Cause("transpose", "the right gradient, transposed")
            else:
                yield Cause("axis-order", f"the right gradient with its axes in the order {order}")


def _reduced(mistake: WrongStep) -> Iterator[Cause]:
    """The right gradient, summed or averaged over axes that it should keep."""
    right = mistake.expected
    for count in range(1, right.ndim + 1):
        for axes in itertools.combinations(range(right.ndim), count):
            if all(right.shape[axis] == 1 for axis in axes):
                continue
            for name, reduce in (("summed", np.sum), ("averaged", np.mean)):
                whole = reduce(right, axis=axes, keepdims=True)
                reductions = [whole, np.squeeze(whole, axes), np.broadcast_to(whole, right.shape)]
                if any(explains(one, mistake) for one in reductions):
                    where = ", ".join(map(str, axes))
                    yield Cause("extra-reduction", f"the right gradient, {name} over axis {where}")


def _zeros(mistake: WrongStep) -> Iterator[Cause]:
    """Right where it is not zero."""
    if mistake.manual.shape != mistake.expected.shape:
        return
    zero = mistake.manual == 0
    wrong = zero & (np.abs(mistake.expected) > mistake.bound)
    if wrong.any() and explains(np.where(zero, 0.0, mistake.expected), mistake):
        where = np.argwhere(wrong)
        yield Cause(
            "missing-term",
            f"zero at {_counted(len(where), 'element')} of {wrong.size} ({_places(where)}), "
            "right elsewhere",
        )


# Ties and kinks


def _kinks(mistake: WrongStep) -> Iterator[Cause]:
    """Wrong at no other elements than those where an operation has no derivative."""
    if mistake.manual.shape != mistake.expected.shape:
        return
    wrong = mistake.wrong
    for node in mistake.forward:
        at = at_kink(node)
        if at is not None and at.shape == wrong.shape and not (wrong & ~at).any():
            places, claim = _places(np.argwhere(wrong)), f"{mistake.manual[wrong][0]:.6g}"
            told = f"it differs only at {places}, where {node.op} has no derivative, and "
            if node.operation is not None and node.operation.reduces:
                told += f"those that are equal have one gradient together, not {claim} each"
            else:
                told += f"no convention gives {claim} there"
            yield Cause("kink", told)


# Inside the step


def _one_slip(mistake: WrongStep) -> Iterator[Cause]:
    """Something left out, repeated, turned, summed or scaled in one place of the step."""
    for slip in slips(mistake.step, mistake.updated):
        if slip.rescaled is None:
            yield from _that_explain(mistake, [slip])
            continue
        if slip.gradient.shape != mistake.manual.shape or not np.isfinite(slip.gradient).all():
            continue
        change = slip.gradient - mistake.expected
        share = _ratio(mistake.manual - mistake.expected, change)
        if share is None:
            continue
        exact = min((0.0, -1.0, 2.0, 0.5), key=lambda factor: abs(factor - 1 - share))
        for factor in (1 + share, exact):  # the step may not be linear in it
            if explains(slip.rescaled(factor), mistake):
                enough = int(np.count_nonzero(change)) >= _INFORMATIVE
                yield from _with_factor(slip, factor, mistake, enough)
                break


def _other_array(mistake: WrongStep) -> Iterator[Cause]:
    """An array at hand that is a factor or a term too many, or stands in another's place."""
    yield from _by_term(mistake)
    yield from _by_factor(mistake)
    yield from _by_sum(mistake)
    yield from _that_explain(mistake, exchanges(mistake.step, mistake.arrays, mistake.unary))


def _other_derivative(mistake: WrongStep) -> Iterator[Cause]:
    """Something in the place of the derivative of several operations at once."""
    candidates = other_derivatives(
        mistake.node, mistake.upstream, mistake.arrays, mistake.unary, mistake.step.wording
    )
    yield from _that_explain(mistake, candidates)


def _that_explain(mistake: WrongStep, candidates: Iterable[Slip]) -> Iterator[Cause]:
    """Those slips that make the user's numbers."""
    for slip in candidates:
        if explains(slip.gradient, mistake):
            yield Cause(slip.code, slip.evidence)


def _with_factor(slip: Slip, factor: float, mistake: WrongStep, enough: bool) -> Iterator[Cause]:
    """What a factor means: of an operand, or 1 − rate for an update."""
    words, factors = slip.evidence, mistake.factors
    if slip.code == "updated-value":
        name = factors.name(1 - factor)
        if name or enough:
            rate = _times(1 - factor, name)
            yield Cause(slip.code, f"{words} was used after an update by {rate} × its gradient")
        return
    name = factors.name(factor)
    if abs(factor) < 1e-7:
        yield Cause("missing-term", f"the term {words} is missing")
    elif name == "−1":
        yield Cause("sign", f"{words} has the wrong sign")
    elif name or enough:
        if name == "2":
            yield Cause("extra-term", f"the term {words} is counted twice")
        if not 0.5 <= abs(factor) <= 2:  # 2 and 1/2 are other things more often than a count
            yield from _sum_or_mean(factor, mistake, words)
        yield Cause("scale", f"{words} is taken {_times(factor, name)} ×")


def _sum_or_mean(factor: float, mistake: WrongStep, words: str) -> Iterator[Cause]:
    """A factor that is the number of elements of a sum or mean in the step, or 1 over it."""
    for count, what in _reduced_counts(mistake):
        if abs(factor * count - 1) < 1e-7:
            yield Cause("mean-for-sum", f"1/{count} of {words}: a mean over {what}")
        if abs(factor / count - 1) < 1e-7:
            yield Cause("sum-for-mean", f"{count} × {words}: a sum over {what}")


def _by_factor(mistake: WrongStep) -> Iterator[Cause]:
    """An elementwise factor too many, or lost, whatever way the step was written."""
    if mistake.manual.shape != mistake.expected.shape or mistake.manual.size < 2:
        return
    same = {name: a for name, a in mistake.arrays.items() if a.shape == mistake.manual.shape}
    for name, data in derived(same, mistake.unary, mistake.step.wording):
        if explains(mistake.expected * data, mistake):
            yield Cause("extra-factor", f"the ratio to the right gradient is {name}")
        gone = (data == 0) & (np.abs(mistake.expected) <= mistake.bound)
        if gone.all():
            continue
        lost = np.where(gone, mistake.manual, mistake.expected / data)
        if explains(lost, mistake):
            yield Cause("missing-factor", f"the right gradient is this, times {name}")


def _by_sum(mistake: WrongStep) -> Iterator[Cause]:
    """A term lost or with the other sign in a − b or a + b, whatever this is multiplied by."""
    right, wording = mistake.expected, mistake.step.wording
    same = {
        name: data
        for name, data in mistake.arrays.items()
        if data.shape == right.shape and wording.is_name(name)
    }
    if right.size < 2 or len(same) ** 2 * right.size > _MOST_PAIRED:
        return
    for (a, x), (b, y) in itertools.combinations(same.items(), 2):
        for sign, whole, other in (("−", x - y, x + y), ("+", x + y, x - y)):
            for code, text, mistaken in (
                ("sign", f"{b} in {a} {sign} {b} has the wrong sign", other),
                ("missing-term", f"{b} in {a} {sign} {b} is missing", x),
                (
                    "missing-term",
                    f"{a} in {a} {sign} {b} is missing",
                    y if sign == "+" else -1.0 * y,
                ),
            ):
                if explains(right / whole * mistaken, mistake):
                    yield Cause(code, text)


def _by_term(mistake: WrongStep) -> Iterator[Cause]:
    """A term too many or lost that is proportional to an array at hand."""
    if mistake.manual.shape != mistake.expected.shape or mistake.manual.size < _INFORMATIVE:
        return
    difference = mistake.manual - mistake.expected
    for name, data in mistake.arrays.items():
        if data.shape != difference.shape:
            continue
        share = _ratio(difference, data)
        if share and explains(mistake.expected + share * data, mistake):
            rate = _times(share, FactorNames({}, mistake.factors.named).name(share))
            yield Cause("extra-term", f"the difference to the right gradient is {rate} × {name}")


# Ratios, and places in words


def _ratio(data: Array, to: Array) -> float | None:
    """The factor that makes one array another, from its largest element; ``None`` without."""
    if data.shape != to.shape or not np.isfinite(data).all():
        return None
    at = np.argmax(np.abs(to))
    largest = to.ravel()[at]
    return float(data.ravel()[at] / largest) if largest else None


def _close(total: Array, expected: Array, bound: Array) -> bool:
    return bool(np.all(np.abs(total - expected) <= _SLACK * _largest(bound)))


def _largest(data: Array) -> float:
    return float(np.max(np.abs(data), initial=0.0))


def _times(factor: float, name: str | None) -> str:
    """A factor as a number, with its name where that says more."""
    plain = f"{factor:.6g}" if abs(abs(factor) - 1) > 1e-5 else f"{factor:.12g}"
    plain = plain.replace("-", "−")
    return plain if name in (None, plain, "1") else f"{plain} (= {name})"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" + "s" * (int(count) != 1)


def _places(where: Array) -> str:
    """The first few of many indices."""
    if not where.shape[1]:
        return "the number"
    rows = {tuple(row[:-1]) for row in where.tolist()}
    if len(where) > 3 and len(rows) == 1 and where.shape[1] > 1:
        return f"row {', '.join(map(str, next(iter(rows))))}"
    shown = ", ".join(str(row if len(row) > 1 else row[0]) for row in where.tolist()[:3])
    return shown + (f" and {len(where) - 3} more" if len(where) > 3 else "")


_LOOKS = (
    (_not_finite,),
    (_whole, _kinks, _clipped, _block),
    (_one_slip, _other_array, _other_derivative),
    (_zeros,),
)
"""Where explanations are looked for: what the first of these finds counts."""
