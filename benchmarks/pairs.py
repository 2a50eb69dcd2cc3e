"""Whether layers are checked as they stand, and the line that is wrong in them found.

    python benchmarks/pairs.py                   the table
    python benchmarks/pairs.py --cases 3         fewer mistakes of each layer
    python benchmarks/pairs.py --only lstm       layers that are called so
    python benchmarks/pairs.py --show 10         and what went wrong, case by case
    python benchmarks/pairs.py --seed 6          another sample of mistakes
    python benchmarks/pairs.py --by-layer        a line for each layer, in three forms each

The layers are those of ``programs/course_layers.py``: with a cache, a context or attributes, in
loops and without.  Each is checked as it stands, with other numbers each time, then with one
mistake of ``testing.file_mutants`` at a time.  A mistake is left out if the layer does not run with
it, or gives no gradient that differs by more than rounding.

``--by-layer`` also takes those with a cache as static methods with a context, and as a pair for
``custom_vjp``, whose residuals the cache is.  ``pairs.txt`` has what it printed last.

- alarm: a layer that is right is said to be wrong, or cannot be checked.
- found: one that is wrong is.
- line: the first of the mistakes that are told is of the line that was changed.
- listed: otherwise, a repair of that line is among those that the numbers cannot tell apart.
- one: one mistake is told, no more.
- repaired: with the line that is shown, the gradients are right, for these numbers and for others.
- false: a line is shown as verified with which they are not.

Seconds are those of the wall.
"""

from __future__ import annotations

import argparse
import importlib.util
import inspect
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from planted import drawn_from
from tqdm import tqdm

import autograd_mini as ag
from autograd_mini.check.pairs.first_run import first_run
from autograd_mini.check.pairs.pair import Pair
from autograd_mini.testing import Mutant, file_mutants

LAYERS = Path(__file__).parent / "programs" / "course_layers.py"
FORMS = {
    "cache": "",
    "context": """
class Layer{number}:
    @staticmethod
    def forward(ctx, {inputs}):
        {out}, ctx.cache = {forward}({inputs})
        return {out}

    @staticmethod
    def backward(ctx, {upstream}):
        return {backward}({upstream}, ctx.cache)


RIGHT["{layer}"] = (Layer{number}.forward, Layer{number}.backward, *RIGHT["{layer}"][2:])
""",
    "residuals": """
def layer_fwd{number}({inputs}):
    {out}, residuals = {forward}({inputs})
    return {tuple}, residuals


def layer_bwd{number}(residuals, g):
    {upstream}, = {gradients}
    return {backward}({upstream}, residuals)


RIGHT["{layer}"] = (layer_fwd{number}, layer_bwd{number}, *RIGHT["{layer}"][2:])
""",
}
"""What makes a layer with a cache one of another form."""
SEED = "default_rng(0)"
OTHERS = (11, 12)
"""The seeds of the other numbers at which a repair is tried."""


def source(seed: int = 0, form: str = "cache") -> str:
    return formed(LAYERS.read_text(), form).replace(SEED, f"default_rng({seed})")


def with_a_cache() -> dict[str, tuple[Any, ...]]:
    """The layers that are two functions, of which the second is handed what the first kept."""
    names: dict[str, Any] = {"__name__": "course_layers"}
    exec(compile(LAYERS.read_text(), "<layers>", "exec"), names)
    return {
        layer: case
        for layer, case in names["RIGHT"].items()
        if all(map(inspect.isfunction, case[:2]))
        if list(inspect.signature(case[1]).parameters)[-1] == "cache"
    }


def formed(text: str, form: str) -> str:
    """The text of layers, those with a cache in another form."""
    blocks = [text]
    for number, (layer, (forward, backward, *inputs)) in enumerate(with_a_cache().items()):
        *upstream, _ = inspect.signature(backward).parameters
        outputs = [f"out{i}" for i, _ in enumerate(upstream)]
        several = len(outputs) > 1
        block = FORMS[form].format(
            number=number,
            layer=layer,
            forward=forward.__name__,
            backward=backward.__name__,
            inputs=", ".join(list(inspect.signature(forward).parameters)[: len(inputs)]),
            upstream=", ".join(upstream),
            out=", ".join(outputs),
            tuple=f"({', '.join(outputs)})" if several else outputs[0],
            gradients="g" if several else "(g,)",
        )
        blocks.append(block)
    return "".join(blocks)


def module_of(text: str, folder: str) -> ModuleType:
    """A module of a text, in a file of its own, whose lines are found."""
    path = Path(folder) / f"layers_{time.monotonic_ns()}.py"
    path.write_text(text)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def gradients(names: dict[str, Any], layer: str) -> dict[str, np.ndarray]:
    """What a layer's backward pass gives, by the names of the inputs."""
    state = np.random.get_state()  # noqa: NPY002 - layers draw from it
    np.random.seed(3)  # noqa: NPY002
    try:
        with np.errstate(all="ignore"):
            first = first_run(Pair(*_case(names["RIGHT"][layer])), None, None, 0)
    finally:
        np.random.set_state(state)  # noqa: NPY002
    if first.given is None or first.matched is None:
        raise ValueError("it does not run")
    given = first.given
    return {
        name: np.array(given.left[at] if isinstance(at, tuple) else given.returned[at], float)
        for name, at in first.matched.sources.items()
    }


def _case(case: tuple[Any, ...]) -> tuple[Any, Any, tuple[Any, ...]]:
    forward, backward, *inputs = case
    return forward, backward, tuple(inputs)


def of_text(text: str, layer: str) -> dict[str, np.ndarray]:
    names: dict[str, Any] = {"__name__": "course_layers"}
    exec(compile(text, "<layers>", "exec"), names)
    return gradients(names, layer)


def same(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> bool:
    return one.keys() == other.keys() and all(
        one[n].shape == other[n].shape and np.allclose(one[n], other[n], rtol=1e-9, atol=1e-12)
        for n in one
    )


def planted(layer: str, count: int, rng: np.random.Generator) -> list[Mutant]:
    """Mistakes of different kinds in the lines of a layer, each of which changes a gradient."""
    try:
        every = file_mutants(source(), lambda names: gradients(names, layer))
    except ValueError:  # its backward pass has no lines of its own
        return []
    right = of_text(source(), layer)
    return drawn_from(every, count, rng, lambda mutant: is_mistake(mutant, layer, right))


def is_mistake(mutant: Mutant, layer: str, right: dict[str, np.ndarray]) -> bool:
    try:
        wrong = of_text(mutant.source, layer)
    except Exception:  # it does not run with it
        return False
    return not same(wrong, right)


@dataclass
class Outcome:
    """What became of a case."""

    layer: str
    form: str
    case: str
    told: dict[str, bool] = field(default_factory=dict)
    seconds: float = 0.0
    report: str = ""


def right_one(layer: str, form: str, seed: int) -> Outcome:
    outcome = Outcome(layer, form, f"{layer}, {form}, seed {seed}")
    with tempfile.TemporaryDirectory() as folder:
        report = checked(module_of(source(seed, form), folder), layer, outcome)
    outcome.told["alarm"] = report is None or not report.ok or bool(report.mistakes)
    return outcome


def wrong_one(layer: str, form: str, mutant: Mutant) -> Outcome:
    what = f"{layer}, {form}:{mutant.line} {mutant.kind}: {mutant.before} → {mutant.after}"
    outcome, text = Outcome(layer, form, what), formed(mutant.source, form)
    with tempfile.TemporaryDirectory() as folder:
        report = checked(module_of(text, folder), layer, outcome)
        mistakes = report.mistakes if report else []
        repairs = [repair for mistake in mistakes for repair in mistake.repairs]
        blamed = mistakes[0].line.number if mistakes and mistakes[0].line else 0
        mended = [mends(text, layer, form, m.repair) for m in mistakes if m.repair]
    outcome.told["found"] = report is not None and not report.ok
    outcome.told["line"] = blamed == mutant.line
    outcome.told["listed"] = blamed != mutant.line and any(
        repair.line.number == mutant.line for repair in repairs
    )
    outcome.told["one"] = len(mistakes) == 1
    outcome.told["repaired"] = len(mistakes) == 1 and mended == [True]
    outcome.told["false"] = len(mistakes) == 1 and not all(mended)
    return outcome


def checked(module: ModuleType, layer: str, outcome: Outcome) -> Any:
    start = time.perf_counter()
    try:
        with np.errstate(all="ignore"):
            report = ag.check_backward(*module.RIGHT[layer])
        outcome.report = str(report)
    except Exception as error:  # of the checker: the other cases are of interest nevertheless
        report, outcome.report = None, f"{type(error).__name__}: {error}"
    outcome.seconds = time.perf_counter() - start
    return report


def mends(text: str, layer: str, form: str, repair: Any) -> bool:
    """Whether with a repair a layer gives the right gradients, for its numbers and for others."""
    lines = text.splitlines()
    at = repair.line.number - 1
    count = repair.line.text.count("\n") + 1
    columns = slice(repair.line.column, None)
    begun = lines[at][: columns.start]
    rest = "\n".join(lines[at : at + count])[columns.start + len(repair.line.text) :]
    new = repair.text.split("\n")
    lines[at : at + count] = [begun + new[0], *new[1:]]
    lines[at + len(new) - 1] += rest
    text = "\n".join(lines) + "\n"
    try:
        for seed in (0, *OTHERS):
            other = text.replace(SEED, f"default_rng({seed})")
            if not same(of_text(other, layer), of_text(source(seed, form), layer)):
                return False
    except Exception:  # what does not run mends nothing
        return False
    return True


def judged(case: tuple[str, str, int | Mutant]) -> Outcome:
    layer, form, what = case
    if isinstance(what, int):
        return right_one(layer, form, what)
    return wrong_one(layer, form, what)


def by_layer(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """For each layer, in each form: of the right ones those that agree; of the wrong ones those
    that are found, on their line, and mended.
    """
    yield f"{'':22}" + "".join(f"{form:^28}" for form in FORMS)
    yield f"{'':22}" + f"{'right   wrong  line  repair':^28}" * len(FORMS)
    for layer in dict.fromkeys(outcome.layer for outcome in outcomes):
        row = f"{layer:22}"
        for form in FORMS:
            told = [o.told for o in outcomes if (o.layer, o.form) == (layer, form)]
            right = [not each["alarm"] for each in told if "alarm" in each]
            wrong = [each for each in told if "found" in each]
            line, repaired = (sum(each[key] for each in wrong) for key in ("line", "repaired"))
            found = sum(each["found"] for each in wrong)
            row += f"{sum(right):4}/{len(right)} {found:4}/{len(wrong)} {line:5} {repaired:6}    "
        yield row.rstrip()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--cases", type=int, default=8, help="mistakes of each layer")
    parser.add_argument("--seed", type=int, default=5, help="of the sample of mistakes")
    parser.add_argument("--right", type=int, default=2, help="right checks of each layer")
    parser.add_argument("--only", default="", help="layers with this in their name")
    parser.add_argument("--minutes", type=float, default=1e9, help="how long it may take")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--by-layer", action="store_true", help="layers with a cache, in all forms")
    parser.add_argument("--show", type=int, default=0, metavar="N", help="N cases that went wrong")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        every = list(module_of(source(), folder).RIGHT)
    chosen = list(with_a_cache()) if given.by_layer else every
    layers = [name for name in chosen if given.only in name]
    if not layers:
        sys.exit(f"--only must be a part of one of {', '.join(chosen)}")
    forms = list(FORMS) if given.by_layer else ["cache"]
    cases: list[tuple[str, str, int | Mutant]] = [
        (n, form, seed) for seed in range(given.right) for n in layers for form in forms
    ]
    mutants = {
        layer: planted(layer, given.cases, np.random.default_rng([given.seed, every.index(layer)]))
        for layer in tqdm(layers, disable=None, leave=False)
    }
    cases += [
        (n, form, m[i])
        for i in range(given.cases)
        for n, m in mutants.items()
        for form in forms
        if i < len(m)
    ]
    outcomes, until = [], time.perf_counter() + 60 * given.minutes
    with ProcessPoolExecutor(given.jobs) as pool:
        for each in tqdm(pool.map(judged, cases), total=len(cases), disable=None, leave=False):
            outcomes.append(each)
            if time.perf_counter() > until:
                pool.shutdown(wait=False, cancel_futures=True)
                print(f"out of time: {len(outcomes)} of {len(cases)} cases")
                break
    for key in ("alarm", "found", "line", "listed", "one", "repaired", "false"):
        told = [outcome.told[key] for outcome in outcomes if key in outcome.told]
        if told:
            print(f"{key:9} {sum(told):4} of {len(told):4}  {100 * np.mean(told):5.1f} %")
    if given.by_layer:
        print("\n" + "\n".join(by_layer(outcomes)) + "\n")
    for name, kind in (("right", True), ("wrong", False)):
        times = [o.seconds for o in outcomes if ("alarm" in o.told) == kind]
        if times:
            middle, most = np.median(times), np.quantile(times, 0.95)
            print(f"seconds, {name}: median {middle:.2f}, 95 % {most:.2f}")
    wanted = {"alarm": False, "found": True, "line": True, "one": True, "repaired": True,
              "false": False}  # fmt: skip
    failed = [o for o in outcomes if any(wanted.get(k, v) != v for k, v in o.told.items())]
    for outcome in failed[: given.show]:
        print(f"\n{outcome.case}: {outcome.told}\n{outcome.report}")


if __name__ == "__main__":
    main()
