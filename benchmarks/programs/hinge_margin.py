import numpy as np

np.random.seed(9)
num_train, num_features, num_classes = 40, 6, 4
X = np.random.randn(num_train, num_features)
X = np.concatenate([X, np.ones((num_train, 1))], axis=1)
y = np.random.randint(num_classes, size=num_train)
W = np.random.randn(num_features + 1, num_classes) * 0.05


def svm_loss(W, X, y, reg):
    n = X.shape[0]
    scores = X.dot(W)
    correct = scores[np.arange(n), y].reshape(-1, 1)
    margins = np.maximum(0, scores - correct + 1)
    margins[np.arange(n), y] = 0
    loss = margins.sum() / n + reg * np.sum(W * W)
    # backward
    binary = (margins > 0).astype(float)
    binary[np.arange(n), y] = -binary.sum(axis=1)
    dW = X.T.dot(binary) / n + 2 * reg * W
    return loss, dW


loss_history = []
for it in range(300):
    batch = np.random.choice(num_train, 20)
    loss, grad = svm_loss(W, X[batch], y[batch], 1e-3)
    loss_history.append(loss)
    W -= 0.05 * grad
    if it % 100 == 0:
        print("iteration %d / %d: loss %f" % (it, 300, loss))
