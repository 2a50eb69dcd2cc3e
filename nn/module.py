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

import inspect
from collections.abc import Iterator, Mapping
from typing import Any, Self

import numpy as np

from autograd_mini import Tensor, Value
from autograd_mini.nn.operands import Data
from autograd_mini.nn.other_libraries import MODEL
from autograd_mini.other_libraries import Elsewhere, refuse_foreign_options
from autograd_mini.typing import Array, Operand

Parameter = Tensor | Value


class Module:
    """The base of all layers and models.

    A subclass sets its parameters and parts as attributes and defines ``forward``.  A leaf
    Tensor, a leaf Value and every Value in an object array is a parameter; Modules are parts,
    also in lists, tuples and dicts.  A plain array is a buffer: not learnt, but kept with the
    parameters in ``state()``, as running statistics are.  Attributes whose name begins with an
    underscore, and nodes that were computed from others, also inside ``no_grad()``, are none of
    these.

    Attributes:
        training: whether the Module learns (the start) or is used: layers such as ``Dropout``
            and ``BatchNorm`` compute differently.  ``train()`` and ``eval()`` set it.
    """

    training: bool = True

    def __new__(cls, *inputs: Data, **options: object) -> Self:
        if options:
            refuse_foreign_options(cls, options)
        return super().__new__(cls)

    def __setattr__(self, name: str, value: object) -> None:
        before = self.__dict__.get(name)
        if before is not None and not name.startswith("_") and _holds_parameters(before):
            plain = isinstance(value, np.ndarray | np.generic | int | float | list | tuple)
            unrecorded = isinstance(value, Tensor | Value) and value.unrecorded
            if (plain or unrecorded) and not _holds_parameters(value):
                data = f"p.data = ... for each p of {name}"
                if isinstance(before, Tensor | Value):
                    data = f"{name}.data = ..."
                what = "a result of no_grad()" if unrecorded else "plain numbers"
                raise TypeError(
                    f"{type(self).__name__}.{name} is a parameter, and {what} in its place "
                    f"would not be learnt: write {data} to set its numbers"
                )
        object.__setattr__(self, name, value)

    def forward(self, x: Operand) -> Operand:
        """The output for an input; what a call of the Module gives."""
        raise NotImplementedError(
            f"{type(self).__name__} has no forward pass: define forward(self, x)"
        )

    def __call__(self, *inputs: Data, **options: object) -> Operand:
        return self.forward(*inputs, **options)

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Each parameter once, with its dotted name, in the order of definition.

        The name is the way to it: ``layers.0.weight``, or ``layers.0.weight[1,2]`` for a
        Value in an array.

        Raises:
            RuntimeError: a layer whose input size was left open has seen no input.
        """
        for name, part in _parts(self, "", set()):
            if not isinstance(part, Module):
                yield name, part
            elif part._waits:
                where = f" ({name})" if name else ""
                raise RuntimeError(
                    f"{part!r}{where} takes its size from its first input, and has seen none: "
                    "call the model once on a few samples before you ask for its parameters"
                )

    @property
    def _waits(self) -> bool:
        """Whether parameters are still to be made, by the first call."""
        return False

    def named_buffers(self) -> Iterator[tuple[str, Array]]:
        """Each buffer with its dotted name, in the order of definition.

        >>> [name for name, buffer in _Mean().named_buffers()]
        ['running']
        """
        for name, module in self.named_modules():
            for child, value in _children(module):
                if isinstance(value, np.ndarray) and value.dtype != object:
                    yield f"{name}.{child}" if name else child, value

    def named_generators(self) -> Iterator[tuple[str, np.random.Generator]]:
        """Each random Generator that a layer draws from while it runs, once, with its name."""
        seen: set[int] = set()
        for name, module in self.named_modules():
            for child, value in _children(module):
                if isinstance(value, np.random.Generator) and id(value) not in seen:
                    seen.add(id(value))
                    yield f"{name}.{child}" if name else child, value

    def train(self, mode: bool = True) -> Self:
        """Set ``training`` of the Module and all inside it; gives itself."""
        for module in self.modules():
            module.training = bool(mode)
        return self

    def eval(self) -> Self:
        """``train(False)``: dropout is off, batch normalisation uses its running statistics."""
        return self.train(False)

    def state(self) -> dict[str, Array]:
        """A copy of each parameter's and each buffer's numbers, by name.

        They come Module by Module, the parameters of each before its buffers, as in PyTorch.

        >>> _Mean().state()
        {'running': array([0., 0.])}
        """
        found = {n: np.array(parameter.data) for n, parameter in self.named_parameters()}
        buffers = {name: buffer.copy() for name, buffer in self.named_buffers()}
        places = {name: index for index, (name, _) in enumerate(self.named_modules())}

        def place(name: str) -> tuple[int, bool]:
            owner = name
            while owner not in places:
                owner = owner.rpartition(".")[0]
            return places[owner], name in buffers

        found |= buffers
        return {name: found[name] for name in sorted(found, key=place)}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take all parameters and buffers from what ``state()`` of such a Module gave.

        Nothing is changed unless everything fits.  Numbers are converted to the dtype that a
        parameter or buffer has.

        Raises:
            ValueError: a name is missing or not known, a shape differs, or numbers are of a kind
            that would lose something, such as complex ones.

        >>> _Mean().load_state({"running": [1.0]})
        Traceback (most recent call last):
        ValueError: running has shape (2,), the state gives (1,)
        """
        parameters, buffers = dict(self.named_parameters()), dict(self.named_buffers())
        own = {name: np.asarray(p.data) for name, p in parameters.items()} | buffers
        fitting = check_state(own, state)
        for name, parameter in parameters.items():
            new = fitting[name]
            parameter.data = float(new) if isinstance(parameter, Value) else new
        for name, buffer in buffers.items():
            buffer[...] = fitting[name]

    def parameters(self) -> list[Parameter]:
        """Each parameter once, in the order of ``named_parameters``."""
        return [parameter for _, parameter in self.named_parameters()]

    def named_modules(self) -> Iterator[tuple[str, Module]]:
        """The Module itself, named ``""``, and every Module inside it, each once, outer first."""
        for name, part in _parts(self, "", set()):
            if isinstance(part, Module):
                yield name, part

    def modules(self) -> Iterator[Module]:
        """Each Module once, in the order of ``named_modules``."""
        return (module for _, module in self.named_modules())

    def zero_grad(self) -> None:
        """Set the gradient of each parameter to zero."""
        for parameter in self.parameters():
            parameter.zero_grad()

    def __dir__(self) -> list[str]:
        static = inspect.getattr_static
        return [n for n in super().__dir__() if not isinstance(static(self, n, None), Elsewhere)]

    def __repr__(self) -> str:
        name = type(self).__name__
        inside = [(n, p) for n, p in _children(self) if isinstance(p, Module)]
        if inside:
            lines = [f"({n.rpartition('.')[2]}): {p!r}".replace("\n", "\n  ") for n, p in inside]
            return f"{name}(\n  " + "\n  ".join(lines) + "\n)"
        shapes = [f"{n}: {np.shape(p)}" for n, p in vars(self).items() if _is_parameter(p)]
        return f"{name}({', '.join(shapes)})"


for _name in MODEL:
    setattr(Module, _name, Elsewhere("model", _name))


def check_state(own: Mapping[str, Array], state: Mapping[str, Any]) -> dict[str, Array]:
    """A copy of each array of a state, refused unless names and shapes are one's own.

    Raises:
        ValueError: a name is missing or not known, or a shape differs.
    """
    missing = [name for name in own if name not in state]
    unknown = [name for name in state if name not in own]
    for names, what in ((missing, "lacks"), (unknown, "has, and there is no place for,")):
        if names:
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            raise ValueError(
                f"the state {what} {', '.join(names[:3])}{more}; it must come from a model or "
                "optimiser that was made the same way"
            )
    for name in own:
        if np.asarray(state[name]).dtype.kind not in "fiub":
            raise ValueError(f"{name} holds real numbers, not {np.asarray(state[name]).dtype}")
    fitting = {name: np.array(state[name], dtype=array.dtype) for name, array in own.items()}
    for name, array in own.items():
        if fitting[name].shape != array.shape:
            raise ValueError(
                f"{name} has shape {array.shape}, the state gives {fitting[name].shape}"
            )
    return fitting


class _Mean(Module):
    """A Module with a buffer, for the examples above."""

    def __init__(self) -> None:
        self.running = np.zeros(2)


def _is_parameter(thing: object) -> bool:
    return isinstance(thing, Tensor | Value) and not (thing.op or thing.unrecorded)


def _holds_parameters(value: object) -> bool:
    return any(_is_parameter(part) for _, part in _contents(value, ""))


def _parts(thing: object, name: str, seen: set[int]) -> Iterator[tuple[str, Any]]:
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


def _contents(value: object, name: str) -> Iterator[tuple[str, Any]]:
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
