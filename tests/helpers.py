"""What tests in several folders share."""

import importlib.util
import os
import random
import sys
import warnings
from pathlib import Path
from types import ModuleType

import numpy as np

import autograd_mini as ag
from autograd_mini.core.graph import push_forward

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


def example_module(name: str) -> ModuleType:
    """An example as a module of its own, which is made anew by each call."""
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def fork() -> int:
    """``os.fork()`` where other threads, an imported library's too, only draw a warning from it.

    The child of a test takes no lock that such a thread may hold.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return os.fork()


def report_of_a_wrong_slope(hints=3):
    """A report on a pass in which the sign of tanh's slope is wrong."""
    X = np.array([[1.0, 2.0], [3.0, -1.0], [0.5, 1.0]])

    def loss(w):
        z = X @ w
        return np.sum(np.tanh(z) ** 2)

    def manual(w):
        a = np.tanh(X @ w)
        dz = 2 * a * (1 + a**2)
        return {"z": dz, "w": X.T @ dz}

    return ag.check_gradients(loss, {"w": np.array([0.5, -0.3])}, manual, hints=hints)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def check_tangents(function, *operands, **options):
    """A tangent and an upstream gradient see one Jacobian: ⟨push(t), g⟩ = ⟨t, pull(g)⟩.

    ``function`` records an operation of the operands; each is moved alone, and recorded as well.
    """
    rng = np.random.default_rng(5)
    for index, operand in enumerate(operands):
        leaf = ag.Tensor(operand)
        out = function(*operands[:index], leaf, *operands[index + 1 :], **options)
        t, g = rng.normal(size=leaf.shape), rng.normal(size=out.shape)
        with np.errstate(all="ignore"):
            pushed = push_forward(out, {leaf: t})
        if pushed is None:
            assert out.operation.pullback(index) is None
            continue
        pulled = ag.gradients(out, leaf, gradient=g)
        assert pushed.shape == out.shape
        assert pushed.dtype == out.dtype
        terms = [pushed * g, t * pulled]
        size = max(float(np.sum(abs(each))) for each in terms)
        assert abs(np.sum(terms[0]) - np.sum(terms[1])) <= 1e-10 * size, (out.op, index)
        recorded = push_forward(out, {leaf: ag.Tensor(t)}, create_graph=True)
        np.testing.assert_allclose(recorded.data, pushed, rtol=1e-10, atol=1e-10 * size)


# Random programs over arrays

UNARY = [
    np.sin, np.tanh, ag.sigmoid, ag.softplus, np.square, np.transpose, np.ravel, np.squeeze,
    np.copy, np.sum, np.mean, np.var, np.flip, np.atleast_1d, np.atleast_2d, np.negative,
    lambda x: np.expand_dims(x, 0), lambda x: np.sum(x, axis=-1, keepdims=True),
    lambda x: ag.softmax(np.atleast_1d(x)), lambda x: ag.logsumexp(x, axis=-1),
    lambda x: np.prod(np.tanh(x), axis=0), lambda x: np.cumsum(x, axis=-1), lambda x: x[..., None],
    lambda x: np.atleast_1d(x)[::-1], lambda x: np.atleast_1d(x)[:1],
    lambda x: np.take(np.ravel(x), [0, -1, 0]) if np.size(x) else x,
    lambda x: np.reshape(x, (-1, 1)) if np.size(x) else x, lambda x: np.pad(x, 1),
    lambda x: np.broadcast_to(x, (2, *np.shape(x))), lambda x: np.einsum("...->...", x),
    lambda x: x[np.array(True)], lambda x: np.roll(x, 1), lambda x: np.repeat(x, 2),
]  # fmt: skip
BINARY = [
    np.add, np.subtract, np.multiply, np.outer, ag.logaddexp,
    lambda x, y: x / (2 + np.tanh(y)), lambda x, y: np.where(np.ndim(x) > 0, x, np.sum(y)),
    lambda x, y: np.stack([np.sum(x), np.sum(y)]),
    lambda x, y: np.concatenate([np.ravel(x), np.ravel(y)]),
    lambda x, y: np.matmul(x, y),
    lambda x, y: np.tensordot(x, y, 0),
]  # fmt: skip
LARGEST = 200


def random_program(seed):
    """A function of arrays with steps drawn at random, and the arrays.

    A step that does not fit the shapes is left out, as its refusal depends on them alone.
    """
    dice = random.Random(seed)
    rng = np.random.default_rng(seed)
    shapes = [tuple(dice.choice([1, 2, 3, 0]) for _ in range(dice.randint(0, 3))) for _ in range(2)]
    arrays = [rng.uniform(0.3, 1.5, shape) for shape in shapes]
    steps = [
        (dice.choice(UNARY), (dice.random(),))
        if dice.random() < 0.6
        else (dice.choice(BINARY), (dice.random(), dice.random()))
        for _ in range(dice.randint(2, 9))
    ]

    def nodes(*xs):
        nodes = list(xs)
        for function, places in steps:
            operands = [nodes[int(place * len(nodes))] for place in places]
            try:
                made = function(*operands)
            except (ValueError, TypeError, IndexError):
                continue
            if np.size(made) <= LARGEST:
                nodes.append(made)
        return nodes

    def result(*xs):
        return sum(np.sum(np.arctan(node)) for node in nodes(*xs)[-3:])

    return nodes, result, arrays
