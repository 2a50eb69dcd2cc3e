"""Sums whose terms differ in an index alone, as one term: what a recurrent weight receives.

>>> over_time(["x1ᵀ δ_z1", "x2ᵀ δ_z2", "x3ᵀ δ_z3"])
('x_tᵀ δ_z_t', 1, 3)
>>> over_time(["h0ᵀ δ_z1", "h1ᵀ δ_z2", "h2ᵀ δ_z3"])
('h_{t−1}ᵀ δ_z_t', 1, 3)
>>> over_time(["a δ", "b δ", "c δ"])
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

FEWEST = 3
"""A sum of so many terms or more is written as one over t."""

_NUMBER = re.compile(r"(?<=[^\W\d_])_?\[?(\d+)\]?(?!\d)|(?<=_\{)(\d+)(?=\})")


def over_time(terms: Sequence[str]) -> tuple[str, int, int] | None:
    """One term for all, and the first and the last t; ``None`` if they differ in more.

    Arguments:
        terms: formulas, as text or as LaTeX, in any order of time, but one after the other.
    """
    if len(terms) < FEWEST:
        return None
    found = [[*_NUMBER.finditer(term)] for term in terms]
    skeletons = {_NUMBER.sub("\0", term) for term in terms}
    if len(skeletons) > 1 or not found[0]:
        return None
    columns = [[int(one[1] or one[2]) for one in column] for column in zip(*found, strict=True)]
    steps = [{b - a for a, b in pairwise(column)} for column in columns]
    if any(len(step) > 1 or not step <= {-1, 0, 1} for step in steps):
        return None
    moving = [column for column, step in zip(columns, steps, strict=True) if step != {0}]
    if not moving or len({tuple(step) for step in steps if step != {0}}) > 1:
        return None
    latest = max(moving, key=lambda column: column[0])
    indices = iter(columns)

    def index(one: re.Match[str]) -> str:
        column = next(indices)
        if column[0] == column[1]:
            return one[0]
        back = latest[0] - column[0]
        t = f"t−{back}" if back else "t"
        if one[2]:  # within the braces of LaTeX
            return t.replace("−", "-")
        return f"_{{{t}}}" if back else "_t"

    return _NUMBER.sub(index, terms[0]), min(latest), max(latest)
