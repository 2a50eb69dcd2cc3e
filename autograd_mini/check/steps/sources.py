"""What goes into updates as gradients, where an optimiser or a limit stands in between."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from autograd_mini.check.lines.claims import is_gradient_name
from autograd_mini.check.lines.instrument import HANDED
from autograd_mini.check.lines.program import Program
from autograd_mini.check.lines.source import Place, Statement
from autograd_mini.check.lines.syntax import target_of
from autograd_mini.check.lines.values import broadcasts
from autograd_mini.check.steps.multiples import is_clipped, ratio_of
from autograd_mini.check.steps.recorded import Made, Ran, lists_of
from autograd_mini.check.steps.updates import Update, made_before, scalars
from autograd_mini.check.structure import is_elementwise, squared, symbol_of
from autograd_mini.core.graph import Node, is_node, topological_order
from autograd_mini.typing import Array, Operand


@dataclass(frozen=True)
class Sources:
    """What a step makes that goes into its updates.

    Attributes:
        known: the step.
        made: what its statements make in a plain run.
        names: what the updates are of is called.
    """

    known: Program
    made: Sequence[Made]
    names: Mapping[Update, str]

    def of(self, update: Update, taken: Array, right: Array, ran: Ran) -> Made | None:
        """The array that goes into an update as the gradient; ``None`` where that is what it takes.

        Arguments:
            update: the update.
            taken: what it takes away, divided by its rate.
            right: the gradient of the loss.
            ran: a recorded run, which tells what an update is made of.
        """
        clipped = is_clipped(taken, right, self._says_clip)
        clipped = clipped or bool(self._clipping)  # be it that it is within the limits here
        if update.divides or clipped or scaled_in(update, ran) is not None:
            return self._source(update, right, clipped, ran)
        return self._signed(update) if ratio_of(taken, right) is None else None

    @cached_property
    def _signs(self) -> set[str]:
        return signed_in(self.known)

    @cached_property
    def _says_clip(self) -> bool:
        return any("clip" in ast.unparse(s.node) for s in self.known.statements)

    @cached_property
    def _clipping(self) -> set[Place]:
        """The statements that clip something where it stands."""
        return {s.place for s in self.known.statements if _clips_in_place(s)}

    def _source(self, update: Update, right: Array, clipped: bool, ran: Ran) -> Made | None:
        """The array that goes into an update as the gradient: by its numbers, by what is made of
        it, or by its name.

        Arguments:
            clipped: whether it may be written into once more, where it is clipped.
            ran: a recorded run.
        """
        arrays = _read_by(update, self._arrays(update, clipped), ran)
        shape = update.variable.before.shape
        for made in arrays:
            numbers = made.numbers
            alike = numbers is not None and numbers.shape == shape and numbers.size > 1
            if numbers is not None and alike and ratio_of(numbers, right):
                whole = (m for m in arrays if m.site == made.site and m.value is made.value)
                return [*whole][-1]  # what a last turn adds may be 0 here
        name, own = self.names[update], [update.statement.place] if update.statement else []
        arrays = [made for made in arrays if made.site.place not in (*self._clipping, *own)]
        scaled = scaled_in(update, ran)
        places = [] if scaled is None else [m.at for m in ran.made if m.node is scaled]
        found = [made for made in arrays if made.at in places]
        if found:
            return max(found, key=lambda made: is_gradient_name(made.name, name))
        named = [m for m in arrays if m.name != name and is_gradient_name(m.name, name)]
        return max(reversed(named), key=lambda made: _fitness(made, shape), default=None)

    def _signed(self, update: Update) -> Made | None:
        """The array of whose signs an update is made."""
        own = {text for path in update.variable.paths for text in (path.text, *path.names)}
        shape, named = update.variable.before.shape, self._signs - own
        if not named:
            return None
        found = [
            made
            for made in self._arrays(update, False)
            if made.name in named and made.numbers is not None and made.numbers.shape == shape
        ]
        return found[-1] if len({made.name for made in found}) == 1 else None

    def _arrays(self, update: Update, clipped: bool) -> list[Made]:
        """What was made of the shape of an update, or fills it: when nothing more was written into
        it, but for what is clipped.
        """
        shape = update.variable.before.shape
        ran = _before_scaling(self.known, self.made) if clipped else self.made
        every = (*ran, *lists_of(ran))
        found = [(m, m.numbers) for m in every if m.numbers is not None and m.site.slot != HANDED]
        last = {id(made.value): numbers for made, numbers in found}
        return [
            made
            for made, numbers in found
            if broadcasts(numbers.shape, shape)
            and (clipped or np.array_equal(numbers, last[id(made.value)], equal_nan=True))
        ]


def _read_by(update: Update, arrays: Sequence[Made], ran: Ran) -> list[Made]:
    """Those of which an update is made, as far as the recording tells; all where nothing is
    updated, as by a step that returns its gradients.
    """
    nodes = {made.at: made.node for made in ran.made}
    leaf = ran.leaves.get(update.variable)
    after = [node for node, _ in ran.nodes_after(update.variable) if node is not leaf]
    known = set().union(*map(topological_order, after))

    def is_read(made: Made) -> bool:
        node = nodes.get(made.at)
        return node is None or not known or node in known

    return list(filter(is_read, arrays))


def scaled_in(update: Update, ran: Ran) -> Node | None:
    """What an update divides by its own squares, as optimisers do that scale each number by itself;
    ``None`` where it does not, or was not recorded.

    >>> from autograd_mini import Tensor
    >>> from autograd_mini.check.steps.variables import Variable
    >>> w = Tensor([1.0, -2.0])
    >>> gradient = w * 3
    >>> after = w - 0.1 * (0.1 * gradient) / (np.sqrt(0.01 * gradient**2) + 1e-8)
    >>> of = Variable((), w.data, "array")
    >>> scaled_in(Update(of, w.data), Ran(leaves={of: w}, nodes={of: [(after, ...)]})) is gradient
    True
    """
    shape, leaf = update.variable.before.shape, ran.leaves.get(update.variable)
    for after, _ in ran.nodes_after(update.variable):
        below = list(_elementwise_below(after, shape, leaf))
        if all(squared(each) is None for each in below):
            continue
        for node in below:
            if symbol_of(node) == "/":
                over, under = (list(_elementwise_below(p, shape, leaf)) for p in node.parents)
                squares = {squared(each) for each in under}
                found = next((each for each in over if each in squares), None)
                if found is not None:
                    return found
    return None


def _elementwise_below(node: Operand, shape: tuple[int, ...], leaf: Node | None) -> Iterator[Node]:
    """A node and the operands of a shape that it is made of number by number, but for a leaf."""
    waiting, seen = [node], set[Node]()
    for one in waiting:  # grows while it is walked
        if is_node(one) and one not in seen and one is not leaf and one.data.shape == shape:
            seen.add(one)
            yield one
            waiting += one.parents if one.parents and is_elementwise(one) else ()


@lru_cache(maxsize=1024)
def _clips_in_place(statement: Statement) -> bool:
    """Whether something is clipped where it stands, each number or all by their norm."""
    target = target_of(statement.node)
    if _scales_by_norm(statement):
        return True
    for call in ast.walk(statement.node):
        if isinstance(call, ast.Call) and ast.unparse(call.func).rpartition(".")[2] == "clip":
            into = [keyword.value for keyword in call.keywords if keyword.arg == "out"]
            into += [target] if target is not None else []
            given = [*call.args[:1], getattr(call.func, "value", None)]
            if {*map(_text, into)} & {*map(_text, given)} - {"np", ""}:
                return True
    return False


def _before_scaling(program: Program, several: Sequence[Made]) -> Sequence[Made]:
    """What was made before gradients are scaled by their norm; all where none is."""
    places = {each.place for each in program.statements if _scales_by_norm(each)}
    end = next((i for i, made in enumerate(several) if made.site.place in places), len(several))
    return several[:end]


@lru_cache(maxsize=1024)
def _scales_by_norm(statement: Statement) -> bool:
    """Whether something is multiplied by what is made of a norm, ``g *= limit / norm``."""
    node, own = statement.node, set[str]()
    match node:
        case ast.AugAssign(op=ast.Mult() | ast.Div(), value=scaled):
            pass
        case ast.Assign(targets=[target], value=value):
            scaled = getattr(value, "elt", getattr(value, "value", value))
            own = {ast.unparse(target)}
            for part in getattr(value, "generators", ()):  # of a list its items
                if own & {ast.unparse(each) for each in ast.walk(part.iter)}:
                    own = {ast.unparse(each) for each in ast.walk(part.target)}
        case _:
            return False
    factors = {text for text, _ in scalars(scaled, True)}
    others = [ast.parse(text, mode="eval").body for text in factors - own]
    made = [ast.unparse(each) for one in others for each in (one, made_before(one, statement))]
    is_own = isinstance(node, ast.AugAssign) or bool(factors & own)
    return is_own and any(_NORM.search(text) for text in made)


_NORM = re.compile(r"norm|clip", re.IGNORECASE)
"""What says that a number is made of a norm."""


def _fitness(made: Made, shape: tuple[int, ...]) -> tuple[bool, ...]:
    """Whether something is neither zeros that are to be filled, nor of another shape, nor what a
    call returned.
    """
    numbers = np.zeros(()) if made.numbers is None else made.numbers
    return bool(numbers.any()), numbers.shape == shape, "()" not in made.name


def signed_in(program: Program) -> set[str]:
    """What the signs of are taken, as it is written."""
    return {
        ast.unparse(node.args[0])
        for statement in program.statements
        for node in ast.walk(statement.node)
        if isinstance(node, ast.Call) and node.args
        if ast.unparse(node.func).rpartition(".")[2] in _SIGNS
    }


_SIGNS = ("sign", "copysign")


def _text(node: ast.expr | None) -> str:
    return "" if node is None else ast.unparse(node)
