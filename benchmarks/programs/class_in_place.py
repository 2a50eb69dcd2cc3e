import numpy as np


class NeuralNetwork:
    def __init__(self, n_in, n_hidden, n_out, lr=0.1):
        self.lr = lr
        self.W1 = np.random.randn(n_in, n_hidden) * 0.5
        self.b1 = np.zeros(n_hidden)
        self.W2 = np.random.randn(n_hidden, n_out) * 0.5
        self.b2 = np.zeros(n_out)

    def forward(self, X):
        self.z1 = X @ self.W1 + self.b1
        self.a1 = np.tanh(self.z1)
        self.z2 = self.a1 @ self.W2 + self.b2
        return self.z2

    def compute_loss(self, y_hat, y):
        return np.mean((y_hat - y) ** 2)

    def backward(self, X, y, y_hat):
        m = X.shape[0]
        dz2 = 2 * (y_hat - y) / m
        dW2 = self.a1.T @ dz2
        db2 = np.sum(dz2, axis=0)
        da1 = dz2 @ self.W2.T
        dz1 = da1 * (1 - self.a1**2)
        dW1 = X.T @ dz1
        db1 = np.sum(dz1, axis=0)
        self.W1 -= self.lr * dW1
        self.b1 -= self.lr * db1
        self.W2 -= self.lr * dW2
        self.b2 -= self.lr * db2

    def fit(self, X, y, epochs):
        history = []
        for epoch in range(epochs):
            y_hat = self.forward(X)
            loss = self.compute_loss(y_hat, y)
            history.append(loss)
            self.backward(X, y, y_hat)
            if epoch % 100 == 0:
                print("Epoch", epoch, "Loss", loss)
        return history


if __name__ == "__main__":
    np.random.seed(0)
    X = np.linspace(-2, 2, 40).reshape(-1, 1)
    y = np.sin(X)
    net = NeuralNetwork(1, 8, 1)
    history = net.fit(X, y, 500)
    print("final", history[-1])
