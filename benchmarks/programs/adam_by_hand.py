import numpy as np


def softmax(x):
    e = np.exp(x - np.max(x, axis=-1, keepdims=True))
    return e / np.sum(e, axis=-1, keepdims=True)


def loss_and_grads(params, x, t):
    h = np.tanh(x @ params["W1"] + params["b1"])
    y = softmax(h @ params["W2"] + params["b2"])
    loss = -np.sum(t * np.log(y + 1e-12)) / len(x)
    # backward
    grads = {}
    delta2 = (y - t) / len(x)
    grads["W2"] = h.T @ delta2
    grads["b2"] = np.sum(delta2, axis=0)
    delta1 = (delta2 @ params["W2"].T) * (1 - h**2)
    grads["W1"] = x.T @ delta1
    grads["b1"] = np.sum(delta1, axis=0)
    return loss, grads


class Adam:
    def __init__(self, lr=0.01, beta1=0.9, beta2=0.999):
        self.lr, self.beta1, self.beta2 = lr, beta1, beta2
        self.iter, self.m, self.v = 0, None, None

    def update(self, params, grads):
        if self.m is None:
            self.m = {k: np.zeros_like(v) for k, v in params.items()}
            self.v = {k: np.zeros_like(v) for k, v in params.items()}
        self.iter += 1
        lr_t = self.lr * np.sqrt(1 - self.beta2**self.iter) / (1 - self.beta1**self.iter)
        for key in params.keys():
            self.m[key] += (1 - self.beta1) * (grads[key] - self.m[key])
            self.v[key] += (1 - self.beta2) * (grads[key] ** 2 - self.v[key])
            params[key] -= lr_t * self.m[key] / (np.sqrt(self.v[key]) + 1e-7)


rng = np.random.default_rng(0)
x = rng.normal(size=(20, 5))
t = np.eye(3)[rng.integers(0, 3, 20)]
params = {
    "W1": rng.normal(size=(5, 6)) * 0.4,
    "b1": np.zeros(6),
    "W2": rng.normal(size=(6, 3)) * 0.4,
    "b2": np.zeros(3),
}
optimizer = Adam()
train_loss_list = []
for i in range(100):
    loss, grads = loss_and_grads(params, x, t)
    optimizer.update(params, grads)
    train_loss_list.append(loss)
print(train_loss_list[0], train_loss_list[-1])
