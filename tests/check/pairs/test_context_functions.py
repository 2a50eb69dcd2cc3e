"""``check_backward`` of functions with a context, as libraries of one's own have them."""

import numpy as np
import pytest

from autograd_mini import check_backward

RNG = np.random.default_rng(0)


class Array:
    """What such a library calls a tensor."""

    __slots__ = ("data", "requires_grad")

    def __init__(self, data, requires_grad=False):
        self.data, self.requires_grad = data, requires_grad

    def __mul__(self, other):
        return Array(self.data * other.data)


def fitted(gradient, shape):
    """A gradient summed until it has a shape."""
    while gradient.shape != shape:
        gradient = gradient.sum(axis=0, keepdims=gradient.ndim <= len(shape))
    return gradient


class Exp:
    def forward(ctx, a):
        out = Array(np.exp(a.data), a.requires_grad)
        ctx.save_for_backward(out)
        return out

    def backward(ctx, grad_output):
        (out,) = ctx.saved_tensors
        return out * grad_output


class ExpWithoutUpstream(Exp):
    def backward(ctx, grad_output):
        return ctx.saved_tensors[0]


class Softmax:
    def forward(ctx, a):
        e = np.exp(a.data - np.max(a.data))
        ctx.out = Array(e / np.sum(e, axis=-1, keepdims=True))
        return ctx.out

    def backward(ctx, grad_output):
        out = ctx.out
        grad = out.data * (1 - out.data) * grad_output.data
        return Array(fitted(grad, out.data.shape))


class Embedding:
    def forward(ctx, index, table):
        ctx.index, ctx.shape = index, table.shape
        return table[index]

    def backward(ctx, grad_output):
        d = np.zeros(ctx.shape)
        d[ctx.index] = grad_output
        return None, d


class Add:
    def forward(ctx, x, y):
        return x + y

    def backward(ctx, grad_output):
        return grad_output, grad_output


class Max:
    def forward(ctx, x, axis):
        ctx.saved = x.shape, np.expand_dims(x.argmax(axis=axis), axis), axis
        return np.take_along_axis(x, ctx.saved[1], axis).squeeze(axis)

    def backward(ctx, grad_output):
        shape, places, axis = ctx.saved
        grad = np.zeros(shape)
        np.put_along_axis(grad, places, np.expand_dims(grad_output, axis), axis=axis)
        return grad


class MaxWithoutUpstream(Max):
    def backward(ctx, grad_output):
        shape, places, axis = ctx.saved
        grad = np.zeros(shape)
        np.put_along_axis(grad, places, 1 / places.size, axis=axis)
        return grad


def no_sigmoid(x):
    return 1 / np.log(1 + np.exp(-x))


class Squashed:
    def forward(ctx, x):
        return no_sigmoid(x)

    def backward(ctx, grad_output):
        return no_sigmoid(grad_output) * (1 - no_sigmoid(grad_output))


def mistake_of(function, *inputs):
    report = check_backward(function.forward, function.backward, *inputs)
    (mistake,) = report.mistakes
    assert report.findings or not mistake.repair or mistake.repair.verified_at == 3
    return mistake


def test_objects_that_hold_an_array_are_inputs_outputs_and_gradients():
    x = Array(RNG.normal(size=(3, 2)), requires_grad=True)
    before = x.data.copy()
    report = check_backward(Exp.forward, Exp.backward, x)
    assert report.ok
    assert report["a"].manual.shape == (3, 2)
    assert not any("numerically" in note for note in report.notes)
    assert np.array_equal(x.data, before)
    assert x.requires_grad


def test_the_missing_factor_of_objects_that_hold_arrays():
    mistake = mistake_of(ExpWithoutUpstream, Array(RNG.normal(size=(3, 2))))
    assert mistake.repair.text == "return ctx.saved_tensors[0] * grad_output"


def test_what_a_context_keeps_is_at_hand():
    mistake = mistake_of(Embedding, RNG.integers(0, 6, (3, 5)), RNG.normal(size=(6, 4)))
    assert mistake.repair.text == "np.add.at(d, ctx.index, grad_output)"


def test_the_search_ends_where_a_change_makes_the_users_code_run_for_ever():
    mistake = mistake_of(Softmax, Array(RNG.normal(size=(3, 4))))
    assert mistake.repair.text.startswith("grad = out.data * (grad_output.data - ")


def test_one_of_two_items_that_are_alike_is_mended():
    mistake = mistake_of(Add, RNG.normal(size=(4, 3)), RNG.normal(size=(1, 3)))
    assert mistake.repair.text == "return grad_output, grad_output.sum(axis=0, keepdims=True)"


@pytest.mark.parametrize("axis", [0, 1])
def test_elements_that_are_taken_and_put_along_an_axis(axis):
    x = RNG.normal(size=(3, 4))
    report = check_backward(Max.forward, Max.backward, x, axis)
    assert report.ok
    assert not any("numerically" in note for note in report.notes)
    assert mistake_of(MaxWithoutUpstream, x, axis).line.text.startswith("np.put_along_axis(grad, ")


def test_a_line_that_forward_runs_as_well_is_not_to_blame():
    mistake = mistake_of(Squashed, RNG.normal(size=(4, 3)))
    assert mistake.line.text.startswith("return no_sigmoid(grad_output)")
    assert "depends on x, which is not at hand here" in mistake.reason
