# ruff: noqa: RUF059, NPY002 (as courses write it)
"""Layers of well-known courses, in the forms in which they are written: all are right."""

import numpy as np

RNG = np.random.default_rng(0)


def normal(*shape):
    return RNG.normal(size=shape)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


# Functions with a cache


def affine_forward(x, w, b):
    out = x.reshape(x.shape[0], -1).dot(w) + b
    cache = (x, w, b)
    return out, cache


def affine_backward(dout, cache):
    x, w, b = cache
    dx = dout.dot(w.T).reshape(x.shape)
    dw = x.reshape(x.shape[0], -1).T.dot(dout)
    db = np.sum(dout, axis=0)
    return dx, dw, db


def relu_forward(x):
    out = np.maximum(0, x)
    cache = x
    return out, cache


def relu_backward(dout, cache):
    dx = dout * (cache > 0)
    return dx


def leaky_forward(Z, slope):
    A = np.where(Z > 0, Z, slope * Z)
    return A, (Z, slope)


def leaky_backward(dA, cache):
    Z, slope = cache
    dZ = np.array(dA, copy=True)
    dZ[Z <= 0] *= slope
    return dZ


def affine_relu_forward(x, w, b):
    a, fc_cache = affine_forward(x, w, b)
    out, relu_cache = relu_forward(a)
    return out, (fc_cache, relu_cache)


def affine_relu_backward(dout, cache):
    fc_cache, relu_cache = cache
    da = relu_backward(dout, relu_cache)
    dx, dw, db = affine_backward(da, fc_cache)
    return dx, dw, db


def conv_forward(x, w, b, conv_param):
    stride, pad = conv_param["stride"], conv_param["pad"]
    N, C, H, W = x.shape
    F, _, HH, WW = w.shape
    padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)), mode="constant")
    H_out = 1 + (H + 2 * pad - HH) // stride
    W_out = 1 + (W + 2 * pad - WW) // stride
    out = np.zeros((N, F, H_out, W_out))
    for n in range(N):
        for f in range(F):
            for i in range(H_out):
                for j in range(W_out):
                    top, left = i * stride, j * stride
                    window = padded[n, :, top : top + HH, left : left + WW]
                    out[n, f, i, j] = np.sum(window * w[f]) + b[f]
    return out, (x, w, b, conv_param)


def conv_backward(dout, cache):
    x, w, b, conv_param = cache
    stride, pad = conv_param["stride"], conv_param["pad"]
    N, C, H, W = x.shape
    F, _, HH, WW = w.shape
    _, _, H_out, W_out = dout.shape
    padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)), mode="constant")
    dpadded = np.zeros_like(padded)
    dw = np.zeros_like(w)
    db = np.zeros_like(b)
    for n in range(N):
        for f in range(F):
            for i in range(H_out):
                for j in range(W_out):
                    top, left = i * stride, j * stride
                    window = padded[n, :, top : top + HH, left : left + WW]
                    db[f] += dout[n, f, i, j]
                    dw[f] += dout[n, f, i, j] * window
                    dpadded[n, :, top : top + HH, left : left + WW] += dout[n, f, i, j] * w[f]
    dx = dpadded[:, :, pad : pad + H, pad : pad + W]
    return dx, dw, db


def im2col(x, HH, WW, stride):
    N, C, H, W = x.shape
    H_out, W_out = (H - HH) // stride + 1, (W - WW) // stride + 1
    col = np.zeros((N, C, HH, WW, H_out, W_out))
    for y in range(HH):
        for z in range(WW):
            y_end, z_end = y + stride * H_out, z + stride * W_out
            col[:, :, y, z, :, :] = x[:, :, y:y_end:stride, z:z_end:stride]
    return col.transpose(0, 4, 5, 1, 2, 3).reshape(N * H_out * W_out, -1)


def col2im(col, shape, HH, WW, stride):
    N, C, H, W = shape
    H_out, W_out = (H - HH) // stride + 1, (W - WW) // stride + 1
    col = col.reshape(N, H_out, W_out, C, HH, WW).transpose(0, 3, 4, 5, 1, 2)
    x = np.zeros(shape)
    for y in range(HH):
        for z in range(WW):
            y_end, z_end = y + stride * H_out, z + stride * W_out
            x[:, :, y:y_end:stride, z:z_end:stride] += col[:, :, y, z, :, :]
    return x


def columns_forward(x, w, b, stride=1):
    F, C, HH, WW = w.shape
    N, _, H, W = x.shape
    H_out, W_out = (H - HH) // stride + 1, (W - WW) // stride + 1
    col = im2col(x, HH, WW, stride)
    rows = w.reshape(F, -1)
    out = col @ rows.T + b
    out = out.reshape(N, H_out, W_out, F).transpose(0, 3, 1, 2)
    return out, (x.shape, w.shape, col, rows, stride)


def columns_backward(dout, cache):
    x_shape, w_shape, col, rows, stride = cache
    F, C, HH, WW = w_shape
    flat = dout.transpose(0, 2, 3, 1).reshape(-1, F)
    db = flat.sum(axis=0)
    dw = (flat.T @ col).reshape(w_shape)
    dcol = flat @ rows
    dx = col2im(dcol, x_shape, HH, WW, stride)
    return dx, dw, db


def max_pool_forward(x, pool_param):
    height, width = pool_param["pool_height"], pool_param["pool_width"]
    stride = pool_param["stride"]
    N, C, H, W = x.shape
    H_out, W_out = 1 + (H - height) // stride, 1 + (W - width) // stride
    out = np.zeros((N, C, H_out, W_out))
    for i in range(H_out):
        for j in range(W_out):
            top, left = i * stride, j * stride
            out[:, :, i, j] = x[:, :, top : top + height, left : left + width].max(axis=(2, 3))
    return out, (x, pool_param)


def max_pool_backward(dout, cache):
    x, pool_param = cache
    height, width = pool_param["pool_height"], pool_param["pool_width"]
    stride = pool_param["stride"]
    N, C, H_out, W_out = dout.shape
    dx = np.zeros_like(x)
    for n in range(N):
        for c in range(C):
            for i in range(H_out):
                for j in range(W_out):
                    top, left = i * stride, j * stride
                    window = x[n, c, top : top + height, left : left + width]
                    mask = window == np.max(window)
                    dx[n, c, top : top + height, left : left + width] += mask * dout[n, c, i, j]
    return dx


def batchnorm_forward(x, gamma, beta, bn_param):
    eps, momentum = bn_param.get("eps", 1e-5), bn_param.get("momentum", 0.9)
    N, D = x.shape
    running_mean = bn_param.get("running_mean", np.zeros(D))
    running_var = bn_param.get("running_var", np.zeros(D))
    mu = np.mean(x, axis=0)
    var = np.var(x, axis=0)
    std = np.sqrt(var + eps)
    x_hat = (x - mu) / std
    out = gamma * x_hat + beta
    cache = (x_hat, gamma, std)
    bn_param["running_mean"] = momentum * running_mean + (1 - momentum) * mu
    bn_param["running_var"] = momentum * running_var + (1 - momentum) * var
    return out, cache


def batchnorm_backward(dout, cache):
    x_hat, gamma, std = cache
    N = dout.shape[0]
    dbeta = np.sum(dout, axis=0)
    dgamma = np.sum(dout * x_hat, axis=0)
    dx_hat = dout * gamma
    dx = (N * dx_hat - np.sum(dx_hat, axis=0) - x_hat * np.sum(dx_hat * x_hat, axis=0)) / (N * std)
    return dx, dgamma, dbeta


def layernorm_forward(x, gamma, beta, ln_param):
    eps = ln_param.get("eps", 1e-5)
    mu = x.mean(axis=1, keepdims=True)
    xmu = x - mu
    var = (xmu**2).mean(axis=1, keepdims=True)
    ivar = 1 / np.sqrt(var + eps)
    x_hat = xmu * ivar
    return gamma * x_hat + beta, (x_hat, ivar, gamma)


def layernorm_backward(dout, cache):
    x_hat, ivar, gamma = cache
    D = dout.shape[1]
    dbeta = dout.sum(axis=0)
    dgamma = (dout * x_hat).sum(axis=0)
    dx_hat = dout * gamma
    total = dx_hat.sum(axis=1, keepdims=True)
    along = (dx_hat * x_hat).sum(axis=1, keepdims=True)
    dx = ivar / D * (D * dx_hat - total - x_hat * along)
    return dx, dgamma, dbeta


def spatial_batchnorm_forward(x, gamma, beta, bn_param):
    N, C, H, W = x.shape
    flat = x.transpose(0, 2, 3, 1).reshape(-1, C)
    out, cache = batchnorm_forward(flat, gamma, beta, bn_param)
    return out.reshape(N, H, W, C).transpose(0, 3, 1, 2), cache


def spatial_batchnorm_backward(dout, cache):
    N, C, H, W = dout.shape
    dflat = dout.transpose(0, 2, 3, 1).reshape(-1, C)
    dx, dgamma, dbeta = batchnorm_backward(dflat, cache)
    dx = dx.reshape(N, H, W, C).transpose(0, 3, 1, 2)
    return dx, dgamma, dbeta


def groupnorm_forward(x, gamma, beta, G, gn_param):
    N, C, H, W = x.shape
    shape = (N * G, C // G * H * W)
    x = x.reshape(shape).T
    std = np.sqrt(x.var(axis=0) + gn_param.get("eps", 1e-5))
    z = ((x - x.mean(axis=0)) / std).T.reshape(N, C, H, W)
    return gamma * z + beta, (z, gamma, std, shape)


def groupnorm_backward(dout, cache):
    z, gamma, std, shape = cache
    dbeta = dout.sum(axis=(0, 2, 3), keepdims=True)
    dgamma = np.sum(dout * z, axis=(0, 2, 3), keepdims=True)
    dz = (dout * gamma).reshape(shape).T
    z = z.reshape(shape).T
    M = z.shape[0]
    dx = dz - np.sum(dz, axis=0) / M - z * np.sum(dz * z, axis=0) / M
    dx /= std
    dx = dx.T.reshape(dout.shape)
    return dx, dgamma, dbeta


def dropout_forward(x, dropout_param):
    p, mode = dropout_param["p"], dropout_param["mode"]
    if "seed" in dropout_param:
        np.random.seed(dropout_param["seed"])
    mask = None
    if mode == "train":
        mask = (np.random.rand(*x.shape) < p) / p
        out = x * mask
    else:
        out = x
    return out, (dropout_param, mask)


def dropout_backward(dout, cache):
    dropout_param, mask = cache
    dx = dout * mask if dropout_param["mode"] == "train" else dout
    return dx


def rnn_step_forward(x, prev_h, Wx, Wh, b):
    next_h = np.tanh(x.dot(Wx) + prev_h.dot(Wh) + b)
    cache = (x, prev_h, Wx, Wh, next_h)
    return next_h, cache


def rnn_step_backward(dnext_h, cache):
    x, prev_h, Wx, Wh, next_h = cache
    da = dnext_h * (1 - next_h**2)
    dx = da.dot(Wx.T)
    dprev_h = da.dot(Wh.T)
    dWx = x.T.dot(da)
    dWh = prev_h.T.dot(da)
    db = da.sum(axis=0)
    return dx, dprev_h, dWx, dWh, db


def rnn_forward(x, h0, Wx, Wh, b):
    N, T, D = x.shape
    h = np.zeros((N, T, h0.shape[1]))
    caches = []
    prev_h = h0
    for t in range(T):
        prev_h, step = rnn_step_forward(x[:, t, :], prev_h, Wx, Wh, b)
        h[:, t, :] = prev_h
        caches.append(step)
    return h, (caches, x.shape)


def rnn_backward(dh, cache):
    caches, shape = cache
    N, T, H = dh.shape
    dx = np.zeros(shape)
    dprev_h = np.zeros((N, H))
    dWx, dWh, db = 0, 0, 0
    for t in reversed(range(T)):
        dnext_h = dh[:, t, :] + dprev_h
        dx[:, t, :], dprev_h, dWx_t, dWh_t, db_t = rnn_step_backward(dnext_h, caches[t])
        dWx += dWx_t
        dWh += dWh_t
        db += db_t
    dh0 = dprev_h
    return dx, dh0, dWx, dWh, db


def lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b):
    H = prev_h.shape[1]
    a = x.dot(Wx) + prev_h.dot(Wh) + b
    i, f, o = sigmoid(a[:, :H]), sigmoid(a[:, H : 2 * H]), sigmoid(a[:, 2 * H : 3 * H])
    g = np.tanh(a[:, 3 * H :])
    next_c = f * prev_c + i * g
    tanh_c = np.tanh(next_c)
    next_h = o * tanh_c
    cache = (x, prev_h, prev_c, Wx, Wh, i, f, o, g, tanh_c)
    return next_h, next_c, cache


def lstm_step_backward(dnext_h, dnext_c, cache):
    x, prev_h, prev_c, Wx, Wh, i, f, o, g, tanh_c = cache
    do = dnext_h * tanh_c
    dc = dnext_c + dnext_h * o * (1 - tanh_c**2)
    df = dc * prev_c
    di = dc * g
    dg = dc * i
    dprev_c = dc * f
    da = np.hstack((di * i * (1 - i), df * f * (1 - f), do * o * (1 - o), dg * (1 - g**2)))
    dx = da.dot(Wx.T)
    dprev_h = da.dot(Wh.T)
    dWx = x.T.dot(da)
    dWh = prev_h.T.dot(da)
    db = da.sum(axis=0)
    return dx, dprev_h, dprev_c, dWx, dWh, db


def word_embedding_forward(x, W):
    out = W[x]
    return out, (x, W.shape)


def word_embedding_backward(dout, cache):
    x, shape = cache
    dW = np.zeros(shape)
    np.add.at(dW, x, dout)
    return dW


def attention_forward(Q, K, V):
    scores = Q @ K.T / np.sqrt(Q.shape[1])
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    P = e / e.sum(axis=1, keepdims=True)
    out = P @ V
    return out, (Q, K, V, P)


def attention_backward(dout, cache):
    Q, K, V, P = cache
    dV = P.T @ dout
    dP = dout @ V.T
    dS = P * (dP - np.sum(dP * P, axis=1, keepdims=True))
    dS /= np.sqrt(Q.shape[1])
    return {"Q": dS @ K, "K": dS.T @ Q, "V": dV}


# A loss that returns its gradient


def softmax_loss(x, y):
    N = x.shape[0]
    shifted = x - np.max(x, axis=1, keepdims=True)
    probs = np.exp(shifted)
    probs /= np.sum(probs, axis=1, keepdims=True)
    loss = -np.sum(np.log(probs[np.arange(N), y])) / N
    # backward
    dx = probs.copy()
    dx[np.arange(N), y] -= 1
    dx /= N
    return loss, dx


def svm_loss(x, y):
    N = x.shape[0]
    correct = x[np.arange(N), y]
    margins = np.maximum(0, x - correct[:, np.newaxis] + 1.0)
    margins[np.arange(N), y] = 0
    loss = np.sum(margins) / N
    # backward
    positive = np.sum(margins > 0, axis=1)
    dx = np.zeros_like(x)
    dx[margins > 0] = 1
    dx[np.arange(N), y] -= positive
    dx /= N
    return loss, dx


def svm_loss_naive(W, X, y, reg):
    dW = np.zeros(W.shape)
    N, K = X.shape[0], W.shape[1]
    loss = 0.0
    for i in range(N):
        scores = X[i].dot(W)
        correct = scores[y[i]]
        for j in range(K):
            if j == y[i]:
                continue
            margin = scores[j] - correct + 1
            if margin > 0:
                loss += margin
                dW[:, j] += X[i]
                dW[:, y[i]] -= X[i]
    loss = loss / N + reg * np.sum(W * W)
    dW = dW / N + 2 * reg * W
    return loss, dW


def svm_loss_whole(W, X, y, reg):
    N = X.shape[0]
    scores = X.dot(W)
    correct = scores[np.arange(N), y].reshape(-1, 1)
    margins = np.maximum(0, scores - correct + 1)
    margins[np.arange(N), y] = 0
    loss = np.sum(margins) / N
    loss += reg * np.sum(W * W)
    # backward
    margins[margins > 0] = 1
    margins[np.arange(N), y] -= np.sum(margins, axis=1)
    dW = X.T.dot(margins) / N
    dW += 2 * reg * W
    return loss, dW


def temporal_softmax_loss(x, y, mask):
    N, T, V = x.shape
    x_flat, y_flat, mask_flat = x.reshape(N * T, V), y.reshape(N * T), mask.reshape(N * T)
    probs = np.exp(x_flat - np.max(x_flat, axis=1, keepdims=True))
    probs /= np.sum(probs, axis=1, keepdims=True)
    loss = -np.sum(mask_flat * np.log(probs[np.arange(N * T), y_flat])) / N
    # backward
    dx_flat = probs.copy()
    dx_flat[np.arange(N * T), y_flat] -= 1
    dx_flat /= N
    dx_flat *= mask_flat[:, None]
    return loss, dx_flat.reshape(N, T, V)


def mean_squared(pred, target):
    difference = pred - target
    return np.mean(difference**2), 2 * difference / difference.size


# Methods


class Affine:
    def __init__(self, W, b):
        self.W, self.b = W, b
        self.dW = self.db = None

    def forward(self, x):
        self.x = x
        return np.dot(x, self.W) + self.b

    def backward(self, dout):
        dx = np.dot(dout, self.W.T)
        self.dW = np.dot(self.x.T, dout)
        self.db = np.sum(dout, axis=0)
        return dx


class Listed:
    def __init__(self, W, b):
        self.params, self.grads = [W, b], [np.zeros_like(W), np.zeros_like(b)]
        self.x = None

    def forward(self, x):
        W, b = self.params
        self.x = x
        return x @ W + b

    def backward(self, dout):
        W, b = self.params
        self.grads[0][...] = self.x.T @ dout
        self.grads[1][...] = dout.sum(axis=0)
        return dout @ W.T


class Quiet:
    """Returns nothing: all is left in attributes."""

    def __init__(self, weights, biases):
        self.weights, self.biases = weights, biases

    def forward(self, inputs):
        self.inputs = inputs
        self.output = np.dot(inputs, self.weights) + self.biases

    def backward(self, dvalues):
        self.dweights = np.dot(self.inputs.T, dvalues)
        self.dbiases = np.sum(dvalues, axis=0, keepdims=True)
        self.dinputs = np.dot(dvalues, self.weights.T)


class Network:
    """Its loss gives the gradients, by the names of the parameters."""

    def __init__(self, W1, b1, W2, b2):
        self.params = {"W1": W1, "b1": b1, "W2": W2, "b2": b2}

    def loss(self, X, y):
        W1, b1, W2, b2 = (self.params[name] for name in ("W1", "b1", "W2", "b2"))
        h = np.maximum(0, X @ W1 + b1)
        scores = h @ W2 + b2
        loss, dscores = softmax_loss(scores, y)
        # backward
        grads = {"W2": h.T @ dscores, "b2": dscores.sum(axis=0)}
        dh = dscores @ W2.T
        dh[h <= 0] = 0
        grads["W1"] = X.T @ dh
        grads["b1"] = dh.sum(axis=0)
        return loss, grads


class Softmax:
    """One Jacobian for each sample."""

    def forward(self, inputs):
        exps = np.exp(inputs - np.max(inputs, axis=1, keepdims=True))
        self.output = exps / np.sum(exps, axis=1, keepdims=True)
        return self.output

    def backward(self, dvalues):
        self.dinputs = np.empty_like(dvalues)
        for i, (s, upstream) in enumerate(zip(self.output, dvalues)):
            s = s.reshape(-1, 1)
            jacobian = np.diagflat(s) - np.dot(s, s.T)
            self.dinputs[i] = np.dot(jacobian, upstream)
        return self.dinputs


class BatchNorm:
    def __init__(self, gamma, beta, momentum=0.9):
        self.gamma, self.beta, self.momentum = gamma, beta, momentum
        self.running_mean = np.zeros_like(gamma)

    def forward(self, x, train=True):
        mu = x.mean(axis=0) if train else self.running_mean
        if train:
            self.running_mean = self.momentum * self.running_mean + (1 - self.momentum) * mu
        self.xc = x - mu
        self.std = np.sqrt(np.mean(self.xc**2, axis=0) + 1e-7)
        self.xn = self.xc / self.std
        return self.gamma * self.xn + self.beta

    def backward(self, dout):
        self.dbeta = dout.sum(axis=0)
        self.dgamma = np.sum(self.xn * dout, axis=0)
        dxn = self.gamma * dout
        dxc = dxn / self.std
        dstd = -np.sum((dxn * self.xc) / (self.std * self.std), axis=0)
        dvar = 0.5 * dstd / self.std
        dxc += (2.0 / dout.shape[0]) * self.xc * dvar
        dmu = np.sum(dxc, axis=0)
        return dxc - dmu / dout.shape[0]


class SoftmaxWithLoss:
    def forward(self, x, t):
        e = np.exp(x - x.max(axis=1, keepdims=True))
        self.t, self.y = t, e / e.sum(axis=1, keepdims=True)
        return -np.sum(t * np.log(self.y + 1e-7)) / x.shape[0]

    def backward(self, dout=1):
        return (self.y - self.t) / self.t.shape[0]


class Dropout:
    def __init__(self, ratio=0.5):
        self.ratio = ratio

    def __call__(self, x):
        return self.forward(x)

    def forward(self, x):
        self.mask = np.random.rand(*x.shape) > self.ratio
        return x * self.mask

    def backward(self, dout):
        return dout * self.mask


# Static methods with a context, and pairs as given to other libraries


class Linear:
    @staticmethod
    def forward(ctx, x, w, scale):
        ctx.save_for_backward(x, w)
        ctx.scale = scale
        return scale * (x @ w)

    @staticmethod
    def backward(ctx, grad_output):
        x, w = ctx.saved_tensors
        grad_x = ctx.scale * grad_output @ w.T
        grad_w = ctx.scale * x.T @ grad_output
        return grad_x, grad_w, None


def product_fwd(x, y):
    return np.sin(x) * y, (np.cos(x), np.sin(x), y)


def product_bwd(res, g):
    # backward
    cosine, sine, y = res
    return cosine * g * y, sine * g


def power(x, y):
    return x * np.exp(y)


PULLBACKS = (
    lambda ans, x, y: lambda g: g * np.exp(y),
    lambda ans, x, y: lambda g: g * ans,
)


def wrapped(*args, **kwargs):
    """As a primitive of another library: nothing is known of its arguments."""
    return power(*args, **kwargs)


def matmul(a, b):
    def pullback(g):
        return g @ b.T, a.T @ g

    return a @ b, pullback


# Without a cache


def sigmoid_forward(z):
    return sigmoid(z)


def sigmoid_backward(dout, z):
    s = sigmoid(z)
    return dout * s * (1 - s)


def row_product(x, y):
    return x * y, (x, y)


def row_product_backward(g, cache):
    x, y = cache
    return y * g, np.sum(x * g, axis=0, keepdims=True)


def linear(x, w, b):
    return x @ w + b


def linear_backward(x, w, b, dout):
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)


def split_forward(x):
    a, b = x[:, :2], x[:, 2:]
    return a, b


def split_backward(da, db):
    return np.concatenate([da, db], axis=1)


def two_forward(x):
    return {"sine": np.sin(x), "cosine": np.cos(x)}, x


def two_backward(dout, cache):
    return dout["sine"] * np.cos(cache) - dout["cosine"] * np.sin(cache)


y3 = np.array([0, 2, 1])

RIGHT = {
    "affine": (affine_forward, affine_backward, normal(3, 2, 2), normal(4, 5), normal(5)),
    "relu": (relu_forward, relu_backward, normal(3, 4)),
    "leaky": (leaky_forward, leaky_backward, normal(3, 4), 0.1),
    "affine and relu": (
        affine_relu_forward, affine_relu_backward, normal(3, 4), normal(4, 5), normal(5),
    ),
    "convolution": (
        conv_forward, conv_backward, normal(2, 2, 4, 4), normal(2, 2, 3, 3), normal(2),
        {"stride": 1, "pad": 1},
    ),
    "columns": (
        columns_forward, columns_backward, normal(2, 2, 4, 4), normal(3, 2, 2, 2), normal(3),
    ),
    "max pool": (
        max_pool_forward, max_pool_backward, normal(2, 2, 4, 4),
        {"pool_height": 2, "pool_width": 2, "stride": 2},
    ),
    "batch norm": (
        batchnorm_forward, batchnorm_backward, normal(4, 3), normal(3), normal(3),
        {"mode": "train"},
    ),
    "layer norm": (layernorm_forward, layernorm_backward, normal(4, 3), normal(3), normal(3), {}),
    "dropout": (dropout_forward, dropout_backward, normal(4, 5), {"p": 0.5, "mode": "train"}),
    "dropout with a seed": (
        dropout_forward, dropout_backward, normal(4, 5), {"p": 0.5, "mode": "train", "seed": 3},
    ),
    "dropout in test": (
        dropout_forward, dropout_backward, normal(4, 5), {"p": 0.5, "mode": "test"},
    ),
    "rnn step": (
        rnn_step_forward, rnn_step_backward, normal(3, 4), normal(3, 2), normal(4, 2),
        normal(2, 2), normal(2),
    ),
    "rnn": (
        rnn_forward, rnn_backward, normal(2, 3, 4), normal(2, 2), normal(4, 2), normal(2, 2),
        normal(2),
    ),
    "lstm step": (
        lstm_step_forward, lstm_step_backward, normal(3, 4), normal(3, 2), normal(3, 2),
        normal(4, 8), normal(2, 8), normal(8),
    ),
    "word embedding": (
        word_embedding_forward, word_embedding_backward, np.array([[0, 1, 1], [2, 0, 3]]),
        normal(4, 2),
    ),
    "attention": (attention_forward, attention_backward, normal(3, 2), normal(4, 2), normal(4, 3)),
    "softmax loss": (softmax_loss, None, normal(3, 4), y3),
    "svm loss": (svm_loss, None, normal(3, 4), y3),
    "svm loss in loops": (svm_loss_naive, None, normal(4, 3), normal(3, 4), y3, 0.1),
    "mean squared": (mean_squared, None, normal(3, 2), normal(3, 2)),
    "class": (Affine(normal(4, 2), normal(2)), None, normal(3, 4)),
    "class with lists": (Listed(normal(4, 2), normal(2)), None, normal(3, 4)),
    "class that returns nothing": (Quiet(normal(4, 2), np.zeros((1, 2))), None, normal(3, 4)),
    "network with a loss": (
        Network(normal(4, 5), normal(5), normal(5, 3), normal(3)).loss, None, normal(3, 4), y3,
    ),
    "class of batch norm": (BatchNorm(normal(3), normal(3)), None, normal(4, 3)),
    "class of a loss": (SoftmaxWithLoss(), None, normal(3, 4), np.eye(4)[y3]),
    "class of dropout": (Dropout(), None, normal(4, 5)),
    "static methods": (Linear.forward, Linear.backward, normal(3, 4), normal(4, 2), 2.0),
    "forward and residuals": (product_fwd, product_bwd, normal(3), normal(3)),
    "pullbacks": (power, PULLBACKS, normal(3), normal(3)),
    "one pullback": (np.sin, lambda ans, x: lambda g: g * np.cos(x), normal(3)),
    "pullbacks of a wrapped function": (wrapped, PULLBACKS, normal(3), normal(3)),
    "a pullback that forward returns": (matmul, None, normal(3, 4), normal(4, 2)),
    "without a cache": (sigmoid_forward, sigmoid_backward, normal(3, 4)),
    "row product": (row_product, row_product_backward, normal(4, 3), normal(1, 3)),
    "upstream last": (linear, linear_backward, normal(3, 4), normal(4, 2), normal(2)),
    "several outputs": (split_forward, split_backward, normal(3, 4)),
    "outputs in a dict": (two_forward, two_backward, normal(3, 4)),
    "svm loss of all": (svm_loss_whole, None, normal(4, 3), normal(5, 4), np.arange(5) % 3, 0.1),
    "temporal softmax": (
        temporal_softmax_loss, None, normal(2, 3, 4), np.array([[0, 1, 3], [2, 0, 1]]),
        np.array([[True, True, False], [True, False, True]]),
    ),
    "spatial batch norm": (
        spatial_batchnorm_forward, spatial_batchnorm_backward, normal(2, 3, 3, 2), normal(3),
        normal(3), {"mode": "train"},
    ),
    "group norm": (
        groupnorm_forward, groupnorm_backward, normal(2, 4, 3, 2), normal(1, 4, 1, 1),
        normal(1, 4, 1, 1), 2, {},
    ),
    "softmax by its Jacobian": (Softmax(), None, normal(3, 4)),
}  # fmt: skip
