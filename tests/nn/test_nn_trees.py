"""Several inputs, outputs and targets: dicts and tuples of arrays go wherever an array goes."""

import functools
from typing import NamedTuple

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import nn

RNG = np.random.default_rng(0)
N = 50
A, B = RNG.normal(size=(N, 3)), RNG.normal(size=(N, 2))
Y, Z = A[:, :1] + B[:, :1], (A[:, 1] > 0).astype(int)


class Pair(NamedTuple):
    y: object
    z: object


ARRANGED = {
    "dict": lambda y, z: {"y": y, "z": z},
    "tuple": lambda y, z: (y, z),
    "named tuple": Pair,
    "nested": lambda y, z: {"both": (y, {"z": z})},
}


class Both(nn.Module):
    """Two inputs, two outputs, arranged as a test wants them."""

    def __init__(self, inputs="dict", outputs="dict"):
        self.first = nn.Dense(3, 4, "tanh", rng=0)
        self.second = nn.Dense(2, 4, "tanh", rng=1)
        self.drop = nn.Dropout(0.2, rng=2)
        self.heads = [nn.Dense(4, 1, rng=3), nn.Dense(4, 2, rng=4)]
        self._of = inputs, outputs

    def forward(self, *x):
        inputs, outputs = self._of
        if inputs == "dict":
            (x,) = x
            x = x["a"], x["b"]
        hidden = self.drop(self.first(x[0]) + self.second(x[1]))
        found = [head(hidden) for head in self.heads]
        return found if outputs == "list" else ARRANGED[outputs](*found)


def inputs(kind):
    return {"a": A, "b": B} if kind == "dict" else (A, B)


def parts(tree):
    if isinstance(tree, dict):
        return [leaf for part in tree.values() for leaf in parts(part)]
    return (
        [leaf for part in tree for leaf in parts(part)]
        if isinstance(tree, tuple | list)
        else [tree]
    )


def loss(outputs, targets):
    (y, z), (ty, tz) = parts(outputs), parts(targets)
    return nn.mean_squared_error(y, ty) + nn.cross_entropy(z, tz)


@pytest.mark.parametrize("kind", ["dict", "tuple"])
@pytest.mark.parametrize("outputs", [*ARRANGED, "list"])
def test_it_is_the_loop_that_one_would_write(kind, outputs):
    targets = ARRANGED["tuple" if outputs == "list" else outputs](Y, Z)
    X = inputs(kind)
    seen = []

    def agreement(found, wanted):
        assert type(found) is type(Both(kind, outputs)(*[X] if kind == "dict" else X))
        seen.append([np.shape(leaf) for leaf in (*parts(found), *parts(wanted))])
        return float(np.mean(parts(found)[1].argmax(axis=1) == parts(wanted)[1]))

    model = Both(kind, outputs)
    history = nn.fit(
        model, X, targets, loss=loss, optimiser="sgd", rate=0.1, epochs=3, batch_size=16, rng=5,
        metrics={"right": agreement}, validation_data=(X, targets), progress=False,
    )  # fmt: skip
    mine = Both(kind, outputs)
    optimiser = nn.SGD(mine.parameters(), rate=0.1)
    rng, losses = np.random.default_rng(5), []
    for _ in range(3):
        order = rng.permutation(N)
        for start in range(0, N, 16):
            rows = order[start : start + 16]
            x = {"a": A[rows], "b": B[rows]} if kind == "dict" else (A[rows], B[rows])
            optimiser.zero_grad()
            y, z = parts(mine(x) if kind == "dict" else mine(*x))
            step = nn.mean_squared_error(y, Y[rows]) + nn.cross_entropy(z, Z[rows])
            step.backward()
            optimiser.step()
            losses.append(step.item())
    assert history.steps == losses
    assert all(
        np.array_equal(a, b)
        for a, b in zip(model.state().values(), mine.state().values(), strict=True)
    )
    assert set(map(str, seen[1:])) == {str([(N, 1), (N, 2), (N, 1), (N,)])}

    mine.eval()
    right = parts(mine(X) if kind == "dict" else mine(*X))
    predicted = nn.predict(model, X, batch_size=7)
    assert type(predicted) is type(mine(X) if kind == "dict" else mine(*X))
    for mine_all, found in zip(right, parts(predicted), strict=True):
        assert np.allclose(mine_all.data, found, rtol=1e-12)
    found = nn.evaluate(model, X, targets, loss=loss, metrics={"right": agreement}, batch_size=7)
    assert found["loss"] == pytest.approx(history.last["validation_loss"], rel=1e-12)
    assert found["right"] == history.last["validation_right"]
    assert found["right"] == nn.accuracy(right[1].data, Z)


def test_a_loss_for_each_output_is_their_sum():
    X, targets = inputs("dict"), {"y": Y, "z": Z}
    each = {"y": "mse", "z": functools.partial(nn.cross_entropy, label_smoothing=0.1)}

    def by_hand(outputs, wanted):
        return nn.mean_squared_error(outputs["y"], wanted["y"]) + nn.cross_entropy(
            outputs["z"], wanted["z"], label_smoothing=0.1
        )

    one, other = Both(), Both()
    common = {"epochs": 2, "batch_size": 16, "validation_split": 0.2, "progress": False}
    ours = nn.fit(one, X, targets, loss=each, **common)
    assert ours.epochs == nn.fit(other, X, targets, loss=by_hand, **common).epochs
    assert nn.evaluate(one, X, targets, loss=each) == nn.evaluate(one, X, targets, loss=by_hand)
    pair = (nn.mean_squared_error, lambda o, t: 0.5 * nn.cross_entropy(o, t))
    found = nn.evaluate(Both(outputs="tuple"), X, (Y, Z), loss=pair)["loss"]
    y, z = Both(outputs="tuple").eval()(X)
    assert found == pytest.approx(
        nn.mean_squared_error(y, Y).item() + 0.5 * nn.cross_entropy(z, Z).item(), rel=1e-12
    )


def test_outputs_with_a_loss_each_are_those_of_forward():
    class Two(nn.Module):
        def __init__(self):
            self.head = nn.Dense(3, 1, rng=0)

        def logits(self, x):
            raise AssertionError("not asked for")

        def forward(self, x):
            z = self.head(x)
            return {"p": ag.sigmoid(z), "z": z}

    y = {"p": Z[:, None], "z": Y}
    found = nn.evaluate(Two(), A, y, loss={"p": "binary_cross_entropy", "z": "mse"})["loss"]
    outputs = Two()(A)
    right = nn.binary_cross_entropy(outputs["p"], y["p"]) + nn.mean_squared_error(outputs["z"], Y)
    assert found == pytest.approx(right.item(), rel=1e-12)


def test_samples_have_weights_by_targets_of_two_parts():
    weights = RNG.uniform(size=N)

    def weighted(outputs, targets):
        each = targets["y"] * ag.log(outputs[:, 1]) + (1 - targets["y"]) * ag.log(outputs[:, 0])
        return -np.sum(targets["weight"] * each) / np.sum(targets["weight"])

    model = nn.MLP([3, 2], rng=0)
    y = {"y": Z, "weight": weights}
    p = nn.predict(model, A)
    right = np.average(-np.log(p[np.arange(N), Z]), weights=weights)
    assert nn.evaluate(model, A, y, loss=weighted)["loss"] == pytest.approx(right, rel=1e-12)
    history = nn.fit(model, A, y, loss=weighted, epochs=20, rate=0.05, progress=False)
    assert history.last["loss"] < 0.8 * right


@pytest.mark.parametrize(
    "own",
    [
        lambda o, t: nn.cross_entropy(
            o, t, from_logits=False, class_weights=[1, 9], label_smoothing=0.1
        ),
        lambda o, t: -np.sum(  # by hand, of probabilities
            np.array([1, 9]) * (0.9 * nn.one_hot(t, 2) + 0.05) * np.log(o)
        ) / np.sum(np.array([1, 9])[t]),
    ],
)  # fmt: skip
def test_a_function_of_ones_own_gets_what_forward_gives(own):
    named = functools.partial(nn.cross_entropy, class_weights=[1, 9], label_smoothing=0.1)
    models = [nn.MLP([3, 4, 2], rng=0) for _ in range(2)]
    found = [
        nn.fit(model, A, Z, loss=given, epochs=3, progress=False)
        for model, given in zip(models, (own, named), strict=True)
    ]
    assert found[0]["loss"] == pytest.approx(found[1]["loss"], rel=1e-10)
    with pytest.raises(ValueError, match=r"from_logits=False.*functools\.partial"):
        nn.fit(models[0], A, Z, loss=lambda o, t: nn.cross_entropy(o, t), progress=False)


@pytest.mark.parametrize("outputs", ["dict", "tuple", "nested"])
def test_a_run_goes_on_to_the_bit(tmp_path, outputs):
    class Crash(nn.Callback):
        def __init__(self, step):
            self.step = step

        def on_step(self, run):
            if run.step == self.step:  # in the second epoch
                raise OSError("the plug is pulled")

    def run(resume, crash=None):
        model = Both(outputs=outputs)
        right = lambda o, t: float(np.mean(parts(o)[0] * parts(t)[0]))  # noqa: E731
        history = nn.fit(
            model, inputs("dict"), ARRANGED[outputs](Y, Z), loss=loss, epochs=3, batch_size=16,
            metrics={"right": right}, callbacks=[Crash(crash)], checkpoint=tmp_path / "run.npz",
            checkpoint_steps=3, resume=resume, progress=False,
        )  # fmt: skip
        return model.state(), history

    whole, history = run(False)
    with pytest.raises(OSError, match="plug"):
        run(False, 7)
    resumed, again = run(True)
    assert all(np.array_equal(whole[name], resumed[name]) for name in whole)
    assert history == again


def test_batches_and_splits_slice_every_part():
    loader = nn.data.batches({"a": A, "b": B}, (Y, Z), batch_size=20, rng=0)
    order = np.random.default_rng(0).permutation(N)
    found = list(loader)
    assert [len(y) for _, (y, _) in found] == [20, 20, 10]
    for key, array in (("a", A), ("b", B)):
        assert np.array_equal(np.concatenate([x[key] for x, _ in found]), array[order])
    assert np.array_equal(np.concatenate([z for _, (_, z) in found]), Z[order])
    train, test, z_train, z_test = nn.data.train_test_split(
        {"a": A, "z": Z}, Z, test_size=0.2, rng=0
    )
    assert np.array_equal(train["z"], z_train)
    assert np.array_equal(test["z"], z_test)
    assert test["a"].shape == (10, 3)


def test_gradient_health_of_several_outputs():
    report = nn.gradient_health(Both(), inputs("dict"), {"y": Y, "z": Z}, loss=loss)
    assert [layer.name for layer in report.layers] == ["first", "second", "heads.0", "heads.1"]
    assert all(layer.gradient > 0 for layer in report.layers)


X = inputs("dict")
GOOD = {"y": Y, "z": Z}
EACH = {"y": "mse", "z": "cross_entropy"}


class Mean(nn.Module):
    def __init__(self):
        self.layer = nn.Dense(3, 1, rng=0)

    def forward(self, x):
        y = self.layer(x)
        return y, np.mean(y)


@pytest.mark.parametrize(
    ("call", "error", "told"),
    [
        (
            lambda: nn.fit(Both(), {"a": A, "b": B[:-1]}, GOOD, loss=loss),
            ValueError, r"X\['a'\] has 50 samples and X\['b'\] 49",
        ),
        (
            lambda: nn.fit(Both(), X, {"y": Y, "z": Z[:-1]}, loss=loss),
            ValueError, r"X\['a'\] has 50 samples and y\['z'\] 49",
        ),
        (
            lambda: nn.predict(Both(), {"a": A, "b": B[:-1]}),
            ValueError, r"predict: .*X\['b'\] 49",
        ),
        (
            lambda: nn.evaluate(Both(), X, {"y": Y, "z": Z[:-1]}, loss=loss),
            ValueError, r"evaluate: .*y\['z'\] 49",
        ),
        (
            lambda: nn.fit(Both(), X, GOOD, loss=loss, validation_data=(X, {"y": Y, "z": Z[1:]})),
            ValueError, r"validation_data: X\['a'\] has 50 samples and .*y\['z'\] 49",
        ),
        (
            lambda: nn.fit(Both(), {"a": A, "b": np.where(B > 1, np.nan, B)}, GOOD, loss=loss),
            ValueError, r"X\['b'\]: row \d+, column \d is nan",
        ),
        (lambda: nn.fit(Both(), {"a": A, "b": 3}, GOOD, loss=loss), ValueError, r"X\['b'\] holds"),
        (lambda: nn.fit(Both(), {}, GOOD, loss=loss), ValueError, "X is an empty dict"),
        (
            lambda: nn.fit(Both(outputs="list"), X, [Y, Z], loss=loss),
            ValueError, r"y: a list is one array.*\(50, 1\) and \(50,\).*tuple.*dict",
        ),
        (
            lambda: nn.fit(Both(outputs="list"), X, [Y, Y], loss=loss),
            ValueError, r"50 samples and y 2; .*second: .*\(y, 0, 1\), or a tuple of arrays",
        ),
        (
            lambda: nn.fit(Both(), X, GOOD, loss="mse"),
            ValueError, "mean_squared_error takes one output, .*a dict of 'y', 'z'.*loss={'y':",
        ),
        (
            lambda: nn.fit(Both(outputs="tuple"), X, (Y, Z), loss="mse"),
            ValueError, "a tuple of 2: write a tuple of losses",
        ),
        (
            lambda: nn.fit(nn.Dense(3, 1, rng=0), A, (Y, Z)),
            ValueError, "takes one array of targets, and y is a tuple of 2",
        ),
        (
            lambda: nn.fit(Both(), X, GOOD, loss={"y": "mse"}),
            ValueError, "losses for 'y', and y is a dict of 'y', 'z'",
        ),
        (
            lambda: nn.fit(Both(), X, GOOD, loss={"y": "mse", "w": "mse"}),
            ValueError, "losses for 'y', 'w', and the model gives a dict of 'y', 'z'",
        ),
        (lambda: nn.fit(Both(), X, Y, loss=EACH), ValueError, "y is one array"),
        (lambda: nn.fit(nn.Dense(3, 1, rng=0), A, GOOD, loss=EACH), ValueError, "gives one array"),
        (
            lambda: nn.fit(Both(), X, GOOD, loss={"y": "half_squared_error", "z": "cross_entropy"}),
            ValueError, "sums over the samples and others means",
        ),
        (lambda: nn.fit(Both(), X, GOOD, loss={"y": "mse", "z": "me"}), ValueError, "no loss .*me"),
        (
            lambda: nn.fit(Both(), X, {"y": Y, "z": Z + 1}, loss=EACH),
            ValueError, "label 2 is not one of 0 to 1",
        ),
        (
            lambda: nn.fit(Both(), X, {"y": Y[:, 0], "z": Z}, loss=EACH),
            ValueError, r"outputs have shape \(50, 1\), targets \(50,\)",
        ),
        (
            lambda: nn.fit(Both(), X, GOOD, loss=EACH, metrics="accuracy"),
            ValueError, r"nn\.accuracy\(outputs\['y'\], targets\['y'\]\)",
        ),
        (lambda: nn.predict(Mean(), A), ValueError, r"output\[1\] is one number for a batch"),
        (
            lambda: nn.fit(
                Mean(), A, Y, loss=lambda o, t: nn.mean_squared_error(o[0], t) + o[1],
                metrics={"m": lambda o, t: 0.0},
            ),
            ValueError, r"output\[1\] is one number for a batch",
        ),
        (
            lambda: nn.data.batches({"a": A, "b": B[1:]}, batch_size=4),
            ValueError, r"lengths \[50, 49\]",
        ),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(call, error, told):
    with pytest.raises(error, match=told):
        call()


def test_a_part_that_is_one_number_for_a_batch_can_be_learnt_from():
    def both(outputs, targets):
        return nn.mean_squared_error(outputs[0], targets) + outputs[1] ** 2

    assert len(nn.fit(Mean(), A, Y, loss=both, epochs=2, progress=False)) == 2


def test_lists_and_tuples_of_numbers_are_one_array():
    model = nn.MLP([2, 2], rng=0)
    for y in ([0, 1, 1], (0, 1, 1), ((1, 0), (0, 1), (0, 1)), [np.int64(0), 1, 1]):
        found = nn.evaluate(model, [[1, 2], [3, 4], [5, 6]], y)["loss"]
        assert found == nn.evaluate(model, np.array([[1, 2], [3, 4], [5, 6]]), np.array(y))["loss"]
