"""explain and steps: the chain rule in words and numbers, and the sweep node by node.

``python tests/show/test_explain.py`` writes the golden files in ``tests/golden`` anew.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import example_module
from hypothesis import example, given
from hypothesis import strategies as st
from printed_formulas import text_of, value_of
from seldom_calls import CALLS

import autograd_mini as ag
from autograd_mini import (
    Tensor,
    Value,
    explain,
    gradients,
    nn,
    primitive,
    steps,
    weighted_sum,
)
from autograd_mini.core.graph import data_of, topological_order
from autograd_mini.core.operation import OPERATIONS, ArrayOperation
from autograd_mini.core.rule import FUNCTIONS, RULES
from autograd_mini.core.tensor import record
from autograd_mini.show.arithmetic import product, total
from autograd_mini.show.derivations import backward_formula, forward_formula
from autograd_mini.show.explain import LONGEST_PRODUCT
from autograd_mini.show.explanation import MOST_EQUATIONS, ExplanationLatex, ExplanationText
from autograd_mini.show.notation import latex_name
from autograd_mini.show.terms import MOST_TERMS

ARRAY_RULES = {name: each for name, each in OPERATIONS.items() if isinstance(each, ArrayOperation)}

GOLDEN = Path(__file__).parents[1] / "golden"


def textbook() -> tuple[Value, dict[str, Value]]:
    found: tuple[Value, dict[str, Value]] = example_module("textbook_network").network()
    return found


# A dozen explanations


def one_path() -> Any:
    E, weights = textbook()
    return explain(E, weights["w5"])


def two_paths() -> Any:
    E, weights = textbook()
    return explain(E, weights["w1"])


def shared() -> Any:
    E, weights = textbook()
    return explain(E, weights["b1"])


def names_from_the_code() -> Any:
    w, x, b = Value(0.5), Value(2.0), Value(-1.0, label="bias")
    net = w * x + b
    out = net.sigmoid()
    loss = (1 - out) ** 2
    return explain(loss, w)


def both_operands() -> Any:
    x = Value(3.0, label="x")
    y = x * x
    y.backward()
    y.backward()
    return explain(y, x)


def branches() -> Any:
    z = Value(-2.0, label="z")
    a = ag.leaky_relu(z, 0.1)
    b = ag.maximum(a, z) + ag.where(z > 0, z, 3 * z)
    return explain(b, z)


def unreachable() -> Any:
    x, y = Value(1.0, label="x"), Value(2.0, label="y")
    E = x * 3
    return explain(E, y)


def the_root_itself() -> Any:
    E = Value(1.0, label="x") * 3
    return explain(E, E)


def long_chain() -> Any:
    v = x = Value(0.5, label="x")
    for i in range(600):
        v = v.sin()
        v.label = f"s{i}"
    return explain(v, x)


def many_uses() -> Any:
    w = Value(0.5, label="w")
    terms = []
    for i in range(100):
        terms.append(w * float(i))
        terms[-1].label = f"t{i}"
    E = terms[0]
    for term in terms[1:]:
        E = E + term
    return explain(E, w)


def matrices() -> Any:
    X = np.arange(12.0).reshape(4, 3) / 10
    W1, b1 = Tensor([[0.5, -1.0], [0.25, 0.0], [-0.5, 1.0]]), Tensor([0.1, -0.1])
    W2 = Tensor([[1.0], [-1.0]])
    t = np.ones((4, 1))
    z1 = X @ W1 + b1
    a1 = ag.sigmoid(z1)
    z2 = a1 @ W2
    a2 = ag.sigmoid(z2)
    E = np.sum((t - a2) ** 2) / 2
    E.backward()
    return explain(E, W1)


def bias_of_softmax() -> Any:
    X = np.arange(12.0).reshape(4, 3) / 10
    W, b = Tensor([[0.5, -1.0], [0.25, 0.0], [-0.5, 1.0]]), Tensor([0.1, -0.1])
    target = np.eye(2)[[0, 1, 0, 1]]
    z = X @ W + b
    L = -np.mean(np.sum(target * ag.log_softmax(z), axis=1))
    L.backward()
    return explain(L, b)


def own_primitive() -> Any:
    solve = primitive(
        lambda A, b: np.linalg.solve(np.asarray(A), b),  # which takes no Tensors
        lambda g, x, A, b: (-np.outer(y := np.linalg.solve(np.asarray(A).T, g), x), y),
        name="solved",
    )
    A, b = Tensor([[2.0, 0.0], [0.0, 4.0]]), Tensor([1.0, 1.0])
    E = np.sum(solve(A, b) ** 2)
    return explain(E, A)


def scalar_where() -> Any:
    x = Value(2.0, label="x")
    condition = Value(1.0, label="condition")
    E = ag.where(condition, x, -x)
    return explain(E, condition)


EXPLANATIONS: list[Callable[[], Any]] = [
    one_path, two_paths, shared, names_from_the_code, both_operands, branches, unreachable,
    the_root_itself, long_chain, many_uses, matrices, bias_of_softmax, own_primitive, scalar_where,
]  # fmt: skip


def written(explanation: Any) -> str:
    return f"{explanation}\n\n{explanation.latex}\n"


@pytest.mark.parametrize("make", EXPLANATIONS, ids=lambda make: make.__name__)
def test_golden_text_and_latex(make: Callable[[], Any]) -> None:
    assert written(make()) == (GOLDEN / f"explain_{make.__name__}.txt").read_text("utf-8")


def test_the_textbook_numbers() -> None:
    E, weights = textbook()
    assert E.data == pytest.approx(0.298371109, abs=5e-10)  # Mazur (2015)
    explanation = explain(E, weights["w5"])
    assert explanation.value == pytest.approx(0.082167041, abs=5e-10)
    assert "∂E/∂w5 = ∂E/∂out_o1 · ∂out_o1/∂net_o1 · ∂net_o1/∂w5\n" in str(explanation)
    assert explanation._repr_latex_() == f"$$\n{explanation.latex}\n$$"
    assert repr(explanation) == str(explanation)


# Names


def test_a_label_wins_over_a_variable_and_equal_labels_are_told_apart() -> None:
    first, second = Value(1.0, "w"), Value(2.0, "w")
    other = first * second
    assert str(explain(other, first)).startswith("∂other/∂w = w#2 = 2\n")
    other.label = "mine"
    assert str(explain(other, second)).startswith("∂mine/∂w#2 = w = 1\n")


def test_names_in_lists_and_dicts() -> None:
    weights = [Value(2.0), Value(3.0)]
    params = {"b": Value(4.0)}
    E = weights[0] * weights[1] * params["b"]
    assert str(explain(E, params["b"])).startswith("∂E/∂params['b'] = weights[0]·weights[1] = 6")
    assert "\\text{weights[0]}" in explain(E, params["b"]).latex


def test_equal_graphs_give_equal_text() -> None:
    assert written(shared()) == written(shared())


# The value is the gradient

NAMES = ["add", "mul", "sub", "div", "tanh", "sin", "sigmoid", "relu", "maximum", "sum"]
POSITIVE = ["add", "mul", "sigmoid", "softplus", "weighted"]


@st.composite
def graphs(draw: Any, functions: list[str], positive: bool = False) -> list[Value]:
    numbers = st.floats(0.1 if positive else -2.0, 2.0)
    nodes: list[Any] = [Value(draw(numbers), f"x{i}") for i in range(draw(st.integers(1, 3)))]
    for i in range(draw(st.integers(1, 14))):
        pick = st.sampled_from(nodes)
        name, x, y = draw(st.sampled_from(functions)), draw(pick), draw(pick)
        match name:
            case "add" | "sub" | "mul":
                node = {"add": x + y, "sub": x - y, "mul": x * y}[name]
            case "div":
                node = x / (2.5 + y * y)
            case "maximum":
                node = ag.maximum(x, y)
            case "sum" | "weighted":
                node = weighted_sum([x, y], [y, 0.5], x)
            case _:
                node = getattr(x, name)()
        if not math.isfinite(node.data) or abs(node.data) > 1e6:
            continue
        if draw(st.booleans()):
            node.label = f"n{i}"
        nodes.append(node)
    return nodes


@pytest.mark.filterwarnings("ignore::autograd_mini.IndependentOutputWarning")
@given(graphs(NAMES))
def test_the_value_equals_the_gradient_to_the_last_bit(nodes: list[Value]) -> None:
    root = nodes[-1]
    for node in nodes:
        explanation = explain(root, node)
        assert explanation.value == gradients(root, node)
        assert str(explanation)
        assert balanced(explanation.latex)


@pytest.mark.filterwarnings("ignore::autograd_mini.IndependentOutputWarning")
@given(graphs(POSITIVE, positive=True))
def test_the_factors_multiply_and_add_up_to_the_gradient(nodes: list[Value]) -> None:
    root = nodes[-1]  # all numbers are positive: nothing cancels, each step rounds once
    for node in topological_order(root):
        explanation = explain(root, node)
        assert explanation.product == pytest.approx(explanation.value, rel=1e-12)


def program(rng: np.random.Generator) -> tuple[Any, list[Any]]:
    X = Tensor(rng.normal(size=(4, 3)), "X")
    W, b = Tensor(rng.normal(size=(3, 3)), "W"), Tensor(rng.normal(size=3), "b")
    nodes: list[Any] = [X]
    for _ in range(rng.integers(1, 7)):
        x = nodes[rng.integers(len(nodes))]
        y = nodes[rng.integers(len(nodes))]
        nodes.append(
            [
                lambda x, y: x @ W + b,
                lambda x, y: ag.sigmoid(x),
                lambda x, y: x * y,
                lambda x, y: x - np.mean(y, axis=0),
                lambda x, y: ag.softmax(x, axis=1),
                lambda x, y: np.concatenate([x[:2], y[2:]], axis=0),
                lambda x, y: np.maximum(x, y) / 2,
                lambda x, y: x * np.sum(y, axis=1, keepdims=True),
            ][rng.integers(8)](x, y)
        )
    return np.sum(nodes[-1] ** 2), [X, W, b, *nodes[1:]]


@pytest.mark.filterwarnings("ignore::autograd_mini.IndependentOutputWarning")
@pytest.mark.parametrize("seed", range(15))
def test_the_value_of_tensors_equals_the_gradient_to_the_last_bit(seed: int) -> None:
    root, nodes = program(np.random.default_rng(seed))
    for node in nodes:
        explanation = explain(root, node)
        assert np.array_equal(explanation.value, gradients(root, node))
        assert balanced(explanation.latex)
        assert "None" not in str(explanation)


def test_rounding_in_another_order_is_said() -> None:
    for seed in range(50):
        rng = np.random.default_rng(seed)
        x = Value(rng.normal(), "x")
        y = (x * rng.normal()) * rng.normal()
        y.label = "y"
        E = (y * rng.normal()) * rng.normal()
        explanation = explain(E, x)
        text = str(explanation)
        if explanation.product != explanation.value:
            assert f"the gradient of the sweep is {explanation.value!r}: they differ by" in text
            return
        assert "to the last bit" in text or "backward() has not run" in text
    pytest.fail("no graph of these rounds in another order")


def test_the_gradient_is_compared_with_grad() -> None:
    x = Value(3.0, "x")
    y = x * x
    assert "x.grad is 0: backward() has not run." in str(explain(y, x))
    y.backward()
    assert "and as x.grad, to the last bit." in str(explain(y, x))
    y.backward()
    assert "x.grad is 2 times as much" in str(explain(y, x))
    x.grad = 0.1
    assert "x.grad is 0.1, of other sweeps or other numbers." in str(explain(y, x))


def test_zero_passes_nothing_on() -> None:
    x = Value(0.0, "x")
    root = ag.sqrt(x) * 0.0
    assert explain(root, x).value == 0.0 == gradients(root, x)
    assert explain(root, x).product == 0.0


# Size


def test_the_length_is_linear_in_the_graph_and_what_is_left_out_is_said() -> None:
    x = Value(1.0, "x")
    v = x
    for _ in range(2000):  # 2 to the power 2000 paths
        v = v * 0.25 + v.sin() * 0.5
    explanation = explain(v, x)
    text = str(explanation)
    assert explanation.value == gradients(v, x)
    assert len(text) < 20_000
    left_out = re.search(r"… (\d+) equations left out here", text)
    assert left_out is not None
    assert int(left_out[1]) > 2000 / LONGEST_PRODUCT - MOST_EQUATIONS - 5
    assert str(many_uses()).count(f"({100 - MOST_TERMS} more)") == 1
    assert max(line.count("·") for line in text.splitlines()) <= 2 * LONGEST_PRODUCT + 2


# Bad input


@pytest.mark.parametrize("function", [explain, lambda root, wrt, **k: next(steps(root, **k))])
def test_what_cannot_be_explained(function: Any) -> None:
    with pytest.raises(ValueError, match=r"of a Tensor of shape \(2,\) needs one number"):
        function(Tensor([1.0, 2.0]), Tensor([1.0]))
    with pytest.raises(TypeError, match="not float"):
        function(2.0, Value(1.0))


def test_wrt_must_be_a_node() -> None:
    with pytest.raises(TypeError, match=r"wrt is a Value or Tensor, not float; .* wrap it"):
        explain(Value(1.0), 2.0)


def test_an_upstream_gradient_can_be_given() -> None:
    t = Tensor([1.0, 2.0], "t")
    y = t * 3
    g = np.array([1.0, -1.0])
    explanation = explain(y, t, gradient=g)
    assert explanation.value.tolist() == [3.0, -3.0]
    assert [step.node for step in steps(y, gradient=g)] == [y, t]


# Matrix forms


def form_examples() -> dict[str, list[Tensor]]:
    rng = np.random.default_rng(0)
    X, Y, v = (Tensor(rng.normal(size=s)) for s in ((4, 3), (3, 2), (3,)))
    S = Tensor(rng.normal(size=(2, 4, 3)))
    scatter, gather = ag.operations.indexing.scattered, ag.operations.indexing.gather
    examples = {
        "matmul": [X @ Y, X @ v, v @ Y, v @ v, S @ Y, S @ v],
        "affine": [ag.affine(X, Y, v[:2]), ag.affine(v, Y, v[:2]), ag.affine(S, Y, v[:2])],
        "einsum": [np.einsum("ij,jk->ik", X, Y), np.einsum("ij,jk,k->i", X, Y, Y[0])],
        "sum": [X.sum(), X.sum(axis=0), S.sum(axis=(0, 2))],
        "mean": [X.mean(), X.mean(axis=1)],
        "var": [X.var(), X.var(axis=0, ddof=1)],
        "std": [X.std(), X.std(axis=1, ddof=1)],
        "prod": [X.prod(), X.prod(axis=0)],
        "max": [X.max(), X.max(axis=1)],
        "min": [X.min(), X.min(axis=0)],
        "cumsum": [X.cumsum(axis=0)],
        "norm": [np.linalg.norm(v), np.linalg.norm(v, 3), np.linalg.norm(X, axis=1)],
        "softmax": [ag.softmax(X), ag.softmax(X, axis=0)],
        "log_softmax": [ag.log_softmax(X)],
        "logsumexp": [ag.logsumexp(X), ag.logsumexp(X, axis=1)],
        "reshape": [X.reshape(2, 6)],
        "ravel": [X.ravel()],
        "squeeze": [np.squeeze(X[:1])],
        "expand_dims": [np.expand_dims(X, 1)],
        "transpose": [X.T, np.transpose(S), np.transpose(S, (1, 2, 0)), np.transpose(X, (1, 0))],
        "moveaxis": [np.moveaxis(S, 0, 2)],
        "swapaxes": [np.swapaxes(S, 0, 2)],
        "broadcast_to": [np.broadcast_to(v, (4, 3))],
        "getitem": [X[1:3]],
        "scatter": [scatter(v, (np.arange(3), np.arange(3)), (3, 3))],
        "gather": [
            gather([X, v * 2], np.array([[13, 0, 2], [0, 14, 5]])),
            gather([v], np.arange(2)),
        ],
        "concatenate": [np.concatenate([X, X * 2], axis=1)],
        "stack": [np.stack([v, v * 2], axis=1)],
        "flip": [np.flip(X), np.flip(X, 1)],
        "roll": [np.roll(X, 2, axis=1), np.roll(X, 2), np.roll(X, (1, 2), axis=(0, 1))],
        "pad": [np.pad(X, ((1, 2), (0, 1)))],
        "astype": [X.astype(np.float32)],
    }
    return seldom_examples(examples)


def seldom_examples(examples: dict[str, list[Tensor]]) -> dict[str, list[Tensor]]:
    """With the two smallest nodes of each other operation, from the calls of the seldom ones."""
    others: dict[str, list[Tensor]] = {}
    for function, *operands in CALLS.values():
        for node in topological_order(function(*map(Tensor, operands))):
            if node.op in ARRAY_RULES and node.op not in examples:
                leaves = tuple(Tensor(data_of(parent)) for parent in node.parents)
                made = record(node.operation, leaves, node.options)
                others.setdefault(node.op, []).append(made)
    if "polygamma" in ARRAY_RULES:  # which comes of differentiating twice
        leaf = Tensor([1.2, 2.5, 0.7])
        others["polygamma"] = [record(ARRAY_RULES["polygamma"], (leaf,), {"n": 1})]
    smallest = {op: sorted(made, key=lambda node: node.size)[:2] for op, made in others.items()}
    return examples | smallest | {"complement": []}  # which has no derivative


def test_every_operation_on_arrays_has_a_matrix_form() -> None:
    assert ARRAY_RULES.keys() == form_examples().keys()


@pytest.mark.parametrize("name", ARRAY_RULES)
def test_the_formulas_of_every_operation_on_arrays_are_right_as_printed(name: str) -> None:
    for node in form_examples()[name]:
        check_printed(loss_of(node))


def test_the_formula_of_a_primitive_is_derived_from_its_pullback() -> None:
    solve: Any = primitive(
        lambda A, b: np.linalg.solve(np.asarray(A), b),  # which takes no Tensors
        lambda g, x, A, b: (-np.outer(y := solve(A.T, g), x), y),
        name="solve_again",
    )
    A, b = Tensor([[2.0, 0.5], [0.0, 4.0]], "A"), Tensor([1.0, 3.0], "b")
    root = loss_of(solve(A, b))
    assert "= −outer(solve_again(Aᵀ, δ_v2 ⊙ R), solve_again(A, b))" in str(explain(root, A))
    check_printed(root)


def test_a_fused_operation_is_explained_by_its_parts() -> None:
    z = Tensor([[1.0, 2.0, 0.5], [0.25, -1.0, 1.5]], "z")
    loss = nn.losses.cross_entropy(z, [2, 0])
    assert "∂loss/∂z = 0.5·(softmax(z, axis=−1) − eye(3)[[2, 0]])" in str(explain(loss, z))
    assert "−0.5·sum(log_softmax(z, axis=−1)[[0, 1], [2, 0]])" in str(explain(loss**2, z))
    check_printed(loss**2)


def test_a_pullback_that_takes_no_tensors_is_derived_from_the_parts() -> None:
    swish: Any = primitive(
        lambda x: x / (1 + np.exp(-x)),
        [lambda g, out, x: np.asarray(g) * float("nan")],  # refuses a Tensor
        name="swish",
        parts=lambda x: x * ag.sigmoid(x),
    )
    x = Tensor([1.0, 2.0], "x")
    form = backward_formula(swish(x), 0)
    assert str(form) == "g * sigmoid(x0) + g * x0 * (sigmoid(x0) * (1.0 - sigmoid(x0)))"
    assert str(forward_formula(swish(x))) == "x0 * sigmoid(x0)"


def operand_for(rule: Any, place: int) -> np.ndarray[Any, Any]:
    """Operands inside the rule's domain, away from kinks."""
    low = 1.5 if rule.name == "arccosh" else 0.1
    return np.array([[low, low + 0.23], [low + 0.41, low + 0.62]]) + 0.1 * place


@pytest.mark.parametrize("name", RULES)
def test_the_formulas_of_every_elementwise_operation_are_right_as_printed(name: str) -> None:
    rule = RULES[name]
    arrays = [operand_for(rule, place) for place in range(len(rule.operands))]
    function = FUNCTIONS[name]
    tensors = [Tensor(array[0] if k else array, f"x{k}") for k, array in enumerate(arrays)]
    if name == "where":
        tensors[0] = Tensor([[1.0, 0.0], [0.0, 1.0]], "condition")
    check_printed(loss_of(function(*tensors) * tensors[-1]))
    values = [Value(array[0, 1], f"x{k}") for k, array in enumerate(arrays)]
    root = function(*values) * values[-1]
    check_printed(root)


@pytest.mark.parametrize(
    "make",
    [
        lambda x, y, v: (x - 2) * (y / (v + 3)) - x / y / v,
        lambda x, y, v: np.sqrt(x + y) ** 2 - (x * y) ** 0.5 + 2**-x,
        lambda x, y, v: -(x @ y.T) @ (x - y) * 2,
        lambda x, y, v: x @ (y.T @ (y * v)) / 3,
        lambda x, y, v: (x * v) @ (y / 2).T @ (-x),
        lambda x, y, v: np.swapaxes(x @ np.swapaxes(y, 0, 1), 0, 1),
        lambda x, y, v: x - np.sum(x * y, axis=1, keepdims=True) / np.max(y, axis=0),
        lambda x, y, v: np.sum(x, axis=1) @ np.mean(y, axis=1) * v,
        lambda x, y, v: np.expand_dims(np.mean(np.tanh(x), axis=1), 1) * y,
        lambda x, y, v: np.abs(x - 1) * np.where((x > 0.5) & (y < 1), x * y, v),
        lambda x, y, v: x[[0, 1, 1]] @ y[0] + x[1, 2] * x[:, 1][:2].sum(),
        lambda x, y, v: np.prod(x - 0.6, axis=0) + np.prod(x - 0.6) + np.prod(v - 2),
        lambda x, y, v: np.std(x * 0, axis=1, keepdims=True) + np.linalg.norm(y * 0, axis=0),
        lambda x, y, v: np.broadcast_to(x.sum(axis=0, keepdims=True), (2, 4, 3)) * v[0],
        lambda x, y, v: np.einsum("ij,ij->", x, y) + np.einsum("ii->i", x @ y.T)[0],
        lambda x, y, v: np.einsum("ij->j", x) * np.einsum("ij,k->i", x, v).sum(),
        lambda x, y, v: np.reshape(v, (1, 3)) + Tensor([[0.5]], "s") * np.expand_dims(x, 0),
        lambda x, y, v: np.stack([x, y]) @ v + np.stack([x, y]) @ x[0],
        lambda x, y, v: v @ np.stack([x.T, y.T]) * (np.stack([x, y]) @ x.T[:, :1])[:, 0],
        lambda x, y, v: ag.logsumexp(x, axis=1) - ag.log_softmax(y, axis=0)[:, 0],
        lambda x, y, v: np.max(np.concatenate([x, x]), axis=0) + np.min(y, axis=1, keepdims=True),
        lambda x, y, v: nn.losses.cross_entropy(x @ y.T, [0, 1], class_weights=[1.0, 3.0]),
        lambda x, y, v: nn.losses.cross_entropy(x, np.array([[0.5, 0.5, 0], [0, 1, 0]])),
        lambda x, y, v: nn.layers.normalisation.normalised(x * y, axes=(0,), eps=0.25),
        lambda x, y, v: nn.layers.attention.masked_softmax(x @ y.T, allowed=np.tri(2, dtype=bool)),
        lambda x, y, v: nn.layers.cells.lstm_output(np.concatenate([x, y] * 2, axis=1)[:, :12], y),
    ],
)  # fmt: skip
def test_formulas_of_operations_within_each_other_are_right_as_printed(make: Any) -> None:
    x = Tensor([[0.5, 0.25, 1.5], [0.75, 2.0, 1.25]], "x")
    y = Tensor([[1.5, 0.5, 0.75], [0.25, 1.25, 2.5]], "y")
    check_printed(loss_of(make(x, y, Tensor([0.5, 2.0, 1.5], "v"))))


@given(graphs(NAMES))
def test_formulas_of_values_are_right_as_printed(nodes: list[Value]) -> None:
    check_printed(nodes[-1])


ARRAY_STEPS: list[Callable[[Any, Any], Any]] = [
    lambda x, y: x + y, lambda x, y: x - 2 * y, lambda x, y: x * y, lambda x, y: x / (2 + y * y),
    lambda x, y: -x, lambda x, y: x**2, lambda x, y: x**3 / 3, lambda x, y: np.tanh(x),
    lambda x, y: ag.sigmoid(x), lambda x, y: ag.relu(x), lambda x, y: np.sqrt(1 + x * x),
    lambda x, y: np.exp(x / 4), lambda x, y: np.maximum(x, y), lambda x, y: x @ y,
    lambda x, y: x.T, lambda x, y: x - np.mean(y, axis=0), lambda x, y: ag.softmax(x, axis=1),
    lambda x, y: x * np.sum(y, axis=1, keepdims=True), lambda x, y: x + np.max(y, axis=1),
    lambda x, y: np.concatenate([x[:1], y[1:]]), lambda x, y: x[:, [2, 0, 0]],
    lambda x, y: np.outer(x[0], y[:, 1]), lambda x, y: np.flip(x, 1) * np.var(y),
    lambda x, y: np.reshape(x.sum(axis=1), (3, 1)) * y,
    lambda x, y: np.where(x.data > y.data, x, y),
]  # fmt: skip


@st.composite
def array_graphs(draw: Any) -> Any:
    numbers = st.sampled_from([-1.5, -0.5, 0.25, 0.5, 1.0, 2.0])
    leaf = st.lists(numbers, min_size=9, max_size=9).map(lambda row: np.reshape(row, (3, 3)))
    nodes = [Tensor(draw(leaf), name) for name in ("x", "y")]
    for i in range(draw(st.integers(1, 7))):
        pick = st.sampled_from(nodes)
        node = draw(st.sampled_from(ARRAY_STEPS))(draw(pick), draw(pick))
        if np.abs(node.data).max() > 1e4:
            continue
        if draw(st.booleans()):
            node.label = f"n{i}"
        nodes.append(node)
    return loss_of(nodes[-1])


@given(array_graphs())
def test_formulas_of_arrays_are_right_as_printed(root: Any) -> None:
    check_printed(root)


def loss_of(node: Any) -> Any:
    """A number that every element of a node moves in its own way."""
    upstream = np.cos(np.arange(float(node.size)).reshape(node.shape)).round(2)
    return np.sum(node * Tensor(upstream.astype(node.dtype), "R"))


def leaves_of(root: Any) -> list[Any]:
    return [node for node in topological_order(root) if not node.parents]


def check_printed(root: Any, arrays: dict[str, Any] | None = None) -> None:
    """Every formula of every explanation, evaluated as printed, gives the number beside it."""
    for wrt in leaves_of(root):
        explanation = explain(root, wrt)
        chain = explanation._chain
        if wrt is root or not chain.depends:
            continue
        names = {chain.names.nodes[node]: node.data for node in topological_order(root)}
        names |= {f"δ_{chain.names.nodes[node]}": chain.totals[node] for node in chain.uses}
        names |= (arrays or {}) | pullbacks_of(root)
        for made in (ExplanationText(chain, explanation), ExplanationLatex(chain, explanation)):
            check_lines(made, names)
        check_python(explanation, names)


def check_lines(made: Any, names: dict[str, Any]) -> None:
    chain, whole = made.chain, made.whole()
    if chain.scalar:
        check_products(made, names, whole)
    else:
        stations = list(reversed(chain.stations[:-1]))
        for line, node in zip(made.matrix_forms(), stations, strict=True):
            check_line(line[1], chain.totals[node], names | chain.terms.unnamed, whole)
    defined = [node for node in reversed(chain.order) if node in made.symbols]
    for line, node in zip(made.definitions(), defined, strict=True):
        if len(line) == 3:
            check_line(line[1], node.data, names | chain.terms.unnamed, whole)


def check_products(made: Any, names: dict[str, Any], whole: str) -> None:
    """The products of partial derivatives, and the formula of each."""
    chain = made.chain
    partials = {}
    for node in chain.stations[:-1]:
        for factor in chain.factors(node):
            partials[made.partial_of(factor)] = factor.value
    partials |= {made.partial(chain.root, node): chain.totals[node] for node in chain.stations}
    equations, factors = made.equations()
    for left, formula, *_ in [line for line in equations + factors if len(line) > 1 and line[0]]:
        assert formula in whole
        text = formula
        for partial in sorted(partials, key=len, reverse=True):
            text = text.replace(partial, f"({partials[partial]!r})".replace("-", "−"))
        check_line(text, partials[left], names, text)


def check_line(formula: str, expected: Any, names: dict[str, Any], whole: str) -> None:
    assert formula in whole
    if formula.endswith(("…", "\\dots")):
        return  # too long to be printed
    text = text_of(formula, names) if "\\" in formula or "{" in formula else formula
    with np.errstate(all="ignore"):
        found = value_of(text, names)
    assert np.shape(found) == np.shape(expected), formula
    np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-12, err_msg=formula)


def check_python(explanation: Any, names: dict[str, Any]) -> None:
    given = explanation._chain.names.given
    scope = {explanation._chain.names.nodes[node]: node.data for node in given} | names
    for made_up in [name for name in scope if re.fullmatch(r"[vc]\d+|δ_.*", name)]:
        del scope[made_up]  # what no variable holds, the lines compute themselves
    lines = explanation.numpy
    with np.errstate(all="ignore"):
        exec(lines, scope)
    gradient = scope[lines.splitlines()[-1].partition(" = ")[0]]
    assert np.shape(gradient) == np.shape(explanation.value)
    np.testing.assert_allclose(gradient, explanation.value, rtol=1e-9, atol=1e-12, err_msg=lines)


def pullbacks_of(root: Any) -> dict[str, Any]:
    """The two functions of each primitive, which its explanation may call."""
    found: dict[str, Any] = {}
    for node in topological_order(root):
        rule = getattr(node, "operation", None)
        if rule is None or rule.elementwise:
            continue
        if rule.foreign:
            found[rule.name] = lambda *arguments, rule=rule, **options: rule.forward(
                *arguments,
                **{k: np.array(o) if isinstance(o, list) else o for k, o in options.items()},
            )
        found[f"{rule.name}_pullback"] = lambda *arguments, rule=rule, **options: [
            rule.pullback(k)(*arguments, **options) for k in range(len(arguments) - 2)
        ]
    return found


# The arithmetic of formulas


@given(
    st.lists(st.sampled_from(["2", "-1", "x", "-y", "x / 4", "1 / y", "x + y", "0.5"]), min_size=1)
)
def test_products_and_sums_mean_the_same(texts: list[str]) -> None:
    at = {"x": 1.7, "y": -0.3}
    parts = [ast.parse(text, mode="eval").body for text in texts]
    numbers = [eval(text, {}, at) for text in texts]
    found = eval(ast.unparse(ast.fix_missing_locations(product(parts))), {}, at)
    assert found == pytest.approx(math.prod(numbers), rel=1e-12)
    found = eval(ast.unparse(ast.fix_missing_locations(total(parts))), {}, at)
    assert found == pytest.approx(math.fsum(numbers), rel=1e-9, abs=1e-12)


# Steps


@given(graphs(NAMES))
def test_steps_reproduce_backward(nodes: list[Value]) -> None:
    root = nodes[-1]
    taken = list(steps(root))
    assert all(node.grad == 0.0 for node in nodes)
    root.backward()
    found = {step.node: step.gradient for step in taken}
    for node in topological_order(root):
        assert found.get(node, 0.0) == node.grad
    check_log(root, taken)


@pytest.mark.parametrize("seed", range(15))
def test_steps_reproduce_backward_of_tensors(seed: int) -> None:
    root, _ = program(np.random.default_rng(seed))
    taken = list(steps(root))
    root.backward()
    found = {step.node: step.gradient for step in taken}
    for node in topological_order(root):
        assert np.array_equal(found.get(node, node.zero()), node.grad)
    check_log(root, taken)


def check_log(root: Any, taken: list[Any]) -> None:
    order = topological_order(root)
    assert [step.index for step in taken] == list(range(len(taken)))
    place = {node: i for i, node in enumerate(order)}
    places = [place[step.node] for step in taken]
    assert places == sorted(places, reverse=True)
    totals: dict[Any, Any] = {root: taken[0].gradient}
    for step in taken:
        assert np.array_equal(totals[step.node], step.gradient)  # complete at its turn
        for share in step.received:
            assert share.operand is step.node.parents[share.slot]
            before = totals.get(share.operand)
            totals[share.operand] = share.amount if before is None else before + share.amount
            assert np.array_equal(totals[share.operand], share.total)
        assert step.totals.keys() == totals.keys()
        assert all(np.array_equal(step.totals[node], totals[node]) for node in totals)
        assert step.sentence == str(step)
        if isinstance(step.node, Value):
            assert step.local_derivatives == step.node.local_derivatives


def test_nan_that_does_not_matter_is_masked_as_in_the_sweep() -> None:
    x = Tensor([0.0, 4.0], "x")
    root = np.sum(np.where(x.data > 0, np.sqrt(x), 0.0))
    taken = list(steps(root))
    root.backward()
    assert np.array_equal(taken[-1].gradient, x.grad)
    assert np.isfinite(x.grad).all()
    assert np.array_equal(explain(root, x).value, x.grad)


def test_the_sentences_of_a_sweep() -> None:
    w, x = Value(2.0, "w"), Value(-3.0, "x")
    dead = (w * x).relu()
    assert [str(step) for step in steps(dead)] == [
        "dead is the root: the sweep starts with ∂dead/∂dead = 1. v1 receives "
        "1 · (1 if v1 > 0 else 0) = 0.",
        "v1: ∂dead/∂v1 = 0 is complete. Zero passes nothing on.",
    ]


# Hostile labels


HOSTILE = [
    "<script>alert(1)</script>", "</script x", "<!--<script>", "]]>", '" onload="x',
    "a\nb", "\u202edesrever", "😀" * 40,
    "a" * 10_000, "\\end{aligned}$$\\input{x}", "}{", "$&#_%^~\\", "`", "\x00\x1b[31m", "w_{1}",
    "{{data}}", "∂E/∂w = 0", "\\", "%", "a\\\\b",
]  # fmt: skip


def balanced(latex: str) -> bool:
    """Whether braces are balanced and no label has left its place."""
    bare = re.sub(r"\\[\\{}$&#_%]", "", latex)
    depth = 0
    for character in bare:
        depth += {"{": 1, "}": -1}.get(character, 0)
        assert depth >= 0
    assert "$" not in bare
    assert "%" not in bare
    assert "#" not in bare
    rows = latex.removeprefix("\\begin{aligned}").removesuffix("\\end{aligned}")
    assert "\\begin" not in rows.replace("\\backslash\\text{begin", "")
    assert "\\end" not in rows
    assert "\\input" not in rows
    return depth == 0


@given(st.text(), st.text(min_size=1))
@example("\\end{aligned}", "$$")
def test_a_label_stays_text(first: str, second: str) -> None:
    check_label(first, second)


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_a_hostile_label_stays_text(number: int) -> None:
    check_label(HOSTILE[number], HOSTILE[number - 1])


def check_label(first: str, second: str) -> None:
    x, y = Value(2.0, first), Tensor([[1.0, 2.0]], second)
    v = x * x
    v.label = second
    E = v.sin() + x
    T = np.sum(ag.sigmoid(y @ y.T))
    for explanation in (explain(E, x), explain(T, y)):
        assert balanced(explanation.latex)
        text = str(explanation)
        assert len(text) < 3000
        assert all(c.isprintable() or c == "\n" for c in text)
    for step in (*steps(E), *steps(T)):
        assert "\n" not in str(step)
        assert str(step).isprintable()
    assert balanced(latex_name(first))


def test_no_array_rule_shares_a_name_with_an_elementwise_one() -> None:
    assert not RULES.keys() & ARRAY_RULES.keys()


if __name__ == "__main__":
    for make in EXPLANATIONS:
        (GOLDEN / f"explain_{make.__name__}.txt").write_text(written(make()), "utf-8")


# A part of a gradient, and other ways to write one


def forked() -> tuple[Value, Value, Value, Value]:
    x, w1, w2, w3 = (
        Value(v, label=n) for n, v in (("x", 0.05), ("w1", 0.15), ("w2", 0.2), ("w3", 0.3))
    )
    h = (w1 * x).sigmoid()
    o1, o2 = (h * w2).sigmoid(), (h * w3).sigmoid()
    return (1 - o1) ** 2 + (1 - o2) ** 2, w1, o1, o2


def test_parts_of_a_gradient_add_up() -> None:
    E, w1, o1, o2 = forked()
    whole = explain(E, w1).value
    parts = [explain(E, w1, through=o) for o in (o1, o2)]
    assert sum(part.value for part in parts) == pytest.approx(whole, rel=1e-15)
    assert parts[0].product == pytest.approx(parts[0].value, rel=1e-15)
    assert "o2" not in str(parts[0]).split("\n\n")[0]
    assert re.search(r"flows from E through o to w1: −0.0005922\.$", str(parts[0]))


def test_the_part_that_flows_through_an_array() -> None:
    x = np.array([[1.0, -2.0]])
    W, V = Tensor([[0.5, 0.2], [0.1, -0.3]], label="W"), Tensor([[1.0], [2.0]], label="V")
    h = np.tanh(x @ W)
    a: Any = np.sin(h @ V)
    b: Any = np.cos(h)
    L: Any = np.sum(a) + np.sum(b)
    whole = explain(L, W).value
    parts = [explain(L, W, through=node).value for node in (a, b)]
    np.testing.assert_allclose(parts[0] + parts[1], whole, rtol=1e-14)
    names = {"x": x, "W": W.data, "V": V.data, "h": h.data, "b": b.data, "np": np}
    exec(explain(L, W, through=b).numpy, names)
    np.testing.assert_allclose(names["dW"], parts[1], rtol=1e-14)


def test_what_is_not_between_is_told() -> None:
    E, w1, _, _ = forked()
    stranger = Value(2.0, label="s")
    with pytest.raises(ValueError, match="node was not computed from through"):
        explain(E, w1, through=stranger)
    with pytest.raises(TypeError, match="a Value or Tensor, not float"):
        explain(E, w1, through=2.0)
    w2 = next(node for node in topological_order(E) if node.label == "w2")
    assert explain(E, w1, through=w2).value == 0.0


def unrolled(steps: int) -> tuple[Any, Tensor, Tensor]:
    rng = np.random.default_rng(0)
    W, U = Tensor(rng.normal(size=(2, 3)), label="W"), Tensor(rng.normal(size=(3, 3)), label="U")
    h: Any = Tensor(np.zeros((1, 3)), label="h0")
    for t in range(1, steps + 1):
        z: Any = Tensor(rng.normal(size=(1, 2)), label=f"x{t}") @ W + h @ U
        z.label = f"z{t}"
        h = np.tanh(z)
        h.label = f"h{t}"
    return np.sum(h**2), W, U


def test_a_recurrent_weight_receives_a_sum_over_time() -> None:
    L, W, U = unrolled(12)
    assert "= sum over t = 1 … 12 of x_tᵀ δ_z_t " in str(explain(L, W))
    assert "= sum over t = 1 … 12 of h_{t−1}ᵀ δ_z_t " in str(explain(L, U))
    assert r"\sum_{t=1}^{12} h_{t-1}^{\top} \, \delta_{z_{t}}" in explain(L, U).latex
    assert "sum over" not in str(explain(unrolled(2)[0], W))
    assert explain(L, U).numpy.count(".T @ dz") == 12  # NumPy says each


def test_a_table_has_what_the_text_has() -> None:
    E, w1, _, _ = forked()
    rows = explain(E, w1).table.splitlines()
    assert rows[:2] == ["|  | formula | value |", "| --- | --- | --- |"]
    assert all(row.count(" | ") == 2 for row in rows)
    assert "| w1 |  | 0.15 |" in rows
    assert any("·(1 − " in row and row.endswith(" |") for row in rows)
    assert explain(E, E).table.count("\n") == 2
