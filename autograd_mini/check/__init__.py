"""Manual against automatic against numerical gradients."""

from autograd_mini.check.compare import check_gradients as check_gradients
from autograd_mini.check.report import GradientError as GradientError
from autograd_mini.check.report import GradientReport as GradientReport
from autograd_mini.check.report import Quantity as Quantity
