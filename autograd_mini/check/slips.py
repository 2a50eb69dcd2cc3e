"""Slips: single changes to one true step, and the numbers that each of them would give.

One true step is the part of the reverse sweep that makes a quantity's
gradient from the ones it was handed.  Here that recorded computation is changed in one
place at a time, as a hand slips in one place: a factor lost, a term lost or with the wrong
sign, another array, a transpose, another axis.  A slip whose numbers are the user's own
explains them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from autograd_mini.check.structure import (
    RECIPROCAL,
    is_elementwise,
    is_linear,
    moves_axes,
    summing,
    symbol_of,
)
from autograd_mini.check.true_step import TrueStep
from autograd_mini.check.wording import Wording
from autograd_mini.core.graph import Node, data_of, is_node, leaf_like, operands
from autograd_mini.core.rule import RULES, Rule
from autograd_mini.language.texts import names_in
from autograd_mini.show.notation import typeset
from autograd_mini.typing import Array


@dataclass(frozen=True)
class Slip:
    """One change: its code and words, and the gradient it makes.

    Attributes:
        code: a code of ``result.CAUSES``.
        evidence: what was done, in words; for a free factor, a template for it.
        gradient: the numbers that it gives; for a free factor, those with the factor 2.
        rescaled: for a free factor, the numbers for any factor; ``None`` otherwise.
    """

    code: str
    evidence: str
    gradient: Array
    rescaled: Callable[[float], Array] | None = None


def slips(step: TrueStep, updated: Mapping[Node, Array]) -> Iterator[Slip]:
    """Every single slip in a step that takes no other array, simple ones first.

    Arguments:
        step: the true step.
        updated: for parameters, the direction in which an update moves them.
    """
    yield from _lost(step)
    yield from _repeated(step)
    yield from _turned(step)
    yield from other_axes(step)
    yield from _scaled(step)
    yield from _updated(step, updated)


def exchanges(step: TrueStep, arrays: Mapping[str, Array], unary: Sequence[Rule]) -> Iterator[Slip]:
    """Every array in a step exchanged for another, or for what is made of another.

    Arguments:
        step: the true step.
        arrays: arrays that may have been taken for another, by name.
        unary: the elementwise operations of one operand that the forward pass uses.
    """
    yield from _other_factors(step, arrays, unary)
    yield from _other_operands(step, arrays)


def _slip(code: str, evidence: str, gradient: Array | None) -> Iterator[Slip]:
    if gradient is not None:
        yield Slip(code, evidence, gradient)


_PRODUCTS = ("*", "/", "@")


def _lost(step: TrueStep) -> Iterator[Slip]:
    """An operation left out: its operand in its place."""
    for node in step.inside:
        symbol = symbol_of(node)
        for index, operand in enumerate(node.parents):
            data = np.asarray(data_of(operand))
            if data.shape == () and np.shape(node.data) and node not in step.factors:
                continue
            rest = [p for i, p in enumerate(node.parents) if i != index]
            others = [step.wording(p) for p in rest]
            if symbol in _PRODUCTS and not (symbol == "/" and index):
                if any(map(step.is_upstream, rest)):
                    continue  # nobody forgets the gradient itself
                way = "division by" if symbol == "/" else "factor"
                code = "scale" if all(np.size(data_of(p)) == 1 for p in rest) else "missing-factor"
                code = code if np.ndim(node.data) else "missing-factor"
                words = f"the {way} {' and '.join(others)} is missing"
            elif summing(node):
                code, words = "missing-reduction", f"{step.wording(operand)} is not summed"
            elif moves_axes(node):
                code, words = "transpose", f"{step.wording(operand)} is not transposed"
            elif symbol == "**" and not index:
                code, words = "wrong-factor", f"{step.wording(operand)} in place of its power"
            elif is_elementwise(node) and not rest and not is_linear(node):
                code = "missing-factor" if node not in step.factors else "wrong-factor"
                words = f"{step.wording(operand)} in place of {step.wording(node)}"
            else:
                continue
            yield from _slip(code, words, step.with_node(node, data))


def _repeated(step: TrueStep) -> Iterator[Slip]:
    """A factor applied twice."""
    for node in step.inside:
        if symbol_of(node) != "*":
            continue
        for operand in node.parents:
            if np.size(data_of(operand)) > 1 or np.size(node.data) == 1:
                data = np.asarray(node.data) * data_of(operand)
                words = f"the factor {step.wording(operand)} stands twice"
                yield from _slip("extra-factor", words, step.with_node(node, data))


def _turned(step: TrueStep) -> Iterator[Slip]:
    """A matrix transposed, or not, where both fit."""
    for node in step.inside:
        for index, operand in enumerate(node.parents):
            data = np.asarray(data_of(operand))
            if data.ndim < 2 or data.shape[-1] != data.shape[-2]:
                continue
            if np.array_equal(data, np.swapaxes(data, -1, -2)):
                continue
            words = f"{step.wording(operand)} is transposed, or not, where it should not be"
            if is_node(operand) and moves_axes(operand):
                words = f"{step.wording(operand.parents[0])} is not transposed"
            turned = step.with_operand(node, index, np.swapaxes(data, -1, -2))
            yield from _slip("transpose", words, turned)


def other_axes(step: TrueStep) -> Iterator[Slip]:
    """Summed over another axis, or summed where nothing is to be summed."""
    for node in step.inside:
        data = np.asarray(data_of(node.parents[0]))
        if reduction := summing(node):
            for axis in range(data.ndim):
                for keep in (True, False):
                    other = reduction.forward(data, axis=axis, keepdims=keep)
                    words = f"{step.wording(node.parents[0])} is summed over axis {axis}"
                    if node is step.end or _ends_in(step, node):
                        yield Slip("wrong-axis", words, other)
                    else:
                        yield from _slip("wrong-axis", words, step.with_node(node, other))
        elif np.ndim(node.data) and node is not step.end:
            whole = np.asarray(node.data)
            for axis in (*range(whole.ndim), tuple(range(whole.ndim))):
                for name, reduce in (("summed", np.sum), ("averaged", np.mean)):
                    words = f"{step.wording(node)} is {name} over axis {axis}"
                    gradient = step.with_node(node, reduce(whole, axis=axis, keepdims=True))
                    yield from _slip("extra-reduction", words, gradient)


def _ends_in(step: TrueStep, node: Node) -> bool:
    """Whether the step only gives a node's numbers another shape."""
    end = step.end
    while end.parents and end.operation.keeps_order and is_node(end.parents[0]):
        end = end.parents[0]
    return end is node


def _scaled(step: TrueStep) -> Iterator[Slip]:
    """One part of a sum with a factor of its own: 0 is a lost term, −1 a wrong sign."""
    for node in step.inside:
        for index, operand in enumerate(node.parents):
            data = np.asarray(data_of(operand), float)
            if not data.any():
                continue

            def rescaled(
                factor: float, node: Node = node, index: int = index, data: Array = data
            ) -> Array:
                gradient = step.with_operand(node, index, data * factor)
                return np.full(np.shape(step.end.data), np.nan) if gradient is None else gradient

            plain = not is_node(operand) or not operand.parents
            nameless = plain and not step.wording.is_name(step.wording(operand))
            where = f" in {step.wording(node)}" if symbol_of(node) in ("+", "-") or nameless else ""
            yield Slip("scale", step.wording(operand) + where, rescaled(2.0), rescaled)
    for node in step.inside:  # terms that the sweep has added up: all of them but one
        if symbol_of(node) == "+" and (node is step.end or _ends_in(step, node)):
            for operand in node.parents:
                for term in _terms(operand):
                    gradient = np.asarray(data_of(term))
                    words = f"only the term {step.wording(term)} is there"
                    yield from _slip("missing-term", words, gradient)


def _terms(node: Node) -> Iterator[Any]:
    waiting = [node]
    while waiting:
        node = waiting.pop()
        if symbol_of(node) == "+":
            waiting += node.parents
        else:
            yield node


def _updated(step: TrueStep, updated: Mapping[Node, Array]) -> Iterator[Slip]:
    """A parameter that was updated before the step used it: W − rate · ∂L/∂W."""
    used = {operand for node in step.inside for operand in operands(node)}
    for parameter, direction in updated.items():
        if parameter in used:
            data = np.asarray(parameter.data)

            def moved(
                factor: float, p: Node = parameter, d: Array = data, by: Array = direction
            ) -> Array:
                gradient = step.with_({p: leaf_like(p, d + (factor - 1) * by)})
                return np.full(np.shape(step.end.data), np.nan) if gradient is None else gradient

            yield Slip("updated-value", step.wording(parameter), moved(2.0), moved)


def other_derivatives(
    start: Node,
    upstream: Mapping[Node, Array],
    arrays: Mapping[str, Array],
    unary: Sequence[Rule],
    wording: Wording,
) -> Iterator[Slip]:
    """Something else in the place of the derivative of a whole block that begins at ``start``.

    Arguments:
        start: the node whose gradient is made.
        upstream: the gradient that enters each block, by the node at its end.
        arrays: arrays at hand, by name.
        unary: elementwise operations whose derivative may have been taken.
        wording: how nodes are called.
    """
    same = {name: array for name, array in arrays.items() if array.shape == np.shape(start.data)}
    functions = dict.fromkeys((*unary, *_BY_HAND))
    for end, gradient in upstream.items():
        block = f"the derivative of {wording(end)}"
        yield Slip("missing-factor", f"{block} is missing", gradient)
        for name, factor in derived(same, tuple(functions), wording):
            yield Slip("wrong-factor", f"{name} stands where {block} belongs", gradient * factor)


_BY_HAND = (RULES["sigmoid"], RULES["tanh"])
"""Functions that are often written out, so that the graph does not name them."""


def derived(
    arrays: Mapping[str, Array], unary: Sequence[Rule], wording: Wording
) -> Iterator[tuple[str, Array]]:
    """What people make of an array when they want a local derivative, in words and numbers.

    Of an array that has no name they make nothing else.
    """
    for name, data in arrays.items():
        derivatives = _made_of(name, data, unary) if wording.is_name(name) else [(name, data)]
        for text, array in derivatives:
            if not np.all(array == array.flat[0]):  # a constant is no factor of elements
                yield text, array


def _made_of(name: str, data: Array, unary: Sequence[Rule]) -> Iterator[tuple[str, Array]]:
    for function in unary:
        if function.is_linear(0) or function is RECIPROCAL:
            continue
        out, derivative = np.asarray(function.forward(data)), function.derivative_functions[0]
        text = function.derivatives[0]
        yield f"{function.name}({name})", out
        if derivative is not None and text is not None:
            yield f"{function.name}′({name})", np.asarray(derivative(out, data), float)
            if names_in(text) == {"out"}:
                words = typeset(text, {"out": name})
                yield words, np.asarray(function.function(text)(data, data), float)
    yield name, data
    yield f"1 − {name}", 1 - data
    yield f"{name}·(1 − {name})", data * (1 - data)
    yield f"{name}·(1 + {name})", data * (1 + data)
    yield f"1 + {name}", 1 + data
    yield f"1 − {name}²", 1 - data**2
    yield f"1 + {name}²", 1 + data**2
    yield f"{name}²", data**2
    yield f"({name} > 0)", (data > 0) * 1.0


def _other_factors(
    step: TrueStep, arrays: Mapping[str, Array], unary: Sequence[Rule]
) -> Iterator[Slip]:
    """A local derivative, or what was made of an array, in the place of the right factor."""
    within = {o for node in step.factors for o in operands(node)}
    places: list[tuple[Any, Callable[[Array], Array | None]]] = []
    for node in step.inside:
        if node in step.factors and node not in within:
            places.append((node, partial(step.with_node, node)))
        elif symbol_of(node) in ("*", "/"):
            for index, operand in enumerate(node.parents):
                if operand not in step.own if is_node(operand) else np.ndim(operand):
                    places.append((operand, partial(step.with_operand, node, index)))
    for operand, replaced in places:
        if np.ndim(data_of(operand)):
            same = {n: a for n, a in arrays.items() if a.shape == np.shape(data_of(operand))}
            for name, data in derived(same, unary, step.wording):
                words = f"{name} stands where {step.wording(operand)} belongs"
                yield from _slip("wrong-factor", words, replaced(data))


def _other_operands(step: TrueStep, arrays: Mapping[str, Array]) -> Iterator[Slip]:
    """Another array of the same shape, in one place or everywhere in the step."""
    leaves = {o for node in step.inside for o in operands(node)} - step.own
    places: list[tuple[Any, bool, Callable[[Array], Array | None]]] = [
        (leaf, False, partial(step.with_node, leaf))
        for leaf in sorted(leaves, key=step.wording.rank)
    ]
    for node in step.inside:
        low = min(1, np.ndim(node.data))  # a number is another's place only among numbers
        for index, operand in enumerate(node.parents):
            if operand not in step.own if is_node(operand) else np.ndim(operand) >= low:
                places.append(
                    (operand, is_elementwise(node), partial(step.with_operand, node, index))
                )
    turned = {f"{name}ᵀ": data.T for name, data in arrays.items() if data.ndim == 2}
    for operand, elementwise, replaced in places:
        right = np.asarray(data_of(operand))
        for name, data in {**arrays, **turned}.items():
            if data.shape == right.shape and not np.array_equal(data, right):
                words = f"{name} is used where {step.wording(operand)} belongs"
                for slip in _slip("wrong-operand", words, replaced(data)):
                    yield slip
                    if elementwise:
                        yield replace(slip, code="wrong-factor")
