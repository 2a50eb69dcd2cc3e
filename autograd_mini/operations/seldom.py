"""The operations that are seldom needed, imported together when one of them is first asked for.

``autograd_mini.core.operation.enter_seldom`` does so; what is imported with the package is what
most programs use.
"""

import sys

from autograd_mini.operations import accumulating as accumulating
from autograd_mini.operations import arranging as arranging
from autograd_mini.operations import curves as curves
from autograd_mini.operations import factorisations as factorisations
from autograd_mini.operations import joining as joining
from autograd_mini.operations import linear_algebra as linear_algebra
from autograd_mini.operations import matrix_exponential as matrix_exponential
from autograd_mini.operations import matrix_functions as matrix_functions
from autograd_mini.operations import numerics as numerics
from autograd_mini.operations import options as options
from autograd_mini.operations import statistics as statistics
from autograd_mini.operations import ufuncs as ufuncs


def enter_special() -> None:
    """Enter SciPy's special functions, once SciPy's module is imported."""
    if "scipy.special" in sys.modules:
        from autograd_mini.operations import special  # noqa: F401 - importing it enters them
