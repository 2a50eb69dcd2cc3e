"""``compile`` of functions of arrays: what is run is what NumPy was called for, to the last bit."""

from __future__ import annotations

import gc
import itertools
import signal
import sys
import threading
import time
import tracemalloc
import weakref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(__import__("pathlib").Path(__file__).parents[1] / "operations"))
from test_arrays import CALLS

import autograd_mini as ag
from autograd_mini import Tensor, nn
from autograd_mini.replay.compiled import compile
from autograd_mini.replay.memory import LINE, Life, arranged
from autograd_mini.replay.planned import MOST_KINDS, MOST_RECORDINGS, Planned
from autograd_mini.trees import leaves


def equal(ours, theirs):
    """Two trees of arrays and numbers, the same to the last bit; all NaN are one."""
    left, right = leaves(ours), leaves(theirs)
    return len(left) == len(right) and all(
        np.array_equal(a, b, equal_nan=True) and np.asarray(a).dtype == np.asarray(b).dtype
        for a, b in zip(left, right, strict=True)
    )


def check(f, *calls):
    """A compiled function gives at each call what the function gives."""
    step = compile(f)
    for args in calls:
        assert equal(step(*args), f(*args))
    return step


def plan_of(step):
    """The text of the only recording of a compiled function."""
    (recordings,) = step._arrays._known.values()
    (recording,) = recordings
    return recording.plan.text


NOT_FOLLOWED = {
    "full_like", "quantile at", "quantile at, in steps", "nanmedian", "nanquantile",
    "nanpercentile", "interp", "interp round", "frexp",
}  # fmt: skip
"""Calls that take a plain array of what they are given: they are refused."""
TO_ROUNDING = {"det of singular matrices"}


@pytest.mark.parametrize("name", CALLS)
def test_every_operation_is_planned(name):
    function, *operands = CALLS[name]
    numbers = [
        i for i, o in enumerate(operands) if isinstance(o, np.ndarray) and o.dtype.kind == "f"
    ]

    def loss(*given):
        out = function(*given)
        return np.sum(out * out)

    def moved(by):
        return [
            o * (1 + by * np.cos(np.arange(o.size).reshape(o.shape))) if i in numbers else o
            for i, o in enumerate(operands)
        ]

    f = ag.value_and_grad(loss, tuple(numbers))
    step = Planned(f)
    if name in NOT_FOLLOWED:
        with pytest.raises(TypeError, match="cannot follow"):
            step(*operands)
        return
    for by in (0.0, 0.01, 0.02, 0.04, 0.05):
        ours, theirs = step(*moved(by)), f(*moved(by))
        if name in TO_ROUNDING:
            assert np.allclose(ours[1][0], theirs[1][0], 1e-12)
        else:
            assert equal(ours, theirs)
    assert step.recordings == 1


# Random programs: values and views, used often, of which several are returned

UNARY = [np.tanh, np.sin, np.negative, np.square, ag.sigmoid, ag.relu, ag.softplus, np.abs, ag.elu]
BINARY = [np.add, np.subtract, np.multiply, np.maximum, np.matmul, ag.logaddexp]
SHAPED = [
    lambda x: x.T,
    lambda x: np.sum(x, axis=0, keepdims=True) + x,
    lambda x: x - np.mean(x, axis=1, keepdims=True),
    lambda x: ag.softmax(x, axis=0),
    lambda x: np.reshape(np.ravel(x), x.shape[::-1]),
    lambda x: np.concatenate([x[1:], x[:1]]),
    lambda x: np.where(x > 0.1, x, 0.5 * x),
    lambda x: x[:, ::-1] * 0.5,
    lambda x: x / (1 + np.sum(x * x)),
]


@st.composite
def programs(draw):
    number = st.integers(0, 99)
    steps = draw(st.lists(st.tuples(number, number, number), min_size=1, max_size=12))

    def program(x, y):
        values = [x, y]
        for kind, a, b in steps:
            left, right = values[a % len(values)], values[b % len(values)]
            if kind < 35:
                values.append(UNARY[kind % len(UNARY)](left))
            elif kind < 70:
                values.append(0.3 * BINARY[kind % len(BINARY)](left, right))
            else:
                values.append(SHAPED[kind % len(SHAPED)](left))
        return values

    return program


@given(programs(), st.integers(0, 1000), st.sampled_from([np.float64, np.float32]))
def test_random_programs_give_what_they_give(program, seed, dtype):
    rng = np.random.default_rng(seed)
    calls = [[rng.normal(size=(3, 3)).astype(dtype) for _ in range(2)] for _ in range(5)]

    def loss(x, y):
        total = 0.0
        for value in program(x, y):
            total = total + np.mean(value * value)
        return total

    differentiated, kept = ag.value_and_grad(loss, (0, 1)), []
    step = compile(differentiated)
    with np.errstate(all="ignore"):
        for x, y in calls:
            ours = step(x, y)
            assert equal(ours, differentiated(x, y))
            kept.append((ours, [np.copy(each) for each in leaves(ours)]))
    for ours, copies in kept:  # no later call has written to what an earlier one gave
        assert all(map(np.array_equal, leaves(ours), copies))


@given(programs(), st.integers(0, 1000))
def test_plain_results_of_random_programs(program, seed):
    rng = np.random.default_rng(seed)
    calls = [[rng.normal(size=(3, 3)) for _ in range(2)] for _ in range(4)]
    step = compile(lambda x, y: program(x, y))
    with np.errstate(all="ignore"):
        results = [step(*each) for each in calls]
        for given_, found in zip(calls, results, strict=True):
            assert equal(found, program(*given_))
            for a, b in itertools.combinations(found[2:], 2):
                assert a is not b


# What a plan does


def network(p, x, t):
    a = ag.sigmoid(x @ p["W1"] + p["b1"])
    z = a @ p["W2"] + p["b2"]
    return -np.sum(t * ag.log_softmax(z)) / len(x)


def network_calls(dtype=np.float64, count=4, batch=6):
    rng = np.random.default_rng(0)
    for _ in range(count):
        p = {"W1": rng.normal(size=(5, 4)), "b1": rng.normal(size=4), "W2": rng.normal(size=(4, 3)),
             "b2": rng.normal(size=3)}  # fmt: skip
        x, t = rng.normal(size=(batch, 5)), np.eye(3)[rng.integers(0, 3, batch)]
        yield {key: each.astype(dtype) for key, each in p.items()}, x.astype(dtype), t.astype(dtype)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_network(dtype):
    step = check(ag.value_and_grad(network), *network_calls(dtype))
    text = plan_of(step)
    assert step.recordings == 1
    assert text.count(" exp(") == 3  # sigmoid, softmax, and its gradient


def test_another_shape_or_dtype_is_recorded_and_both_are_kept():
    f = ag.value_and_grad(network)
    small, large = list(network_calls(count=3)), list(network_calls(count=3, batch=9))
    single = list(network_calls(np.float32, count=3))
    step = check(f, *small, *large, *single, *small, *large)
    assert step.recordings == 3


def test_what_is_computed_twice_or_for_nothing_is_left_out():
    def f(x):
        unused = np.cosh(x)
        return np.sum(np.exp(x) * np.exp(x) + 0 * unused.size)

    text = plan_of(check(f, [np.ones(3)], [np.zeros(3)]))
    assert text.count("exp(") == 1
    assert "cosh(" not in text


def test_elementwise_operations_write_over_what_nobody_needs():
    text = plan_of(
        check(lambda x: np.sum(np.tanh(np.exp(np.sin(x) + 1.0))), [np.ones(9)], [np.ones(9)])
    )
    assert text.count("piece(0,") == 4
    assert "piece(1," not in text


def test_a_run_with_nan_is_another_than_one_without():
    """A derivative is another where the result is NaN; a recording of neither holds for both."""

    def f(x):
        return np.sum(np.log(x) + x**2 * np.tanh(3.0 * x))

    plain, with_nan = np.array([0.5, 1.0, 2.0]), np.array([0.5, -1.0, np.nan])
    calls = [[each] for each in (plain, plain + 1.0, with_nan, plain, with_nan * 2.0)]
    with np.errstate(all="ignore"):
        assert check(ag.grad(f), *calls).recordings == 2
        assert check(ag.grad(f), *calls[2:]).recordings == 2
        check(lambda x: ag.hvp(f, (x,), (x + 1.0,))[0], *calls)


@pytest.mark.parametrize("ask", [
    lambda y: np.any(np.isnan(y)), lambda y: np.count_nonzero(np.isnan(y)),
    lambda y: np.isnan(y).any(), lambda y: np.isnan(np.sum(y)),
])  # fmt: skip
def test_what_a_function_asks_of_nan_decides_though_nothing_else_reads_it(ask):
    def f(x):
        y = np.log(x)
        return np.sum(x) if ask(y) else np.sum(2.0 * x)

    plain, with_nan = np.array([1.0, 2.0]), np.array([-1.0, 2.0])
    with np.errstate(all="ignore"):
        assert check(f, *[[each] for each in (plain, plain, with_nan, plain)]).recordings == 2
        check(ag.grad(f), *[[each] for each in (plain, plain, with_nan, plain)])


def test_what_is_empty_tells_of_nothing():
    def f(x, y):
        z = np.log(y)
        factor = 2.0 if np.any(np.isnan(z)) else 1.0
        return np.sum(x[:0] @ z) + factor * np.sum(y)

    x, y = np.ones((2, 3)), np.ones((3, 4))
    with np.errstate(all="ignore"):
        check(f, [x, y], [x, y * 2.0], [x, -y], [x, y])


def test_what_is_finite_tells_of_nan_in_what_it_is_made_of():
    A = np.array([[1.0, 2.0], [-0.5, 1.0]])

    def product(x, v):
        return ag.hvp(lambda x: np.sum(np.log(1.0 + (A @ x) ** 2)), (x,), (v,))[0]

    x, v = np.ones(2), np.array([0.5, 2.0])
    step = check(product, [x, v], [x + 1.0, v], [v, x])
    text = plan_of(step)
    assert text.count("return None") == 1  # the product is finite: so is all that it is made of
    assert " log(" not in text
    assert " negative(" not in text
    assert text.count("errstate") == 0
    assert text.count("quietly(rest)") == 1
    calls = [[np.full(2, each), v * other] for each in (1.0, 1e160, np.nan) for other in (1, 1e300)]
    with np.errstate(all="ignore"):
        assert check(product, [x, v], *calls, *calls).recordings <= 4


def test_what_tells_of_nan_is_looked_at_once():
    f = ag.value_and_grad(lambda x: np.sum((x - 1.0) ** 2) + np.sum(x[1:] ** 3))
    text = plan_of(check(f, [np.ones(4)], [np.arange(4.0)]))
    assert text.count("return None") == 2  # the value, and the gradient
    assert "not_equal" not in text


def test_signs_and_powers_of_two_are_taken_once():
    f = ag.value_and_grad(lambda x: np.sum(3.0 * (1.0 - x[1:]) ** 2 - x[:-1] * x[1:]))
    text = plan_of(check(f, [np.ones(4)], [np.arange(4.0)]))
    assert text.count("multiply(") == 3  # 3 d² and x y; and 6 d, whose sign is the sum's
    assert text.count("negative(") == 1
    check(ag.value_and_grad(lambda x, y: np.sum(np.exp(-x * y))), [np.ones(4), np.arange(4.0)])


def test_an_array_outside_that_changes_in_place_is_read_anew():
    weights = np.ones(3)
    step = compile(lambda x: np.sum(x * weights))
    x = np.arange(3.0)
    assert [step(x) for _ in range(4)] == [3.0] * 4
    weights[2] = 5.0
    assert step(x) == 11.0


def test_arguments_by_name_are_others_than_a_dict():
    step = compile(lambda a, b: np.sum(a - b) if isinstance(b, np.ndarray) else np.sum(a[0]))
    x = np.arange(3.0)
    for _ in range(3):
        assert step(x, b=x) == 0.0
        assert step((x,), {"b": x}) == 3.0
    assert step.recordings == 2


def test_few_elements_of_another_branch_are_computed_alone():
    x = np.linspace(-4.0, 4.0, 12)
    f, of_inner = (ag.grad(lambda x, k=k: np.sum(np.tanh(x * k) ** 2)) for k in (1.0, 0.9))
    matrix = np.resize(x, (3, 4))
    for each in (x, matrix):
        assert "if count_nonzero(taken)" in plan_of(check(f, [each], [each / 4], [each * 2]))
        assert "if len(taken)" in plan_of(check(of_inner, [each], [each / 4], [each * 2]))
    other = np.asfortranarray(matrix)  # whose elements lie in another order
    text = plan_of(check(of_inner, [other], [other / 4], [other * 2]))
    assert "if count_nonzero(taken)" in text
    large = np.linspace(-4.0, 4.0, 2000)
    assert "if count_nonzero" in plan_of(check(f, [large], [large / 4], [large * 2]))


@given(st.data())
def test_pieces_that_are_needed_at_once_lie_apart(data):
    count = data.draw(st.integers(1, 12))
    firsts = sorted(data.draw(st.lists(st.integers(0, 20), min_size=count, max_size=count)))
    lives = [
        Life(data.draw(st.integers(0, 300)), first, first + data.draw(st.integers(0, 9)))
        for first in firsts
    ]
    pair = st.tuples(st.integers(0, 1000), st.integers(0, 30))
    rooms = data.draw(st.lists(pair, max_size=2))
    where, size = arranged(lives, rooms)
    ends = [room - LINE for room, _ in rooms] + [size]
    for life, (block, at) in zip(lives, where, strict=True):
        assert at % LINE == 0
        assert at + life.size <= ends[block]
        assert block == len(rooms) or life.last < rooms[block][1]
    for (a, one), (b, other) in itertools.combinations(zip(lives, where, strict=True), 2):
        if one[0] == other[0] and b.first <= a.last and a.first <= b.last:
            assert one[1] + a.size <= other[1] or other[1] + b.size <= one[1]


def test_what_is_needed_before_a_result_lies_where_the_result_will_be():
    rng = np.random.default_rng(0)
    X, W = rng.normal(size=(8, 60)), rng.normal(size=(60, 400)) / 10
    f = ag.value_and_grad(lambda W: np.sum(np.tanh(np.exp(X @ W) / 9.0) ** 2))
    step = check(f, [W], [W * 0.5], [W + 0.1])
    (recording,) = next(iter(step._arrays._known.values()))
    assert recording.plan.size < 1.1 * (X @ W).nbytes  # what the last product is of
    for kept in ([], [step(W)], [step(W), step(W)]):
        before = [each[1].copy() for each in kept]
        assert equal(step(W * 0.3), f(W * 0.3))
        assert all(map(np.array_equal, before, [each[1] for each in kept]))


def test_what_is_returned_is_never_written_to_while_somebody_has_it():
    large = 1 << 14
    step = compile(lambda x: (np.exp(x), x * 2.0, (x + 1.0).reshape(2, -1)))
    kept = []
    for i in range(8):
        x = np.full(large, float(i))
        found = step(x)
        kept.append((found, [each.copy() for each in found], found[0][3:9]))
        del found
    for found, copies, view in kept:
        assert all(map(np.array_equal, found, copies))
        assert view[0] == copies[0][0]


def test_a_view_of_a_result_is_given_and_used_further():
    def f(x):
        given_ = np.exp(x).reshape(128, -1)
        return given_, np.sum(np.sin(given_.T[1:]))

    x = np.linspace(0.0, 1.0, 1 << 13)
    step = check(f, [x], [x + 1.0], [x])
    kept = [step(x + i)[0] for i in range(5)]
    assert all(np.array_equal(each, f(x + i)[0]) for i, each in enumerate(kept))


def test_the_memory_of_a_result_is_used_again_when_nobody_has_it():
    step = compile(lambda x: np.exp(x))
    x = np.zeros(1 << 14)
    for _ in range(4):
        step(x)
    address = step(x).ctypes.data
    assert step(x).ctypes.data == address
    view = step(x)[5:]
    assert all(step(x + 1.0).ctypes.data != address for _ in range(3))
    assert view[0] == 1.0


def test_arguments_may_be_views_or_one_array():
    def f(x, y):
        return np.sum(np.tanh(x @ y.T)), x + y, x.T

    rng = np.random.default_rng(0)
    x = rng.normal(size=(6, 6))
    step = compile(f)
    for args in ([x, x], [x, x.T], [x[::2], x[1::2]], [x[:, ::-1], x], [x, x]):
        for _ in range(3):
            before = [each.copy() for each in args]
            found = step(*args)
            assert equal(found, f(*args))
            found[2][...] = 0.0  # a result is the caller's
            assert equal(args, before)


def test_transforms_are_compiled():
    def f(x):
        return np.sum(np.exp(x) * np.sin(x)) + x[0] * x[1] ** 3

    rng = np.random.default_rng(1)
    points = [[rng.normal(size=3)] for _ in range(4)]
    for transformed in (
        ag.grad(f), ag.hessian(f), ag.grad(lambda x: np.sum(ag.grad(f)(x) ** 2)),
        lambda x: ag.hvp(f, (x,), (np.cos(x),))[0], lambda x: ag.jvp(f, (x,), (x * x,)),
        ag.jacobian(lambda x: x * np.sum(x)),
    ):  # fmt: skip
        assert check(transformed, *points).recordings == 1


def test_a_whole_training_step_is_compiled():
    def train(p, x, t, rate):
        value, slopes = ag.value_and_grad(network)(p, x, t)
        return value, {name: p[name] - rate * slopes[name] for name in p}

    calls = [
        (*each, rate) for each, rate in zip(network_calls(), (0.1, 0.2, 0.3, 0.1), strict=True)
    ]
    assert check(train, *calls).recordings == 1


# What decides the way


def test_comparisons_and_numbers_that_are_read_are_checked():
    def f(x):
        if np.sum(x) > 0:
            return np.sum(np.exp(x))
        return np.sum(x * x) * round(x[0].item())

    one, two = np.array([1.0, 2.0]), np.array([-1.0, -2.0])
    g = ag.value_and_grad(f)
    step = check(g, [one], [two], [one * 2], [two], [one], [two])
    assert step.recordings == 2
    assert equal(step(two * 2), g(two * 2))  # x[0] is another
    assert step.recordings == 3


def test_whole_numbers_and_texts_are_guarded_and_floats_are_not():
    def f(x, power, how, scale):
        return np.sum(x**power) * scale if how == "sum" else np.mean(x**power) * scale

    x = np.array([1.0, 2.0, 3.0])
    step = check(f, [x, 2, "sum", 1.0], [x, 3, "sum", 2.5], [x, 3, "mean", 2.0], [x, 2, "sum", 7.0])
    assert step.recordings == 3


def test_numbers_around_are_guarded():
    rate = 2.0

    def f(x):
        return rate * np.sum(x)

    x, step = np.ones(2), compile(f)
    assert [step(x), step(x)] == [4.0, 4.0]
    rate = 3.0
    assert step(x) == 6.0
    assert step.recordings == 2


SCALE = np.array([1.0, 2.0])


def test_arrays_around_are_guarded(monkeypatch):
    step = compile(lambda x: np.sum(x * SCALE + np.sqrt(SCALE)))
    x = np.ones(2)
    before = step(x), step(x)
    monkeypatch.setitem(globals(), "SCALE", np.array([4.0, 9.0]))
    assert step(x) == 18.0
    assert before == (4.0 + np.sqrt(2.0),) * 2


def test_arguments_of_too_many_kinds_are_told_and_forgotten():
    step = compile(lambda x, n: np.sum(x) * n)
    x = np.ones(3)
    for i in range(MOST_KINDS):
        assert step(x, i) == 3.0 * i
    with pytest.warns(RuntimeWarning, match="pass whole numbers that change as floats"):
        step(x, -1)
    assert [step(x, i) for i in range(-3, 40)] == [3.0 * i for i in range(-3, 40)]
    assert len(step._arrays._known) == MOST_KINDS


def test_compiled_functions_are_used_in_compiled_ones_and_under_vmap():
    inner = compile(lambda x: np.sum(np.tanh(x) * x))
    x = np.linspace(0.0, 1.0, 4)
    check(ag.value_and_grad(lambda x: inner(x) + np.sum(x)), [x], [x + 1], [x], [x * 2])
    assert equal(ag.vmap(inner)(np.stack([x, x + 1])), np.array([inner(x), inner(x + 1)]))


def test_an_operation_decides_by_itself_which_way_it_takes():
    f = ag.value_and_grad(lambda x: np.sum(ag.sigmoid(x) * np.std(x)))
    x = np.linspace(-3.0, 3.0, 7)
    with np.errstate(all="ignore"):
        step = check(f, [x], [x], [10 * x], [1000 * x], [x], [0 * x])
    assert step.recordings == 1


def test_zero_times_infinity_is_masked_as_it_is_in_a_sweep():
    f = ag.value_and_grad(lambda x: np.sum(np.where(x > 0, np.sqrt(np.abs(x)), 0.0) * np.sign(x)))
    g = ag.value_and_grad(lambda x: np.sum(np.sqrt(x) * (x > 0)))
    x = np.array([0.0, 1.0, 4.0])
    for each in (f, g):
        check(each, [x + 1], [x + 2], [x], [x + 3], [x * 2])


def test_too_many_ways_are_given_up():
    step = compile(lambda x: np.sum(x) * x[0].item())
    for i in range(MOST_RECORDINGS):
        assert step(np.full(2, float(i))) == 2.0 * i * i
    with pytest.warns(RuntimeWarning, match="32 recordings, and another way"):
        step(np.full(2, -1.0))
    assert step(np.full(2, -2.0)) == 8.0
    assert step.recordings == MOST_RECORDINGS


def test_what_the_shape_depends_on_numbers_is_checked():
    def f(x, chosen):
        return np.sum(x[chosen] ** 2) + np.sum(np.nonzero(chosen)[0])

    x = np.arange(4.0)
    masks = [np.array(m, bool) for m in ([1, 0, 1, 0], [0, 1, 1, 0], [1, 1, 1, 0], [0, 0, 0, 0])]
    assert check(f, *[[x, m] for m in masks], [x, masks[1]]).recordings == 3


# What cannot be recorded


def test_what_changes_unseen_is_refused():
    x = np.ones(3)
    numbers = [1.0]

    def f(x):
        numbers.append(1.0)
        return x * len(numbers)

    with pytest.raises(RuntimeError, match="reads something that changes besides its arguments"):
        compile(f)(x)
    rng = np.random.default_rng(0)
    with pytest.raises(RuntimeError, match="generator of random numbers"):
        compile(lambda x: x * rng.normal(size=3))(x)
    for function in (
        lambda x: np.asarray(x) + 1,
        lambda x: np.array(x, float),
        lambda x: np.eye(3)[x.astype(int)],
    ):
        with pytest.raises(TypeError, match="cannot follow what it computes"):
            compile(function)(x)
    work = np.zeros(3)

    def writes(x):
        work[:] = x
        return work + 1

    with pytest.raises(TypeError, match="cannot follow"):
        compile(writes)(x)
    with pytest.raises(TypeError, match=r"write np.where\(mask, v, x\)"):
        compile(lambda x: x.__setitem__(0, 1.0))(x)


def test_what_is_kept_of_a_recording_says_so():
    kept = []
    step = compile(lambda x: np.sum(kept.append(x * 2.0) or x))
    step(np.ones(2))
    with pytest.raises(RuntimeError, match="was kept by the function that was compiled"):
        np.sum(kept[0])


def test_random_numbers_that_are_drawn_are_drawn_anew():
    def noisy(rng):
        return lambda x: np.sum(x * ag.drawn(rng.normal, size=3)) * ag.drawn(rng.random)

    step, f = compile(noisy(np.random.default_rng(3))), noisy(np.random.default_rng(3))
    x = np.ones(3)
    assert [step(x * i) for i in range(6)] == [f(x * i) for i in range(6)]
    with pytest.raises(TypeError, match=r"a method of a numpy.random.Generator"):
        compile(lambda x: x * ag.drawn(np.random.rand))(x)


def test_effects_are_had_once_a_call():
    def following(seen):
        def f(x):
            ag.effect(lambda each: seen.append(float(each[0])), x * 2.0)
            return np.sum(x)

        return f

    seen, expected = [], []
    step, f = compile(following(seen)), following(expected)
    for i in range(6):
        assert step(np.full(2, i * 1.0)) == f(np.full(2, i * 1.0))
    assert seen == expected == [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]


def test_errors_are_those_of_the_function():
    step = compile(lambda x, y: x @ y)
    with pytest.raises(ValueError, match="matmul"):
        step(np.ones(3), np.ones(4))
    assert step(np.ones(3), np.ones(3)) == 3.0


def test_nodes_and_blocks_go_to_the_function():
    step = compile(lambda x: np.sum(x * x))
    assert isinstance(step(Tensor([1.0, 2.0])), Tensor)
    with ag.debug():
        assert step(np.ones(2)) == 2.0
    assert step.recordings == 0


# Leaves outside


def test_gradients_of_leaves_that_the_function_uses():
    W, b = Tensor([[1.0], [2.0]], label="W"), Tensor([0.5])
    frozen = Tensor([2.0])

    def f(x):
        return np.sum(np.tanh(x @ W + b) * frozen), x + 1

    step = compile(f, wrt={"W": W, "b": [b]})
    rng = np.random.default_rng(0)
    for i in range(6):
        x = rng.normal(size=(3, 2))
        (value, more), slopes = step(x)
        node = f(x)[0]
        expected = ag.gradients(node, [W, b])
        assert value == node.data
        assert np.array_equal(more, x + 1)
        assert equal(slopes, {"W": expected[0], "b": [expected[1]]})
        W.data = W.data - 0.1 * slopes["W"]
        b.data -= 0.1
        if i == 3:
            frozen.data = [3.0]
    assert step.recordings == 1
    step.backward(x)
    step.backward(x)
    assert np.array_equal(W.grad, 2 * ag.gradients(f(x)[0], W))


def test_a_constant_that_was_computed_from_leaves_is_computed_again():
    W = Tensor([1.0, 2.0])
    step = compile(lambda x: np.sum(x * (W * W)))
    x = np.ones(2)
    assert [step(x), step(x)] == [5.0, 5.0]
    W.data = [3.0, 4.0]
    assert step(x) == 25.0


def test_wrt_is_of_leaf_tensors():
    W = Tensor([1.0])
    for wrong, found in ((W * 2, "the result of mul"), ([1.0], "float"), (ag.Value(1.0), "Value")):
        with pytest.raises(TypeError, match=f"wrt holds leaf Tensors, not {found}"):
            compile(lambda x: x, wrt=wrong)
    with pytest.raises(TypeError, match="returns a Tensor that depends on the leaves"):
        compile(lambda x: x, wrt=W)(np.ones(1))


class Recurrent(nn.Module):
    def __init__(self, kind):
        self.cell, self.dense = getattr(nn, kind)(5, 4, rng=0), nn.Dense(4, 3, rng=0)

    def forward(self, x):
        return self.dense(self.cell(x)[:, -1])


def logits(model):
    return getattr(model, "logits", model)


def normalised(layer):
    return nn.Sequential(nn.Dense(5, 5, rng=0), layer, nn.Dense(5, 3, rng=0))


MODELS = {
    **{kind: lambda kind=kind: nn.MLP([5, 4, 3], hidden=kind, rng=0) for kind in ("relu", "gelu")},
    **{kind: lambda kind=kind: Recurrent(kind) for kind in ("RNN", "GRU", "LSTM")},
    "layer norm": lambda: normalised(nn.LayerNorm(5)),
    "batch norm": lambda: normalised(nn.BatchNorm(5)),
    "dropout": lambda: normalised(nn.Dropout(0.4, rng=1)),
}


@pytest.mark.parametrize("name", MODELS)
def test_modules_are_compiled_as_they_are(name):
    rng = np.random.default_rng(0)
    shape = (4, 6, 5) if name in ("RNN", "GRU", "LSTM") else (4, 5)
    model, other = MODELS[name](), MODELS[name]()
    step = compile(lambda x, y: nn.cross_entropy(logits(model)(x), y), wrt=model.parameters())
    for _ in range(5):
        x, y = rng.normal(size=shape), rng.integers(0, 3, 4)
        value, slopes = step(x, y)
        loss = nn.cross_entropy(logits(other)(x), y)
        assert value == loss.data
        assert equal(slopes, ag.gradients(loss, other.parameters()))
        for mine, theirs, slope in zip(model.parameters(), other.parameters(), slopes, strict=True):
            mine.data = theirs.data = mine.data - 0.1 * slope
    assert step.recordings == 1
    assert equal(model.state(), other.state())


# Threads, interrupts, memory


def test_threads_may_share_a_compiled_function():
    f = ag.value_and_grad(network)
    step, calls = compile(f), list(network_calls(count=8))
    expected, wrong = [f(*each) for each in calls], []
    step(*calls[0])

    def run(begin):
        for i in range(200):
            at = (begin + i) % len(calls)
            if not equal(step(*calls[at]), expected[at]):
                wrong.append(at)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timer of signals")
def test_an_interrupt_leaves_it_usable():
    f = ag.value_and_grad(network)
    step, (call,) = compile(f), network_calls(count=1, batch=400)
    expected = f(*call)
    for _ in range(4):
        step(*call)

    def interrupt(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        for i in range(30):
            try:
                signal.setitimer(signal.ITIMER_REAL, 1e-4 + 2e-5 * i)
                for _ in range(100):
                    step(*call)
                time.sleep(0.1)
            except KeyboardInterrupt:
                signal.setitimer(signal.ITIMER_REAL, 0)
                assert equal(step(*call), expected)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_memory_is_freed_with_the_compiled_function():
    def run():
        step = compile(ag.value_and_grad(lambda x: np.sum(np.tanh(x) * np.exp(x))))
        for _ in range(3):
            step(np.ones(200_000))
        return weakref.ref(step)

    gc.collect()
    tracemalloc.start()
    try:
        run()
        before = tracemalloc.get_traced_memory()[0]
        gc.disable()
        gone = run()
        assert gone() is None
        assert tracemalloc.get_traced_memory()[0] - before < 100_000
    finally:
        gc.enable()
        tracemalloc.stop()
