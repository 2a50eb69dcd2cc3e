import numpy as np


class Adam:
    def __init__(self, lr=0.01, beta1=0.9, beta2=0.999):
        self.lr, self.beta1, self.beta2 = lr, beta1, beta2
        self.t = 0
        self.m = None
        self.v = None

    def update(self, params, grads):
        if self.m is None:
            self.m = {k: np.zeros_like(p) for k, p in params.items()}
            self.v = {k: np.zeros_like(p) for k, p in params.items()}
        self.t += 1
        for k in params:
            self.m[k] = self.beta1 * self.m[k] + (1 - self.beta1) * grads[k]
            self.v[k] = self.beta2 * self.v[k] + (1 - self.beta2) * grads[k] ** 2
            m_hat = self.m[k] / (1 - self.beta1**self.t)
            v_hat = self.v[k] / (1 - self.beta2**self.t)
            params[k] -= self.lr * m_hat / (np.sqrt(v_hat) + 1e-8)


class TwoLayerNet:
    def __init__(self, n_in, n_hidden, n_out):
        self.params = {}
        self.params["W1"] = 0.1 * np.random.randn(n_in, n_hidden)
        self.params["b1"] = np.zeros(n_hidden)
        self.params["W2"] = 0.1 * np.random.randn(n_hidden, n_out)
        self.params["b2"] = np.zeros(n_out)

    def loss(self, x, t):
        W1, W2 = self.params["W1"], self.params["W2"]
        self.z = x @ W1 + self.params["b1"]
        self.h = np.where(self.z > 0, self.z, 0.01 * self.z)
        self.y = self.h @ W2 + self.params["b2"]
        return 0.5 * np.sum((self.y - t) ** 2) / len(x)

    def gradient(self, x, t):
        grads = {}
        dy = (self.y - t) / len(x)
        grads["W2"] = self.h.T @ dy
        grads["b2"] = dy.sum(axis=0)
        dh = dy @ self.params["W2"].T
        dz = dh * np.where(self.z > 0, 1, 0.01)
        grads["W1"] = x.T @ dz
        grads["b1"] = dz.sum(axis=0)
        return grads


np.random.seed(4)
x = np.random.randn(50, 3)
t = np.stack([x[:, 0] * x[:, 1], np.abs(x[:, 2])], axis=1)
net, optimizer = TwoLayerNet(3, 7, 2), Adam(0.02)
for i in range(200):
    loss = net.loss(x, t)
    optimizer.update(net.params, net.gradient(x, t))
    if i % 50 == 0:
        print(i, loss)
