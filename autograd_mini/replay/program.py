"""The text of a plan: a function that makes its memory, and in it one that runs.

What NumPy does sooner when it is told so is written so: numbers beside arrays as arrays without
axes, products of matrices by ``dot``, parts of a piece of memory as views that are made once.
"""

from __future__ import annotations

import contextvars
import math
import operator
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from autograd_mini.interface.functions import FEW, but
from autograd_mini.operations.indexing import zeros_with
from autograd_mini.replay.algebra import combined_at
from autograd_mini.replay.nan_guards import has_sum_of_squares
from autograd_mini.replay.numpy_calls import method_called
from autograd_mini.replay.trace import Kind, Place, Step, places_in
from autograd_mini.typing import Function, Operand

CONDITIONS = (Kind.TRUTH, Kind.NUMBER, Kind.SHAPE, Kind.NAN)
_SYMBOLS: dict[Any, str] = {
    np.add: "+", np.subtract: "-", np.multiply: "*", np.true_divide: "/",
    np.equal: "==", np.not_equal: "!=", np.less: "<", np.less_equal: "<=", np.greater: ">",
    np.greater_equal: ">=",
}  # fmt: skip
"""How numbers of NumPy's are computed with: the same as by the ufunc, and sooner."""
_OF_ONE_DTYPE = {*_SYMBOLS, np.maximum, np.minimum, np.power, np.logaddexp, np.hypot, np.arctan2}
"""Ufuncs of two operands of one dtype, to which a number of Python's gives way."""
_NAMED = (np.maximum, np.minimum)
"""What takes no more than its operands by position."""
_PYTHON = {int, float}
_MAKERS = ("piece", "result", "run", "taken", "make", "rest", "quietly", "effects")


class Text:
    """The text of a program, and what it calls.

    Arguments:
        steps, outputs, inputs, values: what is computed.
        steps_of: the step of each value.
        roots: of each view, the value whose memory it shows.
        pieces: which piece of memory a value is in.
        fresh: outputs that are computed into memory that the caller keeps, each with the number
            of the result that is made with the pieces; -1 if it is made in each run.

    Attributes:
        scope: what the names in the text are.
    """

    def __init__(
        self,
        steps: Sequence[Step],
        outputs: Sequence[Place],
        inputs: Sequence[Place],
        values: Sequence[Any],
        steps_of: Mapping[Place, Step],
        roots: Mapping[Place, Place],
        pieces: Mapping[Place, int],
        fresh: Mapping[Place, int],
    ) -> None:
        self.steps, self.outputs, self.inputs, self.values = steps, outputs, inputs, values
        self.steps_of, self.roots, self.pieces, self.fresh = steps_of, roots, pieces, fresh
        self.scope: dict[str, Any] = {}
        self._names: dict[Any, str] = {}
        self._prepared: dict[str, str] = {}
        self._base = next((step.settings for step in steps if step.settings), ())
        self._settings: tuple[tuple[str, str], ...] = ()

    def written(self) -> str:
        """The text."""
        gives = [self._given(place, i) for i, place in enumerate(self.outputs)]
        end = f"return ({', '.join(gives)}{',' * (len(gives) == 1)})"
        lines = list(self._in_settings(end))
        inputs = [self._name(place) for place in self.inputs]
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
        results = [f"    {self._name(p)} = result({i})" for p, i in self.fresh.items() if i >= 0]
        views = [
            f"    {self._name(p)} = {self._call(step)}"
            for p, step in self.steps_of.items()
            if step.view is not None and self._is_fixed(p)
        ]
        prepared = [f"    {name} = {text}" for text, name in self._prepared.items()]
        return "\n".join([
            f"def make({', '.join(['piece', 'result', *self.scope])}):",
            *results,
            *pieces,
            *views,
            *prepared,
            f"    def run({', '.join(['effects', *inputs])}):",
            *numbers,
            *lines,
            "    return run",
        ])  # fmt: skip

    def _in_settings(self, end: str) -> Iterator[str]:
        """The lines of ``run``; from where errors are treated otherwise on, in a function."""
        computing = [s for s in self.steps if s.out is not None and s.view is None]
        first = next((s for s in computing if s.settings not in ((), self._base)), None)
        tail = computing[computing.index(first) :] if first else []
        if not first or any(s.settings != first.settings for s in tail):
            yield from self._lines(self.steps, "        ", ())
            yield f"        {end}"
            return
        at = self.steps.index(first)
        yield from self._lines(self.steps[:at], "        ", ())
        options = ", ".join(f"{key}={how!r}" for key, how in first.settings)
        maker = self._object(with_errors, "with_errors")
        self._prepared[f"{maker}({options})"] = "quietly"
        yield "        def rest():"
        self._base = first.settings
        yield from self._lines(self.steps[at:], "            ", ())
        yield f"            {end}"
        yield "        return quietly(rest)"

    def _lines(self, steps: Sequence[Step], indent: str, instead: tuple[str, ...]) -> Iterator[str]:
        settings: tuple[tuple[str, str], ...] = ()
        inner = indent
        for step in steps:
            if step.out is not None and step.view is None:
                wanted = step.settings if step.settings != self._base else ()
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
                for line in self._statements(step):
                    yield inner + line

    def _root(self, place: Place) -> Place:
        return self.roots.get(place, place)

    def _is_fixed(self, place: Place | None) -> bool:
        """Whether it is always the same piece of memory, or a view of one."""
        if place is None:
            return False
        root = self._root(place)
        in_result = self.fresh.get(root, -1) >= 0
        if root not in self.pieces and not in_result:
            return False
        while place is not None and place != root:
            step = self.steps_of[place]
            if set(step.reads()) != {step.view}:
                return False
            if in_result and place in self.outputs:
                return False  # it is made anew, so that the count of references tells who has it
            place = step.view
        return True

    def _bound(self, place: Place, where: str) -> Iterator[str]:
        name = self._name(place)
        if name != where:
            yield f"{name} = {where}"

    def _where(self, place: Place) -> str | None:
        """The array that a step writes into; ``None`` if it makes one."""
        is_made = place in self.pieces or self.fresh.get(place, -1) >= 0
        return self._name(place) if is_made else None

    def _condition(self, step: Step, indent: str, instead: tuple[str, ...]) -> Iterator[str]:
        (operand,) = step.args
        name = self._name(operand)
        if step.kind == Kind.TRUTH:
            test = f"not {name}" if step.expected else name
        elif step.kind == Kind.SHAPE:
            test = f"{name}.shape != {step.expected}"
        elif step.kind == Kind.NAN:
            if np.ndim(self.values[operand]):
                yield f"{indent}nan = {self._telling_of_nan(operand)}"
                name = "nan"
            inf = self._object(math.inf, "inf")
            test = f"not -{inf} < {name} < {inf}" if step.expected else f"{name} != {name}"
        else:
            same = self._object(_same_number, "same_number")
            test = f"not {same}({name}, {self._operand(step.expected)})"
        if not instead:
            yield f"{indent}if {test}: return None"
            return
        yield f"{indent}if {test}:"
        for line in instead:
            yield f"{indent}    {line}"

    def _telling_of_nan(self, place: Place) -> str:
        """A number that tells of an array's: the sum of squares, or the least, which takes long."""
        value, name = self.values[place], self._name(place)
        if not has_sum_of_squares(value):
            return f"{self._object(np.minimum.reduce, 'minimum_reduce')}({name}, None, initial=0.0)"
        if value.ndim > 1:
            flat = f"{name}.ravel('K')"
            name = self._made_once(flat, f"{name}_flat") if self._is_fixed(place) else flat
        return f"{name}.dot({name})"

    def _made_once(self, text: str, name: str) -> str:
        """The name of what is made with the memory, and not in each run."""
        while text not in self._prepared and name in self._prepared.values():
            name += "_"
        return self._prepared.setdefault(text, name)

    def _statements(self, step: Step) -> Iterator[str]:
        assert step.out is not None
        name, where = self._name(step.out), self._where(step.out)
        if step.function is but and not np.ndim(self.values[step.out]):
            common, taken = map(self._operand, step.args[:2])
            yield f"{name} = {self._call(step)} if {taken} else {common}"
            return
        if where is None:
            yield f"{name} = {self._call(step)}"
            return
        if step.function is but and self._is_written_over(step):
            step.args = (step.out, *step.args[1:])
            yield from self._for_those_taken(step, where)
            return
        part = self._part(step)
        if part is None:
            call = self._call(step, where)
            yield call if name == where else f"{name} = {call}"
            return
        g = self._operand(step.args[0 if step.function is zeros_with else 1])
        if step.function is zeros_with:
            yield f"{name}.fill(0)"
            yield f"{self._object(np.copyto, 'copyto')}({part}, {g})"
            return
        if not self._is_written_over(step):
            total = self._operand(step.args[0])
            yield f"{self._object(np.copyto, 'copyto')}({name}, {total})"
        yield f"{self._object(step.args[3])}({part}, {g}, {part})"

    def _for_those_taken(self, step: Step, where: str) -> Iterator[str]:
        """The lines that write what is of another branch where elements take it."""
        condition, branch, *operands = step.args[1:]
        counted = self._object(np.count_nonzero, "count_nonzero")
        if not getattr(branch, "is_of_elements", False) or np.size(self._value_of(step)) > FEW:
            yield f"if {counted}({self._operand(condition)}): {self._call(step, where)}"
            return
        arrays = [step.out, condition, *filter(self._is_array, operands)]
        names = [self._flat(each, step) for each in arrays]
        if all(names):
            yield f"taken = {names[1]}.nonzero()[0]"
            test = "len(taken)"
        else:
            names = [where, *map(self._operand, arrays[1:])]
            yield f"taken = {names[1]}"
            test = f"{counted}(taken)"
        given = iter(names[2:])
        few = [f"{next(given)}[taken]" if self._is_array(o) else self._operand(o) for o in operands]
        yield f"if {test}: {names[0]}[taken] = {self._object(branch, 'branch')}({', '.join(few)})"

    def _flat(self, operand: Operand, step: Step) -> str | None:
        """The name of a view with one axis of what a step writes or reads, if it is always one."""
        if type(operand) is not Place or not self._is_fixed(operand):
            return None
        value, name = self.values[operand], self._name(operand)
        if value.shape != self._value_of(step).shape or not value.flags.c_contiguous:
            return None
        return name if value.ndim == 1 else self._made_once(f"{name}.ravel('K')", f"{name}_flat")

    def _is_array(self, operand: Operand) -> bool:
        return bool(np.ndim(self.values[operand] if type(operand) is Place else operand))

    def _is_written_over(self, step: Step) -> bool:
        """Whether a step has the memory of its first operand."""
        first, own = step.args[0], self.pieces.get(step.out) if step.out is not None else None
        return own is not None and type(first) is Place and self.pieces.get(first) == own

    def _part(self, step: Step) -> str | None:
        """The view of a piece that a step writes into, of those that write into one."""
        if step.function is zeros_with:
            index = step.args[1]
        elif step.function is combined_at:
            index = step.args[2]
        else:
            return None
        parts = index if isinstance(index, tuple) else (index,)
        if step.out is None or step.out not in self.pieces or not all(map(_is_basic, parts)):
            return None
        parts = parts if Ellipsis in parts else (*parts, Ellipsis)
        inside = ", ".join("..." if each is Ellipsis else self._operand(each) for each in parts)
        name = self._name(step.out)
        return self._made_once(f"{name}[{inside}]", f"{name}_part")

    def _call(self, step: Step, where: str | None = None) -> str:
        args = [self._operand(each) for each in step.args]
        kwargs = [f"{key}={self._operand(each)}" for key, each in step.kwargs.items()]
        if step.function is step.ufunc:
            if where is None and self._are_floats(step):
                symbol = _SYMBOLS.get(step.ufunc) if len(args) == 2 else None
                if symbol:
                    return f"{args[0]} {symbol} {args[1]}"
                if step.ufunc is np.negative:
                    return f"-{args[0]}"
                if step.ufunc is np.sqrt and args and type(self._value_of(step)) is np.float64:
                    root = (
                        f"{self._object(np.float64)}({self._object(math.sqrt, 'root')}({args[0]}))"
                    )
                    return f"{root} if {args[0]} >= 0 else {self._object(np.sqrt)}({args[0]})"
            elif self._is_dot(step):
                return f"{self._object(np.dot)}({', '.join([*args, where] if where else args)})"
            elif np.ndim(self._value_of(step)):
                args = [self._beside_arrays(each, step) for each in step.args]
            args += [] if not where else [f"out={where}" if step.ufunc in _NAMED else where]
        elif step.ufunc is not None:
            return self._reduction(step, args[0], where)
        elif where:
            kwargs.append(f"out={where}")
        elif step.function is operator.getitem:
            return f"{args[0]}[{args[1]}]"
        elif step.function is method_called(getattr(step.function, "__name__", "")):
            return f"{args[0]}.{step.function.__name__}({', '.join([*args[1:], *kwargs])})"
        return f"{self._object(step.function)}({', '.join([*args, *kwargs])})"

    def _value_of(self, step: Step) -> Operand:
        return None if step.out is None else self.values[step.out]

    def _is_dot(self, step: Step) -> bool:
        """Whether a product of matrices is what ``np.dot`` gives, sooner if they are small."""
        if step.ufunc is not np.matmul or step.kwargs:
            return False
        values = [self.values[o] if type(o) is Place else o for o in (*step.args, step.out)]
        if not all(isinstance(v, np.ndarray) for v in values):
            return False
        one_dtype = len({v.dtype for v in values}) == 1 and values[0].dtype.char in "fd"
        contiguous = all(v.flags.c_contiguous or v.flags.f_contiguous for v in values)
        wide = all(v.ndim <= 2 and min(v.shape, default=0) > 1 for v in values)
        return one_dtype and contiguous and wide and values[-1].flags.c_contiguous

    def _beside_arrays(self, operand: Operand, step: Step) -> str:
        """An operand of a ufunc; a number as an array without axes, of the dtype that it gets."""
        if isinstance(operand, np.floating):
            return self._number(operand, operand.dtype)
        if type(operand) in _PYTHON and step.ufunc in _OF_ONE_DTYPE and abs(operand) < 2**53:
            others = [self.values[o] if type(o) is Place else o for o in step.args]
            dtypes = {o.dtype for o in others if type(o) not in _PYTHON}
            if len(dtypes) == 1 and (dtype := dtypes.pop()).kind == "f":
                return self._number(operand, dtype)
        return self._operand(operand)

    def _number(self, number: Operand, dtype: np.dtype[Any]) -> str:
        key = "number", repr(float(number)), dtype
        if key not in self._names:
            array = np.array(number, dtype)
            self._names[key] = self._object(array, "c")
        return self._names[key]

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
            while wanted in self.scope or wanted in _MAKERS:
                wanted = f"{base}{number}"
                number += 1
            self.scope[wanted] = thing
            self._names[key] = wanted
        return self._names[key]


def with_errors(**settings: Operand) -> Function:
    """What calls a function while errors of floating point are treated as told.

    >>> quietly = with_errors(divide="ignore")
    >>> quietly(lambda: np.float64(1.0) / 0.0)
    np.float64(inf)
    """
    context = contextvars.copy_context()
    context.run(lambda: np.seterr(**settings))
    return context.run


def _is_basic(index: object) -> bool:
    return type(index) in (int, slice) or index is None or index is Ellipsis


def _same_number(found: Operand, expected: Operand) -> bool:
    return bool(found == expected or (found != found and expected != expected))
