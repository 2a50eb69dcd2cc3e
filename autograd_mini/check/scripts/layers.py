"""Layers in a file: pairs of a forward and a backward pass, by their names, and losses that return
their gradients.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograd_mini.check.lines.claims import is_gradient_name
from autograd_mini.check.lines.instrument import HANDED
from autograd_mini.check.lines.program import Site
from autograd_mini.check.lines.source import Place
from autograd_mini.check.refusal import CannotTell
from autograd_mini.check.scripts.execution import Execution, File
from autograd_mini.check.scripts.text import Cell
from autograd_mini.check.steps.variables import Held

_FORWARD = re.compile(r"forward|fwd")
_LOSS = re.compile(r"loss|cost", re.I)
_ALL_GRADIENTS = re.compile(r"d?grad(ient)?s?", re.I)


@dataclass(frozen=True)
class Layer:
    """A forward and a backward pass.

    Attributes:
        forward, backward: what they are called; no name where one returns ``loss, gradients``.
        owner: the class; empty where they are functions.
        parameters: the arguments of the forward pass that have no default.
        place: where the forward pass is defined.
    """

    forward: str
    backward: str
    owner: str
    parameters: tuple[str, ...]
    place: Place

    @property
    def name(self) -> str:
        """What the layer's forward pass is called, with its class."""
        return f"{self.owner}.{self.forward}".lstrip(".")

    @property
    def words(self) -> str:
        """What is said of it."""
        gradients = f" and {self.backward}" if self.backward else ", which returns its gradients"
        return f"{self.name}{gradients}"


def layers_in(cells: Sequence[Cell]) -> list[Layer]:
    r"""The pairs at the top of a file whose names are alike but for forward and backward, and the
    functions there that return a loss and its gradients.

    >>> cell = Cell("f.py", "def relu_forward(x): ...\ndef relu_backward(d, x): ...")
    >>> [(layer.forward, layer.parameters) for layer in layers_in([cell])]
    [('relu_forward', ('x',))]
    >>> cell = Cell("f.py", "def hinge_loss(W, x, y):\n    ...\n    return loss, dW")
    >>> [(layer.words, layer.parameters) for layer in layers_in([cell])]
    [('hinge_loss, which returns its gradients', ('W', 'x', 'y'))]
    """
    top = [(cell, node) for cell in cells for node in cell.tree.body]
    functions = [(cell, node) for cell, node in top if isinstance(node, ast.FunctionDef)]
    found = list(_pairs(functions, ""))
    found += [
        Layer(loss.name, "", "", _required(loss), (cell.name, loss.lineno, loss.col_offset))
        for cell, loss in functions
        if _returns_gradients(loss)
    ]
    for cell, node in top:
        if isinstance(node, ast.ClassDef):
            methods = [(cell, n) for n in node.body if isinstance(n, ast.FunctionDef)]
            found += _pairs(methods, node.name)
    return found


def _pairs(functions: Sequence[tuple[Cell, ast.FunctionDef]], owner: str) -> Iterator[Layer]:
    known = {node.name for _, node in functions}
    for cell, node in functions:
        other = node.name.replace("forward", "backward").replace("fwd", "bwd")
        if other == node.name or other not in known or not _FORWARD.search(node.name):
            continue
        required = _required(node)
        static = any(ast.unparse(one) == "staticmethod" for one in node.decorator_list)
        parameters = required if not owner or static else required[1:]
        if static and parameters[:1] == ("ctx",):
            parameters = parameters[1:]
        yield Layer(node.name, other, owner, parameters, (cell.name, node.lineno, node.col_offset))


def _required(node: ast.FunctionDef) -> tuple[str, ...]:
    """The arguments that have no default."""
    names = [argument.arg for argument in node.args.args]
    return tuple(names[: len(names) - len(node.args.defaults)])


def _returns_gradients(node: ast.FunctionDef) -> bool:
    """Whether a function returns ``loss, dW, …`` or ``cost, grads``, by the names."""
    own = [inner for inner in ast.walk(node) if isinstance(inner, ast.Return)]
    items = [inner.value.elts for inner in own if isinstance(inner.value, ast.Tuple)]
    return bool(items) and all(
        len(parts) > 1
        and len(items) == len(own)
        and _LOSS.search(f"{node.name} {ast.unparse(parts[0])}") is not None
        and all(_is_gradient(ast.unparse(part), node) for part in parts[1:])
        for parts in items
    )


def _is_gradient(name: str, node: ast.FunctionDef) -> bool:
    arguments = [argument.arg for argument in node.args.args]
    return _ALL_GRADIENTS.fullmatch(name) is not None or any(
        name != of and is_gradient_name(name, of) for of in arguments
    )


@dataclass
class _Calls:
    """The arguments of the first call of each layer's forward pass."""

    layers: Sequence[Layer]
    found: dict[Layer, dict[str, Held]] = field(default_factory=dict)
    _closed: set[Layer] = field(default_factory=set)

    def listen(self, site: Site, name: str, value: object) -> None:
        """A function was handed an argument, or a statement made a value."""
        for layer in self.layers:
            if layer in self._closed:
                continue
            if site.slot == HANDED and site.place == layer.place:
                values = self.found.setdefault(layer, {})
                if name in values:  # the second call
                    self._closed.add(layer)
                else:
                    values[name] = value.copy() if isinstance(value, np.ndarray) else value


def layers_with_inputs(
    file: File, inputs: str | None, chosen: str | None, seed: int
) -> list[tuple[Layer, object, object, list[Any], str]]:
    """The layers of a file, with what they are called with, and in words where that comes from.

    Arguments:
        file: the file.
        inputs: the shapes of inputs, ``"x=6x4,w=4x3,rate=scalar"``; where there are none, those
            count with which the file itself calls the layers.
        chosen: the name of a layer, or a part of it, where not all are meant.
        seed: of random inputs.

    Raises:
        CannotTell: there is none, or no inputs are known.
    """
    every = layers_in(file.cells)
    layers = [layer for layer in every if chosen is None or chosen in layer.name]
    if not layers:
        names = (
            f"its layers are {', '.join(layer.name for layer in every)}"
            if every
            else (
                "none is there: a layer is two functions, affine_forward and affine_backward, a "
                "class with forward and backward, or a function that returns loss, dW"
            )
        )
        asked = f" whose name has {chosen!r} in it" if chosen else ""
        raise CannotTell(f"the file has no layer{asked}; {names}")
    execution, calls = Execution(file), _Calls(layers)
    execution.run(listen=calls.listen)
    given = random_inputs(inputs, seed) if inputs else {}
    found = []
    for layer in layers:
        values = given if inputs else calls.found.get(layer, {})
        if not set(layer.parameters) <= set(values) or not layer.parameters:
            continue
        if layer.owner:
            holder = execution.namespace[layer.owner]
            if "self" in values:
                holder = values["self"]
            forward, backward = getattr(holder, layer.forward), getattr(holder, layer.backward)
        else:
            forward = execution.namespace[layer.forward]
            backward = execution.namespace[layer.backward] if layer.backward else None
        arguments = [values[name] for name in layer.parameters]
        shapes = written_inputs(inputs or "").items()
        own = ", ".join(f"{name}={what}" for name, what in shapes if name in layer.parameters)
        where = f"of the shapes {own}" if inputs else "of its first call in the file"
        found.append((layer, forward, backward, arguments, where))
    if not found:
        names = ", ".join(f"{layer.forward}({', '.join(layer.parameters)})" for layer in layers)
        what = f"inputs={inputs!r} has not all of one" if inputs else "does not call them"
        raise CannotTell(
            f"the file has layers, {names}, but {what}: give the shapes of their inputs, "
            "inputs='x=6x4,w=4x3,rate=scalar' (--inputs)",
            progress=1,
        )
    return found


def random_inputs(text: str, seed: int) -> dict[str, Held]:
    """Random inputs of given shapes, whole numbers below a bound, and settings as they are written.

    Raises:
        CannotTell: one is written otherwise.

    >>> made = random_inputs("x=6x4,b=4,a=scalar,how={'mode': 'train', 'pad': 1}", 0)
    >>> {name: np.shape(value) for name, value in made.items()}, made["how"]
    ({'x': (6, 4), 'b': (4,), 'a': (), 'how': ()}, {'mode': 'train', 'pad': 1})
    >>> random_inputs("labels=6<3", 0)["labels"]
    array([2, 1, 1, 0, 0, 0])
    """
    rng = np.random.default_rng(seed)
    made: dict[str, Held] = {}
    for name, written in written_inputs(text).items():
        if written == "scalar":
            made[name] = float(rng.normal())
        elif re.fullmatch(r"\d+(x\d+)*", written):
            made[name] = rng.normal(size=_shape(written))
        elif labels := re.fullmatch(r"(\d+(?:x\d+)*)<(\d+)", written):
            made[name] = rng.integers(int(labels[2]), size=_shape(labels[1]))
        else:
            try:
                made[name] = ast.literal_eval(written)
            except (SyntaxError, ValueError):
                raise CannotTell(
                    "inputs are shapes by name, whole numbers below a bound, and settings, "
                    f"'x=6x4,rate=scalar,labels=6<3,how={{'mode': 'train'}}', not "
                    f"'{name}={written}' (--inputs)"
                ) from None
    return made


def _shape(written: str) -> tuple[int, ...]:
    return tuple(map(int, written.split("x")))


def written_inputs(text: str) -> dict[str, str]:
    """What is written for each name; a comma that a name does not follow is within a setting."""
    parts = re.split(r",(?=\s*\w+\s*=)", text)
    pairs = [part.partition("=") for part in parts]
    return {name.strip(): written.strip() for name, _, written in pairs}
