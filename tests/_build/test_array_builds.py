"""The nodes of arrays, compiled and in plain Python: the same numbers, and which of them runs."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import autograd_mini as ag
from autograd_mini._build import build

COMPILED = pytest.mark.skipif(
    ag.build_info()["arrays"] != "compiled", reason="the compiled build is not installed"
)

PROGRAM = """
import hashlib
import numpy as np
import autograd_mini as ag

rng = np.random.default_rng(0)
X, W, b = rng.normal(size=(5, 4)), rng.normal(size=(4, 3)), rng.normal(size=3)

def loss(W, b):
    h = np.tanh(X @ W + b) * 2 - W[0] / (1 + b**2)
    h = np.where(h > 0, np.sqrt(np.abs(h)), 0.0) + 3 % (np.exp(h) + 1)
    return np.sum(h * h) + np.sum(-W) ** 2 + np.max(b) // 1

found = [*ag.value_and_grad(loss, (0, 1))(W, b)[1], ag.hessian(loss, 1)(W, b)]
for kind in (np.float32, np.float16):
    found += ag.grad(loss, (0, 1))(W.astype(kind), b.astype(kind))
leaf = ag.Tensor(W)
out = loss(leaf, b)
out.backward()
out.backward()
leaf.data = leaf.data + 1
try:
    out.backward()
except RuntimeError as error:
    print(str(error)[:40])
print(hashlib.sha256(b"".join(np.ascontiguousarray(f).tobytes() for f in [*found, leaf.grad])).hexdigest())
print(ag.build_info()["arrays"])
"""


def printed(code: str, **environment: str) -> list[str]:
    found = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [*found.stdout.split("\n")[:-1], found.stderr]


@COMPILED
def test_both_builds_give_the_same_bits() -> None:
    *ours, which, _ = printed(PROGRAM, AUTOGRAD_MINI_PURE="0")
    *plain, other, _ = printed(PROGRAM, AUTOGRAD_MINI_PURE="1")
    assert (which, other) == ("compiled", "plain")
    assert len(ours) == 2
    assert ours == plain


@COMPILED
@pytest.mark.parametrize("changed", [None, "core/array_node.py", "_build/compose_node.py"])
def test_a_compiled_build_of_other_sources_does_not_run(
    tmp_path: Path, changed: str | None
) -> None:
    here = Path(build.__file__).parents[1]
    left = shutil.ignore_patterns("value_compiled*", "tape_compiled*", "nn", "__pycache__")
    package = Path(shutil.copytree(here, tmp_path / "autograd_mini", ignore=left))
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); " + (
        "import autograd_mini as ag; x = ag.Tensor(3.0); (x * x).backward(); "
        "print(ag.build_info()['arrays'], x.grad)"
    )
    if changed is not None:
        with (package / changed).open("a") as file:
            file.write("\n")
    said, warning = printed(code, AUTOGRAD_MINI_PURE="0")
    assert said == ("compiled 6.0" if changed is None else "plain 6.0")
    expected = f"the compiled nodes of arrays .* was made from another {changed}"
    assert ("RuntimeWarning" in warning) == (changed is not None)
    if changed is not None:
        assert expected.partition(" .*")[0] in warning
        assert f"was made from another {changed} than" in warning
