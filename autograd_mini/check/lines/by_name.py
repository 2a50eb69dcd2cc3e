"""A function of the user's that is called by names which are not those of its arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from autograd_mini.typing import Operand

Arguments = tuple[tuple[Any, ...], dict[str, Any]]
"""What is given by place, and what by name."""


@dataclass(frozen=True)
class ByName:
    """A function that is handed parameters by name, and hands them on as ``func`` takes them.

    Attributes:
        func: the user's function.
        handed: its arguments, of the parameters by name.

    >>> def loss(weights):
    ...     return weights[0] * weights[1]
    >>> ByName(loss, lambda by_name: (([by_name["a"], by_name["b"]],), {}))(a=2.0, b=3.0)
    6.0
    """

    func: Callable[..., Any]
    handed: Callable[[Mapping[str, Any]], Arguments]

    def __call__(self, **parameters: Operand) -> Operand:
        positional, by_name = self.handed(parameters)
        return self.func(*positional, **by_name)
