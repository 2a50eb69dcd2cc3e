"""The hand-derived gradients of a report beside the right ones, as a page shows them."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_mini.check.report import GradientReport
from autograd_mini.check.report.mistakes import file_name
from autograd_mini.check.result import AGREE, DIFFER, Mistake, Quantity
from autograd_mini.page.frames import Walk
from autograd_mini.show.recorded import NODES


def mine_of(report: GradientReport, walk: Walk) -> list[dict[str, Any]]:
    """What a report says of each node that it checked, those nearest the loss first.

    A page shows as much of it as the report tells (``hints``).

    Arguments:
        report: of a check with hand-derived gradients.
        walk: through its graph.
    """
    found = []
    for quantity in report.nearest_first():
        node = report.nodes[quantity.name]
        place = walk.place.get(node) if isinstance(node, NODES) else None
        if place is None or quantity.manual is None:
            continue
        mistake = next((m for m in report.mistakes if quantity.name in m.names), None)
        found.append(
            {
                "node": place,
                "name": quantity.name,
                "mine": walk.words.amount(np.asarray(quantity.manual)),
                "verdict": _verdict(quantity),
                "reason": _reason(quantity, mistake, report.hints),
                "line": _line(mistake, report.hints),
            }
        )
    return found


def _verdict(quantity: Quantity) -> str:
    if quantity.verdict == DIFFER:
        return "inherited" if quantity.inherited else "wrong"
    return "right" if quantity.verdict == AGREE else "cannot tell"


def _reason(quantity: Quantity, mistake: Mistake | None, hints: int) -> str:
    if hints < 2:
        return ""
    if mistake is not None:
        return mistake.reason
    return quantity.causes[0].evidence if quantity.causes else quantity.evidence


def _line(mistake: Mistake | None, hints: int) -> dict[str, Any] | None:
    if mistake is None or mistake.line is None or hints < 1:
        return None
    line, repair = mistake.line, mistake.repair
    right = repair.text if repair is not None and hints > 2 else ""
    return {"file": file_name(line.file), "number": line.number, "text": line.text, "right": right}
