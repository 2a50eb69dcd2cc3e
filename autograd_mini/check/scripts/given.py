"""Data that a file reads and that are not there: given by the names of variables or files."""

from __future__ import annotations

import ast
import difflib
import importlib.util
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from autograd_mini.check.refusal import CannotTell
from autograd_mini.check.scripts.held_back import Replaced
from autograd_mini.check.scripts.text import Cell
from autograd_mini.check.steps.variables import Held
from autograd_mini.files import is_users
from autograd_mini.typing import Array

Read = Callable[..., Held]


class Missing:
    """Stands for a package that is not installed, until something of it is used."""

    def __init__(self, package: str, line: int) -> None:
        self.__dict__["package"], self.__dict__["line"] = package, line

    def __getattr__(self, name: str) -> Held:
        if name.startswith("__") or not is_users(sys._getframe(1).f_code.co_filename):
            raise AttributeError(name)  # what looks at all names uses nothing of it
        raise CannotTell(
            f"line {self.line}: the package {self.package!r} is not installed, and its {name} is "
            "used: install it, or give what is read with it, given={'X': array} (--given X=X.npz)"
        )

    def __call__(self, *args: Held, **options: Held) -> Held:
        raise CannotTell(
            f"line {self.line}: the package {self.package!r} is not installed: install it, or give "
            "what is read with it, given={'X': array} (--given X=X.npz)"
        )


def bound_by(statement: ast.stmt, error: ImportError) -> dict[str, Missing]:
    """What the names of an import stand for that failed."""
    package = error.name or str(error)
    names = [
        alias.asname or alias.name.partition(".")[0]
        for alias in getattr(statement, "names", [])
        if alias.name != "*"
    ]
    return {name: Missing(package, statement.lineno) for name in names}


def by_file(given: Mapping[str, Held]) -> dict[str, Held]:
    """What was given by the names of files."""
    return {os.path.basename(n): v for n, v in given.items() if not n.isidentifier()}


def by_variable(given: Mapping[str, Held]) -> dict[str, Held]:
    """What was given by the names of variables."""
    return {name: value for name, value in given.items() if name.isidentifier()}


def check_given(given: Mapping[str, Held], cells: Sequence[Cell]) -> None:
    """See to it that all that is given is named in the code.

    Raises:
        CannotTell: something is not.
    """
    names = {n.id for c in cells for n in ast.walk(c.tree) if isinstance(n, ast.Name)}
    text = "\n".join(cell.text for cell in cells)
    for name in given:
        if name not in names and os.path.basename(name) not in text:
            near = difflib.get_close_matches(name, sorted(names), n=2, cutoff=0.5)
            meant = f", as {' or '.join(near)}" if near else ""
            raise CannotTell(
                f"given= has {name!r}, and no variable and no file is called so in the code: write "
                f"the name of one that it reads{meant} (--given)"
            )


def readers(given: Mapping[str, Held], text: str) -> Iterator[Replaced]:
    """What reads the files that were given: functions of NumPy's and of pandas'.

    Arguments:
        given: what stands in each file, by its name.
        text: the code that reads them.
    """
    files = by_file(given)
    if not files:
        return

    def reading(original: Read, made: Read) -> Read:
        def read(file: Held, *args: Held, **options: Held) -> Held:
            name = os.path.basename(os.fspath(file)) if isinstance(file, str | os.PathLike) else ""
            return made(files[name]) if name in files else original(file, *args, **options)

        return read

    for name in ("load", "loadtxt", "genfromtxt"):
        yield np, name, reading(getattr(np, name), _array)
    if "pandas" in text and importlib.util.find_spec("pandas") is not None:
        import pandas  # type: ignore[import-untyped]

        for name in ("read_csv", "read_table", "read_excel"):
            yield pandas, name, reading(getattr(pandas, name), pandas.DataFrame)


def _array(value: Held) -> Held:
    return np.array(value) if isinstance(value, np.ndarray) else value


def missing_file(error: FileNotFoundError, line: int) -> CannotTell:
    """What is asked for where a file is not there."""
    said = re.match(r"'?([^\s']+)'? not found", str(error))
    path = error.filename or (said[1] if said else "a file")
    name = os.path.basename(os.fspath(path))
    return CannotTell(
        f"line {line}: the file {name!r} is not there: put it beside the code, or give its "
        f"numbers, given={{{name!r}: array}} (--given {name}=ARRAY.npz)"
    )


def loaded(text: str) -> tuple[str, Held]:
    """What ``NAME=ARRAY.npz`` gives: the name, and the array, or arrays, in the file.

    Raises:
        ValueError: it is written otherwise, or there is no such file.
    """
    name, _, path = text.partition("=")
    if not name or not path:
        raise ValueError(f"--given NAME=ARRAY.npz gives an array, not {text!r}")
    name, _, path = text.rpartition("=") if path.count("=") else (name, "", path)
    return name, arrays_of(path, f"--given {text}", named=name.endswith(".npz"))


def arrays_of(path: str, asked: str, named: bool = False) -> Array | dict[str, Array]:
    """The array in a file of NumPy's, or the arrays by their names.

    Arguments:
        path: the file.
        asked: the option that names it.
        named: whether an array that is alone there is wanted by its name too.

    Raises:
        ValueError: there is none, or it is no such file.
    """
    try:
        held = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ValueError(
            f"{asked}: {error}; it is a file that np.save or np.savez wrote"
        ) from error
    if isinstance(held, np.ndarray):
        return held
    arrays = {key: held[key] for key in held.files}
    return next(iter(arrays.values())) if len(arrays) == 1 and not named else arrays
