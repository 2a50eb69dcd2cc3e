"""Which build of ``value`` and ``array_node`` runs: compiled by Cython, or their plain Python.

``autograd_mini.core.value`` and ``autograd_mini.core.array_node`` are the compiled ones where they
were built at installation, from the sources that lie here, unless the environment variable
``AUTOGRAD_MINI_PURE`` is set (to anything but 0).  Both give the same results.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache
from importlib import import_module
from importlib.util import find_spec, module_from_spec, source_hash, spec_from_file_location
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from autograd_mini.core.value import Value
    from autograd_mini.typing import Array

_FOLDER = os.path.dirname(os.path.dirname(__file__))  # importing pathlib takes 2 ms

COMPILED = "autograd_mini.core.value_compiled"
NODES = "autograd_mini.core.array_node_compiled"

_ENGINES = {
    COMPILED: "scalar engine",
    NODES: "nodes of arrays",
}
"""The compiled builds, in the order in which they are imported, and what each is called."""

TAPES = "autograd_mini._build.tape_compiled"
PLAIN = "autograd_mini.core.value_plain"
"""The name of the plain build when it is imported beside the compiled one."""

_reason = ""
"""Why the plain build runs."""

_made_from: dict[str, str] = {}
"""The hashes of the sources that the compiled build was made from, once it has been imported."""


class StaleBuildError(ImportError):
    """The compiled build was made from other sources than those that lie beside this file."""


def hashes(folder: str, names: Iterable[str]) -> dict[str, str]:
    """The hash of each of these files that lies in the folder (an installation has no C files)."""
    found = {}
    for name in names:
        with suppress(FileNotFoundError), open(os.path.join(folder, name), "rb") as file:
            found[name] = source_hash(file.read()).hex()
    return found


def hashes_of(names: Iterable[str]) -> dict[str, str]:
    """The hash of each of these files of the package that lies here."""
    return hashes(_FOLDER, names)


def require(made_from: str) -> None:
    """The compiled build calls this before anything else, with the hashes it carries.

    Raises:
        StaleBuildError: a file that it was made from has changed since.
    """
    global _made_from
    _made_from = dict(entry.split(":") for entry in made_from.split(","))
    for name, found in hashes_of(_made_from).items():
        if _made_from[name] != found:
            raise StaleBuildError(f"was made from another {name} than {_FOLDER}/{name}")


@cache
def _compiled(name: str = COMPILED) -> tuple[ModuleType | None, str]:
    """A compiled build, or what keeps it from running."""
    global _made_from
    spec = find_spec(name)
    if spec is None:
        return None, "no compiled scalar engine is installed"
    _made_from = {}
    try:
        compiled = import_module(name)
        if not _made_from:  # it is older than these hashes
            del sys.modules[name]
            raise StaleBuildError("does not say what it was made from")
    except StaleBuildError as error:
        return None, f"the compiled {_ENGINES[name]} {spec.origin} {error}"
    return compiled, ""


def choose() -> None:
    """Import the builds that are to run, under the names of the plain ones.

    A compiled one that was made from other sources is named in a warning and left alone.
    """
    global _reason
    if os.environ.get("AUTOGRAD_MINI_PURE", "0") not in ("", "0"):
        _reason = "AUTOGRAD_MINI_PURE is set"
        return
    for name in _ENGINES:
        compiled, reason = _compiled(name)
        if compiled is not None:
            sys.modules[name.removesuffix("_compiled")] = compiled
        elif find_spec(name) is not None:
            warnings.warn(
                f"{reason}; the plain one runs, with the same results but slower. Install again "
                "(in a clone: pip install -e .), or set AUTOGRAD_MINI_PURE=1",
                RuntimeWarning,
                stacklevel=3,
            )
        if name == COMPILED:
            _reason = reason


def build_info() -> dict[str, Any]:
    """Which build of the scalar engine runs, and which of the nodes of arrays.

    Returns:
        ``"build"`` is ``"compiled"`` or ``"plain"``, as ``"arrays"`` is, ``"file"`` where it was loaded from,
        ``"compiled_available"`` whether the installation has a compiled one, and ``"reason"``
        why the plain one runs (``""`` for the compiled one).

    >>> sorted(build_info())
    ['arrays', 'build', 'compiled_available', 'file', 'reason']
    """
    value, nodes = (sys.modules[name.removesuffix("_compiled")] for name in (COMPILED, NODES))
    return {
        "build": "compiled" if value.__name__ == COMPILED else "plain",
        "arrays": "compiled" if nodes.__name__ == NODES else "plain",
        "file": value.__file__,
        "compiled_available": find_spec(COMPILED) is not None,
        "reason": _reason,
    }


def other() -> ModuleType | None:
    """The build that does not run, imported beside the one that does; ``None`` without one.

    Its Values and those of the build that runs cannot meet in one graph.
    """
    if build_info()["build"] == "plain":
        return _compiled()[0]
    if PLAIN not in sys.modules:
        spec = spec_from_file_location(PLAIN, f"{_FOLDER}/core/value.py")
        assert spec is not None
        assert spec.loader is not None
        sys.modules[PLAIN] = module_from_spec(spec)
        spec.loader.exec_module(sys.modules[PLAIN])
    return sys.modules[PLAIN]


@cache
def tapes() -> ModuleType | None:
    """``tape.c``: the table's operations, compiled; where the compiled engine runs, and not stale."""
    if build_info()["build"] != "compiled" or find_spec(TAPES) is None:
        return None
    module = import_module(TAPES)
    made_from = dict(entry.split(":") for entry in module.MADE_FROM.split(","))
    for name, found in hashes_of(made_from).items():
        if made_from[name] != found:
            warnings.warn(
                f"the compiled tapes {module.__file__} were made from another {name}; plain Python "
                "runs, with the same results but slower. Install again (in a clone: pip install "
                "-e .), or set AUTOGRAD_MINI_PURE=1",
                RuntimeWarning,
                stacklevel=2,
            )
            return None
    return module


def over_elements(name: str, function: Callable[..., float], arrays: tuple[Any, ...]) -> Array:
    """A function of floats for each element, compiled where it is an operation of one operand."""
    import numpy as np  # which an installation has not yet, when it asks for the hashes

    compiled = tapes()
    is_real = len(arrays) == 1 and np.asarray(arrays[0]).dtype.kind in "fiub"
    if compiled is None or not is_real or name not in compiled.OPERATIONS:
        made: Array = np.frompyfunc(function, len(arrays), 1)(*map(np.asarray, arrays))
        return made
    given = np.ascontiguousarray(arrays[0], np.float64)
    made = np.empty_like(given)
    compiled.elements(compiled.OPERATIONS.index(name), given, made)
    return made.reshape(np.shape(arrays[0]))


def reduced(value: Value) -> tuple[Any, ...]:
    """What ``pickle`` and ``copy`` make a leaf from.

    Raises:
        TypeError: the Value is no leaf.
    """
    if value.op:
        raise TypeError(
            f"a computed Value ({value.op}) is neither copied nor pickled, for the copy would "
            "have operands that nobody else holds: copy its leaves and compute again, or "
            "write value.detach() for a leaf with its number, +value for a node of its own"
        )
    return leaf, (value.data, value.grad, value.label, value.unrecorded)


def leaf(data: float, grad: float, label: str, unrecorded: bool = False) -> Value:
    """The leaf that was copied or pickled, in the build that runs."""
    made: Value = sys.modules["autograd_mini.core.value"].Value(data, label)
    if unrecorded:
        made._forget()
    made.grad = grad
    return made
