"""What is known of the gradients of each layer, the verdict, and the advice."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from autograd_mini.nn.notebook import preformatted
from autograd_mini.nn.training.ends import ends_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FADED = 1e-3
"""The first layer's gradient is vanishing below this share of the last one's, and exploding
above its inverse."""

SATURATED_SLOPE = 0.05
"""A unit is saturated where its activation's slope is below this share of its greatest."""

MANY = {"saturated": 0.5, "dead": 0.9}
"""The share of such units that is worth a word.  Of relu units that the samples do not tell apart
half are dead for all of them: it takes more to say that a layer is."""

SMALL_STEP, LARGE_STEP = 1e-6, 0.1
"""Updates outside this range of the weights' size teach too slowly, or destroy."""


@dataclass(frozen=True)
class LayerHealth:
    """One layer's figures.

    Attributes:
        name: the dotted name of the layer that owns the weights.
        gradient: the root mean square of the gradient of its weights.
        delta: the root mean square of the gradient of its outputs, which is what vanishes or
            explodes by depth; NaN if the outputs were not seen.
        weight: the root mean square of its weights.
        update: the size of an update as a share of the weights' size; NaN if none was seen.
        saturated: the share of outputs, over units and samples, where the activation is flat; NaN
            if it has no flat parts or its outputs were not seen.
        dead: the share of relu units that are 0 for every sample; NaN for other units.
    """

    name: str
    gradient: float
    weight: float
    delta: float = math.nan
    update: float = math.nan
    saturated: float = math.nan
    dead: float = math.nan


@dataclass(frozen=True, repr=False)
class HealthReport:
    """What ``gradient_health`` found.

    Attributes:
        layers: one ``LayerHealth`` for each layer with weights, first to last.
        activation: the name of the activation that most layers have; empty if not known.
    """

    layers: list[LayerHealth]
    activation: str = ""

    @property
    def ratio(self) -> float:
        """The first layer's gradient divided by the last one's: of the outputs, if seen."""
        first, last = self.layers[0].delta, self.layers[-1].delta
        if math.isnan(first) or math.isnan(last):
            first, last = self.layers[0].gradient, self.layers[-1].gradient
        return first / last if last else math.nan if not first else math.inf

    @property
    def verdict(self) -> str:
        """``"healthy"``, ``"vanishing"``, ``"exploding"``, ``"saturated"``, ``"dead"`` or
        ``"not finite"``.
        """
        gradients = [layer.gradient for layer in self.layers]
        if not np.isfinite(gradients).all():
            return "not finite"
        if self._with_many("dead"):
            return "dead"
        if not any(gradients) or self.ratio < FADED:
            return "vanishing"
        if self.ratio > 1 / FADED:
            return "exploding"
        return "saturated" if self._with_many("saturated") else "healthy"

    def _with_many(self, what: str) -> list[LayerHealth]:
        return [layer for layer in self.layers if getattr(layer, what) > MANY[what]]

    @property
    def advice(self) -> list[str]:
        """What is wrong, each with its remedy; the gravest first."""
        return list(self._advice())

    def _advice(self) -> Iterator[str]:
        verdict = self.verdict
        if verdict == "not finite":
            worst = next(x for x in self.layers if not math.isfinite(x.gradient))
            yield (
                f"the gradient of {worst.name} is NaN or infinite. Lower the rate, limit the "
                "gradients (nn.fit(..., clip_norm=1.0)), and find the operation with ag.debug()"
            )
        elif verdict == "vanishing":
            yield (
                f"vanishing gradients: the first layer's gradient is {self.ratio:.1e} of the last "
                f"one's. {_against_vanishing(self.activation)}; nn.BatchNorm before "
                "each activation or nn.Residual around each layer carry it through any depth"
            )
        elif verdict == "exploding":
            yield (
                f"exploding gradients: the first layer's gradient is {self.ratio:.1e} of the last "
                "one's. Start with smaller weights (init='glorot_uniform' for tanh, 'he_normal' "
                "for relu), limit the gradients (nn.fit(..., clip_norm=1.0)), or put nn.BatchNorm "
                "before each activation"
            )
        for what, remedy in _UNITS.items():
            if bad := self._with_many(what):
                worst = max(bad, key=lambda layer: getattr(layer, what))
                yield (
                    f"{what} units: {getattr(worst, what):.0%} in {worst.name}"
                    + (f", and {len(bad) - 1} more layers" if len(bad) > 1 else "")
                    + f". {remedy}"
                )
        small = [x for x in self.layers if x.update < SMALL_STEP]
        large = [x for x in self.layers if x.update > LARGE_STEP]
        if large:
            yield (
                f"large steps: an update changes {large[0].name} by {large[0].update:.0%} of its "
                "size (0.1% is usual). Lower the learning rate or give clip_norm"
            )
        if small and verdict != "vanishing":
            yield (
                f"small steps: an update changes {small[0].name} by {small[0].update:.0e} of its "
                "size (1e-3 is usual). Raise the learning rate, or use nn.Adam, which gives every "
                "weight a step of its own"
            )

    def plot(self, ax: Axes | None = None) -> Figure:
        """The layers' gradients, and their saturated and dead units, as a Matplotlib Figure."""
        from autograd_mini.nn import plots

        return plots.gradient_health(self, ax=ax)

    def __repr__(self) -> str:
        count = len(self.layers)
        return f"HealthReport({self.verdict}, {count} layer{'s' * (count != 1)})"

    def _repr_html_(self) -> str:
        return preformatted(str(self))

    def __str__(self) -> str:
        heads = ("layer", "delta", "gradient", "weight", "update/weight", "saturated", "dead")
        rows = [heads] + [
            (
                layer.name,
                _shown(layer.delta, ".2e"),
                f"{layer.gradient:.2e}",
                f"{layer.weight:.2e}",
                _shown(layer.update, ".1e"),
                _shown(layer.saturated, ".0%"),
                _shown(layer.dead, ".0%"),
            )
            for layer in self.layers
        ]
        if len(rows) > 2 * _SHOWN + 2:
            rows = [*rows[: _SHOWN + 1], ("...",) + ("",) * 6, *rows[-_SHOWN:]]
        widths = [max(len(row[i]) for row in rows) for i in range(7)]
        table = [
            row[0].ljust(widths[0])
            + "".join("  " + word.rjust(w) for word, w in zip(row[1:], widths[1:], strict=True))
            for row in rows
        ]
        return "\n".join(
            [line.rstrip() for line in table] + [f"verdict: {self.verdict}", *self.advice]
        )


_SHOWN = 8
_UNITS = {
    "dead": "They are 0 for every sample here and get no gradient: lower the rate, put "
    "nn.BatchNorm before the activation, or use leaky_relu",
    "saturated": "Scale the inputs (nn.data.StandardScaler), start with smaller weights "
    "(init='glorot_uniform'), or put nn.BatchNorm before the activation",
}


def _against_vanishing(activation: str) -> str:
    ends = ends_of(activation)
    if ends is None:
        return (
            "Start with weights that keep the signal's size (init='he_normal' for relu, "
            "'glorot_uniform' for tanh)"
        )
    if ends.dies:
        return f"Start with init='he_normal', which keeps the size of {activation}'s outputs"
    if ends.steepest < 1:
        return (
            f"Use relu with init='he_normal', or tanh, instead of {activation}, whose slope is at "
            f"most {Fraction(ends.steepest).limit_denominator(99)}"
        )
    return f"Start with init='glorot_uniform', which keeps {activation} in its steep part"


def _shown(number: float, spec: str) -> str:
    return "" if math.isnan(number) else format(number, spec)
