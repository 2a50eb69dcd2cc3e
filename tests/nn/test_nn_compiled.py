"""``fit(compiled=...)``: the same run, to the last bit."""

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import nn
from autograd_mini.nn.training import compiled as compiled_steps


def data(shape=(40, 6), classes=3):
    rng = np.random.default_rng(0)
    return rng.normal(size=shape), rng.integers(0, classes, shape[0])


def mixed():
    return nn.Sequential(
        nn.Dense(6, 8, "sigmoid", rng=0), nn.BatchNorm(8), nn.Dropout(0.3, rng=1),
        nn.Dense(8, 3, "softmax", rng=2),
    )  # fmt: skip


MODELS = {
    "layers with a state": mixed,
    "gelu": lambda: nn.MLP([6, 5, 3], hidden="gelu", rng=0),
    "float32": lambda: nn.MLP([6, 5, 3], hidden="tanh", rng=0),
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("optimiser", ["sgd", "adam"])
def test_a_compiled_run_is_the_same(name, optimiser, monkeypatch):
    X, y = data()
    X = X.astype(np.float32) if name == "float32" else X
    recorded = []
    compile_of_ours = ag.compile

    def watched(f, **options):
        recorded.append(compile_of_ours(f, **options))
        return recorded[-1]

    monkeypatch.setattr(ag, "compile", watched)
    runs = {}
    for how in (False, True):
        model = MODELS[name]()
        history = nn.fit(
            model, X, y, optimiser=optimiser, rate=0.05, epochs=4, batch_size=16, rng=3,
            metrics=["accuracy"], validation=0.1, clip_norm=1.0, progress=False, compiled=how,
        )  # fmt: skip
        runs[how] = history.steps, history.epochs, model.state()
    assert runs[False][:2] == runs[True][:2]
    for key, array in runs[False][2].items():
        assert np.array_equal(array, runs[True][2][key])
    (step,) = recorded
    assert step.recordings == 2  # whole batches, and the last one


def test_steps_are_compiled_by_default_where_they_are_many(monkeypatch):
    monkeypatch.setattr(compiled_steps, "WORTH", 6)
    compiled = []
    backward = compiled_steps.CompiledSteps.backward

    def watched(self, inputs, targets, size):
        found = backward(self, inputs, targets, size)
        compiled.append((size, found is not None))
        return found

    monkeypatch.setattr(compiled_steps.CompiledSteps, "backward", watched)
    X, y = data()
    nn.fit(mixed(), X, y, epochs=4, batch_size=16, progress=False)
    assert set(compiled) == {(16, True), (8, False)}
    compiled.clear()

    class Own(nn.Module):
        def __init__(self):
            self.dense = nn.Dense(6, 3, rng=0)

        def forward(self, x):
            return self.dense(x)

    for options in (
        {"model": Own(), "loss": "cross_entropy"},
        {"model": mixed(), "loss": lambda p, t: np.mean((p - nn.one_hot(t, 3)) ** 2)},
        {"model": mixed(), "compiled": False},
    ):
        nn.fit(X=X, y=y, epochs=4, batch_size=16, progress=False, **options)
    assert not any(done for _, done in compiled)


def test_a_callback_may_change_the_model():
    X, y = data()

    class Less(nn.Callback):
        def on_epoch(self, run):
            run.model.layers[2].p /= 2

    states = []
    for how in (False, True):
        model = mixed()
        nn.fit(model, X, y, epochs=4, batch_size=20, progress=False, compiled=how, callbacks=Less())
        states.append(model.state())
    assert all(np.array_equal(states[0][key], states[1][key]) for key in states[0])


def test_what_cannot_be_compiled_is_refused_if_it_was_asked_for():
    X, y = data()

    class Own(nn.Module):
        def __init__(self):
            self.dense = nn.Dense(6, 3, rng=0)

        def forward(self, x):
            return self.dense(np.asarray(x) * 2.0)

    with pytest.raises(TypeError, match="cannot follow what it computes"):
        nn.fit(Own(), X, y, loss="cross_entropy", compiled=True, progress=False)
    nn.fit(Own(), X, y, loss="cross_entropy", epochs=1, progress=False)
    with pytest.raises(TypeError, match="compiled=True is for models of Tensors"):
        nn.fit(nn.MLP([6, 3], scalar=True, rng=0), X[:4], y[:4], compiled=True, progress=False)


def test_the_loss_and_its_gradient_share_what_they_compute():
    X, y = data()
    model = nn.MLP([6, 5, 3], hidden="tanh", output="softmax", rng=0)
    step = ag.compile(lambda X, y: nn.cross_entropy(model.logits(X), y), wrt=model.parameters())
    for labels in (y, y[::-1].copy(), y):
        ours, slopes = step(X, labels)
        loss = nn.cross_entropy(model.logits(X), labels)
        expected = ag.gradients(loss, model.parameters())
        assert ours == loss.data
        assert all(map(np.array_equal, slopes, expected))
    (recording,) = next(iter(step._known.values()))
    assert step.recordings == 1
    assert recording.plan.text.count(" exp(") == 1
    assert "_softmax_loss" not in recording.plan.text
