"""The losses that may be meant by what a user says: a line, a name, an expression."""

from __future__ import annotations

from collections.abc import Sequence

from autograd_mini.check.lines.program import Program
from autograd_mini.check.steps.meant import Loss
from autograd_mini.check.steps.recorded import Ran


def asked_losses(asked: str, program: Program, ran: Ran, found: Sequence[Loss]) -> list[Loss]:
    """The losses that may be meant, the likeliest first; none where nothing is called so.

    Arguments:
        asked: what was said.
        program: the step, which ran.
        ran: a recorded run of it.
        found: the losses that the code itself names.
    """
    line = int(asked) if asked.isdigit() else None
    chosen = [
        Loss(f"{m.name}, line {m.site.place[1]}", m.name, event=m.at)
        for m in reversed(ran.made)
        if m.node is not None and m.is_number
        if m.site.place[1] == line
        or asked in (m.name, m.name.removesuffix("[]"), m.name.removesuffix("()"))
    ]
    if line is not None:
        return chosen
    places = dict.fromkeys(m.site.place for m in reversed(ran.made))
    inside = [place for place in places if any(place in unit.editable for unit in program.units)]
    return (
        chosen
        or [loss for loss in found if loss.text == asked]
        or [
            Loss(f"{asked}, computed before line {place[1]}", asked, place=place, texts=(asked,))
            for place in inside[:_PLACES]
        ]
    )


_PLACES = 40
"""Before how many statements an expression is tried."""
