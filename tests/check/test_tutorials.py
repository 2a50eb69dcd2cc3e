"""The tutorials that started the project, as they are printed, checked without an edit.

Their code is not ours to keep: it is read where it lies beside this checkout, and given data.
"""

import os
from pathlib import Path

import numpy as np
import pytest

from autograd_mini import check_script

FOLDERS = [Path(__file__).resolve().parents[2].parent / "shared" / "background"]
FOLDERS += [Path(os.environ.get("AUTOGRAD_MINI_BACKGROUND", "."))]
FOLDER = next((f for f in FOLDERS if list(f.glob("*_*.txt"))), None)
pytestmark = pytest.mark.skipif(FOLDER is None, reason="no tutorials lie beside this checkout")


def tutorial(number):
    (file,) = FOLDER.glob(f"{number:03}_*.txt")
    return file.read_text(encoding="utf-8").splitlines()


def between(lines, first, last):
    """The lines from one that begins so to one that begins so, with it."""
    start = next(i for i, line in enumerate(lines) if line.startswith(first))
    end = next(i for i in range(start, len(lines)) if lines[i].startswith(last))
    return lines[start : end + 1]


def indented(lines, heads):
    """Lines whose indentation was lost: those behind a head stand in it."""
    made, inside = [], 0
    for line in lines:
        depth = max((d for d, text in heads if line.startswith(text)), default=None)
        if depth is None:
            made.append("    " * inside + line)
        else:
            made.append("    " * depth + line)
            inside = depth + 1
    return made


def checked(tmp_path, lines, **options):
    file = tmp_path / "tutorial.py"
    file.write_text("\n".join(lines) + "\n")
    return check_script(file, **options)


def test_the_class_is_right_for_the_cross_entropy(tmp_path):
    pytest.importorskip("pandas")
    code = between(tutorial(0), "import numpy as np", "        return (preds")
    rng = np.random.default_rng(0)
    data = np.column_stack([np.arange(30) % 4, rng.integers(0, 256, (30, 20))]).astype(float)
    report = checked(
        tmp_path, code, given={"dataset.csv": data},
        call="net = Backpropagation(X, y); Y = np.eye(4)[y.astype(int)]; "
        "net.backprop(net.X, Y, net.forward(net.X))",
    )  # fmt: skip
    assert report.ok, str(report)
    assert report.assumptions[0] == (
        "Step: one call of net.backprop(net.X, Y, net.forward(net.X)) (steps=, call=)"
    )
    assert "the cross-entropy −Σ t·log o, with o = yhat and t = y of line" in report.assumptions[1]
    assert set(report.quantities) == {"W1", "b1", "W2", "b2", "W3", "b3"}
    assert "divided by learning_rate = 0.01" in report.assumptions[3]


def flowers():
    lines = tutorial(1)
    code = [
        *between(lines, "import numpy as np", "import matplotlib"),
        *between(lines, "iris = load_iris()", "Y = iris"),
        *between(lines, "x_train, x_test", "x_train, x_test"),
        *between(lines, "learning_rate = ", "output_size"),
        *between(lines, "def sigmoid", "return np.sum(y_true"),
    ]
    begun = between(lines, "W1 = np.random", "b2 = ")
    loop = between(lines, "for i in range(iterations)", "print(f'Iterations")
    loop = indented(loop, [(0, "for i in"), (1, "if i%100")])
    return [*indented(code, [(0, "def ")]), *begun, *loop]


def test_flat_labels_are_told_with_their_line_and_what_to_write(tmp_path):
    pytest.importorskip("sklearn")
    code = flowers()
    number = code.index("    error = y_pred - y_train") + 1
    with pytest.raises(ValueError, match=rf"line {number}, error = y_pred - y_train: .*") as raised:
        checked(tmp_path, code)
    assert "y_train has shape (105,)" in str(raised.value)
    assert "write one-hot rows, np.eye(3)[y_train]" in str(raised.value)


def test_one_hot_labels_show_the_factor_of_the_mean(tmp_path):
    datasets = pytest.importorskip("sklearn.datasets")
    iris = datasets.load_iris()
    chosen = np.random.default_rng(3).permutation(150)
    x, y = iris.data[chosen], np.eye(3)[iris.target[chosen]]
    given = {"x_train": x[:105], "x_test": x[105:], "y_train": y[:105], "y_test": y[105:]}
    report = checked(tmp_path, flowers(), given=given)
    assert report.ok, str(report)
    assert report.assumptions[1].startswith("Loss: mse, line ")
    assert report.assumptions[3] == (
        "Gradients: what each update takes away, divided by learning_rate = 0.1, which is 157.5 × "
        "that of the loss (loss=)"
    )


OWN = """
import numpy as np
np.random.seed(4)
inputs, targets = np.random.rand(8, 2), np.random.randint(0, 2, (8, 2)).astype(float)
weights_input_hidden, bias_hidden = np.random.rand(2, 4), np.random.rand(1, 4)
weights_hidden_output, bias_output = np.random.rand(4, 2), np.random.rand(1, 2)
learning_rate = 0.1


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def mean_squared_error(t, o):
    return np.mean((t - o) ** 2)


def sigmoid_derivative(x):
    return SLOPE
"""


def adding(slope):
    code = between(tutorial(2), "# Training loop", "print(f")
    code = indented(code, [(0, "for epoch"), (1, "if epoch")])
    return [*OWN.replace("SLOPE", slope).splitlines(), *code]


def test_updates_that_are_added_are_a_descent(tmp_path):
    report = checked(tmp_path, adding("x * (1 - x)"))
    assert report.ok, str(report)
    assert "mean_squared_error" in report.assumptions[1] or "loss" in report.assumptions[1]
    assert report.assumptions[3].endswith("which is 8 × that of the loss (loss=)")


def test_the_slope_of_an_argument_taken_of_an_activation_is_found(tmp_path):
    report = checked(tmp_path, adding("sigmoid(x) * (1 - sigmoid(x))"))
    assert not report.ok
    (slip,) = report.mistakes
    assert slip.line.text == "return sigmoid(x) * (1 - sigmoid(x))"
    assert slip.repair.text.replace(" ", "") in ("returnx*(1-x)", "return(x)*(1-x)")
