"""Writes docs/reports.md: ``python docs/reports.py``.

Twelve backward passes as courses teach them, each with a slip that is often made; what a check of
relative errors says of it, and what ``check_gradients`` says.  Each is run as a file of its own.
"""

from __future__ import annotations

import runpy
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import autograd_mini as ag

HEAD = """# Twelve slips, and what is said of them

Backward passes as courses teach them, each with a slip that is often made. First what a check of
relative errors prints, then what `check_gradients` says (its first lines, without the table and the
numbers). Each is a file that defines `params`, `loss` and `manual`, run as `autograd-mini check`
runs it; `--fix --write` would mend it.

This page is written by `python docs/reports.py`, and a test keeps it true.
"""

PAGE = Path(__file__).with_name("reports.md")


@dataclass(frozen=True)
class Slip:
    """A backward pass with a slip.

    Attributes:
        name: the file's.
        title: the slip.
        shared: data and parameters.
        loss: the forward pass.
        manual: the backward pass, derived by hand.
    """

    name: str
    title: str
    shared: str
    loss: str
    manual: str

    @property
    def text(self) -> str:
        """The file."""
        head = "import numpy as np\nimport autograd_mini as ag\n\nrng = np.random.default_rng(0)\n"
        return "\n".join([head + self.shared, "", self.loss, "", self.manual])


SLIPS = (
    Slip(
        "mlp",
        "Two sigmoid layers: the derivative is taken of the wrong array",
        """X, T = rng.normal(size=(6, 3)), rng.random(size=(6, 2))
params = {"W1": rng.normal(size=(3, 4)), "b1": rng.normal(size=4),
          "W2": rng.normal(size=(4, 2)), "b2": rng.normal(size=2)}
""",
        """def loss(W1, b1, W2, b2):
    A1 = ag.sigmoid(X @ W1 + b1)
    A2 = ag.sigmoid(A1 @ W2 + b2)
    return np.sum((T - A2) ** 2) / 2
""",
        """def manual(W1, b1, W2, b2):
    Z1 = X @ W1 + b1
    A1 = 1 / (1 + np.exp(-Z1))
    A2 = 1 / (1 + np.exp(-(A1 @ W2 + b2)))
    delta2 = (A2 - T) * A2 * (1 - A2)
    delta1 = (delta2 @ W2.T) * A1 * (1 - Z1)
    return {"W1": X.T @ delta1, "b1": delta1.sum(axis=0),
            "W2": A1.T @ delta2, "b2": delta2.sum(axis=0)}
""",
    ),
    Slip(
        "softmax",
        "Softmax and cross-entropy: the sum over the batch, where the loss has the mean",
        """X, y = rng.normal(size=(8, 5)), rng.integers(0, 3, size=8)
params = {"W": rng.normal(size=(5, 3)), "b": rng.normal(size=3)}
N = len(X)
""",
        """def loss(W, b):
    scores = X @ W + b
    log_probs = scores - np.log(np.sum(np.exp(scores), axis=1, keepdims=True))
    return -np.mean(log_probs[np.arange(N), y])
""",
        """def manual(W, b):
    scores = X @ W + b
    probs = np.exp(scores - scores.max(axis=1, keepdims=True))
    probs = probs / probs.sum(axis=1, keepdims=True)
    dscores = probs - np.eye(3)[y]
    dW = X.T @ dscores
    db = np.sum(dscores, axis=0)
    return {"W": dW, "b": db}
""",
    ),
    Slip(
        "l2",
        "Weight decay: the penalty's own gradient is left out",
        """X, T, reg = rng.normal(size=(8, 4)), rng.normal(size=(8, 2)), 0.1
params = {"W": rng.normal(size=(4, 2)), "b": rng.normal(size=2)}
""",
        """def loss(W, b):
    out = X @ W + b
    return np.mean((out - T) ** 2) + 0.5 * reg * np.sum(W * W)
""",
        """def manual(W, b):
    out = X @ W + b
    dout = 2 * (out - T) / T.size
    dW = X.T @ dout
    db = dout.sum(axis=0)
    return {"W": dW, "b": db}
""",
    ),
    Slip(
        "relu",
        "ReLU: the mask is inverted",
        """X, T = rng.normal(size=(7, 4)), rng.normal(size=(7, 2))
params = {"W1": rng.normal(size=(4, 5)), "W2": rng.normal(size=(5, 2))}
""",
        """def loss(W1, W2):
    h = np.maximum(X @ W1, 0)
    return np.sum((h @ W2 - T) ** 2)
""",
        """def manual(W1, W2):
    z = X @ W1
    h = np.maximum(z, 0)
    dout = 2 * (h @ W2 - T)
    dh = dout @ W2.T
    dz = dh * (z < 0)
    return {"W1": X.T @ dz, "W2": h.T @ dout}
""",
    ),
    Slip(
        "bias",
        "A bias: it was added to every row, and its gradient is the sum over the rows",
        """X, T = rng.normal(size=(7, 4)), rng.normal(size=(7, 7))
params = {"W": rng.normal(size=(4, 7)), "b": rng.normal(size=7)}
""",
        """def loss(W, b):
    a = np.tanh(X @ W + b)
    return np.sum((a - T) ** 2) / 2
""",
        """def manual(W, b):
    a = np.tanh(X @ W + b)
    dz = (a - T) * (1 - a**2)
    grads = {"W": X.T @ dz}
    grads["b"] = np.sum(dz, axis=1)
    return grads
""",
    ),
    Slip(
        "batchnorm",
        "Batch normalisation: one of the two ways through the variance has the wrong power",
        """X, T, eps = rng.normal(size=(8, 3)), rng.normal(size=(8, 3)), 1e-5
params = {"x": X, "gamma": rng.normal(size=3), "beta": rng.normal(size=3)}
N = len(X)
""",
        """def loss(x, gamma, beta):
    mean = np.mean(x, axis=0)
    var = np.mean((x - mean) ** 2, axis=0)
    xhat = (x - mean) / np.sqrt(var + eps)
    return np.sum((gamma * xhat + beta - T) ** 2)
""",
        """def manual(x, gamma, beta):
    mean, var = x.mean(axis=0), x.var(axis=0)
    xhat = (x - mean) / np.sqrt(var + eps)
    dout = 2 * (gamma * xhat + beta - T)
    dxhat = dout * gamma
    dvar = np.sum(dxhat * (x - mean), axis=0) * -0.5 * (var + eps) ** -0.5
    dmean = -np.sum(dxhat, axis=0) / np.sqrt(var + eps)
    dx = dxhat / np.sqrt(var + eps) + dvar * 2 * (x - mean) / N + dmean / N
    return {"x": dx, "gamma": np.sum(dout * xhat, axis=0), "beta": np.sum(dout, axis=0)}
""",
    ),
    Slip(
        "conv",
        "Convolution by im2col: the product is the other way round",
        """C, H, F, K = 2, 5, 3, 3
image, target = rng.normal(size=(C, H, H)), rng.normal(size=(F, 9))
params = {"W": rng.normal(size=(F, C * K * K)), "b": rng.normal(size=(F, 1))}
rows, cols = np.meshgrid(np.arange(3), np.arange(3), indexing="ij")
windows = np.array([image[:, i : i + K, j : j + K].ravel()
                    for i, j in zip(rows.ravel(), cols.ravel())]).T
""",
        """def loss(W, b):
    out = np.maximum(W @ windows + b, 0)
    return np.sum((out - target) ** 2) / 2
""",
        """def manual(W, b):
    z = W @ windows + b
    out = np.maximum(z, 0)
    dout = out - target
    dz = dout * (z > 0)
    dW = windows @ dz.T
    db = dz.sum(axis=1, keepdims=True)
    return {"W": dW, "b": db}
""",
    ),
    Slip(
        "rnn",
        "A recurrent network: tanh′ is 1 − h², not 1 − h",
        """xs, T = rng.normal(size=(4, 3)), rng.normal(size=2)
params = {"Wx": rng.normal(size=(5, 3)), "Wh": rng.normal(size=(5, 5)) / 2,
          "Wy": rng.normal(size=(2, 5))}
""",
        """def loss(Wx, Wh, Wy):
    h = np.zeros(5)
    for x in xs:
        h = np.tanh(Wx @ x + Wh @ h)
    return np.sum((Wy @ h - T) ** 2) / 2
""",
        """def manual(Wx, Wh, Wy):
    hs = [np.zeros(5)]
    for x in xs:
        hs.append(np.tanh(Wx @ x + Wh @ hs[-1]))
    dy = Wy @ hs[-1] - T
    dWx, dWh = np.zeros_like(Wx), np.zeros_like(Wh)
    dWy = np.outer(dy, hs[-1])
    dh = Wy.T @ dy
    for t in reversed(range(len(xs))):
        draw = dh * (1 - hs[t + 1])
        dWx += np.outer(draw, xs[t])
        dWh += np.outer(draw, hs[t])
        dh = Wh.T @ draw
    return {"Wx": dWx, "Wh": dWh, "Wy": dWy}
""",
    ),
    Slip(
        "lstm",
        "An LSTM cell: the forget gate is handed the wrong cell state",
        """x, h_prev, c_prev = rng.normal(size=3), rng.normal(size=4), rng.normal(size=4)
xh = np.concatenate([x, h_prev])
T = rng.normal(size=4)
params = {name: rng.normal(size=(4, 7)) for name in ("Wi", "Wf", "Wo", "Wg")}
""",
        """def loss(Wi, Wf, Wo, Wg):
    i, f, o = ag.sigmoid(Wi @ xh), ag.sigmoid(Wf @ xh), ag.sigmoid(Wo @ xh)
    g = np.tanh(Wg @ xh)
    c = f * c_prev + i * g
    return np.sum((o * np.tanh(c) - T) ** 2) / 2
""",
        """def sigmoid(z):
    return 1 / (1 + np.exp(-z))

def manual(Wi, Wf, Wo, Wg):
    i, f, o = sigmoid(Wi @ xh), sigmoid(Wf @ xh), sigmoid(Wo @ xh)
    g = np.tanh(Wg @ xh)
    c = f * c_prev + i * g
    dh = o * np.tanh(c) - T
    do = dh * np.tanh(c)
    dc = dh * o * (1 - np.tanh(c) ** 2)
    df = dc * c
    di, dg = dc * g, dc * i
    return {"Wi": np.outer(di * i * (1 - i), xh), "Wf": np.outer(df * f * (1 - f), xh),
            "Wo": np.outer(do * o * (1 - o), xh), "Wg": np.outer(dg * (1 - g**2), xh)}
""",
    ),
    Slip(
        "attention",
        "Attention: softmax's backward pass sums over the wrong axis",
        """x, T = rng.normal(size=(5, 4)), rng.normal(size=(5, 3))
params = {name: rng.normal(size=(4, 3)) for name in ("Wq", "Wk", "Wv")}
""",
        """def loss(Wq, Wk, Wv):
    Q, K, V = x @ Wq, x @ Wk, x @ Wv
    S = Q @ K.T / np.sqrt(3)
    E = np.exp(S)
    A = E / np.sum(E, axis=1, keepdims=True)
    return np.sum((A @ V - T) ** 2) / 2
""",
        """def manual(Wq, Wk, Wv):
    Q, K, V = x @ Wq, x @ Wk, x @ Wv
    S = Q @ K.T / np.sqrt(3)
    E = np.exp(S - S.max(axis=1, keepdims=True))
    A = E / E.sum(axis=1, keepdims=True)
    dout = A @ V - T
    dV = A.T @ dout
    dA = dout @ V.T
    dS = A * (dA - np.sum(dA * A, axis=0, keepdims=True))
    dQ = dS @ K / np.sqrt(3)
    dK = dS.T @ Q / np.sqrt(3)
    return {"Wq": x.T @ dQ, "Wk": x.T @ dK, "Wv": x.T @ dV}
""",
    ),
    Slip(
        "embedding",
        "An embedding: a word that occurs twice gets the gradient of one place only",
        """words, T = np.array([2, 0, 2, 4]), rng.normal(size=(4, 3))
params = {"E": rng.normal(size=(6, 3)), "W": rng.normal(size=(3, 3))}
""",
        """def loss(E, W):
    x = E[words]
    return np.sum((x @ W - T) ** 2) / 2
""",
        """def manual(E, W):
    x = E[words]
    dout = x @ W - T
    dx = dout @ W.T
    dE = np.zeros_like(E)
    dE[words] += dx
    return {"E": dE, "W": x.T @ dout}
""",
    ),
    Slip(
        "dropout",
        "Dropout: what is kept was divided by its share, and the gradient was not",
        """X, T, keep = rng.normal(size=(6, 4)), rng.normal(size=(6, 2)), 0.8
mask = rng.random(size=(6, 5)) < keep
params = {"W1": rng.normal(size=(4, 5)), "W2": rng.normal(size=(5, 2))}
""",
        """def loss(W1, W2):
    a = np.tanh(X @ W1)
    d = a * mask / keep
    return np.mean((d @ W2 - T) ** 2)
""",
        """def manual(W1, W2):
    a = np.tanh(X @ W1)
    d = a * mask / keep
    dout = 2 * (d @ W2 - T) / T.size
    dd = dout @ W2.T
    da = dd * mask
    dz = da * (1 - a**2)
    return {"W1": X.T @ dz, "W2": d.T @ dout}
""",
    ),
)


def checked(slip: Slip) -> tuple[str, ag.GradientReport]:
    """What a check of relative errors says, and the report."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, f"{slip.name}.py")
        file.write_text(slip.text, encoding="utf-8")
        names = runpy.run_path(str(file))
        loss, params, manual = names["loss"], names["params"], names["manual"]
        report = ag.check_gradients(loss, params, manual, seconds=120)
        return relative_errors(loss, params, manual), report


def relative_errors(
    loss: Callable[..., Any], params: Mapping[str, Any], manual: Callable[..., Any]
) -> str:
    """What the usual check prints: |analytic − numeric| / (|analytic| + |numeric|)."""
    lines = []
    for name, analytic in manual(**params).items():
        numeric = np.zeros_like(params[name])
        for place in np.ndindex(numeric.shape):
            step = np.zeros_like(numeric)
            step[place] = 1e-5
            above, below = (
                float(loss(**{**params, name: params[name] + s * step})) for s in (1, -1)
            )
            numeric[place] = (above - below) / 2e-5
        if np.shape(analytic) != numeric.shape:
            lines.append(f"{name}: shapes {np.shape(analytic)} and {numeric.shape} mismatched")
            continue
        error = np.linalg.norm(analytic - numeric)
        error /= np.linalg.norm(analytic) + np.linalg.norm(numeric)
        lines.append(f"{name}: relative error {error:.0e}" if error > 1e-6 else f"{name}: ok")
    return "\n".join(lines)


def told(report: ag.GradientReport) -> str:
    """The mistakes, without the table of quantities and the numbers."""
    first, _, _ = report.text().partition("\n\ngradient of ")
    return first


def page() -> str:
    """The text of docs/reports.md."""
    parts = [HEAD]
    for number, slip in enumerate(SLIPS, 1):
        before, report = checked(slip)
        parts.append(
            f"## {number}. {slip.title}\n\n```python\n{slip.loss}\n{slip.manual}```\n\n"
            f"A check of relative errors:\n\n```text\n{before}\n```\n\n"
            f"`autograd-mini check {slip.name}.py`:\n\n```text\n{told(report)}\n```\n"
        )
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
