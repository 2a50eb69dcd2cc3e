"""Neural networks on top of the engine: layers, losses, optimisers, data and metrics.

The names are those of PyTorch, Keras and scikit-learn where these fit.  Every layer runs
over Tensors (fast) or, with ``scalar=True``, neuron by neuron over Values, so that a small
network can be drawn and explained weight by weight; losses, optimiser and metrics take both.

>>> import numpy as np
>>> from autograd_mini import nn
>>> X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
>>> y = np.array([0, 1, 1, 0])
>>> model = nn.MLP([2, 4, 2], hidden="tanh", rng=1)
>>> optimiser = nn.SGD(model.parameters(), rate=0.5, momentum=0.9)
>>> for epoch in range(100):
...     optimiser.zero_grad()
...     loss = nn.cross_entropy(model.logits(X), y)
...     loss.backward()
...     optimiser.step()
>>> nn.accuracy(model(X), y)
1.0
"""

from typing import Any as _Any

from autograd_mini.nn import activations as activations
from autograd_mini.nn import data as data
from autograd_mini.nn import initialisers as initialisers
from autograd_mini.nn import plots as plots
from autograd_mini.nn.data import one_hot as one_hot
from autograd_mini.nn.data import train_test_split as train_test_split
from autograd_mini.nn.extras.parallel import Together as Together
from autograd_mini.nn.files import load as load
from autograd_mini.nn.files import save as save
from autograd_mini.nn.layers.attention import Attention as Attention
from autograd_mini.nn.layers.attention import MultiHeadAttention as MultiHeadAttention
from autograd_mini.nn.layers.attention import (
    scaled_dot_product_attention as scaled_dot_product_attention,
)
from autograd_mini.nn.layers.cells import GRUCell as GRUCell
from autograd_mini.nn.layers.cells import LSTMCell as LSTMCell
from autograd_mini.nn.layers.cells import RNNCell as RNNCell
from autograd_mini.nn.layers.dense import Dense as Dense
from autograd_mini.nn.layers.dropout import Dropout as Dropout
from autograd_mini.nn.layers.embedding import Embedding as Embedding
from autograd_mini.nn.layers.normalisation import BatchNorm as BatchNorm
from autograd_mini.nn.layers.normalisation import LayerNorm as LayerNorm
from autograd_mini.nn.layers.recurrent import GRU as GRU
from autograd_mini.nn.layers.recurrent import LSTM as LSTM
from autograd_mini.nn.layers.recurrent import RNN as RNN
from autograd_mini.nn.layers.recurrent import detached as detached
from autograd_mini.nn.layers.sequential import MLP as MLP
from autograd_mini.nn.layers.sequential import Flatten as Flatten
from autograd_mini.nn.layers.sequential import Residual as Residual
from autograd_mini.nn.layers.sequential import Sequential as Sequential
from autograd_mini.nn.losses.classes import binary_cross_entropy as binary_cross_entropy
from autograd_mini.nn.losses.classes import cross_entropy as cross_entropy
from autograd_mini.nn.losses.classes import negative_log_likelihood as negative_log_likelihood
from autograd_mini.nn.losses.errors import half_squared_error as half_squared_error
from autograd_mini.nn.losses.errors import hinge as hinge
from autograd_mini.nn.losses.errors import huber as huber
from autograd_mini.nn.losses.errors import mean_absolute_error as mean_absolute_error
from autograd_mini.nn.losses.errors import mean_squared_error as mean_squared_error
from autograd_mini.nn.metrics import accuracy as accuracy
from autograd_mini.nn.metrics import confusion_matrix as confusion_matrix
from autograd_mini.nn.metrics import f1 as f1
from autograd_mini.nn.metrics import perplexity as perplexity
from autograd_mini.nn.metrics import precision as precision
from autograd_mini.nn.metrics import r2 as r2
from autograd_mini.nn.metrics import recall as recall
from autograd_mini.nn.module import Module as Module
from autograd_mini.nn.operands import numbers as numbers
from autograd_mini.nn.optimisers.clipping import clip_gradients as clip_gradients
from autograd_mini.nn.optimisers.methods import OPTIMISERS as OPTIMISERS
from autograd_mini.nn.optimisers.methods import SGD as SGD
from autograd_mini.nn.optimisers.methods import Adagrad as Adagrad
from autograd_mini.nn.optimisers.methods import Adam as Adam
from autograd_mini.nn.optimisers.methods import AdamW as AdamW
from autograd_mini.nn.optimisers.methods import RMSProp as RMSProp
from autograd_mini.nn.optimisers.optimiser import Optimiser as Optimiser
from autograd_mini.nn.optimisers.schedules import CosineSchedule as CosineSchedule
from autograd_mini.nn.optimisers.schedules import EachStep as EachStep
from autograd_mini.nn.optimisers.schedules import Plateau as Plateau
from autograd_mini.nn.optimisers.schedules import Schedule as Schedule
from autograd_mini.nn.optimisers.schedules import StepSchedule as StepSchedule
from autograd_mini.nn.optimisers.schedules import WarmUp as WarmUp
from autograd_mini.nn.summary import summary as summary
from autograd_mini.nn.training.callbacks import Callback as Callback
from autograd_mini.nn.training.callbacks import ClipNorm as ClipNorm
from autograd_mini.nn.training.callbacks import ClipValue as ClipValue
from autograd_mini.nn.training.callbacks import EarlyStopping as EarlyStopping
from autograd_mini.nn.training.callbacks import Snapshots as Snapshots
from autograd_mini.nn.training.checkpoints import Checkpoint as Checkpoint
from autograd_mini.nn.training.evaluation import evaluate as evaluate
from autograd_mini.nn.training.evaluation import predict as predict
from autograd_mini.nn.training.fit import fit as fit
from autograd_mini.nn.training.health import GradientHealth as GradientHealth
from autograd_mini.nn.training.health import gradient_health as gradient_health
from autograd_mini.nn.training.health import layer_outputs as layer_outputs
from autograd_mini.nn.training.health_report import HealthReport as HealthReport
from autograd_mini.nn.training.history import History as History
from autograd_mini.nn.training.options import TrainingWarning as TrainingWarning
from autograd_mini.nn.training.run import Run as Run
from autograd_mini.nn.training.unit_variance import lsuv as lsuv
from autograd_mini.other_libraries import missing as _missing


def __getattr__(name: str) -> _Any:
    """The estimators, when they are first asked for: they need scikit-learn."""
    if name in ("MLPClassifier", "MLPRegressor"):
        from autograd_mini.nn.extras import estimators

        return getattr(estimators, name)
    raise AttributeError(_missing("autograd_mini.nn", name))
