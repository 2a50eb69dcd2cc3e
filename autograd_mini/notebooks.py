"""Notebooks: their cells of code, what these are called, and how changed cells are written back."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_NAME = re.compile(r"(.*\.ipynb), cell (\d+)", re.DOTALL)


def name_of_cell(path: Path, number: int) -> str:
    """What a cell is called in reports; cells are counted from 1, those of text too."""
    return f"{path}, cell {number}"


def cell_of_name(name: str) -> tuple[Path, int] | None:
    """The notebook and the number of a cell, of what it is called; ``None`` if it is none.

    >>> cell_of_name(name_of_cell(Path("net.ipynb"), 3))
    (PosixPath('net.ipynb'), 3)
    >>> cell_of_name("net.py")
    """
    found = _NAME.fullmatch(name)
    return (Path(found[1]), int(found[2])) if found else None


def code_cells(content: bytes) -> dict[int, str]:
    """The texts of the cells of code of a notebook, by their numbers.

    Raises:
        ValueError: it is no notebook of format 4.
    """
    try:
        return {
            number: "".join(cell["source"])
            for number, cell in enumerate(json.loads(content)["cells"], 1)
            if cell["cell_type"] == "code"
        }
    except (ValueError, LookupError, TypeError) as error:
        raise ValueError(f"no notebook of format 4: {error!r}") from error


def with_cells(content: bytes, texts: Mapping[int, str]) -> bytes:
    """A notebook with other texts in some cells; all else in it stays.

    >>> notebook = b'{"cells": [{"cell_type": "code", "source": ["x = 1"]}]}'
    >>> code_cells(with_cells(notebook, {1: "x = 2"}))
    {1: 'x = 2'}
    """
    text = content.decode("utf-8")
    notebook: Any = json.loads(text)
    for number, source in texts.items():
        cell = notebook["cells"][number - 1]
        cell["source"] = (
            source if isinstance(cell["source"], str) else source.splitlines(keepends=True)
        )
    indent = re.match(r"\{\r?\n( +|\t+)", text)
    ascii_alone = text.isascii() and "\\u" in text
    made = json.dumps(notebook, indent=indent and indent[1], ensure_ascii=ascii_alone)
    end = text[len(text.rstrip()) :]
    return (made + end).encode("utf-8")
