"""What the gradient debugger finds: mistakes planted in hand-derived backward passes.

    python benchmarks/mutations.py               the tables (some minutes)
    python benchmarks/mutations.py --quick       fewer cases (under a minute)
    python benchmarks/mutations.py --full        10,000 correct passes (hours of one core)
    python benchmarks/mutations.py --correct N   only correct passes, N of them
    python benchmarks/mutations.py --show 20     and what went wrong, case by case
    python benchmarks/mutations.py --case "single attention 17"    one case, with its report
    python benchmarks/mutations.py --json x.json and every case as JSON

It is about quantities: each delta is given.  ``lines.py`` is about lines, with these networks and
others, in the forms that code has.

The passes are ``passes.NETWORKS``, the mistakes those of ``testing.mutants``; sizes,
numbers and the mistake are drawn anew for each case from its number.  The kind of mistake is
drawn first, so that each kind that a pass allows weighs the same.

A mistake is left out if NumPy refuses it, or if it changes no number by more than rounding: the
right and the wrong pass are run in extended precision, and an element of the changed quantity
must move by more than mutants.ROUNDINGS times what float64 itself makes of the right one.

- detected: the changed quantity is said to differ.
- blamed: the quantities that were changed are the culprits, and no other.
- cause: a code that names the mistake comes first; is listed among several; none is given
  ("unknown"); or only others are ("wrong").

Peers (``checkers.py``) are given some of the same cases.  They see gradients of parameters only,
so mistakes that reach none are left out for them.  Those that are not installed are left out,
aloud: pip install torch jax autograd scipy
"""

from __future__ import annotations

import argparse
import collections
import itertools
import json
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from checkers import Checker, installed
from passes import NETWORKS, Network, Sample, sample

import autograd_mini as ag
from autograd_mini.testing.edits import Mutant, Pass
from autograd_mini.testing.mutants import mutants, noticeable, pair, rewritten

# Cases


@dataclass(frozen=True)
class Case:
    """A number that stands for a drawn network and what is done to its pass."""

    group: str
    network: str
    number: int

    def __str__(self) -> str:
        return f"{self.group} {self.network} {self.number}"

    def drawn(self) -> tuple[Sample, np.random.Generator]:
        names = [network.name for network in NETWORKS]
        rng = np.random.default_rng([names.index(self.network), self.number])
        return sample(NETWORKS[names.index(self.network)], rng), rng


@dataclass
class Outcome:
    """What became of a case: one for each mistake, or for each correct pass."""

    case: str
    network: str
    kind: str
    name: str = ""
    codes: list[str] = field(default_factory=list)
    line: str = ""
    detected: bool = False
    blamed: bool = False
    cause: str = ""
    causes: list[str] = field(default_factory=list)
    culprits: list[str] = field(default_factory=list)
    verdicts: dict[str, str] = field(default_factory=dict)
    evidence: str = ""
    sizes: dict[str, int] = field(default_factory=dict)
    left_out: int = 0


def single(case: Case) -> tuple[Sample, list[Mutant], Pass, int]:
    """The sample, one mistake, the pass that makes it, and how many drawn ones were left out."""
    drawn, rng = case.drawn()
    return drawn, *planted(drawn, rng, 1)


def double(case: Case) -> tuple[Sample, list[Mutant], Pass, int]:
    """The same with mistakes in two lines."""
    drawn, rng = case.drawn()
    return drawn, *planted(drawn, rng, 2)


def planted(drawn: Sample, rng: np.random.Generator, count: int) -> tuple[list[Mutant], Pass, int]:
    right = drawn.functions()[1]
    by_kind = collections.defaultdict(list)
    for mutant in mutants(right, drawn.params):
        by_kind[mutant.kind].append(mutant)
    left_out = 0
    while True:
        chosen: list[Mutant] = []
        for kind in rng.choice(sorted(by_kind), count):
            chosen.append(by_kind[kind][rng.integers(len(by_kind[kind]))])
        if len({mutant.name for mutant in chosen}) < count:
            continue
        try:
            if all(changes(drawn, chosen, mutant) for mutant in chosen):
                return chosen, joined(chosen).planted_in(right), left_out
        except ValueError:  # NumPy refuses a shape further on
            continue
        left_out += 1


def joined(chosen: Sequence[Mutant]) -> Mutant:
    return chosen[0] if len(chosen) == 1 else pair(*chosen)


def changes(drawn: Sample, chosen: Sequence[Mutant], mutant: Mutant) -> bool:
    """Whether one of the mistakes, given the others, changes its quantity by more than rounding."""

    def passes(made: Sequence[Mutant]) -> Callable[[Any], Pass]:
        def in_precision(dtype: Any) -> Pass:
            manual = drawn.functions(dtype)[1]
            return joined(made).planted_in(manual) if made else manual

        return in_precision

    others = [other for other in chosen if other is not mutant]
    return noticeable(mutant.name, passes(others), passes(chosen), drawn.params)


CORRECT: dict[str, Callable[..., Any]] = {}
"""Passes that are right: how each is made of a sample, and with which parameters."""


def correct(function: Callable[..., Any]) -> Callable[..., Any]:
    CORRECT[function.__name__.replace("_", " ")] = function
    return function


@correct
def as_written(drawn: Sample, rng: np.random.Generator) -> Any:
    return drawn.functions()[1], drawn.params


@correct
def in_other_words(drawn: Sample, rng: np.random.Generator) -> Any:
    return drawn.functions()[-1], drawn.params


@correct
def other_arithmetic(drawn: Sample, rng: np.random.Generator) -> Any:
    return rewritten(drawn.functions()[1], drawn.params, rng), drawn.params


@correct
def float32_arithmetic(drawn: Sample, rng: np.random.Generator) -> Any:
    return single_precision(drawn.functions(np.float32)[1]), drawn.params


@correct
def float32_in_other_words(drawn: Sample, rng: np.random.Generator) -> Any:
    return single_precision(drawn.functions(np.float32)[-1]), drawn.params


@correct
def float32_parameters(drawn: Sample, rng: np.random.Generator) -> Any:
    params = {name: x.astype(np.float32) for name, x in drawn.params.items()}
    return drawn.functions()[1], params


def single_precision(manual: Pass) -> Pass:
    def rounded(**params: Any) -> Any:
        found = manual(**{name: np.float32(x) for name, x in params.items()})
        return {name: np.float32(x) for name, x in found.items()}

    return rounded


def outcomes(case: Case) -> list[Outcome]:
    """Run a case."""
    if case.group in CORRECT:
        return [correct_outcome(case)]
    drawn, chosen, manual, left_out = (single if case.group == "single" else double)(case)
    report = checked(drawn, manual)
    names = {mutant.name for mutant in chosen}
    verdicts = {name: q.verdict for name, q in report.quantities.items()}
    warned = {  # right numbers in a shape that broadcasts
        name for f in report.findings if f.code == "shape" for name in f.names
    } & {name for name, verdict in verdicts.items() if verdict == "agree"}
    found = []
    for mutant in chosen:
        quantity = report[mutant.name]
        codes = [cause.code for cause in quantity.causes]
        found.append(
            Outcome(
                str(case),
                case.network,
                mutant.kind,
                mutant.name,
                sorted(mutant.codes),
                f"{mutant.before}  →  {mutant.after}",
                verdicts[mutant.name] == "differ" or mutant.name in warned,
                set(report.culprits) == names - warned,
                judged(["shape"] if mutant.name in warned else codes, mutant.codes),
                codes,
                report.culprits,
                {name: v for name, v in verdicts.items() if v != "agree"},
                "; ".join(cause.evidence for cause in quantity.causes),
                dict(drawn.sizes),
                left_out,
            )
        )
    return found


def checked(drawn: Sample, manual: Pass, params: Any = None) -> ag.GradientReport:
    with np.errstate(all="ignore"):
        return ag.check_gradients(drawn.functions()[0], params or drawn.params, manual)


def correct_outcome(case: Case) -> Outcome:
    drawn, rng = case.drawn()
    manual, params = CORRECT[case.group](drawn, rng)
    report = checked(drawn, manual, params)
    wrong = {n: q for n, q in report.quantities.items() if q.verdict != "agree"}
    findings = [f"{f.code}: {f.message}" for f in report.findings]
    return Outcome(
        str(case),
        case.network,
        case.group,
        detected=not report.ok,
        verdicts={name: q.verdict for name, q in wrong.items()},
        evidence="; ".join([f"{n}: {q.evidence}" for n, q in wrong.items()] + findings),
        sizes=dict(drawn.sizes),
    )


def judged(given: Sequence[str], codes: frozenset[str]) -> str:
    """How the causes that are given name a mistake."""
    if not given or given == ["unknown"]:
        return "unknown"
    if given[0] == "other-quantity" and codes & {"extra-factor", "missing-factor"}:
        return "first"  # a factor more or less makes exactly what belongs to the next name
    if given[0] in codes:
        return "first"
    return "listed" if codes & set(given) else "wrong"


# Tables


def table(title: str, found: Iterable[Outcome], key: Callable[[Outcome], str]) -> None:
    groups = collections.defaultdict(list)
    for outcome in found:
        groups[key(outcome)].append(outcome)
    groups["all"] = [outcome for group in list(groups.values()) for outcome in group]
    print(
        f"\n{title:24} {'n':>6} {'detected':>9} {'blamed':>8}   cause: "
        f"{'first':>6} {'listed':>7} {'unknown':>8} {'wrong':>6}"
    )
    for name, group in groups.items():

        def percent(share: Callable[[Outcome], bool], group: list[Outcome] = group) -> str:
            return f"{100 * sum(map(share, group)) / max(len(group), 1):.1f}"

        causes = [
            percent(lambda o, word=word: o.cause == word)  # type: ignore[misc]
            for word in ("first", "listed", "unknown", "wrong")
        ]
        print(
            f"{name:24} {len(group):6} {percent(lambda o: o.detected):>9} "
            f"{percent(lambda o: o.blamed):>8} {causes[0]:>15} {causes[1]:>7} {causes[2]:>8} "
            f"{causes[3]:>6}"
        )


def alarms(found: Iterable[Outcome]) -> None:
    groups = collections.defaultdict(list)
    for outcome in found:
        groups[outcome.kind].append(outcome)
    groups["all"] = [outcome for group in list(groups.values()) for outcome in group]
    print(f"\n{'correct passes':24} {'n':>6} {'differ':>8} {'cannot tell':>12} {'finding':>8}")
    for name, group in groups.items():
        differ = sum("differ" in o.verdicts.values() for o in group)
        vague = sum(set(o.verdicts.values()) == {"cannot tell"} for o in group)
        lint = sum(o.detected and not o.verdicts for o in group)
        print(f"{name:24} {len(group):6} {differ:8} {vague:12} {lint:8}")


def failures(found: Sequence[Outcome], count: int) -> None:
    """The worst first: not detected, a false alarm, wrong blame, a wrong cause, no cause."""

    def rank(outcome: Outcome) -> int:
        if outcome.kind in CORRECT:
            return 1 if outcome.detected else 9
        if not outcome.detected:
            return 0
        return (
            2
            if not outcome.blamed
            else {"wrong": 3, "listed": 4, "unknown": 5}.get(outcome.cause, 9)
        )

    words = ["not detected", "false alarm", "blame", "wrong cause", "cause not first", "no cause"]
    for outcome in [o for o in sorted(found, key=rank) if rank(o) < 9][:count]:
        print(f"\n{words[rank(outcome)]}: --case {outcome.case!r}  {outcome.sizes}")
        if outcome.line:
            print(f"  {outcome.kind}: {outcome.line}")
            print(f"  culprits {outcome.culprits}, expected {outcome.name}: {outcome.verdicts}")
            print(f"  causes {outcome.causes}, expected one of {outcome.codes}")
        print(f"  {outcome.evidence}")


# Peers


def peers(every: Sequence[Case]) -> dict[str, dict[str, float]]:
    """For each checker the share of mistakes it complains of, and of right passes; and ours."""
    ours: Checker = lambda loss, params, manual: not checked_parameters(loss, params, manual).ok  # noqa: E731
    complaints: dict[str, list[tuple[bool, bool]]] = collections.defaultdict(list)
    checkers = {"check_gradients": ours, **installed()}
    for case in every:
        drawn, _, wrong, _ = single(case)
        loss, right = drawn.functions()[:2]
        if not reaches_a_parameter(drawn, right, wrong):
            continue
        for name, complains in checkers.items():
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                complaints[name].append(
                    (complains(loss, drawn.params, wrong), complains(loss, drawn.params, right))
                )
    print(f"\n{'parameters only':24} {'n':>6} {'detected %':>11} {'false alarms %':>15}")
    shares = {}
    for name, found in complaints.items():
        detected, alarm = (100 * float(np.mean(column)) for column in zip(*found, strict=True))
        shares[name] = {"n": len(found), "detected": detected, "false_alarms": alarm}
        print(f"{name:24} {len(found):6} {detected:11.1f} {alarm:15.1f}")
    return shares


def checked_parameters(loss: Any, params: Any, manual: Any) -> ag.GradientReport:
    return ag.check_gradients(loss, params, lambda **p: {n: manual(**p)[n] for n in params})


def reaches_a_parameter(drawn: Sample, right: Pass, wrong: Pass) -> bool:
    a, b = right(**drawn.params), wrong(**drawn.params)
    return any(
        np.shape(a[n]) != np.shape(b[n])
        or not np.max(np.abs(a[n] - b[n])) <= 1e-9 * np.max(np.abs(a[n]))
        for n in drawn.params
    )


# The time of one check


def seconds_of_a_large_check() -> float:
    """A 784-256-64-10 sigmoid network, a batch of 64, seven hand-derived gradients."""
    rng = np.random.default_rng(0)
    sizes = [784, 256, 64, 10]
    X, T = rng.uniform(size=(64, 784)), np.eye(10)[rng.integers(0, 10, 64)]
    params = {}
    for i, (n, m) in enumerate(itertools.pairwise(sizes), 1):
        params |= {f"W{i}": rng.normal(size=(n, m)) / n**0.5, f"b{i}": np.zeros(m)}

    def forward(W1, b1, W2, b2, W3, b3):
        a1 = 1 / (1 + np.exp(-(X @ W1 + b1)))
        a2 = 1 / (1 + np.exp(-(a1 @ W2 + b2)))
        return a1, a2, a2 @ W3 + b3

    def loss(W1, b1, W2, b2, W3, b3):
        a1 = 1 / (1 + np.exp(-(X @ W1 + b1)))
        a2 = 1 / (1 + np.exp(-(a1 @ W2 + b2)))
        z3 = a2 @ W3 + b3
        return -np.sum(T * ag.log_softmax(z3, axis=1)) / 64

    def manual(**params):
        a1, a2, z3 = forward(**params)
        e = np.exp(z3)
        dz3 = (e / e.sum(axis=1, keepdims=True) - T) / 64
        dz2 = dz3 @ params["W3"].T * a2 * (1 - a2)
        dz1 = dz2 @ params["W2"].T * a1 * (1 - a1)
        return {"z3": dz3, "W3": a2.T @ dz3, "b3": dz3.sum(axis=0), "W2": a1.T @ dz2,
                "b2": dz2.sum(axis=0), "W1": X.T @ dz1, "b1": dz1.sum(axis=0)}  # fmt: skip

    start = time.perf_counter()
    report = ag.check_gradients(loss, params, manual)
    seconds = time.perf_counter() - start
    assert report.ok, str(report)
    return seconds


# The run


def cases(groups: Iterable[str], networks: Sequence[Network], count: int) -> Iterator[Case]:
    for group in groups:
        for network in networks:
            for number in range(count):
                yield Case(group, network.name, number)


def run(every: Sequence[Case], jobs: int) -> list[Outcome]:
    if jobs == 1:
        return [outcome for case in every for outcome in outcomes(case)]
    with ProcessPoolExecutor(jobs) as pool:
        return [o for found in pool.map(outcomes, every, chunksize=8) for o in found]


def one_case(text: str) -> None:
    group = next(g for g in ("single", "pair", *CORRECT) if text.startswith(g))
    network, number = text.removeprefix(group).strip().rsplit(" ", 1)
    case = Case(group, network, int(number))
    for outcome in outcomes(case):
        print(json.dumps(asdict(outcome), indent=2, ensure_ascii=False))
    if group in CORRECT:
        drawn, rng = case.drawn()
        print(checked(drawn, *CORRECT[group](drawn, rng)))
    else:
        drawn, _, manual, _ = (single if group == "single" else double)(case)
        print(checked(drawn, manual))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="under a minute")
    size.add_argument("--full", action="store_true", help="10,000 correct passes")
    size.add_argument("--correct", type=int, metavar="N", help="only N correct passes")
    parser.add_argument("--cases", type=int, help="mistakes for each network (80)")
    parser.add_argument("--network", help="only this one, such as 'attention'")
    parser.add_argument("--kind", help="tabulate and show only this kind of mistake")
    parser.add_argument("--show", type=int, default=0, metavar="N", help="the N worst failures")
    parser.add_argument("--case", help="only this one, with its report")
    parser.add_argument("--json", metavar="FILE", help="every case")
    parser.add_argument("--no-peers", action="store_true", help="leave out other checkers")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    given = parser.parse_args()
    if given.case:
        one_case(given.case)
        return
    count = given.cases or (4 if given.quick else 1200 if given.full else 80)
    networks = [n for n in NETWORKS if given.network in (None, n.name)]
    if not networks:
        sys.exit(f"--network must be one of {', '.join(n.name for n in NETWORKS)}")
    start = time.perf_counter()
    if given.correct:
        each = -(-given.correct // (len(CORRECT) * len(networks)))
        right = run(list(cases(CORRECT, networks, each)), given.jobs)
        alarms(right)
        failures(right, given.show)
        return
    singles = run(list(cases(["single"], networks, count)), given.jobs)
    pairs = run(list(cases(["pair"], networks, count // 4)), given.jobs)
    right_count = 1 + 10_000 // (len(CORRECT) * len(networks)) if given.full else count // 4
    right = run(list(cases(CORRECT, networks, right_count)), given.jobs)
    if given.kind:
        singles, pairs = ([o for o in group if o.kind == given.kind] for group in (singles, pairs))
    table("one mistake, by network", singles, lambda o: o.network)
    table("one mistake, by kind", sorted(singles, key=lambda o: o.kind), lambda o: o.kind)
    table("each of two mistakes", pairs, lambda o: o.network)
    alarms(right)
    compared = {} if given.no_peers else peers(list(cases(["single"], networks, count // 4)))
    left_out = sum(outcome.left_out for outcome in singles)
    print(f"\nleft out, since they change no number by more than rounding: {left_out}")
    seconds = seconds_of_a_large_check()
    print(f"784-256-64-10, batch of 64, 7 hand-derived gradients: {seconds:.2f} s")
    print(f"{time.perf_counter() - start:.0f} s in all")
    failures(singles + pairs + right, given.show)
    if given.json:
        everything = {
            "single": [asdict(o) for o in singles],
            "pair": [asdict(o) for o in pairs],
            "correct": [asdict(o) for o in right],
            "peers": compared,
            "left_out": left_out,
            "seconds_784_256_64_10": seconds,
        }
        with open(given.json, "w") as file:
            json.dump(everything, file, indent=1, ensure_ascii=False)


if __name__ == "__main__":
    main()
