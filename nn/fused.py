"""Softmax and cross-entropy of class indices as one operation, as every training step needs it."""

from __future__ import annotations

from typing import Any

import numpy as np

import autograd_mini as ag
from autograd_mini.nn.operands import Array


def _forward(logits: Array, labels: Array, divisor: float) -> Any:
    rows = logits.reshape(-1, logits.shape[-1])
    shifted = rows - rows.max(axis=1, keepdims=True)
    chosen = shifted[np.arange(len(rows)), labels.reshape(-1)]
    return np.sum(np.log(np.sum(np.exp(shifted), axis=1)) - chosen) / divisor


def _pullback(g: Any, out: Any, logits: Any, labels: Array, divisor: float) -> Any:
    target = np.eye(np.shape(logits)[-1], dtype=logits.dtype)[labels]
    return (ag.softmax(logits) - target) * (g / divisor)


softmax_cross_entropy = ag.primitive(
    _forward,
    [_pullback, None, None],
    name="softmax_cross_entropy",
    sentence="−Σ log(softmax(z)) of each sample's class, over a divisor; ∂/∂z = (p − t)/divisor.",
)
"""``(logits, labels, divisor)``: a Tensor of shape ``(..., K)``, whole numbers of shape ``(...)``
from 0 to K − 1, and what the sum is divided by.  Nothing is checked.

>>> softmax_cross_entropy(ag.Tensor([[2.0, 0.0], [0.0, 3.0]]), np.array([0, 1]), 2).data.round(4)
np.float64(0.0878)
"""
