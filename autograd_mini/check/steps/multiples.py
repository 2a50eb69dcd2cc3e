"""Whether an array is a multiple of another, and the factor that several have in common."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from autograd_mini.typing import Array

SAME = 1e-6
"""How far two gradients may be apart, as a part of the largest number, and be one relation."""
TELLING = 3
"""How many numbers an array has, at the least, if it is recognised as a gradient."""


def ratio_of(claim: Array, right: Array) -> float | None:
    """What a claim is times the right gradient; ``None`` where it is no multiple, 0 where both
    are 0.
    """
    with np.errstate(all="ignore"):
        square = float(np.sum(right * right))
        if not square or not np.isfinite(square):
            return 0.0 if not claim.any() and not right.any() else None
        ratio = float(np.sum(claim * right) / square)
        room = SAME * max(np.max(np.abs(claim), initial=0.0), 1e-300)
        near = np.abs(claim - ratio * right) <= room
    return ratio if ratio and bool(np.all(near)) else None


def usual_multiple(claims: Sequence[Array], right: Sequence[Array]) -> float:
    """How much larger than the right gradients claims usually are; 1 where that cannot be told."""
    with np.errstate(all="ignore"):
        norms = [(np.linalg.norm(c), np.linalg.norm(r)) for c, r in zip(claims, right, strict=True)]
    found = [float(c / r) for c, r in norms if c and r and np.isfinite(c) and np.isfinite(r)]
    return float(np.median(found)) if found else 1.0


def without_rounding(arrays: Sequence[Array]) -> list[Array]:
    """Arrays, of which those that are 0 but for rounding, beside the others, are 0."""
    most = max((float(np.max(np.abs(a), initial=0.0)) for a in arrays), default=0.0)
    least = 1e-13 * most
    return [a if np.max(np.abs(a), initial=0.0) > least else np.zeros(a.shape) for a in arrays]


def common_factor(
    ratios: Sequence[float | None],
    sizes: Sequence[int],
    sign: float,
    nearness: Sequence[int] = (),
    counts: Sequence[int] = (),
) -> float:
    """The factor that most updates have in common; of as many the one of the layers nearest to the
    loss, whose gradients a slip in those of the others leaves right, or the one that is 1, or that
    derivations usually leave out.  It is 1 where the nearest layers are right, be they the fewer.
    An update that makes the loss greater says it less.

    Some factor fits a single number: where nothing else says so, it is the sign alone.  So it is
    where the ratios are r, r² and so on, as with a factor in the slope of each layer.

    Arguments:
        ratios: what each update is times the gradient; ``None`` where it is no multiple.
        sizes: how many numbers each has.
        sign: 1, or -1 where the loss is made greater.
        nearness: by what is greater the nearer the loss each is read; not known if empty.
        counts: how many examples there may be.

    >>> common_factor([0.5, 2.0, 0.5], [4, 60, 4], 1.0), common_factor([1.0, 25.0], [4, 60], 1.0)
    (0.5, 1.0)
    >>> common_factor([2.0, 2.0, 1.0, 1.0], [4, 1, 8, 4], 1.0, nearness=[5, 6, 1, 2])
    2.0
    >>> common_factor([0.5, 0.5, 0.25, 0.25], [4, 2, 6, 2], 1.0)
    1.0
    >>> common_factor([1.0, 1.0, 2.0, 2.0, 2.0], [4, 1, 8, 4, 4], 1.0, nearness=[5, 6, 1, 2, 3])
    1.0
    >>> common_factor([0.02, 0.2], [3, 1], 1.0, counts=[10])
    0.2
    >>> common_factor([0.2, -1.0], [1, 1], 1.0, counts=[10])
    0.2
    """
    if sum(sizes) == 1 and ratios[0] is not None and sign * ratios[0] > 0:
        return ratios[0]  # which has to hold elsewhere too
    if are_powers(ratios):
        return sign
    best, said_by = sign, (False, 0.0, False, 0, 0.0, 0, 0.0)
    for ratio in ratios:
        if not ratio:
            continue
        same = [
            other is not None and abs(abs(other) - abs(ratio)) <= SAME * abs(ratio)
            for other in ratios
        ]
        alike = [size for size, is_same in zip(sizes, same, strict=True) if is_same]
        near = [n for n, is_same in zip(nearness, same, strict=False) if is_same]
        far = [n for n, is_same in zip(nearness, same, strict=False) if not is_same]
        is_near = len(near) > 1 and min(near) > max(far, default=-1)
        apart = abs(abs(ratio) - 1)
        rises = not any(
            r and r * sign > 0 for r, is_same in zip(ratios, same, strict=True) if is_same
        )
        usual = 0 if rises else 2 if apart <= SAME else int(is_usual(ratio, counts))
        single = 1.0 if usual else 0.5 if is_plain(ratio) else 0.0
        count = len(alike) if sum(alike) > 1 else single
        is_right = is_near and apart <= SAME
        says = is_right, count, is_near, usual, -apart if usual else -np.inf, sum(alike), -apart
        if count and says > said_by:
            best, said_by = sign * abs(ratio), says
    return best


def are_powers(ratios: Sequence[float | None]) -> bool:
    """Whether ratios are powers of the one that is nearest to 1, and of several orders."""
    known = {float(f"{abs(ratio):.6g}") for ratio in ratios if ratio}
    sizes = sorted(known, key=lambda ratio: abs(np.log(ratio)))
    logs = np.log(sizes)
    return len(sizes) > 1 and bool(
        np.allclose(logs, logs[0] * np.arange(1, len(sizes) + 1), rtol=1e-5, atol=0)
    )


def is_plain(factor: float) -> bool:
    """Whether a factor is half a whole number, or one over it: no accident."""
    return any(
        0 < abs(whole := round(2 * number)) <= _LARGEST_DIVISOR
        and abs(whole - 2 * number) <= 1e-9 * abs(number)
        for number in (factor, 1 / factor)
    )


def is_usual(factor: float, counts: Sequence[int]) -> bool:
    """Whether a factor is a count or one over it, or twice or half of such, or of 1.

    >>> is_usual(0.2, [10]), is_usual(0.4, [10]), is_usual(5.0, [10]), is_usual(0.3, [])
    (True, False, True, False)
    """
    return bool(np.any(_powers_of_two(factor, _with_reciprocals(counts)) <= 1))


def is_made_of(factor: float, counts: Sequence[int], numbers: Sequence[float]) -> bool:
    """Whether a factor is a power of two times a number, or times two counts or one over these.

    Arguments:
        factor: the factor.
        counts: whole numbers, of 1 and more.
        numbers: others, of which those are left out that are not positive.

    >>> is_made_of(-2 / 90, [3, 90], []), is_made_of(0.1, [3, 90], []), is_made_of(0.1, [], [0.2])
    (True, False, True)
    """
    known = _with_reciprocals(counts)
    given = np.array([number for number in numbers if np.isfinite(number) and number > 0])
    every = np.concatenate([np.outer(known, known).ravel(), given, 1 / given])
    return bool(np.any(_powers_of_two(factor, every) <= _POWERS))


_POWERS = 2
"""How many twos there may be in a factor, of squares and of their means."""


def _with_reciprocals(counts: Sequence[int]) -> Array:
    return np.array([1, *counts, *(1 / count for count in counts)], float)


def _powers_of_two(factor: float, every: Array) -> Array:
    """By how many twos a factor is another than each of several numbers; infinity where it is by
    something else.
    """
    powers = np.log2(abs(factor)) - np.log2(every)
    whole = np.round(powers)
    return np.where(np.abs(powers - whole) <= SAME, np.abs(whole), np.inf)


def plain_number(factor: float, room: float) -> float:
    """A factor without what rounding and stabilisers add to it: 1/32 for 0.03125000001."""
    for number in (factor, 1 / factor):
        whole = round(number)
        if 0 < abs(whole) <= _LARGEST_DIVISOR and abs(whole - number) <= room * abs(number):
            return float(whole if number == factor else 1 / whole)
    near = Fraction(factor).limit_denominator(_LARGEST_DIVISOR)
    return float(near) if abs(float(near) - factor) <= SAME**1.5 * abs(factor) else factor


_LARGEST_DIVISOR = 1000


def is_clipped(taken: Array, right: Array, is_said: bool) -> bool:
    """Whether what is taken away is a gradient that was clipped, and no multiple of it.

    Arguments:
        taken: what is taken away.
        right: the gradient.
        is_said: whether the code says that it clips; otherwise some number is to be within.
    """
    if (taken.size > 1 and ratio_of(taken, right)) or not taken.any():  # one number always is
        return False
    most = float(np.max(np.abs(taken), initial=0.0))
    beyond = np.abs(right) > most * (1 + SAME)
    clipped = np.clip(right, -most, most)
    same = np.allclose(taken, clipped, rtol=SAME, atol=SAME * most)
    is_seen = bool(beyond.any() and (is_said or not beyond.all()))
    return bool((is_said or taken.size >= TELLING) and is_seen and same)


def unlikeness(factor: float) -> float:
    """How far a factor is from 1, and from -1."""
    return float(abs(np.log(abs(factor))))
