"""``widget``: sliders for the arguments of a function in a notebook, with its gradients live."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module, resources
from typing import Any

from autograd_mini.core.value import Value
from autograd_mini.show.draw import draw
from autograd_mini.typing import Operand


def widget(f: Callable[..., Operand], **start: float) -> Any:
    """Sliders for the arguments of a function, with its graph, its value and its gradients live.

    The function is called with Values each time a slider moves, so it may branch.  What is
    returned is an ipywidget: ``w.values`` are the numbers, which can be set as well, ``w.value`` is
    the result, ``w.gradients`` are the gradients by name, ``w.observe`` tells of changes.
    It needs the package anywidget (``pip install autograd_mini[widget]``).

    Arguments:
        f: of Values, to one Value.
        start: a number for each argument; that of others is their default, else 1.

    Raises:
        ImportError: anywidget is not installed.
        TypeError: ``f`` has no argument of that name, or gives no Value for these numbers.

    ``ag.widget(lambda w, x, b: (w * x + b).sigmoid(), w=0.5, x=2.0)`` shows a neuron.
    """
    values = _numbers(f, start)
    found = _state(f, values)  # what is wrong at the start is told at once
    made = _class()(f, values, found)
    return made


def _numbers(f: Callable[..., Operand], start: Mapping[str, float]) -> dict[str, float]:
    parameters = inspect.signature(f).parameters
    several = {p.kind for p in parameters.values()} & {
        inspect.Parameter.VAR_POSITIONAL,
        inspect.Parameter.VAR_KEYWORD,
        inspect.Parameter.POSITIONAL_ONLY,
    }
    unknown = start.keys() - parameters.keys()
    if several or unknown:
        raise TypeError(
            "widget() has a slider for each argument of a function, by name: "
            + (
                f"{min(unknown)!r} is none of {', '.join(parameters)}"
                if unknown
                else f"write out those of {inspect.signature(f)}"
            )
        )
    found = {}
    for name, parameter in parameters.items():
        default = 1.0 if parameter.default is parameter.empty else parameter.default
        found[name] = float(start.get(name, default))
    return found


def _state(f: Callable[..., Operand], values: Mapping[str, float]) -> dict[str, Any]:
    """What is shown of the function at these numbers."""
    leaves = {name: Value(float(number), label=name) for name, number in values.items()}
    out = f(**leaves)
    if not isinstance(out, Value):
        raise TypeError(
            f"widget() takes a function that gives a Value, and this gives {type(out).__name__}: "
            "compute with its arguments, by their methods (w.tanh()) or functions of autograd_mini"
        )
    out.label = out.label or getattr(f, "__name__", "").strip("<>").replace("lambda", "") or "out"
    out.backward()
    return {
        "name": out.label,
        "value": out.data if math.isfinite(out.data) else None,
        "gradients": {n: leaf.grad for n, leaf in leaves.items() if math.isfinite(leaf.grad)},
        "picture": draw(out).svg(),
        "error": "",
    }


def front() -> str:
    """The script that anywidget runs in the notebook."""
    folder = resources.files("autograd_mini.page")
    return "".join(folder.joinpath(name).read_text("utf-8") for name in ("numbers.js", "widget.js"))


@cache
def _class() -> type:
    """The class of the widgets, made when anywidget is needed."""
    try:
        anywidget, traitlets = import_module("anywidget"), import_module("traitlets")
    except ImportError as error:
        raise ImportError(
            f"ag.widget needs anywidget, and {error.name or 'it'} is not installed: run "
            "`pip install autograd_mini[widget]`; ag.walkthrough(node) needs nothing"
        ) from error

    class Widget(anywidget.AnyWidget):  # type: ignore[misc,name-defined]
        _esm = front()
        values = traitlets.Dict().tag(sync=True)
        name = traitlets.Unicode().tag(sync=True)
        value = traitlets.Any().tag(sync=True)
        gradients = traitlets.Dict().tag(sync=True)
        picture = traitlets.Unicode().tag(sync=True)
        error = traitlets.Unicode().tag(sync=True)

        def __init__(
            self, f: Callable[..., Operand], values: dict[str, float], state: dict[str, Any]
        ) -> None:
            super().__init__(values=values, **state)
            self.observe(lambda change: self._compute(f), "values")

        def _compute(self, f: Callable[..., Operand]) -> None:
            try:
                state = _state(f, self.values)
            except Exception as error:  # a slider may lead anywhere; it is said in its place
                state = {
                    "value": None,
                    "gradients": {},
                    "error": f"{type(error).__name__}: {error}",
                }
            with self.hold_sync():
                for name, it in state.items():
                    setattr(self, name, it)

    return Widget
