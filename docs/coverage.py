"""Writes docs/coverage.md: ``python docs/coverage.py``.

Every call of ``tests/operations/test_arrays.py``, and every ufunc of the table, is run: its value
against NumPy's, its first and second derivative against differences, its tangent against its
gradient.  A function has a mark if all calls that enter it have it.
"""

from __future__ import annotations

import importlib.util
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import autograd_mini as ag
from autograd_mini import Tensor
from autograd_mini.core.operation import numpy_function
from autograd_mini.core.rule import RULES, rule_of_ufunc
from autograd_mini.interface import array_interface, numpy_protocol
from autograd_mini.testing import check_function

PAGE = Path(__file__).with_name("coverage.md")
TESTS = Path(__file__).parent.parent / "tests"

HEAD = """# What is differentiated of NumPy, and of scipy.special

Of each function: its value on Tensors is NumPy's, its first and second derivative are those of
differences, its tangent (`jvp`) is that of its gradient, and of several samples (`vmap`) it gives,
value and gradient, what it gives of each. Each is run with the calls of
`tests/operations/test_arrays.py`; that no function is without a call is a test as well.

This page is written by `python docs/coverage.py`, and a test keeps it true.
"""

TITLES = ("value", "first", "second", "forward", "vmap")


def page() -> str:
    """The whole page."""
    marks = {title: f"{title} |" for title in TITLES}
    rows = [f"| function | {' '.join(marks.values())}", "| --- |" + " --- |" * len(TITLES)]
    found = coverage()
    for name in sorted(found, key=lambda name: (name.count("."), name)):
        rows.append(f"| `{name}` |" + "".join(f" {'yes' if m else 'no'} |" for m in found[name]))
    plain: dict[str, list[str]] = {}
    for function, what in numpy_protocol.PLAIN_FUNCTIONS.items():
        plain.setdefault(what, []).append(f"`{name_of(function)}`")
    lines = [f"- {what}: {', '.join(names)}" for what, names in plain.items()]
    head = "\n## Plain by design\n\nThey give what they give for arrays: none has a derivative.\n"
    return "\n".join([HEAD, f"{len(found)} functions.\n", *rows, head, *lines, ""])


def coverage() -> dict[str, tuple[bool, ...]]:
    """For each function whether its value, first and second derivative and tangent are right."""
    found: dict[str, tuple[bool, ...]] = {}
    for function, operands in calls():
        with entered() as names, np.errstate(all="ignore"):
            marks = tuple(passes(check, function, operands) for check in CHECKS)
        if isinstance(function, np.ufunc) and rule_of_ufunc(function):  # a row, which asks nobody
            names.add(name_of(function))
        for name in names:
            found[name] = tuple(map(all, zip(found.get(name, marks), marks, strict=True)))
    return found


def calls() -> Iterator[tuple[Callable[..., Any], list[Any]]]:
    """Functions of arrays, each with arrays."""
    sys.path.insert(0, str(TESTS))
    try:
        spec = importlib.util.spec_from_file_location("calls", TESTS / "operations/test_arrays.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(TESTS))
    for function, *operands in module.CALLS.values():
        yield function, operands
    for name in sorted({name for row in RULES.values() for name in (row.name, *row.numpy)}):
        ufunc = getattr(np, name, None)
        if isinstance(ufunc, np.ufunc) and rule_of_ufunc(ufunc):
            start = 1.2 if name == "arccosh" else 0.2
            yield ufunc, [np.linspace(start, start + 0.5, 3) + 0.013 * i for i in range(ufunc.nin)]


class entered:
    """The names of NumPy's functions that Tensors are handed meanwhile."""

    def __enter__(self) -> set[str]:
        self.names: set[str] = set()

        def watched_function(function: Any, options: bool = False) -> Any:
            found = numpy_function(function, options)
            if found is not None:
                self.names.add(name_of(function))
            return found

        array_interface.numpy_function = watched_function  # type: ignore[attr-defined]
        return self.names

    def __exit__(self, *_: object) -> None:
        array_interface.numpy_function = numpy_function  # type: ignore[attr-defined]


def name_of(function: Any) -> str:
    """A function's name with its module, a method's with its ufunc."""
    if isinstance(function, types.MethodDescriptorType):
        return f"{function.__objclass__.__name__}.{function.__name__}"
    owner = getattr(function, "__self__", None)
    if isinstance(owner, np.ufunc):
        return f"np.{owner.__name__}.{function.__name__}"
    return numpy_protocol.name_of(function).replace("numpy.", "np.", 1)


def passes(check: Callable[..., None], function: Callable[..., Any], operands: list[Any]) -> bool:
    try:
        check(function, *operands)
    except (AssertionError, TypeError, ValueError):
        return False
    return True


def tangent(function: Callable[..., Any], *operands: Any) -> None:
    """A tangent and an upstream gradient see one Jacobian."""
    rng = np.random.default_rng(0)
    arrays = tuple(np.asarray(operand, float) for operand in operands)
    moves = tuple(rng.normal(size=array.shape) for array in arrays)
    out, pushed = ag.jvp(function, arrays, moves)
    upstream = rng.normal(size=np.shape(out))
    leaves = [Tensor(array) for array in arrays]
    pulled = ag.gradients(np.sum(function(*leaves) * upstream), leaves)
    along = [np.sum(p * m) for p, m in zip(pulled, moves, strict=True)]
    size = np.sum(np.abs(pushed * upstream)) + np.sum(np.abs(along))
    assert abs(np.sum(pushed * upstream) - np.sum(along)) <= 1e-9 * size


def samples(function: Callable[..., Any], *operands: Any) -> None:
    """Of three samples at once it gives what it gives of each."""
    arrays = [np.asarray(operand, float) for operand in operands]
    stacks = [np.stack([array, array * 1.01, array * 0.99]) for array in arrays]
    numbers = tuple(range(len(arrays)))

    def loss(*args: Any) -> Any:
        out = function(*args)
        return np.sum(np.cos(ag.flatten(out if isinstance(out, list | tuple) else [out])[0]))

    each = ag.value_and_grad(loss, numbers)
    value, slopes = ag.vmap(each)(*stacks)
    for index in range(3):
        alone, gradients = each(*(stack[index] for stack in stacks))
        np.testing.assert_allclose(value[index], alone, rtol=1e-12)
        for found, gradient in zip(slopes, gradients, strict=True):
            np.testing.assert_allclose(found[index], gradient, rtol=1e-9, atol=1e-12)


CHECKS = (
    lambda function, *operands: check_function(function, *operands, order=0),
    lambda function, *operands: check_function(function, *operands, order=1),
    lambda function, *operands: check_function(function, *operands, order=2),
    tangent,
    samples,
)

if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
