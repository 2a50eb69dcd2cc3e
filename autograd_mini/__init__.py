"""autograd_mini: write the forward pass, get exact gradients, and see where each comes from.

>>> import numpy as np
>>> import autograd_mini as ag
>>> w = ag.Tensor([1.0, 2.0], label="w")
>>> loss = np.sum(ag.sigmoid(w) ** 2)
>>> loss.backward()
>>> w.grad.round(4)
array([0.2875, 0.185 ])
"""

from autograd_mini.array_rules import log_softmax as log_softmax
from autograd_mini.array_rules import logsumexp as logsumexp
from autograd_mini.array_rules import softmax as softmax
from autograd_mini.extend import primitive as primitive
from autograd_mini.extend import rule as rule
from autograd_mini.functional import grad as grad
from autograd_mini.functional import hessian as hessian
from autograd_mini.functional import hvp as hvp
from autograd_mini.functional import jacobian as jacobian
from autograd_mini.functional import jvp as jvp
from autograd_mini.functional import value_and_grad as value_and_grad
from autograd_mini.functional import vjp as vjp
from autograd_mini.functions import *  # noqa: F403  (the functions of the table)
from autograd_mini.graph import gradients as gradients
from autograd_mini.graph import topological_order as topological_order
from autograd_mini.modes import debug as debug
from autograd_mini.modes import no_grad as no_grad
from autograd_mini.tensor import Tensor as Tensor
from autograd_mini.value import Value as Value

__version__ = "0.1.0"
