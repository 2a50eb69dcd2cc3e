"""What is said where nothing can be told."""

from __future__ import annotations


class CannotTell(ValueError):
    """What is to be checked is not clear; the message says what was found, and asks one thing.

    Attributes:
        progress: how much was clear: of several refusals that of the greatest is told.
    """

    def __init__(self, message: str, progress: int = 0) -> None:
        super().__init__(message)
        self.progress = progress
