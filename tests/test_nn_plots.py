"""The plots show the numbers that they were given, and draw where they are told to."""

import sys

import numpy as np
import pytest

from autograd_mini import nn
from autograd_mini.nn import plots

figures = pytest.importorskip("matplotlib.figure")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 2))
Y = (X[:, 0] * X[:, 1] > 0).astype(int)


@pytest.fixture(scope="module")
def run():
    health = nn.GradientHealth(X, Y, every=1)
    model = nn.MLP([2, 8, 6, 2], hidden="tanh", rng=0)
    history = nn.fit(model, X, Y, epochs=5, batch_size=10, validation_split=0.2, rng=0,
                     callbacks=[health], progress=False)  # fmt: skip
    return model, history, health


def drawn(figure):
    figure.savefig("/dev/null", format="png")
    return figure.axes


def test_the_loss_curve_has_every_step_its_mean_and_the_validation(run):
    _, history, _ = run
    [ax] = drawn(history.plot(average=4))
    steps, mean, validation = (line.get_ydata() for line in ax.get_lines())
    assert np.array_equal(steps, history.steps)
    assert mean[-1] == pytest.approx(np.mean(history.steps[-4:]))
    assert len(mean) == len(steps) - 3
    assert list(validation) == history["validation_loss"]
    assert ax.get_yscale() == "log"
    [ax] = drawn(plots.loss_curve([1.0, 0.0]))
    assert ax.get_yscale() == "linear"
    with pytest.raises(ValueError, match="no losses"):
        plots.loss_curve([])


def test_gradients_over_time_and_by_depth(run):
    _, _, health = run
    [ax] = drawn(health.plot())
    assert [line.get_label() for line in ax.get_lines()] == ["layers.0", "layers.1", "layers.2"]
    assert np.array_equal(ax.get_lines()[1].get_ydata(), health.gradients["layers.1"])
    left, right = drawn(health.report().plot())
    heights = [bar.get_height() for bar in left.patches]
    assert heights == [layer.delta for layer in health.report().layers]
    assert right.get_lines()[0].get_ydata()[0] == health.report().layers[0].saturated


def test_activations_are_images_and_histograms(run):
    model, _, _ = run
    figure = plots.activations(model, X)
    axes = drawn(figure)
    shown = [image.get_array() for ax in axes for image in ax.get_images()]
    for (_, _, out), image in zip(nn.layer_outputs(model, X), shown, strict=True):
        assert np.array_equal(out, image)
    bars = [
        sum(p.get_height() for p in ax.patches) for ax in axes if ax.get_xlabel() == "activation"
    ]
    assert bars == [40 * 8, 40 * 6, 40 * 2]


def test_weights_as_a_matrix_and_as_what_each_neuron_sees():
    W = RNG.normal(size=(6, 5))
    ax = drawn(plots.weights(W))[0]
    assert np.array_equal(ax.get_images()[0].get_array(), W)
    axes = drawn(plots.weights(W, shape=(2, 3), count=4))
    assert np.array_equal(axes[3].get_images()[0].get_array(), W[:, 3].reshape(2, 3))
    with pytest.raises(ValueError, match="6 inputs are no image"):
        plots.weights(W, shape=(2, 2))


def test_the_decision_boundary_is_where_the_model_says(run):
    model, _, _ = run
    [ax] = drawn(plots.decision_boundary(model, X, Y, points=50))
    assert sum(len(c.get_offsets()) for c in ax.collections if hasattr(c, "get_sizes")
               and len(c.get_sizes())) == 40  # fmt: skip
    [ax] = drawn(plots.decision_boundary(lambda p: (p[:, 0] > 0).astype(float), X, Y))
    line = ax.collections[0].get_paths()[0].vertices
    assert np.all(np.abs(line[:, 0]) < 0.05)
    with pytest.raises(ValueError, match=r"points of shape \(N, 2\)"):
        plots.decision_boundary(model, X[:, :1], Y)


def test_the_confusion_matrix_counts():
    [ax] = drawn(plots.confusion_matrix([0, 0, 1, 2], [0, 1, 1, 1], names=["a", "b", "c"]))
    found = {tuple(map(int, t.get_position()[::-1])): t.get_text() for t in ax.texts}
    assert found == {(0, 0): "1", (0, 1): "1", (1, 1): "1", (2, 1): "1"}
    assert "50.0% right" in ax.get_title()
    assert [t.get_text() for t in ax.get_yticklabels()] == ["a", "b", "c"]
    scores = np.eye(3)[[0, 1, 1, 1]]
    [same] = drawn(plots.confusion_matrix([0, 0, 1, 2], scores))
    assert np.array_equal(same.get_images()[0].get_array(), ax.get_images()[0].get_array())
    with pytest.raises(ValueError, match="3 classes and 2 names"):
        plots.confusion_matrix([0, 1, 2], [0, 1, 2], names=["a", "b"])


def test_everything_draws_where_it_is_told(run):
    model, history, health = run
    figure = figures.Figure()
    grid = figure.subplots(4, 3).ravel()
    assert history.plot(grid[0]) is figure
    assert health.plot(grid[1]) is figure
    assert health.report().plot(grid[2]) is figure
    assert plots.activations(model, X, layers=[0], ax=grid[3:5]) is figure
    assert plots.weights(model.layers[0].weight, ax=grid[5]) is figure
    assert plots.decision_boundary(model, X, Y, ax=grid[6], points=20) is figure
    assert plots.confusion_matrix(Y, model(X), ax=grid[7]) is figure
    assert plots.images(RNG.random((3, 4, 4)), titles="abc", ax=grid[8:11]) is figure
    with pytest.raises(ValueError, match="6 panels need 6 axes, got 1"):
        plots.activations(model, X, ax=grid[0])


def test_without_matplotlib_the_error_says_what_to_install(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match="pip install matplotlib"):
        run[1].plot()
