"""A gradient report as JSON, for other programs; docs/report-schema.json describes it."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import Any

import numpy as np

from autograd_mini.check.report.mistakes import file_name
from autograd_mini.check.report.view import Row, View, worst_elements
from autograd_mini.check.result import CodeLine, Line, Mistake, Quantity
from autograd_mini.typing import Array

FORMAT = "autograd_mini gradient report"
VERSION = 2
"""Goes up when a field changes its meaning or goes; fields may be added without."""

LARGEST_ARRAY = 1000
"""Arrays of more elements are left out; the worst elements are there in any case."""

MOST_ELEMENTS = 16


def json_of(view: View) -> str:
    """The report as the text of a JSON object, the same for the same report.

    Every level of hints has the same keys.  What a level does not tell is ``null``, an
    empty list or an empty string.
    """
    record: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "hints": view.hints,
        "ok": view.ok,
        "headline": view.headline,
        "assumptions": view.assumptions,
        "culprits": view.culprits,
        "loss_hint": view.loss_hint,
        "mistakes": [_mistake(mistake, view) for mistake in view.mistakes],
        "lines": [_code_line(line) for line in view.lines],
        "quantities": [_quantity(row) for row in view.rows],
        "findings": [asdict(finding) for finding in view.findings],
        "notes": view.notes,
    }
    parts = ",\n".join(f"{json.dumps(key)}: {_written(value)}" for key, value in record.items())
    return f"{{\n{parts}\n}}\n"


def _written(value: object) -> str:
    """A value as JSON, with a line for each object of a list."""
    if isinstance(value, list) and value:
        return "[\n " + ",\n ".join(map(_written, value)) + "\n]"
    return json.dumps(_plain(value), allow_nan=False)


def _quantity(row: Row) -> dict[str, Any]:
    full = row.full
    return {
        "name": row.name,
        "shape": row.shape,
        "verdict": row.verdict,
        "inherited": row.inherited,
        "evidence": full.evidence if full else "",
        "causes": [asdict(cause) for cause in full.causes] if full else [],
        "max_error": full.max_error if full else None,
        "elements": [asdict(e) for e in worst_elements(full, MOST_ELEMENTS)] if full else [],
        "arrays": _arrays(full) if full else None,
    }


def _mistake(mistake: Mistake, view: View) -> dict[str, Any]:
    why = view.hints >= 2
    return {
        "line": mistake.line and _line(mistake.line, why),
        "names": mistake.names,
        "inherited_by": mistake.inherited_by,
        "cause": mistake.cause or None,
        "reason": mistake.reason,
        "repairs": [{**asdict(r), "line": _line(r.line, why)} for r in mistake.repairs],
    }


def _line(line: Line, why: bool) -> dict[str, Any]:
    return {
        "file": file_name(line.file),
        "number": line.number,
        "column": line.column,
        "text": line.text,
        "columns": line.columns if why else None,
    }


def _code_line(line: CodeLine) -> dict[str, Any]:
    return {
        "file": file_name(line.file),
        "number": line.number,
        "text": line.text,
        "status": line.status,
        "words": line.words,
        "name": line.name,
    }


def _arrays(quantity: Quantity) -> dict[str, Any] | None:
    if np.prod(quantity.shape) > LARGEST_ARRAY:
        return None
    probed = ~np.isnan(quantity.numerical_error)
    return {
        "manual": None if quantity.manual is None else _nested(quantity.manual),
        "expected": _nested(quantity.expected),
        "automatic": _nested(quantity.automatic),
        "numerical": _nested(quantity.numerical, probed),
        "numerical_error": _nested(quantity.numerical_error, probed),
    }


def _nested(array: Array, known: Array | None = None) -> object:
    """An array as lists of lists of floats, ``None`` for what is not known."""
    numbers = array.astype(np.float64).astype(object)
    return (numbers if known is None else np.where(known, numbers, None)).tolist()  # type: ignore[call-overload]


def _plain(value: object) -> object:
    """What JSON can hold: a number that is not finite is a string."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    return value
