"""The verdict on one quantity: manual, automatic and numerical gradient held together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

import numpy as np

from autograd_mini.check.kinks import at_jump, at_kink
from autograd_mini.check.probe import Comparison, Direction, Numerical, largest
from autograd_mini.check.result import AGREE, CANNOT_TELL, DIFFER, ENGINE_IS_ODD, Quantity
from autograd_mini.core.graph import Node, is_node
from autograd_mini.typing import Array

EQUAL = "equal to rounding"


def verdicts(comparisons: Iterable[Comparison], unjudged: Mapping[str, str]) -> list[Quantity]:
    """Each quantity with a verdict and the evidence for it.

    Arguments:
        comparisons: the gradients of each quantity beside each other.
        unjudged: why some quantities cannot be judged.
    """
    return list(map(partial(_quantity, unjudged), comparisons))  # each is freed before the next


def _quantity(unjudged: Mapping[str, str], compared: Comparison) -> Quantity:
    automatic, numerical, gap = compared.automatic, compared.numerical, compared.gap
    comparable = gap is not None or compared.manual is None
    if gap is None:
        gap = np.abs(numerical.values - automatic.flat[numerical.probed])
    worst = float(np.max(gap, initial=0.0))
    worst = np.inf if np.isnan(worst) else worst
    verdict, evidence = CANNOT_TELL, unjudged.get(compared.name, "")
    if compared.name not in unjudged:
        verdict, evidence = judged(compared)
    return Quantity(
        name=compared.name,
        shape=automatic.shape,
        verdict=verdict,
        evidence=evidence,
        inherited=False,
        causes=(),
        expected=automatic,
        automatic=automatic,
        manual=compared.manual,
        numerical=numerical.over(automatic.shape, numerical.values),
        numerical_error=numerical.over(automatic.shape, numerical.errors),
        max_error=worst / (largest(automatic) or 1.0) if comparable else np.inf,
    )


def judged(compared: Comparison) -> tuple[str, str]:
    """The verdict on one quantity, and the evidence for it in a sentence."""
    automatic, manual, tolerance = compared.automatic, compared.manual, compared.tolerance
    numerical, shape = compared.numerical, compared.automatic.shape
    if manual is not None and manual.shape != shape:
        return DIFFER, f"the manual gradient has shape {manual.shape}, the quantity {shape}"
    if manual is not None and compared.wrong.any():
        return _differing(compared, manual)
    off = numerical.refutes(automatic, tolerance)
    if off.any() or numerical.refutes_along(automatic, tolerance):
        evidence = "the numerical derivative differs from the automatic gradient"
        if off.any():
            at = _farthest(numerical.values, automatic.flat[numerical.probed], off)
            flat = int(numerical.probed[at])
            right = automatic.flat[flat]
            evidence += f" at {_place(flat, shape)}: {numerical.at(flat)}, automatic {right:.6g}"
        return (DIFFER if manual is None else CANNOT_TELL), evidence
    vague = numerical.vague(automatic)
    if manual is None and vague.any():
        if numerical.jumps:
            return CANNOT_TELL, f"{_named(numerical.jumps, at_jump)}, where there is no derivative"
        flat = int(numerical.probed[np.argmax(vague)])
        uncertain = f"{numerical.at(flat)} at {_place(flat, shape)} is too uncertain to judge by"
        return CANNOT_TELL, uncertain
    return AGREE, EQUAL + _aside(automatic, numerical)


def _differing(compared: Comparison, manual: Array) -> tuple[str, str]:
    """The verdict where a manual gradient is not the automatic one."""
    automatic, wrong, numerical = compared.automatic, compared.wrong, compared.numerical
    off = numerical.refutes(automatic, compared.tolerance)
    refuted = numerical.refutes(manual, compared.tolerance)
    wrong_here = wrong.flat[numerical.probed]
    at, shape = _farthest(manual, automatic, wrong), wrong.shape
    sides = f"manual {manual.flat[at]:.6g}, automatic {automatic.flat[at]:.6g}"
    values = f"{sides}, {numerical.at(at)}"
    agreed = not (wrong_here & refuted).any()
    if agreed and _is_convention(compared, manual):
        return AGREE, (
            f"{EQUAL} but for {_places(wrong)}, where {_kinked(numerical)} no derivative and any "
            f"value between the slopes on the two sides will do: {values}"
        )
    count = np.count_nonzero(wrong)
    evidence = f"{count} of {wrong.size} elements differ; at {_place(at, shape)} {values}"
    if (wrong_here & refuted & ~off).any():
        return DIFFER, evidence
    if (wrong_here & off & ~refuted).any():
        evidence += f": {ENGINE_IS_ODD}"
    elif numerical.jumps:
        evidence += f"; {_named(numerical.jumps, at_jump)}, where there is no derivative"
    return CANNOT_TELL, evidence


def _is_convention(compared: Comparison, manual: Array) -> bool:
    """Whether a gradient differs at kinks alone, and lies between the slopes on their two sides.

    Not only element by element: if 1 and 1 are each a slope of ``max`` of two equal numbers,
    1 for both is none.
    """
    wrong, numerical = compared.wrong, compared.numerical
    wrong_here = wrong.flat[numerical.probed]
    if not wrong_here.any() or not numerical.at_kinks[wrong_here].all():
        return False
    together = compared.probe.along(Direction(..., wrong * 1.0), 0.0)
    claim, room = float(np.sum(manual[wrong])), float(np.sum(compared.tolerance[wrong]))
    return bool(np.isfinite(together.error)) and not together.excludes(claim, room)


def _aside(automatic: Array, numerical: Numerical) -> str:
    """What there is to say about kinks where all agree; usually nothing."""
    at_kinks = numerical.probed[numerical.at_kinks]
    if at_kinks.size:
        flat, places = int(at_kinks[0]), _places_of(at_kinks, automatic.shape)
        return (
            f"; at {places} {_kinked(numerical)} no derivative: {numerical.at(flat)}, "
            f"by convention {automatic.flat[flat]:.6g}"
        )
    if numerical.jumps:
        return (
            f"; {_named(numerical.jumps, at_jump)}, where there is no derivative but a convention"
        )
    for node, where in numerical.crossings.items():
        what = (
            "a jump" if node.operation is not None and node.operation.discontinuous else "the kink"
        )
        return (
            f"; a step of the differences crosses {what} of {node.op} at {_places(where)}, so "
            "the complex step was taken"
        )
    return ""


def _kinked(numerical: Numerical) -> str:
    """The operations that have no derivative, with the verb that follows."""
    return _named(numerical.kinks, at_kink, "has", "have")


def _named(
    nodes: Sequence[Node],
    where: Callable[[Node], Array | None],
    one: str = "jumps",
    many: str = "jump",
) -> str:
    """Operations with the elements that are meant, and a verb for one or for several."""
    names = []
    for node in nodes:
        labels = [p.label for p in node.parents if is_node(p) and p.label]
        name = f"{node.op}({', '.join(labels)})" if labels else str(node.op)
        at = where(node) if np.ndim(node.data) else None
        shown = name if at is None else f"{name} at {_places(at)}"
        names.append(shown)
    names = list(dict.fromkeys(names))
    return f"{' and '.join(names)} {one if len(names) == 1 else many}"


def _farthest(other: Array, automatic: Array, among: Array) -> int:
    """Where an array is farthest off, among some elements: the place in the flat array."""
    places = np.flatnonzero(among)
    with np.errstate(invalid="ignore"):
        gap = np.abs(other.flat[places] - automatic.flat[places])
    return int(places[np.argmax(np.nan_to_num(gap, nan=np.inf))])


def _place(flat: int, shape: tuple[int, ...]) -> str:
    index = np.unravel_index(flat, shape)
    return f"[{', '.join(map(str, index))}]" if index else "the number"


def _places(where: Array) -> str:
    """The first few places where something holds."""
    return _places_of(np.flatnonzero(where), where.shape)


def _places_of(places: Array, shape: tuple[int, ...]) -> str:
    """The first few of some places in a flat array."""
    more = f" and {len(places) - 3} more" if len(places) > 3 else ""
    return ", ".join(_place(int(flat), shape) for flat in places[:3]) + more
