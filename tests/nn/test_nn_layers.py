"""Layers: the backward pass of each derived by hand, and what they refuse."""

import numpy as np
import pytest
from helpers import sigmoid
from nn_helpers import says

import autograd_mini as ag
from autograd_mini import Tensor, Value, nn
from autograd_mini.nn.layers.cells import gru_gates, gru_state, lstm_gates, lstm_memory, lstm_output
from autograd_mini.testing import check_function


def random(*shape, seed=0):
    return np.random.default_rng((seed, *shape)).normal(size=shape)


def put(module, name, tensor):
    """Make a Tensor the parameter of this name."""
    *path, last = name.split(".")
    for step in path:
        module = module[int(step)] if step.isdigit() else getattr(module, step)
    setattr(module, last, tensor)


def agrees_with_hand(layer, x, manual, **options):
    """Hold a derivation by hand against the sweep: for ``np.sum(upstream * layer(x))``.

    ``manual(x, upstream, **parameters)`` gives the output and a gradient for each name.
    """
    for index, (_, parameter) in enumerate(layer.named_parameters()):
        parameter.data = random(*parameter.shape, seed=index)
    start = {name: p.data.copy() for name, p in layer.named_parameters()}
    buffers = {name: buffer.copy() for name, buffer in layer.named_buffers()}
    upstream = random(*np.shape(layer(x, **options)), seed=99)

    def loss(x, **parameters):
        for name, buffer in layer.named_buffers():
            buffer[...] = buffers[name]
        for name, tensor in parameters.items():
            put(layer, name, tensor)
        out = layer(x, **options)
        return np.sum(upstream * out)

    out, gradients = manual(x, upstream, **start)
    np.testing.assert_allclose(loss(Tensor(x), **map_tensors(start)).data, np.sum(upstream * out))
    report = ag.check_gradients(loss, {"x": x, **start}, gradients)
    assert report.ok, report
    assert all(report[name].verdict == "agree" for name in ["x", *start]), report


def map_tensors(arrays):
    return {name: Tensor(array) for name, array in arrays.items()}


# Dense


def test_dense_by_hand_with_its_deltas():
    layer, x, upstream = nn.Dense(3, 2, rng=0), random(5, 3), random(5, 2)

    def loss(x, W, b):
        layer.weight, layer.bias = W, b
        z = layer.linear(x)
        a = ag.sigmoid(z)
        return np.sum(upstream * a)

    start = {"x": x, "W": random(3, 2), "b": random(2)}
    a = sigmoid(x @ start["W"] + start["b"])
    delta = upstream * a * (1 - a)
    by_hand = {"a": upstream, "z": delta}
    by_hand |= {"W": x.T @ delta, "b": delta.sum(axis=0), "x": delta @ start["W"].T}
    report = ag.check_gradients(loss, start, by_hand)
    assert report.ok, report
    assert {name: report[name].verdict for name in by_hand} == dict.fromkeys(by_hand, "agree")


# Normalisation


def test_layer_norm_by_hand():
    def manual(x, upstream, weight, bias):
        s = np.sqrt(x.var(axis=-1, keepdims=True) + 1e-2)
        normal = (x - x.mean(axis=-1, keepdims=True)) / s
        d = upstream * weight
        k = x.shape[-1]
        dx = (k * d - d.sum(-1, keepdims=True) - normal * (d * normal).sum(-1, keepdims=True)) / (
            k * s
        )
        return normal * weight + bias, {
            "x": dx,
            "weight": (upstream * normal).sum(axis=(0, 1)),
            "bias": upstream.sum(axis=(0, 1)),
        }

    agrees_with_hand(nn.LayerNorm(4, eps=1e-2), random(3, 2, 4), manual)


def test_batch_norm_in_training_by_hand():
    def manual(x, upstream, weight, bias):
        n, s = len(x), np.sqrt(x.var(axis=0) + 1e-2)
        normal = (x - x.mean(axis=0)) / s
        dx = weight / (n * s) * (
            n * upstream - upstream.sum(axis=0) - normal * (upstream * normal).sum(axis=0)
        )  # fmt: skip
        return normal * weight + bias, {
            "x": dx,
            "weight": (upstream * normal).sum(axis=0),
            "bias": upstream.sum(axis=0),
        }

    agrees_with_hand(nn.BatchNorm(3, eps=1e-2), random(5, 3), manual)


def test_batch_norm_in_use_by_hand():
    layer = nn.BatchNorm(3, eps=1e-2).eval()
    layer.running_mean[:], layer.running_var[:] = random(3), random(3, seed=1) ** 2

    def manual(x, upstream, weight, bias):
        spread = np.sqrt(layer.running_var + 1e-2)
        normal = (x - layer.running_mean) / spread
        return normal * weight + bias, {
            "x": upstream * weight / spread,
            "weight": (upstream * normal).sum(axis=0),
            "bias": upstream.sum(axis=0),
        }

    agrees_with_hand(layer, random(1, 3), manual)


def test_running_statistics_follow_in_training_only():
    layer = nn.BatchNorm(2)
    x = random(4, 2)
    layer.eval()(x)
    assert layer.num_batches_tracked == 0
    assert not layer.running_mean.any()
    layer.train()(x)
    np.testing.assert_allclose(layer.running_mean, 0.1 * x.mean(axis=0))
    np.testing.assert_allclose(layer.running_var, 0.9 + 0.1 * x.var(axis=0, ddof=1))


def test_normalisation_is_differentiated_twice():
    check_function(
        lambda x: nn.layers.normalisation.normalised(x, axes=(0,), eps=1e-2), random(4, 3)
    )


def test_layers_of_one_feature_or_one_sample():
    assert nn.LayerNorm(1)(np.array([[3.0]])).data.tolist() == [[0.0]]
    with says(ValueError, "BatchNorm(2", "two samples in training", "(1, 2)", "model.eval()"):
        nn.BatchNorm(2)(np.ones((1, 2)))
    assert nn.BatchNorm(2)(np.ones((1, 5, 2))).shape == (1, 5, 2)


# Dropout


def test_dropout_keeps_the_mean_and_passes_the_gradient_of_what_it_kept():
    layer, x = nn.Dropout(0.25, rng=0), Tensor(np.ones(100_000))
    out = layer(x)
    assert set(np.unique(out.data)) == {0.0, 1 / 0.75}
    assert np.mean(out.data == 0) == pytest.approx(0.25, abs=4 * np.sqrt(0.25 * 0.75 / 100_000))
    np.sum(out).backward()
    np.testing.assert_array_equal(x.grad, out.data)


def test_dropout_is_seeded_and_off_in_eval_mode():
    x = np.ones((4, 5))
    first, second = nn.Dropout(0.5, rng=3), nn.Dropout(0.5, rng=3)
    np.testing.assert_array_equal(first(x), second(x))
    assert not np.array_equal(first(x), x)
    assert first.eval()(x) is x
    assert nn.Dropout(0.0)(x) is x
    assert nn.Dropout(0.5, rng=0)(Tensor(np.ones(3, dtype=np.float32))).dtype == np.float32
    assert nn.Dropout(0.5, rng=0)([1, 1]).dtype == np.float64


def test_dropout_by_hand():
    layer = nn.Dropout(0.4)

    def loss(x):
        layer.rng = np.random.default_rng(2)
        return np.sum(layer(x) ** 2)

    kept = (np.random.default_rng(2).random((3, 4)) >= 0.4) / 0.6
    x = random(3, 4)
    report = ag.check_gradients(loss, {"x": x}, {"x": 2 * x * kept**2})
    assert report.ok, report


# Embedding


def test_embedding_by_hand():
    tokens, upstream = np.array([[2, 0], [2, 2]]), random(2, 2, 3)
    layer = nn.Embedding(4, 3, rng=0)

    def loss(weight):
        layer.weight = weight
        return np.sum(upstream * layer(tokens))

    by_hand = np.zeros((4, 3))
    by_hand[0] = upstream[0, 1]
    by_hand[2] = upstream[0, 0] + upstream[1, 0] + upstream[1, 1]
    start = layer.weight.data
    report = ag.check_gradients(loss, {"weight": start}, {"weight": by_hand})
    assert report.ok, report
    layer.weight = Tensor(start)
    np.testing.assert_array_equal(layer(tokens).data, start[tokens])


def test_padding_is_zero_and_not_learnt():
    layer = nn.Embedding(3, 2, padding=1, rng=0)
    out = layer([1, 2, 1])
    np.sum(out).backward()
    assert not out.data[[0, 2]].any()
    assert layer.weight.grad.tolist() == [[0, 0], [0, 0], [1, 1]]


@pytest.mark.parametrize(
    ("tokens", "words"),
    [
        ([3], ["Embedding(3, 2)", "token 3 is not one of 0 to 2"]),
        ([[0, -1]], ["token -1"]),
        ([0.5], ["whole numbers, not 0.5"]),
        ([np.nan], ["whole numbers, not nan"]),
        ([np.inf], ["whole numbers, not inf"]),
        ([], ["no tokens (shape (0,))"]),
    ],
)
def test_embedding_refuses(tokens, words):
    with says(ValueError, *words):
        nn.Embedding(3, 2)(tokens)


def test_embedding_refuses_nodes_and_wrong_padding():
    with says(TypeError, "whole numbers, not a Tensor"):
        nn.Embedding(3, 2)(Tensor([1.0]))
    with says(ValueError, "padding is a token from 0 to 2, not 3"):
        nn.Embedding(3, 2, padding=3)
    assert repr(nn.Embedding(3, 2, padding=0)) == "Embedding(3, 2, padding=0)"
    assert nn.Embedding(3, 2)([1.0]).shape == (1, 2)


# Recurrent layers: backpropagation through time by hand

PIECES = {
    "lstm_gates": (lstm_gates, [(3, 8)]),
    "lstm_memory": (lstm_memory, [(3, 8), (3, 2)]),
    "lstm_output": (lstm_output, [(3, 8), (3, 2)]),
    "gru_gates": (gru_gates, [(3, 6), (3, 6)]),
    "gru_state": (gru_state, [(3, 6), (3, 2)]),
}


@pytest.mark.parametrize("name", PIECES)
def test_the_pieces_of_a_step_are_differentiated_twice(name):
    piece, shapes = PIECES[name]
    check_function(piece, *[random(*shape, seed=index) for index, shape in enumerate(shapes)])


def hand_rnn(x, upstream, real, W, U, b, c):
    states, samples = [np.zeros((len(x), len(U)))], range(x.shape[1])
    for t in samples:
        new = np.tanh(x[:, t] @ W + b + states[-1] @ U + c)
        states.append(np.where(real[:, t : t + 1], new, states[-1]))
    dW, dU, db, dx, back = 0, 0, 0, np.zeros_like(x), 0
    for t in reversed(samples):
        here = real[:, t : t + 1]
        dh = np.where(here, upstream[:, t], 0) + back
        dz = np.where(here, dh * (1 - states[t + 1] ** 2), 0)
        dW, dU, db = dW + x[:, t].T @ dz, dU + states[t].T @ dz, db + dz.sum(axis=0)
        dx[:, t] = dz @ W.T
        back = dz @ U.T + np.where(here, 0, dh)
    return np.where(real[:, :, None], np.stack(states[1:], 1), 0), (dx, dW, dU, db, db)


def hand_lstm(x, upstream, real, W, U, b, c):
    k = len(U)
    h, m, saved = np.zeros((len(x), k)), np.zeros((len(x), k)), []
    outputs = []
    for t in range(x.shape[1]):
        here = real[:, t : t + 1]
        z = x[:, t] @ W + b + h @ U + c
        i, f, n, o = sigmoid(z[:, :k]), sigmoid(z[:, k : 2 * k]), np.tanh(z[:, 2 * k : 3 * k]), 0
        o = sigmoid(z[:, 3 * k :])
        new = f * m + i * n
        saved.append((here, h, m, i, f, n, o, new))
        h, m = np.where(here, o * np.tanh(new), h), np.where(here, new, m)
        outputs.append(np.where(here, h, 0))
    dW, dU, db, dx, dh, dm = 0, 0, 0, np.zeros_like(x), 0, 0
    for t in reversed(range(x.shape[1])):
        here, h, m, i, f, n, o, new = saved[t]
        dh = dh + np.where(here, upstream[:, t], 0)
        d_new = np.where(here, dm + dh * o * (1 - np.tanh(new) ** 2), 0)
        dz = np.where(
            here,
            np.concatenate(
                [
                    d_new * n * i * (1 - i),
                    d_new * m * f * (1 - f),
                    d_new * i * (1 - n**2),
                    dh * np.tanh(new) * o * (1 - o),
                ],
                axis=1,
            ),
            0,
        )
        dW, dU, db = dW + x[:, t].T @ dz, dU + h.T @ dz, db + dz.sum(axis=0)
        dx[:, t] = dz @ W.T
        dh, dm = dz @ U.T + np.where(here, 0, dh), np.where(here, d_new * f, dm)
    return np.stack(outputs, 1), (dx, dW, dU, db, db)


def hand_gru(x, upstream, real, W, U, b, c):
    k = len(U)
    h, saved, outputs = np.zeros((len(x), k)), [], []
    for t in range(x.shape[1]):
        here = real[:, t : t + 1]
        p, q = x[:, t] @ W + b, h @ U + c
        r, z = sigmoid(p[:, :k] + q[:, :k]), sigmoid(p[:, k : 2 * k] + q[:, k : 2 * k])
        n = np.tanh(p[:, 2 * k :] + r * q[:, 2 * k :])
        saved.append((here, h, r, z, n, q[:, 2 * k :]))
        h = np.where(here, z * h + (1 - z) * n, h)
        outputs.append(np.where(here, h, 0))
    dW, dU, db, dc, dx, dh = 0, 0, 0, 0, np.zeros_like(x), 0
    for t in reversed(range(x.shape[1])):
        here, h, r, z, n, q = saved[t]
        dh = dh + np.where(here, upstream[:, t], 0)
        d = np.where(here, dh, 0)
        dn = d * (1 - z) * (1 - n**2)
        dz = d * (h - n) * z * (1 - z)
        dr = dn * q * r * (1 - r)
        dp, dq = np.concatenate([dr, dz, dn], 1), np.concatenate([dr, dz, dn * r], 1)
        dW, dU = dW + x[:, t].T @ dp, dU + h.T @ dq
        db, dc = db + dp.sum(axis=0), dc + dq.sum(axis=0)
        dx[:, t] = dp @ W.T
        dh = dq @ U.T + d * z + np.where(here, 0, dh)
    return np.stack(outputs, 1), (dx, dW, dU, db, dc)


@pytest.mark.parametrize("lengths", [None, [4, 1, 3]])
@pytest.mark.parametrize(
    ("kind", "by_hand"), [(nn.RNN, hand_rnn), (nn.GRU, hand_gru), (nn.LSTM, hand_lstm)]
)
def test_backpropagation_through_time_by_hand(kind, by_hand, lengths):
    real = np.arange(4) < np.array([[4]] * 3 if lengths is None else lengths).reshape(3, 1)
    names = ["weight", "recurrent_weight", "bias", "recurrent_bias"]

    def manual(x, upstream, **parameters):
        weights = [parameters[f"cells.0.{name}"] for name in names]
        out, gradients = by_hand(x, upstream, real, *weights)
        keys = ["x", *[f"cells.0.{name}" for name in names]]
        return out, dict(zip(keys, gradients, strict=True))

    agrees_with_hand(kind(2, 3, rng=0), random(3, 4, 2), manual, lengths=lengths)


@pytest.mark.parametrize("kind", [nn.RNN, nn.GRU, nn.LSTM])
def test_what_fills_up_a_sequence_does_not_matter(kind):
    layer, x = kind(2, 3, layers=2, rng=0), random(3, 4, 2)
    mask = np.array([[1, 1, 0, 0], [1, 1, 1, 1], [1, 0, 0, 0]], dtype=bool)
    results = []
    for filling in (0.0, 1e300, np.nan):
        filled = np.where(mask[:, :, None], x, filling)
        layer.zero_grad()
        outputs, state = layer.run(filled, mask=mask)
        np.sum(outputs**2).backward()
        results.append(
            [outputs.data, *map_state(state), *[p.grad.copy() for p in layer.parameters()]]
        )
        assert not outputs.data[~mask].any()
    for others in results[1:]:
        for first, other in zip(results[0], others, strict=True):
            np.testing.assert_array_equal(first, other)
    alone = layer.run(x[:1, :2])[1]
    np.testing.assert_allclose(map_state(alone)[0][0], results[0][1][0], rtol=1e-13)


def map_state(state):
    if isinstance(state, tuple):
        return [array for part in state for array in map_state(part)]
    return [nn.numbers(state)]


@pytest.mark.parametrize("kind", [nn.RNN, nn.GRU, nn.LSTM])
def test_a_sequence_in_pieces_is_the_sequence(kind):
    layer, x = kind(2, 3, layers=2, rng=0), random(2, 6, 2)
    whole, last = layer.run(x)
    first, state = layer.run(x[:, :4])
    second, state = layer.run(x[:, 4:], nn.detached(state))
    np.testing.assert_allclose(
        np.concatenate([first.data, second.data], 1), whole.data, rtol=1e-13, atol=1e-15
    )
    for a, b in zip(map_state(last), map_state(state), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-13, atol=1e-15)
    layer.returns = "last"
    np.testing.assert_array_equal(layer(x).data, whole.data[:, -1])


def test_a_step_of_a_cell_is_a_step_of_the_layer():
    layer, x = nn.LSTM(2, 3, rng=0), random(4, 1, 2)
    np.testing.assert_array_equal(layer.cells[0](x[:, 0])[0].data, layer(x).data[:, 0])
    assert nn.GRUCell(2, 3, rng=0)(x[:, 0], np.ones((4, 3))).shape == (4, 3)
    assert repr(nn.RNNCell(2, 3, "relu")) == "RNNCell(2, 3, activation='relu')"


def test_dropout_between_layers_only_in_training():
    layer, x = nn.LSTM(2, 3, layers=2, dropout=0.5, rng=0), random(2, 5, 2)
    assert not np.array_equal(layer(x).data, layer(x).data)
    layer.eval()
    np.testing.assert_array_equal(layer(x).data, layer(x).data)


def test_recurrent_layers_start_orthogonal_gate_by_gate_and_remember():
    cell = nn.LSTM(3, 4, rng=0).cells[0]
    for gate in np.split(cell.recurrent_weight.data, 4, axis=1):
        np.testing.assert_allclose(gate.T @ gate, np.eye(4), atol=1e-14)
    assert cell.bias.data.tolist() == [0] * 4 + [1] * 4 + [0] * 8


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda l: l(np.ones((5, 2))), ["LSTM(2, 3)", "(N, T, 2)", "(5, 2)", "x[None]"]),
        (lambda l: l(np.ones((5, 4, 3))), ["(N, T, 2)", "(5, 4, 3)", "last axis has 3"]),
        (lambda l: l(np.ones((0, 4, 2))), ["no samples", "(0, 4, 2)"]),
        (lambda l: l(np.ones((5, 0, 2))), ["no samples", "(5, 0, 2)"]),
        (lambda l: l(np.ones((2, 4, 2)), lengths=[4, 5]), ["from 1 to 4", "[4, 5]"]),
        (lambda l: l(np.ones((2, 4, 2)), lengths=[4]), ["2 whole numbers"]),
        (lambda l: l(np.ones((2, 4, 2)), lengths=[4, 0]), ["sequence 1 has no step"]),
        (lambda l: l(np.ones((2, 4, 2)), mask=np.ones((2, 4))), ["boolean", "float64"]),
        (lambda l: l(np.ones((2, 4, 2)), mask=np.ones((2, 3), bool)), ["(2, 4)", "(2, 3)"]),
        (
            lambda l: l(np.ones((2, 4, 2)), mask=np.ones((2, 4), bool), lengths=[1, 1]),
            ["not both"],
        ),
        (lambda l: l(np.ones((2, 4, 2)), np.ones((2, 3))), ["tuple with one entry", "1 layers"]),
        (
            lambda l: l(np.ones((2, 4, 2)), tuple(l(np.ones((2, 4, 2))))[1]),  # out, h = layer(x)
            ["not an array of shape (4, 3)", "outputs, state = layer.run(x)"],
        ),
        (lambda l: l(np.ones((2, 4, 2)), [np.ones((2, 3))]), ["pair (h, c)"]),
        (
            lambda l: l(np.ones((2, 4, 2)), [(np.ones((1, 3)), np.ones((2, 3)))]),
            ["shape (2, 3), not (1, 3)"],
        ),
    ],
)
def test_recurrent_layers_refuse(call, words):
    with says(ValueError, *words):
        call(nn.LSTM(2, 3, rng=0))


def test_a_long_sequence_of_tensors_is_cut_without_quadratic_cost():
    x = Tensor(random(1, 300, 2))
    outputs = nn.RNN(2, 2, rng=0)(x)
    order = ag.topological_order(outputs)
    cut = [node for node in order if node.op == "getitem"]
    assert sum(node.parents[0].size for node in cut) <= 2 * 2 * x.size * np.ceil(np.log2(300))


# Attention


def test_attention_by_hand():
    q, k, v, upstream = random(3, 2), random(4, 2, seed=1), random(4, 5, seed=2), random(3, 5)
    mask = np.array([[1, 1, 0, 1], [1, 0, 0, 0], [1, 1, 1, 1]], dtype=bool)

    def loss(q, k, v):
        weights = nn.layers.attention.attention_weights(q, k, mask=mask)
        out = weights @ v
        return np.sum(upstream * out)

    scores = np.where(mask, q @ k.T / np.sqrt(2), -np.inf)
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    dp = upstream @ v.T
    ds = p * (dp - (dp * p).sum(axis=1, keepdims=True)) / np.sqrt(2)
    manual = {"q": ds @ k, "k": ds.T @ q, "v": p.T @ upstream, "weights": dp, "out": upstream}
    report = ag.check_gradients(loss, {"q": q, "k": k, "v": v}, manual)
    assert report.ok, report
    out = nn.scaled_dot_product_attention(q, k, v, mask=mask)
    np.testing.assert_allclose(out, p @ v, rtol=1e-13)
    assert isinstance(out, np.ndarray)


def test_masked_softmax_is_differentiated_twice():
    allowed = np.array([[1, 1, 0], [0, 1, 0]], dtype=bool)
    check_function(lambda x: nn.layers.attention.masked_softmax(x, allowed=allowed), random(2, 3))


def test_attention_layer_by_hand():
    def manual(x, upstream, **p):
        q, k, v = (x @ p[f"{n}.weight"] + p[f"{n}.bias"] for n in ("query", "key", "value"))
        s = q @ k.swapaxes(1, 2) / np.sqrt(3)
        a = np.exp(s) / np.exp(s).sum(axis=-1, keepdims=True)
        c = a @ v
        out = c @ p["output.weight"] + p["output.bias"]
        dc = upstream @ p["output.weight"].T
        da = dc @ v.swapaxes(1, 2)
        ds = a * (da - (da * a).sum(axis=-1, keepdims=True)) / np.sqrt(3)
        deltas = {
            "query": ds @ k,
            "key": ds.swapaxes(1, 2) @ q,
            "value": a.swapaxes(1, 2) @ dc,
            "output": upstream,
        }
        found = {"x": 0}
        for name, d in deltas.items():
            inputs = c if name == "output" else x
            found[f"{name}.weight"] = np.einsum("nti,nto->io", inputs, d)
            found[f"{name}.bias"] = d.sum(axis=(0, 1))
            if name != "output":
                found["x"] = found["x"] + d @ p[f"{name}.weight"].T
        return out, found

    agrees_with_hand(nn.Attention(3, rng=0), random(2, 4, 3), manual)


def test_what_fills_up_a_memory_may_be_nan():
    layer = nn.MultiHeadAttention(4, 2, rng=0)
    x = random(2, 3, 4)
    filled = x.copy()
    filled[1, 2] = np.nan
    zero = np.where(np.isnan(filled), 0.0, filled)
    found, wanted = (layer(each, lengths=[3, 2]) for each in (filled, zero))
    np.testing.assert_array_equal(found.data, wanted.data)
    np.sum(found).backward()
    assert all(np.isfinite(p.grad).all() for p in layer.parameters())


def test_a_causal_layer_does_not_look_ahead():
    layer, x = nn.MultiHeadAttention(4, 2, causal=True, rng=0), random(2, 5, 4)
    changed = x.copy()
    changed[:, 3:] = random(2, 2, 4, seed=7)
    np.testing.assert_array_equal(layer(x).data[:, :3], layer(changed).data[:, :3])
    assert not np.triu(layer.weights(x).data, 1).any()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: nn.MultiHeadAttention(5, 2), ["width 5 is no multiple of heads=2"]),
        (lambda: nn.Attention(4)(np.ones((2, 4))), ["Attention(4)", "(N, T, 4)", "(2, 4)"]),
        (lambda: nn.Attention(4)(np.ones((2, 3, 4)), np.ones((1, 3, 4))), ["samples"]),
        (lambda: nn.Attention(4)(np.ones((2, 3, 4)), mask=np.ones((3, 3))), ["boolean"]),
        (lambda: nn.Attention(4)(np.ones((2, 3, 4)), mask=np.ones((2, 2), bool)), ["(2, 2)"]),
        (
            lambda: nn.Attention(4)(np.ones((2, 3, 4)), mask=np.tri(3, k=-1, dtype=bool)),
            ["query at [0, 0, 0] may attend to no key"],
        ),
        (
            lambda: nn.scaled_dot_product_attention(np.ones((3, 2)), np.ones((3, 4)), 0),
            ["(3, 2)", "(3, 4)"],
        ),
        (lambda: nn.Attention(4)(np.ones((2, 0, 4))), ["no samples"]),
    ],
)
def test_attention_refuses(call, words):
    with says(ValueError, *words):
        call()


# Residual, Flatten


def test_residual_by_hand():
    def manual(x, upstream, **p):
        a = np.tanh(x @ p["layer.weight"] + p["layer.bias"])
        delta = upstream * (1 - a * a)
        return x + a, {
            "x": upstream + delta @ p["layer.weight"].T,
            "layer.weight": x.T @ delta,
            "layer.bias": delta.sum(axis=0),
        }

    agrees_with_hand(nn.Residual(nn.Dense(3, 3, "tanh", rng=0)), random(4, 3), manual)


def test_residual_with_another_width():
    layer = nn.Residual(nn.Dense(3, 2, rng=0), skip=nn.Dense(3, 2, rng=1))
    assert layer(np.ones((4, 3))).shape == (4, 2)
    assert len(layer.parameters()) == 4
    with says(ValueError, "(4, 2)", "(4, 3)", "skip=Dense"):
        nn.Residual(nn.Dense(3, 2, rng=0))(np.ones((4, 3)))
    with says(TypeError, "not int"):
        nn.Residual(3)
    scalar = nn.Residual(nn.Dense(2, 2, rng=0, scalar=True))([Value(1.0), Value(2.0)])
    plain = nn.Residual(nn.Dense(2, 2, rng=0))([1.0, 2.0])
    np.testing.assert_allclose(nn.numbers(scalar), plain.data, rtol=1e-14)


def test_flatten():
    x = Tensor(random(2, 3, 4))
    out = nn.Flatten()(x)
    assert out.shape == (2, 12)
    upstream = random(2, 12)
    np.sum(out * upstream).backward()
    np.testing.assert_array_equal(x.grad, upstream.reshape(2, 3, 4))
    with says(ValueError, "(N, ...)", "(0, 2)"):
        nn.Flatten()(np.ones((0, 2)))


# Train and eval, state, and sizes left open


def model():
    return nn.Sequential(
        nn.Dense(2, 3, "tanh", rng=0),
        nn.BatchNorm(3),
        nn.Dropout(0.5, rng=0),
        nn.Dense(3, 2, rng=1),
    )


def test_train_and_eval_reach_every_module():
    net = model()
    assert all(module.training for module in net.modules())
    assert net.eval() is net
    assert not any(module.training for module in net.modules())
    x = random(4, 2)
    np.testing.assert_array_equal(net(x).data, net(x).data)
    net.train()
    assert not np.array_equal(net(x).data, net(x).data)


def test_state_holds_parameters_and_buffers_and_is_a_copy():
    net = model()
    net(random(4, 2))
    state = net.state()
    assert list(state) == [
        "layers.0.weight", "layers.0.bias", "layers.1.weight", "layers.1.bias",
        "layers.1.running_mean", "layers.1.running_var", "layers.1.num_batches_tracked",
        "layers.3.weight", "layers.3.bias",
    ]  # fmt: skip
    other = model()
    other.load_state(state)
    x = random(4, 2, seed=3)
    np.testing.assert_array_equal(other.eval()(x).data, net.eval()(x).data)
    for array in state.values():
        array[...] = 7
    np.testing.assert_array_equal(other(x).data, net(x).data)


def test_state_of_values_and_of_float32():
    scalar, again = (nn.Dense(2, 1, rng=seed, scalar=True) for seed in (0, 1))
    again.load_state(scalar.state())
    assert again.weight[1, 0].data == scalar.weight[1, 0].data
    assert isinstance(again.bias[0].data, float)
    narrow = nn.Dense(2, 1, init=np.ones((2, 1), np.float32))
    narrow.load_state(nn.Dense(2, 1, rng=0).state())
    assert narrow.weight.dtype == np.float32


def test_a_state_that_does_not_fit_changes_nothing():
    net = nn.Dense(2, 1, rng=0)
    before = net.state()
    for state, words in [
        ({"weight": np.ones((2, 1))}, ["lacks bias"]),
        ({**before, "scale": 1.0}, ["scale"]),
        ({**before, "bias": [1.0, 2.0]}, ["bias has shape (1,)", "(2,)"]),
    ]:
        with says(ValueError, *words):
            net.load_state(state)
        for name, array in net.state().items():
            np.testing.assert_array_equal(array, before[name])


def test_generators_are_found_once():
    rng = np.random.default_rng(0)
    net = nn.Sequential(nn.Dropout(0.5, rng=rng), nn.LSTM(2, 2, rng=rng), nn.Dropout(0.5, rng=1))
    assert [name for name, _ in net.named_generators()] == ["layers.0.rng", "layers.2.rng"]


LAZY = {
    "Dense": (lambda n, rng: nn.Dense(n, 3, rng=rng), (4, 2)),
    "BatchNorm": (lambda n, rng: nn.BatchNorm(n), (4, 2)),
    "LayerNorm": (lambda n, rng: nn.LayerNorm(n), (4, 2)),
    "LSTM": (lambda n, rng: nn.LSTM(n, 3, layers=1, rng=rng), (4, 5, 2)),
    "GRU": (lambda n, rng: nn.GRU(n, 3, rng=rng), (4, 5, 2)),
    "RNN": (lambda n, rng: nn.RNN(n, 3, rng=rng), (4, 5, 2)),
    "attention": (lambda n, rng: nn.MultiHeadAttention(n, 2, rng=rng), (4, 5, 2)),
}


@pytest.mark.parametrize("name", LAZY)
def test_a_size_left_open_is_taken_from_the_first_input(name):
    make, shape = LAZY[name]
    x = random(*shape)
    lazy, given = make(None, 0), make(2, 0)
    for ask in (lazy.parameters, lazy.state, lambda: nn.SGD(nn.Sequential(lazy).parameters(), 1)):
        with says(RuntimeError, "None", "has seen none", "call the model once"):
            ask()
    np.testing.assert_array_equal(lazy(x).data, given(x).data)
    assert repr(lazy) == repr(given)
    assert list(lazy.state()) == list(given.state())
    with says(ValueError, "2", str((*shape[:-1], 7))):
        lazy(np.ones((*shape[:-1], 7)))


def test_a_lazy_dense_layer_is_labelled_by_its_number():
    net = nn.Sequential(nn.Dense(None, 3, rng=0), nn.Dense(None, 1, rng=0, scalar=False))
    net(np.ones((2, 2)))
    assert [p.label for p in net.parameters()] == ["W1", "b1", "W2", "b2"]
    scalar = nn.Sequential(nn.Dense(None, 1, rng=0, scalar=True))
    scalar([1.0, 2.0])
    assert scalar.layers[0].weight[0, 0].label == "w1[0,0]"
    with says(ValueError, "first input", "(0, 2)"):
        nn.Dense(None, 1)(np.ones((0, 2)))


@pytest.mark.parametrize(
    "layer", [nn.BatchNorm(2), nn.LayerNorm(2), nn.LSTM(2, 2), nn.Attention(2)], ids=repr
)
def test_layers_over_tensors_refuse_values(layer):
    with says(TypeError, "Tensors", "Values", "Dense"):
        layer([Value(1.0), Value(2.0)])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: nn.Dropout(1.0), ["p is at least 0 and below 1", "1.0"]),
        (lambda: nn.BatchNorm(0), ["features is a positive whole number, not 0"]),
        (lambda: nn.BatchNorm(2, momentum=0.0), ["momentum", "0.0"]),
        (lambda: nn.LayerNorm(2, eps=-1), ["eps", "-1"]),
        (lambda: nn.LSTM(2, 0), ["n_hidden"]),
        (lambda: nn.LSTM(2, 2, layers=0), ["layers is a positive whole number"]),
        (lambda: nn.LSTM(2, 2, returns="first"), ["'all' or 'last'", "'first'"]),
        (lambda: nn.MultiHeadAttention(4, 0), ["heads"]),
        (lambda: nn.Embedding(0, 2), ["tokens"]),
    ],
)
def test_layers_refuse_wrong_sizes(make, words):
    with says(ValueError, *words):
        make()
