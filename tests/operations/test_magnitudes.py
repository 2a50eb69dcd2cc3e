"""Every elementwise operation at every magnitude: value and derivatives against 100 digits.

Value and Tensor (float64, and float32) at 5e-324 … 1.8e308, infinities and NaN.  A result
below the smallest normal number has fewer digits: there an error of that size is allowed.
"""

import itertools
import math

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Tensor, Value, gradients
from autograd_mini.core.rule import RULES
from autograd_mini.language.texts import names_in

pytest.importorskip("mpmath")
from autograd_mini.testing.exact import load_mpmath, precise

SIZES = [
    5e-324, 1e-320, 2.3e-308, 1e-200, 1e-45, 1e-38, 1e-20, 1e-8, 1e-4, 0.1, 0.5, 0.7518, 0.99,
    1 - 2**-24, 1 - 2**-53, 1.0, 1 + 2**-52, 1 + 2**-23, 1.278, 1.5, 1.9, 2.1, 3.0, 3.9, 4.1, 8.0,
    9.2, 11.5, 17.0, 20.0, 26.0, 37.43, 40.0, 88.0, 100.0, 700.0, 709.0, 740.0, 1e3, 1e5, 1e8, 1e15,
    1e16, 1e38, 1e100, 1e200, 1.7e308,
]  # fmt: skip
FEWER = [5e-324, 1e-200, 1e-38, 1e-8, 0.5, 1.0, 3.0, 37.43, 700.0, 1e8, 1e15, 1e200, 1.7e308]
FEWEST = [1e-200, 1.0, 1e200]
RELATIVE = {np.float64: 1e-12, np.float32: 1e-5}

EXCEPTIONS = {
    "pow": lambda limits, x, y: 0 < abs(x) < 4 * limits.tiny or (x < 0 and abs(y) > 2**24),
    "hypot": lambda limits, x, y: not 4 * limits.tiny < math.hypot(x, y) < limits.max,
    "silu": lambda limits, x: abs(x + 1.278) < 0.01,
    "gelu": lambda limits, x: abs(x + 0.7518) < 0.01,
}
"""Where a derivative may be further off, as docs/rules.md says.

A power's derivative y · x ** (y - 1) overflows on the way where 1 / x does, and of a large y the
1 cannot be subtracted; a hypotenuse beyond the range of floats, or below it, has not the digits
that its derivative x / out needs; the derivatives of silu and gelu have a root there, where they
are the difference of two numbers near 0.1.
"""


def points(name, dtype):
    count = len(RULES[name].operands)
    sizes = {1: SIZES, 2: FEWER}.get(count, FEWEST)
    with np.errstate(all="ignore"):
        numbers = [0.0, *map(float, np.array(sizes).astype(dtype))]
    numbers = sorted({x for x in numbers if math.isfinite(x)})
    return list(itertools.product(numbers + [-x for x in numbers if x], repeat=count))


def exact(name, point):
    """The value, and the derivative for each operand; ``None`` where there is none."""
    rule, mp = RULES[name], load_mpmath()
    names = dict(zip(rule.operands, map(mp.mpf, point), strict=True))
    found = []
    for text in (rule.evaluate or rule.formula, *rule.evaluated_derivatives):
        try:
            number = precise().text(text, names) if text else None
            if number is not None and (mp.isnan(number) or not mp.isfinite(number)):
                number = None
            if number is not None and isinstance(number, mp.mpc):
                number = None
        except (ArithmeticError, ValueError):
            number = None
        found.append(number)
        names.setdefault("out", number if number is not None else mp.nan)
    return found


def is_close(found, true, dtype):
    limits = np.finfo(dtype)
    if abs(true) > float(limits.max):
        return found == math.copysign(math.inf, true) or abs(found) > 0.9 * float(limits.max)
    return abs(found - true) <= RELATIVE[dtype] * abs(true) + float(limits.tiny)


def of_tensors(name, at, dtype):
    operands = [Tensor(np.array(column, dtype)) for column in zip(*at, strict=True)]
    with np.errstate(all="ignore"):
        node = getattr(ag, name)(*operands)
        assert node.dtype == dtype
        found = gradients(node, operands, gradient=np.ones(len(at)))
    return np.array([node.data, *found], np.float64).T


def of_values(name, point):
    operands = [Value(x) for x in point]
    try:
        node = getattr(ag, name)(*operands)
    except (ArithmeticError, ValueError):
        return None
    return np.array([node.data, *gradients(node, operands)])


def wrong(name, dtype):
    rule = RULES[name]
    at = points(name, dtype)
    excepted = EXCEPTIONS.get(name, lambda *point: False)
    for point, tensor in zip(at, of_tensors(name, at, dtype), strict=True):
        true = exact(name, point)
        kinds = [("Tensor", tensor)]
        if dtype is np.float64:
            kinds.append(("Value", of_values(name, point)))
        for kind, found in kinds:
            if found is None:
                if true[0] is not None and abs(true[0]) < float(np.finfo(dtype).max):
                    yield f"{kind} {name}{point} raises, but is {float(true[0])}"
                continue
            for i, (number, reference) in enumerate(zip(found, true, strict=True)):
                if reference is None or is_close(number, reference, dtype):
                    continue
                if i and excepted(np.finfo(dtype), *point):
                    continue
                what = f"∂/∂{rule.operands[i - 1]} " if i else ""
                yield f"{kind} {what}{name}{point} is {number}, should be {float(reference)}"


@pytest.mark.parametrize("dtype", RELATIVE)
@pytest.mark.parametrize("name", list(RULES))
def test_value_and_derivatives_at_every_magnitude(name, dtype):
    assert list(itertools.islice(wrong(name, dtype), 5)) == []


SPECIAL = [-math.inf, -2.0, -1.0, -0.5, -0.0, 0.0, 0.5, 1.0, 2.0, math.inf, math.nan]


@pytest.mark.parametrize("name", list(RULES))
def test_the_derivative_of_nan_is_nan_and_so_it_is_outside_of_the_domain(name):
    """Unless it does not depend on what is NaN: that of x * y for x is y."""
    rule = RULES[name]
    at = list(itertools.product(SPECIAL, repeat=len(rule.operands)))
    tried = 0
    for point, tensor in zip(at, of_tensors(name, at, np.float64), strict=True):
        undefined = {
            operand
            for operand, x, text in zip(rule.operands, point, rule.derivatives, strict=True)
            if math.isnan(x) and text is not None
        }
        bounded = "<" in rule.domain or ">" in rule.domain
        for found in (tensor, of_values(name, point)):
            if found is None or not math.isnan(found[0]):
                continue
            for text, derivative in zip(rule.evaluated_derivatives, found[1:], strict=True):
                read = names_in(text or "0")
                if read & {*undefined, "out"} or (bounded and read):
                    assert math.isnan(derivative), (point, text)
                    tried += 1
    assert (
        tried or name == "where" or not any(names_in(text) for text in rule.evaluated_derivatives)
    )


CONSTANT_SECOND = {"square", "abs"}
"""Rows whose second derivative is a constant, at NaN as elsewhere."""
UNARY = [name for name, row in RULES.items() if len(row.operands) == 1]


@pytest.mark.parametrize("name", [name for name in UNARY if name not in CONSTANT_SECOND])
def test_the_second_derivative_is_nan_where_the_first_is(name):
    with np.errstate(all="ignore"):
        for x in SPECIAL:
            nodes = [Tensor(x)]
            if of_values(name, (x,)) is not None:
                nodes.append(Value(x))
            for node in nodes:
                first = gradients(getattr(ag, name)(node), node, create_graph=True)
                if np.isnan(first.data):
                    assert np.isnan(gradients(first, node)), node


def test_a_power_with_a_negative_base_has_no_derivative_for_the_exponent():
    first, second = (-2.0, 3.0), (3.0, 2.0)
    y = Tensor([first[1], second[1]])
    slope = gradients(np.sum(np.array([first[0], second[0]]) ** y), y, create_graph=True)
    found = gradients(np.sum(slope), y)
    assert np.isnan(slope.data).tolist() == np.isnan(found).tolist() == [True, False]
    assert found[1] == pytest.approx(9 * math.log(3) ** 2)


@pytest.mark.parametrize(
    ("function", "point", "derivatives"),
    [
        (np.sqrt, (-1.0,), (math.nan,)),
        (np.sqrt, (math.nan,), (math.nan,)),
        (np.arcsin, (2.0,), (math.nan,)),
        (np.log, (-1.0,), (math.nan,)),
        (ag.relu, (math.nan,), (math.nan,)),
        (np.maximum, (math.nan, 1.0), (math.nan, math.nan)),
        (ag.sigmoid, (37.43,), (5.5508250862537194e-17,)),
        (np.tanh, (-9.01,), (5.97135925145e-08,)),
        (np.expm1, (-40.0,), (math.exp(-40),)),
        (ag.elu, (-40.0,), (math.exp(-40),)),
        (np.logaddexp, (1e15, 1e15), (0.5, 0.5)),
        (np.power, (1e-310, 0.0), (0.0, math.log(1e-310))),
        (np.power, (1e-200, -1.0), (-math.inf, 1e200 * math.log(1e-200))),
    ],
)
def test_derivatives_that_strangers_code_found_wrong(function, point, derivatives):
    with np.errstate(all="ignore"):
        found = ag.grad(function, tuple(range(len(point))))(*point)
    assert found == pytest.approx(derivatives, rel=1e-14, nan_ok=True)


@pytest.mark.parametrize("kind", [Value, Tensor])
@pytest.mark.parametrize("name", ["sigmoid", "tanh"])
def test_higher_derivatives_have_their_digits_where_the_result_has_rounded(name, kind):
    """And at 0, where a text with the absolute value of x would have a kink."""
    mp = load_mpmath()
    function = (lambda x: 1 / (1 + mp.exp(-x))) if name == "sigmoid" else mp.tanh
    points = [0.0, 0.3, -1.0, 2.4, -2.6, 4.1, 9.01, -15.0, 20.0, 37.43]
    if kind is Tensor:
        nodes = [Tensor(np.array(points))]
    else:
        nodes = list(map(Value, points))
    for node in nodes:
        found, at = getattr(ag, name)(node), np.atleast_1d(node.data)
        for order in range(1, 4):
            found = gradients(np.sum(found) if kind is Tensor else found, node, create_graph=True)
            with mp.workdps(200):
                true = [float(mp.diff(function, mp.mpf(x), order, h=mp.mpf(10) ** -40)) for x in at]
            np.testing.assert_allclose(np.atleast_1d(found.data), true, 1e-11, 1e-30)


def test_a_power_whose_derivative_overflows_has_a_value():
    x = Value(1e-200)
    for power in (x**-1, np.power(x, -1), ag.pow(x, Value(-1.0))):
        assert (power.data, power.local_derivatives[0]) == (1e200, -math.inf)
    assert (Value(-1e-200) ** -1.0).local_derivatives[0] == -math.inf
    assert (Value(-1e-110) ** -2.0).local_derivatives[0] == math.inf


ENDS = [-math.inf, -0.5, 0.5, 1.0, 3.0, math.inf]


@pytest.mark.parametrize("name", list(RULES))
def test_the_derivative_at_infinity_is_its_limit_or_nan(name):
    rule = RULES[name]
    at = [
        point
        for point in itertools.product(ENDS, repeat=len(rule.operands))
        if any(map(math.isinf, point)) and not (name == "pow" and point[0] < 0)  # has no limit
    ]
    for point, tensor in zip(at, of_tensors(name, at, np.float64), strict=True):
        near, far = (
            exact(name, [math.copysign(size, x) if math.isinf(x) else x for x in point])[1:]
            for size in (1e20, 1e40)
        )
        for found in (tensor, of_values(name, point)):
            if found is None:
                continue
            for number, first, second in zip(found[1:], near, far, strict=True):
                if first is None or second is None or math.isnan(number):
                    continue
                grows, shrinks = abs(second) > 1e15, abs(second) < 1e-15
                limit = math.copysign(math.inf, second) if grows else 0.0 if shrinks else second
                if grows or shrinks or abs(second - first) <= 1e-15 * abs(first):
                    assert number == pytest.approx(float(limit), rel=1e-12), point
