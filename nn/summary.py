"""summary: a model's layers, shapes and numbers of parameters as a table."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_mini.nn.module import Module
from autograd_mini.nn.notebook import Table


def summary(model: Module) -> Table:
    """A table of the model's parts: for each what it is, its parameters' shapes, and how many.

    Arguments:
        model: any Module.

    Returns:
        Text with one line for each part that has parameters or buffers of its own; a notebook
        shows it as a table.

    >>> from autograd_mini import nn
    >>> print(summary(nn.MLP([784, 256, 10], rng=0)))
    name      layer                                  shapes            parameters
    layers.0  Dense(784, 256, activation='sigmoid')  (784, 256) (256,)    200,960
    layers.1  Dense(256, 10, activation='softmax')   (256, 10) (10,)        2,570
    total                                                                 203,530
    1.6 MB in float64
    """
    rows = [("name", "layer", "shapes", "parameters")]
    owned: dict[str, list[Any]] = {}
    for name, parameter in model.named_parameters():
        owner = name.partition("[")[0].rpartition(".")[0]
        owned.setdefault(owner, []).append(parameter)
    parts = dict(_named_modules(model))
    for name, parameters in owned.items():
        part = parts.get(name, model)
        shapes = _shapes(part, parameters)
        count = sum(int(np.size(p.data)) for p in parameters)
        described = repr(part).partition("\n")[0].rstrip("(")
        rows.append((name or "(model)", described, shapes, f"{count:,}"))
    everything = model.parameters()
    total = sum(int(np.size(p.data)) for p in everything)
    rows.append(("total", "", "", f"{total:,}"))
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    lines = [
        "  ".join(
            (
                *(word.ljust(width) for word, width in zip(row[:3], widths, strict=False)),
                row[3].rjust(widths[3]),
            )
        )
        for row in rows
    ]
    memory = sum(int(np.asarray(p.data).nbytes) for p in everything)
    dtypes = sorted({str(np.asarray(p.data).dtype) for p in everything})
    if everything:
        lines.append(f"{_size(memory)} in {' and '.join(dtypes)}")
    fixed = sum(b.size for _, b in model.named_buffers())
    if fixed:
        lines.append(f"{fixed:,} numbers in buffers, which are not trained")
    return Table("\n".join(lines))


def _named_modules(model: Module, name: str = "") -> list[tuple[str, Module]]:
    """Each Module inside with the name that its parameters' names begin with."""
    owners = {id(p): n for n, p in model.named_parameters()}
    found = [("", model)]
    for module in model.modules():
        for own, parameter in module.named_parameters():
            whole = owners[id(parameter)]
            if "." not in own.partition("[")[0] and whole.endswith(own):
                found.append((whole[: len(whole) - len(own)].rstrip("."), module))
                break
    return found


def _shapes(part: Module, parameters: list[Any]) -> str:
    arrays = [
        value.shape
        for value in vars(part).values()
        if isinstance(value, np.ndarray) and value.dtype == object
    ]
    shapes = arrays or [np.shape(p.data) for p in parameters]
    return " ".join(map(str, shapes))


def _size(count: int) -> str:
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{count:.1f} {unit}" if unit != "bytes" else f"{count} bytes"
        count = count / 1000  # type: ignore[assignment]
    return f"{count:.1f} GB"
