"""Which layer of a network each node belongs to, and which leaves are inputs.

>>> layer_of_label("encoder.0.weight", True), layer_of_label("w1[0,2]", False)
('encoder.0', 'layer 1')
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from autograd_mini.core.operation import Operation

_INPUT = re.compile(
    r"(x|i|in|inputs?|t|y|targets?|labels?|data|features?|samples?)(_?\d+)?(\[.*)?", re.IGNORECASE
)
_DOTTED = re.compile(r"(.+)\.[^.\[\]]+(\[[^\]]*\])?")
_NUMBERED = re.compile(r"[^\W\d]+(\d+)(\[.*\])?")


@lru_cache(maxsize=4096)
def is_input_name(name: str) -> bool:
    """Whether a leaf of this name is taken for an input or a target, not for a parameter.

    >>> is_input_name("x1"), is_input_name("X"), is_input_name("t[0]"), is_input_name("xi")
    (True, True, True, False)
    """
    return bool(_INPUT.fullmatch(name))


@lru_cache(maxsize=4096)
def layer_of_label(label: str, is_array: bool) -> str:
    """The layer that a parameter's label tells: its dotted prefix, or the number in it.

    A number tells a layer in the label of an array (``W1``) or of an element of one
    (``w1[0,2]``), not in that of a single number: the w5 of textbooks is of no layer 5.

    >>> layer_of_label("W2", True), layer_of_label("w5", False), layer_of_label("x1", True)
    ('layer 2', '', '')
    """
    dotted = _DOTTED.fullmatch(label)
    if dotted:
        return dotted[1]
    numbered = _NUMBERED.fullmatch(label)
    if not numbered or not (is_array or numbered[2]) or is_input_name(label):
        return ""
    return f"layer {numbered[1]}"


def layers_of(
    operations: Sequence[Operation | None],
    sources: Sequence[Sequence[int]],
    told: Mapping[int, str],
) -> list[str]:
    """The layer of each node, ``""`` for none.

    An operation on a parameter belongs to the layer of that parameter.  So does what is
    computed from one layer alone, if it is on the way to another layer, a sum or an activation.

    Arguments:
        operations: for each node in topological order its operation, ``None`` for a leaf.
        sources: for each node the places of its operands.
        told: the layer of each parameter.

    >>> from autograd_mini.core.rule import RULES
    >>> computed = [RULES["mul"], RULES["sigmoid"], RULES["square"]]
    >>> layers_of([None, None, *computed], [[], [], [0, 1], [2], [3]], {0: "one"})
    ['one', '', 'one', 'one', '']
    """
    found = [told.get(place, "") for place in range(len(operations))]
    if not told:
        return found
    rank = {layer: i for i, layer in enumerate(dict.fromkeys(found)) if layer}
    parameters = set(told)
    direct: dict[int, str] = {}
    for place, operation in enumerate(operations):
        of = [found[source] for source in sources[place] if source in parameters]
        if operation and of and not found[place]:
            found[place] = direct[place] = max(of, key=rank.__getitem__)
            if operation.rearranges:  # a parameter, seen otherwise
                parameters.add(place)
    later = [-1] * len(operations)  # the last layer that uses this node
    for place in reversed(range(len(operations))):
        used_by = max(later[place], rank[direct[place]] if place in direct else -1)
        for source in sources[place]:
            later[source] = max(later[source], used_by)
    for place, operation in enumerate(operations):
        of_operands = {found[source] for source in sources[place] if operations[source]}
        if operation and not found[place] and len(of_operands) == 1:
            (layer,) = of_operands
            ends = operation.symbol == "+" or operation.activates
            if layer and (ends or later[place] > rank[layer]):
                found[place] = layer
    return found
