"""Getting data ready: scaling, one-hot labels, a split, batches, sequences."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from autograd_mini.nn.layers.dense import size
from autograd_mini.nn.operands import Data, arrays_of, numbers
from autograd_mini.nn.seeds import Seed, generator
from autograd_mini.trees import leaves, rebuild
from autograd_mini.typing import Array


class MinMaxScaler:
    """Scale each column to [0, 1] by its least and greatest value in the training part.

    Fit it on the training part only and transform both parts by it: a scaler that has seen
    the test part leaks it.  A column that is constant in the training part becomes 0 there.
    Values of the test part may lie outside [0, 1].

    Attributes:
        minimum, maximum: each column's least and greatest value, of shape ``(columns,)``.

    >>> scaler = MinMaxScaler().fit([[0.0, 5.0], [10.0, 5.0]])
    >>> scaler.transform([[5.0, 5.0], [20.0, 6.0]])
    array([[0.5, 0. ],
           [2. , 1. ]])
    """

    def __init__(self) -> None:
        self.minimum: Array | None = None
        self.maximum: Array | None = None

    def fit(self, X: Data) -> MinMaxScaler:
        """Take the columns' ranges from samples of shape ``(N, columns)``; gives itself.

        Raises:
            ValueError: ``X`` is no table, is empty, or holds NaN or infinity.
        """
        X = _table(X, "MinMaxScaler.fit")
        self.minimum, self.maximum = X.min(axis=0), X.max(axis=0)
        return self

    def transform(self, X: Data) -> Array:
        """The samples, of shape ``(N, columns)``, scaled.

        Raises:
            ValueError: the scaler has not been fitted, or on another number of columns.
        """
        X = _fitting(X, "MinMaxScaler", "transform", self.minimum)
        return np.asarray((X - self.minimum) / self._width())

    def inverse_transform(self, X: Data) -> Array:
        """What ``transform`` made ``X`` of."""
        X = _fitting(X, "MinMaxScaler", "inverse_transform", self.minimum)
        return np.asarray(X * self._width() + self.minimum)

    def _width(self) -> Array:
        assert self.minimum is not None
        assert self.maximum is not None
        width = self.maximum - self.minimum
        return np.asarray(np.where(width == 0, 1, width))

    def fit_transform(self, X: Data) -> Array:
        """``fit(X)``, then ``transform(X)``."""
        return self.fit(X).transform(X)


class StandardScaler:
    """Shift and scale each column to mean 0 and standard deviation 1 in the training part.

    Fit it on the training part only and transform both parts by it.  A column that is constant
    in the training part becomes 0 there.

    Attributes:
        mean, deviation: each column's mean and standard deviation (the root of the mean squared
            difference), of shape ``(columns,)``; 1 for the deviation of a constant column.

    >>> scaler = StandardScaler().fit([[1.0, 5.0], [3.0, 5.0]])
    >>> scaler.transform([[1.0, 5.0], [4.0, 6.0]])
    array([[-1.,  0.],
           [ 2.,  1.]])
    >>> scaler.inverse_transform([[2.0, 1.0]])
    array([[4., 6.]])
    """

    def __init__(self) -> None:
        self.mean: Array | None = None
        self.deviation: Array | None = None

    def fit(self, X: Data) -> StandardScaler:
        """Take the columns' means and deviations from samples of shape ``(N, columns)``.

        Raises:
            ValueError: ``X`` is no table, is empty, or holds NaN or infinity.
        """
        X = _table(X, "StandardScaler.fit")
        self.mean = X.mean(axis=0)
        deviation = X.std(axis=0)
        rounding = len(X) * np.finfo(np.float64).eps * np.abs(X).max(axis=0)
        constant = (deviation <= rounding) | (X.min(axis=0) == X.max(axis=0))
        self.mean = np.where(constant, X[0], self.mean)
        self.deviation = np.where(constant, 1.0, deviation)
        return self

    def transform(self, X: Data) -> Array:
        """The samples, of shape ``(N, columns)``, shifted and scaled.

        Raises:
            ValueError: the scaler has not been fitted, or on another number of columns.
        """
        X = _fitting(X, "StandardScaler", "transform", self.mean)
        return np.asarray((X - self.mean) / self.deviation)

    def inverse_transform(self, X: Data) -> Array:
        """What ``transform`` made ``X`` of."""
        X = _fitting(X, "StandardScaler", "inverse_transform", self.mean)
        return np.asarray(X * self.deviation + self.mean)

    def fit_transform(self, X: Data) -> Array:
        """``fit(X)``, then ``transform(X)``."""
        return self.fit(X).transform(X)


def _table(X: Data, what: str) -> Array:
    table: Array = np.asarray(numbers(X), dtype=np.float64)
    if table.ndim != 2 or not table.size:
        raise ValueError(f"{what} takes a table of shape (N, columns), not shape {table.shape}")
    check_finite(table, what)
    return table


def _fitting(X: Data, name: str, method: str, fitted: Array | None) -> Array:
    """A table with as many columns as the scaler was fitted on."""
    if fitted is None:
        raise ValueError(f"the scaler has seen no data: call fit(X_train) before {method}")
    table = _table(X, f"{name}.{method}")
    if table.shape[1] != len(fitted):
        raise ValueError(f"{name} was fitted on {len(fitted)} columns and got shape {table.shape}")
    return table


def check_finite(array: Array, what: str) -> None:
    """Refuse NaN and infinity, with the place of the first.

    Raises:
        ValueError: there is one.

    >>> check_finite(np.array([[1.0, np.nan]]), "X")
    Traceback (most recent call last):
    ValueError: X: row 0, column 1 is nan; fill or leave out samples with missing numbers
    """
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(np.vdot(array, array)):  # NaN and infinity do not vanish in it
            return
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        place = bad[0].tolist()
        where = f"the number at {place[0] if len(place) == 1 else place}"
        if len(place) == 2:
            where = f"row {place[0]}, column {place[1]}"
        raise ValueError(
            f"{what}: {where} is {array[tuple(place)]}; fill or leave out samples with missing "
            "numbers"
        )


def class_indices(labels: ArrayLike, classes: int | None = None, what: str = "labels") -> Array:
    """Labels as whole numbers from 0 to ``classes - 1``, checked; any shape.

    Raises:
        ValueError: there is none; one is no whole number, or out of range.
        TypeError: they are text; ``np.unique(names, return_inverse=True)`` gives indices.

    >>> class_indices([2.0, 0.0])
    array([2, 0])
    """
    found = numbers(labels)
    if not found.size:
        raise ValueError(f"{what}: there are no samples (shape {found.shape})")
    with np.errstate(invalid="ignore"):
        whole = found.astype(np.int64)
    if found.dtype != whole.dtype and not np.array_equal(whole, found):
        raise ValueError(f"{what}: labels are whole numbers, not {found[whole != found].flat[0]}")
    top = int(whole.max()) + 1 if classes is None else classes
    wrong = whole[(whole < 0) | (whole >= top)]
    if wrong.size:
        hint = "; labels start at 0: subtract 1" if whole.min() >= 1 and whole.max() == top else ""
        raise ValueError(f"{what}: label {wrong[0]} is not one of 0 to {top - 1}{hint}")
    return whole


def one_hot(labels: ArrayLike, classes: int | None = None) -> Array:
    """For each label a row with 1 at the label's index and 0 elsewhere.

    Arguments:
        labels: class indices of shape ``(...)``, from 0.
        classes: how many classes there are; by default the greatest label plus 1.

    Returns:
        Floats of shape ``(..., classes)``.

    Raises:
        ValueError: a label is no whole number or out of range, or there are none.

    >>> one_hot([0, 2, 1])
    array([[1., 0., 0.],
           [0., 0., 1.],
           [0., 1., 0.]])
    """
    indices = class_indices(labels, classes, "one_hot")
    return np.asarray(np.eye(int(indices.max()) + 1 if classes is None else classes)[indices])


def train_test_split(
    *arrays: Data, test_size: float = 0.3, rng: Seed = None, stratify: ArrayLike | None = None
) -> list[Any]:
    """Split arrays at random into a training part and a test part, sample by sample alike.

    The samples of both parts come in random order.

    Arguments:
        arrays: arrays of one length N, such as ``X, y``, or tuples or dicts of such arrays.
        test_size: the part of the samples that goes into the test part, between 0 and 1.
        rng: a seed or a Generator (see ``nn.seeds``).
        stratify: labels of shape ``(N,)``; each label is split in this proportion by itself.

    Returns:
        The training and the test part of each array: ``X_train, X_test, y_train, y_test``.

    Raises:
        ValueError: the lengths differ, ``test_size`` is no proportion, or a part, or a label's
            share of a part, would be empty.

    >>> X_train, X_test, y_train, y_test = train_test_split(
    ...     np.arange(20).reshape(10, 2), np.repeat([0, 1], 5), test_size=0.4, rng=0,
    ...     stratify=np.repeat([0, 1], 5))
    >>> X_test.shape, np.sort(y_test)
    ((4, 2), array([0, 0, 1, 1]))
    """
    tables = [arrays_of(array, "train_test_split: an array") for array in arrays]
    lengths = [len(table) if table.ndim else 0 for table in leaves(tables)]
    groups = None if stratify is None else np.asarray(stratify)
    if groups is not None:
        if groups.ndim != 1:
            raise ValueError(f"stratify holds one label for each sample, not shape {groups.shape}")
        lengths.append(len(groups))
    if not tables or len(set(lengths)) != 1:
        raise ValueError(f"train_test_split needs arrays of one length, got lengths {lengths}")
    if not 0 < test_size < 1:
        raise ValueError(f"test_size is a proportion between 0 and 1, not {test_size!r}")
    rng = generator(rng)
    test: list[int] = []
    for group in [np.arange(lengths[0])] if groups is None else _indices_by_label(groups):
        count = math.floor(test_size * len(group) + 0.5)
        if not 0 < count < len(group):
            whose = "" if groups is None else f" of label {groups[group[0]]!r}"
            raise ValueError(
                f"test_size={test_size} of {len(group)} samples{whose} leaves a part empty"
            )
        test += rng.permutation(group)[:count].tolist()
    train = rng.permutation(np.setdiff1d(np.arange(lengths[0]), test))
    parts = train, rng.permutation(test)
    return [
        rebuild(table, (array[part] for array in leaves(table)))
        for table in tables
        for part in parts
    ]


class batches:
    """Mini-batches of arrays of one length, each sample once; the last may be smaller.

    It can be gone through once for each epoch, in a new order each time, and its ``len`` is the
    number of batches.

    Arguments:
        arrays: arrays with the samples along the first axis, or tuples or dicts of such arrays.
        batch_size: how many samples a batch has.
        shuffle: in a random order.
        rng: a seed or a Generator (see ``nn.seeds``), from which every order is drawn.

    Yields:
        For each batch a tuple with its part of each array, arranged as it was given.

    Raises:
        ValueError: the lengths differ, there are no samples, or ``batch_size`` is not positive.

    >>> loader = batches([1, 2, 3], [4, 5, 6], batch_size=2, shuffle=False)
    >>> [[x.tolist() for x, y in loader] for epoch in range(2)], len(loader)
    ([[[1, 2], [3]], [[1, 2], [3]]], 2)
    """

    def __init__(
        self, *arrays: Data, batch_size: int, shuffle: bool = True, rng: Seed = None
    ) -> None:
        self._tables = [arrays_of(array, "batches: an array") for array in arrays]
        lengths = [len(table) if table.ndim else 0 for table in leaves(self._tables)]
        if not lengths or len(set(lengths)) != 1:
            raise ValueError(f"batches needs arrays of one length, got lengths {lengths}")
        if not lengths[0]:
            raise ValueError("batches: there are no samples")
        self._count, self._batch_size = lengths[0], size("batch_size", batch_size)
        self._rng = generator(rng) if shuffle else None

    def __len__(self) -> int:
        return -(-self._count // self._batch_size)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        order = np.arange(self._count) if self._rng is None else self._rng.permutation(self._count)
        for start in range(0, self._count, self._batch_size):
            part = order[start : start + self._batch_size]
            yield rebuild(tuple(self._tables), (table[part] for table in leaves(self._tables)))


def sequences(items: ArrayLike, length: int, *, step: int | None = None) -> tuple[Array, Array]:
    """Windows of a long sequence, and the same windows one item later: what comes next.

    Arguments:
        items: numbers of shape ``(T, ...)`` in the order of time, such as characters' indices.
        length: how many items a window has.
        step: how far each window begins after the one before; ``length`` by default, so that
            none overlap.

    Returns:
        Inputs and targets, each of shape ``(windows, length, ...)``; items at the end that fill
        no window are left out.

    Raises:
        ValueError: there are not at least ``length + 1`` items, or a number is not positive.

    >>> inputs, targets = sequences([1, 2, 3, 4, 5, 6], 2)
    >>> inputs.tolist(), targets.tolist()
    ([[1, 2], [3, 4]], [[2, 3], [4, 5]])
    """
    array = np.asarray(items)
    step = length if step is None else step
    if length < 1 or step < 1:
        raise ValueError(f"length and step are positive whole numbers, not {length!r} and {step!r}")
    if array.ndim == 0 or len(array) < length + 1:
        count = len(array) if array.ndim else 0
        raise ValueError(f"sequences of {length} items need {length + 1} items, got {count}")
    starts = np.arange(0, len(array) - length, step)
    rows = starts[:, None] + np.arange(length)
    return array[rows], array[rows + 1]


def padded(rows: Sequence[Any], fill: float = 0) -> tuple[Array, Array]:
    """Sequences of different lengths as one array, and a mask that says what is theirs.

    Arguments:
        rows: N sequences, each of shape ``(t, ...)`` with t of its own.
        fill: what to put behind the end of a shorter one.

    Returns:
        An array of shape ``(N, T, ...)``, T being the greatest length, and a boolean mask of
        shape ``(N, T)``.

    Raises:
        ValueError: there is no sequence, or their steps differ in shape.

    >>> together, mask = padded([[5, 6, 7], [8]])
    >>> together.tolist(), mask.tolist()
    ([[5, 6, 7], [8, 0, 0]], [[True, True, True], [True, False, False]])
    """
    arrays = [np.asarray(row) for row in rows]
    if not arrays:
        raise ValueError("padded: there is no sequence")
    steps = {array.shape[1:] for array in arrays}
    if len(steps) > 1 or not all(array.ndim for array in arrays):
        found = " and ".join(sorted({str(array.shape) for array in arrays}))
        raise ValueError(
            f"padded: sequences have shape (t, ...) with equal shapes but for t, got {found}"
        )
    longest = max(map(len, arrays))
    dtype = np.result_type(*arrays, fill)
    together = np.full((len(arrays), longest, *arrays[0].shape[1:]), fill, dtype)
    mask = np.zeros((len(arrays), longest), dtype=bool)
    for index, array in enumerate(arrays):
        together[index, : len(array)] = array
        mask[index, : len(array)] = True
    return together, mask


def _indices_by_label(labels: Array) -> list[Array]:
    return [np.flatnonzero(labels == label) for label in np.unique(labels)]
