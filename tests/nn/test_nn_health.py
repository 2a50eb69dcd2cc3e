"""Gradient health: it names what is wrong, and what it advises helps."""

import math

import numpy as np
import pytest

from autograd_mini import nn

RNG = np.random.default_rng(0)
X = RNG.normal(size=(64, 64))
Y = (X.sum(axis=1) > 0).astype(int)
DEPTH = 100


def deep(activation, init, normalised=False, residual=False, width=64):
    rng = np.random.default_rng(1)
    layers = []
    for _ in range(DEPTH):
        inside = [nn.Dense(width, width, rng=rng, init=init)]
        inside += [nn.BatchNorm(width)] if normalised else []
        if residual:
            inside.append(nn.Dense(width, width, activation, rng=rng, init=init))
        else:
            inside.append(nn.activations.resolve(activation))
        layers.append(nn.Residual(nn.Sequential(*inside)) if residual else nn.Sequential(*inside))
    return nn.Sequential(*layers, nn.Dense(width, 2, "softmax", rng=rng, init=init))


def small(shape, rng):
    return rng.normal(0, 0.01, shape)


def large(shape, rng):
    return rng.normal(0, 3 / math.sqrt(shape[0]), shape)


def test_a_hundred_sigmoid_layers_vanish_and_the_advice_says_so():
    model = nn.MLP([64] * (DEPTH + 1) + [2], hidden="sigmoid", rng=0)
    before = model.state()
    report = nn.gradient_health(model, X, Y)
    assert report.verdict == "vanishing"
    assert report.ratio < 1e-30
    assert len(report.layers) == DEPTH + 1
    for word in ("vanishing", "relu", "he_normal", "tanh", "BatchNorm", "Residual"):
        assert word in report.advice[0]
    assert all(np.array_equal(a, b) for a, b in
               zip(before.values(), model.state().values(), strict=True))  # fmt: skip
    assert str(report).splitlines()[-2] == "verdict: vanishing"
    assert "..." in str(report)


@pytest.mark.parametrize(
    ("options", "helps"),
    [
        ({"activation": "sigmoid", "init": "glorot_uniform"}, False),
        ({"activation": "relu", "init": small}, False),
        ({"activation": "relu", "init": "he_normal"}, True),
        ({"activation": "tanh", "init": "glorot_uniform"}, True),
        ({"activation": "sigmoid", "init": "glorot_uniform", "residual": True}, True),
    ],
)
def test_the_remedies_help(options, helps):
    assert (nn.gradient_health(deep(**options), X, Y).ratio > 1e-3) is helps


def test_batch_normalisation_carries_what_small_weights_lose():
    lost = nn.gradient_health(deep("tanh", small), X, Y)
    carried = nn.gradient_health(deep("tanh", small, normalised=True), X, Y)
    assert lost.ratio < 1e-30
    assert carried.ratio > 1e-3
    assert "glorot_uniform" in lost.advice[0]


def test_large_weights_explode():
    report = nn.gradient_health(deep("relu", large), X, Y)
    assert report.verdict == "exploding"
    assert "clip_norm" in report.advice[0]


def test_saturated_and_dead_units_are_counted():
    model = nn.Sequential(nn.Dense(64, 8, "tanh", rng=0), nn.Dense(8, 2, "softmax", rng=1))
    assert nn.gradient_health(model, X, Y).verdict == "healthy"
    model.layers[0].weight.data *= 100
    report = nn.gradient_health(model, X, Y)
    out = np.tanh(X @ model.layers[0].weight.data)
    assert report.layers[0].saturated == np.mean(1 - out**2 < 0.05)
    assert report.verdict == "saturated"
    assert "StandardScaler" in report.advice[0]
    model = nn.Sequential(nn.Dense(64, 8, "relu", rng=0), nn.Dense(8, 2, "softmax", rng=1))
    model.layers[0].bias.data[:6] = -1e3
    report = nn.gradient_health(model, X, Y)
    assert report.layers[0].dead == 6 / 8
    assert report.verdict == "healthy"  # two units learn
    model.layers[0].bias.data[:] = -1e3
    report = nn.gradient_health(model, X, Y)
    assert report.verdict == "dead"
    assert "leaky_relu" in report.advice[0]


def test_a_deep_relu_network_that_can_learn_is_not_called_dead():
    deep = nn.MLP([64] + [64] * 50 + [2], hidden="relu", init="he_normal", rng=0)
    report = nn.gradient_health(deep, X, Y)
    assert max(layer.dead for layer in report.layers[:-1]) > 0.5
    assert report.verdict == "healthy"


def test_gradients_that_are_not_finite_are_named():
    model = nn.Sequential(nn.Dense(64, 4, rng=0), nn.Dense(4, 1, rng=1))
    model.layers[0].weight.data *= 1e200
    model.layers[1].weight.data *= 1e200
    report = nn.gradient_health(model, X, np.ones((64, 1)), loss="mean_squared_error")
    assert report.verdict == "not finite"
    assert "ag.debug()" in report.advice[0]


def test_the_callback_measures_gradients_and_updates():
    health = nn.GradientHealth(X, Y, every=2)
    norms, moves = [], []

    class Check(nn.Callback):
        def on_gradients(self, run):
            weight = run.model.layers[0].weight
            if run.step % 2 == 0:
                norms.append(np.sqrt(np.mean(weight.grad**2)))
                moves.append(0.5 * np.linalg.norm(weight.grad) / np.linalg.norm(weight.data))

    model = nn.MLP([64, 8, 2], hidden="tanh", rng=0)
    nn.fit(model, X, Y, optimiser="sgd", rate=0.5, epochs=2, batch_size=16,
           callbacks=[health, Check()], progress=False)  # fmt: skip
    assert health.steps == [0, 2, 4, 6]
    assert np.allclose(health.gradients["layers.0"], norms, rtol=1e-12)
    assert np.allclose(health.updates["layers.0"], moves, rtol=1e-9)
    report = health.report()
    assert report.layers[0].update == health.updates["layers.0"][-1]
    assert 0 <= report.layers[0].saturated <= 1
    with pytest.raises(ValueError, match="seen no step"):
        nn.GradientHealth().report()


def test_steps_that_are_too_large_or_too_small_are_told():
    for rate, word in ((50.0, "large steps"), (1e-7, "small steps")):
        health = nn.GradientHealth(every=1)
        model = nn.MLP([64, 8, 2], hidden="tanh", rng=0)
        nn.fit(model, X, Y, optimiser="sgd", rate=rate, epochs=1, callbacks=[health],
               progress=False)  # fmt: skip
        assert any(word in advice for advice in health.report().advice)


def test_other_models_have_gradients_by_layer_too():
    report = nn.gradient_health(
        nn.LSTM(3, 4, rng=0, returns="last"), RNG.normal(size=(5, 6, 3)), np.ones((5, 4)),
        loss="mean_squared_error",
    )  # fmt: skip
    assert report.layers
    assert math.isnan(report.layers[0].saturated)
