"""check_gradients: verdicts on right and wrong derivations, and how they are told."""

import cProfile
import sys
from functools import partial

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import autograd_mini as ag
from autograd_mini import GradientError, Tensor, Value, check_gradients
from autograd_mini.check.bounds import rounding_error
from autograd_mini.check.pipeline import checked
from autograd_mini.check.problem import Problem
from autograd_mini.differences import derivative
from autograd_mini.testing import assert_gradients

N, D, H, K = 20, 4, 5, 3
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, D))
T = np.eye(K)[RNG.integers(0, K, N)]
PARAMS = {
    "W1": RNG.normal(size=(D, H)),
    "b1": RNG.normal(size=H),
    "W2": RNG.normal(size=(H, K)),
    "b2": RNG.normal(size=K),
}


def loss(W1, b1, W2, b2):
    z1 = X @ W1 + b1
    a1 = ag.sigmoid(z1)
    z2 = a1 @ W2 + b2
    p = ag.softmax(z2)
    return -np.sum(T * np.log(p))


def manual(W1, b1, W2, b2):
    a1 = 1 / (1 + np.exp(-(X @ W1 + b1)))
    e = np.exp(a1 @ W2 + b2)
    dz2 = e / e.sum(1, keepdims=True) - T
    da1 = dz2 @ W2.T
    dz1 = da1 * a1 * (1 - a1)
    return {
        "z2": dz2, "W2": a1.T @ dz2, "b2": dz2.sum(0),
        "a1": da1, "z1": dz1, "W1": X.T @ dz1, "b1": dz1.sum(0),
    }  # fmt: skip


def changed(name, change):
    def wrong(**params):
        gradients = manual(**params)
        gradients[name] = change(gradients[name])
        return gradients

    return wrong


def verdicts(report):
    return {name: quantity.verdict for name, quantity in report.quantities.items()}


def test_a_right_derivation_agrees_for_parameters_and_local_variables():
    report = check_gradients(loss, PARAMS, manual)
    assert report.ok, str(report)
    assert set(report.quantities) == {"W1", "b1", "W2", "b2", "z2", "a1", "z1"}
    assert report["W2"].max_error < 1e-13
    np.testing.assert_allclose(report["z2"].manual, report["z2"].automatic, atol=1e-14)
    probed = ~np.isnan(report["z1"].numerical)
    assert probed.sum() == 16
    off = np.abs(report["z1"].numerical - report["z1"].automatic)[probed]
    assert (off <= report["z1"].numerical_error[probed]).all()


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("W2", lambda g: 2 * g),
        ("W1", lambda g: -g),
        ("b1", lambda g: g * (1 + 1e-9)),
        ("z1", lambda g: g.T.reshape(g.shape)),
        ("a1", np.zeros_like),
        ("b2", lambda g: g + np.array([0, 0, 5e-6])),
    ],
)
def test_a_wrong_quantity_differs_and_the_others_agree(name, change):
    report = check_gradients(loss, PARAMS, changed(name, change))
    assert [n for n, verdict in verdicts(report).items() if verdict == "differ"] == [name]
    assert not report.ok
    with pytest.raises(GradientError, match=f"{name}: .* elements differ; at "):
        report.raise_if_wrong()


def test_one_wrong_element_in_ten_thousand_is_found_and_named():
    x = np.random.default_rng(1).normal(size=(100, 100))
    wrong = 3 * x**2
    wrong[61, 7] *= 1.05
    report = check_gradients(lambda x: np.sum(x**3), {"x": x}, {"x": wrong})
    assert report["x"].verdict == "differ"
    assert "1 of 10000 elements differ; at [61, 7]" in report["x"].evidence


def test_no_absolute_floor_hides_a_small_gradient():
    x = np.array([1.0, 2.0])
    report = check_gradients(lambda x: 2.5e-6 * np.sum(x**2), {"x": x}, {"x": np.zeros(2)})
    assert report["x"].verdict == "differ"
    tiny = check_gradients(lambda x: 1e-200 * np.sum(x**2), {"x": x}, {"x": 1e-200 * x})
    assert tiny["x"].verdict == "differ"


@pytest.mark.parametrize("shape", [(64, 1), (1, 64), (1,)])
def test_a_gradient_of_another_shape_differs_even_if_it_broadcasts(shape):
    report = check_gradients(
        lambda b: np.sum((np.ones((3, 64)) + b) ** 2), {"b": np.zeros(64)}, {"b": np.ones(shape)}
    )
    assert report["b"].verdict == "differ"
    assert f"has shape {shape}, the quantity (64,)" in report["b"].evidence
    assert report["b"].max_error == np.inf


def test_rounding_of_another_order_of_operations_is_no_difference():
    x = np.random.default_rng(2).normal(size=(200, 30)) * np.logspace(-6, 6, 30)

    def centred(shift):
        return np.sum(np.tanh(x + shift - np.mean(x + shift, axis=0)) * 1.0)

    report = check_gradients(centred, {"shift": np.zeros(30)}, {"shift": np.zeros(30)})
    assert report["shift"].verdict == "agree", str(report)
    reordered = changed("W1", lambda g: (g[:, ::-1] * 3.0)[:, ::-1] / 3.0)
    assert check_gradients(loss, PARAMS, reordered).ok


def test_the_rounding_bound_covers_the_true_error_and_is_small():
    def deep(w):
        a = X
        for _ in range(4):
            a = np.tanh(a @ w)
        return np.sum(a**2)

    w = np.random.default_rng(3).normal(size=(D, D))
    double, extended = Tensor(w), Tensor(w.astype(np.longdouble))
    root = deep(double)
    bound = rounding_error(root, [double], np.finfo(float).eps)[0]
    error = np.abs(ag.gradients(root, double) - ag.gradients(deep(extended), extended))
    assert (error <= bound).all()
    assert (bound < 1e-12 * np.abs(ag.gradients(root, double)).max()).all()


def test_float32_parameters_are_checked_in_float64_and_it_says_so():
    singles = {name: value.astype(np.float32) for name, value in PARAMS.items()}
    gradients = {name: g.astype(np.float32) for name, g in manual(**singles).items()}
    report = check_gradients(loss, singles, gradients)
    assert report.ok, str(report)
    assert "W1, b1, W2, b2: float32, checked in float64." in str(report)
    gradients["W2"] = gradients["W2"] * np.float32(1.001)
    assert check_gradients(loss, singles, gradients)["W2"].verdict == "differ"


@pytest.mark.parametrize(
    ("f", "x", "convention", "other"),
    [
        (lambda x: np.sum(ag.relu(x)), [0.0, 1.0, -1.0], [0.0, 1.0, 0.0], [1.0, 1.0, 0.0]),
        (lambda x: np.sum(np.abs(x)), [0.0, 2.0], [0.0, 1.0], [1.0, 1.0]),
        (lambda x: np.max(x) * 1.0, [3.0, 3.0, 1.0], [0.5, 0.5, 0.0], [1.0, 0.0, 0.0]),
    ],
)
def test_at_a_kink_no_convention_is_called_wrong(f, x, convention, other):
    x = np.array(x)
    assert check_gradients(f, {"x": x}, {"x": np.array(convention)})["x"].verdict == "agree"
    assert check_gradients(f, {"x": x}, {"x": np.array(other)})["x"].verdict == "agree"
    assert check_gradients(f, {"x": x})["x"].verdict == "agree"
    wrong = np.array(other) + np.array([0.0] * (len(x) - 1) + [1.0])
    assert check_gradients(f, {"x": x}, {"x": wrong})["x"].verdict == "differ"


def test_an_engine_that_is_wrong_is_called_the_odd_one_out():
    double = ag.primitive(lambda x: 2 * x, lambda g, out, x: 3 * g, name="double")
    x = np.array([1.0, -2.0])
    alone = check_gradients(lambda x: np.sum(double(x)), {"x": x})
    assert alone["x"].verdict == "differ"
    report = check_gradients(lambda x: np.sum(double(x)), {"x": x}, {"x": np.array([2.0, 2.0])})
    assert report["x"].verdict == "cannot tell"
    assert "the automatic gradient is the odd one out" in report["x"].evidence


def test_a_primitive_that_cannot_be_differentiated_twice_is_checked_all_the_same():
    inverse = ag.primitive(
        np.linalg.inv,
        lambda g, out, x: -np.real(np.fft.ifft(np.fft.fft(out.T @ g @ out.T))),
        name="inverse",
    )
    A = np.array([[2.0, 0.5], [0.0, 4.0]])
    out = np.linalg.inv(A)
    right = -out.T @ np.ones((2, 2)) @ out.T
    report = check_gradients(lambda A: np.sum(inverse(A)), {"A": A}, {"A": right})
    assert report.ok
    assert "the sweep could not be recorded: numpy.fft.fft has no derivative" in str(report)
    wrong = check_gradients(lambda A: np.sum(inverse(A)), {"A": A}, {"A": right * 1.000001})
    assert wrong["A"].verdict == "differ"


def test_cancellation_inside_a_pullback_is_rounding():
    z = np.random.default_rng(5).normal(size=(50, 3)) + 12 * np.eye(3)[np.arange(50) % 3]
    t = np.eye(3)[np.arange(50) % 3]

    def manual(z):
        e = np.exp(z)
        return {"z": e / e.sum(1, keepdims=True) - t}

    report = check_gradients(lambda z: -np.sum(t * ag.log_softmax(z, 1)), {"z": z}, manual)
    assert report.ok, str(report)
    half = check_gradients(
        lambda z: -np.sum(t * ag.log_softmax(z, 1)), {"z": z}, {"z": manual(z)["z"] / 2}
    )
    assert half["z"].verdict == "differ"


def test_an_exponential_is_known_only_as_well_as_the_sum_that_it_was_recovered_from():
    """a·(1 − a) is right to a rounding of 1, of which 2e-9 is left where the sigmoid saturates."""
    z = np.full(3, 20.0)
    a = 1 / (1 + np.exp(-z))
    exact = np.exp(-z) / (1 + np.exp(-z)) ** 2
    assert 1e-9 < np.max(np.abs(a * (1 - a) / exact - 1)) < 1e-7

    def verdict(manual):
        loss = lambda z: np.sum(1 / (1 + np.exp(-z)))  # noqa: E731
        return check_gradients(loss, {"z": z}, {"z": manual})["z"].verdict

    assert verdict(a * (1 - a)) == "agree"
    assert verdict(exact * 1.001) == "differ"


def test_a_sigmoid_by_hand_that_overflows_and_saturates_agrees():
    def by_hand(z, factor):
        a = 1 / (1 + np.exp(-z))
        return {"a": 2 * a, "z": factor * 2 * a * a * (1 - a)}

    def saturated(z):
        a = 1 / (1 + np.exp(-z))
        return np.sum(a * a)

    params = {"z": np.array([-1000.0, 0.3, -800.0, 2.0])}
    with np.errstate(over="ignore"):
        report = check_gradients(saturated, params, partial(by_hand, factor=1.0))
        assert report.ok, str(report)
        assert check_gradients(saturated, params).ok
        assert check_gradients(saturated, params, partial(by_hand, factor=1.1)).culprits == ["z"]


def test_a_wrong_element_that_no_step_was_taken_along_is_seen_along_all_of_them():
    wrong = np.ones(1000)
    wrong[[123, 456, 789]] = 1.5
    loss = ag.primitive(lambda x: np.sum(x), lambda g, out, x: g * wrong, name="wrong_sum")
    report = check_gradients(lambda x: loss(x) * 1.0, {"x": np.linspace(1.0, 2.0, 1000)})
    assert report["x"].verdict == "differ"


def test_non_finite_manual_gradients_differ():
    report = check_gradients(
        loss, PARAMS, changed("b1", lambda g: g * np.array([np.nan, 1, 1, 1, 1]))
    )
    assert report["b1"].verdict == "differ"
    assert report["b1"].max_error == np.inf


def test_values_floats_and_tensors_are_parameters():
    def square(w):
        y = w * 2 + 1
        return y**2

    for w in (Value(3.0), 3.0, Tensor(3.0), np.array(3.0)):
        report = check_gradients(square, {"w": w}, {"w": 28.0, "y": 14.0})
        assert report.ok, str(report)
        assert check_gradients(square, {"w": w}, {"w": 28.1})["w"].verdict == "differ"


def test_parameters_are_left_as_they_were():
    w = Tensor(np.array([1.0, 2.0]), label="w")

    def spoiling(w):
        w *= 0.0
        return {"w": np.array([2.0, 4.0])}

    assert check_gradients(lambda w: np.sum(w**2), {"w": w}, spoiling).ok
    assert w.data.tolist() == [1.0, 2.0]
    assert w.grad.tolist() == [0.0, 0.0]
    assert w.parents == ()


def test_a_label_wins_over_a_local_variable_and_the_last_binding_counts():
    def f(w):
        h = w * 2
        h = h * 3
        other = h * 5
        other.label = "h"
        return np.sum(other)

    w = {"w": np.ones(2)}
    assert check_gradients(f, w, {"h": np.ones(2)}).ok

    def g(w):
        h = w * 2
        h = h * 3
        return np.sum(h * 5)

    assert check_gradients(g, w, {"h": np.full(2, 5.0)}).ok


class Model:
    def __call__(self, w):
        inner = np.tanh(w)
        return np.sum(inner)

    def method(self, w):
        return self(w) * 1.0


@pytest.mark.parametrize("f", [Model(), partial(Model()), partial(Model().__call__)])
def test_local_variables_of_methods_callables_and_partials_are_found(f):
    assert check_gradients(f, {"w": np.zeros(3)}, {"inner": np.ones(3)}).ok


def test_the_callers_profiler_goes_on():
    seen = []

    def observed(w):
        return np.sum(w)

    sys.setprofile(lambda frame, event, argument: seen.append((frame.f_code.co_name, event)))
    try:
        check_gradients(observed, {"w": np.ones(2)})
        assert sys.getprofile() is not None
    finally:
        sys.setprofile(None)
    captured = seen.index(("observed", "return"))
    assert seen.count(("call_with_locals", "return")) == 1
    assert captured < seen.index(("call_with_locals", "return"))


def test_a_profile_by_cprofile_goes_on_as_well():
    with cProfile.Profile() as profile:
        assert check_gradients(loss, PARAMS, manual).ok
        np.linalg.inv(np.eye(2))
    names = {getattr(entry.code, "co_name", "") for entry in profile.getstats()}
    assert {"check_gradients", "inv"} <= names


def test_the_same_seed_gives_the_same_report():
    big = {"w": np.random.default_rng(4).normal(size=(30, 30))}
    reports = [check_gradients(lambda w: np.sum(np.sin(w)), big, seed=s) for s in (1, 1, 2)]
    assert str(reports[0]) == str(reports[1])
    probed = [~np.isnan(report["w"].numerical) for report in reports]
    assert (probed[0] == probed[1]).all()
    assert (probed[0] != probed[2]).any()


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: check_gradients(loss, PARAMS, {"W9": 1}), ValueError, "did you mean 'W"),
        (
            lambda: check_gradients(lambda w: w, {"w": np.ones(3)}),
            ValueError,
            r"shape \(3,\): reduce",
        ),
        (lambda: check_gradients(lambda w: 3.0, {"w": np.ones(3)}), TypeError, "returned float"),
        (lambda: check_gradients(lambda: Tensor(3.0), {}), ValueError, "params is empty"),
        (
            lambda: check_gradients(loss, {"W1": "text"}),
            TypeError,
            "parameter 'W1': .*real numbers",
        ),
        (lambda: check_gradients(loss, PARAMS, manual)["W7"], KeyError, "checked were W1, b1"),
    ],
)
def test_misuse_is_explained(call, error, words):
    with pytest.raises(error, match=words):
        call()


@given(st.floats(-3, 3), st.floats(0.1, 3))
@example(1.2567127875038828, 1.0)
@example(-2.513810879825277, 0.16313657532862752)
def test_the_numerical_error_estimate_covers_the_error(x, scale):
    for f, slope in [
        (np.exp, np.exp),
        (np.sin, np.cos),
        (np.tanh, lambda x: 1 - np.tanh(x) ** 2),
        (lambda x: x**5, lambda x: 5 * x**4),
        (lambda x: np.sin(30 * x), lambda x: 30 * np.cos(30 * x)),
    ]:
        found = derivative(lambda x, f=f: float(scale * f(x)), x)
        assert abs(found.value - scale * slope(x)) <= 2 * found.error
        assert found.error <= 1e-6 * scale * 30


def test_numerical_derivatives_beside_a_pole_and_outside_a_domain():
    near = derivative(lambda x: float(np.log(x)) if x > 0 else np.nan, 1e-3)
    assert abs(near.value - 1e3) <= 2 * near.error < 1.0
    nowhere = derivative(lambda x: np.nan, 0.0)
    assert nowhere.error == np.inf


# What no number shows, and what numbers show at this point only


def bent(W1, W2):
    h = np.tanh(X[:, :2] @ W1)
    return np.sum((h @ W2 - T) ** 2) / 2


def bent_by_hand(W1, W2, slip=1.0, dropped=False):
    h = np.tanh(X[:, :2] @ W1)
    d = h @ W2 - T
    return {"W2": h.T @ d, "W1": slip * X[:, :2].T @ (d @ W2.T * (1 if dropped else 1 - h**2))}


BENT = {"W1": RNG.normal(size=(2, 3)), "W2": np.zeros((3, K))}


def test_right_by_chance_at_a_special_point_is_found_nearby():
    assert check_gradients(bent, BENT, bent_by_hand).ok
    report = check_gradients(bent, BENT, partial(bent_by_hand, slip=-7.0))
    assert report.culprits == ["W1"]
    assert report["W1"].evidence.startswith("agrees here, not nearby: ")
    assert report["W1"].causes[0].evidence == "the factor slip is too many"
    assert "slip" in report.mistakes[0].line.text
    assert "agree at the parameters as they are given, but not nearby" in report.notes[0]
    assert check_gradients(bent, BENT, partial(bent_by_hand, dropped=True)).culprits == ["W1"]
    at_one = check_gradients(lambda w: w**3, {"w": 1.0}, lambda w: {"w": 3 * w})
    assert at_one.culprits == ["w"]


def test_arrays_alone_are_not_compared_nearby_but_a_zero_gradient_is_told():
    wrong = bent_by_hand(**BENT, slip=-7.0)
    for manual in (wrong, lambda **params: wrong, None):
        report = check_gradients(bent, BENT, manual)
        assert report.ok, str(report)
    untested = [f for f in check_gradients(bent, BENT, wrong).findings if f.code == "zero gradient"]
    assert [(f.names, f.wrong) for f in untested] == [(("W1",), False)]
    assert not check_gradients(bent, BENT, bent_by_hand).findings


@pytest.mark.parametrize("constant", [0.0, 2.0])
def test_numbers_that_do_not_move_with_the_parameters_are_compared_at_one_point_and_it_says_so(
    constant,
):
    power = 3 if constant == 0 else 2
    report = check_gradients(
        lambda w: np.sum(w**power),
        {"w": np.full(3, constant / 2)},
        lambda w: {"w": 0 * w + constant},
    )
    assert report.ok
    assert report.notes[0].startswith("Compared at this one point only: manual gives the same")
    assert [f.code for f in report.findings] == ["zero gradient"] * (constant == 0)
    assert not check_gradients(
        lambda w: np.sum(5 * w), {"w": np.ones(3)}, lambda w: {"w": 5 + 0 * w}
    ).notes


def test_an_array_that_each_call_of_manual_writes_to_again():
    buffers = {name: np.zeros(np.shape(value)) for name, value in BENT.items()}

    def filled(slip=1.0, **params):
        for name, gradient in bent_by_hand(**params, slip=slip).items():
            buffers[name][...] = gradient
        return buffers

    def added(**params):
        for name, gradient in bent_by_hand(**params).items():
            buffers[name] += gradient
        return buffers

    report = check_gradients(bent, BENT, filled)
    assert report.ok
    assert np.array_equal(report["W2"].manual, bent_by_hand(**BENT)["W2"])
    assert check_gradients(bent, BENT, partial(filled, slip=-7.0)).culprits == ["W1"]
    buffers["W2"][...] = 0
    report = check_gradients(bent, BENT, added)
    assert "manual gives other numbers for W2 at each call" in report.findings[0].message


def test_a_point_beside_which_nothing_is_defined_is_said():
    def edge(w):
        if w[0] != 1.0:
            raise ZeroDivisionError("only at 1")
        return {"w": 2 * w}

    report = check_gradients(lambda w: np.sum(w * w), {"w": np.array([1.0])}, edge)
    assert report.ok
    assert "beside it ZeroDivisionError was raised: only at 1" in report.notes[0]


def test_what_does_not_reach_the_loss_is_told_and_what_is_cut_off():
    def forgotten(W1, W2, b):
        unused = np.tanh(W1)
        return bent(W1, W2) + 0 * float(np.sum(unused.data))

    params = BENT | {"b": np.zeros(K)}
    report = check_gradients(forgotten, params, lambda W1, W2, b: bent_by_hand(W1, W2))
    assert [f.message for f in report.findings] == [
        "b does not reach the loss, its gradient is 0: was it forgotten, or cut off by .data?"
    ]
    assert report["b"].verdict == "agree"
    dead = check_gradients(forgotten, params, {"unused": np.ones((2, 3)), "b": np.ones(K)})
    assert dead.culprits == ["b", "unused"] or dead.culprits == ["unused", "b"]
    cut = check_gradients(lambda w: np.sum(Tensor(w.data) ** 2), {"w": np.ones(2)})
    assert not cut.ok
    assert "was not recorded from it: .data, float()" in cut.findings[0].message


def test_a_random_loss_or_manual_is_told_and_nothing_is_judged_by_it():
    rng = np.random.default_rng(0)
    calls = []

    def noisy(W1, W2):
        return bent(W1, W2) + np.sum(W1 * (rng.random(W1.shape) < 0.5))

    def growing(W1, W2):
        calls.append(1)
        return bent(W1, W2) + len(calls)

    for loss in (noisy, growing):
        report = check_gradients(loss, BENT, bent_by_hand)
        assert not report.ok
        assert report.culprits == []
        assert {q.verdict for q in report.quantities.values()} == {"cannot tell"}
        assert report.findings[0].names == ("loss",)
        assert "the loss gives other numbers at each call" in report.findings[0].message

    def noisy_by_hand(W1, W2):
        found = bent_by_hand(W1, W2)
        return found | {"W2": found["W2"] * rng.uniform(0.5, 1.5)}

    report = check_gradients(bent, BENT, noisy_by_hand)
    assert verdicts(report) == {"W1": "agree", "W2": "cannot tell"}
    assert "manual gives other numbers for W2 at each call" in report.findings[0].message


def test_gradients_that_are_required_are_asked_for():
    report = check_gradients(bent, BENT, {}, required="all")
    assert not report.ok
    assert [(f.code, f.names) for f in report.findings[:1]] == [("missing", ("W1", "W2"))]
    manual = bent_by_hand(**BENT)
    assert check_gradients(bent, BENT, {"W1": manual["W1"]}, required=["W1"]).ok
    assert not check_gradients(bent, BENT, {"W1": manual["W1"]}, required=["W1", "h"]).ok
    with pytest.raises(GradientError, match="missing: W2"):
        assert_gradients(bent, BENT, {"W1": manual["W1"]})
    assert assert_gradients(bent, BENT, manual).ok
    assert assert_gradients(bent, BENT).ok
    assert assert_gradients(bent, BENT, {"W1": manual["W1"]}, required=()).ok
    for required, error in (("W1", ValueError), ([1], TypeError)):
        with pytest.raises(error, match="required"):
            check_gradients(bent, BENT, manual, required=required)


def test_a_manual_that_differentiates_automatically_is_no_derivation():
    def by_grad(W1, W2):
        return dict(zip(("W1", "W2"), ag.grad(bent, (0, 1))(W1, W2), strict=True))

    def by_backward(W1, W2):
        nodes = {"W1": Tensor(W1), "W2": Tensor(W2)}
        bent(**nodes).backward()
        return {name: node.grad for name, node in nodes.items()}

    assert check_gradients(bent, BENT, by_grad).ok
    for manual in (by_grad, by_backward):
        with pytest.raises(GradientError, match=r"autodiff: manual.*test_check.py:\d+"):
            assert_gradients(bent, BENT, manual)

    def by_value(w):
        w = Value(w)
        (w * w).backward()
        return {"w": w.grad}

    with pytest.raises(GradientError, match="autodiff"):
        assert_gradients(lambda w: w * w, {"w": 3.0}, by_value)
    assert assert_gradients(bent, BENT, bent_by_hand, forbid_autodiff=True).ok


def test_a_right_float16_derivation_agrees_and_a_wrong_one_differs():
    halves = {name: value.astype(np.float16) for name, value in PARAMS.items()}
    exact = manual(**{name: value.astype(float) for name, value in halves.items()})
    rounded = {name: g.astype(np.float16) for name, g in exact.items()}
    report = check_gradients(loss, halves, rounded)
    assert report.ok, str(report)
    assert "W1, b1, W2, b2: float16, checked in float64." in report.notes
    doubled = check_gradients(loss, halves, rounded | {"W2": 2 * rounded["W2"]})
    assert doubled["W2"].verdict == "differ"
    assert doubled["W2"].cause == "scale"


@pytest.mark.parametrize("factor", [1.0, 1 + 1e-7])
def test_what_is_a_little_off_does_not_follow_from_an_earlier_mistake(factor):
    X, W = np.arange(6.0).reshape(3, 2) / 5, np.array([[0.3], [-0.7]])

    def loss(W):
        z = X @ W
        return np.sum(np.tanh(z) ** 2)

    def manual(W):
        dz = np.tanh(X @ W)  # 2 · (1 − tanh²) is missing
        return {"z": dz, "W": X.T @ dz * factor}

    report = check_gradients(loss, {"W": W}, manual)
    assert report.quantities["W"].inherited == (factor == 1.0)


@pytest.mark.parametrize("kind", [Tensor, Value])
@pytest.mark.parametrize(
    ("function", "by_hand"), [(ag.sigmoid, lambda a: a * (1 - a)), (np.tanh, lambda a: 1 - a * a)]
)
def test_a_derivative_by_hand_may_round_where_its_result_has(kind, function, by_hand):
    """As 1 - a does where a is nearly 1; the engine's own derivative keeps its digits there."""
    w = np.array([0.5, 15.0]) if kind is Tensor else 15.0

    def loss(w):
        return np.sum(function(w)) if kind is Tensor else function(w)

    derivative = by_hand(function(w))
    exact = ag.grad(loss)(w)
    assert np.any(exact != derivative)
    assert check_gradients(loss, {"w": w}, {"w": derivative}).ok
    assert check_gradients(loss, {"w": w}, {"w": exact}).ok
    if kind is Tensor:
        assert not check_gradients(loss, {"w": w}, {"w": derivative * 1.001}).ok


def test_a_graph_in_the_open_is_a_problem_too():
    w, b = Tensor(PARAMS["W1"]), Tensor(PARAMS["b1"])
    z = ag.affine(X, w, b)
    root = np.sum(np.tanh(z) ** 2)
    a = np.tanh(z.data)
    dz = 2 * a * (1 - a**2)
    nodes, right = {"w": w, "b": b, "z": z}, {"w": X.T @ dz, "b": dz.sum(0), "z": dz}
    assert checked(Problem(root, nodes, ("w", "b"), right)).ok
    wrong = right | {"z": 2 * a, "w": X.T @ (2 * a), "b": (2 * a).sum(0)}
    report = checked(Problem(root, nodes, ("w", "b"), wrong))
    assert report.culprits == ["z"]
    assert report["z"].cause == "missing-factor"
    assert report["w"].inherited
    assert report["b"].inherited
