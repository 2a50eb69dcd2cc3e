"""A tape as straight-line Python over floats, printed from the texts of the rules.

>>> program = program_of([0.0, 0.0], 2, [("mul", (0, 1)), ("sin", (2,)), ("add", (3, 0))], [], [4])
>>> print(program.text(2))
def run(inputs, count):
    v0, v1 = inputs
    v2 = v0 * v1
    v4 = (sin(v2)) + v0
    g2 = cos(v2)
    g0 = 1.0 + g2 * v1
    g1 = g2 * v0
    return [v4], [g0, g1]
>>> program.run([2.0, 0.0], 2)
([2.0], [1.0, 2.0])
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from autograd_mini.core.rule import RULES, Rule
from autograd_mini.interface import floats
from autograd_mini.language.python_lines import float_lines
from autograd_mini.operations.elementwise import WEIGHTED_SUMS

Step = tuple[str, tuple[int, ...]]

SIGNS = ("<", "<=", "==", "!=", ">", ">=")


class Program:
    """Straight-line Python, compiled when it is first run.

    Arguments:
        numbers: what stands in the first places, inputs included.
        inputs: how many of these are given to each run.
        steps: for each further place an operation and the places of its operands.
        guards: a comparison (a place in ``SIGNS``), two places and whether it holds.
        outputs: places.
    """

    def __init__(
        self,
        numbers: Sequence[float],
        inputs: int,
        steps: Sequence[Step],
        guards: Sequence[tuple[int, int, int, bool]],
        outputs: Sequence[int],
    ) -> None:
        self.numbers, self.inputs, self.steps = numbers, inputs, steps
        self.guards, self.outputs = guards, outputs
        self._made: dict[int, Any] = {}

    def run(
        self, numbers: list[float], count: int
    ) -> tuple[list[float], list[float]] | bool | None:
        """The outputs and gradients, as of a ``Tape``."""
        if count not in self._made:
            scope = dict(_SCOPE)
            exec(compile(self.text(count), "<tape>", "exec"), scope)
            self._made[count] = scope["run"]
        try:
            found: tuple[list[float], list[float]] | None = self._made[count](numbers, count)
        except (ArithmeticError, ValueError):
            return False
        if found is not None and (total := sum(found[1])) != total:
            return False  # zero times infinity, which a sweep takes for zero
        return found

    def text(self, count: int) -> str:
        """The program, with gradients for so many inputs."""
        lines = (f"    {line}" for line in _Writer(self, count).lines())
        return "\n".join(["def run(inputs, count):", *lines])


class _Writer:
    """The lines of a program."""

    def __init__(self, program: Program, count: int) -> None:
        self.program, self.count = program, count
        self.first = len(program.numbers)
        self.places = [f"v{i}" for i in range(self.first)]
        self.places[program.inputs :] = map(_literal, program.numbers[program.inputs :])
        self.depths: dict[int, int] = {}
        self.inlined = self._inlined()

    def lines(self) -> Iterator[str]:
        program, first, places = self.program, self.first, self.places
        if program.inputs:
            comma = "," * (program.inputs == 1)
            yield f"{', '.join(places[: program.inputs])}{comma} = inputs"
        for place, (name, operands) in enumerate(program.steps, first):
            *lines, result = _value(name, [places[i] for i in operands], place)
            yield from lines
            if place in self.inlined and not lines:
                places.append(f"({result})")
            else:
                places.append(f"v{place}")
                yield f"v{place} = {result}"
        for compare, left, right, holds in program.guards:
            sign = "" if holds else "not "
            yield f"if not ({sign}{places[left]} {SIGNS[compare]} {places[right]}): return None"
        outputs = ", ".join(places[i] for i in program.outputs)
        totals: dict[int, str] = {program.outputs[0]: "1.0"} if self.count else {}
        for place in range(len(places) - 1, first - 1, -1):
            if place in totals:
                yield from self._shares(place, totals)
        gradients = ", ".join(totals.get(i, "0.0") for i in range(self.count))
        yield f"return [{outputs}], [{gradients}]"

    def _shares(self, place: int, totals: dict[int, str]) -> Iterator[str]:
        """What the operands of a step receive; ``totals`` says what a gradient is called so far."""
        name, operands = self.program.steps[place - self.first]
        for i, lines, share in _slopes(
            name, operands, [self.places[i] for i in operands], place, totals[place]
        ):
            if self.program.inputs <= i < self.first:
                continue
            yield from lines
            if i in totals:
                yield f"g{i} = {totals[i]} + {share}"
            elif share == totals[place]:
                totals[i] = share
                continue
            else:
                yield f"g{i} = {share}"
            totals[i] = f"g{i}"

    def _inlined(self) -> set[int]:
        """The steps that stand in the one that uses them: no other place reads their numbers."""
        program, first = self.program, self.first
        uses = Counter(i for _, operands in program.steps for i in operands)
        kept = {*program.outputs, *(i for _, *both, _ in program.guards for i in both)}
        depths: dict[int, int] = {}
        found = set()
        for place, (name, operands) in enumerate(program.steps, first):
            depths[place] = 1 + max((depths[i] for i in operands if i in found), default=0)
            rule = _rule(name, operands)
            slots = range(len(operands))
            if self.count and any(rule.reads_result(slot) for slot in slots):
                kept.add(place)
            for slot, i in enumerate(operands):
                if i not in found:
                    continue
                is_sum = rule.name == WEIGHTED_SUMS[0].name  # each factor is the other's slope
                read = is_sum or any(rule.reads_operand(other, slot) for other in slots)
                read = read and self.count > 0
                if read or not _is_named_once(rule, slot):
                    found.discard(i)
            if uses[place] == 1 and place not in kept and depths[place] < DEEPEST:
                found.add(place)
        return found


def _is_named_once(rule: Rule, slot: int) -> bool:
    """Whether the value's formula names an operand once, and makes no number before it."""
    if rule.name == WEIGHTED_SUMS[0].name:
        return True
    lines = _template(rule, rule.evaluate or rule.formula, False)
    return len(lines) == 1 and lines[0].count(f"{{{rule.operands[slot]}}}") == 1


DEEPEST = 12
"""So many steps stand in one line at the most."""

program_of = Program


def _literal(number: float) -> str:
    text = repr(number)
    if text in ("inf", "nan"):
        return text
    return f"({text})" if text[0] == "-" else text


_SCOPE: dict[str, Any] = vars(floats) | {
    rule.name: floats.native(rule.name) for rule in RULES.values() if rule.native
}


@cache
def _template(rule: Rule, text: str, in_derivative: bool) -> list[str]:
    """The lines of a text, for ``str.format`` with what stands for its names and a number."""
    lines = float_lines(text, RULES)
    local = {line.partition(" = ")[0] for line in lines[:-1]}
    known = {*rule.operands, "out", *local}

    def named(match: re.Match[str]) -> str:
        word = match[0]
        if word not in known:
            return "power" if in_derivative and word == "pow" else word
        return f"{word}_{{number}}" if word in local else f"{{{word}}}"

    return [re.sub(r"[A-Za-z_]\w*(?!\w*\()|pow", named, line) for line in lines]


def _rule(name: str, operands: Sequence[object]) -> Rule:
    return WEIGHTED_SUMS[len(operands) // 2] if name == WEIGHTED_SUMS[0].name else RULES[name]


def _value(name: str, operands: Sequence[str], place: int) -> list[str]:
    """The lines before a result, and its formula."""
    if name == WEIGHTED_SUMS[0].name:
        pairs = zip(operands[1::2], operands[2::2], strict=True)
        return [" + ".join([operands[0], *(f"{w} * {x}" for w, x in pairs)])]
    rule = RULES[name]
    names = dict(zip(rule.operands, operands, strict=True))
    template = _template(rule, rule.evaluate or rule.formula, False)
    return [line.format(**names, number=place) for line in template]


def _slopes(
    name: str, places: Sequence[int], operands: Sequence[str], place: int, total: str
) -> Iterator[tuple[int, list[str], str]]:
    """For each operand that receives something: its place, lines before, and the share."""
    if name == WEIGHTED_SUMS[0].name:
        others = ["", *(operands[i + (1 if i % 2 else -1)] for i in range(1, len(operands)))]
        for i, other in zip(places, others, strict=True):
            yield i, [], f"{total} * {other}" if other else total
        return
    rule = RULES[name]
    names = dict(zip(rule.operands, operands, strict=True)) | {"out": f"v{place}"}
    for slot, (i, text) in enumerate(zip(places, rule.evaluated_derivatives, strict=True)):
        if text is None:
            continue
        if text == "1":
            yield i, [], total
            continue
        number = f"{place}_{slot}"
        template = _template(rule, text, True)
        *lines, slope = (line.format(**names, number=number) for line in template)
        simple = re.fullmatch(r"\w+(\.\d+)?|\w+\(\w+\)", slope)
        slope = slope if simple else f"({slope})"
        yield i, lines, slope if total == "1.0" else f"{total} * {slope}"
