"""Pictures that move: a network while it is trained, and the reverse sweep of a graph.

>>> import tempfile
>>> from autograd_mini import Value
>>> w, x = Value(0.5), Value(2.0)
>>> out = (w * x).sigmoid()
>>> with tempfile.TemporaryDirectory() as folder:
...     path = animate(out, folder + "/sweep.svg")
...     "@keyframes" in Path(path).read_text("utf-8")
True
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from autograd_mini.core.graph import reverse_sweep, topological_order
from autograd_mini.core.tensor import Tensor
from autograd_mini.files import write_whole
from autograd_mini.show import theme
from autograd_mini.show.engine import Engine, render
from autograd_mini.show.fit import PAGES, fitted
from autograd_mini.show.names import names_of, variables
from autograd_mini.show.network import Network, network_of_model
from autograd_mini.show.network_dot import network_drawing
from autograd_mini.show.picture import pictures
from autograd_mini.show.recorded import NODES, Node
from autograd_mini.typing import Array, Operand

SECONDS_A_STEP = 0.9
"""How long one step of a sweep is looked at."""

SECONDS, MOST_FRAMES = 6.0, 60
"""How long a training lasts, and how many of its snapshots are drawn."""

DOTS = 96
"""A frame's dots to an inch: a film is smaller than a picture to print."""

MOST_STEPS = 120


def animate(
    what: Operand,
    path: str | os.PathLike[str],
    *,
    engine: Engine = "embedded",
    seconds: float | None = None,
) -> str:
    """Write a picture that moves, and give its path.

    Arguments:
        what: a Value, or a Tensor of one number: its reverse sweep, in which the gradients appear
            one after the other; or a ``History`` whose run had the callback ``nn.Snapshots()``,
            or a list of models, or of dicts of weight matrices by name: the network, frame by
            frame.
        path: where to: ``.svg`` of a sweep, which is pure SVG and needs no script; ``.gif`` of a
            training, for which Pillow is needed.
        engine: as for ``draw``.
        seconds: how long it lasts before it begins again.

    Raises:
        ValueError: the path ends otherwise, there is nothing to show, or the graph has more than
            120 nodes.
        RuntimeError: Pillow is not installed.
    """
    suffix = Path(path).suffix.lower()
    expected = ".svg" if isinstance(what, NODES) else ".gif"
    if suffix != expected:
        kind = "a sweep" if expected == ".svg" else "a training"
        raise ValueError(f"{kind} is written as {expected}, not {os.fspath(path)!r}")
    if isinstance(what, NODES):
        held = variables(sys._getframe(1).f_locals)
        write_whole(path, _sweep(what, held, engine, seconds).encode())
    else:
        write_whole(path, _training(what, engine, seconds or SECONDS))
    return os.fspath(path)


# The reverse sweep


def _sweep(root: Node, held: Mapping[int, str], engine: Engine, seconds: float | None) -> str:
    order = topological_order(root)
    if len(order) > MOST_STEPS:
        raise ValueError(
            f"the graph has {len(order)} nodes, a sweep is shown of at most {MOST_STEPS}: show a "
            "part of it, as of a smaller input"
        )
    if isinstance(root, Tensor) and root.size != 1:
        raise ValueError(f"a sweep starts from one number, not from shape {root.shape}: np.sum it")
    totals = dict(reverse_sweep(order, root.seed(None)))
    names = names_of(order, held)
    made_up = (f"v{i}" for i in range(1, len(order) + 1) if f"v{i}" not in names)
    called = {id(n): name or next(made_up) for n, name in zip(order, names, strict=True)}
    options: dict[str, Any] = {
        "names": held,
        "called": called,
        "gradients": {id(node): totals.get(node, node.zero()) for node in order},
        "fold": False,
    }
    drawing = fitted(pictures(root, **options), PAGES["page"], None, engine, True)
    place = {id(node): i for i, node in enumerate(order)}
    steps = [place[id(node)] for node in totals]
    prefix = drawing.ids[0].rpartition("_n")[0]
    length = seconds or SECONDS_A_STEP * (len(steps) + 2)
    style = sweep_style(prefix, steps, length)
    return drawing.svg().replace("</style>", f"{style}</style>", 1)


def sweep_style(prefix: str, steps: Sequence[int], seconds: float) -> str:
    """The rules by which gradients of a picture appear one after the other, again and again.

    Arguments:
        prefix: that of the picture's ids.
        steps: the places of nodes, in the order of the sweep.
        seconds: how long the whole takes.
    """
    rules = []
    for step, place in enumerate(steps):
        start, end = (100 * (step + shift) / (len(steps) + 2) for shift in (0.5, 1.5))
        name, box = f"{prefix}s{place}", f"#{prefix}_n{place}"
        hidden = f"0%,{start:.2f}%{{visibility:hidden}}"
        thick = f"{start + 0.01:.2f}%,{end - 0.01:.2f}%{{stroke-width:4}}"
        rules += [
            f"@keyframes {name}{{{hidden}{start + 0.01:.2f}%,100%{{visibility:visible}}}}",
            f"@keyframes {name}b{{0%,{start:.2f}%,{end:.2f}%,100%{{stroke-width:1}}{thick}}}",
            f'{box} text[fill="{theme.INK["gradient"]}"]{{animation:{name} {seconds}s infinite}}',
            f"{box} :is(path,polygon):not([stroke=none]){{animation:{name}b {seconds}s infinite}}",
        ]
    return f"@media (prefers-reduced-motion:no-preference){{{''.join(rules)}}}"


# A training


class _Weights:
    """Arrays by name, as a model has its parameters."""

    def __init__(self, arrays: Mapping[str, Array]) -> None:
        self.arrays = arrays

    def named_parameters(self) -> list[tuple[str, Tensor]]:
        return [(name, Tensor(array)) for name, array in self.arrays.items()]


def _training(what: Operand, engine: Engine, seconds: float) -> bytes:
    snapshots: list[Any] = list(getattr(what, "snapshots", what) or ())
    if not snapshots:
        raise ValueError(
            "this history holds no weights: train with nn.fit(..., callbacks=[nn.Snapshots()])"
        )
    pick = sorted({round(i * (len(snapshots) - 1) / (MOST_FRAMES - 1)) for i in range(MOST_FRAMES)})
    networks: list[Network] = []
    for i in pick:
        one = snapshots[i]
        model = _Weights(one) if isinstance(one, Mapping) else one
        networks.append(network_of_model(model, f"{i} of {len(snapshots) - 1}"))
    try:
        image: Any = import_module("PIL.Image")
    except ImportError:
        raise RuntimeError(
            "a .gif is put together by Pillow, which is not installed: run `pip install pillow`"
        ) from None
    width = PAGES["page"].width
    drawings = [network_drawing([one], width, engine, scale=networks) for one in networks]
    pngs = [render(str(one), "png", engine=engine, layout="nop2", dots=DOTS) for one in drawings]
    frames = [image.open(io.BytesIO(png)) for png in pngs]
    size = max(frame.width for frame in frames), max(frame.height for frame in frames)
    even = [image.new("RGB", size, "white") for _ in frames]
    for whole, frame in zip(even, frames, strict=True):
        whole.paste(frame.convert("RGB"), (0, 0))
    written = io.BytesIO()
    even[0].save(
        written,
        "GIF",
        save_all=True,
        append_images=even[1:],
        duration=max(20, round(1000 * seconds / len(even))),
        loop=0,
    )
    return written.getvalue()
