"""Compiled steps: forward and backward pass of batches by ``ag.compile``, where it is worth it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import autograd_mini as ag
from autograd_mini import Tensor
from autograd_mini.nn.losses.loss import LOSSES
from autograd_mini.nn.module import Module
from autograd_mini.nn.operands import Data
from autograd_mini.nn.training.callbacks import Callback
from autograd_mini.nn.training.objective import Objective
from autograd_mini.nn.training.samples import number
from autograd_mini.typing import Operand

WORTH = 300
"""So many steps on batches of one size pay for their recording."""

_OURS = __name__.rpartition(".nn.")[0] + ".nn."


class CompiledSteps:
    """The loss of batches and its gradients, recorded for each size of batch that comes often.

    Arguments:
        wanted: ``True`` compiles every step, or raises; ``None`` those for which it is worth it,
            of models that are made of this package's layers.
        objective: gives the outputs.
        loss_of: the loss of outputs and checked targets.
        parameters: the leaves that get gradients.
        uses: how many steps there will be on batches of each size.
        calls: the callbacks.

    Raises:
        TypeError: ``wanted`` is ``True``, and a parameter is a Value.
    """

    def __init__(
        self,
        wanted: bool | None,
        objective: Objective,
        loss_of: Callable[[Any, Any], Operand],
        parameters: Sequence[object],
        uses: Counter[int],
        calls: Sequence[Callback],
    ) -> None:
        self._objective, self._loss_of, self._parameters = objective, loss_of, parameters
        self._wanted = wanted
        are_tensors = all(isinstance(parameter, Tensor) for parameter in parameters)
        if wanted and not are_tensors:
            raise TypeError("fit: compiled=True is for models of Tensors, and this one has Values")
        known = are_tensors and _are_known(objective, calls)
        every = uses.keys() if wanted else [size for size in uses if uses[size] >= WORTH]
        self._sizes = frozenset(every if wanted or (wanted is None and known) else ())
        self._step: Any = None
        self._made_for: Hashable = None

    def start_epoch(self) -> None:
        """Look whether the model is as it was recorded: a callback may change it."""
        if self._sizes:
            facts = _facts(self._objective.model)
            if facts != self._made_for:
                self._made_for = facts
                self._step = ag.compile(self._loss, wrt=list(self._parameters))

    def _loss(self, inputs: Data, targets: Data) -> tuple[Operand, Data]:
        outputs = self._objective.outputs(inputs)
        loss = self._loss_of(outputs, targets)
        number(loss if not isinstance(loss, Tensor) or loss.size != 1 else 0.0)
        return loss, outputs

    def backward(self, inputs: Data, targets: Data, size: int) -> tuple[float, Data] | None:
        """The loss, and the outputs; gradients are in the parameters.

        Returns:
            ``None`` where steps on batches of this size are not compiled.
        """
        if size not in self._sizes:
            return None
        loss, outputs = self._step.backward(inputs, targets)
        return float(loss), outputs


def _are_known(objective: Objective, calls: Sequence[Callback]) -> bool:
    """Whether all that a step runs is this package's, which compiles."""
    own = all(type(module).__module__.startswith(_OURS) for module in objective.model.modules())
    hooked = [call for call in calls if not type(call).__module__.startswith(_OURS)]
    watching = any(
        getattr(type(call), name) is not getattr(Callback, name)
        for call in hooked
        for name in ("on_gradients", "on_step")
    )
    return own and not watching and objective.is_known(LOSSES.values())


def _facts(model: Module) -> Hashable:
    """What a recording takes for constant: the modules, their parameters and their numbers."""
    plain = (bool, int, float, str, type(None))
    return tuple(
        (
            id(module),
            tuple((name, each) for name, each in vars(module).items() if isinstance(each, plain)),
            tuple(id(each) for each in vars(module).values() if isinstance(each, Tensor)),
        )
        for module in model.modules()
    )
