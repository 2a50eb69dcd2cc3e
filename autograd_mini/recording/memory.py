"""What a piece of memory holds, as nodes of a graph: reading gathers, writing puts in place.

An array that owns its memory and all views of it share one ``Memory``.  Which elements a view shows
is read from its address and strides, so that it does not matter how the view was made.
"""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Callable, Sequence

import numpy as np

from autograd_mini.core.tensor import Tensor
from autograd_mini.operations.indexing import gather
from autograd_mini.operations.shapes import astype, reshape
from autograd_mini.recording.nodes import same_numbers
from autograd_mini.recording.scalars import RecordedFloat, RecordedNumber
from autograd_mini.recording.tape import Tape, current
from autograd_mini.typing import Array, Operand

_memories: dict[int, Memory] = {}
"""The memories of arrays that are alive, by the number of the array that owns it."""


def root_of(array: Array) -> Array:
    """The array that owns the memory that an array looks into."""
    root, base = array, array.base
    while base is not None:
        if isinstance(base, np.ndarray):
            root = base
        base = getattr(base, "base", None)  # as_strided puts an object of its own between
    return root


def memory_of(array: Array) -> Memory | None:
    """What is known of the memory of an array; ``None`` if it holds nothing recorded."""
    return _known(root_of(array))


def _known(root: Array) -> Memory | None:
    """What this tape knows of an array that owns its memory; what another knew is no more true."""
    found = _memories.get(id(root))
    return found if found is None or current() in (None, found.tape) else None


def memory_for(array: Array, tape: Tape) -> Memory:
    """The memory of an array, whose numbers are constants if nothing is known of it."""
    root = root_of(array)
    found = _known(root)
    if found is None or found.is_constant:  # what was written into constants was not put down
        found = _memories[id(root)] = Memory(root, np.array(root), tape)
    return found


def node_of(value: Operand) -> Tensor | None:
    """The node with what an array or number holds; ``None`` if it depends on no leaf.

    >>> node_of(np.ones(2)) is None
    True
    """
    if not isinstance(value, np.ndarray):
        return value.node if isinstance(value, RecordedFloat | RecordedNumber) else None
    memory = memory_of(value)
    if memory is None or value.dtype != memory.dtype:
        if memory is None:
            _note_unseen(value)
        return None
    return memory.read(value, getattr(value, "_make", None))


def version_of(array: Array) -> int:
    """How often the memory of an array was written since it is known: what was read is true as long
    as that is the same.
    """
    memory = memory_of(array)
    return -1 if memory is None else memory.version


def _note_unseen(value: Array) -> None:
    """Tell of a recorded array that NumPy made by itself: those of ours are views of its arrays."""
    open_tape = current()
    if open_tape is not None and value.base is None and hasattr(value, "_make"):
        open_tape.note("an array was computed from recorded ones where that could not be followed")


class Memory:
    """What a piece of memory holds.

    Arguments:
        root: the array that owns it.
        content: what it holds: a Tensor, or an array of constants.
        tape: what is told of writes that were not seen.

    Attributes:
        is_constant: whether nothing in it depends on a leaf.
        version: how often it was written.
    """

    def __init__(self, root: Array, content: Tensor | Array, tape: Tape) -> None:
        number = id(root)
        self._root = weakref.ref(root, lambda _: _memories.pop(number, None))
        self.tape = tape
        self.shape, self.dtype = root.shape, root.dtype
        self.strides, self.size = root.strides, root.size
        self._is_in_order = root.flags.c_contiguous
        self._content = content
        self.is_constant = not isinstance(content, Tensor)
        self._written: list[Tensor | Array] = []  # since all was gathered in one node
        self._writer: Array | None = None  # for each element the number of the one, or -1
        self._place: Array | None = None  # and which of its elements it is
        self._numbers: Array | None = None  # of its elements, once they are asked for
        self._views: weakref.WeakValueDictionary[object, Tensor] = weakref.WeakValueDictionary()
        self.version = 0

    def shows_all(self, view: Array) -> bool:
        """Whether a view shows the whole memory in its order."""
        if view.shape == self.shape:
            return view.strides == self.strides
        return self._is_in_order and view.size == self.size and view.flags.c_contiguous

    def places(self, view: Array) -> Array:
        """For each element of a view which element of the memory it is, counted in the order C.

        They are a view of the numbers of all elements, which are laid out as the memory is.
        """
        root = self._root()
        assert root is not None  # which a view of it keeps
        if self._numbers is None:
            self._numbers = np.empty_like(root, dtype=np.intp, subok=False)
            self._numbers[...] = np.arange(self.size).reshape(self.shape)
        size, own = self.dtype.itemsize, self._numbers.itemsize
        offset = (_address(view) - _address(root)) // size * own
        strides = tuple(stride // size * own for stride in view.strides)
        return np.ndarray(view.shape, np.intp, self._numbers.data, offset, strides)

    # Reading

    def read(self, view: Array, make: Callable[[], Tensor | None] | None = None) -> Tensor | None:
        """The node with what a view shows; ``None`` if that is constant.

        Views that show the same have one node, until something is written.  What was written
        unseen is found, since the numbers differ: it counts as constant.

        Arguments:
            make: records it by the operation that made the view, where nothing was written since.
        """
        if self.is_constant:
            return None
        shown = _address(view), view.shape, view.strides
        known = self._views.get(shown)
        if known is not None and same_numbers(known._array, np.asarray(view)):
            return known
        for way in (
            (make, None) if make else (None,)
        ):  # the operation's own operands may be others now
            node = self._node(view, way)
            if node is None or same_numbers(node._array, np.asarray(view)):
                if node is not None:
                    self._views[shown] = node
                return node
        view = np.asarray(view)
        self.tape.note("numbers were written into an array where that could not be followed")
        places, numbers = self.places(view), np.array(view)
        assert node is not None
        differs = ~((node._array == numbers) | (np.isnan(node._array) & np.isnan(numbers)))
        self._put(places[differs], numbers[differs])
        return None if self.is_constant else self._node(view, None)

    def _node(self, view: Array, make: Callable[[], Tensor | None] | None) -> Tensor | None:
        if self.shows_all(view):
            node = self._all()
            if node is not None and view.shape != self.shape:
                node = reshape(node, view.shape)
            return node
        if make is not None and not self._written:
            with contextlib.suppress(IndexError, ValueError, TypeError):
                node = make()  # of an array whose shape may have been set since
                if node is not None and node.shape == view.shape:
                    return node
        return self.gathered(self.places(view))

    def _all(self) -> Tensor | None:
        if self._written:
            whole = self.gathered(np.arange(self.size).reshape(self.shape))
            self._become(np.array(self._root()) if whole is None else whole)
        return self._content if isinstance(self._content, Tensor) else None

    def gathered(self, places: Array) -> Tensor | None:
        """The node with the elements at places; ``None`` if all are constants."""
        content = self._content
        if self._writer is None or self._place is None:
            if not isinstance(content, Tensor):
                return None
            return _gathered([content], places)
        writer = self._writer[places]
        first = writer.flat[0] if writer.size else -1
        if np.all(writer == first):
            source = content if first < 0 else self._written[first]
            if not isinstance(source, Tensor):
                return None
            inner = places if first < 0 else self._place[places]
            if inner.size == source.size and np.all(inner.ravel() == np.arange(inner.size)):
                made: Tensor = (
                    source if source.shape == places.shape else reshape(source, places.shape)
                )
                return made
            return _gathered([source], inner)
        several = np.unique(writer)
        sources = [content if k < 0 else self._written[k] for k in several]
        if not any(isinstance(source, Tensor) for source in sources):
            return None
        starts = np.cumsum([0, *map(np.size, sources)])
        inner = np.where(writer < 0, places, self._place[places])
        return _gathered(sources, inner + starts[np.searchsorted(several, writer)])

    # Writing: NumPy has done it, or will do it

    def write(self, view: Array, value: Tensor | None) -> None:
        """All of a view was written: a node, or constants where that is ``None``.

        Arguments:
            view: plain, with the numbers that it now holds.
        """
        content = np.array(view) if value is None else self._fitting(value, view.shape)
        if content.shape == self.shape and self.shows_all(view):
            self._become(content)
        elif content.size == self.size and self.shows_all(view):
            self._become(np.reshape(content, self.shape))
        else:
            self._put(self.places(view), content)

    def write_at(self, places: Array, value: Tensor | None, numbers: Array) -> None:
        """Elements at places were written.

        Arguments:
            value: the node, which may be broadcast, or ``None`` for constants.
            numbers: what was written, of the shape of ``places``.
        """
        self._put(places, np.array(numbers) if value is None else self._fitting(value, ()))

    def _fitting(self, value: Tensor, shape: tuple[int, ...]) -> Tensor:
        if value.dtype != self.dtype:
            value = astype(value, self.dtype)
        return value

    def _become(self, content: Tensor | Array) -> None:
        self._content, self._written = content, []
        self.is_constant = not isinstance(content, Tensor)
        self._writer = self._place = None
        self._is_written()

    def _put(self, places: Array, value: Tensor | Array) -> None:
        if self._writer is None or self._place is None:
            self._writer = np.full(self.size, -1)
            self._place = np.zeros(self.size, np.intp)
        inner = np.arange(np.size(value)).reshape(np.shape(value))
        extra = max(inner.ndim - places.ndim, 0)
        inner = inner.reshape(inner.shape[extra:])  # NumPy lets leading axes of size 1 go
        self._writer[places] = len(self._written)
        self._place[places] = inner
        self._written.append(value)
        self.is_constant &= not isinstance(value, Tensor)
        self._is_written()

    def _is_written(self) -> None:
        self.version += 1
        self._views.clear()


def _gathered(sources: Sequence[Tensor | Array], places: Array) -> Tensor:
    made: Tensor = gather(sources, places)
    return made


def _address(array: Array) -> int:
    found: int = array.__array_interface__["data"][0]
    return found
