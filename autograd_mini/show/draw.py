"""The picture of a computation graph, as DOT text that Graphviz lays out.

>>> from autograd_mini import Value
>>> x = Value(3.0, label="x")
>>> drawing = draw(x * x)
>>> print(drawing)  # doctest: +ELLIPSIS
digraph {
...
}
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, Literal

from autograd_mini.show.boxes import View
from autograd_mini.show.dot import Direction, drawing_of
from autograd_mini.show.drawing import Drawing
from autograd_mini.show.engine import Engine
from autograd_mini.show.fit import PAGES, Fit, fitted
from autograd_mini.show.names import variables
from autograd_mini.show.network import network_of_graph, network_of_model
from autograd_mini.show.network_dot import network_drawing
from autograd_mini.show.picture import picture, pictures
from autograd_mini.show.plan import Clusters, Fold
from autograd_mini.show.recorded import NODES
from autograd_mini.typing import Operand

if TYPE_CHECKING:
    from autograd_mini.check.report import GradientReport


def draw(
    node: Operand,  # a type checker takes np.sum(tensor) for an array
    *,
    fit: Fit | None = "page",
    direction: Direction | None = None,
    view: View | Literal["network"] = "both",
    to: Operand = None,
    depth: int | None = None,
    fold: Fold = True,
    clusters: Clusters = True,
    inputs: Collection[Any] | None = None,
    status: Mapping[Any, str] | None = None,
    legend: bool = True,
    max_nodes: int = 300,
    engine: Engine = "embedded",
) -> Drawing:
    """The graph that ``node`` was computed by, as a picture to save or to show in Jupyter.

    A box holds a node's name, its operation, its value and, after ``backward()``, its gradient;
    an arrow runs from an operand to a result and holds the local derivative, as formula and as
    number.  A node is called by its label, else by the local variable of the caller that holds
    it, else ``v1``, ``v2``, ...  Parameters are rounded, inputs have a folded corner, and the
    result has a double border.  An array of more than 6 elements is summed up by its mean, least
    and greatest element and a strip of colours from dark (least) to light.

    The picture fits a page: it goes from left to right, from top to bottom or in rows like text,
    which refer to boxes of other rows, and is folded where that is not enough.

    Arguments:
        node: the root, a Value or a Tensor of any shape, or a list of several; or a
            ``GradientReport``, whose quantities are marked right, inherited or wrong; or a model
            with ``named_parameters()``, or several side by side, of which the network is drawn.
        fit: where the smallest text is to be shown with at least 9 pixels, and the whole to be
            seen: ``"page"``, 830 pixels wide and as high as a sheet of paper; ``"screen"``, a
            laptop's; ``"phone"``, 360 pixels wide; or ``None``, anywhere.
        direction: ``"LR"`` from left to right, ``"TB"`` from top to bottom; by default what fits.
        view: ``"forward"`` for values alone, ``"backward"`` for gradients and what each
            operand receives, or ``"both"``; ``"network"`` for neurons in columns, and weights
            as lines between them.
        to: a node, or a list of nodes: only the way from the root to them is drawn.
        depth: how many operations back from the root are drawn.
        fold: ``True`` folds the steps of a recurrence, of three or more, from the second on, and
            a graph that does not fit: what repeats is drawn once with ``× n``, or, if that is not
            enough, layers become one box each; ``"repeats"`` and ``"layers"`` do one of the two
            in any case; ``False`` folds nothing.
        clusters: a frame around each layer.  ``True`` finds layers in the labels of parameters
            (``layer1.W``, ``W1``, ``w1[0,2]``); a model with ``named_parameters()`` tells them, or
            a dict such as ``{"hidden": [W, b]}``; ``False`` draws none.
        inputs: the leaves that are inputs.  By default those that a model in ``clusters``
            does not own, or else those called x, X, i, t, y, input, target, data and the like.
        status: for some nodes ``"right"``, ``"inherited"``, ``"wrong"`` or ``"cannot tell"``, if
            need be with a cause: ``"wrong: sign"``.
        legend: whether the kinds of boxes are explained below.
        max_nodes: the largest number of boxes to draw.
        engine: ``"embedded"`` (graphviz-pure) or ``"system"`` (the program ``dot``).

    Raises:
        ValueError: the graph has more than ``max_nodes`` boxes, or an argument is none of the
            above.
        TypeError: ``node`` is neither a Value nor a Tensor nor a report.

    >>> from autograd_mini import Value
    >>> w, x = Value(0.5), Value(2.0)
    >>> out = (w * x).sigmoid()
    >>> out.backward()
    >>> drawing = draw(out)
    >>> print(drawing.text.splitlines()[0])
    Computation graph of out: 4 nodes, 3 edges
    >>> drawing.svg()[:4]
    '<svg'
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = drawing.save(folder + "/neuron.svg")
    """
    if direction not in ("LR", "TB", None):
        raise ValueError(f"direction is 'LR', 'TB' or None for what fits, not {direction!r}")
    if fit is not None and fit not in PAGES:
        raise ValueError(f"fit is 'page', 'screen', 'phone' or None, not {fit!r}")
    if view == "network" or hasattr(node, "named_parameters") or _are_models(node):
        return _network(node, sys._getframe(1).f_locals, fit, engine, legend)
    if hasattr(node, "quantities") and hasattr(node, "root"):
        names = {**node.variables, **{id(part): name for name, part in node.nodes.items()}}
        status = {**_statuses(node), **(status or {})}
        node = node.root
    else:
        names = variables(sys._getframe(1).f_locals)
    options: dict[str, Any] = {
        "names": names,
        "view": view,
        "to": to,
        "depth": depth,
        "fold": fold,
        "clusters": clusters,
        "inputs": inputs,
        "status": status,
    }
    if fit is None:
        return drawing_of(picture(node, max_nodes, **options), direction or "LR", engine, legend)
    return fitted(pictures(node, max_nodes, **options), PAGES[fit], direction, engine, legend)


def _are_models(node: Operand) -> bool:
    return (
        isinstance(node, list | tuple)
        and bool(node)
        and all(hasattr(one, "named_parameters") for one in node)
    )


def _network(
    node: Operand, around: Mapping[str, Any], fit: Fit | None, engine: Engine, legend: bool
) -> Drawing:
    """The picture of a model, of several side by side, or of the neurons below a node."""
    width = PAGES[fit or "page"].width
    if _are_models(node):
        called = {id(value): name for name, value in reversed([*around.items()])}
        networks = [network_of_model(one, called.get(id(one), "")) for one in node]
    elif hasattr(node, "named_parameters"):
        networks = [network_of_model(node)]
    elif isinstance(node, NODES):
        networks = [network_of_graph(node, variables(around))]
    else:
        raise TypeError(
            "view='network' draws a Value or Tensor, a model with named_parameters(), or a list "
            f"of models, not {type(node).__name__}"
        )
    return network_drawing(networks, width, engine, legend)


def _statuses(report: GradientReport) -> dict[Any, str]:
    """What a report says of each node that it checked."""
    found = {}
    for name, quantity in report.quantities.items():
        if name not in report.nodes:
            continue
        words = {"agree": "right", "differ": "inherited" if quantity.inherited else "wrong"}
        told = words.get(quantity.verdict, "cannot tell")
        cause = f": {quantity.cause}" if quantity.cause and told == "wrong" else ""
        found[report.nodes[name]] = told + cause
    return found
