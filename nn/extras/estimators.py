"""MLPClassifier and MLPRegressor: multilayer perceptrons as scikit-learn's estimators.

They go where scikit-learn's own go (pipelines, cross-validation, grid search) and pass its
``check_estimator``.  Needs scikit-learn, which is imported when they are first asked for.

>>> from autograd_mini import nn
>>> X = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]] * 10
>>> model = nn.MLPClassifier((8,), max_iter=100, learning_rate=0.05, random_state=0)
>>> model.fit(X, ["no", "yes", "yes", "no"] * 10).predict(X[:4])
array(['no', 'yes', 'yes', 'no'], dtype='<U3')
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from autograd_mini.nn.data import one_hot
from autograd_mini.nn.layers.dense import Dense
from autograd_mini.nn.layers.sequential import Sequential
from autograd_mini.nn.operands import Data
from autograd_mini.nn.optional import needed
from autograd_mini.nn.training.callbacks import Callback, EarlyStopping
from autograd_mini.nn.training.evaluation import predict
from autograd_mini.nn.training.fit import fit
from autograd_mini.nn.training.history import History
from autograd_mini.nn.training.options import TrainingWarning
from autograd_mini.nn.training.run import Run
from autograd_mini.typing import Array

_WHY = "for MLPClassifier and MLPRegressor"
_base = needed("sklearn.base", "scikit-learn", _WHY)
_validation = needed("sklearn.utils.validation", "scikit-learn", _WHY)
_multiclass = needed("sklearn.utils.multiclass", "scikit-learn", _WHY)
_utils = needed("sklearn.utils", "scikit-learn", _WHY)


class _Penalty(Callback):
    """Adds scikit-learn's penalty of a batch, strength·Σ(weights²) / (2n), to the gradients."""

    def __init__(self, weights: list[Any], strength: float, batch_size: Any) -> None:
        self.weights, self.strength, self.batch_size = weights, strength, batch_size

    def on_gradients(self, run: Run) -> None:
        assert run.order is not None
        count = min(self.batch_size, len(run.order) - run.position)
        for weight in self.weights:
            weight.grad = weight.grad + self.strength / count * weight.data


class _Perceptron(_base.BaseEstimator):  # type: ignore[name-defined, misc]
    """What both have: the options, and training."""

    _losses_in_scikit_learns = 1.0
    """What our loss is times scikit-learn's."""

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (100,),
        activation: str = "relu",
        *,
        solver: str = "adam",
        learning_rate: float = 0.001,
        alpha: float = 0.0,
        batch_size: int | str = "auto",
        max_iter: int = 200,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        tol: float = 1e-4,
        random_state: int | np.random.RandomState | None = None,
        verbose: bool = False,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.learning_rate = learning_rate
        self.alpha = alpha
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.random_state = random_state
        self.verbose = verbose

    def _train(self, X: Array, targets: Array, outputs: int, last: str) -> None:
        from autograd_mini.nn.optimisers.methods import OPTIMISERS
        from autograd_mini.nn.suggest import unknown_name

        if self.solver not in OPTIMISERS:
            raise ValueError(unknown_name("solver", self.solver, OPTIMISERS))
        seed = _utils.check_random_state(self.random_state).randint(2**31 - 1)
        rng = np.random.default_rng(seed)
        hidden = np.atleast_1d(self.hidden_layer_sizes).tolist()  # Dense refuses what is no size
        sizes = [X.shape[1], *hidden, outputs]
        init = "he_normal" if self.activation == "relu" else "glorot_uniform"
        layers = [
            Dense(a, b, self.activation if i < len(sizes) - 2 else last, rng=rng, init=init)
            for i, (a, b) in enumerate(pairwise(sizes))
        ]
        self.model_ = Sequential(*layers)
        optimiser = OPTIMISERS[self.solver](self.model_.parameters(), rate=self.learning_rate)
        stops = self.early_stopping and len(X) * self.validation_fraction >= 1 and len(X) > 1
        patience = EarlyStopping(self.n_iter_no_change, least_change=self.tol)
        batch_size = min(200, len(X)) if self.batch_size == "auto" else self.batch_size
        calls: list[Callback] = [patience]
        if self.alpha:
            strength = self.alpha * self._losses_in_scikit_learns
            calls.append(_Penalty([layer.weight for layer in layers], strength, batch_size))
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "all .* targets are class", TrainingWarning)
            self.history_ = fit(
                self.model_, X, targets, optimiser=optimiser, epochs=self.max_iter,
                batch_size=batch_size,  # type: ignore[arg-type]
                validation_split=self.validation_fraction if stops else 0.0,
                callbacks=calls, rng=rng, progress=self.verbose,
            )  # fmt: skip
        self.n_iter_ = len(self.history_)
        self.loss_ = self.history_.last["loss"] if len(self.history_) else np.nan

    def _outputs(self, X: Data) -> Array:
        _validation.check_is_fitted(self)
        X = _validation.validate_data(self, X, reset=False, dtype=np.float64)
        return np.asarray(predict(self.model_, X))


class MLPClassifier(_base.ClassifierMixin, _Perceptron):  # type: ignore[name-defined, misc]
    """A multilayer perceptron with softmax and cross-entropy, as scikit-learn's estimator.

    Arguments:
        hidden_layer_sizes: the number of neurons in each hidden layer.
        activation: that of the hidden layers: a name from ``nn.activations.names()``.
        solver: an optimiser's name (``nn.OPTIMISERS``).
        learning_rate: its rate.
        alpha: the strength of the penalty alpha·Σ(weights²) / (2n) for n samples in a batch, as
            scikit-learn's; biases are not penalised. ``loss_`` is without it.
            (For two classes there are two outputs here, and one there.)
        batch_size: samples in a mini-batch; ``"auto"`` is min(200, N).
        max_iter: how many epochs at most.
        early_stopping: hold out ``validation_fraction`` of the samples and stop by their loss, not
            by that of the training part.
        n_iter_no_change, tol: stop when the loss has not improved by ``tol`` for so many epochs;
            the best weights are kept.
        random_state: a seed, or what else scikit-learn takes.
        verbose: show a progress bar.

    Attributes:
        classes_: the labels.
        model_: the ``nn.Sequential``.
        history_: the ``nn.History`` of the training.
        n_iter_, loss_: the epochs made, and the last one's loss.
    """

    def fit(self, X: Data, y: Data) -> MLPClassifier:
        """Train on samples of shape ``(N, columns)`` and labels of shape ``(N,)``.

        Raises:
            ValueError: as scikit-learn's estimators do.
        """
        X, y = _validation.validate_data(self, X, y, dtype=np.float64)
        _multiclass.check_classification_targets(y)
        self.classes_, labels = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            self.model_ = None  # type: ignore[assignment]
            self.n_iter_, self.loss_, self.history_ = 0, 0.0, History(loss_before=0.0)
            return self
        self._train(X, labels, len(self.classes_), "softmax")
        return self

    def predict_proba(self, X: Data) -> Array:
        """Each class's probability, of shape ``(N, classes)``."""
        _validation.check_is_fitted(self)
        if self.model_ is None:
            X = _validation.validate_data(self, X, reset=False, dtype=np.float64)
            return one_hot(np.zeros(len(X)), 1)
        return self._outputs(X)

    def predict(self, X: Data) -> Array:
        """Each sample's most probable label, of shape ``(N,)``."""
        _validation.check_is_fitted(self)
        return np.asarray(self.classes_[self.predict_proba(X).argmax(axis=1)])


class MLPRegressor(_base.RegressorMixin, _Perceptron):  # type: ignore[name-defined, misc]
    """A multilayer perceptron with mean squared error, as scikit-learn's estimator.

    The targets are scaled to mean 0 and standard deviation 1 while it trains.

    Arguments: as for ``MLPClassifier``.

    Attributes:
        model_, history_, n_iter_, loss_: as for ``MLPClassifier``.
    """

    _losses_in_scikit_learns = 2.0  # which halves the squared error

    def fit(self, X: Data, y: Data) -> MLPRegressor:
        """Train on samples of shape ``(N, columns)`` and targets of shape ``(N,)`` or ``(N, K)``.

        Raises:
            ValueError: as scikit-learn's estimators do.
        """
        from autograd_mini.nn.data import StandardScaler

        X, y = _validation.validate_data(
            self, X, y, dtype=np.float64, multi_output=True, y_numeric=True
        )
        y = np.asarray(y, dtype=np.float64)
        self._flat = y.ndim == 1
        table = y.reshape(len(y), -1)
        self.scaler_ = StandardScaler().fit(table)
        self._train(X, self.scaler_.transform(table), table.shape[1], "identity")
        return self

    def predict(self, X: Data) -> Array:
        """The predictions, of the shape of the targets."""
        found = self.scaler_.inverse_transform(out) if len(out := self._outputs(X)) else out
        return found[:, 0] if self._flat else found

    def __sklearn_tags__(self) -> Any:
        """That several targets at once are welcome."""
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
