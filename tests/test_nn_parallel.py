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
ROOT = Path(__file__).parent.parent
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


def run(count, *command):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.run(
        [MPIEXEC, "-n", str(count), sys.executable, *command],
        capture_output=True, text=True, check=True, env=environment, timeout=40,
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


def test_the_example_runs_and_shows_it():
    shown = run(2, str(ROOT / "examples" / "data_parallel.py"), "--epochs", "2")
    assert "2 processes, 162 weights" in shown
    assert "between the processes  0.0e+00" in shown
