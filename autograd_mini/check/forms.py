"""Parameters and gradients in the forms that people keep them in: by name, in lists, nested.

Whatever they are, each array and number among them gets a name, and so does its gradient.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from autograd_mini.check.lines.by_name import Arguments, ByName
from autograd_mini.trees import leaves, rebuild
from autograd_mini.typing import Function, Tree

Way = Literal["by name", "whole", "one by one"]
"""How a function is handed parameters: ``f(**params)``, ``f(params)``, ``f(*params)``."""


@dataclass(frozen=True)
class Form:
    """Parameters as a loss takes them.

    Attributes:
        params: the parameters, a tree.
        way: how the loss is handed them.
        top: a name for each of its branches; of what is handed over whole for all of it.

    >>> form = form_of(lambda layers: None, [{"W": 1.0}, {"W": 2.0}])
    >>> form.way, form.names
    ('whole', ("layers[0]['W']", "layers[1]['W']"))
    >>> form_of(lambda p: None, {"W": [1.0, 2.0], "b": 3.0}).names
    ('W[0]', 'W[1]', 'b')
    """

    params: Tree
    way: Way
    top: tuple[str, ...]

    @property
    def branches(self) -> list[Tree]:
        """What has a name of its own: the values of a dict, the items of what is handed over one
        by one, or all.
        """
        if isinstance(self.params, Mapping):
            return list(self.params.values())
        return list(self.params) if self.way == "one by one" else [self.params]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the arrays and numbers, in order."""
        return tuple(_names(self.branches, self.top))

    @property
    def values(self) -> dict[str, Tree]:
        """The arrays and numbers by their names."""
        return dict(zip(self.names, leaves(self.params), strict=True))

    def handed(self, way: Way) -> Callable[[Mapping[str, Any]], Arguments]:
        """What makes arguments of the numbers by name."""

        def arguments(by_name: Mapping[str, Any]) -> Arguments:
            tree = rebuild(self.params, (by_name[name] for name in self.names))
            if way == "by name":
                return (), tree
            if way == "whole":
                return (tree,), {}
            return tuple(tree.values() if isinstance(tree, Mapping) else tree), {}

        return arguments

    def function(self, function: Function) -> Function:
        """The loss, to be called by name."""
        if self.way == "by name" and self.names == self.top:
            return function
        return ByName(function, self.handed(self.way))

    def manual(self, function: Function) -> Function:
        """What derives gradients, to be called by name, whatever its arguments are called.

        Raises:
            TypeError: it does not take the parameters.
        """
        ways: list[Way] = [self.way, *(w for w in _WAYS if w != self.way)]
        single = len(self.branches) == 1
        for way in ways:
            if way == "whole" and self.way == "by name" and single:
                continue  # its one argument is the parameter by another name
            if way == "by name" and not isinstance(self.params, Mapping):
                continue
            if way == "one by one" and not isinstance(self.params, Mapping | list | tuple):
                continue
            if _takes(function, *self.handed(way)(self.values)):
                if way == "by name" and self.names == self.top:
                    return function
                return ByName(function, self.handed(way))
        raise TypeError(
            f"manual takes ({', '.join(_arguments(function) or ())}), and the parameters are "
            f"{', '.join(self.top)}: let it take these, in this order"
        )

    def gradients(self, returned: Tree) -> Mapping[str, Any]:
        """Gradients by name, of a dict by name, or of a tree as the parameters are.

        Raises:
            TypeError: it is neither.
        """
        if isinstance(returned, Mapping):
            found: dict[str, Any] = {}
            branches = dict(zip(self.top, self.branches, strict=True))
            if isinstance(self.params, Mapping):
                branches = dict(self.params)
            for key, gradient in returned.items():
                branch = branches.get(key)
                if _is_nested(branch):
                    names = list(_names([branch], [str(key)]))
                    found |= zip(names, alike(gradient, branch, str(key)), strict=True)
                else:
                    found[str(key) if key in branches else key] = gradient
            return found
        if isinstance(returned, tuple | list) and (
            len(self.branches) > 1 or _is_nested(self.params)
        ):
            whole = self.params if self.way != "by name" else list(self.branches)
            whole = list(self.branches) if isinstance(whole, Mapping) else whole
            named = dict(zip(self.names, alike(returned, whole, ""), strict=True))
            return {name: gradient for name, gradient in named.items() if gradient is not None}
        if len(self.names) == 1 and (hasattr(returned, "__array__") or isinstance(returned, float)):
            return {self.names[0]: returned}
        raise TypeError(
            "manual must return a dict of gradients by name, or gradients in the order of the "
            f"parameters ({', '.join(self.top)}), it returned {type(returned).__name__}: "
            'return {"W": dW, "b": db}'
        )


_WAYS: tuple[Way, ...] = ("by name", "one by one", "whole")


def form_of(loss: Function, params: Tree) -> Form:
    """How a loss takes parameters.

    Raises:
        TypeError: it does not take them in any way.
    """
    names = _arguments(loss)
    whole = (names or ("params",))[0] if names != () else "params"
    if isinstance(params, Mapping):
        keys = tuple(map(str, params))
        by_name = all(isinstance(key, str) for key in params)
        if by_name and (names is None or _takes(loss, (), dict(params))):
            return Form(params, "by name", keys)
        if _takes(loss, (params,), {}):
            return Form(params, "whole", keys)
        if by_name:
            return Form(params, "by name", keys)  # whose call says what is wrong
    elif isinstance(params, list | tuple):
        if len(params) != 1 and names and len(names) > 1 and _takes(loss, tuple(params), {}):
            return Form(params, "one by one", names[: len(params)])
        if names is None or _takes(loss, (params,), {}):
            return Form(params, "whole", (whole,))
    elif _takes(loss, (params,), {}):
        return Form(params, "whole", (whole,))
    raise TypeError(
        f"loss takes ({', '.join(names or ())}), and params is {_described(params)}: give them by "
        'name, {"W": W, "b": b}, or as loss takes them'
    )


def _arguments(function: Function) -> tuple[str, ...] | None:
    """The names of a function's arguments; ``None`` where it does not say."""
    try:
        return tuple(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return None


def _takes(function: Function, positional: Sequence[Any], by_name: Mapping[str, Any]) -> bool:
    try:
        inspect.signature(function).bind(*positional, **by_name)
    except TypeError:
        return False
    except ValueError:  # it does not say
        return True
    return True


def _described(params: Tree) -> str:
    if isinstance(params, Mapping | list | tuple):
        return f"a {type(params).__name__} of {len(params)}"
    return f"a {type(params).__name__}"


def _is_nested(tree: Tree) -> bool:
    return isinstance(tree, dict | list | tuple)


def _names(branches: Sequence[Tree], top: Sequence[str]) -> Iterator[str]:
    """The names of the leaves of branches, each of which has one."""
    for name, branch in zip(top, branches, strict=True):
        if isinstance(branch, dict):
            yield from _names(list(branch.values()), [f"{name}[{key!r}]" for key in branch])
        elif isinstance(branch, list | tuple):
            yield from _names(list(branch), [f"{name}[{i}]" for i in range(len(branch))])
        else:
            yield name


def alike(gradients: Tree, branch: Tree, name: str) -> list[Any]:
    """The gradients of the leaves of a branch, in order.

    >>> alike({"W": 1.0, "b": [2.0]}, {"W": "W", "b": ["b0"]}, "layer")
    [1.0, 2.0]

    Raises:
        TypeError: they are nested otherwise.
    """
    if not _is_nested(branch):
        return [gradients]
    keyed = isinstance(branch, dict)
    fits = isinstance(gradients, dict) == keyed and _is_nested(gradients)
    if not fits or len(gradients) != len(branch) or (keyed and gradients.keys() != branch.keys()):
        raise TypeError(
            f"the gradients of {name or 'the parameters'} are {_described(gradients)}, these are "
            f"{_described(branch)}: return one for each, nested in the same way"
        )
    items = branch.items() if keyed else enumerate(branch)
    return [
        leaf for key, inner in items for leaf in alike(gradients[key], inner, f"{name}[{key!r}]")
    ]
