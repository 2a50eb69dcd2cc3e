"""The sums of products of a tape as one operation each, with the same numbers to the last bit.

>>> steps = [("mul", (0, 1)), ("add", (2, 5)), ("mul", (3, 4)), ("add", (6, 7)), ("exp", (8,))]
>>> with_weighted_sums(steps, 5, {9})
([('weighted_sum', (2, 0, 1, 3, 4)), ('exp', (5,))], {8: 5, 9: 6})
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Collection, Sequence

from autograd_mini.operations.elementwise import WEIGHTED_SUMS
from autograd_mini.replay.straight_line import Step


def with_weighted_sums(
    steps: Sequence[Step], first: int, kept: Collection[int]
) -> tuple[list[Step], dict[int, int]]:
    """The steps, where sums of products are one step, and which places their results have then.

    A sweep adds up each gradient in the order of the steps: where that would be another order, a
    product stays as it is.

    Arguments:
        steps: operations and the places of their operands.
        first: the place of the result of the first step.
        kept: places that are read besides.
    """
    users: dict[int, list[int]] = defaultdict(list)
    for i, (_, operands) in enumerate(steps):
        for place in operands:
            users[place].append(i)

    def is_inner(place: int, name: str) -> bool:
        """Whether it is the result of such a step that one other reads alone."""
        made = place >= first and steps[place - first][0] == name
        return made and len(users[place]) == 1 and place not in kept

    def is_free(place: int, after: int, before: int) -> bool:
        """Whether no step between two reads it."""
        return bisect_left(users[place], before) <= bisect_right(users[place], after)

    sums: dict[int, tuple[int, ...]] = {}
    dropped: set[int] = set()
    for last in reversed(range(len(steps))):
        if steps[last][0] != "add" or last in dropped:
            continue
        terms: list[tuple[int, ...]] = []
        inner: list[int] = []
        at, base = last, first + last
        while True:
            left, right = steps[at][1]
            rest, product = (left, right) if is_inner(right, "mul") else (right, left)
            if not is_inner(product, "mul"):
                break
            i = product - first
            if not is_free(rest, at, last) or not all(is_free(p, i, last) for p in steps[i][1]):
                break
            terms.append(steps[i][1])
            inner += [i, at]
            base = rest
            if not is_inner(base, "add"):
                break
            at = base - first
        if terms:
            sums[last] = (base, *(place for pair in reversed(terms) for place in pair))
            dropped |= {*inner} - {last}
    found: list[Step] = []
    places: dict[int, int] = {}
    for i, (name, operands) in enumerate(steps):
        if i in dropped:
            continue
        places[first + i] = first + len(found)
        name, operands = (WEIGHTED_SUMS[0].name, sums[i]) if i in sums else (name, operands)
        found.append((name, tuple(places.get(place, place) for place in operands)))
    return found, places
