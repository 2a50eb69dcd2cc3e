"""What the tests of nn share."""

import re

import numpy as np
import pytest

from autograd_mini import Tensor, Value, nn

XOR_X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
XOR_T = np.array([[0.0], [1.0], [1.0], [0.0]])


def random(*shape, seed=0, low=-1.0, high=1.0):
    return np.random.default_rng(seed).uniform(low, high, shape)


def numerical(f, x, step=1e-6):
    """Central differences of a function of an array, element by element."""
    x = np.array(x, dtype=float)
    slopes = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        right, left = x.copy(), x.copy()
        right[index] += step
        left[index] -= step
        slopes[index] = (f(right) - f(left)) / (2 * step)
    return slopes


def values(array):
    """An object array of Values."""
    made = np.empty(np.shape(array), dtype=object)
    for index in np.ndindex(made.shape):
        made[index] = Value(np.asarray(array)[index])
    return made


def grads(nodes):
    """The gradients of a Tensor, or of an array of Values."""
    if isinstance(nodes, Tensor):
        return nodes.grad
    return np.array([node.grad for node in nodes.flat]).reshape(nodes.shape)


def says(error, *words):
    """Expect an error whose message has each of the words."""
    return pytest.raises(error, match="".join(f"(?=.*{re.escape(word)})" for word in words))


def softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def network(sizes=(4, 8, 3), rng=1, **options):
    return nn.MLP(list(sizes), hidden="tanh", rng=rng, **options)


def same(one, other):
    """Whether two models, or their states, have the same arrays, to the last bit."""
    a, b = (each if isinstance(each, dict) else each.state() for each in (one, other))
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)


Z, T = random(4, 3, seed=1, low=-2, high=2), random(4, 3, seed=2)
LABELS = np.array([0, 2, 1, 1])
ONE_HOT = np.eye(3)[LABELS]
SOFT = softmax(random(4, 3, seed=3))
P = softmax(Z)
BITS = np.array([[0, 1, 1], [1, 0, 0], [1, 1, 1], [0, 0, 1]])
SIGNS = 2 * BITS - 1
