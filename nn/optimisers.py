"""Optimisers: rules that turn gradients into updates of the parameters.

Each is PyTorch's of the same name, to rounding.  The arrays of the parameters are updated in
place; what an update needs besides them (velocities, averages, scratch memory) is made once.

>>> w = Tensor([3.0, -2.0])
>>> optimiser = Adam([w], rate=0.1)
>>> for step in range(200):
...     optimiser.zero_grad()
...     np.sum(w * w).backward()
...     optimiser.step()
>>> bool(np.all(np.abs(w.data) < 1e-3))
True
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Self

import numpy as np

from autograd_mini import Tensor, Value, other_libraries
from autograd_mini.nn.module import Module, Parameter, check_state
from autograd_mini.nn.operands import Array


class Group(dict[str, Any]):
    """``"parameters"`` and their options by name, which may be changed but not added to."""

    def __setitem__(self, name: str, option: Any) -> None:
        options = [known for known in self if known != "parameters"]
        if name not in options:
            raise ValueError(
                f"a group has no option {name!r} to change; it has {', '.join(options)}"
            )
        super().__setitem__(name, option)

    def __reduce__(self) -> Any:
        return Group, (dict(self),)


Given = Iterable[Parameter | Mapping[str, Any]]
"""Parameters, or groups of them: dicts with ``"parameters"`` and options of their own."""

_Check = tuple[Callable[[Any], bool], str]
_FRACTION: _Check = (lambda x: 0 <= x < 1, "at least 0 and below 1")
_AMOUNT: _Check = (lambda x: 0 <= x < math.inf, "a number of at least 0")
_SWITCH: _Check = (lambda x: x in (False, True), "True or False")
_OPTIONS: dict[str, _Check] = {
    "rate": (lambda x: 0 < x < math.inf, "a positive number"),
    "momentum": _FRACTION,
    "nesterov": _SWITCH,
    "decay": _FRACTION,
    "centred": _SWITCH,
    "betas": (
        lambda pair: len(pair) == 2 and all(0 <= beta < 1 for beta in pair),
        "two numbers of at least 0 and below 1",
    ),
    "eps": _AMOUNT,
    "weight_decay": _AMOUNT,
}
"""For each option of an optimiser what it may be."""


class _Option:
    """An option as an attribute: the first group's value; assigned, it is set in every group."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, optimiser: Optimiser | None, owner: type) -> Any:
        return self if optimiser is None else optimiser.groups[0][self.name]

    def __set__(self, optimiser: Optimiser, found: Any) -> None:
        _check(self.name, found)
        for group in optimiser.groups:
            group[self.name] = found


class Optimiser:
    """The base of all optimisers.

    Arguments:
        parameters: leaf Tensors and Values, as ``model.parameters()`` gives them; or a list of
            dicts such as ``{"parameters": head.parameters(), "rate": 0.01}``, each a group with
            options of its own; what it does not say is as given for all.
        options: the options by name, ``rate`` among them.

    Attributes:
        groups: for each group a dict of its ``"parameters"`` and its options.  Options may be
            changed between steps: ``optimiser.groups[0]["rate"] = 0.01``.
        parameters: all parameters, in order.
        rate: the learning rate of the first group; assigned, it is set in every group.  The
            other options are attributes of the same kind.
        steps: how many steps were made.

    A subclass defines ``slots`` and ``update``.

    Raises:
        TypeError: ``parameters`` holds something that is neither a Tensor nor a Value.
        ValueError: there are none, one stands twice or is no leaf; an option is out of range or
            not known.
    """

    rate = _Option()

    def __new__(cls, *given: Any, **options: Any) -> Self:
        if cls.__init__ is not Optimiser.__init__:
            other_libraries.refuse_foreign_options(cls, options)
        return super().__new__(cls)

    def __init__(self, parameters: Given, **options: Any) -> None:
        name = type(self).__name__
        self.groups: list[Group] = []
        for given in _groups(parameters, name):
            for key in given:
                if key != "parameters" and key not in options:
                    raise ValueError(f"{name} has no option {key!r}; it has {', '.join(options)}")
            group = Group(options | given)
            for key in options:
                _check(key, group[key])
            if group.get("nesterov") and not group["momentum"]:
                raise ValueError(f"{name}: nesterov=True needs a momentum above 0")
            self.groups.append(group)
        self.parameters: list[Parameter] = [p for g in self.groups for p in g["parameters"]]
        if len({id(parameter) for parameter in self.parameters}) < len(self.parameters):
            raise ValueError("a parameter stands twice in the list and would be updated twice")
        self.steps = 0
        self._members = [(g, m) for g in self.groups for m in _members(g["parameters"])]
        self._kept: list[dict[str, Array]] = [{} for _ in self._members]
        scratch: dict[tuple[Any, tuple[int, ...]], tuple[Array, Array]] = {}
        self._scratch = [
            scratch.setdefault((w.dtype, w.shape), (np.empty_like(w), np.empty_like(w)))
            for w in (_array_like(member) for _, member in self._members)
        ]

    def slots(self, group: Group) -> Sequence[str]:
        """The names of the arrays that ``update`` keeps from step to step."""
        return ()

    def update(
        self, w: Array, g: Array, kept: dict[str, Array], scratch: tuple[Array, Array], group: Group
    ) -> None:
        """Update the numbers ``w`` in place by their gradient ``g``, which stays as it is.

        Arguments:
            w, g: arrays of one shape: those of a Tensor, or of all Values in one.
            kept: for each slot an array of this shape, zero before the first step, to be
                written in place.
            scratch: two arrays of this shape to be used at will.
            group: the options.
        """
        raise NotImplementedError(f"{type(self).__name__} has no update: define update(...)")

    def reads_gradient_first(self, group: Group) -> bool:
        """Whether ``update`` has done with the gradient when it writes to ``scratch[1]``."""
        return False

    def step(self, *, spend_gradients: bool = False) -> None:
        """Update each parameter in place by its ``grad``.

        Arguments:
            spend_gradients: do what ``zero_grad()`` does as well; the arrays of the gradients
                may then serve as scratch memory, which saves time where weights are many.
        """
        self.steps += 1
        self._make_slots()
        for (group, member), kept, scratch in zip(
            self._members, self._kept, self._scratch, strict=True
        ):
            if isinstance(member, Tensor):
                data, gradient = member.data, member.grad
                spent = spend_gradients and gradient.flags.writeable
                if spent and self.reads_gradient_first(group):
                    scratch = scratch[0], gradient
                self.update(data, gradient, kept, scratch, group)
                member.data = data  # tells the Tensor that it was written to
            else:
                numbers = np.array([value.data for value in member])
                slopes = np.array([value.grad for value in member])
                self.update(numbers, slopes, kept, scratch, group)
                for value, number in zip(member, numbers.tolist(), strict=True):
                    value.data = number
        if spend_gradients:
            self.zero_grad()

    def _make_slots(self) -> None:
        for (group, member), kept in zip(self._members, self._kept, strict=True):
            for name in self.slots(group):
                if name not in kept:
                    kept[name] = np.zeros_like(_array_like(member))

    def zero_grad(self) -> None:
        """Set the gradient of each parameter to zero; ``backward()`` adds to it."""
        for parameter in self.parameters:
            parameter.zero_grad()

    def state(self) -> dict[str, Array]:
        """A copy of all that the next steps depend on besides the parameters, by name.

        >>> sorted(SGD([Value(1.0)], rate=0.1, momentum=0.9).state())
        ['groups.0.momentum', 'groups.0.nesterov', 'groups.0.rate', 'groups.0.weight_decay', \
'kept.0.velocity', 'steps']
        """
        return {name: np.array(array) for name, array in self._state().items()}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from what ``state()`` of an optimiser of the same kind and parameters gave.

        Raises:
            ValueError: a name is missing or not known, or a shape differs; nothing is changed.
        """
        fitting = check_state(self._state(), state)
        for name, array in fitting.items():
            what, _, rest = name.partition(".")
            if what == "steps":
                self.steps = int(array)
                continue
            index, _, key = rest.partition(".")
            if what == "kept":
                self._kept[int(index)][key][...] = array
            else:
                plain = array.tolist()
                self.groups[int(index)][key] = tuple(plain) if array.ndim else plain

    def _state(self) -> dict[str, Array]:
        self._make_slots()
        options = {
            f"groups.{i}.{key}": _as_array(group[key])
            for i, group in enumerate(self.groups)
            for key in group
            if key != "parameters"
        }
        kept = {
            f"kept.{i}.{n}": a for i, arrays in enumerate(self._kept) for n, a in arrays.items()
        }
        return {"steps": np.asarray(self.steps)} | options | kept

    def __dir__(self) -> list[str]:
        return [name for name in super().__dir__() if name not in other_libraries.OPTIMISER]

    def __repr__(self) -> str:
        count = sum(np.size(parameter.data) for parameter in self.parameters)
        groups = f" in {len(self.groups)} groups" if len(self.groups) > 1 else ""
        options = [f"{k}={v}" for k, v in self.groups[0].items() if k != "parameters"]
        return f"{type(self).__name__}({count} numbers{groups}, {', '.join(options)})"


for _name in other_libraries.OPTIMISER:
    setattr(Optimiser, _name, other_libraries.NotEvenSet("optimiser", _name))


def _array_like(member: Tensor | list[Value]) -> Array:
    """An array of the shape, dtype and memory order that updates of this member have."""
    return member.data if isinstance(member, Tensor) else np.empty(len(member))


def _as_array(option: Any) -> Array:
    """An option of a group; a number as a float, since another one may take its place."""
    return np.asarray(option) if isinstance(option, bool) else np.asarray(option, np.float64)


class SGD(Optimiser):
    """Gradient descent, with momentum: v ← μ·v + ∂E/∂w, then w ← w − η·v.

    "Stochastic" is up to the caller: the gradient may come from a mini-batch or from all data.
    The update is PyTorch's (``torch.optim.SGD`` without dampening), after I. Sutskever,
    J. Martens, G. Dahl and G. Hinton, "On the importance of initialization and momentum in
    deep learning", ICML 2013, with the rate taken out of v.

    Arguments:
        parameters: leaf Tensors and Values, or groups of them (see ``Optimiser``).
        rate: the learning rate η, positive.
        momentum: μ, at least 0 and below 1; 0 is plain gradient descent.
        nesterov: whether to look ahead: w ← w − η·(∂E/∂w + μ·v).
        weight_decay: λ, so that λ·w is added to each gradient: the gradient of ½λ·Σw².

    Raises:
        TypeError: ``parameters`` holds something that is neither a Tensor nor a Value.
        ValueError: there are none, one stands twice or is no leaf; an option is out of range.

    >>> w = Value(1.0)
    >>> optimiser = SGD([w], rate=0.1)
    >>> (w * w).backward()
    >>> optimiser.step()
    >>> w.data, w.grad
    (0.8, 2.0)
    >>> optimiser.zero_grad()
    >>> w.grad
    0.0
    """

    momentum, nesterov, weight_decay = _Option(), _Option(), _Option()

    def __init__(
        self,
        parameters: Given,
        rate: float,
        momentum: float = 0.0,
        *,
        nesterov: bool = False,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(
            parameters, rate=rate, momentum=momentum, nesterov=nesterov, weight_decay=weight_decay
        )

    def slots(self, group: Group) -> Sequence[str]:
        """A velocity, where there is momentum."""
        return ("velocity",) if group["momentum"] else ()

    def reads_gradient_first(self, group: Group) -> bool:
        """Yes, but for Nesterov's momentum, which adds the gradient last."""
        return not group["nesterov"] and type(self).update is SGD.update

    def update(
        self, w: Array, g: Array, kept: dict[str, Array], scratch: tuple[Array, Array], group: Group
    ) -> None:
        """The update: v ← μ·v + g, w ← w − η·v."""
        g = _decayed(w, g, scratch[0], group["weight_decay"])
        momentum, step = group["momentum"], scratch[1]
        if momentum:
            v = kept["velocity"]
            v *= momentum
            v += g
            if group["nesterov"]:
                np.multiply(v, momentum, out=step)
                step += g
                step *= group["rate"]
            else:
                np.multiply(v, group["rate"], out=step)
        else:
            np.multiply(g, group["rate"], out=step)
        w -= step


class RMSProp(Optimiser):
    """Steps divided by a running root mean square: s ← ρ·s + (1−ρ)·g², w ← w − η·g / (√s + ε).

    (T. Tieleman and G. Hinton, "Lecture 6.5: rmsprop", Coursera 2012; ``torch.optim.RMSprop``.)

    Arguments:
        parameters: leaf Tensors and Values, or groups of them (see ``Optimiser``).
        rate: the learning rate η, positive.
        decay: ρ (PyTorch's ``alpha``), at least 0 and below 1.
        eps: ε, which keeps the divisor from 0.
        momentum: μ; above 0, v ← μ·v + g / (√s + ε) and w ← w − η·v.
        centred: whether the running mean of g, squared, is taken off s (A. Graves, "Generating
            sequences with recurrent neural networks", 2013, equations 38 to 45).
        weight_decay: λ, so that λ·w is added to each gradient.

    Raises:
        TypeError, ValueError: as for ``SGD``.

    >>> w = Value(1.0)
    >>> optimiser = RMSProp([w], rate=0.1)
    >>> (w * w).backward()
    >>> optimiser.step()
    >>> round(w.data, 4)  # the first step is η / √(1 − ρ), whatever the gradient
    0.0
    """

    decay, eps, momentum, centred, weight_decay = (_Option() for _ in range(5))

    def __init__(
        self,
        parameters: Given,
        rate: float = 0.01,
        *,
        decay: float = 0.99,
        eps: float = 1e-8,
        momentum: float = 0.0,
        centred: bool = False,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(
            parameters,
            rate=rate,
            decay=decay,
            eps=eps,
            momentum=momentum,
            centred=centred,
            weight_decay=weight_decay,
        )

    def slots(self, group: Group) -> Sequence[str]:
        """The mean square; with options a velocity and the mean."""
        momentum, centred = group["momentum"], group["centred"]
        return ["square", *["velocity"] * bool(momentum), *["mean"] * bool(centred)]

    def update(
        self, w: Array, g: Array, kept: dict[str, Array], scratch: tuple[Array, Array], group: Group
    ) -> None:
        """The update: s ← ρ·s + (1−ρ)·g², w ← w − η·g / (√s + ε)."""
        g = _decayed(w, g, scratch[0], group["weight_decay"])
        decay, s, step = group["decay"], kept["square"], scratch[1]
        _average_of_squares(s, g, decay, step)
        if group["centred"]:
            mean = kept["mean"]
            _average(mean, g, decay, step)
            np.multiply(mean, mean, out=step)
            np.subtract(s, step, out=step)
            np.sqrt(step, out=step)
        else:
            np.sqrt(s, out=step)
        step += group["eps"]
        np.divide(g, step, out=step)
        if group["momentum"]:
            v = kept["velocity"]
            v *= group["momentum"]
            v += step
            np.multiply(v, group["rate"], out=step)
        else:
            step *= group["rate"]
        w -= step


class Adagrad(Optimiser):
    """Steps divided by the root of all squares so far: s ← s + g², w ← w − η·g / (√s + ε).

    (J. Duchi, E. Hazan and Y. Singer, "Adaptive subgradient methods for online learning and
    stochastic optimization", JMLR 12, 2011; ``torch.optim.Adagrad``.)

    Arguments:
        parameters: leaf Tensors and Values, or groups of them (see ``Optimiser``).
        rate: the learning rate η, positive.
        eps: ε, which keeps the divisor from 0.
        weight_decay: λ, so that λ·w is added to each gradient.

    Raises:
        TypeError, ValueError: as for ``SGD``.

    >>> w = Value(1.0)
    >>> optimiser = Adagrad([w], rate=0.1)
    >>> (w * w).backward()
    >>> optimiser.step()
    >>> round(w.data, 4)
    0.9
    """

    eps, weight_decay = _Option(), _Option()

    def __init__(
        self,
        parameters: Given,
        rate: float = 0.01,
        *,
        eps: float = 1e-10,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, rate=rate, eps=eps, weight_decay=weight_decay)

    def slots(self, group: Group) -> Sequence[str]:
        """The sum of squares."""
        return ("square",)

    def update(
        self, w: Array, g: Array, kept: dict[str, Array], scratch: tuple[Array, Array], group: Group
    ) -> None:
        """The update: s ← s + g², w ← w − η·g / (√s + ε)."""
        g = _decayed(w, g, scratch[0], group["weight_decay"])
        s, step = kept["square"], scratch[1]
        np.multiply(g, g, out=step)
        s += step
        np.sqrt(s, out=step)
        step += group["eps"]
        np.divide(g, step, out=step)
        step *= group["rate"]
        w -= step


class Adam(Optimiser):
    """Momentum and RMSProp, both freed of their start at zero.

    m ← β₁·m + (1−β₁)·g, v ← β₂·v + (1−β₂)·g², and in step t
    w ← w − η·(m / (1−β₁ᵗ)) / (√(v / (1−β₂ᵗ)) + ε).  (D. P. Kingma and J. Ba, "Adam: a method
    for stochastic optimization", ICLR 2015, algorithm 1; ``torch.optim.Adam``.)

    Arguments:
        parameters: leaf Tensors and Values, or groups of them (see ``Optimiser``).
        rate: the learning rate η, positive.
        betas: β₁ and β₂, each at least 0 and below 1.
        eps: ε, which keeps the divisor from 0.
        weight_decay: λ, so that λ·w is added to each gradient; ``AdamW`` decays apart from it.

    Raises:
        TypeError, ValueError: as for ``SGD``.

    >>> w = Value(1.0)
    >>> optimiser = Adam([w], rate=0.1)
    >>> (w * w).backward()
    >>> optimiser.step()
    >>> round(w.data, 4)
    0.9
    """

    betas, eps, weight_decay = _Option(), _Option(), _Option()

    def __init__(
        self,
        parameters: Given,
        rate: float = 0.001,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, rate=rate, betas=betas, eps=eps, weight_decay=weight_decay)

    def slots(self, group: Group) -> Sequence[str]:
        """The running means of the gradient and of its square."""
        return ("mean", "square")

    def update(
        self, w: Array, g: Array, kept: dict[str, Array], scratch: tuple[Array, Array], group: Group
    ) -> None:
        """Algorithm 1 of the paper."""
        g = _decayed(w, g, scratch[0], group["weight_decay"])
        self._update_adaptively(w, g, kept, scratch[1], group)

    def _update_adaptively(
        self, w: Array, g: Array, kept: dict[str, Array], step: Array, group: Group
    ) -> None:
        beta1, beta2 = group["betas"]
        m, v = kept["mean"], kept["square"]
        _average(m, g, beta1, step)
        _average_of_squares(v, g, beta2, step)
        np.sqrt(v, out=step)
        step /= math.sqrt(1 - beta2**self.steps)
        step += group["eps"]
        np.divide(m, step, out=step)
        step *= group["rate"] / (1 - beta1**self.steps)
        w -= step


class AdamW(Adam):
    """Adam whose weight decay stays out of the averages: w ← w − η·λ·w, then Adam's step.

    (I. Loshchilov and F. Hutter, "Decoupled weight decay regularization", ICLR 2019,
    algorithm 2; ``torch.optim.AdamW``.)

    Arguments:
        parameters, rate, betas, eps: as for ``Adam``.
        weight_decay: λ.

    Raises:
        TypeError, ValueError: as for ``SGD``.

    >>> w = Value(1.0)
    >>> optimiser = AdamW([w], rate=0.1, weight_decay=0.5)
    >>> (w * w).backward()
    >>> optimiser.step()
    >>> round(w.data, 4)
    0.85
    """

    def __init__(
        self,
        parameters: Given,
        rate: float = 0.001,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(parameters, rate, betas=betas, eps=eps, weight_decay=weight_decay)

    def update(
        self, w: Array, g: Array, kept: dict[str, Array], scratch: tuple[Array, Array], group: Group
    ) -> None:
        """Algorithm 2 of the paper."""
        w *= 1 - group["rate"] * group["weight_decay"]
        self._update_adaptively(w, g, kept, scratch[1], group)


OPTIMISERS: dict[str, type[Optimiser]] = {
    "sgd": SGD,
    "rmsprop": RMSProp,
    "adagrad": Adagrad,
    "adam": Adam,
    "adamw": AdamW,
}
"""The optimisers by name."""


def clip_gradients(
    parameters: Iterable[Parameter], *, norm: float | None = None, value: float | None = None
) -> float:
    """Limit the gradients of parameters in place, between ``backward()`` and ``step()``.

    By norm, all gradients are scaled by one factor so that their Euclidean norm, taken over all
    of them together, is at most ``norm``; the direction stays.  (R. Pascanu, T. Mikolov and
    Y. Bengio, "On the difficulty of training recurrent neural networks", ICML 2013,
    algorithm 1.)  By value, each element is limited to ±``value``.

    Arguments:
        parameters: as ``model.parameters()`` gives them.
        norm, value: one of the two, positive.

    Returns:
        The norm over all gradients as it was before.

    Raises:
        ValueError: both limits or neither are given, or one is not positive.
        FloatingPointError: a gradient is NaN or infinite; no gradient was changed.

    >>> w = Tensor([3.0, 4.0])
    >>> np.sum(w * w / 2).backward()
    >>> clip_gradients([w], norm=1.0), w.grad
    (5.0, array([0.6, 0.8]))
    """
    if (norm is None) == (value is None):
        raise ValueError("clip_gradients takes one limit: norm=... or value=...")
    limit = float(norm if value is None else value)  # type: ignore[arg-type]
    if not 0 < limit < math.inf:
        raise ValueError(f"the limit of clip_gradients is a positive number, not {limit!r}")
    found = _checked(parameters, "clip_gradients")
    gradients = [np.asarray(parameter.grad) for parameter in found]
    total = _norm(gradients)
    if not math.isfinite(total):
        bad = next(i for i, g in enumerate(gradients) if not np.isfinite(g).all())
        raise FloatingPointError(
            f"clip_gradients: the gradient of parameter {bad} {found[bad].label!r} of shape "
            f"{gradients[bad].shape} holds NaN or infinity, which clipping cannot mend: lower the "
            "rate, or look for its origin inside `with ag.debug():`"
        )
    for parameter, g in zip(found, gradients, strict=True):
        if value is not None:
            limited = np.clip(g, -limit, limit, out=g if g.ndim else None)
        elif total > limit:
            limited = np.multiply(g, limit / total, out=g if g.ndim else None)
        else:
            break
        parameter.grad = float(limited) if isinstance(parameter, Value) else limited
    return total


def _norm(gradients: list[Array]) -> float:
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        squares = [np.vdot(g, g) for g in gradients]
        total = math.sqrt(sum(map(float, squares)))
        if total in (0.0, math.inf):  # the squares left the range of floats
            top = max(float(np.max(np.abs(g), initial=0)) for g in gradients)
            if 0 < top < math.inf:
                scaled = [float(np.sum(np.square(g / top, dtype=np.float64))) for g in gradients]
                total = top * math.sqrt(sum(scaled))
    return total


def _decayed(w: Array, g: Array, out: Array, weight_decay: float) -> Array:
    """The gradient with λ·w added, without a new array."""
    if not weight_decay:
        return g
    np.multiply(w, weight_decay, out=out)
    out += g
    return out


def _average(mean: Array, g: Array, decay: float, scratch: Array) -> None:
    """In place, mean ← mean + (1−ρ)·(g − mean)."""
    np.subtract(g, mean, out=scratch)
    scratch *= 1 - decay
    mean += scratch


def _average_of_squares(square: Array, g: Array, decay: float, scratch: Array) -> None:
    """In place, square ← ρ·square + (1−ρ)·g²."""
    square *= decay
    np.multiply(g, g, out=scratch)
    scratch *= 1 - decay
    square += scratch


def _check(name: str, found: Any) -> None:
    if name not in _OPTIONS:  # of a subclass
        return
    right, words = _OPTIONS[name]
    try:
        if right(found):
            return
    except (TypeError, ValueError):
        pass
    raise ValueError(f"{name} is {words}, not {found!r}")


def _members(parameters: list[Parameter]) -> Iterator[Tensor | list[Value]]:
    """Each Tensor, and all Values together, which are updated as one array."""
    yield from (parameter for parameter in parameters if isinstance(parameter, Tensor))
    values = [parameter for parameter in parameters if isinstance(parameter, Value)]
    if values:
        yield values


def _groups(parameters: Any, what: str) -> list[dict[str, Any]]:
    if isinstance(parameters, Iterable) and not isinstance(parameters, Module | Tensor | Value):
        parameters = list(parameters)
        if parameters and all(isinstance(group, Mapping) for group in parameters):
            for group in parameters:
                if "parameters" not in group:
                    raise ValueError(
                        f'{what}: a group is a dict with "parameters", not with '
                        f"{', '.join(map(repr, group)) or 'nothing'} alone"
                    )
            return [{**g, "parameters": _checked(g["parameters"], what)} for g in parameters]
    return [{"parameters": _checked(parameters, what)}]


def _checked(parameters: Any, what: str) -> list[Parameter]:
    if isinstance(parameters, Module):
        raise TypeError(
            f"{what} takes parameters, not a model: write {what}(model.parameters(), ...)"
        )
    if isinstance(parameters, Tensor | Value):
        raise TypeError(f"{what} takes a list of parameters: write {what}([w], ...)")
    found: list[Parameter] = []
    for parameter in parameters:
        if not isinstance(parameter, Tensor | Value):
            raise TypeError(
                f"a parameter is a Tensor or a Value, not {type(parameter).__name__}; "
                "model.parameters() lists those of a model"
            )
        if parameter.parents:
            raise ValueError(
                f"the result of {parameter.op} is no parameter: an update of it would be lost; "
                "give the leaves that it was computed from"
            )
        found.append(parameter)
    if not found:
        raise ValueError(f"{what} got no parameters")
    return found
