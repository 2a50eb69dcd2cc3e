"""Break the engine and the checker in one line at a time: which breaks does no test catch?

Each break is applied to a copy of the repository, in which the tests that are meant to catch it
run on the plain build.  The command fails if a break survives, or if the line to break is gone.

    python benchmarks/breaks.py [WORD ...]     only breaks whose file or line has one of the words
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Break:
    """One line of a file written wrongly, and the tests that are meant to see it."""

    file: str
    old: str
    new: str
    tests: str


GRAPH = "tests/test_graph.py"
TENSOR = "tests/test_tensor.py tests/test_graph.py"
ARRAYS = "tests/test_array_rules.py"
VALUE = "tests/test_value.py tests/test_graph.py"
SWEEPS = "tests/test_builds.py -k general_sweep"
CAUSE = "tests/test_cause.py"
CHECK = "tests/test_check.py tests/test_numerical.py"

BREAKS = [
    # The sweep
    Break("graph.py", "totals[operand] + share if", "share if", GRAPH),
    Break("graph.py", "return swept(masked=True)", "return found", TENSOR),
    Break("graph.py", "total = handed.get(node, total)", "pass", CAUSE),
    Break("graph.py", "yield from node.witnesses(leaves)", "yield from ()", TENSOR),
    Break("graph.py", "uses[operand] += 1", "pass", GRAPH),
    Break("graph.py", "wanted.add(node)", "pass", GRAPH),
    # Tensors
    Break("tensor.py", "return (self,)", "return ()", TENSOR),
    Break("tensor.py", "return bool(least != least)", "return False", TENSOR),
    Break("tensor.py", "(masked or self._origin) and rule.elementwise", "False", TENSOR),
    Break("tensor.py", "(plain(gradient) == 0)", "True", TENSOR),
    Break("tensor.py", "if changed > self._recorded:", "if False:", TENSOR),
    Break("tensor.py", "if name not in reads or not isinstance", "if not isinstance", TENSOR),
    Break("tensor.py", "share = share.copy()  #", "pass  #", TENSOR),
    Break("tensor.py", "share = share.astype(operand._array.dtype)", "pass", TENSOR),
    Break("tensor.py", "if size == 1 and gradient.shape[axis + extra] != 1", "if False", TENSOR),
    # Values
    Break("value.py", "gradient if self._op else self._grad + gradient", "gradient", GRAPH),
    Break("value.py", "elif gradient:  #", "else:  #", SWEEPS),
    Break("value.py", "if number != recorded and not", "if False and not", VALUE),
    # Array rules: formulas, and what their sweeps read
    Break("array_rules.py", "g / shares, nothing)", "g, nothing)", ARRAYS),
    Break("array_rules.py", '_var_pullback, reads="operands",', "_var_pullback,", ARRAYS),
    Break("array_rules.py", '_prod_pullback, reads="operands",', "_prod_pullback,", ARRAYS),
    # The checker: what is a difference
    Break("check/rounding.py", "_SAFETY = 64.0", "_SAFETY = 64e6", CHECK),
    Break("check/rounding.py", "_SAFETY = 64.0", "_SAFETY = 64e-3", CHECK),
    Break("check/rounding.py", "_UNITS = 8.0", "_UNITS = 8e6", CHECK),
    Break("check/rounding.py", "np.maximum(own, np.abs(node.data))", "own", CHECK),
    Break("check/compare.py", "_SAME_NUMBERS = 64.0", "_SAME_NUMBERS = 64e9", CHECK),
    Break("check/compare.py", "_NEARBY = 2.0**-10", "_NEARBY = 0.0", CHECK),
    Break("check/numerical.py", "2 * self.errors + tolerance", "2e6 * self.errors", CHECK),
    Break("check/numerical.py", "self.spreads + 2", "2", CHECK),
    Break("check/judge.py", "not (wrong & refuted).any() and _is_conv", "_is_conv", CHECK),
    Break("check/judge.py", "if (wrong & refuted & ~off).any():", "if wrong.any():", CHECK),
    Break("check/judge.py", "or numerical.refutes_along(automatic, tolerance)", "", CHECK),
    Break("check/judge.py", "not together.excludes(claim, room)", "True", CHECK),
    Break("check/blame.py", "<= bound) | (found", "<= 1e9 * bound) | (found", CAUSE),
]


def outcome(one: Break) -> str:
    """``"caught by"`` a test, ``"SURVIVED"`` or ``"GONE"``."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy"
        built = shutil.ignore_patterns(".*", "*.so", "*.pyd", "value.c", "dist", "*.egg-info")
        shutil.copytree(ROOT, copy, symlinks=True, ignore=built)
        path = copy / "autograd_mini" / one.file
        text = path.read_text()
        if one.old not in text:
            return "GONE"
        path.write_text(text.replace(one.old, one.new))
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
        found = subprocess.run(
            [*command, *one.tests.split()],
            cwd=copy,
            env={**os.environ, "AUTOGRAD_MINI_PURE": "1", "OPENBLAS_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        if found.returncode in (0, 5):
            return "SURVIVED"
        failed = [word for word in found.stdout.split() if "::" in word]
        if found.returncode != 1 or not failed:  # what is broken is no program
            return f"NOT RUN\n{found.stdout[-1000:]}{found.stderr[-1000:]}"
        return f"caught by {failed[-1].partition('[')[0].rpartition('::')[2]}"


def main(words: list[str]) -> int:
    chosen = [b for b in BREAKS if not words or any(w in b.file + b.old for w in words)]
    caught = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for one, found in zip(chosen, pool.map(outcome, chosen), strict=True):
            print(f"{one.file}: {one.old} -> {one.new or 'nothing'}: {found}", flush=True)
            caught += found.startswith("caught")
    print(f"{caught} of {len(chosen)} breaks are caught")
    return int(caught < len(chosen))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
