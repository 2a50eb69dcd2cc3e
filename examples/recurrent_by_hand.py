"""Backpropagation through time, derived by hand and checked against the automatic gradients.

A recurrent network h_t = tanh(x_t·W + h_(t-1)·U + b), y_t = h_t·V + c over T steps, with the error
E = ½ Σ (target − y)².  Going back through time, with δ_t = ∂E/∂(x_t·W + h_(t-1)·U + b):

    ∂E/∂h_t = (y_t − target_t)·Vᵀ + δ_(t+1)·Uᵀ        δ_t = ∂E/∂h_t ⊙ (1 − h_t²)
    ∂E/∂W = Σ_t x_tᵀ·δ_t    ∂E/∂U = Σ_t h_(t-1)ᵀ·δ_t    ∂E/∂b = Σ_t Σ_samples δ_t

``check_gradients`` holds each of them against the automatic and the numerical gradient.  Then the
usual mistake, to leave out the way back through U, is made on purpose, and the report shows what
it spoils.  (P. J. Werbos, "Backpropagation through time: what it does and how to do it",
Proceedings of the IEEE 78, 1990.)

    python examples/recurrent_by_hand.py
"""

from __future__ import annotations

import argparse
from typing import NamedTuple

import numpy as np

import autograd_mini as ag
from autograd_mini import nn

SAMPLES, STEPS, N_IN, N_HIDDEN, N_OUT = 4, 6, 3, 5, 2


class Result(NamedTuple):
    """The report on the right derivation and on the wrong one, and the layer's difference."""

    right: ag.GradientReport
    wrong: ag.GradientReport
    difference: float


def main(seed: int = 0) -> Result:
    """Check the derivation, then the same with a mistake, then the layer ``nn.RNN``."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(SAMPLES, STEPS, N_IN))
    target = rng.normal(size=(SAMPLES, STEPS, N_OUT))
    parameters = {
        "W": rng.normal(0, 0.5, (N_IN, N_HIDDEN)),
        "U": rng.normal(0, 0.5, (N_HIDDEN, N_HIDDEN)),
        "b": rng.normal(0, 0.5, N_HIDDEN),
        "V": rng.normal(0, 0.5, (N_HIDDEN, N_OUT)),
        "c": rng.normal(0, 0.5, N_OUT),
    }

    def loss(W, U, b, V, c):  # type: ignore[no-untyped-def]
        h = np.zeros((SAMPLES, N_HIDDEN))
        error = 0.0
        for t in range(STEPS):
            h = np.tanh(X[:, t] @ W + h @ U + b)
            y = h @ V + c
            error = error + np.sum((target[:, t] - y) ** 2) / 2
        return error

    def manual(W, U, b, V, c, through_time=True):  # type: ignore[no-untyped-def]
        hs = [np.zeros((SAMPLES, N_HIDDEN))]
        for t in range(STEPS):
            hs.append(np.tanh(X[:, t] @ W + hs[-1] @ U + b))
        dW, dU, db, dV, dc = (np.zeros_like(p) for p in (W, U, b, V, c))
        delta = np.zeros((SAMPLES, N_HIDDEN))
        for t in reversed(range(STEPS)):
            before, h = hs[t], hs[t + 1]
            dy = h @ V + c - target[:, t]
            dh = dy @ V.T + (delta @ U.T if through_time else 0)
            delta = dh * (1 - h**2)
            dW += X[:, t].T @ delta
            dU += before.T @ delta
            db += delta.sum(axis=0)
            dV += h.T @ dy
            dc += dy.sum(axis=0)
        return {"W": dW, "U": dU, "b": db, "V": dV, "c": dc}

    print("Backpropagation through time, by hand:\n")
    right = ag.check_gradients(loss, parameters, manual)
    print(right)
    print("\nThe same without the way back through U (δ_(t+1)·Uᵀ left out):\n")
    wrong = ag.check_gradients(loss, parameters, manual(**parameters, through_time=False))
    print(wrong)

    layer = nn.RNN(N_IN, N_HIDDEN, rng=0)
    [cell] = layer.cells
    cell.weight.data, cell.recurrent_weight.data = parameters["W"], parameters["U"]
    cell.bias.data = parameters["b"]
    cell.recurrent_bias.data = np.zeros(N_HIDDEN)
    outputs = layer(X) @ parameters["V"] + parameters["c"]
    nn.half_squared_error(outputs, target).backward()
    by_hand = manual(**parameters)
    difference = max(
        float(np.abs(cell.weight.grad - by_hand["W"]).max()),
        float(np.abs(cell.recurrent_weight.grad - by_hand["U"]).max()),
    )
    print(f"\nThe layer nn.RNN differs from the hand-made gradients by at most {difference:.1e}")
    return Result(right, wrong, difference)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Backpropagation through time by hand.")
    parser.add_argument("--seed", type=int, default=0)
    main(**vars(parser.parse_args()))
