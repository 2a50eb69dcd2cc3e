"""Convolutions over any axes, beside SciPy's."""

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Tensor
from autograd_mini.testing import check_function

signal = pytest.importorskip("scipy.signal")


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("mode", ["full", "same", "valid"])
def test_convolve_is_that_of_scipy(axes, mode):
    rng = np.random.default_rng(axes)
    for _ in range(20):
        x, y = (rng.normal(size=rng.integers(1, 6, axes)) for _ in range(2))
        try:
            expected = signal.convolve(x, y, mode)
        except ValueError:  # neither fits into the other
            with pytest.raises(ValueError, match="neither fits into the other"):
                ag.convolve(Tensor(x), y, mode)
            continue
        found = ag.convolve(x, Tensor(y), mode)
        assert found.shape == expected.shape
        np.testing.assert_allclose(found.data, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("axes", [1, 2])
def test_convolve_to_second_order(axes):
    rng = np.random.default_rng(axes)
    x, y = rng.normal(size=(3, 4)[:axes]), rng.normal(size=(2, 2)[:axes])
    check_function(lambda x, y: np.sum(np.sin(ag.convolve(x, y, "same"))), x, y)


@pytest.mark.parametrize(
    ("x", "y", "mode", "words"),
    [
        (np.ones((3, 3)), np.ones(2), "full", r"as many axes.*\(3, 3\) and \(2,\)"),
        (1.0, 2.0, "full", "as many axes"),
        (np.ones(3), np.ones(0), "full", "none of them empty"),
        (np.ones(3), np.ones(2), "symm", "'full', 'same' or 'valid', not 'symm'"),
    ],
)
def test_convolve_refuses_with_words(x, y, mode, words):
    with pytest.raises(ValueError, match=words):
        ag.convolve(Tensor(x), y, mode)
    with pytest.raises(ValueError, match=r"write autograd_mini\.convolve"):
        np.convolve(Tensor(np.eye(2)), np.ones(2))
