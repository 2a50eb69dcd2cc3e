"""What went wrong in silence once: numbers that were other than they looked."""

import copy
import functools

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Tensor, Value, nn, no_grad

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3))
Y = (X[:, 0] + 0.3 * X[:, 1] > 0).astype(float)


class Logistic(nn.Module):
    """A model that gives probabilities, written out."""

    def __init__(self):
        self.w = Tensor([0.3, -0.2, 0.1])

    def forward(self, x):
        return 1 / (1 + np.exp(-(x @ self.w)))


def test_binary_cross_entropy_of_probabilities_is_the_same_by_name_and_by_hand():
    theirs = pytest.importorskip("sklearn.metrics")
    model = Logistic()
    right = theirs.log_loss(Y, model(X).data)
    for loss in ("binary_cross_entropy", nn.binary_cross_entropy):
        assert nn.evaluate(model, X, Y, loss=loss)["loss"] == pytest.approx(right, rel=1e-12)
        assert nn.fit(
            Logistic(), X, Y, loss=loss, epochs=1, progress=False
        ).loss_before == pytest.approx(right, rel=1e-12)


def test_batches_come_in_every_epoch_each_in_an_order_of_its_own():
    loader = nn.data.batches(np.arange(10), 2 * np.arange(10), batch_size=4, rng=0)
    epochs = [[(x.copy(), y.copy()) for x, y in loader] for _ in range(3)]
    assert len(loader) == 3
    orders = [np.concatenate([x for x, _ in epoch]) for epoch in epochs]
    for epoch, order in zip(epochs, orders, strict=True):
        assert [len(x) for x, _ in epoch] == [4, 4, 2]
        assert sorted(order) == list(range(10))
        assert all(np.array_equal(2 * x, y) for x, y in epoch)
    assert not np.array_equal(orders[0], orders[1])
    again = nn.data.batches(np.arange(10), batch_size=4, rng=0)
    assert np.array_equal(np.concatenate([x for (x,) in again]), orders[0])


@pytest.mark.parametrize("scalar", [False, True])
@pytest.mark.parametrize("plain", [np.ones((3, 2)), [[1.0] * 2] * 3, 1.0], ids=lambda p: type(p))
def test_a_parameter_is_not_replaced_by_plain_numbers(scalar, plain):
    layer = nn.Dense(3, 2, rng=0, scalar=scalar)
    with pytest.raises(TypeError, match=r"Dense.weight is a parameter.*data = "):
        layer.weight = plain
    count = len(layer.parameters())
    layer.weight = Tensor(np.ones((3, 2))) if not scalar else layer.weight
    assert len(layer.parameters()) == count


@pytest.mark.parametrize("scalar", [False, True])
def test_what_forward_keeps_is_no_parameter(scalar, tmp_path):
    class Keeping(nn.Module):
        def __init__(self):
            self.layer = nn.Dense(3, 2, "softmax", rng=0, scalar=scalar)

        def forward(self, x):
            self.out = self.layer(x)
            self.outs = [self.out]
            return self.out

    model = Keeping()
    names = [name for name, _ in model.named_parameters()]
    y = Y.astype(int)
    for use in (
        lambda: nn.predict(model, X[:4]),
        lambda: nn.fit(
            model, X[:4], np.eye(2)[y[:4]], loss="mean_squared_error", epochs=1,
            validation_split=0.5, progress=False,
        ),
        lambda: nn.predict(model, X[:4]),
    ):  # fmt: skip
        use()
        assert [name for name, _ in model.named_parameters()] == names
        assert [name for name, _ in copy.deepcopy(model).named_parameters()] == names
    nn.save(model, tmp_path / "model.npz")
    fresh = Keeping()
    nn.load(fresh, tmp_path / "model.npz")
    assert np.array_equal(nn.predict(fresh, X), nn.predict(model, X))


def test_a_parameter_is_not_replaced_by_what_no_grad_computes():
    layer = nn.Dense(3, 2, rng=0)
    with no_grad(), pytest.raises(TypeError, match=r"result of no_grad.*weight\.data = "):
        layer.weight = layer.weight * 0.5
    with no_grad():
        layer.weight *= 0.5
    layer.weight.data = layer.weight.data * 0.5
    assert len(layer.parameters()) == 2


def test_other_attributes_are_set_as_ever():
    class Owner(nn.Module):
        def __init__(self):
            self.factor = Value(2.0)
            self.mean = np.zeros(2)

    owner = Owner()
    owner.mean = np.ones(2)
    owner.factor = Value(3.0)
    owner.factor = None
    assert owner.parameters() == []


def test_alpha_is_scikit_learns():
    learn = pytest.importorskip("sklearn.neural_network")
    alpha, batch = 2.0, 15  # the last of an epoch's three has ten
    ours = nn.MLPRegressor(
        (4,), "tanh", solver="sgd", learning_rate=0.1, alpha=alpha, batch_size=40, max_iter=1,
        random_state=0,
    )  # fmt: skip
    plain = nn.MLPRegressor(
        (4,), "tanh", solver="sgd", learning_rate=0.1, alpha=0.0, batch_size=40, max_iter=1,
        random_state=0,
    ).fit(X, Y)  # fmt: skip
    ours.fit(X, Y)
    start = nn.MLPRegressor(
        (4,), "tanh", solver="sgd", learning_rate=1e-300, batch_size=40, max_iter=1, random_state=0
    ).fit(X, Y)
    for a, b, w in zip(ours.model_.layers, plain.model_.layers, start.model_.layers, strict=True):
        assert np.allclose(
            a.weight.data, b.weight.data - 0.1 * 2 * alpha / 40 * w.weight.data, atol=1e-14
        )
        assert np.array_equal(a.bias.data, b.bias.data)
    three = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0.5)
    common = {
        "hidden_layer_sizes": (), "alpha": alpha, "batch_size": batch, "max_iter": 200,
        "random_state": 0, "tol": 0, "n_iter_no_change": 200,
    }  # fmt: skip
    theirs = learn.MLPClassifier(learning_rate_init=0.01, **common)
    with pytest.warns(Warning, match="Maximum iterations"):
        theirs.fit(X, three)
    mine = nn.MLPClassifier(learning_rate=0.01, **common).fit(X, three)
    assert np.allclose(mine.predict_proba(X), theirs.predict_proba(X), atol=0.02)


def test_metrics_of_scikit_learn_get_the_targets_first():
    metrics = pytest.importorskip("sklearn.metrics")
    model = nn.Dense(3, 1, rng=0)
    y = X @ np.array([[1.0], [2.0], [0.5]])
    right = metrics.r2_score(y, nn.predict(model, X))
    for given in (metrics.r2_score, [metrics.r2_score], {"r2_score": metrics.r2_score}):
        assert nn.evaluate(model, X, y, metrics=given)["r2_score"] == right
    assert right != metrics.r2_score(nn.predict(model, X), y)


def test_a_loss_whose_first_argument_is_y_true_gets_the_targets_first():
    def pinball(y_true, y_pred):
        return np.mean(np.where(y_true > y_pred, 0.9, 0.1) * np.abs(y_true - y_pred))

    model = nn.Dense(3, 1, rng=0)
    y = X[:, :1] + 3
    right = float(pinball(y, nn.predict(model, X)))
    assert nn.evaluate(model, X, y, loss=pinball)["loss"] == pytest.approx(right, rel=1e-14)


def test_after_divergence_in_full_batches_the_weights_are_good_ones():
    model = nn.Dense(3, 1, rng=0)
    y = X[:, :1] * 2
    before = nn.evaluate(model, X, y)["loss"]
    with pytest.warns(nn.TrainingWarning, match="diverged"):
        nn.fit(model, X, y, optimiser="sgd", rate=30.0, epochs=30, batch_size=40, progress=False)
    assert nn.evaluate(model, X, y)["loss"] <= before


@pytest.mark.parametrize("mode", ["min", "max"])
def test_plateau_of_a_negative_metric(mode):
    optimiser = nn.SGD([Tensor([1.0])], rate=1.0)
    schedule = nn.Plateau(optimiser, factor=0.5, patience=1, mode=mode)
    for _ in range(3):
        schedule.step(-1.0)
    assert optimiser.rate == 0.5
    schedule.step(-2.0 if mode == "min" else -0.5)
    assert schedule.bad == 0


def test_masked_numbers_are_refused_wherever_data_goes_in():
    model = nn.Dense(3, 1, rng=0)
    masked = np.ma.masked_where(X > 1, X)
    y = X[:, :1]
    for use in (
        lambda: nn.fit(model, masked, y, progress=False),
        lambda: nn.fit(model, X, np.ma.masked_where(y > 1, y), progress=False),
        lambda: nn.predict(model, masked),
        lambda: nn.evaluate(model, X, np.ma.masked_where(y > 1, y)),
        lambda: nn.data.StandardScaler().fit(masked),
        lambda: nn.data.batches(masked, batch_size=4),
        lambda: nn.mean_squared_error(X, masked),
    ):
        with pytest.raises(ValueError, match="mask hides"):
            use()
    nn.predict(model, np.ma.masked_array(X))


def test_a_custom_loss_goes_on_from_a_good_fit():
    def squares(outputs, targets):
        return np.mean((outputs - targets) ** 2)

    model = nn.Dense(3, 1, rng=0)
    y = model(X).data + 1e-16
    history = nn.fit(model, X, y, loss=squares, rate=1e-4, epochs=5, progress=False)
    assert not history.stopped
    assert len(history) == 5


def test_a_checkpoint_is_not_resumed_with_an_optimiser_of_another_rate(tmp_path):
    def run(rate, epochs, resume, schedule=None):
        model = nn.Dense(3, 1, rng=0)
        return nn.fit(
            model, X, X[:, :1], optimiser=nn.Adam(model.parameters(), rate=rate), epochs=epochs,
            checkpoint=tmp_path / "run.npz", resume=resume, schedule=schedule, progress=False,
        )  # fmt: skip

    run(0.01, 2, False)
    with pytest.raises(ValueError, match=r"rate=0\.01, and here it is 0\.5"):
        run(0.5, 4, True)
    assert len(run(0.01, 4, True)) == 4
    decay = lambda optimiser: nn.StepSchedule(optimiser, 1)  # noqa: E731
    run(0.01, 2, False, decay)
    assert len(run(0.01, 3, True, decay)) == 3


def dropped(p):
    return nn.Sequential(nn.Dropout(p, rng=0), nn.Dense(3, 2, "softmax", rng=0))


def smoothed(share):
    return functools.partial(nn.cross_entropy, label_smoothing=share)


@pytest.mark.parametrize(
    ("before", "here", "told"),
    [
        ({"loss": smoothed(0.1)}, {"loss": smoothed(0.2)}, "label_smoothing': 0.1}.*0.2"),
        (
            {"loss": functools.partial(nn.cross_entropy, class_weights=np.array([1.0, 9.0]))},
            {"loss": "cross_entropy"},
            r"class_weights': \[1.0, 9.0\]}.*None",
        ),
        (
            {"optimiser": lambda p: nn.SGD(p, rate=0.1, momentum=0.9)},
            {"optimiser": lambda p: nn.SGD(p, rate=0.1, momentum=0.5)},
            "momentum=0.9, and here it is 0.5",
        ),
        (
            {"optimiser": lambda p: nn.Adam(p, betas=(0.9, 0.99))},
            {"optimiser": lambda p: nn.Adam(p, betas=(0.9, 0.999))},
            r"betas=\[0.9, 0.99\], and here",
        ),
        (
            {"schedule": lambda o: nn.StepSchedule(o, 2, factor=0.5)},
            {"schedule": lambda o: nn.StepSchedule(o, 1, factor=0.5)},
            "{'every': 2}, and here it is {'every': 1}",
        ),
        (
            {"schedule": lambda o: nn.WarmUp(o, 3, then=nn.CosineSchedule(o, steps=10))},
            {"schedule": lambda o: nn.WarmUp(o, 3, then=nn.CosineSchedule(o, steps=20))},
            "schedule_options=.*'steps': 10",
        ),
        ({"model": lambda: dropped(0.1)}, {"model": lambda: dropped(0.5)}, r"Dropout\(0.1\)"),
        (
            {"model": lambda: nn.MLP([3, 4, 2], rng=0)},
            {"model": lambda: nn.MLP([3, 4, 2], hidden="tanh", rng=0)},
            "'sigmoid'.*'tanh'",
        ),
        ({"rng": 0}, {"rng": 1}, "rng=0, and here it is 1"),
    ],
)
def test_a_checkpoint_is_not_resumed_with_other_options(tmp_path, before, here, told):
    def run(given, epochs, resume):
        given = {"model": lambda: nn.MLP([3, 4, 2], rng=0), "optimiser": nn.Adam} | given
        model = given.pop("model")()
        given["optimiser"] = given["optimiser"](model.parameters())
        file = tmp_path / "run.npz"
        nn.fit(
            model, X, Y.astype(int), epochs=epochs, checkpoint=file, resume=resume, progress=False,
            **given,
        )  # fmt: skip
        return model.state()

    run(before, 2, False)
    with pytest.raises(ValueError, match=told):
        run(here, 4, True)
    resumed = run(before, 4, True)
    whole = run(before, 4, False)
    assert all(np.array_equal(resumed[name], whole[name]) for name in whole)


def test_a_callback_may_change_an_option_before_a_run_is_resumed(tmp_path):
    model = nn.Dense(3, 1, rng=0)
    optimiser = nn.SGD(model.parameters(), rate=0.01, momentum=0.9)
    common = {
        "optimiser": optimiser, "checkpoint": tmp_path / "run.npz", "progress": False,
        "callbacks": [lambda run: setattr(run.optimiser, "momentum", 0.5)],
    }  # fmt: skip
    nn.fit(model, X, X[:, :1], epochs=2, **common)
    assert len(nn.fit(model, X, X[:, :1], epochs=3, resume=True, **common)) == 3


@pytest.mark.parametrize(
    ("model", "y", "told"),
    [
        (lambda: nn.Dense(3, 1, rng=0), X[:, 0], r"\(40, 1\) and .*\(40,\).*y\[:, None\]"),
        (Logistic, X[:, :1], r"\(40,\) and .*\(40, 1\).*\(40, 40\): write y\[:, 0\]"),
    ],
)
@pytest.mark.parametrize("many", [1, 10])  # a look at all samples, or at some
def test_a_loss_that_pairs_every_output_with_every_target_is_warned_of(model, y, told, many):
    def squares(outputs, targets):
        return np.mean((targets - outputs) ** 2)

    inputs, targets = np.tile(X, (many, 1)), np.concatenate([y] * many)
    with pytest.warns(nn.TrainingWarning, match=told.replace("40", str(40 * many))):
        nn.fit(model(), inputs, targets, loss=squares, epochs=1, progress=False)
    right = targets[:, None] if targets.ndim == 1 else targets[:, 0]
    nn.fit(model(), inputs, right, loss=squares, epochs=1, progress=False)


def test_a_loss_that_takes_softmax_twice_is_warned_of():
    def twice(outputs, targets):
        return -np.mean(ag.log_softmax(outputs)[np.arange(len(targets)), targets])

    def once(outputs, targets):
        return -np.mean(np.log(outputs)[np.arange(len(targets)), targets])

    def run(output, loss):
        model = nn.MLP([3, 4, 2], hidden="sigmoid", output=output, rng=0)
        nn.fit(model, X, Y.astype(int), loss=loss, epochs=1, progress=False)

    with pytest.warns(nn.TrainingWarning, match=r"log_softmax.*result of softmax.*np\.log"):
        run("softmax", twice)
    run("identity", twice)
    run("softmax", once)


@pytest.mark.parametrize("batch_size", [0, -1, 2.5, "3", True])
def test_a_batch_has_a_positive_whole_number_of_samples(batch_size):
    model = nn.Dense(3, 1, rng=0)
    for use in (
        lambda: nn.evaluate(model, X, X[:, :1], batch_size=batch_size),  # -1: a loss of 0
        lambda: nn.predict(model, X, batch_size=batch_size),
        lambda: nn.data.batches(X, batch_size=batch_size),
        lambda: nn.fit(model, X, X[:, :1], batch_size=batch_size),
    ):
        with pytest.raises(ValueError, match="batch_size is a positive whole number, not"):
            use()


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ({"shuffle": "no"}, "shuffle is True or False, not 'no'"),
        ({"loss": 3}, "loss is a name or a function .*not int"),
        ({"loss": {"y": None}}, "loss is a name or a function .*not NoneType"),
        ({"metrics": 3}, "a metric is a name or a function, not int"),
        ({"callbacks": 3}, "a callback is an nn.Callback or a function, not 3"),
    ],
)
def test_options_of_another_kind_are_refused(option, told):
    with pytest.raises((TypeError, ValueError), match=told):
        nn.fit(nn.Dense(3, 1, rng=0), X, X[:, :1], progress=False, **option)


def test_complex_weights_are_refused():
    model = nn.Dense(3, 1, rng=0)
    state = {name: array + 1j for name, array in model.state().items()}
    with pytest.raises(ValueError, match="real numbers, not complex128"):
        model.load_state(state)


@pytest.mark.parametrize(
    ("name", "here"),
    [("Linear", r"nn\.Dense\(n_in, n_out\)"), ("CrossEntropyLoss", "cross_entropy")],
)
def test_names_of_other_libraries_are_answered(name, here):
    with pytest.raises(AttributeError, match=here):
        getattr(nn, name)
