"""``compile``: what is replayed is what the function computes, to the last bit."""

from __future__ import annotations

import gc
import itertools
import math
import random
import threading
import tracemalloc
from array import array

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Value
from autograd_mini._build import build
from autograd_mini.core.graph import sweep_gradients
from autograd_mini.core.rule import RULES
from autograd_mini.core.value import VALUE_FUNCTIONS
from autograd_mini.replay.compiled import compile
from autograd_mini.replay.replayed import MOST_RECORDINGS
from autograd_mini.replay.straight_line import Program
from autograd_mini.replay.sums import with_weighted_sums
from autograd_mini.replay.tape import Tape
from autograd_mini.trees import leaves

needs_compiled = pytest.mark.skipif(build.tapes() is None, reason="no compiled tapes")

NUMBERS = [
    0.0, -0.0, 1.0, -1.0, 0.5, -0.3, 2.0, 3.7, -11.5, 30.0, 1e-9, 709.5, 800.0, -800.0, 1e200,
    1e308, 5e-324, math.inf, -math.inf, math.nan,
]  # fmt: skip


def same(left, right):
    """Equal to the last bit, but for the sign of a zero; all NaN are one."""
    return left == right or (left != left and right != right)


def eager(function, numbers):
    """What the engine gives: value and gradients; ``None`` if it raises."""
    values = [Value(number) for number in numbers]
    try:
        with np.errstate(all="ignore"):
            out = function(*values)
    except (ArithmeticError, ValueError):
        return None
    return out.data, sweep_gradients(out, values, False, None)


def runners(tape):
    """The tape as it runs here, and in plain Python."""
    yield tape.run
    yield tape.straight_line.run


def check(function, recorded_at, numbers):
    """A recording made at one point gives at others what the function gives, or says it cannot."""
    values = [Value(number) for number in recorded_at]
    with np.errstate(all="ignore"):
        out = function(*values)
    tape = Tape([out], values, [])
    ran = 0
    for point in numbers:
        wanted = eager(function, point)
        for run in runners(tape):
            found = run(list(point), len(point))
            if found is False:
                continue
            assert wanted is not None, (point, found)
            ran += 1
            (value,), gradients = found
            assert same(value, wanted[0]), (point, value, wanted[0])
            assert all(map(same, gradients, wanted[1])), (point, gradients, wanted[1])
    return ran


AT = {"arccosh": [1.5], "arctanh": [0.4], "arcsin": [0.4], "arccos": [0.4]}


@pytest.mark.parametrize("name", [name for name in RULES if name != "where"])
def test_every_row_to_the_last_bit(name):
    row = RULES[name]
    function = VALUE_FUNCTIONS[name]
    at = AT.get(name, [0.7, 0.4, 0.9][: len(row.operands)])
    dice = random.Random(name)
    points = list(itertools.product(NUMBERS, repeat=len(at)))
    points = dice.sample(points, min(len(points), 400))
    points += [[dice.uniform(-3, 3) for _ in at] for _ in range(200)]
    assert check(function, at, points) > 20
    check(lambda *xs: function(*xs) * 3.0 + xs[0] * xs[0], at, points[-150:])


def test_where_is_data_not_a_branch():
    function = lambda c, x, y: ag.where(c, x * x, y)  # noqa: E731
    check(function, [1.0, 2.0, 3.0], itertools.product([0.0, 1.0, -2.0], [1.5, -1.0], [0.5]))


def program(seed):
    """A random program over Values with constants, sums of neurons and much reuse."""
    dice = random.Random(seed)
    names = [n for n in RULES if n not in ("where", "pow", "floor_divide", "mod")]
    steps = []
    for _ in range(dice.randint(3, 40)):
        if dice.random() < 0.1:
            steps.append(("neuron", [dice.random() for _ in range(2 * dice.randint(1, 4) + 1)]))
        else:
            name = dice.choice(names)
            steps.append((name, [dice.random() for _ in RULES[name].operands]))
    constants = [dice.uniform(-2, 2) for _ in range(3)]

    def run(*xs):
        nodes = [*xs, *constants]
        for name, places in steps:
            operands = [nodes[int(place * len(nodes))] for place in places]
            if name == "neuron":
                bias, *others = operands
                made = ag.weighted_sum(others[::2], others[1::2], bias)
            else:
                made = getattr(ag, name)(*operands)
            nodes.append(ag.tanh(made) if dice_is_wild(made) else made)
        return sum(nodes[-4:], xs[0])

    def dice_is_wild(made):
        return name_of(made) in ("exp", "sinh", "cosh", "square", "mul")

    return run, [[dice.uniform(0.1, 0.9) for _ in range(3)] for _ in range(6)]


def name_of(made):
    return getattr(made, "op", "")


def test_random_programs_to_the_last_bit():
    ran = 0
    for seed in range(150):
        function, (first, *others) = program(seed)
        if eager(function, first) is not None:
            ran += check(function, first, others) > 0
    assert ran > 60


# What the function does besides arithmetic


def test_a_branch_is_recorded_once_for_each_side():
    def f(x, y):
        if x * y > 1.0:
            return x * x
        return y if x <= 0.0 else -y

    step = compile(ag.value_and_grad(f, (0, 1)))
    for _ in range(3):
        assert step(2.0, 3.0) == (4.0, (4.0, 0.0))
        assert step(0.5, 1.0) == (-1.0, (0.0, -1.0))
        assert step(-0.5, 1.0) == (1.0, (0.0, 1.0))
    assert step.recordings == 3


def test_lengths_whole_numbers_and_texts_are_part_of_the_structure():
    def f(xs, n, kind):
        total = sum(xs)
        for _ in range(n):
            total = total * 2.0 if kind == "double" else total + 1.0
        return total

    step = compile(f)
    assert step([1.0, 2.0], 2, "double") == 12.0
    assert step([1.0, 2.0, 3.0], 2, "double") == 24.0
    assert step([1.0, 2.0], 1, kind="double") == 6.0
    assert step([1.0, 2.0], 1, "add") == 4.0
    assert step([0.5, 2.0], 2, "double") == 10.0
    assert step.recordings == 4


def test_trees_and_results_are_arranged_as_by_the_transforms():
    def loss(net, x):
        return net["w"][0] * x + net["w"][1] * net["b"] ** 2

    net = {"w": [2.0, 3.0], "b": 4}
    plain, step = ag.value_and_grad(loss), compile(ag.value_and_grad(loss))
    for x in (1.5, 2.5):
        assert step(net, x) == plain(net, x) == (2 * x + 48, {"w": [x, 16.0], "b": 24.0})
    assert compile(ag.grad(loss, 1))(net, 2.0) == 2.0
    outs = compile(lambda x: {"square": x * x, "both": (x, 7, "text")})
    assert outs(3.0) == outs(3.0) == {"square": 9.0, "both": (3.0, 7, "text")}


RATE = 0.5


def test_numbers_outside_are_watched(monkeypatch):
    def make(factor):
        def f(x):
            return x * factor * RATE

        def change(to):
            nonlocal factor
            factor = to

        return f, change

    f, change = make(2.0)
    g = compile(f)
    assert [g(3.0) for _ in range(6)] == [3.0] * 6
    monkeypatch.setitem(globals(), "RATE", 1.0)
    assert g(3.0) == 6.0
    change(4.0)
    assert g(3.0) == 12.0

    class Model:
        rate = 1.0

        def __init__(self):
            self.scale = 2.0

        def __call__(self, x):
            return self.helped(x)

        def helped(self, x):
            return self.scale * x

    model = Model()
    g = compile(model)
    assert [g(3.0) for _ in range(6)] == [6.0] * 6
    model.scale = 5.0
    assert g(3.0) == 15.0


def test_values_outside_are_read_in_each_call():
    w = Value(2.0, label="w")
    g = compile(ag.value_and_grad(lambda x: w * x * x))
    assert [g(3.0) for _ in range(5)] == [(18.0, 12.0)] * 5
    w.data = 1.0
    assert g(3.0) == (9.0, 6.0)
    assert w.grad == 0.0


def test_what_changes_unseen_is_refused():
    numbers = [1.0]

    def f(x):
        numbers.append(1.0)
        return x * len(numbers)

    with pytest.raises(RuntimeError, match="it reads something that changes besides its arguments"):
        compile(f)(2.0)
    with pytest.raises(RuntimeError, match="it draws random numbers"):
        compile(lambda x: x * random.random())(2.0)
    with pytest.raises(RuntimeError, match="it draws random numbers"):
        compile(lambda x: x * np.random.rand())(2.0)  # noqa: NPY002
    rng = np.random.default_rng(0)
    with pytest.raises(RuntimeError, match="pass it as an argument"):
        compile(lambda x: x * rng.random())(2.0)
    before = Value(2.0) * 3.0
    with pytest.raises(RuntimeError, match="it uses a Value that was computed before the call"):
        compile(lambda x: x * before)(2.0)
    with pytest.raises(TypeError, match="compile takes a function, not float"):
        compile(3.0)


def test_a_plain_number_that_is_read_decides():
    g = compile(lambda x: x * 2.0 if (x * x).data > 4.0 else x * 3.0)
    assert [g(x) for x in (1.0, 3.0, 1.0, 3.0, 1.5)] == [3.0, 6.0, 3.0, 6.0, 4.5]
    assert g.recordings == 3


def test_too_many_ways_are_told():
    g = compile(lambda x: x * x.data)
    with pytest.warns(RuntimeWarning, match="it is not replayed any more"):
        assert [g(float(i)) for i in range(MOST_RECORDINGS + 3)] == [
            float(i * i) for i in range(MOST_RECORDINGS + 3)
        ]


def test_errors_are_those_of_the_function():
    g = compile(lambda x: ag.log(x) / (x - 2.0))
    assert g(1.0) == g(1.0) == 0.0
    for _ in range(2):
        with pytest.raises(ValueError, match=r"log\(x\) is defined for x > 0, got x = -1.0"):
            g(Value(-1.0))
        with pytest.raises((ValueError, ZeroDivisionError)):
            g(-1.0)
        with pytest.raises(ZeroDivisionError):
            g(2.0)
    with pytest.raises(TypeError, match="grad needs a function that returns"):
        compile(ag.grad(lambda x: None))(1.0)


def test_nodes_as_arguments_are_recorded_by_the_function_itself():
    g = compile(lambda w, x: (w * x).tanh())
    g(1.0, 2.0)
    w = Value(0.5, label="w")
    node = g(w, 2.0)
    assert isinstance(node, Value)
    assert ag.gradients(node, w) == 2.0 * (1 - math.tanh(1.0) ** 2)
    with ag.debug(), pytest.raises(FloatingPointError, match="mul made inf"):
        compile(lambda x: x * 1e308)(10.0)


def test_nothing_is_left_behind():
    g = compile(ag.value_and_grad(lambda xs: sum((x * x for x in xs), xs[0])))
    xs = [float(i) for i in range(100)]
    for _ in range(5):
        g(xs)
    tracemalloc.start()
    for _ in range(200):
        g(xs)
    gc.collect()
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size < 100_000


def test_threads_get_their_own_numbers():
    g = compile(ag.value_and_grad(lambda x: sum((x * float(i) for i in range(200)), x).tanh()))
    wanted = {x: g(x) for x in (1e-5, 2e-5, 3e-5)}
    wrong = []

    def work(x):
        wrong.extend(1 for _ in range(300) if g(x) != wanted[x])

    threads = [threading.Thread(target=work, args=(x,)) for x in wanted]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_users_rule_is_replayed():
    softsign = ag.rule("softsign", "x / (1 + abs(x))", ["1 / (1 + abs(x)) ** 2"])
    step = compile(ag.value_and_grad(lambda x: softsign(x) * 2.0))
    assert [step(x) for x in (1.0, -3.0)] == [(1.0, 0.5), (-1.5, 0.125)]
    (recording,) = step._numbers._known.popitem()[1]
    assert isinstance(recording.tape._runner, Program)


# Batches


@pytest.mark.parametrize("compiled", [True, False])
def test_a_batch_is_its_samples(monkeypatch, compiled):
    if not compiled:
        monkeypatch.setattr(build, "tapes", lambda: None)

    def loss(net, x, y):
        hidden = [ag.tanh(w * x + b) for w, b in net["hidden"]]
        out = ag.weighted_sum(net["out"], hidden, net["b"])
        return ag.relu(1.0 - out * y) + 0.01 * net["b"] ** 2

    rng = np.random.default_rng(0)
    net = {"hidden": rng.normal(size=(5, 2)).tolist(), "out": rng.normal(size=5).tolist(), "b": 1}
    xs, ys = rng.normal(size=21), rng.choice([-1.0, 1.0], 21)
    one = compile(ag.value_and_grad(loss, (0, 1)))
    step = compile(ag.value_and_grad(loss, (0, 1)), batch=True)
    for _ in range(3):
        values, (of_net, of_x) = step(net, xs, ys)
        singles = [one(net, float(x), float(y)) for x, y in zip(xs, ys, strict=True)]
        assert values.tolist() == [value for value, _ in singles]
        assert of_x.tolist() == [slopes[1] for _, slopes in singles]
        summed = np.sum([leaves(slopes[0]) for _, slopes in singles], axis=0)
        np.testing.assert_allclose(leaves(of_net), summed, rtol=1e-13, atol=1e-15)
        assert of_net.keys() == net.keys()
        xs = xs * 0.5
    assert step.recordings == 1
    assert step(net, 1.0, -1.0) == one(net, 1.0, -1.0)
    gradient = compile(ag.grad(loss), batch=True)(net, xs, ys)
    assert gradient == step(net, xs, ys)[1][0]


def test_samples_that_take_different_ways_and_results_of_several():
    def f(x, y):
        return {"a": x * y if x > 0 else -x, "b": (y, 3, "text")}

    found = compile(f, batch=True)(np.array([1.0, -2.0, 3.0]), 2.0)
    assert found["a"].tolist() == [2.0, 2.0, 6.0]
    assert found["b"][0].tolist() == [2.0, 2.0, 2.0]
    assert found["b"][1:] == (3, "text")
    root = compile(ag.grad(lambda x: ag.log(x)), batch=True)
    assert root(np.array([1.0, 2.0])).tolist() == [1.0, 0.5]
    with pytest.raises(ValueError, match="log"):
        root(np.array([1.0, -2.0]))
    with pytest.raises(ValueError, match=r"here are shapes \[\(2,\), \(3,\)\]"):
        compile(f, batch=True)(np.ones(2), np.ones(3))
    with pytest.raises(ValueError, match="one axis"):
        compile(f, batch=True)(np.ones((2, 2)), 1.0)


@needs_compiled
@pytest.mark.parametrize("name", [name for name in RULES if name != "where"])
def test_lanes_of_every_row_to_the_last_bit(name):
    row = RULES[name]
    at = AT.get(name, [0.7, 0.4, 0.9][: len(row.operands)])
    function = VALUE_FUNCTIONS[name]
    values = [Value(number) for number in at]
    tape = Tape([function(*values) * 2.0], values, [])
    dice = random.Random(name)
    points = [[dice.choice([dice.uniform(0.05, 0.95), x]) for x in at] for _ in range(19)]
    singles = [tape.run(list(point), len(at)) for point in points]
    if False in singles:  # outside of the domain
        points = [p for p, found in zip(points, singles, strict=True) if found]
        singles = [found for found in singles if found]
    rows = dict(enumerate(np.array(points).T))
    found = tape.run_batch([0.0] * len(at), rows, len(points), len(at))
    assert found is not None
    outputs, _, slopes = found
    assert outputs[0].tolist() == [outputs[0] for outputs, _ in singles]
    assert np.array([slopes[i] for i in range(len(at))]).T.tolist() == [g for _, g in singles]
    del rows[0]
    one = tape.run_batch(points[0], rows, len(points), len(at))
    if rows and one is not None:  # the first number is that of all
        alone = [tape.run([points[0][0], *point[1:]], len(at)) for point in points]
        summed = np.sum([g[0] for _, g in alone])
        np.testing.assert_allclose(one[1][0], summed, rtol=1e-13, atol=1e-15)
        assert all(slopes.tolist() == [g[i] for _, g in alone] for i, slopes in one[2].items())


# The compiled tape


@needs_compiled
def test_an_operation_for_each_number_checks_what_it_is_given():
    made, x = build.tapes(), np.ones(3)
    for call in ((-1, x, x), (len(made.OPERATIONS), x, x), (0, x, x[:2].copy())):
        with pytest.raises(ValueError, match="an operation, an array and one as large"):
            made.elements(*call)
    with pytest.raises(ValueError, match="not C-contiguous"):
        made.elements(0, x[::2], x)


@needs_compiled
def test_a_tape_whose_indices_are_wrong_is_refused():
    made = build.tapes()
    good = {
        "numbers": array("d", [0.0, 1.0]), "inputs": 1, "steps": array("i", [0, 0, 1, 0]),
        "list": array("i"), "guards": array("i", [0, 0, 2, 1]), "outputs": array("i", [2]),
    }  # fmt: skip
    assert made.Tape(**good).run([-3.0], 1) == ([-2.0], [1.0])
    assert made.Tape(**good | {"guards": array("i", [0, 0, 2, 0])}).run([-3.0], 1) is None
    sums = len(made.OPERATIONS)
    for wrong in (
        {"steps": array("i", [0, 0, 2, 0])}, {"steps": array("i", [0, -1, 1, 0])},
        {"steps": array("i", [sums + 1, 0, 1, 0])}, {"steps": array("i", [sums, 0, 1, 0])},
        {"steps": array("i", [sums, 0, 1, 0]), "list": array("i", [0, 1, 2])},
        {"outputs": array("i", [3])}, {"guards": array("i", [0, 2, 3, 1])},
        {"guards": array("i", [9, 2, 0, 1])}, {"inputs": 3}, {"inputs": -1},
    ):  # fmt: skip
        with pytest.raises(ValueError, match="out of its bounds"):
            made.Tape(**good | wrong)
    tape = made.Tape(**good)
    for call in (([1.0, 2.0], 1), ([], 1), ((1.0,), 1), ([1.0], 2), ([1.0], -1)):
        with pytest.raises(ValueError):  # noqa: PT011
            tape.run(*call)
    with pytest.raises(TypeError):
        tape.run([1], 1)
    rows, one, none = np.ones((1, 3)), np.empty((1, 3)), np.empty((0, 3))
    first, nothing = array("i", [0]), array("i")
    slopes = np.empty((1, 3))
    assert len(tape.run_batch([0.0], first, rows, 3, 1, one, slopes)) == 1
    assert (one.tolist(), slopes.tolist()) == ([[2.0] * 3], [[1.0] * 3])
    assert tape.run_batch([2.0], nothing, none, 3, 1, one, none) == [3.0]
    assert one.tolist() == [[3.0, 3.0, 3.0]]
    for call in (
        (first, rows, 4, 1, one, one), (first, rows, 0, 1, one, one),
        (first, rows, -3, 1, one, one), (first, rows, 3, 2, one, one),
        (first, rows, 3, -1, one, one), (first, rows, 3, 1, none, one),
        (first, rows, 3, 1, one, none), (first, none, 3, 1, one, none),
        (array("i", [1]), rows, 3, 1, one, one), (array("i", [-1]), rows, 3, 1, one, one),
        (nothing, rows, 3, 1, one, one), (first, rows, 2**61, 1, one, one),
    ):  # fmt: skip
        with pytest.raises(ValueError, match="a batch does not fit the tape"):
            tape.run_batch([0.0], *call)
    with pytest.raises(ValueError, match="a float for each input"):
        tape.run_batch([], first, rows, 3, 1, one, one.copy())


@needs_compiled
def test_sums_of_products_are_one_step_where_gradients_are_added_in_the_same_order():
    at = [0.3, 0.7, 1.1, -0.4]
    leaves_ = [Value(number) for number in at]
    for f, names in (
        (lambda x, y, w, v: x * w + y * v + x, ["mul", "weighted_sum", "add"]),
        (lambda x, y, w, v: ag.sin(x + w * y + v * v), ["weighted_sum", "sin"]),
        (lambda x, y, w, v: w * x + x * y + v, ["mul", "weighted_sum", "add"]),
        (lambda x, y, w, v: (p := x * y) + (w + p), ["mul", "add", "add"]),
        (lambda x, y, w, v: x * w + ag.sin(x), ["mul", "sin", "add"]),
        (lambda x, y, w, v: x + w * y + v * ag.sin(x), ["weighted_sum", "sin", "weighted_sum"]),
    ):
        tape = Tape([f(*leaves_)], leaves_, [])
        steps, _ = with_weighted_sums(tape.steps, len(tape.numbers), set(tape.outputs))
        assert [name for name, _ in steps] == names
        assert tape.run(at, 4) == tape.straight_line.run(at, 4)


@needs_compiled
def test_the_compiled_tape_runs_what_it_knows():
    x = Value(0.3)
    assert type(Tape([x.sigmoid()], [x], [])._runner) is build.tapes().Tape
