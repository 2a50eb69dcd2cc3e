"""A Tensor's shape and methods, as those of an array: each is NumPy's function of its name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, NoReturn

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from autograd_mini import other_libraries
from autograd_mini.core.operation import NUMPY_FUNCTIONS
from autograd_mini.typing import Array, Axis, Function, Operand

if TYPE_CHECKING:
    from autograd_mini.core.tensor import Tensor


class ArrayMethods:
    """The part of Tensor that is an array's shape and methods."""

    __slots__ = ()

    if TYPE_CHECKING:
        _array: Array

    @property
    def shape(self) -> tuple[int, ...]:
        return self._array.shape

    @property
    def ndim(self) -> int:
        return self._array.ndim

    @property
    def size(self) -> int:
        return self._array.size

    @property
    def dtype(self) -> np.dtype[Any]:
        return self._array.dtype

    @property
    def T(self) -> Tensor:
        return through_numpy(np.transpose, self)

    def reshape(self, *shape: int | Sequence[int], **more: object) -> Tensor:
        return through_numpy(np.reshape, self, shape[0] if len(shape) == 1 else shape, **more)

    def transpose(self, *axes: int | Sequence[int] | None) -> Tensor:
        return through_numpy(np.transpose, self, (axes[0] if len(axes) == 1 else axes) or None)

    def ravel(self) -> Tensor:
        return through_numpy(np.ravel, self)

    flatten = ravel

    def copy(self) -> Tensor:
        return through_numpy(np.copy, self)

    def squeeze(self, axis: Axis = None, **more: object) -> Tensor:
        return through_numpy(np.squeeze, self, axis, **more)

    def swapaxes(self, axis1: int, axis2: int) -> Tensor:
        return through_numpy(np.swapaxes, self, axis1, axis2)

    def sum(
        self,
        axis: Axis = None,
        dtype: DTypeLike | None = None,
        out: object = None,
        keepdims: bool = False,
        **more: object,
    ) -> Tensor:
        return _reduction(np.sum, self, dtype, out, axis=axis, keepdims=keepdims, **more)

    def mean(
        self,
        axis: Axis = None,
        dtype: DTypeLike | None = None,
        out: object = None,
        keepdims: bool = False,
        **more: object,
    ) -> Tensor:
        return _reduction(np.mean, self, dtype, out, axis=axis, keepdims=keepdims, **more)

    def var(
        self,
        axis: Axis = None,
        dtype: DTypeLike | None = None,
        out: object = None,
        ddof: int = 0,
        keepdims: bool = False,
        **more: object,
    ) -> Tensor:
        return _reduction(np.var, self, dtype, out, axis=axis, keepdims=keepdims, ddof=ddof, **more)

    def std(
        self,
        axis: Axis = None,
        dtype: DTypeLike | None = None,
        out: object = None,
        ddof: int = 0,
        keepdims: bool = False,
        **more: object,
    ) -> Tensor:
        return _reduction(np.std, self, dtype, out, axis=axis, keepdims=keepdims, ddof=ddof, **more)

    def prod(
        self,
        axis: Axis = None,
        dtype: DTypeLike | None = None,
        out: object = None,
        keepdims: bool = False,
        **more: object,
    ) -> Tensor:
        return _reduction(np.prod, self, dtype, out, axis=axis, keepdims=keepdims, **more)

    def max(
        self, axis: Axis = None, out: object = None, keepdims: bool = False, **more: object
    ) -> Tensor:
        return _reduction(np.max, self, None, out, axis=axis, keepdims=keepdims, **more)

    def min(
        self, axis: Axis = None, out: object = None, keepdims: bool = False, **more: object
    ) -> Tensor:
        return _reduction(np.min, self, None, out, axis=axis, keepdims=keepdims, **more)

    def cumsum(self, axis: Axis = None, **more: object) -> Tensor:
        return through_numpy(np.cumsum, self, axis=axis, **more)

    def trace(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
        return through_numpy(np.trace, self, offset, axis1, axis2)

    def diagonal(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
        return through_numpy(np.diagonal, self, offset, axis1, axis2)

    def dot(self, other: Operand) -> Tensor:
        return through_numpy(np.dot, self, other)

    def clip(self, min: Operand = None, max: Operand = None) -> Tensor:
        return through_numpy(np.clip, self, min, max)

    def round(self, decimals: int = 0, **more: object) -> Tensor:
        return through_numpy(np.round, self, decimals, **more)

    def repeat(self, repeats: ArrayLike, axis: Axis = None, **more: object) -> Tensor:
        return through_numpy(np.repeat, self, repeats, axis, **more)

    def take(self, indices: ArrayLike, axis: Axis = None, **more: object) -> Tensor:
        return through_numpy(np.take, self, indices, axis, **more)

    def astype(self, dtype: DTypeLike | None) -> Tensor:
        return through_numpy(NUMPY_FUNCTIONS[np.ndarray.astype], self, dtype)

    def argmax(self, axis: Axis = None, **more: object) -> Any:
        return through_numpy(np.argmax, self, axis, **more)

    def compress(self, condition: ArrayLike, axis: Axis = None, **more: object) -> Tensor:
        return through_numpy(np.compress, condition, self, axis, **more)

    def conj(self) -> Tensor:
        return through_numpy(np.conjugate, self)

    conjugate = conj

    def cumprod(self, axis: Axis = None, **more: object) -> Tensor:
        return through_numpy(np.cumprod, self, axis=axis, **more)

    @property
    def mT(self) -> Tensor:
        return through_numpy(np.matrix_transpose, self)

    @property
    def device(self) -> str:
        """Where all arrays of NumPy's are."""
        return "cpu"

    def to_device(self, device: Literal["cpu"], *, stream: None = None) -> ArrayMethods:
        """Itself: there is one device."""
        np.empty(0).to_device(device, stream=stream)  # which refuses another
        return self

    @property
    def real(self) -> Tensor:
        return through_numpy(np.real, self)

    @property
    def imag(self) -> Tensor:
        return through_numpy(np.imag, self)

    @property
    def flat(self) -> Tensor:
        return through_numpy(np.ravel, self)

    def sort(self, *_: object, **__: object) -> NoReturn:
        raise TypeError(
            "t.sort() would overwrite numbers that the sweep needs: write t = np.sort(t)"
        )

    # Plain results

    def all(self, axis: Axis = None, **more: object) -> Operand:
        return through_numpy(np.all, self, axis, **more)

    def any(self, axis: Axis = None, **more: object) -> Operand:
        return through_numpy(np.any, self, axis, **more)

    def argsort(self, axis: int | None = -1, **more: object) -> Operand:
        return through_numpy(np.argsort, self, axis, **more)

    def argpartition(self, kth: ArrayLike, axis: int | None = -1, **more: object) -> Operand:
        return through_numpy(np.argpartition, self, kth, axis, **more)

    def nonzero(self) -> Operand:
        return through_numpy(np.nonzero, self)

    def searchsorted(self, v: ArrayLike, **more: object) -> Operand:
        return through_numpy(np.searchsorted, self, v, **more)

    def argmin(self, axis: Axis = None, **more: object) -> Operand:
        return through_numpy(np.argmin, self, axis, **more)


def through_numpy(function: Function, *args: object, **kwargs: object) -> Tensor:
    """NumPy's function of a Tensor, which gives a Tensor whatever NumPy's types say."""
    if not other_libraries.OPTIONS.keys().isdisjoint(kwargs):
        other_libraries.refuse_options(function.__name__, kwargs)
    made: Tensor = function(*args, **kwargs)
    return made


def _reduction(
    function: Function, x: ArrayMethods, dtype: DTypeLike | None, out: object, **options: object
) -> Tensor:
    """NumPy's function, without the two options that can but be at their defaults."""
    if dtype is not None:
        options["dtype"] = dtype
    if out is not None:
        options["out"] = out
    return through_numpy(function, x, **options)
