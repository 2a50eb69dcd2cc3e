# ruff: noqa: E501
"""Backward passes as courses teach them, and slips in their lines.

Of each pass: what it starts from, its lines, and for some lines the same with a mistake.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Course:
    name: str
    start: str
    text: str

    @property
    def lines(self) -> list[str]:
        return [line for line in self.text.splitlines() if line and not line.startswith("    ")]

    @property
    def slips(self) -> list[tuple[int, str]]:
        """The number of a line, with the line as it was got wrong."""
        found, number = [], -1
        for line in self.text.splitlines():
            if line.startswith("    "):
                found.append((number, line.strip()))
            elif line:
                number += 1
        return found


HEAD = """
import numpy as np
r = np.random.default_rng(0)
def sigmoid(z): return 1 / (1 + np.exp(-z))
def sigmoid_prime(z): return sigmoid(z) * (1 - sigmoid(z))
def softmax(z): return np.exp(z) / np.exp(z).sum(axis=-1, keepdims=True)
"""

COURSES = [
    Course("two sigmoid layers, rows are examples", """
X, W1, b1, W2, b2 = (r.normal(size=s) for s in [(6, 4), (4, 5), (1, 5), (5, 3), (1, 3)])
Y = np.eye(3)[[0, 1, 2, 0, 1, 2]]
lam = 0.1
m = X.shape[0]
""", """
Z1 = X @ W1 + b1
    Z1 = X @ W1
    Z1 = X @ W1 - b1
A1 = sigmoid(Z1)
    A1 = sigmoid(X)
    A1 = np.tanh(Z1)
    A1 = Z1
Z2 = A1 @ W2 + b2
    Z2 = Z1 @ W2 + b2
A2 = sigmoid(Z2)
dZ2 = (A2 - Y) / m
    dZ2 = A2 - Y
    dZ2 = (Y - A2) / m
    dZ2 = (A2 + Y) / m
    dZ2 = A2 - Y / m
    dZ2 = (A2 - Y) * m
    dZ2 = (A2 - Y) / m * A2 * (1 - A2)
    dZ2 = 2 * (A2 - Y) / m
    dZ2 = (Z2 - Y) / m
    dZ2 = (A2 - Y) / Y.size
    dZ2 = (A1 - Y) / m
dW2 = A1.T @ dZ2 + lam * W2
    dW2 = A1.T @ dZ2
    dW2 = A1 @ dZ2 + lam * W2
    dW2 = dZ2.T @ A1 + lam * W2
    dW2 = X.T @ dZ2 + lam * W2
    dW2 = Z1.T @ dZ2 + lam * W2
    dW2 = A1.T @ dZ2 - lam * W2
    dW2 = A1.T @ dZ2 + W2
    dW2 = A1.T @ dZ2 + 2 * lam * W2
    dW2 = A1.T @ dZ2 + lam * W2 / m
    dW2 = A1.T @ dZ2 + lam * W2 ** 2
    dW2 = A1.T @ dZ2 + lam * W1
    dW2 = A1.T @ (dZ2 + lam * W2)
    dW2 = A1.T @ dZ2 / m + lam * W2
    dW2 = A1.T * dZ2 + lam * W2
    dW2 = A1.T @ Z2 + lam * W2
db2 = np.sum(dZ2, axis=0, keepdims=True)
    db2 = np.sum(dZ2, axis=1, keepdims=True)
    db2 = np.sum(dZ2, axis=0)
    db2 = np.sum(dZ2)
    db2 = np.mean(dZ2, axis=0, keepdims=True)
    db2 = dZ2
    db2 = np.sum(dZ2, keepdims=True)
    db2 = np.sum(dW2, axis=0, keepdims=True)
    db2 = -np.sum(dZ2, axis=0, keepdims=True)
    db2 = np.sum(dZ2, axis=1)
dA1 = dZ2 @ W2.T
    dA1 = dZ2 @ W2
    dA1 = dZ2 @ W1.T
    dA1 = W2 @ dZ2
    dA1 = W2.T @ dZ2
    dA1 = dZ2.T @ W2
    dA1 = dW2 @ W2.T
    dA1 = A2 @ W2.T
    dA1 = dZ2 * W2.T
    dA1 = Z2 @ W2.T
dZ1 = dA1 * A1 * (1 - A1)
    dZ1 = dA1
    dZ1 = dA1 * A1
    dZ1 = dA1 * (1 - A1)
    dZ1 = dA1 * Z1 * (1 - Z1)
    dZ1 = dA1 * A1 * (1 - Z1)
    dZ1 = dA1 * A1 * 1 - A1
    dZ1 = dA1 * A1 * (A1 - 1)
    dZ1 = dA1 * A1 * (1 + A1)
    dZ1 = dA1 * (1 - A1 ** 2)
    dZ1 = dA1 * (Z1 > 0)
    dZ1 = dA1 * sigmoid_prime(A1)
    dZ1 = dA1 * sigmoid(Z1)
    dZ1 = A1 * (1 - A1)
    dZ1 = dA1 @ (A1 * (1 - A1)).T
    dZ1 = dA1 + A1 * (1 - A1)
    dZ1 = dA1 * A1 * (2 - A1)
    dZ1 = dA1 * A1 * A1 * (1 - A1)
    dZ1 = dA1 * A1 - (1 - A1)
dW1 = X.T @ dZ1 + lam * W1
    dW1 = X.T @ dA1 + lam * W1
    dW1 = X @ dZ1 + lam * W1
    dW1 = A1.T @ dZ1 + lam * W1
    dW1 = X.T @ dZ2 + lam * W1
    dW1 = X.T @ dZ1 + lam * np.sum(W1)
    dW1 = X.T @ dZ1 + lam * W1 ** 3
db1 = np.sum(dZ1, axis=0, keepdims=True)
    db1 = np.sum(dA1, axis=0, keepdims=True)
    db1 = np.sum(dZ2, axis=0, keepdims=True)
    db1 = dZ1.sum(0)
    db1 = np.sum(dZ1, axis=0, keepdims=True) / m
"""),
    Course("columns are examples, cost divided in each line", """
X, W1, b1, W2, b2 = (r.normal(size=s) for s in [(4, 6), (5, 4), (5, 1), (1, 5), (1, 1)])
Y = np.array([[0, 1, 1, 0, 1, 0]])
parameters = {"W1": W1, "b1": b1, "W2": W2, "b2": b2}
m = X.shape[1]
Z1 = np.dot(W1, X) + b1
A1 = np.tanh(Z1)
Z2 = np.dot(W2, A1) + b2
A2 = sigmoid(Z2)
cache = {"Z1": Z1, "A1": A1, "Z2": Z2, "A2": A2}
""", """
W2 = parameters["W2"]
    W2 = parameters["W1"]
A1 = cache["A1"]
    A1 = cache["Z1"]
    A1 = cache["A2"]
dZ2 = A2 - Y
    dZ2 = cache["Z2"] - Y
    dZ2 = A2 - Y * A2
dW2 = np.dot(dZ2, A1.T) / m
    dW2 = np.dot(dZ2, A1.T)
    dW2 = np.dot(dZ2, X.T) / m
    dW2 = np.dot(A1.T, dZ2) / m
    dW2 = np.dot(dZ2, A1) / m
    dW2 = np.dot(A1, dZ2.T) / m
    dW2 = dZ2 * A1.T / m
    dW2 = 1 / 2 * np.dot(dZ2, A1.T)
db2 = np.sum(dZ2, axis=1, keepdims=True) / m
    db2 = np.sum(dZ2, axis=0, keepdims=True) / m
    db2 = np.sum(dZ2, axis=1, keepdims=True)
    db2 = np.mean(dZ2, axis=1, keepdims=True) / m
    db2 = np.sum(dZ2) / m
dZ1 = np.multiply(np.dot(W2.T, dZ2), 1 - np.power(A1, 2))
    dZ1 = np.multiply(np.dot(W2.T, dZ2), 1 - np.power(Z1, 2))
    dZ1 = np.multiply(np.dot(W2.T, dZ2), 1 - A1)
    dZ1 = np.dot(W2.T, dZ2)
    dZ1 = np.multiply(np.dot(W2, dZ2), 1 - np.power(A1, 2))
    dZ1 = np.dot(np.dot(W2.T, dZ2), 1 - np.power(A1, 2))
    dZ1 = np.multiply(np.dot(W1.T, dZ2), 1 - np.power(A1, 2))
    dZ1 = np.multiply(np.dot(W2.T, dZ2), 1 - np.power(A1, 3))
    dZ1 = np.multiply(np.dot(W2.T, dZ2), np.power(A1, 2))
dW1 = 1 / m * np.dot(dZ1, X.T)
    dW1 = np.dot(dZ1, X.T)
    dW1 = 1 / m * np.dot(dZ1, A1.T)
    dW1 = m * np.dot(dZ1, X.T)
    dW1 = 1 / m * dZ1 * X.T
grads = {"dW1": dW1, "dW2": dW2, "db2": db2}
    grads = {"dW1": dW2, "dW2": dW1, "db2": db2}
    grads = {"dW1": dW1, "dW2": W2, "db2": db2}
"""),
    Course("relu layers and softmax", """
x, W1, b1, W2, b2 = (r.normal(size=s) for s in [(5, 4), (4, 6), (6,), (6, 3), (3,)])
y = np.array([0, 2, 1, 1, 0])
reg = 0.5
N = len(x)
grads = {}
""", """
h = np.maximum(0, x @ W1 + b1)
    h = np.maximum(1, x @ W1 + b1)
    h = np.minimum(0, x @ W1 + b1)
scores = h @ W2 + b2
e = np.exp(scores - scores.max(axis=1, keepdims=True))
    e = np.exp(scores) - scores.max(axis=1, keepdims=True)
p = e / e.sum(axis=1, keepdims=True)
    p = e / e.sum(axis=0, keepdims=True)
    p = e / e.sum()
    p = scores / e.sum(axis=1, keepdims=True)
dscores = p.copy()
    dscores = p
dscores[np.arange(N), y] -= 1
    dscores[np.arange(N), y] += 1
    dscores[np.arange(N), y] = 1
    dscores[:, y] -= 1
    dscores[y] -= 1
    dscores[np.arange(N), y] -= 2
dscores /= N
    dscores *= N
    dscores /= len(b1)
    dscores /= N * 3
grads["W2"] = h.T @ dscores + reg * W2
    grads["W2"] = h.T @ dscores + 2 * reg * W2
    grads["W2"] = h.T @ dscores + 0.5 * reg * W2
    grads["W2"] = h.T @ dscores
    grads["W2"] = h.T.dot(scores) + reg * W2
    grads["W2"] = h.T @ p + reg * W2
    grads["W2"] += h.T @ dscores + reg * W2
    grads["W1"] = h.T @ dscores + reg * W2
grads["b2"] = dscores.sum(axis=0)
    grads["b2"] = dscores.sum(axis=1)
    grads["b2"] = dscores.mean(axis=0)
    grads["b2"] = dscores
dh = dscores @ W2.T
    dh = dscores @ grads["W2"].T
dh[h <= 0] = 0
    dh[h > 0] = 0
    dh[dh <= 0] = 0
    dh[h <= 0] = 1
    dh[x <= 0] = 0
    dh[h < 1] = 0
dz = dh * (h > 0)
    dz = dh * (h < 0)
    dz = dh * (h <= 0)
    dz = dh * h
    dz = dh * (dh > 0)
    dz = np.maximum(dh, 0)
    dz = np.where(h > 0, 0, dh)
    dz = np.where(h > 0, 1, 0)
    dz = dh * h * (1 - h)
"""),
    Course("batch normalisation", """
x, gamma, beta, dout = (r.normal(size=s) for s in [(6, 4), (4,), (4,), (6, 4)])
eps = 1e-5
N, D = x.shape
""", """
mu = x.mean(axis=0)
    mu = x.mean(axis=1)
    mu = x.mean()
    mu = x.sum(axis=0)
xmu = x - mu
    xmu = x + mu
var = np.mean(xmu ** 2, axis=0)
    var = np.mean(xmu, axis=0)
    var = np.mean(x ** 2, axis=0)
    var = np.sum(xmu ** 2, axis=0)
std = np.sqrt(var + eps)
    std = np.sqrt(var) + eps
    std = var + eps
    std = np.sqrt(var - eps)
xhat = xmu / std
    xhat = xmu * std
    xhat = xmu / var
dbeta = dout.sum(axis=0)
    dbeta = dout.sum(axis=1)
dgamma = np.sum(dout * xhat, axis=0)
    dgamma = np.sum(dout * x, axis=0)
    dgamma = np.sum(dout, axis=0) * xhat
    dgamma = np.sum(dout * gamma, axis=0)
    dgamma = np.sum(xhat, axis=0)
dxhat = dout * gamma
    dxhat = dout * beta
    dxhat = dout
    dxhat = dout / gamma
    dxhat = dout * dgamma
divar = np.sum(dxhat * xmu, axis=0)
    divar = np.sum(dxhat * xhat, axis=0)
    divar = np.sum(dxhat * x, axis=0)
dvar = -0.5 * divar * (var + eps) ** -1.5
    dvar = 0.5 * divar * (var + eps) ** -1.5
    dvar = -0.5 * divar * (var + eps) ** -0.5
    dvar = -0.5 * divar * (var + eps) ** 1.5
    dvar = -2 * divar * (var + eps) ** -1.5
    dvar = -divar * (var + eps) ** -1.5
dxmu = dxhat / std + 2 * xmu * dvar / N
    dxmu = dxhat / std
    dxmu = dxhat / std + xmu * dvar / N
    dxmu = dxhat / std + 2 * xmu * dvar
    dxmu = dxhat / std + 2 * x * dvar / N
    dxmu = dxhat * std + 2 * xmu * dvar / N
    dxmu = dxhat / std - 2 * xmu * dvar / N
    dxmu = dxhat / var + 2 * xmu * dvar / N
    dxmu = dxhat / std + 2 * xmu * dvar / D
dmu = -np.sum(dxmu, axis=0)
    dmu = np.sum(dxmu, axis=0)
    dmu = -np.mean(dxmu, axis=0)
    dmu = -np.sum(dxhat, axis=0)
dx = dxmu + dmu / N
    dx = dxmu
    dx = dxmu + dmu
    dx = dxmu - dmu / N
    dx = (dxmu + dmu) / N
    dx = dxmu * dmu / N
    dx = dxhat + dmu / N
dx2 = (N * dxhat - dxhat.sum(0) - xhat * np.sum(dxhat * xhat, axis=0)) / (N * std)
    dx2 = (dxhat - dxhat.sum(0) - xhat * np.sum(dxhat * xhat, axis=0)) / (N * std)
    dx2 = (N * dxhat - dxhat.sum(0) - np.sum(dxhat * xhat, axis=0)) / (N * std)
    dx2 = (N * dxhat - dxhat.sum(0) - xhat * np.sum(dxhat, axis=0)) / (N * std)
    dx2 = (N * dxhat - dxhat.sum(0) - xhat * np.sum(dxhat * xhat, axis=0)) / N * std
    dx2 = (N * dxhat - dxhat.sum(0) - xhat * np.sum(dxhat * xhat, axis=0)) / (N * var)
    dx2 = (N * dxhat - dxhat.sum(0)) / (N * std)
    dx2 = (N * dxhat - xhat * np.sum(dxhat * xhat, axis=0)) / (N * std)
    dx2 = (N * dxhat - dxhat - xhat * np.sum(dxhat * xhat, axis=0)) / (N * std)
"""),
    Course("recurrent network in a loop", """
T, H, D, K = 4, 5, 3, 3
Wxh, Whh, Why = (r.normal(size=s) for s in [(H, D), (H, H), (K, H)])
xs = {i: r.normal(size=(D, 1)) for i in range(T)}
hs = {i: np.tanh(r.normal(size=(H, 1))) for i in range(-1, T)}
ps = {i: softmax(r.normal(size=(1, K))).T for i in range(T)}
targets = [0, 2, 1, 1]
bh = np.zeros((H, 1))
dWxh, dWhh, dWhy, dbh = (r.normal(size=w.shape) for w in (Wxh, Whh, Why, bh))
dhnext = r.normal(size=(H, 1))
t = 2
""", """
dy = np.copy(ps[t])
    dy = np.copy(ps[t - 1])
    dy = np.copy(hs[t])
dy[targets[t]] -= 1
    dy[targets[t]] += 1
    dy[t] -= 1
    dy[targets[t - 1]] -= 1
dWhy += np.dot(dy, hs[t].T)
    dWhy = np.dot(dy, hs[t].T)
    dWhy += np.dot(dy, hs[t - 1].T)
    dWhy -= np.dot(dy, hs[t].T)
    dWhy += np.dot(hs[t].T, dy)
    dWhy += np.dot(dy, xs[t].T)
dh = np.dot(Why.T, dy) + dhnext
    dh = np.dot(Why.T, dy)
    dh = np.dot(Why.T, dy) - dhnext
    dh = np.dot(Why.T, dy) * dhnext
    dh = np.dot(Why, dy) + dhnext
dhraw = (1 - hs[t] * hs[t]) * dh
    dhraw = (1 - hs[t]) * dh
    dhraw = (1 - hs[t - 1] * hs[t - 1]) * dh
    dhraw = hs[t] * (1 - hs[t]) * dh
    dhraw = (1 - hs[t] * hs[t - 1]) * dh
    dhraw = dh
    dhraw = (1 + hs[t] * hs[t]) * dh
    dhraw = 1 - hs[t] * hs[t] * dh
    dhraw = (1 - dh * dh) * dh
    dhraw = (1 - hs[t] * hs[t]) * dhnext
dbh += dhraw
    dbh = dhraw
    dbh += dh
    dbh -= dhraw
dWxh += np.dot(dhraw, xs[t].T)
    dWxh += np.dot(dhraw, xs[t])
    dWxh += np.dot(dh, xs[t].T)
    dWxh += np.dot(dhraw, xs[t - 1].T)
    dWxh += dhraw * xs[t]
dWhh += np.dot(dhraw, hs[t - 1].T)
    dWhh += np.dot(dhraw, hs[t].T)
    dWhh += np.dot(dhraw, hs[t + 1].T)
    dWhh += np.dot(hs[t - 1], dhraw.T)
    dWhh += np.dot(dh, hs[t - 1].T)
dhnext = np.dot(Whh.T, dhraw)
    dhnext = np.dot(Whh, dhraw)
    dhnext = np.dot(Whh.T, dh)
    dhnext += np.dot(Whh.T, dhraw)
    dhnext = dhraw
for s in reversed(range(T)): pass
    for s in range(T): pass
    for s in reversed(range(1, T)): pass
    for s in reversed(range(T - 1)): pass
for s in range(T - 1, -1, -1): pass
    for s in range(T - 1, 0, -1): pass
"""),
    Course("LSTM step", """
N, H, D = 5, 4, 3
x, h_prev, c_prev = (r.normal(size=s) for s in [(N, D), (N, H), (N, H)])
Wf, Wi, Wo, Wg = (r.normal(size=(D + H, H)) for _ in range(4))
z = np.concatenate([x, h_prev], axis=1)
f, i, o = sigmoid(z @ Wf), sigmoid(z @ Wi), sigmoid(z @ Wo)
g = np.tanh(z @ Wg)
c = f * c_prev + i * g
tc = np.tanh(c)
dh, dc_next = r.normal(size=(N, H)), r.normal(size=(N, H))
""", """
do = dh * tc
    do = dh * c
    do = dh * o
    do = dh * np.tanh(tc)
dc = dh * o * (1 - tc ** 2) + dc_next
    dc = dh * o * (1 - tc ** 2)
    dc = dh * o + dc_next
    dc = dh * (1 - tc ** 2) + dc_next
    dc = dh * o * (1 - c ** 2) + dc_next
    dc = dh * o * (1 - tc) + dc_next
    dc = dh * (o * (1 - tc ** 2) + dc_next)
    dc = dh * f * (1 - tc ** 2) + dc_next
df = dc * c_prev
    df = dc * c
    df = dc * f
    df = dc_next * c_prev
di = dc * g
    di = dc * i
dg = dc * i
    dg = dc * g
dc_prev = dc * f
    dc_prev = dc
    dc_prev = dc * i
    dc_prev = dc_next * f
dzf = df * f * (1 - f)
    dzf = df * (1 - f)
    dzf = df * f
    dzf = df * (1 - f ** 2)
    dzf = df * i * (1 - i)
    dzf = df * f * (1 - i)
dzi = di * i * (1 - i)
    dzi = df * i * (1 - i)
    dzi = di * f * (1 - f)
dzo = do * o * (1 - o)
    dzo = do * o * (o - 1)
dzg = dg * (1 - g ** 2)
    dzg = dg * g * (1 - g)
    dzg = dg * (1 - g)
    dzg = dg * (1 - np.tanh(g) ** 2)
dWf = z.T @ dzf
    dWf = x.T @ dzf
    dWf = z.T @ df
    dWf = z.T @ dzi
dz = dzf @ Wf.T + dzi @ Wi.T + dzo @ Wo.T + dzg @ Wg.T
    dz = dzf @ Wf.T + dzi @ Wi.T + dzo @ Wo.T
    dz = dzf @ Wf.T + dzi @ Wi.T + dzo @ Wo.T + dzg @ Wi.T
    dz = dzf @ Wf.T + dzi @ Wf.T + dzo @ Wo.T + dzg @ Wg.T
    dz = dzf @ Wf.T + dzi @ Wi.T - dzo @ Wo.T + dzg @ Wg.T
    dz = dzf @ Wf.T + dzi @ Wi.T + dzo @ Wo.T + dg @ Wg.T
dx = dz[:, :D]
    dx = dz[:, D:]
    dx = dz[:, :H]
dh_prev = dz[:, D:]
    dh_prev = dz[:, :D]
    dh_prev = dz[:, H:]
"""),
    Course("attention", """
B, T, d = 2, 4, 3
x = r.normal(size=(B, T, d))
Wq, Wk, Wv = (r.normal(size=(d, d)) for _ in range(3))
q, k, v = x @ Wq, x @ Wk, x @ Wv
scale = 1 / np.sqrt(d)
s = q @ k.transpose(0, 2, 1) * scale
a = softmax(s)
dout = r.normal(size=(B, T, d))
""", """
dv = a.transpose(0, 2, 1) @ dout
    dv = a @ dout
    dv = a.transpose(2, 1, 0) @ dout
    dv = s.transpose(0, 2, 1) @ dout
da = dout @ v.transpose(0, 2, 1)
    da = dout @ v
    da = dout @ k.transpose(0, 2, 1)
    da = dout @ v.transpose(0, 1, 2)
ds = a * (da - (da * a).sum(axis=-1, keepdims=True))
    ds = a * (da - (da * a).sum(axis=1, keepdims=True))
    ds = a * (da - da.sum(axis=-1, keepdims=True))
    ds = a * (da - (da * a).sum(axis=-1))
    ds = a * da - (da * a).sum(axis=-1, keepdims=True)
    ds = a * (1 - a) * da
    ds = a * da
    ds = da - (da * a).sum(axis=-1, keepdims=True)
    ds = a * (da - (da * s).sum(axis=-1, keepdims=True))
    ds = a * (da + (da * a).sum(axis=-1, keepdims=True))
    ds = s * (da - (da * a).sum(axis=-1, keepdims=True))
    ds = a * (da - (da * a).mean(axis=-1, keepdims=True))
    ds = a * (da - da * a)
dq = ds @ k * scale
    dq = ds @ k
    dq = ds @ k / scale
    dq = ds @ q * scale
    dq = ds.transpose(0, 2, 1) @ k * scale
    dq = ds @ v * scale
dk = ds.transpose(0, 2, 1) @ q * scale
    dk = ds @ q * scale
    dk = ds.transpose(0, 2, 1) @ k * scale
dWq = np.einsum("btd,bte->de", x, dq)
    dWq = np.einsum("btd,bte->ed", x, dq)
    dWq = np.einsum("btd,bte->de", dq, x)
    dWq = np.einsum("btd,bte->de", x, dk)
    dWq = np.einsum("btd,bte->bde", x, dq)
dx = dq @ Wq.T + dk @ Wk.T + dv @ Wv.T
    dx = dq @ Wq.T + dk @ Wk.T
    dx = dq @ Wq + dk @ Wk.T + dv @ Wv.T
    dx = dq @ Wq.T + dk @ Wk.T + dv @ Wk.T
    dx = dq @ Wq.T + dq @ Wk.T + dv @ Wv.T
"""),
    Course("embedding and layer norm", """
V, D, N = 7, 4, 6
C, gain = r.normal(size=(V, D)), r.normal(size=(D,))
ix = np.array([1, 3, 3, 0, 1, 1])
emb = C[ix]
dout = r.normal(size=(N, D))
dC = np.zeros_like(C)
eps = 1e-5
mean = emb.mean(1, keepdims=True)
rstd = 1 / np.sqrt(emb.var(1, keepdims=True) + eps)
norm = (emb - mean) * rstd
p = 0.3
mask = r.random((N, D)) > p
""", """
dgain = (dout * norm).sum(0)
    dgain = (dout * norm).sum(1)
    dgain = (dout * norm).mean(0)
    dgain = dout * norm
    dgain = (dout * emb).sum(0)
    dgain = (dout + norm).sum(0)
dnorm = dout * gain
demb = rstd * (dnorm - dnorm.mean(1, keepdims=True) - norm * (dnorm * norm).mean(1, keepdims=True))
    demb = rstd * (dnorm - dnorm.mean(1, keepdims=True))
    demb = rstd * (dnorm - norm * (dnorm * norm).mean(1, keepdims=True))
    demb = rstd * (dnorm - dnorm.mean(0, keepdims=True) - norm * (dnorm * norm).mean(0, keepdims=True))
    demb = rstd * (dnorm - dnorm.sum(1, keepdims=True) - norm * (dnorm * norm).sum(1, keepdims=True))
    demb = rstd * (dnorm - dnorm.mean(1, keepdims=True) - (dnorm * norm).mean(1, keepdims=True))
    demb = dnorm - dnorm.mean(1, keepdims=True) - norm * (dnorm * norm).mean(1, keepdims=True)
    demb = rstd * (dout - dout.mean(1, keepdims=True) - norm * (dout * norm).mean(1, keepdims=True))
ddrop = dout * mask / (1 - p)
    ddrop = dout / (1 - p)
    ddrop = dout * mask
    ddrop = dout * mask * (1 - p)
    ddrop = dout * mask / p
    ddrop = dout * mask / 1 - p
np.add.at(dC, ix, demb)
    dC[ix] += demb
    dC[ix] = demb
    np.add.at(dC, ix, dnorm)
dtable = np.zeros_like(C)
    dtable = np.ones_like(C)
    dtable = np.zeros_like(emb)
"""),
    Course("convolution by im2col", """
N, Cin, H, W, F, HH, WW = 2, 3, 4, 4, 2, 3, 3
x, w, b = r.normal(size=(N, Cin, H, W)), r.normal(size=(F, Cin, HH, WW)), r.normal(size=F)
pad = 1
cols = r.normal(size=(Cin * HH * WW, N * H * W))
dout = r.normal(size=(N, F, H, W))
xp = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
dxp = np.zeros_like(xp)
n, f, i, j = 1, 0, 2, 1
""", """
db = dout.sum(axis=(0, 2, 3))
    db = dout.sum(axis=(0, 1, 2))
    db = dout.sum(axis=0)
    db = dout.sum(axis=(2, 3))
    db = dout.mean(axis=(0, 2, 3))
    db = dout.sum()
flat = dout.transpose(1, 0, 2, 3).reshape(F, -1)
    flat = dout.reshape(F, -1)
    flat = dout.transpose(0, 1, 2, 3).reshape(F, -1)
    flat = dout.transpose(1, 2, 3, 0).reshape(F, -1)
dw = (flat @ cols.T).reshape(w.shape)
    dw = (flat @ cols.T).reshape(x.shape)
    dw = (cols @ flat.T).reshape(w.shape)
dcols = w.reshape(F, -1).T @ flat
    dcols = w.reshape(-1, F) @ flat
    dcols = w.reshape(F, -1) @ flat
dxp[n, :, i:i + HH, j:j + WW] += w[f] * dout[n, f, i, j]
    dxp[n, :, i:i + HH, j:j + WW] = w[f] * dout[n, f, i, j]
    dxp[n, :, i:i + HH, j:j + WW] += w[f] * dout[n, f, j, i]
    dxp[n, :, i:i + HH, j:j + WW] += w[n] * dout[n, f, i, j]
    dxp[f, :, i:i + HH, j:j + WW] += w[f] * dout[n, f, i, j]
dx = dxp[:, :, pad:-pad, pad:-pad]
    dx = dxp[:, :, pad:, pad:-pad]
    dx = dxp[:, :, :-pad, :-pad]
dpool = np.where(x == x.max(axis=(2, 3), keepdims=True), dout.mean(), 0)
    dpool = np.where(x == x.max(axis=(2, 3), keepdims=True), 0, dout.mean())
    dpool = np.where(x == x.max(axis=(2, 3)), dout.mean(), 0)
    dpool = np.where(x != x.max(axis=(2, 3), keepdims=True), dout.mean(), 0)
    dpool = np.where(x == x.min(axis=(2, 3), keepdims=True), dout.mean(), 0)
"""),
    Course("layers in lists and an object", """
class Net: pass
self = Net()
sizes = [4, 5, 3]
self.weights = [r.normal(size=s) for s in [(4, 5), (5, 5), (5, 3)]]
self.a = [r.normal(size=(6, 4)), sigmoid(r.normal(size=(6, 5))), sigmoid(r.normal(size=(6, 5)))]
self.z = [None, r.normal(size=(6, 5)), r.normal(size=(6, 5)), r.normal(size=(6, 3))]
self.out = sigmoid(self.z[3])
self.lr = 0.1
y = r.random((6, 3))
deltas = [None, None, r.normal(size=(6, 5)), self.out - y]
nabla_w = [np.zeros((4, 5)), np.zeros((5, 5)), np.zeros((5, 3))]
l = 1
""", """
error = self.out - y
    error = y - self.out
    error = self.z[-1] - y
delta = error * sigmoid_prime(self.z[-1])
    delta = error * sigmoid_prime(self.out)
    delta = error * sigmoid(self.z[-1])
    delta = error
    delta = error * self.z[-1]
    delta = error * sigmoid_prime(self.z[-2])
    delta = sigmoid_prime(self.z[-1])
    delta = np.dot(error, sigmoid_prime(self.z[-1]).T)
deltas[l] = deltas[l + 1] @ self.weights[l].T * sigmoid_prime(self.z[l])
    deltas[l] = deltas[l + 1] @ self.weights[l + 1].T * sigmoid_prime(self.z[l])
    deltas[l] = deltas[l + 1] @ self.weights[l] * sigmoid_prime(self.z[l])
    deltas[l] = deltas[l + 1] @ self.weights[l].T * sigmoid_prime(self.z[l + 1])
    deltas[l] = deltas[l + 1] @ self.weights[l].T * sigmoid_prime(self.a[l])
    deltas[l] = deltas[l + 1] @ self.weights[l].T
    deltas[l] = delta @ self.weights[l].T * sigmoid_prime(self.z[l])
    deltas[l] = deltas[l + 2] @ self.weights[l].T * sigmoid_prime(self.z[l])
nabla_w[l] += self.a[l].T @ deltas[l + 1]
    nabla_w[l] = self.a[l].T @ deltas[l]
    nabla_w[l] += self.a[l].T @ deltas[l]
    nabla_w[l] += self.a[l - 1].T @ deltas[l + 1]
    nabla_w[l] = self.a[l].T @ deltas[l + 1]
    nabla_w[l] += self.z[l].T @ deltas[l + 1]
    nabla_w[l] += self.a[l] @ deltas[l + 1]
    nabla_w[l - 1] += self.a[l].T @ deltas[l + 1]
self.weights[l] -= self.lr * nabla_w[l]
    self.weights[l] += self.lr * nabla_w[l]
    self.weights[l] -= nabla_w[l]
    self.weights[l] = self.lr * nabla_w[l]
    self.weights[l] -= self.lr * nabla_w[l - 1]
"""),
    Course("losses and scalars", """
y, t, w = r.random(6), r.random(6), r.normal(size=(6,))
n = 6
""", """
dy = 2 * (y - t) / n
    dy = (y - t) / n
    dy = 2 * (y - t)
    dy = 2 * (t - y) / n
    dy = -2 * (y - t) / n
    dy = 2 * y - t / n
    dy = 2 * (y - t) * n
    dy = 2 * (y - t) ** 2 / n
dbce = (y - t) / (y * (1 - y))
    dbce = (y - t) / y * (1 - y)
    dbce = (y - t) / (y - y ** 3)
    dbce = (y - t) * y * (1 - y)
    dbce = y - t
    dbce = (y - t) / (t * (1 - t))
    dbce = (t - y) / (y * (1 - y))
    dbce = (y - t) / (1 - y)
dlog = -t / y + (1 - t) / (1 - y)
    dlog = -t / y - (1 - t) / (1 - y)
    dlog = t / y + (1 - t) / (1 - y)
    dlog = -t / y + (1 - t) / y
    dlog = -t / y
    dlog = -y / t + (1 - t) / (1 - y)
    dlog = -t / y + (1 - y) / (1 - t)
dsin = np.cos(w)
    dsin = np.sin(w)
    dsin = -np.cos(w)
dexp = np.exp(w) * dy
    dexp = np.exp(dy) * w
    dexp = w * dy
dcube = 3 * w ** 2
    dcube = 3 * w
    dcube = 3 * w ** 3
    dcube = 2 * w ** 3
    dcube = w ** 2
dabs = np.sign(w) * dy
    dabs = np.abs(w) * dy
    dabs = dy
dsqrt = 0.5 / np.sqrt(y) * dy
    dsqrt = 0.5 * np.sqrt(y) * dy
    dsqrt = 1 / np.sqrt(y) * dy
    dsqrt = 0.5 / y * dy
dhinge = np.where(1 - t * y > 0, -t, 0) / n
    dhinge = np.where(1 - t * y > 0, t, 0) / n
    dhinge = np.where(1 - t * y < 0, -t, 0) / n
    dhinge = np.where(1 - t * y > 0, -t, 0)
    dhinge = np.where(1 + t * y > 0, -t, 0) / n
    dhinge = np.where(t * y > 0, -t, 0) / n
da, db = dy * t, dy * y
    da, db = dy * y, dy * t
    db, da = dy * t, dy * y
dnorm = w / np.sqrt(np.sum(w ** 2))
    dnorm = w / np.sum(w ** 2)
    dnorm = w / np.sqrt(np.sum(w))
    dnorm = 2 * w / np.sqrt(np.sum(w ** 2))
    dnorm = w / np.sqrt(np.sum(w) ** 2)
"""),
]  # fmt: skip
