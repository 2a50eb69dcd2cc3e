"""Allocations that fail in work with Values: what comes after is right, and nothing crashes."""

from __future__ import annotations

import os
import signal
import sys
from collections import Counter
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from helpers import fork

from autograd_mini._build import build
from autograd_mini.core import graph

CHOSEN = sys.modules["autograd_mini.core.value"]
OTHER = build.other()
BUILDS = [module for module in (CHOSEN, OTHER) if module is not None]

# Allocations that fail


def graph_of(value: Any) -> tuple[list[Any], Any]:
    """Leaves and a root: chains, reuse, neurons, and so wide that the sweep's stack grows."""
    leaves = [value.Value(0.1 * i, f"x{i}") for i in range(5)]
    nodes = list(leaves)
    for i in range(30):
        a, b = nodes[i * 7 % len(nodes)], nodes[(i * 3 + 1) % len(nodes)]
        made = [a + b, a * b * 0.3, a.tanh(), value.weighted_sum([a, b], [b, 2.0], 1.0), a - b]
        nodes.append(made[i % 5])
    level = [nodes[-1] * float(i) for i in range(300)]
    while len(level) > 1:
        level = [a + b for a, b in zip(level[::2], level[1::2], strict=False)]
    return leaves, level[0]


def refused(value: Any, leaves: list[Any], root: Any) -> None:
    """An error, handled in the frame that called.

    CPython 3.11 loses an error that leaves a frame if it has no memory for the object of the
    next frame: a SystemError.  The plain build has frames of its own.
    """
    lost = (SystemError,) if value.__file__.endswith(".py") else ()
    with suppress(ValueError, *lost):
        (root * 0 - 1).log()


WORK = {
    "sweep": lambda value, leaves, root: root.backward(),
    "sweeps": lambda value, leaves, root: [root.backward(), root.parents[0].backward()],
    "operations": lambda value, leaves, root: (root * 2 + 1).tanh(),
    "leaves": lambda value, leaves, root: [value.Value(1.0, "q") for _ in range(50)],
    "neuron": lambda value, leaves, root: value.weighted_sum(leaves, leaves, root),
    "several operands": lambda value, leaves, root: value.VALUE_FUNCTIONS["clip"](
        root, *leaves[:2]
    ),
    "object array": lambda value, leaves, root: np.add(np.array(leaves, object), root),
    "error": refused,
    "gradients": lambda value, leaves, root: graph.gradients(root, leaves),
}


def after_failing_allocation(value: Any, work: str, first: int, last: int) -> int:
    """0 if the next sweep is right after allocations first … last of some work have failed."""
    testcapi = pytest.importorskip("_testcapi")
    leaves, root = graph_of(value)
    WORK[work](value, leaves, root)  # what is parsed once is: CPython's parser loses its errors
    for leaf in leaves:
        leaf.zero_grad()
    root.backward()
    wanted = [leaf.grad for leaf in leaves]
    try:
        testcapi.set_nomemory(first, last)
        try:
            WORK[work](value, leaves, root)
        finally:
            testcapi.remove_mem_hooks()
    except (MemoryError, ValueError):
        pass
    for leaf in leaves:
        leaf.zero_grad()
    root.backward()
    return int([leaf.grad for leaf in leaves] != wanted)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="each try is a process")
@pytest.mark.parametrize("all_from_there", [False, True], ids=["one", "all from there"])
@pytest.mark.parametrize("work", WORK)
@pytest.mark.parametrize("value", BUILDS, ids=lambda module: module.__name__.rpartition("_")[2])
def test_what_comes_after_a_failed_allocation_is_right(
    value: Any, work: str, all_from_there: bool
) -> None:
    pytest.importorskip("_testcapi")
    outcomes = Counter()
    places = [*range(20), *range(20, 300, 2)]
    several = 10  # in one process: a fork takes longer than a try
    for start in range(0, len(places), several):
        child = fork()
        if not child:
            signal.alarm(20)  # a lock that was not released
            os.close(2)  # of exceptions that could not be raised
            status = 3
            try:
                status = max(
                    after_failing_allocation(value, work, place, 0 if all_from_there else place + 1)
                    for place in places[start : start + several]
                )
            finally:
                os._exit(status)
        outcomes[os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])] += 1
    assert outcomes.keys() == {0}, "1: wrong afterwards, 3: another error, negative: crashed"
