"""A Figure that a notebook shows, whether or not pyplot has been imported.  Needs Matplotlib."""

from __future__ import annotations

import io

from matplotlib.figure import Figure


class ShownFigure(Figure):
    """A Figure that is drawn where it is the result of a notebook's cell."""

    def _repr_png_(self) -> bytes:
        written = io.BytesIO()
        self.savefig(written, format="png")
        return written.getvalue()
