"""Which build of ``value`` runs: compiled by Cython, or the plain Python that it is written in.

``autograd_mini.value`` is the compiled one where it was built at installation, unless the
environment variable ``AUTOGRAD_MINI_PURE`` is set (to anything but 0).  Both give the same
results.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

COMPILED = "autograd_mini.value_compiled"
PLAIN = "autograd_mini.value_plain"
"""The name of the plain build when it is imported beside the compiled one."""


def choose() -> ModuleType:
    """Import the build that is to run, under the name ``autograd_mini.value``."""
    if os.environ.get("AUTOGRAD_MINI_PURE", "0") in ("", "0"):
        try:
            chosen = import_module(COMPILED)
        except ModuleNotFoundError as error:
            if error.name != COMPILED:
                raise
        else:
            sys.modules["autograd_mini.value"] = chosen
            return chosen
    return import_module("autograd_mini.value")


def build_info() -> dict[str, Any]:
    """Which build of the scalar engine runs.

    Returns:
        ``"build"`` is ``"compiled"`` or ``"plain"``, ``"file"`` where it was loaded from, and
        ``"compiled_available"`` whether the installation has a compiled one.

    >>> sorted(build_info())
    ['build', 'compiled_available', 'file']
    """
    value = sys.modules["autograd_mini.value"]
    return {
        "build": "compiled" if value.__name__ == COMPILED else "plain",
        "file": value.__file__,
        "compiled_available": find_spec(COMPILED) is not None,
    }


def other() -> ModuleType | None:
    """The build that does not run, imported beside the one that does; ``None`` without one.

    Its Values and those of the build that runs cannot meet in one graph.
    """
    if build_info()["build"] == "plain":
        return import_module(COMPILED) if find_spec(COMPILED) else None
    if PLAIN not in sys.modules:
        spec = spec_from_file_location(PLAIN, Path(__file__).with_name("value.py"))
        assert spec is not None
        assert spec.loader is not None
        sys.modules[PLAIN] = module_from_spec(spec)
        spec.loader.exec_module(sys.modules[PLAIN])
    return sys.modules[PLAIN]


def leaf(data: float, grad: float, label: str) -> Any:
    """The leaf that was copied or pickled, in the build that runs."""
    made = sys.modules["autograd_mini.value"].Value(data, label)
    made.grad = grad
    return made
