"""``check_step`` and ``check_script``: training code is checked as it stands."""

from __future__ import annotations

import ast
import contextlib
import os
import re
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from autograd_mini.check.layer import check_backward
from autograd_mini.check.lines.instrument import narrow_lines
from autograd_mini.check.lines.state import GENERATORS
from autograd_mini.check.pipeline import checked
from autograd_mini.check.refusal import CannotTell
from autograd_mini.check.report import GradientReport
from autograd_mini.check.report.view import Hints, checked_hints
from autograd_mini.check.scripts.execution import CALL, File
from autograd_mini.check.scripts.given import check_given, readers
from autograd_mini.check.scripts.held_back import held_back
from autograd_mini.check.scripts.layers import layers_in, layers_with_inputs
from autograd_mini.check.scripts.loops import steps_in, steps_in_call
from autograd_mini.check.scripts.text import Cell, cells_of, file_at, trains
from autograd_mini.check.steps.posed import Asked, Posed, posed
from autograd_mini.check.steps.step import Step, step_of
from autograd_mini.check.steps.variables import as_numbers
from autograd_mini.typing import Array, Operand, Tree


def check_step(
    step: Callable[..., Any],
    *args: Operand,
    loss: str | None = None,
    params: Sequence[str] = (),
    steps: int = 1,
    seed: int = 0,
    entries: int = 16,
    hints: Hints = 3,
    seconds: float = 10.0,
    **keywords: Operand,
) -> GradientReport:
    """Check the gradients that a training step derives by hand, as it stands.

    The step is called as ``step(*args, **keywords)``, several times, and all that it changes is
    put back.  Where it trains in a loop, as ``net.fit(X, y)``, a turn of that is the step, and it
    may make its parameters itself.

    Its parameters are the arrays and numbers that it changes, in its arguments, in the object whose
    method it is and in variables around it; the gradient of each is what the step takes away from
    it, divided by the rate.  The loss is the number that the step returns, prints, keeps in a list
    or calls a loss; where there is none, the loss whose gradient the output's error is.  The report
    says first what was assumed.

    Arguments:
        step: a function or method, such as ``net.train_step``.
        args: its arguments, with ``keywords``.
        loss: which loss is meant: a name, the number of a line, or an expression in the names of
            the step.
        params: the names of the parameters, where it changes other things too.
        steps: how many steps, one after the other, are checked, each alone, until one is wrong:
            what a step keeps for the next, as a momentum, shows in later ones.
        seed, entries, hints, seconds: as for ``check_gradients``.

    Raises:
        ValueError: it changes nothing, it has no loss, or ``hints`` or ``steps`` is something
            else; the message says what to give.
        Exception: what the step itself raises.

    >>> import numpy as np
    >>> X, t = np.array([[1.0, 2.0], [3.0, -1.0]]), np.array([1.0, 0.0])
    >>> class Neuron:
    ...     def __init__(self):
    ...         self.w = np.array([0.5, -0.3])
    ...     def train_step(self, X, t, rate=0.1):
    ...         out = 1 / (1 + np.exp(-(X @ self.w)))
    ...         loss = np.sum((t - out) ** 2) / 2
    ...         self.w -= rate * X.T @ (out - t)
    ...         return loss
    >>> report = check_step(Neuron().train_step, X, t)
    >>> report.assumptions[2]
    'Parameters: w, which it changes (params=)'
    >>> report.mistakes[0].repair.text
    'self.w -= rate * X.T @ ((out - t) * out * (1 - out))'
    """
    checked_hints(hints)
    _check_steps(steps)
    whole = step_of(step, args, keywords)
    whole.state.add(*GENERATORS)
    options = {"seed": seed, "entries": entries, "seconds": seconds}
    asked = _asked(loss, params)
    try:
        with contextlib.closing(steps_in_call(whole, step, args, keywords)) as found:
            report = steps_checked(first_posed(found, asked), asked, steps, "steps=", options)
        report.notes += _narrow([unit.tree for unit in whole.known.units])
    finally:
        whole.restore()
    return report.with_hints(hints)


def check_script(
    path: str | os.PathLike[str],
    *,
    loss: str | None = None,
    params: Sequence[str] = (),
    call: str | None = None,
    steps: int = 1,
    given: Mapping[str, Operand] | None = None,
    inputs: str | None = None,
    upstream: Tree = None,
    wrt: str | Sequence[str] | None = None,
    seed: int = 0,
    entries: int = 16,
    hints: Hints = 3,
    seconds: float = 10.0,
) -> GradientReport:
    """Check the gradients that a training script or notebook derives by hand, as it stands.

    The file is run, in a namespace of its own, until its first training step is found: a turn of a
    loop that updates something.  What it prints, draws and writes is held back.  The step is
    checked as by ``check_step``; the report says first what was assumed.  The file runs in this
    process, with the rights of this process; ``autograd-mini check FILE`` runs it in one of its
    own, with limits.

    Arguments:
        path: a Python file, a notebook, or a folder with a program.
        loss, params: as for ``check_step``.
        call: what is to be called where the file itself trains nothing, ``"train(X, y)"``; the
            statements before it, separated by semicolons, prepare it.
        steps: as for ``check_step``: how many turns of the loop are checked.
        given: data that the file reads and that are not there, by the names of variables or files.
        inputs: of a file of layers, pairs by their names as ``affine_forward`` and
            ``affine_backward`` and losses that return ``loss, dW``, the shapes of their inputs,
            ``"x=6x4,w=4x3,rate=scalar,labels=6<3"``, where the file does not call them; ``call``
            is then a part of the name of the layer meant.
        upstream, wrt: of a layer, as for ``check_backward``.
        seed, entries, hints, seconds: as for ``check_gradients``.

    Raises:
        ValueError: it cannot be told what is to be checked; the message asks for one thing.
        FileNotFoundError: there is no such file.
        Exception: what the file itself raises.

    >>> import tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder, "train.py")
    ...     _ = file.write_text('''
    ... import numpy as np
    ... x, t = np.array([1.0, 2.0, 3.0]), np.array([2.0, 1.0, 4.0])
    ... w = 0.5
    ... for epoch in range(1000):
    ...     error = w * x - t
    ...     print(epoch, np.mean(error**2))
    ...     w -= 0.01 * np.mean(error * x)
    ... ''')
    ...     report = check_script(file)
    >>> report.ok, report.assumptions[2]
    (True, 'Parameters: w, which it changes (params=)')
    """
    file = file_at(Path(path))
    return cells_checked(
        file,
        cells_of(file),
        loss=loss,
        params=params,
        call=call,
        steps=steps,
        given=given or {},
        inputs=inputs,
        upstream=upstream,
        wrt=wrt,
        seed=seed,
        entries=entries,
        hints=hints,
        seconds=seconds,
    )


def cells_checked(
    path: Path,
    cells: Sequence[Cell],
    *,
    loss: str | None,
    params: Sequence[str],
    call: str | None,
    given: Mapping[str, Operand],
    steps: int = 1,
    inputs: str | None = None,
    upstream: Tree = None,
    wrt: str | Sequence[str] | None = None,
    seed: int = 0,
    entries: int = 16,
    hints: Hints = 3,
    seconds: float = 10.0,
) -> GradientReport:
    """The report on the texts of a file; arguments as for ``check_script``."""
    checked_hints(hints)
    _check_steps(steps)
    check_given(given, cells)
    options = {"seed": seed, "entries": entries, "seconds": seconds}
    of_step = {"loss": loss, "params": params, "steps": steps > 1}
    of_layer = {"inputs": inputs, "upstream": upstream, "wrt": wrt}
    has_layers = not call and bool(layers_in(cells))
    is_of_layers = inputs is not None or (has_layers and not trains(cells))
    if not is_of_layers:
        try:
            with script(path, cells, call, given) as found:
                asked = _asked(loss, params)
                one = first_posed(found, asked)
                _none_of(of_layer, f"a training step, {one.step.words}, is checked", "of layers")
                report = steps_checked(one, asked, steps, "steps=, call=", options)
        except CannotTell:
            if not has_layers:
                raise
            is_of_layers = True
    if is_of_layers:
        _none_of(of_step, "the layers of the file are checked", "of training steps")
        report = layers_checked(path, cells, call, given, of_layer, options)
    report.notes += _narrow([cell.tree for cell in cells])
    if given:
        report.assumptions.append(f"Data: {', '.join(given)} as given (given=)")
    return report.with_hints(hints)


def _asked(loss: str | None, params: str | Sequence[str]) -> Asked:
    """What was said about a step."""
    if loss is not None:
        try:
            ast.parse(loss, mode="eval")
        except SyntaxError as error:
            raise ValueError(
                f"loss={loss!r} (--loss) is no name, number of a line or expression: {error.msg}"
            ) from error
    return Asked(loss, (params,) if isinstance(params, str) else tuple(params))


def _narrow(trees: Sequence[ast.AST]) -> list[str]:
    """What is said of numbers of less than 64 bits."""
    lines = sorted({line for tree in trees for line in narrow_lines(tree)})
    where = f"line{'s' if len(lines) > 1 else ''} {', '.join(map(str, lines))}"
    return (
        [f"Numbers of less than 64 bits, asked for in {where}, are checked in float64."]
        if lines
        else []
    )


def _none_of(options: Mapping[str, Any], what: str, of: str) -> None:
    """Refuse options that say nothing about what is checked."""
    several = [f"{name}=" for name, value in options.items() if value is not None and value]
    if several:
        raise ValueError(f"{' and '.join(several)} tell {of}, and {what}: leave them out")


def layers_checked(
    path: Path,
    cells: Sequence[Cell],
    chosen: str | None,
    given: Mapping[str, Operand],
    of_layer: Mapping[str, Any],
    options: Mapping[str, Any],
) -> GradientReport:
    """The report on the layers of a file: that of the first that is wrong, or of the last."""
    whole = "\n".join(cell.text for cell in cells)
    with held_back(path, "plt" in whole, list(readers(given, whole))):
        file = File(tuple(cells), given)
        layers = layers_with_inputs(file, of_layer["inputs"], chosen, int(options["seed"]))
        own = {name: of_layer[name] for name in ("upstream", "wrt") if of_layer[name] is not None}
        if own and len(layers) > 1:
            raise CannotTell(
                f"{' and '.join(f'{name}= (--{name})' for name in own)}: that of which layer? The "
                f"file has {', '.join(layer.name for layer, *_ in layers)}: give a part of the "
                "name of one, call= (--call), with inputs= (--inputs)"
            )
        said = []
        for layer, forward, backward, arguments, where in layers:
            try:
                report = check_backward(forward, backward, *arguments, **own, **options)
            except ValueError as error:
                raise ValueError(f"{layer.name}, with inputs {where}: {error}") from error
            said += [
                f"Layer: {layer.words}, with inputs {where} (inputs=, call=)",
                *report.assumptions,
            ]
            if not report.ok:
                break
    report.assumptions = said
    return report


@contextmanager
def script(
    path: Path, cells: Sequence[Cell], call: str | None, given: Mapping[str, Operand]
) -> Iterator[Generator[Step, bool, None]]:
    """What may be the training step of a file, while nothing of the file gets out.

    Arguments:
        path: the file, in whose folder it runs.
        cells: its texts.
        call, given: as for ``check_script``.
    """
    texts = list(cells)
    if call:
        texts.append(Cell(CALL, call))
        try:
            ast.parse(call)
        except SyntaxError as error:
            raise CannotTell(f"call={call!r} (--call) is no Python: {error.msg}") from error
    whole = "\n".join(cell.text for cell in texts)
    pictures = re.search("matplotlib|pyplot|seaborn", whole) is not None
    with held_back(path, pictures, list(readers(given, whole))):
        yield steps_in(File(tuple(texts), given, called=bool(call)))


def first_posed(steps: Generator[Step, bool, None], asked: Asked) -> Posed:
    """The first step whose loss is sure, or else the first that has one.

    One for whose loss nothing is right gives way to one around which it is: what is printed may be
    the loss of all data, of which the step sees a batch.  One that is a part of another gives way
    to it, if that has more parameters, and no fewer are right.

    Raises:
        CannotTell: none is.
    """
    refusals: list[CannotTell] = []
    vague: list[Posed] = []
    part: Posed | None = None
    step = next(steps, None)
    while step is not None:
        try:
            found = posed(step, asked)
            if not _is_step(found):
                pass
            elif part is not None:
                more = len(found.problem.parameters) > len(part.problem.parameters)
                whole = found.sure and more and found.agreeing >= part.agreeing
                return _where_all_move(found if whole else part, asked)
            elif found.sure and step.is_part:
                part = found
            elif found.sure:
                surer = [one for one in vague if one.agreeing > found.agreeing == 0]
                return _where_all_move(surer[0] if surer else found, asked)
            else:
                vague.append(found)
        except CannotTell as error:
            if part is not None:
                break
            if error.progress > 1 and step.anew is None and not step.is_part and not vague:
                raise
            refusals.append(error)
        try:
            step = steps.send(bool(vague) or part is not None)
        except StopIteration:
            break
        except CannotTell:
            if not vague and part is None:
                raise
            break
    if part is not None:
        return _where_all_move(part, asked)
    if vague:
        return _where_all_move(vague[0], asked)
    if refusals:
        raise max(refusals, key=lambda error: error.progress)
    raise CannotTell(
        "no training step was found: neither a loop of which a turn computes something and updates "
        "something by it, as w -= rate * dw, nor such statements behind what makes w: give the "
        "file that trains, or say what is to be called, call='train(X, y)' (--call)"
    )


def _where_all_move(found: Posed, asked: Asked) -> Posed:
    """The same at a later turn of the loop, where the first has a parameter that moves nothing.

    For a sample of zeros, too many changes of the code make its gradients right.
    """
    step, number = found.step, 1
    while found.unmoving and step.later is not None and number < _TURNS:
        later = step.later(number)
        if later is None:
            break
        try:
            other = posed(later, asked)
        except CannotTell:
            break
        is_known = other.sure >= found.sure or other.loss == found.loss
        if is_known and other.unmoving < found.unmoving:
            found = other
        number += 1
    return found


_TURNS = 8
"""How many turns of a loop are looked at for one in which all parameters move the loss."""


def steps_checked(
    found: Posed, asked: Asked, most: int, said_by: str, options: Mapping[str, Any]
) -> GradientReport:
    """The report on the first of several steps that is wrong, or on the last.

    Arguments:
        found: the first of them.
        asked: what was said about it.
        most: how many there may be.
        said_by: the options that say which they are.
        options: of the check.
    """
    one, right = found, 0
    while True:
        one.step.restore()
        report = checked(one.problem, **options)
        words = one.step.words + (f", after {right} that agree" if right else "")
        if not report.ok or right + 1 == most:
            break
        later = found.step.later and found.step.later(right + 1)
        if later is None:
            words += ", the last that there is"
            break
        one, right = posed(later, asked), right + 1
    report.assumptions.insert(0, f"Step: {words} ({said_by})")
    return report


def _is_step(found: Posed) -> bool:
    """Whether a turn of a loop is a step by itself: its parameters are updated in the next too.

    Of a turn that updates one layer after the other, the next updates another.
    """
    step = found.step
    if step.anew is None:
        return True
    own = [
        replace(variable, paths=paths)
        for variable in found.parameters
        if (paths := tuple(path for path in variable.paths if path.name not in step.anew))
    ]
    numbers: list[list[Array | None]] = [[variable.before for variable in own]]
    for turn in (1, 2):
        later = step.later and step.later(turn)
        if not later:
            return False
        numbers.append([as_numbers(v.after(later.spaces, v.before)) for v in own])
    step.restore()
    return any(
        not (b is None or c is None or np.array_equal(a, b) or np.array_equal(b, c))
        for a, b, c in zip(*numbers, strict=True)
    )


def _check_steps(steps: int) -> None:
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
        raise ValueError(
            f"steps is how many steps are checked, a whole number from 1, not {steps!r}"
        )
