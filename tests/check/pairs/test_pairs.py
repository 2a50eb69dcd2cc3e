"""``check_backward``: layers as they stand, right ones and such with one slip."""

import ast

import numpy as np
import pytest
from slipped import imported, layers, slips, with_slip

import autograd_mini as ag
from autograd_mini import GradientError, check_backward
from autograd_mini.testing import assert_backward

RIGHT = layers()
RNG = np.random.default_rng(1)


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_layer_agrees(name):
    report = check_backward(*RIGHT[name])
    assert report.ok, report
    assert not report.mistakes
    assert not any("numerically" in note for note in report.notes)
    assert all(quantity.manual is not None for quantity in report.quantities.values())


# Slips

UNMENDED = {
    "return dxc - dmu",
    "return cosine * g * y, sine",
}  # fmt: skip
"""Slips that are found, and of which another line is told, or none that is right."""


def _marks(wrong):
    if wrong in UNMENDED:
        return [pytest.mark.slow, pytest.mark.xfail(strict=True, raises=AssertionError)]
    return [] if wrong in OFTEN or wrong in FIRST.values() else [pytest.mark.slow]


OFTEN = {
    "dx[n, c, top : top + height, left : left + width] += mask",  # * dout[n, c, i, j]
    "total = dx_hat.sum(axis=1, keepdims=True)[None]",  # the same numbers, arranged otherwise
    "along = dx_hat * x_hat",
    "dx = dz - np.sum(dz, axis=0) - z * np.sum(dz * z, axis=0) / M",  # before dx /= std
    "return (self.y + self.t) / self.t.shape[0]",  # not where forward keeps -t
}
"""Slips of kinds of their own, which are always tried."""

EVERY = list(slips())
FIRST = {layer: wrong for layer, _, wrong in reversed(EVERY) if wrong not in UNMENDED}


@pytest.mark.parametrize(
    ("layer", "right", "wrong"),
    [pytest.param(*each, marks=_marks(each[2])) for each in EVERY],
)
def test_a_slip_is_found_on_its_line_and_mended(layer, right, wrong, tmp_path):
    found = []
    seconds = 10 if wrong in UNMENDED else 60  # also on a slow machine
    for number, text in with_slip(right, wrong):
        path = tmp_path / f"slip_{number}.py"
        path.write_text(text)
        module = imported(path)
        report = check_backward(*module.RIGHT[layer], seconds=seconds)
        if not report.ok:
            found.append((number, report))
    assert found
    (number, report), *_ = found
    (mistake,) = report.mistakes
    assert (mistake.line.number, plain(mistake.line.text)) == (number, plain(wrong))
    assert mistake.repair is not None
    assert mistake.repair.verified_at == 3
    assert report.patch().count("\n+") == 2  # the file's name, and one line


def test_what_is_put_into_a_part_is_known_by_what_the_gradient_has_there(tmp_path, tried):
    wrong = "dx[n, c, top : top + height, left : left + width] += window * dout[n, c, i, j]"
    ((number, text),) = with_slip(wrong.replace("window", "mask"), wrong)
    path = tmp_path / "part.py"
    path.write_text(text)
    (mistake,) = check_backward(*imported(path).RIGHT["max pool"]).mistakes
    assert mistake.line.number == number
    assert len(tried) < 100  # the rest are tried where the part is taken for something unknown


def plain(line):
    """A line without what does not matter of its spelling; of a lambda what it gives."""
    tree = ast.parse(line.strip().rstrip(",")).body[0]
    while isinstance(inner := getattr(tree, "value", tree), ast.Lambda):
        tree = inner.body
    return ast.unparse(tree)


# What nothing is done to


def test_nothing_of_the_users_is_changed():
    layer = RIGHT["class of batch norm"][0]
    before = {name: np.copy(value) for name, value in vars(layer).items()}
    held = {name: id(value) for name, value in vars(layer).items()}
    check_backward(*RIGHT["class of batch norm"])
    assert vars(layer).keys() == before.keys()
    assert {name: id(value) for name, value in vars(layer).items()} == held
    assert all(np.array_equal(before[name], value) for name, value in vars(layer).items())
    setting = RIGHT["batch norm"][-1]
    check_backward(*RIGHT["batch norm"])
    assert setting == {"mode": "train"}


def test_random_numbers_are_the_same_in_both_passes_and_left_as_they_stood():
    np.random.seed(5)  # noqa: NPY002 - what courses draw from
    expected = np.random.rand()  # noqa: NPY002
    np.random.seed(5)  # noqa: NPY002
    report = check_backward(*RIGHT["dropout"])
    assert np.random.rand() == expected  # noqa: NPY002
    assert any("given the same ones" in note for note in report.notes)


def test_running_averages_are_said_to_be_no_part():
    notes = check_backward(*RIGHT["batch norm"]).notes
    assert any("bn_param['running_mean'], bn_param['running_var']" in note for note in notes)
    notes = check_backward(*RIGHT["class of batch norm"]).notes
    assert any("self.running_mean" in note for note in notes)


def test_float32_is_checked_in_float64():
    forward, backward, *inputs = RIGHT["affine"]
    narrow = [x.astype(np.float32) for x in inputs]
    report = check_backward(forward, backward, *narrow)
    assert report.ok
    assert report["w"].automatic.dtype == np.float64
    assert any("float32" in note for note in report.notes)


# Upstream gradients


def test_an_upstream_gradient_that_is_not_used_is_said():
    def backward(dout, cache):
        x, w = cache
        return np.ones((3, 2)) @ w.T, x.T @ np.ones((3, 2))

    x, w = np.ones((3, 4)), np.arange(8.0).reshape(4, 2)
    report = check_backward(lambda x, w: (x @ w, (x, w)), backward, x, w, seconds=0)
    (finding,) = report.findings
    assert finding.wrong
    assert "the upstream gradient dout is not used" in finding.message


def test_an_upstream_gradient_may_be_given():
    x, upstream = np.array([1.0, 2.0]), np.array([3.0, -1.0])
    report = check_backward(np.sin, lambda dout, x: dout * np.cos(x), x, upstream=upstream)
    np.testing.assert_allclose(report["x"].automatic, upstream * np.cos(x))
    with pytest.raises(ValueError, match="has the shape of the output"):
        check_backward(np.sin, lambda dout, x: dout * np.cos(x), x, upstream=np.ones(3))


def test_a_default_upstream_gradient_of_a_loss_is_taken():
    said = check_backward(*RIGHT["class of a loss"]).assumptions
    assert "Upstream gradient: dout = 1, its default (upstream=)" in said


# Pullbacks that are returned


def matmul(a, b):
    def pullback(g):
        return g @ b.T, a.T @ g * 2

    return a @ b, pullback


def test_a_line_of_a_pullback_that_forward_returns_is_mended():
    (mistake,) = check_backward(
        matmul, None, RNG.normal(size=(3, 4)), RNG.normal(size=(4, 2))
    ).mistakes
    assert mistake.line.text == "return g @ b.T, a.T @ g * 2"
    assert mistake.repair.text == "return g @ b.T, a.T @ g"


# Updates in place


class Trained:
    """Its backward pass updates, with a learning rate that it is given."""

    def __init__(self, weights, bias):
        self.weights, self.bias = weights, bias

    def forward(self, inputs):
        self.inputs = inputs
        return inputs @ self.weights + self.bias

    def backward(self, output_gradient, learning_rate):
        weights_gradient = self.inputs.T @ output_gradient
        input_gradient = output_gradient @ self.weights.T
        self.weights -= learning_rate * weights_gradient
        self.bias -= learning_rate * np.sum(output_gradient, axis=0)
        return input_gradient


class WithVelocity(Trained):
    """Its rate is an attribute, and so is a velocity."""

    def __init__(self, weights, bias, lr=0.1):
        super().__init__(weights, bias)
        self.lr, self.velocity = lr, np.zeros_like(weights)

    def backward(self, dout):
        dx = dout @ self.weights.T
        self.velocity = 0.9 * self.velocity + self.inputs.T @ dout
        self.weights = self.weights - self.lr * self.velocity
        self.bias -= self.lr * dout.sum(axis=0)
        return dx


class UpdatedFirst(Trained):
    """The weights are updated before they are used."""

    def backward(self, dout, lr):
        self.weights -= lr * self.inputs.T @ dout
        self.bias -= lr * dout.sum(axis=0)
        return dout @ self.weights.T


class Halved(Trained):
    """A gradient of its update is half of what it should be."""

    def backward(self, dout, lr=0.01):
        dx = dout @ self.weights.T
        dW = self.inputs.T @ dout / 2
        self.weights -= lr * dW
        self.bias -= lr * dout.sum(axis=0)
        return dx


W, B, X = RNG.normal(size=(4, 2)), RNG.normal(size=2), RNG.normal(size=(3, 4))


@pytest.mark.parametrize("made", [Trained, WithVelocity])
def test_what_an_update_takes_away_is_a_gradient(made):
    layer = made(W.copy(), B.copy())
    report = check_backward(layer, None, X)
    assert report.ok, report
    assert {"inputs", "weights", "bias"} == report.quantities.keys()
    assert all(quantity.manual is not None for quantity in report.quantities.values())
    assert any("taken as the learning rate" in note for note in report.notes)
    assert np.array_equal(layer.weights, W)


def test_an_update_before_use_is_found():
    assert check_backward(UpdatedFirst(W.copy(), B.copy()), None, X).culprits == ["inputs"]


def test_the_same_code_in_two_files_is_told_of_each_by_its_own(tmp_path):
    text = """
def forward(x):
    return x**2, x


def backward(dout, cache):
    return dout * cache
"""
    for name in ("one.py", "other.py"):
        path = tmp_path / name
        path.write_text(text)
        module = imported(path)
        (mistake,) = check_backward(module.forward, module.backward, X).mistakes
        assert mistake.line.file == str(path)
        assert mistake.repair.text == "return 2 * dout * cache"


def test_of_a_jacobian_the_diagonal_alone_is_told():
    def forward(x):
        exps = np.exp(x - np.max(x, axis=1, keepdims=True))
        out = exps / np.sum(exps, axis=1, keepdims=True)
        return out, out

    def backward(dout, cache):
        return dout * cache * (1 - cache)

    x = RNG.normal(size=(3, 4))
    report = check_backward(forward, backward, x)
    (finding,) = report.findings
    assert (finding.code, finding.names, finding.wrong) == ("diagonal", ("x",), True)
    assert "1 mistake " in str(report)
    assert "only the diagonal of the Jacobian matrix" in str(report)
    doubled = check_backward(lambda x: (x**2, x), lambda dout, x: dout * x, x)  # has no more
    assert not doubled.ok
    assert not doubled.findings


def test_a_wrong_update_is_found_on_its_line():
    (mistake,) = check_backward(Halved(W.copy(), B.copy()), None, X).mistakes
    assert mistake.line.text == "dW = self.inputs.T @ dout / 2"
    assert mistake.repair.text == "dW = self.inputs.T @ dout"


# Conventions


def test_gradients_of_parameters_that_are_averaged_over_the_batch_agree_with_a_note():
    def forward(A_prev, W, b):
        Z = W @ A_prev + b
        return np.maximum(0, Z), (A_prev, W, Z)

    def backward(dA, cache):
        A_prev, W, Z = cache
        m = A_prev.shape[1]
        dZ = dA * (Z > 0)
        return W.T @ dZ, dZ @ A_prev.T / m, dZ.sum(axis=1, keepdims=True) / m

    def of_weights_alone(dA, cache):
        dA_prev, dW, db = backward(dA, cache)
        return dA_prev, dW, db * 5

    def halved(dA, cache):
        dA_prev, dW, db = backward(dA, cache)
        return dA_prev, dW * 2.5, db * 2.5

    inputs = RNG.normal(size=(3, 5)), RNG.normal(size=(2, 3)), RNG.normal(size=(2, 1))
    report = check_backward(forward, backward, *inputs)
    assert report.ok
    assert any("W and b are 1/5 × the gradient" in note for note in report.notes)
    assert check_backward(forward, of_weights_alone, *inputs, seconds=0).culprits == ["W"]
    assert not check_backward(forward, halved, *inputs, seconds=0).ok


# What is asked


def forward_of_three(a, b, c):
    return a * b * c, (a, b, c)


def test_it_asks_whose_gradient_it_is():
    numbers = np.arange(1.0, 13.0).reshape(3, 4)

    def backward(dout, cache):
        return dout * cache[1] * cache[2]

    with pytest.raises(ValueError, match=r"a \(4,\), b \(4,\), c \(4,\).* as wrt=\('a',\)"):
        check_backward(forward_of_three, backward, *numbers)
    assert check_backward(forward_of_three, backward, *numbers, wrt="a").ok
    assert not check_backward(forward_of_three, backward, *numbers, wrt="b").ok
    with pytest.raises(ValueError, match="wrt has 2 names"):
        check_backward(forward_of_three, backward, *numbers, wrt=("a", "b"))
    with pytest.raises(ValueError, match="wrt names 'd', but known are a, b, c"):
        check_backward(forward_of_three, backward, *numbers, wrt="d")


def test_it_asks_what_an_argument_is():
    with pytest.raises(ValueError, match=r"backward takes 'times'.*lambda dout, cache: backward"):
        check_backward(lambda x: (x * 2, x), lambda dout, cache, times: dout * times, np.ones(2))


def test_what_gives_no_gradient_is_refused():
    with pytest.raises(ValueError, match="backward returned no gradient"):
        check_backward(lambda x: (x * 2, x), lambda dout, cache: None, np.ones(2))
    with pytest.raises(TypeError, match="forward is a function or method, not list"):
        check_backward([], None, np.ones(2))
    with pytest.raises(TypeError, match="forward takes"):
        check_backward(lambda x: x, lambda dout: dout, np.ones(2), np.ones(2))
    with pytest.raises(ValueError, match="without backward, forward returns a loss"):
        check_backward(lambda x: (x, x), None, np.ones(2))


def test_what_is_missing_is_said():
    def backward(dout, cache):
        dx = dout @ cache[1].T
        return {"dx": dx}

    x, w = np.ones((3, 4)), np.arange(8.0).reshape(4, 2)
    arguments = (lambda x, w: (x @ w, (x, w)), backward, x, w)
    assert check_backward(*arguments).ok
    (finding,) = check_backward(*arguments, required="all").findings
    assert (finding.code, finding.names) == ("missing", ("w",))


def test_a_gradient_of_another_shape_is_told():
    forward, _, x, w, b = RIGHT["affine"]

    def backward(dout, cache):
        x, w, _ = cache
        return dout.dot(w.T).reshape(x.shape), x.reshape(3, -1).T.dot(dout), dout

    report = check_backward(forward, backward, x, w, b)
    assert report["b"].verdict == "differ"
    assert not report.ok


def test_right_numbers_in_a_shape_that_an_update_keeps_are_a_warning():
    layer, _, inputs = RIGHT["class that returns nothing"]

    class Flat(type(layer)):
        def backward(self, dvalues):
            super().backward(dvalues)
            self.dbiases = np.sum(dvalues, axis=0)

    report = check_backward(Flat(layer.weights, layer.biases), None, inputs)
    assert report.ok
    assert [finding.wrong for finding in report.findings] == [False]


def row_product(x, y):
    return x * y, (x, y)


def row_product_backward(dout, cache):
    x, y = cache  # noqa: RUF059 - it is what is forgotten
    return dout, np.sum(x * dout, axis=0, keepdims=True)


def test_an_upstream_gradient_that_is_returned_as_it_is_lacks_a_factor_there():
    x, y = RNG.normal(size=(3, 4)), RNG.normal(size=(1, 4))
    (mistake,) = check_backward(row_product, row_product_backward, x, y).mistakes
    assert mistake.line.text.startswith("return dout, ")
    assert mistake.repair.text.startswith("return dout * y, ")


# What forward says of its own


def test_an_edit_of_forward_is_a_repair_only_if_what_it_gives_stays():
    def forward(x, w):
        out = x @ w
        cache = (x * 2, w)
        return out, cache

    def backward(dout, cache):
        x, w = cache
        dx = dout @ w.T
        dw = x.T @ dout
        return dx, dw

    x, w = np.arange(12.0).reshape(3, 4) + 0.5, np.arange(8.0).reshape(4, 2)
    report = check_backward(forward, backward, x, w)
    (mistake,) = report.mistakes
    texts = [repair.text for repair in mistake.repairs]
    assert "cache = (x, w)" in texts


def test_intermediates_are_named_as_in_forward():
    def forward(x, w):
        z = x @ w
        return np.tanh(z), (x, w, z)

    def backward(dout, cache):
        x, w, z = cache
        dz = dout * (1 - np.tanh(z))
        return {"z": dz, "w": x.T @ dz, "x": dz @ w.T}

    x, w = np.linspace(-1, 1, 12).reshape(3, 4), np.linspace(-1, 2, 8).reshape(4, 2)
    report = check_backward(forward, backward, x, w)
    assert report.culprits == ["z"]
    assert report.mistakes[0].repair.text == "dz = dout * (1 - np.tanh(z) ** 2)"


def test_what_cannot_be_recorded_is_checked_numerically():
    def forward(x):
        return np.array([float(str(v)) ** 2 for v in x]), x

    report = check_backward(forward, lambda dout, cache: dout * 2 * cache, np.array([1.5, 2.0]))
    assert report.ok
    assert any("numerically" in note for note in report.notes)
    wrong = check_backward(forward, lambda dout, cache: dout * cache, np.array([1.5, 2.0]))
    assert wrong.culprits == ["x"]


def test_code_that_does_not_run_is_mended():
    def forward(x, w):
        return x @ w, (x, w)

    def backward(dout, cache):
        x, w = cache
        dx = dout @ w
        dw = x.T @ dout
        return dx, dw

    report = check_backward(forward, backward, np.ones((3, 4)), np.arange(8.0).reshape(4, 2))
    assert report.mistakes[0].repair.text == "dx = dout @ w.T"
    assert report.notes[-1].startswith("backward does not run")


# In a course's tests


def test_a_layer_is_asserted():
    forward, backward, *inputs = RIGHT["affine"]
    assert assert_backward(forward, backward, *inputs).ok

    def slipped(dout, cache):
        dx, dw, db = backward(dout, cache)
        return dx, -dw, db

    with pytest.raises(GradientError, match="w is wrong for it") as raised:
        assert_backward(forward, slipped, *inputs)
    assert "return dx, dw, db" not in str(raised.value)  # the corrected line


def test_a_layer_that_forgets_a_gradient_fails():
    forward, backward, *inputs = RIGHT["affine"]
    with pytest.raises(GradientError, match="missing: b"):
        assert_backward(forward, lambda dout, cache: backward(dout, cache)[:2], *inputs)


def test_a_layer_that_differentiates_automatically_fails():
    def backward(dout, cache):
        return ag.grad(lambda x: np.sum(np.sin(x) * dout))(cache)

    with pytest.raises(GradientError, match="autodiff"):
        assert_backward(lambda x: (np.sin(x), x), backward, np.array([1.0, 2.0]))


def shares(x):
    return x / np.sum(x, axis=1, keepdims=True)


def shares_backward(g, out):
    return g * (out * (1 - out))


def test_the_line_that_returns_what_is_wrong_is_told_where_no_change_mends_it():
    report = check_backward(shares, shares_backward, np.random.default_rng(0).random((4, 3)) + 0.5)
    (mistake,) = report.mistakes
    assert mistake.line.text.strip() == "return g * (out * (1 - out))"
    assert mistake.repair is None


def stabilised_loss(x, y):
    p = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True) + 1e-8
    loss = -np.sum(np.log(p[np.arange(len(y)), y])) / len(y)
    p[np.arange(len(y)), y] -= 1
    return loss, p / len(y)


def test_a_stabiliser_that_loss_and_gradient_share():
    report = check_backward(stabilised_loss, None, *RIGHT["softmax loss"][2:])
    assert report.ok
    assert any("1e-08" in note for note in report.notes)
