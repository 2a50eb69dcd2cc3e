"""Sequences by hand: loops over time steps, embeddings, attention with a causal mask.

``# backward`` says where in a function the derivation begins.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from passes.network import Function


def sigmoid(z: Any) -> Any:
    return 1 / (1 + np.exp(-z))


def character_rnn(ids: Any, targets: Any) -> tuple[Function, ...]:
    """A character-level recurrent network, column vectors, gradients added up over the steps."""

    def loss(Wxh, Whh, Why, bh, by):
        h = np.zeros((len(bh), 1))
        total = 0.0
        for t in range(len(ids)):
            x = np.zeros((Wxh.shape[1], 1))
            x[ids[t]] = 1
            h = np.tanh(Wxh @ x + Whh @ h + bh)
            y = Why @ h + by
            p = np.exp(y) / np.sum(np.exp(y))
            total = total - np.log(p[targets[t], 0])
        return total

    def manual(Wxh, Whh, Why, bh, by):
        xs, hs, ps = {}, {-1: np.zeros_like(bh)}, {}
        for t in range(len(ids)):
            xs[t] = np.zeros((Wxh.shape[1], 1))
            xs[t][ids[t]] = 1
            hs[t] = np.tanh(Wxh @ xs[t] + Whh @ hs[t - 1] + bh)
            y = Why @ hs[t] + by
            ps[t] = np.exp(y) / np.sum(np.exp(y))
        # backward
        dWxh, dWhh, dWhy = np.zeros_like(Wxh), np.zeros_like(Whh), np.zeros_like(Why)
        dbh, dby = np.zeros_like(bh), np.zeros_like(by)
        dhnext = np.zeros_like(bh)
        for t in reversed(range(len(ids))):
            dy = np.copy(ps[t])
            dy[targets[t]] -= 1
            dWhy += dy @ hs[t].T
            dby += dy
            dh = Why.T @ dy + dhnext
            dhraw = (1 - hs[t] * hs[t]) * dh
            dbh += dhraw
            dWxh += dhraw @ xs[t].T
            dWhh += dhraw @ hs[t - 1].T
            dhnext = Whh.T @ dhraw
        return {"Wxh": dWxh, "Whh": dWhh, "Why": dWhy, "bh": dbh, "by": dby}

    return loss, manual


def gru(X: Any, T: Any) -> tuple[Function, ...]:
    """A gated recurrent unit over the steps of X, (steps, examples, features)."""
    S, N, D = X.shape  # noqa: RUF059
    K = T.shape[1]

    def loss(Wr, Ur, br, Wu, Uu, bu, Wc, Uc, bc, Wy):
        h = np.zeros((N, len(br)))
        for x in X:
            r = sigmoid(x @ Wr + h @ Ur + br)
            u = sigmoid(x @ Wu + h @ Uu + bu)
            c = np.tanh(x @ Wc + (r * h) @ Uc + bc)
            h = u * h + (1 - u) * c
        y = h @ Wy
        return np.mean((y - T) ** 2)

    def manual(Wr, Ur, br, Wu, Uu, bu, Wc, Uc, bc, Wy):
        h = np.zeros((N, len(br)))
        steps = []
        for x in X:
            r = sigmoid(x @ Wr + h @ Ur + br)
            u = sigmoid(x @ Wu + h @ Uu + bu)
            c = np.tanh(x @ Wc + (r * h) @ Uc + bc)
            steps.append((x, h, r, u, c))
            h = u * h + (1 - u) * c
        y = h @ Wy
        # backward
        dWr, dUr, dbr = np.zeros_like(Wr), np.zeros_like(Ur), np.zeros_like(br)
        dWu, dUu, dbu = np.zeros_like(Wu), np.zeros_like(Uu), np.zeros_like(bu)
        dWc, dUc, dbc = np.zeros_like(Wc), np.zeros_like(Uc), np.zeros_like(bc)
        dy = 2 * (y - T) / (N * K)
        dWy = h.T @ dy
        dh = dy @ Wy.T
        for x, before, r, u, c in reversed(steps):
            dc = dh * (1 - u)
            dzc = dc * (1 - c**2)
            dWc += x.T @ dzc
            dUc += (r * before).T @ dzc
            dbc += dzc.sum(axis=0)
            drh = dzc @ Uc.T
            du = dh * (before - c)
            dzu = du * u * (1 - u)
            dWu += x.T @ dzu
            dUu += before.T @ dzu
            dbu += dzu.sum(axis=0)
            dr = drh * before
            dzr = dr * r * (1 - r)
            dWr += x.T @ dzr
            dUr += before.T @ dzr
            dbr += dzr.sum(axis=0)
            dh = dh * u + drh * r + dzu @ Uu.T + dzr @ Ur.T
        return {"y": dy, "Wr": dWr, "Ur": dUr, "br": dbr, "Wu": dWu, "Uu": dUu, "bu": dbu,
                "Wc": dWc, "Uc": dUc, "bc": dbc, "Wy": dWy}  # fmt: skip

    return loss, manual


class LSTM:
    """A long short-term memory over the steps of X; the gates i, f, o, g side by side."""

    def __init__(self, X, T):
        self.X, self.T = X, T

    def forward(self, Wx, Wh, b, Wy, by):
        H = Wh.shape[0]
        h, c = np.zeros((self.X.shape[1], H)), np.zeros((self.X.shape[1], H))
        self.cache = []
        for x in self.X:
            z = x @ Wx + h @ Wh + b
            i = sigmoid(z[:, :H])
            f = sigmoid(z[:, H : 2 * H])
            o = sigmoid(z[:, 2 * H : 3 * H])
            g = np.tanh(z[:, 3 * H :])
            c_next = f * c + i * g
            self.cache.append((x, h, c, i, f, o, g, c_next))
            c = c_next
            h = o * np.tanh(c)
        self.h = h
        return h @ Wy + by

    def loss(self, Wx, Wh, b, Wy, by):
        y = self.forward(Wx, Wh, b, Wy, by)
        return np.sum((y - self.T) ** 2) / 2

    def backward(self, Wx, Wh, b, Wy, by):
        y = self.forward(Wx, Wh, b, Wy, by)
        # backward
        self.dWx, self.dWh, self.db = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)
        dy = y - self.T
        self.dWy = self.h.T @ dy
        self.dby = dy.sum(axis=0)
        dh = dy @ Wy.T
        dc = np.zeros_like(dh)
        for step in reversed(self.cache):
            dh, dc = self.step_backward(dh, dc, step, Wh)
        return {"Wx": self.dWx, "Wh": self.dWh, "b": self.db, "Wy": self.dWy, "by": self.dby}

    def step_backward(self, dh_next, dc_next, step, Wh):
        x, h, c, i, f, o, g, c_next = step
        # backward
        tanh_c = np.tanh(c_next)
        do = dh_next * tanh_c
        dc = dc_next + dh_next * o * (1 - tanh_c**2)
        df = dc * c
        di = dc * g
        dg = dc * i
        dzi = di * i * (1 - i)
        dzf = df * f * (1 - f)
        dzo = do * o * (1 - o)
        dzg = dg * (1 - g**2)
        dz = np.hstack((dzi, dzf, dzo, dzg))
        self.dWx += x.T @ dz
        self.dWh += h.T @ dz
        self.db += dz.sum(axis=0)
        dh_before = dz @ Wh.T
        dc_before = dc * f
        return dh_before, dc_before


def lstm(X: Any, T: Any) -> tuple[Function, ...]:
    """A class whose methods are the loss and the backward pass."""
    net = LSTM(X, T)
    return net.loss, net.backward


def causal_attention(X: Any, T: Any) -> tuple[Function, ...]:
    """One head of self-attention over (examples, steps, features) that sees no later step."""
    N, S, D = X.shape  # noqa: RUF059
    K = T.shape[2]
    mask = np.tril(np.ones((S, S), dtype=bool))

    def loss(Wq, Wk, Wv, Wo, bo):
        q = X @ Wq
        k = X @ Wk
        v = X @ Wv
        scores = q @ k.transpose(0, 2, 1) / np.sqrt(Wq.shape[1])
        masked = np.where(mask, scores, -1e9)
        e = np.exp(masked)
        weights = e / np.sum(e, axis=2, keepdims=True)
        mixed = weights @ v
        out = mixed @ Wo + bo
        return np.sum((out - T) ** 2) / N

    def manual(Wq, Wk, Wv, Wo, bo):
        d = Wq.shape[1]
        q = X @ Wq
        k = X @ Wk
        v = X @ Wv
        scores = q @ k.transpose(0, 2, 1) / np.sqrt(d)
        e = np.where(mask, np.exp(scores), 0)
        weights = e / e.sum(axis=2, keepdims=True)
        mixed = weights @ v
        out = mixed @ Wo + bo
        # backward
        dout = 2 * (out - T) / N
        dWo = mixed.reshape(N * S, -1).T @ dout.reshape(N * S, K)
        dbo = dout.sum(axis=(0, 1))
        dmixed = dout @ Wo.T
        dweights = dmixed @ v.transpose(0, 2, 1)
        dv = weights.transpose(0, 2, 1) @ dmixed
        inner = np.sum(dweights * weights, axis=2, keepdims=True)
        dmasked = weights * (dweights - inner)
        dscores = np.where(mask, dmasked, 0)
        dq = dscores @ k / np.sqrt(d)
        dk = dscores.transpose(0, 2, 1) @ q / np.sqrt(d)
        dWq = np.einsum("nsd,nsh->dh", X, dq)
        dWk = np.einsum("nsd,nsh->dh", X, dk)
        dWv = np.einsum("nsd,nsh->dh", X, dv)
        return {"out": dout, "Wo": dWo, "bo": dbo, "mixed": dmixed, "weights": dweights,
                "v": dv, "masked": dmasked, "scores": dscores, "q": dq, "k": dk,
                "Wq": dWq, "Wk": dWk, "Wv": dWv}  # fmt: skip

    return loss, manual


def embedding(ids: Any, targets: Any) -> tuple[Function, ...]:
    """Words looked up in a table, side by side into a tanh layer, softmax, mean cross-entropy."""
    N, S = ids.shape  # noqa: RUF059
    rows = np.arange(N)

    def loss(C, W1, b1, W2, b2):
        words = C[ids]
        x = words.reshape(N, -1)
        h = np.tanh(x @ W1 + b1)
        logits = h @ W2 + b2
        e = np.exp(logits)
        p = e / np.sum(e, axis=1, keepdims=True)
        return -np.mean(np.log(p[rows, targets]))

    def manual(C, W1, b1, W2, b2):
        words = C[ids]
        x = words.reshape(N, -1)
        h = np.tanh(x @ W1 + b1)
        e = np.exp(h @ W2 + b2)
        p = e / e.sum(axis=1, keepdims=True)
        # backward
        dlogits = p.copy()
        dlogits[rows, targets] -= 1
        dlogits /= N
        dW2 = h.T @ dlogits
        db2 = dlogits.sum(axis=0)
        dh = dlogits @ W2.T
        dz = dh * (1 - h**2)
        dW1 = x.T @ dz
        db1 = dz.sum(axis=0)
        dx = dz @ W1.T
        dwords = dx.reshape(words.shape)
        dC = np.zeros_like(C)
        np.add.at(dC, ids, dwords)
        return {"logits": dlogits, "W2": dW2, "b2": db2, "h": dh, "W1": dW1, "b1": db1,
                "x": dx, "words": dwords, "C": dC}  # fmt: skip

    return loss, manual


def tied_weights(ids: Any, targets: Any) -> tuple[Function, ...]:
    """A language model whose output matrix is the table of its words."""
    N = len(ids)

    def loss(E, W, b):
        x = E[ids]
        h = np.tanh(x @ W + b)
        logits = h @ E.T
        e = np.exp(logits)
        p = e / np.sum(e, axis=1, keepdims=True)
        return -np.sum(np.log(p[np.arange(N), targets])) / N

    def manual(E, W, b):
        x = E[ids]
        h = np.tanh(x @ W + b)
        e = np.exp(h @ E.T)
        p = e / e.sum(axis=1, keepdims=True)
        # backward
        dlogits = (p - np.eye(len(E))[targets]) / N
        dh = dlogits @ E
        dz = dh * (1 - h**2)
        dW = x.T @ dz
        db = dz.sum(axis=0)
        dx = dz @ W.T
        dE = dlogits.T @ h
        np.add.at(dE, ids, dx)
        return {"logits": dlogits, "h": dh, "W": dW, "b": db, "x": dx, "E": dE}

    return loss, manual
