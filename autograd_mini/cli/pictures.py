"""``draw``, ``walk`` and ``explain``: what the graph of an expression, or of a file, shows."""

from __future__ import annotations

import argparse
import tempfile
import webbrowser
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

import autograd_mini as ag
from autograd_mini.cli.expressions import compute, numbers, variable
from autograd_mini.cli.files import Misuse, defined, in_roles, nearest, running, say, source_of
from autograd_mini.core.tensor import Tensor
from autograd_mini.core.value import Value

Options = argparse.Namespace


def _at(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--at", action="append", default=[], metavar="NAME=NUMBER,...",
        help="a number for each variable; may be given again",
    )  # fmt: skip


def _picture_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "source",
        metavar="EXPR|FILE",
        help='an expression such as "sigmoid(w*x + b)"; or a Python file or a notebook, which is '
        "run; - reads a file from the input",
    )
    _at(parser)
    parser.add_argument(
        "--node", metavar="NAME",
        help="of a file: what it calls the node or model that is shown (default: its `loss` of its "
        "`params`, else the last result that it computes)",
    )  # fmt: skip
    parser.add_argument(
        "--direction", choices=["LR", "TB"],
        help="left to right, or top to bottom (default: what fits)",
    )  # fmt: skip
    parser.add_argument("--out", "-o", metavar="FILE", help="the file to write")
    parser.add_argument("--open", action="store_true", help="show it in a browser")


def _draw(options: Options) -> int:
    shown = _shown(options)
    # one word for a direction that is not given: what fits
    way = {} if options.direction is None else {"direction": options.direction}
    return _written(options, ".svg", lambda path: ag.draw(shown, **way).save(path))


def _walk_arguments(parser: argparse.ArgumentParser) -> None:
    _picture_arguments(parser)
    parser.add_argument("--quiz", action="store_true", help="hide the gradients, and ask for them")


def _walk(options: Options) -> int:
    shown = _shown(options)
    if not (isinstance(shown, Value | Tensor) or hasattr(shown, "quantities")):
        raise Misuse(
            f"a walk goes through a computation, and {type(shown).__name__} is none: compute a "
            "loss with it in the file, and say its name (--node loss)"
        )
    return _written(
        options, ".html",
        lambda path: ag.walkthrough(
            shown, path, direction=options.direction, quiz=options.quiz
        ),
    )  # fmt: skip


def _shown(options: Options) -> object:
    """What is drawn or walked through: the root of an expression, or what a file defines."""
    path = Path(options.source)
    is_file = options.source == "-" or path.suffix in (".py", ".ipynb")
    if not is_file:
        if options.node:
            raise Misuse("--node is a name in a file, and the source is an expression")
        root, _ = compute(options.source, numbers(options.at))
        root.backward()
        return root
    if options.at:
        raise Misuse("--at gives numbers to an expression, and the source is a file")
    file, stdin = source_of(path)
    with running(file):
        names = defined(file, stdin)
        nodes = {name: it for name, it in names.items() if isinstance(it, Value | Tensor)}
        for name, node in nodes.items():
            node.label = node.label or name
        if options.node:
            if options.node not in names:
                raise Misuse(
                    f"{str(file)!r} defines no {options.node}{_asked(nearest(options.node, names))}"
                )
            return _swept(names[options.node])
        if callable(names.get("loss")) and "params" in names:
            roles = in_roles(file, names, {"loss": "loss", "params": "params", "manual": "manual"})
            return ag.check_gradients(roles["loss"], roles["params"], roles.get("manual"))
        return _swept(_last(file, names))


def _swept(shown: object) -> object:
    """The same, with gradients where it has none and is one number."""
    if isinstance(shown, Value | Tensor) and np.size(shown.data) == 1 and not np.any(shown.grad):
        shown.backward()
    return shown


def _last(file: Path, names: Mapping[str, Any]) -> object:
    """The last result that a file computes, else its last model."""
    results = [it for it in names.values() if isinstance(it, Value | Tensor) and it.parents]
    models = [
        it for it in names.values()
        if hasattr(it, "named_parameters") and not isinstance(it, type)
    ]  # fmt: skip
    if not (results or models):
        raise Misuse(
            f"{str(file)!r} computes nothing with Values or Tensors that can be shown: it needs a "
            "result, or a function `loss` and a dict `params`; --node says a name"
        )
    return (results or models)[-1]


def _asked(question: str) -> str:
    return question and f"; {question}"


def _written(options: Options, suffix: str, write: Callable[[str], str]) -> int:
    if not (options.out or options.open):
        raise Misuse(f"give --out FILE{suffix}, or --open to see it in a browser")
    path = options.out or str(Path(tempfile.mkdtemp(prefix="autograd-mini-")) / f"graph{suffix}")
    try:
        say(write(path))
    except (OSError, RuntimeError, ValueError, TypeError) as error:
        raise Misuse(str(error)) from error
    if options.open and not webbrowser.open(Path(path).resolve().as_uri()):
        raise Misuse(f"there is no browser that could be opened: open {path} yourself")
    return 0


# explain


def _explain_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("expression", metavar="EXPR", help='such as "sigmoid(w*x + b)"')
    _at(parser)
    parser.add_argument("--wrt", required=True, metavar="NAME", help="the variable")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--latex", action="store_true", help="as LaTeX, not as text")
    form.add_argument("--numpy", action="store_true", help="as Python, not as text")


def _explain(options: Options) -> int:
    root, variables = compute(options.expression, numbers(options.at))
    root.backward()
    explanation = ag.explain(root, variable(options.wrt, variables))
    say(explanation.latex if options.latex else explanation.numpy if options.numpy else explanation)
    return 0


COMMANDS: dict[str, tuple[Any, ...]] = {
    "draw": (
        "draw the graph of an expression, or of a file",
        "Compute EXPR and its gradients, or run FILE, and write the graph's picture: .svg, .png, "
        ".pdf or .dot.",
        _picture_arguments,
        _draw,
        '  autograd-mini draw "sigmoid(w*x + b)" --at w=0.5,x=2,b=-1 --out neuron.svg\n'
        "  autograd-mini draw train.py --node loss --open",
    ),
    "explain": (
        "explain one gradient of an expression by the chain rule",
        "Compute EXPR and write its derivative for one variable as a textbook does.",
        _explain_arguments,
        _explain,
        '  autograd-mini explain "net = w*x + b; sigmoid(net)" --wrt w --at w=0.5,x=2,b=-1\n'
        '  autograd-mini explain "sigmoid(w*x)" --wrt w --at w=0.5,x=2 --numpy',
    ),
    "walk": (
        "write a page that steps through the sweep of an expression, or of a file",
        "Compute EXPR, or run FILE, and write a page (.html) that steps through the forward pass "
        "and the reverse sweep. Of a file with `loss`, `params` and `manual` it shows the "
        "hand-derived gradients beside the right ones.",
        _walk_arguments,
        _walk,
        '  autograd-mini walk "sigmoid(w*x + b)" --at w=0.5,x=2,b=-1 --out sweep.html\n'
        "  autograd-mini walk my_gradients.py --open",
    ),
}
"""Of each command: a line of help, a description, its arguments, what it does, and examples."""
