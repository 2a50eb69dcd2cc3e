"""How many times the gradients the updates of a step are, where no update is right and says it."""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from autograd_mini.check.lines.instrument import HANDED
from autograd_mini.check.lines.line import name_of_call
from autograd_mini.check.lines.program import Site
from autograd_mini.check.lines.syntax import updates_itself
from autograd_mini.check.moved import Moved
from autograd_mini.check.steps.fit import nearness
from autograd_mini.check.steps.meant import Loss
from autograd_mini.check.steps.multiples import (
    SAME,
    TELLING,
    common_factor,
    is_plain,
    plain_number,
    ratio_of,
    unlikeness,
)
from autograd_mini.check.steps.recorded import Made, Ran, run
from autograd_mini.check.steps.residuals import Residual, residuals
from autograd_mini.check.steps.step import Step
from autograd_mini.check.steps.updates import factors_of, statement_of
from autograd_mini.check.steps.variables import Held, Variable, as_numbers
from autograd_mini.core.graph import Node, sweep_gradients, topological_order
from autograd_mini.typing import Array

_RESIDUALS = 4
"""How many differences are taken for the output's error."""


@dataclass(frozen=True)
class Unsaid:
    """Updates of which none says how many times the gradients they are.

    Attributes:
        step: the step.
        plain: a plain run of it.
        given: one at the parameters that it finds: what is the same there depends on none.
        start: what the updated variables hold when it begins.
        variables: what it updates.
        claims: of a plain run what each update says that its gradient is.
        root: the recorded loss.
        leaves: what the updates are of.
        usual: how much larger than the gradients the updates usually are.
        sign: 1, or -1 where the loss is made greater.
        rates: the numbers that updates are divided by, as they are written.
        each: what each update is times the gradient; ``None`` where it is no multiple.
    """

    step: Step
    plain: Ran
    given: Ran
    start: Mapping[Variable, Array]
    variables: Sequence[Variable]
    claims: Callable[[Ran], Sequence[Array | None]]
    root: Node
    leaves: Sequence[Node]
    usual: float
    sign: float
    rates: frozenset[str]
    each: Sequence[float | None]

    @property
    def of_error(self) -> float | None:
        """The factor where a statement makes the output's error, or a number times it as it is
        written, and nothing else of it: if all that follows is right, it is the line that is wrong.
        """
        known = map(self.with_error, residuals(self.step.known, self.plain)[:_RESIDUALS])
        return next((factor for factor in known if factor is not None), None)

    def with_error(self, residual: Residual) -> float | None:
        """The same where a statement makes a difference alone; ``None`` where then not all that
        follows is right, or something is taken away of what is updated.
        """
        differences: list[Array | None] = []
        for both in self._sides(residual):
            if any(map(self._is_updated, both)):
                return None
            try:
                differences.append(np.subtract(*both))
            except (TypeError, ValueError):  # a list, or shapes that do not fit
                differences.append(None)
        return self._with(residual, differences)

    def _is_updated(self, side: Held) -> bool:
        """Whether something is what an updated variable holds, or one of its numbers."""
        numbers = as_numbers(side)
        return numbers is not None and any(
            np.array_equal(numbers, held) or (numbers.size == 1 and bool(np.any(numbers == held)))
            for held in self.start.values()
        )

    def _with(self, residual: Residual, errors: Sequence[Array | None]) -> float | None:
        """The same where a statement makes these, turn by turn, and no more."""
        place = residual.statement.place

        def exchange(site: Site, turn: int, value: Array) -> Array | None:
            error = errors[turn] if site.place == place and turn < len(errors) else None
            fits = error is not None and error.shape == value.shape and site.slot != HANDED
            return error if fits else None

        ran = run(self.step, self.variables, start=self.start, exchange=exchange)
        right, sizes = _gradients(self.root, self.leaves), [np.size(n.data) for n in self.leaves]
        ratios = [
            None if claim is None else ratio_of(claim, gradient)
            for claim, gradient in zip(self.claims(ran), right, strict=True)
        ]
        factor = common_factor(ratios, sizes, self.sign)
        same = all(_is_same(ratio or 0.0, factor) for ratio in ratios)
        if not same or not is_plain(factor):
            return None
        both = factor, factor * self._number_beside(residual)
        return plain_number(min(both, key=unlikeness), SAME)

    def _sides(self, residual: Residual) -> list[tuple[Held, ...]]:
        """What stands on both sides of a difference, turn by turn."""
        visited: list[tuple[Held, ...]] = []
        place, texts = residual.statement.place, (residual.left, residual.right)
        visit = Loss("", "", place=place, texts=texts, form=max).visitor(visited)
        run(self.step, (), start=self.start, before=place, visit=visit)
        return visited

    @property
    def of_output(self) -> float | None:
        """The same where a statement takes something from the output of a loss of squares that is
        not its target: o − t is 1/c times the gradient of a loss whose second derivative by o is c.
        """
        for residual in residuals(self.step.known, self.plain)[:_RESIDUALS]:
            for errors in self._errors(residual):
                factor = self._with(residual, errors)
                if factor is not None:
                    return factor
        return None

    @property
    def of_error_written(self) -> float | None:
        """What the output's error is times the gradient, as it is written, if the updates nearest
        to the loss are so, and others not, or if those have one factor more and the others its
        square: what is handed on to the others is wrong then.
        """
        near = nearness(self.root, self.leaves)
        for residual in residuals(self.step.known, self.plain)[:_RESIDUALS]:
            _, _, curvature = self._outputs(residual)
            error = curvature and self.sign * self._number_beside(residual) / curvature
            if not error:
                continue
            ratios = [ratio / error if ratio else 0.0 for ratio in self.each]
            nearest = ratios[int(np.argmax(near))]
            front = [n for n, r in zip(near, ratios, strict=True) if _is_same(r, nearest)]
            behind = [(n, r) for n, r in zip(near, ratios, strict=True) if not _is_same(r, nearest)]
            if len(front) < 2 or not behind or min(front) <= max(n for n, _ in behind):
                continue
            if _is_same(nearest, 1.0) or all(_is_same(r, nearest**2) for _, r in behind):
                return plain_number(error, SAME)
        return None

    def _outputs(
        self, residual: Residual
    ) -> tuple[list[Node], list[tuple[Node, float]], float | None]:
        """The nodes of the loss, those that stand on one side of a difference, turn by turn, each
        with its sign, and the second derivative by them, if there is one.
        """
        order = [node for node in topological_order(self.root) if node.parents]
        outputs = [out for both in self._sides(residual) if (out := _side_of(order, both))]
        return order, outputs, _second_derivative(order, outputs[0][0]) if outputs else None

    def _errors(self, residual: Residual) -> Iterator[list[Array]]:
        """What a difference should be, turn by turn, where an output of the loss stands on one of
        its sides, for the outputs as they are read and as they were made; none where the loss is
        not of squares.
        """
        order, outputs, curvature = self._outputs(residual)
        if curvature is None:
            return
        gradients = dict(zip(order, _gradients(self.root, order), strict=True))
        when = {node: number for number, node in enumerate(order)}
        for several in (outputs, sorted(outputs, key=lambda out: when[out[0]])):
            yield [np.asarray(sign * gradients[node] / curvature) for node, sign in several]

    def _number_beside(self, residual: Residual) -> float:
        """The numbers that a statement multiplies its difference by, as one."""
        value = getattr(residual.statement.node, "value", None)
        if value is None:
            return 1.0
        numbers = factors_of(self.step, self.start, residual.statement, value).values()
        return abs(float(np.prod(list(numbers) or [1.0])))

    @property
    def of_what_is_made(self) -> float | None:
        """The factor of the first array that is a plain multiple of a gradient, if updates that
        read it are rather so large, or no statement behind it multiplies by a number; or, if some
        update is so many times its gradient, of the output's error.

        The output's error t − o is −N/2 times the gradient of the mean of its squares: then all
        that follows is N/2 times the gradient, if it is right.
        """
        for ratio, made in self.on_the_way:
            if abs(self.usual - 1) <= SAME and self._moves:
                is_meant = self._is_error(made) and self._is_said(ratio)
            else:
                as_large = _is_nearer(abs(ratio), self.usual) and self._is_read(made)
                is_meant = as_large or not self._is_scaled_behind(made)
            if is_meant:
                return plain_number(abs(ratio), SAME) * self.sign
        return None

    @cached_property
    def on_the_way(self) -> list[tuple[float, Made]]:
        """What arrays that the step makes are times gradients of what the loss is made of, each
        with the first of them.
        """
        order = [node for node in topological_order(self.root) if node.parents]
        every = _gradients(self.root, order) if order else []
        slopes = [slope for slope in every if slope.size > 1]
        numbers = np.array([float(np.sum(slope)) for slope in every if slope.size == 1])
        found = []
        given = {(m.site, m.turn, m.key): m.numbers for m in self.given.made}
        for made in self.plain.made:
            if made.numbers is None or made.site.slot == HANDED or made.numbers.size < TELLING:
                continue
            same = given.get((made.site, made.turn, made.key))
            if same is not None and np.array_equal(made.numbers, same):
                continue  # data
            for slope in reversed(slopes):
                ratio = ratio_of(made.numbers, slope) if slope.shape == made.numbers.shape else None
                if ratio and is_plain(ratio):
                    found.append((ratio, made))
                    break
        return found + self._of_numbers(numbers)

    def _of_numbers(self, slopes: Array) -> list[tuple[float, Made]]:
        """The same of numbers that a statement makes turn by turn, all of which are alike.

        Arguments:
            slopes: the gradients of the numbers that the loss is made of.
        """
        rows: dict[Site, dict[float, Made]] = {}
        given = {(m.site, m.turn, m.key): m.value for m in self.given.made if m.is_number}
        for made in self.plain.made:
            same = given.get((made.site, made.turn, made.key))
            if made.is_number and made.site.slot != HANDED and made.value != same:
                rows.setdefault(made.site, {}).setdefault(float(np.sum(made.value)), made)
        found = []
        slopes = slopes[slopes != 0][::-1]  # those nearest to the loss first
        for row in rows.values():
            first, *others = row
            for ratio in first / slopes if others and first else ():
                alike = (np.isclose(other, ratio * slopes, rtol=SAME, atol=0) for other in others)
                if is_plain(ratio) and all(map(np.any, alike)):
                    found.append((float(ratio), row[first]))
                    break
        return found

    @cached_property
    def _moves(self) -> bool:
        """Whether any update takes something away: otherwise nothing says how large they are."""
        return any(claim is not None and claim.any() for claim in self.claims(self.plain))

    def _is_read(self, made: Made) -> bool:
        """Whether some update is made of something."""

        def exchange(site: Site, turn: int, value: Array) -> Array | None:
            return 2 * value if (site, turn) == (made.site, made.turn) else None

        other = run(self.step, self.variables, start=self.start, exchange=exchange)
        pairs = zip(self.claims(self.plain), self.claims(other), strict=True)
        return any(a is None or b is None or not np.array_equal(a, b) for a, b in pairs)

    def _is_error(self, made: Made) -> bool:
        """Whether a statement makes a difference, and nothing else of it."""
        statement = statement_of(self.step.known, made)
        value = getattr(None if statement is None else statement.node, "value", None)
        if isinstance(value, ast.Call) and len(value.args) == 1:
            value = value.args[0]
        return isinstance(value, ast.BinOp) and isinstance(value.op, ast.Sub)

    def _is_said(self, factor: float) -> bool:
        """Whether some update is so many times its gradient."""
        return any(_is_same(abs(ratio or 0.0), abs(factor)) for ratio in self.each)

    def _is_scaled_behind(self, made: Made) -> bool:
        """Whether a statement behind one that made something multiplies by a number, but for rates,
        or takes a mean: what is a multiple of a gradient there may be none at the end.
        """
        behind = self.plain.made[self.plain.made.index(made) + 1 :]
        later = [*filter(None, {statement_of(self.step.known, one): None for one in behind})]
        last = [i for i, statement in enumerate(later) if updates_itself(statement.node)][-1:]
        for statement in later[: last[0] + 1] if last else later:  # not what is shown at the end
            parts = list(ast.walk(statement.node))
            if any(isinstance(p, ast.Call) and name_of_call(p) in _MEANS for p in parts):
                return True
            products = [p for p in parts if isinstance(p, ast.BinOp) and isinstance(p.op, _SCALING)]
            if not products:
                continue
            whole = functools.reduce(lambda a, b: ast.BinOp(a, ast.Mult(), b), products)
            numbers = factors_of(self.step, self.start, statement, whole)
            if any(abs(numbers[text]) != 1 for text in numbers if text not in self.rates):
                return True
        return False


_SCALING = ast.Mult | ast.Div | ast.MatMult
_MEANS = ("mean", "average")


def _is_same(one: float, other: float) -> bool:
    """Whether a ratio, which is not 0, is another one."""
    return bool(one) and abs(one - other) <= SAME * abs(other)


def _side_of(order: Sequence[Node], both: tuple[Held, ...]) -> tuple[Node, float] | None:
    """The node of a loss, given by its order, that one side of a difference is, and its sign."""
    for side, sign in zip(map(as_numbers, both), (1.0, -1.0), strict=False):
        if side is None:
            continue
        for node in order:
            data = np.asarray(node.data)
            if data.shape == side.shape and np.allclose(data, side, rtol=1e-9, atol=0):
                return node, sign
    return None


def _second_derivative(order: Sequence[Node], node: Node) -> float | None:
    """That of a loss, given by its topological order, by each number of one node, if it is the same
    for all of them, and everywhere.
    """
    data, moved = np.asarray(node.data, float), Moved(order, node)
    rng, here = np.random.default_rng(0), moved.root_at(data)
    by = [size * rng.choice([-1.0, 1.0], data.shape) for size in (0.5, 1.0, 1.0)]
    with np.errstate(all="ignore"):  # out of the domain of a logarithm
        found = [
            (moved.root_at(data + d) + moved.root_at(data - d) - 2 * here) / np.sum(d * d)
            for d in by
        ]
    same = np.allclose(found, found[0], rtol=1e-6, atol=0)
    return float(found[0]) if same and found[0] > 0 else None


def _gradients(root: Node, nodes: Sequence[Node]) -> list[Array]:
    with np.errstate(all="ignore"):
        return [np.asarray(g) for g in sweep_gradients(root, nodes, False, None)]


def _is_nearer(factor: float, usual: float) -> bool:
    """Whether updates are nearer to a multiple of the gradients than to these."""
    return bool(abs(np.log(factor / usual)) < abs(np.log(usual)))
