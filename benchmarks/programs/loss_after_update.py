import numpy as np
import matplotlib.pyplot as plt

np.random.seed(8)
x = np.random.rand(50, 3).astype(np.float32)
true_w = np.array([[1.5], [-2.0], [0.7]], dtype=np.float32)
y = x @ true_w + 0.3 + 0.05 * np.random.randn(50, 1).astype(np.float32)

w = np.zeros((3, 1), dtype=np.float32)
b = np.zeros(1, dtype=np.float32)
lr = 0.1
history = []
for epoch in range(200):
    for i in range(0, 50, 10):
        xb, yb = x[i : i + 10], y[i : i + 10]
        pred = xb @ w + b
        # backward
        err = pred - yb
        grad_w = 2 * xb.T @ err / len(xb)
        grad_b = 2 * np.mean(err, axis=0)
        w = w - lr * grad_w
        b = b - lr * grad_b
    loss = np.mean((x @ w + b - y) ** 2)
    history.append(loss)
    print(epoch, loss)

plt.plot(history)
plt.xlabel("epoch")
plt.savefig("loss.png")
plt.show()
