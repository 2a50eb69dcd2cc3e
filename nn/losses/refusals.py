"""What layers and losses refuse, and what each refusal says to write instead."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from autograd_mini import OPERATIONS, Tensor
from autograd_mini.nn.data import class_indices
from autograd_mini.nn.module import Module
from autograd_mini.nn.operands import Data, is_tracked, made_by, numbers, of_values, operand
from autograd_mini.typing import Array, Operand

SOFTMAX, SIGMOID = OPERATIONS["softmax"], OPERATIONS["sigmoid"]

SUM_TOLERANCE = 0.02
"""How far the probabilities of a sample may sum up from 1: lets three times 0.33 pass."""


# Inputs


def tensor_input(layer: Module, x: Operand, width: int | None, shape: str = "(..., {})") -> Operand:
    """What a layer over Tensors takes, refused unless it has the layer's shape and samples.

    Arguments:
        layer: the layer, for the message.
        x: numbers or a Tensor.
        width: the size of the last axis; ``None`` for any.
        shape: how the layer's docstring writes the shape, with ``{}`` for the width; without
            ``...`` the number of axes is fixed.
    """
    x = operand(x, "inputs")
    if of_values(x):
        raise TypeError(f"{layer!r} computes over Tensors and got Values: only Dense takes those")
    found = np.shape(x)
    axes = shape.count(",") + 1
    fits = len(found) >= 1 if "..." in shape else len(found) == axes
    if not fits or (width is not None and found[-1] != width):
        wanted = shape.format("n_in" if width is None else width)
        remedy = "one row for each sample"
        if fits:
            remedy = f"the last axis has {found[-1]} numbers"
        elif len(found) == axes - 1:
            remedy = "write x[None] for one sequence" if axes == 3 else "write x[None]"
        raise ValueError(f"{layer!r} takes inputs of shape {wanted}, got {found}: {remedy}")
    if 0 in found:
        raise ValueError(f"{layer!r}: there are no samples (inputs of shape {found})")
    return x


def real_steps(
    layer: Module,
    samples: int,
    steps: int,
    lengths: ArrayLike | None = None,
    mask: ArrayLike | None = None,
) -> Array | None:
    """Which steps are real, of shape ``(N, T)``; ``None`` if all are."""
    if lengths is None and mask is None:
        return None
    if lengths is not None and mask is not None:
        raise ValueError(f"{layer!r}: give lengths or a mask, not both")
    if mask is not None:
        real: Array = np.asarray(mask)
        if real.shape != (samples, steps) or real.dtype != bool:
            raise ValueError(
                f"{layer!r}: the mask is boolean of shape {(samples, steps)}, not {real.dtype} "
                f"of shape {real.shape}"
            )
    else:
        ends = np.asarray(lengths)
        if ends.shape != (samples,) or ends.dtype.kind not in "iu" or ends.max() > steps:
            raise ValueError(
                f"{layer!r}: lengths are {samples} whole numbers from 1 to {steps}, "
                f"not {ends.tolist()}"
            )
        real = np.arange(steps) < ends[:, None]
    if not real.any(axis=1).all():
        empty = int(np.flatnonzero(~real.any(axis=1))[0])
        raise ValueError(f"{layer!r}: sequence {empty} has no step that is real")
    return None if real.all() else real


# Shapes and targets


def same_shape(what: str, outputs: Data, targets: Data) -> tuple[Any, Any]:
    """Outputs and targets as operands, refused unless they have one shape and samples."""
    outputs, targets = operand(outputs, "outputs"), operand(targets, "targets")
    shape, other = np.shape(outputs), np.shape(targets)
    if shape != other:
        raise ValueError(
            f"{what}: outputs have shape {shape}, targets {other}; they must be equal: "
            + _remedy(shape, other)
        )
    check_some(what, shape)
    if not shape and (of_values(outputs) or of_values(targets)):  # NumPy sums no single Value
        outputs, targets = np.reshape(outputs, (1,)), np.reshape(targets, (1,))
    targets = like(targets, outputs)
    if not is_tracked(targets) and not np.isfinite(targets).all():
        place = np.argwhere(~np.isfinite(targets))[0].tolist()
        raise ValueError(
            f"{what}: targets are numbers, found {targets[tuple(place)]:g} at {place}: leave such "
            "samples out, or fill them in"
        )
    return outputs, targets


def counted(what: str, outputs: Data, targets: Data, mask: ArrayLike | None) -> tuple[Any, Any]:
    """The outputs and targets for which a boolean mask over their leading axes is true."""
    if mask is None:
        return outputs, targets
    outputs, targets, chosen = operand(outputs, "outputs"), operand(targets, "targets"), mask
    chosen = np.asarray(chosen)
    shape = chosen.shape
    if chosen.dtype != bool or not shape:
        raise ValueError(
            f"{what}: the mask is a boolean array, True where a target counts, not {chosen.dtype} "
            f"of shape {shape}"
        )
    for name, array in (("outputs", outputs), ("targets", targets)):
        if np.shape(array)[: len(shape)] != shape:
            raise ValueError(
                f"{what}: a mask of shape {shape} does not fit {name} of shape {np.shape(array)}; "
                "it has their first axes"
            )
    if not chosen.any():
        raise ValueError(f"{what}: the mask of shape {shape} leaves no target")
    return outputs[chosen], targets[chosen]


def _remedy(shape: tuple[int, ...], other: tuple[int, ...]) -> str:
    if len(shape) == 2 and shape[1] > 1 and other in (shape[:1], (*shape[:1], 1)):
        flat = "targets" if len(other) == 1 else "targets[:, 0]"
        return f"for class indices write nn.one_hot({flat}, {shape[1]})"
    if len(shape) == 2 and other == shape[::-1] and 1 not in shape:
        return "write targets.T"
    if np.prod(shape) == np.prod(other):
        return f"write np.reshape(targets, {shape})"
    return "give one target for each output"


def like(targets: Data, outputs: Data) -> Operand:
    """Plain targets as floats, in the dtype of Tensor outputs, so that float32 stays float32."""
    if is_tracked(targets):
        return targets
    return targets.astype(outputs.dtype if isinstance(outputs, Tensor) else np.float64)


def check_some(what: str, shape: tuple[int, ...]) -> None:
    """Refuse an empty batch."""
    if 0 in shape:
        raise ValueError(f"{what}: there are no samples (outputs of shape {shape})")


def check_constant(what: str, targets: Data) -> None:
    """Refuse targets that are nodes: their gradient would be lost, or the order is wrong."""
    if is_tracked(operand(targets, "targets")):
        raise TypeError(
            f"{what}: targets are plain numbers, not differentiated: write {what}(outputs, "
            "targets), in this order, and nn.numbers(targets) if they are a Tensor or Values"
        )


def check_classes(what: str, shape: tuple[int, ...]) -> None:
    """Refuse outputs of one class, whose softmax is 1 whatever they are."""
    if not shape or shape[-1] < 2:
        raise ValueError(
            f"{what}: outputs of shape {shape} have fewer than two classes along the last "
            "axis; binary_cross_entropy takes one output for yes or no"
        )


def class_targets(what: str, shape: tuple[int, ...], targets: Data) -> Array:
    """Class indices of shape ``(...)`` or probabilities of shape ``(..., K)``, checked."""
    check_constant(what, targets)
    found = numbers(targets)
    if found.shape == shape[:-1]:
        return class_indices(found, shape[-1], what) if found.size else found
    if found.shape != shape:
        remedy = "give one label, or one row of probabilities, for each sample"
        if found.shape == (*shape[:-1], 1):
            remedy = f"write np.reshape(targets, {shape[:-1]})"
        elif len(shape) == 2 and found.shape == shape[::-1]:
            remedy = "write targets.T"
        raise ValueError(
            f"{what}: outputs have shape {shape}, targets {found.shape}; class indices have "
            f"shape {shape[:-1]}, one-hot rows {shape}: {remedy}"
        )
    wrong = first_unlike(found, (found >= 0) & (found <= 1))
    if wrong is not None:
        raise ValueError(f"{what}: targets of shape {shape} are probabilities, found {wrong:g}")
    wrong = _wrong_sum(found)
    if wrong is not None:
        raise ValueError(
            f"{what}: the targets of a sample sum to 1 over its {shape[-1]} classes, found "
            f"{wrong:g}; for several labels at once use binary_cross_entropy"
        )
    return found


def class_weights(what: str, classes: int, weights: ArrayLike | None) -> Array | None:
    """How much each class counts, of shape ``(K,)``, checked."""
    if weights is None:
        return None
    found: Array = np.asarray(numbers(weights), dtype=np.float64)
    if found.shape != (classes,):
        raise ValueError(
            f"{what}: class_weights have one number for each class, shape {(classes,)}, not "
            f"{found.shape}"
        )
    wrong = first_unlike(found, (found >= 0) & (found < np.inf))
    if wrong is not None:
        raise ValueError(f"{what}: class_weights are at least 0, found {wrong:g}")
    return found


def check_logarithms(what: str, outputs: Data) -> None:
    """Refuse what is no logarithm of probabilities, whose exponentials sum to 1."""
    found = numbers(outputs)
    with np.errstate(over="ignore"):
        wrong = _wrong_sum(np.exp(found))
    if wrong is not None:
        raise ValueError(
            f"{what} takes logarithms of probabilities; of these the exponentials of a sample sum "
            f"to {wrong:g}, not 1: write ag.log_softmax(logits), or cross_entropy(logits, targets)"
        )


def first_unlike(found: Array, right: Array) -> float | None:
    """The first number for which ``right`` is false, if there is one."""
    if np.all(right):
        return None
    return float(np.asarray(found)[~np.asarray(right)][0])


def _wrong_sum(found: Array) -> float | None:
    sums: Array = found.sum(axis=-1)
    return first_unlike(sums, ~(abs(sums - 1) > SUM_TOLERANCE))


# Probabilities or logits


def refuse_probabilities(outputs: Data, said: bool) -> None:
    """Refuse what is no logit; ``said`` spares what only looks like probabilities."""
    maker = made_by(outputs)
    recorded = maker if maker in (SOFTMAX, SIGMOID) else None
    if recorded:
        why = f"the result of {recorded.name}"
    elif not said and look_like_probabilities(numbers(outputs)):
        why = "since none is negative and each sample's sum to 1"
    else:
        return
    keep = "cross_entropy(outputs, targets, from_logits=False)"
    if maker is SIGMOID:
        keep = "binary_cross_entropy(outputs, one-hot targets)"
    raise ValueError(
        f"cross_entropy takes logits, and these outputs are probabilities, {why}: write "
        f"cross_entropy(model.logits(x), targets), or {keep}; nn.fit takes loss='cross_entropy', "
        "or functools.partial(nn.cross_entropy, ...) with options, from the logits"
        + ("" if recorded else "; from_logits=True says that they are logits all the same")
    )


def look_like_probabilities(found: Array) -> bool:
    if not np.minimum.reduce(found, axis=None, initial=0) >= 0:  # as of most logits
        return False
    rounding = 4 * found.shape[-1] * float(np.finfo(np.result_type(found, np.float16)).eps)
    return bool(np.all(abs(found.sum(axis=-1) - 1) <= rounding))


def check_probabilities(outputs: Data, wanted: Array) -> None:
    """Refuse outputs that are no probabilities of classes, or rounded to 0 where wanted."""
    if made_by(outputs) is SIGMOID:
        raise ValueError(
            "cross_entropy(from_logits=False): the result of sigmoid does not sum to 1 over the "
            "classes: use softmax, or binary_cross_entropy with one-hot targets"
        )
    check_range("cross_entropy", outputs)
    found = numbers(outputs)
    wrong = _wrong_sum(found)
    if wrong is not None:
        raise ValueError(
            f"cross_entropy(from_logits=False): the probabilities of a sample sum to 1, found "
            f"{wrong:g}; leave out from_logits=False for logits"
        )
    chosen = found[wanted > 0] if wanted.shape == found.shape else of_class(found, wanted)
    check_not_rounded("cross_entropy", chosen)


def check_range(what: str, outputs: Data) -> None:
    """Refuse outputs below 0 or above 1."""
    found = numbers(outputs)
    wrong = first_unlike(found, ~((found < 0) | (found > 1)))  # NaN passes through to the loss
    if wrong is not None:
        remedy = "leave out from_logits=False"
        if what != "cross_entropy":
            remedy = "write from_logits=True"
        raise ValueError(f"{what}: {wrong:g} is no probability; for logits {remedy}")


def check_not_rounded(what: str, likelihoods: Array) -> None:
    """Refuse likelihoods whose logarithm or its derivative is infinite."""
    smallest = np.finfo(np.result_type(likelihoods, np.float16)).tiny
    if np.any(likelihoods < smallest):
        more = "" if what == "cross_entropy" else ", from_logits=True"
        raise ValueError(
            f"{what}: the probability of what a target says has been rounded to 0, and its "
            f"logarithm is infinite: write {what}(model.logits(x), targets{more}), "
            "which stays exact"
        )


def of_class(x: Operand, indices: Array) -> Operand:
    """For each sample of ``x``, shape ``(..., K)``, the element of its class."""
    if np.ndim(x) == 1:
        return x[indices.reshape(1)]
    rows = x if np.ndim(x) == 2 else np.reshape(x, (-1, np.shape(x)[-1]))
    return rows[np.arange(indices.size), indices.ravel()]
