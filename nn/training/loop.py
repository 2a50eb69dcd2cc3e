"""The loop of a training run: steps, epochs, what is measured, and what ends it."""

from __future__ import annotations

import math
import signal
import threading
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import numpy as np

from autograd_mini.nn.extras.parallel import Alone, Together
from autograd_mini.nn.files import FilePath, refuse, write_archive
from autograd_mini.nn.operands import Data
from autograd_mini.nn.optimisers.optimiser import Optimiser
from autograd_mini.nn.optimisers.schedules import Schedule
from autograd_mini.nn.training.callbacks import Callback
from autograd_mini.nn.training.checkpoints import (
    PLACE,
    Checkpoint,
    check_resumed,
    comparable,
    described,
    fingerprint,
    flat,
    generators_of,
    refuse_to_resume,
)
from autograd_mini.nn.training.compiled import CompiledSteps
from autograd_mini.nn.training.evaluation import measured
from autograd_mini.nn.training.modes import quietly
from autograd_mini.nn.training.named_metrics import MetricFunction, scores
from autograd_mini.nn.training.objective import Objective
from autograd_mini.nn.training.options import SAMPLE, TrainingWarning
from autograd_mini.nn.training.progress import Progress
from autograd_mini.nn.training.run import Run
from autograd_mini.nn.training.samples import joined, length, number, samples_at, sweep_to_leaves
from autograd_mini.trees import leaves, rebuild
from autograd_mini.typing import Array

EXPLODED = 100.0
"""A run is given up when an epoch's loss is so many times that before training, or that of
outputs which say nothing if this is more."""


@dataclass(kw_only=True)
class Training:
    """A call of ``fit``: its arguments, checked and made ready, and what they do.

    Arguments:
        run: how far it is, with the model and the optimiser.
        X, y: the samples, all of them.
        held_out, kept: the indices of the samples to validate on, and to train on.
        validation: inputs and targets to validate on.
        loss_of: the loss of outputs and checked targets.
        usual: the loss before training, or that of outputs which say nothing if this is more.
        outputs: some, arranged as all are.
        seen: for the metrics the outputs and targets of the epoch's steps.
        about: what a run that goes on from a checkpoint must have in common with this one.
        unwritten: whether the last checkpoint could not be written.
        last, good: the state of model, optimiser and schedule after the last epoch, and the last
            one that an epoch has begun with whose loss was no worse than ``usual``; and when
            they were. (The loss of an epoch is that of the weights before its steps.)
        compiled: whether steps are compiled; ``None`` where it is worth it.
        by_step: whether the schedule goes on with each step, not each epoch.
        The others are the arguments of ``fit``.
    """

    run: Run
    X: Any
    y: Any
    held_out: Array
    kept: Array
    validation: tuple[Data, Data] | None
    objective: Objective
    loss_of: Callable[[Any, Any], Any]
    metrics: dict[str, MetricFunction]
    schedule: Schedule | None
    by_step: bool
    batch_size: int
    shuffle: bool
    rng: np.random.Generator
    calls: list[Callback]
    checkpoint: Checkpoint | None
    team: Alone | Together
    usual: float
    outputs: Any
    compiled: bool | None = None
    seen: list[tuple[Data, Data]] = field(default_factory=list)
    about: dict[str, Any] = field(default_factory=dict)
    unwritten: bool = False
    last: dict[str, dict[str, Array]] = field(default_factory=dict)
    last_from: str = "before training"
    good: dict[str, dict[str, Array]] = field(default_factory=dict)
    good_from: str = "before training"

    def __post_init__(self) -> None:
        trained = {id(parameter) for parameter in self.run.optimiser.parameters}
        self.frozen = [p for p in self.run.model.parameters() if id(p) not in trained]
        self.options = self._options()
        if self.schedule:
            for group, rate in zip(self.options, self.schedule.start_rates, strict=True):
                group["rate"] = rate
        self.about |= {
            "samples": length(self.X),
            "model": described(self.run.model),
            "processes": self.team.size,
            "batch_size": self.batch_size,
            "shuffle": self.shuffle,
            "loss": self.objective.name,
            "loss_options": comparable(self.objective.options),
            "metrics": list(self.metrics),
            "optimiser": type(self.run.optimiser).__name__,
            "schedule": type(self.schedule).__name__ if self.schedule else None,
            "schedule_options": self.schedule and comparable(self.schedule.options()),
            "schedule_by": "step" if self.by_step else "epoch",
            "clip_norm": None,
            "clip_value": None,
        }
        self.stateful = [call for call in self.calls if not call.options()]
        self.about["callbacks"] = [type(call).__name__ for call in self.stateful]
        for call in self.calls:
            self.about |= {name: comparable(option) for name, option in call.options().items()}

    def _options(self) -> list[dict[str, Any]]:
        """The options of each group of the optimiser."""
        return [
            {name: comparable(option) for name, option in group.items() if name != "parameters"}
            for group in self.run.optimiser.groups
        ]

    def start_alike(self, patience: int | None) -> None:
        """Check that all processes were asked for the same, and give them the first's weights.

        Raises:
            ValueError: they were asked for different things, or for a mean that is not that of
            their shares.
        """
        if self.team.size == 1:
            return
        if self.objective.weighted:
            raise ValueError(
                "class_weights divide a mean by the weights in each process's share, not in the "
                'batch: give the loss reduction="sum", whose shares add up'
            )
        run, model = self.run, self.run.model
        not_asked = "callbacks", "rng"  # which may differ; the first's numbers are drawn
        asked = {name: fact for name, fact in self.about.items() if name not in not_asked}
        asked |= {"epochs": run.epochs, "patience": patience}
        if self.validation is not None:
            asked["validation data"] = fingerprint(*self.validation)
        for name, array in model.state().items():
            asked[f"model's {name}"] = f"{array.dtype} of shape {array.shape}"
        for name, array in run.optimiser.state().items():
            small = array.size < 3
            asked[f"optimiser's {name}"] = array.tolist() if small else fingerprint(array)
        asked |= self.schedule.state() if self.schedule else {}
        self.team.agree(asked)
        model.load_state(self.team.of_first(model.state()))
        run.history.loss_before, self.usual = self.team.of_first(
            (run.history.loss_before, self.usual)
        )

    def _check_alike(self, where: str) -> None:
        """Refuse to go on where the processes' weights or rates differ."""
        if self.team.size > 1:
            run = self.run
            weights = fingerprint(*(parameter.data for parameter in run.model.parameters()))
            rates = [group["rate"] for group in run.optimiser.groups]
            self.team.agree(
                {f"rate {where}": rates, f"weights {where}": weights},
                "what a callback changes, it changes in every one",
            )

    def train(self, progress: bool) -> None:
        """Make the steps that are left; afterwards the model is in eval mode."""
        run, model = self.run, self.run.model
        self._remember(model.state())
        self._steps = self._compiled_steps()
        self.good, self.good_from = self.last, self.last_from
        model.train()
        model.zero_grad()
        try:
            for call in self.calls:
                call.on_start(run)
            run.history.stopped = self.team.stopped(run.history.stopped)
            self.on_gradients = _overriding(self.calls, "on_gradients")
            self.on_step = _overriding(self.calls, "on_step")
            kept = self.on_step or _overriding(
                [call for call in self.calls if call.keeps_gradients], "on_gradients"
            )
            own_step = getattr(run.optimiser.step, "__func__", None) is not Optimiser.step
            self.spend_gradients = not (kept or own_step)
            self._make_steps(progress)
            if run.diverged:
                self._go_back()
            for call in self.calls:
                call.on_end(run)
            self._check_alike("at the end")
        finally:
            model.zero_grad()
            model.eval()

    def _compiled_steps(self) -> CompiledSteps:
        """What compiles the steps that are worth it."""
        full, rest = divmod(len(self.kept), self.batch_size)
        epochs = self.run.epochs - self.run.epoch + 1
        uses = Counter({self.batch_size: full * epochs})
        uses[rest] += epochs
        del uses[0]
        parameters = [*self.run.optimiser.parameters, *self.frozen]
        alone = self.team.size == 1
        return CompiledSteps(
            self.compiled if alone else False,
            self.objective,
            self.loss_of,
            parameters,
            uses,
            self.calls,
        )

    def _make_steps(self, progress: bool) -> None:
        run = self.run
        batches = -(-len(self.kept) // self.batch_size)
        with (
            _interruptible() as interrupted,
            quietly(),
            Progress(run, run.epochs * batches, progress and self.team.rank == 0) as bar,
        ):
            try:
                while run.epoch <= run.epochs and not run.history.stopped:
                    self._steps.start_epoch()
                    if run.order is None:
                        run.order = self.rng.permutation(self.kept) if self.shuffle else self.kept
                    while run.position < len(run.order) and not run.history.stopped:
                        self._step(run.order, interrupted, bar)
                    if run.position == len(run.order):
                        self._end_epoch(len(run.order))
                if run.position and not run.diverged:  # in mid-epoch
                    self._save()
            except KeyboardInterrupt:  # the second one, or a callback's: a step may be half made
                if self.team.size > 1:  # which differs from the others' then
                    raise
                run.stop("interrupted")

    def _remember(self, state: dict[str, Array]) -> None:
        """Keep this state of the model as the last one, with what goes with it."""
        self.last = {
            "model": state,
            "optimiser": self.run.optimiser.state(),
            "schedule": self.schedule.state() if self.schedule else {},
        }

    def _go_back(self) -> None:
        model = self.run.model
        model.load_state(self.last["model"])
        indices = self.kept[:: -(-len(self.kept) // SAMPLE)]
        some = samples_at(self.X, indices), samples_at(self.y, indices)
        loss = measured(self.objective, *some, {}, SAMPLE)["loss"]
        scale = len(self.kept) / len(indices) if self.objective.sums else 1.0
        if loss * scale <= self.usual:
            self.good, self.good_from = self.last, self.last_from
        model.load_state(self.good["model"])
        self.run.optimiser.load_state(self.good["optimiser"])
        if self.schedule:
            self.schedule.load_state(self.good["schedule"])

    def _step(self, order: Array, interrupted: list[bool], bar: Progress) -> None:
        """One step on the next samples of this order."""
        run, team = self.run, self.team
        indices = order[run.position : run.position + self.batch_size]
        mine = team.share(indices)
        part = len(mine) / len(indices)
        run.loss = 0.0
        if len(mine):
            run.loss = self._backward(mine, 1.0 if self.objective.sums else part)
        parameters = run.optimiser.parameters
        run.loss = team.reduce(run.model, parameters, run.loss, part)
        if not math.isfinite(run.loss):
            run.diverge("the loss became NaN or infinite")
            return
        for hook in self.on_gradients:
            hook(run)
            if run.diverged:
                return
        run.rate = float(run.optimiser.rate)
        if self.spend_gradients:
            run.optimiser.step(spend_gradients=True)
        else:
            run.optimiser.step()
        run.step += 1
        run.position += len(indices)
        run.total += run.loss if self.objective.sums else run.loss * len(indices)
        run.history.steps.append(run.loss)
        for hook in self.on_step:
            hook(run)
        if not self.spend_gradients:
            run.optimiser.zero_grad()
        for parameter in self.frozen:
            parameter.zero_grad()
        if self.schedule and self.by_step:
            self.schedule.step(run.loss)
        if self.checkpoint and self.checkpoint.is_due(run.step):
            self._save()
        if interrupted:
            run.stop("interrupted")
        run.history.stopped = team.stopped(run.history.stopped)
        bar.advance()

    def _backward(self, indices: Array, weight: float) -> float:
        """The loss of these samples times a weight; its gradients are in the parameters."""
        inputs, targets = samples_at(self.X, indices), samples_at(self.y, indices)
        done = self._steps.backward(inputs, targets, len(indices))
        if done is not None:
            if self.metrics:
                self.seen.append((self.objective.predictions(done[1]), targets))
            return done[0]
        outputs = self.objective.outputs(inputs)
        node = self.loss_of(outputs, targets)
        loss = weight * number(node)
        if self.metrics:
            self.seen.append((self.objective.predictions(outputs), targets))
        if math.isfinite(loss):
            sweep_to_leaves(node, weight if self.team.size > 1 else None)
        return loss

    def _end_epoch(self, count: int) -> None:
        """Measure after an epoch of so many samples, and make ready for the next."""
        run = self.run
        seen = [batch for each in self.team.gather(self.seen) for batch in each]
        row = _row(run, self.objective, self.metrics, seen, count)
        if self.validation is not None:
            size = max(self.batch_size, 1024)
            found = measured(self.objective, *self.validation, self.metrics, size)
            row |= {f"validation_{name}": value for name, value in found.items()}
        row = self.team.of_first(row)
        run.history.epochs.append(row | {"rate": run.rate})
        run.history.epoch_ends.append(run.step)
        self.seen = []
        here = f"at the end of epoch {run.epoch}"
        if row["loss"] > EXPLODED * self.usual > 0:
            before = run.history.loss_before
            run.diverge(
                f"the loss rose to {row['loss']:.3g}, from {before:.3g} before training", here
            )
            return
        state = run.model.state()
        if not all(np.isfinite(array).all() for array in state.values()):
            run.diverge("weights became NaN or infinite", here)
            return
        if row["loss"] <= self.usual:
            self.good, self.good_from = self.last, self.last_from
        self._remember(state)
        self.last_from = f"of epoch {run.epoch}"
        if self.schedule and not self.by_step:
            self.schedule.step(row.get("validation_loss", row["loss"]))
        for call in self.calls:
            call.on_epoch(run)
        self._check_alike(here)
        run.history.stopped = self.team.stopped(run.history.stopped)
        run.epoch, run.position, run.total, run.order = run.epoch + 1, 0, 0.0, None
        self._save()

    def _save(self) -> None:
        if self.checkpoint is None:
            return
        state = {"about_run": self.about | {"options": self.options}} | self._state()
        if self.team.rank > 0:
            return
        try:
            write_archive(self.checkpoint.path, "checkpoint", state)
            self.unwritten = False
        except OSError as error:  # a full disk shall not end a run that is all right
            if not self.unwritten:
                self.unwritten = True
                warnings.warn(
                    f"the checkpoint of step {self.run.step} could not be written ({error}); the "
                    "run goes on and tries again, and what stood in the file is as it was: make "
                    "room, or call nn.save(model, another file) afterwards",
                    TrainingWarning,
                    stacklevel=6,
                )

    def _state(self) -> dict[str, Any]:
        """All that the rest of the run depends on, besides the arguments of ``fit``."""
        run = self.run
        seen_flat = [tuple(map(flat, batch)) for batch in self.seen]
        own = [g.bit_generator.state for g in generators_of(run.model, self.rng)], seen_flat
        (generators, seen), *others = self.team.gather(own)
        return {
            "model": run.model.state(),
            "optimiser": run.optimiser.state(),
            "schedule": self.schedule.state() if self.schedule else {},
            "generators": generators,
            "callbacks": [call.state() for call in self.stateful],
            "history": vars(run.history),
            "place": {name: getattr(run, name) for name in PLACE},
            "held_out": self.held_out,
            "seen": seen,
            "other_processes": others,
        }

    def go_on_from(self, saved: dict[str, Any], path: FilePath) -> None:
        """Take the state of a checkpoint.

        Raises:
            ValueError: it belongs to a run of other data or options, or makes no sense.
        """
        before = dict(saved["about_run"])
        begun = before.pop("options", self.options)  # a file of version 0.1.0 does not say
        for i, (here, now) in enumerate(zip(self.options, self._options(), strict=True)):
            for name, option in here.items():
                at_first = begun[i].get(name) if i < len(begun) else None
                reached = comparable(saved["optimiser"].get(f"groups.{i}.{name}"))
                if option != at_first and now[name] != reached:
                    refuse_to_resume(path, name, at_first, option)
        check_resumed(before, self.about, path)
        try:
            self._take(saved)
        except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
            refuse(path, f"it makes no sense as this run's checkpoint ({error})")

    def _take(self, saved: dict[str, Any]) -> None:
        run = self.run
        run.optimiser.load_state(saved["optimiser"])
        if self.schedule:
            self.schedule.load_state(saved["schedule"])
        own = saved["generators"], saved["seen"]
        generators, seen = [own, *saved.get("other_processes", [])][self.team.rank]
        for g, state in zip(generators_of(run.model, self.rng), generators, strict=True):
            g.bit_generator.state = state
        for call, state in zip(self.stateful, saved["callbacks"], strict=True):
            call.load_state(state)
        vars(run.history).update(saved["history"])
        if run.history.stopped.startswith("interrupted"):
            run.history.stopped = ""
        vars(run).update(saved["place"])
        arranged = self.outputs, self.y
        self.seen = [
            tuple(rebuild(tree, iter(leaves(x))) for tree, x in zip(arranged, batch, strict=True))
            for batch in seen
        ]
        run.model.load_state(saved["model"])  # last: nothing else has been refused
        self.last_from = "of the checkpoint"


def _overriding(calls: Sequence[Callback], name: str) -> list[Callable[[Run], None]]:
    """The methods of this name of those callbacks that have their own."""
    base = getattr(Callback, name)
    methods = [getattr(call, name) for call in calls]
    return [method for method in methods if getattr(method, "__func__", None) is not base]


# While it runs


@contextmanager
def _interruptible() -> Iterator[list[bool]]:
    """Ctrl-C fills the list; the second one raises, as does one where nobody can listen."""
    pressed: list[bool] = []

    def remember(number: int, frame: FrameType | None) -> None:
        if pressed:
            raise KeyboardInterrupt
        pressed.append(True)

    usual = signal.default_int_handler
    ours = (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is usual
    )
    if ours:
        signal.signal(signal.SIGINT, remember)
    try:
        yield pressed
    finally:
        if ours:
            signal.signal(signal.SIGINT, usual)


def _row(
    run: Run,
    objective: Objective,
    metrics: dict[str, Any],
    seen: list[tuple[Data, Data]],
    count: int,
) -> dict[str, Any]:
    row: dict[str, Any] = {
        "epoch": run.epoch,
        "loss": run.total if objective.sums else run.total / count,
    }
    if metrics:
        row |= scores(metrics, *map(joined, zip(*seen, strict=True)))
    return row
