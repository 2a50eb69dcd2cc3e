"""Slips in layers of well-known courses: right lines, and under each what stands there instead."""

import importlib.util
from pathlib import Path

FILE = Path(__file__).parents[3] / "benchmarks" / "programs" / "course_layers.py"

# ruff: noqa: E501 - lines as they stand in the file

SLIPS = """
affine
    db = np.sum(dout, axis=0)
        db = np.sum(dout, axis=1)
        db = np.mean(dout, axis=0)
    dx = dout.dot(w.T).reshape(x.shape)
        dx = dout.dot(w).reshape(x.shape)
        dx = dout.dot(w.T)
    dw = x.reshape(x.shape[0], -1).T.dot(dout)
        dw = -x.reshape(x.shape[0], -1).T.dot(dout)
    cache = (x, w, b)
        cache = (x + 1, w, b)
relu
    dx = dout * (cache > 0)
        dx = dout * (cache < 0)
        dx = dout * cache
        dx = cache > 0
leaky
    dZ[Z <= 0] *= slope
        dZ[Z > 0] *= slope
        dZ[Z <= 0] = slope
        dZ[Z <= 0] = 0
affine and relu
    da = relu_backward(dout, relu_cache)
        da = dout
    dx, dw, db = affine_backward(da, fc_cache)
        dx, dw, db = affine_backward(dout, fc_cache)
convolution
    dw[f] += dout[n, f, i, j] * window
        dw[f] = dout[n, f, i, j] * window
        dw[f] += dout[n, f, j, i] * window
    dpadded[n, :, top : top + HH, left : left + WW] += dout[n, f, i, j] * w[f]
        dpadded[n, :, top : top + HH, left : left + WW] = dout[n, f, i, j] * w[f]
    dx = dpadded[:, :, pad : pad + H, pad : pad + W]
        dx = dpadded[:, :, :H, :W]
columns
    db = flat.sum(axis=0)
        db = flat.mean(axis=0)
    x[:, :, y:y_end:stride, z:z_end:stride] += col[:, :, y, z, :, :]
        x[:, :, y:y_end:stride, z:z_end:stride] = col[:, :, y, z, :, :]
    dcol = flat @ rows
        dcol = flat @ rows * 2
max pool
    mask = window == np.max(window)
        mask = window == np.min(window)
    dx[n, c, top : top + height, left : left + width] += mask * dout[n, c, i, j]
        dx[n, c, top : top + height, left : left + width] += mask
        dx[n, c, top : top + height, left : left + width] += window * dout[n, c, i, j]
batch norm
    dgamma = np.sum(dout * x_hat, axis=0)
        dgamma = np.sum(dout, axis=0)
        dgamma = np.sum(dout * x_hat)
    dx_hat = dout * gamma
        dx_hat = dout
    dx = (N * dx_hat - np.sum(dx_hat, axis=0) - x_hat * np.sum(dx_hat * x_hat, axis=0)) / (N * std)
        dx = (N * dx_hat - np.sum(dx_hat, axis=0)) / (N * std)
        dx = (dx_hat - np.sum(dx_hat, axis=0) - x_hat * np.sum(dx_hat * x_hat, axis=0)) / (N * std)
    cache = (x_hat, gamma, std)
        cache = (x, gamma, std)
layer norm
    total = dx_hat.sum(axis=1, keepdims=True)
        total = dx_hat.sum(axis=0, keepdims=True)
        total = dx_hat.sum(axis=1, keepdims=True)[None]
    along = (dx_hat * x_hat).sum(axis=1, keepdims=True)
        along = dx_hat * x_hat
    dx = ivar / D * (D * dx_hat - total - x_hat * along)
        dx = ivar * (D * dx_hat - total - x_hat * along)
dropout
    dx = dout * mask if dropout_param["mode"] == "train" else dout
        dx = dout if dropout_param["mode"] == "train" else dout
        dx = dout * mask * dropout_param["p"] if dropout_param["mode"] == "train" else dout
rnn step
    da = dnext_h * (1 - next_h**2)
        da = dnext_h * (1 - next_h)
        da = dnext_h
    dWh = prev_h.T.dot(da)
        dWh = next_h.T.dot(da)
rnn
    dnext_h = dh[:, t, :] + dprev_h
        dnext_h = dh[:, t, :]
    dWh += dWh_t
        dWh = dWh_t
lstm step
    dc = dnext_c + dnext_h * o * (1 - tanh_c**2)
        dc = dnext_h * o * (1 - tanh_c**2)
        dc = dnext_c
        dc = dnext_c + dnext_h * (1 - tanh_c**2)
    di = dc * g
        di = dc * i
    dprev_c = dc * f
        dprev_c = dnext_c * f
word embedding
    np.add.at(dW, x, dout)
        dW[x] += dout
        dW[x] = dout
attention
    dS = P * (dP - np.sum(dP * P, axis=1, keepdims=True))
        dS = P * (dP - np.sum(dP, axis=1, keepdims=True))
        dS = P * (1 - P) * dP
    return {"Q": dS @ K, "K": dS.T @ Q, "V": dV}
        return {"Q": dS @ K, "K": dS @ Q, "V": dV}
    dS /= np.sqrt(Q.shape[1])
        dS /= Q.shape[1]
softmax loss
    dx[np.arange(N), y] -= 1
        dx[np.arange(N), y] += 1
        dx[np.arange(N), y] = 1
    dx /= N
        dx *= N
svm loss
    dx[np.arange(N), y] -= positive
        dx[np.arange(N), y] -= 1
        dx[np.arange(N), y] = positive
svm loss in loops
    dW[:, y[i]] -= X[i]
        dW[:, y[i]] += X[i]
    dW = dW / N + 2 * reg * W
        dW = dW / N + reg * W
        dW = dW / N
svm loss of all
    dW += 2 * reg * W
        dW += reg * W
        dW += 2 * W
    dW = X.T.dot(margins) / N
        dW = X.T.dot(margins)
temporal softmax
    dx_flat /= N
        dx_flat /= N * T
    dx_flat[np.arange(N * T), y_flat] -= 1
        dx_flat[np.arange(N * T), y_flat] = -1
        dx_flat[np.arange(N * T), y_flat] += 1
spatial batch norm
    dflat = dout.transpose(0, 2, 3, 1).reshape(-1, C)
        dflat = dout.transpose(0, 3, 2, 1).reshape(-1, C)
    dx = dx.reshape(N, H, W, C).transpose(0, 3, 1, 2)
        dx = dx.reshape(N, C, H, W)
    dx = (N * dx_hat - np.sum(dx_hat, axis=0) - x_hat * np.sum(dx_hat * x_hat, axis=0)) / (N * std)
        dx = (N * dx_hat - np.sum(dx_hat, axis=0) - x_hat * np.sum(dx_hat * x_hat, axis=0)) / (N * y3)
group norm
    dx /= std
        dx /= std**2
    dz = (dout * gamma).reshape(shape).T
        dz = dout.reshape(shape).T
    dx = dz - np.sum(dz, axis=0) / M - z * np.sum(dz * z, axis=0) / M
        dx = dz - np.sum(dz, axis=0) - z * np.sum(dz * z, axis=0) / M
softmax by its Jacobian
    jacobian = np.diagflat(s) - np.dot(s, s.T)
        jacobian = np.diagflat(s) + np.dot(s, s.T)
mean squared
    return np.mean(difference**2), 2 * difference / difference.size
        return np.mean(difference**2), 2 * difference / len(difference)
        return np.mean(difference**2), difference / difference.size
class
    self.db = np.sum(dout, axis=0)
        self.db = np.sum(dout)
    self.dW = np.dot(self.x.T, dout)
        self.dW = np.dot(self.x.T, dout) / 3
    dx = np.dot(dout, self.W.T)
        dx = np.dot(dout, self.W)
class with lists
    self.grads[1][...] = dout.sum(axis=0)
        self.grads[1][...] = dout.mean(axis=0)
    self.grads[0][...] = self.x.T @ dout
        self.grads[0][...] = -self.x.T @ dout
class that returns nothing
    self.dbiases = np.sum(dvalues, axis=0, keepdims=True)
        self.dbiases = np.mean(dvalues, axis=0, keepdims=True)
    self.dinputs = np.dot(dvalues, self.weights.T)
        self.dinputs = np.dot(dvalues, self.dweights.T)
network with a loss
    dh[h <= 0] = 0
        dh[h < 0] = 0
        dh[h > 0] = 0
    grads["b1"] = dh.sum(axis=0)
        grads["b1"] = dscores.sum(axis=0)
    grads = {"W2": h.T @ dscores, "b2": dscores.sum(axis=0)}
        grads = {"W2": X.T @ dscores, "b2": dscores.sum(axis=0)}
class of batch norm
    dxn = self.gamma * dout
        dxn = dout
    dvar = 0.5 * dstd / self.std
        dvar = dstd / self.std
        dvar = 0.5 * dstd * self.std
    dxc += (2.0 / dout.shape[0]) * self.xc * dvar
        dxc += self.xc * dvar
        dxc = (2.0 / dout.shape[0]) * self.xc * dvar
    return dxc - dmu / dout.shape[0]
        return dxc - dmu
class of a loss
    return (self.y - self.t) / self.t.shape[0]
        return self.y - self.t
        return (self.y + self.t) / self.t.shape[0]
        return (self.t - self.y) / self.t.shape[0]
class of dropout
    return dout * self.mask
        return dout
static methods
    grad_x = ctx.scale * grad_output @ w.T
        grad_x = grad_output @ w.T
    grad_w = ctx.scale * x.T @ grad_output
        grad_w = ctx.scale * grad_output.T @ x
    return grad_x, grad_w, None
        return grad_w, grad_x, None
forward and residuals
    return cosine * g * y, sine * g
        return cosine * g, sine * g
        return cosine * g * y, sine
pullbacks
    lambda ans, x, y: lambda g: g * ans,
        lambda ans, x, y: lambda g: g * x,
        lambda ans, x, y: lambda g: g * ans * y,
without a cache
    return dout * s * (1 - s)
        return dout * z * (1 - z)
        return s * (1 - s)
row product
    return y * g, np.sum(x * g, axis=0, keepdims=True)
        return y * g, x * g
upstream last
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
        return dout @ w.T, x.T @ dout, dout.sum(axis=1)
several outputs
    return np.concatenate([da, db], axis=1)
        return np.concatenate([db, da], axis=1)
outputs in a dict
    return dout["sine"] * np.cos(cache) - dout["cosine"] * np.sin(cache)
        return dout["sine"] * np.cos(cache) + dout["cosine"] * np.sin(cache)
"""


def imported(path):
    """A module of a file."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def layers():
    """The layers, each with what it is called with."""
    return imported(FILE).RIGHT


def slips():
    """The layer, the line that is right, and the line with a slip."""
    layer = right = ""
    for line in SLIPS.strip("\n").splitlines():
        if not line.startswith(" "):
            layer = line
        elif not line.startswith(8 * " "):
            right = line.strip()
        else:
            yield layer, right, line.strip()


def with_slip(right, wrong):
    """For each place where the right line stands its number, and the file with the slip there."""
    lines = FILE.read_text().split("\n")
    for number, line in enumerate(lines, 1):
        if line.strip() == right:
            slipped = line.replace(right, wrong)
            yield number, "\n".join([*lines[: number - 1], slipped, *lines[number:]])
