"""Several processes train as one: the same weights everywhere, equal to one process's."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("mpi4py")
ROOT = Path(__file__).parents[2]
MPIEXEC = shutil.which(
    "mpiexec", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
)
pytestmark = pytest.mark.skipif(MPIEXEC is None, reason="there is no mpiexec: pip install mpich")

PROGRAM = """
import json, sys
import numpy as np
from mpi4py import MPI
from autograd_mini import nn
world = MPI.COMM_WORLD
rng = np.random.default_rng(0)
X, y = rng.normal(size=(43, 4)), rng.integers(0, 3, 43)
def model(seed):
    return nn.MLP([4, 6, 3], hidden="tanh", rng=seed)
options = dict(epochs=2, batch_size=7, optimiser="sgd", rate=0.3, rng=5, metrics="accuracy",
               clip_norm=0.5, validation_split=0.2, progress=False)
together = model(world.rank)  # they differ before: the first one's weights are taken
history = nn.fit(together, X, y, communicator=world, **options)
alone = model(0)
one = nn.fit(alone, X, y, **options)
def flat(m):
    return np.concatenate([w.ravel() for w in m.state().values()])
everywhere = world.allgather(flat(together))
found = dict(
    rank=world.rank,
    size=world.size,
    between=max(float(np.abs(w - everywhere[0]).max()) for w in everywhere),
    to_one=float(np.abs(flat(alone) - flat(together)).max()),
    before=world.allgather(history.loss_before),
    moved=float(np.abs(flat(together) - flat(model(0))).max()),
    losses=[history.steps, one.steps],
    rows=[history.epochs, one.epochs],
)
try:
    nn.fit(model(0), X[: 43 - world.rank], y[: 43 - world.rank], communicator=world, **options)
except ValueError as error:
    found["refused"] = str(error)
normal = nn.Sequential(nn.Dense(4, 5, rng=world.rank), nn.BatchNorm(5), nn.Dense(5, 3, rng=1))
nn.fit(normal, X, nn.one_hot(y), loss="mean_squared_error", epochs=1, batch_size=22,
       communicator=world, progress=False)
states = world.allgather(flat(normal))
try:  # the last batch has three samples, and leaves a process one, which has no variance
    nn.fit(normal, X, nn.one_hot(y), loss="mean_squared_error", epochs=1, batch_size=40,
           shuffle=False, communicator=world, progress=False)
except (ValueError, RuntimeError) as error:
    found["failed"] = world.gather(type(error).__name__)
found["buffers"] = max(float(np.abs(s - states[0]).max()) for s in states)
print(json.dumps(found)) if world.rank == 0 else None
"""

RESUMED = """
import json, sys
import numpy as np
from mpi4py import MPI
from autograd_mini import nn
world = MPI.COMM_WORLD
rng = np.random.default_rng(0)
X, y = rng.normal(size=(43, 4)), rng.integers(0, 3, 43)
def own(outputs, targets):  # a number that is another in each process
    return float(world.rank)
def fitted(**options):
    model = nn.Sequential(nn.Dense(4, 8, "tanh", rng=0), nn.Dropout(0.4, rng=world.rank),
                          nn.Dense(8, 3, rng=1))
    history = nn.fit(model, X, y, loss="cross_entropy", epochs=3, batch_size=7, rate=0.05, rng=5,
                     metrics=["accuracy", own], communicator=world, progress=False, **options)
    return np.concatenate([w.ravel() for w in model.state().values()]), history
class Crash(nn.Callback):
    def on_step(self, run):
        if run.step == 10:
            raise OSError("the plug is pulled")
class Pass(nn.Callback):
    pass
Pass.__name__ = "Crash"
whole, first = fitted(callbacks=[Pass()])
saved = dict(checkpoint="run.npz", resume=True) if world.rank == 0 else {}
try:
    fitted(callbacks=[Crash()], **saved, **dict(checkpoint_steps=3 if world.rank == 0 else None))
except OSError:
    pass
again, second = fitted(callbacks=[Pass()], **saved)
rows = world.allgather(first.epochs)
alike = world.allgather(bool(np.all(again == whole)) and first == second and rows[0] == rows[1])
if world.rank == 0:
    print(json.dumps(alike))
"""

UNWELL = """
import functools, json, os, signal, sys, threading
import numpy as np
from mpi4py import MPI
from autograd_mini import nn
world = MPI.COMM_WORLD
rng = np.random.default_rng(0)
X, y = rng.normal(size=(40, 3)), rng.integers(0, 2, 40)
def at(place, what, epoch=2):
    class At(nn.Callback):
        pass
    def hook(self, run):
        if run.epoch >= epoch:
            what(run)
    setattr(At, place, hook)
    return dict(callbacks=[At()])
def failing(run):
    raise OSError("no more paper")
def leaving(run):
    sys.exit(3)
def pressing(run):
    raise KeyboardInterrupt
def signalled(run):
    os.kill(os.getpid(), signal.SIGINT)
def stopping(run):
    run.stop("enough")
def faster(run):
    run.optimiser.rate = 0.5
def moved(run):
    run.model.layers[0].bias.data += 1
def missing(outputs, targets):
    if world.rank == world.size - 1:
        raise LookupError("no such metric")
    return 0.0
def half(outputs, targets):
    return 0.5 * nn.mean_squared_error(outputs, nn.one_hot(targets, 2))
spoilt = X.copy()
spoilt[7, 1] = np.nan
def shorter(X=X, y=y):
    return dict(X=X[:30], y=y[:30])
ODD = dict(
    start=at("on_start", failing, 1), gradients=at("on_gradients", failing),
    step=at("on_step", failing), epoch=at("on_epoch", failing), end=at("on_end", failing),
    exit=at("on_step", leaving), press=at("on_gradients", pressing),
    late_press=at("on_epoch", pressing), ctrl_c=at("on_step", signalled),
    stop=at("on_step", stopping), stop_epoch=at("on_epoch", stopping),
    stop_start=at("on_start", stopping, 1), faster=at("on_step", faster),
    moved=at("on_epoch", moved), moved_last=at("on_end", moved),
    nan=dict(X=spoilt), short=dict(y=y[:-1]), samples=shorter(), data=dict(X=X + 1),
    width=dict(model=nn.MLP([3, 7, 2])), wide=dict(X=np.c_[X, X]), rate=dict(rate=0.5),
    epochs=dict(epochs=7), batch=dict(batch_size=5), loss=dict(loss=half),
    optimiser=dict(optimiser="sgd"), clip=dict(clip_norm=1.0), patience=dict(patience=1),
    schedule=dict(schedule=lambda o: nn.CosineSchedule(o, 3)), metrics=dict(metrics=missing),
    validation=dict(validation_data=(X[:9], y[:9])), option=dict(epochs=0),
    order=dict(rng=5), weights=dict(model=nn.MLP([3, 6, 2], rng=9)),
    quiet=dict(checkpoint="only_the_first_writes.npz"),
    weighted=dict(loss=functools.partial(nn.cross_entropy, class_weights=[1.0, 9.0])),
)
shown = {}
for name, odd in ODD.items():
    options = dict(X=X, y=y, model=nn.MLP([3, 6, 2], rng=0), epochs=3, batch_size=8, rate=0.01)
    if world.rank == world.size - 1:
        options |= odd
    model = options["model"]
    try:
        history = nn.fit(communicator=world, progress=False, **options)
        ended = f"done {history.stopped}"
    except BaseException as error:
        ended = f"{type(error).__name__}: {error}"
    weights = b"".join(w.tobytes() for w in model.state().values())
    everywhere = world.allgather((ended, weights))
    shown[name] = [e for e, _ in everywhere] + [len({w for _, w in everywhere}) == 1]
if world.rank == 0:
    print(json.dumps(shown))
"""

ABORTED = """
import numpy as np
from mpi4py import MPI
from autograd_mini import nn
class Cut(MPI.Intracomm):
    def Allreduce(self, *buffers):
        if self.Get_rank() == 1:
            raise OSError("the cable is cut")
        super().Allreduce(*buffers)
nn.fit(nn.MLP([2, 2]), np.eye(2), [0, 1], communicator=Cut(MPI.COMM_WORLD), progress=False)
"""


def run(count, *command, folder=None):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.run(
        [MPIEXEC, "-n", str(count), sys.executable, *command],
        capture_output=True, text=True, check=True, env=environment, timeout=120, cwd=folder,
    ).stdout  # fmt: skip


@pytest.mark.parametrize("count", [1, 2, 3])
def test_several_processes_are_one(count):
    found = json.loads(run(count, "-c", PROGRAM))
    assert found["size"] == count
    assert found["between"] == 0
    assert found["buffers"] == 0
    assert found["moved"] > 0.1
    assert len(set(found["before"])) == 1
    assert found["to_one"] < 1e-14
    together, one = found["losses"]
    assert np.allclose(together, one, rtol=1e-13)
    for mine, other in zip(*found["rows"], strict=True):
        assert mine == pytest.approx(other, rel=1e-12)
    if count == 2:
        assert found["failed"] == ["RuntimeError", "ValueError"]
    if count > 1:
        assert "the processes differ in samples: 43, 42" in found["refused"]


@pytest.fixture(scope="module", params=[3])
def unwell(request, tmp_path_factory):
    """How each process ended where the last one was odd in some way."""
    folder = tmp_path_factory.mktemp("unwell")
    shown = json.loads(run(request.param, "-c", UNWELL, folder=folder))
    assert not list(folder.iterdir())
    return request.param, shown


ENDED = {
    **dict.fromkeys(("start", "gradients", "step", "epoch", "end"), "OSError: no more paper"),
    "exit": "SystemExit: 3",
    "press": "KeyboardInterrupt",
    "late_press": "KeyboardInterrupt",
    "nan": "ValueError: X: row 7, column 1 is nan",
    "short": "ValueError: X has 40 samples and y 39",
    "wide": "takes inputs of shape (..., 3), got",
    "metrics": "LookupError: no such metric",
    "weighted": 'give the loss reduction="sum"',
    "option": "ValueError: epochs is a positive whole number, not 0",
}

REFUSED = {
    "samples": "samples: 40, 30",
    "data": "data: ",
    "width": "model's layers.0.weight: float64 of shape (3, 6), float64 of shape (3, 7)",
    "rate": "rate: 0.01, 0.5",
    "epochs": "epochs: 3, 7",
    "batch": "batch_size: 8, 5",
    "loss": "loss: cross_entropy, half",
    "optimiser": "optimiser: Adam, SGD",
    "clip": "clip_norm: None, 1.0",
    "patience": "patience: None, 1",
    "schedule": "schedule: None, CosineSchedule",
    "validation": "validation_data: False, True",
    "faster": "rate at the end of epoch 2: [0.01], [0.5]",
    "moved": "weights at the end of epoch 2: ",
    "moved_last": "weights at the end: ",
}

DONE = {
    "ctrl_c": "interrupted (rank {last} of {count})",
    "stop": "enough (rank {last} of {count})",
    "stop_epoch": "enough (rank {last} of {count})",
    "stop_start": "enough (rank {last} of {count})",
    "order": "",
    "weights": "",
    "quiet": "",
}


def test_an_error_in_one_process_ends_all_and_is_named(unwell):
    count, shown = unwell
    for case, what in ENDED.items():
        *others, last, _ = shown[case]
        assert what in last, case
        for other in others:
            assert other.startswith(f"RuntimeError: rank {count - 1} of {count} ended by"), case
            assert what in other, case
            assert other.endswith("so all of them end"), case


def test_processes_that_were_asked_for_different_things_are_refused(unwell):
    count, shown = unwell
    for case, what in REFUSED.items():
        *ends, _ = shown[case]
        for end in ends:
            assert end.startswith("ValueError: the processes differ in "), case
            assert what in end, case
            assert f"(ranks 0, {count - 1})" in end, case


def test_what_one_process_decides_holds_for_all(unwell):
    count, shown = unwell
    for case, what in DONE.items():
        *ends, alike = shown[case]
        assert set(ends) == {"done " + what.format(last=count - 1, count=count)}, case
        assert alike, case
    assert set(shown) == {*ENDED, *REFUSED, *DONE}


def test_all_go_on_from_the_first_ones_checkpoint_as_if_nothing_had_happened(tmp_path):
    assert json.loads(run(2, "-c", RESUMED, folder=tmp_path)) == [True, True]


def test_what_fails_inside_a_collective_call_ends_all():
    with pytest.raises(subprocess.CalledProcessError) as ended:
        run(2, "-c", ABORTED)
    assert "OSError: the cable is cut\nrank 1 of 2 ends all processes" in ended.value.stderr


def test_the_example_runs_and_shows_it():
    shown = run(2, str(ROOT / "examples" / "data_parallel.py"), "--epochs", "2")
    assert "2 processes, 162 weights" in shown
    assert "between the processes  0.0e+00" in shown
