"""Python written from the table of rules: the scalar operations, and the docs.

Also the names that a Value has in other libraries, which a compiled class must state one by one.

``python -m autograd_mini._build.generate`` rewrites the marked regions of ``value.py``,
``functions.py``, ``__init__.py`` and ``docs/rules.md``; ``--check`` only says whether they
are current.
``scalar_function`` makes the same code at run time for a rule that a user adds.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from autograd_mini.other_libraries import VALUE
from autograd_mini.core.elementwise import RULES, Rule
from autograd_mini.core.language import float_lines, names_in

DUNDERS = {
    ("+", 2): "add",
    ("-", 2): "sub",
    ("*", 2): "mul",
    ("/", 2): "truediv",
    ("**", 2): "pow",
    ("%", 2): "mod",
    ("//", 2): "floordiv",
    ("-", 1): "neg",
    ("+", 1): "pos",
}


def dunder(rule: Rule) -> str:
    """The name of Python's operator method for a rule, without underscores, or ``""``."""
    if rule.name == "abs":
        return "abs"
    return DUNDERS.get((rule.symbol, len(rule.operands)), "") if rule.symbol else ""


def _may_raise(lines: list[str]) -> bool:
    """Whether evaluating these lines over floats can raise: a division or a math function."""
    safe = {"abs", "sign", "maximum", "minimum", "tanh", "erf", "erfc", "arctan", "sigmoid"}
    safe |= {"floor", "ceil", "trunc", "rint"}
    return any(
        isinstance(node, ast.Div)
        or (isinstance(node, ast.Call) and ast.unparse(node.func) not in safe)
        for line in lines
        for node in ast.walk(ast.parse(line))
    )


def _unlimited(line: str) -> str:
    """A line of a derivative, which may be infinite where the result is a float."""
    return re.sub(r"\bpow\(", "_power(", line)


def _indent(lines: list[str], by: int) -> list[str]:
    return [" " * by + line if line else line for line in lines]


def _body(
    rule: Rule, before: list[str], result: str, operands: str, active: set[int], long: int = 30
) -> list[str]:
    """Lines that compute ``out`` and the derivatives ``active``, then return ``result``.

    ``result`` has ``{out}`` and ``{d0}``, ``{d1}``, ... where these expressions go; an
    expression of more than ``long`` characters gets a line of its own.
    """
    taken = dict.fromkeys(["out", *rule.operands, *(f"d{o}" for o in rule.operands)], "")
    *steps, out = float_lines(rule.evaluate or rule.formula, RULES, taken)
    places: dict[str, str] = {}
    before_out: list[str] = []
    after_out: list[str] = []
    for index, text in enumerate(rule.evaluated_derivatives):
        place = places[f"d{index}"] = "None"
        if index in active and text is not None:
            *more, place = map(_unlimited, float_lines(text, RULES, taken))
            before_out += more
            places[f"d{index}"] = place
        if len(place) > long:
            places[f"d{index}"] = f"d{rule.operands[index]}"
            after_out.append(f"d{rule.operands[index]} = {place}")
    work = [*steps, *before_out, out, *after_out, *places.values()]
    reads_out = any("out" in names_in(rule.evaluated_derivatives[i] or "0") for i in active)
    if reads_out or after_out or len(out) > long or _may_raise([out]):
        steps, out = [*steps, f"out = {out}"], "out"
    steps += before_out
    lines = [*steps, *after_out, result.format(out=out, **places)]
    if _may_raise(work):
        caught = "except (ArithmeticError, ValueError) as error:"
        lines = ["try:", *_indent(lines, 4), caught, f'    _fail(error, "{rule.name}", {operands})']
    return [*before, *lines]


def operator_methods(rule: Rule) -> Iterator[str]:
    """The methods of Value for a rule that is one of Python's operators."""
    name = dunder(rule)
    if len(rule.operands) == 1:
        yield from unary_method(rule, f"__{name}__")
        return
    result = f'return _node({{out}}, "{rule.name}", {{left}}, {{right}})'
    yield f"def __{name}__(self, other: Operand) -> Value:"
    yield f'    """``{rule.formula}``."""'
    of_values = ["    x = self._number", "    if isinstance(other, Value):"]
    both = _result(result, "self, {d0}", "second, {d1}")
    before = ["second: Value = other", "y: float = second._number"]
    of_values += _indent(_body(rule, before, both, "self, second", {0, 1}), 8)
    yield from of_values
    yield from ["    number = constant(other)", "    if number is None:"]
    yield from [
        f'        _refuse("{rule.name}", other)',
        "        return NotImplemented",
        "    y = number",
    ]
    constant = _result(result, "self, {d0}", "None, y")
    yield from _indent(_body(rule, [], constant, "self, y", {0}), 4)
    yield ""
    yield f"def __r{name}__(self, other: Operand) -> Value:"
    yield f'    """Reflected: ``{rule.formula}`` with self as y."""'
    yield from ["    y = self._number", "    number = constant(other)", "    if number is None:"]
    yield from [
        f'        _refuse("{rule.name}", other)',
        "        return NotImplemented",
        "    x: float = number",
    ]
    constant = _result(result, "None, x", "self, {d1}")
    yield from _indent(_body(rule, [], constant, "x, self", {1}), 4)
    yield ""
    yield f"def __i{name}__(self, other: Operand) -> Any:"
    yield f'    """``{rule.formula}``; a number updates a leaf inside ``no_grad()``."""'
    yield from of_values
    sign = rule.symbol
    yield from ["    if self._operation:", f"        return self {sign} other"]
    yield f'    return _in_place(operator.{name}, "{sign}=", self, other)'
    yield ""


def _result(template: str, left: str, right: str) -> str:
    return template.replace("{left}", left).replace("{right}", right)


def unary_method(rule: Rule, name: str) -> Iterator[str]:
    """The method of Value for a rule with one operand."""
    yield f"def {name}(self) -> Value:"
    yield f'    """{rule.sentence}"""'
    result = f'return _node({{out}}, "{rule.name}", self, {{d0}}, None, 0.0)'
    yield from _indent(_body(rule, ["x = self._number"], result, "self", {0}), 4)
    yield ""


def named_method(rule: Rule) -> Iterator[str]:
    """The method of Value under a rule's name: self is the first operand."""
    rest = rule.operands[1:]
    defaults = {o: f" = {number}" for o, number in rule.defaults.items()}
    parameters = [f", {o}: Operand{defaults.get(o, '')}" for o in rest]
    yield f"def {rule.name}(self{''.join(parameters)}) -> Value:"
    yield f'    """{rule.sentence}"""'
    yield f'    return _method("{rule.name}", {", ".join(["self", *rest])})'
    yield ""


def scalar_function(rule: Rule, prefix: str = "") -> Iterator[str]:
    """A function of Values and numbers for any rule, under its name with a prefix."""
    parameters = [
        f"{o}: Operand = {rule.defaults[o]}" if o in rule.defaults else f"{o}: Operand"
        for o in rule.operands
    ]
    yield f"def {prefix}{rule.name}({', '.join(parameters)}) -> Value:"
    yield f'    """{rule.sentence}"""'
    comma = "," if len(rule.operands) == 1 else ""
    yield f"    operands = ({', '.join(rule.operands)}{comma})"
    for operand in rule.operands:
        yield f"    {operand} = _data({operand})"
    derivatives = ", ".join(f"{{d{i}}}" for i in range(len(rule.operands)))
    result = f'return _node_of({{out}}, "{rule.name}", operands, ({derivatives}{comma}))'
    active = set(range(len(rule.operands)))
    yield from _indent(_body(rule, [], result, "*operands", active, 9), 4)
    yield ""


def public_function(rule: Rule) -> Iterator[str]:
    """The public function of a rule, for ``functions.py``."""
    parameters = [
        f"{o}: Any = {rule.defaults[o]}" if o in rule.defaults else f"{o}: Any"
        for o in rule.operands
    ]
    yield f"def {rule.name}({', '.join(parameters)}) -> Any:"
    yield f'    """{rule.sentence}'
    yield ""
    yield f"    ``{rule.formula}``"
    for operand, text in zip(rule.operands, rule.derivatives, strict=True):
        if text is not None:
            yield f"    Derivative for {operand}: ``{text}``."
    if rule.domain:
        yield f"    Defined for ``{rule.domain}``."
    for point, convention in rule.kinks.items():
        yield f"    At ``{point}`` the derivative is taken to be {convention}."
    if rule.pieces:
        yield f"    Where ``{rule.pieces}`` jumps the derivative is taken to be the same."
    yield '    """'
    yield f'    return apply("{rule.name}", {", ".join(rule.operands)})'
    yield ""
    yield ""


def documentation() -> Iterator[str]:
    """The rows of the table, for ``docs/rules.md``."""
    yield "| operation | formula | local derivatives | defined for | at a kink or jump |"
    yield "| --- | --- | --- | --- | --- |"
    for rule in RULES.values():
        derivatives = "<br>".join(
            f"∂/∂{operand} = `{text}`"
            for operand, text in zip(rule.operands, rule.derivatives, strict=True)
            if text is not None
        )
        kinks = "<br>".join(
            [f"`{point}`: {what}" for point, what in rule.kinks.items()]
            + [f"where `{rule.pieces}` jumps: the same"] * bool(rule.pieces)
        )
        domain = f"`{rule.domain}`" if rule.domain else "everywhere"
        row = [f"`{rule.signature}`", f"`{rule.formula}`", derivatives, domain, kinks]
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"


def _regions() -> dict[str, dict[str, list[str]]]:
    package = Path(__file__).parent.parent
    rules = RULES.values()
    methods = [line for r in rules if dunder(r) for line in operator_methods(r)]
    functions = []
    for r in rules:
        if len(r.operands) > 1:
            methods += named_method(r)
        else:
            methods += unary_method(r, r.name)
        if not dunder(r) and len(r.operands) > 1:
            functions += [*scalar_function(r, "_"), ""]
    public = [line for r in rules for line in public_function(r)]
    return {
        str(package / "core" / "value.py"): {
            "names of other libraries": [f'    {n} = NotEvenSet("Value", "{n}")' for n in VALUE],
            "operators and methods": _indent(methods[:-1], 4),
            "functions of several operands": functions[:-2],
        },
        str(package / "__init__.py"): {
            "imports": [f"from autograd_mini.core.functions import {name} as {name}" for name in RULES]
        },
        str(package / "core" / "functions.py"): {"functions of the table": public[:-2]},
        str(package.parent / "docs" / "rules.md"): {"table": list(documentation())},
    }


def current_and_wanted() -> Iterator[tuple[Path, str, str]]:
    """Each generated file: its path, its text, and the text that the table calls for."""
    for name, regions in _regions().items():
        path = Path(name)
        text = wanted = path.read_text(encoding="utf-8")
        for title, lines in regions.items():
            pattern = rf"(?s)([^\n]*region {title}[^\n]*\n).*?([^\n]*endregion)"
            parts = re.split(pattern, wanted)
            if len(parts) != 4:
                count = len(parts) // 3
                raise ValueError(f"{path} has {count} regions named {title!r}; it must have one")
            before, first, last, after = parts
            wanted = f"{before}{first}{chr(10).join(lines)}\n{last}{after}"
        yield path, text, wanted


def main(arguments: list[str]) -> int:
    """Write the generated files, or with ``--check`` say which are stale."""
    stale = [(path, wanted) for path, text, wanted in current_and_wanted() if text != wanted]
    for path, wanted in stale:
        if "--check" not in arguments:
            path.write_text(wanted, encoding="utf-8")
        print(f"{path.name}: {'stale' if '--check' in arguments else 'written'}")
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
