"""``check`` of several files, or of a folder of them: a line for each, whatever becomes of one."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograd_mini.check.scripts.text import is_program, main_files
from autograd_mini.cli import scripts
from autograd_mini.cli.files import Misuse, say
from autograd_mini.show.transliteration import for_stream

_WORDS = ("right", "wrong", "not checked")
"""What a file is, by its exit status."""


@dataclass(frozen=True)
class _Outcome:
    """What became of a file.

    Attributes:
        file: its path.
        status: the exit status of its check.
        said: the first line of its report, or why there is none.
        seconds: how long that took.
        report: the report, as of ``GradientReport.to_json``.
        diff: its corrected lines, where they were asked for.
    """

    file: Path
    status: int
    said: str
    seconds: float
    report: dict[str, Any] | None
    diff: str


def files_in(paths: Iterable[Path]) -> list[Path]:
    """What is checked of files and folders: files, notebooks, and folders that are one program.

    A folder of several programs is looked through, in the order of names, numbers by their size;
    modules that another file there imports are no programs.

    Raises:
        Misuse: there is no such file, or nothing in a folder.
    """
    several, found = list(paths), []
    for path in several:
        if str(path) == "-" and len(several) > 1:
            raise Misuse("- reads one file from the input: give it alone")
        if str(path) != "-" and not path.exists():
            raise Misuse(f"there is no file {str(path)!r}")
        inside = list(_inside(path)) if path.is_dir() else [path]
        if not inside:
            raise Misuse(f"{str(path)!r} holds no Python file and no notebook")
        found += inside
    return found


def _inside(folder: Path) -> Iterator[Path]:
    if is_program(folder):
        yield folder
        return
    programs = main_files(folder)
    for path in sorted(folder.iterdir(), key=_by_number):
        if path.is_dir() and not path.name.startswith((".", "__")):
            yield from _inside(path)
        elif path in programs:
            yield path


def _by_number(path: Path) -> list[tuple[int, str]]:
    """The key by which ``student9`` comes before ``student10``."""
    parts = re.split(r"(\d+)", path.name.casefold())
    return [(int(part), "") if part.isdigit() else (0, part) for part in parts]


def check_each(files: Sequence[Path], options: argparse.Namespace) -> int:
    """Check files, each in a process of its own, and tell of each in a line.

    Returns:
        1 where one is wrong, or else 2 where one could not be checked, or else 0.
    """
    start = time.monotonic()
    labels = _labels(files)
    width, outcomes = max(map(len, labels)), []
    with ThreadPoolExecutor(options.jobs) as pool:
        found = pool.map(lambda file, label: _checked(file, label, options), files, labels)
        for label, outcome in zip(labels, found, strict=True):
            outcomes.append(outcome)
            if not options.json:
                words = f"{label:<{width}}  {_WORDS[outcome.status]:<11}  {outcome.said}"
                _tell(f"{words}  ({outcome.seconds:.1f} s)", options.fix)
            if outcome.diff:
                print(outcome.diff, end="", flush=True)
    counts = Counter(outcome.status for outcome in outcomes)
    if options.json:
        say(_as_json(outcomes))
    else:
        told = ", ".join(f"{counts[status]} {word}" for status, word in enumerate(_WORDS))
        _tell(f"\n{len(files)} files: {told}  ({time.monotonic() - start:.0f} s)", options.fix)
    return 1 if counts[1] else 2 if counts[2] else 0


def _tell(text: str, aside: bool) -> None:
    if aside:
        print(for_stream(text, sys.stderr), file=sys.stderr, flush=True)
    else:
        say(text)


def _labels(files: Sequence[Path]) -> list[str]:
    """What files are called: their paths, without what all have in common."""
    shared = os.path.commonpath([file.parent.absolute() for file in files])
    return [os.path.relpath(file.absolute(), shared) for file in files]


def _checked(file: Path, label: str, options: argparse.Namespace) -> _Outcome:
    """What becomes of a file."""
    start = time.monotonic()
    name = re.sub(r"\W+", "-", str(Path(label).with_suffix("")))
    with tempfile.TemporaryDirectory() as folder:
        record = Path(folder, "report.json")
        out = [record, *(path.with_name(f"{name}-{path.name}") for path in options.out)]
        try:
            ended = scripts.in_own_process(file, options, out=out, captured=True)
        except TimeoutError as error:
            status, why = 2, str(error)
        else:
            status, why = ended.status, _why(ended.stderr)
        report = json.loads(record.read_text("utf-8")) if record.exists() and status < 2 else None
    said = why if report is None else report["headline"]
    diff = ended.stdout if report is not None and options.fix else ""
    return _Outcome(file, status, said, time.monotonic() - start, report, diff)


_PLACE = re.compile(r'File "[^"]*", line (\d+)')


def _why(stderr: str) -> str:
    """What an error message says, in a line."""
    lines = [line for line in stderr.splitlines() if line.strip()]
    if not lines:
        return ""
    first = lines[0].removeprefix("autograd-mini check: ")
    places = _PLACE.findall(stderr)
    return f"line {places[-1]}: {lines[-1]}" if places else first


def _as_json(outcomes: Sequence[_Outcome]) -> str:
    """All reports, as JSON."""
    counts = Counter(outcome.status for outcome in outcomes)
    record = {
        "format": "autograd_mini gradient reports",
        "version": 1,
        **{word.replace(" ", "_"): counts[status] for status, word in enumerate(_WORDS)},
        "files": [
            {
                "file": str(outcome.file),
                "status": _WORDS[outcome.status],
                "said": outcome.said,
                "seconds": round(outcome.seconds, 1),
                "report": outcome.report,
            }
            for outcome in outcomes
        ],
    }
    return json.dumps(record, indent=1)
