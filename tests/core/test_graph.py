"""The graph: order, sweeps over random graphs, no_grad and debug."""

import asyncio
import inspect
import threading
import tracemalloc
from contextlib import ExitStack, contextmanager

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd_mini as ag
from autograd_mini import Tensor, Value, gradients, topological_order
from autograd_mini.core import modes
from autograd_mini.core.graph import is_node, push_forward, rebuild

# Random graphs, with every kind of reuse

BINARY = [lambda a, b: a + b, lambda a, b: a - b, lambda a, b: a * b, ag.hypot, ag.maximum]
UNARY = [np.tanh, np.sin, lambda a: -a, lambda a: 1 / (1 + a * a), lambda a: 0.5 * a, ag.softplus]


@st.composite
def graphs(draw):
    """Functions of a list of leaves that build a graph and return all its nodes."""
    steps = draw(
        st.lists(
            st.tuples(
                st.integers(0, len(BINARY) + len(UNARY) - 1), st.integers(0, 99), st.integers(0, 99)
            ),
            min_size=1,
            max_size=25,
        )
    )

    def build(leaves):
        nodes = list(leaves)
        for which, left, right in steps:
            a, b = nodes[-1 - left % len(nodes)], nodes[-1 - right % len(nodes)]
            nodes.append(
                BINARY[which](a, b) if which < len(BINARY) else UNARY[which - len(BINARY)](a)
            )
        return nodes

    return build


unused = pytest.mark.filterwarnings("ignore::autograd_mini.IndependentOutputWarning")
"""For graphs that may leave a leaf unused: its gradient is 0, which gradients() warns of."""


def make_leaves(kind):
    numbers = [0.7, -1.3, 0.2]
    if kind is Value:
        return [Value(x) for x in numbers]
    return [Tensor([x, -x, 2 * x]) if i else Tensor([[x], [1.0]]) for i, x in enumerate(numbers)]


@unused
@given(build=graphs(), kind=st.sampled_from([Value, Tensor]))
def test_a_second_sweep_doubles_the_leaves_and_replaces_the_rest(build, kind):
    leaves = make_leaves(kind)
    nodes = build(leaves)
    root = nodes[-1] if kind is Value else np.sum(nodes[-1])
    exact = gradients(root, leaves)
    assert all(np.all(leaf.grad == 0) for leaf in leaves), "gradients() wrote into grad"
    root.backward()
    once = [np.copy(node.grad) for node in nodes]
    root.backward()
    for i, (node, first) in enumerate(zip(nodes, once, strict=True)):
        is_leaf = i < len(leaves)
        used = node in set(topological_order(root))
        assert np.array_equal(node.grad, 2 * first if is_leaf else first)
        if is_leaf:
            assert np.array_equal(first, exact[i])
        elif not used:
            assert np.all(node.grad == 0)


@unused
@given(build=graphs())
def test_every_node_s_gradient_is_the_sum_over_its_uses(build):
    """Against the definition, computed forward: change a node, see what the root does."""
    leaves = make_leaves(Value)
    nodes = build(leaves)
    root = nodes[-1]
    found = gradients(root, nodes)
    order = topological_order(root)
    place = {node: i for i, node in enumerate(order)}
    for node, gradient in zip(nodes, found, strict=True):
        if node not in place:
            assert gradient == 0
            continue
        slope = dict.fromkeys(order[: place[node]], 0.0) | {node: 1.0}
        for later in order[place[node] + 1 :]:
            slope[later] = sum(
                slope[parent] * derivative
                for parent, derivative in zip(later.parents, later.local_derivatives, strict=True)
                if is_node(parent)
            )
        size = sum(map(abs, slope.values()))
        assert gradient == pytest.approx(slope[root], rel=1e-12, abs=1e-14 * size)


@given(build=graphs(), kind=st.sampled_from([Value, Tensor]))
def test_the_order_puts_operands_first_and_depends_on_structure_only(build, kind):
    nodes, again = build(make_leaves(kind)), build(make_leaves(kind))
    order, same = topological_order(nodes[-1]), topological_order(again[-1])
    place = {node: i for i, node in enumerate(order)}
    assert len(place) == len(order)
    assert order[-1] is nodes[-1]
    for node in order:
        assert all(place[parent] < place[node] for parent in node.parents if is_node(parent))
    other = {node: i for i, node in enumerate(same)}
    shape = [[place.get(p) for p in n.parents if is_node(p)] for n in order]
    assert shape == [[other.get(p) for p in n.parents if is_node(p)] for n in same]


@unused
@given(build=graphs())
def test_values_and_tensors_agree(build):
    values, tensors = make_leaves(Value), [Tensor(leaf.data) for leaf in make_leaves(Value)]
    root, same = build(values)[-1], build(tensors)[-1]
    assert root.data == pytest.approx(same.item(), rel=1e-13, abs=1e-15)
    found = np.array(gradients(root, values))
    size = np.abs(found).max(initial=1.0)
    np.testing.assert_allclose(gradients(same, tensors), found, rtol=1e-10, atol=1e-13 * size)


@given(build=graphs())
def test_a_rebuilt_graph_is_the_graph_of_other_leaves(build):
    leaves, others = make_leaves(Value), [Value(x) for x in (0.1, 2.0, -0.4)]
    root = build(leaves)[-1]
    made = rebuild(topological_order(root), dict(zip(leaves, others, strict=True)))
    assert made.get(root, root).data == build(others)[-1].data


def test_a_sweep_that_reaches_a_node_without_a_derivative_leaves_it_zero():
    """Such as the condition of ``where``: the gradient of an earlier sweep does not stay."""
    for kind in (Value, Tensor):
        x = kind(2.0)
        condition = x * 1
        (condition * 3).backward()
        assert condition.grad == 3
        np.where(condition, x * 5, 0.0).backward()
        assert (condition.grad, x.grad) == (0, 3 + 5)


# gradients()


@unused
def test_gradients_are_arranged_as_asked_and_written_nowhere():
    x, y, other = Tensor([1.0, 2.0]), Tensor([3.0, 4.0]), Tensor(np.ones((2, 2)))
    inner = x * y
    loss = np.sum(inner * x)
    by_name = gradients(loss, {"x": x, "inner": inner, "other": other})
    assert {name: g.tolist() for name, g in by_name.items()} == {
        "x": [6, 16],
        "inner": [1, 2],
        "other": [[0, 0], [0, 0]],
    }
    assert [g.tolist() for g in gradients(loss, (y, y))] == [[1, 4], [1, 4]]
    assert gradients(loss, loss) == 1
    assert gradients(inner, x, gradient=np.array([1.0, 10.0])).tolist() == [3, 40]
    for node in (x, y, inner, loss, other):
        assert not np.any(node.grad)


def test_recorded_gradients_can_be_differentiated_again_and_again():
    for kind in (Value, Tensor):
        x = kind(2.0)
        y = x**5
        for exact in (80.0, 160.0, 240.0, 240.0, 120.0, 0.0, 0.0):
            y = gradients(y, x, create_graph=True)
            assert type(y) is kind
            assert float(y.data) == exact


def test_the_upstream_gradient_can_be_differentiated():
    x, u = Tensor([1.0, 2.0]), Tensor([3.0, 4.0])
    pulled = gradients(x * x, x, create_graph=True, gradient=u)
    assert gradients(np.sum(pulled), u).tolist() == [2, 4]
    v, w = Value(3.0), Value(5.0)
    assert gradients(gradients(v * v, v, create_graph=True, gradient=w), w) == 6.0


@given(build=graphs())
def test_a_sweep_without_the_interior_gives_leaves_the_same(build):
    leaves, others = make_leaves(Tensor), make_leaves(Tensor)
    root, other = (build(each)[-1] for each in (leaves, others))
    np.sum(root).backward()
    np.sum(other).backward(interior=False)
    assert [leaf.grad.tolist() for leaf in others] == [leaf.grad.tolist() for leaf in leaves]
    assert other.operation is None or not other.grad.any()


def test_a_sweep_without_the_interior_has_the_memory_of_two_gradients():
    x = Tensor(np.ones(100_000))
    y = x
    for _ in range(10):
        y = np.sin(y)
    total = np.sum(y)
    peaks = []
    for interior in (True, False):
        tracemalloc.start()
        total.backward(interior=interior)
        peaks.append(tracemalloc.get_traced_memory()[1] / x.data.nbytes)
        tracemalloc.stop()
        x.zero_grad()
    assert peaks[0] > 10 > 5 > peaks[1]


def test_backward_from_an_upstream_gradient():
    x = Tensor([[1.0, 2.0]])
    (x * x).backward([[1, 10]])
    assert x.grad.tolist() == [[2, 40]]
    v = Value(3.0)
    (v * v).backward(2)
    assert v.grad == 12.0


# no_grad


def test_no_grad_records_nothing_in_this_thread_only():
    x, t = Value(2.0), Tensor([2.0])
    seen = {}

    def other_thread():
        seen["other"] = (x * x).parents

    with ag.no_grad():
        with ag.no_grad():
            pass
        for result in (x * x, ag.hypot(x, 1), np.tanh(t), t @ t, t[0], np.sum(t)):
            assert (result.parents, result.op) == ((), "")
        thread = threading.Thread(target=other_thread)
        thread.start()
        thread.join()
    assert seen["other"] == (x, x)
    with pytest.raises(ZeroDivisionError), ag.no_grad():
        1 / Value(0.0)
    assert (x * x).parents == (x, x)


def test_many_threads_record_and_sweep_at_once():
    def work(seed):
        for _ in range(30):
            x = Tensor(np.full(3, float(seed)))
            with ag.no_grad():
                constant = x * 2
            loss = np.sum(x * x * constant)
            loss.backward()
            results[seed].append(x.grad[0] == 4.0 * seed**2)

    results = {seed: [] for seed in range(8)}
    threads = [threading.Thread(target=work, args=[seed]) for seed in results]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(len(found) == 30 and all(found) for found in results.values())


# debug: where NaN came from, and writes that NumPy does not report


def here(offset=0):
    """This file and the caller's line, as an error names them."""
    return f"{__file__}:{inspect.currentframe().f_back.f_lineno + offset}"


def test_debug_names_the_line_where_nan_arose():
    with ag.debug(), np.errstate(all="ignore"):
        x = ag.sigmoid(Tensor([0.0, 1.0]))
        line = here(2)
        with pytest.raises(FloatingPointError) as error:
            np.log(x - x)
        assert str(error.value) == f"log made -inf from finite operands, at {line}"
        line = here(2)
        with pytest.raises(FloatingPointError) as error:
            Value(1e200) * Value(1e200)
        assert str(error.value) == f"mul made inf from finite operands, at {line}"
        line = here(2)
        with pytest.raises(FloatingPointError) as error:
            Value(0.0).sqrt()
        assert "a derivative in [inf]" in str(error.value)
        assert line in str(error.value)
        assert np.isnan((Tensor([np.nan]) * 2).data).all(), "NaN did not arise here"


def test_debug_names_the_line_whose_derivative_made_nan():
    x = Tensor([1.0, 0.0])
    with ag.debug():
        line = here(1)
        root = np.sqrt(x)
        loss = np.sum(root)
    with pytest.raises(FloatingPointError) as error:
        loss.backward()
    assert "the derivative of sqrt for operand 0 made inf" in str(error.value)
    assert str(error.value).endswith(f"sqrt was recorded at {line}")


def test_debug_does_not_blame_a_branch_that_was_not_taken():
    x = Tensor([1.0, 2.0])
    with ag.debug():
        safe = np.where(x > 1.5, np.sqrt(x - 1), 0)
        assert gradients(np.sum(safe), x).tolist() == [0, 0.5]


@pytest.mark.parametrize("what", ["operand", "view", "result", "constant", "mask"])
def test_debug_finds_hidden_writes(what):
    x, constant, mask = Tensor([1.0, 2.0]), np.array([3.0, 4.0]), np.array([True, False])
    with ag.debug():
        y = x * 2
        line = here(1)
        z = np.where(mask, y * constant, np.exp(y)) if what != "result" else np.exp(y)
        loss = np.sum(z)
    written = {
        "operand": y.data,
        "view": y.data[:1],
        "result": z.data,
        "constant": constant,
        "mask": mask,
    }
    written[what][0] = 0
    with pytest.raises(RuntimeError, match="was written to before the sweep") as error:
        loss.backward()
    assert what == "result" or line in str(error.value)


def test_debug_leaves_right_programs_alone():
    x = Tensor([[1.0, 2.0], [3.0, 4.0]])

    def loss(x):
        return np.sum(ag.softmax(np.tanh(x @ x.T)[[0, 0, 1]]) ** 2)

    with ag.debug():
        inside = gradients(loss(x), x)
        second = ag.hvp(loss, (x.data,), (np.ones((2, 2)),))[0]
    assert np.array_equal(inside, gradients(loss(x), x))
    assert np.array_equal(second, ag.hvp(loss, (x.data,), (np.ones((2, 2)),))[0])


# What is suspended in a block is not running in it


def _in_a_generator(block):
    with block():
        yield modes.recording()
        yield modes.recording()


def _in_a_stack(block):
    with ExitStack() as stack:
        stack.enter_context(block())
        yield modes.recording()
        yield modes.recording()


def _in_a_block_of_its_own(block):
    with contextmanager(lambda: _in_a_generator_once(block))():
        yield modes.recording()
        yield modes.recording()


def _in_a_generator_once(block):
    with block():
        yield


@pytest.mark.parametrize("make", [_in_a_generator, _in_a_stack, _in_a_block_of_its_own])
def test_a_suspended_generator_does_not_keep_its_caller_from_recording(make):
    x = Value(2.0)
    inside = []
    for recording in make(ag.no_grad):
        inside.append(recording)
        assert (x * x).parents == (x, x)
    assert inside == [False, False]
    left = make(ag.no_grad)
    next(left)
    other = threading.Thread(target=left.close)  # the block ends where it began
    other.start()
    other.join()
    assert (x * x).parents == (x, x)
    assert modes.special == 0


def test_a_context_manager_made_of_a_generator_is_a_block():
    @contextmanager
    def quiet():
        with ag.no_grad():
            yield

    x = Value(2.0)
    with quiet():
        assert (x * x).parents == ()
    assert (x * x).parents == (x, x)


def test_a_suspended_coroutine_does_not_keep_others_from_recording():
    x = Value(2.0)
    found = []

    async def evaluate():
        with ag.no_grad():
            await asyncio.sleep(0)
            found.append((x * x).parents)

    async def train():
        found.append((x * x).parents)
        await asyncio.sleep(0)

    async def both():
        await asyncio.gather(evaluate(), train())

    asyncio.run(both())
    assert found == [(x, x), ()]


def test_no_grad_decorates_a_function_that_calls_itself():
    x = Value(2.0)

    @ag.no_grad()
    def power(n):
        return x if not n else x * power(n - 1)

    assert power(3).parents == ()
    assert (x * x).parents == (x, x)


def test_a_gradient_of_zero_passes_an_infinite_derivative_as_zero():
    x = Value(0.0)
    root = x.sqrt() * 0.0
    root.backward()
    assert gradients(root, x) == x.grad == 0.0


# Push forward


def test_a_tangent_over_a_graph_of_values_is_that_of_the_gradients():
    rng = np.random.default_rng(0)
    leaves = [Value(x) for x in rng.uniform(0.5, 1.5, 4)]
    a, b, c, d = leaves
    hidden = ag.weighted_sum([a, b], [c, 2.0], d)
    root = (hidden.tanh() * a / (b + c) ** d).exp() - np.maximum(a * a, b) + np.log(d)
    tangents = dict(zip(leaves, rng.normal(size=4), strict=True))
    slopes = gradients(root, leaves)
    expected = sum(slope * t for slope, t in zip(slopes, tangents.values(), strict=True))
    assert push_forward(root, tangents) == pytest.approx(expected, rel=1e-12)
    recorded = push_forward(root, {x: Value(t) for x, t in tangents.items()}, create_graph=True)
    assert recorded.data == pytest.approx(expected, rel=1e-12)
    second = gradients(recorded, leaves)  # the Hessian times the vector
    first = gradients(root, leaves, create_graph=True)
    other = gradients(sum(g * t for g, t in zip(first, tangents.values(), strict=True)), leaves)
    assert second == pytest.approx(other, rel=1e-10)


@pytest.mark.parametrize("kind", [Value, Tensor])
def test_zero_moves_nothing_through_an_infinite_derivative_forward(kind):
    x, y = kind(0.0), kind(2.0)
    assert push_forward(np.sqrt(x) + y, {x: 0.0 * x.data, y: 1.0 + 0.0 * x.data}) == 1.0
    branch = np.where(x.data > 0, np.sqrt(x), y)
    assert push_forward(branch, {x: 1.0 + 0.0 * x.data, y: 3.0 + 0.0 * x.data}) == 3.0
    assert push_forward(np.sqrt(x), {x: 1.0 + 0.0 * x.data}) == np.inf
    assert push_forward(y * 2, {x: 1.0}) is None


def test_tangents_are_kept_no_longer_than_they_are_used():
    x = Tensor(np.zeros(100_000))
    y = x
    for _ in range(100):
        y = y + 1.0
    tracemalloc.start()
    push_forward(y, {x: np.ones(100_000)})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10 * x.data.nbytes
