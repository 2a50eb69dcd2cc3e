"""The lines of ``source`` in JavaScript, for functions of floats.

>>> from autograd_mini.replay.source import source
>>> print(source(lambda w, x: (w * x - 1.0) ** 2 / 2, 0.5, 3.0, language="javascript"))
function value_and_gradients(w, x) {
  const v2 = w * x - 1;
  const value = v2 ** 2 / 2;
  const dx = v2 * w;
  const dw = v2 * x;
  return [value, {'w': dw, 'x': dx}];
}
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Hashable, MutableMapping, Sequence
from typing import NamedTuple

from autograd_mini.core.operation import OPERATIONS
from autograd_mini.core.rule import Rule
from autograd_mini.interface import floats
from autograd_mini.language.texts import CONSTANTS, Domain, evaluate, read
from autograd_mini.show.notation import folded
from autograd_mini.show.numpy_lines import NumpyWriter

RESERVED = frozenset(
    "await break case catch class const continue debugger default delete do else enum export "  # noqa: SIM905
    "extends false finally for function if implements import in instanceof interface let new null "
    "package private protected public return static super switch this throw true try typeof var "
    "void while with yield Math".split()
)
"""What is no name in JavaScript."""

MATH = frozenset(
    "abs acos acosh asin asinh atan atan2 atanh ceil cos cosh exp expm1 floor hypot "  # noqa: SIM905
    "log log10 log1p log2 sin sinh sqrt tan tanh trunc".split()
)
"""The functions of JavaScript's ``Math``."""

_CHOICE, _EITHER, _BOTH, _COMPARISON, _SUM, _PRODUCT, _SIGN, _POWER, _ATOM = range(9)
_TIGHTNESS = {"+": _SUM, "-": _SUM, "*": _PRODUCT, "/": _PRODUCT}


class JavaScriptWriter(NumpyWriter):
    """Lines over JavaScript's numbers."""

    empty = "null"

    def identifier(self, key: Hashable, name: str = "") -> str:
        found = super().identifier(key, name)
        return f"{found}_" if found in RESERVED else found

    def written(self, formula: ast.expr) -> str:
        return evaluate(formula, _JavaScript(self.function, self.named)).text

    def function(self, name: str) -> str:
        """A function as it is called; one that JavaScript has not got is defined first.

        Raises:
            ValueError: nothing in JavaScript computes it.
        """
        return called(name, self.helpers)

    def argument(self, name: str) -> str:
        return self.identifier(name)

    def assignment(self, name: str, formula: str, shape: Sequence[int]) -> str:
        return f"const {name} = {formula};"

    def definition(self, name: str, arguments: Sequence[str], body: Sequence[str]) -> str:
        return definition(name, arguments, body)

    def returned(self, value: str, gradients: str) -> str:
        return f"return {f'[{value}, {gradients}]' if value else gradients};"

    def tuple(self, parts: Sequence[str]) -> str:
        return f"[{', '.join(parts)}]"


def called(name: str, helpers: MutableMapping[str, str]) -> str:
    """How a function of the table is called.

    Arguments:
        helpers: definitions by name, to which those are added that JavaScript has not got.

    Raises:
        ValueError: nothing in JavaScript computes it.
    """
    operation = OPERATIONS.get(name)
    if name in helpers:
        return name
    if isinstance(operation, Rule) and operation.native:
        native = floats.native(name)
        of_math = getattr(native, "__module__", "") == "math"
        function = native.__name__ if of_math else name
        if function in MATH:
            return f"Math.{function}"
    if not isinstance(operation, Rule) or operation.native:
        raise ValueError(f"source: JavaScript has no {name}, which this function uses")
    body = _body(operation.evaluate or operation.formula, helpers)
    helpers[name] = definition(name, operation.operands, body)
    return name


def definition(name: str, arguments: Sequence[str], body: Sequence[str]) -> str:
    """A function; one without a name is an expression."""
    lines = "".join(f"  {line}\n" for line in body)
    head = f"function {name}({', '.join(arguments)})" if name else f"({', '.join(arguments)}) =>"
    return f"{head} {{\n{lines}}}"


def rule_text(rule: Rule, helpers: MutableMapping[str, str]) -> str:
    """The value of a rule and its derivatives, which take ``out`` and the operands, as an object.

    >>> from autograd_mini.core.rule import RULES
    >>> print(rule_text(RULES["square"], {}))
    { value: (x) => {
      return x * x;
    }, slopes: [(out, x) => {
      return 2 * x;
    }] }

    Raises:
        ValueError: nothing in JavaScript computes it.
    """
    value = definition("", rule.operands, _body(rule.evaluate or rule.formula, helpers))
    slopes = (
        "null" if text is None else definition("", ["out", *rule.operands], _body(text, helpers))
        for text in rule.evaluated_derivatives
    )
    return f"{{ value: {value}, slopes: [{', '.join(slopes)}] }}"


def _body(text: str, helpers: MutableMapping[str, str]) -> list[str]:
    """A text of the rules as lines of a function whose arguments are its names."""
    steps, result = read(text)
    domain = _JavaScript(lambda name: called(name, helpers))
    lines = [f"const {n} = {evaluate(step, domain).text};" for n, step in steps]
    return [*lines, f"return {evaluate(result, domain).text};"]


class _Text(NamedTuple):
    """A part of a formula, how tightly it holds together, and its value if that is a number."""

    text: str
    tightness: int
    value: float | None = None

    def within(self, tightness: int) -> str:
        return self.text if self.tightness >= tightness else f"({self.text})"


class _JavaScript(Domain[_Text]):
    """Formulas in JavaScript.

    Arguments:
        called: what a function of the table is called.
        named: what a name is called; by default it stands for itself.
    """

    def __init__(
        self, called: Callable[[str], str], named: Callable[[str], str] | None = None
    ) -> None:
        self.called, self.named = called, named

    def number(self, number: float) -> _Text:
        if number != number or number in (float("inf"), -float("inf")):
            text = str(number).replace("inf", "Infinity").replace("nan", "NaN")
        else:
            whole = float(number).is_integer() and abs(number) < 1e15
            text = str(int(number)) if whole else repr(float(number))
        return _Text(text, _SIGN if text[0] == "-" else _ATOM, float(number))

    def name(self, name: str) -> _Text:
        if name in CONSTANTS:
            return _Text("Math.PI", _ATOM) if name == "pi" else self.number(CONSTANTS[name])
        return _Text(self.named(name) if self.named else name, _ATOM)

    def operator(self, symbol: str, *operands: _Text) -> _Text:
        value = folded(symbol, *(operand.value for operand in operands))
        if value is not None:
            return self.number(value)
        if len(operands) == 1:
            return _Text(symbol + operands[0].within(_POWER), _SIGN)
        left, right = operands
        match symbol:
            case "**":
                if right.value == 1:
                    return left
                return _Text(f"{left.within(_ATOM)} ** {right.within(_POWER)}", _POWER)
            case "//":
                return _Text(f"Math.floor({left.within(_PRODUCT)} / {right.within(_SIGN)})", _ATOM)
            case "%":
                whole = self.operator("//", left, right).text
                return _Text(f"{left.within(_SUM)} - {right.within(_SIGN)} * {whole}", _SUM)
            case "+" if left.value == 0:
                return right
        tightness = _TIGHTNESS[symbol]
        return _Text(f"{left.within(tightness)} {symbol} {right.within(tightness + 1)}", tightness)

    def compare(self, symbol: str, left: _Text, right: _Text) -> _Text:
        sign = {"==": "===", "!=": "!=="}.get(symbol, symbol)
        return _Text(f"{left.within(_SUM)} {sign} {right.within(_SUM)}", _COMPARISON)

    def both(self, left: _Text, right: Callable[[], _Text]) -> _Text:
        return _Text(f"{left.within(_BOTH)} && {right().within(_BOTH)}", _BOTH)

    def either(self, left: _Text, right: Callable[[], _Text]) -> _Text:
        return _Text(f"{left.within(_EITHER)} || {right().within(_EITHER)}", _EITHER)

    def where(self, condition: _Text, yes: Callable[[], _Text], no: Callable[[], _Text]) -> _Text:
        first = condition.within(_EITHER)
        return _Text(f"{first} ? {yes().within(_EITHER)} : {no().text}", _CHOICE)

    def call(self, name: str, *operands: _Text, **options: _Text) -> _Text:
        given = ", ".join(operand.text for operand in operands)
        return _Text(f"{self.called(name)}({given})", _ATOM)
