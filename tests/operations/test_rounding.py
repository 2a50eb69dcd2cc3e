"""floor, ceil, trunc, rint, % and //: as Python and NumPy have them, with what holds at a jump."""

import itertools
import math
import operator

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Tensor, Value, gradients
from autograd_mini.core.rule import RULES
from autograd_mini.testing import check_jumps, check_rule, prove_rule

NUMBERS = [-7.5, -3.0, -2.5, -0.3, -0.0, 0.0, 0.1, 0.5, 1.0, 2.5, 6.0, 1e17, math.inf, -math.inf]
DIVISORS = [-3.0, -0.1, 0.1, 0.5, 1.0, 2.5, 1e17, math.inf]
ROUNDING = {
    "floor": math.floor,
    "ceil": math.ceil,
    "trunc": math.trunc,
    "rint": round,
}


def same(found, wanted):
    """Equal to the last bit, the sign of zero included."""
    np.testing.assert_array_equal(found, wanted)
    np.testing.assert_array_equal(np.signbit(found), np.signbit(wanted))


@pytest.mark.parametrize("name", ROUNDING)
def test_rounding_by_name_by_numpy_and_by_python(name):
    python, numpy = ROUNDING[name], getattr(np, name)
    for x in NUMBERS:
        for node in (getattr(Value(x), name)(), numpy(Value(x)), python(Value(x))):
            assert node.op == name
            same(node.data, numpy(x))
    t = Tensor(NUMBERS)
    for node in (getattr(t, name)(), numpy(t), python(t)):
        slopes = gradients(node, t, gradient=np.ones(t.shape))
        assert (node.op, slopes.any()) == (name, False)
        same(node.data, numpy(t.data))


@pytest.mark.parametrize("operation", [operator.mod, operator.floordiv, divmod])
def test_operators_of_division_have_pythons_sign_and_last_bit(operation):
    for x, y in itertools.product(NUMBERS, DIVISORS):
        wanted = np.ravel(operation(x, y))
        for left, right in [(Value(x), Value(y)), (Value(x), y), (x, Value(y))]:
            same([node.data for node in np.ravel(np.array(operation(left, right)))], wanted)
    x, y = np.array(NUMBERS)[:-2, None], np.array(DIVISORS)
    wanted = np.array(operation(x, y))
    for left, right in [(Tensor(x), Tensor(y)), (Tensor(x), y), (x, Tensor(y))]:
        found = operation(left, right)
        same(np.array([f.data for f in found] if operation is divmod else found.data), wanted)


@pytest.mark.parametrize("digits", [None, 0, 1, 3, -1, -3, 400, -400])
def test_round_is_numpys(digits):
    x = np.array([0.5, 1.5, -2.5, 2.675, 1234.5678, -0.04, 1e300])
    with np.errstate(all="ignore"):
        wanted = np.round(x, digits or 0)
        found = [round(Tensor(x), digits), np.round(Tensor(x), digits or 0)]
        found += [Tensor(x).round(digits or 0), np.around(Tensor(x), decimals=digits or 0)]
        for node in found:
            same(node.data, wanted)
        same([round(Value(number), digits).data for number in x], wanted)
        same([np.round(Value(number), digits or 0).data for number in x], wanted)
    v = Value(2.675)
    if digits is None or abs(digits) < 400:  # else inf / inf
        assert gradients(round(v, digits), v) == 0.0
    assert round(Tensor(np.float32([1.25])), 1).dtype == np.float32
    with pytest.raises(TypeError, match="integer"):
        round(v, 1.5)


def test_other_functions_of_numpy_that_round():
    t, v = Tensor([-7.5, 2.5]), Value(-7.5)
    for x in (t, v, np.array([v, v])):
        fixed = np.fix(x)
        assert {node.op for node in (fixed if isinstance(x, np.ndarray) else [fixed])} == {"trunc"}
    for one, other in [(t, 2), (3.0, t), (v, 2), (3.0, v), (np.ones(2), t)]:
        quotient, remainder = np.divmod(one, other)
        assert (quotient.op, remainder.op) == ("floor_divide", "mod")
    array = np.array([v, Value(2.5)])
    for numpy in (np.floor, np.ceil, np.trunc, np.rint, np.round):
        same([f.data for f in numpy(array)], numpy(np.array([-7.5, 2.5])))
    for function in (operator.mod, operator.floordiv):
        same([f.data for f in function(array, 2)], function(np.array([-7.5, 2.5]), 2))


def test_augmented_assignment_is_that_of_the_other_operators():
    x = leaf = Tensor([5.0, 7.5])
    with ag.no_grad():
        x %= 4
        x //= 0.5
    assert x is leaf
    assert x.data.tolist() == [2.0, 7.0]
    x.grad = np.ones(2)
    for operation, sign in ((operator.imod, "%="), (operator.ifloordiv, "//=")):
        with pytest.raises(TypeError, match=f"t.data {sign}"):
            operation(x, 2)
    v = start = Value(7.5)
    v %= 2
    v //= 1
    assert (v.data, v.parents[0].parents[0] is start) == (1.0, True)


def test_a_divisor_of_zero_is_numpys_for_a_tensor_and_pythons_for_a_value():
    t = Tensor([1.0, -1.0, 0.0])
    with np.errstate(all="ignore"):
        for y in (0, 0.0, np.zeros(3)):
            same(np.isnan((t % y).data), [True] * 3)
            np.testing.assert_array_equal((t // y).data, [math.inf, -math.inf, math.nan])
        y = Tensor(np.zeros(3))
        assert np.isnan(gradients(np.sum(t % y), y)).all()
        assert np.isnan(ag.mod(1.0, 0))
    for operation in (operator.mod, operator.floordiv):
        with pytest.raises(ZeroDivisionError, match=r"is defined for y != 0, got x = 1.0, y = 0.0"):
            operation(Value(1.0), 0)


@pytest.mark.parametrize("name", [name for name, row in RULES.items() if row.pieces])
def test_at_jumps_the_derivative_is_pytorchs(name):
    torch = pytest.importorskip("torch")
    theirs = {"rint": "round", "mod": "remainder"}.get(name, name)
    points = [-6.0, -3.0, -1.5, -0.5, 0.0, 0.5, 1.0, 1.5, 3.0, 6.0]
    count = len(RULES[name].operands)
    divisors = [y for y in points if y] if count == 2 else []
    columns = [*zip(*itertools.product(points, *[divisors] * (count - 1)), strict=True)]
    ours = [Tensor(column) for column in columns]
    wanted = [torch.tensor(column, dtype=torch.float64, requires_grad=True) for column in columns]
    out = getattr(torch, theirs)(*wanted)
    assert np.array_equal(getattr(ag, name)(*ours).data, out.detach().numpy())
    found = gradients(np.sum(getattr(ag, name)(*ours)), ours)
    if name == "floor_divide":  # has no derivative there
        assert not np.any(found)
        return
    out.sum().backward()
    for slope, x in zip(found, wanted, strict=True):
        assert np.array_equal(slope, x.grad.numpy())


def test_derivatives_of_the_remainder():
    def remainder(x, y):
        return x % y

    assert ag.grad(remainder, (0, 1))(7.5, 2.0) == (1.0, -3.0)
    assert ag.grad(remainder, (0, 1))(-7.5, 2.0) == (1.0, 4.0)
    assert ag.grad(remainder, (0, 1))(1.0, 0.1) == (1.0, -9.0)  # 0.1 is a little more
    assert ag.grad(ag.grad(lambda y: (7.0 % y) ** 2))(3.0) == 2 * 2.0**2


# What the checker says near a jump, and at one


@pytest.mark.parametrize("distance", [0.3, 1e-3, 1e-7, 1e-12])
def test_a_jump_nearby_does_not_change_the_verdict(distance):
    at = {"w": np.array([1.3, 3 - distance])}
    right = {"w": np.array([1.0, 2.0])}

    def loss(w):
        return np.sum(np.floor(w) * w)

    assert ag.check_gradients(loss, at)["w"].verdict == "agree"
    assert ag.check_gradients(loss, at, right)["w"].verdict == "agree"
    wrong = {"w": np.array([1.0, 3.0])}
    assert ag.check_gradients(loss, at, wrong)["w"].verdict == "differ"


@pytest.mark.parametrize(
    ("loss", "at", "slope"),
    [
        (lambda w: np.sum(np.floor(w) * w), [1.3, 3.0], [1.0, 3.0]),
        (lambda w: np.sum(w % 2), [1.3, 4.0], [1.0, 1.0]),
        (lambda w: np.sum(9 % w), [1.3, 3.0], [-6.0, -3.0]),
        (lambda w: np.sum(np.sign(w) + w), [1.3, 0.0], [1.0, 1.0]),
        (lambda w: np.sum(w // 1 + w), [1.3, 2.0], [1.0, 1.0]),
        (lambda w: np.sum(np.round(w) + w), [1.3, 2.5], [1.0, 1.0]),
    ],
)
def test_at_a_jump_nothing_is_claimed_but_the_convention(loss, at, slope):
    w, right = np.array(at), np.array(slope)
    alone = ag.check_gradients(loss, {"w": w})["w"]
    assert alone.verdict == "cannot tell"
    assert "at [1] jumps, where there is no derivative" in alone.evidence
    same_side = ag.check_gradients(loss, {"w": w}, {"w": right})["w"]
    assert same_side.verdict == "agree"
    assert "at [1] jumps" in same_side.evidence
    other = ag.check_gradients(loss, {"w": w}, {"w": right + np.array([0.0, 1.0])})["w"]
    assert other.verdict == "cannot tell"
    assert "at [1] jumps" in other.evidence
    wrong = ag.check_gradients(loss, {"w": w}, {"w": right + np.array([1.0, 0.0])})["w"]
    assert wrong.verdict == "differ"


def test_a_jump_that_the_loss_does_not_depend_on_changes_nothing():
    report = ag.check_gradients(lambda w: np.sum(w * w + 0 * np.floor(w)), {"w": np.arange(3.0)})
    assert report["w"].verdict == "agree"


# Rows of one's own


def test_a_row_that_jumps_states_its_pieces():
    ag.rule("sawtooth", "x - floor(x)", ["1"], pieces="floor(x)")
    check_rule("sawtooth")
    assert prove_rule("sawtooth") == ["x = r_x: ∂/∂x = 1 between the jumps of floor(x)"]
    ag.rule("unsaid", "x % 1", ["1"])
    with pytest.raises(AssertionError, match=r"calls mod, which jumps: state the pieces"):
        prove_rule("unsaid")
    ag.rule("missaid", "x - floor(x)", ["1"], pieces="floor(x / 2)")
    with pytest.raises(AssertionError, match="jumps along x, but floor"):
        check_jumps("missaid")
    ag.rule("wrong", "x * floor(x)", ["x"], pieces="floor(x)")
    with pytest.raises(AssertionError, match="wrong at"):
        prove_rule("wrong")
    ag.rule("compared", "where(x - floor(x) > 0.5, 1, 0)", ["0"], pieces="rint(x)")
    with pytest.raises(AssertionError, match="cannot decide the sign"):
        prove_rule("compared")
