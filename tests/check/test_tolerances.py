"""Each tolerance of the checker is held from above and from below.

For each there is an observation that holds with the tolerance as it is, and that fails with one
that is looser and with one that is tighter, so that neither goes unseen.
"""

from __future__ import annotations

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Tensor, check_gradients, testing
from autograd_mini.check import (
    bounds,
    causes,
    complex_step,
    determinism,
    forward,
    kinks,
    points,
    probe,
    wording,
)
from autograd_mini.check.report import text
from autograd_mini.check.wording import FactorNames
from autograd_mini.core.graph import topological_order
from autograd_mini.core.operation import ArrayOperation

RNG = np.random.default_rng(3)
W = np.linspace(-1.3, 2.2, 40)
NOISE = RNG.normal(size=40)
X = RNG.normal(size=(40, 3))


def verdict(loss, data, manual=None):
    given = None if manual is None else {"w": manual}
    return check_gradients(loss, {"w": data}, given)["w"].verdict


def code(loss, data, manual):
    return check_gradients(loss, {"w": data}, {"w": manual})["w"].cause


def squares(w):
    return np.sum((2 * w - 1) ** 2 * 2 + w**2)


RIGHT = 18 * W - 8


def shaken_rounding():
    """What is left of numbers that cancel is rounding; a thousand times as much is not."""

    def centred(w):
        z = 3 * X + w
        return np.sum((z - np.mean(z, axis=0)) ** 2)

    left = np.abs(check_gradients(centred, {"w": W[:3]})["w"].automatic)
    assert 1e-16 < left.max() < 1e-13
    zero = verdict(centred, W[:3], np.zeros(3)) == "agree"
    return zero and verdict(centred, W[:3], np.full(3, 1e-11)) == "differ"


def last_roundings():
    """What passes through no number of the graph is rounded a few times."""
    x, fixed = Tensor(W), X[:, 0]
    order = topological_order(squares(x))
    _, bound = bounds.rounding_of([bounds.recorded_gradients(order[-1], [x])[0], fixed],
                                    2.0**-52, order)  # fmt: skip
    return bool(np.all((2.0**-52 * np.abs(fixed) <= bound) & (bound <= 2.0**-46 * np.abs(fixed))))


def guessed_rounding():
    """Where the sweep cannot be recorded a part of the largest element is allowed."""
    inverse = ag.primitive(
        np.linalg.inv,
        lambda g, out, x: -np.real(np.fft.ifft(np.fft.fft(out.T @ g @ out.T))),
        name="inverse_",
    )
    data = np.array([[2.0, 0.5], [0.0, 4.0]])
    right = -np.linalg.inv(data).T @ np.ones((2, 2)) @ np.linalg.inv(data).T

    def total(w):
        return np.sum(inverse(w))

    agrees = verdict(total, data, right * (1 + 3e-11)) == "agree"
    return agrees and verdict(total, data, right * (1 + 1e-8)) == "differ"


def telling_error():
    """An estimate that is off by less than a thousandth tells something, another does not."""

    def by_differences(w, offset=0.0):
        return np.sum(ag.erf(w)) + offset

    tells = verdict(by_differences, W[:4]) == "agree"
    return tells and verdict(lambda w: by_differences(w, 1e13), W[:4]) == "cannot tell"


def claims_told_apart():
    """Claims are told apart where differences are exact enough, and no more exact than that."""
    calls = []

    def by_differences(w):
        calls.append(1)
        return np.sum(ag.erf(w) + np.sin(8 * w))

    w = W[10:14]
    slope = 2 / np.sqrt(np.pi) * np.exp(-(w**2)) + 8 * np.cos(8 * w)
    apart = verdict(by_differences, w, slope * (1 + 3e-9)) == "differ"
    calls.clear()
    verdict(by_differences, w, slope * (1 + 1e-3))
    return apart and len(calls) < 68


def wide_steps():
    """Steps that are contradicted are taken anew, near enough and not too near."""

    def wave(w):
        return np.sum(np.sin(w) + 0.0 * ag.erf(w))

    far, near = np.array([1e9]), np.array([3.0])
    return verdict(wave, far, np.cos(far)) == "agree" and (
        check_gradients(lambda w: np.sum(w * w.data + 0.0 * ag.erf(w)), {"w": near})["w"].verdict
        == "differ"
    )


def complex_rounding():
    """The complex step's error covers its rounding, and little more."""
    x = Tensor(X)
    loss = np.sum(np.tanh(x @ x.T))
    gradient, step = ag.gradients(loss, x), complex_step.ComplexStep(topological_order(loss), x)
    for direction in RNG.normal(size=(20, *X.shape)):
        slope, exact = step.slope(direction), np.sum(gradient * direction)
        if not abs(slope.value - exact) <= slope.error < 1e-11 * np.abs(gradient).sum():
            return False
    return True


def same_branch(monkeypatch):
    """A complex form that gives another number than was recorded is of another branch."""
    x = Tensor(X)
    loss = np.sum(np.tanh(x @ np.ones(3)) ** 2)

    def known():
        step = complex_step.ComplexStep(topological_order(loss), x)
        return step.slope(np.ones(X.shape)) is not None

    right = known()
    over_complex = ArrayOperation.over_complex

    def off(self, *data, **options):
        return over_complex(self, *data, **options) * (1 + 1e-6)

    with monkeypatch.context() as context:
        context.setattr(ArrayOperation, "over_complex", off)
        return right and not known()


def steps_beside_kinks():
    """Two slopes at a kink, one where there is none, each exact to a part in a million."""
    ones = np.ones(2)
    ahead, behind = kinks.slopes_on_both_sides(abs(Tensor([0.0, 3.0])), [ones])
    curved = kinks.slopes_on_both_sides(np.exp(Tensor([0.0, 3.0])), [ones])
    return np.allclose([*ahead, *behind], [1, 1, -1, 1], rtol=1e-6) and all(
        np.allclose(slopes, np.exp([0.0, 3.0]), rtol=1e-6) for slopes in curved
    )


def two_slopes():
    """A kink is seen as one, and a place where both slopes are equal is none."""
    at_kink = verdict(lambda w: np.sum(3 * ag.relu(w)), np.array([0.0, 1.0]), np.array([1.5, 3.0]))
    x = Tensor([0.0, 1.0])
    smooth = np.sum(np.sin(ag.elu(x, 1.0)))
    step = complex_step.ComplexStep(topological_order(smooth), x)
    return at_kink == "agree" and not step.slope(np.ones(2)).kinks


def exact_causes():
    """A slip is named where it makes these numbers, and not where it nearly does."""
    named = code(squares, W, 1.7 * RIGHT) == "scale"
    return named and code(squares, W, 1.7 * RIGHT * (1 + 1e-7 * NOISE)) == "unknown"


def explained_part():
    """A slip explains nearly all of a difference, also of one that is little more than rounding."""
    tiny = 2e-13 * np.max(np.abs(RIGHT))
    extra = check_gradients(squares, {"w": W}, {"w": RIGHT + 0.3 * W})["w"]
    named = "extra-term" in [cause.code for cause in extra.causes]
    return named and code(squares, W, RIGHT + tiny * W * (1 + 0.05 * NOISE)) == "unknown"


def informative_numbers():
    """A factor without a name is fitted to three numbers, not to two."""
    return code(squares, W[:3], 1.2345 * RIGHT[:3]) == "scale" and (
        code(squares, W[:2], 1.2345 * RIGHT[:2]) == "unknown"
    )


def digits_of_names():
    """A factor is called by the number that it is, to rounding."""
    numbers = FactorNames({}, {"rate": 0.0123})
    return numbers.name(0.0123 * (1 + 1e-9)) == "rate" and numbers.name(0.0123 * (1 + 1e-4)) is None


def sums_of_probabilities():
    """Rounded probabilities are probabilities, what adds up to something else is none."""
    p = np.array([[0.2, 0.3, 0.5], [0.1, 0.1, 0.8]])
    return forward._sums_to_one(1.01 * p, 1) and not forward._sums_to_one(1.05 * p, 1)


def vanishing_gradients():
    """What is 0 but for rounding is called 0, a difference that agrees is not."""

    def centred(w):
        z = X[:, :1] * 0.3 + w
        return np.sum((z - np.mean(z, axis=0)) ** 4)

    zero = str(check_gradients(centred, {"w": W[:1]}, {"w": np.zeros(1)}))
    small = str(check_gradients(squares, {"w": W}, {"w": RIGHT * (1 + 2.0**-52)}))
    return "0 but for rounding" in zero and "0 but for rounding" not in small


def numbers_at_each_call():
    """Calls may round otherwise, and no more."""

    def calls(by):
        count = []

        def loss(w):
            count.append(1)
            return np.sum(w * w) * (1 + by * len(count))

        return loss

    manual = 2 * W
    rounds = check_gradients(calls(2.0**-53), {"w": W}, {"w": manual}).findings
    return not rounds and bool(check_gradients(calls(1e-9), {"w": W}, {"w": manual}).findings)


def points_nearby():
    """Near enough for a square root, far enough for a slip that shows beside the point only."""

    def loss(w):
        return np.sum(np.sqrt(w) + w**3)

    def by_hand(w, slip):
        return {"w": 0.5 / np.sqrt(w) + 3 * w ** (1 if slip else 2)}

    at = {"w": np.ones(20)}
    right = check_gradients(loss, at, lambda w: by_hand(w, slip=False))
    wrong = check_gradients(loss, at, lambda w: by_hand(w, slip=True))
    return right.ok and not right.notes and wrong.culprits == ["w"]


def reordered_sums():
    """check_function allows rounding of sums, and no error of a derivative."""

    def either_way(x):
        a, b, c = x[:, 0], x[:, 1], x[:, 2]
        return (a + b) + c if isinstance(x, Tensor) else a + (b + c)

    double = ag.primitive(lambda x: 2 * x, lambda g, out, x: (2 + 1e-6) * g, name="nearly_double")
    testing.check_function(either_way, X, order=1)
    with pytest.raises(AssertionError, match="derivative 1"):
        testing.check_function(double, X, order=1)
    return True


HELD = [
    (bounds, "_SAFETY", 1e5, 1e-4, shaken_rounding),
    (bounds, "_UNITS", 1e5, 1e-2, last_roundings),
    (bounds, "GUESS", 1e-7, 1e-13, guessed_rounding),
    (probe, "TELLING", 1e3, 1e-14, telling_error),
    (probe, "_APART", 1e9, 1e-9, claims_told_apart),
    (probe, "_PRECISE", 1e3, 1e-12, claims_told_apart),
    (probe, "_NARROW", 1.0, 2.0**-60, wide_steps),
    (complex_step, "_SAFETY", 1e7, 1e-3, complex_rounding),
    (complex_step, "_SAME", 1e-3, 1e-20, same_branch),
    (kinks, "_STEP", 2.0**-8, 2.0**-48, steps_beside_kinks),
    (complex_step, "SIDES_DIFFER", 2.0, 1e-12, two_slopes),
    (causes, "_SLACK", 1e12, 1e-6, exact_causes),
    (causes, "_EXPLAINED", 0.3, 1e-18, explained_part),
    (causes, "_INFORMATIVE", 41, 2, informative_numbers),
    (wording, "_DIGITS", 1e-3, 1e-12, digits_of_names),
    (forward, "_SUMS_TO_ONE", 0.1, 0.001, sums_of_probabilities),
    (text, "_ONLY_ROUNDING", 1e9, 1e-17, vanishing_gradients),
    (determinism, "_SAME_NUMBERS", 1e9, 1e-3, numbers_at_each_call),
    (points, "_NEARBY", 3.0, 2.0**-60, points_nearby),
    (testing, "_SUM", 1e12, 1e-3, reordered_sums),
]  # fmt: skip


@pytest.mark.parametrize(
    ("module", "name", "looser", "tighter", "holds"),
    HELD,
    ids=[f"{row[0].__name__.rpartition('.')[2]}.{row[1]}" for row in HELD],
)
def test_a_tolerance_is_held_from_both_sides(monkeypatch, module, name, looser, tighter, holds):
    def observed():
        try:
            return holds(monkeypatch) if holds is same_branch else holds()
        except (AssertionError, pytest.fail.Exception):
            return False

    assert tighter < getattr(module, name) < looser
    assert observed()
    for other in (looser, tighter):
        with monkeypatch.context() as context:
            context.setattr(module, name, other)
            assert not observed(), f"nothing notices {name} = {other}"
