"""A problem from two functions: the loss is recorded, and the gradients derived by hand.

What ``loss`` and ``manual`` call their local variables is captured with what they return, so
that intermediates are quantities too.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from autograd_mini.check.broadcasting import advice
from autograd_mini.check.forms import Form, form_of
from autograd_mini.check.frames import call_with_locals, differentiation, names_of, names_used
from autograd_mini.check.lines.program import Program
from autograd_mini.check.plain_loss import PlainLoss, names_meant, plain_loss
from autograd_mini.check.problem import Problem, number
from autograd_mini.check.result import Finding
from autograd_mini.check.scope import Scope
from autograd_mini.check.unrecorded import NUMERICAL, numerical_loss
from autograd_mini.core.graph import Node, is_node, topological_order
from autograd_mini.core.tensor import Tensor
from autograd_mini.core.value import Value
from autograd_mini.typing import Array, Operand, Tree

Loss = Callable[..., Any]
Manual = Mapping[str, Any] | Tree
"""Gradients, or a function that returns them."""
Required = Literal["all"] | Collection[str]


def captured(
    loss: Loss,
    params: Tree,
    manual: Manual | None,
    required: Required = (),
    forbid_autodiff: bool = False,
) -> Problem:
    """The problem of a loss and its gradients, as ``check_gradients`` takes them.

    Raises:
        ValueError: ``loss`` returned several numbers, ``manual`` has an unknown name, there is
            nothing to compare, or ``required`` is something else.
        TypeError: ``loss`` returned no Tensor or Value, or does not take ``params``.
    """
    if not callable(loss):
        raise TypeError(f"loss is a function of the parameters, not {type(loss).__name__}")
    form = form_of(loss, params)
    parameters = {name: as_parameter(name, value) for name, value in form.values.items()}
    needed = required_names(required, parameters)
    manual = form.manual(manual) if callable(manual) else manual
    functions = _Functions(form.function(loss), manual, form, needed, forbid_autodiff)
    narrow: dict[str, list[str]] = {}
    for name, value in form.values.items():
        if (dtype := str(getattr(value, "dtype", ""))) in NARROW:
            narrow.setdefault(dtype, []).append(name)
    notes = (f"{', '.join(names)}: {d}, checked in float64." for d, names in narrow.items())
    return functions.at(parameters, tuple(notes))


NARROW = ("float32", "float16")
FAILS = "{} does not run, it gave no numbers: {}: {}."


@dataclass(frozen=True)
class _Loss:
    """A loss as it was recorded.

    Attributes:
        root: its node.
        names: the local variables of the function that computed it.
        uncertain: how far off its gradients may be, where they are numerical.
        plain: what was recorded, where it runs on plain arrays.
        versions: what the local variables of its helpers held, one after the other.
        notes: why it could not be recorded, where that is known.
    """

    root: Node
    names: Mapping[str, Any] = field(default_factory=dict)
    uncertain: Mapping[str, Array] = field(default_factory=dict)
    plain: PlainLoss | None = None
    versions: Mapping[str, Sequence[Node]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def runs_on_arrays(self) -> bool:
        """Whether it takes plain arrays, not Tensors."""
        return bool(self.uncertain) or self.plain is not None


@dataclass(frozen=True)
class _Functions:
    """A loss and its gradients as functions, which make a problem at any parameters."""

    loss: Loss
    manual: Manual | None
    form: Form
    required: tuple[str, ...]
    forbid_autodiff: bool

    def at(self, parameters: Mapping[str, Node], notes: tuple[str, ...] = ()) -> Problem:
        """The problem at parameters, which are Tensors and Values."""
        around = names_of(self.loss)
        recorded = self._recorded(parameters, around)
        root, uncertain = recorded.root, recorded.uncertain
        failure: Exception | None = None
        try:
            gradients, in_manual, differentiating = self._derived(parameters)
        except (ValueError, IndexError) as error:  # what NumPy raises for shapes
            failure, gradients, in_manual, differentiating = error, {}, {}, ""
        notes = (*notes, NUMERICAL, *recorded.notes) if uncertain else notes
        if recorded.plain is not None:
            in_loss = recorded.plain.named(gradients)
        else:
            in_loss = names_meant(root, recorded.names, recorded.versions, gradients)
        nodes = {**parameters, **_intermediates(gradients, parameters, in_loss, root)}
        if not nodes:
            raise ValueError(
                "there is nothing to compare: params is empty, and manual has no gradient of a "
                "local variable"
            )
        manual = {name: as_gradient(name, value) for name, value in gradients.items()}
        around_manual, used = {}, names_used(self.loss)
        if callable(self.manual):
            around_manual = names_of(self.manual)
            used |= names_used(self.manual)
        used |= {f"self.{name}" for name in used} | in_manual.keys() | in_loss.keys()
        scope = Scope({**around_manual, **in_manual, **around, **in_loss, **parameters})

        def loss(replaced: Mapping[str, Node]) -> float:
            if recorded.runs_on_arrays:
                return number(self.loss(**plain({**parameters, **replaced})))
            return number(self.loss(**{**parameters, **replaced}))

        def by_lines(follow: Callable[[Manual | None], Any]) -> dict[str, Array]:
            again = self.form.gradients(follow(self.manual)(**plain(parameters)))
            return {name: as_gradient(name, value) for name, value in again.items()}

        def derive() -> dict[str, Array]:
            return by_lines(lambda manual: manual)

        return Problem(
            root=root,
            nodes=nodes,
            parameters=tuple(parameters),
            manual=manual,
            scope=scope,
            used=scope.only(used),
            findings=tuple(self._missing(manual, differentiating, failure)),
            notes=(*notes, FAILS.format("manual", type(failure).__name__, str(failure).strip()))
            if failure
            else notes,
            loss=loss,
            derive=derive if callable(self.manual) else None,
            at=self.at if callable(self.manual) else None,
            program=Program(by_lines, [self.loss]) if callable(self.manual) else None,
            failure=failure,
            uncertain=uncertain,
        )

    def _recorded(self, parameters: Mapping[str, Node], around: Mapping[str, Any]) -> _Loss:
        """The loss: recorded on Tensors, or as it runs on arrays, or else numerical."""
        try:
            helpers: dict[str, list[Any]] = {}
            root, names = call_with_locals(self.loss, dict(parameters), helpers=helpers)
            _check_root(root)
        except (TypeError, ValueError, AttributeError) as error:
            if self.manual is not None:
                unfollowed: list[str] = []
                as_it_runs = plain_loss(self.loss, parameters, plain(parameters), unfollowed)
                if as_it_runs is not None:
                    return _Loss(as_it_runs.root, plain=as_it_runs)
                refused = not isinstance(error, ValueError)  # by a Tensor
                numerical = numerical_loss(self.loss, parameters) if refused else None
                if numerical is not None:
                    told = tuple(f"{text[0].upper()}{text[1:]}." for text in unfollowed)
                    return _Loss(numerical[0], uncertain=numerical[1], notes=told)
                if refused and unfollowed:
                    raise TypeError(f"{error}; run on arrays, {unfollowed[0]}") from error
            remedy = isinstance(error, ValueError) and advice(error, around)
            if remedy:
                raise ValueError(f"{str(error).strip()}: {remedy}") from error
            raise
        reaching = set(topological_order(root))
        inside = {
            name: [held for held in several if is_node(held) and held in reaching]
            for name, several in helpers.items()
            if name not in names
        }
        return _Loss(root, names, versions=inside)

    def _derived(
        self, parameters: Mapping[str, Node]
    ) -> tuple[Mapping[str, Any], dict[str, Any], str]:
        """The gradients by hand, the local variables of the function that derived them, and
        where it differentiates automatically.
        """
        if not callable(self.manual):
            given = {} if self.manual is None else self.form.gradients(self.manual)
            return given, {}, ""
        with differentiation() as places:
            returned, names = call_with_locals(self.manual, plain(parameters))
        gradients = self.form.gradients(returned)
        own = {name: value for name, value in names.items() if name not in parameters}
        return gradients, own, next(iter(places), "")

    def _missing(
        self, manual: Mapping[str, Array], differentiating: str, failure: Exception | None
    ) -> Iterator[Finding]:
        """What is asked for besides right numbers, and missing."""
        if failure is not None:
            return
        missing = tuple(name for name in self.required if name not in manual)
        if missing:
            yield Finding("missing", missing, "manual gives no gradient for it", wrong=True)
        if self.forbid_autodiff and differentiating:
            message = f"it differentiates automatically in {differentiating}: derive by hand"
            yield Finding("autodiff", ("manual",), message, wrong=True)


def required_names(required: Required, parameters: Collection[str]) -> tuple[str, ...]:
    if isinstance(required, str):
        if required != "all":
            raise ValueError(f'required is "all" or a list of names, not {required!r}')
        return tuple(parameters)
    names = tuple(required)
    unhashed = [name for name in names if not isinstance(name, str)]
    if unhashed:
        raise TypeError(f"required is a list of names, {unhashed[0]!r} is none")
    return names


def as_gradient(name: str, value: Operand) -> Array:
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


def as_parameter(name: str, value: object) -> Node:
    if isinstance(value, Value):
        return Value(value.data, value.label)
    data = value.data if isinstance(value, Tensor) else value
    label = value.label if isinstance(value, Tensor) else ""
    try:
        return Tensor(np.asarray(Tensor(data).data, np.float64), label)
    except TypeError as error:
        raise TypeError(f"parameter {name!r}: {error}") from None


def plain(parameters: Mapping[str, Node]) -> dict[str, Any]:
    """The parameters as ``manual`` gets them: arrays of its own, and floats."""
    return {
        name: float(node.data) if np.ndim(node.data) == 0 else node.data.copy()
        for name, node in parameters.items()
    }


def _check_root(root: Node) -> None:
    if not is_node(root):
        remedy = "compute it from the parameters with NumPy's functions, without .data or float()"
        if isinstance(root, tuple | list) and root and is_node(root[0]):
            remedy = "give the loss alone, lambda **params: loss(**params)[0]"
        raise TypeError(
            f"loss must return a Tensor or Value, it returned {type(root).__name__}: {remedy}"
        )
    if np.size(root.data) != 1:
        raise ValueError(
            f"loss must return one number, it returned shape {np.shape(root.data)}: reduce it, "
            "with np.sum or np.mean"
        )


def _intermediates(
    gradients: Mapping[str, Any],
    parameters: Mapping[str, Node],
    in_loss: Mapping[str, Any],
    root: Node,
) -> dict[str, Node]:
    """The node for each name that is no parameter's: a label wins over a local variable."""
    known = {name: node for name, node in in_loss.items() if is_node(node)}
    known |= {node.label: node for node in topological_order(root) if node.label}
    intermediates: dict[str, Node] = {}
    for name in gradients:
        if name in parameters:
            continue
        if name not in known:
            near = difflib.get_close_matches(name, {**parameters, **known}, n=3, cutoff=0.5)
            raise ValueError(
                f"manual has a gradient for {name!r}, but loss has no parameter, local variable or "
                f"label of that name; "
                + (f"did you mean {' or '.join(map(repr, near))}? " if near else "")
                + f"Known are {', '.join(dict.fromkeys([*parameters, *known]))}"
            )
        intermediates[name] = known[name]
    return intermediates
