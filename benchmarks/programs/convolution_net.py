import numpy as np
from sklearn.datasets import load_digits

rng = np.random.default_rng(2)
digits = load_digits()
images, labels = digits.images[:200] / 16 - 0.5, digits.target[:200]
filters = rng.normal(size=(3, 3, 3)) / 9
weights = rng.normal(size=(3 * 3 * 3, 10)) / 27
biases = np.zeros(10)
lr = 0.005


def regions(image):
    for i in range(6):
        for j in range(6):
            yield image[i : i + 3, j : j + 3], i, j


def conv(image):
    out = np.zeros((6, 6, 3))
    for region, i, j in regions(image):
        out[i, j] = np.sum(region * filters, axis=(1, 2))
    return out


def pool(x):
    out = np.zeros((3, 3, 3))
    for i in range(3):
        for j in range(3):
            out[i, j] = np.max(x[2 * i : 2 * i + 2, 2 * j : 2 * j + 2], axis=(0, 1))
    return out


def train(image, label):
    global weights, biases, filters
    features = conv(image)
    pooled = pool(features)
    flat = pooled.flatten()
    totals = np.dot(flat, weights) + biases
    exps = np.exp(totals)
    out = exps / np.sum(exps)
    loss = -np.log(out[label])

    # backward
    d_t = out.copy()
    d_t[label] -= 1
    d_w = flat[:, np.newaxis] @ d_t[np.newaxis]
    d_pooled = (weights @ d_t).reshape(pooled.shape)
    d_features = np.zeros(features.shape)
    for i in range(3):
        for j in range(3):
            block = features[2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
            d_features[2 * i : 2 * i + 2, 2 * j : 2 * j + 2] = (block == pooled[i, j]) * d_pooled[
                i, j
            ]
    d_filters = np.zeros(filters.shape)
    for region, i, j in regions(image):
        for f in range(3):
            d_filters[f] += d_features[i, j, f] * region
    weights -= lr * d_w
    biases -= lr * d_t
    filters -= lr * d_filters
    return loss


total = 0
for number, (image, label) in enumerate(zip(images, labels)):
    total += train(image, label)
    if number % 100 == 99:
        print(f"[step {number + 1}] average loss {total / 100:.3f}")
        total = 0
