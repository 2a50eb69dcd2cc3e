"""The numerical side: complex step, kinks, and what differences cannot see."""

from functools import partial

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Tensor, Value, check_gradients
from autograd_mini.check.bounds import loss_noise
from autograd_mini.check.complex_step import ComplexStep
from autograd_mini.check.kinks import at_kink, crossed
from autograd_mini.check.moved import Moved
from autograd_mini.core.graph import gradients, rebuild, topological_order
from autograd_mini.core.rule import FUNCTIONS, RULES
from autograd_mini.differences import derivative, one_sided_derivative
from autograd_mini.operations.indexing import gather

RNG = np.random.default_rng(11)
TABLE = [name for name in RULES if name != "where" and name in FUNCTIONS]
WITHOUT = {"erf", "erfc", "gelu"}


def slope(loss, node, direction):
    return ComplexStep(topological_order(loss), node).slope(direction)


# The loss at other numbers


def test_a_moved_loss_is_what_recording_it_anew_gives():
    x, w, b = (Tensor(RNG.normal(size=shape)) for shape in ((5, 3), (3, 4), (4,)))
    hidden = np.tanh(ag.affine(x, w, b)).T[::-1]
    loss = np.mean(ag.logsumexp(hidden, axis=0) + np.max(hidden, axis=0) ** 2) + np.sum(x[1:]) / 3
    order = topological_order(loss)
    for node in (x, w, b, hidden, loss):
        other = RNG.normal(size=node.shape)
        again = rebuild(order, {node: Tensor(other)})[loss]
        assert Moved(order, node).root_at(other) == again.data != loss.data
        assert Moved(order, node).root_at(node.data) == loss.data


# The complex step


@pytest.mark.parametrize("name", TABLE)
def test_the_complex_step_of_every_rule_is_its_derivative(name):
    rule, rng = RULES[name], np.random.default_rng(TABLE.index(name))
    data = rng.uniform(0.2, 0.8, (len(rule.operands), 6)) + (1.2 if name == "arccosh" else 0.0)
    if name not in ("log", "log2", "log10", "log1p", "sqrt", "pow", "arccosh"):
        data[:, ::2] *= -1 if name not in ("clip",) else 1
    nodes = [Tensor(row) for row in data]
    loss = np.sum(FUNCTIONS[name](*nodes) * np.arange(1.0, 7.0))
    for node, gradient in zip(nodes, gradients(loss, nodes), strict=True):
        direction = rng.normal(size=6)
        found = slope(loss, node, direction)
        if name in WITHOUT:
            assert found is None
            continue
        assert abs(found.value - gradient @ direction) <= found.error + 1e-14
        assert found.error < 1e-12
        assert found.kinks == ()


ARRAYS = {
    "matmul": lambda x: x @ x.T,
    "einsum": lambda x: np.einsum("ij,kj->ik", x, x),
    "sum": lambda x: np.sum(x, axis=0),
    "mean": lambda x: np.mean(x, axis=1, keepdims=True),
    "var": lambda x: np.var(x, axis=0, ddof=1),
    "std": lambda x: np.std(x, axis=1),
    "prod": lambda x: np.prod(x, axis=0),
    "max": lambda x: np.max(x, axis=1),
    "min": lambda x: np.min(x),
    "cumsum": lambda x: np.cumsum(x, axis=0),
    "norm": lambda x: np.linalg.norm(x, axis=0),
    "softmax": ag.softmax,
    "log_softmax": ag.log_softmax,
    "logsumexp": lambda x: ag.logsumexp(x, axis=0),
    "reshape": lambda x: np.reshape(x, (2, 6)),
    "ravel": np.ravel,
    "squeeze": lambda x: np.squeeze(x[:1]),
    "expand_dims": lambda x: x[:, None] + np.expand_dims(x, 0),
    "transpose": np.transpose,
    "moveaxis": lambda x: np.moveaxis(x, 0, 1),
    "swapaxes": lambda x: np.swapaxes(x, 0, 1),
    "broadcast_to": lambda x: np.broadcast_to(x, (5, 3, 4)),
    "getitem": lambda x: x[[0, 0, 2], 1:],
    "concatenate": lambda x: np.concatenate([x, x * 2]),
    "stack": lambda x: np.stack([x, x**2]),
    "flip": np.flip,
    "roll": lambda x: np.roll(x, 1, axis=0),
    "pad": lambda x: np.pad(x, 1),
    "astype": lambda x: x.astype(np.float64),
    "scatter": lambda x: np.diag(x[0]),
    "gather": lambda x: gather([x, x**2], np.array([3, 17, 3])),
    "where": lambda x: np.where(x.data > 0, x, 2 * x),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_the_complex_step_of_array_operations_is_their_gradient(name):
    x = Tensor(RNG.normal(size=(3, 4)))
    made = ARRAYS[name](x)
    loss = np.sum(np.tanh(made) * RNG.normal(size=made.shape))
    assert name in {node.op for node in topological_order(loss)}
    direction = RNG.normal(size=x.shape)
    found = slope(loss, x, direction)
    assert abs(found.value - np.sum(gradients(loss, x) * direction)) <= found.error + 1e-14
    assert found.error < 1e-12


def test_the_complex_step_reads_no_local_derivative():
    wrong = ag.rule("cube_with_a_mistake", "x * x * x", ["2 * x * x"])
    try:
        x = Tensor([1.0, -2.0])
        loss = np.sum(wrong(x))
        found = slope(loss, x, np.array([0.0, 1.0]))
        assert abs(found.value - 12.0) <= found.error
        assert gradients(loss, x)[1] == 8.0
    finally:
        del RULES["cube_with_a_mistake"], FUNCTIONS["cube_with_a_mistake"]


def test_the_complex_step_goes_over_values_and_stops_at_what_it_does_not_know():
    w, v = Value(0.3), Value(-2.0)
    loss = ag.weighted_sum([w, v], [v, 2.0], w).tanh() ** 2
    found = slope(loss, w, np.array(1.0))
    assert abs(found.value - gradients(loss, w)) <= found.error + 1e-15
    inverse = ag.primitive(np.linalg.inv, lambda g, out, x: -out.T @ g @ out.T, name="inverse")
    x = Tensor(np.eye(2) * 2.0)
    assert slope(np.sum(inverse(x)), x, np.ones((2, 2))) is None


def test_a_saturated_softmax_is_told():
    """Differences of a loss near 40 see no gradient of 1e-14; the complex step does."""
    z = np.array([[40.0, 0.0, 3.0], [0.0, 33.0, -4.0]])
    t = np.eye(3)[[2, 2]]

    def loss(z):
        e = np.exp(z)
        return -np.sum(t * np.log(e / np.sum(e, axis=1, keepdims=True)))

    e = np.exp(z)
    right = e / e.sum(1, keepdims=True) - t
    assert check_gradients(loss, {"z": z}, {"z": right}).ok
    alone = check_gradients(loss, {"z": z})
    assert alone["z"].verdict == "agree"
    wrong = right.copy()
    wrong[0, 1] *= 2  # off by 4e-18, where the largest element is 1
    report = check_gradients(loss, {"z": z}, {"z": wrong})
    assert report["z"].verdict == "differ"
    assert "[0, 1]" in report["z"].evidence
    assert report["z"].numerical_error[0, 1] < 1e-25


# Kinks


KINKS = {
    "relu": (ag.relu, [0.0, 1.0], (0.0, 1.0)),
    "abs": (np.abs, [0.0, 1.0], (-1.0, 1.0)),
    "leaky_relu": (lambda x: ag.leaky_relu(x, 0.1), [0.0, -1.0], (0.1, 1.0)),
    "maximum": (lambda x: np.maximum(x, 2.0), [2.0, 3.0], (0.0, 1.0)),
    "minimum": (lambda x: np.minimum(2.0, x), [2.0, 1.0], (0.0, 1.0)),
    "clip": (lambda x: np.clip(x, -1.0, 1.0), [1.0, 0.0], (0.0, 1.0)),
    "elu": (lambda x: ag.elu(x, 2.0), [0.0, 1.0], (1.0, 2.0)),
}


@pytest.mark.parametrize("name", KINKS)
def test_every_slope_between_the_two_sides_is_right_at_a_kink(name):
    f, at, (low, high) = KINKS[name]
    x = np.array(at)

    def loss(x):
        return np.sum(3.0 * f(x))

    ours = check_gradients(loss, {"x": x})
    assert ours.ok
    assert "no derivative" in str(ours)
    for value, right in ((low, 1), (high, 1), ((low + high) / 2, 1), (high + 0.1, 0), (low - 1, 0)):
        manual = ours["x"].automatic.copy()
        manual[0] = 3.0 * value
        report = check_gradients(loss, {"x": x}, {"x": manual})
        assert report.ok == bool(right), (value, str(report))
        if not right:
            assert report["x"].cause == "kink"
    manual = ours["x"].automatic + np.array([0.0, 1e-3])
    report = check_gradients(loss, {"x": x}, {"x": manual})
    assert report["x"].verdict == "differ"
    assert "[1]" in report["x"].evidence


def test_another_convention_names_the_elements_and_the_slopes():
    x = np.array([0.0, 1.0, 0.0])
    report = check_gradients(lambda x: np.sum(ag.relu(x)), {"x": x}, {"x": np.ones(3)})
    assert report.ok
    assert report.notes == [
        "x: equal to rounding but for [0], [2], where relu at [0], [2] has no derivative and any "
        "value between the slopes on the two sides will do: manual 1, automatic 0, slopes 0 and 1 "
        "on the two sides."
    ]


@pytest.mark.parametrize(
    ("share", "right"),
    [([1, 0, 0], 1), ([0.5, 0.5, 0], 1), ([0.2, 0.8, 0], 1), ([1, 1, 0], 0), ([0, 0, 0], 0)],
)
def test_slopes_of_a_greatest_element_must_fit_each_other(share, right):
    x = np.array([3.0, 3.0, 1.0])
    report = check_gradients(lambda x: 2 * np.max(x), {"x": x}, {"x": 2.0 * np.array(share)})
    assert report.ok == bool(right)


@pytest.mark.parametrize(("slopes", "right"), [([1.0, 0.5], 1), ([1.5, -0.5], 0), ([-0.5, 1], 0)])
def test_slopes_of_several_elements_do_not_make_up_for_each_other(slopes, right):
    """Their sum is a slope of the sum, but each must be one of its own relu."""
    report = check_gradients(
        lambda x: np.sum(ag.relu(x)), {"x": np.zeros(2)}, {"x": np.array(slopes)}
    )
    assert report["x"].verdict == ("agree" if right else "differ")


def test_kinks_inside_a_network_are_conventions_for_its_weights():
    """An input of zeros and a bias of zeros put a whole row of relu on its kink."""
    X = np.vstack([RNG.normal(size=(5, 3)), np.zeros((2, 3))])
    params = {"W": RNG.normal(size=(3, 4)), "b": np.zeros(4)}
    v = RNG.normal(size=4)

    def loss(W, b):
        z = X @ W + b
        return np.sum(ag.relu(z) @ v)

    def manual(at_zero):
        def by_hand(W, b):
            z = X @ W + b
            dz = np.where(z > 0, 1.0, np.where(z == 0, at_zero, 0.0)) * v
            return {"W": X.T @ dz, "b": dz.sum(0)}

        return by_hand

    assert check_gradients(loss, params, manual(0.0)).ok
    report = check_gradients(loss, params, manual(1.0))
    assert report.ok, str(report)
    words = "relu at [5, 0], [5, 1], [5, 2] and 5 more has no derivative"
    assert words in " ".join(report.notes)
    assert not check_gradients(loss, params, manual(2.0)).ok


@pytest.mark.parametrize("distance", [1e-3, 1e-7, 1e-12])
@pytest.mark.parametrize("f", [ag.relu, np.abs, lambda x: np.maximum(x, 0.0)])
def test_a_step_over_a_kink_is_no_error(f, distance):
    x = np.array([distance, -distance, 1.0])
    slopes = np.array([2.0, -1.0 if f is np.abs else 0.0, 2.0])
    slopes = np.where(np.arange(3) == 1, 2 * slopes, slopes)

    def loss(x):
        return np.sum(2 * f(x))

    report = check_gradients(loss, {"x": x}, {"x": slopes})
    assert report["x"].verdict == "agree"
    assert check_gradients(loss, {"x": x}).ok
    if distance < 1e-9:  # at 1e-7 the differences' own steps become small enough
        assert "crosses the kink of" in report["x"].evidence
        assert "[0]" in report["x"].evidence
    other = np.where(np.arange(3) == 1, 2.0, slopes)  # the other branch
    wrong = check_gradients(loss, {"x": x}, {"x": other})
    assert wrong["x"].verdict == "differ"


def test_the_elements_that_a_step_moves_over_a_kink():
    x = Tensor([0.1, 5.0])
    loss = np.max(x) + np.sum(np.clip(x, 0.0, 1.0))
    found = crossed(topological_order(loss), x, [np.array([-0.1, 5.0]), np.array([6.0, 5.0])])
    assert {node.op: where.tolist() for node, where in found.items()} == {
        "clip": [True, False],
        "max": [True, True],
    }
    assert at_kink(np.linalg.norm(Tensor([0.0, 0.0]))).all()


def test_the_slope_on_one_side():
    for f, right in ((abs, 1.0), (lambda x: max(x, 0.0) + np.exp(x), 2.0), (np.sin, 1.0)):
        found = one_sided_derivative(f, 0.0)
        assert abs(found.value - right) <= 2 * found.error < 1e-5
    assert one_sided_derivative(lambda x: np.nan, 0.0).error == np.inf


def test_what_is_not_recorded_is_seen_by_differences_and_not_overruled():
    def detached(x):
        return np.sum(x * x.data)

    report = check_gradients(detached, {"x": np.array([1.0, 2.0])})
    assert report["x"].verdict == "differ"


def relu_network(W1, W2):
    h = ag.relu(DATA @ W1)
    return np.sum((h @ W2 - TARGETS) ** 2) / 2


def relu_network_by_hand(W1, W2):
    z = DATA @ W1
    d = np.maximum(z, 0) @ W2 - TARGETS
    return {"W2": np.maximum(z, 0).T @ d, "W1": DATA.T @ (d @ W2.T * (z > 0))}


DATA, TARGETS = RNG.normal(size=(6, 4)), RNG.normal(size=(6, 2))


@pytest.mark.parametrize("scale", [1e-3, 1e-4])
def test_steps_are_small_enough_for_small_weights_before_a_kink(scale):
    for seed in range(12):
        rng = np.random.default_rng(seed)
        params = {"W1": scale * rng.normal(size=(4, 3)), "W2": scale * rng.normal(size=(3, 2))}
        assert check_gradients(relu_network, params).ok
        report = check_gradients(relu_network, params, relu_network_by_hand)
        assert report.ok, str(report)


@pytest.mark.parametrize("x", [77777.0, 1e9])
def test_steps_are_small_enough_where_a_loss_bends_within_less_than_its_argument(x):
    x = np.array([x])
    for loss in (lambda x: np.sum(np.sin(x)), lambda x: np.sum(np.sin(x) + 0.0 * erf(x))):
        assert check_gradients(loss, {"x": x}, {"x": np.cos(x)}).ok
        assert check_gradients(loss, {"x": x}).ok
        assert check_gradients(loss, {"x": x}, {"x": 0 * x})["x"].verdict == "differ"


def erf(x):
    """An operation that has no complex form, so that differences alone can tell."""
    return ag.erf(x)


def test_a_wide_step_that_a_smaller_one_contradicts_counts_for_nothing():
    for f, x, slope in (
        (np.sin, 77777.0, np.cos(77777.0)),
        (lambda x: abs(x - 1e-7) + x * x, 0.0, -1.0),
        (lambda x: np.sin(1e4 * x), 0.3, 1e4 * np.cos(3e3)),
    ):
        found = derivative(lambda x, f=f: float(f(x)), x)
        assert abs(found.value - slope) <= 2 * found.error < 1e-3 * abs(slope)
        found = one_sided_derivative(lambda x, f=f: float(f(x)), x)
        assert abs(found.value - slope) <= 2 * found.error < 1e-3 * abs(slope)


@pytest.mark.parametrize("at_zero", [0.0, 0.3, 1.0])
def test_any_choice_at_many_kinks_at_once_is_a_convention(at_zero):
    """Weights of 0 put every unit of every sample on its kink."""

    def manual(W1, W2):
        z = DATA @ W1
        d = np.maximum(z, 0) @ W2 - TARGETS
        slopes = np.where(z > 0, 1.0, np.where(z == 0, at_zero, 0.0))
        return {
            "z": d @ W2.T * slopes,
            "W2": np.maximum(z, 0).T @ d,
            "W1": DATA.T @ (d @ W2.T * slopes),
        }

    def named(W1, W2):
        z = DATA @ W1
        return np.sum((ag.relu(z) @ W2 - TARGETS) ** 2) / 2

    params = {"W1": np.zeros((4, 3)), "W2": RNG.normal(size=(3, 2))}
    report = check_gradients(named, params, manual)
    assert report.ok, str(report)
    assert check_gradients(named, params)["W1"].verdict == "agree"
    above = DATA.T @ ((-TARGETS) @ params["W2"].T * (DATA @ np.ones((4, 3)) > -1e9))
    most = np.abs(DATA).T @ np.abs(TARGETS @ params["W2"].T)
    assert check_gradients(named, params, {"W1": above})["W1"].verdict == "agree"
    assert check_gradients(named, params, {"W1": 1.001 * most})["W1"].verdict == "differ"


def test_a_sum_rounds_as_its_own_terms_do():
    """Where one row has numbers of e³⁰, sums of the other rows are as exact as before."""
    z = Tensor([[30.0, 0.0], [0.0, 1.0]])
    share = (np.exp(z) / np.sum(np.exp(z), axis=1, keepdims=True))[:, 1]
    assert loss_noise(-np.sum(np.log(share))) < 1e-13


def test_a_large_row_hides_no_slope_of_another_at_a_kink():
    z, W = np.array([[40.0, 0.0], [0.0, 0.0]]), np.array([[1.0, 0.1], [0.0, 1.0]])

    def loss(b):
        e = np.exp(ag.relu(z + b) @ W)
        return -np.sum(np.log((e / np.sum(e, axis=1, keepdims=True))[:, 1]))

    def manual(b, at_zero=0.0):
        e = np.exp(np.maximum(z + b, 0) @ W)
        d = e / e.sum(axis=1, keepdims=True) - [0, 1]
        return {"b": np.sum(d @ W.T * np.where(z + b == 0, at_zero, z + b > 0), axis=0)}

    for at_zero in (0.0, 0.7, 1.0):
        report = check_gradients(loss, {"b": np.zeros(2)}, partial(manual, at_zero=at_zero))
        assert report.ok, str(report)
    assert (
        check_gradients(loss, {"b": np.zeros(2)}, partial(manual, at_zero=1.1))["b"].verdict
        == "differ"
    )


def test_equal_maxima_that_each_take_the_whole_gradient():
    """Each alone may have it, not both: what all of them add up to shows that."""
    x, T = np.array([[1.0, 1.0, 0.5], [2.0, 0.3, 0.1]]), np.array([3.0, 1.0])

    def loss(b):
        z = x + b
        return np.sum((np.max(z, axis=1) - T) ** 2)

    def manual(b, shared=False):
        z = x + b
        largest = z == z.max(axis=1, keepdims=True)
        d = (2 * (z.max(axis=1) - T))[:, None]
        dz = d * largest
        if shared:
            dz = dz / largest.sum(axis=1, keepdims=True)
        return {"z": dz, "b": dz.sum()}

    assert check_gradients(loss, {"b": np.array(0.0)}, partial(manual, shared=True)).ok
    report = check_gradients(loss, {"b": np.array(0.0)}, manual)
    assert report["z"].verdict == report["b"].verdict == "differ"
    assert report["b"].inherited
    assert [m.line.text.strip() for m in report.mistakes] == ["dz = d * largest"]


def test_kinks_behind_kinks():
    """All biases and weights 0: the second layer's kinks choose what reaches the first's."""

    def loss(W1, W2):
        return np.sum(ag.relu(ag.relu(DATA @ W1) @ W2 + 0.0) * TARGETS) + np.sum(ag.relu(DATA @ W1))

    params = {"W1": np.zeros((4, 3)), "W2": np.zeros((3, 2))}
    assert check_gradients(loss, params).ok
    above = DATA.T @ np.ones((6, 3))
    report = check_gradients(loss, params, {"W1": above, "W2": np.zeros((3, 2))})
    assert report.ok, str(report)
    assert not check_gradients(loss, params, {"W1": 9 * np.abs(above)}).ok


@pytest.mark.parametrize(("depth", "seed"), [(2, 0), (3, 1)])
def test_the_same_choice_throughout_a_layer_is_a_convention_behind_other_kinks(depth, seed):
    """One layer of zeros puts all that follow it on their kinks, whose weights are not 0."""
    rng = np.random.default_rng([depth, seed])
    widths = [4, *rng.integers(2, 5, depth), 2]
    params = {f"W{i}": rng.normal(size=widths[i : i + 2]) for i in range(depth + 1)}
    at = rng.integers(depth)
    params[f"W{at}"] *= 0
    slopes = rng.choice([0.0, 0.5, 1.0], depth)

    def loss(rectified, **weights):
        h = DATA
        for i in range(depth):
            h = rectified(h @ weights[f"W{i}"])
        return np.sum((h @ weights[f"W{depth}"] - TARGETS) ** 2) / 2

    def manual(too_much=0.0, **weights):
        inputs, found = [DATA], {}
        for i in range(depth):
            inputs.append(np.maximum(inputs[-1] @ weights[f"W{i}"], 0.0))
        d = inputs[-1] @ weights[f"W{depth}"] - TARGETS
        for i in range(depth, -1, -1):
            found[f"W{i}"] = inputs[i].T @ d
            if i:
                z = inputs[i - 1] @ weights[f"W{i - 1}"]
                d = d @ weights[f"W{i}"].T * np.where(z == 0, slopes[i - 1], z > 0)
        return found | {"W0": found["W0"] + too_much}

    for rectified in (ag.relu, lambda z: np.maximum(z, 0.0), lambda z: np.maximum(0.0, z)):
        forward = partial(loss, rectified)
        report = check_gradients(forward, params, manual, entries=4)
        assert report.ok, str(report)
        assert check_gradients(forward, params, entries=4).ok
        assert not check_gradients(forward, params, partial(manual, 1e3), entries=4).ok


def test_a_rule_of_yours_says_its_branches_and_its_complex_form():
    hinge = ag.rule(
        "hinge_of_a_test", "abs(x - 1)", ["sign(x - 1)"], kinks={"(x >= 1) & (x <= 1)": "0"},
        branches="sign(x - 1)", analytic="sqrt((x - 1) * (x - 1))",
    )  # fmt: skip
    try:
        x = Tensor([1.0, 1.1, 3.0])
        y = hinge(x)
        assert at_kink(y).tolist() == [True, False, False]
        crossings = crossed(topological_order(np.sum(y)), x, [np.array([1.0, 0.9, 3.0])])
        assert crossings[y].tolist() == [False, True, False]
        at = Tensor([3.0, 0.5])
        assert abs(slope(np.sum(hinge(at)), at, np.ones(2)).value) < 1e-12
        assert abs(slope(np.sum(hinge(at)), at, np.array([1.0, 0.0])).value - 1) < 1e-12
    finally:
        del RULES["hinge_of_a_test"], FUNCTIONS["hinge_of_a_test"]
