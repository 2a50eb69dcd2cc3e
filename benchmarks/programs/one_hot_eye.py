import numpy as np
from sklearn.datasets import load_iris
from sklearn.model_selection import train_test_split

iris = load_iris()
X_train, X_test, y_train, y_test = train_test_split(
    iris.data, iris.target, test_size=0.3, random_state=0
)
mean, std = X_train.mean(0), X_train.std(0)
X_train, X_test = (X_train - mean) / std, (X_test - mean) / std
Y_train = np.eye(3)[y_train]

rng = np.random.RandomState(0)
params = {
    "W1": rng.randn(4, 10) * 0.3,
    "b1": np.zeros((1, 10)),
    "W2": rng.randn(10, 3) * 0.3,
    "b2": np.zeros((1, 3)),
}


def softmax(z):
    e = np.exp(z - np.max(z, axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def forward(X, params):
    h = np.tanh(X @ params["W1"] + params["b1"])
    return h, softmax(h @ params["W2"] + params["b2"])


def gradients(X, Y, h, probs, params):
    delta2 = (probs - Y) / X.shape[0]
    delta1 = delta2 @ params["W2"].T * (1 - h**2)
    return {
        "W2": h.T @ delta2,
        "b2": delta2.sum(axis=0, keepdims=True),
        "W1": X.T @ delta1,
        "b1": delta1.sum(axis=0, keepdims=True),
    }


def accuracy(X, y):
    return np.mean(forward(X, params)[1].argmax(axis=1) == y)


for epoch in range(300):
    h, probs = forward(X_train, params)
    loss = -np.sum(Y_train * np.log(probs)) / len(Y_train)
    grads = gradients(X_train, Y_train, h, probs, params)
    for key in params:
        params[key] -= 0.5 * grads[key]
    if epoch % 50 == 0:
        print(epoch, loss, accuracy(X_test, y_test))
print("test accuracy", accuracy(X_test, y_test))
