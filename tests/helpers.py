"""What tests in several folders share."""

import importlib.util
import sys
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
