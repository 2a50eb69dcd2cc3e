"""Which part of another array an array shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from autograd_mini.typing import Array


def index_text(whole: Array, part: Array) -> str:
    """The index by which a view was taken of an array, ``""`` if it shows something else.

    >>> X = np.zeros((5, 4, 3))
    >>> index_text(X, X[1]), index_text(X, X[:, 1:3]), index_text(X, X[::2, :, 1])
    ('[1]', '[:, 1:3]', '[::2, :, 1]')
    >>> index_text(X, X.T), index_text(X, X + 0)
    ('', '')
    """
    if whole.dtype != part.dtype or not part.size or not np.may_share_memory(whole, part):
        return ""
    offset = _address(part) - _address(whole)
    starts = {}
    for axis in sorted(range(whole.ndim), key=lambda axis: -abs(whole.strides[axis])):
        stride = whole.strides[axis]
        if stride <= 0 or offset < 0:
            return ""
        starts[axis], offset = divmod(offset, stride)
    index: list[int | slice] = []
    left = list(zip(part.shape, part.strides, strict=True))
    for axis, size in enumerate(whole.shape):
        start, stride = starts[axis], whole.strides[axis]
        if left and len(left) <= whole.ndim - axis and left[0][1] and left[0][1] % stride == 0:
            length, step = left[0][0], left[0][1] // stride
            stop = start + (length - 1) * step + 1
            fits_later = len(left) < whole.ndim - axis and stop > size
            if not fits_later and 0 < step and stop <= size:
                index.append(slice(start, stop, step))
                left.pop(0)
                continue
        index.append(start)
    if left or any(isinstance(i, int) and i >= n for i, n in zip(index, whole.shape, strict=True)):
        return ""
    shown = whole[tuple(index)]
    same = _address(shown) == _address(part) and (shown.shape, shown.strides) == (
        part.shape, part.strides
    )  # fmt: skip
    return _written(index, whole.shape) if same else ""


def named_views(arrays: Mapping[str, Array], parts: Iterable[Array]) -> dict[int, str]:
    """What arrays are that show part of a named one, as ``X[:, 0]``, by ``id``."""
    found = {}
    for part in parts:
        for name, whole in arrays.items():
            if part is not whole and (text := index_text(whole, part)):
                found[id(part)] = name + text
                break
    return found


def _address(array: Array) -> int:
    address: int = array.__array_interface__["data"][0]
    return address


def _written(index: list[int | slice], shape: tuple[int, ...]) -> str:
    texts = []
    for part, size in zip(index, shape, strict=True):
        if isinstance(part, int):
            texts.append(str(part))
            continue
        whole = not part.start and part.stop >= size - (part.step - 1)
        start, stop = ("", "") if whole else (part.start, part.stop)  # 0:1, as 1:2 comes after it
        texts.append(f"{start}:{stop}" + (f":{part.step}" if part.step > 1 else ""))
    while len(texts) > 1 and texts[-1] == ":":
        texts.pop()
    return f"[{', '.join(texts)}]"
