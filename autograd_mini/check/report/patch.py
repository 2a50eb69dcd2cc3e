"""The corrected lines as a change of the files they stand in: a unified diff, or written."""

from __future__ import annotations

import difflib
import io
import linecache
import os
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from autograd_mini.check.report.mistakes import file_name
from autograd_mini.check.result import Line, Mistake, Repair
from autograd_mini.files import write_whole
from autograd_mini.notebooks import cell_of_name, code_cells, with_cells


@dataclass(frozen=True)
class Correction:
    """A file with its corrected lines.

    Attributes:
        file: its path, or the name of a cell.
        before: what stands in it.
        after: what is right.
        content: the bytes of the file, or of the notebook that the cell is in; ``None`` of a cell
            that is in no file.
        encoding: of these.
    """

    file: str
    before: str
    after: str
    content: bytes | None
    encoding: str


def corrections(mistakes: Sequence[Mistake]) -> list[Correction]:
    """The files in which mistakes are, each with the likeliest repairs made.

    Raises:
        ValueError: a file is not as it was when it was checked.
    """
    by_file: dict[str, dict[tuple[int, int], Repair]] = {}
    for mistake in mistakes:
        if mistake.repair is not None:
            line = mistake.repair.line
            by_file.setdefault(line.file, {})[line.number, line.column] = mistake.repair
    return [_corrected(file, list(repairs.values())) for file, repairs in by_file.items()]


def _corrected(file: str, repairs: Sequence[Repair]) -> Correction:
    content, encoding = None, "utf-8"
    cell = cell_of_name(file)
    if cell is not None and cell[0].is_file():
        content = cell[0].read_bytes()
        before = code_cells(content).get(cell[1], "")
    elif os.path.isfile(file):
        with open(file, "rb") as stream:
            content = stream.read()
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        before = content.decode(encoding)
    else:
        before = "".join(linecache.getlines(file))
    known = linecache.cache.get(file)
    as_checked = "".join(known[2]) if known is not None and len(known) > 2 else None
    if cell is not None:  # there commands of IPython's were left out
        as_checked = None
    if as_checked is not None and content is not None and _plain(before) != _plain(as_checked):
        raise _changed(file)
    after = before
    for repair in sorted(repairs, key=lambda r: (r.line.number, r.line.column), reverse=True):
        after = _with_repair(after, repair)
    return Correction(file, before, after, content, encoding)


def _plain(text: str) -> str:
    """A text with line ends as Python reads them."""
    return text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n")


def _changed(file: str) -> ValueError:
    return ValueError(f"{file_name(file)} has changed since it was checked: check it again")


def _with_repair(text: str, repair: Repair) -> str:
    """A file's text with one line corrected; its line ends stay."""
    line: Line = repair.line
    lines = _lines(text)
    old = line.text.split("\n")
    first = line.number - 1
    rows = lines[first : first + len(old)]
    whole = "".join(rows)
    end = rows[0][len(rows[0].rstrip("\r\n")) :] if rows else "\n"
    statement = (end or "\n").join(old)
    if whole[line.column : line.column + len(statement)] != statement:
        raise _changed(line.file)
    corrected = (end or "\n").join(repair.text.split("\n"))
    whole = whole[: line.column] + corrected + whole[line.column + len(statement) :]
    return "".join([*lines[:first], whole, *lines[first + len(old) :]])


def _lines(text: str) -> list[str]:
    return list(io.StringIO(text, newline=""))


def diff(corrected: Sequence[Correction]) -> str:
    """A unified diff, as ``git apply`` and ``patch -p1`` take it from this folder."""
    return "".join(line for one in corrected for line in _diff(one))


def _diff(correction: Correction) -> Iterator[str]:
    before, after = _lines(correction.before), _lines(correction.after)
    name = _path(correction.file)
    name += "\t" * (" " in name)  # ends a name in which there are spaces
    one, other = (name, name) if os.path.isabs(name) else (f"a/{name}", f"b/{name}")
    for row in difflib.unified_diff(before, after, one, other):
        yield row if row.endswith("\n") else f"{row}\n\\ No newline at end of file\n"


def _path(file: str) -> str:
    """A file from this folder where it lies below it, with slashes."""
    if not os.path.isabs(file):
        return file_name(file)
    try:
        relative = os.path.relpath(file)
    except (OSError, ValueError):  # no folder, or one on another drive
        relative = file
    return (file if relative.startswith("..") else relative).replace(os.sep, "/")


def write(corrected: Sequence[Correction]) -> list[str]:
    """Write corrected files, each whole or not at all, and give their paths.

    Raises:
        ValueError: one is no file, or not as it was; then nothing is written.
        OSError: one cannot be written.
    """
    files: dict[str, bytes] = {}
    for one in corrected:
        if one.content is None:
            raise ValueError(f"{file_name(one.file)} is no file that can be written")
        cell = cell_of_name(one.file)
        path = str(cell[0]) if cell else one.file
        with open(path, "rb") as stream:
            if stream.read() != one.content:
                raise _changed(one.file)
        if cell:
            files[path] = with_cells(files.get(path, one.content), {cell[1]: one.after})
        else:
            files[path] = one.after.encode(one.encoding)
    for path, content in files.items():
        write_whole(path, content)
    return list(files)
