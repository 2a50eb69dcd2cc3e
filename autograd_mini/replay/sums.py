"""The sums of products of a tape as one operation each, with the same numbers to the last bit.

>>> steps = [("mul", (0, 1)), ("add", (2, 5)), ("mul", (3, 4)), ("add", (6, 7)), ("exp", (8,))]
>>> with_weighted_sums(steps, 5, {9})
([('weighted_sum', (2, 0, 1, 3, 4)), ('exp', (5,))], {8: 5, 9: 6})
"""

from __future__ import annotations

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
    reader = [len(steps)] * (first + len(steps))  # of each place, the next step that reads it
    next_readers: list[list[int]] = []
    uses = [0] * len(reader)
    for i in range(len(steps) - 1, -1, -1):
        operands = steps[i][1]
        next_readers.append([reader[place] for place in operands])
        for place in operands:
            reader[place] = i
            uses[place] += 1
    next_readers.reverse()
    for place in kept:
        uses[place] += 1
    made = ["" for _ in range(first)] + [name for name, _ in steps]  # by a step that one reads
    made = [name if count == 1 else "" for name, count in zip(made, uses, strict=True)]
    sums: dict[int, tuple[int, ...]] = {}
    dropped: set[int] = set()
    for last in range(len(steps) - 1, -1, -1):
        if steps[last][0] != "add" or last in dropped:
            continue
        terms: list[tuple[int, ...]] = []
        at, base = last, first + last
        while True:
            slot = 1 if made[steps[at][1][1]] == "mul" else 0
            product, rest = steps[at][1][slot], steps[at][1][1 - slot]
            if made[product] != "mul" or next_readers[at][1 - slot] < last:
                break
            if min(next_readers[product - first]) < last:
                break
            terms.append(steps[product - first][1])
            dropped |= {product - first, at}
            base = rest
            if made[base] != "add":
                break
            at = base - first
        if terms:
            sums[last] = (base, *(place for pair in reversed(terms) for place in pair))
            dropped.discard(last)
    found: list[Step] = []
    sum_name = WEIGHTED_SUMS[0].name
    places: dict[int, int] = {}
    for i, (name, operands) in enumerate(steps):
        if i in dropped:
            continue
        places[first + i] = first + len(found)
        if i in sums:
            name, operands = sum_name, sums[i]
        found.append((name, tuple(places.get(place, place) for place in operands)))
    return found, places
