"""Which loss fits a step: its recorded gradients beside what the step took away."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from autograd_mini.check.refusal import CannotTell
from autograd_mini.check.steps.asked import asked_losses
from autograd_mini.check.steps.decay import Decay, decays, has_penalty, with_decay
from autograd_mini.check.steps.factor import Unsaid
from autograd_mini.check.steps.fit import SURE, Fit, is_read_between, nearness, whole
from autograd_mini.check.steps.meant import (
    Loss,
    explicit_losses,
    is_held_out,
    is_output_and_target,
    is_vague,
    losses_of_residual,
    printed_expressions,
    residuals,
    sounds_like_a_loss,
)
from autograd_mini.check.steps.multiples import (
    SAME,
    are_powers,
    common_factor,
    is_made_of,
    plain_number,
    ratio_of,
    unlikeness,
    usual_multiple,
    without_rounding,
)
from autograd_mini.check.steps.recorded import Made, Ran, run
from autograd_mini.check.steps.sources import Sources, signed_in
from autograd_mini.check.steps.step import Step
from autograd_mini.check.steps.updates import (
    Update,
    adds_to,
    holds_gradient,
    lacks_rate,
    moved_from,
    rate_number,
    rate_of,
    reaches,
)
from autograd_mini.check.steps.variables import Held, Path, Variable, as_numbers
from autograd_mini.check.structure import (
    is_difference,
    is_mean_distance,
    is_of_squares_or_logarithms,
)
from autograd_mini.core.graph import (
    Node,
    data_of,
    is_node,
    leaf_like,
    rebuild,
    sweep_gradients,
    topological_order,
)
from autograd_mini.core.tensor import Tensor
from autograd_mini.typing import Array

Values = Mapping[Variable, Array | Tensor]


@dataclass(frozen=True)
class _Claimed:
    """What updates claim the gradients of a loss to be, beside the recorded ones."""

    loss: Loss
    own: tuple[Update, ...]
    sources: Mapping[Update, Made]
    claims: Sequence[Array]
    right: Sequence[Array]
    root: Node
    leaves: Sequence[Node]


@dataclass(frozen=True)
class Trained:
    """A step, and what it changes.

    Attributes:
        step: the step.
        changed: what it does to each variable that it changes.
        names: what these are called.
        plain: a plain run of it.
        moved: whether its parameters are others than the step finds.
        wanted: which of them are the parameters of the loss, by the ways that lead to them; any if
            ``None``.
    """

    step: Step
    changed: tuple[Update, ...]
    names: Mapping[Update, str]
    plain: Ran
    moved: bool = False
    wanted: frozenset[tuple[Path, ...]] | None = None

    def recorded(
        self,
        at: Values,
        loss: Loss | None = None,
        visited: list[tuple[Held, ...]] | None = None,
    ) -> Ran:
        """A run that is recorded from the variables that the step changes."""
        wanted = [update.variable for update in self.changed]
        values: dict[Variable, Array | Tensor] = {v: v.before for v in wanted}
        visit = None if loss is None or visited is None else loss.visitor(visited)
        before = loss.place if visit is not None and loss is not None else None
        return run(self.step, wanted, {**values, **at}, before=before, visit=visit)

    def root(self, loss: Loss, at: Values, ran: Ran | None = None) -> tuple[Ran, Node | None]:
        """The recorded loss, with updates that it came after undone; and the run."""
        visited: list[tuple[Held, ...]] = []
        if ran is None or loss.place is not None:
            ran = self.recorded(at, loss, visited)
        with np.errstate(all="ignore"):  # a loss that is tried may have no value there
            root = loss.root(ran, visited)
        if root is None:
            return ran, None
        return ran, with_decay(self._before_updates(root, ran), loss.decay, ran.leaves)

    def _before_updates(self, root: Node, ran: Ran) -> Node:
        """A loss that was computed after the updates, as it is before them."""
        order = topological_order(root)
        undone: dict[Node, Node] = {}
        for update in self.changed:
            leaf = ran.leaves[update.variable]
            nodes = ran.nodes_after(update.variable)
            if not reaches(order, nodes, leaf) or not adds_to(nodes, leaf):
                continue
            for node, index in nodes:
                if node is leaf or node is root:
                    continue
                if self._is_wanted(update):
                    undone[node] = leaf if index is ... else leaf[index]  # type: ignore[index]
                else:
                    undone[node] = leaf_like(node, node.data)
        ran.again = rebuild(order, undone) if undone else {}
        return ran.again.get(root, root)

    # Which loss

    def fitting(self, ran: Ran, asked: str | None) -> Fit:
        """The loss that is meant, and how the updates stand to its gradients.

        Raises:
            CannotTell: there is none.
        """
        fits = []
        for loss in self._explicit(ran, asked):
            fit = self._fit(loss, {}, ran)
            if fit is not None and self.step.derived:  # N times the gradient is none
                is_right = abs(fit.factor - 1) <= SAME
                return replace(fit, factor=1.0, right=fit.right if is_right else frozenset())
            if fit is not None:
                fits.append(self._elsewhere(fit))
                if fits[-1].complete and abs(fits[-1].factor - 1) <= SAME:
                    return fits[-1]
        sure = [fit for fit in fits if fit.loss.rank <= SURE]
        if complete := [fit for fit in sure or fits if fit.complete]:
            return min(complete, key=lambda fit: unlikeness(fit.factor))
        decayed = self._with_decay(sure or fits, ran) if asked is None else None
        if decayed is not None:
            return decayed
        self._refuse_several(fits, ran)
        if sure:
            return self._with_factor_on_the_way(max(sure, key=_likelihood))
        for fit in self._by_error(ran) if asked is None else []:
            fits.append(self._elsewhere(fit))
            if fits[-1].complete:
                return fits[-1]
        if fits:
            fits.sort(key=lambda fit: (-fit.agreeing, fit.loss.rank))
            return self._with_factor_on_the_way(*fits)
        raise CannotTell(
            f"no loss was found{f', {asked!r} is none' if asked else ''}: {self.step.words} "
            f"changes {', '.join(self.names.values())}, but makes no number that depends on them "
            "and is returned, printed, kept in a list or called a loss: say which it is with "
            "loss= (--loss), a name, a line or an expression such as 'np.mean((y - out)**2)'",
            progress=1,
        )

    def _refuse_several(self, fits: Sequence[Fit], ran: Ran) -> None:
        """Refuse a step that follows several losses, at once or one after the other.

        Raises:
            CannotTell: it does.
        """
        for fit in fits:
            ran, root = self.root(fit.loss, {}, ran)
            order = set() if root is None else set(topological_order(root))
            for update in fit.parameters:
                leaf, nodes = ran.leaves[update.variable], ran.nodes_after(update.variable)
                if any(is_read_between(node, leaf, order) for node, _ in nodes):
                    raise CannotTell(
                        f"{self.step.words} updates {self.names[update]} more than once, and has "
                        f"{fit.loss.words}, in between: check one update by --call, as a function",
                        progress=2,
                    )
            rest = frozenset(u.variable.paths for u in fit.parameters) - fit.right
            alone = replace(self, wanted=rest)
            if not fit.right or not rest or alone._follows(fit.loss, ran):
                continue
            for other in fits:
                if other is not fit and alone._follows(other.loss, ran):
                    own = ",".join(name for u, name in self.names.items() if alone._is_wanted(u))
                    raise CannotTell(
                        f"{self.step.words} follows more than one loss, {fit.loss.words}, and "
                        f"{other.loss.words}: check one at a time, with its parameters, "
                        f"--loss {other.loss.text} --params {own}",
                        progress=2,
                    )

    def _follows(self, loss: Loss, ran: Ran) -> bool:
        """Whether all updates that are wanted are right for a loss."""
        fit = self._fit(loss, {}, ran)
        return fit is not None and self._elsewhere(fit).right == self.wanted

    def _with_factor_on_the_way(self, *fits: Fit) -> Fit:
        """A fit of which no update says the factor, with that of what is nearest to the loss: of
        several that for which only the output's error is wrong, or around which most is right.
        """
        if fits[0].agreeing:
            return fits[0]
        known = [(fit, self._unsaid(fit)) for fit in fits]
        several = [(fit, unsaid) for fit, unsaid in known if unsaid is not None]
        for fit, unsaid in several:
            factor = unsaid.of_error
            if factor is not None:
                return replace(fit, factor=factor)
        if not several:
            return fits[0]
        alike = [both for both in several if both[0].loss.rank == several[0][0].loss.rank]
        fit, unsaid = max(alike, key=lambda both: len(both[1].on_the_way))
        factor = unsaid.of_what_is_made
        if factor is None or not self._is_expected(factor, fit.parameters, unsaid.root):
            return fit
        return replace(fit, factor=factor)

    def _unsaid(self, fit: Fit) -> Unsaid | None:
        """The updates of a fit at other parameters, where nothing agrees by chance."""
        variables = [update.variable for update in self.changed]
        start = moved_from([update.variable for update in fit.parameters])
        plain = run(self.step, variables, start=start)
        ran, root = self.root(fit.loss, start)
        if root is None or plain.error is not None:
            return None
        return Unsaid(
            self.step,
            plain,
            self.plain,
            start,
            variables,
            lambda other: [_claim(update, fit, start, other) for update in fit.parameters],
            root,
            [ran.leaves[update.variable] for update in fit.parameters],
            fit.usual,
            float(np.sign(fit.factor)),
        )

    def _elsewhere(self, fit: Fit) -> Fit:
        """The same, as far as it holds at other parameters, where nothing agrees by chance.

        Some factor fits few numbers: one that is another elsewhere is none.
        """
        others = [self._fit_elsewhere(fit.loss, fit.parameters, number) for number in (0, 1)]
        for before, other in zip((fit, *others), others, strict=False):
            if before is None or other is None or len(other.parameters) != len(fit.parameters):
                return fit
            if abs(other.factor - before.factor) <= SAME * abs(before.factor):
                return replace(fit, factor=other.factor, right=other.right)
        return replace(fit, factor=float(np.sign(fit.factor)), right=frozenset())

    def _with_decay(self, fits: Sequence[Fit], ran: Ran) -> Fit | None:
        """The fit that is better where what updates take away of parameters is of its loss.

        Where some number that may be the loss has a penalty, none is left out.
        """
        found = [[self._decays_elsewhere(fit, number) for number in (0, 1)] for fit in fits]
        best: Fit | None = None
        for fit, (one, other) in zip(fits, found, strict=True):
            if one is None or other is None:
                return None
            same = one and one.keys() == other.keys()
            if not same or not all(one[paths].is_same(other[paths]) for paths in one):
                continue
            decayed = self._fit(replace(fit.loss, decay=one), {}, ran)
            decayed = None if decayed is None else self._elsewhere(decayed)
            least = fit.agreeing if best is None else best.agreeing
            if decayed is not None and decayed.agreeing > least:
                best = decayed
        return best

    def _decays_elsewhere(self, fit: Fit, number: int) -> dict[tuple[Path, ...], Decay] | None:
        """What updates take away of each parameter at other parameters, besides its gradient;
        ``None`` where the loss has a penalty.
        """
        there = self._there(fit.parameters, number)
        claimed = None if there is None else there._claimed(fit.loss, {})
        if claimed is None or len(claimed.own) != len(fit.parameters):
            return {}
        if has_penalty(claimed.root, claimed.leaves):
            return None
        found = decays(claimed.own, claimed.claims, claimed.right, fit.loss.sign)
        pairs = zip(claimed.own, found, strict=True)
        return {update.variable.paths: one for update, one in pairs if one is not None}

    def _fit_elsewhere(self, loss: Loss, parameters: Sequence[Update], number: int) -> Fit | None:
        """How updates at other parameters stand to the gradients of a loss there."""
        there = self._there(parameters, number)
        return None if there is None else there._fit(loss, {})

    def _there(self, parameters: Sequence[Update], number: int) -> Trained | None:
        """The same at other parameters; ``None`` where the step cannot run there."""
        start = moved_from([update.variable for update in parameters], number)
        plain = run(self.step, [update.variable for update in self.changed], start=start)
        moved: dict[Update, Update] = {}
        for update in self.changed:
            after = as_numbers(plain.after.get(update.variable))
            before = np.asarray(start.get(update.variable, update.variable.before))
            taken = update.taken if after is None else before - after
            moved[update] = replace(
                update, variable=replace(update.variable, before=before), taken=taken
            )
        names = {moved[update]: name for update, name in self.names.items() if update in moved}
        there = replace(self, changed=tuple(moved.values()), names=names, plain=plain, moved=True)
        return None if plain.error is not None else there

    def _explicit(self, ran: Ran, asked: str | None) -> list[Loss]:
        found = explicit_losses(self.step.known, ran)
        for statement, text in printed_expressions(self.step.known):
            rank = 1 if sounds_like_a_loss(text) or "mean" in text or "sum" in text else 4
            words = f"{text}, line {statement.number} (printed)"
            found.append(Loss(words, text, place=statement.place, texts=(text,), rank=rank))
        if asked is None:
            roots = [None if loss.place else loss.root(ran, ()) for loss in found]
            return sorted(whole(found, roots), key=lambda loss: loss.rank)
        chosen = asked_losses(asked, self.step.known, ran, found)
        if not chosen:
            numbers = [m.name for m in ran.made if m.is_number and m.node is not None]
            raise CannotTell(
                f"loss={asked!r} (--loss): there is no number that depends on the parameters; what "
                f"does: {', '.join(dict.fromkeys(numbers))}"
            )
        return [replace(loss, rank=0) for loss in chosen]

    def _by_error(self, ran: Ran) -> Iterator[Fit]:
        """The losses whose gradient the output's error may be, as far as they can be computed."""
        for residual in residuals(self.step.known, ran)[:_RESIDUALS]:
            visited: list[tuple[Held, ...]] = []
            texts = residual.left, residual.right
            probe = Loss("", "", place=residual.statement.place, texts=texts, form=max)
            self.recorded({}, probe, visited)
            for which in (0, 1):
                pairs = [pair if which == 0 else pair[::-1] for pair in visited]
                if pairs and all(map(is_output_and_target, pairs)):
                    fits = (self._fit(loss, {}) for loss in losses_of_residual(residual, which))
                    yield from (fit for fit in fits if fit is not None)
                    return

    def _fit(self, loss: Loss, at: Values, ran: Ran | None = None) -> Fit | None:
        """How the updates stand to the gradients of a loss; ``None`` where it is none."""
        found = self._claimed(loss, at, ran)
        if found is None:
            return None
        if not any(gradient.any() for gradient in found.right):  # at weights and a sample of zeros
            other = None if self.moved else self._fit_elsewhere(found.loss, found.own, 2)
            return None if other is None else replace(other, parameters=found.own, sources={})
        claims, right = found.claims, found.right
        ratios = list(map(ratio_of, without_rounding(claims), without_rounding(right)))
        sizes = [update.variable.before.size for update in found.own]
        said = [
            None if lacks_rate(u, found.own) else r for u, r in zip(found.own, ratios, strict=True)
        ]
        alone = [ratio for ratio in said if ratio]
        if len(alone) == 1 and not self._is_expected(alone[0], found.own, found.root):
            said = [None] * len(said)
        factor = common_factor(said, sizes, loss.sign(ratios), nearness(found.root, found.leaves))
        right_for = frozenset(
            update.variable.paths
            for update, ratio in zip(found.own, ratios, strict=True)
            if ratio is not None and (ratio == 0 or abs(ratio - factor) <= SAME * abs(factor))
        )
        usual = 1.0 if are_powers(said) else usual_multiple(claims, right)
        factor = plain_number(factor, _PLAIN)
        return Fit(found.loss, found.own, factor, right_for, usual, found.sources)

    def _is_expected(self, factor: float, own: Sequence[Update], root: Node) -> bool:
        """Whether a factor that not all of several updates say is one that derivations leave out:
        of the sizes of what is computed, of how many examples there are, of the loss itself.

        A number of another kind is rather a slip, unless the rate is not known.
        """
        if len(own) < 2 or not all(rate_of(update, own) for update in own):
            return True
        order = topological_order(root)
        operands = (p for node in order for p in node.parents if not is_node(p))
        constants = [c for c in map(np.asarray, map(data_of, operands)) if c.dtype.kind in "iuf"]
        arrays = [*constants, *(np.asarray(node.data) for node in order)]
        counts = {1, *(size for array in arrays for size in array.shape)}
        held = [value for space in self.step.spaces for value in space.values()]
        counts |= {len(value) for value in held if isinstance(value, list | tuple)}
        counts |= {value for value in held if isinstance(value, int)}
        numbers = [
            abs(float(np.sum(c))) for c in constants if c.size == 1 and c.dtype.kind in "iuf"
        ]
        return is_made_of(factor, [count for count in counts if 0 < count], numbers)

    def _claimed(self, loss: Loss, at: Values, ran: Ran | None = None) -> _Claimed | None:
        """What the updates claim the gradients of a loss to be; ``None`` where it is none."""
        ran, root = self.root(loss, at, ran)
        if root is None or not np.isfinite(np.asarray(root.data)).all() or np.size(root.data) != 1:
            return None
        if loss.explicit and is_difference(root) and not is_of_squares_or_logarithms(root):
            return None
        if loss.explicit and is_mean_distance(root):
            rank = SURE + 1 if signed_in(self.step.known) else _ONLY_SHOWN
            loss = replace(loss, rank=max(loss.rank, rank))
        if loss.explicit and is_vague(loss.text) and not is_of_squares_or_logarithms(root):
            loss = replace(loss, rank=max(loss.rank, SURE + 2))
        order = set(topological_order(root))
        read = [
            update
            for update in self.changed
            if self._is_wanted(update)
            and (leaf := ran.leaves[update.variable]) in order
            and root is not leaf
            and not reaches(order, ran.nodes_after(update.variable), leaf)
        ]
        leaves = [ran.leaves[update.variable] for update in read]
        with np.errstate(all="ignore"):
            swept = map(np.asarray, sweep_gradients(root, leaves, False, None) if read else ())
        known = [
            (update, leaf, gradient)
            for update, leaf, gradient in zip(read, leaves, swept, strict=True)
            if self._is_update(update, ran, leaf) or holds_gradient(update, gradient)
        ]
        if not known:
            return None
        own = tuple(update for update, _, _ in known)
        leaves, right = [leaf for _, leaf, _ in known], [gradient for _, _, gradient in known]
        sources: dict[Update, Made] = {}
        claims = []
        for update, gradient in zip(own, right, strict=True):
            taken = update.taken / rate_number(update, own)
            source = self._sources.of(update, taken, gradient, ran)
            if source is not None:
                sources[update] = source
            given = taken if source is None else np.asarray(source.numbers)
            claims.append(np.broadcast_to(given, gradient.shape))
        return _Claimed(loss, own, sources, claims, right, root, leaves)

    @cached_property
    def _sources(self) -> Sources:
        return Sources(self.step.known, self.plain.made, self.names)

    def _is_wanted(self, update: Update) -> bool:
        return self.wanted is None or update.variable.paths in self.wanted

    def _is_update(self, update: Update, ran: Ran, leaf: Node) -> bool:
        nodes = ran.nodes_after(update.variable)
        return adds_to(nodes, leaf) if nodes else update.statement is not None


def _likelihood(fit: Fit) -> tuple[float, ...]:
    """How likely a loss is meant: by what is right for it, its name, how large updates are."""
    return fit.agreeing, not is_held_out(fit.loss.text), -unlikeness(fit.factor)


_PLAIN = 1e-5
"""How far a factor is from a plain number, at the most, if a stabiliser may be the reason."""
_ONLY_SHOWN = 10
"""The rank of a mean distance where no sign is taken, which no derivation of it does without: less
likely than what the output's error is the gradient of.
"""
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
