"""While a user's file runs, nothing of it gets out: no picture, no file, no text, no pause."""

from __future__ import annotations

import builtins
import contextlib
import io
import os
import shutil
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from autograd_mini.check.steps.variables import Held

Replaced = tuple[Any, str, Callable[..., Any]]
"""What is replaced: whose, its name, and by what."""

_MOST = 4_000_000
"""How many characters of what is printed are kept."""


class Output(io.StringIO):
    """What is printed, as far as it is kept."""

    def write(self, text: str) -> int:
        """Keep a text, where there is room."""
        if self.tell() < _MOST:
            super().write(text)
        return len(text)


class _File(io.BytesIO):
    """A file that is written nowhere."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name


class _TextFile(io.StringIO):
    """The same, for text."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name


@contextlib.contextmanager
def held_back(file: Path, pictures: bool, readers: Sequence[Replaced] = ()) -> Iterator[Output]:
    """As ``python FILE`` runs it, but what it prints, writes and shows is held back.

    Arguments:
        file: the file, whose folder is the current one, and searched for imports.
        pictures: whether it may draw with Matplotlib.
        readers: what else is replaced.
    """
    output = Output()
    path, argv, folder = list(sys.path), sys.argv, os.getcwd()
    depth, modules = sys.getrecursionlimit(), set(sys.modules)
    home = str(file.resolve().parent)
    with contextlib.ExitStack() as stack:
        for owner, name, value in (*_replaced(), *(_pictures() if pictures else ()), *readers):
            stack.enter_context(exchanged(owner, name, value))
        stack.enter_context(contextlib.redirect_stdout(output))
        stack.enter_context(contextlib.redirect_stderr(output))
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        sys.path.insert(0, home)
        sys.argv = [str(file)]
        try:
            if os.path.isdir(home):
                os.chdir(home)
            yield output
        finally:
            os.chdir(folder)
            sys.path[:], sys.argv = path, argv
            sys.setrecursionlimit(depth)
            for name in set(sys.modules) - modules:
                if _is_beside(name, home):
                    del sys.modules[name]


@contextlib.contextmanager
def exchanged(owner: object, name: str, value: Held) -> Iterator[None]:
    """While it is open, an attribute of a module or of a class is another."""
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


def _is_beside(name: str, home: str) -> bool:
    """Whether a module was imported from a folder."""
    file: str = getattr(sys.modules[name], "__file__", None) or ""
    return bool(file) and os.path.realpath(file).startswith(os.path.join(home, ""))


def _nothing(*args: Held, **options: Held) -> None:
    """Does nothing."""


def _pictures() -> Iterator[Replaced]:
    """What Matplotlib would show and save."""
    os.environ.setdefault("MPLBACKEND", "Agg")
    try:
        from matplotlib import pyplot
        from matplotlib.figure import Figure
    except ImportError:
        return
    pyplot.switch_backend("Agg")
    yield from ((pyplot, "show", _nothing), (pyplot, "pause", _nothing))
    yield Figure, "savefig", _nothing


def _replaced() -> list[Replaced]:
    """What is replaced."""
    opened = builtins.open

    def open_(file: Held, mode: str = "r", *args: Held, **options: Held) -> Held:
        if set(mode) & set("wax+") and not isinstance(file, int):
            return (_File if "b" in mode else _TextFile)(os.fspath(file))
        return opened(file, mode, *args, **options)

    def answer(prompt: object = "") -> str:
        raise EOFError("the file asks for input, of which there is none while it is checked")

    found: list[Replaced] = [
        (builtins, "open", open_),
        (io, "open", open_),
        (builtins, "input", answer),
        (time, "sleep", _nothing),
        *((os, name, _nothing) for name in ("mkdir", "makedirs", "remove", "unlink", "rename")),
        *((os, name, _nothing) for name in ("rmdir", "replace", "system")),
        (shutil, "rmtree", _nothing),
    ]
    return found
