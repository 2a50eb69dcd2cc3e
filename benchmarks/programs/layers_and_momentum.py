import numpy as np


class Dense:
    def __init__(self, n_in, n_out, rng):
        self.W = rng.normal(size=(n_in, n_out)) * np.sqrt(2 / n_in)
        self.b = np.zeros(n_out)
        self.vW = np.zeros_like(self.W)
        self.vb = np.zeros_like(self.b)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, grad_out):
        self.dW = self.x.T @ grad_out
        self.db = grad_out.sum(axis=0)
        return grad_out @ self.W.T

    def update(self, lr, beta):
        self.vW = beta * self.vW + (1 - beta) * self.dW
        self.vb = beta * self.vb + (1 - beta) * self.db
        self.W -= lr * self.vW
        self.b -= lr * self.vb


class ReLU:
    def forward(self, x):
        self.mask = x > 0
        return x * self.mask

    def backward(self, grad_out):
        return grad_out * self.mask

    def update(self, lr, beta):
        pass


class SoftmaxCrossEntropy:
    def forward(self, logits, y):
        shifted = logits - logits.max(axis=1, keepdims=True)
        exps = np.exp(shifted)
        self.probs = exps / exps.sum(axis=1, keepdims=True)
        self.y = y
        return -np.mean(np.log(self.probs[np.arange(len(y)), y]))

    def backward(self):
        grad = self.probs.copy()
        grad[np.arange(len(self.y)), self.y] -= 1
        return grad / len(self.y)


class Model:
    def __init__(self, layers):
        self.layers = layers
        self.criterion = SoftmaxCrossEntropy()

    def train_step(self, x, y, lr=0.1, beta=0.9):
        for layer in self.layers:
            x = layer.forward(x)
        loss = self.criterion.forward(x, y)
        grad = self.criterion.backward()
        for layer in reversed(self.layers):
            grad = layer.backward(grad)
        for layer in self.layers:
            layer.update(lr, beta)
        return loss


def main():
    rng = np.random.default_rng(7)
    X = rng.normal(size=(48, 4))
    y = (X[:, 0] * X[:, 1] > 0).astype(int) + (X[:, 2] > 0.5)
    model = Model([Dense(4, 10, rng), ReLU(), Dense(10, 6, rng), ReLU(), Dense(6, 3, rng)])
    losses = []
    for epoch in range(30):
        order = rng.permutation(len(X))
        for start in range(0, len(X), 16):
            batch = order[start : start + 16]
            losses.append(model.train_step(X[batch], y[batch]))
        print(f"epoch {epoch}: {np.mean(losses[-3:]):.4f}")
    return model


model = main()
