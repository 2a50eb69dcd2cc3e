"""The tutorials that the project began with, checked as they are printed.

    python benchmarks/tutorials.py FOLDER

FOLDER holds the three texts (``000_….txt`` to ``002_….txt``).  The code is cut out of each, the
indentation that printing lost is restored, and what a text leaves to the reader, data and helper
functions, stands before it; no line of it is changed.  Each is given to ``autograd-mini check``.
Prints the reports; the exit status is 1 if one does not say what is right.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

DATA = """\
import numpy as np
np.random.seed(0)
rows = np.c_[np.arange(12) % 3, np.random.rand(12, 5)]
np.savetxt("dataset.csv", rows, delimiter=",", header="label,a,b,c,d,e", comments="")
"""


@dataclass(frozen=True)
class Tutorial:
    """A text with code.

    Attributes:
        file: how its name begins.
        parts: the first and the last line of each piece of its code, and how deep it stands.
        before: what the reader has to write.
        options: of the command.
        says: what the report has to say.
        status: the exit status.
    """

    file: str
    parts: tuple[tuple[str, str, int], ...]
    before: str
    options: tuple[str, ...]
    says: tuple[str, ...]
    status: int


TUTORIALS = (
    Tutorial(
        "000",
        (("import numpy as np", "        return (preds == true_labels).mean()", 0),),
        "",
        ("--call", "np.random.seed(1); net = Backpropagation(X, y); T = np.eye(3)[y.astype(int)]; "
         "net.backprop(X, T, net.forward(X))"),
        ("6 gradients checked: all agree", "divided by learning_rate = 0.01"),
        0,
    ),
    Tutorial(
        "001",
        (
            ("import numpy as np", "import matplotlib.pyplot as plt", 0),
            ("iris = load_iris()", "Y = iris.target", 0),
            ("x_train, x_test, y_train, y_test", "x_train, x_test, y_train, y_test", 0),
            ("learning_rate = 0.1", "output_size = len(np.unique(Y))", 0),
            ("def sigmoid(x):", "def sigmoid(x):", 0),
            ("return 1/(1 + np.exp(-x))", "return 1/(1 + np.exp(-x))", 1),
            ("def mean_squared_error", "def mean_squared_error", 0),
            ("return np.mean((y_true", "return np.mean((y_true", 1),
            ("W1 = np.random.rand(input_size", "for i in range(iterations):", 0),
            ("# feedforward propagation", "if i%100 == 0:", 1),
            ("print(f'Iterations", "print(f'Iterations", 2),
            ("plt.plot(range(iterations), mse)", "plt.show()", 0),
        ),
        "",
        (),
        ("error = y_pred - y_train", "(105,3) (105,)", "np.eye(3)[y_train]"),
        2,
    ),
    Tutorial(
        "002",
        (
            ("# Training loop", "for epoch in range(epochs):", 0),
            ("# Forward pass", "if epoch % 1000 == 0:", 1),
            ("loss = mean_squared_error", 'print(f"Epoch {epoch}, Loss', 2),
        ),
        """\
import numpy as np
def sigmoid(x): return 1 / (1 + np.exp(-x))
def sigmoid_derivative(a): return a * (1 - a)
def mean_squared_error(t, o): return np.mean((t - o) ** 2)
inputs, targets = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([[0], [1], [1], [0]])
np.random.seed(0)
weights_input_hidden, bias_hidden = np.random.uniform(size=(2, 3)), np.zeros((1, 3))
weights_hidden_output, bias_output = np.random.uniform(size=(3, 1)), np.zeros((1, 1))
learning_rate = 0.1
""",
        (),
        ("4 gradients checked: all agree", "learning_rate = 0.1", "× that of the loss"),
        0,
    ),
)  # fmt: skip


def code_of(tutorial: Tutorial, text: str) -> str:
    """The code of a text, with its indentation."""
    lines = text.splitlines()
    found, at = [tutorial.before], 0
    for first, last, depth in tutorial.parts:
        start = next(i for i in range(at, len(lines)) if lines[i].startswith(first))
        end = next(i for i in range(start, len(lines)) if lines[i].startswith(last))
        found += [" " * 4 * depth + line for line in lines[start : end + 1]]
        at = end + 1
    return "\n".join(found) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    wrong = 0
    for tutorial in TUTORIALS:
        (path,) = folder.glob(f"{tutorial.file}_*.txt")
        with tempfile.TemporaryDirectory() as place:
            exec(DATA.replace("dataset.csv", f"{place}/dataset.csv"), {})
            (Path(place) / "tutorial.py").write_text(code_of(tutorial, path.read_text("utf-8")))
            command = [sys.executable, "-m", "autograd_mini", "check", "tutorial.py"]
            ran = subprocess.run(
                [*command, *tutorial.options], cwd=place, capture_output=True, encoding="utf-8"
            )
        text = ran.stdout + ran.stderr
        missing = [words for words in tutorial.says if words not in text]
        failed = missing or ran.returncode != tutorial.status
        wrong += bool(failed)
        print(f"== {path.stem}: status {ran.returncode}\n\n{text}")
        if failed:
            print(f"WRONG: status {tutorial.status} and {missing} were expected\n")
    print(f"{len(TUTORIALS) - wrong} of {len(TUTORIALS)} are told as they are")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
