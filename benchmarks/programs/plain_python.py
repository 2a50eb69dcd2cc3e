import math
import random

random.seed(3)

samples = [([0.0, 0.0], 0.0), ([0.0, 1.0], 1.0), ([1.0, 0.0], 1.0), ([1.0, 1.0], 0.0)]
n_inputs, n_hidden = 2, 3
w_hidden = [[random.uniform(-1, 1) for _ in range(n_inputs)] for _ in range(n_hidden)]
b_hidden = [0.0] * n_hidden
w_out = [random.uniform(-1, 1) for _ in range(n_hidden)]
b_out = 0.0
rate = 0.5


def sigmoid(x):
    return 1.0 / (1.0 + math.exp(-x))


for epoch in range(2000):
    total_error = 0.0
    for x, target in samples:
        hidden = []
        for j in range(n_hidden):
            s = b_hidden[j]
            for i in range(n_inputs):
                s += w_hidden[j][i] * x[i]
            hidden.append(sigmoid(s))
        s = b_out
        for j in range(n_hidden):
            s += w_out[j] * hidden[j]
        output = sigmoid(s)
        total_error += 0.5 * (target - output) ** 2

        # backward
        delta_out = (output - target) * output * (1 - output)
        delta_hidden = []
        for j in range(n_hidden):
            delta_hidden.append(delta_out * w_out[j] * hidden[j] * (1 - hidden[j]))
        for j in range(n_hidden):
            w_out[j] -= rate * delta_out * hidden[j]
            for i in range(n_inputs):
                w_hidden[j][i] -= rate * delta_hidden[j] * x[i]
            b_hidden[j] -= rate * delta_hidden[j]
        b_out -= rate * delta_out
    if epoch % 500 == 0:
        print("epoch", epoch, "error", total_error)
