"""The command line: ``autograd-mini check FILE.py`` and ``autograd-mini rules``."""

from __future__ import annotations

import argparse
import runpy
import sys
from collections.abc import Sequence
from pathlib import Path

import autograd_mini as ag
from autograd_mini.rules import RULES


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status: 0 right, 1 wrong, 2 misused."""
    parser = argparse.ArgumentParser(
        prog="autograd-mini", description="Gradients that can be checked and explained."
    )
    parser.add_argument("--version", action="version", version=_version())
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser(
        "check",
        help="check the hand-derived gradients of a Python file",
        description="Run FILE and hold its `manual` gradients against the automatic and numerical "
        "gradients of its `loss` at its `params`; without `manual`, automatic against numerical.",
    )
    check.add_argument("file", type=Path, metavar="FILE")
    check.add_argument("--seed", type=int, default=0, help="chooses the elements that are probed")
    rules = commands.add_parser("rules", help="print the table of elementwise operations")
    rules.add_argument("name", nargs="*", help="only these operations")
    chosen = parser.parse_args(arguments)
    try:
        return (
            _check(chosen.file, chosen.seed) if chosen.command == "check" else _rules(chosen.name)
        )
    except _Misuse as error:
        print(f"autograd-mini {chosen.command}: {error}", file=sys.stderr)
        return 2


def _version() -> str:
    return f"autograd_mini {ag.__version__} ({ag.build_info()['build']} scalar engine)"


class _Misuse(Exception):
    """The command cannot be carried out as it was given."""


def _check(file: Path, seed: int) -> int:
    if not file.is_file():
        raise _Misuse(f"there is no file {str(file)!r}")
    names = runpy.run_path(str(file), run_name="autograd_mini_check")
    missing = [name for name in ("loss", "params") if name not in names]
    if missing:
        raise _Misuse(
            f"{str(file)!r} defines no {' and no '.join(missing)}: it needs a function `loss`, a "
            "dict `params` and, to be checked, `manual`: hand-derived gradients, a dict or a "
            "function that returns one"
        )
    try:
        report = ag.check_gradients(names["loss"], names["params"], names.get("manual"), seed=seed)
    except (TypeError, ValueError) as error:
        raise _Misuse(str(error)) from error
    print(report)
    return 0 if report.ok else 1


def _rules(names: Sequence[str]) -> int:
    unknown = [name for name in names if name not in RULES]
    if unknown:
        raise _Misuse(f"no operation {', '.join(unknown)}; there are {', '.join(RULES)}")
    for name in names or RULES:
        rule = RULES[name]
        print(f"{rule.signature} = {rule.formula}    {rule.sentence}")
        for operand, text in zip(rule.operands, rule.derivatives, strict=True):
            if text is not None:
                print(f"    derivative for {operand}: {text}")
        if rule.domain:
            print(f"    defined for {rule.domain}")
        for point, convention in rule.kinks.items():
            print(f"    at {point} the derivative is taken to be {convention}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
