"""The mistakes of a hand-derived backward pass: for each slip its line, the reason, the repairs."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from autograd_mini.check.blame import Blame
from autograd_mini.check.lines.budget import Budget
from autograd_mini.check.lines.claims import Truth
from autograd_mini.check.lines.failing import running_edits, trial_of
from autograd_mini.check.lines.listing import listing
from autograd_mini.check.lines.misnamed import misnamed, mistakes_of_names
from autograd_mini.check.lines.program import Program
from autograd_mini.check.lines.reasons import NUMBER, reason
from autograd_mini.check.lines.repair import Mended, Step, after, meant_by, mended
from autograd_mini.check.lines.source import reread
from autograd_mini.check.lines.substituted import Substituted
from autograd_mini.check.lines.suspects import HANDED_WRONG, Suspect, Suspects
from autograd_mini.check.lines.texts import line_of, rewritten
from autograd_mini.check.lines.trial import Trial
from autograd_mini.check.lines.verified import VerifiedEdit
from autograd_mini.check.lines.written import lacking, written_edit
from autograd_mini.check.problem import Problem
from autograd_mini.check.result import (
    DIFFER,
    Cause,
    CodeLine,
    Line,
    Listing,
    Mistake,
    Quantity,
    Repair,
)
from autograd_mini.core.graph import Node
from autograd_mini.typing import Array


@dataclass(frozen=True)
class Located:
    """What is known of the code that derived gradients by hand.

    Attributes:
        mistakes: the slips in it, nearest the loss first.
        lines: the code, line by line.
        notes: that the search was not ended.
    """

    mistakes: list[Mistake]
    lines: Sequence[CodeLine]
    notes: tuple[str, ...] = ()


def located(
    problem: Problem, blame: Blame, tolerance: Mapping[str, Array], budget: Budget
) -> Located:
    """The slips in the code that derived gradients by hand, and what its lines make.

    Arguments:
        problem: what is checked.
        blame: the quantities, and which are wrong by their own line as far as numbers tell.
        tolerance: what may be rounding in each.
        budget: how long may be searched.

    Returns:
        Nothing where the code cannot be run line by line, or nothing is to be searched.
    """
    wrong = [q.name for q in blame.quantities if q.verdict == DIFFER and q.manual is not None]
    truth = Truth(problem)
    if problem.program is not None and problem.failure is not None:
        reread()
        trial = trial_of(problem, problem.program, tolerance)
        edits = running_edits(trial, truth, budget)
        slips = [_mistake(trial, truth, edits)] if edits else []
        return Located([replace(slip, names=(), inherited_by=()) for slip in slips], [])
    claims = misnamed(problem, wrong, truth)
    alone = Located(mistakes_of_names(problem, claims, truth, None), [])
    if problem.program is None or not problem.manual or budget.seconds <= 0:
        return alone
    reread()
    program = problem.program
    if not wrong:
        return Located([], Listing(lambda: _of_right_code(problem, program, tolerance, truth)))
    first = Trial(problem, program, tolerance, wrong, left_out=claims)
    if not first.runs_as_before or not first.sites:
        return alone
    truth.call((event.name, event.value) for event in first.ran.events)
    done = mended(first, truth, blame.mistakes, budget)
    steps = _apart(_surely(done))
    trial = after(first, [step.first for step in steps]) if done.left else done.trial
    while trial.wrong & blame.mistakes.keys():
        meant = meant_by(trial, truth, budget)
        edit = written_edit(trial, truth, meant) if meant is not None else None
        if edit is None:
            break
        steps.append(Step(trial, [edit]))
        trial = after(trial, [edit])
    is_cut_short = trial.wrong & blame.mistakes.keys() and budget.spent
    if steps and is_cut_short and _may_be_one(first, truth, steps):
        steps, trial, meant = [], first, None
    found = [_mistake(step.trial, truth, step.edits) for step in _nearest_the_loss_first(steps)]
    notes: tuple[str, ...] = ()
    if trial.wrong & blame.mistakes.keys():
        if budget.spent:
            notes = (
                f"The search for lines that are right stopped after {budget.seconds:g} s, with "
                f"{budget.tried} changes tried: seconds= says how long it may take.",
            )
        found += _unmended(trial, truth, budget, meant)
    found += mistakes_of_names(problem, claims, truth, trial)
    return Located(found, Listing(lambda: listing(first, trial, truth, found)), notes)


def _of_right_code(
    problem: Problem, program: Program, tolerance: Mapping[str, Array], truth: Truth
) -> list[CodeLine]:
    reread()
    trial = Trial(problem, program, tolerance, ())
    return listing(trial, trial, truth, ()) if trial.runs_as_before and trial.sites else []


def _surely(done: Mended) -> list[Step]:
    """The repairs that are told: where something stays wrong, those of lines that were handed
    what is right, since another line may be to blame for the others.
    """
    return [s for s in done.steps if not done.left or s.first.own < HANDED_WRONG]


def _may_be_one(first: Trial, truth: Truth, steps: Sequence[Step]) -> bool:
    """Whether a statement of which not all changes were tried may be to blame for all: then repairs
    after which something stays wrong are none.
    """
    mended = {step.first.statement.place for step in steps}
    return any(
        suspect.spoils >= first.wrong and suspect.statement.place not in mended
        for suspect in Suspects(first, truth).upto(_ALONE)
    )


def _apart(steps: Sequence[Step]) -> list[Step]:
    """The repairs, of which none moves a statement over one that another changes."""
    changed = {step.first.statement.place for step in steps}

    def is_apart(edit: VerifiedEdit) -> bool:
        return edit.move is None or not changed & {each.place for each in edit.move.passed}

    return [
        replace(step, edits=[e if is_apart(e) else replace(e, move=None) for e in step.edits])
        for step in steps
    ]


def _nearest_the_loss_first(steps: Sequence[Step]) -> list[Step]:
    """The repairs in the order in which the lines run."""
    order = {place: i for i, place in enumerate(steps[0].trial.places)} if steps else {}

    def rank(step: Step) -> int:
        statement = step.first.statement
        held = statement.unit.inside(statement.place)  # a loop runs where what it holds does
        return min((order[p] for p in (statement.place, *held) if p in order), default=len(order))

    return sorted(steps, key=rank)


def told_by_lines(blame: Blame, slips: Sequence[Mistake]) -> Blame:
    """What is known of the quantities where the slip that spoils them is."""
    causes: dict[str, Cause | None] = {}
    inherited: set[str] = set()
    for slip in slips:
        if slip.repairs or slip.cause != "unknown":
            known = None if slip.cause == "unknown" else Cause(slip.cause, slip.reason)
            causes |= dict.fromkeys(slip.spoils_first, known)
            inherited |= set(slip.inherited_by) - set(slip.names)
    quantities = []
    for quantity in blame.quantities:
        if quantity.name in causes:
            cause = causes[quantity.name]
            quantity = replace(quantity, inherited=False, causes=(cause,) if cause else ())
        if quantity.name in inherited:
            quantity = replace(quantity, inherited=True)
        quantities.append(quantity)
    untold = {name for name, cause in causes.items() if cause is None}
    told = (inherited | causes.keys()) - untold
    return Blame(quantities, {n: step for n, step in blame.mistakes.items() if n not in told})


def with_causes(slips: Sequence[Mistake], quantities: Sequence[Quantity]) -> list[Mistake]:
    """The slips; of a line that no change mends, with what the numbers say of what it makes, if
    that is short: of a sum that is wrong the terms say nothing that the right line does not.
    """
    causes = {q.name: q.causes[0] for q in quantities if q.cause not in (None, "unknown")}
    told = []
    for slip in slips:
        known = [causes[n] for n in (*slip.names, *slip.inherited_by) if n in causes]
        terms = _TERMS if slip.repairs else ()
        known = [c for c in known if _CUT not in c.evidence and c.code not in terms]
        if slip.cause == "unknown" and known:
            slip = replace(slip, cause=known[0].code, reason=known[0].evidence)
        told.append(slip)
    return told


_TERMS = ("missing-term", "extra-term")
_CUT = "…"
"""What stands in a formula that is too long to be read."""


def _mistake(trial: Trial, truth: Truth, edits: Sequence[VerifiedEdit]) -> Mistake:
    """A slip that can be mended."""
    meaning = _meaning(trial, truth)
    repairs = []
    for found in edits:
        if found.move is not None and found.move.reason:
            told = [("wrong-operand", found.move.reason)]
        else:
            told = [reason(edit, meaning) for edit in found.edits]
        told = told or [("unknown", f"this should be {found.meant}")]
        line, text = _line_and_text(found)
        said = "; and ".join(dict.fromkeys(sentence for _, sentence in told))
        ours = not found.edits
        repairs.append(Repair(line, text, told[0][0], said, found.verified_at, ours))
    own = trial.made_at(edits[0].statement.place) & edits[0].names
    inherited = [name for name in _nearest_first(trial) if name in edits[0].names - own]
    first = repairs[0]
    return Mistake(
        first.line, first.cause, first.reason, tuple(repairs), tuple(sorted(own)), tuple(inherited)
    )


def _line_and_text(found: VerifiedEdit) -> tuple[Line, str]:
    """The line that is wrong, and the one that is right."""
    if found.move is not None:
        return found.move.line, found.move.text
    text = rewritten(found.statement, found.edited)
    return line_of(found.statement, text), text


def _unmended(
    trial: Trial, truth: Truth, budget: Budget, meant: Substituted | None
) -> list[Mistake]:
    """What no small change explains: the line that is wrong, if there is only one."""

    def rank(suspect: Suspect) -> tuple[float, bool, int]:
        is_meant = meant is not None and suspect.statement.place == meant.place
        return suspect.penalty, not is_meant, suspect.first

    every = sorted(Suspects(trial, truth, meant).upto(_ALONE), key=rank)
    unknown = [suspect for suspect in every if suspect.penalty < 1 and suspect.handed_right]
    if not unknown and (of_other_shape := list(_of_another_shape(trial, truth))):
        return of_other_shape
    makers = [suspect for suspect in every if suspect.statement.place in trial.places]
    if not unknown and len(makers) == 1:  # of single numbers it is not seen what they are
        unknown = makers
    if not unknown:
        return []
    suspect = unknown[0]
    own = trial.made_at(suspect.statement.place) & suspect.spoils
    inherited = [name for name in _nearest_first(trial) if name in suspect.spoils - own]
    sentence = "no single change of this line makes the gradients right"
    if budget.spent:
        sentence = f"the search stopped after {budget.seconds:g} s, {budget.tried} changes tried"
    elif meant is not None and meant.place == suspect.statement.place and meant.claims:
        sentence = f"this should be {truth.words(meant.claims[0])}; no small change makes it so"
        if missing := lacking(trial, truth, meant):
            needed = " and ".join(missing)
            sentence += f": it depends on {needed}, which is not at hand here; keep it in forward"
    sentence = _of_share(trial, truth, suspect) or sentence
    line = line_of(suspect.statement, None)
    return [Mistake(line, "unknown", sentence, (), tuple(sorted(own)), tuple(inherited))]


_ALONE = 1.9
"""How unlikely a statement may be wrong if it is the only one that may."""


def _of_share(trial: Trial, truth: Truth, suspect: Suspect) -> str:
    """What to say of a statement that makes a share of a gradient where the gradient belongs."""
    for event in trial.sites[suspect.event.site]:
        exact = [claim for claim in truth.claims(event.value) if claim.exact]
        if exact and all(claim.kind == "share" for claim in exact):
            (claim, *_), words = exact, truth.words(exact[0])
            if _CUT not in words:
                return f"{event.name} is but {words}; what comes by another way is left out"
            ways = sum(each is claim.node for node in truth.order for each in node.parents)
            told = f"{event.name} is but a share of a gradient, which comes by {ways} ways"
            return f"{told}: what the others hand back is left out"
    return ""


def _of_another_shape(trial: Trial, truth: Truth) -> Iterator[Mistake]:
    """The lines that by their names make a wrong gradient, where that has not its shape."""
    nodes: Mapping[str, Node] = trial.problem.nodes
    wrong = {nodes[name]: name for name in trial.wrong}
    for site, (event, *others) in trial.sites.items():
        node = truth.named(event.name)
        if others or node not in wrong or event.value.shape == np.shape(node.data):
            continue  # what runs in turns may make a part in each
        name = wrong[node]
        if event.value.size < np.size(node.data) and any(name in m for m in trial.moves(site)):
            del wrong[node]
            shape = event.value.shape
            made = f"an array of shape {shape}" if shape else "a single number"
            sentence = f"{name} has a gradient of shape {np.shape(node.data)}; this is {made}"
            line = line_of(trial.program.statement(site.place), None)
            yield Mistake(line, "shape", sentence, (), (), (name,))


def _nearest_first(trial: Trial) -> list[str]:
    rank = {node: i for i, node in enumerate(trial.problem.order)}
    nodes: Mapping[str, Node] = trial.problem.nodes
    return sorted(trial.names, key=lambda name: -rank.get(nodes[name], -1))


def _meaning(trial: Trial, truth: Truth) -> Callable[[str], str]:
    """What an operand of a line is, by its name and by the numbers that it had."""
    values = {
        event.name: event.value
        for event in trial.ran.events  # what is returned is named by its key, no variable
        if not isinstance(trial.program.statement(event.site.place).node, ast.Return)
    }
    numbers = trial.problem.used.numbers

    def meaning(text: str) -> str:
        if text in numbers:
            return f"{NUMBER}{numbers[text]:g}"
        if text not in values:
            return ""
        claims = [claim for claim in truth.claims(values[text]) if claim.exact]
        words = truth.words(claims[0]) if claims else ""
        return words if words != text and "[]" not in words else ""  # an item is no name of theirs

    return meaning
