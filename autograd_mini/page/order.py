"""Why the order of the reverse sweep matters: what a naive sweep gets wrong in the same graph."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from autograd_mini.core.graph import quietly, topological_order
from autograd_mini.core.value import Value
from autograd_mini.page.frames import Walk
from autograd_mini.show.names import graph_names
from autograd_mini.show.recorded import Node
from autograd_mini.show.terms import Terms
from autograd_mini.typing import Operand


def why_the_order_matters(walk: Walk, seed: Operand) -> str:
    """The section of a page on it, as HTML."""
    wrong = depth_first(walk.order, seed)
    differ = [n for n in walk.order if not _close(wrong.get(n, n.zero()), walk.totals[n])]
    where = "In this graph"
    if not differ:
        a = Value(3.0, label="a")
        b = a + a
        b.label = "b"
        c = b + b
        c.label = "c"
        order = topological_order(c)
        walk = Walk(order, 1.0, Terms(order, graph_names(order, {})))
        wrong = depth_first(order, 1.0)
        differ = [n for n in order if wrong[n] != walk.totals[n]]
        where = (
            "In this graph both orders give the same. In b = a + a; c = b + b with a = 3 they do "
            "not: depth first, b passes 1 on as soon as the first use of it has given it 1, and "
            "what its second use adds never reaches a. There"
        )
    words, totals = walk.words, walk.totals
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
