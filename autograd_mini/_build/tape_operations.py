"""What the compiled tape computes, printed in C from the table of rules."""

from __future__ import annotations

from collections.abc import Iterator

from autograd_mini.core.rule import Rule
from autograd_mini.interface import floats
from autograd_mini.language.c_lines import c_lines
from autograd_mini.language.python_lines import float_lines
from autograd_mini.language.texts import names_in
from autograd_mini.operations.elementwise import RULES


def called(name: str) -> str:
    """How C calls a function that is not made of others: as ``math`` does, or by a name of ours."""
    function = floats.native(name)
    is_of_math = getattr(function, "__module__", "") == "math"
    return function.__name__ if is_of_math else f"python_{name}"


def header() -> Iterator[str]:
    """The header ``tape_operations.h``: names, values and derivatives of the operations."""
    rules = [rule for rule in RULES.values() if len(rule.operands) <= 3]
    yield "/* The operations of a tape, over floats."
    yield ""
    yield "   Printed from the table by `python -m autograd_mini._build.generate`: do not edit. */"
    yield ""
    for rule in rules:
        yield from _function(f"value_{rule.name}", rule.evaluate or rule.formula, rule.operands)
        for operand, text in _derivatives(rule):
            yield from _function(f"slope_{rule.name}_{operand}", text, ("out", *rule.operands))
        yield ""
    names = ", ".join(f'"{rule.name}"' for rule in rules)
    yield f"#define OPERATIONS {len(rules)}"
    yield f"static const char *const operation_names[] = {{{names}}};"
    yield ""
    yield from _cases("VALUES", (line for i, r in enumerate(rules) for line in _value(i, r)))
    yield ""
    yield from _cases("SHARES", (line for i, r in enumerate(rules) for line in _shares(i, r)))
    yield ""
    yield "/* The same for several numbers at once, which stand side by side in each place. */"
    yield from _cases("LANES", (line for i, r in enumerate(rules) for line in _lanes(i, r)))
    yield ""
    several = (line for i, r in enumerate(rules) for line in _shares_of_lanes(i, r))
    yield from _cases("SHARES_OF_LANES", several)


def _derivatives(rule: Rule) -> list[tuple[str, str]]:
    pairs = zip(rule.operands, rule.evaluated_derivatives, strict=True)
    return [(operand, text) for operand, text in pairs if text is not None]


def _function(name: str, text: str, arguments: tuple[str, ...]) -> Iterator[str]:
    *lines, result = c_lines(text, RULES, called)
    yield f"static inline double {name}({', '.join(f'double {each}' for each in arguments)}) {{"
    unused = [each for each in arguments if each not in names_in(text)]
    yield from (f"    (void){each};" for each in unused)
    yield from (f"    {line}" for line in lines)
    yield f"    return {result};"
    yield "}"


_NUMBERS = ("x", "y", "z")


def _may_raise(rule: Rule) -> bool:
    """Whether the value can be an error, so that a result that is not finite is looked at."""
    from autograd_mini._build.generate import may_raise  # which prints this

    return may_raise(float_lines(rule.evaluate or rule.formula, RULES))


def _value(code: int, rule: Rule) -> Iterator[str]:
    operands = ", ".join(_NUMBERS[: len(rule.operands)])
    seen = " if (!isfinite(out)) unusual = 1;" if _may_raise(rule) else ""
    yield f"case {code}: out = value_{rule.name}({operands});{seen} break;"


def _shares(code: int, rule: Rule) -> Iterator[str]:
    operands = ", ".join(_NUMBERS[: len(rule.operands)])
    places = dict(zip(rule.operands, "abc", strict=False))
    yield f"case {code}:"
    for operand, _ in _derivatives(rule):
        slope = f"slope_{rule.name}_{operand}(out, {operands})"
        yield f"    gradients[step->{places[operand]}] += total * {slope};"
    yield "    break;"


def _lanes(code: int, rule: Rule) -> Iterator[str]:
    operands = ", ".join(f"{x}[l]" for x in _NUMBERS[: len(rule.operands)])
    seen = " EACH unusual |= !isfinite(out[l]);" if _may_raise(rule) else ""
    yield f"case {code}: EACH out[l] = value_{rule.name}({operands});{seen} break;"


def _shares_of_lanes(code: int, rule: Rule) -> Iterator[str]:
    operands = ", ".join(f"{x}[l]" for x in _NUMBERS[: len(rule.operands)])
    places = dict(zip(rule.operands, "abc", strict=False))
    yield f"case {code}:"
    for operand, _ in _derivatives(rule):
        slope = f"slope_{rule.name}_{operand}(out[l], {operands})"
        yield f"    SHARE(step->{places[operand]}, {slope})"
    yield "    break;"


def _cases(name: str, lines: Iterator[str]) -> Iterator[str]:
    whole = [f"#define {name}", *(f"    {line}" for line in lines)]
    yield from (f"{line} \\" for line in whole[:-1])
    yield whole[-1]
