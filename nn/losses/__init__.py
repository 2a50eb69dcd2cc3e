"""Losses: how far outputs are from targets, as one number that can be differentiated.

All take ``(outputs, targets)`` in this order, as PyTorch does.  Outputs are a Tensor, an
array or list of Values, or plain numbers (then the loss is a plain number).  Outputs and
targets must have exactly the same shape, or for class indices the shape without the last
axis: what broadcasting would let pass is an error that names both shapes.

Probabilities or logits?  A logit is a score before softmax or sigmoid.

* ``cross_entropy`` takes logits: ``cross_entropy(model.logits(x), y)``.  It refuses the
  result of softmax or sigmoid and whatever looks like probabilities, so that softmax is
  never silently applied twice.  For the textbook's −Σ t·log(p) of softmax outputs write
  ``cross_entropy(model(x), y, from_logits=False)``.
* ``binary_cross_entropy`` takes probabilities: ``binary_cross_entropy(model(x), y)``, or
  logits: ``binary_cross_entropy(model.logits(x), y, from_logits=True)``.

Both forms have the same value and gradient.  The one from logits stays exact where
probabilities round to 0 or 1; there the one from probabilities is an error, not infinity.

For sequences that were filled up, a boolean ``mask`` says which targets count: it has the first
axes of outputs and targets, such as ``(N, T)``.  What it leaves out may be anything, and the mean
is over the rest.

Every loss says of itself what it takes and what it belongs to (``Loss``): ``declared`` adds one
that ``nn.fit`` and ``nn.evaluate`` treat like these.
"""

from autograd_mini.nn.losses.classes import binary_cross_entropy as binary_cross_entropy
from autograd_mini.nn.losses.classes import cross_entropy as cross_entropy
from autograd_mini.nn.losses.classes import negative_log_likelihood as negative_log_likelihood
from autograd_mini.nn.losses.classes import softmax_loss as softmax_loss
from autograd_mini.nn.losses.errors import half_squared_error as half_squared_error
from autograd_mini.nn.losses.errors import hinge as hinge
from autograd_mini.nn.losses.errors import huber as huber
from autograd_mini.nn.losses.errors import mean_absolute_error as mean_absolute_error
from autograd_mini.nn.losses.errors import mean_squared_error as mean_squared_error
from autograd_mini.nn.losses.loss import LOSSES as LOSSES
from autograd_mini.nn.losses.loss import Loss as Loss
from autograd_mini.nn.losses.loss import declared as declared
from autograd_mini.nn.losses.loss import default_loss as default_loss
from autograd_mini.nn.losses.loss import loss_of as loss_of
