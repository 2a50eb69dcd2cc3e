"""Every fused operation of nn equals the composite that it states, to second order."""

import ast
from pathlib import Path

import numpy as np
import pytest
from helpers import check_tangents
from hypothesis import given
from hypothesis import strategies as st

import autograd_mini as ag
from autograd_mini import Tensor, gradients
from autograd_mini.core.graph import expand
from autograd_mini.nn.layers import attention, cells, normalisation
from autograd_mini.nn.losses import softmax_loss

SIZES = st.integers(1, 4)


def array(draw, *shape):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return rng.uniform(-2, 2, shape)


def softmax_losses(draw):
    shape = (*draw(st.lists(SIZES, max_size=2)), draw(st.integers(2, 4)))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    options = {"weights": None, "divisor": draw(st.sampled_from([1, 2.5, 7]))}
    if draw(st.booleans()):
        options["wanted"] = rng.uniform(0, 1, shape)
    else:
        options["wanted"] = rng.integers(0, shape[-1], shape[:-1])
        if draw(st.booleans()):
            options["weights"] = rng.uniform(0.5, 2, options["wanted"].size)
    return softmax_loss, [array(draw, *shape)], options


def normalisations(draw):
    shape = draw(st.lists(st.integers(2, 4), min_size=1, max_size=3))
    axes = draw(st.sampled_from([(-1,), tuple(range(len(shape) - 1)) or (0,)]))
    eps = draw(st.sampled_from([1e-5, 0.1]))
    return normalisation.normalised, [array(draw, *shape)], {"axes": axes, "eps": eps}


def masked_softmaxes(draw):
    shape = draw(st.lists(SIZES, min_size=2, max_size=4))
    allowed = array(draw, *shape[-2:]) > -0.5
    allowed[..., 0] = True
    return attention.masked_softmax, [array(draw, *shape)], {"allowed": allowed}


def gates(function, *widths):
    def draw_one(draw):
        samples, n = draw(SIZES), draw(SIZES)
        return function, [array(draw, samples, width * n) for width in widths], {}

    return draw_one


CASES = {
    "softmax_loss": softmax_losses,
    "normalised": normalisations,
    "masked_softmax": masked_softmaxes,
    "lstm_gates": gates(cells.lstm_gates, 4),
    "lstm_memory": gates(cells.lstm_memory, 4, 1),
    "lstm_output": gates(cells.lstm_output, 4, 1),
    "gru_gates": gates(cells.gru_gates, 3, 3),
    "gru_state": gates(cells.gru_state, 3, 1),
}


def test_every_fused_operation_of_nn_is_tried():
    folder = Path(ag.__file__).resolve().parent.parent / "nn"
    calls = [
        ast.unparse(node)
        for path in folder.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("primitive")
    ]
    assert len(calls) == len(CASES)
    assert all(any(f"name='{name}'" in call for call in calls) for name in CASES)
    assert all("parts=" in call for call in calls)


def close(one, other):
    size = max(1.0, float(np.max(np.abs(other), initial=0)))
    np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9 * size)


@pytest.mark.parametrize("name", CASES)
@given(data=st.data())
def test_a_fused_operation_equals_its_parts_to_second_order(name, data):
    function, operands, options = CASES[name](data.draw)
    weights = [array(data.draw, *operand.shape) for operand in operands]

    def orders(open_it):
        leaves = [Tensor(operand) for operand in operands]
        result = function(*leaves, **options)
        result = open_it(result)
        upstream = np.cos(np.arange(result.size)).reshape(result.shape)
        first = gradients(np.sum(upstream * np.tanh(result)), leaves, create_graph=True)
        second = gradients(sum(np.sum(w * g) for w, g in zip(weights, first, strict=True)), leaves)
        return result, [g.data for g in first], second

    whole, opened = orders(lambda node: node), orders(expand)
    assert whole[0].op == name
    assert name not in [node.op for node in ag.topological_order(opened[0])]
    close(opened[0].data, whole[0].data)
    for one, other in zip((*opened[1], *opened[2]), (*whole[1], *whole[2]), strict=True):
        close(one, other)


@pytest.mark.parametrize("name", CASES)
@given(data=st.data())
def test_the_tangent_of_every_operation_of_nn_is_that_of_its_pullback(name, data):
    function, operands, options = CASES[name](data.draw)
    check_tangents(function, *operands, **options)
