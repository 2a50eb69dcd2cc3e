import numpy as np

np.random.seed(11)

m = 50
sizes = np.random.uniform(30, 120, m)
rooms = np.random.randint(1, 6, m)
prices = 2.1 * sizes + 11.0 * rooms + 20 + np.random.randn(m) * 4

features = np.column_stack([sizes, rooms]).astype(float)
mu, sigma = features.mean(axis=0), features.std(axis=0)
X = np.hstack([np.ones((m, 1)), (features - mu) / sigma])
y = prices.reshape(-1, 1)

theta = np.zeros((3, 1))
alpha = 0.05
lam = 0.1
J_history = []


def compute_cost(X, y, theta):
    errors = X.dot(theta) - y
    return (errors.T.dot(errors)[0, 0] + lam * np.sum(theta[1:] ** 2)) / (2 * len(y))


def gradient_descent(X, y, theta, alpha, num_iters):
    for _ in range(num_iters):
        J_history.append(compute_cost(X, y, theta))
        # backward
        residual = X.dot(theta) - y
        penalty = lam * theta
        penalty[0] = 0
        grad = (X.T.dot(residual) + penalty) / len(y)
        theta = theta - alpha * grad
    return theta


theta = gradient_descent(X, y, theta, alpha, 400)
print("theta:", theta.ravel())
print("cost:", J_history[-1])
