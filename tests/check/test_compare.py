"""``compare``: gradients held against a graph in the open."""

import numpy as np
import pytest

from autograd_mini import Tensor, Value, compare, log_softmax


def test_a_notebook_on_tensors():
    X, Y = np.linspace(-1, 1, 12).reshape(4, 3), np.array([0, 1, 1, 0])
    W, b = Tensor(np.linspace(0, 1, 6).reshape(3, 2)), Tensor(np.zeros(2))
    logits = X @ W + b
    loss = -np.mean(log_softmax(logits, axis=1)[np.arange(4), Y])
    p = np.exp(logits.data) / np.exp(logits.data).sum(1, keepdims=True)
    dlogits = (p - np.eye(2)[Y]) / 4
    dW, db = X.T @ dlogits, dlogits.sum(0)
    assert compare(loss, {logits: dlogits, W: dW, "b": db}).ok
    report = compare(loss, {"logits": dlogits, W: 2 * dW, b: db})
    assert report.culprits == ["W"]
    assert report["W"].cause == "scale"
    assert list(report.quantities) == ["logits", "W", "b"]


def test_what_inherits_is_no_mistake():
    w, x = Tensor([1.0, 2.0]), np.array([0.5, -1.0])
    h = np.tanh(w * x)
    loss = np.sum(h**2)
    dh = 3 * h.data
    report = compare(loss, {h: dh, w: dh * (1 - h.data**2) * x})
    assert report.culprits == ["h"]
    assert report["w"].inherited


def test_values_in_a_list_are_named_by_it():
    weights = [Value(2.0), Value(-1.0)]
    loss = (weights[0] * 3.0 + weights[1]).tanh()
    slope = 1 - loss.data**2
    assert compare(loss, {weights[0]: 3 * slope, weights[1]: slope}).ok
    report = compare(loss, {weights[0]: slope, "weights[1]": slope})
    assert report.culprits == ["weights[0]"]


def test_labels_name_and_equal_ones_are_told_apart():
    a, b = Value(2.0, label="w"), Value(3.0, label="w")
    loss = a * b
    report = compare(loss, {a: 3.0, b: 3.0})
    assert [q.verdict for q in report.quantities.values()] == ["agree", "differ"]
    assert list(report.quantities) == ["w", "w#2"]


def test_inside_a_function_the_names_are_its_own():
    def inside():
        weight = Tensor([1.0, 3.0])
        total = np.sum(weight**2)
        return compare(total, {"weight": np.array([2.0, 6.0])})

    assert inside().ok


def test_what_is_not_in_the_graph_is_said():
    w, other = Value(2.0), Value(1.0)
    loss = w * w
    (finding,) = [f for f in compare(loss, {w: 4.0, other: 1.0}).findings if f.code == "unused"]
    assert finding.names == ("other",)


def test_what_is_asked_wrongly_is_refused():
    w = Tensor([1.0, 2.0])
    loss = np.sum(w**2)
    with pytest.raises(ValueError, match="did you mean 'w'"):
        compare(loss, {"W": 1.0})
    with pytest.raises(ValueError, match=r"root has shape \(2,\)"):
        compare(w**2, {w: 1.0})
    with pytest.raises(TypeError, match=r"root is the loss as it was recorded.*not float"):
        compare(float(loss.data), {w: 1.0})
    with pytest.raises(TypeError, match="gradients is a dict by node or name, not list"):
        compare(loss, [w])
    with pytest.raises(ValueError, match="there is nothing to compare"):
        compare(loss, {})


class Net:
    def __init__(self):
        self.W, self.layers = Tensor(np.ones((3, 2))), [Tensor(np.zeros(2))]


def test_trees_of_parameters():
    X, T = np.linspace(-1, 1, 15).reshape(5, 3), np.ones((5, 2))
    p = {"hidden": {"W": Tensor(np.ones((3, 4)) / 3), "b": Tensor(np.zeros(4))},
         "out": [Tensor(np.linspace(-1, 1, 8).reshape(4, 2)), Tensor(np.zeros(2))]}  # fmt: skip
    h = np.tanh(X @ p["hidden"]["W"] + p["hidden"]["b"])
    out = h @ p["out"][0] + p["out"][1]
    loss = np.sum((out - T) ** 2)
    d_out = 2 * (out.data - T)
    d_h = d_out @ p["out"][0].data.T * (1 - h.data**2)
    grads = {"hidden": {"W": X.T @ d_h, "b": d_h.sum(0)}, "out": [h.data.T @ d_out, d_out.sum(0)]}
    report = compare(loss, {"p": grads, "out": d_out})
    assert report.ok, str(report)
    assert [*report.quantities] == [
        "p['hidden']['W']", "p['hidden']['b']", "p['out'][0]", "p['out'][1]", "out"
    ]  # fmt: skip
    wrong = {"p['hidden']['W']": -grads["hidden"]["W"], p["out"][1]: grads["out"][1]}
    assert compare(loss, wrong).culprits == ["p['hidden']['W']"]
    with pytest.raises(ValueError, match=r"'hidden'.* write the name of .*, as {'p': gradients}"):
        compare(loss, grads)
    with pytest.raises(ValueError, match="nested in the same way"):
        compare(loss, {"p": {"hidden": grads["hidden"]}})


def test_nodes_in_objects_and_what_holds_itself():
    net, endless = Net(), []
    endless.append(endless)
    X = np.linspace(-1, 1, 15).reshape(5, 3)
    loss = np.sum((X @ net.W + net.layers[0]) ** 2)
    d = 2 * X @ net.W.data
    report = compare(loss, {net.W: X.T @ d, "net.layers[0]": d.sum(0)})
    assert report.ok, str(report)
    assert [*report.quantities] == ["net.W", "net.layers[0]"]


def test_a_gradient_may_be_a_list():
    w = Tensor([1.0, 2.0])
    assert compare(np.sum(w**2), {w: [2.0, 4.0]}).ok
    assert compare(np.sum(w**2), {"w": [2.0, 4.0]}).ok
