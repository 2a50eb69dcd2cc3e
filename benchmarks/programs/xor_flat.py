import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def sigmoid_derivative(a):
    return a * (1 - a)


inputs = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
targets = np.array([[0], [1], [1], [0]])
np.random.seed(42)
weights_hidden = np.random.uniform(-1, 1, size=(2, 4))
bias_hidden = np.zeros((1, 4))
weights_output = np.random.uniform(-1, 1, size=(4, 1))
bias_output = np.zeros((1, 1))
learning_rate = 0.5

for epoch in range(10000):
    hidden_input = np.dot(inputs, weights_hidden) + bias_hidden
    hidden = sigmoid(hidden_input)
    predicted = sigmoid(np.dot(hidden, weights_output) + bias_output)

    # backward
    error = targets - predicted
    d_predicted = error * sigmoid_derivative(predicted)
    error_hidden = d_predicted.dot(weights_output.T)
    d_hidden = error_hidden * sigmoid_derivative(hidden)

    weights_output += hidden.T.dot(d_predicted) * learning_rate
    bias_output += np.sum(d_predicted, axis=0, keepdims=True) * learning_rate
    weights_hidden += inputs.T.dot(d_hidden) * learning_rate
    bias_hidden += np.sum(d_hidden, axis=0, keepdims=True) * learning_rate

    if epoch % 1000 == 0:
        loss = np.mean((targets - predicted) ** 2)
        print(f"epoch {epoch}: loss {loss:.4f}")
