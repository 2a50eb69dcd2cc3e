"""Random programs over Tensors: exact gradients, also when data is changed before the sweep."""

import random

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Tensor
from autograd_mini.testing import check_function

pytestmark = [  # drawn programs use what they use, and average nothing
    pytest.mark.filterwarnings(
        "ignore::autograd_mini.interface.independence.IndependentOutputWarning"
    ),
    pytest.mark.filterwarnings("ignore:Degrees of freedom:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore:Mean of empty slice:RuntimeWarning"),
]

UNARY = [
    np.sin, np.tanh, ag.sigmoid, ag.softplus, np.square, np.transpose, np.ravel, np.squeeze,
    np.copy, np.sum, np.mean, np.var, np.flip, np.atleast_1d, np.atleast_2d, np.negative,
    lambda x: np.expand_dims(x, 0), lambda x: np.sum(x, axis=-1, keepdims=True),
    lambda x: ag.softmax(np.atleast_1d(x)), lambda x: ag.logsumexp(x, axis=-1),
    lambda x: np.prod(np.tanh(x), axis=0), lambda x: np.cumsum(x, axis=-1), lambda x: x[..., None],
    lambda x: np.atleast_1d(x)[::-1], lambda x: np.atleast_1d(x)[:1],
    lambda x: np.take(np.ravel(x), [0, -1, 0]) if np.size(x) else x,
    lambda x: np.reshape(x, (-1, 1)) if np.size(x) else x, lambda x: np.pad(x, 1),
    lambda x: np.broadcast_to(x, (2, *np.shape(x))), lambda x: np.einsum("...->...", x),
    lambda x: x[np.array(True)], lambda x: np.roll(x, 1), lambda x: np.repeat(x, 2),
]  # fmt: skip
BINARY = [
    np.add, np.subtract, np.multiply, np.outer, ag.logaddexp,
    lambda x, y: x / (2 + np.tanh(y)), lambda x, y: np.where(np.ndim(x) > 0, x, np.sum(y)),
    lambda x, y: np.stack([np.sum(x), np.sum(y)]),
    lambda x, y: np.concatenate([np.ravel(x), np.ravel(y)]),
    lambda x, y: np.matmul(x, y),
    lambda x, y: np.tensordot(x, y, 0),
]  # fmt: skip
LARGEST = 200


def program(seed):
    """A function of arrays with steps drawn at random, and the arrays.

    A step that does not fit the shapes is left out, as its refusal depends on them alone.
    """
    dice = random.Random(seed)
    rng = np.random.default_rng(seed)
    shapes = [tuple(dice.choice([1, 2, 3, 0]) for _ in range(dice.randint(0, 3))) for _ in range(2)]
    arrays = [rng.uniform(0.3, 1.5, shape) for shape in shapes]
    steps = [
        (dice.choice(UNARY), (dice.random(),))
        if dice.random() < 0.6
        else (dice.choice(BINARY), (dice.random(), dice.random()))
        for _ in range(dice.randint(2, 9))
    ]

    def nodes(*xs):
        nodes = list(xs)
        for function, places in steps:
            operands = [nodes[int(place * len(nodes))] for place in places]
            try:
                made = function(*operands)
            except (ValueError, TypeError, IndexError):
                continue
            if np.size(made) <= LARGEST:
                nodes.append(made)
        return nodes

    def result(*xs):
        return sum(np.sum(np.arctan(node)) for node in nodes(*xs)[-3:])

    return nodes, result, arrays


def check(seed):
    _, result, arrays = program(seed)
    with np.errstate(all="ignore"):
        if np.isfinite(result(*arrays)):
            check_function(result, *arrays)


def check_changed(seed):
    """Data that is replaced after it was recorded: an error, or the gradient as recorded."""
    nodes, result, arrays = program(seed)
    with np.errstate(all="ignore"):
        if not np.isfinite(result(*arrays)):
            return "not finite"
        exact = ag.grad(result, (0, 1))(*arrays)
        xs = [Tensor(x) for x in arrays]
        recorded = nodes(*xs)
        loss = sum(np.sum(np.arctan(node)) for node in recorded[-3:])
        dice = random.Random(seed + 1)
        victim = dice.choice(recorded)
        try:
            if dice.random() < 0.5:
                victim.data *= 1.5
            else:
                victim.data = victim.data * 1.5 + 0.25
        except ValueError:  # NumPy's own: what was broadcast cannot be written to
            return "read-only"
        try:
            loss.backward()
        except RuntimeError as error:
            if "was replaced after" not in str(error):
                raise
            assert all(not np.any(x.grad) for x in xs)
            return "refused"
    for x, gradient in zip(xs, exact, strict=True):
        np.testing.assert_allclose(x.grad, gradient, rtol=1e-12, atol=1e-12)
    return "right"


@pytest.mark.parametrize("first", range(0, 60, 20))
def test_random_programs(first):
    for seed in range(first, first + 20):
        check(seed)


def test_random_programs_whose_data_is_changed_before_the_sweep():
    ends = [check_changed(seed) for seed in range(200)]
    assert ends.count("refused") > 50
    assert ends.count("right") > 25


@pytest.mark.slow
@pytest.mark.parametrize("first", range(1000, 6000, 500))
def test_many_random_programs(first):
    for seed in range(first, first + 500):
        check(seed)
        check_changed(seed)
