"""The base of all optimisers: groups of parameters, their options, and the state of a run."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from autograd_mini import Tensor, Value
from autograd_mini.nn.module import Module, Parameter, check_state
from autograd_mini.nn.other_libraries import OPTIMISER
from autograd_mini.other_libraries import NotEvenSet, refuse_foreign_options
from autograd_mini.typing import Array


class Group(dict[str, Any]):
    """``"parameters"`` and their options by name, which may be changed but not added to."""

    def __setitem__(self, name: str, option: object) -> None:
        options = [known for known in self if known != "parameters"]
        if name not in options:
            raise ValueError(
                f"a group has no option {name!r} to change; it has {', '.join(options)}"
            )
        super().__setitem__(name, option)

    def __reduce__(self) -> tuple[type[Group], tuple[dict[str, Any]]]:
        return Group, (dict(self),)


Given = Iterable[Parameter | Mapping[str, Any]]
"""Parameters, or groups of them: dicts with ``"parameters"`` and options of their own."""

_Check = tuple[Callable[[Any], bool], str]
_FRACTION: _Check = (lambda x: 0 <= x < 1, "at least 0 and below 1")
_AMOUNT: _Check = (lambda x: 0 <= x < math.inf, "a number of at least 0")
_SWITCH: _Check = (lambda x: x in (False, True), "True or False")
_OPTIONS: dict[str, _Check] = {
    "rate": (lambda x: 0 < x < math.inf, "a positive number"),
    "momentum": _FRACTION,
    "nesterov": _SWITCH,
    "decay": _FRACTION,
    "centred": _SWITCH,
    "betas": (
        lambda pair: len(pair) == 2 and all(0 <= beta < 1 for beta in pair),
        "two numbers of at least 0 and below 1",
    ),
    "eps": _AMOUNT,
    "weight_decay": _AMOUNT,
}
"""For each option of an optimiser what it may be."""


class Option:
    """An option as an attribute: the first group's value; assigned, it is set in every group."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, optimiser: Optimiser | None, owner: type) -> Any:
        return self if optimiser is None else optimiser.groups[0][self.name]

    def __set__(self, optimiser: Optimiser, found: object) -> None:
        _check(self.name, found)
        for group in optimiser.groups:
            group[self.name] = found


class Optimiser:
    """The base of all optimisers.

    Arguments:
        parameters: leaf Tensors and Values, as ``model.parameters()`` gives them; or a list of
            dicts such as ``{"parameters": head.parameters(), "rate": 0.01}``, each a group with
            options of its own; what it does not say is as given for all.
        options: the options by name, ``rate`` among them.

    Attributes:
        groups: for each group a dict of its ``"parameters"`` and its options.  Options may be
            changed between steps: ``optimiser.groups[0]["rate"] = 0.01``.
        parameters: all parameters, in order.
        rate: the learning rate of the first group; assigned, it is set in every group.  The
            other options are attributes of the same kind.
        steps: how many steps were made.

    A subclass defines ``slots`` and ``update``.

    Raises:
        TypeError: ``parameters`` holds something that is neither a Tensor nor a Value.
        ValueError: there are none, one stands twice or is no leaf; an option is out of range or
            not known.
    """

    rate = Option()

    def __new__(cls, *given: object, **options: object) -> Self:
        if cls.__init__ is not Optimiser.__init__:
            refuse_foreign_options(cls, options)
        return super().__new__(cls)

    def __init__(self, parameters: Given, **options: object) -> None:
        name = type(self).__name__
        self.groups: list[Group] = []
        for given in _groups(parameters, name):
            for key in given:
                if key != "parameters" and key not in options:
                    raise ValueError(f"{name} has no option {key!r}; it has {', '.join(options)}")
            group = Group(options | given)
            for key in options:
                _check(key, group[key])
            if group.get("nesterov") and not group["momentum"]:
                raise ValueError(f"{name}: nesterov=True needs a momentum above 0")
            self.groups.append(group)
        self.parameters: list[Parameter] = [p for g in self.groups for p in g["parameters"]]
        if len({id(parameter) for parameter in self.parameters}) < len(self.parameters):
            raise ValueError("a parameter stands twice in the list and would be updated twice")
        self.steps = 0
        self._members = [(g, m) for g in self.groups for m in _members(g["parameters"])]
        self._kept: list[dict[str, Array]] = [{} for _ in self._members]
        scratch: dict[tuple[Any, tuple[int, ...]], tuple[Array, Array]] = {}
        self._scratch = [
            scratch.setdefault((w.dtype, w.shape), (np.empty_like(w), np.empty_like(w)))
            for w in (_array_like(member) for _, member in self._members)
        ]

    def slots(self, group: Group) -> Sequence[str]:
        """The names of the arrays that ``update`` keeps from step to step."""
        return ()

    def update(
        self, w: Array, g: Array, kept: dict[str, Array], scratch: tuple[Array, Array], group: Group
    ) -> None:
        """Update the numbers ``w`` in place by their gradient ``g``, which stays as it is.

        Arguments:
            w, g: arrays of one shape: those of a Tensor, or of all Values in one.
            kept: for each slot an array of this shape, zero before the first step, to be
                written in place.
            scratch: two arrays of this shape to be used at will.
            group: the options.
        """
        raise NotImplementedError(f"{type(self).__name__} has no update: define update(...)")

    def reads_gradient_first(self, group: Group) -> bool:
        """Whether ``update`` has done with the gradient when it writes to ``scratch[1]``."""
        return False

    def step(self, *, spend_gradients: bool = False) -> None:
        """Update each parameter in place by its ``grad``.

        Arguments:
            spend_gradients: do what ``zero_grad()`` does as well; the arrays of the gradients
                may then serve as scratch memory, which saves time where weights are many.
        """
        self.steps += 1
        self._make_slots()
        for (group, member), kept, scratch in zip(
            self._members, self._kept, self._scratch, strict=True
        ):
            if isinstance(member, Tensor):
                data, gradient = member.data, member.grad
                spent = spend_gradients and gradient.flags.writeable
                if spent and self.reads_gradient_first(group):
                    scratch = scratch[0], gradient
                self.update(data, gradient, kept, scratch, group)
                member.data = data  # tells the Tensor that it was written to
            else:
                numbers = np.array([value.data for value in member])
                slopes = np.array([value.grad for value in member])
                self.update(numbers, slopes, kept, scratch, group)
                for value, number in zip(member, numbers.tolist(), strict=True):
                    value.data = number
        if spend_gradients:
            self.zero_grad()

    def _make_slots(self) -> None:
        for (group, member), kept in zip(self._members, self._kept, strict=True):
            for name in self.slots(group):
                if name not in kept:
                    kept[name] = np.zeros_like(_array_like(member))

    def zero_grad(self) -> None:
        """Set the gradient of each parameter to zero; ``backward()`` adds to it."""
        for parameter in self.parameters:
            parameter.zero_grad()

    def state(self) -> dict[str, Array]:
        """A copy of all that the next steps depend on besides the parameters, by name.

        >>> from autograd_mini import Value, nn
        >>> sorted(nn.SGD([Value(1.0)], rate=0.1, momentum=0.9).state())
        ['groups.0.momentum', 'groups.0.nesterov', 'groups.0.rate', 'groups.0.weight_decay', \
'kept.0.velocity', 'steps']
        """
        return {name: np.array(array) for name, array in self._state().items()}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from what ``state()`` of an optimiser of the same kind and parameters gave.

        Raises:
            ValueError: a name is missing or not known, or a shape differs; nothing is changed.
        """
        fitting = check_state(self._state(), state)
        for name, array in fitting.items():
            what, _, rest = name.partition(".")
            if what == "steps":
                self.steps = int(array)
                continue
            index, _, key = rest.partition(".")
            if what == "kept":
                self._kept[int(index)][key][...] = array
            else:
                plain = array.tolist()
                self.groups[int(index)][key] = tuple(plain) if array.ndim else plain

    def _state(self) -> dict[str, Array]:
        self._make_slots()
        options = {
            f"groups.{i}.{key}": _as_array(group[key])
            for i, group in enumerate(self.groups)
            for key in group
            if key != "parameters"
        }
        kept = {
            f"kept.{i}.{n}": a for i, arrays in enumerate(self._kept) for n, a in arrays.items()
        }
        return {"steps": np.asarray(self.steps)} | options | kept

    def __dir__(self) -> list[str]:
        return [name for name in super().__dir__() if name not in OPTIMISER]

    def __repr__(self) -> str:
        count = sum(np.size(parameter.data) for parameter in self.parameters)
        groups = f" in {len(self.groups)} groups" if len(self.groups) > 1 else ""
        options = [f"{k}={v}" for k, v in self.groups[0].items() if k != "parameters"]
        return f"{type(self).__name__}({count} numbers{groups}, {', '.join(options)})"


for _name in OPTIMISER:
    setattr(Optimiser, _name, NotEvenSet("optimiser", _name))


def _array_like(member: Tensor | list[Value]) -> Array:
    """An array of the shape, dtype and memory order that updates of this member have."""
    return member.data if isinstance(member, Tensor) else np.empty(len(member))


def _as_array(option: ArrayLike) -> Array:
    """An option of a group; a number as a float, since another one may take its place."""
    return np.asarray(option) if isinstance(option, bool) else np.asarray(option, np.float64)


def _check(name: str, found: object) -> None:
    if name not in _OPTIONS:  # of a subclass
        return
    right, words = _OPTIONS[name]
    try:
        if right(found):
            return
    except (TypeError, ValueError):
        pass
    raise ValueError(f"{name} is {words}, not {found!r}")


def _members(parameters: list[Parameter]) -> Iterator[Tensor | list[Value]]:
    """Each Tensor, and all Values together, which are updated as one array."""
    yield from (parameter for parameter in parameters if isinstance(parameter, Tensor))
    values = [parameter for parameter in parameters if isinstance(parameter, Value)]
    if values:
        yield values


def _groups(parameters: Iterable[Any], what: str) -> list[dict[str, Any]]:
    if isinstance(parameters, Iterable) and not isinstance(parameters, Module | Tensor | Value):
        parameters = list(parameters)
        if parameters and all(isinstance(group, Mapping) for group in parameters):
            for group in parameters:
                if "parameters" not in group:
                    raise ValueError(
                        f'{what}: a group is a dict with "parameters", not with '
                        f"{', '.join(map(repr, group)) or 'nothing'} alone"
                    )
            return [
                {**g, "parameters": checked_parameters(g["parameters"], what)} for g in parameters
            ]
    return [{"parameters": checked_parameters(parameters, what)}]


def checked_parameters(parameters: Iterable[object], what: str) -> list[Parameter]:
    if isinstance(parameters, Module):
        raise TypeError(
            f"{what} takes parameters, not a model: write {what}(model.parameters(), ...)"
        )
    if isinstance(parameters, Tensor | Value):
        raise TypeError(f"{what} takes a list of parameters: write {what}([w], ...)")
    found: list[Parameter] = []
    for parameter in parameters:
        if not isinstance(parameter, Tensor | Value):
            raise TypeError(
                f"a parameter is a Tensor or a Value, not {type(parameter).__name__}; "
                "model.parameters() lists those of a model"
            )
        if parameter.op:
            raise ValueError(
                f"the result of {parameter.op} is no parameter: an update of it would be lost; "
                "give the leaves that it was computed from"
            )
        found.append(parameter)
    if not found:
        raise ValueError(f"{what} got no parameters")
    return found
