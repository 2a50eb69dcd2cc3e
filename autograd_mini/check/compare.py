"""``check_gradients``: hold manual, automatic and numerical gradients against each other."""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from autograd_mini.check.anatomy import opened
from autograd_mini.check.blame import blamed
from autograd_mini.check.capture import call_with_locals, differentiation, names_of, names_used
from autograd_mini.check.judge import EQUAL, judged
from autograd_mini.check.lint import advice, findings
from autograd_mini.check.losses import hinted, loss_hint
from autograd_mini.check.numerical import EVALUATIONS, Needed, Probe, largest
from autograd_mini.check.report import (
    AGREE,
    CANNOT_TELL,
    DIFFER,
    Finding,
    GradientReport,
    Hints,
    Quantity,
    checked_hints,
)
from autograd_mini.check.rounding import (
    DRAWS,
    GUESS,
    coarsest,
    is_surely_rounding,
    loss_noise,
    recorded_gradients,
    rounding_of,
)
from autograd_mini.core.graph import is_node, rebuild, sweep_gradients, topological_order
from autograd_mini.core.modes import no_grad
from autograd_mini.core.tensor import Tensor
from autograd_mini.core.value import Value

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
    required: Literal["all"] | Collection[str] = (),
    forbid_autodiff: bool = False,
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
        entries: how many elements of each quantity are probed at the most, besides as many
            where manual and automatic gradients differ most, and one random direction
            through all of them.  Fewer are, but 2, where the loss computes millions of numbers.
        hints: what the report tells: 0 the verdict, 1 also where the mistakes are, 2 also why.
        required: the names for which ``manual`` must give a gradient; ``"all"`` parameters.
        forbid_autodiff: whether the check fails if ``manual`` differentiates automatically.

    Returns:
        A report.  A verdict is ``"differ"`` only if a difference exceeds what rounding
        explains in this computation, and ``"cannot tell"`` where the numerical derivative's
        own error estimate does not allow one.  Where all agree and ``manual`` is a function,
        it is compared once more beside the parameters, where nothing agrees by chance: a
        report of a mistake there says so.

    Raises:
        ValueError: ``loss`` returned several numbers, ``manual`` has an unknown name, there is
            nothing to compare, or ``hints`` or ``required`` is something else.
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
    check = _Check(loss, manual, _required(required, arguments), forbid_autodiff, seed, entries)
    report = check.at(arguments)
    if callable(manual) and all(q.verdict == AGREE for q in report.quantities.values()):
        report = check.nearby(arguments, report)
    floats: dict[str, list[str]] = {}
    for name, value in params.items():
        if (kind := str(getattr(value, "dtype", ""))) in _NARROW:
            floats.setdefault(kind, []).append(name)
    report.notes += [f"{', '.join(names)}: {k}, checked in float64." for k, names in floats.items()]
    return report.with_hints(hints)


_NARROW = ("float32", "float16")
_SAME_NUMBERS = 64.0
"""How many times its rounding error a number may be off when it is computed once more."""
_NEARBY = 2.0**-10
"""How far, as a part of each number, the point lies beside which all is compared again."""


@dataclass(frozen=True)
class _Check:
    """What is checked, and how; at any parameters."""

    loss: Callable[..., Any]
    manual: Manual | None
    required: tuple[str, ...]
    forbid_autodiff: bool
    seed: int
    entries: int

    def at(self, arguments: dict[str, Any]) -> GradientReport:
        """The report at parameters, which are Tensors and Values."""
        loss, manual = self.loss, self.manual
        around = names_of(loss)
        try:
            root, names = call_with_locals(loss, arguments)
        except ValueError as error:
            remedy = advice(error, around)
            if not remedy:
                raise
            raise ValueError(f"{str(error).strip()}: {remedy}") from error
        _check_root(root)
        given, by_hand, differentiating = _given(manual, arguments)
        nodes = {**arguments, **_intermediates(given, arguments, names, root)}
        if not nodes:
            raise ValueError(
                "there is nothing to compare: params is empty, and manual has no gradient of a "
                "local variable"
            )
        automatic = _swept(root, nodes)
        order = topological_order(root)
        manuals = {name: _as_gradient(name, value) for name, value in given.items()}
        tolerances, notes = _tolerances(root, nodes, coarsest(manuals), order)
        noise = loss_noise(root)
        parts = opened(order)
        reaching, in_parts = set(order), set(parts)
        if any(node in reaching and node not in in_parts for node in nodes.values()):
            parts = order  # a quantity depends on a primitive: it is another node in the parts
        own = list(self._asked_for(given, differentiating))
        whose = self._other_at_each_call(arguments, _number(root), noise, manuals, tolerances)
        own += [
            Finding("other numbers", (what,), f"{why}; {_MEND}", wrong=True)
            for what, (_, why) in whose.items()
        ]
        vague = {name: why for names, why in whose.values() for name in names}
        rng = np.random.default_rng(self.seed)
        quantities = []
        entries = _affordable(self.entries, order)
        for name, node in nodes.items():
            along = _loss_along_parameter if name in arguments else _loss_along_intermediate
            evaluate = along(loss, arguments, name, root, node)
            quantities.append(
                _compare(
                    name,
                    automatic[name],
                    manuals.get(name),
                    tolerances.pop(name),
                    Probe(evaluate, noise, parts, node, automatic[name]),
                    entries,
                    rng,
                    vague.get(name),
                )
            )
        notes += [
            f"{quantity.name}: {quantity.evidence}."
            for quantity in quantities
            if quantity.verdict == AGREE and quantity.evidence != EQUAL
        ]
        own += _unreached(quantities, nodes, order)
        if not callable(manual):
            own += _untested(quantities, arguments, order)
        more = names_of(manual) if callable(manual) else {}
        known = {**more, **by_hand, **around, **names, **arguments}
        if any(quantity.verdict == DIFFER for quantity in quantities):
            used = names_used(loss) | (names_used(manual) if callable(manual) else set())
            used |= {f"self.{name}" for name in used} | by_hand.keys() | names.keys()
            seen = {name: what for name, what in known.items() if name in used}
            quantities = blamed(quantities, parts[-1], nodes, manuals, seen, coarsest(manuals))
        hint = loss_hint(parts, quantities, nodes, known)
        return GradientReport(
            hinted(quantities, hint),
            root=root,
            nodes=nodes,
            notes=notes,
            findings=[*own, *findings(order, nodes, manuals, known)],
            loss_hint=hint.sentence if hint else None,
        )

    def _asked_for(self, given: Mapping[str, Any], differentiating: str) -> Iterator[Finding]:
        """What is missing besides right numbers."""
        missing = tuple(name for name in self.required if name not in given)
        if missing:
            yield Finding("missing", missing, "manual gives no gradient for it", wrong=True)
        if self.forbid_autodiff and differentiating:
            message = f"it differentiates automatically in {differentiating}: derive by hand"
            yield Finding("autodiff", ("manual",), message, wrong=True)

    def _other_at_each_call(
        self,
        arguments: Mapping[str, Any],
        value: float,
        noise: float,
        manuals: Mapping[str, Array],
        tolerances: Mapping[str, Array],
    ) -> dict[str, tuple[Collection[str], str]]:
        """Which of loss and manual is random or leaves something changed: the quantities that
        cannot be judged for it, and what was seen.
        """
        with no_grad():
            again = _number(self.loss(**arguments))
        if not (abs(again - value) <= _SAME_NUMBERS * noise or _both_nan(again, value)):
            why = f"the loss gives other numbers at each call, {value:.6g} and {again:.6g}"
            return {"loss": (tuple(tolerances), why)}
        if not callable(self.manual):
            return {}
        with suppress(Exception):  # what cannot be called twice is judged by its one call
            second = self._by_hand(arguments)
            other = [n for n in manuals if not _same(manuals[n], second[n], tolerances[n])]
            if other:
                why = f"manual gives other numbers for {', '.join(other)} at each call"
                return {"manual": (other, why)}
        return {}

    def nearby(self, arguments: dict[str, Any], report: GradientReport) -> GradientReport:
        """The report a little beside parameters where all agrees, if a mistake shows there.

        Where weights are 0, or all are 1, a derivation may be right by chance.
        """
        rng = np.random.default_rng([self.seed, 1])
        beside = {name: _moved(node, rng) for name, node in arguments.items()}
        try:
            manuals = self._by_hand(beside)
            if not self._wrong_at(beside, manuals):
                return report
            unmoved = self._by_hand(arguments)
            if all(np.array_equal(unmoved[n], manuals[n], equal_nan=True) for n in manuals):
                report.notes.append(_UNMOVED)
                order = topological_order(report.root)
                report.findings += _untested(list(report.quantities.values()), arguments, order)
                return report
            there = self.at(beside)
        except Exception as error:
            report.notes.append(
                f"Compared at this one point only: beside it {type(error).__name__} was raised: "
                f"{error}"
            )
            return report
        if not any(quantity.verdict == DIFFER for quantity in there.quantities.values()):
            return report
        note = (
            "All gradients agree at the parameters as they are given, but not nearby: all numbers "
            f"here are from where each parameter is moved by up to {_NEARBY:.0e} of itself"
        )
        quantities = [
            replace(q, evidence=f"agrees here, not nearby: {q.evidence}")
            if q.verdict == DIFFER
            else q
            for q in there.quantities.values()
        ]
        return GradientReport(
            quantities,
            root=there.root,
            nodes=there.nodes,
            notes=[note, *there.notes],
            findings=there.findings,
            loss_hint=there.loss_hint,
        )

    def _by_hand(self, arguments: Mapping[str, Any]) -> dict[str, Array]:
        """What ``manual``, a function, gives at parameters."""
        assert callable(self.manual)
        given = self.manual(**_plain(arguments))
        return {name: _as_gradient(name, value) for name, value in given.items()}

    def _wrong_at(self, beside: dict[str, Any], manuals: Mapping[str, Array]) -> bool:
        """Whether hand-derived gradients are not those of the loss at other parameters."""
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            root, names = call_with_locals(self.loss, beside)
            nodes = {**beside, **_intermediates(manuals, beside, names, root)}
            automatic = _swept(root, nodes)
            if not all(np.isfinite(automatic[name]).all() for name in manuals):
                return False
            units = coarsest(manuals)
            if all(is_surely_rounding(m, automatic[n], units) for n, m in manuals.items()):
                return False
            recorded = recorded_gradients(root, [nodes[name] for name in manuals])
            order = topological_order(root)
            for draws in (1, DRAWS):
                bounds = rounding_of(recorded, units, order, draws)
                if all(map(_same, manuals.values(), map(automatic.get, manuals), bounds)):
                    return False
        return True


_UNMOVED = (
    "Compared at this one point only: manual gives the same numbers at other parameters, where the "
    "loss has other gradients."
)
_MEND = "draw random masks and noise outside of it, or seed it, and leave nothing changed"


def _tolerances(
    root: Any, nodes: Mapping[str, Any], epsilon: float, order: Sequence[Any]
) -> tuple[dict[str, Array], list[str]]:
    """The rounding error of each automatic gradient, and what is to be said about it."""
    notes = []
    try:
        recorded = recorded_gradients(root, list(nodes.values()))
    except TypeError as error:  # a primitive whose pullback works on plain arrays only
        recorded = list(_swept(root, nodes).values())
        notes.append(
            f"Rounding is taken to be {GUESS:.0e} of the largest element, since the sweep "
            f"could not be recorded: {error}"
        )
    return dict(zip(nodes, rounding_of(recorded, epsilon, order), strict=True)), notes


def _affordable(entries: int, order: Sequence[Any]) -> int:
    """How many elements are probed, where each takes the whole loss several times."""
    numbers = sum(np.size(node.data) for node in order) * EVALUATIONS
    return min(entries, max(_FEWEST, _MOST_NUMBERS // numbers))


_FEWEST = 2
_MOST_NUMBERS = 4 * 10**8
"""How many numbers are computed to probe one quantity, unless that were fewer elements than 2."""


def _swept(root: Any, nodes: Mapping[str, Any]) -> dict[str, Array]:
    """The automatic gradient for each name; 0, without a word, where nothing reaches the loss."""
    swept = sweep_gradients(root, list(nodes.values()), False, None)
    return {name: np.asarray(gradient) for name, gradient in zip(nodes, swept, strict=True)}


def _same(data: Array, other: Any, bound: Array) -> bool:
    """Whether two gradients are equal to rounding."""
    if data.shape != np.shape(other):
        return False
    with np.errstate(invalid="ignore"):
        near = (np.abs(data - other) <= bound) | (np.isnan(data) & np.isnan(other))
    return bool(np.all(near | (data == other)))


def _both_nan(a: float, b: float) -> bool:
    return a == b or (a != a and b != b)


def _moved(node: Any, rng: np.random.Generator) -> Any:
    """A parameter a little beside: each number off by a part of itself, or of the largest."""
    by = rng.uniform(0.5 * _NEARBY, _NEARBY, np.shape(node.data))
    by *= rng.choice(np.array([-1, 1], np.int8), np.shape(node.data))
    by *= np.where(node.data, node.data, largest(np.asarray(node.data)) or 1.0)
    return type(node)(node.data + by, node.label)


def _unreached(
    quantities: Sequence[Quantity], nodes: Mapping[str, Any], order: Sequence[Any]
) -> Iterator[Finding]:
    """Quantities that the recorded loss does not depend on."""
    reaching = set(order)
    for quantity in quantities:
        if nodes[quantity.name] in reaching:
            continue
        message = (
            f"{quantity.name} does not reach the loss, its gradient is 0: was it forgotten, or cut "
            "off by .data?"
        )
        with np.errstate(invalid="ignore"):
            moves = np.abs(quantity.numerical) > 2 * quantity.numerical_error
        if moves.any():
            message = (
                f"the loss moves with {quantity.name}, but was not recorded from it: .data, "
                "float() or a copy in plain NumPy cuts it off"
            )
        yield Finding("unused", (quantity.name,), message)


def _untested(
    quantities: Sequence[Quantity], arguments: Mapping[str, Any], order: Sequence[Any]
) -> Iterator[Finding]:
    """Parameters whose gradient is exactly 0, where no derivation can be told from another."""
    reaching = set(order)
    names = tuple(
        q.name
        for q in quantities
        if q.name in arguments and arguments[q.name] in reaching and q.verdict == AGREE
        if q.automatic.size and not q.automatic.any()
    )
    if names:
        message = "the gradient is 0 throughout: nothing was tested at this point, take another"
        yield Finding("zero gradient", names, message)


def _required(required: Any, arguments: Mapping[str, Any]) -> tuple[str, ...]:
    if isinstance(required, str):
        if required != "all":
            raise ValueError(f'required is "all" or a list of names, not {required!r}')
        return tuple(arguments)
    names = tuple(required)
    unhashed = [name for name in names if not isinstance(name, str)]
    if unhashed:
        raise TypeError(f"required is a list of names, {unhashed[0]!r} is none")
    return names


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
    return array.astype(array.dtype if array.dtype.kind == "f" else np.float64)  # a copy: another
    # call of manual may write its numbers into the same array


def _given(
    manual: Manual | None, arguments: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any], str]:
    """The hand-derived gradients, the local variables of the function that gives them, and
    where it differentiates automatically.
    """
    if not callable(manual):
        return dict(manual or {}), {}, ""
    with differentiation() as seen:
        given, names = call_with_locals(manual, _plain(arguments))
    if not isinstance(given, Mapping):
        raise TypeError(
            "manual must return a dict of gradients by name, it returned "
            f'{type(given).__name__}: return {{"W": dW, "b": db}}'
        )
    own = {name: value for name, value in names.items() if name not in arguments}
    return dict(given), own, next(iter(seen), "")


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
    vague: str | None,
) -> Quantity:
    fits = manual is not None and manual.shape == automatic.shape
    gap, wrong = None, np.zeros(automatic.shape, bool)
    if manual is not None and fits:
        with np.errstate(invalid="ignore"):
            gap = np.abs(np.asarray(manual - automatic))
            wrong = np.asarray(~((gap <= tolerance) | (gap == 0)))
    probed = _probed(gap, wrong, entries, rng)
    numerical = probe.elements(probed, Needed(automatic, gap, wrong), rng, name)
    verdict, evidence = CANNOT_TELL, vague or ""
    if vague is None:
        verdict, evidence = judged(automatic, manual, tolerance, wrong, numerical, probe)
    if gap is None:
        gap = np.abs(numerical.values - automatic.flat[numerical.probed])
    worst = float(np.max(gap, initial=0.0))
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
        numerical=numerical.over(automatic.shape, numerical.values),
        numerical_error=numerical.over(automatic.shape, numerical.errors),
        max_error=(np.inf if np.isnan(worst) else worst) / (largest(automatic) or 1.0)
        if fits or manual is None
        else np.inf,
    )


def _probed(gap: Array | None, wrong: Array, entries: int, rng: np.random.Generator) -> list[int]:
    """What to probe: some elements at random, and of the wrong ones those that differ most.

    Each is given by its place in the flat array, in order.
    """
    chosen = rng.choice(wrong.size, min(entries, wrong.size), replace=False)
    if gap is None:
        return sorted(chosen.tolist())
    candidates = np.flatnonzero(wrong)
    off = np.nan_to_num(gap.flat[candidates], nan=np.inf)
    if off.size > entries:
        candidates = candidates[np.argpartition(-off, entries)[:entries]]
    return sorted({*chosen.tolist(), *candidates.tolist()})
