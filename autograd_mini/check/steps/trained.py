"""The updates of a step beside the recorded gradients of a loss."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from autograd_mini.check.refusal import CannotTell
from autograd_mini.check.steps.additions import adds_to, goes_on_inside, holds_gradient, reaches
from autograd_mini.check.steps.asked import asked_losses
from autograd_mini.check.steps.decay import with_decay
from autograd_mini.check.steps.fit import (
    SURE,
    Fit,
    constants_of,
    counts_of,
    divided_twice,
    nearness,
    whole,
)
from autograd_mini.check.steps.meant import (
    Loss,
    explicit_losses,
    is_vague,
    of_a_part,
    printed_expressions,
    sounds_like_a_loss,
)
from autograd_mini.check.steps.multiples import (
    SAME,
    are_powers,
    common_factor,
    is_made_of,
    plain_number,
    ratio_of,
    usual_multiple,
    without_rounding,
)
from autograd_mini.check.steps.recorded import Made, Ran, run
from autograd_mini.check.steps.sources import Sources, signed_in
from autograd_mini.check.steps.step import Step
from autograd_mini.check.steps.updates import (
    Update,
    lacks_rate,
    moved_from,
    rate_number,
    rate_of,
)
from autograd_mini.check.steps.variables import Held, Path, Variable, as_numbers
from autograd_mini.check.structure import (
    is_difference,
    is_mean_distance,
    is_of_squares_or_logarithms,
    symbol_of,
)
from autograd_mini.core.graph import (
    Node,
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
class Claimed:
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
        by_chance: those of whose gradients they are a multiple by chance, by the ways that lead to
            them.
        wanted: which of them are the parameters of the loss, by the ways that lead to them; any if
            ``None``.
    """

    step: Step
    changed: tuple[Update, ...]
    names: Mapping[Update, str]
    plain: Ran
    moved: bool = False
    wanted: frozenset[tuple[Path, ...]] | None = None
    by_chance: frozenset[tuple[Path, ...]] = frozenset()

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
            nodes = _written(update, ran)
            if not reaches(order, nodes, leaf) or not adds_to(nodes, leaf):
                continue
            for node, index in nodes:
                if node is leaf or node is root:
                    continue
                if self.is_wanted(update):
                    undone[node] = leaf if index is ... else leaf[index]  # type: ignore[index]
                else:
                    undone[node] = leaf_like(node, node.data)
        ran.again = rebuild(order, undone) if undone else {}
        return ran.again.get(root, root)

    def explicit(self, ran: Ran, asked: str | None) -> list[Loss]:
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

    def shown(self) -> Iterator[Loss]:
        """Losses that are printed behind the loop that the step is a turn of, of the part of the
        data that it sees: they may be no more than shown.
        """
        for text in filter(sounds_like_a_loss, self.step.shown):
            for part in of_a_part(text, self.step.spaces):
                words = f"{part}, as {text} is printed"
                yield Loss(words, part, place=self.step.begins, texts=(part,), rank=SURE + 1)

    def fit(self, loss: Loss, at: Values, ran: Ran | None = None) -> Fit | None:
        """How the updates stand to the gradients of a loss; ``None`` where it is none."""
        found = self.claimed(loss, at, ran)
        if found is None:
            return None
        if not any(gradient.any() for gradient in found.right):  # at weights and a sample of zeros
            other = None if self.moved else self.fit_elsewhere(found.loss, found.own, 2)
            return None if other is None else replace(other, parameters=found.own, sources={})
        claims, right = found.claims, found.right
        ratios = list(map(ratio_of, without_rounding(claims), without_rounding(right)))
        sizes = [update.variable.before.size for update in found.own]
        said = [
            None if u.variable.paths in self.by_chance or lacks_rate(u, found.own) else r
            for u, r in zip(found.own, ratios, strict=True)
        ]
        alone = [ratio for ratio in said if ratio]
        if len(alone) == 1 and not self.is_expected(alone[0], found.own, found.root):
            said = [None] * len(said)
        near, counts = nearness(found.root, found.leaves), counts_of(found.root)
        twice = divided_twice(rate_of(found.own[0], found.own), found.root)
        said = [ratio and ratio / twice for ratio in said]
        factor = twice * common_factor(said, sizes, loss.sign(ratios), near, counts)
        right_for = frozenset(
            update.variable.paths
            for update, ratio in zip(found.own, ratios, strict=True)
            if ratio is not None and (ratio == 0 or abs(ratio - factor) <= SAME * abs(factor))
        )
        usual = 1.0 if are_powers(said) else usual_multiple(claims, right)
        factor = plain_number(factor, _PLAIN)
        pairs = zip(found.own, ratios, strict=True)
        multiples = {update.variable.paths: ratio for update, ratio in pairs if ratio}
        return Fit(found.loss, found.own, factor, right_for, usual, found.sources, multiples)

    def elsewhere(self, fit: Fit, moved: Sequence[Update] = ()) -> Fit:
        """The same, as far as it holds at other parameters, where nothing agrees by chance.

        Some factor fits few numbers, and what is a product with a number that should be none may
        be a multiple of its gradient: what is another elsewhere says nothing.

        Arguments:
            fit: how the updates stand to a loss.
            moved: what is moved; those of the fit if empty.
        """
        moved = moved or fit.parameters
        fits = [fit]
        for number in (0, 1):
            other = self.fit_elsewhere(fit.loss, moved, number)
            if other is None or len(other.parameters) != len(fit.parameters):
                return fit
            if abs(other.factor - fits[-1].factor) <= SAME * abs(fits[-1].factor):
                return replace(fit, factor=other.factor, right=other.right)
            fits.append(other)
        here, there = (each.ratios for each in fits[1:])
        by_chance = {
            paths
            for paths in here
            if paths not in there or abs(here[paths] - there[paths]) > SAME * abs(here[paths])
        }
        if by_chance and not self.by_chance:
            return replace(self, by_chance=frozenset(by_chance)).elsewhere(fit, moved)
        return replace(fit, factor=float(np.sign(fit.factor)), right=frozenset())

    def fit_elsewhere(self, loss: Loss, parameters: Sequence[Update], number: int) -> Fit | None:
        """How updates at other parameters stand to the gradients of a loss there."""
        there = self.there(parameters, number)
        return None if there is None else there.fit(loss, {})

    def there(self, parameters: Sequence[Update], number: int) -> Trained | None:
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

    def is_expected(self, factor: float, own: Sequence[Update], root: Node) -> bool:
        """Whether a factor that not all of several updates say is one that derivations leave out:
        of the sizes of what is computed, of how many examples there are, of the loss itself.

        A number of another kind is rather a slip, unless the rate is not known.
        """
        if len(own) < 2 or not all(rate_of(update, own) for update in own):
            return True
        counts, constants = set(counts_of(root)), constants_of(root)
        held = [value for space in self.step.spaces for value in space.values()]
        counts |= {len(value) for value in held if isinstance(value, list | tuple)}
        counts |= {value for value in held if isinstance(value, int)}
        numbers = [
            abs(float(np.sum(c))) for c in constants if c.size == 1 and c.dtype.kind in "iuf"
        ]
        return is_made_of(factor, [count for count in counts if 0 < count], numbers)

    def claimed(self, loss: Loss, at: Values, ran: Ran | None = None) -> Claimed | None:
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
            if self.is_wanted(update)
            and (leaf := ran.leaves[update.variable]) in order
            and root is not leaf
            and not _makes(update, loss)
            and not reaches(order, _written(update, ran), leaf)
        ]
        leaves = [ran.leaves[update.variable] for update in read]
        with np.errstate(all="ignore"):
            swept = map(np.asarray, sweep_gradients(root, leaves, False, None) if read else ())
        gradients = dict(zip(read, swept, strict=True))
        known = [
            (update, leaf, gradients[update])
            for update, leaf in zip(read, leaves, strict=True)
            if (self._is_update(update, ran, leaf) and not self._is_average(update, read, ran))
            or holds_gradient(update, gradients[update], gradients)
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
        return Claimed(loss, own, sources, claims, right, root, leaves)

    @cached_property
    def _sources(self) -> Sources:
        return Sources(self.step.known, self.plain.made, self.names)

    def is_wanted(self, update: Update) -> bool:
        return self.wanted is None or update.variable.paths in self.wanted

    def moves_all(self, parameters: Collection[Update], ran: Ran) -> bool:
        """Whether all that the step adds to is among parameters."""
        return not any(
            leaf is None or self._is_update(update, ran, leaf)
            for update in self.changed
            if update not in parameters
            for leaf in (ran.leaves.get(update.variable),)
        )

    def _is_update(self, update: Update, ran: Ran, leaf: Node) -> bool:
        nodes = ran.nodes_after(update.variable)
        if goes_on_inside(update, self.changed):
            return True
        replaced = np.array(update.taken != 0)
        for _, index in nodes:
            replaced[index] = False
        if nodes and replaced.any():  # by data, as the inputs that a list takes
            return False
        return adds_to(nodes, leaf) if nodes else update.statement is not None

    def _is_average(self, update: Update, others: Sequence[Update], ran: Ran) -> bool:
        """Whether a part of a variable goes on and numbers that no parameter moves are added, as a
        baseline of rewards does, and at a rate that no other update has.
        """
        leaf, nodes = ran.leaves[update.variable], ran.nodes_after(update.variable)
        rates = {text for other in others if other is not update for text in other.factors}
        if len(nodes) != 1 or nodes[0][0] is leaf or rates & update.factors.keys():
            return False
        after = nodes[0][0]
        order = topological_order(after)
        if len(others) < 2 or {one for one in order if not one.parents} != {leaf}:
            return False
        adds = any(
            symbol_of(one) in ("+", "-") and not all(map(is_node, one.parents)) for one in order
        )
        assert isinstance(after, Tensor)
        (parts,) = map(np.asarray, sweep_gradients(after.sum(), [leaf], False, None))
        part = float(np.mean(parts))
        return adds and 0 < part < 1 - SAME and bool(np.allclose(parts, part, rtol=SAME))


_ONLY_SHOWN = 10
"""The rank of a mean distance where no sign is taken, which no derivation of it does without: less
likely than what the output's error is the gradient of.
"""


_PLAIN = 1e-5
"""How far a factor is from a plain number, at the most, if a stabiliser may be the reason."""


def _makes(update: Update, loss: Loss) -> bool:
    """Whether what updates a variable is what makes the loss: a number to which it is added."""
    if update.statement is None or loss.event is None:
        return False
    return update.statement.place == loss.event[0].place


def _written(update: Update, ran: Ran) -> list[tuple[Node, Any]]:
    """What an update has changed of a variable, as nodes, each with where in it that stands."""
    every = ran.nodes_after(update.variable)
    return [(node, index) for node, index in every if np.any(update.taken[index])]
