import matplotlib.pyplot as plt
import numpy as np

np.random.seed(0)
x = np.linspace(-np.pi, np.pi, 200)
y = np.sin(x)

a, b, c, d = np.random.randn(4)
learning_rate = 1e-6
losses = []
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 4))

for t in range(2000):
    y_pred = a + b * x + c * x**2 + d * x**3
    loss = np.square(y_pred - y).sum()
    losses.append(loss)
    if t % 500 == 0:
        left.clear()
        left.plot(x, y, label="sine")
        left.plot(x, y_pred, label=f"step {t}")
        left.legend()
        right.plot(losses)
        plt.pause(0.01)

    # backward
    grad_y_pred = 2.0 * (y_pred - y)
    grad_a = grad_y_pred.sum()
    grad_b = (grad_y_pred * x).sum()
    grad_c = (grad_y_pred * x**2).sum()
    grad_d = (grad_y_pred * x**3).sum()
    a -= learning_rate * grad_a
    b -= learning_rate * grad_b
    c -= learning_rate * grad_c
    d -= learning_rate * grad_d

plt.savefig("fit.png")
print(f"Result: y = {a} + {b} x + {c} x^2 + {d} x^3")
