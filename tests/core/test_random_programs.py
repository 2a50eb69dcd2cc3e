"""Random programs over Tensors: exact gradients, also when data is changed before the sweep."""

import random

import numpy as np
import pytest
from helpers import random_program as program

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
