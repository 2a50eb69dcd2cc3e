"""Optimisers: rules that turn gradients into updates of the parameters.

Each is PyTorch's of the same name, to rounding.  The arrays of the parameters are updated in
place; what an update needs besides them (velocities, averages, scratch memory) is made once.

>>> from autograd_mini import Tensor

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
from collections.abc import Sequence

import numpy as np

from autograd_mini.nn.optimisers.optimiser import Given, Group, Optimiser, Option
from autograd_mini.typing import Array


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

    >>> from autograd_mini import Value

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

    momentum, nesterov, weight_decay = Option(), Option(), Option()

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

    >>> from autograd_mini import Value

    >>> w = Value(1.0)
    >>> optimiser = RMSProp([w], rate=0.1)
    >>> (w * w).backward()
    >>> optimiser.step()
    >>> round(w.data, 4)  # the first step is η / √(1 − ρ), whatever the gradient
    0.0
    """

    decay, eps, momentum, centred, weight_decay = (Option() for _ in range(5))

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

    >>> from autograd_mini import Value

    >>> w = Value(1.0)
    >>> optimiser = Adagrad([w], rate=0.1)
    >>> (w * w).backward()
    >>> optimiser.step()
    >>> round(w.data, 4)
    0.9
    """

    eps, weight_decay = Option(), Option()

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

    >>> from autograd_mini import Value

    >>> w = Value(1.0)
    >>> optimiser = Adam([w], rate=0.1)
    >>> (w * w).backward()
    >>> optimiser.step()
    >>> round(w.data, 4)
    0.9
    """

    betas, eps, weight_decay = Option(), Option(), Option()

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

    >>> from autograd_mini import Value

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
