"""Functions of functions: grad, jacobian, hessian, jvp, vjp, hvp, nested and over containers."""

import re
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd_mini as ag
from autograd_mini import Tensor, Value

A = np.array([[2.0, -1.0, 0.5], [0.0, 1.5, -2.0]])
X = np.array([0.3, -0.7, 1.2])
V = np.array([1.0, -2.0, 0.5])


def f(x):
    return np.tanh(A @ x)


def f_jacobian(x):
    return (1 - np.tanh(A @ x) ** 2)[:, None] * A


def g(x):
    """A number with a Hessian that is known: ½ xᵀSx + Σ sin(x)."""
    return 0.5 * x @ (A.T @ A) @ x + np.sum(np.sin(x))


def g_gradient(x):
    return A.T @ A @ x + np.cos(x)


def g_hessian(x):
    return A.T @ A - np.diag(np.sin(x))


def close(found, exact):
    np.testing.assert_allclose(found, exact, rtol=1e-13, atol=1e-14)


def test_every_transform_against_the_formula():
    close(ag.grad(g)(X), g_gradient(X))
    value, gradient = ag.value_and_grad(g)(X)
    close(value, g(X))
    close(gradient, g_gradient(X))
    close(ag.jacobian(f)(X), f_jacobian(X))
    close(ag.hessian(g)(X), g_hessian(X))
    value, pull = ag.vjp(f, X)
    close(value, f(X))
    for u in (np.array([1.0, 0.0]), np.array([0.5, -3.0])):
        close(pull(u)[0], u @ f_jacobian(X))
    value, tangent = ag.jvp(f, (X,), (V,))
    close(value, f(X))
    close(tangent, f_jacobian(X) @ V)
    close(ag.hvp(g, (X,), (V,))[0], g_hessian(X) @ V)


def test_transforms_of_transforms():
    """Each second derivative in every way that there is to write it."""
    exact = g_hessian(X)
    close(ag.jacobian(ag.grad(g))(X), exact)
    close(ag.jvp(ag.grad(g), (X,), (V,))[1], exact @ V)
    close(ag.vjp(ag.grad(g), X)[1](V)[0], exact @ V)
    close(ag.grad(lambda x: ag.jvp(g, (x,), (V,))[1])(X), exact @ V)
    close(ag.grad(lambda x: np.sum(ag.vjp(g, x)[1](1.0)[0] * V))(X), exact @ V)
    close(ag.grad(lambda x: np.sum(ag.grad(g)(x) * V))(X), exact @ V)
    close(ag.jacobian(lambda x: ag.jacobian(g)(x))(X), exact)
    close(ag.jvp(lambda x: ag.jvp(g, (x,), (V,))[1], (X,), (V,))[1], V @ exact @ V)
    close(ag.hessian(ag.hessian(lambda x: x**6))(2.0), 360 * 4.0)


def test_derivatives_for_tangents_and_cotangents():
    """They are arguments as well: d(J·v)/dv = J, d(uᵀJ)/du = Jᵀ."""
    close(ag.jacobian(lambda v: ag.jvp(f, (X,), (v,))[1])(V), f_jacobian(X))
    close(ag.jacobian(lambda u: ag.vjp(f, X)[1](u)[0])(np.ones(2)), f_jacobian(X).T)
    close(ag.jacobian(lambda v: ag.hvp(g, (X,), (v,))[0])(V), g_hessian(X))
    assert ag.grad(lambda v: ag.jvp(lambda y: y**3, (2.0,), (v,))[1])(1.0) == 12.0


@pytest.mark.parametrize("make", [float, np.float64, np.array, Value, Tensor], ids=str)
def test_derivatives_of_any_order_on_any_kind_of_number(make):
    for function, derivatives in [
        (lambda x: x**4, [32.0, 48.0, 48.0, 24.0, 0.0]),
        (lambda x: 1 / x, [-1 / 4, 1 / 4, -3 / 8, 3 / 4, -15 / 8]),
        (lambda x: np.exp(2 * x) / np.exp(4.0), [2.0, 4.0, 8.0, 16.0, 32.0]),
    ]:
        for exact in derivatives:
            function = ag.grad(function)
            found = function(make(2.0))
            assert isinstance(found, make if make in (Value, Tensor) else float)
            assert float(getattr(found, "data", found)) == pytest.approx(exact, rel=1e-13)


def test_values_in_every_transform():
    x, v = Value(2.0), Value(3.0)
    cube = lambda y: y * y * y  # noqa: E731
    for found, exact in [
        (ag.grad(cube)(x), 12.0),
        (ag.jacobian(cube)(x), 12.0),
        (ag.hessian(cube)(x), 12.0),
        (ag.jvp(cube, (x,), (v,))[1], 36.0),
        (ag.vjp(cube, x)[1](v)[0], 36.0),
        (ag.hvp(cube, (x,), (v,))[0], 36.0),
    ]:
        assert type(found) is Value
        assert found.data == exact
    slope = ag.gradients(ag.jvp(cube, (x,), (v,))[1], [x, v])
    assert slope == [36.0, 12.0]


# Perturbation confusion, and nodes from outside


@pytest.mark.parametrize(
    ("nested", "exact"),
    [
        (lambda x: x * ag.grad(lambda y: x + y)(1.0), 1.0),
        (lambda x: x * ag.grad(lambda y: x * y)(1.0), 4.0),
        (lambda x: ag.grad(lambda y: x * y * y)(x), 8.0),
        (lambda x: ag.grad(lambda y: (x + y) ** 3)(x), 48.0),
        (lambda x: ag.grad(lambda y: ag.grad(lambda z: x * y * z)(y))(x), 1.0),
        (lambda x: ag.jvp(lambda y: x * y**3, (x,), (1.0,))[1], 3 * 3 * 4.0),
        (lambda x: ag.jvp(lambda y: y * ag.grad(lambda z: z * y * x)(y), (x,), (x,))[1], 24.0),
        (lambda x: ag.hessian(lambda y: x * y**3)(x), 24.0),
    ],
)
@pytest.mark.parametrize("outer", [ag.grad, lambda f: lambda x: ag.jvp(f, (x,), (1.0,))[1]])
def test_inner_and_outer_arguments_are_not_confused(nested, exact, outer):
    assert outer(nested)(2.0) == pytest.approx(exact, rel=1e-14)


def test_a_node_from_outside_keeps_its_gradient():
    w = Tensor([2.0, 3.0])
    result = ag.grad(lambda x: np.sum(x * x * w))(Tensor(np.ones(2)))
    assert isinstance(result, Tensor)
    np.sum(result).backward()
    assert w.grad.tolist() == [2, 2]
    inner = ag.grad(lambda x: np.sum(x * w))(w)  # w as argument is another than w from outside
    assert inner.data.tolist() == [2, 3]
    assert ag.gradients(np.sum(inner), w).tolist() == [1, 1]


def test_a_node_from_outside_is_a_constant_of_a_plain_call():
    """A model's parameters do not make its slope at a plain point a Tensor."""
    w = Tensor([2.0, 3.0])
    model = lambda x: np.sum(x * x * w)  # noqa: E731
    value, gradient = ag.value_and_grad(model)(np.ones(2))
    assert type(value) is float
    assert type(gradient) is np.ndarray
    assert gradient.tolist() == [4, 6]
    assert type(ag.jacobian(lambda x: x * w)(np.ones(2))) is np.ndarray
    assert {type(part) for part in ag.jvp(model, (np.ones(2),), (np.ones(2),))} == {float}
    by_argument = ag.grad(lambda x, w: np.sum(x * x * w))(np.ones(2), w)
    np.sum(by_argument).backward()  # a Tensor among the arguments is no constant
    assert w.grad.tolist() == [2, 2]


def test_a_plain_call_inside_a_derivative_is_part_of_it():
    """What the inner call uses of the outer one's arguments is differentiated with it."""
    penalty = lambda w: ag.grad(lambda x: w * x**3)(2.0) ** 2  # noqa: E731
    assert ag.grad(penalty)(0.5) == 2 * 12 * 12 * 0.5
    assert ag.jvp(penalty, (Tensor(0.5),), (1.0,))[1].item() == 144.0
    w = Tensor(0.5)
    assert ag.grad(penalty)(w).item() == 144.0


def test_scipy_minimises_with_a_model_s_gradient():
    optimize = pytest.importorskip("scipy.optimize")
    target = Tensor([1.0, -2.0])
    loss = lambda x: np.sum((x - target) ** 2)  # noqa: E731
    found = optimize.minimize(ag.value_and_grad(loss), np.zeros(2), jac=True)
    np.testing.assert_allclose(found.x, [1, -2], atol=1e-6)


# A gradient of zero that nobody asked for


def loss_of_data(x):
    return np.sum(x.data**2)


CUT = {
    "data": (lambda x: np.sum(x.data**2), r"\.data \(line \d+ of test_derivatives.py\)"),
    "item": (lambda x: np.sum(x).item(), r"\.item\(\) \(line \d+ of"),
    "argmax": (lambda x: x[np.argmax(x)].detach(), r"argmax \(line \d+ of .* and \.detach\(\)"),
    "comparison": (lambda x: np.mean(x > 0), "a comparison"),
    "a function that is called": (lambda x: 2 * loss_of_data(x), r"\.data \(line \d+ of"),
}


@pytest.mark.parametrize("what", CUT)
@pytest.mark.parametrize(
    "derivative",
    [
        lambda f: ag.grad(f)(X),
        lambda f: ag.value_and_grad(f)(X),
        lambda f: ag.jacobian(f)(X),
        lambda f: ag.hessian(f)(X),
        lambda f: ag.jvp(f, (X,), (V,)),
        lambda f: ag.vjp(f, X),
        lambda f: ag.hvp(f, (X,), (V,)),
        lambda f: ag.grad(f)(Tensor(X)),
    ],
)
def test_a_cut_graph_is_a_warning_that_names_the_cut(what, derivative):
    f, words = CUT[what]
    with pytest.warns(ag.IndependentOutputWarning) as caught:
        derivative(f)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert re.search(words, str(caught[0].message)), caught[0].message
    assert "does not depend on argument 0 (shape (3,))" in str(caught[0].message)


def test_the_warning_names_what_the_result_does_not_depend_on():
    def f(p, q):
        return p["a"] * p["b"].data + q[1]

    with pytest.warns(ag.IndependentOutputWarning) as caught:
        found = ag.grad(f, (0, 1))({"a": 2.0, "b": 3.0}, [np.ones(2), 1.0])
    assert found[0] == {"a": 3.0, "b": 0.0}
    message = str(caught[0].message)
    assert (
        "result of f does not depend on argument 0['b'] and argument 1[0] (shape (2,))" in message
    )
    assert "their gradients are 0" in message
    x, unused = Tensor(X, label="x"), Tensor(X, label="unused")
    with pytest.warns(ag.IndependentOutputWarning, match=r"Tensor 'unused' \(shape \(3,\)\)"):
        found = ag.gradients(np.sum(x * x), [x, unused])
    assert found[1].tolist() == [0, 0, 0]
    with pytest.warns(ag.IndependentOutputWarning, match=r"Value wrt\[0\]"):
        assert ag.gradients(Value(2.0) * 3, Value(1.0)) == 0.0


def test_a_zero_of_mathematics_is_no_warning():
    """Linear functions have no second derivative, and a function may be flat."""
    assert ag.hessian(lambda x: 3.0 * x)(2.0) == 0.0
    assert ag.hvp(lambda x, y: x * x + y, (1.0, 2.0), (1.0, 1.0)) == (2.0, 0.0)
    assert ag.grad(lambda x: ag.grad(lambda y: 3.0 * y)(x))(1.0) == 0.0
    assert ag.grad(np.sign)(2.0) == 0.0
    x, y = Value(2.0), Value(3.0)
    first = ag.gradients(x * 3 + y * y, [x, y], create_graph=True)
    assert ag.gradients(first[0] + first[1], [x, y]) == [0.0, 2.0]
    assert ag.gradients(np.where(True, x, y), [x, y]) == [1.0, 0.0]


def test_a_plain_call_gives_plain_results():
    for found in (
        ag.grad(g)(X),
        ag.jacobian(f)(X),
        ag.hvp(g, (X,), (V,))[0],
        *ag.jvp(f, (X,), (V,)),
        ag.grad(lambda x: ag.grad(lambda y: x * y)(1.0))(2.0),
    ):
        assert type(found) in (float, np.ndarray)


@pytest.mark.parametrize("kind", [Value, Tensor])
def test_a_node_gives_nodes_also_where_the_derivative_is_constant(kind):
    linear, x, one = (lambda x: 3.0 * x), kind(2.0), kind(1.0)
    for expected, found in (
        (3.0, ag.grad(linear)(x)),
        (3.0, ag.vjp(linear, x)[1](1.0)[0]),
        (3.0, ag.vjp(linear, x)[1](one)[0]),
        (3.0, ag.jvp(linear, (x,), (1.0,))[1]),
        (3.0, ag.jvp(linear, (x,), (one,))[1]),
        (3.0, ag.jacobian(linear)(x)),
        (0.0, ag.hessian(linear)(x)),
        (0.0, ag.hvp(linear, (x,), (1.0,))[0]),
        (3.0, ag.grad(lambda p: linear(p["x"]))({"x": x})["x"]),
    ):
        assert type(found) is kind
        assert found.data == expected


def test_what_vjp_gives_may_be_written_to():
    value, pull = ag.vjp(np.exp, X)
    value *= 0
    upstream = np.ones(3)
    (gradient,) = pull(upstream)
    gradient += 1
    assert upstream.tolist() == [1, 1, 1]
    close(pull(upstream)[0], np.exp(X))


def test_no_grad_outside_does_not_reach_in():
    """A derivative records for itself; what it gives is a leaf in there."""
    t = Tensor(X)
    with ag.no_grad():
        close(ag.grad(g)(X), g_gradient(X))
        close(ag.hessian(g)(X), g_hessian(X))
        close(ag.jvp(f, (X,), (V,))[1], f_jacobian(X) @ V)
        found = ag.grad(g)(t)
        assert found.parents == ()
        close(found.data, g_gradient(X))
    assert ag.grad(lambda x: x * (x * 2).detach().item())(3.0) == 6.0


# Arguments


class Layer(NamedTuple):
    W: np.ndarray
    b: np.ndarray


def test_arguments_are_nested_dicts_lists_and_tuples():
    def loss(p, x, *, scale=1.0):
        layer, rest = p["layer"], p["rest"]
        return scale * (np.sum(layer.W @ x + layer.b) + rest[0] * rest[1][0] + p["lone"] ** 2)

    p = {"layer": Layer(A, np.ones(2)), "rest": [2.0, (3.0,)], "lone": 4}
    found = ag.grad(loss)(p, X, scale=2.0)
    assert list(found) == ["layer", "rest", "lone"]
    assert type(found["layer"]) is Layer
    close(found["layer"].W, np.tile(2 * X, (2, 1)))
    close(found["layer"].b, [2, 2])
    assert found["rest"] == [6.0, (4.0,)]
    assert found["lone"] == 16.0
    by_p, by_x = ag.grad(loss, argnums=(0, 1))(p, X)
    assert by_p["lone"] == 8.0
    close(by_x, A.sum(0))
    close(ag.grad(loss, argnums=-1)(p, X), A.sum(0))
    assert ag.hvp(loss, (p, X), (p, X))[0]["lone"] == 8.0
    jacobian = ag.jacobian(lambda q: q["a"] * q["b"])({"a": V, "b": 2.0})
    close(jacobian["a"], 2 * np.eye(3))
    close(jacobian["b"], V)


def test_constant_functions_and_empty_arrays():
    with pytest.warns(ag.IndependentOutputWarning):
        assert ag.grad(lambda x: 3.0)(2.0) == 0.0
    with pytest.warns(ag.IndependentOutputWarning):
        assert ag.jvp(lambda x: 3.0, (2.0,), (1.0,)) == (3.0, 0.0)
    with pytest.warns(ag.IndependentOutputWarning):
        assert ag.jacobian(lambda x: np.ones(2))(X).tolist() == [[0] * 3] * 2
    assert ag.jacobian(lambda x: x[:0])(X).shape == (0, 3)
    assert ag.grad(np.sum)(np.zeros((0, 2))).shape == (0, 2)
    assert ag.grad(np.sum)(np.arange(3)).tolist() == [1, 1, 1]


def test_tangents_are_matched_by_key():
    f = lambda p: p["a"] * 10 + p["b"] * p["b"]  # noqa: E731
    primal, tangent = {"a": 2.0, "b": 3.0}, {"b": 1.0, "a": 0.0}
    assert ag.jvp(f, (primal,), (tangent,)) == (29.0, 6.0)
    assert ag.hvp(f, (primal,), (tangent,)) == ({"a": 0.0, "b": 2.0},)


def test_infinite_slopes_are_infinite_in_both_modes():
    assert ag.grad(np.sqrt)(0.0) == np.inf
    assert ag.jvp(np.sqrt, (0.0,), (1.0,))[1] == np.inf
    tangent = ag.jvp(np.sqrt, (np.array([0.0, 4.0]),), (np.ones(2),))[1]
    assert tangent.tolist() == [np.inf, 0.25]


@given(
    shapes=st.tuples(*[st.lists(st.integers(1, 3), max_size=2)] * 2),
    seed=st.integers(0, 99),
)
def test_forward_and_reverse_agree(shapes, seed):
    """u·(J·v) computed by jvp equals (uᵀJ)·v computed by vjp, and by the whole Jacobian."""
    rng = np.random.default_rng(seed)
    x, v = rng.normal(size=(2, *shapes[0]))
    mix = rng.normal(size=(*shapes[1], x.size))

    def function(x):
        return np.sin(mix @ np.ravel(x)) * np.sum(np.exp(-x * x))

    u = rng.normal(size=function(x).shape)
    forward = np.sum(u * ag.jvp(function, (x,), (v,))[1])
    reverse = np.sum(ag.vjp(function, x)[1](u)[0] * v)
    whole = np.tensordot(np.tensordot(u, ag.jacobian(function)(x), u.ndim), v, v.ndim)
    size = np.abs(mix).sum() * np.abs(v).sum() * np.abs(u).sum()
    np.testing.assert_allclose([forward, reverse], whole, rtol=1e-12, atol=1e-14 * size)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: ag.grad(f)(X), ValueError, ["shape (2,)", "np.sum", "jacobian"]),
        (lambda: ag.grad(lambda x: None)(X), TypeError, ["grad", "NoneType"]),
        (lambda: ag.grad(lambda x: "a")(X), TypeError, ["grad", "str"]),
        (lambda: ag.grad(f, argnums=2)(X), ValueError, ["argnums=2", "1 positional"]),
        (lambda: ag.jvp(f, (X,), (V[:2],)), ValueError, ["jvp", "primal[0]", "(2,)", "(3,)"]),
        (lambda: ag.hvp(g, (X,), (V[:1],)), ValueError, ["hvp", "primal[0]", "(1,)", "(3,)"]),
        (lambda: ag.hvp(g, (X,), (1.0,)), ValueError, ["hvp", "primal[0]", "()", "(3,)"]),
        (lambda: ag.hvp(g, X, V), TypeError, ["hvp(f, (x,), (v,))", "ndarray of shape (3,)"]),
        (lambda: ag.jvp(np.sin, 1.0, 2.0), TypeError, ["jvp(f, (x,), (v,))", "a float"]),
        (lambda: ag.jvp(f, (X,), (V, V)), ValueError, ["jvp", "primals of 1 parts", "2"]),
        (lambda: ag.jvp(f, (X,), ([1.0],)), TypeError, ["jvp", "ndarray of shape (3,)", "list"]),
        (lambda: ag.jvp(sum, ([1.0, 2.0],), ((1.0, 2.0),)), TypeError, ["a list", "a tuple"]),
        (
            lambda: ag.jvp(lambda p: p["a"], ({"a": 1.0},), ({"b": 1.0},)),
            ValueError,
            ["primal[0]", "keys ['a']", "['b']"],
        ),
        (lambda: ag.vjp(f, X)[1](V), ValueError, ["(3,)", "(2,)"]),
        (lambda: ag.hessian(f)(X), ValueError, ["shape (2,)"]),
        (lambda: ag.grad(g)("text"), TypeError, ["real numbers", "<U4"]),
        (lambda: ag.grad(lambda p: p["a"])({"a": 1j}), TypeError, ["complex128"]),
    ],
)
def test_what_makes_no_sense_is_said(call, error, words):
    with pytest.raises(error) as raised:
        call()
    assert all(word in str(raised.value) for word in words), raised.value
