"""Other gradient checkers, each given a loss, its parameters and a hand-derived backward pass.

The pass is registered as the library's own custom gradient, and checked as the library's
documentation says, with its default tolerances:

- ``torch.autograd.gradcheck`` of an ``autograd.Function``, in float64;
- ``jax.test_util.check_grads`` of a ``custom_vjp``, in float64, first order, reverse mode;
- ``autograd.test_util.check_grads`` of a ``primitive`` with ``defvjp``, first order, reverse mode;
- ``scipy.optimize.check_grad`` of the parameters as one vector.  It returns a norm and has no
  tolerance; as its example prints 3e-8, more than 1e-6 is taken for a complaint.

Each function says whether the checker complains.  An exception counts as a complaint.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

Loss = Callable[..., Any]
Checker = Callable[[Loss, Mapping[str, Any], Loss], bool]

SCIPY_TOLERANCE = 1e-6


def pytorch(loss: Loss, params: Mapping[str, Any], manual: Loss) -> bool:
    import torch

    class Pass(torch.autograd.Function):
        @staticmethod
        def forward(ctx, *arrays):
            ctx.save_for_backward(*arrays)
            return torch.tensor(loss(**named(params, map(torch.Tensor.numpy, arrays))))

        @staticmethod
        def backward(ctx, upstream):
            arrays = map(torch.Tensor.numpy, ctx.saved_tensors)
            found = manual(**named(params, arrays))
            return tuple(upstream * torch.as_tensor(np.array(found[name])) for name in params)

    inputs = [torch.tensor(x, requires_grad=True) for x in params.values()]
    try:
        return not torch.autograd.gradcheck(Pass.apply, inputs)
    except RuntimeError:
        return True


def jax(loss: Loss, params: Mapping[str, Any], manual: Loss) -> bool:
    import jax
    import jax.numpy as jnp
    from jax.test_util import check_grads

    jax.config.update("jax_enable_x64", True)

    @jax.custom_vjp
    def function(*arrays):
        return jnp.asarray(loss(**named(params, map(np.asarray, arrays))))

    def backward(arrays, upstream):
        found = manual(**named(params, map(np.asarray, arrays)))
        return tuple(upstream * jnp.asarray(found[name]) for name in params)

    function.defvjp(lambda *arrays: (function(*arrays), arrays), backward)
    try:
        check_grads(function, tuple(map(jnp.asarray, params.values())), order=1, modes=["rev"])
    except (AssertionError, ValueError, TypeError):
        return True
    return False


def hips_autograd(loss: Loss, params: Mapping[str, Any], manual: Loss) -> bool:
    from autograd.extend import defvjp, primitive
    from autograd.test_util import check_grads

    function = primitive(lambda *arrays: loss(**named(params, arrays)))

    def pullback(name: str) -> Any:
        return lambda out, *arrays: lambda g: g * manual(**named(params, arrays))[name]

    defvjp(function, *map(pullback, params))
    np.random.seed(0)  # noqa: NPY002  (it draws its direction from there)
    try:
        every = tuple(range(len(params)))
        check_grads(function, every, modes=["rev"], order=1)(*params.values())
    except (AssertionError, ValueError, TypeError):
        return True
    return False


def scipy(loss: Loss, params: Mapping[str, Any], manual: Loss) -> bool:
    from scipy.optimize import check_grad

    ends = np.cumsum([x.size for x in params.values()])[:-1]

    def arrays(vector: Any) -> dict[str, Any]:
        parts = zip(params.values(), np.split(vector, ends), strict=True)
        return named(params, (part.reshape(x.shape) for x, part in parts))

    def gradient(vector: Any) -> Any:
        found = manual(**arrays(vector))
        return np.concatenate([np.ravel(found[name]) for name in params])

    start = np.concatenate([x.ravel() for x in params.values()])
    try:
        off = check_grad(lambda vector: loss(**arrays(vector)), gradient, start)
    except ValueError:
        return True
    return not off <= SCIPY_TOLERANCE


def named(params: Mapping[str, Any], arrays: Any) -> dict[str, Any]:
    return dict(zip(params, arrays, strict=True))


CHECKERS: dict[str, tuple[str, Checker]] = {
    "torch gradcheck": ("torch", pytorch),
    "jax check_grads": ("jax", jax),
    "autograd check_grads": ("autograd", hips_autograd),
    "scipy check_grad": ("scipy", scipy),
}
"""What each is called, the module that it needs, and how it is asked."""


def installed() -> dict[str, Checker]:
    """The checkers whose libraries are here; says which are not."""
    found = {}
    for name, (module, checker) in CHECKERS.items():
        try:
            importlib.import_module(module)
        except ImportError as error:
            print(f"{name} is left out: {error}")
        else:
            found[name] = checker
    return found
