"""The command line: ``autograd-mini check | rules | draw | explain | walk``.

``autograd-mini COMMAND --help`` says what each one takes.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import autograd_mini as ag
from autograd_mini.check.formats import FORMATS, format_of
from autograd_mini.check.refusal import CannotTell
from autograd_mini.check.scripts.text import file_at
from autograd_mini.cli import pictures, scripts, several
from autograd_mini.cli.expressions import ExpressionError
from autograd_mini.cli.files import Misuse, defined, in_roles, nearest, running, say, source_of
from autograd_mini.core.rule import RULES
from autograd_mini.show.transliteration import for_stream

if TYPE_CHECKING:
    from autograd_mini.check.report import GradientReport

Options = argparse.Namespace


_EXAMPLES = """examples:
  autograd-mini explain "net = w*x + b; sigmoid(net)" --wrt w --at w=0.5,x=2,b=-1
  autograd-mini draw "sigmoid(w*x + b)" --at w=0.5,x=2,b=-1 --out neuron.svg
  autograd-mini check my_gradients.py
  autograd-mini check my_gradients.py --fix | git apply
"""


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
        own = commands.add_parser(
            name,
            help=command.help,
            description=command.description,
            epilog=f"examples:\n{command.examples}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.arguments(own)
    chosen = parser.parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):  # for what a checked file prints
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        status = _COMMANDS[chosen.command].run(chosen) if chosen.command else _help(parser)
        print(end="", flush=True)
    except (Misuse, ExpressionError) as error:
        with suppress(OSError, ValueError):  # a file that was run may have closed it
            message = f"autograd-mini {chosen.command}: {error}"
            print(for_stream(message, sys.stderr), file=sys.stderr)
        return 2
    except BrokenPipeError:
        # What is left in the buffer has no reader either, when Python ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return scripts.CLOSED
    return status


def _help(parser: argparse.ArgumentParser) -> int:
    say(parser.format_help().rstrip())
    return 0


def _version() -> str:
    return f"autograd_mini {ag.__version__} ({ag.build_info()['build']} scalar engine)"


@dataclass(frozen=True)
class _Command:
    help: str
    description: str
    arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[Options], int]
    examples: str


# check


_ROLES = {
    "loss": "the function to be differentiated",
    "params": "its parameters, or several that it takes in a dict of these names",
    "manual": "the hand-derived gradients",
}
"""What a checked file defines."""


def _check_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="a Python file, a notebook, a folder with a program, or several of them, or a folder "
        "of several: then each has a line; - reads a file from the input",
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
    parser.add_argument(
        "--jobs",
        type=int,
        default=1,
        metavar="N",
        help="how many of several files are checked at a time (default: 1)",
    )
    scripts.add_arguments(parser)


def _check(options: Options) -> int:
    called = {role: getattr(options, role) for role in _ROLES}
    if options.write and not options.fix:
        raise Misuse("--write writes the corrected lines of --fix: give both")
    if options.fix and options.hints < 3:
        raise Misuse(f"--hints {options.hints} tells no corrected lines: leave it out with --fix")
    if options.jobs < 1:
        raise Misuse(f"--jobs {options.jobs}: a whole number from 1")
    try:
        for path in options.out:
            format_of(path)
    except ValueError as error:
        raise Misuse(f"--out {error}") from error
    files = options.files if options.here else several.files_in(options.files)
    if len(files) > 1:
        return several.check_each(files, options)
    status = _check_one(files[0], called, options)
    return status + scripts.ENDED if options.here else status


def _check_one(path: Path, called: Mapping[str, str], options: Options) -> int:
    file, stdin = source_of(path)
    file = file_at(file)
    if options.call or options.inputs or _trains(file, stdin, called):
        return _check_script(file, stdin, options)
    with running(file):
        names = in_roles(file, defined(file, stdin), called)
        report = ag.check_gradients(
            names["loss"],
            names["params"],
            names.get("manual"),
            seed=options.seed,
            hints=options.hints,
            seconds=options.seconds,
        )
    if "manual" not in names:
        meant = nearest("manual", names)
        report.notes.append(
            f"{file.name} defines no `{called['manual']}`: automatic gradients were held against "
            f"numerical ones{meant and f' ({meant})'}"
        )
    return _told(report, options)


def _trains(file: Path, stdin: str | None, called: Mapping[str, str]) -> bool:
    """Whether a file is a training script, to be checked as it stands."""
    try:
        return scripts.is_script(scripts.texts_of(file, stdin), list(called.values()))
    except (OSError, ValueError):
        return False  # which is told where it is run


def _check_script(file: Path, stdin: str | None, options: Options) -> int:
    if not options.here:
        try:
            path = Path("-") if stdin is not None else file
            ended = scripts.in_own_process(path, options, out=options.out, stdin=stdin)
        except TimeoutError as error:
            raise Misuse(f"{str(file)!r}: {error}") from error
        if ended.stderr:
            raise Misuse(f"{str(file)!r}: {ended.stderr}")
        return ended.status
    with scripts.own_streams(options.memory, options.time):
        try:
            report = scripts.checked(file, scripts.texts_of(file, stdin), options)
        except KeyboardInterrupt:
            raise
        except CannotTell as error:
            raise Misuse(str(error)) from error
        except MemoryError as error:
            message = f"it took more than {options.memory} MB: --memory says how much it may take"
            raise Misuse(f"{str(file)!r}: {message}") from error
        except BaseException as error:  # what a file's code raises is not always an Exception
            raise Misuse(scripts.failure(file, error)) from error
        return _told(report, options)


def _told(report: GradientReport, options: Options) -> int:
    """Print and write a report, and give the exit status."""
    try:
        if options.fix:
            print(for_stream(report.text(), sys.stderr), file=sys.stderr)
        else:
            say(report.to_json() if options.json else report)
    except BrokenPipeError:
        raise
    except (OSError, ValueError) as error:
        raise Misuse(f"the report could not be printed: {error}") from error
    for path in options.out:
        try:
            written = report.save(path)
        except (OSError, RuntimeError, ValueError) as error:
            raise Misuse(f"--out {path}: {error}") from error
        if not options.fix:
            say(f"\nwritten to {written}")
    if options.fix:
        _fix(report, options.write)
    return 0 if report.ok else 1


def _fix(report: GradientReport, write: bool) -> None:
    """Print the corrected lines as a diff, and write them where that is wanted."""
    from autograd_mini.check.report import patch

    try:
        corrected = report.corrections()
        print(patch.diff(corrected), end="", flush=True)
        for file in patch.write(corrected) if write else ():
            print(f"\nwritten to {file}", file=sys.stderr)
    except BrokenPipeError:
        raise
    except (OSError, ValueError) as error:
        raise Misuse(f"--fix: {error}") from error
    if not corrected and not report.ok:
        print("\nno corrected line was found and verified: nothing to fix", file=sys.stderr)


# rules


def _rules_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="*", help="only these operations")


def _rules(options: Options) -> int:
    unknown = [name for name in options.name if name not in RULES]
    if unknown:
        raise Misuse(f"no operation {', '.join(unknown)}; there are {', '.join(RULES)}")
    for name in options.name or RULES:
        rule = RULES[name]
        say(f"{rule.signature} = {rule.formula}    {rule.sentence}")
        for operand, text in zip(rule.operands, rule.derivatives, strict=True):
            if text is not None:
                say(f"    derivative for {operand}: {text}")
        if rule.domain:
            say(f"    defined for {rule.domain}")
        for point, convention in rule.kinks.items():
            say(f"    at {point} the derivative is taken to be {convention}")
        if rule.pieces:
            say(f"    where {rule.pieces} jumps the derivative is taken to be the same")
    return 0


_COMMANDS = {
    "check": _Command(
        "check the hand-derived gradients of a Python file",
        "Run FILE and hold its `manual` gradients against the automatic and numerical gradients "
        "of its `loss` at its `params`; without `manual`, automatic against numerical. The exit "
        "status is 0 if all is right, 1 if not, 2 if it could not be checked; of several files 1 "
        "if one is wrong, or else 2 if one could not be checked.",
        _check_arguments,
        _check,
        "  autograd-mini check my_gradients.py\n"
        "  autograd-mini check train.ipynb --out report.html\n"
        "  autograd-mini check my_gradients.py --fix | git apply\n"
        "  autograd-mini check train.py --steps 3 --call 'main()'\n"
        "  autograd-mini check layers.py --inputs x=6x4,w=4x3,b=3 --upstream dout.npy\n"
        "  autograd-mini check submissions/ --hints 1 --jobs 4",
    ),
    "rules": _Command(
        "print the table of elementwise operations",
        "Print each operation's formula, local derivatives, domain and kinks.",
        _rules_arguments,
        _rules,
        "  autograd-mini rules sigmoid tanh",
    ),
    **{name: _Command(*row) for name, row in pictures.COMMANDS.items()},
}


if __name__ == "__main__":
    sys.exit(main())
