"""Which line the gradient debugger blames, and whether the line that it offers is right.

    python benchmarks/lines.py                  the tables (a quarter of an hour)
    python benchmarks/lines.py --quick          fewer cases (some minutes)
    python benchmarks/lines.py --right N        only passes that are right, N of them; with
                                                --minutes M as many as there is time for, with
                                                --first K those from number K on
    python benchmarks/lines.py --show 20        and what went wrong, case by case
    python benchmarks/lines.py --case "single gru 17"    one case, with its file and its report
    python benchmarks/lines.py --reasons FILE   the first 100 reasons, to be read (lines_read.txt)
    python benchmarks/lines.py --json x.json    and every case as JSON

The networks are those of ``passes``, each a file of its own in the forms of ``passes.forms``; the
mistakes are those of ``testing.file_mutants``: by lines what ``mutations.py`` is by quantities.
Sizes, numbers, form and mistake are drawn anew for each case from its number; each kind of mistake
that a pass allows weighs the same.  A mistake is left out if the pass does not run with it, or
returns no gradient that differs by more than rounding (see ``mutations.py``).

- line: the first of the mistakes that are reported is of the line that was changed, for two
  changes: each is of one of them.  listed: otherwise, a repair of that line is among those that
  the numbers cannot tell apart.
- one: a mistake is reported for each change, and no more.
- repaired: with the repairs that are shown, all gradients are right, at these numbers and at
  ``planted.POINTS`` others, in extended precision.  ours: of these, a line is written from the
  recorded step, not made from theirs.  text: all are the line as it was, but for spaces.
- false: a repair is shown as verified; with it, and without the other slip, a gradient is wrong.
- cause: the code is one that names the change (``ALSO``).  Reasons have to be read.

Seconds are those of the wall; CPU seconds are less where the machine has other work.
"""

from __future__ import annotations

import argparse
import ast
import collections
import json
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from passes import Network, Sample, numbers
from passes.forms import forms, imported, rewritten, text, with_line
from planted import EVERY, Case, Drawn, planted
from tqdm import tqdm

import autograd_mini as ag
from autograd_mini.testing import Mutant

ALSO: Mapping[str, frozenset[str]] = {
    "factor": frozenset({"extra-factor"}),
    "summed too far": frozenset({"wrong-axis"}),
    "wrong factor": frozenset({"extra-factor", "missing-factor"}),
    "updated weight": frozenset({"extra-term"}),
}
"""Codes that name a change of the line as well as those that name its numbers."""

# What is reported


@dataclass
class Outcome:
    """What became of a case."""

    case: str
    network: str
    style: str
    form: str
    kinds: list[str] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    before: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)
    blamed: list[int] = field(default_factory=list)
    repairs: list[str] = field(default_factory=list)
    causes: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    detected: bool = False
    line: bool = False
    listed: bool = False
    one: bool = False
    repaired: bool = False
    ours: bool = False
    text: bool = False
    false: bool = False
    crashed: bool = False
    cause: bool = False
    seconds: float = 0.0
    cpu: float = 0.0
    sizes: dict[str, int] = field(default_factory=dict)
    message: str = ""


def outcome(case: Case) -> Outcome:
    """Run a case."""
    drawn = case.drawn()
    network = drawn.sample.network
    found = Outcome(str(case), network.name, network.style, str(drawn.form))
    found.sizes = dict(drawn.sample.sizes)
    try:
        if case.group in CORRECT:
            found.kinds = [case.group]
            report = CORRECT[case.group](drawn, found)
            found.detected = not report.ok or bool(mistakes_of(report))
            found.message = str(report) if found.detected else ""
        else:
            chosen, wrong = planted(drawn, 1 if case.group == "single" else 2)
            judge(found, drawn, wrong, chosen, lambda: checked(drawn, wrong, found))
    except Exception as error:  # of the checker: the other cases are of interest nevertheless
        found.crashed = found.false = True
        found.message = "".join(traceback.format_exception(error))
    return found


def checked(drawn: Drawn, source: str, found: Outcome, dtype: Any = np.float64) -> Any:
    """The report on the pass of a file; how long it took is noted."""
    with imported(source) as module, np.errstate(all="ignore"):
        make = getattr(module, drawn.sample.network.make.__name__)
        loss, manual = drawn.sample.functions(dtype, make)[:2]
        start = time.perf_counter(), time.process_time()
        report = ag.check_gradients(loss, drawn.sample.params, manual)
        mistakes_of(report)
        str(report)
        found.seconds = time.perf_counter() - start[0]
        found.cpu = time.process_time() - start[1]
        return report


def mistakes_of(report: Any) -> list[Any]:
    return list(getattr(report, "mistakes", ()))


def judge(
    found: Outcome, drawn: Drawn, wrong: str, chosen: list[Mutant], check: Callable[[], Any]
) -> None:
    planted_lines = {mutant.line for mutant in chosen}
    found.kinds = [mutant.kind for mutant in chosen]
    found.lines = [mutant.line for mutant in chosen]
    found.before = [mutant.before for mutant in chosen]
    found.after = [mutant.after for mutant in chosen]
    found.codes = sorted(set().union(*(mutant.codes for mutant in chosen)))
    report = check()
    mistakes = mistakes_of(report)
    found.detected = not report.ok
    found.message = str(report)
    found.blamed = [m.line.number if m.line else 0 for m in mistakes]
    found.causes = [str(getattr(m.cause, "code", m.cause)) for m in mistakes]
    found.reasons = [str(m.reason) for m in mistakes]
    found.one = len(mistakes) == len(chosen)
    first = set(found.blamed[: len(chosen)])
    found.line = planted_lines <= first
    listed = {place(r, m) for m in mistakes for r in getattr(m, "repairs", ())}
    found.listed = not found.line and planted_lines <= first | listed
    found.cause = bool(found.causes) and all(
        any(code in m.codes | ALSO.get(m.kind, frozenset()) for m in chosen)
        for code in found.causes[: len(chosen)]
    )
    shown = [(m.repair, m) for m in mistakes if m.repair is not None]
    found.repairs = [repair.text for repair, _ in shown]
    mended = wrong
    try:
        for repair, mistake in sorted(shown, key=lambda pair: -place(*pair)):
            mended = with_line(mended, place(repair, mistake), repair.text)
    except (SyntaxError, LookupError, StopIteration) as error:
        found.message += f"\n{error}"
        mended = ""
    complete = bool(mistakes) and len(shown) == len(mistakes)
    found.repaired = complete and drawn.mends(mended)
    found.false = not found.repaired and any(
        not any(tells_true(drawn, slip, repair, mistake) for slip in chosen)
        for repair, mistake in shown
    )
    found.ours = found.repaired and any(getattr(r, "ours", False) for r, _ in shown)
    found.text = found.repaired and sorted(map(plain, found.repairs)) == sorted(
        map(plain, found.before)
    )


def tells_true(drawn: Drawn, slip: Mutant, repair: Any, mistake: Any) -> bool:
    """Whether a repair mends a file that has one slip and no other."""
    try:
        return drawn.mends(with_line(slip.source, place(repair, mistake), repair.text))
    except (SyntaxError, LookupError, StopIteration):
        return False


def place(repair: Any, mistake: Any) -> int:
    """The number of the line that a repair is of."""
    line = getattr(repair, "line", None) or mistake.line
    return int(getattr(line, "number", line) or 0)


def plain(line: str) -> str:
    """A line without what does not matter of its spelling."""
    try:
        return ast.unparse(ast.parse(line.strip()))
    except SyntaxError:
        return line


# Passes that are right


def as_written(drawn: Drawn, found: Outcome) -> Any:
    return checked(drawn, drawn.source, found)


def other_arithmetic(drawn: Drawn, found: Outcome) -> Any:
    """The backward lines in other arithmetic, as ``mutants.rewritten`` has it."""
    source = rewritten(drawn.source, drawn.rng)
    assert drawn.same(drawn.source, source), source
    return checked(drawn, source, found)


def float32_numbers(drawn: Drawn, found: Outcome) -> Any:
    drawn.sample.params.update({n: x.astype(np.float32) for n, x in drawn.sample.params.items()})
    return checked(drawn, drawn.source, found, np.float32)


def biases_of_0(drawn: Drawn, found: Outcome) -> Any:
    """Biases are 0, as most people start them."""
    for name, x in drawn.sample.params.items():
        if name.startswith("b"):
            x[...] = 0
    return checked(drawn, drawn.source, found)


CORRECT: dict[str, Callable[[Drawn, Outcome], Any]] = {
    "as written": as_written,
    "other arithmetic": other_arithmetic,
    "float32 numbers": float32_numbers,
    "biases of 0": biases_of_0,
}

# Tables


def table(title: str, found: Sequence[Outcome], keys: Callable[[Outcome], Iterable[str]]) -> None:
    groups = collections.defaultdict(list)
    for o in found:
        for key in dict.fromkeys(keys(o)):
            groups[key].append(o)
    columns = ["detected", "line", "listed", "one", "repaired", "ours", "text", "cause"]
    print(f"\n{title:28} {'n':>5} " + " ".join(f"{c:>8}" for c in columns), end="")
    print(f" {'false':>6} {'median s':>9} {'95 % s':>7} {'CPU':>7} {'95 %':>7}")
    for name, group in [*groups.items(), ("all", list(found))]:
        shares = [100 * np.mean([getattr(o, c) for o in group]) if group else 0 for c in columns]
        print(f"{name:28} {len(group):5} " + " ".join(f"{x:8.1f}" for x in shares), end="")
        print(f" {sum(o.false for o in group):6} {times(group)}")


def alarms(found: Sequence[Outcome]) -> None:
    print(f"\n{'right passes':28} {'n':>6} {'alarms':>7} {'median s':>9} {'95 % s':>7}", end="")
    print(f" {'CPU':>7} {'95 %':>7}")
    for name in [*CORRECT, "all"]:
        group = [o for o in found if name in ("all", *o.kinds)]
        alarmed = sum(o.detected or o.crashed for o in group)
        print(f"{name:28} {len(group):6} {alarmed:7} {times(group)}")


def times(group: Sequence[Outcome]) -> str:
    found = []
    for seconds in ([o.seconds for o in group], [o.cpu for o in group]):
        found += [np.median(seconds), np.quantile(seconds, 0.95)] if group else [0.0, 0.0]
    return f"{found[0]:9.2f} {found[1]:7.2f} {found[2]:7.2f} {found[3]:7.2f}"


def failures(found: Sequence[Outcome], count: int) -> None:
    """The worst first."""

    def rank(o: Outcome) -> int:
        right = bool(o.kinds) and o.kinds[0] in CORRECT
        faults = [
            o.crashed,
            o.false,
            right and o.detected,
            not right and not o.detected,
            not right and not o.line,
            not right and not o.one,
            not right and not o.repaired,
            not right and o.ours,
            not right and not o.cause,
        ]
        return faults.index(True) if True in faults else len(WORDS)

    WORDS = [
        "crash",
        "false repair",
        "false alarm",
        "not detected",
        "line",
        "counted",
        "no repair",
        "ours",
        "cause",
    ]
    for o in [o for o in sorted(found, key=rank) if rank(o) < len(WORDS)][:count]:
        print(f"\n{WORDS[rank(o)]}: --case {o.case!r}  {o.style}, {o.form}  {o.sizes}")
        print(f"  {' and '.join(o.kinds)}: blamed {o.blamed}, {o.seconds:.2f} s")
        for number, before, after in zip(o.lines, o.before, o.after, strict=True):
            print(f"  {number}: {before}  →  {after}")
        for text_, cause, reason in zip(o.repairs, o.causes, o.reasons, strict=False):
            print(f"  repair {text_!r}  {cause}: {reason}")
        if o.crashed or o.kinds[0] in CORRECT:
            print(o.message)


def reasons(found: Sequence[Outcome], count: int = 100) -> Iterator[str]:
    """What a person is to read: is the reason right, and would a learner understand it?"""
    for i, o in enumerate(found[:count], 1):
        yield f"{i}. {o.case}: {o.kinds[0]}"
        yield f"   right  {o.lines[0]}: {o.before[0]}"
        yield f"   wrong  {o.lines[0]}: {o.after[0]}"
        repair = o.repairs[0] if o.repairs else "no repair"
        yield f"   ours   {o.blamed[0] if o.blamed else 'no line'}: {repair}"
        yield f"   reason {o.causes[0]}: {o.reasons[0]}" if o.reasons else "   reason none"
        yield ""


# The time of one check


def digits(X, T):
    def loss(W1, b1, W2, b2, W3, b3):
        a1 = 1 / (1 + np.exp(-(X @ W1 + b1)))
        a2 = 1 / (1 + np.exp(-(a1 @ W2 + b2)))
        z3 = a2 @ W3 + b3
        return -np.sum(T * ag.log_softmax(z3, axis=1)) / 64

    def manual(W1, b1, W2, b2, W3, b3):
        a1 = 1 / (1 + np.exp(-(X @ W1 + b1)))
        a2 = 1 / (1 + np.exp(-(a1 @ W2 + b2)))
        e = np.exp(a2 @ W3 + b3)
        # backward
        dz3 = (e / e.sum(axis=1, keepdims=True) - T) / 64
        dW3 = a2.T @ dz3
        db3 = dz3.sum(axis=0)
        dz2 = dz3 @ W3.T * a2 * (1 - a2)
        dW2 = a1.T @ dz2
        db2 = dz2.sum(axis=0)
        dz1 = dz2 @ W2.T * a1 * (1 - a1)
        dW1 = X.T @ dz1
        db1 = dz1.sum(axis=0)
        return {"W3": dW3, "b3": db3, "W2": dW2, "b2": db2, "W1": dW1, "b1": db1}

    return loss, manual


def seconds_of_a_large_check() -> dict[str, float]:
    """A 784-256-64-10 sigmoid network, a batch of 64: the pass as it is, and one slip each."""
    rng = np.random.default_rng(0)
    sizes = {"D": 784, "H": 256, "G": 64, "K": 10, "N": 64}
    network = Network(digits, {}, {"W1": "DH", "b1": "H", "W2": "HG", "b2": "G", "W3": "GK",
                                   "b3": "K"})  # fmt: skip
    params = numbers(network, sizes, rng).params
    params = {n: x / len(x) ** 0.5 if x.ndim == 2 else 0 * x for n, x in params.items()}
    data = {"X": rng.uniform(size=(64, 784)), "T": np.eye(10)[rng.integers(0, 10, 64)]}
    form = forms(network)[0]
    drawn = Drawn(Sample(network, sizes, data, params), form, text(network, form), rng)
    slips = {
        "right": ("", ""),
        "a factor of σ′ in the first layer lost": (" * a1 * (1 - a1)", " * a1"),
        "σ′ of the second layer lost": ("W3.T * a2 * (1 - a2)", "W3.T"),
        "mean lost": (" - T) / 64", " - T)"),
        "bias not summed": ("db1 = dz1.sum(axis=0)", "db1 = dz1.mean(axis=0)"),
    }
    seconds = {}
    for name, (before, after) in slips.items():
        found = Outcome("", "", "", "")
        report = checked(drawn, drawn.source.replace(before, after), found)
        seconds[name] = found.cpu
        lines = [m.line.number if m.line else None for m in mistakes_of(report)]
        print(f"784-256-64-10, batch of 64, {name}: {found.seconds:.2f} s, ", end="")
        print(f"of the processor {found.cpu:.2f} s, lines {lines}")
    return seconds


# The run


SAID_EVERY = 120.0
"""After how many seconds it is said how far it has come."""


def cases(groups: Iterable[str], names: Sequence[str], count: int, first: int = 0) -> list[Case]:
    """All cases, of which the first of each group and network come first."""
    return [Case(g, n, i) for i in range(first, first + count) for g in groups for n in names]


def run(every: Sequence[Case], jobs: int, until: float) -> list[Outcome]:
    """The outcomes of cases, until a time; false alarms are shown as they come."""
    found, alarmed, said = [], 0, time.perf_counter()
    with ProcessPoolExecutor(jobs) as pool:
        for each in tqdm(pool.map(outcome, every), total=len(every), disable=None, leave=False):
            found.append(each)
            if each.kinds[:1] and each.kinds[0] in CORRECT and (each.detected or each.crashed):
                alarmed += 1
                print(f"false alarm: --case {each.case!r}\n{each.message}", flush=True)
            if time.perf_counter() > said + SAID_EVERY:
                said = time.perf_counter()
                print(f"{len(found)} of {len(every)} cases, {alarmed} false alarms", flush=True)
            if time.perf_counter() > until:
                pool.shutdown(wait=False, cancel_futures=True)
                print(f"out of time: {len(found)} of {len(every)} cases")
                break
    return sorted(found, key=lambda o: list(EVERY).index(o.network))


def one_case(name: str) -> None:
    group = next(g for g in ("single", "pair", *CORRECT) if name.startswith(g))
    network, number = name.removeprefix(group).strip().rsplit(" ", 1)
    case = Case(group, network, int(number))
    found = outcome(case)
    if group not in CORRECT:
        drawn = case.drawn()
        wrong = planted(drawn, 1 if group == "single" else 2)[1]
        for i, line in enumerate(wrong.splitlines(), 1):
            print(f"{i:4} {line}")
    message = found.message
    found.message = ""
    print(json.dumps(asdict(found), indent=2, ensure_ascii=False))
    print(message)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="some minutes")
    parser.add_argument("--right", type=int, metavar="N", help="only N right passes")
    parser.add_argument("--first", type=int, default=0, metavar="K", help="right passes from K on")
    parser.add_argument("--cases", type=int, help="mistakes for each network (40)")
    parser.add_argument("--network", help="only this one, such as 'gru'")
    parser.add_argument(
        "--form", default="", help="tabulate only this one, such as 'all gradients'"
    )
    parser.add_argument("--kind", help="tabulate and show only this kind of mistake")
    parser.add_argument("--show", type=int, default=0, metavar="N", help="the N worst failures")
    parser.add_argument("--case", help="only this one, with its report")
    parser.add_argument("--reasons", metavar="FILE", help="the first 100 reasons")
    parser.add_argument("--json", metavar="FILE", help="every case")
    parser.add_argument("--minutes", type=float, default=1e9, help="for each kind of case")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    given = parser.parse_args()
    if given.case:
        one_case(given.case)
        return
    names = [name for name in EVERY if given.network in (None, name)]
    if not names:
        sys.exit(f"--network must be one of {', '.join(EVERY)}")
    start = time.perf_counter()

    def started(every: Sequence[Case]) -> list[Outcome]:
        return run(every, given.jobs, time.perf_counter() + 60 * given.minutes)

    count = given.cases or (3 if given.quick else 40)
    singles, pairs = [], []
    if not given.right:
        singles = started(cases(["single"], names, count))
        pairs = started(cases(["pair"], names, -(-count // 4)))
        singles, pairs = (
            [
                o
                for o in g
                if given.kind in (None, *o.kinds) and given.form in f"{o.style}, {o.form}"
            ]
            for g in (singles, pairs)
        )
        table("one slip, by network", singles, lambda o: [o.network])
        table("one slip, by form", singles, lambda o: [o.style, *o.form.split(", ")])
        table("one slip, by kind", sorted(singles, key=lambda o: o.kinds), lambda o: o.kinds)
        table("two slips, by network", pairs, lambda o: [o.network])
    right_count = given.right or len(CORRECT) * len(names) * -(-count // 10)
    each = -(-right_count // (len(CORRECT) * len(names)))
    right = started(cases(CORRECT, names, each, given.first))
    alarms(right)
    seconds = {} if given.right or given.network else seconds_of_a_large_check()
    print(f"{time.perf_counter() - start:.0f} s in all")
    failures(singles + pairs + right, given.show)
    if given.reasons:
        mixed = np.random.default_rng(0).permutation(len(singles))
        with open(given.reasons, "w") as file:
            file.writelines(f"{line}\n" for line in reasons([singles[i] for i in mixed]))
    if given.json:
        found = {"single": singles, "pair": pairs, "right": right}
        with open(given.json, "w") as file:
            json.dump(
                {g: [asdict(o) for o in of] for g, of in found.items()} | {"large": seconds},
                file,
                indent=1,
                ensure_ascii=False,
            )


if __name__ == "__main__":
    main()
