"""Every operation over shapes without axes and with axes of size 0 and 1: NumPy works, so do we.

The operations come from the registries and their arguments from the names of their parameters: an
operation that is added is tested here without being asked, and a parameter of another name says
that nothing is known of it.
"""

import inspect
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, basic_indices, integer_array_indices
from hypothesis.extra.numpy import arrays as numpy_arrays

import autograd_mini as ag
from autograd_mini import Tensor
from autograd_mini.core.operation import NUMPY_FUNCTIONS, OPERATIONS
from autograd_mini.core.rule import FUNCTIONS, RULES
from autograd_mini.testing import check_function

REFUSALS = (ValueError, TypeError, IndexError)
SHAPES = array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)


def provenance(ours):
    """Where a function comes from: its module, and the source of the operation that it records."""
    operation = OPERATIONS.get(ours.__name__)
    module = "scipy" if ours.__module__.endswith(".special") else ""
    return module + (operation.source if operation else "")


OURS = {numpy: ours for numpy, ours in NUMPY_FUNCTIONS.items() if numpy is not np.ndarray.astype}
OURS[lambda x, dtype: x.astype(dtype)] = NUMPY_FUNCTIONS[np.ndarray.astype]
del OURS[np.histogram]  # the Tensor is its last argument
OURS = {f: ours for f, ours in OURS.items() if "scipy" not in provenance(ours)}  # have poles
OURS |= {f: f for f in (ag.affine, ag.softmax, ag.log_softmax, ag.logsumexp)}  # NumPy has none
NAMES = {
    f"{ours.__module__.rpartition('.')[2]}.{ours.__name__}:{getattr(numpy, '__name__', '')}": numpy
    for numpy, ours in OURS.items()
}


def numbers(shape, seed=0):
    """Distinct numbers away from zero, so that differences meet no tie and no kink."""
    rng = np.random.default_rng((seed, *shape))
    size = int(np.prod(shape))
    return (rng.permutation(np.linspace(0.5, 2.0, size)) * rng.choice([-1, 1], size)).reshape(shape)


def axes(shape):
    """Numbers of axes; an array without axes takes 0 and -1 as well, in many functions."""
    return st.integers(-max(len(shape), 1), max(len(shape), 1) - 1)


def axis(shape):
    several = st.lists(axes(shape), max_size=3).map(tuple)
    return st.none() | axes(shape) | several


def other_shape(shape):
    """A shape that may fit into a product, a sum or a concatenation."""
    ends = [shape, shape[::-1], shape[-1:], (*shape[-1:], 2), (*shape[-1:], 0), (), (1,), (0,)]
    return st.sampled_from(ends) | SHAPES


def index(shape):
    some = st.sampled_from([(), ..., None, True, False, (None, ...), [], (..., None)])
    ways = [some, basic_indices(shape, allow_newaxis=True), numpy_arrays(bool, shape)]
    if shape and 0 not in shape:
        ways.append(integer_array_indices(shape, result_shape=array_shapes(min_dims=0, max_dims=2)))
    return st.one_of(ways)


def term(shape):
    letters = "abcd"[: len(shape)]
    return st.lists(st.sampled_from(letters or "a"), unique=True).map(
        lambda out: letters + "->" + "".join(s for s in out if s in letters)
    )


small = st.integers(-2, 3)
PARAMETERS = {  # by name: how to draw an argument for an array of this shape
    "axis": axis,
    "axes": lambda shape: st.none() | st.integers(0, 2) | st.permutations(range(len(shape))),
    "axis1": axes, "axis2": axes, "source": axes, "destination": axes,
    "keepdims": lambda shape: st.booleans(),
    "ddof": lambda shape: st.integers(0, 1),
    "ord": lambda shape: st.sampled_from([None, 0, 1, 2, 3]),
    "shape": lambda shape: st.sampled_from(
        [shape, shape[::-1], -1, (-1, 1), (1, *shape), (3, *shape), (0, *shape), ()]
    ),
    "index": index, "indices": lambda shape: st.sampled_from([0, -1, [0], [[0, 0]], []]),
    "indices_or_sections": lambda shape: st.sampled_from([1, 2, [0], [1], [1, 2], [5]]),
    "obj": lambda shape: st.sampled_from([0, -1, [0], [0, 0], [], slice(0, 1)]),
    "offset": lambda shape: small, "k": lambda shape: small, "n": lambda shape: small,
    "shift": lambda shape: small, "dtype": lambda shape: st.just(np.float64),
    "repeats": lambda shape: st.sampled_from([0, 1, 3]),
    "reps": lambda shape: st.sampled_from([0, 2, (1, 2), (2, 0), ()]),
    "pad_width": lambda shape: st.sampled_from([0, 1, (1, 0), ((0, 2),)]),
    "mode": lambda shape: st.sampled_from(["constant", "edge", "wrap", "reflect", "raise", "clip"]),
    "constant_values": lambda shape: st.sampled_from([None, 7.0]),
    "a_min": lambda shape: st.just(-1.03), "a_max": lambda shape: st.just(1.07),
    "decimals": lambda shape: st.sampled_from([0, 2, -1]),
    "fill_value": lambda shape: st.just(7.0),
    "condition": lambda shape: st.booleans() | numpy_arrays(bool, shape),
    "subscripts": term,
    "m": lambda shape: st.integers(0, 2), "axisa": axes, "axisb": axes, "axisc": axes,
    "start": lambda shape: st.integers(-1, 3), "new_shape": lambda shape: SHAPES,
    "trim": lambda shape: st.sampled_from(["f", "b", "fb"]),
    "window_shape": lambda shape: st.integers(1, 3),
    "return_index": lambda shape: st.just(False), "return_counts": lambda shape: st.just(False),
    "return_inverse": lambda shape: st.just(False), "equal_nan": lambda shape: st.booleans(),
    "nan": lambda shape: st.just(2.0), "tol": lambda shape: st.just(100),
    "deg": lambda shape: st.integers(0, 2), "num": lambda shape: st.integers(0, 4),
    "endpoint": lambda shape: st.booleans(), "base": lambda shape: st.just(2.0),
    "sparse": lambda shape: st.booleans(), "indexing": lambda shape: st.sampled_from(["xy", "ij"]),
    "kth": lambda shape: st.sampled_from([0, -1]),
    "q": lambda shape: st.sampled_from([0, 0.3, [0.5]]),
    "method": lambda shape: st.sampled_from(["linear", "lower", "midpoint"]),
    "power": lambda shape: st.sampled_from([0, 2, -1]),
    "ufunc": lambda shape: st.sampled_from([np.add, np.multiply]),
    "func": lambda shape: st.just(np.sum), "func1d": lambda shape: st.just(np.sum),
    "condlist": lambda shape: numpy_arrays(bool, shape).map(lambda c: [c, ~c]),
    "funclist": lambda shape: st.just([np.square, np.negative]),
    "edge_order": lambda shape: st.integers(1, 2), "period": lambda shape: st.just(1.7),
    "dx": lambda shape: st.just(0.5), "N": lambda shape: st.integers(0, 3),
    "increasing": lambda shape: st.booleans(), "minlength": lambda shape: st.integers(0, 3),
    "rowvar": lambda shape: st.booleans(), "bias": lambda shape: st.booleans(),
    "include_initial": lambda shape: st.booleans(),
    "upper": lambda shape: st.booleans(), "UPLO": lambda shape: st.sampled_from("LU"),
    "compute_uv": lambda shape: st.booleans(), "ind": lambda shape: st.integers(1, 2),
    "bins": lambda shape: st.just(3),
    "range": lambda shape: st.just((0.0, 1.0)), "density": lambda shape: st.booleans(),
    "mean": lambda shape: st.just(0.5), "correction": lambda shape: st.integers(0, 1),
}  # fmt: skip
OPERANDS = {
    "x", "y", "values", "weight", "a", "b", "v", "val", "ar", "arr", "ary", "filt", "z", "f", "xp",
    "fp", "p", "m", "stop", "seq_of_zeros", "a1", "a2", "x1", "x2", "to_end", "to_begin",
}  # fmt: skip
PREPARED = {
    np.linalg.cholesky: lambda x: x @ np.matrix_transpose(x) + np.eye(np.shape(x)[-2]),
    np.linalg.eigh: lambda x: x + np.matrix_transpose(x),
    np.linalg.eigvalsh: lambda x: x + np.matrix_transpose(x),
    np.linalg.eig: lambda x: x + np.matrix_transpose(x),
    np.linalg.eigvals: lambda x: x + np.matrix_transpose(x),
    np.linalg.svd: lambda x: (
        x @ np.matrix_transpose(x) + np.diag(np.arange(1.0, 1 + np.shape(x)[-2]))
    ),
    np.interp: lambda x: 0.83 * x,  # no knot
    np.frexp: lambda x: 0.97 * x,  # no power of 2
    np.divmod: lambda x: 0.97 * x,
    np.spacing: lambda x: 0.97 * x,
}
"""What an operand is made into that is to be symmetric, or square."""
ONE_AXIS = {np.polyder, np.polyint, np.polyadd, np.polysub}
"""Functions of coefficients along one axis, which NumPy sometimes takes otherwise."""
LEAST_AXES = {np.interp: 0, np.frexp: 0, np.divmod: 0, np.spacing: 0}
LEFT_OUT = {
    "optimize", "order", "dtype", "out", "where", "initial", "copy", "subok", "writeable", "device",
    "kind", "stable", "sorted", "overwrite_input", "weights", "fweights", "aweights", "discont",
    "left", "right", "returned", "retstep", "full", "w", "cov", "rcond", "rtol", "hermitian",
    "full_matrices", "posinf", "neginf", "p", "default", "prepend", "append", "min", "max",
}  # fmt: skip
"""Options that say how, not what."""


@st.composite
def calls(draw, numpy):
    """A function of arrays that calls NumPy's with drawn arguments, and the arrays."""
    shape = draw(SHAPES)
    operands, given, named = [], [], {}
    parameters = inspect.signature(OURS[numpy]).parameters
    # Rounding to two digits, to one or to none does not jump a third of a hundredth further on
    shift = 1 / 300 if "decimals" in parameters else 0

    def operand(shape):
        operands.append(numbers(shape, len(operands)) + shift)
        return len(operands) - 1

    for name, parameter in parameters.items():
        optional = parameter.default is not parameter.empty
        if parameter.kind is parameter.VAR_KEYWORD or (optional and name in LEFT_OUT):
            continue
        if name == "args" and parameters.keys() & {"funclist", "func1d"}:
            continue
        how_often = name == "m" and "p" in parameters  # to differentiate a polynomial
        if (name in OPERANDS and not how_often) or parameter.kind is parameter.VAR_POSITIONAL:
            given.append((operand, operand(draw(other_shape(shape)) if operands else shape)))
        elif name in ("arrays", "tup", "choices", "choicelist"):
            more = draw(st.lists(st.just(shape) | other_shape(shape), max_size=2))
            given.append((list, [operand(each) for each in (shape, *more)]))
        else:
            assert name in PARAMETERS, f"say in PARAMETERS how to draw an argument for {name!r}"
            argument = draw(PARAMETERS[name](shape))
            if numpy is np.take_along_axis and name == "indices":
                argument = np.asarray(argument, int)
            if optional and name != "shape":
                named |= {} if argument is None and name != "axis" else {name: argument}
            else:
                given.append((None, argument))

    def call(*xs):
        arguments = [
            xs[what] if kind is operand else [xs[i] for i in what] if kind is list else what
            for kind, what in given
        ]
        if numpy in PREPARED and np.ndim(arguments[0]) >= LEAST_AXES.get(numpy, 2):
            arguments[0] = PREPARED[numpy](arguments[0])
        result = numpy(*arguments, **named)
        if isinstance(result, list | tuple):
            parts = [np.ravel(part) for part in result]
            return np.concatenate(parts) if parts else np.sum(xs[0])
        return result

    return call, operands, f"{[a.shape for a in operands]} {given} {named}"


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
def test_every_array_operation_over_small_shapes(name, data):
    call, operands, what = data.draw(calls(NAMES[name]))
    if NAMES[name] in ONE_AXIS and any(np.ndim(x) != 1 for x in operands):
        return
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # NumPy's on means of nothing
        try:
            plain = np.asarray(call(*operands))
        except ZeroDivisionError:  # an average of nothing
            return
        except REFUSALS:
            with pytest.raises(REFUSALS):
                call(*map(Tensor, operands))
            return
        xs = [Tensor(x) for x in operands]
        if "'ord'" in what and np.ndim(operands[0]) > 1:  # norms of matrices are refused
            try:
                ours = call(*xs)
            except TypeError:
                return
        ours = call(*xs)
        if not (isinstance(ours, Tensor) or any(map(np.size, operands))):
            return  # NumPy asks each element of what roots and poly are given
        assert isinstance(ours, Tensor), what
        digits = 1e-13 if getattr(NAMES[name], "__module__", "") == "numpy.linalg" else 0
        np.testing.assert_allclose(ours.data, plain, rtol=1e-13, atol=digits, err_msg=what)
        for create_graph in (False, True):
            slopes = ag.gradients(np.sum(ours), xs, create_graph=create_graph)
            assert [slope.shape for slope in slopes] == [x.shape for x in xs], what
        if np.isfinite(plain).all():
            check_function(call, *operands, order=1)


def inside(name):
    """Numbers where the row is defined and smooth."""
    return {"arccosh": 1.5, "arctanh": 0.5, "arcsin": 0.5, "arccos": 0.5}.get(name, 0.7)


@pytest.mark.parametrize("name", RULES)
@given(data=st.data())
def test_every_elementwise_operation_over_small_shapes(name, data):
    row = RULES[name]
    shape = data.draw(SHAPES)
    operands = [
        inside(name) + 0.01 * i + 0.1 * numbers(data.draw(st.sampled_from([shape, shape[1:], ()])))
        for i in range(len(row.operands))
    ]
    if row.derivatives[0] is None:
        condition = operands.pop(0) > inside(name)
        check_function(lambda *xs: FUNCTIONS[name](condition, *xs), *operands, order=1)
    else:
        check_function(FUNCTIONS[name], *operands, order=1)


def test_the_registries_are_all_here():
    assert {"affine", "softmax", "log_softmax", "logsumexp"} <= {o.__name__ for o in OURS.values()}
    assert len(NAMES) == len(OURS) > 200
