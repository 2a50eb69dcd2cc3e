"""How results show themselves in a notebook."""

from __future__ import annotations

import html

LONGEST = 24
"""Of a longer text the first and last lines are shown."""


def preformatted(text: str, longest: int = LONGEST) -> str:
    r"""A table of text as HTML, in letters of one width; of a long one the middle is left out.

    >>> preformatted("a < b")
    '<pre>a &lt; b</pre>'
    >>> preformatted("1\n2\n3\n4\n5\n6", longest=4)
    '<pre>1\n2\n… 3 lines left out\n6</pre>'
    """
    lines = text.split("\n")
    if len(lines) > longest:
        first, last = longest // 2, longest - longest // 2 - 1
        lines[first:-last] = [f"… {len(lines) - first - last} lines left out"]
    return f"<pre>{html.escape(chr(10).join(lines), quote=False)}</pre>"


class Table(str):
    """Text of several lines that a notebook, and the console, show as lines."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return preformatted(self, longest=200)
