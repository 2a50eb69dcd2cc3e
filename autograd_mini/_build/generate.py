"""Python written from the table of rules: the scalar operations, the public functions, the docs.

Also the names that a Value has in other libraries, which a compiled class must state one by one.

``python -m autograd_mini._build.generate`` writes ``value_operations.py``, ``functions.py`` and
``tape_operations.h`` beside this file, and the marked regions of ``__init__.py`` and ``docs/rules.md``; ``--check`` only
says whether they are current.  ``scalar_function`` makes the same code at run time for a rule that
a user adds.
"""

from __future__ import annotations

import ast
import inspect
import math
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from autograd_mini._build import tape_operations
from autograd_mini.interface import floats
from autograd_mini.operations.elementwise import RULES
from autograd_mini.language.texts import ARITHMETIC, SIGNS, names_in
from autograd_mini.core.operation import OPERATIONS, ArrayOperation, enter_seldom
from autograd_mini.language.python_lines import float_lines
from autograd_mini.core.rule import Rule
from autograd_mini.other_libraries import VALUE

HEADER = """\
{docstring}

Printed from the table by ``python -m autograd_mini._build.generate``: do not edit.
\"\"\"

# ruff: noqa
# fmt: off
"""


def special_method(rule: Rule) -> str:
    """The name of Python's special method for a rule, without underscores, or ``""``."""
    if not rule.symbol:
        return rule.python
    return (SIGNS if len(rule.operands) == 1 else ARITHMETIC)[rule.symbol].__name__


def constant_of(rule: Rule) -> str:
    """The name of a rule in the generated module."""
    return rule.name.upper()


def may_raise(lines: list[str]) -> bool:
    """Whether evaluating these lines over floats can raise: a division or a function."""
    nodes = [node for line in lines for node in ast.walk(ast.parse(line))]
    called = (RULES.get(ast.unparse(node.func)) for node in nodes if isinstance(node, ast.Call))
    divides = any(isinstance(node, ast.Div) for node in nodes)
    return divides or any(rule is None or rule.raises for rule in called)


def _unlimited(line: str) -> str:
    """A line of a derivative, which may be infinite where the result is a float."""
    return re.sub(r"\bpow\(", "power(", line)


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
    if reads_out or after_out or len(out) > long or may_raise([out]):
        steps, out = [*steps, f"out = {out}"], "out"
    steps += before_out
    lines = [*steps, *after_out, result.format(out=out, **places)]
    if may_raise(work):
        caught = "except (ArithmeticError, ValueError) as error:"
        lines = [
            "try:",
            *_indent(lines, 4),
            caught,
            f"    fail(error, {constant_of(rule)}, {operands})",
        ]
    return [*before, *lines]


def operator_methods(rule: Rule) -> Iterator[str]:
    """The methods of Value for a rule that is one of Python's operators."""
    name = special_method(rule)
    if len(rule.operands) == 1:
        yield from unary_method(rule, f"__{name}__")
        return
    result = f"return _node({{out}}, {constant_of(rule)}, {{left}}, {{right}})"
    yield f"def __{name}__(self, other: Operand) -> Value:"
    yield f'    """``{rule.formula}``."""'
    of_values = ["    x = self._number", "    if isinstance(other, Value):"]
    both = _result(result, "self, {d0}", "second, {d1}")
    before = ["second: Value = other", "y: float = second._number"]
    of_values += _indent(_body(rule, before, both, "self, second", {0, 1}), 8)
    yield from of_values
    yield from ["    number = constant(other)", "    if number is None:"]
    yield from [
        f'        refuse("{rule.name}", other)',
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
        f'        refuse("{rule.name}", other)',
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
    yield from ["    if self._operation is not None:", f"        return self {sign} other"]
    yield f'    return in_place(operator.{name}, "{sign}=", self, other)'
    yield ""


def _result(template: str, left: str, right: str) -> str:
    return template.replace("{left}", left).replace("{right}", right)


def unary_method(rule: Rule, name: str) -> Iterator[str]:
    """The method of Value for a rule with one operand."""
    yield f"def {name}(self) -> Value:"
    yield f'    """{rule.sentence}"""'
    result = f"return _node({{out}}, {constant_of(rule)}, self, {{d0}}, None, 0.0)"
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
    result = f"return _node_of({{out}}, {constant_of(rule)}, operands, ({derivatives}{comma}))"
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


def array_documentation() -> Iterator[str]:
    """The operations on whole arrays, for ``docs/rules.md``."""
    enter_seldom()
    titles = ["operation", "as NumPy says it", "what it is", "its pullbacks read", "kinks", "parts"]
    yield f"| {' | '.join(titles)} |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for operation in OPERATIONS.values():
        if isinstance(operation, ArrayOperation) and "scipy" not in operation.source:
            read = [what for what in ("operands", "out") if what in operation.reads]
            cells = [
                f"`{operation.name}`",
                f"`{call_of(operation)}`",
                operation.sentence,
                " and ".join(f"`{what}`" if what == "out" else what for what in read)
                or "shapes alone",
                "yes" if operation.kinks else "",
                "yes" if operation.parts else "",
            ]
            yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def call_of(operation: ArrayOperation) -> str:
    """How an operation is written, of operands ``x0``, ``x1``, … and options by name."""
    if isinstance(operation.spelling, str) and operation.spelling:
        return operation.spelling
    if callable(operation.pullbacks):
        pullback, operands, before = operation.pullbacks, ["xs"], 4  # index, g, out, operands
    else:
        pullback = next(filter(None, operation.pullbacks))
        operands = [f"x{i}" for i in range(len(operation.pullbacks))]
        before = 2 + len(operands)
    parameters = [*inspect.signature(pullback).parameters.values()][before:]
    options = [p.name for p in parameters if p.kind is not p.VAR_KEYWORD]
    return f"{operation.name}({', '.join([*operands, *options])})"


def value_operations() -> Iterator[str]:
    """The module of Value's operators and methods."""
    rules = RULES.values()
    methods: list[str] = []
    for rule in rules:
        if special_method(rule):
            methods += operator_methods(rule)
    for rule in rules:
        methods += unary_method(rule, rule.name) if len(rule.operands) == 1 else named_method(rule)
    several = [rule for rule in rules if len(rule.operands) > 1 and not rule.symbol]
    functions = [line for rule in several for line in [*scalar_function(rule, "_"), ""]]
    needed = ["Value", "_data", "_method", "_node", "_node_of"]
    body = "\n".join([*methods, *functions])
    names = {node.id for node in ast.walk(ast.parse(body)) if isinstance(node, ast.Name)}
    yield from HEADER.format(docstring='"""The operators and methods of Value.').splitlines()
    yield '# mypy: disable-error-code="arg-type, attr-defined, return"'
    yield "# (self is a Value)"
    yield from ["", "from __future__ import annotations", "", "import operator"]
    yield "from collections.abc import Callable"
    others = names & RULES.keys() & vars(math).keys() - FLOATS
    yield from (f"from math import {name}" for name in sorted(others))
    yield from ["from typing import TYPE_CHECKING, Any", ""]
    yield "from autograd_mini._build import uncompiled as cython"
    yield "from autograd_mini.operations.elementwise import RULES"
    yield f"from autograd_mini.interface.floats import {', '.join(sorted(names & FLOATS))}"
    yield "from autograd_mini.interface.value_protocol import fail, in_place"
    yield "from autograd_mini.other_libraries import NotEvenSet"
    yield "from autograd_mini.typing import Operand"
    yield from ["", "if TYPE_CHECKING:"]
    yield f"    from autograd_mini.core.value import {', '.join(needed)}"
    yield from ["", f"NEEDED = {tuple(needed)}", '"""What ``value`` puts here."""', ""]
    yield from (f'{constant_of(r)} = cython.declare(object, RULES.get("{r.name}"))' for r in rules)
    docstring = '"""The methods of Value that the table states."""'
    yield from ["", "", "class ValueOperations:", f"    {docstring}"]
    yield from ["", "    __slots__ = ()", ""]
    yield from _indent(methods, 4)
    yield "    # Names of other libraries"
    yield from (f'    {name} = NotEvenSet("Value", "{name}")' for name in VALUE)
    yield from ["", "", *functions]
    methods_of_one = [rule.name for rule in rules if len(rule.operands) == 1 and not rule.symbol]
    yield f"SCALAR_METHODS = {tuple(methods_of_one)}"
    yield '"""The rules of one operand whose function is the method of Value."""'
    yield ""
    yield "SCALAR_FUNCTIONS: dict[str, Callable[..., Any]] = {"
    yield from (f'    "{r.name}": operator.{special_method(r)},' for r in rules if r.symbol)
    yield from (f'    "{rule.name}": _{rule.name},' for rule in several)
    yield "}"
    yield '"""The functions of the others."""'


FLOATS = {
    name
    for name, function in vars(floats).items()
    if isinstance(function, float) or (callable(function) and not isinstance(function, type))
}
"""Numbers and functions of floats that the generated code may name."""


def table_functions() -> Iterator[str]:
    """The module of the table's public functions."""
    docstring = '"""The public functions of the table: of numbers, arrays, Values and Tensors.'
    yield from HEADER.format(docstring=docstring).splitlines()
    yield from ["", "from typing import Any", "", "from autograd_mini.interface.functions import apply"]
    for rule in RULES.values():
        yield from ["", "", *list(public_function(rule))[:-2]]


def _regions() -> dict[str, dict[str, list[str]]]:
    package = Path(__file__).parent.parent
    imports = [f"from autograd_mini._build.functions import {name} as {name}" for name in RULES]
    return {
        str(package / "__init__.py"): {"imports": imports},
        str(package.parent / "docs" / "rules.md"): {
            "table": list(documentation()),
            "operations": list(array_documentation()),
        },
    }


FILES = {
    "value_operations.py": value_operations,
    "functions.py": table_functions,
    "tape_operations.h": tape_operations.header,
}


def current_and_wanted() -> Iterator[tuple[Path, str, str]]:
    """Each generated file: its path, its text, and the text that the table calls for."""
    for generated, printed in FILES.items():
        path = Path(__file__).with_name(generated)
        now = path.read_text(encoding="utf-8") if path.exists() else ""
        yield path, now, "\n".join(printed()) + "\n"
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
