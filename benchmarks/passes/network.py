"""A network with the shapes of its data and parameters, and its sizes and numbers drawn.

Shapes are in letters: ``sample`` draws sizes for the letters, with the accidents that hide
mistakes (N = K, square weights, one example, two classes), and the numbers.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

Function = Callable[..., Any]


@dataclass(frozen=True)
class Network:
    """A loss and its backward passes, with the shapes of what they take.

    Attributes:
        make: from its data to its loss and backward passes.
        data: the shapes of its data in letters; ``hot``, ``bit`` or ``index`` for labels.
        params: the shapes of its parameters in letters; a digit is itself, (4H) a product.
        style: how its code is written: a function, helper functions, a class, a loop.
    """

    make: Callable[..., tuple[Function, ...]]
    data: Mapping[str, str]
    params: Mapping[str, str]
    style: str = "function"

    @property
    def name(self) -> str:
        return self.make.__name__.replace("_", " ")


@dataclass(frozen=True)
class Sample:
    """A network at drawn sizes and numbers."""

    network: Network
    sizes: Mapping[str, int]
    data: Mapping[str, Any]
    params: Mapping[str, Any]

    def functions(self, dtype: Any = np.float64, make: Any = None) -> tuple[Function, ...]:
        """The loss and the backward passes, with the data in a precision.

        Arguments:
            dtype: of all data that are no indices.
            make: the network's function, in another file.
        """
        return (make or self.network.make)(
            **{name: x.astype(dtype) if x.dtype.kind == "f" else x for name, x in self.data.items()}
        )


def networks(*rows: tuple[Any, ...]) -> list[Network]:
    """Networks from their function, data and parameters as one text each, and their style."""

    def shapes(text: str) -> dict[str, str]:
        return dict(part.split(":") for part in text.split())

    return [
        Network(make, shapes(data), shapes(params), *style) for make, data, params, *style in rows
    ]


ACCIDENTS: list[Mapping[str, str]] = [
    {},
    {},
    {"K": "N"},
    {"H": "D", "G": "D", "K": "D"},
    {"H": "N", "D": "N", "G": "N", "K": "N"},
    {"H": "N"},
]
"""Which sizes are the same by accident."""

RANGES: Mapping[str, tuple[int, int]] = {"C": (1, 3), "F": (1, 4), "S": (2, 5), "V": (3, 7)}
"""The sizes of letters that only some networks have, from and to."""


def sample(network: Network, rng: np.random.Generator) -> Sample:
    """A network with random sizes from 1 to 7, of which some are equal by accident."""
    sizes = {letter: int(rng.integers(2, 8)) for letter in "NDHGK"}
    accident = ACCIDENTS[rng.integers(len(ACCIDENTS))]
    sizes |= {letter: sizes[as_] for letter, as_ in accident.items()}
    if rng.random() < 0.1:
        sizes["NDHGK"[rng.integers(5)]] = 1
    if rng.random() < 0.15:
        sizes["K"] = 2
    shapes = " ".join([*network.data.values(), *network.params.values()])
    for letter, (least, most) in RANGES.items():
        if letter in shapes:
            sizes[letter] = int(rng.integers(least, most + 1))
    if any(kind.startswith("hot") for kind in network.data.values()):
        sizes["K"] = max(sizes["K"], 2)  # of one class alone all gradients are 0
    return numbers(network, sizes, rng)


def numbers(network: Network, sizes: Mapping[str, int], rng: np.random.Generator) -> Sample:
    """A network with random numbers, at given sizes."""

    def shape(letters: str) -> tuple[int, ...]:
        axes = re.findall(r"\((\w+)\)|(\w)", letters)
        return tuple(
            math.prod(int(c) if c.isdigit() else sizes[c] for c in product or axis)
            for product, axis in axes
        )

    def data(kind: str) -> Any:
        if kind.startswith("unit"):
            return rng.uniform(0, 1, shape(kind[4:]))
        if kind.startswith("hot"):
            return np.eye(sizes["K"])[rng.integers(0, sizes["K"], sizes["N"])]
        if kind.startswith("bit"):
            return rng.integers(0, 2, shape(kind[3:])).astype(float)
        if kind.startswith("index"):
            return rng.integers(0, sizes[kind[5]], shape(kind[7:]))
        return rng.normal(size=shape(kind))

    return Sample(
        network,
        sizes,
        {name: data(kind) for name, kind in network.data.items()},
        {name: rng.normal(size=shape(kind)) for name, kind in network.params.items()},
    )
