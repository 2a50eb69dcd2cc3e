"""Pictures of training, with Matplotlib (``pip install autograd_mini[plot]``).

Each function returns a Matplotlib Figure, which a notebook shows and ``figure.savefig("x.png")``
writes; with ``ax`` it draws there and returns the Figure of ``ax``.  A function that draws several
panels takes as many axes.  Nothing is drawn on a screen, and pyplot is not touched.
"""

from autograd_mini.nn.plots.models import activations as activations
from autograd_mini.nn.plots.models import confusion_matrix as confusion_matrix
from autograd_mini.nn.plots.models import decision_boundary as decision_boundary
from autograd_mini.nn.plots.models import images as images
from autograd_mini.nn.plots.models import weights as weights
from autograd_mini.nn.plots.runs import gradient_health as gradient_health
from autograd_mini.nn.plots.runs import gradient_norms as gradient_norms
from autograd_mini.nn.plots.runs import loss_curve as loss_curve
