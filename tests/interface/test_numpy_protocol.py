"""Every function of NumPy's public namespaces, called with a Tensor.

Whatever call an array takes, a Tensor takes it as well and gives a Tensor, or the result is plain
by design, or the call is a TypeError that says what to write.  The functions are those of the
NumPy that is installed.
"""

import contextlib
import inspect
import io
import re
import warnings

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Tensor
from autograd_mini.interface import numpy_protocol

NAMESPACES = {
    "np": np,
    "np.linalg": np.linalg,
    "np.fft": np.fft,
    "np.ma": np.ma,
    "np.random": np.random,
    "np.char": np.char,
    "np.strings": getattr(np, "strings", np.char),
    "np.polynomial.polynomial": np.polynomial.polynomial,
    "np.lib.stride_tricks": np.lib.stride_tricks,
}

NOT_CALLED = {
    "np.test": "runs NumPy's own tests",
    "np.info": "prints documentation",
    "np.save": "writes a file",
    "np.savez": "writes a file",
    "np.savez_compressed": "writes a file",
    "np.savetxt": "writes a file",
    "np.fromfile": "reads a file",
    "np.fromregex": "reads a file",
    "np.genfromtxt": "reads a file",
    "np.load": "reads a file",
    "np.loadtxt": "reads a file",
    "np.memmap": "writes a file",
    "np.show_config": "prints",
    "np.show_runtime": "prints",
    "np.set_printoptions": "changes NumPy's state",
    "np.setbufsize": "changes NumPy's state",
    "np.seterr": "changes NumPy's state",
    "np.seterrcall": "changes NumPy's state",
    "np.can_cast": "of types",
    "np.mintypecode": "of types",
    "np.ma.fix_invalid": "refuses a Tensor as mask in words of its own",
    "np.binary_repr": "takes whole numbers",
    "np.bmat": "gives None of whatever is no array",
    "np.empty_like": "gives whatever lies in memory",
    "np.ma.empty_like": "gives whatever lies in memory",
    "np.printoptions": "changes NumPy's state",
    "np.isfortran": "of the memory",
    "np.frombuffer": "takes memory, not numbers",
    "np.from_dlpack": "takes memory, not numbers",
    "np.ma.frombuffer": "takes memory, not numbers",
    "np.random.seed": "changes NumPy's state",
    "np.random.set_state": "changes NumPy's state",
    "np.random.set_bit_generator": "changes NumPy's state",
}

ARRAY = np.array([[2.03, 0.57], [0.61, 1.43]])


def functions():
    for space, module in NAMESPACES.items():
        for name in sorted(getattr(module, "__all__", dir(module))):
            function = getattr(module, name, None)
            if name.startswith("_") or not callable(function) or inspect.isclass(function):
                continue
            if f"{space}.{name}" not in NOT_CALLED and not inspect.ismodule(function):
                yield f"{space}.{name}", function


def calls(x):
    """Arguments that some function or other takes."""
    mask = np.array([[True, False], [True, True]])
    yield (x,)
    yield (x, x)
    yield (x, 1)
    yield (1, x)
    yield (x, x, x)
    yield ([x, x],)
    yield (x, 0, 1)
    yield (x, (2, 2))
    yield ((2, 2), x)
    yield (mask, x)
    yield (x, mask)
    yield (mask, x, x)
    yield (np.ones((2, 2)), mask, x)
    yield (np.ones((2, 2)), x)
    yield ([mask], [x])
    yield (np.sum, 0, x)
    yield (np.sum, x, 0)
    yield ("ij,jk", x, x)
    yield (x[0],)
    yield (x[0], x[0])
    yield (x[0], x[0], x[0])
    yield (x[0], x[0], 1)
    yield (x[0, 0, ...],)
    yield (x[0, 0, ...], x[0, 1, ...])
    yield (x[0, 0, ...], x[0, 1, ...], 3)
    yield (3, x[0, 0, ...])
    yield (x, np.array([[0, 1], [1, 0]]), 0)
    yield (np.array([0, 1]), x)
    yield (np.array([0, 1]), x[0])
    yield (np.array([0, 1]), None, x[0])
    yield (x, 1, x[0])
    yield (x, ("i", 1))


def outcome(function, arguments):
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        with np.errstate(all="ignore"):
            try:
                return function(*arguments)
            except Exception as error:
                return error


def holds_a_tensor(result):
    if isinstance(result, Tensor):
        return True
    if isinstance(result, np.ndarray):
        return result.dtype == object and any(isinstance(r, Tensor) for r in result.flat)
    if isinstance(result, list | tuple):
        return any(map(holds_a_tensor, result))
    return False


def advises(error):
    """Whether an error, or the one of ours that NumPy put another around, says what to write."""
    while error is not None:
        words = str(error)
        if any(
            word in words
            for word in ("write ", "convert ", "must be ", "call it without", "derivative rule for")
        ):
            return True
        error = error.__cause__ or error.__context__
    return False


def is_unmoved(function, index):
    """Whether a call's plain result is the same for other numbers, so that nothing is dropped."""
    results = []
    for scale in (1.0, 1.0, 1 + 1e-6):
        arguments = list(calls(ARRAY * scale))[index]
        np.random.seed(0)  # noqa: NPY002 (np.random's functions are among those called)
        results.append(re.sub(r" at 0x\w+", "", repr(outcome(function, arguments))))
    return results[0] == results[2] or results[0] != results[1]  # or it is an address in memory


@pytest.mark.parametrize(("name", "function"), [pytest.param(*f, id=f[0]) for f in functions()])
def test_a_tensor_a_plain_result_by_design_or_a_type_error_with_advice(name, function):
    listed = function in numpy_protocol.PLAIN_UFUNCS or function in numpy_protocol.PLAIN_FUNCTIONS
    pairs = zip(calls(ARRAY.copy()), calls(Tensor(ARRAY)), strict=True)
    for index, (with_arrays, with_tensors) in enumerate(pairs):
        if isinstance(outcome(function, with_arrays), Exception):
            continue  # it is no call of this function
        result = outcome(function, with_tensors)
        if isinstance(result, Exception):
            around = isinstance(result, ValueError) and isinstance(result.__cause__, TypeError)
            assert isinstance(result, TypeError) or around, (with_tensors, result)
            assert advises(result), (with_tensors, result)
        elif not listed and not holds_a_tensor(result):
            assert is_unmoved(function, index), (with_tensors, result)


@pytest.mark.parametrize("function", numpy_protocol.PLAIN_FUNCTIONS)
def test_what_is_plain_by_design_does_not_move_with_the_numbers(function):
    text = numpy_protocol.PLAIN_FUNCTIONS[function] == "text"
    for index, arguments in enumerate(calls(ARRAY.copy())):
        if not text and not isinstance(outcome(function, arguments), Exception):
            assert is_unmoved(function, index), arguments


def test_full_like_depends_on_what_it_is_filled_with():
    x = np.ones(3)
    assert ag.grad(lambda x: np.sum(np.full_like(x, np.sum(x)) * x))(x).tolist() == [6, 6, 6]
    assert type(np.full_like(Tensor(x), 2.0)) is np.ndarray
