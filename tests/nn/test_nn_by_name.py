"""Losses and metrics by name, and options by the names of other libraries."""

import functools
import re

import numpy as np
import pytest

from autograd_mini import nn

RNG = np.random.default_rng(0)
X = RNG.normal(size=(400, 3))
YES = (X[:, 0] + 0.3 * X[:, 1] > 0).astype(int)


def test_a_layer_alone_is_trained_with_the_loss_that_fits_it():
    layer, model = nn.Dense(3, 2, "softmax", rng=0), nn.Sequential(nn.Dense(3, 2, "softmax", rng=0))
    ours = nn.fit(layer, X, YES, epochs=2, progress=False)
    assert ours["loss"] == nn.fit(model, X, YES, epochs=2, progress=False)["loss"]
    nn.fit(nn.Dense(3, 1, "sigmoid", rng=0), X, YES[:, None], epochs=1, progress=False)


@pytest.mark.parametrize("metric", ["accuracy", "precision", "recall", "f1"])
@pytest.mark.parametrize("loss", [None, "mean_squared_error", "hinge"])
def test_one_output_for_yes_or_no_has_metrics_of_labels(metric, loss):
    model = nn.Dense(3, 1, "identity" if loss == "hinge" else "sigmoid", rng=0)
    targets = (2 * YES - 1 if loss == "hinge" else YES)[:, None]
    history = nn.fit(
        model, X, targets, loss=loss, epochs=2, metrics=metric, validation_split=0.1, progress=False
    )
    found = nn.evaluate(model, X, targets, loss=loss, metrics=metric)[metric]
    labels = nn.predict(model, X)[:, 0] > (0 if loss == "hinge" else 0.5)
    assert found == getattr(nn, metric)(labels, YES)
    assert 0 < history.last[metric] < 1
    by_hand = nn.evaluate(model, X, targets, loss=loss, metrics={"n": lambda o, t: o.shape[1]})
    assert by_hand["n"] == 1


def test_one_output_that_is_no_probability_is_not_guessed():
    with pytest.raises(ValueError, match=r"> 0\.5"):
        nn.evaluate(nn.Dense(3, 1, rng=0), X, YES[:, None], metrics="accuracy")


def test_metrics_of_regression_by_name():
    theirs = pytest.importorskip("sklearn.metrics")
    model = nn.Dense(3, 2, rng=0)
    y = X @ RNG.normal(size=(3, 2)) + 0.1
    found = nn.evaluate(model, X, y, metrics=["mae", "mse", "r2", "mean_absolute_error"])
    outputs = nn.predict(model, X)
    assert found["mae"] == pytest.approx(theirs.mean_absolute_error(y, outputs), rel=1e-13)
    assert found["mse"] == pytest.approx(theirs.mean_squared_error(y, outputs), rel=1e-13)
    assert found["r2"] == pytest.approx(theirs.r2_score(y, outputs), rel=1e-12)
    assert found["mean_absolute_error"] == found["mae"]
    assert nn.evaluate(model, X, y, loss="mae")["loss"] == pytest.approx(found["mae"], rel=1e-13)
    for outputs, targets in (([1.0, 1.0], [1.0, 1.0]), ([1.0, 2.0], [1.0, 1.0])):
        assert nn.r2(outputs, targets) == theirs.r2_score(targets, outputs)


def test_one_output_of_an_mlp_has_no_softmax():
    assert nn.MLP([3, 16, 1], rng=0).layers[-1].activation == "identity"
    assert nn.MLP([3, 16, 2], rng=0).layers[-1].activation == "softmax"
    with pytest.raises(ValueError, match=r"softmax of one number is constant.*'sigmoid'"):
        nn.MLP([3, 16, 1], output="softmax")


def test_a_loss_with_options_is_that_loss():
    weights = np.array([1.0, 9.0])
    loss = functools.partial(nn.cross_entropy, class_weights=weights, label_smoothing=0.1)
    model = nn.MLP([3, 2], rng=0)
    right = nn.cross_entropy(
        model.logits(X), YES, class_weights=weights, label_smoothing=0.1
    ).data  # fmt: skip
    assert nn.evaluate(model, X, YES, loss=loss)["loss"] == pytest.approx(right, rel=1e-13)
    history = nn.fit(model, X, YES, loss=loss, epochs=2, batch_size=400, progress=False)
    assert history["loss"][0] == pytest.approx(right, rel=1e-13)
    sums = functools.partial(nn.cross_entropy, reduction="sum")
    plain = nn.MLP([3, 2], rng=0)
    found = nn.evaluate(plain, X, YES, loss=sums, batch_size=7)["loss"]
    assert found == pytest.approx(400 * nn.evaluate(plain, X, YES)["loss"], rel=1e-12)
    from_probabilities = functools.partial(nn.cross_entropy, from_logits=False)
    assert nn.evaluate(plain, X, YES, loss=from_probabilities)["loss"] == pytest.approx(
        nn.evaluate(plain, X, YES)["loss"], rel=1e-12
    )


MANY = RNG.normal(size=(3000, 3))  # more than a look, a step and a batch of evaluate have
LABELS = (MANY[:, 0] > 0).astype(int)
STEPS = RNG.normal(size=(3000, 4, 2))


class Parted(nn.Module):
    def __init__(self):
        self.layer = nn.Dense(3, 1, rng=0)

    def forward(self, x):
        return {"y": self.layer(x["x"])}


def own_squares(outputs, targets):
    return nn.mean_squared_error(outputs, targets)


def summed(outputs, targets):
    return np.sum(outputs @ np.ones((2, 1)) - targets)


def one():
    return nn.Dense(3, 1, rng=0)


def two():
    return nn.MLP([3, 4, 2], rng=0)


USES = {
    "loss by name": (one, MANY, LABELS, {}),
    "loss with options": (
        one, MANY, LABELS, {"loss": functools.partial(nn.huber, delta=2.0)}
    ),
    "own loss": (one, MANY, LABELS, {"loss": own_squares}),
    "own loss of NumPy": (one, MANY, LABELS, {"loss": summed}),
    "a loss for each": (Parted, {"x": MANY}, {"y": LABELS}, {"loss": {"y": "mse"}}),
    "one-hot": (two, MANY, np.zeros((3000, 3)), {}),
    "metric": (one, MANY, MANY[:, :1], {"metrics": "accuracy"}),
    "metrics": (two, MANY, LABELS, {"metrics": ["accuracy", "r2"]}),
    "own metric": (two, MANY, LABELS, {"metrics": {"m": own_squares}}),
    "own metric, nn": (two, MANY, LABELS, {"metrics": {"m": lambda o, t: nn.r2(o, t)}}),
    "no reduction": (one, MANY, MANY[:, :1], {"loss": lambda o, t: (o - t)[:, 0]}),
    "width": (two, MANY[:, :2], LABELS, {}),
    "axes": (lambda: nn.GRU(2, 3, returns="last", rng=0), STEPS[:, 0], LABELS, {"loss": "mse"}),
    "recurrent width": (lambda: nn.GRU(3, 2, returns="last"), STEPS, LABELS, {"loss": "mse"}),
    "residual": (
        lambda: nn.Sequential(nn.Residual(nn.Dense(3, 2, rng=0))), MANY, LABELS, {"loss": "mse"}
    ),
}  # fmt: skip
OF_INPUTS = ("width", "axes", "recurrent width", "residual")


@pytest.mark.parametrize("name", USES)
@pytest.mark.parametrize("how", ["fit", "held out", "evaluate", "health", "predict"])
def test_shapes_in_a_message_are_the_users_own(name, how):
    make, data, targets, options = USES[name]
    loss = {key: given for key, given in options.items() if key == "loss"}
    more = {"progress": False} | ({"validation_split": 0.3} if how == "held out" else {})
    use = {
        "evaluate": lambda: nn.evaluate(make(), data, targets, **options),
        "health": lambda: nn.gradient_health(make(), data, targets, **loss),
        "predict": lambda: nn.predict(make(), data),
    }.get(how, lambda: nn.fit(make(), data, targets, **options, **more))
    asked = {"predict": name in OF_INPUTS, "health": "metrics" not in options}
    if not asked.get(how, True):  # what does not fit is not looked at
        use()
        return
    with pytest.raises(ValueError, match="3000") as refused:
        use()
    shapes = re.findall(r"\((\d+),(?: ?\d+)?(?:, ?\d+)?\)", str(refused.value))
    assert set(shapes) <= {"3000", "2"}


def test_shapes_of_validation_data_are_the_users_own():
    with pytest.raises(ValueError, match=r"\(2000, 2\), targets \(2000, 1\).*\(2000,\)"):
        nn.fit(
            two(), MANY, LABELS, validation_data=(MANY[:2000], LABELS[:2000, None]), progress=False
        )
    with pytest.raises(ValueError, match=r"got \(2000, 2\)"):
        nn.fit(
            two(), MANY, LABELS, validation_data=(MANY[:2000, :2], LABELS[:2000]), progress=False
        )


def test_what_belongs_to_each_sample_goes_into_y():
    weights = np.ones(3000)
    by_closure = lambda o, t: np.mean(weights * (o[:, 0] - t) ** 2)  # noqa: E731
    for use in (
        lambda: nn.fit(one(), MANY, MANY[:, 0], loss=by_closure, progress=False),
        lambda: nn.evaluate(one(), MANY, MANY[:, 0], loss=by_closure),
    ):
        with pytest.raises(ValueError, match=r"all 3000 samples at once fit.*y=\(y, weights\)"):
            use()
    by_parts = lambda o, t: np.mean(t[1] * (o[:, 0] - t[0]) ** 2)  # noqa: E731
    nn.fit(one(), MANY, (MANY[:, 0], weights), loss=by_parts, epochs=1, progress=False)


def test_the_rate_of_a_run_that_diverged_at_once():
    model = nn.Dense(3, 1, rng=0)
    with (
        pytest.warns(nn.TrainingWarning, match=r"diverged.*\(it was 0\.5\)"),
        np.errstate(over="ignore"),
    ):
        nn.fit(
            model, X, X[:, :1], rate=0.5, epochs=1, progress=False,
            loss=lambda o, t: np.mean((o - t) ** 2) * (np.inf if len(t) == 32 else 1.0),
        )  # fmt: skip


@pytest.mark.parametrize(
    ("call", "error", "advice"),
    [
        (lambda m: nn.fit(m, X, YES, lr=0.1), TypeError, "fit.*'lr': write rate="),
        (lambda m: nn.fit(m, X, YES, optimizer="adam"), TypeError, "write optimiser="),
        (lambda m: nn.fit(m, X, YES, verbose=1), TypeError, "write progress="),
        (lambda m: nn.fit(m, X, YES, class_weight={0: 1}), TypeError, "write loss=.*class_weights"),
        (lambda m: nn.fit(m, X, YES, sample_weight=YES), TypeError, r"write y=\(y, weights\)"),
        (
            lambda m: nn.fit(m, X, YES, loss=functools.partial(nn.cross_entropy, weight=[1, 9])),
            TypeError, r"cross_entropy\(\) has no option 'weight': write class_weights=",
        ),
        (
            lambda m: nn.evaluate(m, X, YES, loss=functools.partial(nn.huber, deltas=1)),
            TypeError, r"huber\(\) got an unexpected keyword argument 'deltas'",
        ),
        (lambda m: nn.fit(m, nn.data.batches(X, batch_size=9), YES), TypeError, "a batches; give"),
        (lambda m: nn.fit(m, X, YES, rates=1), TypeError, "fit.*unexpected.*'rates'"),
        (lambda m: nn.SGD(m.parameters(), lr=0.1), TypeError, "SGD.*'lr': write rate="),
        (lambda m: nn.Adam(m.parameters(), learning_rate=0.1), TypeError, "write rate="),
        (lambda m: nn.Dense(in_features=3, out_features=2), TypeError, "write n_in"),
        (lambda m: m.state_dict(), AttributeError, r"nn\.save\(model, path\)"),
        (lambda m: m.compile(), AttributeError, r"nn\.fit\(model"),
    ],
)  # fmt: skip
def test_options_and_methods_of_other_libraries_are_answered(call, error, advice):
    with pytest.raises(error, match=advice):
        call(nn.Dense(3, 2, "softmax", rng=0))


def test_a_model_may_have_what_others_have():
    class Own(nn.Module):
        def __init__(self, lr):
            self.weights = lr

        def predict(self, x):
            return x

    own = Own(lr=2.0)
    assert (own.weights, own.predict(1)) == (2.0, 1)
    assert "predict" in dir(own)
    assert "weights" in dir(own)
    assert "state_dict" not in dir(own)
    assert not hasattr(own, "state_dict")


def test_data_that_is_no_array_of_numbers_is_told_what_it_is():
    pandas, sparse = pytest.importorskip("pandas"), pytest.importorskip("scipy.sparse")
    model = nn.Dense(3, 2, "softmax", rng=0)
    mixed = pandas.DataFrame({"age": [1.0] * 400, "city": ["Bonn"] * 400, "size": [2.0] * 400})
    for data, advice in (
        (sparse.csr_matrix(X), r"sparse csr_matrix.*\.toarray\(\)"),
        ((row for row in X), r"list\(\.\.\.\)"),
        (mixed, "column city holds no numbers"),
        (np.array([{}] * 400, dtype=object), "holds a dict"),
        (np.array(["a"] * 400), "np.unique"),
        (np.array(["a", 1] * 200, dtype=object), "np.unique"),
    ):
        for use in (lambda data=data: nn.fit(model, data, YES), lambda data=data: model(data)):
            with pytest.raises(TypeError, match=advice) as refused:
                use()
            assert ("np.unique" in str(refused.value)) == (advice == "np.unique")
