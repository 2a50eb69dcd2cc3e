"""Manual against automatic against numerical gradients.

A check is a line of stages.  Each is a function that takes the problem, which says what is
checked, and what the stages before it have shown, and adds to that:

1. ``problem``: a recorded loss, and gradients of it that were derived by hand;
2. ``capture`` makes one from two functions, ``loss`` and ``manual``;
3. ``bounds``: the automatic gradients, and how much of each is rounding;
4. ``probe``: numerical derivatives, as exact as is needed;
5. ``verdict``: agree, differ, or cannot tell; at the ``points`` where that says most;
6. ``blame``: which quantities are wrong by their own line, and which inherit it;
7. ``lines.located``: which line of the hand-derived code is wrong, and what is right there;
8. ``causes``: of what no line explains, what single slip makes these numbers;
9. ``lint``: what shapes, labels and values say, and which other loss is meant (``losses``);
10. ``report``: all of it told.

``pipeline`` has ``check_gradients`` and calls one after the other.  The modules between them
hold what the stage after them needs; none imports one that comes later.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autograd_mini.check.layer import check_backward as check_backward
    from autograd_mini.check.open_graph import compare as compare
    from autograd_mini.check.pipeline import check_gradients as check_gradients
    from autograd_mini.check.report import GradientError as GradientError
    from autograd_mini.check.report import GradientReport as GradientReport
    from autograd_mini.check.result import Quantity as Quantity
    from autograd_mini.check.training import check_script as check_script
    from autograd_mini.check.training import check_step as check_step


def __getattr__(name: str) -> object:
    """The stages are imported when a check is first asked for."""
    if name in _LAZY:
        return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


_LAZY = {
    "check_backward": "layer",
    "compare": "open_graph",
    "check_gradients": "pipeline",
    "GradientError": "report",
    "GradientReport": "report",
    "Quantity": "result",
    "check_script": "training",
    "check_step": "training",
}
"""Where each name is."""

ORDER = (
    "refusal", "formats", "progress", "holders", "lines", "lines.syntax", "lines.formulas",
    "lines.values", "lines.words", "lines.line", "lines.elementwise", "lines.parentheses",
    "lines.factors", "lines.terms", "lines.lost", "lines.calls", "lines.products",
    "lines.statements", "lines.source", "deadline", "lines.budget", "lines.edits", "lines.by_name",
    "lines.state", "lines.instrument", "lines.program", "result", "scope", "structure", "moved",
    "problem", "forms", "frames", "broadcasting", "plain_loss", "unrecorded", "capture", "bounds",
    "determinism", "kinks", "complex_step", "probe", "verdict", "points", "wording", "conventions",
    "true_step", "blame", "lines.claims", "pairs", "pairs.context", "pairs.places", "pairs.roles",
    "pairs.matching", "pairs.pair", "pairs.first_run", "pairs.problem", "lines.trial", "lines.rows",
    "lines.arranged", "lines.operands", "lines.substituted", "lines.suspects", "lines.texts",
    "lines.misnamed", "lines.reasons", "lines.candidates", "lines.moves", "lines.verified",
    "lines.own_words", "lines.written", "lines.repair", "lines.failing", "lines.listing",
    "lines.located", "slips", "causes", "forward", "lint", "losses", "report.mistakes",
    "report.view", "report.patch", "report.text", "report.style", "report.page", "report.to_json",
    "report", "pipeline", "layer", "open_graph", "steps", "steps.variables", "steps.step",
    "steps.recorded", "steps.multiples", "steps.averages", "steps.updates", "steps.additions",
    "steps.unmoved", "steps.decay", "steps.meant", "steps.residuals", "steps.fit", "steps.asked",
    "steps.factor", "steps.sources", "steps.trained", "steps.watched", "steps.fitting",
    "steps.turns", "steps.raised", "steps.assumed", "steps.posed", "scripts", "scripts.text",
    "scripts.held_back", "scripts.given", "scripts.blocks", "scripts.execution",
    "scripts.optimisers", "scripts.loops", "scripts.layers", "training",
)  # fmt: skip
"""The modules in the order of the stages."""
