"""``check`` of a training script as it stands: in a process of its own, with limits."""

from __future__ import annotations

import argparse
import ast
import contextlib
import math
import os
import re
import signal
import subprocess
import sys
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from autograd_mini.check.scripts.text import Cell, cells_of
from autograd_mini.check.scripts.text import trains as has_updates
from autograd_mini.typing import Array

if TYPE_CHECKING:
    from autograd_mini.check.report import GradientReport

HERE = "--here"
"""The option by which the process of its own is told that it is that."""

_MEGABYTE = 2**20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options that are about training scripts."""
    group = parser.add_argument_group(
        "training scripts",
        "A file that trains is run in a process of its own until its first step is found, with "
        "these limits, but with your rights: check only what you would run. What it prints, draws "
        "and writes is held back. --loss is then a name, a line or an expression, and --params "
        "are names of what it changes.",
    )
    group.add_argument(
        "--call", metavar="CODE",
        help="what is checked where the file itself trains nothing: 'train(X, y)'; what stands "
        "before it, separated by semicolons, prepares it",
    )  # fmt: skip
    group.add_argument(
        "--steps", type=int, default=1, metavar="N",
        help="how many turns of the training loop are checked, each alone (default: 1): "
        "--steps 3 finds what goes wrong from the second on",
    )  # fmt: skip
    group.add_argument(
        "--given", metavar="NAME=ARRAY.npz", action="append", default=[],
        help="data that are not there, by the name of a variable or of a file; may be given again",
    )  # fmt: skip
    group.add_argument(
        "--inputs", metavar="NAME=SHAPE,...",
        help="of a file of layers, affine_forward and affine_backward, the shapes of their inputs "
        "where it does not call them, of labels also a bound, and settings: "
        "\"x=6x4,rate=scalar,labels=6<3,how={'mode': 'train'}\"",
    )  # fmt: skip
    group.add_argument(
        "--upstream", metavar="ARRAY.npz", type=Path,
        help="of a layer, the gradient of its output that its backward pass is called with, or one "
        "for each output (default: random numbers)",
    )  # fmt: skip
    group.add_argument(
        "--wrt", metavar="NAME,...", default="",
        help="of a layer, the inputs that have gradients, in the order in which its backward pass "
        "returns these",
    )  # fmt: skip
    group.add_argument(
        "--time", type=float, default=300.0, metavar="SECONDS",
        help="how long all of it may take (default: 300)",
    )  # fmt: skip
    group.add_argument(
        "--memory", type=int, default=4096, metavar="MB",
        help="how much memory it may take, in megabytes (default: 4096)",
    )  # fmt: skip
    group.add_argument(HERE, action="store_true", help=argparse.SUPPRESS)


def texts_of(file: Path, stdin: str | None) -> list[Cell]:
    """What is run of a file, or of the input.

    Raises:
        OSError, ValueError: it cannot be read.
    """
    return [Cell("<stdin>", stdin)] if stdin is not None else cells_of(file)


def is_script(cells: Sequence[Cell], roles: Sequence[str]) -> bool:
    """Whether a file is to be checked as it stands, for it defines no loss and parameters.

    Arguments:
        cells: its texts.
        roles: what the loss, the parameters and the gradients are called that are looked for.
    """
    try:
        trees = [cell.tree for cell in cells]
    except SyntaxError:
        return False  # which is told where it is run
    top = [node for tree in trees for node in tree.body]
    names = {n for node in top for n in _bound(node)}
    loss, params, manual = roles
    wanted = [loss, *(part.strip() for part in params.split(","))]
    trains = has_updates(cells)
    if all(name in names for name in wanted) and (manual in names or not trains):
        return False
    if trains:
        return True
    from autograd_mini.check.scripts.layers import layers_in

    return bool(layers_in(cells))


def _bound(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef):
        yield node.name
    yield from (
        n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    )


@dataclass(frozen=True)
class Ended:
    """A check in a process of its own.

    Attributes:
        status: its exit status.
        stdout, stderr: what it printed, where that was kept.
    """

    status: int
    stdout: str
    stderr: str


CLOSED = 141
"""The exit status where a reader such as `head` has gone: 128 and the number of SIGPIPE."""

ENDED = 64
"""What is added to the exit status of a check in a process of its own: so none that the checked
file ends itself, with status 0, is taken for a right one."""


def in_own_process(
    file: Path,
    options: argparse.Namespace,
    *,
    out: Sequence[Path],
    stdin: str | None = None,
    captured: bool = False,
) -> Ended:
    """Check a file in a process of its own.

    Arguments:
        file: the file.
        options: of the command.
        out: the files to which the report is written.
        stdin: the text of the file, where that is ``-``.
        captured: whether what it prints is kept.

    Raises:
        TimeoutError: it took too long.
    """
    command = [sys.executable, "-m", "autograd_mini", "check", *_arguments(options, out), HERE]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    pipe = subprocess.PIPE if captured else None
    with subprocess.Popen(
        [*command, "--", str(file)],
        stdin=subprocess.PIPE, stdout=pipe, stderr=pipe,
        text=True, encoding="utf-8", errors="replace", env=environment,
    ) as child:  # fmt: skip
        try:
            printed = child.communicate(stdin or "", timeout=options.time)
        except subprocess.TimeoutExpired:
            child.kill()
            raise TimeoutError(
                f"it took longer than {options.time:g} s: --time says how long it may take"
            ) from None
        except BaseException:
            child.kill()
            raise
    status, texts = child.returncode - ENDED, [text or "" for text in printed]
    if status in (0, 1):
        return Ended(status, *texts)
    if child.returncode in (2, CLOSED):  # of which it said why
        return Ended(child.returncode, *texts)
    how = f"with status {child.returncode}"
    if child.returncode < 0:
        with contextlib.suppress(ValueError):  # it has no name
            how = f"by {signal.Signals(-child.returncode).name}"
    return Ended(2, texts[0], f"it ended its process, {how}, before it was checked")


def _arguments(options: argparse.Namespace, out: Sequence[Path]) -> Iterator[str]:
    """Options as they are written, but for those of which the process that is started has none."""
    for name, value in {**vars(options), "out": out}.items():
        if name in ("command", "files", "here", "jobs") or callable(value):
            continue
        for one in value if isinstance(value, list | tuple) else [value]:
            if one is True:
                yield f"--{name}"
            elif one is not None and one is not False:
                yield f"--{name}={one}"


@contextlib.contextmanager
def own_streams(memory: int, seconds: float) -> Iterator[None]:
    """In a process of its own: only what this command prints gets out, and it has limits.

    It ends by itself where whoever started it has gone.
    """
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        most = memory * _MEGABYTE
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        most = math.ceil(seconds) + 1
        limit = resource.getrlimit(resource.RLIMIT_CPU)
        if limit[1] == resource.RLIM_INFINITY:
            resource.setrlimit(resource.RLIMIT_CPU, (most, most))
    sys.stdout.flush()
    streams = [os.fdopen(os.dup(number), "w", encoding="utf-8") for number in (1, 2)]
    nothing = os.open(os.devnull, os.O_WRONLY)
    for number in (1, 2):
        os.dup2(nothing, number)
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = streams
    try:
        yield
    finally:
        for number, stream in zip((1, 2), streams, strict=True):
            stream.flush()
            os.dup2(stream.fileno(), number)
        sys.stdout, sys.stderr = before


def checked(file: Path, cells: Sequence[Cell], options: argparse.Namespace) -> GradientReport:
    """The report on a training script.

    Raises:
        ValueError: it cannot be told what is to be checked.
        Exception: what the file raises.
    """
    from autograd_mini.check.scripts.given import loaded
    from autograd_mini.check.training import cells_checked

    loss = options.loss if options.loss != "loss" else None
    names = options.params if options.params != "params" else ""
    report = cells_checked(
        file,
        cells,
        loss=loss,
        params=split(names),
        call=options.call,
        steps=options.steps,
        given=dict(loaded(text) for text in options.given),
        inputs=options.inputs,
        wrt=split(options.wrt) or None,
        upstream=None if options.upstream is None else _upstream(options.upstream),
        seed=options.seed,
        hints=options.hints,
        seconds=options.seconds,
    )
    report.assumptions = [as_options(text) for text in report.assumptions]
    return report


def split(names: str) -> list[str]:
    """Names that are separated by commas."""
    return [name.strip() for name in names.split(",") if name.strip()]


def as_options(text: str) -> str:
    """An assumption, with the options of this command in the place of arguments.

    >>> as_options("Step: one call of train(X, y) (steps=, call=)")
    'Step: one call of train(X, y) (--steps, --call)'
    """
    return _SAID_BY.sub(lambda found: re.sub(r"(\w+)=", r"--\1", found[0]), text)


_SAID_BY = re.compile(r"\((\w+=(, )?)+\)$")


def _upstream(path: Path) -> Array | tuple[Array, ...]:
    """The upstream gradient in a file, or several of them, in their order."""
    from autograd_mini.check.scripts.given import arrays_of

    found = arrays_of(str(path), f"--upstream {path}")
    return tuple(found.values()) if isinstance(found, dict) else found


def failure(file: Path, error: BaseException) -> str:
    """What went wrong in a file: the lines of the file that led there, and the error."""
    lines = _lines_of(file, error)
    lines = lines[:_MOST_LINES] + lines[-1:] if len(lines) > _MOST_LINES else lines
    if not lines and isinstance(error, TypeError | ValueError):
        return str(error)
    told = traceback.TracebackException.from_exception(error)
    report = "".join([*traceback.format_list(lines), *told.format_exception_only()])
    return f"{str(file)!r} could not be run:\n{report}".rstrip()


_MOST_LINES = 8
"""How many lines that led to an error are shown, besides the last one."""


def _lines_of(file: Path, error: BaseException) -> list[traceback.FrameSummary]:
    """Where an error came through the file."""
    return [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename in (str(file), str(file.resolve()))
        or frame.filename.startswith(f"{file}, cell ")
    ]
