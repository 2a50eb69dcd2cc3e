"""What was assumed of a training step, in sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from autograd_mini.check.report.mistakes import MOST_NAMES
from autograd_mini.check.report.view import named
from autograd_mini.check.steps.averages import goes_on
from autograd_mini.check.steps.fit import Fit
from autograd_mini.check.steps.multiples import SAME
from autograd_mini.check.steps.trained import Trained
from autograd_mini.check.steps.updates import rate_number, rate_of


def assumptions(trained: Trained, fit: Fit) -> Iterator[str]:
    """What was assumed, each with the option that says it otherwise."""
    own = [trained.names[update] for update in fit.parameters]
    yield f"Loss: {fit.loss.words} (loss=)"
    derived = trained.step.derived
    known = "which they are given" if derived else "which it changes"
    yield f"Parameters: {', '.join(own)}, {known} (params=)"
    factor = fit.factor
    times = ", so that the loss is made greater" if factor < 0 else ""
    if abs(abs(factor) - 1) > SAME:
        times += f", which is {factor:.6g} × that of the loss"
    plain = [update for update in fit.parameters if update not in fit.sources]
    rates = {t: v for update in plain for t, v in rate_of(update, fit.parameters).items()}
    bracketed = {f"({text})" if " " in text else text: value for text, value in rates.items()}
    by = " · ".join(f"{text} = {value:g}" if text != f"{value:g}" else text
                    for text, value in bracketed.items())  # fmt: skip
    sources = dict.fromkeys(
        f"{made.name}, line {made.site.place[1]}" for made in fit.sources.values()
    )
    taken = derived or f"what each update takes away{f', divided by {by}' if by else ''}"
    what = [taken] if plain else []
    what += [f"what goes into the updates, {'; '.join(sources)}"] if sources else []
    yield f"Gradients: {', and '.join(what)}{times} (loss=)"
    if len({rate_number(update, fit.parameters) for update in plain}) > 1:
        yield (
            "Not all have the same rate: "
            + "; ".join(
                f"{trained.names[update]} {rate_number(update, fit.parameters):g}"
                for update in plain
            )
            + " (params=)"
        )
    decayed: dict[float, list[str]] = {}
    for update in fit.parameters:
        if update.variable.paths in fit.loss.decay:
            rate = float(f"{fit.loss.decay[update.variable.paths].rate:.6g}")
            decayed.setdefault(rate, []).append(trained.names[update])
    for rate, decaying in decayed.items():
        yield (
            f"Weight decay: of {', '.join(decaying)} {rate:g} × itself is taken away besides, "
            f"as if the loss had + {rate / 2:g} × its squares, which it leaves out (loss=)"
        )
    left = [
        trained.names[update]
        for update in trained.changed
        if update not in fit.parameters
        and (update.statement is None or goes_on(update.statement.node))
    ]
    if trained.step.at_rest:
        names = ", ".join(v.paths[0].names[0] for v in trained.step.at_rest)
        yield f"Momentum: {names}, which goes on from step to step, is 0 before this (steps=)"
    if left:
        yield f"Changed, but no parameters of this loss: {grouped(left)} (loss=)"


def grouped(names: Sequence[str]) -> str:
    """Names in a row, items of one list or dict as one where there are many.

    >>> grouped(["m['W1']", "m['b1']", "norm"])
    "m['W1'], m['b1'], norm"
    >>> grouped([f"{name}['W{i}']" for name in "mv" for i in range(9)] + ["norm"])
    'm[…], v[…], norm'
    """
    if len(names) > MOST_NAMES:
        holders = [name.rpartition("[")[0] if name.endswith("]") else "" for name in names]
        count = Counter(filter(None, holders))
        names = list(dict.fromkeys(
            f"{holder}[…]" if count[holder] > 1 else name
            for name, holder in zip(names, holders, strict=True)
        ))  # fmt: skip
    return named(names)
