"""MLPClassifier and MLPRegressor pass scikit-learn's own checks of estimators."""

import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.datasets import load_iris, make_regression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from autograd_mini import nn

SMALL = {"hidden_layer_sizes": (16,), "learning_rate": 0.02, "max_iter": 60}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@parametrize_with_checks([nn.MLPClassifier(**SMALL), nn.MLPRegressor(**SMALL)])
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


def test_it_works_in_pipelines_and_searches():
    X, y = load_iris(return_X_y=True)
    model = make_pipeline(StandardScaler(), nn.MLPClassifier(**SMALL, random_state=0))
    assert cross_val_score(model, X, y, cv=3).mean() > 0.93
    search = GridSearchCV(nn.MLPClassifier(**SMALL, random_state=0), {"max_iter": [1, 60]}, cv=2)
    assert search.fit(X, y).best_params_["max_iter"] == 60


def test_a_seed_gives_the_same_model_and_regression_learns():
    X, y = make_regression(200, 5, random_state=0)
    first, second = (nn.MLPRegressor(**SMALL, random_state=3).fit(X, y) for _ in range(2))
    assert np.array_equal(first.predict(X), second.predict(X))
    assert first.score(X, y) > 0.98
    several = nn.MLPRegressor(**SMALL, random_state=3).fit(X, np.column_stack([y, -y]))
    assert several.predict(X).shape == (200, 2)
    assert len(first.history_) == first.n_iter_


def test_options_are_checked():
    with pytest.raises(ValueError, match="no solver is called 'lbfgs'"):
        nn.MLPClassifier(solver="lbfgs").fit([[0.0], [1.0]], [0, 1])


def test_without_scikit_learn_nn_still_imports_and_says_what_to_install():
    code = (
        "import sys; sys.modules['sklearn'] = None; sys.modules['sklearn.base'] = None\n"
        "from autograd_mini import nn\n"
        "try: nn.MLPClassifier\n"
        "except ImportError as error: print(error)\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install scikit-learn" in ran.stdout
