"""The plots show the numbers that they were given, and draw where they are told to."""

import sys
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest

from autograd_mini import nn
from autograd_mini.nn import plots
from autograd_mini.nn.training.health_report import HealthReport, LayerHealth

figures = pytest.importorskip("matplotlib.figure")
QuadMesh = pytest.importorskip("matplotlib.collections").QuadMesh

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


def texts(ax):
    return [text.get_text() for text in ax.texts]


def labels(legend):
    return [text.get_text() for text in legend.get_texts()]


def ticks(axis):
    low, high = sorted(axis.get_view_interval())
    return [tick for tick in axis.get_majorticklocs() if low <= tick <= high]


def has_marker(line):
    return line.get_marker() == "o" and np.any(line.get_markevery())


def test_the_loss_curve_has_every_step_its_mean_and_the_validation(run):
    _, history, _ = run
    [ax] = drawn(history.plot(average=4))
    steps, mean, validation = ax.get_lines()
    assert np.array_equal(steps.get_ydata(), history.steps)
    assert mean.get_ydata()[-1] == pytest.approx(np.mean(history.steps[-4:]))
    assert mean.get_xdata().tolist() == [2.5 + i for i in range(len(history.steps) - 3)]
    assert list(validation.get_ydata()) == history["validation_loss"]
    assert ax.get_yscale() == "log"
    assert ax.get_title() == (
        f"Loss {history.last['loss']:.4g}, validation loss {history.last['validation_loss']:.4g}"
    )
    with pytest.raises(ValueError, match="no losses"):
        plots.loss_curve([])
    with pytest.raises(ValueError, match="positive number of steps, not 0"):
        plots.loss_curve([1.0], average=0)


def test_the_validation_is_drawn_where_its_epoch_ended():
    rows = [{"epoch": 1, "loss": 0.9, "validation_loss": 0.8}, {"epoch": 2, "loss": 0.5}]
    history = nn.History(rows, [1.0] * 7, epoch_ends=[2, 5], stopped="interrupted")
    [ax] = drawn(history.plot())
    line = ax.get_lines()[-1]
    assert (list(line.get_xdata()), list(line.get_ydata())) == ([2], [0.8])
    assert ax.get_title() == "Loss 0.5 (stopped: interrupted)"
    [ax] = drawn(nn.History([], [1.0, 0.5], stopped="interrupted").plot())
    assert ax.get_title() == "Loss 0.5 (stopped: interrupted)"


def test_a_mean_of_one_step_is_left_out_and_ticks_are_steps():
    [ax] = drawn(plots.loss_curve([1.0, 0.5, 0.25]))
    assert [line.get_label() for line in ax.get_lines()] == ["each step"]
    assert ticks(ax.xaxis) == [1, 2, 3]
    [ax] = drawn(plots.loss_curve([1.0, 0.0]))
    assert ax.get_yscale() == "linear"


def test_a_single_point_is_seen():
    [ax] = drawn(plots.loss_curve([1.0]))
    assert has_marker(ax.get_lines()[0])
    assert not has_marker(drawn(plots.loss_curve([1.0, 0.5]))[0].get_lines()[0])
    between_gaps = drawn(plots.loss_curve([1.0, np.nan, 2.0, 3.0]))[0].get_lines()[0]
    assert between_gaps.get_markevery().tolist() == [True, False, False, False]
    health = SimpleNamespace(steps=[0], gradients={"a": [1.0], "b": [2.0]})
    [ax] = drawn(plots.gradient_norms(health))
    assert all(map(has_marker, ax.get_lines()))


def test_a_loss_that_is_not_finite_is_marked_and_spoils_nothing_else():
    losses = np.linspace(2.0, 1.0, 40)
    losses[[10, 20]] = np.nan, np.inf
    [ax] = drawn(plots.loss_curve(losses, average=4))
    _, mean, bad = ax.get_lines()
    assert ax.get_yscale() == "log"
    assert np.isfinite(mean.get_ydata()).all()
    assert mean.get_ydata()[10] == pytest.approx(losses[11:14].mean())
    assert list(bad.get_xdata()) == [11, 21]
    assert bad.get_label() == "not finite"
    [ax] = drawn(plots.loss_curve([np.nan] * 5))
    assert texts(ax) == ["no loss is finite"]


def test_a_tiny_loss_of_one_step_does_not_stretch_the_scale():
    losses = np.full(400, 0.5)
    losses[300] = 1e-9
    [ax] = drawn(plots.loss_curve(losses))
    assert 0.1 < ax.get_ylim()[0] < 0.5
    rows = [{"epoch": 1, "loss": 0.5, "validation_loss": 1e-5}]
    [ax] = drawn(plots.loss_curve(nn.History(rows, list(losses), epoch_ends=[400])))
    assert 1e-6 < ax.get_ylim()[0] < 1e-5


def test_gradients_over_time(run):
    _, _, health = run
    [ax] = drawn(health.plot())
    assert labels(ax.get_legend()) == ["layers.0", "layers.1", "layers.2"]
    assert np.array_equal(ax.get_lines()[1].get_ydata(), health.gradients["layers.1"])
    inside, legend = ax.get_window_extent(), ax.get_legend().get_window_extent()
    assert legend.x0 >= inside.x1
    many = {f"layers.{i}": [1.0, 2.0] for i in range(30)}
    ax, bar = drawn(plots.gradient_norms(SimpleNamespace(steps=[0, 1], gradients=many)))
    assert ax.get_legend() is None
    assert (bar.get_ylabel(), bar.get_ylim()) == ("layer, from the input to the output", (1, 30))
    nothing = {"a": [0.0, 0.0], "b": [np.nan, np.inf]}
    [ax] = drawn(plots.gradient_norms(SimpleNamespace(steps=[0, 1], gradients=nothing)))
    assert texts(ax) == ["no gradient is finite and above 0"]
    assert labels(ax.get_legend()) == ["a: 0 or not finite", "b: 0 or not finite"]


def test_gradients_by_depth(run):
    _, _, health = run
    report = health.report()
    left, right = drawn(report.plot())
    heights = [bar.get_height() for bar in left.patches]
    assert heights == [layer.delta for layer in report.layers]
    assert right.get_lines()[0].get_ydata()[0] == report.layers[0].saturated
    low, high = left.get_ylim()
    assert high / low >= 1e3
    assert low < min(heights)
    assert max(heights) < high
    assert labels(left.get_legend()) == ["gradient", "saturated units"]
    assert right.get_legend() is None
    legend = left.get_legend().get_window_extent()
    assert left.get_window_extent().y1 <= legend.y0
    assert legend.y1 <= left.title.get_window_extent().y0


def test_gradients_that_no_bar_can_show_are_marked():
    def plot(*gradients):
        return drawn(HealthReport([LayerHealth("a", g, 1.0) for g in gradients]).plot())[0]

    ax = plot(0.0, np.nan, 1e-3, np.inf)
    marks = {line.get_label(): list(line.get_xdata()) for line in ax.get_lines()}
    assert marks == {"gradient 0": [1], "gradient not finite": [2, 4]}
    assert labels(ax.get_legend()) == ["gradient", "gradient 0", "gradient not finite"]
    assert [bar.get_height() for bar in ax.patches] == [1e-3]
    assert texts(plot(0.0, 0.0)) == ["no gradient is finite and above 0"]
    low, high = plot(1e-160, 1e150).get_ylim()
    assert low < 1e-180
    assert high > 1e150


def test_activations_are_images_and_histograms(run):
    model, _, _ = run
    figure = plots.activations(model, X)
    axes = drawn(figure)
    shown = [image.get_array() for ax in axes for image in ax.get_images()]
    for (_, _, out), image in zip(nn.layer_outputs(model, X), shown, strict=True):
        assert np.array_equal(out, image)
    histograms = [ax for ax in axes if ax.get_xlabel() == "activation"]
    bars = [sum(p.get_height() for p in ax.patches) for ax in histograms]
    assert bars == [40 * 8, 40 * 6, 40 * 2]
    assert [ax.get_ylabel() for ax in axes].count("activation") == 3  # the colour bars
    [ax, *_] = drawn(plots.activations(nn.MLP([2, 2], rng=0), X[:1]))
    assert [ticks(ax.xaxis), ticks(ax.yaxis)] == [[0, 1], [0]]


def test_activations_that_are_equal_or_not_finite():
    model = nn.MLP([2, 3, 1], hidden="relu", output="identity", rng=0)
    model.layers[0].weight.data[:] = 0.0
    model.layers[0].bias.data[:] = 1e17  # has no neighbours that 40 bins could lie between
    model.layers[1].bias.data[:] = np.nan
    axes = drawn(plots.activations(model, X))
    assert texts(axes[1]) == ["no number\nis finite"]
    assert [sum(p.get_height() for p in ax.patches) for ax in axes[2:4]] == [40 * 3, 0]


def test_weights_as_a_matrix_and_as_what_each_neuron_sees():
    W = RNG.normal(size=(6, 5))
    ax, bar = drawn(plots.weights(W))
    assert np.array_equal(ax.get_images()[0].get_array(), W)
    assert bar.get_ylabel() == "weight"
    *axes, bar = drawn(plots.weights(W, shape=(2, 3), count=4))
    assert np.array_equal(axes[3].get_images()[0].get_array(), W[:, 3].reshape(2, 3))
    assert [ax.get_title() for ax in axes] == [f"neuron {i}" for i in range(4)]
    assert bar.get_ylabel() == "weight"
    with pytest.raises(ValueError, match="6 inputs are no image"):
        plots.weights(W, shape=(2, 2))


def test_the_scale_of_weights_is_that_of_the_finite_ones():
    image = drawn(plots.weights([[1, np.nan], [2, -3]]))[0].get_images()[0]
    assert image.get_clim() == (-3, 3)
    colour = image.cmap(image.norm(image.get_array()))[0, 1]
    assert np.allclose(colour, (1, 0, 1, 1))  # NOT_FINITE
    ax = drawn(plots.weights([[np.nan, np.inf]]))[0]
    assert texts(ax) == ["no number\nis finite"]


def points(ax):
    return [c for c in ax.collections if c.get_label().startswith("class")]


def test_the_decision_boundary_is_where_the_model_says(run):
    model, _, _ = run
    [ax] = drawn(plots.decision_boundary(model, X, Y, points=50))
    assert [len(c.get_offsets()) for c in points(ax)] == np.bincount(Y).tolist()
    accuracy = nn.accuracy(nn.predict(model, X), Y)
    assert ax.get_title() == f"Decision boundary (accuracy {accuracy:.1%}, N = 40)"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("x1", "x2")
    assert ax.get_legend().get_window_extent().x0 >= ax.get_window_extent().x1

    def right_half(points):
        return (points[:, 0] > 0).astype(float)

    [ax] = drawn(plots.decision_boundary(right_half, X, Y, axis_names=("length", "width")))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("length", "width")
    line = ax.collections[0].get_paths()[0].vertices
    assert np.all(np.abs(line[:, 0]) < 0.05)
    drawn(plots.decision_boundary(lambda p: np.ones(len(p)), X, Y))  # there is no boundary
    with pytest.raises(ValueError, match=r"points of shape \(N, 2\)"):
        plots.decision_boundary(model, X[:, :1], Y)
    with pytest.raises(ValueError, match="is NaN: it has diverged"):
        plots.decision_boundary(lambda p: p * np.nan, X, Y)


def test_regions_have_no_class_between_them_and_classes_look_different():
    line = np.column_stack([np.arange(49), np.zeros(49)])

    def model(points):
        return np.where(points[:, 0] < 24, 0, 48)

    [ax] = drawn(plots.decision_boundary(model, line, np.arange(49), points=30))
    [mesh] = [c for c in ax.collections if isinstance(c, QuadMesh)]
    assert np.unique(mesh.get_array()).tolist() == [0, 48]
    looks = {
        (c.get_facecolor().tobytes(), c.get_paths()[0].vertices.tobytes(), c.get_label()[:5])
        for c in points(ax)
    }
    assert len(looks) == 49
    tints = mesh.cmap(np.arange(49))
    assert len(np.unique(tints, axis=0)) == 49


def test_the_confusion_matrix_counts():
    predicted, true = [0, 1, 1, 1], [0, 0, 1, 2]
    [ax] = drawn(plots.confusion_matrix(predicted, true, names=["a", "b", "c"]))
    found = {tuple(map(int, t.get_position()[::-1])): t.get_text() for t in ax.texts}
    assert found == {(0, 0): "1", (0, 1): "1", (1, 1): "1", (2, 1): "1"}
    assert "50.0% right" in ax.get_title()
    assert [t.get_text() for t in ax.get_yticklabels()] == ["a", "b", "c"]
    for outputs, targets in ((np.eye(3)[predicted], true), (np.eye(3)[predicted], np.eye(3)[true])):
        [same] = drawn(plots.confusion_matrix(outputs, targets))
        assert np.array_equal(same.get_images()[0].get_array(), ax.get_images()[0].get_array())
    assert len(drawn(plots.confusion_matrix([0], [0], 2, names="ab"))[0].get_xticks()) == 2


def test_the_confusion_matrix_refuses_what_nn_confusion_matrix_refuses():
    with pytest.raises(ValueError, match="3 classes and 2 names"):
        plots.confusion_matrix([0, 1, 2], [0, 1, 2], names=["a", "b"])
    with pytest.raises(ValueError, match="there are no samples"):
        plots.confusion_matrix([], [])
    with pytest.raises(ValueError, match="outputs have shape"):
        plots.confusion_matrix([0, 1], np.eye(3)[[0, 1]])  # targets before outputs


@pytest.mark.parametrize("classes", [2, 10, 40, 100])
@pytest.mark.parametrize("name", ["{}", "the class {}"])
def test_the_confusion_matrix_can_be_read(classes, name):
    every = np.arange(classes)
    names = [name.format(i) for i in every]
    ax, *bar = drawn(plots.confusion_matrix(every, every, names=names))
    assert len(ax.texts) == (classes if classes <= 40 else 0)
    assert bool(bar) == (classes > 40)
    if len(names[-1]) > 2:
        assert all(t.get_rotation() == 45 for t in ax.get_xticklabels()) == (classes > 2)
    else:
        boxes = [t.get_window_extent() for t in ax.get_xticklabels()]
        assert all(a.x1 < b.x0 for a, b in pairwise(boxes))
    boxes = [t.get_window_extent() for t in ax.get_yticklabels()]
    assert all(a.y0 >= b.y1 for a, b in pairwise(boxes))
    assert [t.get_text() for t in ax.get_yticklabels()] == [names[i] for i in ax.get_yticks()]
    size = ax.figure.get_size_inches()
    assert np.all(size >= 0.32 * min(classes, 40))


def test_images_share_a_scale_and_wrap_their_titles():
    dim, bright = np.eye(2), 4 * np.eye(2)
    axes = drawn(plots.images([dim, bright], titles=["3 taken for 8, and not for 5", 7]))
    assert [ax.get_images()[0].get_clim() for ax in axes] == [(0, 4)] * 2
    assert [ax.get_title() for ax in axes] == ["3 taken for 8,\nand not for 5", "7"]
    first, second = (ax.title.get_window_extent() for ax in axes)
    assert first.x0 >= 0
    assert first.x1 < second.x0
    assert first.y1 < axes[0].figure.bbox.height + 1
    axes = drawn(plots.images([dim, bright], limits=(0, 1)))
    assert [ax.get_images()[0].get_clim() for ax in axes] == [(0, 1)] * 2
    axes = drawn(plots.images([np.full((2, 2), np.nan), dim]))
    assert [texts(ax) for ax in axes] == [["no number\nis finite"], []]


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
    assert plots.confusion_matrix(model(X), Y, ax=grid[7]) is figure
    assert plots.images(RNG.random((3, 4, 4)), titles="abc", ax=grid[8:11]) is figure
    with pytest.raises(ValueError, match="6 panels need 6 axes, got 1"):
        plots.activations(model, X, ax=grid[0])


def test_without_matplotlib_the_error_says_what_to_install(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match="pip install matplotlib"):
        run[1].plot()
