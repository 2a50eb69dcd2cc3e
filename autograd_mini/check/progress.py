"""What is going on, on a terminal, where a check takes seconds."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

PATIENCE = 1.0
"""After so many seconds it is shown what is going on."""


def shown(numbers: Sequence[int], text: str) -> Iterator[int]:
    """The same numbers, and how far it is with them."""
    if not sys.stderr.isatty():
        return iter(numbers)
    from tqdm import tqdm  # type: ignore[import-untyped]

    return iter(tqdm(numbers, text, delay=PATIENCE, leave=False))


@contextmanager
def told() -> Iterator[Callable[[str], None]]:
    """Shows what is said, on one line."""
    if not sys.stderr.isatty():
        yield lambda text: None
        return
    from tqdm import tqdm

    with tqdm(bar_format="{desc}", delay=PATIENCE, leave=False) as line:

        def say(text: str) -> None:
            line.set_description_str(text, refresh=False)
            line.update()

        yield say
