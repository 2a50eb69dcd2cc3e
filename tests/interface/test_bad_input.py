"""What bad input gets: the operation, the shapes or values, and what to write instead."""
# ruff: noqa: E501 (a table reads best with one row a line)

import math
import operator
import re

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Tensor, Value

T23, T24 = Tensor(np.ones((2, 3))), Tensor(np.ones((2, 4)))
MASKED = np.ma.array([1.0, 2.0], mask=[False, True])
T2, V = Tensor([1.0, 2.0], label="t"), Value(2.0, label="v")


def set_item(t):
    t[0] = 1.0


def set_masked(t):
    np.ones(2)[np.array([True, False])] = t


def with_gradient():
    w = Tensor([1.0, 2.0], label="w")
    np.sum(w * w).backward()
    return w


def set_data(t, data):
    t.data = data


BAD = {
    # backward() from several numbers
    "backward of an array": (T2.backward, ValueError, ["(2,)", "np.sum(t).backward()", "t.backward(gradient)"]),
    "backward, wrong shape": (lambda: T2.backward([1.0]), ValueError, ["(1,)", "(2,)"]),
    "backward, Value, several": (lambda: V.backward([1.0]), TypeError, ["one number", "list"]),
    "backward of nodes": (lambda: np.sum(T2).backward(Tensor(1.0)), TypeError, ["gradient.data"]),
    "gradients of an array": (lambda: ag.gradients(T2, T2), ValueError, ["(2,)", "np.sum(t)"]),
    "gradients of a number": (lambda: ag.gradients(3.0, T2), TypeError, ["not float", "Tensor(...)"]),
    "gradients wrt a number": (lambda: ag.gradients(V, 3.0), TypeError, ["not float", "Value(...)"]),
    "gradients of a node": (lambda: ag.gradients(T2, T2, gradient=T2), TypeError, ["gradient.data", "create_graph"]),
    # shapes
    "add": (lambda: T23 + T24, ValueError, ["add", "(2, 3)", "(2, 4)"]),
    "subtract from a constant": (lambda: np.ones((2, 3)) - T24, ValueError, ["sub", "(2, 3)", "(2, 4)"]),
    "multiply by a list": (lambda: T23 * [1.0, 2.0], ValueError, ["mul", "(2, 3)", "(2,)"]),
    "maximum": (lambda: np.maximum(T23, T24), ValueError, ["maximum", "(2, 3)", "(2, 4)"]),
    "where": (lambda: np.where(np.ones((5, 1)) > 0, T23, T24), ValueError, ["where", "(5, 1)", "(2, 3)", "(2, 4)"]),
    "a rule of ours": (lambda: ag.leaky_relu(T23, T24), ValueError, ["leaky_relu", "(2, 3)", "(2, 4)"]),
    "matmul": (lambda: T23 @ T24, ValueError, ["matmul", "(2, 3)", "(2, 4)"]),
    "dot": (lambda: np.dot(T23, T24), ValueError, ["matmul", "(2, 3)", "(2, 4)"]),
    "einsum": (lambda: np.einsum("ij,jk", T23, T24), ValueError, ["einsum", "(2, 3)", "(2, 4)"]),
    "einsum, one too many": (lambda: np.einsum("ij,jk", T23), ValueError, ["einsum", "2 operands", "1 are given"]),
    "reshape": (lambda: T23.reshape(4), ValueError, ["reshape", "(2, 3)", "shape (4,)"]),
    "concatenate": (lambda: np.concatenate([T23, T24]), ValueError, ["concatenate", "(2, 3)", "(2, 4)"]),
    "stack": (lambda: np.stack([T23, T24]), ValueError, ["stack", "(2, 3)", "(2, 4)"]),
    "split": (lambda: np.split(T23, 2, axis=1), ValueError, ["split", "(2, 3)", "array_split"]),
    "broadcast_to": (lambda: np.broadcast_to(T23, (3, 2)), ValueError, ["broadcast_to", "(2, 3)", "(3,2)"]),
    "axis": (lambda: np.sum(T23, axis=2), np.exceptions.AxisError, ["axis 2"]),
    "index": (lambda: T2[2], IndexError, ["getitem", "(2,)", "index 2"]),
    "data of another shape": (lambda: set_data(T2, np.ones(3)), ValueError, ["(2,)", "(3,)", "new Tensor"]),
    # what is no real number
    "complex Tensor": (lambda: Tensor([1j]), TypeError, ["complex128", "real and imaginary", "float64"]),
    "object Tensor": (lambda: Tensor([None]), TypeError, ["object", "real numbers"]),
    "text Tensor": (lambda: Tensor("1"), TypeError, ["<U1", "convert text"]),
    "ragged Tensor": (lambda: Tensor([[1.0], [1.0, 2.0]]), ValueError, ["one length"]),
    "Tensor of Tensors": (lambda: Tensor([T2, T2]), TypeError, ["ag.array"]),
    "Tensor of a Tensor": (lambda: Tensor(T2), TypeError, ["Tensor", ".data"]),
    "Tensor of Values": (lambda: Tensor(V), TypeError, ["Value", ".data"]),
    "masked Tensor": (lambda: Tensor(np.ma.array([1.0], mask=[True])), TypeError, ["mask", "filled"]),
    "complex Value": (lambda: Value(1j), TypeError, ["complex", "real and imaginary"]),
    "object Value": (lambda: Value(None), TypeError, ["NoneType", "one real number"]),
    "text Value": (lambda: Value("1"), TypeError, ["str", "float(text)"]),
    "array Value": (lambda: Value(np.ones(2)), TypeError, ["(2,)", "Tensor"]),
    "Tensor + complex": (lambda: T2 + 1j, TypeError, ["add", "complex128"]),
    "complex * Tensor": (lambda: 1j * T2, TypeError, ["mul", "complex128"]),
    "complex array / Tensor": (lambda: np.array([1j]) / T2, TypeError, ["div", "complex128"]),
    "Tensor - text": (lambda: T2 - "1", TypeError, ["sub", "<U1"]),
    "Value + complex": (lambda: V + 1j, TypeError, ["add", "complex", "real and imaginary"]),
    "text * Value": (lambda: "2" * V, TypeError, ["mul", "str"]),
    "Value ** None": (lambda: V**None, TypeError, ["pow", "NoneType"]),
    "Value + list": (lambda: V + [1.0], TypeError, ["add", "list"]),  # noqa: RUF005
    "Value * array": (lambda: V * np.ones(2), TypeError, ["multiply", "(2,)", "Tensor"]),
    "function of Value and array": (lambda: ag.hypot(V, np.ones(2)), TypeError, ["hypot", "(2,)", "Tensor"]),
    "function of Value and text": (lambda: ag.hypot(V, "1"), TypeError, ["hypot", "str"]),
    "function of Value and Tensor": (lambda: ag.hypot(V, T2), TypeError, ["hypot", "Tensor(value.data)"]),
    "Tensor * Value": (lambda: T2 * V, TypeError, ["mul", "Tensor(value.data)"]),
    "Value * Tensor": (lambda: V * T2, TypeError, ["mul", "Tensor(value.data)"]),
    "function of text": (lambda: ag.exp("1"), TypeError, ["exp", "<U1"]),
    "function of None": (lambda: ag.exp(None), TypeError, ["exp", "NoneType"]),
    "function of complex": (lambda: ag.exp(np.array([1j])), TypeError, ["exp", "complex128"]),
    "function with too much": (lambda: ag.relu(T2, 1), TypeError, ["relu"]),
    # what would drop the gradient
    "float(t)": (lambda: float(T2), TypeError, ["t.item()", "np.exp(t)"]),
    "int(t)": (lambda: int(Tensor(1.0)), TypeError, ["int(t.item())"]),
    "math.exp(t)": (lambda: math.exp(Tensor(1.0)), TypeError, ["np.exp(t)"]),
    "np.asarray(t)": (lambda: np.asarray(T2), TypeError, ["t.data", "ag.array"]),
    "np.array([t, t])": (lambda: np.array([T2, T2]), TypeError, ["ag.array"]),
    "array[t]": (lambda: np.arange(3)[T2], TypeError, ["t.data"]),
    "if t": (lambda: bool(T2), TypeError, ["(2,)", "t.item()", "np.any(t.data)"]),
    "t and t": (lambda: T2 and T2, TypeError, ["neither true nor false"]),
    "t[i] = v": (lambda: set_item(T2), TypeError, ["np.where", "t.data[i] = v"]),
    "t[t]": (lambda: T2[T2], TypeError, ["astype(int)"]),
    "float(v)": (lambda: float(V), TypeError, ["value.data"]),
    "int(v)": (lambda: int(V), TypeError, ["int(value.data)"]),
    "math.exp(v)": (lambda: math.exp(V), TypeError, ["np.exp(value)", "value.exp()"]),
    "array[i] = t by mask": (lambda: set_masked(Tensor(1.0)), TypeError, ["ag.zeros"]),
    "array += t in place": (lambda: operator.iadd(np.ones(2), T2), TypeError, ["array = array + t"]),
    "array.dot(t)": (lambda: np.ones(2).dot(T2), TypeError, ["X @ t for X.dot(t)"]),
    "t -= rate * t.grad": (lambda: operator.isub(with_gradient(), 0.1), TypeError, ["w.data -= ", "w = w - ", "no_grad()"]),
    "t *= number": (lambda: operator.imul(with_gradient(), 0.1), TypeError, ["w.data *= ", "w = w * "]),
    "masked * t": (lambda: MASKED * T2, TypeError, ["masked array", "np.where(masked.mask, "]),
    "t * masked": (lambda: T2 * MASKED, TypeError, ["masked array", "masked.filled(0)"]),
    "np.multiply(masked, t)": (lambda: np.multiply(MASKED, T2), TypeError, ["masked array"]),
    "np.stack of masked": (lambda: np.stack([T2, MASKED]), TypeError, ["masked array"]),
    "np.ma.exp(t)": (lambda: np.ma.exp(T2), TypeError, ["masked array"]),
    "matrix * t": (lambda: np.eye(2).view(np.matrix) * T2, TypeError, ["np.matrix", "np.asarray(matrix) @ t"]),
    "t @ matrix": (lambda: T2 @ np.eye(2).view(np.matrix), TypeError, ["np.matrix", "np.asarray(matrix) @ t"]),
    "np.full of t": (lambda: np.full(3, Tensor(1.0)), TypeError, ["numpy's full()", "np.broadcast_to"]),
    "np.full_like by t": (lambda: np.full_like(np.ones(3), Tensor(1.0)), TypeError, ["np.broadcast_to(t, shape)"]),
    "np.r_ of a list": (lambda: np.r_[[T2, T2]], TypeError, ["np.r_ or np.c_", "np.stack"]),
    "np.c_ of a list": (lambda: np.c_[T2, [T2, T2]], TypeError, ["np.r_ or np.c_", "np.stack"]),
    "np.mean of a list": (lambda: np.mean([T2, T2]), TypeError, ["numpy's mean()", "np.mean(ag.array([...]))"]),
    "np.linalg.norm of a list": (lambda: np.linalg.norm([T2]), TypeError, ["np.linalg.norm(ag.array([...]))"]),
    "np.median of a list": (lambda: np.median([T2]), TypeError, ["numpy's median()", "np.median(ag.array([...]))"]),
    "np.vectorize(f)(t)": (lambda: np.vectorize(abs)(T2), TypeError, ["numpy's vectorize makes", "autograd_mini.primitive"]),
    "Tensor(requires_grad)": (lambda: Tensor(1.0, requires_grad=True), TypeError, ["requires_grad", "every Tensor"]),
    "Tensor(dtype)": (lambda: Tensor(1.0, dtype=float), TypeError, ["np.asarray(data, dtype)"]),
    "t.sum(dim)": (lambda: T23.sum(dim=0), TypeError, ["sum()", "'dim'", "axis="]),
    "t.mean(keepdim)": (lambda: T23.mean(0, keepdim=True), TypeError, ["mean()", "keepdims="]),
    "t.numpy()": (lambda: T2.numpy(), AttributeError, ["Tensor has no 'numpy'", "t.data"]),
    "ag.tensor": (lambda: ag.tensor([1.0]), AttributeError, ["ag.Tensor(data)"]),
    "if v": (lambda: bool(V), TypeError, ["value != 0", "value.data"]),
    "array += t": (lambda: np.add(np.ones(2), T2, out=np.ones(2)), TypeError, ["numpy.add", "out"]),
    # NumPy functions without a rule
    "unknown function": (lambda: np.fft.rfft(T23), TypeError, ["numpy.fft.rfft", "autograd_mini.primitive"]),
    "unknown ufunc": (lambda: np.gcd(T2, T2), TypeError, ["numpy.gcd", "autograd_mini.rule", ".data"]),
    "unknown ufunc of a Value": (lambda: np.cbrt(V), TypeError, ["numpy.cbrt", "Value"]),
    "unknown function of a Value": (lambda: np.sum(V), TypeError, ["numpy.sum", "Value"]),
    "unknown method": (lambda: np.add.at(T2, 0, 1.0), TypeError, ["numpy.add.at"]),
    "unknown option": (lambda: np.exp(T2, where=T2 > 1), TypeError, ["numpy.exp", "where"]),
    "unknown option by place": (lambda: np.sum(T2, 0, None, np.ones(1)), TypeError, ["numpy.sum", "out"]),
    "unknown option of a ufunc": (lambda: np.exp(T2, casting="no"), TypeError, ["numpy.exp", "casting"]),
    "unknown option beside a default": (lambda: np.clip(T2, 0, None, casting="no"), TypeError, ["numpy.clip", "casting"]),
    "a place that writes": (lambda: np.copyto(np.ones(2), T2), TypeError, ["numpy.copyto", "np.where(mask, values, t)"]),
    "unknown option of outer": (lambda: np.add.outer(T2, T2, casting="no"), TypeError, ["numpy.add.outer", "casting"]),
    "unknown norm": (lambda: np.linalg.norm(T23, 3), ValueError, ["norm", "'nuc'", "3"]),
    "unknown padding": (lambda: np.pad(T2, 1, mode="empty"), TypeError, ["pad", "'empty'", "reflect"]),
    "unknown order": (lambda: np.ravel(T23, order="A"), TypeError, ["ravel", "'C' or 'F'"]),
    # Value: mathematics has no number here
    "log": (lambda: np.log(Value(-1.0, label="w")), ValueError, ["log(x)", "x > 0", "-1.0", "'w'"]),
    "log of zero": (lambda: Value(0.0).log(), ValueError, ["log(x)", "x > 0", "0.0"]),
    "sqrt": (lambda: Value(-4.0).sqrt(), ValueError, ["sqrt(x)", "x >= 0", "-4.0"]),
    "division": (lambda: V / 0, ZeroDivisionError, ["div(x, y)", "y != 0", "x = 2.0", "'v'", "y = 0.0"]),
    "reflected division": (lambda: 1 / Value(0.0), ZeroDivisionError, ["div", "x = 1.0", "y = 0.0"]),
    "reciprocal": (lambda: Value(0.0).reciprocal(), ZeroDivisionError, ["reciprocal(x)", "x != 0"]),
    "power": (lambda: Value(-8.0) ** (1 / 3), ValueError, ["pow(x, y)", "-8.0", "0.333"]),
    "zero to a negative power": (lambda: Value(0.0) ** -1, ValueError, ["pow(x, y)", "y = -1.0"]),
    "arcsin": (lambda: np.arcsin(Value(2.0)), ValueError, ["arcsin(x)", "abs(x) <= 1", "2.0"]),
    "arctanh": (lambda: np.arctanh(Value(1.0)), (ValueError, ZeroDivisionError), ["arctanh(x)", "abs(x) < 1"]),
    "arccosh": (lambda: np.arccosh(Value(0.5)), ValueError, ["arccosh(x)", "x >= 1", "0.5"]),
    "overflow": (lambda: Value(1000.0).exp(), OverflowError, ["exp(x)", "too large", "1000.0"]),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
def test_bad_input_is_told_what_to_do(what):
    call, error, words = BAD[what]
    with pytest.raises(error) as raised:
        call()
    message = str(raised.value)
    assert all(word in message for word in words), message
    assert "\n" not in message


NUMPY_RULES = {
    "log": (lambda x: np.log(x), [-1.0, 0.0, 1.0], "divide by zero|invalid value"),
    "division": (lambda x: 1 / x, [0.0, 1.0], "divide by zero"),
    "sqrt": (lambda x: np.sqrt(x), [-1.0, 4.0], "invalid value"),
    "power": (lambda x: x**0.5, [-1.0, 4.0], "invalid value"),
    "overflow": (lambda x: np.exp(x), [1000.0], "overflow"),
}


@pytest.mark.parametrize("what", NUMPY_RULES)
def test_a_tensor_follows_numpy_s_rules(what):
    """The same numbers and the same warning as the array, which np.errstate governs."""
    function, numbers, warning = NUMPY_RULES[what]
    with pytest.warns(RuntimeWarning, match=warning):
        function(Tensor(numbers))
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(function(Tensor(numbers)).data, function(np.array(numbers)))


OBJECTS = {
    "numbers": (np.array([1, 2.5], object), "write np.asarray(data, dtype=float)"),
    "Values": ([Value(1.0)], "it holds Values, which Tensors do not mix with: write their .data"),
    "None": ([1.0, None], "it holds a NoneType; all must be numbers, in rows of one length"),
    "rows": (np.array([[1], [1, 2]], object), "it holds a list; all must be numbers, in rows"),
}


@pytest.mark.parametrize("what", OBJECTS)
def test_an_array_of_objects_is_refused_with_what_it_holds(what):
    data, words = OBJECTS[what]
    for take in (Tensor, lambda data: Tensor([1.0]) + np.asarray(data, object)):
        with pytest.raises(TypeError, match=re.escape(words)):
            take(data)


def test_a_result_that_is_no_real_number_is_answered_with_data():
    with pytest.raises(TypeError, match=r"its result would be int64: .*t\.data has the plain ones"):
        Tensor([1.0]).astype(int)


def test_an_element_of_an_array_cannot_become_a_tensor():
    array = np.ones(2)
    with pytest.raises(ValueError, match="setting an array element") as raised:
        array[0] = Tensor(1.0)
    assert "ag.zeros(shape) or np.zeros_like(t) for an array" in str(raised.value.__cause__)


def test_a_ufunc_that_writes_into_a_tensor_is_refused():
    x = Tensor([1.0])
    with pytest.raises(TypeError, match="out"):
        np.exp(np.ones(1), out=(x,))
    with pytest.raises(TypeError, match=r"numpy\.sum\(out"):
        np.sum(x, out=np.zeros(()))
