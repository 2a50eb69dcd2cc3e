import numpy as np

np.random.seed(7)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def build(sizes):
    layers = []
    for fan_in, fan_out in zip(sizes[:-1], sizes[1:]):
        layers.append({"W": np.random.randn(fan_out, fan_in) * 0.5, "b": np.zeros((fan_out, 1))})
    return layers


def forward(layers, x):
    out = x
    for layer in layers:
        layer["input"] = out
        layer["z"] = layer["W"] @ out + layer["b"]
        layer["out"] = out = sigmoid(layer["z"])
    return out


def backward(layers, y):
    delta = layers[-1]["out"] - y
    for i in range(len(layers) - 1, -1, -1):
        layer = layers[i]
        m = y.shape[1]
        layer["dW"] = delta @ layer["input"].T / m
        layer["db"] = delta.mean(axis=1, keepdims=True)
        if i > 0:
            below = layers[i - 1]["out"]
            delta = layer["W"].T @ delta * below * (1 - below)


def update(layers, rate):
    for layer in layers:
        layer["W"] -= rate * layer["dW"]
        layer["b"] -= rate * layer["db"]


def binary_cross_entropy(p, y):
    return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))


inputs = np.random.randn(2, 40)
labels = (inputs[0] * inputs[1] > 0).astype(float).reshape(1, -1)
network = build([2, 6, 4, 1])
history = []
for iteration in range(500):
    prediction = forward(network, inputs)
    history.append(binary_cross_entropy(prediction, labels))
    backward(network, labels)
    update(network, 0.8)
print("first and last loss:", history[0], history[-1])
