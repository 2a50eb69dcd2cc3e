import numpy as np


class TiedAutoencoder:
    """An autoencoder whose decoder is the transposed encoder."""

    def __init__(self, n_visible, n_hidden, seed=0):
        rng = np.random.RandomState(seed)
        limit = np.sqrt(6.0 / (n_visible + n_hidden))
        self.W = rng.uniform(-limit, limit, (n_visible, n_hidden))
        self.b_hidden = np.zeros(n_hidden)
        self.b_visible = np.zeros(n_visible)

    def encode(self, x):
        return 1.0 / (1.0 + np.exp(-(x @ self.W + self.b_hidden)))

    def decode(self, h):
        return h @ self.W.T + self.b_visible

    def train_step(self, x, lr):
        h = self.encode(x)
        x_hat = self.decode(h)
        loss = np.mean((x_hat - x) ** 2)
        # backward
        d_out = 2 * (x_hat - x) / x.size
        d_h = d_out @ self.W
        d_pre = d_h * h * (1 - h)
        d_W = x.T @ d_pre + d_out.T @ h
        self.W -= lr * d_W
        self.b_hidden -= lr * d_pre.sum(axis=0)
        self.b_visible -= lr * d_out.sum(axis=0)
        return loss


if __name__ == "__main__":
    rng = np.random.RandomState(1)
    codes = rng.rand(64, 2)
    data = codes @ rng.rand(2, 6) + 0.05 * rng.randn(64, 6)
    model = TiedAutoencoder(6, 3)
    for epoch in range(100):
        batch_losses = [model.train_step(data[i : i + 16], lr=0.5) for i in range(0, 64, 16)]
        if epoch % 20 == 0:
            print("epoch", epoch, "mse", sum(batch_losses) / len(batch_losses))
