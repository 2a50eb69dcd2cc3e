"""The command line: ``autograd-mini check | rules | draw | explain | walk``.

``autograd-mini COMMAND --help`` says what each one takes.
"""

from __future__ import annotations

import argparse
import difflib
import io
import linecache
import os
import runpy
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import autograd_mini as ag
from autograd_mini.check.report import FORMATS, GradientReport, format_of
from autograd_mini.check.report.patch import diff
from autograd_mini.check.report.patch import write as write_corrections
from autograd_mini.check.scripts.text import cells_of_notebook
from autograd_mini.check.steps.fitting import CannotTell
from autograd_mini.cli import scripts
from autograd_mini.cli.expressions import ExpressionError, compute, numbers, variable
from autograd_mini.core.rule import RULES
from autograd_mini.core.value import Value
from autograd_mini.show.transliteration import for_stream

Options = argparse.Namespace


_EXAMPLES = """examples:
  autograd-mini explain "net = w*x + b; sigmoid(net)" --wrt w --at w=0.5,x=2,b=-1
  autograd-mini draw "sigmoid(w*x + b)" --at w=0.5,x=2,b=-1 --out neuron.svg
  autograd-mini check my_gradients.py
  autograd-mini check my_gradients.py --fix | git apply
"""

_CLOSED = 141
"""The exit status where a reader such as `head` has gone: 128 and the number of SIGPIPE."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status: 0 right, 1 wrong, 2 misused."""
    parser = argparse.ArgumentParser(
        prog="autograd-mini",
        description="Gradients that can be checked and explained.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=_version())
    commands = parser.add_subparsers(dest="command")
    for name, command in _COMMANDS.items():
        own = commands.add_parser(name, help=command.help, description=command.description)
        command.arguments(own)
    chosen = parser.parse_args(arguments)
    chosen.arguments = list(sys.argv[1:] if arguments is None else arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):  # for what a checked file prints
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        status = _COMMANDS[chosen.command].run(chosen) if chosen.command else _help(parser)
        print(end="", flush=True)
    except (_Misuse, ExpressionError) as error:
        with suppress(OSError, ValueError):  # a file that was run may have closed it
            message = f"autograd-mini {chosen.command}: {error}"
            print(for_stream(message, sys.stderr), file=sys.stderr)
        return 2
    except BrokenPipeError:
        # What is left in the buffer has no reader either, when Python ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _CLOSED
    return status


def _help(parser: argparse.ArgumentParser) -> int:
    _show(parser.format_help().rstrip())
    return 0


def _show(text: object) -> None:
    print(for_stream(str(text)), flush=True)  # a full disk is told here, not at the end


def _version() -> str:
    return f"autograd_mini {ag.__version__} ({ag.build_info()['build']} scalar engine)"


class _Misuse(Exception):
    """The command cannot be carried out as it was given."""


@dataclass(frozen=True)
class _Command:
    help: str
    description: str
    arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[Options], int]


# check


_ROLES = {
    "loss": "the function to be differentiated",
    "params": "its parameters, or several that it takes in a dict of these names",
    "manual": "the hand-derived gradients",
}
"""What a checked file defines."""


def _check_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file",
        type=Path,
        metavar="FILE",
        help="a Python file or a notebook; - reads a file from the input",
    )
    for role, what in _ROLES.items():
        parser.add_argument(
            f"--{role}", default=role, metavar="NAME" if role == "loss" else "NAME,...",
            help=f"what the file calls {what} (default: {role})",
        )  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, help="chooses the elements that are probed")
    parser.add_argument(
        "--hints",
        type=int,
        choices=(0, 1, 2, 3),
        default=3,
        help="what is told: 0 the verdict, 1 also the lines where the mistakes are, 2 also why, "
        "3 also the corrected lines (default)",
    )
    parser.add_argument(
        "--fix",
        action="store_true",
        help="print the corrected lines as a diff (and the report as an error message)",
    )
    parser.add_argument(
        "--write", action="store_true", help="with --fix: also write the corrected lines"
    )
    parser.add_argument(
        "--seconds",
        type=float,
        default=10.0,
        help="how long is searched, at the most, for the lines that are wrong (default: 10)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        action="append",
        default=[],
        metavar="REPORT",
        help=f"also write the report to this file ({', '.join(FORMATS)}); may be given again",
    )
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    scripts.add_arguments(parser)


def _check(options: Options) -> int:
    file = Path(_INPUT) if str(options.file) == "-" else options.file
    called = {role: getattr(options, role) for role in _ROLES}
    if options.write and not options.fix:
        raise _Misuse("--write writes the corrected lines of --fix: give both")
    if options.fix and options.hints < 3:
        raise _Misuse(f"--hints {options.hints} tells no corrected lines: leave it out with --fix")
    try:
        for path in options.out:
            format_of(path)
    except ValueError as error:
        raise _Misuse(f"--out {error}") from error
    stdin = sys.stdin.read() if str(file) == _INPUT else None
    if options.call or options.inputs or _trains(file, stdin, called):
        return _check_script(file, stdin, options)
    try:
        with _as_a_program(file):
            names = _run(file, called, stdin)
            report = ag.check_gradients(
                names["loss"],
                names["params"],
                names.get("manual"),
                seed=options.seed,
                hints=options.hints,
                seconds=options.seconds,
            )
    except (_Misuse, KeyboardInterrupt):
        raise
    except SystemExit as error:
        raise _Misuse(f"{str(file)!r} ended with {error!r} while it was run") from error
    except BaseException as error:  # what a file's code raises is not always an Exception
        raise _Misuse(scripts.failure(file, error)) from error
    if "manual" not in names:
        meant = _meant("manual", names)
        report.notes.append(
            f"{file.name} defines no `{called['manual']}`: automatic gradients were held against "
            f"numerical ones{meant and f' ({meant})'}"
        )
    return _told(report, options)


def _trains(file: Path, stdin: str | None, called: Mapping[str, str]) -> bool:
    """Whether a file is a training script, to be checked as it stands."""
    try:
        return scripts.is_script(scripts.texts_of(file, stdin), list(called.values()))
    except CannotTell as error:
        raise _Misuse(str(error)) from error
    except (OSError, ValueError):
        return False  # which is told where it is run


def _check_script(file: Path, stdin: str | None, options: Options) -> int:
    if not options.here:
        try:
            return scripts.in_own_process(options.arguments, options, stdin)
        except TimeoutError as error:
            raise _Misuse(f"{str(file)!r}: {error}") from error
    with scripts.own_streams(options.memory, options.time):
        try:
            report = scripts.checked(file, scripts.texts_of(file, stdin), options)
        except KeyboardInterrupt:
            raise
        except CannotTell as error:
            raise _Misuse(str(error)) from error
        except MemoryError as error:
            message = f"it took more than {options.memory} MB: --memory says how much it may take"
            raise _Misuse(f"{str(file)!r}: {message}") from error
        except BaseException as error:  # what a file's code raises is not always an Exception
            raise _Misuse(scripts.failure(file, error)) from error
        return _told(report, options)


def _told(report: GradientReport, options: Options) -> int:
    """Print and write a report, and give the exit status."""
    try:
        if options.fix:
            print(for_stream(report.text(), sys.stderr), file=sys.stderr)
        else:
            _show(report.to_json() if options.json else report)
    except BrokenPipeError:
        raise
    except (OSError, ValueError) as error:
        raise _Misuse(f"the report could not be printed: {error}") from error
    for path in options.out:
        try:
            written = report.save(path)
        except (OSError, RuntimeError, ValueError) as error:
            raise _Misuse(f"--out {path}: {error}") from error
        if not options.fix:
            _show(f"\nwritten to {written}")
    if options.fix:
        _fix(report, options.write)
    return 0 if report.ok else 1


def _fix(report: GradientReport, write: bool) -> None:
    """Print the corrected lines as a diff, and write them where that is wanted."""
    try:
        corrected = report.corrections()
        print(diff(corrected), end="", flush=True)
        for file in write_corrections(corrected) if write else ():
            print(f"\nwritten to {file}", file=sys.stderr)
    except BrokenPipeError:
        raise
    except (OSError, ValueError) as error:
        raise _Misuse(f"--fix: {error}") from error
    if not corrected and not report.ok:
        print("\nno corrected line was found and verified: nothing to fix", file=sys.stderr)


@contextmanager
def _as_a_program(file: Path) -> Iterator[None]:
    """As ``python FILE`` has it: its folder is searched for imports, and there are no options.

    What the file changes about the interpreter is as before afterwards.
    """
    path, arguments = list(sys.path), sys.argv
    streams, depth = (sys.stdout, sys.stderr), sys.getrecursionlimit()
    sys.path.insert(0, str(file.resolve().parent))
    sys.argv = [str(file)]
    try:
        yield
    finally:
        sys.path[:], sys.argv = path, arguments
        sys.stdout, sys.stderr = streams
        sys.setrecursionlimit(depth)


_INPUT = "<stdin>"


def _run(file: Path, called: Mapping[str, str], stdin: str | None) -> dict[str, Any]:
    """The names that a Python file defines, and under each role what is called so."""
    if str(file) != _INPUT and not file.is_file():
        raise _Misuse(f"there is no file {str(file)!r}")
    if stdin is not None:
        names = _run_texts({_INPUT: stdin})
    elif file.suffix == ".ipynb":
        try:
            names = _run_texts({cell.name: cell.text for cell in cells_of_notebook(file)})
        except ValueError as error:
            raise _Misuse(str(error)) from error
    else:
        names = runpy.run_path(str(file), run_name="autograd_mini_check")
    several = {role: [part.strip() for part in name.split(",")] for role, name in called.items()}
    roles: dict[str, Any] = {}
    missing = []
    for role, parts in several.items():
        absent = [part for part in parts if part not in names]
        if absent:
            if role != "manual" or called[role] != role:  # a file may have none
                missing += absent
        elif parts == [role] or (
            len(parts) == 1 and (role == "loss" or _is_whole(names[parts[0]]))
        ):
            roles[role] = names[parts[0]]
        else:
            keys = several["params"]
            if role != "manual" or len(keys) != len(parts) or _is_whole(names.get(keys[0])):
                keys = parts  # otherwise dW, db are those of W, b
            roles[role] = {key: names[part] for key, part in zip(keys, parts, strict=True)}
    if missing:
        meant = [text for name in missing if (text := _meant(name, names))]
        raise _Misuse(
            f"{str(file)!r} defines no {' and no '.join(missing)}: it needs a function `loss`, a "
            "dict `params` and, to be checked, `manual`: hand-derived gradients, a dict or a "
            f"function that returns one; other names are said with --loss, --params, --manual"
            f"{''.join(f'; {text}' for text in meant)}"
        )
    return {name: value for name, value in names.items() if name not in called} | roles


def _is_whole(parameters: object) -> bool:
    """Whether it is all parameters or gradients, not one of them."""
    return isinstance(parameters, Mapping) or callable(parameters)


def _run_texts(texts: Mapping[str, str]) -> dict[str, Any]:
    """The names that texts, one after the other, define; their lines are kept, to be shown."""
    names: dict[str, Any] = {"__name__": "autograd_mini_check"}
    for name, text in texts.items():
        linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
        exec(compile(text, name, "exec"), names)
    return names


def _meant(name: str, names: Mapping[str, Any]) -> str:
    own = [other for other in names if not other.startswith("_")]
    near = difflib.get_close_matches(name, own, n=2, cutoff=0.5)
    return f"is {' or '.join(f'`{other}`' for other in near)} meant for `{name}`?" if near else ""


# rules


def _rules_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="*", help="only these operations")


def _rules(options: Options) -> int:
    unknown = [name for name in options.name if name not in RULES]
    if unknown:
        raise _Misuse(f"no operation {', '.join(unknown)}; there are {', '.join(RULES)}")
    for name in options.name or RULES:
        rule = RULES[name]
        _show(f"{rule.signature} = {rule.formula}    {rule.sentence}")
        for operand, text in zip(rule.operands, rule.derivatives, strict=True):
            if text is not None:
                _show(f"    derivative for {operand}: {text}")
        if rule.domain:
            _show(f"    defined for {rule.domain}")
        for point, convention in rule.kinks.items():
            _show(f"    at {point} the derivative is taken to be {convention}")
        if rule.pieces:
            _show(f"    where {rule.pieces} jumps the derivative is taken to be the same")
    return 0


# draw, explain, walk: what the graph of an expression shows


def _expression_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("expression", metavar="EXPR", help='such as "sigmoid(w*x + b)"')
    parser.add_argument(
        "--at", action="append", default=[], metavar="NAME=NUMBER,...",
        help="a number for each variable; may be given again",
    )  # fmt: skip


def _computed(options: Options) -> tuple[Value, dict[str, Value]]:
    root, variables = compute(options.expression, numbers(options.at))
    root.backward()
    return root, variables


def _picture_arguments(parser: argparse.ArgumentParser) -> None:
    _expression_arguments(parser)
    parser.add_argument(
        "--direction", choices=["LR", "TB"], default="LR", help="left to right, or top to bottom"
    )
    parser.add_argument("--out", required=True, metavar="FILE", help="the file to write")


def _draw(options: Options) -> int:
    root, _ = _computed(options)
    return _written(lambda: ag.draw(root, direction=options.direction).save(options.out))


def _walk(options: Options) -> int:
    root, _ = _computed(options)
    return _written(lambda: ag.walkthrough(root, options.out, direction=options.direction))


def _written(write: Callable[[], str]) -> int:
    try:
        _show(write())
    except (OSError, RuntimeError, ValueError) as error:
        raise _Misuse(str(error)) from error
    return 0


def _explain_arguments(parser: argparse.ArgumentParser) -> None:
    _expression_arguments(parser)
    parser.add_argument("--wrt", required=True, metavar="NAME", help="the variable")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--latex", action="store_true", help="as LaTeX, not as text")
    form.add_argument("--numpy", action="store_true", help="as Python, not as text")


def _explain(options: Options) -> int:
    root, variables = _computed(options)
    explanation = ag.explain(root, variable(options.wrt, variables))
    _show(
        explanation.latex if options.latex else explanation.numpy if options.numpy else explanation
    )
    return 0


_COMMANDS = {
    "check": _Command(
        "check the hand-derived gradients of a Python file",
        "Run FILE and hold its `manual` gradients against the automatic and numerical gradients "
        "of its `loss` at its `params`; without `manual`, automatic against numerical. The exit "
        "status is 0 if all is right, 1 if not, 2 if it could not be checked.",
        _check_arguments,
        _check,
    ),
    "rules": _Command(
        "print the table of elementwise operations",
        "Print each operation's formula, local derivatives, domain and kinks.",
        _rules_arguments,
        _rules,
    ),
    "draw": _Command(
        "draw the graph of an expression",
        "Compute EXPR and its gradients, and write the graph's picture: .svg, .png, .pdf or .dot.",
        _picture_arguments,
        _draw,
    ),
    "explain": _Command(
        "explain one gradient of an expression by the chain rule",
        "Compute EXPR and write its derivative for one variable as a textbook does.",
        _explain_arguments,
        _explain,
    ),
    "walk": _Command(
        "write a page that steps through the sweep of an expression",
        "Compute EXPR and write a page (.html) that steps through the forward pass and the "
        "reverse sweep.",
        _picture_arguments,
        _walk,
    ),
}


if __name__ == "__main__":
    sys.exit(main())
