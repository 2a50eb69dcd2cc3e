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
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from autograd_mini.core.graph import operands, quietly, topological_order
from autograd_mini.core.value import Value
from autograd_mini.files import write_whole
from autograd_mini.show.boxes import _rows
from autograd_mini.show.dot import Direction, drawing_of
from autograd_mini.show.engine import Engine
from autograd_mini.show.names import graph_names, variables
from autograd_mini.show.notation import number
from autograd_mini.show.picture import picture
from autograd_mini.show.recorded import Node
from autograd_mini.show.steps import Step, Words, start, sweep
from autograd_mini.show.terms import Terms
from autograd_mini.typing import Operand

SHOWN_HEIGHT = 720
"""The height of the page in a notebook, in pixels."""

MAX_NODES = 120
"""A graph of so many nodes still fits a page that a reader steps through."""


def walkthrough(
    node: Operand,
    path: str | os.PathLike[str] = "sweep.html",
    *,
    gradient: Operand = None,
    direction: Direction = "LR",
    max_nodes: int = MAX_NODES,
    engine: Engine = "embedded",
) -> Walkthrough:
    """Write a page that steps through the forward pass and the reverse sweep, and give its path.

    A notebook shows the page itself where the path is the result of a cell.

    The page needs no network and no other file.  It holds the graph's picture, in which values
    and gradients fill in; the formula and the numbers of each step; the same as a transcript,
    for screen readers and paper; and what goes wrong in another order than the sweep's.

    Arguments:
        node: the root: a Value, or a Tensor of one number.  Its ``grad`` is not used and not
            changed.
        path: where to; a name that ends in ``.html``.  A file there is replaced only when the
            new one is whole.
        gradient: the upstream gradient to start from, of the root's shape; 1 by default.
        direction, engine: as for ``draw``.
        max_nodes: the largest graph to walk through.

    Raises:
        TypeError: ``node`` is a plain number or array.
        ValueError: the graph has more than ``max_nodes`` nodes; ``node`` holds several numbers
            and ``gradient`` is not given; or ``path`` ends otherwise.
        RuntimeError: there is no engine to lay the picture out.
    """
    if Path(path).suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"a walkthrough is a page: end its name in .html, not {str(path)!r}")
    order, seed = start(node, gradient, "walkthrough")
    if len(order) > max_nodes:
        raise ValueError(
            f"the graph has {len(order)} nodes, a walkthrough shows at most {max_nodes}: walk "
            "through a part of it (walkthrough(intermediate, path)), compute it from a smaller "
            "input or batch, or raise the limit (max_nodes=...)"
        )
    held = variables(sys._getframe(1).f_locals)
    terms = Terms(order, graph_names(order, held))
    page = _page(order, seed, terms, direction, engine)
    return Walkthrough(page, path)


class Walkthrough(str):
    """The path of a page that has been written; a notebook shows the page.

    Arguments:
        page: the page, as HTML.
        path: where to write it.
    """

    __slots__ = ("page",)
    page: str

    def __new__(cls, page: str, path: str | os.PathLike[str]) -> Walkthrough:
        write_whole(path, page.encode())
        made = super().__new__(cls, os.fspath(path))
        made.page = page
        return made

    def save(self, path: str | os.PathLike[str]) -> Walkthrough:
        """Write the page to another file, and give its path."""
        return Walkthrough(self.page, path)

    def _repr_html_(self) -> str:
        return (
            f'<iframe title="Walkthrough of the reverse sweep" sandbox="allow-scripts" '
            f'style="width: 100%; height: {SHOWN_HEIGHT}px; border: 0" '
            f'srcdoc="{html.escape(self.page)}"></iframe>'
        )


@dataclass(frozen=True)
class Frame:
    """One stop of the walk.

    Arguments:
        phase: ``"forward"``, ``"backward"`` or ``"end"``.
        node: the place of the node whose turn it is in topological order, or ``None``.
        edges: the edges that are in use: (place of the result, operand).
        sentence: what happens.
        heading, rows: a table of the step's numbers.
        values, totals: what becomes known: (place of a node, the number in words, its cells
            in the picture).
    """

    phase: str
    node: int | None
    edges: list[tuple[int, int]]
    sentence: str
    heading: list[str]
    rows: list[list[str]]
    values: list[tuple[int, str, list[str]]]
    totals: list[tuple[int, str, list[str]]]


def _page(
    order: Sequence[Node], seed: Operand, terms: Terms, direction: Direction, engine: Engine
) -> str:
    words = Words(order[-1], terms)
    taken = list(sweep(order, seed, terms))
    totals = {step.node: step.gradient for step in taken}
    constants = [p for n in order for p in n.parents if isinstance(p, np.ndarray) and p.ndim]
    drawn = picture(
        order[-1],
        max_nodes=sum(1 + len(node.parents) for node in order),
        names={id(array): terms.constant_name(array) for array in constants},
        called={id(node): name for node, name in terms.names.nodes.items()},
        gradients={id(node): totals.get(node, node.zero()) for node in order},
    )
    drawing = drawing_of(drawn, direction, engine)
    frames = [*_forward(order, words), *_backward(order, taken, words), _end(order, totals, words)]
    prefix = drawing.ids[0].rpartition("_n")[0]
    data = {
        "prefix": prefix,
        "names": [words.name(node) for node in order],
        "frames": [asdict(frame) for frame in frames],
    }
    name = words.name(order[-1])
    return _filled(
        {
            "title": html.escape(f"The gradient of {name}, step by step"),
            "summary": html.escape(
                f"{len(order)} nodes: first the forward pass, which computes {name}; then the "
                f"reverse sweep, which computes ∂{name}/∂x for every node x."
            ),
            "picture": drawing.svg(),
            "transcript": _transcript(frames),
            "order": _order_matters(order, seed, totals, words),
            "data": _json(data),
        }
    )


def _forward(order: Sequence[Node], words: Words) -> Iterator[Frame]:
    place = {node: i for i, node in enumerate(order)}
    leaves = _leaves(order, words)
    values = [(place[n], words.amount(n.data), _cells("value", n.data)) for n in leaves]
    given = [f"{words.name(n)} = {words.amount(n.data)}" for n in leaves]
    yield Frame(
        "forward", None, [], f"Given are the leaves: {_listed(given)}.", ["leaf", "value"],
        [[words.name(n), words.amount(n.data)] for n in leaves], values, [],
    )  # fmt: skip
    for node in order:
        if not node.parents:
            continue
        formula = words.terms.text(words.terms.formula(node))
        amount = words.amount(node.data)
        yield Frame(
            "forward",
            place[node],
            [(place[node], k) for k in range(len(node.parents))],
            f"{words.name(node)} = {formula} = {amount}.",
            ["operand", "value"],
            [[words.name(n), words.amount(n.data)] for n in dict.fromkeys(operands(node))],
            [(place[node], amount, _cells("value", node.data))],
            [],
        )


def _backward(order: Sequence[Node], taken: Sequence[Step], words: Words) -> Iterator[Frame]:
    place = {node: i for i, node in enumerate(order)}
    for step in taken:
        shares = step.received
        totals = [(s.operand, s.total) for s in shares]
        if step.node is order[-1]:
            totals.insert(0, (step.node, step.gradient))
        yield Frame(
            "backward",
            place[step.node],
            [(place[step.node], s.slot) for s in shares],
            step.sentence,
            ["operand", "receives", "", "total so far"] if shares else [],
            [
                [words.name(s.operand), s.formula, words.amount(s.amount), words.amount(s.total)]
                for s in shares
            ],
            [],
            [(place[n], words.amount(t), _cells("gradient", t)) for n, t in totals],
        )


def _end(order: Sequence[Node], totals: Mapping[Node, Any], words: Words) -> Frame:
    leaves = [(n, totals.get(n, n.zero())) for n in _leaves(order, words)]
    place = {node: i for i, node in enumerate(order)}
    return Frame(
        "end", None, [],
        "The sweep is complete: each node had its turn once, when its gradient was complete.",
        ["leaf", "gradient"],
        [[words.partial(n), words.amount(total)] for n, total in leaves],
        [],
        [
            (i, words.amount(n.zero()), _cells("gradient", n.zero()))
            for n, i in place.items() if n not in totals
        ],
    )  # fmt: skip


def _leaves(order: Sequence[Node], words: Words) -> list[Node]:
    """The leaves by name, w2 before w10."""

    def key(node: Node) -> list[tuple[bool, int, str]]:
        parts = re.findall(r"[0-9]{1,9}|[^0-9]+", words.name(node))
        return [(p.isdecimal(), int(p) if p.isdecimal() else 0, p) for p in parts]

    return sorted((node for node in order if not node.parents), key=key)


def _cells(what: str, data: Operand) -> list[str]:
    """What the cells of a box in the picture show of a value or gradient."""
    if isinstance(data, float):
        return [number(data)]
    return [cell for row in _rows(what, np.asarray(data)) if row[0] for cell in row[1:]]


def _listed(parts: Sequence[str], most: int = 12) -> str:
    if len(parts) > most:
        parts = [*parts[: most - 1], f"and {len(parts) - most + 1} more"]
    return ", ".join(parts)


# Why the order matters


def _order_matters(
    order: Sequence[Node], seed: Operand, totals: Mapping[Node, Any], words: Words
) -> str:
    wrong = depth_first(order, seed)
    differ = [n for n in order if n in totals and not _close(wrong.get(n, n.zero()), totals[n])]
    where = "In this graph"
    if not differ:
        a = Value(3.0, label="a")
        b = a + a
        b.label = "b"
        c = b + b
        c.label = "c"
        order = topological_order(c)
        seed = c.seed(None)
        words = Words(c, Terms(order, graph_names(order, {})))
        totals = {step.node: step.gradient for step in sweep(order, seed, words.terms)}
        wrong = depth_first(order, seed)
        differ = [n for n in order if wrong[n] != totals[n]]
        where = (
            "In this graph both orders give the same. In b = a + a; c = b + b with a = 3 they do "
            "not: depth first, b passes 1 on as soon as the first use of it has given it 1, and "
            "what its second use adds never reaches a. There"
        )
    rows = "".join(
        f"<tr><th scope=row>{html.escape(words.partial(n))}</th>"
        f"<td>{html.escape(words.amount(totals[n]))}</td>"
        f"<td class=wrong>{html.escape(words.amount(wrong.get(n, n.zero())))}</td></tr>"
        for n in differ[:20]
    )
    more = f"<p>… and {len(differ) - 20} more nodes.</p>" if len(differ) > 20 else ""
    return (
        "<p>A node may pass its gradient on only when everything that uses it has added its "
        "share. The sweep goes backwards through a topological order, so a node's turn comes "
        "after all its uses. A naive sweep goes depth first: it passes on what a node has when it "
        f"first comes to it. {html.escape(where)} it gets wrong:</p><table><thead><tr><td></td>"
        "<th scope=col>reverse sweep</th><th scope=col>depth first</th></tr></thead>"
        f"<tbody>{rows}</tbody></table>{more}"
    )


@quietly()
def depth_first(order: Sequence[Node], seed: Operand) -> dict[Node, Any]:
    """The gradients of a naive sweep, which passes on what a node has when it first comes to it.

    >>> a = Value(3.0)
    >>> b = a + a
    >>> c = b + b
    >>> wrong = depth_first(topological_order(c), 1.0)
    >>> c.backward()
    >>> (a.grad, wrong[a]), (b.grad, wrong[b])
    ((4.0, 2.0), (2.0, 2.0))
    """
    root = order[-1]
    found = {root: seed}
    visited = {root}
    path: list[Iterator[tuple[Node, Any]]] = [iter(root.contributions(seed, None, False, True))]
    while path:
        following = next(path[-1], None)
        if following is None:
            path.pop()
            continue
        operand, share = following
        found[operand] = found[operand] + share if operand in found else share
        if operand not in visited:
            visited.add(operand)
            path.append(iter(operand.contributions(found[operand], None, False, True)))
    return found


def _close(x: Operand, y: Operand) -> bool:
    """Whether two gradients differ by no more than the rounding of another order."""
    return bool(np.allclose(x, y, rtol=1e-9, atol=0, equal_nan=True))


# The page


def _transcript(frames: Sequence[Frame]) -> str:
    return "".join(
        f'<li data-phase="{frame.phase}">{html.escape(frame.sentence)}</li>' for frame in frames
    )


def _json(data: object) -> str:
    """Data for a script element, in which nothing can end it."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _filled(parts: Mapping[str, str]) -> str:
    """The template with its {{parts}}, and the digest of its script."""
    template = resources.files("autograd_mini.show").joinpath("walkthrough.html").read_text("utf-8")
    script = re.search(r"<script>(.*?)</script>", template, re.DOTALL)
    assert script is not None
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    parts = {**parts, "script": f"'sha256-{digest}'"}
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], template)
