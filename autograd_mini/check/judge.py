"""The verdict on one quantity: manual, automatic and numerical gradient held together."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_mini.check.kinks import at_kink
from autograd_mini.check.numerical import Numerical, Probe
from autograd_mini.check.report import AGREE, CANNOT_TELL, DIFFER
from autograd_mini.graph import is_node

Array = np.ndarray[Any, np.dtype[Any]]

EQUAL = "equal to rounding"


def judged(
    automatic: Array,
    manual: Array | None,
    tolerance: Array,
    wrong: Array,
    numerical: Numerical,
    probe: Probe,
) -> tuple[str, str]:
    """The verdict on one quantity, and the evidence for it in a sentence.

    Arguments:
        automatic: the gradient of the reverse sweep.
        manual: the hand-derived gradient, ``None`` if there is none.
        tolerance: the rounding error that the two may differ by.
        wrong: where they differ by more.
        numerical: what was probed.
        probe: to probe more.
    """
    off = numerical.refutes(automatic, tolerance)
    if manual is not None and manual.shape != automatic.shape:
        shapes = f"the manual gradient has shape {manual.shape}, the quantity {automatic.shape}"
        return DIFFER, shapes
    if manual is not None and wrong.any():
        return _differing(automatic, manual, tolerance, wrong, off, numerical, probe)
    if off.any() or numerical.refutes_along(automatic, tolerance):
        evidence = "the numerical derivative differs from the automatic gradient"
        if off.any():
            at = _farthest(numerical.values, automatic, off)
            evidence += f" at {_place(at)}: {numerical.at(at)}, automatic {automatic[at]:.6g}"
        return (DIFFER if manual is None else CANNOT_TELL), evidence
    vague = numerical.vague(automatic)
    if manual is None and vague.any():
        at = _index(int(np.argmax(vague)), vague)
        return CANNOT_TELL, f"{numerical.at(at)} at {_place(at)} is too uncertain to judge by"
    return AGREE, EQUAL + _aside(automatic, numerical)


def _differing(
    automatic: Array,
    manual: Array,
    tolerance: Array,
    wrong: Array,
    off: Array,
    numerical: Numerical,
    probe: Probe,
) -> tuple[str, str]:
    """The verdict where a manual gradient is not the automatic one."""
    refuted = numerical.refutes(manual, tolerance)
    at = _farthest(manual, automatic, wrong)
    values = f"manual {manual[at]:.6g}, automatic {automatic[at]:.6g}, {numerical.at(at)}"
    if not (wrong & refuted).any() and _is_convention(manual, wrong, tolerance, numerical, probe):
        return AGREE, (
            f"{EQUAL} but for {_places(wrong)}, where {_kinked(numerical)} no derivative and any "
            f"value between the slopes on the two sides will do: {values}"
        )
    evidence = f"{int(wrong.sum())} of {wrong.size} elements differ; at {_place(at)} {values}"
    if (wrong & refuted & ~off).any():
        return DIFFER, evidence
    if (wrong & off & ~refuted).any():
        evidence += ": manual and numerical agree, the automatic gradient is the odd one out"
    return CANNOT_TELL, evidence


def _is_convention(
    manual: Array, wrong: Array, tolerance: Array, numerical: Numerical, probe: Probe
) -> bool:
    """Whether a gradient differs at kinks alone, and lies between the slopes on their two sides.

    Not only element by element: if 1 and 1 are each a slope of ``max`` of two equal numbers,
    1 for both is none.
    """
    probed = wrong & numerical.probed
    if not probed.any() or not numerical.at_kinks[probed].all():
        return False
    together = probe.along(wrong * 1.0, 0.0)
    claim, room = float(np.sum(manual[wrong])), float(np.sum(tolerance[wrong]))
    return bool(np.isfinite(together.error)) and not together.excludes(claim, room)


def _aside(automatic: Array, numerical: Numerical) -> str:
    """What there is to say about kinks where all agree; usually nothing."""
    if numerical.at_kinks.any():
        at = _index(int(np.argmax(numerical.at_kinks)), numerical.at_kinks)
        return (
            f"; at {_places(numerical.at_kinks)} {_kinked(numerical)} no derivative: "
            f"{numerical.at(at)}, by convention {automatic[at]:.6g}"
        )
    for node, where in numerical.crossings.items():
        return (
            f"; a step of the differences crosses the kink of {node.op} at {_places(where)}, so "
            "the complex step was taken"
        )
    return ""


def _kinked(numerical: Numerical) -> str:
    """The operations that have no derivative, with the verb that follows."""
    found = []
    for node in numerical.kinks:
        labels = [p.label for p in node.parents if is_node(p) and p.label]
        name = f"{node.op}({', '.join(labels)})" if labels else str(node.op)
        shown = f"{name} at {_places(at_kink(node))}" if np.ndim(node.data) else name
        found.append(shown)
    names = list(dict.fromkeys(found))
    return f"{' and '.join(names)} {'has' if len(names) == 1 else 'have'}"


def _farthest(other: Array, automatic: Array, among: Array) -> tuple[int, ...]:
    with np.errstate(invalid="ignore"):
        gap = np.nan_to_num(np.abs(other - automatic), nan=np.inf)
    return _index(int(np.argmax(np.where(among, gap, -1.0))), gap)


def _index(flat: int, array: Array) -> tuple[int, ...]:
    return tuple(int(i) for i in np.unravel_index(flat, array.shape))


def _place(index: tuple[int, ...]) -> str:
    return f"[{', '.join(map(str, index))}]" if index else "the number"


def _places(where: Array) -> str:
    """The first few places where something holds."""
    found = [tuple(int(i) for i in index) for index in np.argwhere(where)]
    more = f" and {len(found) - 3} more" if len(found) > 3 else ""
    return ", ".join(map(_place, found[:3])) + more
