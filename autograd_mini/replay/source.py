"""``source``: the gradients of a function as Python that runs without this library.

>>> X, Y = np.ones((4, 2)), np.zeros((4, 1))
>>> def loss(W, b):
...     out = np.tanh(X @ W + b)
...     return np.mean((out - Y) ** 2)
>>> print(source(loss, np.array([[0.5], [1.0]]), np.array([0.1]), style="manual"))
import numpy as np
<BLANKLINE>
def manual(W, b):
    # from around: X (4, 2), Y (4, 1)
    out = np.tanh(X @ W + b)  # (4, 1)
    dout = 0.5 * (out - Y)  # (4, 1)
    dv2 = dout * (1 - out ** 2)  # (4, 1)
    db = np.sum(dv2, axis=0)  # (1,)
    dW = X.T @ dv2  # (2, 1)
    return {'W': dW, 'b': db}
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any, Literal

import numpy as np

from autograd_mini.core.graph import (
    data_of,
    expand,
    expansion,
    is_node,
    sweep_gradients,
    topological_order,
)
from autograd_mini.core.operation import Operation
from autograd_mini.core.value import Value
from autograd_mini.replay.javascript import JavaScriptWriter
from autograd_mini.replay.latex import LatexWriter
from autograd_mini.replay.loops import Assigned, rolled
from autograd_mini.replay.observed import Observed, observed
from autograd_mini.replay.quantities import identifier, lines_of
from autograd_mini.replay.writers import ArrayWriter, FloatWriter, PythonWriter
from autograd_mini.show.numpy_lines import MOST_ELEMENTS, imports_of
from autograd_mini.trees import leaves, paths, rebuild
from autograd_mini.typing import Function, Tree

Style = Literal["gradients", "manual"]
Language = Literal["python", "javascript", "latex"]
Writer = PythonWriter | JavaScriptWriter | LatexWriter

_WRITERS: dict[str, type[Writer] | None] = {
    "python": None,
    "javascript": JavaScriptWriter,
    "latex": LatexWriter,
}


class Source(str):
    """The text of a program.

    Attributes:
        function: the name of the function that it defines.
        around: what names stand for that it uses and does not define: arrays that ``f`` found
            outside of its arguments.
    """

    function: str
    around: dict[str, Any]

    def run(self) -> Function:
        """The function that the text defines, made by nothing but the text and ``around``.

        >>> program = source(lambda x: x * x, 3.0)
        >>> program.run()(5.0)
        (25.0, {'x': 10.0})
        """
        scope = dict(self.around)
        exec(compile(self, "<source>", "exec"), scope)
        made: Function = scope[self.function]
        return made


def source(
    f: Function,
    *args: Tree,
    style: Style = "gradients",
    language: Language = "python",
    argnums: int | Sequence[int] | None = None,
    **kwargs: Tree,
) -> Source:
    """The value and the gradients of a function as readable Python that needs NumPy alone.

    The function is run once, on these arguments, and watched: values and gradients are called as
    its own variables are (the gradient of ``Z1`` is ``dZ1``), one line each, with shapes in
    comments; what has no name and is used once stands in the line that uses it, what is not used
    is not computed.  Numbers are those of the engine, up to rounding; the text is run once to see
    to that.

    The text holds for arguments of the same shapes that take the same branches of Python's
    ``if``; numbers that are no floats, and choices that the code makes, are written into it.
    At points where a derivative jumps it holds for the side, or the point, of this run.

    Arguments:
        f: a function that returns one number.
        args, kwargs: its arguments: numbers, arrays, Values and Tensors in dicts, lists and
            tuples.  Floats alone give a program over Python's floats, as Values do.
        style: ``"gradients"`` gives a function that returns the value and a dict of gradients by
            argument; ``"manual"`` one that gives the gradients alone, as ``check_gradients``
            takes it.
        language: ``"python"``; ``"javascript"`` for functions of floats; ``"latex"`` for a
            derivation to print.
        argnums: which positional arguments to differentiate; by default all that hold floats.

    Raises:
        TypeError: ``f`` returned no number that depends on the arguments, or there are no floats.
        ValueError: ``f`` returned several numbers, or the language has no words for what it does.

    >>> def neuron(w, x, b):
    ...     out = sigmoid(w * x + b)
    ...     return (out - 1) ** 2
    >>> from autograd_mini import sigmoid
    >>> print(source(neuron, 0.5, 2.0, -1.0, argnums=(0, 2)))
    import math
    <BLANKLINE>
    def sigmoid(x):
        return math.exp(x) / (1 + math.exp(x)) if x < -11 else 1 / (1 + math.exp(-x))
    <BLANKLINE>
    def neuron_and_gradients(w, x, b):
        out = sigmoid(w * x + b)
        v3 = out - 1
        value = v3 ** 2
        dout = 2 * v3
        dv2 = dout * out * (1 - out)
        db = dv2
        dw = dv2 * x
        return value, {'w': dw, 'b': db}
    """
    if style not in ("gradients", "manual"):
        raise ValueError(f'style is "gradients" or "manual", not {style!r}')
    if language not in _WRITERS:
        raise ValueError(f'language is "python", "javascript" or "latex", not {language!r}')
    run = observed(f, args, kwargs, argnums)
    if language == "javascript":
        if not isinstance(run.root, Value):
            raise TypeError(
                "source: JavaScript is written for functions of floats; here are arrays: give "
                'numbers, or language="python"'
            )
        run = replace(run, root=expand(run.root))
    run = _writable(run, style)
    name = getattr(f, "__name__", "")
    name = f"{name}_and_gradients" if name.isidentifier() else "value_and_gradients"
    name = "manual" if style == "manual" else name
    program = _Program(run, style, name).write()
    text = program.text()
    _verify(text, run, style)
    if language == "python":
        in_loops = program.text(in_loops=True)
        if in_loops != text:
            with suppress(Exception):  # what does not give the same is not offered
                _verify(in_loops, run, style)
                return in_loops
        return text
    return _Program(run, style, name, _WRITERS[language]).write().text()


def _writable(run: Observed, style: Style) -> Observed:
    """The run, with those operations opened that NumPy's words do not say."""
    while True:
        strangers = frozenset(_Program(run, style, "").write().writer.strangers)
        opened = expansion(topological_order(run.root), partial(_is_in, strangers))
        if not opened:
            return run
        names = {opened.get(node, node): name for node, name in run.names.items()}
        run = replace(run, root=opened[run.root], names=names)


def _is_in(called: Collection[str], operation: Operation) -> bool:
    """Whether an operation, or its pullback, is one of these functions."""
    name = identifier(operation.name)
    return operation.foreign and not {name, f"{name}_pullback"}.isdisjoint(called)


class _Program:
    """The text of a function, line by line."""

    def __init__(
        self, run: Observed, style: Style, name: str, writer: type[Writer] | None = None
    ) -> None:
        self.run, self.name = run, name
        self.found = lines_of(run, with_value=style == "gradients")
        usual = FloatWriter if isinstance(run.root, Value) else ArrayWriter
        self.writer = (writer or usual)(self.found.terms)
        self.writer.taken.add(name)
        self.assigned: list[Assigned] = []
        self.body: list[str] = []

    def write(self) -> _Program:
        """Write the lines of the function."""
        found, writer = self.found, self.writer
        for line in found.lines:
            name, formula = writer.named(line.name.id), writer.written(line.formula)
            self.assigned.append(Assigned(name, formula, f"# {line.shape}" if line.shape else ""))
            self.body.append(writer.assignment(name, formula, line.shape))
        value = "" if found.value is None else writer.written(found.value)
        self.body.append(writer.returned(value, self._gradients()))
        return self

    def _gradients(self) -> str:
        """The gradients, arranged as the arguments are."""
        texts = {node: self.writer.written(g) for node, g in self.found.gradients.items()}

        def arranged(tree: Tree) -> str:
            if isinstance(tree, dict):
                pairs = [(key, arranged(branch)) for key, branch in tree.items()]
                return "{" + ", ".join(f"{key!r}: {text}" for key, text in pairs if text) + "}"
            if isinstance(tree, list | tuple):
                parts = [arranged(branch) or self.writer.empty for branch in tree]
                several = isinstance(tree, tuple)
                return self.writer.tuple(parts) if several else f"[{', '.join(parts)}]"
            return texts.get(tree, "") if is_node(tree) else ""

        wanted = {
            name: tree
            for name, tree in self.run.arguments.items()
            if any(is_node(leaf) and leaf in texts for leaf in leaves(tree))
        }
        return arranged(wanted)

    def text(self, in_loops: bool = False) -> Source:
        """The whole text.

        Arguments:
            in_loops: whether lines that repeat stand in loops.
        """
        writer = self.writer
        read = set(re.findall(r"\w+", "\n".join(self.body)))
        arguments: list[str] = []
        unpacked: list[str] = []
        own: set[str] = set()
        for name, tree in self.run.arguments.items():
            pairs = [
                (called, path)
                for leaf, path in zip(leaves(tree), paths(tree), strict=True)
                if (called := self._called(leaf)) in read or leaf in self.found.gradients
            ]
            own.update(called for called, _ in pairs)
            unpacked += [
                writer.assignment(called, writer.argument(name) + path, ())
                for called, path in pairs
                if called != writer.argument(name)
            ]
            arguments += [writer.argument(name)] * bool(pairs)
        around = {name: it for name, it in self._outside().items() if name in read - own}
        shapes = [f"{name} {np.shape(it)}" if np.shape(it) else name for name, it in around.items()]
        heads = [f"# from around: {', '.join(shapes)}"] * bool(shapes)
        body = self.body
        if in_loops:
            names = {*writer.taken, *own, *around, *arguments}
            body = rolled(self.assigned, names, self.body[-1], frozenset(around))
        function = writer.definition(self.name, arguments, [*heads, *unpacked, *body])
        constants = "\n".join(line for line in writer.remarks if not line.startswith("#"))
        blocks = [*writer.helpers.values(), constants, function]
        text = "\n\n".join(filter(None, blocks))
        made = Source("\n\n".join(filter(None, ["\n".join(imports_of(text)), text])))
        made.function, made.around = self.name, around
        return made

    def _called(self, leaf: Tree) -> str:
        if is_node(leaf):
            return self.writer.own(leaf) if leaf in self.found.terms.names.nodes else ""
        return self.found.terms.names.arrays.get(id(leaf), "")

    def _outside(self) -> dict[str, Any]:
        """What names stand for that no line defines."""
        terms = self.found.terms
        found = {
            terms.names.arrays[id(it)]: it for it in self.run.alive if id(it) in terms.names.arrays
        }
        found |= {name: it for name, it in terms.unnamed.items() if np.size(it) > MOST_ELEMENTS}
        for node in topological_order(self.run.root):
            if not node.parents:
                found[self.writer.own(node)] = node.data
        return found


def _verify(program: Source, run: Observed, style: Style) -> None:
    """See to it that the text gives the gradients of the engine.

    Raises:
        RuntimeError: it does not.
    """
    exact = sweep_gradients(run.root, run.inputs, False, None)
    given = {
        name: rebuild(tree, map(data_of, leaves(tree))) for name, tree in run.arguments.items()
    }
    function = program.run()
    wanted = inspect.signature(function).parameters
    with np.errstate(all="ignore"):
        result = function(**{name: tree for name, tree in given.items() if name in wanted})
    value, found = result if style == "gradients" else (run.root.data, result)
    pairs = [(value, run.root.data), *zip(_numbers(found), exact, strict=True)]
    sizes = [np.max(np.abs(e), initial=0.0, where=np.isfinite(e)) for _, e in pairs]
    scale = max(sizes)  # a gradient that is 0 but for rounding is that of all the others
    for ours, engine in pairs:
        loose = np.sqrt(np.finfo(np.result_type(engine, np.float32)).eps)
        if not np.allclose(ours, engine, rtol=loose, atol=loose * scale, equal_nan=True):
            raise RuntimeError(
                "source: the text does not give the gradients of the engine at this point, "
                f"{ours} for {engine}:\n\n{program}"
            )


def _numbers(tree: Tree) -> list[Any]:
    return [leaf for leaf in leaves(tree) if leaf is not None]
