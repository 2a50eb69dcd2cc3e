"""The operations that are seldom needed, imported together when one of them is first asked for.

``autograd_mini.core.operation.enter_seldom`` does so; what is imported with the package is what
most programs use.
"""

from autograd_mini.operations import accumulating as accumulating
from autograd_mini.operations import arranging as arranging
from autograd_mini.operations import factorisations as factorisations
from autograd_mini.operations import joining as joining
from autograd_mini.operations import linear_algebra as linear_algebra
from autograd_mini.operations import matrix_functions as matrix_functions
from autograd_mini.operations import numerics as numerics
from autograd_mini.operations import options as options
from autograd_mini.operations import statistics as statistics
from autograd_mini.operations import ufuncs as ufuncs
