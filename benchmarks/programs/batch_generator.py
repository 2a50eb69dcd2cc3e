import numpy as np

rng = np.random.default_rng(42)


def make_blobs(per_class, centers):
    X = np.vstack([rng.normal(center, 0.8, size=(per_class, 2)) for center in centers])
    y = np.repeat(np.arange(len(centers)), per_class)
    return X, y


def iterate_minibatches(X, y, batch_size):
    order = rng.permutation(len(X))
    for start in range(0, len(X), batch_size):
        chosen = order[start : start + batch_size]
        yield X[chosen], y[chosen]


X, y = make_blobs(30, [(-1.5, 0.0), (1.5, 0.5), (0.0, 2.0)])
W1 = rng.normal(size=(2, 8)) * np.sqrt(2 / 2)
b1 = np.zeros(8)
W2 = rng.normal(size=(8, 3)) * np.sqrt(2 / 8)
b2 = np.zeros(3)
lr = 0.1

for epoch in range(50):
    losses = []
    for xb, yb in iterate_minibatches(X, y, 16):
        n = len(xb)
        z1 = xb @ W1 + b1
        a1 = np.maximum(z1, 0)
        logits = a1 @ W2 + b2
        logits = logits - logits.max(axis=1, keepdims=True)
        log_probs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        losses.append(-log_probs[np.arange(n), yb].mean())
        # backward
        grad = np.exp(log_probs)
        grad[np.arange(n), yb] -= 1
        grad /= n
        dW2 = a1.T @ grad
        db2 = grad.sum(axis=0)
        da1 = grad @ W2.T
        dz1 = da1 * (z1 > 0)
        dW1 = xb.T @ dz1
        db1 = dz1.sum(axis=0)
        W2 -= lr * dW2
        b2 -= lr * db2
        W1 -= lr * dW1
        b1 -= lr * db1
    if epoch % 10 == 0:
        print(f"epoch {epoch}: loss {np.mean(losses):.4f}")
