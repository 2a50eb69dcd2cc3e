# ruff: noqa: UP031 (the percent sign is how a well-known course writes it)
"""Layers by hand, in the forms that code has: helper functions, classes, loops over layers.

``# backward`` says where in a function the derivation begins; of a function whose name says
``backward``, ``prime`` or ``gradient`` all lines belong to it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from passes.network import Function


def sigmoid(z: Any) -> Any:
    return 1 / (1 + np.exp(-z))


def sigmoid_prime(z: Any) -> Any:
    s = sigmoid(z)
    return s * (1 - s)


def helper_functions(X: Any, T: Any) -> tuple[Function, ...]:
    """Two sigmoid layers and ½Σ(t − o)²; σ′ and the dense layer are functions."""

    def dense_backward(dz, x, W):
        dW = x.T @ dz
        db = dz.sum(axis=0)
        dx = dz @ W.T
        return dx, dW, db

    def loss(W1, b1, W2, b2):
        z1 = X @ W1 + b1
        a1 = sigmoid(z1)
        z2 = a1 @ W2 + b2
        out = sigmoid(z2)
        return np.sum((T - out) ** 2) / 2

    def manual(W1, b1, W2, b2):
        z1 = X @ W1 + b1
        a1 = sigmoid(z1)
        z2 = a1 @ W2 + b2
        out = sigmoid(z2)
        # backward
        delta2 = (out - T) * sigmoid_prime(z2)
        da1, dW2, db2 = dense_backward(delta2, a1, W2)
        delta1 = da1 * sigmoid_prime(z1)
        _, dW1, db1 = dense_backward(delta1, X, W1)
        return {"z2": delta2, "W2": dW2, "b2": db2, "a1": da1, "z1": delta1, "W1": dW1, "b1": db1}

    return loss, manual


class Net:
    """A sigmoid layer, a softmax, and the mean cross-entropy, with everything kept in self."""

    def __init__(self, params):
        self.W1, self.b1 = params["W1"], params["b1"]
        self.W2, self.b2 = params["W2"], params["b2"]

    def forward(self, X):
        self.X = X
        self.Z1 = X @ self.W1 + self.b1
        self.A1 = sigmoid(self.Z1)
        self.Z2 = self.A1 @ self.W2 + self.b2
        e = np.exp(self.Z2)
        self.P = e / np.sum(e, axis=1, keepdims=True)
        return self.P

    def backward(self, T):
        N = T.shape[0]
        self.dZ2 = (self.P - T) / N
        self.dW2 = self.A1.T @ self.dZ2
        self.db2 = np.sum(self.dZ2, axis=0)
        self.dA1 = self.dZ2 @ self.W2.T
        self.dZ1 = self.dA1 * self.A1 * (1 - self.A1)
        self.dW1 = self.X.T @ self.dZ1
        self.db1 = np.sum(self.dZ1, axis=0)
        return {"W1": self.dW1, "b1": self.db1, "W2": self.dW2, "b2": self.db2}


def class_with_attributes(X: Any, T: Any) -> tuple[Function, ...]:
    """A class is made of the parameters, run forward, and run backward."""

    def loss(**params):
        net = Net(params)
        return -np.sum(T * np.log(net.forward(X))) / len(X)

    def manual(**params):
        net = Net(params)
        net.forward(X)
        return net.backward(T)

    return loss, manual


class Dense:
    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW = self.x.T @ dout
        self.db = dout.sum(axis=0)
        return dout @ self.W.T


class Tanh:
    def forward(self, x):
        self.out = np.tanh(x)
        return self.out

    def backward(self, dout):
        return dout * (1 - self.out**2)


class MeanSquares:
    def __init__(self, target):
        self.target = target

    def forward(self, y):
        self.y = y
        return np.mean((y - self.target) ** 2)

    def backward(self, dout):
        return dout * 2 * (self.y - self.target) / self.y.size


class Sequence:
    def __init__(self, layers, end):
        self.layers, self.end = layers, end

    def forward(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        return self.end.forward(x)

    def backward(self):
        grad = self.end.backward(1.0)
        for layer in reversed(self.layers):
            grad = layer.backward(grad)
        return grad


def classes_of_layers(X: Any, T: Any) -> tuple[Function, ...]:
    """A class for each layer, with what it needs in self, and one that calls them in turn."""

    def net(W1, b1, W2, b2):
        layers = [Dense(W1, b1), Tanh(), Dense(W2, b2)]
        return Sequence(layers, MeanSquares(T))

    def loss(W1, b1, W2, b2):
        return net(W1, b1, W2, b2).forward(X)

    def manual(W1, b1, W2, b2):
        model = net(W1, b1, W2, b2)
        model.forward(X)
        model.backward()
        first, _, second = model.layers
        return {"W1": first.dW, "b1": first.db, "W2": second.dW, "b2": second.db}

    return loss, manual


def lists_of_layers(X: Any, T: Any) -> tuple[Function, ...]:
    """Three sigmoid layers in lists, filled from the back with negative indices."""

    def loss(W1, b1, W2, b2, W3, b3):
        a = X
        for W, b in [(W1, b1), (W2, b2), (W3, b3)]:
            a = sigmoid(a @ W + b)
        return 0.5 * np.sum((a - T) ** 2)

    def manual(W1, b1, W2, b2, W3, b3):
        weights, biases = [W1, W2, W3], [b1, b2, b3]
        activations, zs = [X], []
        for W, b in zip(weights, biases, strict=True):
            zs.append(activations[-1] @ W + b)
            activations.append(sigmoid(zs[-1]))
        # backward
        nabla_w, nabla_b = [None] * 3, [None] * 3
        delta = (activations[-1] - T) * sigmoid_prime(zs[-1])
        nabla_w[-1] = activations[-2].T @ delta
        nabla_b[-1] = delta.sum(axis=0)
        for l in range(2, 4):
            delta = (delta @ weights[-l + 1].T) * sigmoid_prime(zs[-l])
            nabla_w[-l] = activations[-l - 1].T @ delta
            nabla_b[-l] = delta.sum(axis=0)
        return {"W1": nabla_w[0], "b1": nabla_b[0], "W2": nabla_w[1], "b2": nabla_b[1],
                "W3": nabla_w[2], "b3": nabla_b[2]}  # fmt: skip

    return loss, manual


def dicts_of_layers(X: Any, Y: Any) -> tuple[Function, ...]:
    """Examples in columns, two tanh layers and a sigmoid, parameters and gradients in dicts.

    As a well-known course has it, dZ and dA lack the 1/m of the mean, which dW and db have.
    """
    L, m = 3, X.shape[1]

    def loss(**params):
        A = X
        for l in range(1, L):
            A = np.tanh(params["W%d" % l] @ A + params["b%d" % l])
        AL = sigmoid(params["W%d" % L] @ A + params["b%d" % L])
        return -np.sum(Y * np.log(AL) + (1 - Y) * np.log(1 - AL)) / m

    def manual(**params):
        cache = {"A0": X}
        for l in range(1, L + 1):
            Z = params["W%d" % l] @ cache["A%d" % (l - 1)] + params["b%d" % l]
            cache["A%d" % l] = sigmoid(Z) if l == L else np.tanh(Z)
        # backward
        grads = {}
        dZ = cache["A%d" % L] - Y
        for l in reversed(range(1, L + 1)):
            grads["W%d" % l] = dZ @ cache["A%d" % (l - 1)].T / m
            grads["b%d" % l] = np.sum(dZ, axis=1, keepdims=True) / m
            if l > 1:
                dA = params["W%d" % l].T @ dZ
                dZ = dA * (1 - cache["A%d" % (l - 1)] ** 2)
        return grads

    return loss, manual


def patch_indices(C: int, H: int, W: int, size: int) -> tuple[Any, Any, Any]:
    """Where in (C, H, W) the elements of all patches lie: im2col as an index."""
    rows, columns = H - size + 1, W - size + 1
    i0 = np.tile(np.repeat(np.arange(size), size), C)
    j0 = np.tile(np.arange(size), size * C)
    i = i0[:, None] + np.repeat(np.arange(rows), columns)
    j = j0[:, None] + np.tile(np.arange(columns), rows)
    k = np.repeat(np.arange(C), size * size)[:, None]
    return k, i, j


def conv_forward(x, W, b):
    N, C, height, width = x.shape
    F, _, size, _ = W.shape
    index = (slice(None), *patch_indices(C, height, width, size))
    cols = x[index]
    out = W.reshape(F, -1) @ cols + b[:, None]
    return out.reshape(N, F, height - size + 1, width - size + 1), (x, W, cols, index)


def conv_backward(dout, cache):
    x, W, cols, index = cache
    N, F = dout.shape[:2]
    dflat = dout.reshape(N, F, -1)
    db = dflat.sum(axis=(0, 2))
    dW = (dflat @ cols.transpose(0, 2, 1)).sum(axis=0).reshape(W.shape)
    dcols = W.reshape(F, -1).T @ dflat
    dx = np.zeros_like(x)
    np.add.at(dx, index, dcols)
    return dx, dW, db


def pool_forward(x):
    N, C, height, width = x.shape
    blocks = x.reshape(N, C, height // 2, 2, width // 2, 2)
    return blocks.max(axis=(3, 5))


def pool_backward(dout, x, out):
    N, C, height, width = x.shape
    blocks = x.reshape(N, C, height // 2, 2, width // 2, 2)
    largest = blocks == out[:, :, :, None, :, None]
    shared = dout / largest.sum(axis=(3, 5))  # of equal ones each has its part
    return (largest * shared[:, :, :, None, :, None]).reshape(x.shape)


def relu_backward(dout, z):
    return dout * (z > 0)


def dense_backward(dout, x, W):
    return dout @ W.T, x.T @ dout, np.sum(dout, axis=0)


def convolution(X: Any, T: Any) -> tuple[Function, ...]:
    """Two 3×3 convolutions by im2col with ReLU, a 2×2 pool, a dense layer, softmax."""
    N = len(X)

    def loss(W1, b1, W2, b2, W3, b3):
        z1, _ = conv_forward(X, W1, b1)
        a1 = np.maximum(z1, 0)
        z2, _ = conv_forward(a1, W2, b2)
        a2 = np.maximum(z2, 0)
        pooled = pool_forward(a2)
        flat = pooled.reshape(N, -1)
        logits = flat @ W3 + b3
        e = np.exp(logits)
        p = e / np.sum(e, axis=1, keepdims=True)
        return -np.sum(T * np.log(p)) / N

    def manual(W1, b1, W2, b2, W3, b3):
        z1, cache1 = conv_forward(X, W1, b1)
        a1 = np.maximum(z1, 0)
        z2, cache2 = conv_forward(a1, W2, b2)
        a2 = np.maximum(z2, 0)
        pooled = pool_forward(a2)
        flat = pooled.reshape(N, -1)
        e = np.exp(flat @ W3 + b3)
        p = e / e.sum(axis=1, keepdims=True)
        # backward
        dlogits = (p - T) / N
        dflat, dW3, db3 = dense_backward(dlogits, flat, W3)
        dpooled = dflat.reshape(pooled.shape)
        da2 = pool_backward(dpooled, a2, pooled)
        dz2 = relu_backward(da2, z2)
        da1, dW2, db2 = conv_backward(dz2, cache2)
        dz1 = relu_backward(da1, z1)
        _, dW1, db1 = conv_backward(dz1, cache1)
        return {"logits": dlogits, "W3": dW3, "b3": db3, "pooled": dpooled, "z2": dz2,
                "W2": dW2, "b2": db2, "a1": da1, "z1": dz1, "W1": dW1, "b1": db1}  # fmt: skip

    return loss, manual


def norm_forward(x, gain, shift):
    mean = np.mean(x, axis=1, keepdims=True)
    centred = x - mean
    var = np.mean(centred**2, axis=1, keepdims=True)
    inverse = 1 / np.sqrt(var + 1e-5)
    normed = centred * inverse
    return gain * normed + shift, (normed, centred, inverse, gain)


def norm_backward(dout, cache):
    normed, centred, inverse, gain = cache
    D = dout.shape[1]
    dgain = np.sum(dout * normed, axis=0)
    dshift = np.sum(dout, axis=0)
    dnormed = dout * gain
    dvar = np.sum(dnormed * centred, axis=1, keepdims=True) * -0.5 * inverse**3
    dcentred = dnormed * inverse + dvar * 2 * centred / D
    dmean = -np.sum(dcentred, axis=1, keepdims=True)
    dx = dcentred + dmean / D
    return dx, dgain, dshift


def layer_norm(X: Any, T: Any) -> tuple[Function, ...]:
    """A residual block: normalised over the features, two dense layers, and its input added."""
    N, K = T.shape

    def loss(W0, gain, shift, W1, b1, W2, b2):
        x = X @ W0
        y, _ = norm_forward(x, gain, shift)
        z = y @ W1 + b1
        a = np.maximum(z, 0)
        out = x + a @ W2 + b2
        return np.sum((out - T) ** 2) / (N * K)

    def manual(W0, gain, shift, W1, b1, W2, b2):
        x = X @ W0
        y, cache = norm_forward(x, gain, shift)
        z = y @ W1 + b1
        a = np.maximum(z, 0)
        out = x + a @ W2 + b2
        # backward
        dout = 2 * (out - T) / (N * K)
        da, dW2, db2 = dense_backward(dout, a, W2)
        dz = relu_backward(da, z)
        dy, dW1, db1 = dense_backward(dz, y, W1)
        dx, dgain, dshift = norm_backward(dy, cache)
        dx = dx + dout
        dW0 = X.T @ dx
        return {"out": dout, "W2": dW2, "b2": db2, "a": da, "z": dz, "W1": dW1, "b1": db1,
                "y": dy, "gain": dgain, "shift": dshift, "x": dx, "W0": dW0}  # fmt: skip

    return loss, manual


def focal_loss(X: Any, y: Any) -> tuple[Function, ...]:
    """A tanh layer, one sigmoid output, and −α(1 − p)²·log p of the right class, averaged."""
    N = len(y)
    focus = 2.0
    alpha = 0.25 * y + 0.75 * (1 - y)

    def loss(W1, b1, W2, b2):
        h = np.tanh(X @ W1 + b1)
        z = h @ W2 + b2
        p = sigmoid(z)
        pt = y * p + (1 - y) * (1 - p)
        return np.sum(-alpha * (1 - pt) ** focus * np.log(pt)) / N

    def manual(W1, b1, W2, b2):
        h = np.tanh(X @ W1 + b1)
        p = sigmoid(h @ W2 + b2)
        pt = y * p + (1 - y) * (1 - p)
        # backward
        dpt = alpha * (focus * (1 - pt) * np.log(pt) - (1 - pt) ** focus / pt) / N
        dp = dpt * (2 * y - 1)
        dz = dp * p * (1 - p)
        dW2 = h.T @ dz
        db2 = dz.sum(axis=0)
        dh = dz @ W2.T
        dz1 = dh * (1 - h**2)
        dW1 = X.T @ dz1
        db1 = dz1.sum(axis=0)
        return {"pt": dpt, "p": dp, "z": dz, "W2": dW2, "b2": db2, "h": dh, "W1": dW1, "b1": db1}

    return loss, manual
