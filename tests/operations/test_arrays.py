"""Operations on whole arrays: NumPy's values, and derivatives to second order."""

import functools
import math
import operator
from array import array as machine_array
from fractions import Fraction
from importlib.util import find_spec

import numpy as np
import pytest
from helpers import check_tangents
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import (
    array_shapes,
    arrays,
    basic_indices,
    integer_array_indices,
    mutually_broadcastable_shapes,
)
from seldom_calls import CALLS as SELDOM_CALLS
from seldom_calls import array

import autograd_mini as ag
from autograd_mini import Tensor, gradients
from autograd_mini.core import operation
from autograd_mini.core.graph import topological_order
from autograd_mini.core.operation import NUMPY_FUNCTIONS, OPERATIONS, ArrayOperation
from autograd_mini.core.rule import FUNCTIONS, RULES
from autograd_mini.core.tensor import record
from autograd_mini.interface import array_interface
from autograd_mini.operations import numpy_functions
from autograd_mini.operations.indexing import gather
from autograd_mini.testing import check_function

ARRAY_RULES = {name: each for name, each in OPERATIONS.items() if isinstance(each, ArrayOperation)}
WITHOUT_DERIVATIVE = {"complement"}
"""Operations of which a derivative is refused: see test_linear_algebra."""

OF_SCIPY = set() if find_spec("scipy") else {"expm", "sparse_product", "i0"}
"""What SciPy is needed for, where it is not installed."""

AXES = [None, 0, 1, 2, -1, -3, (), (0, 2), (-1, 0), (2, 0, 1), np.int64(1)]


X = array(2, 3, 4)

REDUCTIONS = {
    "sum": np.sum,
    "mean": np.mean,
    "var": np.var,
    "std": np.std,
    "prod": np.prod,
    "max": np.max,
    "min": np.min,
    "logsumexp": ag.logsumexp,
}


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", AXES, ids=str)
@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions(name, axis, keepdims):
    check_function(lambda x: REDUCTIONS[name](x, axis=axis, keepdims=keepdims), X)


@pytest.mark.parametrize("function", [np.var, np.std])
@pytest.mark.parametrize("axis", [None, 1, (0, 2)], ids=str)
def test_degrees_of_freedom(function, axis):
    for ddof in (1, 0.5):
        check_function(lambda x, d=ddof: function(x, axis=axis, ddof=d), X)


@pytest.mark.parametrize("axis", [0, 1, -1, (0, 1), (-1, 0), None], ids=str)
@pytest.mark.parametrize("function", [ag.softmax, ag.log_softmax])
def test_softmax(function, axis):
    check_function(lambda x: function(x, axis=axis), X)


@pytest.mark.parametrize("ord", [None, 1, 2, 3, 2.5, np.inf, -np.inf])
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", [None, 0, -1])
def test_norms(ord, axis, keepdims):
    x = array(5) if axis is None else array(3, 4)
    check_function(lambda x: np.linalg.norm(x, ord, axis=axis, keepdims=keepdims), x)


W, V, B = array(3, 4, seed=1), array(4, seed=2), array(5, 1, 4, 2, seed=3)

CALLS = {
    # products
    "matmul 1 1": (lambda x, y: x @ y, array(4), V),
    "matmul 1 2": (lambda x, y: x @ y, array(3), W),
    "matmul 2 1": (lambda x, y: x @ y, W, V),
    "matmul 2 2": (lambda x, y: x @ y, array(2, 3), W),
    "matmul 1 n": (lambda x, y: x @ y, V, B),
    "matmul n 1": (lambda x, y: x @ y, X, V),
    "matmul 2 n": (lambda x, y: x @ y, W, B),
    "matmul n 2": (lambda x, y: x @ y, X, array(4, 2)),
    "matmul n n": (lambda x, y: x @ y, array(1, 2, 3, 4), B),
    "affine 1": (ag.affine, array(3), W, V),
    "affine 2": (ag.affine, array(2, 3), W, V),
    "affine n": (ag.affine, array(2, 5, 3), W, V),
    "dot 0": (np.dot, array(), W),
    "dot 1 1": (np.dot, array(4), V),
    "dot 2 1": (np.dot, W, V),
    "dot 2 2": (np.dot, array(2, 3), W),
    "dot n n": (np.dot, X, array(2, 4, 3)),
    "inner": (np.inner, X, array(2, 4)),
    "vdot": (np.vdot, W, array(4, 3)),
    "outer": (np.outer, array(2, 2), V),
    "tensordot 0": (lambda x, y: np.tensordot(x, y, 0), array(2, 2), array(3)),
    "tensordot 1": (lambda x, y: np.tensordot(x, y, 1), X, array(4, 2)),
    "tensordot 2": (np.tensordot, X, array(3, 4, 2)),
    "tensordot axes": (lambda x, y: np.tensordot(x, y, ([0, -1], [1, 0])), X, array(4, 2, 2)),
    "tensordot one axis": (lambda x, y: np.tensordot(x, y, (1, 0)), X, array(3, 2)),
    # elements of several arrays, one of them twice, one not at all
    "gather": (
        lambda x, y: gather([x, array(3), y, x], np.array([[0, 8, 7], [8, 16, 3]])),
        array(2, 3),
        array(2),
    ),
    "gather of many": (
        lambda *xs: gather(xs, np.array([30, 2, 30, 5])),
        *(array(2, 4, seed=k) for k in range(4)),
    ),
    # shapes
    "reshape": (lambda x: np.reshape(x, (4, -1)), X),
    "reshape method": (lambda x: x.reshape(3, 8), X),
    "ravel": (np.ravel, X),
    "transpose": (np.transpose, X),
    "transpose axes": (lambda x: np.transpose(x, (-1, 0, 1)), X),
    "transpose method": (lambda x: x.transpose(2, 0, 1), X),
    "T": (lambda x: x.T, X),
    "matrix_transpose": (np.matrix_transpose, X),
    "moveaxis": (lambda x: np.moveaxis(x, 0, -1), X),
    "moveaxis several": (lambda x: np.moveaxis(x, [0, 1], [-1, 0]), X),
    "swapaxes": (lambda x: np.swapaxes(x, 0, -1), X),
    "squeeze": (np.squeeze, array(1, 3, 1)),
    "squeeze axis": (lambda x: np.squeeze(x, -1), array(1, 3, 1)),
    "expand_dims": (lambda x: np.expand_dims(x, (0, -1)), X),
    "broadcast_to": (lambda x: np.broadcast_to(x, (3, 2, 3, 4)), array(2, 1, 4)),
    "atleast_2d": (np.atleast_2d, V),
    "atleast_1d": (np.atleast_1d, array()),
    # parts
    "item": (lambda x: x[1, 2, 3], X),
    "slices": (lambda x: x[::-1, 1:, ::2], X),
    "ellipsis and newaxis": (lambda x: x[..., None, 1], X),
    "list of rows, one twice": (lambda x: x[[0, 1, 0]], X),
    "array of indices": (lambda x: x[:, np.array([[2, 0], [2, 2]])], X),
    "indices of two axes": (lambda x: x[[0, 1, 1], :, [0, 2, 2]], X),
    "negative index": (lambda x: x[-1, :, [-1, 0]], X),
    "mask": (lambda x: x[np.arange(24).reshape(2, 3, 4) % 3 == 0], X),
    "mask of an axis": (lambda x: x[:, [True, False, True]], X),
    "mask and indices": (lambda x: x[:, np.array([True, False, True]), [1, 1]], X),
    "nothing": (lambda x: x[:, 3:], X),
    "iteration": (lambda x: sum(row * (i + 1) for i, row in enumerate(x)), X),
    "take": (lambda x: np.take(x, [3, 0, 3]), X),
    "take axis": (lambda x: np.take(x, [[1, 0], [1, 1]], axis=-2), X),
    "diagonal": (lambda x: np.diagonal(x, 1, 0, 2), X),
    "diagonal below": (lambda x: np.diagonal(x, -1, -1, 1), X),
    "diag of a vector": (lambda x: np.diag(x, -2), V),
    "diag of a matrix": (lambda x: np.diag(x, 1), W),
    "trace": (np.trace, X),
    "trace offset": (lambda x: np.trace(x, -1, 2, 1), X),
    "tril": (lambda x: np.tril(x, -1), X),
    "triu": (lambda x: np.triu(x, 1), X),
    "diff": (lambda x: np.diff(x, 2, axis=1), X),
    "split": (lambda x: np.split(x, 2, axis=-1)[1], X),
    "split at": (lambda x: np.concatenate(np.split(x, [1, 2, 9], axis=1)[::-1], 1), X),
    "split at falling indices": (lambda x: np.concatenate(np.split(x, [2, 1])), array(4, 2)),
    "array_split": (lambda x: np.concatenate(np.array_split(x, 3, axis=2)[::-1], 2), X),
    "hsplit": (lambda x: np.hsplit(x, 3)[1], X),
    "hsplit 1": (lambda x: np.concatenate(np.hsplit(x, [1])[::-1]), V),
    "vsplit": (lambda x: np.vsplit(x, 2)[1], X),
    "copied": (lambda x: x.copy(), W),
    # joining and repeating
    "concatenate": (lambda x, y: np.concatenate([x, y, x], axis=-1), X, array(2, 3, 1)),
    "concatenate flat": (lambda x, y: np.concatenate([x, y], axis=None), X, W),
    "stack": (lambda x, y: np.stack([x, y, 1 + x], axis=-1), W, array(3, 4)),
    "stack numbers": (lambda x: np.stack([x[0], 2.0, x[1]]), V),
    "vstack": (lambda x, y: np.vstack([x, y]), V, W),
    "hstack": (lambda x, y: np.hstack([x, y]), X, array(2, 1, 4)),
    "hstack 1": (lambda x, y: np.hstack([x, y]), V, array(2)),
    "column_stack": (lambda x, y: np.column_stack([x, y]), array(3), W),
    "append": (lambda x, y: np.append(x, y, axis=0), W, array(1, 4)),
    "flip": (np.flip, X),
    "flip axes": (lambda x: np.flip(x, (0, -1)), X),
    "roll": (lambda x: np.roll(x, 5), X),
    "roll axis": (lambda x: np.roll(x, -1, axis=1), X),
    "roll axes": (lambda x: np.roll(x, (1, -2), axis=(0, 2)), X),
    "roll a list": (lambda x: np.roll(x, [1, 2], axis=[1, 1]), X),
    "repeat": (lambda x: np.repeat(x, 2), W),
    "repeat axis": (lambda x: np.repeat(x, [2, 0, 3], axis=-2), W),
    "tile": (lambda x: np.tile(x, 3), W),
    "tile more axes": (lambda x: np.tile(x, (2, 1, 3)), W),
    "tile fewer axes": (lambda x: np.tile(x, (2,)), X),
    "pad": (lambda x: np.pad(x, 2, constant_values=7.0), W),
    "pad sides": (lambda x: np.pad(x, ((0, 1), (2, 0))), W),
    "pad reflect": (lambda x: np.pad(x, 2, mode="reflect"), W),
    "pad edge": (lambda x: np.pad(x, ((1, 2), (0, 3)), mode="edge"), W),
    "pad wrap": (lambda x: np.pad(x, 3, mode="wrap"), W),
    "cumsum": (np.cumsum, W),
    "cumsum axis": (lambda x: np.cumsum(x, axis=-2), X),
    "copy": (np.copy, W),
    "full_like": (lambda x: np.full_like(x, np.sum(x)) * x, W),
    "astype": (lambda x: x.astype(float), W),
    # through a ufunc's method, and methods
    "add.reduce": (np.add.reduce, X),
    "add.reduce axes": (lambda x: np.add.reduce(x, axis=(0, 2), keepdims=True), X),
    "multiply.reduce": (np.multiply.reduce, W),
    "maximum.reduce": (lambda x: np.maximum.reduce(x, axis=1), X),
    "minimum.reduce": (np.minimum.reduce, X),
    "methods": (
        lambda x: x.sum(0).mean(0) * x.std() + x.var(axis=1).prod(axis=0) - x.max(0).min(0), X
    ),
    "more methods": (
        lambda x: x.swapaxes(0, 1).squeeze().cumsum(0).repeat(2, 0).take([1, 0], -1).clip(-1, 1), X
    ),
    "method trace": (lambda x: x.dot(x.T).trace() + x.ravel().dot(x.flatten()), W),
    "method diagonal": (lambda x: x.diagonal(1).clip(0.0), W),
    "where": (lambda x, y: np.where(X > 0, x, y), X, array(3, 1)),
    "clip": (lambda x, y: np.clip(x, y - 1.01, y + 1.01), X, array(4)),
    "clip min": (lambda x: np.clip(x, 0.7, None), X),
    "amax and amin": (lambda x: np.amax(x, axis=0) - np.amin(x), W),
    "clip by name": (lambda x: x.clip(min=-0.7, max=0.7), X),
    "rounding": (lambda x: np.round(x) * x + np.around(x, decimals=-1) + x.round(0), X),
    "fix": (lambda x: np.fix(x) * x, X),
    **SELDOM_CALLS,
}  # fmt: skip


@pytest.mark.parametrize("call", CALLS)
def test_calls(call):
    function, *operands = CALLS[call]
    check_function(function, *operands)


@pytest.mark.parametrize("dtypes", ["f8 f8 f8", "f4 f4 f4", "f4 f8 f4", "f8 f8 f4"])
@pytest.mark.parametrize("shape", [(3,), (5, 3), (2, 5, 3)], ids=str)
def test_affine_is_a_product_and_a_sum_to_the_last_bit(shape, dtypes):
    rng = np.random.default_rng(0)
    x, W, b = (rng.normal(size=s) for s in (shape, (3, 4), (4,)))
    given = [array.astype(d) for array, d in zip((x, W, b), dtypes.split(), strict=True)]
    one, other = [Tensor(g) for g in given], [Tensor(g) for g in given]
    z, wanted = ag.affine(*one), other[0] @ other[1] + other[2]
    assert z.op == "affine"
    assert z.dtype == wanted.dtype
    for root in (z, wanted):
        np.sum(root * np.cos(root)).backward()
    for mine, theirs in zip([z, *one], [wanted, *other], strict=True):
        np.testing.assert_array_equal(mine.data, theirs.data)
        np.testing.assert_array_equal(mine.grad, theirs.grad)
    np.testing.assert_array_equal(ag.affine(*given), given[0] @ given[1] + given[2])


def test_affine_of_values_is_the_arithmetic_of_values():
    x, w, b = ag.Value(3.0), ag.Value(2.0), ag.Value(1.0)
    (z,) = ag.affine([x], [[w]], [b])
    z.backward()
    assert (z.data, x.grad, w.grad, b.grad) == (7.0, 2.0, 3.0, 1.0)


@pytest.mark.parametrize(
    ("shapes", "words"),
    [
        (((2, 3), (4, 5), (5,)), r"affine of operands of shapes \(2, 3\) and \(4, 5\) and \(5,\)"),
        (((2, 3), (3, 4), (1,)), r"weight has shape \(n_in, n_out\) and bias \(n_out,\)"),
        (((2, 3), (3,), ()), r"weight has shape \(n_in, n_out\) and bias \(n_out,\)"),
    ],
)
def test_affine_refuses_what_only_broadcasting_would_fit(shapes, words):
    with pytest.raises(ValueError, match=words):
        ag.affine(*[Tensor(np.ones(shape)) for shape in shapes])


def examples():
    """The graphs of all calls above, and of reductions, to second order: node by node."""
    calls = [*CALLS.values(), *((f, X) for f in REDUCTIONS.values())]
    calls += [(f, X) for f in (ag.softmax, ag.log_softmax, np.linalg.norm)]
    calls += [
        (lambda x: np.linalg.norm(x, 3, axis=1), W),
        (lambda x, y: np.einsum("ij,j", x, y), W, V),
    ]
    roots = []
    for function, *operands in calls:
        xs = [Tensor(x) for x in operands]
        out = function(*xs)
        weights = array(*out.shape, seed=9)
        first = gradients(out, xs, create_graph=True, gradient=Tensor(weights))
        roots += [out, *(np.sum(g * array(*g.shape, seed=8)) for g in first if g.op)]
    return [node for node in topological_order(*roots) if node.op]


def test_every_array_rule_and_every_numpy_function_is_called_above(monkeypatch):
    called, numpy_function = set(), operation.numpy_function

    def watched(function, options=False):
        called.add((function, options))
        return numpy_function(function, options)

    for module in (array_interface, numpy_functions):
        monkeypatch.setattr(module, "numpy_function", watched)
    for function in (np.matmul, np.ndarray.astype, operator.getitem):  # which are never asked for
        ours = NUMPY_FUNCTIONS[function]
        call = functools.partial(
            lambda f, ours, *args: (called.add((f, False)), ours(*args))[1], function, ours
        )
        monkeypatch.setitem(NUMPY_FUNCTIONS, function, call)
    recorded = {node.op for node in examples()}
    every = {(f, False) for f in NUMPY_FUNCTIONS} | {(f, True) for f in operation.SELDOM_OPTIONS}
    assert {f.__name__ for f, _ in every - called} - OF_SCIPY == set()
    assert not ARRAY_RULES.keys() - recorded - OF_SCIPY


def test_the_tangent_of_every_operation_is_that_of_its_pullback():
    tried = set()
    for node in examples():
        operands = [np.asarray(getattr(p, "data", p), float) for p in node.parents]
        if node.op in RULES or node.op in WITHOUT_DERIVATIVE:
            continue  # rows have points of their own, below
        check_tangents(functools.partial(applied, node), *operands)
        tried.add(node.op)
    assert ARRAY_RULES.keys() - WITHOUT_DERIVATIVE - OF_SCIPY <= tried


def applied(node, *operands):
    return record(node.operation, operands, node.options)


@pytest.mark.parametrize("name", RULES)
def test_the_tangent_of_every_row_is_that_of_its_pullback(name):
    """Operands broadcast; the points lie where all rows of the table are smooth and finite."""
    row = RULES[name]
    low, high = (1.1, 1.9) if name == "arccosh" else (0.2, 0.8)
    rng = np.random.default_rng(3)
    shapes = [(2, 1), (3,), (2, 3)][: len(row.operands)]
    operands = [rng.uniform(low, high, shape) for shape in shapes]
    if name == "where":
        operands[0] = operands[0] > 0.5
    check_tangents(lambda *xs: record(row, xs), *operands)


# What a pullback reads


def shares_of(node, operands, out, g):
    """The gradient that each operand gets of a pullback that is handed these arrays."""
    rule = node.operation
    found = []
    with np.errstate(all="ignore"):
        for index, operand in enumerate(node.parents):
            pullback = rule.pullback(index) if isinstance(operand, Tensor) else None
            try:
                share = pullback(g, out, *operands, **node.options) if pullback else None
            except np.linalg.LinAlgError:  # of NaN
                share = np.nan
            found.append(None if share is None else np.array(share))
    return found


def changed(before, after):
    """For each operand, whether its gradient is another one."""
    return [
        x is not None and not np.array_equal(*np.broadcast_arrays(x, y), equal_nan=True)
        for x, y in zip(before, after, strict=True)
    ]


def poisoned(array):
    return np.full_like(np.asarray(array, float), np.nan)


def test_what_a_pullback_of_whole_arrays_reads_is_what_it_declares():
    """Undeclared operands and results may be poison; each declared one matters in some example."""
    declared, matter = set(), set()
    for node in examples():
        if node.operation is not ARRAY_RULES.get(node.op) or node.op in WITHOUT_DERIVATIVE:
            continue
        operands = [np.asarray(getattr(p, "data", p)) for p in node.parents]
        g = array(*node.shape, seed=7)
        before = shares_of(node, operands, node.data, g)
        poison = {
            "operands": ([poisoned(x) for x in operands], node.data),
            "out": (operands, poisoned(node.data)),
        }
        for what, handed in poison.items():
            differs = any(changed(before, shares_of(node, *handed, g)))
            if what in node.operation.reads:
                declared.add((node.op, what))
                matter |= {(node.op, what)} if differs else set()
            else:
                assert not differs, f"{node.op} reads {what}, which it does not declare"
    assert matter == declared
    reading = {name for name, each in ARRAY_RULES.items() if each.reads}
    reading -= WITHOUT_DERIVATIVE | OF_SCIPY
    assert {op for op, _ in declared} == reading


@pytest.mark.parametrize("name", RULES)
def test_what_an_elementwise_pullback_reads_is_what_it_declares(name):
    """For each operand: what is not declared may be poison, and each declared one matters."""
    row, matter = RULES[name], set()
    rng = np.random.default_rng(0)
    for shift in (-2.0, -0.5, 0.0, 0.5, 2.0, 4.5):
        numbers = [rng.uniform(-0.45, 0.45, 40) + shift for _ in row.operands]
        numbers = [np.round(x, 1) for x in numbers]  # some are equal, and some are 0
        if row.derivatives[0] is None:
            numbers[0] = numbers[0] > shift
        with np.errstate(all="ignore"):
            node = (
                FUNCTIONS[name](*map(Tensor, numbers))
                if row.derivatives[0]
                else (FUNCTIONS[name](numbers[0], *map(Tensor, numbers[1:])))
            )
        handed = dict(zip(row.operands, numbers, strict=True)) | {"out": node.data}
        g = rng.uniform(1.0, 2.0, 40)
        before = shares_of(node, numbers, node.data, g)
        for what, kept in handed.items():
            other = np.roll(kept, 1) if kept.dtype == bool else poisoned(kept)
            with_poison = handed | {what: other}
            arrays = [with_poison[each] for each in row.operands]
            after = shares_of(node, arrays, with_poison["out"], g)
            for index, differs in enumerate(changed(before, after)):
                assert what in row.reads[index] or not differs, (what, index)
                matter |= {(what, index)} if differs else set()
    declared = {
        (what, index)
        for index, names in enumerate(row.reads)
        for what in names
        if row.derivatives[index] not in (None, "0")
    }
    assert matter == declared


# Ties, by the table: equal elements share


@pytest.mark.parametrize("reduce", [np.max, np.min])
def test_equal_extremes_share_the_gradient(reduce):
    x = Tensor([[3.0, 1.0, 3.0], [2.0, 2.0, 2.0]])
    wanted = [[1 / 2, 0, 1 / 2], [1 / 3] * 3] if reduce is np.max else [[0, 1, 0], [1 / 3] * 3]
    assert gradients(np.sum(reduce(x, axis=1)), x).tolist() == wanted
    both = gradients(reduce(x), x)
    assert both[both != 0].tolist() == ([1 / 2, 1 / 2] if reduce is np.max else [1.0])


@pytest.mark.parametrize("function", [np.std, np.linalg.norm])
def test_where_a_root_is_zero_its_derivative_is_zero(function):
    x = Tensor(np.zeros(3))
    root = function(x)
    first = gradients(root, x, create_graph=True)
    assert first.data.tolist() == [0, 0, 0]
    assert gradients(np.sum(first), x).tolist() == [0, 0, 0]


@pytest.mark.parametrize("zeros", [[], [1], [0, 2], [0, 1, 2]])
def test_products_with_zeros(zeros):
    """The derivative of a product is the product of the others, also where it is not x·y/x."""
    x = np.array([2.0, 3.0, 5.0])
    x[zeros] = 0.0
    others = [np.prod(np.delete(x, i)) for i in range(3)]
    pairs = [[np.prod(np.delete(x, [i, j])) * (i != j) for j in range(3)] for i in range(3)]
    assert ag.grad(np.prod)(x).tolist() == others
    assert ag.hessian(np.prod)(x).tolist() == pairs
    check_function(np.prod, x)


@pytest.mark.parametrize("x", [np.array([1000.0, 0.0, -1000.0]), np.array([-np.inf, 0.0, 1.0])])
def test_softmax_and_its_kin_are_sound_in_the_tails(x):
    shifted = np.exp(x - np.max(x))
    exact = shifted / np.sum(shifted)
    with np.errstate(all="raise", under="ignore"):
        t = Tensor(x)
        np.testing.assert_allclose(ag.softmax(t).data, exact, rtol=1e-15)
        np.testing.assert_allclose(gradients(ag.logsumexp(t), t), exact, rtol=1e-13, atol=0)
        first = gradients(ag.log_softmax(t)[1], t)
        np.testing.assert_allclose(first, np.eye(3)[1] - exact, rtol=1e-13, atol=1e-16)


@pytest.mark.parametrize("x", [[1e15, 1e15, 0.0], [-1e15, -1e15, -1e15], [3e38, 3e38]])
def test_logsumexp_of_what_rounds_its_result_has_softmax_for_gradient(x):
    x = np.array(x)
    first = gradients(ag.logsumexp(t := Tensor(x)), t, create_graph=True)
    np.testing.assert_array_equal(first.data, ag.softmax(x))
    second = gradients(first[0], t)
    exact = ag.softmax(x)[0] * (np.eye(len(x))[0] - ag.softmax(x))
    np.testing.assert_allclose(second, exact, rtol=1e-14)
    values = np.array([ag.Value(each) for each in x])
    ag.logsumexp(values).backward()
    np.testing.assert_allclose([v.grad for v in values], ag.softmax(x), rtol=1e-15)


@pytest.mark.parametrize(
    ("x", "share"),
    [([np.inf, 1], [1, 0]), ([np.inf, np.inf, 1], [0.5, 0.5, 0]), ([-np.inf, 1], [0, 1])],
)
def test_logsumexp_at_infinity_has_the_limit_for_gradient(x, share):
    assert ag.grad(ag.logsumexp)(np.array(x)).tolist() == share
    values = np.array([ag.Value(each) for each in x])
    ag.logsumexp(values).backward()
    assert [value.grad for value in values] == share


def test_nothing_or_nan_in_a_logsumexp():
    x = np.full((2, 2), -np.inf)
    x[1, 1] = np.nan
    found = ag.grad(lambda x: np.sum(ag.logsumexp(x, axis=1)))(x)
    assert found[0].tolist() == [0, 0]
    assert np.isnan(found[1]).all()
    assert ag.logsumexp(np.zeros((2, 0)), axis=1).tolist() == [-np.inf, -np.inf]
    assert ag.softmax(Tensor(np.zeros((2, 0)))).shape == (2, 0)


@pytest.mark.parametrize(
    "x",
    [
        [1e200, 1e-200, 1e-200, 1e200],
        [1e-300, 1e-300, 1e300, 1e300, 2.0],
        [1e300, -1e300, 0.0, 1e-300, 1e-300],
        [5e-324, 1e300, 1e5],
        [*[1e-10] * 40, *[1e10] * 40],
    ],
)
def test_a_product_s_gradient_needs_no_range_that_it_has_not_itself(x):
    def exact(*left_out):
        of = [Fraction(each) for i, each in enumerate(x) if i not in left_out]
        product = math.prod(of) if len(set(left_out)) == len(left_out) else Fraction(0)
        if abs(product) > Fraction(1.7e308):
            return math.inf if product > 0 else -math.inf
        return float(product)

    n = len(x)
    with np.errstate(over="ignore", invalid="ignore"):  # in NumPy's product of them all
        first = ag.grad(np.prod)(np.array(x))
        second = ag.hessian(np.prod)(np.array(x))
    np.testing.assert_allclose(first, [exact(i) for i in range(n)], rtol=1e-13)
    if n < 6:
        pairs = [[exact(i, j) for j in range(n)] for i in range(n)]
        np.testing.assert_allclose(second, pairs, rtol=1e-13)


def test_a_product_of_thousands():
    """Numbers between ½ and 1, as they are multiplied, would leave the range after a thousand."""
    assert ag.grad(np.prod)(np.ones(2500)).tolist() == [1.0] * 2500


FLOAT16 = {  # a function, its operand, and its gradient's first element
    "mean": (np.mean, np.ones(70_000), 1 / 70_000),
    "max": (np.max, np.ones(70_000), 1 / 70_000),
    "var": (np.var, np.arange(70_000) % 2, -1 / 70_000),
    "std": (lambda x: 2 * np.std(x), np.arange(70_000) % 2, -2 / 70_000),
    "std, whose squares have no room": (np.std, np.array([-300.0, 300.0] * 50), -1 / 100),
    "norm": (np.linalg.norm, np.full(9, 100.0), 1 / 3),
    "norm of order 3": (lambda x: np.linalg.norm(x, 3), np.full(8, 100.0), 1 / 4),
    "softmax": (lambda x: ag.softmax(x)[0], np.zeros(70_000), 1 / 70_000),
    "log_softmax": (lambda x: ag.log_softmax(x)[0], np.zeros(70_000), 1.0),
    "logsumexp": (ag.logsumexp, np.zeros(70_000), 1 / 70_000),
    "a repeated operand": (
        lambda x: np.sum(x * np.full((3000, 2), 0.5, np.float16)),
        np.ones(2),
        1500.0,
    ),
    "an element named again": (lambda x: np.sum(x[[0] * 3000]), np.ones(2), 3000.0),
    "a row named again": (lambda x: np.sum(x[np.zeros(3000, int)]), np.ones((2, 2)), 3000.0),
    "cumsum": (lambda x: np.cumsum(x)[-1] + np.sum(np.cumsum(x)), np.zeros(3000), 3001.0),
}


@pytest.mark.parametrize("name", FLOAT16)
def test_float16_has_room_for_sums_and_counts(name):
    function, x, exact = FLOAT16[name]
    x = Tensor(x.astype(np.float16))
    root = function(x)
    for create_graph in (False, True):
        found = gradients(root, x, create_graph=create_graph)
        first = np.ravel(found.data if create_graph else found)[0]
        assert found.dtype == root.dtype == np.float16
        assert abs(float(first) - exact) <= 1e-3 * abs(exact) + 6e-8


def test_sums_of_float16_are_added_up_in_float32():
    assert np.sum(Tensor(np.ones((3000, 2), np.float16)), axis=0).data.tolist() == [3000, 3000]
    thousands = Tensor(np.full(100, 1000, np.float16))
    assert [np.var(thousands).item(), np.std(thousands).item()] == [0, 0]


NORMS = {
    "norm": np.linalg.norm,
    "norm of order 3": lambda x, **options: np.linalg.norm(x, 3, **options),
    "norm of order 1.5": lambda x, **options: np.linalg.norm(x, 1.5, **options),
    "std": np.std,
}


@pytest.mark.parametrize("name", NORMS)
@pytest.mark.parametrize(
    ("dtype", "powers"),
    [
        (np.float64, (-1060, -800, -480, 0, 480, 800, 1015)),
        (np.float32, (-140, -100, -60, 0, 60, 100, 124)),
    ],
)
def test_gradients_of_norms_are_right_where_their_squares_leave_the_range(name, dtype, powers):
    """The value is NumPy's own, infinity or 0 then."""
    f, x = NORMS[name], np.array([3.0, -4.0, 0.5], dtype)
    slopes, rows = ag.grad(f)(x), []
    curvature = ag.hessian(f)(x)
    for power in powers:
        by = np.ldexp(dtype(1), power)
        with np.errstate(all="ignore"):
            scaled = Tensor(x * by)
            out = f(scaled)
            np.testing.assert_allclose(out.data, f(scaled.data), rtol=1e-6)
            np.testing.assert_allclose(gradients(out, scaled), slopes, rtol=1e-6, atol=1e-6)
            if abs(power) <= powers[-2]:
                second = np.float64(ag.hessian(f)(x * by)) * by
                np.testing.assert_allclose(second, curvature, rtol=1e-5, atol=1e-5)
        rows.append(x * by)
    with np.errstate(all="ignore"):
        for keepdims in (False, True):
            each = ag.grad(lambda x: np.sum(f(x, axis=1, keepdims=keepdims)))(np.stack(rows[1:]))  # noqa: B023
            np.testing.assert_allclose(each, [slopes] * len(rows[1:]), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("order", [0.5, 1, 1.5, 2, 3, 4, -1, np.inf, -np.inf, 0])
def test_norms_where_they_are_zero_have_derivative_zero(order):
    def function(x):
        return np.linalg.norm(x, order)

    assert ag.grad(function)(np.zeros(3)).tolist() == [0, 0, 0]
    assert ag.hessian(function)(np.zeros(3)).tolist() == [[0] * 3] * 3
    x = np.array([0.0, 1.0, 2.0])
    found = ag.grad(function)(x)
    assert found[0] == 0
    if order > 0 and order != np.inf:
        rest = (x[1:] / function(x)) ** (order - 1)
        np.testing.assert_allclose(found[1:], rest, rtol=1e-14)


def test_a_reduction_of_nan_has_no_number_for_a_gradient():
    assert np.isnan(ag.grad(np.max)(np.array([np.nan, 1.0]))).all()


def test_degrees_of_freedom_that_are_not_there_make_nan():
    with pytest.warns(RuntimeWarning):
        found = ag.grad(lambda x: np.std(x, ddof=1))(np.array([2.0]))
    assert np.isnan(found).all()


# Broadcasting, undone


@given(shapes=mutually_broadcastable_shapes(num_shapes=2, max_dims=4, max_side=3, min_side=0))
def test_broadcasting_every_pair_of_shapes(shapes):
    """Each element's gradient is summed over every place that it was repeated to."""
    rng = np.random.default_rng(0)
    x, y = (rng.uniform(0.5, 2.0, shape) for shape in shapes.input_shapes)
    weights = rng.normal(size=shapes.result_shape)

    def gathered(local, operand):
        places = np.broadcast_to(np.arange(operand.size).reshape(operand.shape), weights.shape)
        sums = np.bincount(places.ravel(), (weights * local).ravel(), operand.size)
        return sums.reshape(operand.shape)

    for function, by_x, by_y in [
        (np.add, 1.0, 1.0),
        (np.subtract, 1.0, -1.0),
        (np.multiply, y, x),
        (np.divide, 1 / y, -x / y**2),
        (np.power, y * x ** (y - 1), x**y * np.log(x)),
        (np.maximum, x > y, y > x),
        (np.arctan2, y / (x**2 + y**2), -x / (x**2 + y**2)),
        (np.logaddexp, 1 / (1 + np.exp(y - x)), 1 / (1 + np.exp(x - y))),
        (lambda a, b: np.where(weights > 0, a, b), weights > 0, weights <= 0),
        (lambda a, b: np.clip(a, b, 9.0), x > y, x < y),
    ]:
        inputs = [Tensor(x), Tensor(y)]
        loss = np.sum(weights * function(*inputs))
        for create_graph in (False, True):
            found = gradients(loss, inputs, create_graph=create_graph)
            for one, local, operand in zip(found, (by_x, by_y), (x, y), strict=True):
                exact = gathered(local, operand)
                assert one.shape == operand.shape
                numbers = one.data if create_graph else one
                np.testing.assert_allclose(numbers, exact, rtol=1e-12, atol=1e-12)
        constant = gradients(np.sum(weights * function(inputs[0], y)), inputs[0])
        np.testing.assert_allclose(constant, gathered(by_x, x), rtol=1e-12, atol=1e-12)


@given(
    shapes=mutually_broadcastable_shapes(signature="(m,k),(k,n)->(m,n)", max_dims=2, max_side=3),
    vectors=st.tuples(st.booleans(), st.booleans()),
)
def test_matmul_of_all_stacks(shapes, vectors):
    rng = np.random.default_rng(0)
    x, y = (rng.normal(size=shape) for shape in shapes.input_shapes)
    x = x[(0,) * (x.ndim - 1)] if vectors[0] else x
    y = y[(0,) * (y.ndim - 2)][:, 0] if vectors[1] else y
    check_function(np.matmul, x, y)


@pytest.mark.parametrize(
    "part",
    [(0, 0, 1), [0, 0, 1], range(-3, 0), machine_array("i", [0, 0, 1]), np.array([0, 0, 1])],
    ids=lambda part: type(part).__name__,
)
def test_a_part_of_an_index_is_one_array_however_it_is_written(part):
    x = Tensor(np.arange(6.0).reshape(3, 2))
    for index in ((part, slice(None)), (part, 0), (None, part)):
        places = np.arange(6).reshape(3, 2)[tuple(np.array(i) if i is part else i for i in index)]
        exact = np.bincount(np.ravel(places), minlength=6).reshape(3, 2)
        assert gradients(np.sum(x[index]), x).tolist() == exact.tolist()


def test_an_index_that_is_no_array_is_copied_as_well():
    x, part = Tensor([1.0, 2.0, 3.0]), machine_array("i", [0, 0])
    y = x[(part,)]
    part[0] = part[1] = 2
    assert gradients(np.sum(y), x).tolist() == [2, 0, 0]


@pytest.mark.parametrize("index", [[], (), ([],), range(0), [[], []], (slice(None), [])], ids=str)
def test_an_empty_index(index):
    x = np.ones((3, 2))
    part = Tensor(x)[index]
    assert part.shape == x[list(index) if isinstance(index, range) else index].shape
    assert gradients(np.sum(part), part).shape == part.shape
    check_function(lambda x: x[index] * 2, x)


@given(data=st.data())
def test_every_way_to_index(data):
    """Each element's gradient is summed over every place that it was taken to."""
    shape = data.draw(array_shapes(max_dims=3, max_side=4))
    index = data.draw(
        basic_indices(shape, allow_newaxis=True)
        | integer_array_indices(shape, result_shape=array_shapes(max_dims=2, max_side=5))
        | arrays(bool, shape)
    )
    places = np.arange(np.prod(shape)).reshape(shape)[index]
    weights = np.random.default_rng(0).normal(size=np.shape(places))
    x = Tensor(np.ones(shape))
    part = x[index]
    assert part.shape == np.shape(places)
    exact = np.bincount(np.ravel(places), np.ravel(weights), x.size).reshape(shape)
    for create_graph in (False, True):
        found = gradients(part, x, create_graph=create_graph, gradient=weights)
        np.testing.assert_allclose(getattr(found, "data", found), exact, rtol=1e-14, atol=1e-15)
    check_function(lambda x: x[index] ** 2, array(*shape))


@pytest.mark.parametrize("dtype", [np.int64, np.int8])
@pytest.mark.parametrize("places", [(), (5,), (2, 3), (0,)])
def test_rows_of_a_table_taken_several_times(places, dtype):
    rng = np.random.default_rng(1)
    table = Tensor(rng.normal(size=(4, 3, 20)))
    index = rng.integers(-4, 4, places).astype(dtype)
    upstream = rng.normal(size=(*places, 3, 20))
    exact = np.zeros(table.shape)
    for place in np.ndindex(*places):
        exact[index[place]] += upstream[place]
    found = gradients(table[index], table, gradient=upstream)
    np.testing.assert_allclose(found, exact, rtol=1e-14, atol=1e-15)


# einsum

EINSUMS = [
    "ii->i", "ii", "ij->j", "ij->", "ij->ji", "ij", "ba", "iij->j", "iji->ij", "iii", "iii->i",
    "...->...", "i...->...", "...i->...", "...ii->...i", "ii...->...i", "i,i", "i,j", "i,j->ji",
    "ij,jk", "ij,jk->ik", "ji,jk->ik", "ij,ij->", "ij,ij->j", "i,ij->j", "ij,kl->", "ij,k->i",
    "ii,jj->ij", "ii,i->i", "...ij,...jk->...ik", "...i,i...->...", "...,...", "i...,j...->...ij",
    "bij,bjk->bik", "i,ij,j", "ij,jk,kl->il", "i,i,i->i", "ab, bc , cd->  a d", "Ba,aC",
]  # fmt: skip


@pytest.mark.parametrize("subscripts", EINSUMS)
def test_einsum(subscripts):
    for more in (0, 2) if "..." in subscripts else (0,):
        einsum_with(subscripts, more)


def einsum_with(subscripts, more):
    """``more`` axes stand for each ellipsis."""
    size = {letter: 2 + i % 3 for i, letter in enumerate("ijklabcdBC")}
    operands = []
    for n, term in enumerate(subscripts.replace(" ", "").split("->")[0].split(",")):
        head, dots, tail = term.partition("...")
        shape = [*map(size.get, head), *[3] * (more if dots else 0), *map(size.get, tail)]
        operands.append(array(*shape, seed=n))
    check_function(lambda *xs: np.einsum(subscripts, *xs), *operands)


@pytest.mark.parametrize(
    ("subscripts", "shapes"),
    [
        ("ij,ij->ij", [(1, 3), (2, 1)]),
        ("ij,ij->i", [(1, 4), (5, 1)]),
        ("ij,jk->ik", [(2, 1), (3, 4)]),
        ("ij,jk->ik", [(2, 3), (1, 4)]),
        ("i,i->", [(1,), (4,)]),
        ("ii,i->i", [(1, 1), (3,)]),
        ("ij,ik->", [(1, 4), (3, 2)]),
        ("...i,...i->...", [(3, 1, 2), (4, 2)]),
        ("ii,i->", [(2, 2), (1,)]),
        ("iij,ij->j", [(2, 2, 3), (1, 1)]),
        ("ii,jj->", [(2, 2), (1, 1)]),
        ("ii,i,i->i", [(3, 3), (1,), (3,)]),
        ("iik,ik->", [(1, 1, 2), (2, 1)]),
    ],
)
def test_einsum_of_axes_of_size_one(subscripts, shapes):
    operands = [array(*shape, seed=n) for n, shape in enumerate(shapes)]
    check_function(lambda *xs: np.einsum(subscripts, *xs), *operands)


@given(data=st.data())
def test_einsum_of_any_subscripts(data):
    """A letter may have size 1 in some operands, which are repeated there."""
    letters = st.text("ijk", max_size=3)
    terms = data.draw(st.lists(letters, min_size=1, max_size=3))
    used = sorted(set("".join(terms)))
    output = "".join(data.draw(st.lists(st.sampled_from(used), unique=True))) if used else ""
    subscripts = ",".join(terms) + data.draw(st.sampled_from(["", "->" + output]))
    size = {"i": 2, "j": 3, "k": 2}
    operands = []
    for n, term in enumerate(terms):
        ones = data.draw(st.sets(st.sampled_from("ijk"), max_size=1))
        operands.append(array(*[1 if s in ones else size[s] for s in term], seed=n))
    check_function(lambda *xs: np.einsum(subscripts, *xs), *operands)


# A primitive of one's own


def test_a_primitive_is_differentiated_to_second_order():
    solve = ag.primitive(
        np.linalg.solve, lambda g, x, A, b: (-np.outer(y := solve(A.T, g), x), y), name="solved"
    )  # fmt: skip
    check_function(solve, array(3, 3) + 5 * np.eye(3), array(3))


def test_a_primitive_takes_options_and_one_function_for_each_operand():
    scaled = ag.primitive(
        lambda x, y, power: (x * y) ** power,
        [
            lambda g, out, x, y, power: g * power * (x * y) ** (power - 1) * y,
            lambda g, out, x, y, power: g * power * (x * y) ** (power - 1) * x,
        ],
        name="scaled",
    )
    check_function(lambda x, y: scaled(x, y, power=3), array(4), array(4, seed=1))
    assert scaled(Tensor(1.0), 2.0, power=2).op == "scaled"
    stopped = ag.primitive(lambda x, y: x + y, lambda g, out, x, y: (g, None), name="stopped")
    x, y = Tensor([1.0]), Tensor([2.0])
    assert [found.tolist() for found in gradients(stopped(x, y), [x, y])] == [[1.0], [0.0]]


@pytest.mark.parametrize(
    ("pullback", "words"),
    [
        (lambda g, out, x: g[:1], "gave a gradient of shape (1,) for an operand of shape (2,)"),
        (lambda g, out, x: (g, g), "must give a tuple of 1 gradients"),
    ],
)
def test_a_wrong_pullback_is_found_by_its_shape(pullback, words):
    wrong = ag.primitive(lambda x: x * 2, pullback, name="wrong")
    x = Tensor([1.0, 2.0])
    with pytest.raises((TypeError, ValueError)) as error:
        gradients(np.sum(wrong(x)), x)
    assert words in str(error.value)
    assert "wrong" in str(error.value)


@pytest.mark.parametrize(("shape", "indices", "axis"), [((0, 0), 0, 1), ((0, 0, 2), [0, 3], -2)])
def test_take_of_nothing_is_empty_whatever_the_index_as_in_numpy(shape, indices, axis):
    x = np.zeros(shape)
    assert np.take(Tensor(x), indices, axis).shape == np.take(x, indices, axis).shape
    assert ag.grad(lambda x: np.sum(np.take(x, indices, axis)))(x).shape == shape
    with pytest.raises(IndexError):
        np.take(Tensor(np.zeros((2, 0))), 0, 1)
