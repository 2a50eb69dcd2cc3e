"""Files that train, as they stand: their step is found, and nothing of them gets out."""

import json
import os
import textwrap

import numpy as np
import pytest

from autograd_mini import check_script
from autograd_mini.check.report.patch import write

START = """
    import numpy as np
    np.random.seed(0)
    X = np.random.randn(8, 3)
    Y = (X[:, :1] * X[:, 1:2] > 0).astype(float)
"""

FLAT = """
    def sigmoid(z):
        return 1 / (1 + np.exp(-z))


    W1 = np.random.randn(3, 4)
    b1 = np.zeros((1, 4))
    W2 = np.random.randn(4, 1)
    b2 = np.zeros((1, 1))
    for epoch in range(60000):
        h = sigmoid(X @ W1 + b1)
        out = sigmoid(h @ W2 + b2)
        loss = np.sum((out - Y) ** 2) / 2
        print(epoch, loss)
        d2 = (out - Y) * out * (1 - out)
        d1 = d2 @ W2.T * h * (1 - h)
        W2 -= 0.5 * h.T @ d2
        b2 -= 0.5 * d2.sum(axis=0, keepdims=True)
        W1 -= 0.5 * X.T @ d1
        b1 -= 0.5 * d1.sum(axis=0, keepdims=True)
"""


def script(tmp_path, *parts, name="train.py"):
    file = tmp_path / name
    file.write_text("".join(textwrap.dedent(part) for part in parts))
    return file


def checked(tmp_path, *parts, **options):
    return check_script(script(tmp_path, START, *parts), **options)


def slipped(text, right, wrong):
    assert text.count(right) == 1
    return text.replace(right, wrong)


def test_a_flat_script(tmp_path, capfd):
    report = checked(tmp_path, FLAT)
    assert report.ok, str(report)
    assert set(report.quantities) == {"W1", "b1", "W2", "b2"}
    assert report.assumptions[0] == (
        "Step: the first turn of the loop in line 15, lines 16–25 (steps=, call=)"
    )
    assert report.assumptions[1].startswith("Loss: loss, line 18 (printed)")
    assert capfd.readouterr() == ("", "")  # what it prints is held back


def test_a_slip_in_a_flat_script(tmp_path):
    right, wrong = "d1 = d2 @ W2.T * h * (1 - h)", "d1 = d2 @ W2.T * h * (1 + h)"
    report = checked(tmp_path, slipped(FLAT, right, wrong))
    (slip,) = report.mistakes
    assert (slip.line.number, slip.line.text, slip.repair.text) == (21, wrong, right)
    assert os.path.basename(slip.line.file) == "train.py"
    assert f"-    {wrong}\n" in report.patch()


MAIN = """
    class Net:
        def __init__(self, n):
            self.w = np.random.randn(n, 1)
            self.b = np.zeros(1)

        def train(self, x, y, epochs, lr):
            costs = []
            for epoch in range(epochs):
                for start in range(0, len(x), 4):
                    xb, yb = x[start : start + 4], y[start : start + 4]
                    out = np.tanh(xb @ self.w + self.b)
                    cost = np.mean((out - yb) ** 2)
                    delta = 2 * (out - yb) * (1 - out**2) / out.size
                    self.w = self.w - lr * xb.T @ delta
                    self.b = self.b - lr * delta.sum(axis=0)
                costs.append(cost)
            return costs


    def main():
        net = Net(3)
        net.train(X, Y, epochs=100_000, lr=0.1)


    if __name__ == "__main__":
        main()
"""


def test_a_method_called_by_main(tmp_path):
    report = checked(tmp_path, MAIN)
    assert report.ok, str(report)
    assert set(report.quantities) == {"w", "b"}
    assert report.assumptions[0] == (
        "Step: the first turn of the loop in line 15, lines 16–21 (steps=, call=)"
    )


def test_a_slip_in_a_method_called_by_main(tmp_path):
    report = checked(tmp_path, slipped(MAIN, "(1 - out**2)", "(1 - out)"))
    (slip,) = report.mistakes
    assert slip.line.number == 19
    assert "(1 - out**2)" in slip.repair.text.replace(" ** ", "**")


def test_updates_in_functions_that_are_handed_dicts(tmp_path):
    report = checked(
        tmp_path,
        """
        def forward(x, p):
            cache = {"A1": np.maximum(0, p["W1"] @ x + p["b1"])}
            z = p["W2"] @ cache["A1"] + p["b2"]
            return 1 / (1 + np.exp(-z)), cache

        def backward(x, y, a2, cache, p):
            m = x.shape[1]
            dZ2 = a2 - y
            dZ1 = p["W2"].T @ dZ2 * (cache["A1"] > 0)
            return {
                "dW2": dZ2 @ cache["A1"].T / m, "db2": np.sum(dZ2, axis=1, keepdims=True) / m,
                "dW1": dZ1 @ x.T / m, "db1": np.sum(dZ1, axis=1, keepdims=True) / m,
            }

        def update(p, grads, learning_rate=1.2):
            new = {}
            for name in p:
                new[name] = p[name] - learning_rate * grads["d" + name]
            return new

        def cross_entropy(a, y):
            return -np.sum(y * np.log(a) + (1 - y) * np.log(1 - a)) / y.shape[1]

        parameters = {
            "W1": np.random.randn(4, 3) * 0.5, "b1": np.zeros((4, 1)) + 0.1,
            "W2": np.random.randn(1, 4) * 0.5, "b2": np.zeros((1, 1)),
        }
        for i in range(10000):
            A2, cache = forward(X.T, parameters)
            cost = cross_entropy(A2, Y.T)
            grads = backward(X.T, Y.T, A2, cache, parameters)
            parameters = update(parameters, grads)
            if i % 1000 == 0:
                print("Cost after iteration %i: %f" % (i, cost))
        """,
    )
    assert report.ok, str(report)
    assert set(report.quantities) == {"W1", "b1", "W2", "b2"}
    assert "divided by learning_rate = 1.2" in report.assumptions[3]


def test_gradients_summed_over_samples(tmp_path):
    text = """
        w, b = np.zeros(3), 0.0
        for epoch in range(1000):
            dw, db, total = np.zeros(3), 0.0, 0.0
            for x, t in zip(X, Y[:, 0]):
                error = x @ w + b - t
                total += error**2 / 2
                dw += error * x
                db += error
            w -= 0.1 * dw / len(X)
            b -= 0.1 * db / len(X)
        """
    report = checked(tmp_path, text)
    assert report.ok, str(report)
    assert set(report.quantities) == {"w", "b"}
    wrong = checked(tmp_path, slipped(text, "db += error", "db = error"))
    assert [slip.line.text for slip in wrong.mistakes] == ["db = error"]


def test_an_optimiser_in_a_loop_of_its_own_is_no_step(tmp_path):
    report = checked(
        tmp_path,
        """
        p = {"w": np.ones((3, 1)), "b": np.zeros(1)}
        m = {name: np.zeros_like(a) for name, a in p.items()}
        v = {name: np.zeros_like(a) for name, a in p.items()}
        for t in range(1, 500):
            out = X @ p["w"] + p["b"]
            loss = np.mean((out - Y) ** 2)
            grads = {"w": 2 * X.T @ (out - Y) / len(X), "b": 2 * np.mean(out - Y, axis=0)}
            for name in p:
                m[name] = 0.9 * m[name] + 0.1 * grads[name]
                v[name] = 0.99 * v[name] + 0.01 * grads[name] ** 2
                m_hat, v_hat = m[name] / (1 - 0.9**t), v[name] / (1 - 0.99**t)
                p[name] -= 0.01 * m_hat / (np.sqrt(v_hat) + 1e-8)
        """,
    )
    assert report.ok, str(report)
    assert set(report.quantities) == {"w", "b"}


def test_a_single_step_without_a_loop(tmp_path):
    text = """
        w = np.random.randn(3, 1)
        out = np.tanh(X @ w)
        loss = np.sum((out - Y) ** 2)
        dz = 2 * (out - Y) * (1 - out**2)
        w = w - 0.1 * X.T @ dz
        print("loss", loss)
        """
    report = checked(tmp_path, text)
    assert report.ok, str(report)
    assert report.assumptions[0] == "Step: what stands behind line 7 (steps=, call=)"
    assert not checked(tmp_path, slipped(text, "(1 - out**2)", "(1 - out)")).ok


SAMPLES = """
    inputs, targets = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
    V = np.random.uniform(-1, 1, (3, 2)).tolist()
    w = np.random.uniform(-1, 1, 3).tolist()
    b = 0.0
    for epoch in range(2000):
        total = 0
        for x, t in zip(inputs, targets):
            h = [1 / (1 + math.exp(-(v[0] * x[0] + v[1] * x[1]))) for v in V]
            o = sum(w[j] * h[j] for j in range(3)) + b
            total += (t - o) ** 2 / 2
            d = t - o
            e = [d * w[j] * h[j] * (1 - h[j]) for j in range(3)]
            for j in range(3):
                w[j] += 0.1 * d * h[j]
                for i in range(2):
                    V[j][i] += 0.1 * e[j] * x[i]
            b += 0.1 * d
        print(total)
"""


def test_a_first_sample_of_zeros_says_nothing_of_the_weights_of_its_inputs(tmp_path):
    slip = slipped(SAMPLES, "e[j] * x[i]", "e[j] * h[i]")
    right = checked(tmp_path, "import math", SAMPLES)
    assert right.ok, str(right)
    assert right.assumptions[0].startswith("Step: turn 2 of the loop")
    (mistake,) = checked(tmp_path, "import math", slip).mistakes
    assert mistake.repair.text == "V[j][i] += 0.1 * e[j] * x[i]"


XOR_LAYERS = """
    class Dense:
        def __init__(self, n, m):
            self.w, self.b = np.random.randn(n, m), np.zeros(m)
        def forward(self, x):
            self.x = x
            return x @ self.w + self.b
        def backward(self, g, lr):
            dx = g @ self.w.T
            self.w -= lr * self.x.T @ g
            self.b -= lr * g.sum(axis=0)
            return dx

    class Tanh:
        def forward(self, x):
            self.out = np.tanh(x)
            return self.out
        def backward(self, g, lr):
            return g * (1 - self.out**2)

    def mse(t, p):
        return np.mean((t - p) ** 2)

    def mse_prime(t, p):
        return 2 * (p - t) / t.size

    net = [Dense(2, 3), Tanh(), Dense(3, 1), Tanh()]
    X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    for epoch in range(1000):
        error = 0
        for x, t in zip(X, X[:, :1] ^ X[:, 1:]):
            out = x.reshape(1, -1)
            for layer in net:
                out = layer.forward(out)
            error += mse(t, out)
            g = mse_prime(t, out)
            for layer in reversed(net):
                g = layer.backward(g, 0.1)
        print(error / 4)
"""


def test_the_slope_of_a_loss_is_no_loss(tmp_path):
    report = checked(tmp_path, XOR_LAYERS)
    assert report.ok, str(report)
    assert report.assumptions[1].startswith("Loss: error, line")
    wrong = checked(tmp_path, slipped(XOR_LAYERS, "1 - self.out**2", "1 - self.out"))
    assert wrong.mistakes[0].repair.text in (
        "return g * (1 - self.out ** 2)", "return g * (1 - self.out**2)",
    )  # fmt: skip


def test_what_is_returned_after_an_update_is_computed_above_it(tmp_path):
    text = slipped(XOR_LAYERS, "            dx = g @ self.w.T\n", "")
    file = script(tmp_path, START, slipped(text, "return dx", "return g @ self.w.T"))
    report = check_script(file)
    (mistake,) = report.mistakes
    assert mistake.line.text.startswith("self.w -= lr * self.x.T @ g\n")
    assert mistake.cause == "updated-value"
    write(report.corrections())
    assert "dx = g @ self.w.T" in file.read_text()
    assert check_script(file).ok


BATCHES = """
    class Network:
        def __init__(self):
            self.w, self.v = np.random.randn(4, 3), np.random.randn(1, 4)

        @staticmethod
        def sigmoid(z):
            return 1 / (1 + np.exp(-z))

        @staticmethod
        def slope(z):
            return Network.sigmoid(z) * (1 - Network.sigmoid(z))

        def output(self, x):
            return Network.sigmoid(self.v @ Network.sigmoid(self.w @ x))

        def gradients(self, x, t):
            z = self.w @ x
            h = Network.sigmoid(z)
            u = self.v @ h
            d = (Network.sigmoid(u) - t) * Network.slope(u)
            return (self.v.T @ d * Network.slope(z)) @ x.T, d @ h.T

        def update(self, batch):
            dw, dv = np.zeros((4, 3)), np.zeros((1, 4))
            for x, t in batch:
                more, most = self.gradients(x, t)
                dw, dv = dw + more, dv + most
            self.w = self.w - 0.5 / len(batch) * dw
            self.v = self.v - 0.5 / len(batch) * dv

        def cost(self, data):
            return sum(np.sum((self.output(x) - t) ** 2) / 2 for x, t in data) / len(data)

    data = [(x[:, None], t[:, None]) for x, t in zip(X, Y)]
    net = Network()
    for epoch in range(30):
        for k in range(0, 8, 2):
            net.update(data[k : k + 2])
        print(net.cost(data))
"""


def test_a_batch_is_held_to_its_own_loss_where_that_of_all_data_is_printed(tmp_path):
    report = checked(tmp_path, BATCHES)
    assert report.ok, str(report)
    (mistake,) = checked(tmp_path, slipped(BATCHES, "d * Network.slope(z)", "d * h")).mistakes
    assert mistake.line.text == "return (self.v.T @ d * h) @ x.T, d @ h.T"
    assert mistake.repair.verified_at == 6  # with the next batches, too


def test_the_error_inside_a_method_dot_is_seen(tmp_path):
    steps = """
        theta = np.random.randn(3, 1)
        for i in range(1000):
            gradients = 2 / 8 * X.T.dot(X.dot(theta) - Y)
            theta = theta - 0.1 * gradients
    """
    report = checked(tmp_path, steps)
    assert report.ok, str(report)
    assert report.assumptions[1].startswith("Loss: ½Σ(t − o)², with o = X.dot(theta)")


def test_a_mask_is_not_how_much_larger_the_gradients_are(tmp_path):
    steps = """
        t = np.arange(8) % 3
        W = np.random.randn(3, 3)
        for i in range(1000):
            scores = X @ W
            margins = np.maximum(0, scores - scores[np.arange(8), t][:, None] + 1)
            margins[np.arange(8), t] = 0
            loss = margins.sum() / 8 + 0.01 * np.sum(W**2)
            print(loss)
            mask = (margins > 0).astype(float)
            mask[np.arange(8), t] = -mask.sum(axis=1)
            W -= 0.1 * (X.T @ mask / 8 + 0.01 * W)
    """
    report = checked(tmp_path, steps)
    assert report.assumptions[3] == "Gradients: what each update takes away, divided by 0.1 (loss=)"
    (mistake,) = report.mistakes
    assert mistake.line.text == "W -= 0.1 * (X.T @ mask / 8 + 0.01 * W)"
    assert mistake.repair.verified_at == 3


def test_a_loop_inside_a_step_is_a_part_of_it(tmp_path):
    steps = """
        E, F = np.random.randn(4, 3), np.random.randn(4, 3)
        for epoch in range(50):
            for i in range(4):
                for j in range(4):
                    if i == j:
                        continue
                    v = E[i]
                    s = 1 / (1 + np.exp(-F[j] @ v))
                    loss = -np.log(s)
                    dv = (s - 1) * F[j]
                    for n in (np.arange(2) + j + 1) % 4:
                        q = 1 / (1 + np.exp(F[n] @ v))
                        loss += -np.log(q)
                        dv += (1 - q) * F[n]
                        F[n] -= 0.1 * (1 - q) * v
                    F[j] -= 0.1 * (s - 1) * v
                    E[i] -= 0.1 * dv
            print(loss)
    """
    report = checked(tmp_path, steps)
    assert report.ok, str(report)
    assert report.assumptions[0].startswith("Step: turn 2 of the loop in line 10,")
    assert sorted(report.quantities) == ["E", "F"]
    (mistake,) = checked(tmp_path, slipped(steps, "dv = (s - 1) * F[j]", "dv = s * F[j]")).mistakes
    assert mistake.line.text == "dv = s * F[j]"
    assert mistake.repair.verified_at == 3


def test_what_may_be_clipped_is_judged_as_it_was_before(tmp_path):
    steps = """
        w = 0.01 * np.random.randn(3, 1)
        for i in range(1000):
            out = X @ w
            print(np.sum((out - Y) ** 2) / 2)
            dw = X.T @ (out - Y)
            np.clip(dw, -4, 4, out=dw)
            w -= 0.1 * dw
    """
    report = checked(tmp_path, steps)
    assert report.ok, str(report)
    assert report.assumptions[3] == "Gradients: what goes into the updates, dw, line 11 (loss=)"
    (mistake,) = checked(tmp_path, slipped(steps, "X.T @ (out - Y)", "X.T @ (out + Y)")).mistakes
    assert mistake.repair.text == "dw = X.T @ (out - Y)"


def test_numbers_of_32_bits_are_checked_in_64(tmp_path):
    text = """
        X, Y = X.astype(np.float32), Y.astype(np.float32)
        w = np.random.randn(3, 1).astype(np.float32)
        for epoch in range(100):
            out = np.tanh(X @ w)
            loss = np.sum((out - Y) ** 2)
            w -= 0.001 * (X.T @ (2 * (out - Y) * (1 - out**2))).astype(np.float32)
        """
    assert checked(tmp_path, text).ok


def test_a_module_beside_is_followed(tmp_path):
    (tmp_path / "layers_beside.py").write_text(
        "def slope(a):\n    return 1 - a\n\ndef step(w, g):\n    w -= 0.1 * g\n"
    )
    text = """
        from layers_beside import slope, step
        w = np.random.randn(3, 1)
        for epoch in range(100):
            out = np.tanh(X @ w)
            loss = np.sum((out - Y) ** 2) / 2
            step(w, X.T @ ((out - Y) * slope(out)))
        """
    report = checked(tmp_path, text)
    (slip,) = report.mistakes
    assert os.path.basename(slip.line.file) == "layers_beside.py"
    assert slip.repair.text.replace(" ", "") == "return1-a**2"


# Notebooks and folders


def notebook(tmp_path, *cells, name="net.ipynb"):
    texts = [textwrap.dedent(cell) for cell in cells]
    content = [{"cell_type": "markdown", "source": "# A net"}]
    content += [{"cell_type": "code", "source": t.splitlines(keepends=True)} for t in texts]
    file = tmp_path / name
    file.write_text(json.dumps({"cells": content, "nbformat": 4}))
    return file


def test_a_notebook(tmp_path):
    setup = "%matplotlib inline\n!pip install something\n" + textwrap.dedent(START)
    definitions, loop = FLAT.split("    for epoch")
    loop = "    for epoch" + loop
    assert check_script(notebook(tmp_path, setup, definitions, loop)).ok
    wrong = slipped(loop, "(1 - h)", "(1 + h)")
    file = notebook(tmp_path, setup, definitions, wrong)
    (slip,) = check_script(file).mistakes
    assert slip.line.file == f"{file}, cell 4"
    assert slip.line.number == 7


def test_the_corrected_line_is_written_into_its_cell(tmp_path):
    definitions, loop = FLAT.split("    for epoch")
    wrong = "%matplotlib inline\n" + textwrap.dedent(
        slipped("    for epoch" + loop, "(1 - h)", "(1 + h)")
    )
    file = notebook(tmp_path, START, definitions, wrong)
    report = check_script(file)
    assert "+    d1 = d2 @ W2.T * h * (1 - h)" in report.patch()
    assert write(report.corrections()) == [str(file)]
    cells = json.loads(file.read_text())["cells"]
    assert cells[0] == {"cell_type": "markdown", "source": "# A net"}
    assert "".join(cells[3]["source"]) == wrong.replace("(1 + h)", "(1 - h)")
    assert check_script(file).ok


def test_a_step_in_several_cells(tmp_path):
    file = notebook(
        tmp_path, START, "w = np.random.randn(3, 1)", "out = np.tanh(X @ w)\nout",
        "loss = np.sum((out - Y) ** 2)\nloss", "dz = 2 * (out - Y) * (1 - out**2)\n",
        "w -= 0.1 * X.T @ dz",
    )  # fmt: skip
    assert check_script(file).ok


def test_a_folder(tmp_path):
    script(tmp_path, "RATE = 0.1\n", name="settings.py")
    script(tmp_path, START, FLAT, name="main.py")
    assert check_script(tmp_path).ok
    (tmp_path / "main.py").rename(tmp_path / "network.py")
    with pytest.raises(ValueError, match=r"several files.*network.py, settings.py"):
        check_script(tmp_path)
    (tmp_path / "network.py").write_text(
        "import settings\n" + (tmp_path / "network.py").read_text()
    )
    assert check_script(tmp_path).ok


# What is held back, and asked for


def test_nothing_gets_out(tmp_path, monkeypatch):
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    report = checked(
        tmp_path,
        """
        import os, time
        import matplotlib.pyplot as plt
        os.makedirs("results")
        with open("log.txt", "w") as log:
            log.write("begun")
        time.sleep(1000)
        """,
        FLAT,
        """
            np.save("weights.npy", W1)
            plt.plot([1, 2])
            plt.savefig("loss.png")
            plt.show()
        """,
    )
    assert report.ok, str(report)
    assert os.listdir(tmp_path) == ["here", "train.py"] or set(os.listdir(tmp_path)) == {
        "here", "train.py",
    }  # fmt: skip
    assert os.listdir(here) == []
    assert os.getcwd() == str(here)
    assert open.__module__ in ("io", "_io")


def test_missing_data_are_asked_for_and_given(tmp_path):
    text = ("X = np.loadtxt('points.csv', delimiter=',')\n", FLAT)
    with pytest.raises(ValueError, match=r"line 6: the file 'points.csv' is not there.*--given"):
        checked(tmp_path, *text)
    points = np.random.default_rng(0).normal(size=(8, 3))
    assert checked(tmp_path, *text, given={"points.csv": points}).ok


def test_a_missing_package_is_asked_for_where_it_is_used(tmp_path):
    text = ("from surely_not_installed import load\nX, Y = load()\n", FLAT)
    with pytest.raises(ValueError, match=r"package 'surely_not_installed' is not installed"):
        checked(tmp_path, *text)
    rng = np.random.default_rng(0)
    given = {"X": rng.normal(size=(8, 3)), "Y": rng.random((8, 1))}
    assert checked(tmp_path, *text, given=given).ok


def test_what_is_called_can_be_said(tmp_path):
    text = """
        class Net:
            def __init__(self):
                self.w = np.random.randn(3, 1)

            def step(self, x, y):
                out = np.tanh(x @ self.w)
                self.w -= 0.1 * x.T @ ((out - y) * (1 - out**2))
        """
    with pytest.raises(ValueError, match=r"--call"):
        checked(tmp_path, text)
    report = checked(tmp_path, text, call="net = Net(); net.step(X, Y)")
    assert report.ok, str(report)
    assert report.assumptions[0] == "Step: one call of net.step(X, Y) (steps=, call=)"


def test_which_loss_is_meant_is_asked_for(tmp_path):
    text = """
        w = np.random.randn(3)
        for i in range(10):
            w -= 0.1 * (np.cos(w) + i) * 2
            other = X @ w
        """
    with pytest.raises(ValueError, match=r"no loss was found.*--loss"):
        checked(tmp_path, text)


def test_what_the_file_raises_is_raised(tmp_path):
    with pytest.raises(ZeroDivisionError):
        checked(tmp_path, "1 / 0\n")
    with pytest.raises(SyntaxError):
        check_script(script(tmp_path, "for\n"))
    with pytest.raises(FileNotFoundError):
        check_script(tmp_path / "none.py")


def test_labels_that_do_not_fit_are_told_with_their_line(tmp_path):
    text = slipped(
        FLAT, "loss = np.sum((out - Y) ** 2) / 2", "error = out @ np.ones((1, 3)) - labels"
    )
    with pytest.raises(ValueError, match=r"line 19, error.*np.eye\(3\)\[labels\]"):
        checked(tmp_path, "labels = np.arange(8) % 3\n", text)
    absent = "import nothing_of_this_name as pd; labels = np.arange(8) % 3\n"
    with pytest.raises(ValueError, match=r"line 19, error.*np.eye\(3\)\[labels\]"):
        checked(tmp_path, absent, text)


# Layers

LAYERS = """
    def affine_forward(x, w, b):
        out = x @ w + b
        return out, (x, w, b)


    def affine_backward(dout, cache):
        x, w, b = cache
        dx = dout @ w.T
        dw = x.T @ dout
        db = np.zeros_like(b)
        for row in dout:
            db += row
        return dx, dw, db


    def relu_forward(x):
        return np.maximum(0, x), x


    def relu_backward(dout, cache):
        return dout * (cache > 0)
"""


def test_layers_that_the_file_calls(tmp_path):
    calls = """
    affine_forward(X, np.random.randn(3, 2), np.random.randn(2))
    relu_forward(X)
    """
    report = checked(tmp_path, LAYERS, calls)
    assert report.ok, str(report)
    assert report.assumptions == [
        "Layer: affine_forward and affine_backward, with inputs of its first call in the file "
        "(inputs=, call=)",
        "Upstream gradient: random, of shape (8, 2) (upstream=)",
        "Layer: relu_forward and relu_backward, with inputs of its first call in the file "
        "(inputs=, call=)",
        "Upstream gradient: random, of shape (8, 3) (upstream=)",
        "Gradients: of x, in the order in which backward gives them (wrt=)",
    ]
    wrong = checked(tmp_path, slipped(LAYERS, "db += row", "db = row"), calls)
    assert [slip.line.text for slip in wrong.mistakes] == ["db = row"]
    assert len(wrong.assumptions) == 2


def test_layers_with_given_shapes(tmp_path):
    with pytest.raises(ValueError, match=r"affine_forward\(x, w, b\).*--inputs"):
        checked(tmp_path, LAYERS)
    report = checked(tmp_path, LAYERS, inputs="x=6x4,w=4x3,b=3", call="affine")
    assert report.ok, str(report)
    assert set(report.quantities) == {"x", "w", "b"}
    text = slipped(LAYERS, "dout * (cache > 0)", "dout")
    assert not checked(tmp_path, text, inputs="x=5x4", call="relu").ok
    with pytest.raises(ValueError, match="inputs are shapes by name"):
        checked(tmp_path, LAYERS, inputs="x=many")


def test_a_loss_that_returns_its_gradient_is_a_layer(tmp_path):
    text = """
    def squared_loss(W, X, y, reg):
        scores = X @ W
        picked = scores[np.arange(len(y)), y]
        loss = np.sum((picked - 1) ** 2) / len(y)
        loss += reg * np.sum(W * W)
        dscores = np.zeros_like(scores)
        dscores[np.arange(len(y)), y] = 2 * (picked - 1) / len(y)
        dW = X.T @ dscores
        dW += 2 * reg * W
        return loss, dW
    """
    shapes = "W=4x3,X=5x4,y=5<3,reg=0.1"
    report = checked(tmp_path, text, inputs=shapes)
    assert report.ok, str(report)
    assert report.assumptions[0] == (
        "Layer: squared_loss, which returns its gradients, with inputs of the shapes W=4x3, X=5x4, "
        "y=5<3, reg=0.1 (inputs=, call=)"
    )
    (mistake,) = checked(tmp_path, slipped(text, "2 * reg", "reg"), inputs=shapes).mistakes
    assert (mistake.line.text, mistake.repair.text) == ("dW += reg * W", "dW += 2 * reg * W")
    with pytest.raises(ValueError, match="no training step"):  # the data are no gradients
        checked(tmp_path, slipped(text, "loss, dW", "loss, data"), inputs=None)


def test_layers_with_settings(tmp_path):
    text = """
    def scale_forward(x, how):
        factor = 2.0 if how["mode"] == "twice" else 3.0
        how["calls"] = how.get("calls", 0) + 1
        return factor * x, factor

    def scale_backward(dout, cache):
        return cache * dout
    """
    report = checked(tmp_path, text, inputs="x=3x2, how={'mode': 'twice', 'calls': 0}")
    assert report.ok, str(report)
    assert "x=3x2, how={'mode': 'twice', 'calls': 0}" in report.assumptions[0]
    with pytest.raises(ValueError, match=r"scale_forward\(x, how\).* has not all of one"):
        checked(tmp_path, text, inputs="x=3x2")


def test_a_stabiliser_that_the_backward_pass_forgets(tmp_path):
    layers = """
        def norm_forward(x, gamma, eps=1e-5):
            var = x.var(axis=0)
            xhat = (x - x.mean(axis=0)) / np.sqrt(var + eps)
            return gamma * xhat, (xhat, gamma, var, eps)


        def norm_backward(dout, cache):
            xhat, gamma, var, eps = cache
            d = dout * gamma
            dx = d - d.mean(axis=0) - xhat * (d * xhat).mean(axis=0)
            return dx / np.sqrt(var), np.sum(dout * xhat, axis=0)


        def double_forward(w):
            return 2 * w, None


        def double_backward(dout, cache):
            return 2 * dout
    """
    report = checked(tmp_path, layers, inputs="x=6x4, gamma=4, w=3")
    assert report.assumptions[0] == (
        "Layer: norm_forward and norm_backward, with inputs of the shapes x=6x4, gamma=4 "
        "(inputs=, call=)"
    )
    (mistake,) = report.mistakes
    assert "np.sqrt(var + eps)" in mistake.repair.text


def test_a_class_with_both_passes(tmp_path):
    text = """
    class Sigmoid:
        def forward(self, x):
            self.out = 1 / (1 + np.exp(-x))
            return self.out

        def backward(self, dout):
            return dout * self.out * (1 - self.out)


    layer = Sigmoid()
    y = layer.forward(X)
    """
    assert checked(tmp_path, text).ok
    assert not checked(tmp_path, slipped(text, "(1 - self.out)", "(1 + self.out)")).ok


TRAINER = """
    class Trainer:
        def __init__(self):
            self.w = np.random.randn(3, 1)

        def train_step(self, x, y, lr):
            out = x @ self.w
            loss = np.mean((out - y) ** 2)
            self.w -= lr * 2 * x.T @ (out - y) / len(x)
            return loss


    trainer = Trainer()
"""


@pytest.mark.parametrize(
    "turns",
    [
        "losses = [trainer.train_step(X[i : i + 4], Y[i : i + 4], lr=0.5) for i in (0, 4)]",
        "print(sum(trainer.train_step(X[i : i + 4], Y[i : i + 4], 0.5) for i in (0, 4)))",
    ],
)
def test_a_step_is_one_item_of_a_comprehension(tmp_path, turns):
    report = checked(tmp_path, TRAINER, f"for epoch in range(100):\n    {turns}\n")
    assert report.ok, str(report)
    assert report.assumptions[0] == (
        "Step: the first turn of the loop in line 20, line 20 (steps=, call=)"
    )
    assert "divided by lr = 0.5" in report.assumptions[3]


def test_parameters_that_a_function_declares_global(tmp_path):
    loop = FLAT[FLAT.index("    for epoch") :]
    inner = textwrap.indent(textwrap.dedent(loop), "    ")
    text = f"def train():\n    global W1, b1, W2, b2\n{inner}\ntrain()\n"
    start = textwrap.dedent(FLAT[: FLAT.index("    for epoch")])
    assert checked(tmp_path, start, text).ok
    report = checked(tmp_path, start, slipped(text, "h.T @ d2", "2 * h.T @ d2"))
    assert report.mistakes[0].repair.text == "W2 -= 0.5 * h.T @ d2"


def test_a_parameter_that_is_an_argument_and_a_global_name(tmp_path):
    report = checked(
        tmp_path,
        """
        def descend(w):
            for _ in range(100):
                out = X @ w
                print(np.mean((out - Y) ** 2))
                w = w - 0.1 * 2 * X.T @ (out - Y) / len(X)
            return w


        w = np.zeros((3, 1))
        w = descend(w)
        """,
    )
    assert report.ok, str(report)


def test_several_steps_are_no_step(tmp_path):
    turns = """
    for epoch in range(100):
        first = trainer.train_step(X[:4], Y[:4], 0.5)
        second = trainer.train_step(X[4:], Y[4:], 0.5)
        print(first + second)
    """
    with pytest.raises(ValueError, match="updates w more than once, and has"):
        checked(tmp_path, TRAINER, turns)


NEURON = """
    def sigmoid(z):
        return 1 / (1 + np.exp(-z))


    w = np.zeros((3, 1))
    b = np.zeros(1)
    for epoch in range(100):
        out = sigmoid(X @ w + b)
        err = out - Y
        dw = X.T @ err / len(X)
        db = err.mean(axis=0)
        w -= 0.1 * dw
        b -= 0.1 * db
"""


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("out - Y", "2 * out - Y"),  # what is printed or returned nowhere is told by its error
        ("w -= 0.1 * dw", "w -= (0.1 * dw).sum(axis=0)"),
        ("b -= 0.1 * db", "b -= 0.1 * b"),  # which is right at 0
        ("X.T @ err / len(X)", "X.T @ (out + Y) / len(X)"),
    ],
)
def test_a_slip_in_a_neuron_that_begins_at_zero(tmp_path, right, wrong):
    report = checked(tmp_path, slipped(NEURON, right, wrong))
    (mistake,) = report.mistakes
    assert mistake.line.text.strip().endswith(wrong)
    assert mistake.repair.text.endswith((right, right.replace("err", "(out - Y)")))


def test_the_slope_of_an_output_that_has_none_is_one_too_many(tmp_path):
    linear = slipped(NEURON, "sigmoid(X @ w + b)", "X @ w + b")
    report = checked(tmp_path, slipped(linear, "out - Y", "(out - Y) * out * (1 - out)"))
    assert [mistake.repair.text for mistake in report.mistakes] == ["err = out - Y"]
    assert "which is 0.125 × that of the loss" in report.assumptions[3]


def test_a_factor_in_the_slope_of_each_layer_is_one_mistake(tmp_path):
    slope = """
    def slope(out):
        return out * (1 - out)


    """
    text = FLAT.replace("h * (1 - h)", "slope(h)").replace("out * (1 - out)", "slope(out)")
    report = checked(tmp_path, slope, text.replace("        print(epoch, loss)\n", ""))
    assert report.ok
    wrong = slipped(slope, "out * (1", "0.5 * out * (1")
    report = checked(tmp_path, wrong, text)
    assert [mistake.repair.text for mistake in report.mistakes] == ["return out * (1 - out)"]


WITH_A_PENALTY = """import numpy as np
rng = np.random.default_rng(0)
X, y, W, b = rng.normal(size=(8, 3)), rng.normal(size=8), rng.normal(size=3), 0.1
for i in range(100):
    e = X @ W + b - y
    data_loss = np.mean(e**2)
    reg_loss = 0.1 * np.sum(W * W)
    loss = data_loss + reg_loss
    print(i, loss)
    dW = 2 * X.T @ e / 8 + 0.2 * W
    W -= 0.1 * dW
    b -= 0.1 * 2 * np.mean(e)
"""


@pytest.mark.parametrize("slip", ["", " + 0.2 * W"])
def test_a_part_of_the_loss_is_not_the_loss(slip, tmp_path):
    file = tmp_path / "train.py"
    file.write_text(WITH_A_PENALTY.replace(slip, "") if slip else WITH_A_PENALTY)
    report = check_script(file)
    assert report.assumptions[1].startswith("Loss: loss, line 8 (printed)")
    assert report.ok is not bool(slip), report
    assert not slip or report.mistakes[0].cause == "missing-term"


PAIRS_OF_FEATURES = """
    x, y = [1, 0, 2, 1], 0.7
    w = [0.1, -0.2, 0.3, 0.2]
    V = [[0.3, -0.1], [0.2, 0.4], [-0.5, 0.1], [0.1, 0.3]]
    for epoch in range(20):
        sums = [sum(V[i][f] * x[i] for i in range(4)) for f in range(2)]
        squares = [sum((V[i][f] * x[i]) ** 2 for i in range(4)) for f in range(2)]
        out = sum(w[i] * x[i] for i in range(4))
        out += 0.5 * sum(s * s - q for s, q in zip(sums, squares))
        e = out - y
        loss = 0.5 * e * e
        for i in range(4):
            if x[i] == 0:
                continue
            w[i] -= 0.1 * e * x[i]
            for f in range(2):
                V[i][f] -= 0.1 * e * (x[i] * sums[f] - V[i][f] * x[i] ** 2)
"""


@pytest.mark.parametrize(
    ("right", "wrong", "repairs"),
    [
        ("x[i] ** 2)", "x[i])", ["V[i][f] -= 0.1 * e * x[i] * (sums[f] - V[i][f] * x[i])"]),
        ("(x[i] * sums[f] - V[i][f] * x[i] ** 2)", "x[i] * sums[f]", []),  # no change of a part
    ],
)
def test_an_update_of_numbers_one_by_one(right, wrong, repairs, tmp_path):
    text = slipped(PAIRS_OF_FEATURES, right, wrong)
    report = check_script(script(tmp_path, text))
    assert "divided by 0.1 (loss=)" in report.assumptions[3]  # what is 1 in one pass is no rate
    (slip,) = report.mistakes
    assert slip.line.text.startswith("V[i][f] -= ")
    assert [repair.text for repair in slip.repairs] == repairs


def test_numbers_updated_one_by_one_are_right(tmp_path):
    assert check_script(script(tmp_path, PAIRS_OF_FEATURES)).ok


GATES = """
    import numpy as np
    def sigmoid(v):
        return 1 / (1 + np.exp(-v))

    rng = np.random.default_rng(7)
    Wz, Uz, Wr, Ur, Wh, Uh = (0.3 * rng.normal(size=(4, n)) for n in (2, 4, 2, 4, 2, 4))
    Wy, xs, ys = 0.3 * rng.normal(size=(1, 4)), rng.normal(size=(3, 2, 1)), rng.normal(size=3)
    for epoch in range(500):
        h, z, r, c, out = {-1: np.zeros((4, 1))}, {}, {}, {}, {}
        loss = 0
        for t in range(3):
            z[t] = sigmoid(Wz @ xs[t] + Uz @ h[t - 1])
            r[t] = sigmoid(Wr @ xs[t] + Ur @ h[t - 1])
            c[t] = np.tanh(Wh @ xs[t] + Uh @ (r[t] * h[t - 1]))
            h[t] = z[t] * h[t - 1] + (1 - z[t]) * c[t]
            out[t] = Wy @ h[t]
            loss += 0.5 * np.sum((out[t] - ys[t]) ** 2)
        dWz, dUz, dWr, dUr, dWh, dUh, dWy = map(np.zeros_like, (Wz, Uz, Wr, Ur, Wh, Uh, Wy))
        dhnext = np.zeros((4, 1))
        for t in reversed(range(3)):
            dy = out[t] - ys[t]
            dWy += dy @ h[t].T
            dh = Wy.T @ dy + dhnext
            dc_raw = dh * (1 - z[t]) * (1 - c[t] ** 2)
            dWh += dc_raw @ xs[t].T
            dUh += dc_raw @ (r[t] * h[t - 1]).T
            drh = Uh.T @ dc_raw
            dr_raw = drh * h[t - 1] * r[t] * (1 - r[t])
            dWr += dr_raw @ xs[t].T
            dUr += dr_raw @ h[t - 1].T
            dz_raw = dh * (h[t - 1] - c[t]) * z[t] * (1 - z[t])
            dWz += dz_raw @ xs[t].T
            dUz += dz_raw @ h[t - 1].T
            dhnext = dh * z[t] + drh * r[t] + Ur.T @ dr_raw + Uz.T @ dz_raw
        for p, g in zip([Wz, Uz, Wr, Ur, Wh, Uh, Wy], [dWz, dUz, dWr, dUr, dWh, dUh, dWy]):
            p -= 0.1 * g
        print(epoch, loss)
"""


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        pytest.param("drh * r[t] + ", "drh + ", marks=pytest.mark.slow),
        (" + Uz.T @ dz_raw", ""),
    ],
)
def test_what_a_turn_hands_to_the_one_before(right, wrong, tmp_path):
    """It is no gradient of the state, to which the output of the turn before adds."""
    report = check_script(script(tmp_path, slipped(GATES, right, wrong)), seconds=60)
    (slip,) = report.mistakes
    assert slip.line.number == 35
    assert slip.repair.text.endswith("dh * z[t] + drh * r[t] + Ur.T @ dr_raw + Uz.T @ dz_raw")


CELLS = """
    import numpy as np
    def sigmoid(v):
        return 1 / (1 + np.exp(-v))

    rng = np.random.default_rng(7)
    Wf, Wi, Wc, Wo = (0.4 * rng.normal(size=(6, 4)) for _ in range(4))
    Wy, xs, ys = 0.4 * rng.normal(size=4), rng.normal(size=(4, 2)), rng.normal(size=4)

    def step(x, h, c):
        z = np.concatenate([h, x])
        f, i, o, g = sigmoid(z @ Wf), sigmoid(z @ Wi), sigmoid(z @ Wo), np.tanh(z @ Wc)
        c_new = f * c + i * g
        h_new = o * np.tanh(c_new)
        return h_new @ Wy, h_new, c_new, (z, f, i, o, g, c, c_new, h_new)

    for epoch in range(500):
        h, c, loss, caches, errors = np.zeros(4), np.zeros(4), 0.0, [], []
        for x, y in zip(xs, ys):
            out, h, c, cache = step(x, h, c)
            loss += 0.5 * (out - y) ** 2
            caches.append(cache)
            errors.append(out - y)
        gWf, gWi, gWc, gWo, gWy = map(np.zeros_like, (Wf, Wi, Wc, Wo, Wy))
        dh_next, dc_next = np.zeros(4), np.zeros(4)
        for t in range(3, -1, -1):
            z, f, i, o, g, c_old, c_new, h_new = caches[t]
            gWy += errors[t] * h_new
            dh = errors[t] * Wy + dh_next
            tc = np.tanh(c_new)
            dao = dh * tc * o * (1 - o)
            dc = dc_next + dh * o * (1 - tc ** 2)
            dai = dc * g * i * (1 - i)
            dag = dc * i * (1 - g ** 2)
            daf = dc * c_old * f * (1 - f)
            gWf += np.outer(z, daf)
            gWi += np.outer(z, dai)
            gWc += np.outer(z, dag)
            gWo += np.outer(z, dao)
            dz = Wf @ daf + Wi @ dai + Wc @ dag + Wo @ dao
            dh_next = dz[:4]
            dc_next = dc * f
        for p, g in zip([Wf, Wi, Wc, Wo, Wy], [gWf, gWi, gWc, gWo, gWy]):
            p -= 0.1 * g
        print(epoch, loss)
"""


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("Wc @ dag + Wo @ dao", "Wc @ dag"),
        pytest.param("dc_next = dc * f", "dc_next = dc", marks=pytest.mark.slow),
        ("dc_next = dc * f", "dc_next = dc * i"),
    ],
)
def test_what_is_lost_in_the_cell_of_an_lstm(right, wrong, tmp_path):
    """The state before the first turn is a constant, so that its row of nodes is one shorter; and
    what is carried is what the sum of the next turn lacks.
    """
    file = script(tmp_path, slipped(CELLS, right, wrong))
    (slip,) = check_script(file, seconds=60).mistakes
    assert file.read_text().splitlines()[slip.line.number - 1].endswith(wrong)
    assert slip.repair.text.endswith(right)


PAIRS_OF_WORDS = """
    import numpy as np
    rng = np.random.default_rng(3)
    C, W, U = rng.uniform(1, 3, (3, 3)), rng.normal(size=(3, 2)), rng.normal(size=(3, 2))
    for epoch in range(500):
        cost = 0.0
        dW, dU = np.zeros_like(W), np.zeros_like(U)
        for i in range(3):
            for j in range(3):
                error = W[i] @ U[j] - np.log(C[i, j])
                cost += 0.5 * error ** 2
                dW[i] += error * U[j]
                dU[j] += error * W[i]
        W -= 0.02 * dW
        U -= 0.02 * dU
        print(epoch, cost)
"""


def test_a_loop_that_only_adds_up_gives_way_to_the_one_around_it(tmp_path):
    report = check_script(script(tmp_path, PAIRS_OF_WORDS))
    assert report.ok, str(report)
    assert report.quantities.keys() == {"W", "U"}
    slip = slipped(PAIRS_OF_WORDS, "dU[j] += error * W[i]", "dU[j] += error * W[j]")
    (mistake,) = check_script(script(tmp_path, slip)).mistakes
    assert mistake.repair.text == "dU[j] += error * W[i]"


WEIGHED = """
    import numpy as np
    rng = np.random.default_rng(4)
    S, W = rng.normal(size=(6, 3)), rng.normal(size=(3, 4))
    A, G = rng.integers(0, 4, 6), rng.normal(size=6)
    for episode in range(100):
        Z = S @ W
        E = np.exp(Z - Z.max(axis=1, keepdims=True))
        P = E / E.sum(axis=1, keepdims=True)
        loss = -np.mean(G * np.log(P[np.arange(6), A]))
        print(loss)
        dZ = P.copy()
        dZ[np.arange(6), A] -= 1
        dZ *= G[:, None]
        dZ /= len(A)
        W -= 0.1 * S.T @ dZ
"""


@pytest.mark.parametrize(
    ("right", "wrong"), [("dZ *= G[:, None]", "dZ *= -G[:, None]"), ("A] -= 1", "A] -= G")]
)
def test_what_weighs_a_policy_gradient(right, wrong, tmp_path):
    file = script(tmp_path, WEIGHED)
    assert check_script(file).ok
    file.write_text(slipped(file.read_text(), right, wrong))
    (mistake,) = check_script(file).mistakes
    assert mistake.line.text.endswith(wrong)
    assert mistake.repair.text.endswith(right)


EXCHANGED = """
    import numpy as np
    rng = np.random.default_rng(6)
    X, t = rng.normal(size=(9, 4)), rng.normal(size=9)
    U, V = rng.normal(size=4), rng.normal(size=4)
    mU, mV = np.zeros(4), np.zeros(4)

    def loss_of(X, t):
        error = np.tanh(X @ U) + X ** 2 @ V - t
        loss = np.mean(error ** 2) / 2
        error = error / len(t)
        dU = X.T @ (error * (1 - np.tanh(X @ U) ** 2))
        dV = (X ** 2).T @ error
        return loss, dU, dV

    for step in range(100):
        loss, gU, gV = loss_of(X, t)
        print(loss)
        for p, g, m in zip([U, V], [gU, gV], [mU, mV]):
            m += g * g
            p -= 0.1 * g / np.sqrt(m + 1e-8)
"""


def test_what_goes_into_an_update_is_what_it_reads(tmp_path):
    """Not whatever has the numbers of the gradient."""
    file = script(tmp_path, EXCHANGED)
    assert check_script(file).ok
    file.write_text(slipped(file.read_text(), "return loss, dU, dV", "return loss, dV, dU"))
    (mistake,) = check_script(file).mistakes
    assert mistake.repair.text == "return loss, dU, dV"


NEURONS = """
    import math, random
    random.seed(2)
    network = [
        [{"weights": [random.uniform(-1, 1) for _ in range(3)]} for _ in range(2)],
        [{"weights": [random.uniform(-1, 1) for _ in range(3)]} for _ in range(2)],
    ]
    rows = [([0.3, -0.8], [1, 0]), ([-0.5, 0.4], [0, 1])]

    def forward(row):
        for layer in network:
            for neuron in layer:
                weights = neuron["weights"]
                total = weights[-1] + sum(w * x for w, x in zip(weights, row))
                neuron["output"] = 1 / (1 + math.exp(-total))
            row = [neuron["output"] for neuron in layer]
        return row

    def train(row, target):
        outputs = forward(row)
        loss = sum((t - o) ** 2 for t, o in zip(target, outputs)) / 2
        errors = [o - t for t, o in zip(target, outputs)]
        for number in reversed(range(2)):
            for error, neuron in zip(errors, network[number]):
                neuron["delta"] = error * neuron["output"] * (1 - neuron["output"])
            errors = []
            for j in range(2):
                error = 0.0
                for neuron in network[number]:
                    error += neuron["weights"][j] * neuron["delta"]
                errors.append(error)
        for number in range(2):
            inputs = row if number == 0 else [neuron["output"] for neuron in network[0]]
            for neuron in network[number]:
                for j in range(2):
                    neuron["weights"][j] -= 0.5 * neuron["delta"] * inputs[j]
                neuron["weights"][-1] -= 0.5 * neuron["delta"]
        return loss

    for epoch in range(20):
        for row, target in rows:
            print(train(row, target))
"""


def test_lists_in_dicts_that_never_move_are_parameters(tmp_path):
    file = script(tmp_path, NEURONS)
    assert check_script(file).ok
    right = 'error += neuron["weights"][j] * neuron["delta"]'
    file.write_text(slipped(file.read_text(), right, "error += 0"))
    verdicts = {name: q.verdict for name, q in check_script(file).quantities.items()}
    assert verdicts == {
        f"network[{layer}][{number}]['weights']": "differ" if layer == 0 else "agree"
        for layer in range(2)
        for number in range(2)
    }


def test_a_layer_that_is_not_trained_is_no_mistake(tmp_path):
    inputs = ":\n            inputs"
    text = slipped(NEURONS, f"for number in range(2){inputs}", f"for number in [1]{inputs}")
    report = check_script(script(tmp_path, text))
    assert report.ok, str(report)
    assert len(report.quantities) == 2


OPTIMISED = """
    from scipy import optimize
    from scipy.optimize import minimize

    def cost(theta, X, y, weight):
        W, b = theta[:3], theta[3]
        p = 1 / (1 + np.exp(-(X @ W + b)))
        loss = -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))
        return loss + weight / 2 * np.sum(W**2)

    def gradient(theta, X, y, weight):
        W, b = theta[:3], theta[3]
        error = 1 / (1 + np.exp(-(X @ W + b))) - y
        grad = np.zeros(4)
        grad[:3] = X.T @ error / len(y) + weight * W
        grad[3] = np.mean(error)
        return grad

    labels = Y.ravel()
    start = 0.1 * np.random.randn(4)
"""


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (
            "minimize(cost, start, (X, labels, 0.3), 'CG', gradient)",
            ["one call of cost and gradient", "theta, which they are given", "gradient returns"],
        ),
        (
            "optimize.fmin_l_bfgs_b("
            "lambda v: (cost(v, X, labels, 0.3), gradient(v, X, labels, 0.3)), start)",
            ["one call of <lambda>", "v, which they are given", "returns, behind the loss"],
        ),
        (
            "optimize.fmin_bfgs(cost, start, args=(X, labels, 0.3), fprime=gradient)",
            ["one call of cost and gradient", "theta, which they are given", "gradient returns"],
        ),
    ],
)
def test_what_an_optimiser_is_handed(call, said, tmp_path):
    pytest.importorskip("scipy.optimize")
    report = checked(tmp_path, OPTIMISED, f"    found = {call}\n    1 / 0\n")
    assert report.ok
    for words, assumption in zip(said, np.array(report.assumptions)[[0, 2, 3]], strict=True):
        assert words in assumption
    wrong = slipped(OPTIMISED, " + weight * W", " + weight / 2 * W")
    (slip,) = checked(tmp_path, wrong, f"    found = {call}\n").mistakes
    assert slip.line.text == "grad[:3] = X.T @ error / len(y) + weight / 2 * W"
    assert slip.repair.text == "grad[:3] = X.T @ error / len(y) + weight * W"


def test_an_optimiser_needs_the_gradient_itself(tmp_path):
    pytest.importorskip("scipy.optimize")
    twice = slipped(OPTIMISED, "return grad", "return 2 * grad")
    call = "    minimize(cost, start, (X, labels, 0.3), jac=gradient)\n"
    (slip,) = checked(tmp_path, twice, call).mistakes
    assert (slip.line.text, slip.repair.text) == ("return 2 * grad", "return grad")


def test_an_optimiser_without_a_gradient_runs_on(tmp_path):
    pytest.importorskip("scipy.optimize")
    call = "    minimize(cost, start, (X, labels, 0.3), options={'maxiter': 2})\n"
    assert checked(tmp_path, OPTIMISED, call, FLAT).ok
    with pytest.raises(ValueError, match="no training step was found"):
        checked(tmp_path, OPTIMISED, call)


ONE_AT_A_TIME = """
    import numpy as np
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20, 3))
    T = (X @ [1.0, -2.0, 0.5] > 0).astype(float)
    w, b = rng.normal(size=3), 0.0
    for epoch in range(50):
        total = 0.0
        for x, t in zip(X, T):
            o = 1 / (1 + np.exp(-(x @ w + b)))
            e = o - t
            total += 0.5 * e * e
            delta = e * o * (1 - o)
            w -= 0.1 * delta * x
            b -= 0.1 * delta
        print(epoch, total)
"""


@pytest.mark.parametrize(
    "wrong",
    [
        "delta = e * o",  # -(e ** 2 * o) is right for this sample, of which t is 1
        "delta = (o * t) * o * (1 - o)",  # so is (e * t) * o * (1 - o)
        "delta = e",  # right for a cross-entropy, but half of squares are added up
    ],
)
def test_a_line_is_right_with_the_data_of_other_turns_as_well(wrong, tmp_path):
    file = script(tmp_path, ONE_AT_A_TIME)
    assert check_script(file).ok
    file.write_text(slipped(file.read_text(), "delta = e * o * (1 - o)", wrong))
    (mistake,) = check_script(file).mistakes
    for e, o, t in ((-0.3, 0.7, 1.0), (0.4, 0.4, 0.0)):
        scope = {"e": e, "o": o, "t": t}
        exec(mistake.repair.text, scope)
        assert scope["delta"] == pytest.approx(e * o * (1 - o))


def test_a_local_derivative_of_one_number_may_be_too_many(tmp_path):
    entropy = "total += -(t * np.log(o) + (1 - t) * np.log(1 - o))"
    file = script(tmp_path, slipped(ONE_AT_A_TIME, "total += 0.5 * e * e", entropy))
    (mistake,) = check_script(file).mistakes
    assert mistake.repair.text == "delta = e"


def test_another_loss_than_what_is_added_up_is_said(tmp_path):
    shown = slipped(ONE_AT_A_TIME, "total += 0.5 * e * e", "total += e ** 2")
    report = check_script(script(tmp_path, slipped(shown, "delta = e * o * (1 - o)", "delta = e")))
    assert report.ok
    (said,) = [text for text in report.assumptions if text.startswith("Loss: ")]
    assert said.startswith("Loss: the binary cross-entropy")
    assert said.endswith("by which more is right than by total, line 12 (loss=)")


def test_a_number_that_the_loss_is_added_to_is_no_parameter(tmp_path):
    text = """
        W, b = np.random.randn(2, 3), np.zeros((2, 1))
        loss = 0
        for x, y in zip(np.random.randn(9, 3, 1), [0, 1, 1, 0, 0, 1, 0, 1, 1]):
            p = np.exp(W @ x + b)
            p = p / np.sum(p)
            loss -= np.log(p[y])  # an array of one number from here on
            d = p
            d[y] -= 1
            W -= 0.1 * d @ x.T
            b -= 0.1 * d
        """
    report = checked(tmp_path, text)
    assert report.ok, str(report)
    assert set(report.quantities) == {"W", "b"}
