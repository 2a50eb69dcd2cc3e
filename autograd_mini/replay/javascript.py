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

import numpy as np

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

_LACKING = """\
function erf(x) {
  if (Math.abs(x) >= 2) return Math.sign(x) * (1 - erfc(Math.abs(x)));
  let term = x, sum = x;
  for (let n = 1; n < 60; n++) sum += term *= 2 * x * x / (2 * n + 1);
  return 2 / Math.sqrt(Math.PI) * Math.exp(-x * x) * sum;
}

function erfc(x) {
  if (x < 2) return 1 - erf(x);
  let fraction = x;
  for (let k = 60; k > 0; k--) fraction = x + k / 2 / fraction;
  return Math.exp(-x * x) / (Math.sqrt(Math.PI) * fraction);
}

function rint(x) {
  const whole = Math.round(x);
  return Math.abs(x % 1) === 0.5 && whole % 2 !== 0 ? whole - 1 : whole;
}
"""
"""What ``Math`` has not got (erf and erfc: NIST Digital Library of Mathematical Functions, 7.6.2
and 7.9.1)."""

DEFINED = {text.split("(")[0].removeprefix("function "): text for text in _LACKING.split("\n\n")}
"""The same by name."""

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


def called(name: str, helpers: MutableMapping[str, str], single: bool = False) -> str:
    """How a function of the table is called.

    Arguments:
        helpers: definitions by name, to which those are added that JavaScript has not got.
        single: whether it computes in float32.

    Raises:
        ValueError: nothing in JavaScript computes it.
    """
    operation = OPERATIONS.get(name)
    if isinstance(operation, Rule) and operation.native:
        native = floats.native(name)
        of_math = getattr(native, "__module__", "") == "math"
        function = native.__name__ if of_math else name
        if function in MATH:
            return f"Math.{function}"
    if name in DEFINED:
        needed = {name} | {each for each in DEFINED if f"{each}(" in DEFINED[name]}
        helpers.update((each, DEFINED[each]) for each in sorted(needed))
        return name
    if not isinstance(operation, Rule) or operation.native:
        raise ValueError(f"source: JavaScript has no {name}, which this function uses")
    defined = f"{name}_in_float32" if single else name
    if defined not in helpers:
        body = _body(operation.evaluate or operation.formula, helpers, single)
        helpers[defined] = definition(defined, operation.operands, body)
    return defined


def definition(name: str, arguments: Sequence[str], body: Sequence[str]) -> str:
    """A function; one without a name is an expression."""
    lines = "".join(f"  {line}\n" for line in body)
    head = f"function {name}({', '.join(arguments)})" if name else f"({', '.join(arguments)}) =>"
    return f"{head} {{\n{lines}}}"


def rule_text(rule: Rule, helpers: MutableMapping[str, str], single: bool = False) -> str:
    """The value of a rule and its derivatives, which take ``out`` and the operands, as an object.

    Arguments:
        helpers: as for ``called``.
        single: whether it computes in float32, in which each of its operations rounds.

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
    text = rule.evaluate or rule.formula
    value = definition("", rule.operands, _body(text, helpers, single))
    slopes = (
        "null" if text is None else _slope(rule, _body(text, helpers, single))
        for text in rule.evaluated_derivatives
    )
    return f"{{ value: {value}, slopes: [{', '.join(slopes)}] }}"


def _slope(rule: Rule, body: Sequence[str]) -> str:
    return definition("", ["out", *rule.operands], body)


def _body(text: str, helpers: MutableMapping[str, str], single: bool) -> list[str]:
    """A text of the rules as lines of a function whose arguments are its names."""
    steps, result = read(text)
    domain = _JavaScript(lambda name: called(name, helpers, single), single=single)
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
        single: whether each operation rounds to float32.
    """

    def __init__(
        self,
        called: Callable[[str], str],
        named: Callable[[str], str] | None = None,
        single: bool = False,
    ) -> None:
        self.called, self.named, self.single = called, named, single

    def rounded(self, found: _Text) -> _Text:
        """What an operation gives, in the precision of the function."""
        return _Text(f"Math.fround({found.text})", _ATOM) if self.single else found

    def number(self, number: float) -> _Text:
        number = float(np.float32(number)) if self.single else number
        if number != number or number in (float("inf"), -float("inf")):
            text = str(number).replace("inf", "Infinity").replace("nan", "NaN")
        else:
            whole = float(number).is_integer() and abs(number) < 1e15
            text = str(int(number)) if whole else repr(float(number))
        return _Text(text, _SIGN if text[0] == "-" else _ATOM, float(number))

    def name(self, name: str) -> _Text:
        if name in CONSTANTS:
            exact = name == "pi" and not self.single
            return _Text("Math.PI", _ATOM) if exact else self.number(CONSTANTS[name])
        return _Text(self.named(name) if self.named else name, _ATOM)

    def operator(self, symbol: str, *operands: _Text) -> _Text:
        value = folded(symbol, *(operand.value for operand in operands))
        if value is not None:
            return self.number(value)
        if len(operands) == 1:
            return _Text(symbol + operands[0].within(_ATOM), _SIGN)  # -x ** 2 is an error
        left, right = operands
        match symbol:
            case "**":
                if right.value == 1:
                    return left
                return self.rounded(
                    _Text(f"{left.within(_ATOM)} ** {right.within(_POWER)}", _POWER)
                )
            case "//":
                return _Text(f"Math.floor({left.within(_PRODUCT)} / {right.within(_SIGN)})", _ATOM)
            case "%":
                whole = self.operator("//", left, right).text
                text = f"{left.within(_SUM)} - {right.within(_SIGN)} * {whole}"
                return self.rounded(_Text(text, _SUM))
            case "+" if left.value == 0:
                return right
        tightness = _TIGHTNESS[symbol]
        text = f"{left.within(tightness)} {symbol} {right.within(tightness + 1)}"
        return self.rounded(_Text(text, tightness))

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
        return self.rounded(_Text(f"{self.called(name)}({given})", _ATOM))
