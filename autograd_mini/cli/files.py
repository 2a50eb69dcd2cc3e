"""A file that is run for what it defines, as ``python FILE`` runs it."""

from __future__ import annotations

import difflib
import linecache
import runpy
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from autograd_mini.check.scripts.text import cells_of_notebook
from autograd_mini.cli.scripts import failure
from autograd_mini.show.transliteration import for_stream


def say(text: object) -> None:
    """Print for the terminal that is there; a full disk is told here, not at the end."""
    print(for_stream(str(text)), flush=True)


class Misuse(Exception):
    """The command cannot be carried out as it was given."""


@contextmanager
def as_a_program(file: Path) -> Iterator[None]:
    """As ``python FILE`` has it: its folder is searched for imports, and there are no options.

    What the file changes about the interpreter is as before afterwards.
    """
    path, arguments = list(sys.path), sys.argv
    streams, depth = (sys.stdout, sys.stderr), sys.getrecursionlimit()
    sys.path.insert(0, str(file.resolve().parent))
    sys.argv = [str(file)]
    try:
        yield
    finally:
        sys.path[:], sys.argv = path, arguments
        sys.stdout, sys.stderr = streams
        sys.setrecursionlimit(depth)


INPUT = "<stdin>"


@contextmanager
def running(file: Path) -> Iterator[None]:
    """While a file is run, and what it defines; what it raises is a misuse.

    Raises:
        Misuse: says what went wrong, and where.
    """
    try:
        with as_a_program(file):
            yield
    except (Misuse, KeyboardInterrupt):
        raise
    except SystemExit as error:
        raise Misuse(f"{str(file)!r} ended with {error!r} while it was run") from error
    except BaseException as error:  # what a file's code raises is not always an Exception
        raise Misuse(failure(file, error)) from error


def source_of(file: Path) -> tuple[Path, str | None]:
    """The file; of ``-`` what it is called, and the text of the input."""
    return (Path(INPUT), sys.stdin.read()) if str(file) == "-" else (file, None)


def defined(file: Path, stdin: str | None) -> dict[str, Any]:
    """The names that a Python file, a notebook or the input defines.

    Raises:
        Misuse: there is none, or it is no notebook.
    """
    if str(file) != INPUT and not file.is_file():
        raise Misuse(f"there is no file {str(file)!r}")
    if stdin is not None:
        return _run_texts({INPUT: stdin})
    if file.suffix == ".ipynb":
        try:
            return _run_texts({cell.name: cell.text for cell in cells_of_notebook(file)})
        except ValueError as error:
            raise Misuse(str(error)) from error
    return runpy.run_path(str(file), run_name="autograd_mini_check")


def in_roles(file: Path, names: Mapping[str, Any], called: Mapping[str, str]) -> dict[str, Any]:
    """The names that a file defines, and under each role what is called so.

    Raises:
        Misuse: one that is needed is not there.
    """
    several = {role: [part.strip() for part in name.split(",")] for role, name in called.items()}
    roles: dict[str, Any] = {}
    missing = []
    for role, parts in several.items():
        absent = [part for part in parts if part not in names]
        if absent:
            if role != "manual" or called[role] != role:  # a file may have none
                missing += absent
        elif parts == [role] or (
            len(parts) == 1 and (role == "loss" or _is_whole(names[parts[0]]))
        ):
            roles[role] = names[parts[0]]
        else:
            keys = several["params"]
            if role != "manual" or len(keys) != len(parts) or _is_whole(names.get(keys[0])):
                keys = parts  # otherwise dW, db are those of W, b
            roles[role] = {key: names[part] for key, part in zip(keys, parts, strict=True)}
    meant = [text for name in missing if (text := nearest(name, names))]
    if not meant and all(name == role and name not in names for role, name in called.items()):
        raise Misuse(f"{str(file)!r} {_NOTHING}")
    if missing:
        raise Misuse(
            f"{str(file)!r} defines no {' and no '.join(missing)}: it needs a function `loss`, a "
            "dict `params` and, to be checked, `manual`: hand-derived gradients, a dict or a "
            f"function that returns one; other names are said with --loss, --params, --manual"
            f"{''.join(f'; {text}' for text in meant)}"
        )
    return {name: value for name, value in names.items() if name not in called} | roles


_NOTHING = (
    "has nothing to check: no statement that trains, such as w -= rate * dw, no layer, which is "
    "two functions x_forward and x_backward or a class with forward and backward, and no `loss` "
    "with `params` and `manual`. Give the file that trains, or say what is to be called, "
    "--call 'train(X, y)'"
)


def _is_whole(parameters: object) -> bool:
    """Whether it is all parameters or gradients, not one of them."""
    return isinstance(parameters, Mapping) or callable(parameters)


def _run_texts(texts: Mapping[str, str]) -> dict[str, Any]:
    """The names that texts, one after the other, define; their lines are kept, to be shown."""
    names: dict[str, Any] = {"__name__": "autograd_mini_check"}
    for name, text in texts.items():
        linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
        exec(compile(text, name, "exec"), names)
    return names


def nearest(name: str, names: Mapping[str, Any]) -> str:
    """The question whether another name was meant; empty where none is near."""
    own = [other for other in names if not other.startswith("_")]
    near = difflib.get_close_matches(name, own, n=2, cutoff=0.5)
    return f"is {' or '.join(f'`{other}`' for other in near)} meant for `{name}`?" if near else ""
