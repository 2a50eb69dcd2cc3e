"""Operations: one block says all there is, and a fused one equals its parts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd_mini as ag
from autograd_mini import Tensor, Value, gradients, topological_order
from autograd_mini.core.graph import expand
from autograd_mini.core.operation import OPERATIONS, define, register
from autograd_mini.core.tensor import record
from autograd_mini.testing import check_function

FUSED = [operation for operation in OPERATIONS.values() if operation.parts is not None]


def inverse():
    """An operation under another name than the one that there is."""
    return define(
        "inverted",
        np.linalg.inv,
        lambda g, out, x: -(np.matrix_transpose(out) @ g @ np.matrix_transpose(out)),
        numpy=np.linalg.inv,
        reads="out",
        sentence="Inverse of a square matrix.",
    )


MATRIX = np.array([[2.0, 1.0], [0.5, 3.0]])


def test_an_operation_is_one_block():
    inverse()
    W = Tensor(MATRIX, label="W")
    loss = np.sum(np.linalg.inv(W) ** 2)
    node = next(n for n in topological_order(loss) if n.op == "inverted")
    assert node.operation is OPERATIONS["inverted"]
    check_function(lambda x: np.sum(np.linalg.inv(x) ** 2), MATRIX, order=2)

    def manual():
        inv = np.linalg.inv(MATRIX)
        return {"W": -inv.T @ (2 * inv) @ inv.T}

    f = lambda W: np.sum(np.linalg.inv(W) ** 2)  # noqa: E731
    assert ag.check_gradients(f, {"W": MATRIX}, manual()).ok
    slip = ag.check_gradients(f, {"W": MATRIX}, {"W": -manual()["W"]})
    assert not slip.ok
    assert "inverted" in str(ag.draw(loss))
    assert "inverted(W)" in str(ag.explain(loss, W))


def test_a_name_is_taken_once():
    with pytest.raises(ValueError, match=r"'matmul'.*choose another"):
        register(OPERATIONS["matmul"])
    inverse()
    with pytest.raises(ValueError, match="'inverted'"):
        inverse()


def options_of(operation, data, ndim):
    """The options of an operation over axes, drawn."""
    axes = st.integers(0, ndim - 1)
    if operation.name in ("softmax", "log_softmax"):
        return {"axis": data.draw(axes)}
    options = {"axis": data.draw(st.none() | axes), "keepdims": data.draw(st.booleans())}
    if operation.name in ("var", "std"):
        options["ddof"] = data.draw(st.integers(0, 1))
    if operation.name == "norm":
        options["ord"] = data.draw(st.sampled_from([2, 3, 1.5]))
    return options


def operands_of(operation, data):
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    if operation.name == "affine":
        n, k = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 3))
        rows = data.draw(st.sampled_from([(), (2,), (2, 3)]))
        return [rng.normal(size=s) for s in ((*rows, n), (n, k), (k,))], {}
    shape = data.draw(st.lists(st.integers(2, 3), min_size=1, max_size=3))
    return [rng.normal(size=shape)], options_of(operation, data, len(shape))


@pytest.mark.parametrize("operation", FUSED, ids=lambda operation: operation.name)
@given(data=st.data())
def test_a_fused_operation_equals_its_parts(operation, data):
    """In value and gradients, to second order."""
    arrays, options = operands_of(operation, data)
    leaves = [Tensor(array) for array in arrays]
    whole = record(operation, tuple(leaves), options)
    parts = expand(whole)
    assert not [n for n in topological_order(parts) if n.operation and n.operation.parts]
    np.testing.assert_allclose(parts.data, whole.data, rtol=1e-12, atol=1e-14)
    upstream = np.random.default_rng(1).normal(size=whole.shape)
    slopes = []
    for root in (whole, parts):
        firsts = gradients(root, leaves, create_graph=True, gradient=Tensor(upstream))
        total = sum(np.sum(np.sin(first)) for first in firsts)
        slopes.append([*(f.data for f in firsts), *gradients(total, leaves)])
    for one, other in zip(*slopes, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-8, atol=1e-10)


def test_a_weighted_sum_is_its_terms():
    w, x, b = Value(2.0, "w"), Value(3.0, "x"), Value(0.5, "b")
    whole = ag.weighted_sum([w], [x], b)
    parts = expand(whole)
    assert parts.data == whole.data
    assert {node.op for node in topological_order(parts)} == {"", "mul", "add"}
    assert gradients(parts, [w, x, b]) == gradients(whole, [w, x, b])


def test_a_primitive_that_says_its_parts_is_opened():
    cube = ag.primitive(
        lambda x: x**3, lambda g, out, x: g * 3 * x**2, name="cube", parts=lambda x: x * x * x
    )
    mute = ag.primitive(lambda x: np.asarray(x) ** 3, lambda g, out, x: g * 3 * x**2, name="mute")
    x = Tensor([2.0, -1.0])
    assert [n.op for n in topological_order(expand(cube(x)))] == ["", "mul", "mul"]
    assert [n.op for n in topological_order(expand(mute(x)))] == ["", "mute"]


def test_labels_and_what_depends_on_an_opened_operation_stay():
    x = Tensor([[1.0, 2.0]], label="x")
    m = np.mean(x, axis=1)
    m.label = "m"
    root = expand(np.exp(m))
    assert [n.op or n.label for n in topological_order(root)] == ["x", "sum", "div", "exp"]
    assert root.parents[0].label == "m"


def test_a_primitive_may_state_its_tangent():
    pushed = []

    def push(t, out, x):
        pushed.append(t)
        return 3 * x**2 * t

    options = {"name": "cube", "tangents": [push]}
    cube = ag.primitive(lambda x: np.asarray(x) ** 3, lambda g, out, x: g * 3 * x**2, **options)
    mute = ag.primitive(lambda x: np.asarray(x) ** 3, lambda g, out, x: g * 3 * x**2, name="mute")
    for function in (cube, mute):
        assert ag.jvp(function, (2.0,), (10.0,)) == (8.0, 120.0)
        assert ag.grad(lambda x, f=function: ag.jvp(f, (x,), (10.0,))[1])(2.0) == 120.0
    assert len(pushed) == 2
