"""Which layer of a network each node belongs to, and which leaves are inputs.

>>> layer_of_label("encoder.0.weight", True), layer_of_label("w1[0,2]", False)
('encoder.0', 'layer 1')
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

ACTIVATIONS = {
    "sigmoid", "log_sigmoid", "tanh", "relu", "leaky_relu", "elu", "silu", "gelu", "softplus",
    "softmax", "log_softmax",
}  # fmt: skip
"""What a layer ends with; another operation after the last layer belongs to the loss."""

VIEWS = {"transpose", "swapaxes", "moveaxis", "reshape", "getitem", "astype"}
"""An operation that leaves a parameter a parameter of its layer."""

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
    ops: Sequence[str], sources: Sequence[Sequence[int]], told: Mapping[int, str]
) -> list[str]:
    """The layer of each node, ``""`` for none.

    An operation on a parameter belongs to the layer of that parameter.  So does what is
    computed from one layer alone, if it is on the way to another layer, a sum or an activation.

    Arguments:
        ops: for each node in topological order its operation, ``""`` for a leaf.
        sources: for each node the places of its operands.
        told: the layer of each parameter.

    >>> layers_of(["", "", "mul", "sigmoid", "square"], [[], [], [0, 1], [2], [3]], {0: "one"})
    ['one', '', 'one', 'one', '']
    """
    found = [told.get(place, "") for place in range(len(ops))]
    if not told:
        return found
    rank = {layer: i for i, layer in enumerate(dict.fromkeys(found)) if layer}
    parameters = set(told)
    direct: dict[int, str] = {}
    for place, op in enumerate(ops):
        of = [found[source] for source in sources[place] if source in parameters]
        if op and of and not found[place]:
            found[place] = direct[place] = max(of, key=rank.__getitem__)
            if op in VIEWS:
                parameters.add(place)
    later = [-1] * len(ops)  # the last layer that uses this node
    for place in reversed(range(len(ops))):
        used_by = max(later[place], rank[direct[place]] if place in direct else -1)
        for source in sources[place]:
            later[source] = max(later[source], used_by)
    for place, op in enumerate(ops):
        of_operands = {found[source] for source in sources[place] if ops[source]}
        if op and not found[place] and len(of_operands) == 1:
            (layer,) = of_operands
            if layer and (later[place] > rank[layer] or op == "add" or op in ACTIVATIONS):
                found[place] = layer
    return found
