"""Packages that only some functions need: imported when they are, or said to be missing."""

from __future__ import annotations

import importlib
from types import ModuleType


def needed(module: str, package: str, why: str) -> ModuleType:
    """A module of an optional package.

    Arguments:
        module: what to import.
        package: what to install, as pip calls it.
        why: what it is needed for, for the error.

    Raises:
        ImportError: it is not installed; says what to install.

    >>> needed("json", "json", "to write").dumps([1])
    '[1]'
    >>> needed("no_such_module", "no-such-package", "to fly")
    Traceback (most recent call last):
    ImportError: no-such-package is needed to fly: run `pip install no-such-package`
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name and not module.startswith(error.name):
            raise
        raise ImportError(f"{package} is needed {why}: run `pip install {package}`") from None
