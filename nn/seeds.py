"""Where random numbers come from: always a seeded Generator, so that a rerun gives the same."""

from __future__ import annotations

import numpy as np

Seed = int | np.random.Generator | None

_shared = np.random.default_rng(0)


def generator(rng: Seed) -> np.random.Generator:
    """The Generator that an argument ``rng`` stands for.

    Arguments:
        rng: a Generator, which is used as it is; a seed; or ``None`` for one Generator that
            is shared by everything in ``nn`` and starts from seed 0 in each process.

    Raises:
        TypeError: ``rng`` is something else, such as NumPy's old ``RandomState``.

    >>> bool(generator(7).random() == np.random.default_rng(7).random())
    True
    """
    if rng is None:
        return _shared
    if isinstance(rng, np.random.Generator):
        return rng
    if isinstance(rng, int | np.integer) and not isinstance(rng, bool):
        return np.random.default_rng(rng)
    raise TypeError(
        f"rng is a seed or a numpy.random.Generator, not {type(rng).__name__}: "
        "write rng=0 or rng=np.random.default_rng(0)"
    )
