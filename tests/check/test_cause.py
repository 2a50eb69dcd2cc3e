"""Blame and cause: which line of a hand-derived backward pass is wrong, and why."""

from functools import partial

import numpy as np
import pytest
from helpers import sigmoid

import autograd_mini as ag
from autograd_mini import Value, check_gradients
from autograd_mini.check.report import CAUSES
from autograd_mini.check.wording import FactorNames

N, D, H, K = 20, 4, 5, 3
RNG = np.random.default_rng(0)
x = RNG.normal(size=(N, D))
t = np.eye(K)[RNG.integers(0, K, N)]
PARAMS = {
    "W1": RNG.normal(size=(D, H)), "b1": RNG.normal(size=H),
    "W2": RNG.normal(size=(H, K)), "b2": RNG.normal(size=K),
}  # fmt: skip


def loss(W1, b1, W2, b2):
    z1 = x @ W1 + b1
    a1 = ag.sigmoid(z1)
    z2 = a1 @ W2 + b2
    p = ag.softmax(z2)
    return -np.sum(t * np.log(p))


LINES = {
    "z1": "x @ W1 + b1",
    "a1": "sigmoid(z1)",
    "z2": "a1 @ W2 + b2",
    "p": "np.exp(z2) / np.exp(z2).sum(1, keepdims=True)",
    "dz2": "p - t",
    "dW2": "a1.T @ dz2",
    "db2": "dz2.sum(0)",
    "da1": "dz2 @ W2.T",
    "dz1": "da1 * a1 * (1 - a1)",
    "dW1": "x.T @ dz1",
    "db1": "dz1.sum(0)",
}
CHECKED = ("z2", "W2", "b2", "a1", "z1", "W1", "b1")


def by_hand(checked=CHECKED, **changed):
    """A hand-derived backward pass, some of whose lines are changed."""

    def manual(**params):
        rate, n = 0.1, N
        names = {**globals(), **params, "rate": rate, "n": n}
        for name, line in {**LINES, **changed}.items():
            names[name] = eval(line, names)
        return {name: names[f"d{name}"] for name in checked}

    return manual


def checked(manual):
    """The report of the search on the numbers alone: ``manual`` reads its lines from texts."""
    with np.errstate(all="ignore"):
        return check_gradients(loss, PARAMS, manual, seconds=0)


SLIPS = [
    ("z2", "t - p", ["sign"], "every element"),
    ("z2", "p + t", ["sign"], "has the wrong sign"),
    ("z2", "p", ["missing-term"], "is missing"),
    ("z2", "(p - t) / n", ["scale", "different-loss"], "1/20, with 20"),
    ("z2", "(p - t) * p * (1 - p)", ["extra-factor"], "p·(1 − p)"),
    ("W2", "a1.T @ dz2 / n", ["scale"], "0.05"),
    ("W2", "z1.T @ dz2", ["wrong-operand"], "z1 is used where a1 belongs"),
    ("W2", "(a1.T @ dz2).T", ["transpose"], "transposed"),
    ("W2", "2 * a1.T @ dz2", ["scale"], "2 ×"),
    ("b2", "dz2", ["missing-reduction"], "axis 0 (20 elements)"),
    ("b2", "dz2.mean(0)", ["mean-for-sum", "scale"], "20 elements"),
    ("b2", "dz2.sum(1)", ["wrong-axis"], "axis 1"),
    ("b2", "dz2.sum(0, keepdims=True)", ["shape"], "(1, 3) in place of (3,)"),
    ("b2", "dz2.sum()", ["extra-reduction"], "summed"),
    ("b2", "4. / n * dz2.sum(0)", ["scale"], "0.2"),
    ("a1", "dz2 @ (W2 - 0.1 * dW2).T", ["updated-value"], "0.1 (= rate"),
    ("a1", "-dz2 @ W2.T", ["sign"], "every element"),
    ("z1", "da1", ["missing-factor"], "a1·(1 − a1)"),
    ("z1", "da1 * a1", ["missing-factor", "missing-term"], "1 − a1"),
    ("z1", "da1 * (1 - a1)", ["missing-factor"], "the factor a1"),
    ("z1", "da1 * a1 * (1 + a1)", ["sign"], "a1"),
    ("z1", "da1 * sigmoid(a1) * (1 - sigmoid(a1))", ["wrong-factor"], "sigmoid′(a1)"),
    ("z1", "da1 * z1 * (1 - z1)", ["wrong-operand", "wrong-factor"], "z1 is used where a1"),
    ("z1", "da1 * (1 - a1**2)", ["wrong-factor"], "1 − a1²"),
    ("z1", "da1 * (a1 * (1 - a1))**2", ["extra-factor"], "stands twice"),
    ("z1", "a1 * (1 - a1)", ["missing-factor"], "times da1"),
    ("z1", "da1 * a1 * (1 - a1) / 0.0", ["non-finite"], "inf"),
    ("W1", "x.T @ da1", ["wrong-operand"], "da1 is used where dz1 belongs"),
    ("W1", "x.T @ dz1 + 0.01 * W1", ["extra-term"], "0.01 × W1"),
    ("W1", "rate * x.T @ dz1", ["scale"], "(= rate, or 2/20, with 20 rows of x)"),
    ("W1", "np.where(np.arange(4)[:, None] == 2, 0, x.T @ dz1)", ["missing-term"], "row 2"),
    ("W1", "np.cos(np.arange(20.0)).reshape(4, 5)", ["unknown"], "no single slip"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "line", "codes", "words"), SLIPS, ids=[s[1] for s in SLIPS])
def test_the_slip_is_named_and_nothing_else_is_blamed(name, line, codes, words):
    report = checked(by_hand(**{f"d{name}": line}))
    assert report.culprits == [name]
    assert [cause.code for cause in report[name].causes][: len(codes)] == codes
    assert words in report[name].causes[0].evidence
    assert {cause.code for cause in report[name].causes} <= CAUSES.keys()
    for quantity in report.quantities.values():
        assert (quantity.verdict == "agree") or quantity.inherited or quantity.name == name


def test_a_right_pass_has_no_culprits():
    report = checked(by_hand())
    assert report.ok
    assert report.culprits == []
    assert all(q.cause is None and not q.inherited for q in report.quantities.values())


def test_two_mistakes_are_told_from_what_inherits_them():
    report = checked(by_hand(dz2="2 * (p - t)", dz1="da1 * a1"))
    assert report.culprits == ["z2", "z1"]
    assert {q.name for q in report.quantities.values() if q.inherited} == {
        "W2", "b2", "a1", "W1", "b1"
    }  # fmt: skip
    assert np.allclose(report["W2"].expected, 2 * report["W2"].automatic)


def test_a_mistake_that_undoes_another_is_not_hidden():
    """The sum of both is right, so what follows them agrees."""
    report = checked(by_hand(dz2="2 * (p - t)", da1="dz2 @ W2.T / 2"))
    assert [q.name for q in report.quantities.values() if q.verdict == "agree"] == [
        "W1", "b1", "a1", "z1"
    ]  # fmt: skip
    assert report.culprits == ["z2"]


@pytest.mark.parametrize(
    ("line", "codes"),
    [("da1", ["missing-factor"]), ("da1 * z1 * (1 - z1)", ["wrong-operand", "wrong-factor"])],
)
def test_a_slip_is_found_through_steps_that_the_user_does_not_show(line, codes):
    report = checked(by_hand(checked=("W1", "b1", "W2", "b2"), dz1=line))
    assert report.culprits == ["b1", "W1"]
    assert [cause.code for cause in report["W1"].causes] == codes


def test_a_gradient_of_another_shape_is_not_handed_on():
    report = checked(by_hand(dz2="(p - t)[:, :, None]", dW2="a1.T @ dz2[..., 0]",
                             db2="dz2[..., 0].sum(0)", da1="dz2[..., 0] @ W2.T"))  # fmt: skip
    assert report.culprits == ["z2"]
    assert report["z2"].cause == "shape"


def test_what_follows_from_a_wrong_shape_is_no_mistake_of_its_own():
    report = checked(by_hand(da1="(dz2 @ W2.T)[None]", dW1="x.T @ dz1[0]", db1="dz1.sum(1)"))
    assert report.culprits == ["a1"]
    assert report["a1"].cause == "shape"
    assert report["z1"].inherited
    assert report["b1"].inherited


def test_what_the_users_numpy_would_broadcast_is_handed_on():
    lines = {
        "dz2": "(p - t).sum(0)",
        "dW2": "a1.T @ np.broadcast_to(dz2, (20, 3))",
        "db2": "20 * dz2",
        "da1": "np.broadcast_to(dz2, (20, 3)) @ W2.T",
    }
    report = checked(by_hand(**lines))
    assert report.culprits == ["z2"]
    assert report["z2"].cause == "extra-reduction"


def test_what_numpy_makes_of_a_lost_axis_is_handed_on():
    """As many samples as columns: a lost keepdims turns a column into a row, and nothing raises."""
    square, wanted = x[:H], RNG.normal(size=(H, H))

    def centred(W1):
        z = square @ W1
        m = np.mean(z, axis=1, keepdims=True)
        c = z - m
        return np.sum((np.tanh(c) - wanted) ** 2) / 2

    def manual(W1, keep):
        z = square @ W1
        a = np.tanh(z - z.mean(1, keepdims=True))
        dc = (a - wanted) * (1 - a**2)
        dm = -dc.sum(1, keepdims=keep)
        dz = dc + dm / H
        return {"c": dc, "m": dm, "z": dz, "W1": square.T @ dz}

    params = {"W1": PARAMS["W1"]}
    assert check_gradients(centred, params, partial(manual, keep=True)).ok
    report = check_gradients(centred, params, partial(manual, keep=False))
    assert report.culprits == ["m"]
    assert report["z"].inherited
    assert report["W1"].inherited
    negative = manual(**params, keep=False)
    negative["W1"] = -negative["W1"]
    assert check_gradients(centred, params, negative).culprits == ["m", "W1"]


def test_nan_is_inherited():
    report = checked(by_hand(dz2="p - t + np.where(np.arange(20)[:, None] == 3, np.nan, 0)"))
    assert report.culprits == ["z2"]
    assert "[3, 0]" in report["z2"].causes[0].evidence


def test_one_number_has_no_ratio_worth_a_name():
    """Any two numbers have a ratio; only one that has a name explains something."""

    def one(w):
        z = 0.3 * w
        return z * z

    params = {"w": Value(2.0)}
    assert check_gradients(one, params, lambda w: {"w": 1.2345 * 0.18 * w})["w"].cause == "unknown"
    assert check_gradients(one, params, lambda w: {"w": 2.0 * 0.18 * w})["w"].cause == "scale"


def test_scalar_networks_are_explained_weight_by_weight():
    def neuron(w, b, v):
        h = ag.sigmoid(w * 0.3 + b)
        o = ag.sigmoid(h * v)
        return (o - 0.2) ** 2 / 2

    def manual(w, b, v):
        h = sigmoid(w * 0.3 + b)
        o = sigmoid(h * v)
        do = o - 0.2
        dh = do * o * v  # o * (1 - o) was meant
        return {"o": do, "h": dh, "w": dh * h * (1 - h) * 0.3}

    params = {"w": Value(0.4), "b": Value(-0.3), "v": Value(1.3)}
    report = check_gradients(neuron, params, manual)
    assert report.culprits == ["h"]
    assert report["h"].cause == "missing-factor"
    assert report["w"].inherited


@pytest.mark.parametrize("kind", ["relu", "abs", "maximum"])
def test_at_a_kink_another_convention_agrees_and_what_is_none_is_named_with_its_elements(kind):
    data = np.array([-1.0, 0.0, 2.0, 0.0])
    loss, slope = {
        "relu": (lambda z: np.sum(ag.relu(z) * 3.0), np.where(data >= 0, 3.0, 0.0)),
        "abs": (lambda z: np.sum(np.abs(z) * 3.0), np.where(data >= 0, 3.0, -3.0)),
        "maximum": (lambda z: np.sum(np.maximum(z, 0.0) * 3.0), np.where(data >= 0, 3.0, 0.0)),
    }[kind]
    assert check_gradients(loss, {"z": data}, {"z": slope})["z"].verdict == "agree"
    report = check_gradients(loss, {"z": data}, {"z": np.where(data == 0, 15.0, slope)})
    assert report["z"].verdict == "differ"
    assert report["z"].cause == "kink"
    evidence = report["z"].causes[0].evidence
    assert "at 1, 3, where" in evidence
    assert "no convention gives 15 there" in evidence


def test_one_number_at_a_kink_is_named_as_an_array_is():
    losses = (lambda w: 3 * ag.relu(w), lambda w: 3 * ag.leaky_relu(w, 0.1), lambda w: 3 * abs(w))
    for loss in losses:
        for params in ({"w": Value(0.0)}, {"w": np.zeros(())}):
            report = check_gradients(loss, params, {"w": 15.0})
            assert report["w"].cause == "kink"
            assert "only at the number, where" in report["w"].causes[0].evidence


def test_another_convention_at_a_kink_is_no_mistake_given_what_it_was_handed():
    def kinked(v):
        a = ag.relu(v)
        return np.sum(a * a * 2 + a)

    def manual(v, at_zero):
        da = 3 * (4 * np.maximum(v, 0) + 1)  # the 3 is a mistake
        return {"a": da, "v": da * np.where(v > 0, 1.0, np.where(v == 0, at_zero, 0.0))}

    params = {"v": np.array([-1.0, 0.0, 2.0, 0.0, 3.0])}
    for at_zero, culprits in ((0.0, ["a"]), (1.0, ["a"]), (0.5, ["a"]), (1.5, ["a", "v"])):
        report = check_gradients(kinked, params, partial(manual, at_zero=at_zero))
        assert report.culprits == culprits
        assert report["v"].inherited == (culprits == ["a"])


def cubes(w):
    return np.sum((2 * w - 1) ** 2 * 2 + w**2)


def slope_of_cubes(w):
    return 18 * w - 8


@pytest.mark.parametrize("amount", [1e-7, 1e-10, 1e-4, 0.1])
def test_near_a_slip_is_no_slip(amount):
    """A cause is given only where that slip makes exactly these numbers."""
    noise = 1 + amount * np.random.default_rng(5).normal(size=40)
    w = np.linspace(-1.3, 2.2, 40)
    right = slope_of_cubes(w)
    for slip, code in ((2 * right, "scale"), (-right, "sign"), (right + 0.3 * w, "extra-term")):
        exact = check_gradients(cubes, {"w": w}, {"w": slip})
        assert code in [cause.code for cause in exact["w"].causes]
        near = check_gradients(cubes, {"w": w}, {"w": slip * noise})
        assert near["w"].cause == "unknown", (code, near["w"].causes)


def test_near_a_slip_of_one_step_is_no_slip():
    noise = np.random.default_rng(6).normal(size=(N, H))
    lines = {"dz1": "da1 * a1", "dW1": "x.T @ dz1"}
    names = {"noise": noise}
    for line in ("da1", "da1 * a1", "da1 * a1 * (1 + a1)", "da1 * (1 - a1**2)"):
        exact = checked(by_hand(**(lines | {"dz1": line})))
        assert exact["z1"].cause != "unknown"
        globals().update(names)
        near = checked(by_hand(**(lines | {"dz1": f"{line} * (1 + 1e-7 * noise)"})))
        assert near["z1"].cause == "unknown", near["z1"].causes
        assert near.culprits == ["z1"]


def test_what_is_next_to_nothing_is_zero_and_no_factor():
    w = np.array([1.0, 2.0, 3.5])
    report = check_gradients(cubes, {"w": w}, {"w": 1.3e-17 * slope_of_cubes(w)})
    assert report["w"].causes[0].code == "missing-term"
    assert report["w"].causes[0].evidence.startswith("it is zero everywhere")
    small = check_gradients(cubes, {"w": w}, {"w": 1.3e-9 * slope_of_cubes(w)})
    assert small["w"].causes[0].evidence == "1.3e−09 × the right gradient"


def test_where_the_loss_does_not_depend_the_right_gradient_is_zero():
    report = check_gradients(lambda w, b: np.sum(w * w), {"w": np.ones(3), "b": np.ones(2)},
                             {"b": np.ones(2)})  # fmt: skip
    assert report["b"].verdict == "differ"
    assert report["b"].causes[0].evidence == "the right gradient is zero everywhere"


def test_a_number_without_a_name_is_said_where_it_stands():
    def half(w, v):
        return np.sum((3 * w + 2 * v) ** 2) / 2

    params = {"w": np.array([1.0, 2.0, 3.5]), "v": np.array([0.3, -2.0, 0.7])}
    outer = 3 * params["w"] + 2 * params["v"]
    for factor, words in ((-2, "2 in 2·v has the wrong sign"), (0, "the term 2 in 2·v is missing")):
        wrong = {"w": 3 * outer, "v": 2 * (3 * params["w"] + factor * params["v"])}
        report = check_gradients(half, params, wrong)
        assert words in [cause.evidence for cause in report["v"].causes]


def test_a_factor_near_1_has_as_many_digits_as_it_takes():
    w = np.array([1.0, 2.0, 3.5])
    report = check_gradients(cubes, {"w": w}, {"w": 1.0000001 * slope_of_cubes(w)})
    assert report["w"].causes[0].evidence == "1.0000001 × the right gradient"


def test_an_attention_step_and_its_lost_term():
    rng = np.random.default_rng(3)
    q, v, y = rng.normal(size=(5, 4)), rng.normal(size=(6, 4)), rng.normal(size=(5, 4))

    def attention(k):
        s = q @ k.T / 2.0
        a = ag.softmax(s, axis=1)
        o = a @ v
        return np.sum((o - y) ** 2) / 2

    def manual(k, lost):
        s = q @ k.T / 2.0
        a = np.exp(s) / np.exp(s).sum(1, keepdims=True)
        do = a @ v - y
        da = do @ v.T
        ds = a * (da - (0 if lost else (da * a).sum(1, keepdims=True)))
        return {"o": do, "a": da, "s": ds, "k": ds.T @ q / 2.0}

    k = {"k": rng.normal(size=(6, 4))}
    assert check_gradients(attention, k, lambda k: manual(k, lost=False)).ok
    report = check_gradients(attention, k, lambda k: manual(k, lost=True), seconds=0)
    assert report.culprits == ["s"]
    assert report["s"].cause == "missing-term"


def test_numbers_are_named_by_the_code_before_sizes():
    numbers = FactorNames({20: "rows of x", 3: "columns of t"}, {"rate": 0.05})
    assert numbers.name(0.05) == "rate, or 1/20, with 20 rows of x"
    assert FactorNames({}, {"rate": -0.3}).name(-0.3) == "rate"
    assert FactorNames({}, {"rate": -0.3}).name(0.3) == "−rate"
    assert numbers.name(-1 / 60) == "−1/(20·3), with 20 rows of x and 3 columns of t"
    assert numbers.name(30.0) == "(20·3)/2, with 20 rows of x and 3 columns of t"
    assert numbers.name(0.05 / 20) == "rate/20, with 20 rows of x"
    assert numbers.name(float("nan")) is None


@pytest.mark.parametrize(
    ("name", "wrong", "cause"),
    [
        ("b1", "dz1.mean(0)", "mean-for-sum"),
        ("b1", "dz1", "missing-reduction"),
        ("b1", "dz1.sum() * np.ones(H)", "extra-reduction"),
        ("W1", "-(x.T @ dz1)", "sign"),
        ("W1", "x.T @ z1", "wrong-operand"),
        ("z1", "dz1 / a1", "missing-factor"),
    ],
)
def test_a_layer_in_one_operation_is_blamed_as_its_parts_are(name, wrong, cause):
    def manual(W1, b1):
        z1 = x @ W1 + b1
        a1 = sigmoid(z1)
        dz1 = a1 * a1 * (1 - a1)
        found = {"z1": dz1, "W1": x.T @ dz1, "b1": dz1.sum(0)}
        return found | {name: eval(wrong, globals() | locals())}

    def in_parts(W1, b1):
        z1 = x @ W1 + b1
        return np.sum(ag.sigmoid(z1) ** 2) / 2

    def in_one(W1, b1):
        z1 = ag.affine(x, W1, b1)
        return np.sum(ag.sigmoid(z1) ** 2) / 2

    params = {key: PARAMS[key] for key in ("W1", "b1")}
    one, parts = (check_gradients(loss, params, manual, seconds=0) for loss in (in_one, in_parts))
    assert one[name].cause == cause
    assert [c.code for c in one[name].causes] == [c.code for c in parts[name].causes]
    assert one.culprits == parts.culprits
