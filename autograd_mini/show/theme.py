"""How a picture looks: shapes, colours and what becomes of the colours in the dark.

The colours are tints of those of Okabe and Ito, which colour-blind readers tell apart; shapes
and borders say the same without colour.
"""

from __future__ import annotations

from collections.abc import Iterable

from autograd_mini.show.heat import CIVIDIS, DIVERGING

GRAPH = {"newrank": "true", "bgcolor": "white", "nodesep": "0.16", "pad": "0.1"}
RANKSEP = {"LR": "0.17", "TB": "0.42"}
NODE = {
    "fontname": "Helvetica", "fontsize": "10", "shape": "box", "margin": "0.08,0.05",
    "width": "0", "height": "0", "penwidth": "1",
}  # fmt: skip
EDGE = {
    "fontname": "Helvetica", "fontsize": "9", "fontcolor": "#404040", "color": "#6b6b6b",
    "arrowsize": "0.6", "penwidth": "0.9",
}  # fmt: skip
"""No other font name than Helvetica has right metrics in every engine."""

QUICK = {"mclimit": "0.1", "nslimit": "0.2", "nslimit1": "2"}
"""For large graphs: an end to the search for fewer crossings and for shorter arrows."""

CLUSTER = {
    "fontname": "Helvetica", "fontsize": "10", "fontcolor": "#404040", "color": "#b0b0b0",
    "style": "rounded", "labeljust": "l", "margin": "10", "peripheries": "1",
}  # fmt: skip

KINDS = {
    "parameter": {"style": "rounded,filled", "fillcolor": "#dcedf8", "color": "#0072b2"},
    "input": {"shape": "note", "style": "filled", "fillcolor": "#f6e4ee", "color": "#a0527d"},
    "operation": {"style": "filled", "fillcolor": "#ffffff", "color": "#6b6b6a"},
    "reference": {"style": "dashed,filled", "fillcolor": "#f2f2f2", "color": "#8a8a8a"},
    "layer": {
        "shape": "box3d",
        "margin": "0.16,0.1",
        "style": "filled",
        "fillcolor": "#e8f1e4",
        "color": "#4d7a3a",
    },
}
"""The style of each kind of box."""

IN_WORDS = {"input": " (corner folded)", "reference": " to another row", "layer": " (block)"}
"""What a legend adds to the name of a kind whose shape it cannot show."""

ROOT = {"peripheries": "2", "fillcolor": "#fdf0d5", "color": "#9a6700", "penwidth": "1.2"}

STATUS = {
    "wrong": {"fillcolor": "#fbd9cc", "color": "#b03a00", "penwidth": "3"},
    "inherited": {"fillcolor": "#fff3c4", "color": "#8f6b00", "penwidth": "2"},
    "both repeated": {"fillcolor": "#fff3c4", "color": "#8f6b00", "penwidth": "2"},
    "cannot tell": {"fillcolor": "#ececec", "color": "#4a4a4a", "penwidth": "2"},
    "right": {"fillcolor": "#d9f2e6", "color": "#00735a", "penwidth": "1.2"},
}
"""What a check, or broadcasting that is hardly meant, changes of a box."""

RESIDUAL = {"penwidth": "2.2", "color": "#4d7a3a"}
"""An arrow that leaps over what the other operand of a sum was computed by."""

SCALES = {
    "value": ((CIVIDIS[0], "least"), (CIVIDIS[-1], "greatest")),
    "gradient": ((DIVERGING[0], "below 0"), (DIVERGING[1], "0"), (DIVERGING[2], "above 0")),
}
"""The colours of an array's elements, and what they mean."""

INK = {"value": "#1a1a1a", "gradient": "#a33e00", "check": "#1a1a1b"}
QUIET = "#5f5f5f"

DARK = {
    "white": "#16181c",
    "black": "#e8e8e8",
    "#1a1a1a": "#f0f0f0",
    "#1a1a1b": "#ffffff",
    "#a33e00": "#ffb07c",
    "#5f5f5f": "#b0b4ba",
    "#404040": "#c8ccd2",
    "#6b6b6b": "#9aa0a8",
    "#b0b0b0": "#5a6068",
    "#dcedf8": "#12344d",
    "#0072b2": "#56b4e9",
    "#f6e4ee": "#45243a",
    "#a0527d": "#e39cc4",
    "#f2f2f2": "#2a2d33",
    "#8a8a8a": "#8a8f98",
    "#ffffff": "#22262c",
    "#6b6b6a": "#a8aeb6",
    "#e8f1e4": "#20361a",
    "#4d7a3a": "#9ccf86",
    "#fdf0d5": "#473309",
    "#9a6700": "#f0b849",
    "#fbd9cc": "#5e1f08",
    "#b03a00": "#ff8a5c",
    "#fff3c4": "#4a3d06",
    "#8f6b00": "#f2d24b",
    "#ececec": "#34373d",
    "#4a4a4a": "#d0d0d0",
    "#d9f2e6": "#0b3d2e",
    "#00735a": "#3ddbb0",
}
"""The colour of each colour in the dark.  Those of an array's elements stay."""


DRAWING = "autograd-mini"
"""The class of an SVG."""

IN_A_PAGE = (
    f"@media screen,print{{svg.{DRAWING}:not(:root){{max-width:100%;height:auto;cursor:zoom-in}}"
    f"svg.{DRAWING}:not(:root):focus{{max-width:none;width:200%;cursor:zoom-out}}}}"
)
"""An SVG in a page is no wider than what it stands in, and twice as wide while it has the focus; a
file that is opened by itself has its own size.  Programs that know no ``@media``, such as CairoSVG,
have no ``auto`` either."""


def style_sheet(prefix: str, svg: str) -> str:
    """The rules that fit an SVG into a page, and show it in dark colours to those who prefer them.

    Arguments:
        prefix: the ``id`` of the picture's outermost group; no colour reaches beyond it.
        svg: the picture, in light colours.
    """
    rules = []
    for light, dark in DARK.items():
        for what in ("fill", "stroke"):
            if f'{what}="{light}"' in svg:
                rules.append(f'#{prefix} [{what}="{light}"]{{{what}:{dark}}}')
    rules.append(f"#{prefix} text:not([fill]){{fill:{DARK['black']}}}")
    return "@media (prefers-color-scheme:dark){" + "".join(rules) + "}" + IN_A_PAGE


def legend(kinds: Iterable[str], statuses: Iterable[str]) -> list[tuple[str, dict[str, str]]]:
    """The entries of a legend: what is named, and the style of its cell."""
    entries = [(kind, KINDS[kind]) for kind in KINDS if kind in set(kinds)]
    if "result" in set(kinds):
        entries.append(("result", ROOT))
    found = set(statuses)
    return entries + [(status, style) for status, style in STATUS.items() if status in found]
