"""What a quiz asks for: which gradients are hidden, and how often one may guess."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from autograd_mini.core.graph import is_node
from autograd_mini.page.frames import Walk
from autograd_mini.page.program import NoProgram, Program
from autograd_mini.show.boxes import MOST_NUMBERS


@dataclass(frozen=True)
class Quiz:
    """A quiz.

    Arguments:
        nodes: places of the nodes whose gradients are asked for, in the order of the sweep.
        tries: how often one may guess before the answer can be shown.
    """

    nodes: list[int]
    tries: int


def quiz_of(
    walk: Walk, wanted: bool | Iterable[Any], tries: int, program: Program | NoProgram
) -> Quiz | None:
    """The quiz that was asked for, or ``None``.

    Arguments:
        walk: through the graph.
        wanted: as for ``walkthrough``.
        tries: as of a ``Quiz``.
        program: what the page computes by: it has no answer that could be read.

    Raises:
        ValueError: see ``walkthrough``.
    """
    if wanted is False:
        return None
    if type(tries) is not int or tries < 1:
        raise ValueError(f"tries is how often one may guess, a whole number from 1, not {tries!r}")
    if isinstance(program, NoProgram):
        raise ValueError(
            "a quiz computes its answers in the page, and this graph it cannot compute: "
            f"{program}; ask for a part of it (walkthrough(intermediate, quiz=True))"
        )
    turns = [frame.node for frame in walk.frames if frame.phase == "backward"]
    asked = [i for i in turns if i is not None and i != len(walk.order) - 1]
    if wanted is True:
        few = [i for i in asked if _size(walk, i) <= MOST_NUMBERS]
        return Quiz(few, tries)
    names = {walk.words.name(node): i for i, node in enumerate(walk.order)}
    chosen = []
    for each in wanted:
        place = walk.place.get(each) if is_node(each) else names.get(each)
        called = walk.words.name(each) if place is not None and is_node(each) else repr(each)
        if place not in asked:
            others = ", ".join(walk.words.name(walk.order[i]) for i in asked)
            raise ValueError(
                f"a quiz asks for gradients of nodes of this graph, and {called} has none; there "
                f"are {others}"
            )
        chosen.append(place)
    return Quiz(sorted(set(chosen), key=asked.index), tries)


def _size(walk: Walk, place: int) -> int:
    return int(getattr(walk.order[place], "size", 1))
