"""Module: something with parameters and a forward pass.

>>> import numpy as np
>>> from autograd_mini import Tensor
>>> class Scale(Module):
...     def __init__(self):
...         self.factor = Tensor([1.0, 2.0], label="factor")
...     def forward(self, x):
...         return x * self.factor
>>> layer = Scale()
>>> layer(np.array([3.0, 3.0])).data
array([3., 6.])
>>> [name for name, parameter in layer.named_parameters()]
['factor']
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from autograd_mini import Tensor, Value

Parameter = Tensor | Value


class Module:
    """The base of all layers and models.

    A subclass sets its parameters and parts as attributes and defines ``forward``.  A leaf
    Tensor, a leaf Value and every Value in an object array is a parameter; Modules are parts,
    also in lists, tuples and dicts.  Attributes whose name begins with an underscore, and
    nodes that were computed from others, are neither.
    """

    def forward(self, x: Any) -> Any:
        """The output for an input; what a call of the Module gives."""
        raise NotImplementedError(
            f"{type(self).__name__} has no forward pass: define forward(self, x)"
        )

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        return self.forward(*inputs, **options)

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Each parameter once, with its dotted name, in the order of definition.

        The name is the way to it: ``layers.0.weight``, or ``layers.0.weight[1,2]`` for a
        Value in an array.
        """
        for name, part in _parts(self, "", set()):
            if not isinstance(part, Module):
                yield name, part

    def parameters(self) -> list[Parameter]:
        """Each parameter once, in the order of ``named_parameters``."""
        return [parameter for _, parameter in self.named_parameters()]

    def modules(self) -> Iterator[Module]:
        """The Module itself and every Module inside it, each once, outer before inner."""
        for _, part in _parts(self, "", set()):
            if isinstance(part, Module):
                yield part

    def zero_grad(self) -> None:
        """Set the gradient of each parameter to zero."""
        for parameter in self.parameters():
            parameter.zero_grad()

    def __repr__(self) -> str:
        name = type(self).__name__
        inside = [(n, p) for n, p in _children(self) if isinstance(p, Module)]
        if inside:
            lines = [f"({n.rpartition('.')[2]}): {p!r}".replace("\n", "\n  ") for n, p in inside]
            return f"{name}(\n  " + "\n  ".join(lines) + "\n)"
        shapes = [f"{n}: {np.shape(p)}" for n, p in vars(self).items() if _is_parameter(p)]
        return f"{name}({', '.join(shapes)})"


def _is_parameter(thing: Any) -> bool:
    return isinstance(thing, Tensor | Value) and not thing.parents


def _parts(thing: Any, name: str, seen: set[int]) -> Iterator[tuple[str, Any]]:
    """A Module, all Modules and all parameters inside it, each once, with their names."""
    if not isinstance(thing, Module) and not _is_parameter(thing):
        return
    if id(thing) in seen:
        return
    seen.add(id(thing))
    yield name, thing
    if isinstance(thing, Module):
        for child, part in _children(thing):
            yield from _parts(part, f"{name}.{child}" if name else child, seen)


def _children(module: Module) -> Iterator[tuple[str, Any]]:
    """What a Module's public attributes hold, by name; containers are looked into."""
    for name, value in vars(module).items():
        if not name.startswith("_"):
            yield from _contents(value, name)


def _contents(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _contents(item, f"{name}.{index}")
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _contents(item, f"{name}.{key}")
    elif isinstance(value, np.ndarray) and value.dtype == object:
        for place in np.ndindex(value.shape):
            yield f"{name}[{','.join(map(str, place))}]", value[place]
    else:
        yield name, value
