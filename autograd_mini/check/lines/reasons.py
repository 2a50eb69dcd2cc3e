"""What is wrong with a line, in a sentence that is made of the edit and of what the names are."""

from __future__ import annotations

from collections.abc import Callable

from autograd_mini.check.lines.edits import Edit


def reason(edit: Edit, meaning: Callable[[str], str]) -> tuple[str, str]:
    """A code of ``CAUSES``, and what is wrong with the line, in a sentence."""
    return "unknown", edit.kind
