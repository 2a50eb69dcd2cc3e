"""Checkpoints: all that a run depends on, in one file, and whether a run may go on from it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from autograd_mini.nn.files import FilePath, read_archive, refuse
from autograd_mini.nn.layers.dense import size
from autograd_mini.nn.module import Module
from autograd_mini.nn.operands import Data
from autograd_mini.nn.optimisers.schedules import Schedule
from autograd_mini.nn.training.history import History
from autograd_mini.trees import leaves, paths


@dataclass(frozen=True)
class Checkpoint:
    """The file of a run: written after each epoch, whole or not at all, and gone on from.

    Where it cannot be written, as on a full disk, a warning says so and the run goes on.

    Arguments:
        path: an ``.npz`` file.
        steps: write it after each so many steps as well.
        resume: go on from the file, if it exists, on exactly the way that an uninterrupted run
            takes: the same weights to the last bit.

    Raises:
        ValueError: ``steps`` is no positive whole number.
        TypeError: ``path`` is no file's name.

    >>> Checkpoint("run.npz", steps=100)
    Checkpoint(path='run.npz', steps=100, resume=False)
    """

    path: FilePath
    steps: int | None = None
    resume: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.path, str | os.PathLike):
            raise TypeError(
                f"checkpoint is the name of a file, such as 'run.npz', not {self.path!r}"
            )
        if self.steps is not None:
            size("checkpoint_steps", self.steps)

    def is_due(self, step: int) -> bool:
        """Whether it is to be written after this step, in the middle of an epoch."""
        return self.steps is not None and step % self.steps == 0


PLACE = ("epoch", "step", "position", "total", "order", "rate")
"""The attributes of ``Run`` that say how far it is."""

_PARTS = {
    **dict.fromkeys(("about_run", "model", "optimiser", "schedule", "history", "place"), dict),
    **dict.fromkeys(("generators", "callbacks", "seen"), list),
    "held_out": np.ndarray,
}
"""What a checkpoint holds, and of which kind."""


def read_checkpoint(path: FilePath, samples: int) -> dict[str, Any]:
    """A checkpoint whose parts are there, and whose indices are those of so many samples.

    Raises:
        ValueError: they are not, or the file is no whole checkpoint.
    """
    saved = read_archive(path, "checkpoint")
    for name, kind in _PARTS.items():
        if not isinstance(saved.get(name), kind):
            refuse(path, f"its {name!r} is no {kind.__name__}")
    place, history, start = saved["place"], saved["history"], vars(History())
    alike = history.keys() == start.keys() and place.keys() == set(PLACE)
    if not alike or any(type(history[name]) is not type(value) for name, value in start.items()):
        refuse(path, "its history is not that of a run")
    order = np.zeros(0, int) if place["order"] is None else np.asarray(place["order"])
    for indices in (saved["held_out"], order):
        fits = indices.ndim == 1 and indices.dtype.kind in "iu"
        if not fits or (indices.size and not 0 <= indices.min() <= indices.max() < samples):
            refuse(path, f"its order is not one of {samples} samples: resume with the same data")
    counts = [place[name] for name in ("epoch", "step", "position")]
    whole = all(type(count) is int and count >= 0 for count in counts)
    numbers = all(type(place[name]) in (int, float) for name in ("total", "rate"))
    if not (whole and numbers and counts[-1] <= len(order)):
        refuse(path, "it does not say how far the run was")
    return saved


def flat(tree: Data) -> Data:
    """An array as it is, or a tree's arrays in order: a file sorts keys and keeps no tuples."""
    return tree if isinstance(tree, np.ndarray) else leaves(tree)


def fingerprint(*parts: Data) -> str:
    """A checksum of arrays, and of trees of arrays."""
    digest = hashlib.sha256()
    for part in parts:
        for _, array in sorted(
            zip(paths(part), leaves(part), strict=True), key=lambda pair: pair[0]
        ):
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()[:16]


_LISTED = 64
"""An option with more numbers is compared by its checksum."""


def comparable(option: object) -> Any:
    """An option as a file keeps it: numbers, text, and lists and dicts of them."""
    if isinstance(option, Mapping):
        return {str(name): comparable(part) for name, part in option.items()}
    if isinstance(option, Schedule):
        return comparable({"schedule": type(option).__name__} | option.options())
    array = np.asarray(option)
    if option is None or array.dtype.kind not in "fiubU":
        return getattr(option, "__name__", None if option is None else type(option).__name__)
    return array.tolist() if array.size <= _LISTED else fingerprint(array)


def described(model: Module) -> dict[str, str]:
    """Each layer by name, with its activation and other options; other Modules by their class."""
    ours = Module.__module__.rpartition(".")[0]
    return {
        name: repr(part) if type(part).__module__.startswith(ours) else type(part).__name__
        for name, part in model.named_modules()
        if sum(1 for _ in part.modules()) == 1
    }


def check_resumed(saved: dict[str, Any], here: dict[str, Any], path: FilePath | None) -> None:
    saved = {"processes": 1} | saved  # a file of version 0.1.0 does not say
    for name, value in here.items():
        if name in saved and saved[name] != value:
            refuse_to_resume(path, name, saved[name], value)


def refuse_to_resume(path: FilePath | None, name: str, before: object, here: object) -> NoReturn:
    if isinstance(before, dict) and isinstance(here, dict):
        differing = [key for key in before | here if before.get(key) != here.get(key)]
        before, here = ({k: each.get(k) for k in differing} for each in (before, here))
    found = f"a run with {name}={before!r}, and here it is {here!r}"
    if name == "data":
        found = "a run on other data of the same length"
    raise ValueError(
        f"{os.fspath(path or '')} is the checkpoint of {found}: resume with the same data and "
        "options, or choose another file"
    )


def generators_of(model: Module, rng: np.random.Generator) -> list[np.random.Generator]:
    """Every Generator that the run draws from."""
    return [rng, *(found for _, found in model.named_generators())]
