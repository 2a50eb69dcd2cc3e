"""nn.fit: what a run gives, and what happens when it is stopped, resumed, or goes wrong."""

import os
import signal
import warnings

import numpy as np
import pytest
from nn_helpers import network, same, says

import autograd_mini as ag
from autograd_mini import nn

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4))
Y = (X @ RNG.normal(size=(4, 3))).argmax(axis=1)
T = X @ RNG.normal(size=(4, 2))


def fitted(model=None, **options):
    model = model or network()
    given = {"epochs": 3, "batch_size": 16, "rng": 5, "progress": False} | options
    return model, nn.fit(model, X, Y, **given)


# What it computes


def test_it_is_the_loop_that_one_would_write():
    model, history = fitted(optimiser="sgd", rate=0.1)
    mine = network()
    optimiser = nn.SGD(mine.parameters(), rate=0.1)
    rng = np.random.default_rng(5)
    losses = []
    for _ in range(3):
        order = rng.permutation(60)
        for start in range(0, 60, 16):
            rows = order[start : start + 16]
            optimiser.zero_grad()
            loss = nn.cross_entropy(mine.logits(X[rows]), Y[rows])
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
    assert same(model.state(), mine.state())
    assert history.steps == losses
    weights = [16, 16, 16, 12]
    assert history["loss"][0] == pytest.approx(np.dot(losses[:4], weights) / 60, rel=1e-14)


def test_the_same_seed_gives_the_same_bits_and_another_seed_does_not():
    assert same(fitted()[0].state(), fitted()[0].state())
    assert not same(fitted()[0].state(), fitted(rng=6)[0].state())


@pytest.mark.parametrize(
    ("output", "name", "targets"),
    [
        ("softmax", "cross_entropy", Y),
        ("sigmoid", "binary_cross_entropy", nn.one_hot(Y)),
        ("identity", "mean_squared_error", nn.one_hot(Y)),
    ],
)
def test_the_default_loss_fits_the_last_activation(output, name, targets):
    model = network(output=output)
    named = nn.evaluate(model, X, targets, loss=name)["loss"]
    assert nn.evaluate(model, X, targets)["loss"] == named
    options = {"from_logits": False} if name == "cross_entropy" else {}
    by_hand = getattr(nn, name)(model(X), targets, **options).item()
    assert named == pytest.approx(by_hand, rel=1e-12)


def test_a_model_that_ends_otherwise_needs_a_loss():
    with pytest.raises(ValueError, match="no usual loss"):
        nn.fit(nn.Sequential(nn.Dense(4, 3), np.tanh), X, nn.one_hot(Y), progress=False)
    with pytest.raises(ValueError, match="did you mean 'cross_entropy'"):
        fitted(loss="cross_entrpy")


def test_a_loss_that_is_a_sum_is_summed():
    model = network(output="identity")
    history = nn.fit(
        model, X, nn.one_hot(Y), loss="half_squared_error", optimiser="sgd", rate=1e-9, epochs=1,
        progress=False, validation_data=(X, nn.one_hot(Y)),
    )  # fmt: skip
    whole = nn.half_squared_error(model(X), nn.one_hot(Y)).item()
    assert history.last["loss"] == pytest.approx(whole, rel=1e-6)
    assert history.last["validation_loss"] == pytest.approx(whole, rel=1e-12)
    assert history.loss_before == pytest.approx(whole, rel=1e-6)


def test_metrics_and_validation():
    model, history = fitted(metrics=["accuracy"], validation_data=(X[:20], Y[:20]), epochs=90)
    assert list(history.last) == [
        "epoch", "loss", "accuracy", "validation_loss", "validation_accuracy", "rate",
    ]  # fmt: skip
    assert history.last["validation_accuracy"] == nn.accuracy(model(X[:20]), Y[:20])
    assert history.last["validation_accuracy"] > 0.8
    assert nn.predict(model, X).shape == (60, 3)
    assert np.allclose(nn.predict(model, X, batch_size=7), model(X).data, rtol=0, atol=1e-14)


def test_held_out_samples_are_never_trained_on():
    used = []
    watched = X.copy()

    class Watch(nn.Module):
        def __init__(self):
            self.inner = network()

        def logits(self, x):
            if self.training:
                used.extend(x[:, 0])
            return self.inner.logits(x)

    nn.fit(
        Watch(), watched, Y, loss="cross_entropy", validation_split=0.25, epochs=2, progress=False
    )
    assert len(used) == 45 + 2 * 45  # the look before training, and two epochs
    assert len(set(used)) == 45


def test_a_loss_of_the_users_is_used_whatever_its_name():
    def cross_entropy(outputs, targets):
        return nn.cross_entropy(outputs, targets, from_logits=False, class_weights=[1, 5, 1])

    def other(outputs, targets):
        return cross_entropy(outputs, targets)

    def half_squared_error(outputs, targets):
        return np.mean((outputs - targets) ** 2) / 2

    one, history = fitted(loss=cross_entropy)
    two, same_history = fitted(loss=other)
    assert same(one.state(), two.state())
    assert history.steps == same_history.steps
    model = nn.MLP([4, 2], output="identity", rng=0)
    history = nn.fit(model, X, T, loss=half_squared_error, epochs=1, batch_size=20, progress=False)
    assert history["loss"] == pytest.approx([np.mean(history.steps)])  # a mean, not a sum


def test_whole_numbers_as_one_hot_rows_are_rows():
    rows = nn.one_hot(Y)
    one, history = network(), []
    for model, targets in ((one, rows), (network(), rows.astype(int))):
        history.append(nn.fit(model, X, targets, epochs=2, rng=5, progress=False).steps)
        assert same(model.state(), one.state())
    assert history[0] == history[1]


def test_what_a_loop_left_in_the_gradients_does_not_count():
    model = network()
    nn.cross_entropy(model.logits(X), Y).backward()
    fitted(model)
    assert same(model.state(), fitted()[0].state())
    assert not any(np.any(p.grad) for p in model.parameters())

    class Crash(nn.Callback):
        def on_step(self, run):
            raise RuntimeError("power failure")

    model = network()
    with pytest.raises(RuntimeError):
        fitted(model, callbacks=[Crash()])
    assert not any(np.any(p.grad) for p in model.parameters())
    assert not model.training


def test_frozen_parameters_stay_and_their_gradients_do_not_pile_up():
    model, mine, seen = network(), network(), []
    options = {"rate": 0.5, "momentum": 0.9}

    class Watch(nn.Callback):
        def on_gradients(self, run):
            seen.append(np.abs(run.model.layers[0].weight.grad).max())

    head = nn.SGD(model.layers[1].parameters(), **options)
    frozen = model.layers[0].weight.data.copy()
    fitted(model, optimiser=head, clip_norm=0.05, shuffle=False, callbacks=[Watch()])
    assert np.array_equal(model.layers[0].weight.data, frozen)
    assert max(seen) < 2 * seen[0]
    optimiser = nn.SGD(mine.layers[1].parameters(), **options)
    for _ in range(3):
        for start in range(0, 60, 16):
            mine.zero_grad()
            nn.cross_entropy(mine.logits(X[start : start + 16]), Y[start : start + 16]).backward()
            nn.clip_gradients(optimiser.parameters, norm=0.05)
            optimiser.step()
    assert same(model.state(), mine.state())


class Noisy(nn.Module):
    """A model with its own ``logits``, a Generator and running statistics."""

    def __init__(self):
        self.inner = nn.Sequential(
            nn.Dense(4, 8, rng=0), nn.BatchNorm(8), nn.Dropout(0.5, rng=1), nn.Dense(8, 3, rng=2)
        )

    def logits(self, x):
        return self.inner(x)

    def forward(self, x):
        return ag.softmax(self.logits(x))


def test_metrics_do_not_change_what_is_learnt():
    one, history = fitted(Noisy(), loss="cross_entropy", metrics=["accuracy", "perplexity"])
    two, other = fitted(Noisy(), loss="cross_entropy")
    assert same(one.state(), two.state())
    assert history.steps == other.steps
    assert all(1 < found < 10 for found in history["perplexity"])


def test_a_model_over_values_learns_as_one_over_tensors():
    scalar, _ = fitted(network(scalar=True), optimiser="sgd", rate=0.1, epochs=1)
    tensors, _ = fitted(optimiser="sgd", rate=0.1, epochs=1)
    probe = nn.numbers(scalar(X[0]))
    assert np.allclose(probe, tensors(X[0]).data, rtol=1e-12)


def test_a_tuple_of_inputs_goes_to_the_model_as_arguments():
    class Two(nn.Module):
        def __init__(self):
            self.inner = nn.Dense(4, 2, rng=0)

        def forward(self, x, mask):
            return self.inner(x * mask)

    mask = np.ones((60, 4))
    history = nn.fit(
        Two(), (X, mask), T, loss="mean_squared_error", rate=0.05, epochs=30, progress=False
    )
    assert history.last["loss"] < history.loss_before / 5


def test_the_mode_is_train_while_training_and_eval_afterwards():
    modes = []

    class Spy(nn.Module):
        def forward(self, x):
            modes.append(self.training)
            return x

    model = nn.Sequential(nn.Dense(4, 3, rng=0), Spy(), nn.Dense(3, 3, rng=0))
    nn.fit(model, X, T[:, [0, 1, 0]], epochs=1, batch_size=30, progress=False,
           validation_data=(X, T[:, [0, 1, 0]]))  # fmt: skip
    looks = [True, False]  # at the loss of a step, at the validation part
    assert modes == [*looks, True, True, False]
    assert not model.training
    model.train()
    nn.predict(model, X)
    assert model.layers[1].training


def test_schedules_and_clipping():
    rates = []
    model, history = fitted(
        optimiser="sgd", rate=1.0, clip_norm=0.01,
        schedule=lambda optimiser: nn.StepSchedule(optimiser, 1, factor=0.5),
        callbacks=[lambda run: rates.append(run.optimiser.rate)],
    )  # fmt: skip
    assert history["rate"] == [1.0, 0.5, 0.25]
    start, end = network().state(), model.state()
    moved = np.sqrt(sum(np.sum((end[n] - start[n]) ** 2) for n in start))
    assert 0 < moved <= 4 * 0.01 * (1 + 0.5 + 0.25)
    _, history = fitted(
        optimiser="sgd", rate=1.0, schedule_by="step", epochs=1, clip_value=1e-3,
        schedule=lambda optimiser: nn.StepSchedule(optimiser, 1, factor=0.5),
    )  # fmt: skip
    assert history["rate"] == [1.0 / 8]  # that of the last of four steps


# Callbacks and early stopping


def test_callbacks_are_called_in_their_places():
    calls = []

    class Log(nn.Callback):
        def on_start(self, run):
            calls.append("start")

        def on_gradients(self, run):
            assert any(np.any(p.grad) for p in run.model.parameters())
            calls.append("gradients")

        def on_step(self, run):
            calls.append("step")

        def on_epoch(self, run):
            calls.append("epoch")
            run.stop("enough")

        def on_end(self, run):
            calls.append("end")

    _, history = fitted(callbacks=[Log()], batch_size=30)
    assert calls == ["start", "gradients", "step", "gradients", "step", "epoch", "end"]
    assert history.stopped == "enough"
    with pytest.raises(TypeError, match=r"write EarlyStopping\(\)"):
        fitted(callbacks=[nn.EarlyStopping])


def test_callbacks_see_the_gradients_as_the_sweep_left_them():
    class Keep(nn.Callback):
        def on_gradients(self, run):
            self.kept = [p.grad for p in run.model.parameters()]
            self.copies = [g.copy() for g in self.kept]

        def on_step(self, run):
            parameters = run.model.parameters()
            for p, before, copy in zip(parameters, self.kept, self.copies, strict=True):
                assert p.grad is before
                np.testing.assert_array_equal(before, copy)

    keep = Keep()
    sgd = {"optimiser": "sgd", "rate": 0.1, "epochs": 2}
    watched, _ = fitted(callbacks=[keep], **sgd)
    for before, copy in zip(keep.kept, keep.copies, strict=True):
        np.testing.assert_array_equal(before, copy)
    assert same(watched.state(), fitted(**sgd)[0].state())


def test_an_optimiser_with_a_step_of_its_own_is_used_as_it_is():
    class Counting(nn.SGD):
        def step(self):
            self.count = getattr(self, "count", 0) + 1
            super().step()

    model, other = network(), network()
    optimiser = Counting(model.parameters(), rate=0.1)
    nn.fit(model, X, Y, optimiser=optimiser, epochs=2, progress=False)
    nn.fit(other, X, Y, optimiser="sgd", rate=0.1, epochs=2, progress=False)
    assert optimiser.count == optimiser.steps > 0
    assert same(model.state(), other.state())


def test_early_stopping_goes_back_to_the_best_weights():
    rng = np.random.default_rng(1)
    noise = rng.integers(0, 3, 60)  # nothing to learn: validation gets worse
    weights = {}

    def remember(run):
        weights[run.epoch] = run.model.state()

    model = nn.MLP([4, 64, 3], hidden="tanh", rng=0)
    history = nn.fit(
        model, X, noise, rate=0.05, epochs=200, patience=4, validation_split=0.3, progress=False,
        callbacks=[remember],
    )  # fmt: skip
    best = history.best("validation_loss")["epoch"]
    assert history.stopped == "early"
    assert len(history) == best + 4
    assert same(model.state(), weights[best])
    with pytest.raises(ValueError, match="watches 'validation_los'"):
        fitted(callbacks=[nn.EarlyStopping(2, "validation_los")])


def test_early_stopping_may_be_used_again():
    stopping = nn.EarlyStopping(50)
    fitted(callbacks=[stopping])
    again, _ = fitted(nn.MLP([4, 8, 3], hidden="tanh", rng=7), callbacks=[stopping], epochs=1)
    assert same(again.state(), fitted(nn.MLP([4, 8, 3], hidden="tanh", rng=7), epochs=1)[0].state())


def test_a_hook_that_is_set_on_the_callback_itself_is_called():
    calls = []
    callback = nn.Callback()
    callback.on_step = lambda run: calls.append("step")
    callback.on_gradients = lambda run: calls.append("gradients")
    fitted(callbacks=[callback], epochs=1, batch_size=60)
    assert calls == ["gradients", "step"]


# Checkpoints


class Dropping(nn.Module):
    """A model that draws random numbers while it trains, and keeps a running mean."""

    def __init__(self):
        self.first = nn.Dense(4, 8, "tanh", rng=1)
        self.last = nn.Dense(8, 3, rng=2)
        self.rng = np.random.default_rng(3)
        self.mean = np.zeros(8)

    def logits(self, x):
        h = self.first(x)
        if self.training:
            self.mean *= 0.9
            self.mean += 0.1 * h.data.mean(axis=0)
            h = h * (self.rng.random(h.shape) < 0.8)
        return self.last(h)

    forward = logits


def resumable(path, stop_at=None, model=None, **options):
    model = model or Dropping()

    class Stop(nn.Callback):
        def on_step(self, run):
            if run.step == stop_at:
                run.stop("interrupted")

    history = nn.fit(
        model, X, Y, loss="cross_entropy", epochs=5, batch_size=16, validation_split=0.2,
        metrics="accuracy", rng=9, patience=2, callbacks=[Stop()], progress=False,
        checkpoint=path, schedule=lambda o: nn.CosineSchedule(o, 5), **options,
    )  # fmt: skip
    return model, history


@pytest.mark.parametrize("stop_at", [1, 3, 4, 8, 11])
def test_a_resumed_run_is_the_uninterrupted_one_to_the_last_bit(tmp_path, stop_at):
    whole, history = resumable(tmp_path / "whole.npz")
    _, part = resumable(tmp_path / "part.npz", stop_at)
    assert part.stopped == "interrupted"
    assert len(part.steps) == stop_at
    resumed, rest = resumable(tmp_path / "part.npz", resume=True)
    assert same(whole.state(), resumed.state())
    assert vars(rest) == vars(history)


def test_a_checkpoint_in_mid_epoch_survives_a_crash(tmp_path):
    path = tmp_path / "run.npz"

    class Crash(nn.Callback):
        def on_step(self, run):
            if run.step == 7:
                raise RuntimeError("power failure")

    with pytest.raises(RuntimeError, match="power failure"):
        fitted(checkpoint=path, checkpoint_steps=3, callbacks=[Crash()])

    class Pass(Crash):
        def on_step(self, run):
            assert run.step > 6

    Pass.__name__ = "Crash"
    resumed, _ = fitted(checkpoint=path, resume=True, callbacks=[Pass()])
    assert same(resumed.state(), fitted()[0].state())


def test_a_checkpoint_that_cannot_be_written_is_told_and_does_not_end_the_run(tmp_path):
    place = tmp_path / "folder"
    place.write_text("a file where the folder should be")
    path, written = place / "run.npz", []

    def make_room(run):
        written.append(path.exists())
        if run.epoch == 3:
            place.unlink()

    with pytest.warns(
        nn.TrainingWarning, match="checkpoint of step .* could not be written"
    ) as told:
        model, history = fitted(checkpoint=path, epochs=5, callbacks=[make_room])
    assert len(told) == 1
    assert told[0].filename == __file__
    assert len(history) == 5
    assert written == [False, False, False, True, True]
    whole, _ = fitted(epochs=5)
    assert same(model.state(), whole.state())
    resumed, longer = fitted(checkpoint=path, resume=True, epochs=5, callbacks=[make_room])
    assert same(resumed.state(), whole.state())
    assert longer == history


def test_a_checkpoint_that_cannot_be_written_keeps_the_weights_where_warnings_are_errors(tmp_path):
    (tmp_path / "folder").write_text("a file where the folder should be")
    start, _ = fitted(epochs=1)
    model = network()
    with pytest.raises(nn.TrainingWarning, match="could not be written"):
        fitted(model=model, checkpoint=tmp_path / "folder" / "run.npz", epochs=5)
    assert same(model.state(), start.state())
    assert not model.training


def test_a_checkpoint_of_another_run_is_refused(tmp_path):
    path = tmp_path / "run.npz"
    fitted(checkpoint=path)
    with pytest.raises(ValueError, match=r"a run with batch_size=16, and here it is 8"):
        fitted(checkpoint=path, resume=True, batch_size=8)
    with pytest.raises(ValueError, match="holds a checkpoint, not a model"):
        nn.load(network(), path)
    with pytest.raises(ValueError, match="needs checkpoint="):
        fitted(resume=True)


@pytest.mark.parametrize(
    "changed",
    [
        {"rate": 0.01},
        {"schedule": lambda o: nn.StepSchedule(o, 2)},
        {"schedule": None},
        {"metrics": "accuracy"},
        {"shuffle": False},
        {"clip_norm": 1.0},
        {"validation_split": 0.5},
        {"validation_split": 0.0, "validation_data": (X, Y)},
    ],
    ids=lambda changed: ", ".join(changed),
)
def test_a_run_with_other_options_does_not_go_on_from_a_checkpoint(tmp_path, changed):
    path = tmp_path / "run.npz"
    options = {
        "checkpoint": path, "epochs": 2, "rate": 0.02, "validation_split": 0.25,
        "schedule": lambda o: nn.CosineSchedule(o, 9),
    }  # fmt: skip
    fitted(**options)
    name = list(changed)[-1]
    with pytest.raises(ValueError, match=f"run with {name.removesuffix('_data')}"):
        fitted(resume=True, **options | changed)
    with pytest.raises(ValueError, match="a run on other data of the same length"):
        nn.fit(network(), X + 1, Y, resume=True, batch_size=16, rng=5, progress=False, **options)


@pytest.mark.parametrize("place", ["on_gradients", "on_step", "on_epoch"])
def test_an_interrupt_in_the_middle_of_a_step_leaves_the_last_checkpoint(tmp_path, place):
    path = tmp_path / "run.npz"

    class Interrupt(nn.Callback):
        pass

    def interrupt(self, run):
        if run.epoch == 2:
            raise KeyboardInterrupt

    options = {"checkpoint": path, "metrics": "accuracy"}
    setattr(Interrupt, place, interrupt)
    _, history = fitted(callbacks=[Interrupt()], **options)
    assert history.stopped == "interrupted"
    delattr(Interrupt, place)
    resumed, history = fitted(callbacks=[Interrupt()], resume=True, **options)
    assert same(resumed.state(), fitted()[0].state())
    assert len(history) == 3


def test_a_callback_whose_state_is_no_text_is_refused_by_name(tmp_path):
    class Odd(nn.Callback):
        def state(self):
            return {1: 2.0}

    with pytest.raises(TypeError, match="callbacks/0 has the key 1; keys in a file are text"):
        fitted(checkpoint=tmp_path / "run.npz", callbacks=[Odd()])


def test_gradient_health_goes_on_from_a_checkpoint(tmp_path):
    path, whole, rest = tmp_path / "run.npz", nn.GradientHealth(every=1), None
    fitted(callbacks=[whole])
    fitted(callbacks=[nn.GradientHealth(every=1)], checkpoint=path, epochs=2)
    rest = nn.GradientHealth(every=1)
    fitted(callbacks=[rest], checkpoint=path, resume=True)
    assert rest.steps == whole.steps
    assert rest.gradients == whole.gradients
    assert rest.updates == whole.updates


def test_resume_without_a_file_starts_the_run(tmp_path):
    model, _ = fitted(checkpoint=tmp_path / "deep" / "run.npz", resume=True)
    assert same(model.state(), fitted()[0].state())
    finished, history = fitted(checkpoint=tmp_path / "deep" / "run.npz", resume=True)
    assert same(model.state(), finished.state())
    assert len(history) == 3


# Ctrl-C


@pytest.fixture
def in_the_foreground():
    """A process that was started in the background ignores Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("in_the_foreground")
def test_ctrl_c_ends_after_the_step_and_keeps_what_was_learnt(tmp_path):
    path = tmp_path / "run.npz"
    pressed = []

    class Press(nn.Callback):
        def on_gradients(self, run):
            if run.step == 5 and not pressed:
                pressed.append(True)
                os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    model, history = fitted(callbacks=[Press()], checkpoint=path)
    assert signal.getsignal(signal.SIGINT) is before
    assert history.stopped == "interrupted"
    assert len(history.steps) in (6, 7)
    assert history.steps == fitted()[1].steps[: len(history.steps)]
    assert not same(model.state(), network().state())
    resumed, _ = fitted(callbacks=[Press()], checkpoint=path, resume=True)
    assert same(resumed.state(), fitted()[0].state())


@pytest.mark.usefixtures("in_the_foreground")
def test_a_second_ctrl_c_ends_at_once():
    class Press(nn.Callback):
        def on_gradients(self, run):
            if run.step == 2:
                os.kill(os.getpid(), signal.SIGINT)
                os.kill(os.getpid(), signal.SIGINT)

    _, history = fitted(callbacks=[Press()])
    assert history.stopped == "interrupted"
    assert len(history.steps) == 2


# What goes wrong


def test_a_diverging_run_stops_and_has_the_last_good_weights():
    model = nn.MLP([4, 8, 2], hidden="relu", output="identity", rng=0)
    weights = [model.state()]
    rates = iter([1e-3, 1e-3, 1e300])

    def remember(run):
        weights.append(run.model.state())
        run.optimiser.rate = next(rates)

    with pytest.warns(nn.TrainingWarning, match=r"diverged in epoch 4.*weights of epoch 3.*Lower"):
        history = nn.fit(
            model, X, T, optimiser="sgd", rate=1e-3, epochs=9, callbacks=[remember], progress=False
        )
    assert history.stopped == "diverged"
    assert same(model.state(), weights[3])


def test_a_rate_that_explodes_without_infinity_is_noticed():
    start = network().state()
    with pytest.warns(nn.TrainingWarning, match="the loss rose to"):
        model, history = fitted(optimiser="sgd", rate=1e5, epochs=20)
    assert history.stopped == "diverged"
    assert same(model.state(), start)


def test_a_run_that_diverges_in_its_first_epoch_says_so_and_goes_back_to_the_start():
    samples, targets = RNG.normal(size=(200, 2)), RNG.normal(size=(200, 1))
    model = nn.MLP([2, 8, 1], output="identity", rng=0)
    before = model.state()
    optimiser = nn.SGD(model.parameters(), rate=3.0, momentum=0.9)
    with pytest.warns(nn.TrainingWarning, match="at the end of epoch 1: the loss rose") as told:
        history = nn.fit(model, samples, targets, optimiser=optimiser, epochs=5, progress=False)
    assert "has the weights before training" in str(told[0].message)
    assert f"rose to {history.last['loss']:.3g}, from" in str(told[0].message)
    assert same(model.state(), before)
    optimiser.rate = 1e-3  # its momentum is not that of the explosion
    history = nn.fit(model, samples, targets, optimiser=optimiser, epochs=3, progress=False)
    assert not history.stopped


def test_a_gradient_that_becomes_nan_is_not_called_a_loss():
    model = network()
    with pytest.warns(nn.TrainingWarning, match="step 1: a gradient became NaN or infinite"):
        fitted(model, loss=lambda o, t: np.sum(ag.sqrt(o - o)), clip_norm=1.0)


def test_dropout_alone_does_not_look_like_divergence():
    easy = np.eye(3)[Y] * 20
    model = nn.Sequential(
        nn.Dense(3, 32, "relu", rng=0), nn.Dropout(0.5, rng=0), nn.Dense(32, 3, rng=0)
    )
    for _ in range(2):
        history = nn.fit(model, easy, Y, loss="cross_entropy", rate=0.05, epochs=40, progress=False)
        assert not history.stopped


def test_a_negative_loss_that_falls_is_no_worse():
    model = nn.MLP([4, 1], output="identity", rng=0)
    nn.fit(
        model, X, T[:, :1], loss=lambda o, t: np.mean((t - o) ** 2) - 100.0, epochs=5, rate=0.05,
        progress=False,
    )  # fmt: skip


def test_a_rate_that_only_makes_things_worse_is_named():
    with pytest.warns(nn.TrainingWarning, match="made the loss worse"):
        fitted(optimiser="sgd", rate=100.0, epochs=4)


def test_a_gradient_that_becomes_nan_stops_a_clipped_run():
    class Poison(nn.Module):
        def __init__(self):
            self.w = ag.Tensor([1.0])

        def forward(self, x):
            return np.sqrt(self.w * x[:, :1] ** 2) * np.where(x[:, 1:2] > 9, np.inf, 1.0)

    data = np.abs(X) + 0.1
    data[50, 1] = 10.0
    with pytest.warns(nn.TrainingWarning, match="diverged"):
        history = nn.fit(
            Poison(), data, np.ones((60, 1)), loss="mean_squared_error", clip_norm=1.0,
            progress=False, shuffle=False, batch_size=10,
        )  # fmt: skip
    assert len(history.steps) == 5


def test_one_class_is_warned_of():
    with pytest.warns(nn.TrainingWarning, match="all 60 targets are class 2"):
        nn.fit(network(), X, np.full(60, 2), epochs=1, progress=False)


BAD = np.where(np.arange(60)[:, None] == 7, np.nan, X)


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ((BAD, Y), ValueError, "X: row 7, column 0 is nan"),
        ((X, np.where(np.arange(60) == 3, np.inf, Y)), ValueError, "y: the number at 3 is inf"),
        ((X, np.where(np.arange(60) == 55, 3, Y)), ValueError, "label 3 is not one of 0 to 2"),
        ((X[:, :3], Y), ValueError, r"takes inputs of shape \(..., 4\), got \(60, 3\)"),
        ((X[:0], Y[:0]), ValueError, "there are no samples"),
        ((X, Y[:-1]), ValueError, "X has 60 samples and y 59"),
        ((3.0, Y), ValueError, "not single numbers"),
        ((X, np.array(["a"] * 60)), TypeError, "np.unique"),
    ],
)  # fmt: skip
def test_bad_data_is_refused_before_the_first_step(given, error, message):
    model = network()
    with warnings.catch_warnings(), pytest.raises(error, match=message):
        nn.fit(model, *given, progress=False)
    assert same(model.state(), network().state())


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"epochs": 0}, ValueError, "epochs is a positive whole number"),
        ({"batch_size": 2.5}, ValueError, "batch_size is a positive whole number"),
        ({"validation_split": 1.0}, ValueError, "below 1"),
        ({"validation_split": 0.001}, ValueError, "leaves a part empty"),
        ({"optimiser": "adm"}, ValueError, "did you mean 'adam'"),
        ({"optimiser": "sgd"}, ValueError, "needs a learning rate"),
        ({"optimiser": nn.SGD}, TypeError, "nn.SGD"),
        ({"metrics": "acuracy"}, ValueError, "did you mean 'accuracy'"),
        ({"schedule_by": "week"}, ValueError, "'epoch' or 'step'"),
        ({"patience": 0}, ValueError, "at least 1"),
        ({"communicator": 3}, TypeError, "mpi4py"),
        ({"loss": lambda o, t: o}, ValueError, r"one number, and this one has shape \(60, 3\)"),
    ],
)
def test_bad_options_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        fitted(**options)


@pytest.mark.parametrize("loss", ["cross_entropy", "binary_cross_entropy", "hinge"])
def test_one_class_is_warned_of_by_every_loss_that_tells_classes_apart(loss):
    outputs = 2 if loss == "cross_entropy" else 1
    activation = {"cross_entropy": "softmax", "binary_cross_entropy": "sigmoid"}.get(
        loss, "identity"
    )
    targets = np.ones(60) if loss == "cross_entropy" else np.ones((60, 1))
    with pytest.warns(nn.TrainingWarning, match="all 60 targets are class 1"):
        nn.fit(nn.MLP([4, outputs], output=activation, rng=0), X, targets, loss=loss, epochs=1,
               progress=False)  # fmt: skip


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"validation_data": (X[:, :3], Y)}, r"takes inputs of shape \(..., 4\)"),
        ({"validation_data": (X, Y + 1)}, "3"),
        ({"validation_data": X}, "validation_data is a pair"),
        ({"validation_data": (X, Y, Y)}, "validation_data is a pair"),
        ({"metrics": lambda o, t: 1 / 0}, "division"),
        ({"metrics": [lambda o, t: 1.0, lambda o, t: 2.0]}, "two columns .* '<lambda>'"),
        ({"metrics": {"loss": lambda o, t: 1.0}}, "'loss' already"),
        ({"schedule": "cosine"}, "write schedule=lambda optimiser"),
        ({"checkpoint": 3}, "checkpoint is the name of a file"),
        ({"checkpoint_steps": 5}, "needs checkpoint="),
        ({"checkpoint": "x.npz", "checkpoint_steps": 0}, "checkpoint_steps is a positive"),
        ({"loss": lambda o, t: np.sum(np.array(1.0) * t)}, "does not depend on any parameter"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_learnt(options, message):
    model = network()
    with pytest.raises((ValueError, TypeError, ZeroDivisionError), match=message):
        fitted(model, **options)
    assert same(model.state(), network().state())
    assert model.training == network().training


def test_a_target_that_no_look_at_some_samples_finds_is_refused():
    many, targets = np.zeros((1000, 4)), np.zeros((1000, 1))
    targets[::2] = 1
    targets[777] = 2
    model = nn.MLP([4, 1], output="sigmoid", rng=0)
    with pytest.raises(ValueError, match="targets are between 0 and 1, found 2"):
        nn.fit(model, many, targets, epochs=1, progress=False)


def test_a_last_batch_without_variance_is_refused_before_the_first_step():
    model = nn.Sequential(nn.Dense(4, 8, rng=0), nn.BatchNorm(8), nn.Dense(8, 3, rng=1))
    with pytest.raises(ValueError, match=r"last batch of each epoch has one sample \(33 samples"):
        nn.fit(model, X[:33], Y[:33], loss="cross_entropy", batch_size=32, progress=False)
    assert model.layers[1].num_batches_tracked == 0


def test_optimisers_and_schedules_of_other_models_are_refused():
    model, other = network(), network()
    optimiser = nn.SGD(other.parameters(), rate=0.1)
    with pytest.raises(ValueError, match="made of other parameters"):
        fitted(model, optimiser=optimiser)
    own = nn.SGD(model.parameters(), rate=0.1)
    with pytest.raises(ValueError, match="rates of another optimiser"):
        fitted(model, optimiser=own, schedule=nn.CosineSchedule(optimiser, 5))
    with ag.no_grad(), pytest.raises(ValueError, match=r"inside ag.no_grad\(\)"):
        fitted(model)


def test_a_schedule_that_has_ended_is_not_used_again():
    model = network()
    optimiser = nn.SGD(model.parameters(), rate=0.1)
    schedule = nn.CosineSchedule(optimiser, 3)
    fitted(model, optimiser=optimiser, schedule=schedule)
    assert optimiser.rate == 0
    for again in (
        schedule,
        None,
        lambda o: nn.CosineSchedule(o, 3),
        nn.CosineSchedule(optimiser, 3),
    ):
        with pytest.raises(ValueError, match="the learning rate is 0, where a schedule has ended"):
            fitted(model, optimiser=optimiser, schedule=again)
    optimiser.rate = 0.1
    fitted(model, optimiser=optimiser, schedule=lambda o: nn.WarmUp(o, 3))


def test_the_progress_bar_shows_loss_metric_and_rate(capsys):
    fitted(progress=True, metrics="accuracy", epochs=40)
    shown = capsys.readouterr().err
    assert "160/160" in shown
    assert "loss=" in shown
    assert "rate=0.001" in shown


def test_the_history_is_a_table():
    _, history = fitted(metrics="accuracy")
    lines = str(history).splitlines()
    assert lines[0].split() == ["epoch", "loss", "accuracy", "rate"]
    assert len(lines) == 4
    with pytest.raises(KeyError, match="no column 'val_loss'; there are epoch, loss"):
        history["val_loss"]


# Data


def test_scalers_and_constant_columns():
    data = np.column_stack([X[:, 0], np.full(60, 0.1), 1e8 + X[:, 1]])
    for scaler in (nn.data.StandardScaler(), nn.data.MinMaxScaler()):
        scaled = scaler.fit_transform(data)
        assert np.all(scaled[:, 1] == 0)
        assert np.allclose(scaler.inverse_transform(scaled), data, rtol=1e-12)
        with pytest.raises(ValueError, match="fitted on 3 columns"):
            scaler.transform(X)
        with pytest.raises(ValueError, match="row 1, column 2 is inf"):
            scaler.fit([[1, 2, 3], [4, 5, np.inf]])
        with pytest.raises(ValueError, match="seen no data"):
            type(scaler)().inverse_transform(data)
    scaled = nn.data.StandardScaler().fit_transform(data)
    assert np.allclose(scaled[:, [0, 2]].mean(axis=0), 0, atol=1e-7)
    assert np.allclose(scaled[:, [0, 2]].std(axis=0), 1)


def test_padded_sequences_keep_their_numbers_and_must_fit():
    together, mask = nn.data.padded([[1, 2, 3], [0.5]], fill=np.nan)
    np.testing.assert_array_equal(together, [[1, 2, 3], [0.5, np.nan, np.nan]])
    assert mask.sum() == 4
    with pytest.raises(ValueError, match=r"got \(1, 1\) and \(1, 2\)"):
        nn.data.padded([[[1, 2]], [[1]]])


def test_batches_hold_every_sample_once():
    parts = list(nn.data.batches(X, Y, batch_size=7, rng=0))
    assert [len(x) for x, _ in parts] == [7] * 8 + [4]
    together = np.concatenate([x for x, _ in parts])
    assert np.array_equal(np.sort(together, axis=0), np.sort(X, axis=0))
    for x, y in parts:
        assert all(Y[np.flatnonzero(X[:, 0] == row[0])[0]] == label
                   for row, label in zip(x, y, strict=True))  # fmt: skip
    with pytest.raises(ValueError, match="lengths"):
        nn.data.batches(X, Y[:3], batch_size=2)


def test_sequences_are_windows_and_what_comes_next():
    inputs, targets = nn.data.sequences(np.arange(20), 5, step=3)
    assert np.array_equal(targets, inputs + 1)
    assert inputs[:, 0].tolist() == [0, 3, 6, 9, 12]
    assert inputs[-1, -1] < 19
    with pytest.raises(ValueError, match="need 6 items, got 5"):
        nn.data.sequences(range(5), 5)


# Short forms


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ({"validation_split": 0.2}, {"validation": 0.2}),
        ({"validation_data": (X[:9], Y[:9])}, {"validation": (X[:9], Y[:9])}),
        ({"clip_norm": 0.1}, {"callbacks": nn.ClipNorm(0.1)}),
        ({"clip_norm": 0.1}, {"callbacks": [lambda run: None, nn.ClipNorm(0.1)]}),
        ({"clip_value": 0.01}, {"callbacks": [nn.ClipValue(0.01)]}),
        ({"clip_norm": 0.1, "patience": 1}, {"callbacks": [nn.ClipNorm(0.1), nn.EarlyStopping(1)]}),
        (
            {"schedule": lambda o: nn.CosineSchedule(o, 9), "schedule_by": "step"},
            {"schedule": nn.EachStep(lambda o: nn.CosineSchedule(o, 9))},
        ),
    ],
)
def test_a_short_form_is_the_long_one(short, long):
    one, history = fitted(**short)
    other, same_history = fitted(**long)
    assert same(one.state(), other.state())
    assert history.epochs == same_history.epochs


def test_a_run_goes_on_from_either_form_of_a_checkpoint(tmp_path):
    path = tmp_path / "run.npz"
    whole, _ = fitted(epochs=4, clip_norm=0.1)
    fitted(epochs=2, clip_norm=0.1, checkpoint=path, checkpoint_steps=3)
    long = [nn.ClipNorm(0.1), nn.Checkpoint(path, steps=3, resume=True)]
    resumed, _ = fitted(epochs=4, callbacks=long)
    assert same(whole.state(), resumed.state())
    fitted(epochs=1, callbacks=[nn.ClipNorm(0.1), nn.Checkpoint(tmp_path / "other.npz")])
    resumed, _ = fitted(epochs=4, clip_norm=0.1, checkpoint=tmp_path / "other.npz", resume=True)
    assert same(whole.state(), resumed.state())
    with says(ValueError, "a run with clip_norm=0.1, and here it is None"):
        fitted(epochs=4, callbacks=nn.Checkpoint(path, resume=True))


def test_what_is_said_twice_is_refused(tmp_path):
    with says(ValueError, "one nn.Checkpoint", "2 are given"):
        fitted(checkpoint="a.npz", callbacks=nn.Checkpoint("b.npz"))
    with says(ValueError, "give validation, or"):
        fitted(validation=0.2, validation_split=0.2)


def test_a_callback_may_give_a_run_up():
    class Judge(nn.Callback):
        def on_gradients(self, run):
            if run.step == 5:
                run.diverge("the judge has seen enough")

    with pytest.warns(nn.TrainingWarning, match=r"epoch 2, step 6: the judge has seen enough"):
        _, history = fitted(callbacks=Judge())
    assert history.stopped == "diverged"
    assert len(history.steps) == 5
