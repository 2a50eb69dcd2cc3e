"""Value: scalars, their operators and NumPy's, reuse, very long graphs, and what is left behind."""

import gc
import math
import operator
import sys
import tracemalloc
import weakref
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Tensor, Value, gradients
from autograd_mini.core.rule import RULES

OPERATORS = {
    "add": (operator.add, 1.0, 1.0),
    "sub": (operator.sub, 1.0, -1.0),
    "mul": (operator.mul, 4.0, 3.0),
    "div": (operator.truediv, 0.25, -3 / 16),
    "pow": (operator.pow, 4 * 3.0**3, 3.0**4 * math.log(3)),
}
NUMBERS = [
    int, float, bool, np.float64, np.float32, np.float16, np.int64, np.uint8,
    lambda x: np.array(x), lambda x: np.array(int(x)), Fraction, Decimal,
]  # fmt: skip


@pytest.mark.parametrize("op", OPERATORS)
def test_operators_in_both_orders_with_every_kind_of_number(op):
    function, by_x, by_y = OPERATORS[op]
    for make in NUMBERS:
        x, y = (1.0, 1.0) if make is bool else (3.0, 4.0)
        result = function(x, y)
        for left, right in [(Value(x), Value(y)), (Value(x), make(y)), (make(x), Value(y))]:
            out = function(left, right)
            assert type(out) is Value
            assert (out.data, out.op) == (result, op)
            assert type(out.data) is float
            kinds = [Value if type(o) is Value else float for o in (left, right)]
            assert [type(parent) for parent in out.parents] == kinds
            if make is bool:
                continue
            for operand, local, exact in zip(
                (left, right), out.local_derivatives, (by_x, by_y), strict=True
            ):
                if type(operand) is Value:
                    assert local == gradients(out, operand) == pytest.approx(exact, rel=1e-15)
                else:
                    assert local is None


def test_a_value_is_a_number_with_a_history():
    x = Value(np.float32(0.5), label="x")
    assert (x.data, x.grad, x.label, x.op, x.parents) == (0.5, 0.0, "x", "", ())
    y = -x + abs(Value(-2)) ** 2
    assert (y.data, y.op) == (3.5, "add")
    assert repr(x) == "Value(0.5, label='x')"
    assert repr(y) == "Value(3.5, op='add')"
    assert f"{y:.2f} {y}" == "3.50 Value(3.5, op='add')"
    square = x * x
    assert square.parents == (x, x)
    assert all(parent is x for parent in square.parents)
    assert square.local_derivatives == (0.5, 0.5)
    assert (2 * x).parents == (2.0, x)
    assert (2 * x).local_derivatives == (None, 2.0)
    clipped = ag.clip(x, 0, Value(0.25))
    assert clipped.parents[1] == 0.0
    assert clipped.local_derivatives == (0.0, None, 1.0)
    with pytest.raises(AttributeError):
        x.note = "Values have slots"


def test_comparisons_compare_numbers_and_identity_is_for_sets():
    x, y = Value(1.0), Value(1.0)
    assert x == y
    assert x == 1
    assert x != 2
    assert x < 2.0 <= Value(2.0)
    assert not x > y
    assert x >= np.float64(1)
    assert Fraction(1, 2) < x < Decimal("1.5")
    assert len({x, y}) == 2
    assert max([Value(1.0), Value(3.0), Value(2.0)]).data == 3.0
    assert [v.data for v in sorted([Value(2.0), Value(1.0)])] == [1.0, 2.0]
    assert np.less(x, 2.0) is True
    assert np.isnan(Value(math.nan))
    assert x != "1"
    assert x != None  # noqa: E711


def test_numpy_functions_and_object_arrays_of_values():
    x = Value(0.5)
    for name in ("exp", "tanh", "sin", "arctan", "absolute", "square", "log1p"):
        assert getattr(np, name)(x).data == pytest.approx(float(getattr(np, name)(0.5)), rel=1e-15)
    assert np.hypot(3.0, Value(4.0)).data == 5.0
    assert np.where(x > 0, x, 0.0).data == 0.5
    assert np.clip(x, None, 0.25).data == 0.25
    assert np.clip(x, a_min=1.0, a_max=2.0).data == 1.0
    if np.lib.NumpyVersion(np.__version__) >= "2.1.0":  # which gave them these names
        assert np.clip(x, min=1.0, max=2.0).data == 1.0
    weights = np.array([Value(1.0), Value(2.0)])
    outputs = np.tanh(weights * 2.0 + np.ones(2)) @ np.array([1.0, -1.0])
    found = gradients(outputs, list(weights))
    assert found == pytest.approx([2 / math.cosh(3) ** 2, -2 / math.cosh(5) ** 2], rel=1e-14)
    assert (np.var(weights).data, np.std(weights).data) == (0.25, 0.5)
    assert gradients(np.std(weights), list(weights)) == pytest.approx([-0.5, 0.5], rel=1e-14)
    probabilities = ag.softmax(weights)
    assert sum(p.data for p in probabilities) == pytest.approx(1.0)
    assert gradients(ag.logsumexp(weights), list(weights)) == pytest.approx(
        [p.data for p in probabilities], rel=1e-14
    )


# Reuse: the gradient is the sum over all paths


@pytest.mark.parametrize(
    ("function", "exact"),
    [
        (lambda a: (lambda b: b + b)(a + a), 4.0),
        (lambda a: a * a, 6.0),
        (lambda a: a * a * a, 27.0),
        (lambda a: a - a, 0.0),
        (lambda a: a / a, 0.0),
        (lambda a: a**a, 27 * (math.log(3) + 1)),
        (lambda a: (lambda b: b * b + b)(a * a), 4 * 27 + 6),
        (lambda a: (lambda b, c: b * c)(a + 1, a * 2), 2 * 3 + 2 * 4),
        (lambda a: (lambda b: (b + 1) * (b - 1) * b)(a * 2), 2 * (3 * 36 - 1)),
        (lambda a: ag.hypot(a, a), math.sqrt(2)),
        (lambda a: ag.maximum(a, a), 1.0),
        (lambda a: ag.where(a > 0, a, a), 1.0),
        (lambda a: ag.clip(a, a, a), 1.0),
        (lambda a: sum([a, a, a]), 3.0),
        (lambda a: np.log(np.exp(a) + np.exp(a)), 1.0),
    ],
)
@pytest.mark.parametrize("kind", [Value, ag.Tensor])
def test_every_way_to_use_a_node_twice(function, exact, kind):
    a = kind(3.0)
    out = function(a)
    assert float(gradients(out, a)) == pytest.approx(exact, rel=1e-14)
    out.backward()
    assert float(a.grad) == pytest.approx(exact, rel=1e-14)
    out.backward()
    assert float(a.grad) == 2 * float(gradients(out, a))


def test_a_deep_diamond_is_linear_work():
    """2**200 paths; each node is visited once."""
    x = Value(1.0)
    y = x
    for _ in range(200):
        y = y + y
    assert gradients(y, x) == 2.0**200


# A million operations


@pytest.fixture
def collector_off():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def chain(x, length):
    y = x
    for _ in range(length):
        y = y * 0.999999 + x
    return y


@pytest.mark.usefixtures("collector_off")
def test_a_chain_of_a_million_operations():
    x = Value(1.0)
    y = chain(x, 500_000)
    order = ag.topological_order(y)
    assert len(order) == 1_000_001
    assert order[0] is x
    assert order[-1] is y
    exact = sum(0.999999**k for k in range(500_001))
    y.backward()
    assert x.grad == pytest.approx(exact, rel=1e-9)
    assert "op='add'" in repr(y)


@pytest.mark.usefixtures("collector_off")
def test_a_sum_of_a_million_terms():
    terms = [Value(1.0) for _ in range(1_000_000)]
    total = sum(terms)
    total.backward()
    assert total.data == 1e6
    assert {term.grad for term in terms} == {1.0}


@pytest.mark.usefixtures("collector_off")
def test_a_node_that_is_used_a_hundred_thousand_times():
    x = Value(2.0)
    sum(x * i for i in range(100_000)).backward()
    assert x.grad == sum(range(100_000))


def test_the_second_derivative_of_a_long_chain():
    x = Value(0.5)
    y = chain(x, 10_000)
    first = gradients(y * y, x, create_graph=True)
    slope = sum(0.999999**k for k in range(10_001))
    assert gradients(first, x) == pytest.approx(2 * slope**2, rel=1e-10)


@pytest.mark.usefixtures("collector_off")
def test_the_stack_stays_flat_and_nothing_is_left_for_the_collector():
    """With the garbage collector off, memory returns when the last reference goes."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(300)
    try:
        tracemalloc.start()
        x = Value(1.0)
        before = tracemalloc.get_traced_memory()[0]
        y = chain(x, 100_000)
        middle = weakref.ref(y.parents[0].parents[0])
        assert middle() is not None
        y.backward()
        slope = gradients(y * y, x, create_graph=True)
        used = tracemalloc.get_traced_memory()[0] - before
        del y, slope
        left = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
        sys.setrecursionlimit(limit)
    assert middle() is None
    assert used > 50 * left  # the compiled build keeps a few thousand nodes for reuse
    assert gc.collect() == 0


@pytest.mark.usefixtures("collector_off")
def test_errors_and_modes_leave_nothing_behind():
    gc.collect()
    x = Value(-1.0)
    alive = weakref.ref(node := x * 2)
    with ag.no_grad():
        node * node
    with pytest.raises(ValueError, match="log"):
        node.log()
    with ag.debug():
        node + 1
    del node
    assert alive() is None


def test_no_gradient_is_answered_with_zero_grad():
    with pytest.raises(TypeError, match=r"one number, not NoneType: write v\.zero_grad\(\)"):
        Value(2.0).grad = None


@pytest.mark.parametrize("function", [np.mean, np.var, np.std])
def test_statistics_of_values(function):
    numbers = [1.0, 4.0, 7.5]
    values = [Value(number) for number in numbers]
    tensor = Tensor(numbers)
    out, expected = function(values), function(tensor)
    assert out.data == pytest.approx(expected.item(), rel=1e-15)
    out.backward()
    expected.backward()
    np.testing.assert_allclose([v.grad for v in values], tensor.grad, rtol=1e-14, atol=1e-16)


def test_detach_and_zero_grad():
    x = Value(3.0, label="x")
    y = x * x
    cut = y.detach()
    assert (cut.data, cut.parents) == (9.0, ())
    (cut * x).backward()
    assert x.grad == 9.0
    x.zero_grad()
    assert x.grad == 0.0


def test_a_recorded_step_can_be_differentiated():
    fast = w = Value(3.0)
    fast -= gradients(w**3, w, create_graph=True) * 0.1
    assert gradients(fast, w) == pytest.approx(1 - 0.6 * 3.0)


def test_second_derivatives_notice_numbers_that_were_changed():
    x = Value(3.0)
    y = x * x * x
    x.data = 5.0
    assert gradients(y, x) == 27.0  # the local derivatives were recorded
    with pytest.raises(RuntimeError, match="changed after it was recorded"):
        gradients(y, x, create_graph=True)


@pytest.mark.parametrize("number", [1j, "1", None, [1.0], np.ones(2), Value(1.0)])
def test_only_real_numbers_become_values(number):
    with pytest.raises(TypeError, match=f"not {type(number).__name__}"):
        Value(number)


# Object arrays


TWO = [name for name, row in RULES.items() if len(row.operands) == 2 and hasattr(np, name)]


def object_array(*nodes):
    array = np.empty(len(nodes), object)
    array[:] = nodes
    return array


@pytest.mark.parametrize("name", TWO)
@pytest.mark.parametrize("point", [(0.5, 0.25), (0.0, 0.0), (1.0, 1.0), (-2.0, 3.0)])
def test_functions_of_the_table_are_right_over_object_arrays(name, point):
    """Ours in every way of calling them, NumPy's where one operand is a bare Value."""
    if RULES[name].domain == "y != 0" and not point[1]:
        return
    x, y = map(Value, point)
    wanted = getattr(ag, name)(x, y)
    ways = [(object_array(x), object_array(y)), (x, object_array(y)), (object_array(x), y)]
    for i, operands in enumerate(ways):
        functions = [getattr(ag, name), getattr(np, name)] if i else [getattr(ag, name)]
        for function in functions:
            (found,) = function(*operands)
            assert (found.op, found.data) == (wanted.op, wanted.data)
            np.testing.assert_array_equal(gradients(found, [x, y]), gradients(wanted, [x, y]))


@pytest.mark.parametrize("name", ["hypot", "arctan2", "floor_divide", "mod"])
def test_numpys_own_loops_over_object_arrays_are_right(name):
    x, y = Value(-2.0), Value(3.0)
    wanted = getattr(ag, name)(x, y)
    (found,) = getattr(np, name)(object_array(x), object_array(y))
    assert gradients(found, [x, y]) == gradients(wanted, [x, y])
    (found,) = getattr(np, name)(object_array(x), 3.0)
    assert gradients(found, x) == gradients(wanted, x)


def test_numpys_own_maximum_of_object_arrays_hands_on_one_of_two_equal_operands():
    """As docs/guide.md says: its loop asks only whether x >= y, and takes one of the two."""
    x = Value(0.0)
    z = object_array(x, Value(2.0))
    for ours, numpys in ((ag.maximum, np.maximum), (ag.minimum, np.minimum)):
        assert numpys(z, 0)[0] is x
        assert (gradients(numpys(z, 0)[0], x), gradients(ours(z, 0)[0], x)) == (1.0, 0.5)
    for function, error in ((np.logaddexp, TypeError), (np.hypot, AttributeError)):
        with pytest.raises(error):
            function(1.0, z)
