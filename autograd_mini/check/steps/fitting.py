"""Which loss is meant: the one whose recorded gradients a step takes away, or most of them."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from autograd_mini.check.refusal import CannotTell
from autograd_mini.check.steps.averages import is_average
from autograd_mini.check.steps.decay import Decay, decays, has_penalty
from autograd_mini.check.steps.factor import Unsaid
from autograd_mini.check.steps.fit import SURE, Fit, is_read_between
from autograd_mini.check.steps.meant import Loss, is_held_out
from autograd_mini.check.steps.multiples import SAME, unlikeness
from autograd_mini.check.steps.recorded import Ran, run
from autograd_mini.check.steps.residuals import (
    Residual,
    is_output_and_target,
    losses_of_residual,
    residuals,
)
from autograd_mini.check.steps.trained import Trained
from autograd_mini.check.steps.updates import Update, moved_from, rate_number, rate_of
from autograd_mini.check.steps.variables import Held, Path, Variable, as_numbers
from autograd_mini.core.graph import Node, topological_order
from autograd_mini.typing import Array


def fitting(trained: Trained, ran: Ran, asked: str | None) -> Fit:
    """The loss that is meant, and how the updates stand to its gradients.

    Raises:
        CannotTell: there is none.
    """
    fits: list[Fit] = []

    def losses() -> Iterator[Loss]:
        yield from trained.explicit(ran, asked)
        yield from trained.shown() if asked is None and not fits else ()

    for loss in losses():
        fit = trained.fit(loss, {}, ran)
        if fit is not None and not fit.complete and trained.moves_all(fit.parameters, ran):
            _refuse_several_updates(trained, fit, ran, ())  # right for no other loss either
        if fit is not None and trained.step.derived:  # N times the gradient is none
            is_right = abs(fit.factor - 1) <= SAME
            return replace(fit, factor=1.0, right=fit.right if is_right else frozenset())
        if fit is not None:
            fits.append(trained.elsewhere(fit))
            if fits[-1].complete and abs(fits[-1].factor - 1) <= SAME:
                return fits[-1]
    sure = [fit for fit in fits if fit.loss.rank <= SURE]
    if complete := [fit for fit in sure or fits if fit.complete]:
        return min(complete, key=lambda fit: unlikeness(fit.factor))
    decayed = _with_decay(trained, sure or fits, ran) if asked is None else None
    if decayed is not None:
        return decayed
    _refuse_several(trained, fits, ran)
    if sure:
        return _with_factor_on_the_way(trained, max(sure, key=_likelihood))
    of_error: list[Fit] = []
    for fit in _by_error(trained, ran) if asked is None else []:
        of_error.append(trained.elsewhere(fit))
        if of_error[-1].complete:
            wider = _wider(trained, ran, of_error[-1])
            if wider is None:
                return _supposed(of_error[-1], fits)
            of_error = [wider]
            break
    decayed = _with_decay(trained, of_error, ran)
    if decayed is not None and decayed.complete:
        return _supposed(decayed, fits)
    fits += of_error if decayed is None else [*of_error, decayed]
    if asked is None and not any(fit.agreeing for fit in fits):
        of_sum = _by_sum(trained, ran)
        if of_sum is not None:
            return _supposed(of_sum, fits)
    if fits:
        fits.sort(key=lambda fit: (-fit.agreeing, fit.loss.rank))
        return _supposed(_with_factor_on_the_way(trained, *fits), fits)
    raise CannotTell(
        f"no loss was found{f', {asked!r} is none' if asked else ''}: {trained.step.words} "
        f"changes {', '.join(trained.names.values())}, but makes no number that depends on them "
        "and is returned, printed, kept in a list or called a loss: say which it is with "
        "loss= (--loss), a name, a line or an expression such as 'np.mean((y - out)**2)'",
        progress=1,
    )


def _supposed(fit: Fit, fits: Sequence[Fit]) -> Fit:
    """The same, with why its loss is taken where it is none of the code's own."""
    if fit.loss.explicit:
        return fit
    shown = next((other.loss.words for other in fits if other.loss.explicit), None)
    reason = f"by which more is right than by {shown}" if shown else "since the code has none"
    return replace(fit, loss=replace(fit.loss, words=f"{fit.loss.words}, {reason}"))


def _refuse_several(trained: Trained, fits: Sequence[Fit], ran: Ran) -> None:
    """Refuse a step that follows several losses, at once or one after the other.

    Raises:
        CannotTell: it does.
    """
    for fit in fits:
        ran, root = trained.root(fit.loss, {}, ran)
        order = () if root is None else topological_order(root)
        _refuse_several_updates(trained, fit, ran, order)
        rest = frozenset(u.variable.paths for u in fit.parameters) - fit.right
        alone = replace(trained, wanted=rest)
        if not fit.right or not rest or _follows(alone, fit.loss, ran, fit.parameters):
            continue
        for other in fits:
            if other is not fit and _follows(alone, other.loss, ran, fit.parameters):
                own = ",".join(name for u, name in trained.names.items() if alone.is_wanted(u))
                raise CannotTell(
                    f"{trained.step.words} follows more than one loss, {fit.loss.words}, and "
                    f"{other.loss.words}: check one at a time, with its parameters, "
                    f"--loss {other.loss.text} --params {own}",
                    progress=2,
                )


def _refuse_several_updates(trained: Trained, fit: Fit, ran: Ran, order: Collection[Node]) -> None:
    """Refuse a step that updates a parameter, and goes on with it to the next update, or to what
    stands in an order.

    Raises:
        CannotTell: it does.
    """
    for update in fit.parameters:
        leaf, nodes = ran.leaves[update.variable], ran.nodes_after(update.variable)
        if any(is_read_between(node, leaf, order) for node, _ in nodes):
            raise CannotTell(
                f"{trained.step.words} updates {trained.names[update]} more than once, and has "
                f"{fit.loss.words}, in between: check one update by --call, as a function",
                progress=2,
            )


def _follows(trained: Trained, loss: Loss, ran: Ran, moved: Sequence[Update]) -> bool:
    """Whether all updates that are wanted are right for a loss, also where others are moved."""
    fit = trained.fit(loss, {}, ran)
    return fit is not None and trained.elsewhere(fit, moved).right == trained.wanted


def _with_factor_on_the_way(trained: Trained, *fits: Fit) -> Fit:
    """A fit of which no update says the factor, with that of what is nearest to the loss: of
    several that for which only the output's error is wrong, or around which most is right.  Where
    some say a factor, as by the symmetry of data, and only the output's error is wrong for another,
    it is that.
    """
    said = fits[0].agreeing > 0
    if said and fits[0].complete:
        return fits[0]
    known = [(fit, _unsaid(trained, fit)) for fit in (fits[:1] if said else fits)]
    several = [(fit, unsaid) for fit, unsaid in known if unsaid is not None]
    for fit, unsaid in several:
        factor = unsaid.of_error_written if said else None
        if factor is None and not (said and abs(abs(fit.factor) - 1) <= SAME):
            factor = unsaid.of_error
        if factor is None and not said:
            factor = unsaid.of_output
        if factor is not None:
            return fit.at(factor)
    if said or not several:
        return fits[0]
    alike = [both for both in several if both[0].loss.rank == several[0][0].loss.rank]
    fit, unsaid = max(alike, key=lambda both: len(both[1].on_the_way))
    factor = unsaid.of_what_is_made
    if factor is None or not trained.is_expected(factor, fit.parameters, unsaid.root):
        return fit
    return replace(fit, factor=factor)


def _unsaid(trained: Trained, fit: Fit) -> Unsaid | None:
    """The updates of a fit at other parameters, where nothing agrees by chance."""
    variables = [update.variable for update in trained.changed]
    start = moved_from([update.variable for update in fit.parameters])
    plain = run(trained.step, variables, start=start)
    ran, root = trained.root(fit.loss, start)
    if root is None or plain.error is not None:
        return None
    return Unsaid(
        trained.step,
        plain,
        trained.plain,
        start,
        variables,
        lambda other: [_claim(update, fit, start, other) for update in fit.parameters],
        root,
        [ran.leaves[update.variable] for update in fit.parameters],
        fit.usual,
        float(np.sign(fit.factor)),
        frozenset(text for update in fit.parameters for text in rate_of(update, fit.parameters)),
        [fit.ratios.get(update.variable.paths) for update in fit.parameters],
    )


def _with_decay(trained: Trained, fits: Sequence[Fit], ran: Ran) -> Fit | None:
    """The fit that is better where what updates take away of parameters is of its loss.

    Where some number that may be the loss has a penalty, none is left out.
    """
    best: Fit | None = None
    for fit in fits:
        one = _decays_elsewhere(trained, fit, 0)
        if one is None:
            return None
        other = _decays_elsewhere(trained, fit, 1) if one else None
        same = other is not None and one.keys() == other.keys()
        if other is None or not same or not all(one[p].is_same(other[p]) for p in one):
            continue
        decayed = trained.fit(replace(fit.loss, decay=one), {}, ran)
        decayed = None if decayed is None else trained.elsewhere(decayed)
        least = fit.agreeing if best is None else best.agreeing
        if decayed is not None and decayed.agreeing > least:
            best = decayed
    return best


def _decays_elsewhere(
    trained: Trained, fit: Fit, number: int
) -> dict[tuple[Path, ...], Decay] | None:
    """What updates take away of each parameter at other parameters, besides its gradient;
    ``None`` where the loss has a penalty.
    """
    there = trained.there(fit.parameters, number)
    claimed = None if there is None else there.claimed(fit.loss, {})
    if claimed is None or len(claimed.own) != len(fit.parameters):
        return {}
    if has_penalty(claimed.root, claimed.leaves):
        return None
    found = decays(claimed.own, claimed.claims, claimed.right, fit.loss.sign)
    pairs = zip(claimed.own, found, strict=True)
    return {update.variable.paths: one for update, one in pairs if one is not None}


def _by_error(trained: Trained, ran: Ran) -> Iterator[Fit]:
    """The losses whose gradient the output's error may be, as far as they can be computed."""
    for residual in residuals(trained.step.known, ran)[:_RESIDUALS]:
        if losses := _losses_of(trained, residual):
            yield from _fits(trained, losses)
            return


def _wider(trained: Trained, ran: Ran, fit: Fit) -> Fit | None:
    """The fit of another difference that depends on more of what is updated, some of which is right
    for it, where all is right for one that depends on less: a slip may be in that.
    """
    left = (update for update in trained.changed if update not in fit.parameters)
    if all(update.statement is None or is_average(update.statement.node) for update in left):
        return None
    for residual in residuals(trained.step.known, ran)[:_RESIDUALS]:
        for other in _fits(trained, _losses_of(trained, residual)[:1]):
            if set(other.parameters) > set(fit.parameters):
                other = trained.elsewhere(other)
                if other.agreeing:
                    return other
    return None


def _by_sum(trained: Trained, ran: Ran) -> Fit | None:
    """The loss of a step that adds an output and a target, if with their difference all that it
    updates is right.
    """
    for residual in residuals(trained.step.known, ran, ast.Add)[:_RESIDUALS]:
        for fit in _fits(trained, _losses_of(trained, residual)):
            unsaid = _unsaid(trained, fit)
            factor = None if unsaid is None else unsaid.with_error(residual)
            if factor is not None:
                return replace(fit, factor=factor, right=frozenset())
    return None


def _losses_of(trained: Trained, residual: Residual) -> list[Loss]:
    """The losses whose gradient a difference, or what should be one, may be."""
    visited: list[tuple[Held, ...]] = []
    texts = residual.left, residual.right
    probe = Loss("", "", place=residual.statement.place, texts=texts, form=max)
    trained.recorded({}, probe, visited)
    for which in (0, 1):
        pairs = [pair if which == 0 else pair[::-1] for pair in visited]
        if pairs and all(map(is_output_and_target, pairs)):
            return losses_of_residual(residual, which)
    return []


def _fits(trained: Trained, losses: Sequence[Loss]) -> Iterator[Fit]:
    fits = (trained.fit(loss, {}) for loss in losses)
    return (fit for fit in fits if fit is not None)


def _likelihood(fit: Fit) -> tuple[float, ...]:
    """How likely a loss is meant: by what is right for it, its name, how large updates are."""
    return fit.agreeing, not is_held_out(fit.loss.text), -unlikeness(fit.factor)


_RESIDUALS = 12
"""How many differences are looked at for an output and a target."""


def _claim(update: Update, fit: Fit, start: Mapping[Variable, Array], ran: Ran) -> Array | None:
    """What a plain run from ``start`` took away, divided by the rate, or what it made that goes
    into that.
    """
    source = fit.sources.get(update)
    if source is not None:
        where = source.site, source.turn, source.key
        return next((m.numbers for m in ran.made if (m.site, m.turn, m.key) == where), None)
    after = as_numbers(ran.after.get(update.variable))
    if after is None:
        return None
    return np.asarray((start[update.variable] - after) / rate_number(update, fit.parameters))
