"""Tensor: dtypes, NumPy code as it stands, memory that is written to, long graphs."""

import copy
import gc
import operator
import os
import pickle
import signal
import sys
import threading
import weakref
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from helpers import fork

import autograd_mini as ag
from autograd_mini import Tensor, gradients
from autograd_mini.core.graph import needs_masking
from autograd_mini.testing import check_function

X = np.array([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]])


# What a Tensor is


def test_a_tensor_is_an_array_with_a_history():
    x = Tensor([[1, 2], [3, 4]], label="x")
    assert (x.shape, x.ndim, x.size, len(x), x.dtype) == ((2, 2), 2, 4, 2, np.float64)
    assert (x.op, x.parents, x.label) == ("", (), "x")
    assert x.grad.tolist() == [[0, 0], [0, 0]]
    y = x * x + 1
    assert y.op == "add"
    square = y.parents[0]
    assert square.parents[0] is square.parents[1] is x
    assert [d.tolist() for d in square.local_derivatives] == [x.data.tolist()] * 2
    assert y.local_derivatives[1] is None
    total = np.sum(y, axis=1)
    assert total.options["axis"] == 1
    assert total.local_derivatives == (None,)
    assert repr(x) == "Tensor([[1., 2.],\n        [3., 4.]], label='x')"
    assert "op='add'" in repr(y)
    assert "dtype=float32" in repr(Tensor(np.float32(1)))
    assert f"{Tensor(2.0):.3f}" == "2.000"
    assert [row.data.tolist() for row in x] == [[1, 2], [3, 4]]
    assert Tensor([7.0]).item() == 7.0


def test_a_local_derivative_has_the_result_s_shape():
    x, y = Tensor([[1.0], [2.0]]), Tensor([3.0, 4.0, 5.0])
    by_x, by_y = (x * y).local_derivatives
    assert by_x.tolist() == [[3, 4, 5]] * 2
    assert by_y.tolist() == [[1] * 3, [2] * 3]


def test_a_tensor_owns_its_numbers():
    numbers = np.ones(2)
    x = Tensor(numbers)
    numbers[0] = 5
    assert x.data.tolist() == [1, 1]
    cut = (x * 3).detach()
    assert cut.parents == ()
    with ag.no_grad():
        view = x.reshape(2, 1)
    view.data += 1
    assert x.data.tolist() == [1, 1]


# dtypes


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
def test_a_float_dtype_is_kept_by_everything(dtype):
    x = Tensor(np.array([[0.5, 1.5], [2.0, 0.25]], dtype))
    results = [
        x + 1, 2 * x, x / 3.0, x**2, 2**x, -x, np.exp(x), ag.sigmoid(x), ag.relu(x), ag.gelu(x),
        ag.leaky_relu(x), np.where(x > 1, x, 0), np.clip(x, 0, 1), x @ x.T, np.sum(x),
        np.mean(x, 0), np.var(x), np.std(x, 1), np.prod(x), np.max(x, 0), x[0], x[[0, 0]],
        np.concatenate([x, x]), np.stack([x, x]), np.pad(x, 1), np.cumsum(x, 0), np.diag(x[0]),
        np.einsum("ij->j", x), np.linalg.norm(x), ag.softmax(x), ag.log_softmax(x),
        ag.logsumexp(x), np.repeat(x, 2),
    ]  # fmt: skip
    for result in results:
        assert result.dtype == dtype, result.op
        assert gradients(np.sum(result), x).dtype == dtype, result.op
        first = gradients(np.sum(result * result), x, create_graph=True)
        assert first.dtype == dtype, result.op
        assert gradients(np.sum(first), x).dtype == dtype, result.op


def test_each_operand_s_gradient_has_its_own_dtype():
    low, high = Tensor(np.ones(2, np.float32)), Tensor(np.ones(2))
    loss = np.sum(low * high)
    for create_graph in (False, True):
        by_low, by_high = gradients(loss, [low, high], create_graph=create_graph)
        assert (by_low.dtype, by_high.dtype) == (np.float32, np.float64)
    loss.backward()
    assert low.grad.dtype == np.float32
    assert low.astype(np.float64).dtype == np.float64
    assert gradients(np.sum(low.astype(np.float64)), low).dtype == np.float32


@pytest.mark.parametrize("integers", [[1, 2], np.array([1, 2], np.int8), [True, False], range(3)])
def test_integers_become_float64(integers):
    assert Tensor(integers).dtype == np.float64


@pytest.mark.parametrize("half", [Fraction(1, 2), Decimal("0.5")])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_other_numbers_are_constants(half, dtype):
    x = Tensor(np.array([4.0, 9.0], dtype))
    for result, exact in (
        (x + half, [4.5, 9.5]),
        (half - x, [-3.5, -8.5]),
        (x * half, [2, 4.5]),
        (x / half, [8, 18]),
        (half / x * 72, [9, 4]),
        (x**half, [2, 3]),
        (np.maximum(half, x), [4, 9]),
        (np.where([True, False], x, half), [4, 0.5]),
    ):
        assert type(result) is Tensor
        assert result.dtype == dtype
        np.testing.assert_allclose(result.data, exact, rtol=1e-6)
    with pytest.raises(TypeError, match=r"np\.asarray\(data, dtype=float\)"):
        Tensor([half])


# NumPy code as it stands


def test_numpy_code_for_a_network_runs_unchanged():
    T = np.eye(2)[[0, 1]]

    def loss(W, b, V):
        hidden = 1 / (1 + np.exp(-(X @ W + b)))
        z = np.dot(hidden, V)
        p = np.exp(z) / np.sum(np.exp(z), axis=1, keepdims=True)
        return -np.mean(np.sum(T * np.log(p), axis=1)) + 0.5 * np.sum((T - p) ** 2)

    rng = np.random.default_rng(0)
    check_function(loss, rng.normal(size=(3, 4)), rng.normal(size=4), rng.normal(size=(4, 2)))


def test_operators_in_both_orders_with_every_kind_of_constant():
    for other in (
        2,
        2.0,
        np.float64(2),
        np.float32(2),
        np.int64(2),
        np.full((2, 1), 2.0),
        [[2], [2]],
    ):
        for function in (
            lambda a, b: a + b,
            lambda a, b: a - b,
            lambda a, b: a * b,
            lambda a, b: a / b,
            lambda a, b: a**b,
        ):
            for ours, plain in [
                (function(Tensor(X + 2), other), function(X + 2, np.asarray(other))),
                (function(other, Tensor(X + 2)), function(np.asarray(other), X + 2)),
            ]:
                assert type(ours) is Tensor
                np.testing.assert_array_equal(ours.data, plain)


def test_numpy_functions_without_a_derivative_give_plain_arrays():
    x = Tensor(X)
    for function in (np.argmax, np.isnan, np.sign, np.shape, np.ndim, np.ones_like, np.argsort):
        found = function(x)
        plain = function(X)
        np.testing.assert_array_equal(getattr(found, "data", found), plain)
    assert np.allclose(x, X)
    assert np.array_equal(x, x)
    assert np.any(x > 1)
    assert (x > 1).tolist() == (X > 1).tolist()
    assert (x == X).all()
    assert (x.argmax(1) == X.argmax(1)).all()


def test_builtin_sum_and_comparison():
    terms = [Tensor([1.0, 2.0]), Tensor([3.0, 4.0])]
    assert sum(terms).data.tolist() == [4, 6]
    assert max(Tensor(1.0), Tensor(2.0)).item() == 2.0
    assert len({terms[0], terms[1], terms[0]}) == 2


# Memory that is written to: an error, not a wrong number


def update(t):
    t.data -= 1.0


MUTATIONS = {
    "an operand": lambda x: (np.sum(x * x), x),
    "the result of an operation": lambda x: (np.sum(y := np.exp(x)), y),
    "an operand of matmul": lambda x: (np.sum((y := x.reshape(2, 1)) @ y.T), x),
    "what a view was made of": lambda x: (np.sum((y := x.reshape(2, 1)) * y), x),
    "what a view of a view was made of": lambda x: (np.sum((y := x[::-1].reshape(2, 1)) * y), x),
    "a view, for what it was made of": lambda x: (np.sum(x * x), x[:1]),
    "another view of the same": lambda x: (np.sum((y := x[:1]) * y), x.reshape(1, 2)),
    "a transposed operand": lambda x: (np.sum((y := np.einsum("i->i", x)) * y), x),
}


@pytest.mark.parametrize("what", MUTATIONS)
def test_changing_what_the_sweep_needs_is_an_error(what):
    x = Tensor([1.0, 2.0], label="x")
    loss, changed = MUTATIONS[what](x)
    exact = gradients(loss, x)
    update(changed)
    for sweep in (loss.backward, lambda: gradients(loss, x, create_graph=True)):
        with pytest.raises(RuntimeError, match=r"was replaced after \w+ had recorded it"):
            sweep()
    assert np.all(np.isfinite(exact))
    assert not np.any(x.grad)


def test_an_update_between_steps_is_no_error():
    """Not when the sweep does not need the numbers, and not before they are recorded."""
    x, y = Tensor([1.0, 2.0]), Tensor([3.0, 4.0])
    loss = np.sum(x + y)
    update(x)
    loss.backward()
    assert x.grad.tolist() == [1, 1]
    loss = np.sum(x * y)
    loss.backward()
    x.data = x.data - 0.1 * x.grad
    loss = np.sum(x * x)
    loss.backward()
    view = x[:1]
    loss = np.sum(view * view)
    x.data = np.zeros(2)  # other memory: the view keeps what it was made of
    assert gradients(loss, view).tolist() == (2 * view.data).tolist()


@pytest.mark.parametrize(
    "same",
    [
        np.squeeze,
        ag.primitive(lambda x: x, lambda g, out, x: g, name="same"),
        lambda x: np.reshape(np.ravel(x), x.shape),
    ],
)
def test_an_operation_that_returns_its_operand_hides_no_change(same):
    x = Tensor([1.0, 2.0])
    loss = np.sum(np.sin(same(x)))
    x.data *= 1.5
    with pytest.raises(RuntimeError, match="was replaced after sin had recorded it"):
        loss.backward()
    with ag.no_grad():
        cut = same(x)
    cut.data += 1
    assert x.data.tolist() == [1.5, 3.0]


def test_what_is_assigned_is_copied():
    a, b = Tensor([1.0]), Tensor([2.0])
    b.data = a.data
    square = b * b
    a.data -= 5
    assert b.data.tolist() == [1.0]
    assert gradients(square, b).tolist() == [2.0]
    a.grad = b.grad = np.ones(1)
    a.grad *= 5
    assert b.grad.tolist() == [1.0]
    kept = a.data
    a.data += 1
    assert a.data is kept


def test_an_index_array_may_be_used_again():
    x, index = Tensor([1.0, 2.0, 3.0]), np.array([0, 0])
    y = x[index]
    index[:] = 2
    assert gradients(np.sum(y), x).tolist() == [2, 0, 0]


@pytest.mark.parametrize(
    ("update", "after"),
    [
        (operator.iadd, [1.5, 2.5]),
        (operator.isub, [0.5, 1.5]),
        (operator.imul, [0.5, 1.0]),
        (operator.itruediv, [2.0, 4.0]),
        (operator.ipow, [1.0, 2**0.5]),
    ],
)
def test_a_leaf_is_updated_in_place_inside_no_grad(update, after):
    """As PyTorch's training loops do it; elsewhere a leaf with a gradient is not rebound."""
    p = Tensor([1.0, 2.0], label="p")
    loss = np.sum(p * p)
    loss.backward()
    with ag.no_grad():
        q = p
        q = update(q, 0.5)
    assert q is p
    assert p.data.tolist() == after
    with pytest.raises(RuntimeError, match="'p' of shape"):  # the graph is older than the update
        loss.backward()
    with pytest.raises(TypeError, match=r"p\.data"):
        update(p, 0.5)
    assert p.data.tolist() == after
    with ag.no_grad(), pytest.raises(ValueError, match=r"\(2,\) and \(3, 2\)"):
        update(p, np.ones((3, 2)))


def test_what_gradients_gives_does_not_rebind_a_leaf():
    """Which has no ``grad`` then, and would learn nothing; a recorded step is meant."""
    params = [Tensor([1.0, 2.0], label="p"), Tensor(3.0)]
    loss = np.sum(params[0] ** 2) * params[1]
    for p, slope in zip(params, gradients(loss, params), strict=True):
        with pytest.raises(TypeError, match=rf"write {p.label or 't'}\.data -= "):
            p -= 0.1 * slope
        with ag.no_grad():
            p -= 0.1 * slope
    np.testing.assert_allclose(params[0].data, [0.4, 0.8])
    assert params[1].data == 2.5
    fast = w = Tensor([1.0, 2.0])
    fast -= 0.1 * gradients(np.sum(w**3), w, create_graph=True)
    np.testing.assert_allclose(gradients(np.sum(fast), w), [0.4, -0.2])


def test_gradient_descent_in_place_learns():
    p = Tensor([1.0, -2.0])
    for _ in range(50):
        p.zero_grad()
        np.sum((p - [3.0, 4.0]) ** 2).backward()
        with ag.no_grad():
            p -= 0.1 * p.grad
    np.testing.assert_allclose(p.data, [3, 4], rtol=1e-4)
    total = Tensor(0.0)
    total += np.sum(p)  # a sum that is collected is no update
    total += np.sum(p)
    p.zero_grad()
    total.backward()
    assert p.grad.tolist() == [2, 2]


def test_in_place_operators_make_new_tensors():
    x = Tensor([1.0, 2.0])
    y = x
    y *= 3
    y += x
    assert gradients(np.sum(y), x).tolist() == [4, 4]
    assert x.data.tolist() == [1, 2]


def test_gradients_of_leaves_share_no_memory():
    x, y = Tensor([1.0, 2.0]), Tensor([3.0, 4.0])
    (seed := np.ones(2)).flags.writeable = False
    (x + y).backward(seed)
    x.grad *= 5
    assert y.grad.tolist() == [1, 1]
    (+x).backward(seed)
    x.grad += 1
    assert seed.tolist() == [1, 1]
    np.sum(z := Tensor([1.0, 2.0])).backward()
    z.grad[0] = 9
    assert z.grad.tolist() == [9, 1]


# Threads, copies


def test_threads_may_add_to_one_leaf(monkeypatch):
    """Another thread runs between a gradient's reading and its writing."""
    w, entered, threads = Tensor(np.ones(3)), threading.Event(), []

    class Slow(np.ndarray):
        def __add__(self, other):
            if not entered.is_set():
                entered.set()
                threads.append(threading.Thread(target=np.sum(w * 1.0).backward))
                threads[0].start()
                threads[0].join(0.05)  # it waits for this addition, or has read what this one did
            return np.asarray(self) + np.asarray(other)

    w._grad = np.zeros(3).view(Slow)
    np.sum(w * 1.0).backward()
    threads[0].join()
    assert np.asarray(w.grad).tolist() == [2, 2, 2]


@pytest.mark.parametrize("at", ["the addition", "the first zeros"])
def test_a_signal_handler_may_add_to_the_leaf_that_is_being_added_to(monkeypatch, at):
    """It runs between a gradient's reading and its writing, in the thread that holds the lock."""
    w, interrupted = Tensor(np.ones(3)), []
    before = signal.signal(signal.SIGINT, lambda *_: np.sum(w * 2.0).backward())

    class Interrupted(np.ndarray):
        def __add__(self, other):
            if not interrupted:
                interrupted.append(True)
                signal.raise_signal(signal.SIGINT)
            return np.asarray(self) + np.asarray(other)

    def zeros_like(array, like=np.zeros_like):
        monkeypatch.undo()
        signal.raise_signal(signal.SIGINT)
        return like(array)

    try:
        if at == "the addition":
            w._grad = np.zeros(3).view(Interrupted)
            np.sum(w * 1.0).backward()
            assert w.grad.tolist() == [3, 3, 3]
        else:
            monkeypatch.setattr(np, "zeros_like", zeros_like)
            assert w.grad.tolist() == [2, 2, 2]
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_a_fork_while_another_thread_adds_leaves_the_child_free():
    w, held, done = Tensor([1.0]), threading.Event(), threading.Event()

    def hold():
        with sys.modules["autograd_mini.interface.guards"].writing:
            held.set()
            done.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(20)
    child = fork()
    if not child:
        sweep = threading.Thread(target=(w * 2).backward, daemon=True)
        sweep.start()
        sweep.join(20)
        os._exit(int(sweep.is_alive()))
    status = os.waitpid(child, 0)[1]
    done.set()
    thread.join()
    assert os.waitstatus_to_exitcode(status) == 0


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, pickle.dumps])
@pytest.mark.parametrize("swept", [False, True])
def test_a_computed_tensor_is_neither_copied_nor_pickled(duplicate, swept):
    x = Tensor([1.0, 2.0])
    loss = np.sum(x)
    for _ in range(10_000):
        loss = loss * 1.0
    if swept:
        loss.backward()
    for made in (loss, {"loss": loss}) if duplicate is not copy.copy else (loss,):
        with pytest.raises(TypeError, match=r"\(mul\) is neither copied nor pickled"):
            duplicate(made)


def test_leaves_are_copied_and_pickled():
    x = Tensor(np.array([1.0, 2.0], np.float32), label="x")
    x.grad = np.array([3.0, 4.0])
    for made in (copy.copy(x), copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        assert (made.data.tolist(), made.grad.tolist()) == ([1, 2], [3, 4])
        assert (made.dtype, made.label, made.op) == (np.float32, "x", "")
        made.data += 1
        made.grad += 1
    assert (x.data.tolist(), x.grad.tolist()) == ([1, 2], [3, 4])
    twice = copy.deepcopy([x, x])
    assert twice[0] is twice[1]


@pytest.mark.parametrize("zero", [0, 0.0, False, np.float64(0)])
def test_a_divisor_of_zero_is_numpy_s_in_the_sweep_as_well(zero):
    x = Tensor([1.0, -2.0])
    with np.errstate(divide="ignore", invalid="ignore"):
        loss = np.sum(x / zero)
        assert gradients(loss, x).tolist() == [np.inf, np.inf]
        assert loss.parents[0].local_derivatives[0].tolist() == [np.inf, np.inf]
        branch = np.sum(np.where([True, True], x, x / zero))
        for create_graph in (False, True):
            found = gradients(branch, x, create_graph=create_graph)
            assert (found.data if create_graph else found).tolist() == [1, 1]


# Long graphs


def test_a_chain_of_two_hundred_thousand_operations_leaves_nothing_behind():
    limit = sys.getrecursionlimit()
    np.testing.assert_allclose(Tensor(1.0).data, 1.0)  # what NumPy imports late leaves cycles
    gc.collect()
    gc.disable()
    sys.setrecursionlimit(300)
    try:
        x = Tensor([1.0, 2.0])
        y = x
        for _ in range(100_000):
            y = y * 0.99999 + x
        middle = weakref.ref(y.parents[0].parents[0])
        y.backward(np.ones(2))
        exact = sum(0.99999**k for k in range(100_001))
        np.testing.assert_allclose(x.grad, exact, rtol=1e-9)
        assert middle() is not None
        del y
        assert middle() is None
        assert gc.collect() == 0
    finally:
        sys.setrecursionlimit(limit)
        gc.enable()


def test_a_failed_operation_leaves_nothing_behind():
    gc.collect()
    gc.disable()
    try:
        x = Tensor(np.ones(3))
        alive = weakref.ref(y := x * 2)
        with pytest.raises(ValueError, match="add"):
            y + np.ones(4)
        with pytest.raises(TypeError):
            np.exp(y, where=np.ones(3, bool))
        with ag.no_grad():
            y * y
        with ag.debug():
            np.sum(y * y).backward()
        ag.grad(lambda z: np.sum(y * z))(np.ones(3))
        y = None
        assert alive() is None
    finally:
        gc.enable()


def test_a_huge_gradient_is_not_taken_for_nan_and_warns_of_nothing():
    x = Tensor([1.0, -1.0, 3.0])
    np.sum(x * 1e200).backward()  # the gradient's squares are beyond the greatest float
    assert np.array_equal(x.grad, np.full(3, 1e200))
    assert not needs_masking({x: np.array([1e200, np.inf])}, [x])
    assert needs_masking({x: np.array([[1e200, np.nan]])}, [x])


@pytest.mark.parametrize("samples", [3, 100])  # fewer numbers than the weights hold, and more
@pytest.mark.parametrize("layer", [lambda x, W, b: x @ W + b, ag.affine])
def test_zero_times_infinity_is_kept_from_leaves_behind_a_product(samples, layer):
    rng = np.random.default_rng(0)
    W, b = Tensor(rng.normal(size=(20, 4))), Tensor(np.zeros(4))
    z = layer(rng.normal(size=(samples, 20)), W, b)
    with np.errstate(invalid="ignore"):
        root = np.sqrt(z)  # NaN where z < 0, and so is its derivative
    np.sum(np.where(z.data > 0, root, 0.0)).backward()
    assert np.isnan(root.data).any()
    assert np.isfinite(W.grad).all()
    assert np.isfinite(b.grad).all()


def test_a_leaf_never_keeps_the_memory_of_an_option_or_of_a_primitives_own_array():
    mask = np.array([1.0, 0.0])
    by_option = ag.primitive(
        lambda x, mask: np.sum(x * mask), [lambda g, out, x, mask: mask], name="by_option"
    )
    by_closure = ag.primitive(
        lambda x: np.sum(x * mask), [lambda g, out, x: mask], name="by_closure"
    )
    for root in (lambda x: by_option(x, mask=mask), by_closure):
        x = Tensor([2.0, 3.0])
        root(x).backward()
        x.grad *= 7
        assert mask.tolist() == [1.0, 0.0]


def test_infinite_constants_leave_their_nan_in_the_gradient():
    W = Tensor(np.ones((5, 2)))
    X = np.array([[np.inf, 1.0, 1.0, 1.0, 1.0]])
    with np.errstate(invalid="ignore"):
        np.sum((X @ W) * 0.0).backward()
    assert np.isnan(W.grad[0]).all()
    assert np.array_equal(W.grad[1:], np.zeros((4, 2)))


def test_nan_that_comes_with_a_gradient_other_than_zero_is_kept():
    x = ag.Tensor([2.0, 3.0])
    np.sum(x * np.array([np.nan, 1.0])).backward()
    assert np.array_equal(x.grad, [np.nan, 1.0], equal_nan=True)
