"""Trains a small classifier of two moons."""

import argparse

import numpy as np


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=200)
    parser.add_argument("--lr", type=float, default=0.5)
    parser.add_argument("--hidden", type=int, default=6)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def two_moons(n, rng):
    angle = rng.uniform(0, np.pi, n)
    upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    lower = np.stack([1 - np.cos(angle), 0.5 - np.sin(angle)], axis=1)
    points = np.concatenate([upper, lower]) + 0.1 * rng.standard_normal((2 * n, 2))
    return points, np.concatenate([np.zeros(n), np.ones(n)])


class MLP:
    def __init__(self, hidden, rng):
        self.w1 = rng.standard_normal((2, hidden))
        self.b1 = np.zeros(hidden)
        self.w2 = rng.standard_normal(hidden)
        self.b2 = 0.0

    def forward(self, x):
        self.x = x
        self.h = np.tanh(x @ self.w1 + self.b1)
        self.p = 1 / (1 + np.exp(-(self.h @ self.w2 + self.b2)))
        return self.p

    def backward(self, y):
        dz2 = (self.p - y) / len(y)
        dw2 = self.h.T @ dz2
        db2 = dz2.sum()
        dh = np.outer(dz2, self.w2)
        dz1 = dh * (1 - self.h**2)
        dw1 = self.x.T @ dz1
        db1 = dz1.sum(axis=0)
        return dw1, db1, dw2, db2

    def step(self, grads, lr):
        dw1, db1, dw2, db2 = grads
        self.w1 -= lr * dw1
        self.b1 -= lr * db1
        self.w2 -= lr * dw2
        self.b2 -= lr * db2


def bce(p, y):
    return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))


def main():
    args = parse_args()
    rng = np.random.default_rng(args.seed)
    x, y = two_moons(40, rng)
    net = MLP(args.hidden, rng)
    for epoch in range(args.epochs):
        p = net.forward(x)
        loss = bce(p, y)
        net.step(net.backward(y), args.lr)
        if epoch % 50 == 0:
            print(f"{epoch:4d} {loss:.4f} {np.mean((p > 0.5) == y):.2f}")
    return net


if __name__ == "__main__":
    net = main()
