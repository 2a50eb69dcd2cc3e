"""Whether training scripts are checked as they stand, and the line that is wrong in them found.

    python benchmarks/scripts.py                 the table
    python benchmarks/scripts.py --cases 3       fewer mistakes of each program
    python benchmarks/scripts.py --show 10       and what went wrong, case by case
    python benchmarks/scripts.py --case xor_flat 17    one case, with its report
    python benchmarks/scripts.py --seed 4        another sample of mistakes

The programs of ``benchmarks/programs`` are scripts, classes and loops as people write them, none of
them written for the checker.  Each is checked as it stands, then with one mistake of
``testing.file_mutants`` at a time.  A mistake is left out if the program does not run with it, if
its first steps change no parameter by more than rounding, or if it changes all steps by one factor,
or one in the line that makes it: then it is a rate.

- checked: a verdict was given, without any option.
- alarm: a program that is right is said to be wrong.
- found: one that is wrong is.
- line: the first of the mistakes that are told is of the line that was changed.
- one: one mistake is told, no more.
- repaired: with the line that is shown, the program takes the steps that it took before, or all its
  first steps are one multiple of those: half of squares and squares are both a loss.
- false: a line is shown as verified with which it does not.

Seconds are those that the whole process computed, with modules that are compiled.  Beside those of
a right program stand those of a process that runs its first round alone, without the checker; ``in
time`` is a check that takes no more than three times that and one second.  The exit status is 1 if
a right program is not checked, or is said to be wrong.  ``scripts.txt`` has what it printed last.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import io
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from planted import drawn_from

from autograd_mini.testing import Mutant, file_mutants

HERE = Path(__file__).parent / "programs"


@dataclass(frozen=True)
class Program:
    """A program, how it is made short, and what its steps have changed.

    Attributes:
        name: of its file.
        parameters: expressions for what it trains, when it has run.
        short: texts of it that make it long, and what stands there in a run of n rounds.
        plain: texts that make its steps curved, and what stands there in a run whose steps are a
            multiple of its first gradients, or, where it divides by their size, do not know it.
    """

    name: str
    parameters: str
    short: tuple[tuple[str, str], ...]
    plain: tuple[tuple[str, str], ...] = ()

    @property
    def source(self) -> str:
        return (HERE / f"{self.name}.py").read_text()

    def shortened(self, source: str, rounds: int = 2, pictures: bool = False) -> str:
        """A text of it that takes a few steps; lines stay where they are.

        Arguments:
            rounds: how many.
            pictures: whether what draws stays.
        """
        for long, short in (*self.short, ('if __name__ == "__main__":', "if True:")):
            if "{n}" in short or not pictures:
                source = source.replace(long, short.format(n=rounds))
        return source

    def plainly(self, source: str) -> str:
        for curved, plain in self.plain:
            source = source.replace(curved, plain)
        return source

    def trained(self, source: str, rounds: int = 2) -> list[np.ndarray]:
        """The parameters after a few rounds of a text of it."""
        names: dict[str, Any] = {"__name__": "program"}
        failing = () if rounds else (IndexError, NameError)  # what comes after reads the last loss
        with (
            np.errstate(all="ignore"),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.suppress(*failing),
        ):
            exec(compile(self.shortened(source, rounds), f"<{self.name}>", "exec"), names)
        found = eval(self.parameters, names)
        return [np.asarray(each, float) for each in found]

    def mutants(self) -> list[Mutant]:
        with contextlib.redirect_stdout(io.StringIO()):
            return file_mutants(self.shortened(self.source), lambda names: None)


PROGRAMS = (
    Program("xor_flat", "(weights_output, bias_output, weights_hidden, bias_hidden)",
            (("range(10000)", "range({n})"),)),
    Program("softmax_spiral", "(W, b, W2, b2)", (("range(1000)", "range({n})"),)),
    Program("class_in_place", "(net.W1, net.b1, net.W2, net.b2)",
            (("X, y, 500", "X, y, {n}"), ("import matplotlib.pyplot as plt", "plt = None"))),
    Program("deep_dicts", "list(parameters.values())",
            (("num_iterations=300", "num_iterations={n}"),)),
    Program("character_rnn", "(Wxh, Whh, Why, bh, by)", (("n < 2000", "n < {n}"),)),
    Program("lists_of_floats", "[n['weights'] for layer in network for n in layer]",
            (("0.5, 20, 2)", "0.5, {n}, 2)"),),
            (("for row in train:", "for row in train[:1]:"),)),
    Program("linear_regression", "(b, m)", (("range(1000)", "range({n})"),)),
    Program("logistic_regression", "(model.weights, model.bias)",
            (("n_iters=1000", "n_iters={n}"),)),
    Program("minibatch_sgd", "net.weights + net.biases",
            (("training_data, 5, 10", "training_data, {n}, 30"),)),
    Program("layers_and_momentum",
            "[p for l in model.layers if hasattr(l, 'W') for p in (l.W, l.b)]",
            (("range(30)", "range({n})"),), (("lr=0.1", "lr=1e-7"),)),
    Program("scalar_textbook", "(w1, w2, w3, w4, w5, w6, w7, w8)", (("range(100)", "range({n})"),)),
    Program("adam_by_hand", "list(params.values())", (("range(100)", "range({n})"),),
            (("np.sqrt(self.v[key]) + 1e-7", "np.sqrt(self.v[key])"),)),
    Program("convolution_net", "(weights, biases, filters)",
            (("images[:200]", "images[:{n}]"), ("target[:200]", "target[:{n}]"))),
    Program("no_loss_in_sight", "(syn0, syn1)", (("range(60000)", "range({n})"),)),
    Program("loss_after_update", "(w, b)",
            (("range(200)", "range({n})"), ("import matplotlib.pyplot as plt", ""),
             ("plt.plot(history)", ""), ('plt.xlabel("epoch")', ""),
             ('plt.savefig("loss.png")', ""), ("plt.show()", "")), (("lr = 0.1", "lr = 1e-7"),)),
    Program("batch_generator", "(W1, b1, W2, b2)", (("range(50)", "range({n})"),),
            (("lr = 0.1", "lr = 1e-7"),)),
    Program("dict_layers", "[layer[k] for layer in network for k in ('W', 'b')]",
            (("range(500)", "range({n})"),)),
    Program("bias_column", "(theta,)", (("alpha, 400)", "alpha, {n})"),)),
    Program("one_hot_eye", "list(params.values())", (("range(300)", "range({n})"),)),
    Program("plain_python", "(*w_hidden, b_hidden, w_out, b_out)",
            (("range(2000)", "range({n})"),), (("rate = 0.5", "rate = 1e-7"),)),
    Program("class_weights", "(W, b)", (("range(200)", "range({n})"),)),
    Program("tied_autoencoder", "(model.W, model.b_hidden, model.b_visible)",
            (("range(100)", "range({n})"),), (("lr=0.5", "lr=1e-7"),)),
    Program("early_stopping", "list(model.values())", (("epoch < 1000", "epoch < {n}"),)),
    Program("layer_base_class",
            "[p for l in model.layers if hasattr(l, 'weights') for p in (l.weights, l.bias)]",
            (("x, y, 100, 0.5", "x, y, {n}, 0.5"),)),
    Program("argparse_main", "(net.w1, net.b1, net.w2, net.b2)",
            (("default=200", "default={n}"), ("parser.parse_args()", "parser.parse_args([])"))),
    Program("plots_in_the_loop", "(a, b, c, d)",
            (("range(2000)", "range({n})"), ("import matplotlib.pyplot as plt", ""),
             ("fig, (left, right) = plt.subplots(1, 2, figsize=(9, 4))", ""),
             ("if t % 500 == 0:", "if False:"), ('plt.savefig("fit.png")', ""))),
    Program("word_vectors", "(embedding, output)", (("range(20)", "range({n})"),)),
    Program("matrix_factorisation", "(P, Q)",  # which its steps change in place
            (("steps=500", "steps={n}"), ("P, Q = factorise(", "factorise("))),
    Program("hinge_margin", "(W,)", (("range(300)", "range({n})"),)),
    Program("adam_class", "list(net.params.values())", (("range(200)", "range({n})"),),
            (("np.sqrt(v_hat) + 1e-8", "np.sqrt(v_hat)"),)),
)  # fmt: skip


@dataclass
class Outcome:
    """What became of a case."""

    case: str
    told: dict[str, bool] = field(default_factory=dict)
    seconds: float = 0.0
    own: float = 0.0
    report: str = ""


def checked(text: str, folder: str, limit: float) -> tuple[int, dict[str, Any], str, float]:
    """What the command says of a text: its status, its JSON, its words and its time."""
    path = Path(folder) / "program.py"
    path.write_text(text)
    out = Path(folder) / "report.json"
    out.unlink(missing_ok=True)
    command = [sys.executable, "-m", "autograd_mini", "check", str(path), "--out", str(out)]
    command += ["--time", str(_PATIENCE * limit)]
    before = _seconds_of_children()
    ran = subprocess.run(
        command, capture_output=True, text=True, check=False, preexec_fn=lambda: _limited(limit)
    )
    seconds = _seconds_of_children() - before
    found = json.loads(out.read_text()) if out.exists() else {}
    return ran.returncode, found, ran.stdout + ran.stderr, seconds


def own_seconds(program: Program) -> float:
    """What a process computes that runs the first round of a program, by itself."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "program.py"
        can_draw = importlib.util.find_spec("matplotlib") is not None
        path.write_text(program.shortened(program.source, 1, pictures=can_draw))
        before = _seconds_of_children()
        command = [sys.executable, str(path)]
        window = {**os.environ, "MPLBACKEND": "Agg"}
        subprocess.run(command, capture_output=True, check=False, cwd=folder, env=window)
        return _seconds_of_children() - before


_PATIENCE = 20
"""How much longer a case may take where the machine is busy."""


def _limited(seconds: float) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (int(seconds), int(seconds) + 1))


def _seconds_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def same(one: list[np.ndarray], other: list[np.ndarray]) -> bool:
    return all(
        a.shape == b.shape and np.allclose(a, b, rtol=1e-9, atol=1e-12)
        for a, b in zip(one, other, strict=True)
    )


def planted(program: Program, count: int, rng: np.random.Generator) -> list[Mutant]:
    """Mistakes of different kinds in the lines of a program, each of which is one."""
    right = program.trained(program.source)
    return drawn_from(
        program.mutants(), count, rng, lambda mutant: is_mistake(program, mutant, right)
    )


def wrong_text(program: Program, mutant: Mutant) -> str:
    """The program with a mistake, as long as it was."""
    lines, short = program.source.splitlines(), program.shortened(program.source).splitlines()
    for i, (before, after) in enumerate(zip(short, mutant.source.splitlines(), strict=True)):
        if before != after:
            lines[i] = after
    return "\n".join(lines) + "\n"


def is_mistake(program: Program, mutant: Mutant, right: list[np.ndarray]) -> bool:
    try:
        wrong = program.trained(wrong_text(program, mutant))
    except Exception:  # the program does not run with it
        return False
    if [w.shape for w in wrong] != [r.shape for r in right] or same(wrong, right):
        return False
    steps = beside(program, wrong, right)
    if _RATE.search(mutant.before) and all(is_rate([step]) for step in steps):
        return False
    return not is_rate(steps) and not is_rate(first_steps(program, wrong_text(program, mutant)))


Steps = list[tuple[np.ndarray, np.ndarray]]


def beside(program: Program, wrong: list[np.ndarray], right: list[np.ndarray]) -> Steps:
    """How far parameters have moved, each beside how far they should have."""
    before = program.trained(program.source, 0)
    return [(w - b, r - b) for w, r, b in zip(wrong, right, before, strict=True)]


def first_steps(program: Program, text: str) -> Steps:
    """The same of the first round alone, where steps are multiples of the gradients."""
    texts = program.plainly(text), program.plainly(program.source)
    return beside(program, *(program.trained(each, 1) for each in texts))


_RATE = re.compile(r"lr|eta\b|learning_rate|l_rate|step_size")


def is_rate(steps: Steps) -> bool:
    """Whether all steps are the same positive multiple of those that are right."""
    wrong = np.concatenate([w.ravel() for w, _ in steps])
    right = np.concatenate([r.ravel() for _, r in steps])
    if not right.any():
        return not wrong.any()
    factor = wrong @ right / (right @ right)
    room = 1e-6 * np.max(np.abs(right))
    return bool(factor > 0 and np.allclose(wrong, factor * right, rtol=1e-6, atol=room))


def judged(program: Program, mutant: Mutant | None, limit: float) -> Outcome:
    text = program.source if mutant is None else wrong_text(program, mutant)
    outcome = Outcome(program.name if mutant is None else
                      f"{program.name}:{mutant.line} {mutant.kind}: {mutant.after}")  # fmt: skip
    if mutant is None:
        own_seconds(program)  # compiles what it imports, for both that are measured
    with tempfile.TemporaryDirectory() as folder:
        status, found, outcome.report, outcome.seconds = checked(text, folder, limit)
    outcome.told["checked"] = status in (0, 1)
    if mutant is None:
        outcome.told["alarm"] = status == 1
        outcome.own = own_seconds(program)
        outcome.told["in time"] = outcome.seconds <= 3 * outcome.own + 1
        return outcome
    mistakes = found.get("mistakes", [])
    outcome.told["found"] = status == 1
    outcome.told["line"] = (
        bool(mistakes) and (mistakes[0].get("line") or {}).get("number") == mutant.line
    )
    outcome.told["one"] = len(mistakes) == 1
    repairs = mistakes[0].get("repairs", []) if mistakes else []
    mended = [mends(program, text, repair) for repair in repairs]
    outcome.told["repaired"] = bool(mended) and mended[0]
    outcome.told["false"] = not all(mended)
    return outcome


def mends(program: Program, text: str, repair: dict[str, Any]) -> bool:
    """Whether with a repair a program takes the steps of the right one, but for their length: where
    the length is the same, so is every step.
    """
    lines = text.splitlines()
    at = repair["line"]["number"] - 1
    count = repair["line"]["text"].count("\n") + 1
    indent = lines[at][: len(lines[at]) - len(lines[at].lstrip())]
    lines[at : at + count] = [indent + line.strip() for line in repair["text"].split("\n")]
    mended = "\n".join(lines) + "\n"
    try:
        if same(program.trained(mended), program.trained(program.source)):
            return True
        steps = first_steps(program, mended)
        return is_rate(steps) and not all(same([w], [r]) for w, r in steps)
    except Exception:  # what does not run mends nothing
        return False


@contextlib.contextmanager
def installed() -> Iterator[None]:
    """Processes that find all modules compiled, as those of an installed package do."""
    with tempfile.TemporaryDirectory() as cache, tempfile.TemporaryDirectory() as folder:
        os.environ["PYTHONPYCACHEPREFIX"] = cache
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        checked(PROGRAMS[0].source, folder, 60.0)
        yield


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--cases", type=int, default=8, help="mistakes of each program")
    parser.add_argument("--only", default="", help="a program")
    parser.add_argument("--limit", type=float, default=60.0, help="seconds of computing for a case")
    parser.add_argument(
        "--show", type=int, default=0, help="how many cases that went wrong are shown"
    )
    parser.add_argument("--case", nargs=2, help="one program and the number of its case")
    parser.add_argument("--seed", type=int, default=3, help="of the sample of mistakes")
    options = parser.parse_args()
    outcomes: list[Outcome] = []
    for number, program in enumerate(PROGRAMS):
        if options.only not in ("", program.name) or (
            options.case and options.case[0] != program.name
        ):
            continue
        chosen: list[Mutant | None] = [None]
        count = max(options.cases, int(options.case[1]) + 1) if options.case else options.cases
        chosen += planted(program, count, np.random.default_rng([options.seed, number]))
        if options.case:
            chosen = [chosen[1 + int(options.case[1])]]
        for mutant in chosen:
            outcomes.append(judged(program, mutant, options.limit))
            own = f"(itself {outcomes[-1].own:.2f} s)  " if mutant is None else ""
            print(f"{outcomes[-1].seconds:6.2f} s  {own}{outcomes[-1].case}  "
                  + " ".join(k for k, v in outcomes[-1].told.items() if v), flush=True)  # fmt: skip
            if options.case:
                print(outcomes[-1].report)
    print()
    for key in ("checked", "alarm", "in time", "found", "line", "one", "repaired", "false"):
        told = [outcome.told[key] for outcome in outcomes if key in outcome.told]
        if told:
            print(f"{key:9} {sum(told):4} of {len(told):4}  {100 * np.mean(told):5.1f} %")
    times = sorted(outcome.seconds for outcome in outcomes)
    print(f"seconds: median {np.median(times):.2f}, 95 % {np.quantile(times, 0.95):.2f}")
    failed = [
        o for o in outcomes if not all(v != (k in ("alarm", "false")) for k, v in o.told.items())
    ]
    for outcome in failed[: options.show]:
        print(f"\n{outcome.case}: {outcome.told}\n{outcome.report}")
    right = [outcome.told for outcome in outcomes if "alarm" in outcome.told]
    return int(not all(told["checked"] and not told["alarm"] for told in right))


if __name__ == "__main__":
    with installed():
        sys.exit(main())
