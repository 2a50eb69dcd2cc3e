"""A trace as a program: each call told where to write, in memory that is made once and reused.

>>> from autograd_mini.replay.trace import Trace
>>> trace = Trace()
>>> x = trace.input(np.array([1.0, 2.0]))
>>> y = (np.exp(x) + 1.0) * np.exp(x)
>>> plan = Plan(trace, [Place(np.sum(y).place)])
>>> print(plan.text)
def make(piece, exp, add, multiply, add_reduce):
    v1 = piece(0, (2,), '<f8', (8,))
    v2 = piece(1, (2,), '<f8', (8,))
    v4 = piece(1, (2,), '<f8', (8,))
    def run(effects, v0):
        exp(v0, v1)
        add(v1, 1.0, v2)
        multiply(v2, v1, v4)
        v5 = add_reduce(v4, None)
        return (v5,)
    return run
>>> plan.program()(True, np.array([0.0, 1.0]))
(np.float64(12.107337927389695),)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from autograd_mini.interface.functions import but
from autograd_mini.replay.simplify import simplified
from autograd_mini.replay.trace import Kind, Place, Step, Trace, places_in
from autograd_mini.typing import Array, Function, Operand

LARGE = 1 << 15
"""From so many bytes on, the memory of a result is used again when nobody has the result."""

FOREVER = 1 << 60
CONDITIONS = (Kind.TRUTH, Kind.NUMBER, Kind.SHAPE)
_SYMBOLS: dict[Any, str] = {
    np.add: "+", np.subtract: "-", np.multiply: "*", np.true_divide: "/",
    np.equal: "==", np.not_equal: "!=", np.less: "<", np.less_equal: "<=", np.greater: ">",
    np.greater_equal: ">=",
}  # fmt: skip
"""How numbers of NumPy's are computed with: the same as by the ufunc, and sooner."""
_NAMED = (np.maximum, np.minimum)
"""What takes no more than its operands by position."""
_PYTHON = {int, float}
_INTO = (np.concatenate, np.stack)
"""Functions besides ufuncs that are told where to write."""


class Plan:
    """The program of a trace.

    Arguments:
        trace: what was called.
        outputs: the places of what each run gives.

    Attributes:
        text: the program: ``make`` makes its memory and gives ``run``, which takes the inputs,
            and for each of ``results`` an array to write into; it gives ``None`` where a
            condition is not met.
        results: for each output that is written into an array that is given: shape, dtype, strides.
    """

    def __init__(self, trace: Trace, outputs: Sequence[Place]) -> None:
        self.values, self.inputs = trace.values, trace.inputs
        self.steps, self.outputs = simplified(trace, outputs)
        self.roots: dict[Place, Place] = {}
        self.steps_of: dict[Place, Step] = {}
        self.last: dict[Place, int] = {}
        self._starts: dict[int, int] = {}
        self._count = 0
        self._number(self.steps, ())
        for place in self.outputs:
            self.last[self._root(place)] = FOREVER
        self.fresh: dict[Place, int] = {}
        self.results: list[tuple[tuple[int, ...], str, tuple[int, ...]]] = []
        self._choose_results()
        self.pieces: dict[Place, int] = {}
        self.sizes: list[int] = []
        self._free: list[int] = []
        self._index = 0
        self._allocate(self.steps)
        self._scope: dict[str, Any] = {}
        self._names: dict[Any, str] = {}
        self._settings: tuple[tuple[str, str], ...] = ()
        self.text = self._text()
        scope: dict[str, Any] = {}
        exec(compile(self.text, "<plan>", "exec"), scope)
        self._make: Function = scope["make"]
        del self.values  # which would keep the arrays of one call

    def program(self) -> Function:
        """A program with memory of its own, for one run at a time."""
        memory = [_aligned(size) for size in self.sizes]

        def piece(
            index: int, shape: tuple[int, ...], dtype: str, strides: tuple[int, ...]
        ) -> Array:
            return np.ndarray(shape, dtype, memory[index], 0, strides)

        made: Function = self._make(piece, *self._scope.values())
        return made

    # When each value is used

    def _root(self, place: Place) -> Place:
        return self.roots.get(place, place)

    def _number(self, steps: Sequence[Step], also: tuple[Place, ...]) -> None:
        """Give each step its index, and note when each value is last used.

        ``also`` is what a condition in a function that was traced as one reads besides.
        """
        for step in steps:
            if step.body:
                given = (*also, *places_in((step.args, step.kwargs)))
                self._number(step.body, given)
                continue
            self._count += 1
            used = [*step.reads(), *(also if step.kind in CONDITIONS else ())]
            for place in used:
                self.last[self._root(place)] = self._count
            if step.out is not None:
                self.steps_of[step.out] = step
                if step.view is not None:
                    self.roots[step.out] = self._root(step.view)
                self.last[self._root(step.out)] = self._count

    def _is_planned(self, place: Place) -> bool:
        """Whether it is computed into memory that is told."""
        step = self.steps_of.get(place)
        if step is None or step.view is not None or step.kind:
            return False
        value = self.values[place]
        if not isinstance(value, np.ndarray) or not value.size or min(value.strides, default=0) < 0:
            return False
        told = step.ufunc is not None or step.function in _INTO or hasattr(step.function, "over")
        return bool(value.ndim) and told

    def _choose_results(self) -> None:
        """Which outputs are computed where they belong, in an array that the caller keeps."""
        for place in self.outputs:
            root = self._root(place)
            if self._is_planned(root) and self.values[root].size == np.size(self.values[place]):
                if root not in self.fresh and self.values[root].nbytes >= LARGE:
                    value = self.values[root]
                    self.fresh[root] = len(self.results)
                    self.results.append((value.shape, value.dtype.str, value.strides))
                else:
                    self.fresh.setdefault(root, -1)

    def _is_fixed(self, place: Place | None) -> bool:
        """Whether it is always the same piece of memory, or a view of one."""
        if place is None or (root := self._root(place)) not in self.pieces:
            return False
        while place is not None and place != root:
            step = self.steps_of[place]
            if set(step.reads()) != {step.view}:
                return False
            place = step.view
        return True

    def _allocate(self, steps: Sequence[Step]) -> None:
        for step in steps:
            if step.body:
                self._allocate(step.body)
                continue
            self._index += 1
            if step.out is not None and self._is_planned(step.out) and step.out not in self.fresh:
                self._place(step)
            for root in {self._root(place) for place in (*step.reads(), *_own(step))}:
                if self.last[root] == self._index and root in self.pieces:
                    self._free.append(self.pieces[root])

    def _place(self, step: Step) -> None:
        """Give a step the memory of an operand that nobody needs any more, or a free piece."""
        assert step.out is not None
        value = self.values[step.out]
        over: int | None = getattr(step.function, "over", None)
        elementwise = step.function is step.ufunc and getattr(step.ufunc, "signature", "") is None
        if elementwise or over is not None:
            for operand in step.args if over is None else step.args[over : over + 1]:
                if type(operand) is not Place or operand not in self.pieces:
                    continue
                other = self.values[operand]
                views = [p for p in step.reads() if p != operand and self._root(p) == operand]
                same = _layout(other) == _layout(value)
                if same and self.last[operand] == self._index and not views:
                    self.pieces[step.out] = self.pieces[operand]
                    self.last[operand] = 0  # the piece goes on
                    return
        size = value.nbytes
        fitting = [i for i in self._free if size <= self.sizes[i] <= 2 * size + 256]
        if fitting:
            best = min(fitting, key=self.sizes.__getitem__)
            self._free.remove(best)
        else:
            self.sizes.append(size)
            best = len(self.sizes) - 1
        self.pieces[step.out] = best

    # The text

    def _text(self) -> str:
        lines = list(self._lines(self.steps, "        ", ()))
        if self._settings:
            self._settings = ()
        gives = [self._given(place, i) for i, place in enumerate(self.outputs)]
        inputs = [self._name(place) for place in self.inputs]
        inputs += [f"r{i}" for i in range(len(self.results))]
        numbers = [
            f"        {self._name(p)} = {self._name(p)}[()]"
            for p in self.inputs
            if isinstance(self.values[p], np.ndarray) and not self.values[p].ndim
        ]
        pieces = [
            f"    {self._name(p)} = piece({i}, {v.shape}, {v.dtype.str!r}, {v.strides})"
            for p, i in self.pieces.items()
            if (v := self.values[p]) is not None
        ]
        views = [
            f"    {self._name(p)} = {self._call(step)}"
            for p, step in self.steps_of.items()
            if step.view is not None and self._is_fixed(p)
        ]
        return "\n".join([
            f"def make({', '.join(['piece', *self._scope])}):",
            *pieces,
            *views,
            f"    def run({', '.join(['effects', *inputs])}):",
            *numbers,
            *lines,
            f"        return ({', '.join(gives)}{',' * (len(gives) == 1)})",
            "    return run",
        ])  # fmt: skip

    def _lines(self, steps: Sequence[Step], indent: str, instead: tuple[str, ...]) -> Iterator[str]:
        settings: tuple[tuple[str, str], ...] = ()
        base = self.base_settings = getattr(self, "base_settings", _first_settings(steps))
        inner = indent
        for step in steps:
            if step.out is not None and step.view is None:
                wanted = step.settings if step.settings != base else ()
                if wanted != settings:
                    settings, inner = wanted, indent
                    if wanted:
                        options = ", ".join(f"{k}={v!r}" for k, v in wanted)
                        yield f"{indent}with {self._object(np.errstate, 'errstate')}({options}):"
                        inner = indent + "    "
            if step.kind in CONDITIONS:
                yield from self._condition(step, inner, instead)
            elif step.kind == Kind.DONE:
                yield f"{inner}if effects: {self._call(step)}"
            elif step.body:
                yield f"{inner}while True:"
                call = self._call(step)
                assert step.out is not None
                where = self._where(step.out)
                if where is None:
                    lines: tuple[str, ...] = (f"{self._name(step.out)} = {call}", "break")
                else:
                    copy = self._object(np.copyto, "copyto")
                    lines = (f"{copy}({where}, {call})", *self._bound(step.out, where), "break")
                yield from self._lines(step.body, inner + "    ", lines)
                yield f"{inner}    break"
            elif step.view is None or not self._is_fixed(step.out):
                yield inner + self._statement(step)

    def _bound(self, place: Place, where: str) -> Iterator[str]:
        name = self._name(place)
        if name != where:
            yield f"{name} = {where}"

    def _where(self, place: Place) -> str | None:
        """The array that a step writes into; ``None`` if it makes one."""
        if place in self.pieces:
            return self._name(place)
        index = self.fresh.get(place, -1)
        return f"r{index}" if index >= 0 else None

    def _condition(self, step: Step, indent: str, instead: tuple[str, ...]) -> Iterator[str]:
        (operand,) = step.args
        name = self._name(operand)
        if step.kind == Kind.TRUTH:
            test = f"not {name}" if step.expected else name
        elif step.kind == Kind.SHAPE:
            test = f"{name}.shape != {step.expected}"
        else:
            same = self._object(_same_number, "same_number")
            test = f"not {same}({name}, {self._operand(step.expected)})"
        if not instead:
            yield f"{indent}if {test}: return None"
            return
        yield f"{indent}if {test}:"
        for line in instead:
            yield f"{indent}    {line}"

    def _statement(self, step: Step) -> str:
        assert step.out is not None
        name, where = self._name(step.out), self._where(step.out)
        if step.function is but and not np.ndim(self.values[step.out]):
            common, taken = map(self._operand, step.args[:2])
            return f"{name} = {self._call(step)} if {taken} else {common}"
        if where is None or not self._is_planned(step.out):
            return f"{name} = {self._call(step)}"
        if step.function is but and step.args[0] in self.pieces:
            common = step.args[0]
            if self.pieces[common] == self.pieces.get(step.out):
                step.args = (step.out, *step.args[1:])
                counted = self._object(np.count_nonzero, "count_nonzero")
                return f"if {counted}({self._operand(step.args[1])}): {self._call(step, where)}"
        call = self._call(step, where)
        return call if name == where else f"{name} = {call}"

    def _call(self, step: Step, where: str | None = None) -> str:
        args = [self._operand(each) for each in step.args]
        kwargs = [f"{key}={self._operand(each)}" for key, each in step.kwargs.items()]
        if step.function is step.ufunc:
            symbol = _SYMBOLS.get(step.ufunc) if len(args) == 2 else None
            if symbol and where is None and self._are_floats(step):
                return f"{args[0]} {symbol} {args[1]}"
            if step.ufunc is np.negative and where is None and self._are_floats(step):
                return f"-{args[0]}"
            args += [] if not where else [f"out={where}" if step.ufunc in _NAMED else where]
        elif step.ufunc is not None:
            return self._reduction(step, args[0], where)
        elif where:
            kwargs.append(f"out={where}")
        return f"{self._object(step.function)}({', '.join([*args, *kwargs])})"

    def _reduction(self, step: Step, operand: str, where: str | None) -> str:
        """A call of ``reduce``, with its options by position where that can be."""
        options = dict(step.kwargs)
        names = ("axis", "dtype", "out", "keepdims")
        options |= dict(zip(names, step.args[1:], strict=False))
        options.setdefault("axis", 0)
        if where:
            options["out"] = None
        count = max(i for i, name in enumerate(names) if name in options) + 1
        args = [self._operand(options.pop(name, None)) for name in names[:count]]
        if where:
            args[2] = where
        args += [f"{key}={self._operand(each)}" for key, each in options.items()]
        name = f"{getattr(step.ufunc, '__name__', 'ufunc')}_reduce"
        return f"{self._object(step.function, name)}({operand}, {', '.join(args)})"

    def _are_floats(self, step: Step) -> bool:
        values = [self.values[o] if type(o) is Place else o for o in (*step.args, step.out)]
        return all(isinstance(v, np.floating | np.bool_) or type(v) in _PYTHON for v in values)

    def _given(self, place: Place, index: int) -> str:
        """What a run gives for an output: memory that nothing writes into afterwards."""
        name, root = self._name(place), self._root(place)
        first = self.outputs.index(place) == index
        owned = root in self.fresh or (
            root in self.steps_of and root not in self.pieces and first and place == root
        )
        shared = sum(self._root(other) == root for other in self.outputs) > 1
        if not np.ndim(self.values[place]):
            return f"{name}[()]" if isinstance(self.values[place], np.ndarray) else name
        return name if owned and not shared else f"{name}.copy()"

    def _name(self, place: Place) -> str:
        return f"v{int(place)}"

    def _operand(self, operand: Operand) -> str:
        if type(operand) is Place:
            return self._name(operand)
        if type(operand) in (tuple, list) and any(True for _ in places_in(operand)):
            inside = ", ".join(map(self._operand, operand))
            if type(operand) is list:
                return f"[{inside}]"
            return f"({inside}{',' * (len(operand) == 1)})"
        if operand is None or type(operand) in (bool, int):
            return f"({operand})" if type(operand) is int and operand < 0 else repr(operand)
        if type(operand) is float and operand == operand and abs(operand) != np.inf:
            return f"({operand!r})" if repr(operand)[0] == "-" else repr(operand)
        return self._object(operand, "c")

    def _object(self, thing: Operand, name: str = "") -> str:
        """The name of a function or a constant."""
        key = id(thing) if name == "c" else thing
        if key not in self._names:
            base = name or getattr(thing, "__name__", "f")
            base = base if base.isidentifier() and base != "<lambda>" else "f"
            wanted, number = base if name != "c" else "c0", 1
            while wanted in self._scope or wanted in ("piece", "run", "make"):
                wanted = f"{base}{number}"
                number += 1
            self._scope[wanted] = thing
            self._names[key] = wanted
        return self._names[key]


def _own(step: Step) -> tuple[Place, ...]:
    return () if step.out is None else (step.out,)


def _layout(array: Array) -> object:
    return array.shape, array.strides, array.dtype


def _first_settings(steps: Sequence[Step]) -> tuple[tuple[str, str], ...]:
    return next((step.settings for step in steps if step.settings), ())


def _same_number(found: Operand, expected: Operand) -> bool:
    return bool(found == expected or (found != found and expected != expected))


def _aligned(size: int) -> Array:
    """Bytes that begin where a line of the cache does."""
    raw = np.empty(size + 64, np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + size]
