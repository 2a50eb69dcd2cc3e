"""Which values and gradients of a graph get a line of their own, and the formula of each.

A quantity is the value of a node or its gradient.  It has a line if the user has a name for it,
if it is used more than once, or if it is long; else it stands as its formula where it is used.
What nothing uses is not computed.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from autograd_mini.core.graph import quietly, reverse_sweep, topological_order
from autograd_mini.core.operation import OPERATIONS
from autograd_mini.language.texts import Trees, evaluate
from autograd_mini.replay.observed import Observed
from autograd_mini.replay.views import named_views
from autograd_mini.show.arithmetic import Shape, repeated, total
from autograd_mini.show.chain_rule import dependent, uses_between
from autograd_mini.show.names import GraphNames, free_names
from autograd_mini.show.notation import folded
from autograd_mini.show.numpy_lines import number_in
from autograd_mini.show.recorded import Node
from autograd_mini.show.steps import is_masked
from autograd_mini.show.terms import Terms

LONGEST = 36
"""A formula without a name that takes more names and signs than this gets a line of its own."""


@dataclass(frozen=True)
class Line:
    """An assignment.

    Arguments:
        name: what is assigned: a name of ``Terms``.
        formula: what to, in names of ``Terms``.
        shape: of both.
    """

    name: ast.Name
    formula: ast.expr
    shape: Shape


@dataclass(frozen=True)
class Lines:
    """The lines of a function that computes gradients.

    Arguments:
        terms: what their names mean.
        lines: in the order of computation.
        value: the formula of the result; ``None`` if nothing is to compute it.
        gradients: the formula of the gradient of each input.
    """

    terms: Terms
    lines: list[Line]
    value: ast.expr | None
    gradients: dict[Node, ast.expr]


def lines_of(run: Observed, with_value: bool) -> Lines:
    """The lines that compute the gradients of a run, and its value if that is wanted."""
    order, inputs = topological_order(run.root), set(run.inputs)
    names, given = _identifiers(order, run)
    terms = Terms(order, _graph_names(names, given, run)).in_full(all_branches=True)
    sweep = _Sweep(order, run.inputs, inputs | given)
    backward = sweep.formulas(terms, None)
    forward = {node: terms.formula(node) for node in order if node.parents}

    # How often is each quantity used by what is computed at all?
    formulas = {terms.symbol(n).id: f for n, f in forward.items()}
    formulas |= {terms.delta(n).id: f for n, f in backward.items() if n is not run.root}
    ends = [terms.delta(node).id for node in run.inputs if node in backward]
    ends += [terms.symbol(run.root).id] * with_value
    uses = _uses(formulas, ends)

    inlined: set[Node] = set()
    sizes: dict[str, int] = {}
    for node, formula in forward.items():
        name = terms.symbol(node).id
        size = _size(formula, sizes)
        is_short = node not in given and node is not run.root and size <= LONGEST
        if (is_short and uses[name] <= 1) or _is_name(formula):
            inlined.add(node)
            sizes[name] = size
    terms = Terms(order, terms.names, inlined).in_full(all_branches=True)
    apart = {
        node
        for node in backward
        if node in given or node in inputs or uses[terms.delta(node).id] > 1
    }
    backward = sweep.formulas(terms, apart)

    lines = [
        Line(terms.symbol(node), terms.formula(node), np.shape(node.data))
        for node in forward
        if uses[terms.symbol(node).id] and node not in inlined
    ]
    for node in reversed(order):
        if node in backward and node in sweep.apart and uses[terms.delta(node).id]:
            lines.append(Line(terms.delta(node), backward[node], np.shape(node.data)))
    gradients = {
        node: terms.delta(node)
        if node in backward
        else repeated(ast.Constant(0.0), np.shape(node.data))
        for node in run.inputs
    }
    value = terms.written(run.root) if with_value else None
    return _shared(Lines(terms, lines, value, gradients))


def _identifiers(order: Sequence[Node], run: Observed) -> tuple[dict[Node, str], set[Node]]:
    """A name for each node, each a different one that Python takes; which are the user's."""
    taken = {identifier(name) for name in run.arrays.values()}
    names: dict[Node, str] = {}
    for node in [*run.inputs, *order]:
        if node in names or node not in run.names:
            continue
        plain = unique = identifier(run.names[node])
        count = 1
        while unique in taken:
            count += 1
            unique = f"{plain}_{count}"
        taken.add(unique)
        names[node] = unique
    given = set(names)
    if run.root not in names:
        made_up = free_names("value", taken)
        names[run.root] = next(made_up) if "value" in taken else "value"
        taken.add(names[run.root])
    made_up = free_names("v", taken)
    for node in order:
        if node not in names:
            names[node] = next(made_up)
    return names, given


def identifier(name: str) -> str:
    """A name that Python takes."""
    plain = re.sub(r"\W+", "_", name).strip("_") or "v"
    return f"_{plain}" if plain[0].isdigit() else plain


def _graph_names(names: dict[Node, str], given: Collection[Node], run: Observed) -> GraphNames:
    found = {key: identifier(name) for key, name in run.arrays.items()}
    named = {found[id(it)]: it for it in run.alive if id(it) in found}
    constants = [p for node in names for p in node.parents if isinstance(p, np.ndarray)]
    found |= named_views(named, [array for array in constants if id(array) not in found])
    taken = {*names.values(), *found.values()}
    return GraphNames(names, frozenset(given), found, free_names("c", taken))


class _Sweep:
    """The reverse sweep in formulas.

    Arguments:
        order: the nodes, the root last.
        inputs: those whose gradients are wanted.
        kept: the nodes whose gradients have a line even if that says no more than another name.
    """

    def __init__(
        self, order: Sequence[Node], inputs: Sequence[Node], kept: Collection[Node]
    ) -> None:
        self._kept = kept
        self.order, self.root = order, order[-1]
        self.uses = uses_between(order, dependent(order, *inputs))
        self.apart: set[Node] = set()
        self._masked = _masked(order, self.uses)

    def formulas(self, terms: Terms, apart: Collection[Node] | None) -> dict[Node, ast.expr]:
        """For each node from the root to the inputs what it receives.

        Arguments:
            apart: the nodes whose gradients have names in other formulas; ``None``: all.
        """
        found: dict[Node, ast.expr] = {
            self.root: repeated(ast.Constant(1.0), np.shape(self.root.data))
        }
        self.apart = set(self.uses if apart is None else apart)
        kept = self._kept if apart is not None else self.uses
        for node in reversed(self.order):
            if node is self.root or node not in self.uses:
                continue
            shares = [self._share(terms, c, slot, found[c]) for c, slot in self.uses[node]]
            found[node] = evaluate(total(shares), _Folded())
            if _is_name(found[node]) and node not in kept:
                self.apart.discard(node)
            elif _size(found[node]) > LONGEST:
                self.apart.add(node)
        return found

    def _share(self, terms: Terms, child: Node, slot: int, upstream: ast.expr) -> ast.expr:
        if child in self.apart and not isinstance(upstream, ast.Constant):
            upstream = terms.delta(child)
        share = terms.share(child, slot, upstream)
        if (child, slot) in self._masked:
            zero = ast.Compare(upstream, [ast.Eq()], [ast.Constant(0)])
            share = ast.Call(ast.Name("where"), [zero, ast.Constant(0.0), share], [])
        return share


class _Folded(Trees):
    """A formula in which what is made of numbers is one: ``x ** (2 - 1)`` is ``x``."""

    def operator(self, symbol: str, *operands: ast.expr) -> ast.expr:
        numbers = [number_in(operand) for operand in operands]
        value = folded(symbol, *numbers)
        if value is not None and len(operands) == 2:
            return ast.Constant(value)
        if symbol == "**" and numbers[1] == 1:
            return operands[0]
        return super().operator(symbol, *operands)


def _masked(
    order: Sequence[Node], uses: Mapping[Node, Sequence[tuple[Node, int]]]
) -> set[tuple[Node, int]]:
    """Where zero times infinity is to be zero."""
    root = order[-1]
    found: set[tuple[Node, int]] = set()
    wanted = {*uses, root}
    seed = root.seed(None)
    if not is_masked(order, seed, wanted):
        return found
    for node, gradient in reverse_sweep(order, seed, wanted, masked=True):
        operation = node.operation
        if operation is None or not operation.elementwise or np.all(gradient):
            continue
        with quietly():
            for slot, derivative in enumerate(node.local_derivatives):
                if derivative is not None and not np.all(np.isfinite(derivative)):
                    found.add((node, slot))
    return found


def _uses(formulas: Mapping[str, ast.expr], ends: Sequence[str]) -> Counter[str]:
    """How often each quantity is named by what the ends need; once more if it is an end."""
    found = Counter(ends)
    waiting = [end for end in dict.fromkeys(ends) if end in formulas]
    seen = set(waiting)
    while waiting:
        for name in _names_in(formulas[waiting.pop()]):
            found[name] += 1
            if name in formulas and name not in seen:
                seen.add(name)
                waiting.append(name)
    return found


def _names_in(formula: ast.expr) -> Iterator[str]:
    return (part.id for part in ast.walk(formula) if isinstance(part, ast.Name))


def _size(formula: ast.expr, sizes: Mapping[str, int] | None = None) -> int:
    sizes = sizes or {}
    return sum(sizes.get(getattr(part, "id", ""), 1) for part in ast.walk(formula))


def _is_name(formula: ast.expr) -> bool:
    return isinstance(formula, ast.Name)


# What is computed twice


def _shared(whole: Lines) -> Lines:
    """The same lines, in which no formula is computed twice: what comes again has a name."""
    terms, lines = whole.terms, list(whole.lines)
    made_up = free_names("t", set(terms.names.nodes.values()))
    work = {id(line.formula): _work(line.formula) for line in lines}
    while True:
        counts: Counter[str] = Counter()
        parts: dict[str, ast.expr] = {}
        first: dict[str, int] = {}
        for place, line in enumerate(lines):
            for key, part in work[id(line.formula)]:
                counts[key] += 1
                parts.setdefault(key, part)
                first.setdefault(key, place)
        again = [key for key, count in counts.items() if count > 1]
        if not again:
            return replace(whole, lines=lines)
        key = max(again, key=lambda key: (len(key), -first[key]))
        start = first[key] + 1
        if ast.unparse(lines[first[key]].formula) == key:
            name = lines[first[key]].name
        else:
            name = terms.named(next(made_up))
            lines.insert(first[key], Line(name, parts[key], ()))
            work[id(parts[key])] = _work(parts[key])
        swap = _Swap(key, name)
        for place in range(start, len(lines)):
            line = lines[place]
            if any(key == other for other, _ in work[id(line.formula)]):
                formula = evaluate(line.formula, swap)
                lines[place] = replace(line, formula=formula)
                work[id(formula)] = _work(formula)


def _work(formula: ast.expr) -> list[tuple[str, ast.expr]]:
    """The parts of a formula that take work, each with its text."""
    work = _Work()
    whole = evaluate(formula, work)
    parts = work.parts
    if isinstance(whole, ast.Call) and whole not in parts:
        parts.append(whole)  # two lines that only rearrange in the same way are one
    return [(ast.unparse(ast.fix_missing_locations(part)), part) for part in parts]


class _Work(Trees):
    """Collects what is computed of names, but in branches, of which one may not be defined."""

    def __init__(self) -> None:
        self._found: dict[int, ast.expr] = {}
        self.in_branch = False

    @property
    def parts(self) -> list[ast.expr]:
        return list(self._found.values())

    def _noted(self, part: ast.expr) -> ast.expr:
        if not self.in_branch and next(_names_in(part), ""):
            self._found[id(part)] = part
        return part

    def operator(self, symbol: str, *operands: ast.expr) -> ast.expr:
        made = super().operator(symbol, *operands)
        if symbol == "+":  # of a long sum the parts from the first term on are too many to look at
            self._found.pop(id(operands[0]), None)
        return self._noted(made) if len(operands) > 1 else made

    def compare(self, symbol: str, left: ast.expr, right: ast.expr) -> ast.expr:
        return self._noted(super().compare(symbol, left, right))

    def where(
        self, condition: ast.expr, yes: Callable[[], ast.expr], no: Callable[[], ast.expr]
    ) -> ast.expr:
        before, self.in_branch = self.in_branch, True
        made = super().where(condition, yes, no)
        self.in_branch = before
        return self._noted(made)

    def call(self, name: str, *operands: ast.expr, **options: ast.expr) -> ast.expr:
        made = super().call(name, *operands, **options)
        operation = OPERATIONS.get(name)
        moves_nothing = operation and (operation.keeps_order or operation.moves_axes)
        return made if moves_nothing else self._noted(made)


class _Swap(Trees):
    """A name in the place of a formula."""

    def __init__(self, key: str, swapped: ast.Name) -> None:
        self.key, self.swapped = key, swapped

    def _of(self, made: ast.expr) -> ast.expr:
        return self.swapped if ast.unparse(ast.fix_missing_locations(made)) == self.key else made

    def operator(self, symbol: str, *operands: ast.expr) -> ast.expr:
        return self._of(super().operator(symbol, *operands))

    def compare(self, symbol: str, left: ast.expr, right: ast.expr) -> ast.expr:
        return self._of(super().compare(symbol, left, right))

    def where(
        self, condition: ast.expr, yes: Callable[[], ast.expr], no: Callable[[], ast.expr]
    ) -> ast.expr:
        return self._of(super().where(condition, yes, no))

    def call(self, name: str, *operands: ast.expr, **options: ast.expr) -> ast.expr:
        return self._of(super().call(name, *operands, **options))
