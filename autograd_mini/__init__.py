"""autograd_mini: write the forward pass, get exact gradients, and see where each comes from.

>>> import numpy as np
>>> import autograd_mini as ag
>>> w = ag.Tensor([1.0, 2.0], label="w")
>>> loss = np.sum(ag.sigmoid(w) ** 2)
>>> loss.backward()
>>> w.grad.round(4)
array([0.2875, 0.185 ])
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from autograd_mini import other_libraries
from autograd_mini._build import build

build.choose()  # before anything imports the scalar engine

# ruff: noqa: E402
from autograd_mini._build.build import build_info as build_info
from autograd_mini.core.graph import gradients as gradients
from autograd_mini.core.graph import topological_order as topological_order
from autograd_mini.core.modes import debug as debug
from autograd_mini.core.modes import no_grad as no_grad
from autograd_mini.core.operation import OPERATIONS as OPERATIONS
from autograd_mini.core.operation import Operation as Operation
from autograd_mini.core.tensor import Tensor as Tensor
from autograd_mini.core.value import Value as Value
from autograd_mini.core.value import weighted_sum as weighted_sum
from autograd_mini.extend import primitive as primitive
from autograd_mini.extend import rule as rule
from autograd_mini.interface.independence import (
    IndependentOutputWarning as IndependentOutputWarning,
)
from autograd_mini.interface.traced import as_array as as_array
from autograd_mini.interface.traced import drawn as drawn
from autograd_mini.interface.traced import effect as effect
from autograd_mini.operations import numpy_functions as _numpy_functions  # noqa: F401 - they are entered
from autograd_mini.operations.assignment import at as at
from autograd_mini.operations.buffers import array as array
from autograd_mini.operations.buffers import zeros as zeros
from autograd_mini.operations.products import affine as affine
from autograd_mini.operations.softmax import log_softmax as log_softmax
from autograd_mini.operations.softmax import logsumexp as logsumexp
from autograd_mini.operations.softmax import softmax as softmax
from autograd_mini.transforms.derivatives import elementwise_grad as elementwise_grad
from autograd_mini.transforms.derivatives import grad as grad
from autograd_mini.transforms.derivatives import value_and_grad as value_and_grad
from autograd_mini.transforms.derivatives import vjp as vjp
from autograd_mini.transforms.directions import hvp as hvp
from autograd_mini.transforms.directions import jvp as jvp
from autograd_mini.transforms.matrices import hessian as hessian
from autograd_mini.transforms.matrices import jacfwd as jacfwd
from autograd_mini.transforms.matrices import jacobian as jacobian
from autograd_mini.transforms.matrices import jacrev as jacrev
from autograd_mini.trees import flatten as flatten

# isort: off
# region imports: written by `python -m autograd_mini._build.generate`
from autograd_mini._build.functions import add as add
from autograd_mini._build.functions import sub as sub
from autograd_mini._build.functions import mul as mul
from autograd_mini._build.functions import div as div
from autograd_mini._build.functions import pow as pow
from autograd_mini._build.functions import neg as neg
from autograd_mini._build.functions import positive as positive
from autograd_mini._build.functions import exp as exp
from autograd_mini._build.functions import expm1 as expm1
from autograd_mini._build.functions import log as log
from autograd_mini._build.functions import log1p as log1p
from autograd_mini._build.functions import log2 as log2
from autograd_mini._build.functions import log10 as log10
from autograd_mini._build.functions import sqrt as sqrt
from autograd_mini._build.functions import square as square
from autograd_mini._build.functions import reciprocal as reciprocal
from autograd_mini._build.functions import sin as sin
from autograd_mini._build.functions import cos as cos
from autograd_mini._build.functions import tan as tan
from autograd_mini._build.functions import arcsin as arcsin
from autograd_mini._build.functions import arccos as arccos
from autograd_mini._build.functions import arctan as arctan
from autograd_mini._build.functions import arctan2 as arctan2
from autograd_mini._build.functions import sinh as sinh
from autograd_mini._build.functions import cosh as cosh
from autograd_mini._build.functions import tanh as tanh
from autograd_mini._build.functions import arcsinh as arcsinh
from autograd_mini._build.functions import arccosh as arccosh
from autograd_mini._build.functions import arctanh as arctanh
from autograd_mini._build.functions import abs as abs
from autograd_mini._build.functions import sign as sign
from autograd_mini._build.functions import floor as floor
from autograd_mini._build.functions import ceil as ceil
from autograd_mini._build.functions import trunc as trunc
from autograd_mini._build.functions import rint as rint
from autograd_mini._build.functions import mod as mod
from autograd_mini._build.functions import floor_divide as floor_divide
from autograd_mini._build.functions import sigmoid as sigmoid
from autograd_mini._build.functions import softplus as softplus
from autograd_mini._build.functions import log_sigmoid as log_sigmoid
from autograd_mini._build.functions import relu as relu
from autograd_mini._build.functions import leaky_relu as leaky_relu
from autograd_mini._build.functions import elu as elu
from autograd_mini._build.functions import silu as silu
from autograd_mini._build.functions import maximum as maximum
from autograd_mini._build.functions import minimum as minimum
from autograd_mini._build.functions import where as where
from autograd_mini._build.functions import clip as clip
from autograd_mini._build.functions import hypot as hypot
from autograd_mini._build.functions import logaddexp as logaddexp
from autograd_mini._build.functions import erf as erf
from autograd_mini._build.functions import erfc as erfc
from autograd_mini._build.functions import gelu as gelu
# endregion
# isort: on

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """What is seldom needed is imported when it is first asked for."""
    if name in _LAZY:
        return getattr(import_module(f"autograd_mini.{_LAZY[name]}"), name)
    if name in ("nn", "stats"):
        return import_module(f"autograd_mini.{name}")
    raise AttributeError(other_libraries.missing("autograd_mini", name))


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY, "nn", "stats"})


_LAZY = {
    "checkpoint": "transforms.recomputed",
    "custom_gradient": "transforms.recomputed",
    "convolve": "operations.numerics",
    "expm": "operations.matrix_exponential",
    "fixed_point": "transforms.implicit",
    "root": "transforms.implicit",
    "vmap": "transforms.mapped",
    "check_backward": "check",
    "check_gradients": "check",
    "check_script": "check",
    "check_step": "check",
    "compare": "check",
    "GradientError": "check",
    "GradientReport": "check",
    "compile": "replay.compiled",
    "source": "replay.source",
    "Source": "replay.source",
    "to_jax": "replay.elsewhere",
    "to_torch": "replay.elsewhere",
    "draw": "show.draw",
    "animate": "show.animate",
    "Drawing": "show.drawing",
    "explain": "show.explain",
    "Explanation": "show.explain",
    "steps": "show.steps",
    "Step": "show.steps",
    "walkthrough": "page.walkthrough",
    "widget": "page.widget",
}

if TYPE_CHECKING:
    from autograd_mini import nn as nn
    from autograd_mini import stats as stats
    from autograd_mini.check import GradientError as GradientError
    from autograd_mini.check import GradientReport as GradientReport
    from autograd_mini.check import check_backward as check_backward
    from autograd_mini.check import check_gradients as check_gradients
    from autograd_mini.check import check_script as check_script
    from autograd_mini.check import check_step as check_step
    from autograd_mini.check import compare as compare
    from autograd_mini.operations.matrix_exponential import expm as expm
    from autograd_mini.operations.numerics import convolve as convolve
    from autograd_mini.page.walkthrough import walkthrough as walkthrough
    from autograd_mini.page.widget import widget as widget
    from autograd_mini.replay.compiled import compile as compile
    from autograd_mini.replay.source import Source as Source
    from autograd_mini.replay.source import source as source
    from autograd_mini.show.animate import animate as animate
    from autograd_mini.show.draw import draw as draw
    from autograd_mini.show.drawing import Drawing as Drawing
    from autograd_mini.show.explain import Explanation as Explanation
    from autograd_mini.show.explain import explain as explain
    from autograd_mini.show.steps import Step as Step
    from autograd_mini.show.steps import steps as steps
    from autograd_mini.transforms.implicit import fixed_point as fixed_point
    from autograd_mini.transforms.implicit import root as root
    from autograd_mini.transforms.mapped import vmap as vmap
    from autograd_mini.transforms.recomputed import checkpoint as checkpoint
    from autograd_mini.transforms.recomputed import custom_gradient as custom_gradient
