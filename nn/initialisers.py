"""Starting values for weights and biases, drawn from a seeded Generator.

An initialiser is a function ``(shape, rng)`` that gives an array; a layer takes one by
name, as a function of your own, or takes the array itself.  A weight matrix has the shape
``(n_in, n_out)``.

Sources: X. Glorot and Y. Bengio, "Understanding the difficulty of training deep feedforward
neural networks", AISTATS 2010 (equation 16 for the uniform one); K. He, X. Zhang, S. Ren and
J. Sun, "Delving deep into rectifiers", ICCV 2015 (equation 10).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd_mini.nn.operands import operand
from autograd_mini.nn.seeds import Seed, generator
from autograd_mini.nn.suggest import unknown_name
from autograd_mini.typing import Array

Shape = tuple[int, ...]
Initialiser = str | Callable[[Shape, np.random.Generator], Any] | Any
"""A name of the table, a function ``(shape, rng)``, or an array of the right shape."""


def glorot_uniform(shape: Shape, rng: Seed = None) -> Array:
    """Uniform in ±√(6 / (n_in + n_out)): keeps the variance through tanh and sigmoid layers.

    >>> glorot_uniform((2, 1), np.random.default_rng(0)).round(4)
    array([[ 0.3874],
           [-0.6511]])
    """
    n_in, n_out = _fans("glorot_uniform", shape)
    limit = math.sqrt(6 / (n_in + n_out))
    return generator(rng).uniform(-limit, limit, shape)


def glorot_normal(shape: Shape, rng: Seed = None) -> Array:
    """Normal with standard deviation √(2 / (n_in + n_out)), the variance of ``glorot_uniform``.

    >>> glorot_normal((2, 1), np.random.default_rng(0)).shape
    (2, 1)
    """
    n_in, n_out = _fans("glorot_normal", shape)
    return generator(rng).normal(0, math.sqrt(2 / (n_in + n_out)), shape)


def he_uniform(shape: Shape, rng: Seed = None) -> Array:
    """Uniform in ±√(6 / n_in): keeps the variance through relu layers.

    >>> bool(np.all(np.abs(he_uniform((6, 2), np.random.default_rng(0))) <= 1))
    True
    """
    n_in, _ = _fans("he_uniform", shape)
    limit = math.sqrt(6 / n_in)
    return generator(rng).uniform(-limit, limit, shape)


def he_normal(shape: Shape, rng: Seed = None) -> Array:
    """Normal with standard deviation √(2 / n_in), the variance of ``he_uniform``.

    >>> he_normal((6, 2), np.random.default_rng(0)).shape
    (6, 2)
    """
    n_in, _ = _fans("he_normal", shape)
    return generator(rng).normal(0, math.sqrt(2 / n_in), shape)


def uniform(shape: Shape, rng: Seed = None, low: float = -0.5, high: float = 0.5) -> Array:
    """Uniform in [low, high).

    >>> uniform((2,), np.random.default_rng(0)).round(4)
    array([ 0.137 , -0.2302])
    """
    return generator(rng).uniform(low, high, shape)


def normal(shape: Shape, rng: Seed = None, deviation: float = 1.0) -> Array:
    """Normal with mean 0 and this standard deviation.

    >>> normal((2,), np.random.default_rng(0)).round(4)
    array([ 0.1257, -0.1321])
    """
    return generator(rng).normal(0, deviation, shape)


def orthogonal(shape: Shape, rng: Seed = None, gain: float = 1.0) -> Array:
    """A matrix whose rows or columns, whichever are fewer, are orthogonal and of length ``gain``.

    Drawn evenly among all of them: Q of the QR decomposition of a normal matrix, with the signs
    of R's diagonal.  It keeps lengths, so that gradients neither vanish nor explode through many
    steps.  (A. M. Saxe, J. L. McClelland and S. Ganguli, "Exact solutions to the nonlinear
    dynamics of learning in deep linear neural networks", ICLR 2014; F. Mezzadri, "How to
    generate random matrices from the classical compact groups", Notices of the AMS 54, 2007.)

    >>> W = orthogonal((3, 2), np.random.default_rng(0))
    >>> bool(np.allclose(W.T @ W, np.eye(2)))
    True
    """
    n_in, n_out = _fans("orthogonal", shape)
    Q, R = np.linalg.qr(generator(rng).normal(size=(max(n_in, n_out), min(n_in, n_out))))
    signs = np.where(np.diagonal(R) < 0, -1.0, 1.0)
    return np.ascontiguousarray(gain * (Q * signs if n_in >= n_out else (Q * signs).T))


def zeros(shape: Shape, rng: Seed = None) -> Array:
    """Zeros; right for biases, but hidden neurons whose weights are all zero stay equal.

    >>> zeros((2,))
    array([0., 0.])
    """
    return np.zeros(shape)


INITIALISERS: dict[str, Callable[[Shape, np.random.Generator], Array]] = {
    "glorot_uniform": glorot_uniform,
    "glorot_normal": glorot_normal,
    "he_uniform": he_uniform,
    "he_normal": he_normal,
    "orthogonal": orthogonal,
    "uniform": uniform,
    "normal": normal,
    "zeros": zeros,
}
"""The initialisers by name."""


def initial(init: Initialiser, shape: Shape, rng: np.random.Generator) -> Array:
    """The starting values that ``init`` gives for an array of this shape.

    Raises:
        ValueError: the name is unknown, or the array has another shape.

    >>> initial([[1.0], [2.0]], (2, 1), np.random.default_rng(0))
    array([[1.],
           [2.]])
    """
    if isinstance(init, str):
        if init not in INITIALISERS:
            raise ValueError(unknown_name("initialiser", init, INITIALISERS))
        init = INITIALISERS[init]
    array = np.asarray(operand(init(shape, rng) if callable(init) else init, "starting values"))
    if array.shape != shape:
        raise ValueError(
            f"starting values of shape {array.shape} do not fit an array of shape {shape}; "
            "a weight matrix has the shape (n_in, n_out), a bias (n_out,)"
        )
    return array


def _fans(name: str, shape: Shape) -> tuple[int, int]:
    if len(shape) != 2:
        raise ValueError(
            f"{name} needs a weight matrix of shape (n_in, n_out), not {shape}; "
            "'zeros' and 'uniform' suit a bias"
        )
    return shape[0], shape[1]
