"""A network of neurons in layers, as data: of a model's parameters, or of the graph of a loss.

>>> from autograd_mini import Value
>>> x, w1, w2 = (Value(v, label=n) for n, v in (("x", 2.0), ("w1", 0.5), ("w2", -1.0)))
>>> h = (w1 * x).tanh()
>>> found = network_of_graph((w2 * h - 1) ** 2, {})
>>> [[neuron.name for neuron in column.neurons] for column in found.columns]
[['x'], ['v1'], ['v2']]
>>> [between.names for between in found.weights]
[(('w1',),), (('w2',),)]
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from autograd_mini.core.graph import data_of, topological_order
from autograd_mini.core.operation import ArrayOperation
from autograd_mini.core.tensor import Tensor
from autograd_mini.core.value import Value
from autograd_mini.operations.elementwise import WeightedSum
from autograd_mini.show.layers import is_input_name
from autograd_mini.show.names import Variables, free_names, names_of
from autograd_mini.show.plan import Model
from autograd_mini.show.recorded import NODES, Node
from autograd_mini.typing import Array, Operand

_INDEX = re.compile(r"(.*)\[(\d+(?:,\d+)?)\]")


@dataclass(frozen=True)
class Neuron:
    """One circle.

    Arguments:
        name: what it is called; mostly empty in a network over arrays.
        rows: what stands in it, such as ``("net", 0.38)`` and ``("out", 0.59)``.
        bias: the name, the value and the gradient of its bias, if it has one.
    """

    name: str = ""
    rows: tuple[tuple[str, float], ...] = ()
    bias: tuple[str, float, float] | None = None


@dataclass(frozen=True)
class Column:
    """The neurons of a layer, from top to bottom.

    Arguments:
        neurons: the layer.
        name: what the user's code calls it, or nothing.
        activation: the name of its activation, or nothing.
        title: what it is in its network, such as ``hidden 2``.
    """

    neurons: tuple[Neuron, ...]
    name: str = ""
    activation: str = ""
    title: str = ""


@dataclass(frozen=True)
class Weights:
    """The weights between two columns, NaN where there is none.

    Arguments:
        values, gradients: arrays of shape (neurons on the left, neurons on the right).
        names: of each weight, or nothing.
    """

    values: Array
    gradients: Array
    names: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class Network:
    """Columns of neurons, and the weights between one and the next."""

    title: str
    columns: tuple[Column, ...]
    weights: tuple[Weights, ...]


def network_of_model(model: Model, title: str = "") -> Network:
    """The network whose layers have the model's matrices as weights.

    Arguments:
        model: what has ``named_parameters()``: Tensors, or Values whose names end in an index.
        title: what stands above it.

    Raises:
        ValueError: it has no matrix, or one that does not begin where the last one ends.
    """
    matrices: list[tuple[str, Array, Array]] = []
    biases: dict[int, tuple[str, Array, Array]] = {}
    for name, values, gradients in _arrays(model):
        if values.ndim == 2:
            matrices.append((name, values, gradients))
        elif values.ndim == 1 and matrices and _layer(name) == _layer(matrices[-1][0]):
            biases[len(matrices)] = name, values, gradients
    if not matrices:
        raise ValueError(
            f"{type(model).__name__} has no matrix of weights, of which a network is drawn: draw "
            "the graph of what it computes (draw(model(x)))"
        )
    for (first, before, _), (second, after, _) in pairwise(matrices):
        if before.shape[1] != after.shape[0]:
            raise ValueError(
                f"a network is drawn of layers one after the other: {second} of shape "
                f"{after.shape} does not take what {first} of shape {before.shape} gives; draw "
                "the graph of what the model computes (draw(model(x)))"
            )
    columns = [Column((Neuron(),) * matrices[0][1].shape[0])]
    for i, (name, values, _) in enumerate(matrices, 1):
        neurons = [Neuron()] * values.shape[1]
        if i in biases:
            called, value, gradient = biases[i]
            neurons = [
                Neuron(bias=(f"{stem_of(called)}[{j}]", float(value[j]), float(gradient[j])))
                for j in range(len(value))
            ]
        columns.append(Column(tuple(neurons), activation=_activation(model, _layer(name))))
    weights = tuple(Weights(values, gradients) for _, values, gradients in matrices)
    sizes = "-".join(str(len(column.neurons)) for column in columns)
    return Network(title or f"Network {sizes}", _titled(columns), weights)


def _titled(columns: Sequence[Column]) -> tuple[Column, ...]:
    """The columns with their titles: input, hidden and output."""
    hidden = len(columns) - 2
    titles = ["input", *(f"hidden {i + 1}" if hidden > 1 else "hidden" for i in range(hidden))]
    pairs = zip(columns, [*titles, "output"], strict=True)
    return tuple(replace(column, title=title) for column, title in pairs)


def _activation(model: Model, layer: str) -> str:
    """The activation that a layer names, as those of ``nn`` do."""
    part: object = model
    for name in filter(None, layer.split(".")):
        is_place = name.isdigit() and isinstance(part, Sequence)
        part = part[int(name)] if is_place else getattr(part, name, None)  # type: ignore[index]
    given = getattr(part, "activation", "")
    found = given if isinstance(given, str) else getattr(given, "__name__", "")
    return "" if found == "identity" else found


def _arrays(model: Model) -> Iterator[tuple[str, Array, Array]]:
    """Each parameter as an array, with its gradient; the numbers of one array together."""
    together: dict[str, dict[tuple[int, ...], Node]] = {}
    for name, parameter in model.named_parameters():
        index = _INDEX.fullmatch(name)
        if index and np.ndim(parameter.data) == 0:
            place = tuple(map(int, index[2].split(",")))
            together.setdefault(index[1], {})[place] = parameter
        elif isinstance(parameter, Tensor):
            yield name, parameter.data, parameter.grad
    for name, elements in together.items():
        shape = tuple(np.max(list(elements), axis=0) + 1)
        values, gradients = np.zeros(shape), np.zeros(shape)
        for place, value in elements.items():
            values[place], gradients[place] = value.data, value.grad
        yield name, values, gradients


def _layer(name: str) -> str:
    return name.rpartition(".")[0]


def stem_of(name: str) -> str:
    """A dotted name's last part."""
    return name.rpartition(".")[2]


def network_of_graph(root: Node, held: Variables) -> Network:
    """The network that a loss was computed by: its neurons with their values, its weights.

    A neuron is a sum of products of a parameter and an input or another neuron, and the
    activation of that sum; over arrays, a product of matrices with its bias and activation.

    Arguments:
        root: a loss, or any node above the neurons.
        held: what ``variables`` gives.

    Raises:
        ValueError: there are no neurons, or a weight leaps over a layer.
    """
    order = topological_order(root)
    names = dict(zip(map(id, order), names_of(order, held), strict=True))
    made = _of_arrays(order, names, held) if isinstance(root, Tensor) else _of_values(order, names)
    if made is None:
        raise ValueError(
            "view='network' finds no layers of neurons in this graph, which are sums of weights "
            "times inputs: label the weights, or draw the graph itself (view='both')"
        )
    label = names[id(root)]
    title = f"{label or 'loss'} = {float(np.asarray(root.data).flat[0]):.4g}"
    columns, weights = made
    return Network(title, _titled(columns), weights)


# Over arrays

Made = tuple[tuple[Column, ...], tuple[Weights, ...]]


def _of_arrays(order: Sequence[Node], names: Mapping[int, str], held: Variables) -> Made | None:
    columns: list[Column] = []
    weights: list[Weights] = []
    users: dict[int, list[Node]] = {}
    for node in order:
        for parent in node.parents:
            users.setdefault(id(parent), []).append(node)
    for node in order:
        parts = _product(node)
        if parts is None:
            continue
        source, matrix, turned = parts
        values, gradients = (np.asarray(a) for a in (matrix.data, matrix.grad))
        if turned:
            values, gradients = values.T, gradients.T
        activity = np.asarray(data_of(source))
        if not columns:
            name = names.get(id(source)) or held.get(id(source)) or ""
            columns.append(Column(_neurons(activity, turned, values.shape[0], None), name))
        elif len(columns[-1].neurons) != values.shape[0]:
            return None
        bias = next((p for p in node.parents[2:] if _is_leaf(p)), None)
        top: Node = node
        for user in users.get(id(node), ()):
            others = [p for p in user.parents if p is not node]
            is_sum = user.operation is not None and user.operation.symbol == "+"
            if bias is None and is_sum and len(others) == 1 and _is_leaf(others[0]):
                bias, top = others[0], user
        for user in users.get(id(top), ()):
            if user.operation is not None and user.operation.activates:
                top = user
        activates = top.operation is not None and top.operation.activates
        neurons = _neurons(np.asarray(top.data), turned, values.shape[1], bias)
        columns.append(Column(neurons, names[id(top)], top.op if activates else ""))
        weights.append(Weights(values, gradients))
    return (tuple(columns), tuple(weights)) if weights else None


def _product(node: Node) -> tuple[Any, Any, bool] | None:
    """What goes in, the matrix, and whether it stands on the left; for products with a leaf."""
    if node.operation is None or isinstance(node, Value) or len(node.parents) < 2:
        return None
    left, right = node.parents[:2]
    is_product = node.operation.symbol == "@"
    if _is_leaf(right) and np.ndim(right.data) == 2:
        opened = len(node.parents) == 3 and isinstance(node.operation, ArrayOperation)
        shapes = np.shape(data_of(left))[-1:], node.shape[-1:]
        with_bias = opened and shapes == tuple((size,) for size in np.shape(right.data))
        return (left, right, False) if is_product or with_bias else None
    if is_product and _is_leaf(left) and np.ndim(left.data) == 2:
        return right, left, True
    return None


def _is_leaf(operand: Operand) -> bool:
    return isinstance(operand, NODES) and not operand.parents


def _neurons(activity: Array, turned: bool, count: int, bias: Node | None) -> tuple[Neuron, ...]:
    """Neurons with the activity of the first sample."""
    samples = activity.T if turned else activity
    first = samples.reshape(-1, samples.shape[-1])[0] if samples.ndim else samples.reshape(1)
    biases: list[tuple[str, float, float] | None] = [None] * count
    if bias is not None and np.size(bias.data) == count:
        called = bias.label or "b"
        pairs = zip(np.ravel(bias.data), np.ravel(bias.grad), strict=True)
        biases = [(f"{called}[{j}]", float(v), float(g)) for j, (v, g) in enumerate(pairs)]
    if len(first) != count:
        first = np.full(count, np.nan)
    return tuple(Neuron("", (("", float(a)),), b) for a, b in zip(first, biases, strict=True))


# Over Values

Key = int | str
"""What tells an input from others: the ``id`` of a node, or a name for a number."""

Term = Node | tuple[Operand, ...]
"""A term of a sum: a node, or two factors of a weighted sum."""


@dataclass
class _Found:
    """A neuron of Values: its sum, what it gives, and the weights of what goes in."""

    net: Value
    out: Value
    inputs: dict[Key, Value]
    bias: Node | None
    column: int = 0


def _of_values(order: Sequence[Node], names: Mapping[int, str]) -> Made | None:
    neurons = _sums(order, names)
    if not neurons:
        return None
    by_node = {id(node): one for one in neurons for node in (one.net, one.out)}
    inputs: dict[Key, Value | float] = {}
    for one in neurons:
        above = [by_node[key].column for key in one.inputs if key in by_node]
        one.column = 1 + max(above, default=0)
        for key, weight in one.inputs.items():
            if key not in by_node:
                inputs.setdefault(key, _other(one, weight, key, order))
            elif by_node[key].column != one.column - 1:
                return None
    called = {key: names.get(key, "") if isinstance(key, int) else "" for key in inputs}
    places = sorted(inputs, key=lambda key: _natural(called[key] or str(key)))
    free = free_names("v", set(names.values()))
    columns = [Column(tuple(_input(inputs[key], called[key]) for key in places))]
    weights = []
    rows: list[Any] = places
    for column in range(1, 1 + max(one.column for one in neurons)):
        here = [one for one in neurons if one.column == column]
        here.sort(key=lambda one: _natural(_name(one, names)))
        activations = {one.out.op if one.out is not one.net else "" for one in here}
        activation = activations.pop() if len(activations) == 1 else ""
        named = tuple(_neuron(one, names, free) for one in here)
        columns.append(Column(named, activation=activation))
        values = np.full((len(rows), len(here)), np.nan)
        gradients = np.full_like(values, np.nan)
        labels = [[""] * len(here) for _ in rows]
        for j, one in enumerate(here):
            for i, row in enumerate(rows):
                keys = (id(row.net), id(row.out)) if isinstance(row, _Found) else (row,)
                for weight in (one.inputs[key] for key in keys if key in one.inputs):
                    values[i, j], gradients[i, j] = weight.data, weight.grad
                    labels[i][j] = names[id(weight)]
        weights.append(Weights(values, gradients, tuple(map(tuple, labels))))
        rows = list(here)
    return tuple(columns), tuple(weights)


def _sums(order: Sequence[Node], names: Mapping[int, str]) -> list[_Found]:
    """The sums of products with a parameter, in topological order."""
    users: dict[int, list[Node]] = {}
    for node in order:
        for parent in node.parents:
            if isinstance(parent, NODES):
                users.setdefault(id(parent), []).append(node)
    within = {
        id(node)
        for node in order
        if not names[id(node)] and [_is_sum(user) for user in users.get(id(node), ())] == [True]
    }
    found = []
    for node in order:
        if id(node) in within or not isinstance(node, Value):
            continue
        terms = list(_terms(node, within))
        pairs = [pair for pair in (_weighted(term, names) for term in terms) if pair is not None]
        rest = [
            term for term in terms if not isinstance(term, tuple) and _weighted(term, names) is None
        ]
        leaves = [term for term in rest if _is_leaf(term)]
        if not pairs or len(leaves) > 1 or len(leaves) < len(rest):
            continue
        inputs = {_key(source, place): weight for place, (weight, source) in enumerate(pairs)}
        out = node
        for user in users.get(id(node), ()):
            if user.operation is not None and user.operation.activates:
                out = user  # type: ignore[assignment]
        found.append(_Found(node, out, inputs, leaves[0] if leaves else None))
    return found


def _is_sum(node: Node) -> bool:
    return node.operation is not None and node.operation.symbol == "+"


def _terms(node: Node, within: set[int]) -> Iterator[Term]:
    """The terms of a sum, through sums without a name; each a node or a pair of factors."""
    waiting: list[Any] = [node]
    while waiting:
        one = waiting.pop()
        is_part = one is node or (isinstance(one, NODES) and id(one) in within)
        if is_part and isinstance(one.operation, WeightedSum):
            bias, *rest = one.parents
            waiting += list(zip(rest[::2], rest[1::2], strict=True))[::-1]
            if isinstance(bias, NODES):
                yield bias
        elif is_part and _is_sum(one):
            waiting += [parent for parent in one.parents if isinstance(parent, NODES)][::-1]
        else:
            yield one


def _weighted(term: Term, names: Mapping[int, str]) -> tuple[Value, Any] | None:
    """The weight and the input of a term; ``None`` if it is no product with a parameter."""
    if isinstance(term, tuple):
        factors = term
    elif term.operation is not None and term.operation.symbol == "*":
        factors = term.parents
    else:
        return None
    weights = [f for f in factors if _is_leaf(f) and not is_input_name(names[id(f)])]
    if not weights:
        return None
    weight = weights[0]
    (source,) = (f for f in factors if f is not weight) if factors[0] is not factors[1] else (None,)
    return None if source is None else (weight, source)


def _key(source: Operand, place: int) -> Key:
    """What tells an input from others: the node, or of a number which term it is of."""
    return id(source) if isinstance(source, NODES) else f"x{place}"


def _other(one: _Found, weight: Value, key: Key, order: Sequence[Node]) -> Value | float:
    """The input that is multiplied by a weight."""
    for node in order:
        for left, right in pairwise(node.parents):
            for factor, source in ((left, right), (right, left)):
                if factor is weight and (id(source) == key or not isinstance(source, NODES)):
                    found: Value | float = source
                    return found
    return float("nan")


def _input(given: Value | float, name: str) -> Neuron:
    return Neuron(name, (("", float(getattr(given, "data", given))),))


def _name(one: _Found, names: Mapping[int, str]) -> str:
    """What a neuron is called: what the names of its sum and of its output share at the end."""
    net, out = names[id(one.net)], names[id(one.out)]
    words = [name.split("_") for name in (net, out)]
    shared = [a for a, b in zip(*(reversed(one) for one in words), strict=False) if a == b]
    if net != out and shared:
        return "_".join(reversed(shared))
    return out or net


def _neuron(one: _Found, names: Mapping[int, str], free: Iterator[str]) -> Neuron:
    bias = None
    if one.bias is not None:
        bias = names[id(one.bias)], float(one.bias.data), float(one.bias.grad)
    rows = [("net", float(one.net.data))] if one.net is not one.out else []
    rows.append(("out", float(one.out.data)))
    return Neuron(_name(one, names) or next(free), tuple(rows), bias)


def _natural(name: str) -> tuple[tuple[str, int], ...]:
    """A key by which h2 comes before h10."""
    return tuple((text, int(digits or 0)) for text, digits in re.findall(r"(\D*)(\d*)", name))
