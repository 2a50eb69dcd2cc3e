"""``check_gradients``: hold manual, automatic and numerical gradients against each other."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from autograd_mini.check.blame import blamed
from autograd_mini.check.capture import call_with_locals, names_of, names_used
from autograd_mini.check.judge import EQUAL, judged
from autograd_mini.check.lint import advice, findings
from autograd_mini.check.losses import hinted, loss_hint
from autograd_mini.check.numerical import Probe, error_needed
from autograd_mini.check.report import (
    AGREE,
    DIFFER,
    GradientReport,
    Hints,
    Quantity,
    checked_hints,
)
from autograd_mini.check.rounding import GUESS, loss_noise, recorded_gradients, rounding_of
from autograd_mini.graph import is_node, rebuild, sweep_gradients, topological_order
from autograd_mini.modes import no_grad
from autograd_mini.tensor import Tensor
from autograd_mini.value import Value

Array = np.ndarray[Any, np.dtype[Any]]
Manual = Mapping[str, Any] | Callable[..., Mapping[str, Any]]


def check_gradients(
    loss: Callable[..., Any],
    params: Mapping[str, Any],
    manual: Manual | None = None,
    *,
    seed: int = 0,
    entries: int = 16,
    hints: Hints = 2,
) -> GradientReport:
    """Hold hand-derived gradients against automatic and numerical ones.

    Arguments:
        loss: a function of the parameters, called as ``loss(**params)``, that returns one
            number as a Tensor or Value.
        params: the parameters by name: arrays, floats, Tensors or Values.
        manual: hand-derived gradients by name, or a function ``manual(**params)`` that
            returns them.  A name is a parameter's, or that of a local variable of ``loss``
            or a label: then it is the gradient of the loss with respect to that intermediate.
            Without it, automatic gradients are held against numerical ones.
        seed: chooses which elements are probed numerically.
        entries: how many elements of each quantity are probed at the most, besides those
            where manual and automatic gradients differ most, and one random direction
            through all of them.
        hints: what the report tells: 0 the verdict, 1 also where the mistakes are, 2 also why.

    Returns:
        A report.  A verdict is ``"differ"`` only if a difference exceeds what rounding
        explains in this computation, and ``"cannot tell"`` where the numerical derivative's
        own error estimate does not allow one.

    Raises:
        ValueError: ``loss`` returned several numbers, ``manual`` has an unknown name, or
            ``hints`` is something else.
        TypeError: ``loss`` returned no Tensor or Value.

    >>> import numpy as np
    >>> x = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    >>> def loss(W):
    ...     z = x @ W
    ...     return np.sum(np.tanh(z) ** 2)
    >>> def manual(W):
    ...     a = np.tanh(x @ W)
    ...     dz = 2 * a * (1 - a**2)
    ...     return {"z": dz, "W": x.T @ dz}
    >>> print(check_gradients(loss, {"W": np.array([0.1, -0.2])}, manual).ok)
    True
    """
    checked_hints(hints)
    _check_kinds(loss, params, manual)
    arguments = {name: _as_parameter(name, value) for name, value in params.items()}
    around = names_of(loss)
    try:
        root, names = call_with_locals(loss, arguments)
    except ValueError as error:
        remedy = advice(error, around)
        if not remedy:
            raise
        raise ValueError(f"{str(error).strip()}: {remedy}") from error
    _check_root(root)
    given, by_hand = _given(manual, arguments)
    nodes = {**arguments, **_intermediates(given, arguments, names, root)}
    swept = sweep_gradients(root, list(nodes.values()), False, None)
    swept = [np.asarray(g) if isinstance(g, np.generic) else g for g in swept]
    automatic = dict(zip(nodes, swept, strict=True))
    order = topological_order(root)
    manuals = {name: _as_gradient(name, value) for name, value in given.items()}
    single = any(value.dtype == np.float32 for value in manuals.values())
    epsilon = float(np.finfo(np.float32 if single else np.float64).eps)
    notes = []
    try:
        recorded = recorded_gradients(root, list(nodes.values()))
    except TypeError as error:  # a primitive whose pullback works on plain arrays only
        recorded = list(automatic.values())
        notes.append(
            f"Rounding is taken to be {GUESS:.0e} of the largest element, since the sweep could "
            f"not be recorded: {error}"
        )
    tolerances = dict(zip(nodes, rounding_of(recorded, epsilon, order), strict=True))
    noise, order = loss_noise(root), topological_order(root)
    rng = np.random.default_rng(seed)
    quantities = []
    for name, node in nodes.items():
        along = _loss_along_parameter if name in arguments else _loss_along_intermediate
        quantities.append(
            _compare(
                name,
                np.asarray(automatic[name]),
                manuals.get(name),
                tolerances[name],
                Probe(along(loss, arguments, name, root, node), noise, order, node),
                entries,
                rng,
            )
        )
    notes += [
        f"{quantity.name}: {quantity.evidence}."
        for quantity in quantities
        if quantity.verdict == AGREE and quantity.evidence != EQUAL
    ]
    floats = [n for n, v in params.items() if getattr(v, "dtype", None) == np.float32]
    if floats:
        notes.append(f"{', '.join(floats)}: float32, checked in float64.")
    more = names_of(manual) if callable(manual) else {}
    known = {**more, **by_hand, **around, **names, **arguments}
    if any(quantity.verdict == DIFFER for quantity in quantities):
        used = names_used(loss) | (names_used(manual) if callable(manual) else set())
        used |= {f"self.{name}" for name in used} | by_hand.keys() | names.keys()
        seen = {name: what for name, what in known.items() if name in used}
        quantities = blamed(quantities, root, nodes, manuals, seen, epsilon)
    hint = loss_hint(order, quantities, nodes, known)
    return GradientReport(
        hinted(quantities, hint),
        root=root,
        nodes=nodes,
        notes=notes,
        findings=findings(order, nodes, manuals, known),
        loss_hint=hint.sentence if hint else None,
        hints=hints,
    )


def _check_kinds(loss: Any, params: Any, manual: Any) -> None:
    if not callable(loss):
        raise TypeError(f"loss is a function of the parameters, not {type(loss).__name__}")
    if not isinstance(params, Mapping):
        raise TypeError(
            f"params is a dict of the parameters by name, not {type(params).__name__}: "
            'write {"W": W, "b": b}'
        )
    if not (manual is None or callable(manual) or isinstance(manual, Mapping)):
        raise TypeError(
            "manual is a dict of gradients by name, or a function of the parameters that returns "
            f"one, not {type(manual).__name__}"
        )


def _as_gradient(name: str, value: Any) -> Array:
    """A hand-derived gradient as an array of real numbers."""
    try:
        array = np.asarray(value.data if is_node(value) else value)
    except ValueError as error:
        raise TypeError(f"the manual gradient of {name!r} is no array: {error}") from None
    if array.dtype.kind not in "fiub":
        raise TypeError(
            f"the manual gradient of {name!r} holds real numbers, not {type(value).__name__} of "
            f"dtype {array.dtype}"
        )
    return array if array.dtype.kind == "f" else array.astype(np.float64)


def _given(
    manual: Manual | None, arguments: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The hand-derived gradients, and the local variables of the function that gives them."""
    if not callable(manual):
        return dict(manual or {}), {}
    given, names = call_with_locals(manual, _plain(arguments))
    if not isinstance(given, Mapping):
        raise TypeError(
            "manual must return a dict of gradients by name, it returned "
            f'{type(given).__name__}: return {{"W": dW, "b": db}}'
        )
    return dict(given), names


def _as_parameter(name: str, value: Any) -> Any:
    if isinstance(value, Value):
        return Value(value.data, value.label)
    data = value.data if isinstance(value, Tensor) else value
    label = value.label if isinstance(value, Tensor) else ""
    try:
        return Tensor(np.asarray(Tensor(data).data, np.float64), label)
    except TypeError as error:
        raise TypeError(f"parameter {name!r}: {error}") from None


def _plain(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters as ``manual`` gets them: arrays of its own, and floats."""
    return {
        name: float(node.data) if np.ndim(node.data) == 0 else node.data.copy()
        for name, node in arguments.items()
    }


def _check_root(root: Any) -> None:
    if not is_node(root):
        raise TypeError(
            f"loss must return a Tensor or Value, it returned {type(root).__name__}: compute it "
            "from the parameters with NumPy's functions, without .data or float()"
        )
    if np.size(root.data) != 1:
        raise ValueError(
            f"loss must return one number, it returned shape {np.shape(root.data)}: reduce it, "
            "with np.sum or np.mean"
        )


def _intermediates(
    given: Mapping[str, Any], arguments: Mapping[str, Any], names: Mapping[str, Any], root: Any
) -> dict[str, Any]:
    """The node for each name that is no parameter's: a label wins over a local variable."""
    order = topological_order(root)
    known = {name: node for name, node in names.items() if is_node(node)}
    known |= {node.label: node for node in order if node.label}
    found = {}
    for name in given:
        if name in arguments:
            continue
        if name not in known:
            near = difflib.get_close_matches(name, [*arguments, *known], n=3, cutoff=0.5)
            raise ValueError(
                f"manual has a gradient for {name!r}, but loss has no parameter, local variable or "
                f"label of that name; "
                + (f"did you mean {' or '.join(map(repr, near))}? " if near else "")
                + f"Known are {', '.join([*arguments, *(k for k in known if k not in arguments)])}"
            )
        found[name] = known[name]
    return found


def _loss_along_parameter(
    loss: Callable[..., Any], arguments: dict[str, Any], name: str, root: Any, node: Any
) -> Callable[[Any], float]:
    def evaluate(data: Any) -> float:
        with no_grad():
            return _number(loss(**{**arguments, name: type(node)(data)}))

    return evaluate


def _loss_along_intermediate(
    loss: Callable[..., Any], arguments: dict[str, Any], name: str, root: Any, node: Any
) -> Callable[[Any], float]:
    order = topological_order(root)

    def evaluate(data: Any) -> float:
        with no_grad():
            made = rebuild(order, {node: type(node)(data)})
        return _number(made.get(root, root))

    return evaluate


def _number(out: Any) -> float:
    return float(np.reshape(out.data, ())) if is_node(out) else float(out)


def _compare(
    name: str,
    automatic: Array,
    manual: Array | None,
    tolerance: Array,
    probe: Probe,
    entries: int,
    rng: np.random.Generator,
) -> Quantity:
    fits = manual is not None and manual.shape == automatic.shape
    with np.errstate(invalid="ignore"):
        gap = np.abs(manual - automatic) if manual is not None and fits else None
        wrong = np.zeros(automatic.shape, bool) if gap is None else ~(gap <= tolerance)
    indices = _probed(np.zeros_like(automatic) if gap is None else gap, wrong, entries, rng)
    told_apart = None if gap is None else np.where(wrong, gap, 0.0)
    numerical = probe.elements(indices, error_needed(automatic, told_apart), rng)
    verdict, evidence = judged(automatic, manual, tolerance, wrong, numerical, probe)
    if gap is None:
        gap = np.abs(numerical.values - automatic)[numerical.probed]
    size = float(np.max(np.abs(automatic), initial=0.0))
    worst = float(np.max(np.nan_to_num(gap, nan=np.inf), initial=0.0))
    return Quantity(
        name=name,
        shape=automatic.shape,
        verdict=verdict,
        evidence=evidence,
        inherited=False,
        causes=(),
        expected=automatic,
        automatic=automatic,
        manual=manual,
        numerical=numerical.values,
        numerical_error=numerical.errors,
        max_error=worst / (size or 1.0) if fits or manual is None else np.inf,
    )


def _probed(
    gap: Array, wrong: Array, entries: int, rng: np.random.Generator
) -> list[tuple[int, ...]]:
    """The indices to probe: some at random, and of the wrong ones those that differ most."""
    chosen = set(rng.permutation(gap.size)[:entries].tolist())
    order = np.argsort(
        -np.nan_to_num(np.where(wrong, gap, -1.0), nan=np.inf).ravel(), kind="stable"
    )
    chosen |= set(order[: min(entries, int(wrong.sum()))].tolist())
    return [_index(flat, gap) for flat in sorted(chosen)]


def _index(flat: int, array: Array) -> tuple[int, ...]:
    return tuple(int(i) for i in np.unravel_index(flat, array.shape))
