"""One backward step as a line of NumPy: what it gives is the gradient of the sweep."""

import contextlib
import random

import numpy as np
import pytest
from helpers import example_module, random_program

import autograd_mini as ag
from autograd_mini import Tensor, nn
from autograd_mini.core.graph import reverse_sweep, topological_order
from autograd_mini.show.backward_lines import backward_line


def two_layers():
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(5, 3)), np.eye(4)[[0, 3, 1, 2, 2]]
    W1, b1, W2 = (Tensor(rng.normal(size=shape)) for shape in ((3, 6), (6,), (6, 4)))
    Z1 = X @ W1 + b1
    A1 = np.tanh(Z1)
    Z2 = A1 @ W2
    P = ag.softmax(Z2, axis=1)
    loss = -np.mean(np.sum(Y * np.log(P), axis=1))
    return loss, locals()


def named(loss, held, chosen=lambda node: True):
    """Names for all nodes that are chosen, for their gradients, and for arrays."""
    order = topological_order(loss)
    nodes = {id(it): name for name, it in held.items() if isinstance(it, Tensor | ag.Value)}
    values = {node: nodes.get(id(node), f"n{i}") for i, node in enumerate(order) if chosen(node)}
    arrays = {id(it): name for name, it in held.items() if isinstance(it, np.ndarray)}
    for node in order:  # constants that no variable holds
        for parent in node.parents:
            if isinstance(parent, np.ndarray):
                arrays.setdefault(id(parent), f"k{len(arrays)}")
    return values, arrays


def evaluated(line, loss, values, gradients, arrays):
    """What a line gives where its names stand for numbers and arrays."""
    scope = {"np": np, "math": __import__("math")}
    for helper in line.helpers:
        exec(helper, scope)
    constants = [p for node in topological_order(loss) for p in node.parents if id(p) in arrays]
    scope |= {arrays[id(array)]: array for array in constants}
    scope |= {name: node.data for node, name in values.items()}
    totals = dict(reverse_sweep(topological_order(loss), loss.seed(None), masked=True))
    scope |= {name: totals.get(node, node.zero()) for node, name in gradients.items()}
    with np.errstate(all="ignore"):
        return eval(line.formula, scope), totals


def check(loss, held, chosen=lambda node: True):
    """Every gradient that has a line is that of the sweep; how many have one."""
    values, arrays = named(loss, held, chosen)
    gradients = {node: f"d_{name}" for node, name in values.items()}
    found = 0
    for node in topological_order(loss):
        line = None
        with contextlib.suppress(ValueError):  # it does not depend on the node
            line = backward_line(loss, node, values, gradients, arrays)
        if line is None:
            continue
        found += 1
        number, totals = evaluated(line, loss, values, gradients, arrays)
        exact = totals.get(node, node.zero())
        scale = np.max(np.abs(exact), initial=1e-300)
        with np.errstate(all="ignore"):
            np.testing.assert_allclose(
                np.broadcast_to(number, np.shape(exact)),
                exact,
                rtol=1e-9,
                atol=1e-10 * scale,
                err_msg=line.formula,
            )
    return found


def test_it_is_the_line_that_a_person_writes():
    loss, held = two_layers()
    values, arrays = named(loss, held, lambda node: not node.parents)
    values |= {held[name]: name for name in ("Z1", "A1", "Z2", "P")}
    gradients = {node: f"d{name}" for node, name in values.items()}
    lines = {
        name: backward_line(loss, held[name], values, gradients, arrays).formula
        for name in ("P", "Z2", "W2", "A1", "Z1", "W1", "b1")
    }
    assert lines == {
        "P": "-0.2 * Y / P",
        "Z2": "P * (dP - np.sum(dP * P, axis=1, keepdims=True))",
        "W2": "A1.T @ dZ2",
        "A1": "dZ2 @ W2.T",
        "Z1": "dA1 * (1 - A1 ** 2)",
        "W1": "X.T @ dZ1",
        "b1": "np.sum(dZ1, axis=0)",
    }


def test_what_has_no_name_is_written_out():
    loss, held = two_layers()
    values, arrays = named(loss, held, lambda node: not node.parents)
    line = backward_line(loss, held["W2"], values, {held["Z2"]: "delta"}, arrays)
    assert line.formula == "np.tanh(X @ W1 + b1).T @ delta"
    assert line.upstream == (held["Z2"],)
    assert line.values == (held["W1"], held["b1"])


def test_what_nobody_names_is_not_told():
    loss, held = two_layers()
    assert backward_line(loss, held["W2"], {}, {held["Z2"]: "delta"}) is None


@pytest.mark.parametrize("named_by_hand", [True, False])
def test_lines_of_examples(named_by_hand):
    def chosen(node):
        return named_by_hand or not node.parents or node.op == "matmul"

    loss, held = two_layers()
    assert check(loss, held, chosen) >= 5
    E, weights = example_module("textbook_network").network()
    assert check(E, weights, chosen) >= 8
    assert check(recurrent(), {}, chosen) >= 3


def recurrent():
    layer = nn.LSTM(3, 4, rng=0)
    out = layer(np.random.default_rng(1).normal(size=(2, 5, 3)))
    return nn.mean_squared_error(out[0] if isinstance(out, tuple) else out, np.zeros((2, 5, 4)))


def half_of_all(seed):
    dice = random.Random(seed)
    return lambda node: not node.parents or dice.random() < 0.5


@pytest.mark.filterwarnings("ignore:Degrees of freedom:RuntimeWarning")  # of empty arrays
@pytest.mark.filterwarnings("ignore:Mean of empty slice:RuntimeWarning")
def test_random_programs():
    total = 0
    for seed in range(60):
        _, result, arrays = random_program(seed)
        with np.errstate(all="ignore"):
            loss = result(*map(Tensor, arrays))
            if np.isfinite(loss.data):
                total += check(loss, {})
                total += check(loss, {}, half_of_all(seed))
    assert total > 800
