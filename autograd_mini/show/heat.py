"""An array as a strip of colours, which a picture shows beside its numbers.

Values are in Cividis, which grows lighter from the least to the greatest element: so it reads
the same in grey, and to people who see colours differently.  Gradients are blue below zero and
orange above it, the darker the further from it.

>>> strip([[0.0, 1.0], [2.0, float("nan")]])
(('#00204d', '#7c7c76'), ('#ffea46', ''))
>>> strip([-2.0, 0.0, 1.0], diverging=True)
(('#0072b2', '#f7f7f7', '#e6aa7c'),)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from autograd_mini.typing import Array

CIVIDIS = (
    "#00204d", "#00306f", "#2a406c", "#48526b", "#5e626e", "#727374", "#878479", "#9e9677",
    "#b6a971", "#d0be67", "#ead357", "#ffea46",
)  # fmt: skip
"""Evenly spaced colours of the scale of Nuñez, Anderton and Renslow, "Optimizing colormaps
with consideration for color vision deficiency", PLOS ONE 13(7), 2018."""

DIVERGING = ("#0072b2", "#f7f7f7", "#d55e00")
"""Below zero, zero, above zero: the blue and vermilion of Okabe and Ito."""

COLUMNS, ROWS = 16, 6
"""The most cells of a strip; a larger array is shown by the means of its blocks."""

Strip = tuple[tuple[str, ...], ...]


def strip(array: Array, diverging: bool = False) -> Strip:
    """Rows of colours, ``""`` for a cell that is not finite.

    Arguments:
        array: numbers of any shape; the last axis runs along a row.
        diverging: whether the colours tell how far from zero a number is, and on which side.
    """
    numbers = np.asarray(array, dtype=np.float64)
    rows = numbers.reshape(-1, numbers.shape[-1]) if numbers.ndim else numbers.reshape(1, 1)
    cells = _means(_means(rows, ROWS).T, COLUMNS).T
    finite = cells[np.isfinite(cells)]
    low, high = (finite.min(), finite.max()) if finite.size else (0.0, 0.0)
    if diverging:
        low, high = -max(-low, high), max(-low, high)
    with np.errstate(all="ignore"):
        # Halves first: the difference of two large numbers may overflow
        place = (cells / 2 - low / 2) / (high / 2 - low / 2) if high > low else cells * 0 + 0.5
    scale = DIVERGING if diverging else CIVIDIS
    return tuple(tuple(colour(one, scale) for one in row) for row in place)


def _means(rows: Array, most: int) -> Array:
    if len(rows) <= most:
        return rows
    with np.errstate(all="ignore"):
        return np.stack([part.mean(axis=0) for part in np.array_split(rows, most)])


def colour(place: float, scale: Sequence[str] = DIVERGING) -> str:
    """The colour at a place from 0 to 1 of a scale, ``""`` beside it.

    >>> colour(0.5), colour(1.0)
    ('#f7f7f7', '#d55e00')
    """
    if not 0.0 <= place <= 1.0:
        return ""
    exact = place * (len(scale) - 1)
    below = min(int(exact), len(scale) - 2)
    low, high = (bytes.fromhex(scale[below + i][1:]) for i in (0, 1))
    mixed = (round(a + (b - a) * (exact - below)) for a, b in zip(low, high, strict=True))
    return "#" + bytes(mixed).hex()
