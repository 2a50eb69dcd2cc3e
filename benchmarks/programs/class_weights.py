import numpy as np

rng = np.random.default_rng(5)
counts = [60, 20, 10]
X = np.concatenate([rng.normal(k, 1.0, size=(n, 4)) for k, n in enumerate(counts)])
labels = np.concatenate([np.full(n, k) for k, n in enumerate(counts)])
class_weights = len(labels) / (len(counts) * np.array(counts))
sample_weights = class_weights[labels]
targets = np.zeros((len(labels), len(counts)))
targets[np.arange(len(labels)), labels] = 1.0

W = 0.01 * rng.standard_normal((4, 3))
b = np.zeros(3)
learning_rate = 0.2
weight_decay = 1e-3

for step in range(200):
    scores = X @ W + b
    exp_scores = np.exp(scores - scores.max(axis=1, keepdims=True))
    probs = exp_scores / exp_scores.sum(axis=1, keepdims=True)
    data_loss = -np.sum(sample_weights * np.log(probs[np.arange(len(X)), labels])) / len(X)
    loss = data_loss + 0.5 * weight_decay * np.sum(W * W)
    if step % 50 == 0:
        print(f"step {step:3d}  loss {loss:.4f}")
    # backward
    d_scores = sample_weights[:, None] * (probs - targets) / len(X)
    d_W = X.T @ d_scores + weight_decay * W
    d_b = d_scores.sum(axis=0)
    W -= learning_rate * d_W
    b -= learning_rate * d_b
