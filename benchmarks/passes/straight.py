"""Networks in one function each, line after line.

A pass returns all its gradients, named after the local variables of the loss, a line for each.
``# backward`` says where the derivation begins.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from passes.network import Function


def sigmoid(z: Any) -> Any:
    return 1 / (1 + np.exp(-z))


def textbook(X: Any, T: Any) -> tuple[Function, ...]:
    """Two sigmoid layers and ½Σ(t − o)², with out·(1 − out)."""

    def loss(W1, b1, W2, b2):
        z1 = X @ W1 + b1
        a1 = sigmoid(z1)
        z2 = a1 @ W2 + b2
        out = sigmoid(z2)
        return np.sum((T - out) ** 2) / 2

    def manual(W1, b1, W2, b2):
        a1 = sigmoid(X @ W1 + b1)
        out = sigmoid(a1 @ W2 + b2)
        # backward
        dout = out - T
        dz2 = dout * out * (1 - out)
        dW2 = a1.T @ dz2
        db2 = dz2.sum(axis=0)
        da1 = dz2 @ W2.T
        dz1 = da1 * a1 * (1 - a1)
        dW1 = X.T @ dz1
        db1 = dz1.sum(axis=0)
        return {"out": dout, "z2": dz2, "W2": dW2, "b2": db2,
                "a1": da1, "z1": dz1, "W1": dW1, "b1": db1}  # fmt: skip

    def other(W1, b1, W2, b2):
        a1 = (1 + np.tanh((X @ W1 + b1) / 2)) / 2
        out = (1 + np.tanh((a1 @ W2 + b2) / 2)) / 2
        dz2 = (out - T) * (out - out**2)
        dz1 = np.einsum("nk,hk->nh", dz2, W2) * (0.25 - (a1 - 0.5) ** 2)
        return {"z2": dz2, "W2": np.einsum("nh,nk->hk", a1, dz2), "b2": dz2[::-1].sum(axis=0),
                "z1": dz1, "W1": np.einsum("nd,nh->dh", X, dz1),
                "b1": np.ones(len(X)) @ dz1}  # fmt: skip

    return loss, manual, other


def tanh_regression(X: Any, T: Any) -> tuple[Function, ...]:
    """Two tanh layers, a linear output, mean squared error, and L2 on the weights."""
    N, K = T.shape
    decay = 0.1

    def loss(W1, b1, W2, b2, W3, b3):
        z1 = X @ W1 + b1
        a1 = np.tanh(z1)
        z2 = a1 @ W2 + b2
        a2 = np.tanh(z2)
        y = a2 @ W3 + b3
        error = np.mean((y - T) ** 2)
        return error + decay / 2 * (np.sum(W1**2) + np.sum(W2**2) + np.sum(W3**2))

    def manual(W1, b1, W2, b2, W3, b3):
        z1 = X @ W1 + b1
        a1 = np.tanh(z1)
        z2 = a1 @ W2 + b2
        a2 = np.tanh(z2)
        y = a2 @ W3 + b3
        # backward
        dy = 2 * (y - T) / (N * K)
        dW3 = a2.T @ dy + decay * W3
        db3 = np.sum(dy, axis=0)
        da2 = dy @ W3.T
        dz2 = da2 * (1 - a2**2)
        dW2 = a1.T @ dz2 + decay * W2
        db2 = np.sum(dz2, axis=0)
        da1 = dz2 @ W2.T
        dz1 = da1 * (1 - np.tanh(z1) ** 2)
        dW1 = X.T @ dz1 + decay * W1
        db1 = np.sum(dz1, axis=0)
        return {"y": dy, "W3": dW3, "b3": db3, "a2": da2, "z2": dz2, "W2": dW2, "b2": db2,
                "a1": da1, "z1": dz1, "W1": dW1, "b1": db1}  # fmt: skip

    def other(W1, b1, W2, b2, W3, b3):
        a1 = np.tanh(X @ W1 + b1)
        a2 = np.tanh(a1 @ W2 + b2)
        dy = (a2 @ W3 + (b3 - T)) * (2 / T.size)
        dz2 = (dy @ W3.T) / np.cosh(a1 @ W2 + b2) ** 2
        dz1 = (dz2 @ W2.T) * (1 - a1) * (1 + a1)
        return {"W3": (dy.T @ a2).T + W3 * decay, "b3": dy.sum(0), "z2": dz2,
                "W2": (dz2.T @ a1).T + W2 * decay, "b2": dz2.sum(0), "z1": dz1,
                "W1": (dz1.T @ X).T + W1 * decay, "b1": dz1.sum(0)}  # fmt: skip

    return loss, manual, other


def relu_classifier(X: Any, T: Any) -> tuple[Function, ...]:
    """Two ReLU layers, softmax, and the mean cross-entropy: dz = (p − t)/N."""
    N, K = T.shape  # noqa: RUF059

    def loss(W1, b1, W2, b2, W3, b3):
        z1 = X @ W1 + b1
        a1 = np.maximum(z1, 0)
        z2 = a1 @ W2 + b2
        a2 = np.maximum(z2, 0)
        z3 = a2 @ W3 + b3
        e = np.exp(z3)
        p = e / np.sum(e, axis=1, keepdims=True)
        return -np.sum(T * np.log(p)) / N

    def manual(W1, b1, W2, b2, W3, b3):
        z1 = X @ W1 + b1
        a1 = np.maximum(z1, 0)
        z2 = a1 @ W2 + b2
        a2 = np.maximum(z2, 0)
        e = np.exp(a2 @ W3 + b3)
        p = e / e.sum(axis=1, keepdims=True)
        # backward
        dz3 = (p - T) / N
        dW3 = a2.T @ dz3
        db3 = dz3.sum(axis=0)
        da2 = dz3 @ W3.T
        dz2 = da2 * (z2 > 0)
        dW2 = a1.T @ dz2
        db2 = dz2.sum(axis=0)
        da1 = dz2 @ W2.T
        dz1 = da1 * (z1 > 0)
        dW1 = X.T @ dz1
        db1 = dz1.sum(axis=0)
        return {"z3": dz3, "W3": dW3, "b3": db3, "a2": da2, "z2": dz2, "W2": dW2, "b2": db2,
                "a1": da1, "z1": dz1, "W1": dW1, "b1": db1}  # fmt: skip

    def other(W1, b1, W2, b2, W3, b3):
        a1 = (X @ W1 + b1).clip(0)
        a2 = (a1 @ W2 + b2).clip(0)
        z3 = a2 @ W3 + b3
        e = np.exp(z3 - z3.max(axis=1, keepdims=True))
        dp = -T / (e / e.sum(axis=1, keepdims=True)) / N
        p = e / e.sum(axis=1, keepdims=True)
        dz3 = p * (dp - (dp * p).sum(axis=1, keepdims=True))
        dz2 = dz3 @ W3.T
        dz2[a2 <= 0] = 0
        dz1 = np.where(a1 > 0, dz2 @ W2.T, 0)
        return {"z3": dz3, "W3": a2.T @ dz3, "b3": dz3.sum(0), "z2": dz2, "W2": a1.T @ dz2,
                "b2": dz2.sum(0), "z1": dz1, "W1": X.T @ dz1, "b1": dz1.sum(0)}  # fmt: skip

    return loss, manual, other


def binary_classifier(X: Any, y: Any) -> tuple[Function, ...]:
    """A tanh layer, one sigmoid output, and the mean binary cross-entropy, averaged at the end."""
    N = y.shape[0]

    def loss(W1, b1, W2, b2):
        z1 = X @ W1 + b1
        a1 = np.tanh(z1)
        z2 = a1 @ W2 + b2
        p = sigmoid(z2)
        return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))

    def manual(W1, b1, W2, b2):
        z1 = X @ W1 + b1
        a1 = np.tanh(z1)
        p = sigmoid(a1 @ W2 + b2)
        # backward
        dp = (p - y) / (p * (1 - p)) / N
        dz2 = dp * p * (1 - p)
        dW2 = a1.T @ dz2
        db2 = np.sum(dz2, axis=0, keepdims=True)
        da1 = dz2 @ W2.T
        dz1 = da1 * (1 - a1**2)
        dW1 = X.T @ dz1
        db1 = np.sum(dz1, axis=0, keepdims=True)
        return {"p": dp, "z2": dz2, "W2": dW2, "b2": db2, "a1": da1, "z1": dz1,
                "W1": dW1, "b1": db1}  # fmt: skip

    def other(W1, b1, W2, b2):
        a1 = np.tanh(X @ W1 + b1)
        p = sigmoid(a1 @ W2 + b2)
        dz2 = p - y
        dz1 = np.outer(dz2, W2) * (1 - a1 * a1)
        return {"W2": a1.T @ dz2 / N, "b2": dz2.mean(axis=0)[None], "W1": X.T @ dz1 / N,
                "b1": dz1.mean(axis=0)[None]}  # fmt: skip

    return loss, manual, other


def batch_normalised(X: Any, T: Any) -> tuple[Function, ...]:
    """Batch normalisation before a tanh, softmax and mean cross-entropy; every intermediate."""
    N, K = T.shape  # noqa: RUF059

    def loss(W1, gamma, beta, W2, b2):
        z = X @ W1
        mean = np.sum(z, axis=0, keepdims=True) / N
        centred = z - mean
        squared = centred**2
        var = np.sum(squared, axis=0, keepdims=True) / N
        inverse = (var + 1e-5) ** -0.5
        normed = centred * inverse
        scaled = gamma * normed + beta
        h = np.tanh(scaled)
        logits = h @ W2 + b2
        e = np.exp(logits)
        p = e / np.sum(e, axis=1, keepdims=True)
        logp = np.log(p)
        return -np.sum(T * logp) / N

    def manual(W1, gamma, beta, W2, b2):
        z = X @ W1
        centred = z - z.mean(axis=0, keepdims=True)
        var = (centred**2).mean(axis=0, keepdims=True)
        inverse = (var + 1e-5) ** -0.5
        normed = centred * inverse
        h = np.tanh(gamma * normed + beta)
        e = np.exp(h @ W2 + b2)
        p = e / e.sum(axis=1, keepdims=True)
        # backward
        dlogp = -T / N
        dlogits = dlogp - p * dlogp.sum(axis=1, keepdims=True)
        dW2 = h.T @ dlogits
        db2 = dlogits.sum(axis=0)
        dh = dlogits @ W2.T
        dscaled = dh * (1 - h**2)
        dgamma = (dscaled * normed).sum(axis=0)
        dbeta = dscaled.sum(axis=0)
        dnormed = dscaled * gamma
        dcentred = dnormed * inverse
        dinverse = (dnormed * centred).sum(axis=0, keepdims=True)
        dvar = dinverse * -0.5 * (var + 1e-5) ** -1.5
        dsquared = dvar * np.ones_like(z) / N
        dcentred += 2 * centred * dsquared
        dmean = -dcentred.sum(axis=0, keepdims=True)
        dz = dcentred + dmean / N
        dW1 = X.T @ dz
        return {"logp": dlogp, "logits": dlogits, "W2": dW2, "b2": db2, "h": dh,
                "scaled": dscaled, "gamma": dgamma, "beta": dbeta, "normed": dnormed,
                "inverse": dinverse, "var": dvar, "squared": dsquared, "centred": dcentred,
                "mean": dmean, "z": dz, "W1": dW1}  # fmt: skip

    def other(W1, gamma, beta, W2, b2):
        z = X @ W1
        inverse = 1 / np.sqrt(z.var(axis=0) + 1e-5)
        normed = (z - z.mean(axis=0)) * inverse
        h = np.tanh(gamma * normed + beta)
        e = np.exp(h @ W2 + b2)
        dlogits = (e / e.sum(axis=1, keepdims=True) - T) / N
        dy = (dlogits @ W2.T) * (1 - h * h)
        dz = gamma * inverse / N * (N * dy - dy.sum(0) - normed * (dy * normed).sum(0))
        return {"W2": h.T @ dlogits, "b2": dlogits.sum(0), "gamma": (dy * normed).sum(0),
                "beta": dy.sum(0), "z": dz, "W1": X.T @ dz}  # fmt: skip

    return loss, manual, other


def recurrent(x1: Any, x2: Any, x3: Any, T: Any) -> tuple[Function, ...]:
    """A tanh recurrent network over three steps, ½Σ(t − y)² of the last output, by hand in time."""

    def loss(Wx, Wh, b, Wy, by):
        z1 = x1 @ Wx + b
        h1 = np.tanh(z1)
        z2 = x2 @ Wx + h1 @ Wh + b
        h2 = np.tanh(z2)
        z3 = x3 @ Wx + h2 @ Wh + b
        h3 = np.tanh(z3)
        y = h3 @ Wy + by
        return np.sum((T - y) ** 2) / 2

    def manual(Wx, Wh, b, Wy, by):
        h1 = np.tanh(x1 @ Wx + b)
        h2 = np.tanh(x2 @ Wx + h1 @ Wh + b)
        h3 = np.tanh(x3 @ Wx + h2 @ Wh + b)
        y = h3 @ Wy + by
        # backward
        dy = y - T
        dWy = h3.T @ dy
        dby = dy.sum(axis=0)
        dh3 = dy @ Wy.T
        dz3 = dh3 * (1 - h3**2)
        dh2 = dz3 @ Wh.T
        dz2 = dh2 * (1 - h2**2)
        dh1 = dz2 @ Wh.T
        dz1 = dh1 * (1 - h1**2)
        dWh = h2.T @ dz3 + h1.T @ dz2
        dWx = x3.T @ dz3 + x2.T @ dz2 + x1.T @ dz1
        db = dz3.sum(axis=0) + dz2.sum(axis=0) + dz1.sum(axis=0)
        return {"y": dy, "Wy": dWy, "by": dby, "h3": dh3, "z3": dz3, "h2": dh2, "z2": dz2,
                "h1": dh1, "z1": dz1, "Wh": dWh, "Wx": dWx, "b": db}  # fmt: skip

    def other(Wx, Wh, b, Wy, by):
        states = [np.zeros((len(x1), len(Wh)), T.dtype)]
        for x in (x1, x2, x3):
            states.append(np.tanh(x @ Wx + states[-1] @ Wh + b))
        dy = states[-1] @ Wy + by - T
        dWx, dWh, db = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)
        dh = dy @ Wy.T
        for x, before, h in zip((x3, x2, x1), states[2::-1], states[:0:-1], strict=True):
            dz = (1 - h * h) * dh
            dWx += x.T @ dz
            dWh += before.T @ dz
            db += dz.sum(axis=0)
            dh = dz @ Wh.T
        return {"Wy": states[-1].T @ dy, "by": dy.sum(0), "Wx": dWx, "Wh": dWh, "b": db}

    return loss, manual, other


def gated(x: Any, h0: Any, T: Any) -> tuple[Function, ...]:
    """One step of a gated recurrent unit and the mean squared error of its state."""
    N, K = T.shape

    def loss(Wr, Ur, Wu, Uu, Wc, Uc):
        zr = x @ Wr + h0 @ Ur
        r = sigmoid(zr)
        zu = x @ Wu + h0 @ Uu
        u = sigmoid(zu)
        q = r * h0
        zc = x @ Wc + q @ Uc
        c = np.tanh(zc)
        h = u * h0 + (1 - u) * c
        return np.mean((h - T) ** 2)

    def manual(Wr, Ur, Wu, Uu, Wc, Uc):
        r = sigmoid(x @ Wr + h0 @ Ur)
        u = sigmoid(x @ Wu + h0 @ Uu)
        q = r * h0
        c = np.tanh(x @ Wc + q @ Uc)
        h = u * h0 + (1 - u) * c
        # backward
        dh = 2 * (h - T) / (N * K)
        dc = dh * (1 - u)
        dzc = dc * (1 - c**2)
        dWc = x.T @ dzc
        dUc = q.T @ dzc
        dq = dzc @ Uc.T
        du = dh * (h0 - c)
        dzu = du * u * (1 - u)
        dWu = x.T @ dzu
        dUu = h0.T @ dzu
        dr = dq * h0
        dzr = dr * r * (1 - r)
        dWr = x.T @ dzr
        dUr = h0.T @ dzr
        return {"h": dh, "c": dc, "zc": dzc, "Wc": dWc, "Uc": dUc, "q": dq, "u": du, "zu": dzu,
                "Wu": dWu, "Uu": dUu, "r": dr, "zr": dzr, "Wr": dWr, "Ur": dUr}  # fmt: skip

    return loss, manual


def attention(X: Any, T: Any) -> tuple[Function, ...]:
    """One head of self-attention, an output matrix, and ½Σ(t − y)²."""

    def loss(Wq, Wk, Wv, Wo):
        Q = X @ Wq
        K = X @ Wk
        V = X @ Wv
        S = Q @ K.T / Wq.shape[1] ** 0.5
        E = np.exp(S)
        A = E / np.sum(E, axis=1, keepdims=True)
        O = A @ V
        Y = O @ Wo
        return np.sum((T - Y) ** 2) / 2

    def manual(Wq, Wk, Wv, Wo):
        Q = X @ Wq
        K = X @ Wk
        V = X @ Wv
        root = Wq.shape[1] ** 0.5
        E = np.exp(Q @ K.T / root)
        A = E / E.sum(axis=1, keepdims=True)
        O = A @ V
        # backward
        dY = O @ Wo - T
        dWo = O.T @ dY
        dO = dY @ Wo.T
        dV = A.T @ dO
        dA = dO @ V.T
        dS = A * (dA - (dA * A).sum(axis=1, keepdims=True))
        dQ = dS @ K / root
        dK = dS.T @ Q / root
        dWq = X.T @ dQ
        dWk = X.T @ dK
        dWv = X.T @ dV
        return {"Y": dY, "Wo": dWo, "O": dO, "V": dV, "A": dA, "S": dS, "Q": dQ, "K": dK,
                "Wq": dWq, "Wk": dWk, "Wv": dWv}  # fmt: skip

    def other(Wq, Wk, Wv, Wo):
        root = Wq.shape[1] ** 0.5
        S = (X @ Wq) @ (X @ Wk).T / root
        E = np.exp(S - S.max(axis=1, keepdims=True))
        A = E / E.sum(axis=1, keepdims=True)
        dY = A @ X @ Wv @ Wo - T
        dA = dY @ Wo.T @ (X @ Wv).T
        dS = np.array([(np.diag(a) - np.outer(a, a)) @ d for a, d in zip(A, dA, strict=True)])
        return {"Wo": (A @ X @ Wv).T @ dY, "Wv": X.T @ A.T @ dY @ Wo.T, "S": dS,
                "Wq": X.T @ (dS @ (X @ Wk)) / root,
                "Wk": X.T @ (dS.T @ (X @ Wq)) / root}  # fmt: skip

    return loss, manual, other


def layer_normalised(X: Any, T: Any) -> tuple[Function, ...]:
    """A ReLU layer, layer normalisation in one line, and the mean squared error."""
    N, K = T.shape

    def loss(W1, b1, gain, shift, W2):
        z = X @ W1 + b1
        a = np.maximum(z, 0)
        centred = a - np.mean(a, axis=1, keepdims=True)
        s = 1 / np.sqrt(np.mean(centred**2, axis=1, keepdims=True) + 1e-3)
        normed = centred * s
        y = gain * normed + shift
        o = y @ W2
        return np.mean((o - T) ** 2)

    def manual(W1, b1, gain, shift, W2):
        z = X @ W1 + b1
        a = np.maximum(z, 0)
        centred = a - a.mean(axis=1, keepdims=True)
        s = 1 / np.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-3)
        normed = centred * s
        y = gain * normed + shift
        # backward
        do = (y @ W2 - T) * 2 / (N * K)
        dW2 = y.T @ do
        dy = do @ W2.T
        dgain = np.sum(dy * normed, axis=0)
        dshift = np.sum(dy, axis=0)
        dn = dy * gain
        mean = dn.mean(axis=1, keepdims=True)
        da = s * (dn - mean - normed * (dn * normed).mean(axis=1, keepdims=True))
        dz = da * (z > 0)
        dW1 = X.T @ dz
        db1 = np.sum(dz, axis=0)
        return {"o": do, "W2": dW2, "y": dy, "gain": dgain, "shift": dshift, "normed": dn,
                "a": da, "z": dz, "W1": dW1, "b1": db1}  # fmt: skip

    return loss, manual
