"""Hand-written backward passes of strangers, checked as they stand.

    python benchmarks/strangers.py                  fetch, check, and print the figures
    python benchmarks/strangers.py --from DIR       take them from a folder of clones, owner/name
    python benchmarks/strangers.py --show ID        one piece: what is known of it, and its report
    python benchmarks/strangers.py --list           what there is, with addresses
    python benchmarks/strangers.py --json x.json    and every piece as JSON

``strangers.toml`` is the list: layers of courses' assignments, classes that update in place,
scripts and notebooks, functions with a context, pairs given to ``defvjp``.  Nothing of them is
kept here: each is read from a clone of its repository at a commit (repositories that are not in
the folder are cloned into it), written into a folder of its own, and checked in a process of its
own by ``check_backward``, ``check_step`` or ``check_script``.

A piece is given what it is not published with: inputs by their shapes, a data file, a stand-in
for a package that is not installed.  Its code is never changed.  ``right`` is what finite
differences say of it; ``wrong`` is, besides, what an issue, a fix or a comment says, with the
line that it names.

``strangers.txt`` has what it printed last.

- no edit: a verdict is given for the code as it stands, the data apart.
- one option: otherwise, a verdict is given with the one option that stands in the list.
- cannot tell: neither; what is missing is printed.
- line: the first mistake that is reported is of a line that is known to be wrong.
- answer: of that line, the published repair is shown first, or one of the same meaning that stands
  in the list; where none is published, any that makes all gradients right.  Or the report gives
  the published reason, in words that a pattern of the list finds.
- alarms: a right piece is said to be wrong.  missed: a wrong one is said to be right.
"""

from __future__ import annotations

import argparse
import ast
import collections
import contextlib
import gzip
import importlib
import importlib.util
import inspect
import io
import json
import os
import pickle
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

FORMS = ("layer", "class", "script", "context", "pair")
SECONDS = 180
"""How long a piece may take, all in all, of the processor."""
WAITS = 10
"""How many times that it may take where the machine has other work."""

# What there is


@dataclass(frozen=True)
class Piece:
    """A piece of code, where it lies, what it needs, and what is known of it."""

    id: str
    form: str
    at: str
    status: str
    beside: tuple[str, ...] = ()
    package: str = ""
    """A folder of the repository whose modules are needed."""
    cells: Any = ()
    """The cells of a notebook that are taken, for functions and classes that stand in it."""
    files: dict[str, str] = field(default_factory=dict)
    """Data files that are not published, by what is in them (``CONTENTS``)."""
    stands_in: dict[str, str] = field(default_factory=dict)
    """Modules that are not installed, by a source that will do."""
    before: str = ""
    arrays: dict[str, str] = field(default_factory=dict)
    make: str = ""
    forward: str = ""
    backward: str = ""
    step: str = ""
    inputs: str = ""
    call: str = ""
    option: dict[str, Any] = field(default_factory=dict)
    needs: str = ""
    source: str = ""
    note: str = ""
    lines: tuple[str, ...] = ()
    repairs: tuple[str, ...] = ()
    reason: str = ""
    tells: str = ""
    """A pattern of that reason in a report that gives no repair."""

    @property
    def repository(self) -> str:
        return self.at.split("@", 1)[0]

    @property
    def commit(self) -> str:
        return self.at.split("@", 1)[1].split(":", 1)[0]

    @property
    def path(self) -> str:
        return self.at.split(":", 1)[1]

    @property
    def address(self) -> str:
        return f"https://github.com/{self.repository}/blob/{self.commit}/{self.path}"


def pieces() -> list[Piece]:
    listed = tomllib.loads(Path(__file__).with_suffix(".toml").read_text())["piece"]
    names = {f.name for f in fields(Piece)}
    found = []
    for entry in listed:
        unknown = set(entry) - names
        assert not unknown, f"{entry['id']}: {unknown}"
        entry = {k: tuple(v) if isinstance(v, list) else v for k, v in entry.items()}
        found.append(Piece(**entry))
    assert len({piece.id for piece in found}) == len(found)
    return found


# Fetching


def git(clones: Path, piece: Piece, *arguments: str) -> bytes:
    """What git says of a piece's repository, which is cloned where it is not there."""
    clone = clones / piece.repository
    if not clone.exists():
        clone.parent.mkdir(parents=True, exist_ok=True)
        url = f"https://github.com/{piece.repository}"
        command = ["git", "clone", "--quiet", "--bare", "--filter=blob:none", url, str(clone)]
        subprocess.run(command, check=True)
    inside = clone / ".git" if (clone / ".git").is_dir() else clone
    command = ["git", f"--git-dir={inside}", *arguments]
    return subprocess.run(command, check=True, capture_output=True).stdout


def fetch(piece: Piece, clones: Path, into: Path) -> Path:
    """Write a piece, and what it needs, into a folder; the file that is to be checked."""
    paths = [piece.path, *piece.beside]
    if piece.package:
        listing = git(clones, piece, "ls-tree", "-r", "--name-only", piece.commit, piece.package)
        paths += [path for path in listing.decode().splitlines() if path.endswith(".py")]
    for path in dict.fromkeys(paths):
        target = into / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(git(clones, piece, "show", f"{piece.commit}:{path}"))
    file = into / piece.path
    if piece.cells:
        notebook = json.loads(file.read_text())
        chosen = [notebook["cells"][i] for i in piece.cells]
        file = file.with_name("cells.py")
        file.write_text("\n\n".join("".join(cell["source"]) for cell in chosen) + "\n")
    for name, content in piece.files.items():
        target = file.parent / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(CONTENTS[content]())
    (into / "sitecustomize.py").write_text(surroundings(piece, into))
    return file


def surroundings(piece: Piece, into: Path) -> str:
    """The source that a process runs before all else: stand-ins for modules."""
    lines = ["import sys, types", "from importlib.machinery import ModuleSpec"]
    for name, source in piece.stands_in.items():
        lines += [f"module = sys.modules[{name!r}] = types.ModuleType({name!r})"]
        lines += [f"module.__spec__ = ModuleSpec({name!r}, None, is_package=True)"]
        lines += [f"module.__path__ = [{str(into / name.replace('.', '/'))!r}]"]
        lines += [f"exec({source!r}, module.__dict__)"]
    return "\n".join([*lines, piece.before, ""])


def verse() -> bytes:
    rng = np.random.default_rng(0)
    words = ["".join(rng.choice(list("abcdefgh"), 1 + i % 5)) for i in range(40)]
    words += ["king", "queen", "lord", "man", "woman", "dog", "wolf", "rich", "happy", "sad"]
    lines = [" ".join(rng.choice(words, 8)) for _ in range(200)]
    return "\n".join([" ".join(words), *lines]).encode()


def digits() -> bytes:
    rng = np.random.default_rng(0)
    return gzip.compress(pickle.dumps((rng.random((600, 784)), rng.integers(0, 10, 600))))


CONTENTS: dict[str, Callable[[], bytes]] = {"verse": verse, "digits": digits}

# Checking, in a process of its own

PULLBACKS: dict[int, tuple[Any, ...]] = {}


def module_of(piece: Piece, file: Path, into: Path) -> ModuleType:
    """The module of a file, imported by its name in the repository where it has one."""
    if piece.needs == "autograd":
        import autograd.extend

        defvjp = autograd.extend.defvjp

        def kept(function: Any, *makers: Any, **options: Any) -> None:
            PULLBACKS[id(function)] = makers
            defvjp(function, *makers, **options)

        autograd.extend.defvjp = kept
    sys.argv[:] = [str(file)]
    parts = file.relative_to(into).with_suffix("").parts
    installed = importlib.util.find_spec(parts[0])
    own = installed is None or installed.origin is None or str(into) in str(installed.origin)
    if own and all(part.isidentifier() for part in parts):
        return importlib.import_module(".".join(parts))
    spec = importlib.util.spec_from_file_location(file.stem, file)
    loader = getattr(spec, "loader", None)
    if spec is None or loader is None:
        raise ImportError(f"{file} is no module")
    module = sys.modules[file.stem] = importlib.util.module_from_spec(spec)
    with contextlib.suppress(SystemExit):  # a file may end itself
        loader.exec_module(module)
    return module


def drawn(text: str, rng: np.random.Generator) -> Any:
    """An array: ``4x3`` of the normal distribution, ``+4x3`` above ½, ``int 4 < 3`` of labels."""
    whole = re.fullmatch(r"int (\S+) < (\d+)", text)
    shape = tuple(int(n) for n in (whole[1] if whole else text.lstrip("+")).split("x") if n)
    if whole:
        return rng.integers(int(whole[2]), size=shape)
    numbers = rng.normal(size=shape)
    return np.abs(numbers) + 0.5 if text.startswith("+") else numbers


def report_of(piece: Piece, file: Path, into: Path, option: bool) -> Any:
    import autograd_mini as ag

    if not (piece.forward or piece.step):
        return ag.check_script(str(file), **({"call": piece.call} if option else {}))
    module = vars(module_of(piece, file, into))
    rng = np.random.default_rng(0)
    arrays = {name: drawn(text, rng) for name, text in piece.arrays.items()}
    own = {name: module[name] for name in arrays.keys() & module.keys()}
    module |= arrays
    made = into / "made.py"
    made.write_text(piece.make)
    exec(compile(piece.make, str(made), "exec"), module)
    names = {**module, "vjps": lambda function: PULLBACKS[id(function)]}
    for name in arrays if piece.forward else ():  # of which its code does not know
        del module[name]
    module |= own
    inputs = eval(f"({piece.inputs},)", names)
    if piece.step:
        return ag.check_step(eval(piece.step, names), *inputs)
    backward = eval(piece.backward, names) if piece.backward else None
    options = piece.option if option else {}
    return ag.check_backward(eval(piece.forward, names), backward, *inputs, **options)


@dataclass
class Outcome:
    """What became of a piece."""

    id: str
    form: str = ""
    status: str = ""
    verdict: str = ""
    """``agree``, ``differ``, ``cannot tell`` or ``crash``."""
    option: bool = False
    line: bool = False
    answer: bool = False
    mistakes: int = 0
    blamed: list[str] = field(default_factory=list)
    repairs: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    seconds: float = 0.0
    message: str = ""


def check(piece: Piece, file: Path, into: Path, option: bool) -> Outcome:
    found = Outcome(piece.id, piece.form, piece.status, "cannot tell", option)
    start = time.process_time()
    try:
        with contextlib.redirect_stdout(io.StringIO()), np.errstate(all="ignore"):
            report = report_of(piece, file, into, option)
            mistakes = list(report.mistakes)
            found.message = str(report)
        found.verdict = verdict(report)
        if piece.status == "wrong" and found.verdict == "differ":
            judge(piece, mistakes, found)
    except (ValueError, TypeError) as error:
        found.message = f"{type(error).__name__}: {error}\n\n{traceback.format_exc()}"
    except Exception:
        found.verdict = "crash"
        found.message = traceback.format_exc()
    found.seconds = time.process_time() - start
    return found


def verdict(report: Any) -> str:
    if report.ok:
        return "agree"
    verdicts = {quantity.verdict for quantity in report.quantities.values()}
    wrong = "differ" in verdicts or any(finding.wrong for finding in report.findings)
    return "differ" if wrong else "cannot tell"


def judge(piece: Piece, mistakes: Sequence[Any], found: Outcome) -> None:
    """Hold what is reported against what is known."""
    found.mistakes = len(mistakes)
    found.blamed = [m.line.text if m.line else "" for m in mistakes]
    found.repairs = [m.repair.text if m.repair else "" for m in mistakes]
    found.reasons = [str(m.reason) for m in mistakes]
    first = bare(found.blamed[0]) if found.blamed else ""
    known = [bare(line) for line in piece.lines]  # of a statement of several lines, one of them
    found.line = any(first in line or line in first for line in known) if first else False
    if found.line and found.repairs[0]:
        published = [meaning(line) for line in piece.repairs]
        found.answer = meaning(found.repairs[0]) in published or not published
    found.answer |= bool(piece.tells) and re.search(piece.tells, found.message) is not None


def bare(line: str) -> str:
    """A line without blanks and its comment."""
    return re.sub(r"\s", "", re.sub(r"\s#.*", "", line))


def meaning(line: str) -> str:
    """A line without what does not matter of its spelling, such as the order of factors."""
    try:
        return ast.unparse(Ordered().visit(ast.parse(inspect.cleandoc(line))))
    except SyntaxError:
        return bare(line)


class Ordered(ast.NodeTransformer):
    """Puts the factors of products, and the terms of sums, in one order."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        made = self.generic_visit(node)
        if not isinstance(node.op, ast.Mult | ast.Add):
            return made
        first, *others = sorted(self.parts(made, type(node.op)), key=ast.unparse)
        for part in others:
            first = ast.BinOp(first, node.op, part)
        return first

    def parts(self, node: Any, op: type[ast.operator]) -> list[ast.expr]:
        """The factors of a product, or the terms of a sum, whatever brackets say."""
        if not isinstance(node, ast.BinOp) or not isinstance(node.op, op):
            return [node]
        return [*self.parts(node.left, op), *self.parts(node.right, op)]


def limited() -> None:
    """Called in the process that checks a piece, before it begins."""
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 5))


def in_process(piece: Piece, clones: Path) -> Outcome:
    """Check a piece in a process of its own, with the option if it is needed."""
    failed = Outcome(piece.id, piece.form, piece.status, "crash")
    with tempfile.TemporaryDirectory(prefix="strangers-") as folder:
        into = Path(folder).resolve()
        try:
            file = fetch(piece, clones, into)
        except (subprocess.CalledProcessError, OSError, LookupError) as error:
            failed.message = f"not fetched: {error}"
            return failed
        path = [str(into), str(file.parent), os.environ.get("PYTHONPATH", "")]
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(path),
            "MPLBACKEND": "Agg",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        found = failed
        for option in [False, True][: 1 + bool(piece.option or piece.call)]:
            told = into / "told.json"
            told.unlink(missing_ok=True)
            here = [sys.executable, str(Path(__file__).resolve()), "--inside", str(into)]
            here += ["--show", piece.id, *(["--option"] if option else [])]
            try:
                done = subprocess.run(
                    here,
                    cwd=file.parent,
                    env=environment,
                    timeout=WAITS * SECONDS,
                    preexec_fn=limited,
                    capture_output=True,
                    stdin=subprocess.DEVNULL,
                    text=True,
                )
                message = done.stderr[-2000:]
                if done.returncode == -signal.SIGXCPU:
                    message = f"stopped after {SECONDS} s of the processor"
            except subprocess.TimeoutExpired:
                message = f"stopped after {WAITS * SECONDS} s"
            if not told.exists():
                found = Outcome(piece.id, piece.form, piece.status, "crash", option)
                found.message = message
                found.seconds = SECONDS
                continue
            found = Outcome(**json.loads(told.read_text()))
            if found.verdict != "cannot tell":
                break
    return found


# Figures


def table(found: Sequence[Outcome]) -> Iterator[str]:
    columns = "pieces  no edit  option  cannot tell  alarms  wrong  missed  line  answer  median s"
    yield f"{'':10}{columns}"
    for form in [*FORMS, "all"]:
        group = [o for o in found if form in (o.form, "all")]
        if not group:
            continue
        told = [o for o in group if o.verdict in ("agree", "differ")]
        wrong = [o for o in group if o.status == "wrong"]
        figures = [
            (len(group), 6),
            (sum(not o.option for o in told), 9),
            (sum(o.option for o in told), 8),
            (len(group) - len(told), 13),
            (sum(o.status == "right" and o.verdict == "differ" for o in group), 8),
            (len(wrong), 7),
            (sum(o.verdict == "agree" for o in wrong), 8),
            (sum(o.line for o in wrong), 6),
            (sum(o.answer for o in wrong), 8),
        ]
        row = "".join(f"{number:{width}}" for number, width in figures)
        yield f"{form:10}{row}{np.median([o.seconds for o in group]):10.1f}"
    told = [o for o in found if o.verdict in ("agree", "differ")]
    wrong = [o for o in found if o.status == "wrong"]
    shares = {
        "checked with no edit": (sum(not o.option for o in told), len(found)),
        "with one option at most": (len(told), len(found)),
        "right line of the wrong ones": (sum(o.line for o in wrong), len(wrong)),
        "its repair": (sum(o.answer for o in wrong), len(wrong)),
    }
    yield ""
    for name, (count, total) in shares.items():
        yield f"{name:30}{count:4} of {total:3}  {100 * count / max(total, 1):5.1f} %"


def what_went_wrong(found: Sequence[Outcome]) -> Iterator[str]:
    kinds: dict[str, list[Outcome]] = collections.defaultdict(list)
    for o in found:
        if o.verdict not in ("agree", "differ"):
            kinds[o.verdict].append(o)
        elif o.status == "right" and o.verdict == "differ":
            kinds["FALSE ALARM"].append(o)
        elif o.status == "wrong" and o.verdict == "agree":
            kinds["MISSED"].append(o)
        elif o.status == "wrong" and not o.line:
            kinds["another line"].append(o)
        elif o.status == "wrong" and not o.answer:
            kinds["no repair"].append(o)
    for kind, group in sorted(kinds.items()):
        yield f"\n{kind}"
        for o in group:
            lines = [line for line in o.message.splitlines() if line.strip()] or [""]
            told = o.blamed[0].strip() if o.blamed else lines[-1 if o.verdict == "crash" else 0]
            yield f"  {o.id}: {told[:110]}"


def shown(piece: Piece, found: Outcome) -> Iterator[str]:
    yield f"{piece.id} ({piece.form}): {piece.status}\n{piece.address}"
    yield from filter(None, [piece.source, piece.note])
    yield from (f"known line    {line}" for line in piece.lines)
    yield from (f"known repair  {line}" for line in piece.repairs)
    yield from ([f"known reason  {piece.reason}"] if piece.reason else [])
    with_option = " with the option" if found.option else ""
    yield f"\n{found.verdict}{with_option}, {found.seconds:.1f} s\n{found.message}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = Path(tempfile.gettempdir()) / "strangers"
    parser.add_argument("--from", dest="clones", type=Path, default=default, metavar="DIR")
    parser.add_argument("--show", metavar="ID")
    parser.add_argument("--only", default="", metavar="TEXT", help="ids or forms with a text")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--option", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    every = pieces()
    if given.show:
        (piece,) = [p for p in every if p.id == given.show] or sys.exit(f"no piece {given.show!r}")
        if given.inside:
            file = given.inside / piece.path
            file = file.with_name("cells.py") if piece.cells else file
            found = check(piece, file, given.inside, given.option)
            (given.inside / "told.json").write_text(json.dumps(asdict(found)))
        else:
            print("\n".join(shown(piece, in_process(piece, given.clones.resolve()))))
        return
    chosen = [p for p in every if p.form == given.only]
    chosen = chosen or [p for p in every if given.only in p.id]
    if given.list:
        for piece in chosen:
            print(f"{piece.form:8} {piece.status:6} {piece.id}: {piece.address}")
        return
    with ThreadPoolExecutor(given.jobs) as pool:
        clones = given.clones.resolve()
        found = []
        for o in pool.map(lambda piece: in_process(piece, clones), chosen):
            found.append(o)
            words = [o.verdict, "line" * o.line, "repair" * o.answer, "option" * o.option]
            told = ", ".join(filter(None, words))
            print(f"{o.status:6} {o.id}: {told} ({o.seconds:.1f} s)", flush=True)
    if given.json:
        given.json.write_text(json.dumps([asdict(o) for o in found], indent=1))
    print("\n" + "\n".join(table(found)))
    print("\n".join(what_went_wrong(found)))


if __name__ == "__main__":
    main()
