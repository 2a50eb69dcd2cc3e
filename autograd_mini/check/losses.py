"""Which loss is this the gradient of?

A derivation is often right, but for another loss than the one that is computed: for ½Σ(t − o)²
where the mean is printed, for the sum of a cross-entropy where its mean is.  Then all gradients
are off by one factor, and no line of the derivation is wrong.  So the loss is recognised in the
recorded graph, and the hand-derived gradients are held against those of its usual variants.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from autograd_mini._build.functions import exp, log
from autograd_mini.check.bounds import recorded_gradients, rounding_of, same_to_rounding
from autograd_mini.check.forward import meant_by
from autograd_mini.check.lines.formulas import RATES
from autograd_mini.check.problem import Problem
from autograd_mini.check.result import DIFFER, Cause, Quantity
from autograd_mini.check.scope import Scope
from autograd_mini.check.structure import (
    CLIP,
    GETITEM,
    LOG,
    LOG_SOFTMAX,
    LOGSUMEXP,
    MAXIMUM,
    SUM,
    Term,
    sample_axis,
    shares,
    squared,
    symbol_of,
    terms,
)
from autograd_mini.core.graph import Node, is_node, sweep_gradients, topological_order
from autograd_mini.core.tensor import Tensor, plain
from autograd_mini.typing import Array


@dataclass(frozen=True)
class LossHint:
    """Which usual loss all hand-derived gradients are right for.

    Attributes:
        factor: the gradients are this times those of the recorded loss; ``None`` if the two
            losses differ by more than a factor.
        sentence: which loss they are right for, and how it stands to the recorded one.
        names: the quantities that it explains.
        of_forward: whether it is what the recorded one was meant to be.
    """

    factor: float | None
    sentence: str
    names: tuple[str, ...]
    of_forward: bool = False


@dataclass(frozen=True)
class _Loss:
    """A recorded loss: ``factor`` times a sum of one kind, and L2 terms.

    ``outputs`` and ``targets`` are ``None`` where the graph does not show them.  ``samples``
    and ``width`` are N and K; ``samples`` is 0 where they cannot be told apart.
    """

    kind: str
    factor: float
    terms: tuple[Term, ...]
    weights: tuple[Term, ...]
    outputs: Any
    targets: Array | None
    samples: int
    width: int


_SUMS = {
    "squares": "Σ(t − o)²",
    "cross-entropy": "−Σ t·log o",
    "binary cross-entropy": "−Σ (t·log o + (1 − t)·log(1 − o))",
}
_VARIANTS: dict[str, tuple[tuple[str, str], ...]] = {
    "squares": (
        ("1/2", "½Σ(t − o)²"),
        ("1", "Σ(t − o)²"),
        ("1/NK", "the mean of (t − o)² over all N·K elements"),
        ("1/N", "Σ(t − o)² averaged over the N samples"),
        ("1/2N", "½Σ(t − o)² averaged over the N samples"),
        ("1/2NK", "half the mean of (t − o)² over all N·K elements"),
    ),
    "cross-entropy": (
        ("1", "the sum cross-entropy −Σ t·log o"),
        ("1/N", "the cross-entropy −Σ t·log o averaged over the N samples"),
        ("1/NK", "the mean of −t·log o over all N·K elements"),
    ),
    "binary cross-entropy": (
        ("1", "the sum of the binary cross-entropy"),
        ("1/NK", "the mean of the binary cross-entropy over all N·K elements"),
        ("1/N", "the binary cross-entropy averaged over the N samples"),
    ),
}
"""For each kind of sum the factors in use, the usual ones first, with words for the loss."""


def loss_hint(problem: Problem, quantities: Sequence[Quantity]) -> LossHint | None:
    """The usual loss that all hand-derived gradients are right for, if it is another one.

    Arguments:
        problem: the recorded loss; names and numbers in sight of it, to find the learning rate.
        quantities: its quantities with verdicts; those without a manual gradient do not count.

    Returns:
        ``None`` if nothing differs, if the loss is of no kind that is known, or if no usual
        variant explains every gradient, or several that are more than half of them.
    """
    if not any(q.verdict == DIFFER for q in quantities if q.manual is not None):
        return None
    problem = problem.expanded
    manual, order = problem.manual, problem.order
    nodes = {name: problem.nodes[name] for name in manual}
    if any(manual[name].shape != np.shape(node.data) for name, node in nodes.items()):
        return None
    arrays = manual.values()
    if not any(a.any() for a in arrays) or not all(np.isfinite(a).all() for a in arrays):
        return None  # zeros are to rounding the gradients of every loss that has reached its end
    if meant := meant_by(problem):
        sentence = f"right for {meant}: the forward pass is wrong, not its derivation"
        wrong = tuple(q.name for q in quantities if q.verdict == DIFFER)
        return LossHint(None, sentence, wrong, of_forward=True)
    loss = _recognised(order)
    if loss is None:
        return None
    group: tuple[int, LossHint | None] = (len(manual) // 2, None)  # more than half, and two
    for kind, sums in _candidates(loss):
        slopes = _slopes(sums, nodes, problem)
        for sign in (1, -1):
            for text, words in _VARIANTS[kind]:
                factor = sign * _number(text, loss)
                if np.isnan(factor):
                    continue
                decay = _decay(factor, slopes, manual, nodes)
                if decay is not None:
                    variant = _Variant(kind, text, words, sign, factor, decay)
                    return _hint(loss, variant, tuple(manual), problem.scope)
                if len(names := _explained(factor, slopes, manual)) > max(group[0], 1):
                    variant = _Variant(kind, text, words, sign, factor, 0.0)
                    group = len(names), _hint(loss, variant, names, problem.scope)
    if hint := group[1]:
        *first, last = hint.names
        hint = replace(hint, sentence=f"{', '.join(first)} and {last} are {hint.sentence}")
    return hint


def _explained(factor: float, slopes: Slopes, manual: Mapping[str, Array]) -> tuple[str, ...]:
    """The gradients that are a factor times the slopes."""
    given = manual.items()
    return tuple(n for n, g in given if same_to_rounding(g, *slopes[n].times(factor)))


def hinted(quantities: Sequence[Quantity], hint: LossHint | None) -> list[Quantity]:
    """The quantities, with ``different-loss`` among the causes of each mistake it explains.

    The negative of the same loss is no other loss, but a sign.
    """
    if hint is None or hint.factor == -1 or hint.of_forward:
        return list(quantities)
    cause = Cause("different-loss", hint.sentence)
    return [
        replace(quantity, causes=(*(c for c in quantity.causes if c.code != "unknown"), cause))
        if quantity.name in hint.names and quantity.causes
        else quantity
        for quantity in quantities
    ]


# Recognising the recorded loss


def _recognised(order: Sequence[Node]) -> _Loss | None:
    parts = [_part(term) for term in terms(order)]
    weights = tuple(part.term for part in parts if part.kind == "L2")
    data = [part for part in parts if part.kind != "L2"]
    kinds = {part.kind for part in data}
    sizes = {float(f"{abs(part.term.factor):.12g}") for part in data}
    if len(kinds) != 1 or "" in kinds or len(sizes) != 1:
        return None
    (kind,), first = kinds, data[0]
    factor = abs(first.term.factor) if kind == "cross-entropy" else first.term.factor
    if len(data) > 1:
        if not isinstance(first.term.node, Tensor):  # Values: a term for each element
            first = _Part(first.term, kind, sizes=(0, len(data)))
        elif len(data) == 2 and _complementary(data):
            kind, first = "binary cross-entropy", min(data, key=lambda part: part.role)
        elif len(data) == 2 and sorted(part.role for part in data) == ["chosen", "normaliser"]:
            first = min(data, key=lambda part: part.role)
        else:
            return None
    elif first.role != "log":
        return None
    samples, width = first.sizes
    if kind == "cross-entropy" and width == 1:  # one sample
        samples, width = 1, samples
    summands = tuple(part.term for part in data)
    return _Loss(kind, factor, summands, weights, first.outputs, first.targets, samples, width)


@dataclass(frozen=True)
class _Part:
    """A term of the loss and what kind of thing it sums; ``""`` if it is none that is known.

    ``role`` tells what a cross-entropy is made of: ``"log"`` is t·log o, ``"log of rest"``
    t·log(1 − o), ``"normaliser"`` log Σ exp z, ``"chosen"`` t·z.
    """

    term: Term
    kind: str
    outputs: Any = None
    targets: Array | None = None
    role: str = "log"
    sizes: tuple[int, int] = (0, 0)


def _part(term: Term) -> _Part:
    root = squared(term.node)
    if root is None:
        return _log_part(term)
    if not _as_it_was(root).parents:
        return _Part(term, "L2")
    outputs, targets = _difference(root)
    return _Part(term, "squares", outputs, targets, sizes=_sizes(outputs))


def _as_it_was(node: Node) -> Node:
    """What a node was before its sign or shape was changed."""
    while len(node.parents) == 1 and np.size(node.parents[0].data) == np.size(node.data):
        factors = [abs(share) for _, share in shares(node)]
        if factors != [1]:
            break
        (node,) = node.parents
    return node


def _difference(node: Node) -> tuple[Any, Array | None]:
    """Outputs and targets of a residual; the residual alone if no constant is taken from it."""
    node = _as_it_was(node)
    if symbol_of(node) == "-":
        for outputs, targets in (node.parents, node.parents[::-1]):
            if is_node(outputs) and not is_node(targets):
                if np.shape(outputs.data) == np.shape(node.data):
                    return outputs, np.broadcast_to(targets, np.shape(node.data))
                return node, None
    return node, None


def _log_part(term: Term) -> _Part:
    """The part of a term that sums targets times logarithms, or logarithms of chosen outputs."""
    unknown, node = _Part(term, ""), term.node
    if not isinstance(node, Tensor):
        return unknown
    of_sum = node.operation is LOG and node.parents[0].operation is SUM
    if node.operation is LOGSUMEXP or of_sum:
        return _Part(term, "cross-entropy", role="normaliser")
    targets, chosen = None, None
    if symbol_of(node) == "*":
        constants = [p for p in node.parents if not is_node(p) and np.shape(p) == node.shape]
        tracked = [p for p in node.parents if is_node(p)]
        if len(constants) != 1 or tracked[0].shape != node.shape:
            return unknown
        targets, node = np.asarray(constants[0], float), tracked[0]
    elif node.operation is GETITEM:
        chosen, node = node.options["index"], node.parents[0]
    if node.operation is LOG and targets is None and chosen is None:
        below = _unguarded(node.parents[0])
        if below.operation is not GETITEM:
            return unknown
        chosen, outputs = below.options["index"], below.parents[0]
    elif node.operation is LOG:
        outputs = _unguarded(node.parents[0])
    else:
        outputs = node
    if targets is None:
        if chosen is None:
            return unknown
        targets = np.zeros(outputs.shape)
        np.add.at(targets, chosen, 1.0)
    role = "log" if node.operation in (LOG, LOG_SOFTMAX) else "chosen"
    first = outputs.parents[0] if symbol_of(outputs) == "-" else None
    if first is not None and not is_node(first) and np.all(first == 1):
        role = "log of rest"
    return _Part(term, "cross-entropy", outputs, targets, role, _sizes(outputs))


def _unguarded(outputs: Tensor) -> Tensor:
    """What is meant where a logarithm is kept from 0, as in ``np.log(p + 1e-12)``."""
    while symbol_of(outputs) == "+" or outputs.operation in (MAXIMUM, CLIP):
        below = [p for p in outputs.parents if is_node(p)]
        if len(below) != 1 or below[0].shape != outputs.shape:
            break
        outputs = below[0]
    return outputs


def _complementary(parts: Sequence[_Part]) -> bool:
    """Whether two parts are t·log o and (1 − t)·log(1 − o)."""
    one, rest = sorted(parts, key=lambda part: part.role)
    if (one.role, rest.role) != ("log", "log of rest") or one.outputs.shape != rest.outputs.shape:
        return False
    assert one.targets is not None
    assert rest.targets is not None
    return bool(np.allclose(one.targets + rest.targets, 1.0))


def _sizes(outputs: Node) -> tuple[int, int]:
    shape = np.shape(outputs.data)
    if len(shape) != 2:
        return (int(np.prod(shape[:-1])), shape[-1]) if len(shape) > 2 else (int(np.prod(shape)), 1)
    axis = sample_axis(outputs)
    return shape[axis], shape[1 - axis]


# Other losses of the same outputs


def _candidates(loss: _Loss) -> list[tuple[str, list[tuple[Any, float]]]]:
    """For each kind of loss the nodes, with factors, whose element sums make its plain sum.

    The recorded kind comes first.
    """
    candidates = [(loss.kind, [(term.node, term.factor / loss.factor) for term in loss.terms])]
    if not isinstance(loss.outputs, Tensor) or loss.targets is None:
        return candidates
    targets: Any = loss.targets
    outputs = loss.outputs
    if loss.kind == "cross-entropy" and len(loss.terms) > 1:
        return candidates  # made of scores, not of probabilities
    if outputs.operation is LOG_SOFTMAX:
        outputs = exp(outputs)
    inside = bool(np.all((outputs.data > 0) & (outputs.data < 1)))
    shares = bool(np.all((targets >= 0) & (targets <= 1)))
    if loss.kind != "squares":
        candidates.append(("squares", [((targets - outputs) ** 2, 1.0)]))
    if loss.kind != "cross-entropy" and inside and shares and loss.width > 1:
        candidates.append(("cross-entropy", [(targets * log(outputs), -1.0)]))
    if loss.kind != "binary cross-entropy" and inside and shares:
        both = targets * log(outputs) + (1 - targets) * log(1 - outputs)
        candidates.append(("binary cross-entropy", [(both, -1.0)]))
    return candidates


class _Slope(NamedTuple):
    """The gradient of a sum over elements, its rounding, and the ``room`` of a ``Problem``."""

    gradient: Array
    rounding: Array
    room: Array | float

    def times(self, factor: float) -> tuple[Array, Array]:
        """A multiple of it, and how far a hand-derived gradient may be off that."""
        return factor * self.gradient, abs(factor) * self.rounding + self.room


Slopes = Mapping[str, _Slope]


def _slopes(
    sums: Sequence[tuple[Any, float]], nodes: Mapping[str, Node], problem: Problem
) -> dict[str, _Slope]:
    """For each name the gradient of a sum over elements."""
    values = np.sum if isinstance(sums[0][0], Tensor) else lambda node: node
    total = sum((sign * values(node) for node, sign in sums[1:]), sums[0][1] * values(sums[0][0]))
    wanted = list(nodes.values())
    try:
        gradients = recorded_gradients(total, wanted)
    except TypeError:  # a primitive whose pullback works on plain arrays only
        gradients = sweep_gradients(total, wanted, False, None)
    bounds = rounding_of(gradients, problem.rounding_unit, topological_order(total))
    arrays = [np.asarray(g.data if is_node(g) else g) for g in gradients]
    room = [problem.room.get(name, 0.0) for name in nodes]
    return dict(zip(nodes, map(_Slope, arrays, bounds, room), strict=True))


def _decay(
    factor: float, slopes: Slopes, manual: Mapping[str, Array], nodes: Mapping[str, Node]
) -> float | None:
    """The λ for which every gradient is factor · slope + λ · weights; ``None`` if there is none.

    λ is 0 if no weights are needed.  The term may be missing for biases, as is usual, but not
    for one matrix of several.  A λ is found only from arrays, not by chance from one number.
    """
    right = _explained(factor, slopes, manual)
    left = {n: g - factor * slopes[n].gradient for n, g in manual.items() if n not in right}
    if not left:
        return 0.0
    if any(nodes[name].parents or np.size(left[name]) < 2 for name in left):
        return None
    wide = {name for name in manual if np.ndim(manual[name]) > 1 and not nodes[name].parents}
    if not wide <= left.keys():
        return None
    weights = {name: np.asarray(plain(nodes[name])) for name in left}
    size = sum(float(np.sum(w * w)) for w in weights.values())
    if factor < 0 or not size or not all(np.all(np.isfinite(rest)) for rest in left.values()):
        return None
    decay = sum(float(np.sum(left[name] * w)) for name, w in weights.items()) / size
    for name, w in weights.items():
        slope, room = slopes[name].times(factor)
        room = room + _UNITS * np.finfo(float).eps * (np.abs(manual[name]) + np.abs(decay * w))
        if not same_to_rounding(manual[name], slope + decay * w, room):
            return None
    return decay


_UNITS = 64.0
"""Roundings to allow in λ, which is a quotient of two sums."""


# Saying it


def _number(text: str, loss: _Loss) -> float:
    """The factor of a variant, such as ``"1/2N"``; NaN if N is not known."""
    above, _, below = text.partition("/")
    samples = loss.samples or (1 if "NK" in below else np.nan)
    sizes = {"N": samples, "K": float(loss.width), "2": 2.0, "1": 1.0}
    return float(above) / float(np.prod([sizes[letter] for letter in below]) if below else 1.0)


@dataclass(frozen=True)
class _Variant:
    """A loss that the gradients are right for: ``sign · factor`` times a sum, plus L2."""

    kind: str
    text: str
    words: str
    sign: int
    factor: float
    decay: float


def _hint(loss: _Loss, variant: _Variant, names: tuple[str, ...], scope: Scope) -> LossHint | None:
    ratio = float(f"{variant.factor / loss.factor:.12g}") if variant.kind == loss.kind else None
    right = f"right for {'the negative of ' * (variant.sign < 0)}{variant.words}"
    if variant.decay:
        right += f" plus ½·λ·Σw² with λ = {variant.decay:.6g}{_named(variant.decay, scope)}"
    if ratio == 1 and loss.weights and not variant.decay:
        return LossHint(None, f"{right}, without the L2 term of the loss", names)
    text, recorded = _usual(loss)
    if ratio is None or variant.decay or loss.weights:
        recorded += " plus an L2 term" * bool(loss.weights)
        return LossHint(None, f"{right}; the loss that is computed is {recorded}", names)
    if ratio == 1:
        return None
    times = f"{ratio:.6g}".replace("-", "−")
    sentence = f"{right}; {times} × the gradient of {recorded}, which the loss computes"
    if text:
        sentence += _in_sizes(variant.text, text, loss, "−" * (variant.sign < 0))
    sentence += "; right in an update that adds it, `w += rate * gradient`" * (variant.sign < 0)
    rate = next(((n, scope.numbers[n]) for n in RATES if n in scope.numbers), None)
    if rate is not None and abs(ratio) != 1:
        sentence += f"; at {rate[0]} = {rate[1]:.6g} you trained with {abs(rate[1] * ratio):.6g}"
    return LossHint(ratio, sentence, names)


def _usual(loss: _Loss) -> tuple[str, str]:
    """The recorded loss as a usual variant: its factor, and in words; or a number times a sum."""
    for text, words in _VARIANTS[loss.kind]:
        if np.isclose(_number(text, loss), loss.factor, rtol=1e-12, atol=0):
            return text, words
    return "", f"{loss.factor:.6g} · {_SUMS[loss.kind]}"


def _named(number: float, scope: Scope) -> str:
    """The name of a number, in brackets; empty if it has none."""
    names = [n for n, v in scope.numbers.items() if np.isclose(v, number, rtol=1e-6, atol=0)]
    return f" ({names[-1]})" if names else ""


def _in_sizes(factor: str, recorded: str, loss: _Loss, sign: str = "") -> str:
    """The quotient of two factors of ``_VARIANTS`` in N and K, in brackets; empty if it is plain.

    >>> loss = _Loss("squares", 1 / 315, (), (), None, None, 105, 3)
    >>> _in_sizes("1/2", "1/NK", loss), _in_sizes("1/N", "1", loss), _in_sizes("1", "1/2", loss)
    (' (N·K/2; N = 105, K = 3)', ' (1/N; N = 105)', '')
    """
    below, above = list(factor.partition("/")[2]), list(recorded.partition("/")[2])
    for letter in [*below]:
        if letter in above:
            below.remove(letter)
            above.remove(letter)
    values = {"N": loss.samples, "K": loss.width}
    used = [f"{x} = {values[x]}" for x in "NK" if x in above + below]
    if not used or not loss.samples:
        return ""
    text = "·".join(above) or "1"
    if below:
        text += "/" + (f"({'·'.join(below)})" if len(below) > 1 else below[0])
    plain = text in values and not sign
    return f" ({', '.join(used)})" if plain else f" ({sign}{text}; {', '.join(used)})"
