import numpy as np

R = np.array([[5, 3, 0, 1], [4, 0, 0, 1], [1, 1, 0, 5], [1, 0, 0, 4], [0, 1, 5, 4]], float)
users, items = R.shape
K = 2
rng = np.random.default_rng(0)
P = rng.random((users, K))
Q = rng.random((items, K))


def factorise(R, P, Q, steps=500, alpha=0.01, beta=0.02):
    mask = R > 0
    for step in range(steps):
        E = mask * (R - P @ Q.T)
        loss = np.sum(E**2) + beta * (np.sum(P**2) + np.sum(Q**2))
        # backward
        dP = -2 * E @ Q + 2 * beta * P
        dQ = -2 * E.T @ P + 2 * beta * Q
        P -= alpha * dP
        Q -= alpha * dQ
        if step % 100 == 0:
            print("step", step, "loss", loss)
    return P, Q


P, Q = factorise(R, P, Q)
print(np.round(P @ Q.T, 1))
