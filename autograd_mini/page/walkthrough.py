"""One page of HTML that steps through a computation: the forward pass, then the reverse sweep.

>>> import tempfile
>>> from autograd_mini import Value
>>> w, x = Value(0.5), Value(2.0)
>>> out = (w * x).sigmoid()
>>> with tempfile.TemporaryDirectory() as folder:
...     path = walkthrough(out, folder + "/sweep.html")
...     page = Path(path).read_text("utf-8")
>>> "∂out/∂out = 1" in page
True
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import os
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from autograd_mini.check.result import CAUSES
from autograd_mini.files import write_whole
from autograd_mini.page.drawn import drawn
from autograd_mini.page.frames import Frame, Walk
from autograd_mini.page.mine import mine_of
from autograd_mini.page.order import why_the_order_matters
from autograd_mini.page.program import NoProgram, Program, number_text, program_of
from autograd_mini.page.quiz import Quiz, quiz_of
from autograd_mini.show.boxes import MOST_NUMBERS
from autograd_mini.show.dot import Direction
from autograd_mini.show.engine import Engine
from autograd_mini.show.layers import is_input_name
from autograd_mini.show.names import graph_names, variables
from autograd_mini.show.steps import Amount, Parts, start
from autograd_mini.show.terms import Terms
from autograd_mini.typing import Operand

SHOWN_HEIGHT = 720
"""The height of the page in a notebook, in pixels."""

MAX_NODES = 2000
"""A graph of so many nodes still fits a page that a reader steps through."""


def walkthrough(
    node: Operand,
    path: str | os.PathLike[str] | None = "sweep.html",
    *,
    gradient: Operand = None,
    quiz: bool | Iterable[Any] = False,
    tries: int = 3,
    direction: Direction | None = None,
    max_nodes: int = MAX_NODES,
    engine: Engine = "embedded",
) -> Walkthrough:
    """A page that steps through the forward pass and the reverse sweep, to play with.

    The page needs no network and no other file.  It holds the graph's picture, in which values
    and gradients fill in; the formula and the numbers of each step; the same as a transcript,
    for screen readers and paper; and what goes wrong in another order than the sweep's.  A leaf
    can be changed, and parameters can descend: the page computes all numbers again, by the rules
    of the table.  It does so for Values, and for Tensors in float64 and float32 but for
    decompositions and special functions; of these it shows the numbers of this run, and says
    why.  A graph of many nodes is folded; its boxes can be opened.
    ``sweep.html#step=18`` opens at a step.

    Arguments:
        node: the root: a Value, or a Tensor of one number.  Its ``grad`` is not used and not
            changed.  Or a ``GradientReport``: then the hand-derived gradients stand beside the
            right ones, and the walk stops at the first mistake.
        path: where to write it; a name that ends in ``.html``.  A file there is replaced only
            when the new one is whole.  ``None`` writes nothing.
        gradient: the upstream gradient to start from, of the root's shape; 1 by default.
        quiz: ``True`` hides the gradients, which the reader has to tell; or the nodes, or their
            names, that are asked for.
        tries: how often one may guess before the answer can be shown.
        direction: ``"LR"``, ``"TB"``, or what leaves more room in a window.
        engine: as for ``draw``.
        max_nodes: the largest graph to walk through.

    Returns:
        The path, as a ``str`` that a notebook shows as the page itself; ``save`` writes it.

    Raises:
        TypeError: ``node`` is a plain number or array.
        ValueError: the graph has more than ``max_nodes`` nodes; ``node`` holds several numbers
            and ``gradient`` is not given; ``path`` ends otherwise; or a quiz asks for what is no
            node of the graph, or of a graph that a page cannot compute.
        RuntimeError: there is no engine to lay the picture out.
    """
    _check_name(path)
    mine = hasattr(node, "quantities") and hasattr(node, "root")
    root = node.root if mine else node
    order, seed = start(root, gradient, "walkthrough")
    if len(order) > max_nodes:
        raise ValueError(
            f"the graph has {len(order)} nodes, a walkthrough shows at most {max_nodes}: walk "
            "through a part of it (walkthrough(intermediate, path)), compute it from a smaller "
            "input or batch, or raise the limit (max_nodes=...)"
        )
    held = variables(sys._getframe(1).f_locals)
    if mine:
        held = {id(root): "loss", **held, **{id(part): name for name, part in node.nodes.items()}}
    terms = Terms(order, graph_names(order, held))
    terms.all_branches = True  # a leaf that is changed may lead into another
    walk = Walk(order, seed, terms)
    program: Program | NoProgram
    try:
        program = found = program_of(order)
        rules = found.text()
    except NoProgram as error:
        program, rules = error, ""
    asked = quiz_of(walk, quiz, tries, program)
    data = _data(walk, seed, program, asked)
    data["pictures"] = [asdict(each) for each in drawn(walk, direction, engine, asked is not None)]
    data["mine"] = mine_of(node, walk) if mine else None
    return Walkthrough(_page(walk, seed, data, rules), path)


class Walkthrough(str):
    """A page, and the path it was written to; a notebook shows the page.

    Arguments:
        page: the page, as HTML.
        path: where to write it; nowhere if it is ``None``.
    """

    __slots__ = ("page",)
    page: str

    def __new__(cls, page: str, path: str | os.PathLike[str] | None) -> Walkthrough:
        if path is not None:
            write_whole(path, page.encode())
        made = super().__new__(cls, "" if path is None else os.fspath(path))
        made.page = page
        return made

    def save(self, path: str | os.PathLike[str]) -> Walkthrough:
        """Write the page to another file, and give its path.

        Raises:
            ValueError: the name does not end in ``.html``.
        """
        _check_name(path)
        return Walkthrough(self.page, path)

    def _repr_html_(self) -> str:
        return (
            f'<iframe title="Walkthrough of the reverse sweep" sandbox="allow-scripts" '
            f'style="width: 100%; height: {SHOWN_HEIGHT}px; border: 0" '
            f'srcdoc="{html.escape(self.page)}"></iframe>'
        )


def _check_name(path: str | os.PathLike[str] | None) -> None:
    if path is not None and Path(path).suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"a walkthrough is a page: end its name in .html, not {str(path)!r}")


# What the script is told


def _data(
    walk: Walk, seed: Operand, program: Program | NoProgram, quiz: Quiz | None
) -> dict[str, Any]:
    name, place = walk.words.name, walk.place
    leaves = walk.leaves()
    data: dict[str, Any] = {
        "names": [name(node) for node in walk.order],
        "formulas": [
            walk.words.terms.text(walk.words.terms.formula(node)) if node.parents else ""
            for node in walk.order
        ],
        "shapes": [np.shape(node.data) for node in walk.order],
        "leaves": [place[node] for node in leaves],
        "parameters": [place[node] for node in leaves if not is_input_name(name(node))],
        "uses": [
            (place[node], slot, place[node.parents[slot]], _parts(formula))
            for (node, slot), formula in zip(walk.uses, walk.formulas(), strict=True)
        ],
        "frames": [_frame(frame) for frame in walk.frames],
        "quiz": quiz and asdict(quiz),
        "causes": CAUSES,
        "why": str(program) if isinstance(program, NoProgram) else "",
    }
    if isinstance(program, Program):
        data["program"] = program.data([(place[node], slot) for node, slot in walk.uses], seed)
    else:
        data["numbers"] = {
            "value": [_quantity(node.data) for node in walk.order],
            "gradient": [_quantity(walk.totals[node]) for node in walk.order],
            "share": [_quantity(share.amount) for share in walk.shares],
            "total": [_quantity(share.total) for share in walk.shares],
            "slope": [_quantity(node.local_derivatives[slot]) for node, slot in walk.uses],
        }
    return data


def _frame(frame: Frame) -> dict[str, Any]:
    return {
        "phase": frame.phase,
        "node": frame.node,
        "shares": list(frame.shares),
        "sentence": _parts(frame.sentence),
        "heading": frame.heading,
        "rows": [[_parts(cell) for cell in row] for row in frame.rows],
    }


def _parts(parts: Parts) -> list[Any]:
    """A text: strings, and for each amount whose it is."""
    return [
        [part.of, part.place, int(part.is_factor)] if isinstance(part, Amount) else part
        for part in parts
    ]


def _quantity(data: Operand) -> dict[str, Any] | None:
    """A number or a small array in full, of a large one what a text says of it."""
    if data is None:
        return None
    array = np.asarray(data, dtype=np.float64)
    found: dict[str, Any] = {"shape": array.shape}
    if array.size <= MOST_NUMBERS:
        return found | {"data": [number_text(x) for x in array.ravel().tolist()]}
    with np.errstate(all="ignore"):
        found.update(mean=array.mean(), min=array.min(), max=array.max())
    return {what: it if what == "shape" else number_text(float(it)) for what, it in found.items()}


# The page


def _page(walk: Walk, seed: Operand, data: dict[str, Any], rules: str) -> str:
    name, hidden = walk.words.name(walk.order[-1]), data["quiz"] is not None
    pictures = [picture.pop("svg") for picture in data["pictures"]]
    return _filled(
        {
            "title": html.escape(
                f"The gradient of {name}, {'a quiz' if hidden else 'step by step'}"
            ),
            "summary": html.escape(
                f"{len(walk.order)} nodes: first the forward pass, which computes {name}; then "
                f"the reverse sweep, which computes ∂{name}/∂x for every node x."
            ),
            "pictures": "".join(
                f'<div class="picture"{" hidden" * (i > 0)}>{svg}</div>'
                for i, svg in enumerate(pictures)
            ),
            "transcript": _transcript(walk, hidden),
            "order": "" if hidden else why_the_order_matters(walk, seed),
            "data": _json(data),
            "rules": rules,
        }
    )


def _transcript(walk: Walk, hidden: bool) -> str:
    frames = [frame for frame in walk.frames if not hidden or frame.phase == "forward"]
    return "".join(
        f'<li data-phase="{frame.phase}">{html.escape(walk.words.told(frame.sentence))}</li>'
        for frame in frames
    )


def _json(data: object) -> str:
    """Data for a script element, in which nothing can end it."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _filled(parts: Mapping[str, str]) -> str:
    """The template with its {{parts}}, and the digest of its script."""
    script = "".join(f"\n{part}" for part in (parts["rules"], *map(_file, _SCRIPTS)))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    known = {**parts, "script": script, "style": _file("page.css"), "digest": f"'sha256-{digest}'"}
    return re.sub(r"\{\{(\w+)\}\}", lambda found: known[found[1]], _file("page.html"))


_SCRIPTS = ("numbers.js", "picture.js", "tools.js", "quiz.js", "page.js")
"""In the order in which they need one another."""


def _file(name: str) -> str:
    return resources.files("autograd_mini.page").joinpath(name).read_text("utf-8")
