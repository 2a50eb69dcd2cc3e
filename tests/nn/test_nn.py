"""nn: layers, losses, optimiser, data and metrics, over Tensors and over Values."""

import hashlib
import io
import math
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout

import numpy as np
import pytest
from helpers import EXAMPLES, example_module, sigmoid
from nn_helpers import (
    LABELS,
    ONE_HOT,
    SIGNS,
    XOR_T,
    XOR_X,
    T,
    grads,
    numerical,
    random,
    says,
    softmax,
    values,
)

import autograd_mini as ag
from autograd_mini import Tensor, Value, nn
from autograd_mini.nn import initialisers

# Module


class Block(nn.Module):
    def __init__(self, shared):
        self.scale = Tensor([1.0, 2.0])
        self.shared = shared
        self.parts = [nn.Dense(2, 1, rng=0), {"again": shared}]
        self.count = 3
        self.running_mean = np.zeros(2)
        self._hidden = Tensor([9.0])

    def forward(self, x):
        self.last = x * self.scale  # computed, so no parameter
        return self.last


def test_parameters_are_named_by_the_way_to_them_and_listed_once():
    block = Block(Tensor([5.0]))
    block(np.ones(2))
    found = dict(block.named_parameters())
    assert list(found) == ["scale", "shared", "parts.0.weight", "parts.0.bias"]
    assert found["shared"] is block.shared
    assert block.parameters() == list(found.values())


def test_scalar_parameters_are_named_by_their_index():
    layer = nn.Dense(2, 2, rng=0, scalar=True)
    names = [name for name, _ in layer.named_parameters()]
    assert names == [
        "weight[0,0]",
        "weight[0,1]",
        "weight[1,0]",
        "weight[1,1]",
        "bias[0]",
        "bias[1]",
    ]


def test_modules_lists_each_module_once_outer_first():
    inner = nn.Dense(2, 2, rng=0)
    model = nn.Sequential(inner, nn.Sequential(inner, nn.Dense(2, 1, rng=1)))
    assert [type(m).__name__ for m in model.modules()] == [
        "Sequential", "Dense", "Sequential", "Dense",
    ]  # fmt: skip


@pytest.mark.parametrize("scalar", [False, True])
def test_zero_grad_clears_every_parameter(scalar):
    model = nn.MLP([2, 2, 1], output="identity", rng=0, scalar=scalar)
    nn.mean_squared_error(model(XOR_X), XOR_T).backward()
    assert all(np.any(p.grad) for p in model.parameters())
    model.zero_grad()
    assert not any(np.any(p.grad) for p in model.parameters())


def test_module_repr_shows_parts_and_parameters():
    assert repr(Block(Tensor([1.0]))).splitlines()[:2] == ["Block(", "  (0): Dense(2, 1)"]

    class Scale(nn.Module):
        def __init__(self):
            self.factor = Tensor(np.ones((2, 3)))

    assert repr(Scale()) == "Scale(factor: (2, 3))"


def test_a_module_without_forward_says_so():
    class Nothing(nn.Module):
        pass

    with says(NotImplementedError, "Nothing", "define forward"):
        Nothing()(1.0)


# Dense, Sequential, MLP


@pytest.mark.parametrize("scalar", [False, True])
@pytest.mark.parametrize("lead", [(), (1,), (5,), (2, 3)])
def test_dense_computes_x_w_plus_b_over_the_last_axis(lead, scalar):
    W, b, x = random(3, 2), random(2, seed=1), random(*lead, 3, seed=2)
    layer = nn.Dense(3, 2, "tanh", init=W, bias=b, scalar=scalar)
    assert np.shape(layer(x)) == (*lead, 2)
    np.testing.assert_allclose(nn.numbers(layer.linear(x)), x @ W + b, rtol=1e-14)
    np.testing.assert_allclose(nn.numbers(layer(x)), np.tanh(x @ W + b), rtol=1e-14)


@pytest.mark.parametrize("scalar", [False, True])
def test_dense_gradients_are_those_derived_by_hand(scalar):
    W, b, x, upstream = random(3, 2), random(2, seed=1), random(5, 3, seed=2), random(5, 2, seed=3)
    layer = nn.Dense(3, 2, "sigmoid", init=W, bias=b, scalar=scalar)
    np.sum(upstream * layer(x)).backward()
    a = 1 / (1 + np.exp(-(x @ W + b)))
    delta = upstream * a * (1 - a)
    np.testing.assert_allclose(grads(layer.weight), x.T @ delta, rtol=1e-12)
    np.testing.assert_allclose(grads(layer.bias), delta.sum(axis=0), rtol=1e-12)


def test_dense_passes_the_gradient_on_to_its_inputs():
    W, x = random(3, 2), Tensor(random(4, 3, seed=1))
    layer = nn.Dense(3, 2, init=W)
    np.sum(layer(x)).backward()
    np.testing.assert_allclose(x.grad, np.tile(W.sum(axis=1), (4, 1)), rtol=1e-14)
    inputs = values(x.data[0])
    np.sum(nn.Dense(3, 2, init=W, scalar=True)(inputs)).backward()
    np.testing.assert_allclose(grads(inputs), W.sum(axis=1), rtol=1e-14)


@pytest.mark.parametrize("name", nn.activations.names())
def test_every_activation_works_by_name_over_tensors_and_values(name):
    x = random(4, 3, low=0.2, high=0.8) + (1 if name == "arccosh" else 0)
    upstream = random(4, 3, seed=1)
    x0 = Tensor(x)
    activation = nn.activations.resolve(name)
    np.sum(upstream * activation(x0)).backward()
    np.testing.assert_allclose(
        x0.grad,
        numerical(lambda x: np.sum(upstream * activation(Tensor(x)).data), x),
        rtol=1e-7,
        atol=1e-8,
    )
    layers = [nn.Dense(3, 3, name, init=np.eye(3), scalar=s) for s in (False, True)]
    outputs = [layer(x) for layer in layers]
    for out in outputs:
        np.sum(upstream * out).backward()
    np.testing.assert_allclose(nn.numbers(outputs[1]), outputs[0].data, rtol=1e-12)
    for part in ("weight", "bias"):
        tensor, scalar = (grads(getattr(layer, part)) for layer in layers)
        np.testing.assert_allclose(scalar, tensor, rtol=1e-10, atol=1e-14)


def test_activations_are_the_rules_of_one_operand_and_softmax():
    names = nn.activations.names()
    assert {"sigmoid", "relu", "tanh", "leaky_relu", "softmax", "identity"} <= set(names)
    assert not {"add", "where", "maximum", "clip"} & set(names)


def test_a_rule_of_your_own_is_an_activation_at_once():
    name = "nn_test_softsign"
    ag.rule(name, "x / (1 + abs(x))", ["1 / (1 + abs(x)) ** 2"])
    assert nn.Dense(1, 1, name, init=[[3.0]])([1.0]).data[0] == 0.75


@pytest.mark.parametrize("function", [np.tanh, lambda z: 1 / (1 + np.exp(-z))])
@pytest.mark.parametrize("scalar", [False, True])
def test_an_activation_can_be_a_function(function, scalar):
    layer = nn.Dense(2, 2, function, init=np.eye(2), scalar=scalar)
    np.testing.assert_allclose(nn.numbers(layer([0.5, -0.5])), function(np.array([0.5, -0.5])))


def test_dense_without_bias():
    layer = nn.Dense(2, 3, rng=0, bias=False)
    assert layer.bias is None
    assert len(layer.parameters()) == 1
    assert repr(layer) == "Dense(2, 3, bias=False)"


def test_dense_repr():
    assert repr(nn.Dense(2, 3, np.tanh, scalar=True)) == "Dense(2, 3, activation=tanh, scalar=True)"


def test_float32_stays_float32():
    def small(shape, rng):
        return rng.normal(0, 1, shape).astype(np.float32)

    model = nn.MLP([2, 3, 2], rng=0, init=small, bias=small)
    logits = model.logits(XOR_X.astype(np.float32))
    for loss in (
        nn.cross_entropy(logits, [0, 1, 1, 0]),
        nn.cross_entropy(logits, np.eye(2)[[0, 1, 1, 0]]),
        nn.mean_squared_error(logits, np.eye(2)[[0, 1, 1, 0]]),
    ):
        assert loss.dtype == np.float32
    optimiser = nn.SGD(model.parameters(), 0.1, momentum=0.9)
    loss.backward()
    optimiser.step()
    assert {p.dtype for p in model.parameters()} == {np.dtype(np.float32)}


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: nn.Dense(0, 2), ("n_in", "positive whole number", "0")),
        (lambda: nn.Dense(2, 2.0), ("n_out", "2.0")),
        (lambda: nn.Dense(2, 2, "sigmiod"), ("'sigmiod'", "did you mean 'sigmoid'", "softmax")),
        (lambda: nn.Dense(2, 2, "ReLU"), ("'ReLU'", "did you mean 'relu'")),
        (lambda: nn.Dense(2, 2, "add"), ("'add'", "Known are")),
        (lambda: nn.Dense(2, 2, init="glorot"), ("'glorot'", "did you mean", "glorot_normal")),
        (lambda: nn.Dense(2, 3, init=np.ones((3, 2))), ("(3, 2)", "(2, 3)", "(n_in, n_out)")),
        (lambda: nn.Dense(2, 3, bias="he_normal"), ("he_normal", "(3,)", "'zeros'")),
        (lambda: nn.MLP([3]), ("[4, 8, 3]", "[3]")),
        (lambda: nn.MLP([3, -1]), ("sizes[1]", "-1")),
        (lambda: nn.Sequential(), ("Sequential", "at least one layer")),
    ],
)
def test_layers_refuse_wrong_arguments(make, words):
    with says(ValueError, *words):
        make()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: nn.Dense(2, 2, 3), ("activation", "int", "'identity'")),
        (lambda: nn.Dense(2, 2, rng="0"), ("rng", "str", "default_rng")),
        (lambda: nn.Dense(2, 2, rng=np.random.RandomState(0)), ("RandomState", "default_rng")),
        (lambda: nn.Dense(2, 1, init=[["a"], ["b"]]), ("starting values", "<U1")),
        (lambda: nn.Sequential([nn.Dense(2, 2)]), ("list", "Sequential(*layers)")),
        (lambda: nn.Sequential(3), ("int", "Modules or functions")),
    ],
)
def test_layers_refuse_wrong_types(make, words):
    with says(TypeError, *words):
        make()


@pytest.mark.parametrize(
    ("n_in", "shape", "words"),
    [
        (4, (10, 3), ("Dense(4, 2)", "(..., 4)", "(10, 3)", "one row for each sample")),
        (4, (4, 10), ("(4, 10)", "write x.T")),
        (1, (10,), ("(10,)", "x.reshape(-1, 1)")),
        (4, (), ("(..., 4)", "()")),
    ],
)
def test_dense_refuses_inputs_of_another_width(n_in, shape, words):
    for scalar in (False, True):
        with says(
            ValueError, *(w.replace("2)", "2, scalar=True)") if scalar else w for w in words)
        ):
            nn.Dense(n_in, 2, scalar=scalar)(np.zeros(shape))


def test_tensors_and_values_are_not_mixed():
    with says(TypeError, "scalar=True", "got a Tensor", "tensor.data"):
        nn.Dense(2, 2, scalar=True)(Tensor([1.0, 2.0]))
    with says(TypeError, "got Values", "scalar=True"):
        nn.Dense(2, 2)([Value(1.0), Value(2.0)])
    with says(TypeError, "inputs", "<U1", "np.unique"):
        nn.Dense(2, 2)(["a", "b"])


def test_sequential_is_a_sequence_of_its_layers():
    first, last = nn.Dense(2, 2, rng=0), nn.Dense(2, 1, rng=0)
    model = nn.Sequential(first, np.tanh, last)
    assert (len(model), model[0], model[-1]) == (3, first, last)
    assert list(model) == [first, np.tanh, last]


def test_sequential_takes_functions_and_nests():
    inner = nn.Sequential(nn.Dense(2, 3, rng=0), np.tanh)
    model = nn.Sequential(inner, nn.Dense(3, 2, rng=1), ag.softmax)
    x = random(5, 2)
    W1, b1, W2, b2 = (p.data for p in model.parameters())
    logits = np.tanh(x @ W1 + b1) @ W2 + b2
    np.testing.assert_allclose(model.logits(x).data, logits, rtol=1e-14)
    np.testing.assert_allclose(model(x).data, ag.softmax(logits), rtol=1e-14)
    assert [p.label for p in model.parameters()] == ["W1", "b1", "W2", "b2"]


def test_logits_of_a_nested_sequential_and_of_a_module_without():
    model = nn.Sequential(nn.Sequential(nn.Dense(2, 2, "softmax", rng=0)))
    np.testing.assert_array_equal(
        model.logits([1.0, 2.0]).data, model.layers[0].logits([1.0, 2.0]).data
    )

    class Odd(nn.Module):
        pass

    with says(TypeError, "logits()", "Odd"):
        nn.Sequential(Odd()).logits([1.0])


@pytest.mark.parametrize("scalar", [False, True])
def test_mlp_logits_come_before_the_output_activation(scalar):
    model = nn.MLP([3, 4, 2], rng=0, scalar=scalar)
    x = random(5, 3)
    np.testing.assert_allclose(
        nn.numbers(model(x)), ag.softmax(nn.numbers(model.logits(x))), rtol=1e-14
    )


def test_labels_are_numbered_by_layer_and_one_given_by_hand_stays():
    first, second = (nn.Dense(2, 2, scalar=True, rng=0) for _ in range(2))
    second.weight[1, 0].label = "w7"
    model = nn.Sequential(first, second)
    labels = [p.label for p in model.parameters()]
    assert labels[:6] == ["w1[0,0]", "w1[0,1]", "w1[1,0]", "w1[1,1]", "b1[0]", "b1[1]"]
    assert labels[6:] == ["w2[0,0]", "w2[0,1]", "w7", "w2[1,1]", "b2[0]", "b2[1]"]
    tensors = nn.Sequential(nn.Dense(2, 2), nn.Dense(2, 2))
    tensors.layers[0].weight.label = "mine"
    again = nn.Sequential(nn.Dense(2, 2), tensors)
    assert [p.label for p in again.parameters()] == ["W1", "b1", "mine", "b2", "W3", "b3"]


def test_one_sample_through_a_scalar_network_has_labelled_neurons():
    model = nn.MLP([2, 2, 2], rng=0, scalar=True)
    loss = nn.cross_entropy(model([0.05, 0.10]), 1, from_logits=False)
    labels = {node.label for node in ag.topological_order(loss)} - {""}
    neurons = {f"{kind}{layer}[{j}]" for kind in "za" for layer in (1, 2) for j in (0, 1)}
    assert neurons - labels == {"a2[0]"}  # the loss reads the probability of class 1 only
    assert {p.label for p in model.parameters()} <= labels


# Tensors and Values


@pytest.mark.parametrize("hidden", ["sigmoid", "tanh", "relu", "gelu"])
@pytest.mark.parametrize(
    ("output", "loss"),
    [
        ("softmax", lambda m, x: nn.cross_entropy(m.logits(x), LABELS)),
        ("softmax", lambda m, x: nn.cross_entropy(m(x), ONE_HOT, from_logits=False)),
        ("sigmoid", lambda m, x: nn.half_squared_error(m(x), ONE_HOT)),
        ("sigmoid", lambda m, x: nn.binary_cross_entropy(m(x), ONE_HOT)),
        ("sigmoid", lambda m, x: nn.binary_cross_entropy(m.logits(x), ONE_HOT, from_logits=True)),
        ("identity", lambda m, x: nn.mean_squared_error(m(x), T)),
        ("identity", lambda m, x: nn.hinge(m(x), SIGNS)),
    ],
)
def test_scalar_and_tensor_network_are_the_same(hidden, output, loss):
    models = [nn.MLP([2, 4, 3], hidden, output, rng=5, scalar=s, bias="uniform") for s in (0, 1)]
    x = random(4, 2, seed=3)
    losses = [loss(model, x) for model in models]
    for found in losses:
        found.backward()
    assert losses[1].data == pytest.approx(losses[0].item(), rel=1e-13)
    np.testing.assert_allclose(nn.numbers(models[1](x)), models[0](x).data, rtol=1e-13)
    for tensor, scalar in zip(models[0].layers, models[1].layers, strict=True):
        for part in ("weight", "bias"):
            one, other = getattr(tensor, part), getattr(scalar, part)
            assert np.array_equal(nn.numbers(other), one.data)
            np.testing.assert_allclose(grads(other), one.grad, rtol=1e-10, atol=1e-15)


def test_scalar_and_tensor_network_learn_the_same():
    models = [nn.MLP([2, 3, 1], "tanh", "sigmoid", rng=2, scalar=s) for s in (False, True)]
    for model in models:
        optimiser = nn.SGD(model.parameters(), 0.5, momentum=0.9)
        for _ in range(30):
            optimiser.zero_grad()
            nn.half_squared_error(model(XOR_X), XOR_T).backward()
            optimiser.step()
    np.testing.assert_allclose(nn.numbers(models[1](XOR_X)), models[0](XOR_X).data, rtol=1e-9)


# Initialisers and seeds


@pytest.mark.parametrize(
    ("name", "deviation"),
    [
        ("glorot_uniform", math.sqrt(2 / (300 + 200))),
        ("glorot_normal", math.sqrt(2 / (300 + 200))),
        ("he_uniform", math.sqrt(2 / 300)),
        ("he_normal", math.sqrt(2 / 300)),
        ("uniform", math.sqrt(1 / 12)),
        ("normal", 1.0),
        ("zeros", 0.0),
    ],
)
def test_initialisers_have_their_mean_deviation_and_bounds(name, deviation):
    array = initialisers.INITIALISERS[name]((300, 200), np.random.default_rng(0))
    assert array.std() == pytest.approx(deviation, rel=0.01)
    assert abs(array.mean()) <= 4 * deviation / math.sqrt(array.size)
    bound = {"uniform": 0.5}.get(name, math.sqrt(3) * deviation)
    if "normal" not in name:
        assert np.abs(array).max() == pytest.approx(bound, rel=0.01)
        assert np.abs(array).max() <= bound
    else:
        assert np.abs(array).max() > 3 * deviation
    same = initialisers.INITIALISERS[name]((300, 200), 0)
    assert same.tobytes() == array.tobytes()


@pytest.mark.parametrize("shape", [(4, 4), (7, 3), (3, 7), (1, 5)])
def test_orthogonal_matrices(shape):
    W = initialisers.orthogonal(shape, 0, gain=2.0)
    small = W @ W.T if shape[0] <= shape[1] else W.T @ W
    np.testing.assert_allclose(small, 4 * np.eye(min(shape)), atol=1e-14)
    assert W.flags.c_contiguous
    with says(ValueError, "orthogonal", "weight matrix"):
        initialisers.orthogonal((3,))


def test_orthogonal_matrices_are_drawn_evenly():
    """Without the signs of R, the first element of Q would never be positive."""
    signs = [initialisers.orthogonal((2, 2), seed)[0, 0] > 0 for seed in range(200)]
    assert 70 < sum(signs) < 130


def test_lsuv_gives_each_layer_variance_one_and_changes_nothing_else():
    X = 5 + 3 * np.random.default_rng(0).normal(size=(300, 6))

    def model():
        return nn.Sequential(
            nn.Dense(None, 20, "relu", rng=0),
            nn.BatchNorm(20),
            nn.Dropout(0.2, rng=0),
            nn.Residual(nn.Dense(20, 20, "sigmoid", rng=1)),
            nn.Dense(20, 3, rng=2),
        )

    net, untouched = model(), model()
    found = nn.lsuv(net, X, rng=0)
    assert list(found) == ["layers.0", "layers.3.layer", "layers.4"]
    assert all(abs(variance - 1) <= 0.1 for variance in found.values())
    assert np.var(net.layers[0].linear(X).data) == pytest.approx(1, abs=0.1)
    untouched.eval()(X)
    for (name, mine), (_, other) in zip(
        net.named_buffers(), untouched.named_buffers(), strict=True
    ):
        np.testing.assert_array_equal(mine, other, err_msg=name)
    assert net.layers[2].rng.random() == np.random.default_rng(0).random()
    assert net.training
    again = model()
    nn.lsuv(again, X, rng=0)
    np.testing.assert_array_equal(again.layers[0].weight.data, net.layers[0].weight.data)


def test_lsuv_refuses():
    X = np.random.default_rng(0).normal(size=(20, 2))
    with says(ValueError, "at least two samples"):
        nn.lsuv(nn.Dense(2, 2), X[:1])
    with says(ValueError, "NaN"):
        nn.lsuv(nn.Dense(2, 2), np.where(X > 0, np.nan, X))
    with says(ValueError, "all equal"):
        nn.lsuv(nn.Dense(2, 2), np.zeros((20, 2)))
    with says(ValueError, "Dense layers over Tensors"):
        nn.lsuv(nn.Dense(2, 2, scalar=True), X)
    with says(ValueError, "Dense layers over Tensors"):
        nn.lsuv(nn.LayerNorm(2), X)

    class Idle(nn.Module):
        def __init__(self):
            self.used, self.idle = nn.Dense(2, 2, rng=0), nn.Dense(2, 2, rng=0)

        def forward(self, x):
            return self.used(x)

    with says(ValueError, "idle", "not called"):
        nn.lsuv(Idle(), X)


def test_the_same_seed_gives_the_same_bytes():
    def bytes_of(rng, scalar=False):
        model = nn.MLP([3, 4, 2], rng=rng, init="he_normal", bias="uniform", scalar=scalar)
        return [np.asarray(p.data).tobytes() for p in model.parameters()]

    assert bytes_of(3) == bytes_of(3) == bytes_of(np.random.default_rng(3))
    assert bytes_of(3) != bytes_of(4)
    assert b"".join(bytes_of(3)) == b"".join(bytes_of(3, scalar=True))


def test_without_a_seed_layers_differ_from_each_other():
    first, second = nn.Dense(3, 3), nn.Dense(3, 3)
    assert not np.array_equal(first.weight.data, second.weight.data)


def test_without_a_seed_a_new_process_gives_the_same():
    program = "from autograd_mini import nn; print(nn.Dense(2, 2).weight.data.tobytes().hex())"
    command = [sys.executable, "-c", program]
    runs = [subprocess.check_output(command, cwd=EXAMPLES.parent) for _ in range(2)]
    assert runs[0] == runs[1]


# Data and metrics


def test_min_max_scaling_is_fitted_on_the_training_part():
    train = np.array([[1.0, 5.0, -2.0], [3.0, 5.0, 2.0]])
    scaler = nn.data.MinMaxScaler()
    np.testing.assert_array_equal(scaler.fit_transform(train), [[0, 0, 0], [1, 0, 1]])
    np.testing.assert_array_equal(scaler.transform([[2.0, 7.0, 4.0]]), [[0.5, 2.0, 1.5]])


def test_min_max_scaling_refuses():
    scaler = nn.data.MinMaxScaler()
    with says(ValueError, "fit(X_train)"):
        scaler.transform([[1.0]])
    for bad in (np.ones(3), np.ones((0, 3)), np.ones((2, 0))):
        with says(ValueError, "(N, columns)", str(bad.shape)):
            scaler.fit(bad)
    with says(ValueError, "row 1, column 0 is nan"):
        scaler.fit([[1.0], [np.nan]])
    scaler.fit(np.ones((2, 3)))
    with says(ValueError, "3 columns", "(2, 4)"):
        scaler.transform(np.ones((2, 4)))


def test_one_hot():
    np.testing.assert_array_equal(nn.one_hot([1, 0], 3), [[0, 1, 0], [1, 0, 0]])
    assert nn.one_hot([[2, 1]]).shape == (1, 2, 3)
    for labels, words in (
        ([3], ("label 3", "0 to 2")),
        ([-1], ("label -1",)),
        ([0.5], ("0.5",)),
        ([], ("no samples",)),
    ):
        with says(ValueError, "one_hot", *words):
            nn.one_hot(labels, 3)
    with says(TypeError, "<U1", "np.unique"):
        nn.one_hot(["a"])


def test_split_keeps_rows_together_and_uses_each_once():
    X = np.arange(40).reshape(20, 2)
    y = X[:, 0] // 2
    parts = nn.train_test_split(X, y, test_size=0.3, rng=0)
    X_train, X_test, y_train, y_test = parts
    assert [len(part) for part in parts] == [14, 6, 14, 6]
    assert sorted([*y_train, *y_test]) == list(range(20))
    for rows, labels in ((X_train, y_train), (X_test, y_test)):
        np.testing.assert_array_equal(rows[:, 0] // 2, labels)
    assert list(y_train) != sorted(y_train)
    again = nn.train_test_split(X, y, test_size=0.3, rng=0)
    assert all(np.array_equal(a, b) for a, b in zip(parts, again, strict=True))
    assert not np.array_equal(nn.train_test_split(y, rng=1)[1], y_test)


def test_split_by_label():
    y = np.repeat(["a", "b", "c"], [10, 20, 30])
    train, test = nn.train_test_split(y, test_size=0.3, rng=0, stratify=y)
    assert [int(np.sum(test == label)) for label in "abc"] == [3, 6, 9]
    assert [int(np.sum(train == label)) for label in "abc"] == [7, 14, 21]


def test_split_refuses():
    y = np.arange(4)
    with says(ValueError, "one length", "[4, 3]"):
        nn.train_test_split(y, y[:3])
    with says(ValueError, "one length", "[]"):
        nn.train_test_split()
    for size in (0, 1, 30):
        with says(ValueError, "test_size", str(size)):
            nn.train_test_split(y, test_size=size)
    with says(ValueError, "leaves a part empty", "0.1"):
        nn.train_test_split(y, test_size=0.1)
    with says(ValueError, "of label", "leaves a part empty"):
        nn.train_test_split(y, test_size=0.5, stratify=[0, 0, 0, 1])
    with says(ValueError, "stratify", "(2, 2)"):
        nn.train_test_split(y, stratify=np.ones((2, 2)))


def test_accuracy():
    scores = [[0.1, 0.9], [0.8, 0.2], [0.3, 0.7], [0.6, 0.4]]
    for outputs in (scores, np.array(scores), Tensor(scores), values(scores)):
        assert nn.accuracy(outputs, [1, 0, 0, 0]) == 0.75
        assert nn.accuracy(outputs, np.eye(2)[[1, 0, 0, 0]]) == 0.75
    assert nn.accuracy(np.array([0.2, 0.7]) > 0.5, [0, 1]) == 1.0
    assert isinstance(nn.accuracy([1], [1]), float)


@pytest.mark.parametrize(
    ("outputs", "targets", "words"),
    [
        (np.zeros((4, 1)), np.zeros(4), ("(4, 1)", "outputs[:, 0] > 0.5")),
        (np.full(4, 0.3), np.zeros(4), ("(4,)", "outputs > 0.5")),
        (np.zeros((4, 3)), np.zeros((4, 1)), ("(4, 3)", "(4, 1)", "(N,)")),
        (np.zeros((4, 3)), np.zeros(5), ("(4, 3)", "(5,)")),
        (np.zeros((4, 3)), [0, 1, 2, 3], ("label 3", "0 to 2")),
        (np.zeros((4, 3)), np.full((4, 3), 0.5), ("one-hot",)),
        (np.zeros(()), np.zeros(()), ("()",)),
        (np.zeros((0, 3)), np.zeros(0), ("no samples",)),
    ],
)
def test_accuracy_refuses(outputs, targets, words):
    with says(ValueError, "accuracy", *words):
        nn.accuracy(outputs, targets)


PREDICTED, TRUE = [0, 1, 1, 2, 2, 2, 4], [0, 1, 2, 2, 2, 0, 1]


def test_confusion_matrix():
    by_hand = [[1, 0, 1, 0, 0], [0, 1, 0, 0, 1], [0, 1, 2, 0, 0], [0] * 5, [0] * 5]
    np.testing.assert_array_equal(nn.confusion_matrix(PREDICTED, TRUE), by_hand)
    scores = np.eye(6)[PREDICTED]
    found = nn.confusion_matrix(Tensor(scores), TRUE)
    np.testing.assert_array_equal(found, np.pad(by_hand, (0, 1)))
    assert nn.confusion_matrix([0, 0], [0, 0]).tolist() == [[2]]
    assert nn.confusion_matrix([0, 0], [0, 0], classes=2).tolist() == [[2, 0], [0, 0]]


@pytest.mark.parametrize("name", ["precision", "recall", "f1"])
def test_scores_agree_with_scikit_learn(name):
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")
    theirs = getattr(metrics, f"{name}_score")
    rng = np.random.default_rng(0)
    for found, wanted in [(PREDICTED, TRUE), *rng.integers(0, 5, (20, 2, 12)), ([0, 0], [0, 0])]:
        each = getattr(nn, name)(found, wanted, average=None)
        labels = np.arange(len(each))
        np.testing.assert_allclose(
            each, theirs(wanted, found, labels=labels, average=None, zero_division=0), rtol=1e-15
        )
        macro = getattr(nn, name)(found, wanted)
        assert macro == pytest.approx(theirs(wanted, found, average="macro", zero_division=0))


def test_metrics_of_sequences():
    scores = random(3, 4, 5)
    targets = scores.argmax(axis=-1)
    targets[0, 0] = (targets[0, 0] + 1) % 5
    assert nn.accuracy(scores, targets) == pytest.approx(11 / 12)
    assert nn.confusion_matrix(scores, targets).sum() == 12


def test_perplexity():
    z, y = random(3, 4, 5), np.zeros((3, 4), dtype=int)
    assert nn.perplexity(z, y) == pytest.approx(math.exp(nn.cross_entropy(z, y)))
    mask = np.arange(4) < np.array([[4], [1], [2]])
    assert nn.perplexity(z, y, mask=mask) == pytest.approx(
        math.exp(nn.cross_entropy(z[mask], y[mask]))
    )
    assert nn.perplexity(np.zeros((2, 7)), [1, 5]) == pytest.approx(7)
    assert nn.perplexity([[0.0, 2000.0]], [0]) == math.inf


@pytest.mark.parametrize("name", ["accuracy", "confusion_matrix", "precision", "recall", "f1"])
def test_metrics_refuse(name):
    metric = getattr(nn, name)
    with says(ValueError, name, "[1, 0] is NaN"):
        metric([[0.0, 1.0], [np.nan, 0.0]], [0, 1])
    with says(ValueError, name, "no samples"):
        metric([], [])
    with says(ValueError, name, "label 2"):
        metric([[0.0, 1.0]], [2])
    with says(ValueError, name, "(2,)", "(3,)"):
        metric([0, 1], [0, 1, 1])


def test_scores_and_matrices_refuse_wrong_options():
    with says(ValueError, "'macro' or None", "'micro'"):
        nn.f1([0, 1], [0, 1], average="micro")
    with says(ValueError, "3 columns, not 4"):
        nn.confusion_matrix(np.eye(3), [0, 1, 2], classes=4)
    with says(ValueError, "label 1 is not one of 0 to 0"):
        nn.confusion_matrix([0, 1], [0, 0], classes=1)


def test_numbers():
    assert nn.numbers(Value(2.0)) == 2.0
    assert nn.numbers(values([[1.0, 2.0]])).dtype == np.float64
    assert nn.numbers(np.array([1, 2.5], dtype=object)).dtype == np.float64
    with says(TypeError, "object"):
        nn.numbers([{}])


# The examples


def run(main, **options):
    """What an example's main returns, and what it prints."""
    out = io.StringIO()
    with redirect_stdout(out), redirect_stderr(io.StringIO()):
        result = main(**options)
    return result, out.getvalue()


def test_xor_learns_and_its_chain_rule_agrees():
    main = example_module("xor").main
    result, text = run(main, epochs=400)
    np.testing.assert_allclose(result.outputs, XOR_T, atol=0.1)
    assert result.product == pytest.approx(result.gradient, rel=1e-12)
    assert "∂E/∂w5 = ∂E/∂out · ∂out/∂net · ∂net/∂w5" in text
    for formula in ("2 * (t - out)", "out * (1 - out)", "h1"):
        assert formula in text
    assert run(main, epochs=400)[1] == text


def test_iris_learns_and_its_gradients_agree(tmp_path):
    iris = example_module("iris")
    result, text = run(iris.main, epochs=100, folder=tmp_path)
    assert result.accuracy >= 0.95
    assert result.report.ok, text
    for name in ("W1", "b1", "W2", "b2", "z2", "a1", "z1"):
        assert result.report[name].verdict == "agree"
        assert result.report[name].manual is not None
    picture = result.picture.read_bytes()
    assert picture.lstrip().startswith((b"<svg", b"<?xml"))
    assert b"w1[0,0]" in picture
    again, text_again = run(iris.main, epochs=100, folder=tmp_path / "again")
    assert again.picture.read_bytes() == picture
    assert text_again.replace("/again", "") == text


def test_iris_catches_a_wrong_derivation(tmp_path):
    """The table of the example is no decoration: a forgotten σ′ shows."""
    iris = example_module("iris")
    X, Y = random(10, 4), np.eye(3)[np.arange(10) % 3]
    model = nn.MLP([4, 8, 3], rng=0)
    parameters = {p.label: p.data for p in model.parameters()}
    assert iris.check(model, X, Y).ok

    def loss(W1, b1, W2, b2):
        return nn.cross_entropy(ag.sigmoid(X @ W1 + b1) @ W2 + b2, Y)

    a1 = sigmoid(X @ parameters["W1"] + parameters["b1"])
    dZ2 = (softmax(a1 @ parameters["W2"] + parameters["b2"]) - Y) / 10
    wrong = {"W1": X.T @ (dZ2 @ parameters["W2"].T)}
    assert not ag.check_gradients(loss, parameters, wrong).ok


def test_iris_data_is_the_original():
    sklearn = pytest.importorskip("sklearn.datasets", reason="scikit-learn is not installed")
    names, flowers, labels = example_module("iris").load_iris(EXAMPLES / "data" / "iris.csv")
    original = sklearn.load_iris()
    np.testing.assert_array_equal(flowers, original.data)
    np.testing.assert_array_equal(names[labels], original.target_names[original.target])


def test_iris_data_has_the_checksum_of_its_readme():
    data = (EXAMPLES / "data" / "iris.csv").read_bytes()
    assert hashlib.sha256(data).hexdigest() in (EXAMPLES / "data" / "README.md").read_text("utf-8")
