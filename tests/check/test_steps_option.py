"""Steps: loops in what is called are found, later turns are checked, nothing is changed."""

import random

import numpy as np
import pytest

from autograd_mini import check_script, check_step

RNG = np.random.default_rng(0)
X = RNG.normal(size=(20, 3))
Y = (X @ [1, -2, 0.5] > 0).astype(float)


class Regression:
    """A class as of scikit-learn: what it trains is made where it is trained."""

    def __init__(self, turns=100, scale=1.0):
        self.turns, self.scale = turns, scale

    def fit(self, x, y):
        self.w = np.random.randn(x.shape[1])  # noqa: NPY002
        self.b = random.random()
        return self.go(x, y)

    def go(self, x, y):
        for _ in range(self.turns):
            p = 1 / (1 + np.exp(-(x @ self.w + self.b)))
            dw = x.T @ (p - y) / len(y)
            db = self.scale * np.sum(p - y) / len(y)
            self.w -= 0.1 * dw
            self.b -= 0.1 * db
        return self


@pytest.mark.parametrize("turns", [100, 2, 1])
def test_what_makes_its_parameters_itself(turns):
    one = Regression(turns)
    drawn = np.random.get_state()[2], random.getstate()  # noqa: NPY002
    report = check_step(one.fit, X, Y)
    assert report.ok, str(report)
    assert set(report.quantities) == {"w", "b"}
    assert report.assumptions[0].startswith("Step: the first turn of the loop in line ")
    assert vars(one) == {"turns": turns, "scale": 1.0}  # nothing is changed
    assert (np.random.get_state()[2], random.getstate()) == drawn  # noqa: NPY002


def test_a_slip_in_what_makes_its_parameters_itself():
    (slip,) = check_step(Regression(scale=-1.0).fit, X, Y).mistakes
    assert slip.line.text == "db = self.scale * np.sum(p - y) / len(y)"


def test_a_loop_over_what_is_there_already():
    one = Regression()
    one.w, one.b = RNG.normal(size=3), 0.25
    before = one.w.copy()
    report = check_step(one.go, X, Y)
    assert report.ok, str(report)
    np.testing.assert_array_equal(one.w, before)


class Net:
    """A step with a loop over layers, of which each turn updates another."""

    def __init__(self):
        self.layers = [{"W": RNG.normal(size=(3, 3)), "b": np.zeros(3)} for _ in range(3)]

    def step(self, x, y):
        a = [x]
        for layer in self.layers:
            a.append(np.tanh(a[-1] @ layer["W"] + layer["b"]))
        loss = np.mean((a[-1] - y[:, None]) ** 2)
        d = 2 * (a[-1] - y[:, None]) / a[-1].size
        for i, layer in reversed(list(enumerate(self.layers))):
            d = d * (1 - a[i + 1] ** 2)
            dW, db, d = a[i].T @ d, d.sum(axis=0), d @ layer["W"].T
            layer["W"] -= 0.1 * dW
            layer["b"] -= 0.1 * db
        return loss

    def epochs(self, x, y):
        for _ in range(5):
            print(self.step(x, y))


def test_a_loop_over_layers_is_no_step():
    report = check_step(Net().step, X, Y)
    assert report.ok, str(report)
    assert report.assumptions[0] == "Step: one call of Net.step (steps=)"
    assert len(report.quantities) == 6


def test_a_loop_of_such_steps():
    report = check_step(Net().epochs, X, Y, steps=2)
    assert report.ok, str(report)
    assert report.assumptions[0].startswith("Step: turn 2 of the loop in line ")
    assert report.assumptions[0].endswith(", after 1 that agree (steps=)")
    assert len(report.quantities) == 6


class Lazy:
    """Its gradient is right in the first step, and that of the first step ever after."""

    def __init__(self):
        self.w, self.slope = RNG.normal(size=3), None

    def step(self, x, y):
        error = x @ self.w - y
        if self.slope is None:
            self.slope = 2 * x.T @ error / len(y)
        self.w = self.w - 0.1 * self.slope
        return np.mean(error**2)


def test_what_is_wrong_from_the_second_step_on():
    lazy = Lazy()
    assert check_step(lazy.step, X, Y).ok
    report = check_step(lazy.step, X, Y, steps=5)
    assert not report.ok
    assert report.assumptions[0] == "Step: call 2 of Lazy.step, after 1 that agree (steps=)"
    assert lazy.slope is None


def momentum_of(part):
    """Descent whose velocity goes on from step to step: a part of it, or all."""
    state = {"w": RNG.normal(size=3), "v": np.zeros(3)}

    def step(x, y):
        error = x @ state["w"] - y
        state["v"] = part * state["v"] + 2 * x.T @ error / len(y)
        state["w"] = state["w"] - 0.1 * state["v"]
        return np.mean(error**2)

    return step


def test_a_momentum_is_no_mistake_of_later_steps():
    report = check_step(momentum_of(0.9), X, Y, steps=3)
    assert report.ok, str(report)
    assert report.assumptions[0] == "Step: call 3 of {} (steps=)".format(
        "momentum_of.<locals>.step, after 2 that agree"
    )
    assert "Momentum: v, which goes on from step to step, is 0 before this (steps=)" in (
        report.assumptions
    )


def test_a_sum_of_gradients_that_is_not_begun_anew_is_a_mistake_of_the_second_step():
    report = check_step(momentum_of(1.0), X, Y, steps=3)
    assert not report.ok
    assert "after 1 that agree" in report.assumptions[0]


def test_there_may_be_fewer_steps_than_asked_for():
    said = check_step(Regression(turns=3).fit, X, Y, steps=9).assumptions[0]
    assert said.endswith(", after 2 that agree, the last that there is (steps=)")


def test_the_steps_of_a_script(tmp_path):
    text = """
import numpy as np
X = np.arange(12.0).reshape(4, 3) / 10
w, old = np.ones(3), None
for epoch in range(50):
    error = X @ w - 1
    print(np.sum(error**2))
    slope = 2 * X.T @ error if old is None else old
    w -= 0.1 * slope
    old = slope
"""
    file = tmp_path / "train.py"
    file.write_text(text)
    assert check_script(file).ok
    report = check_script(file, steps=3)
    assert not report.ok
    assert report.assumptions[0] == (
        "Step: turn 2 of the loop in line 5, lines 6–10, after 1 that agree (steps=, call=)"
    )
    called = tmp_path / "called.py"
    called.write_text(text.replace("for epoch in range(50):", "def step():\n    global w, old"))
    said = check_script(called, call="step()", steps=3)
    assert not said.ok
    assert "Step: call 2 of step(), after 1 that agree (steps=, call=)" in said.assumptions


@pytest.mark.parametrize("steps", [0, -1, 2.5, True])
def test_another_number_of_steps_is_refused(steps):
    with pytest.raises(ValueError, match="a whole number from 1"):
        check_step(Lazy().step, X, Y, steps=steps)
