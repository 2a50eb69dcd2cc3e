"""What a report can be saved as."""

from __future__ import annotations

import os
from pathlib import Path

FORMATS = (".html", ".json", ".svg", ".txt")
"""How the name of a file ends that a report is saved to."""


def format_of(path: str | os.PathLike[str]) -> str:
    """Which of them a file's name says.

    Raises:
        ValueError: a report cannot be saved as that.

    >>> format_of("report.SVG")
    '.svg'
    """
    suffix = Path(path).suffix.lower()
    if suffix not in FORMATS:
        raise ValueError(
            f"{Path(path).name!r} names no format that a report can be saved in: "
            f"end it in {', '.join(FORMATS)}"
        )
    return suffix
