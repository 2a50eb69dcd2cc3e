"""Break the engine and the checker in one line at a time: which breaks does no test catch?

Each break is applied to a copy of the repository, in which the tests that are meant to catch it
run on the plain build.  The command fails if a break survives, or if the line to break is gone.

    python benchmarks/breaks.py [WORD ...]     only breaks whose file or line has one of the words
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Break:
    """One line of a file written wrongly, and the tests that are meant to see it."""

    file: str
    old: str
    new: str
    tests: str


def tests(file: str, *names: str) -> str:
    """The tests of a file, all or these."""
    return " ".join(f"tests/{file}.py::test_{name}" for name in names) or f"tests/{file}.py"


SWEPT = tests(
    "core/test_graph",
    "a_second_sweep_doubles_the_leaves_and_replaces_the_rest",
    "every_node_s_gradient_is_the_sum_over_its_uses",
)
ASKED = tests(
    "core/test_graph",
    "gradients_are_arranged_as_asked_and_written_nowhere",
    "recorded_gradients_can_be_differentiated_again_and_again",
)
MASKED = tests(
    "core/test_tensor",
    "zero_times_infinity_is_kept_from_leaves_behind_a_product",
    "nan_that_comes_with_a_gradient_other_than_zero_is_kept",
)
CHANGED = tests(
    "core/test_tensor",
    "changing_what_the_sweep_needs_is_an_error",
    "an_update_between_steps_is_no_error",
)
OWNED = tests(
    "core/test_tensor",
    "gradients_of_leaves_share_no_memory",
    "each_operand_s_gradient_has_its_own_dtype",
)
BOTH = tests(
    "core/test_tensor",
    "numpy_code_for_a_network_runs_unchanged",
    "operators_in_both_orders_with_every_kind_of_constant",
)
BUILDS = (
    tests(
        "_build/test_builds",
        "zero_passes_nothing_through_an_infinite_derivative",
        "the_float_sweep_is_the_general_sweep",
    )
    + " "
    + tests("core/test_graph", "a_gradient_of_zero_passes_an_infinite_derivative_as_zero")
)
VALUES = tests("core/test_value")
TIES = tests("operations/test_arrays", "equal_extremes_share_the_gradient")
DIGITS = tests(
    "operations/test_magnitudes",
    "higher_derivatives_have_their_digits_where_the_result_has_rounded",
)
FEW = tests("operations/test_elementwise", "a_pullback_over_many_elements_is_that_over_few")
READS = tests("operations/test_arrays", "what_a_pullback_of_whole_arrays_reads_is_what_it_declares")
ROUNDED = tests(
    "check/test_check",
    "the_rounding_bound_covers_the_true_error_and_is_small",
    "rounding_of_another_order_of_operations_is_no_difference",
    "no_absolute_floor_hides_a_small_gradient",
    "cancellation_inside_a_pullback_is_rounding",
    "an_exponential_is_known_only_as_well_as_the_sum_that_it_was_recovered_from",
)
POINTS = tests(
    "check/test_check",
    "right_by_chance_at_a_special_point_is_found_nearby",
    "a_random_loss_or_manual_is_told_and_nothing_is_judged_by_it",
)
CALLS = tests(
    "check/test_tolerances", "a_tolerance_is_held_from_both_sides[determinism._SAME_NUMBERS]"
)
JUDGED = tests(
    "check/test_check",
    "at_a_kink_no_convention_is_called_wrong",
    "an_engine_that_is_wrong_is_called_the_odd_one_out",
    "no_absolute_floor_hides_a_small_gradient",
    "a_wrong_quantity_differs_and_the_others_agree",
    "a_wrong_element_that_no_step_was_taken_along_is_seen_along_all_of_them",
)
BLAMED = tests("check/test_fused", "a_slip_is_blamed_as_if_it_were_spelled_out")
CAUSES = tests("check/test_check", "what_is_a_little_off_does_not_follow_from_an_earlier_mistake")
JUDGED += " " + tests(
    "check/test_numerical",
    "slopes_of_a_greatest_element_must_fit_each_other",
    "slopes_of_several_elements_do_not_make_up_for_each_other",
    "what_is_not_recorded_is_seen_by_differences_and_not_overruled",
)

BREAKS = [
    # The sweep
    Break("core/graph.py", "totals[operand] + share if", "share if", SWEPT),
    Break("core/array_node.py", "before = before + share", "before = share", BOTH),
    Break("core/array_node.py", "create_graph, handed, True)", "create_graph, {}, False)", MASKED),
    Break("core/array_node.py", "handed.get(node, total) if handed else", "", BLAMED),
    Break("core/array_node.py", "if matters and not masked", "if False", MASKED),
    Break("core/graph.py", "uses[operand] += 1", "pass", SWEPT),
    Break("core/graph.py", "wanted.add(node)", "pass", ASKED),
    # Tensors
    Break("core/graph.py", "return bool(least != least)", "return False", MASKED),
    Break(
        "core/array_node.py",
        "(masked or node._origin is not None) and operation.elementwise",
        "False",
        MASKED,
    ),
    Break("core/broadcasting.py", "(data_of(gradient) == 0)", "True", MASKED),
    Break("interface/guards.py", "if changed > node._recorded:", "if False:", CHANGED),
    Break("interface/guards.py", "and operation.reads_operand(index, other)", "", CHANGED),
    Break("core/array_node.py", "share = share.copy()", "pass", OWNED),
    Break("core/broadcasting.py", "share = share.astype(operand._array.dtype)", "pass", OWNED),
    Break(
        "core/broadcasting.py",
        "if size == 1 and gradient.shape[axis + extra] != 1",
        "if False",
        BOTH,
    ),
    # Values
    Break("core/value_sweep.py", "x._grad += x._dx", "x._grad = x._dx", SWEPT),
    Break(
        "core/value_sweep.py", "x._grad += total * node._dx", "x._grad = total * node._dx", VALUES
    ),
    Break("core/value.py", "elif gradient:  #", "else:  #", BUILDS),
    Break("core/value.py", "if not same and shown is rule:", "if False:", VALUES),
    Break("operations/elementwise.py", "out * sigmoid(-x), out", "out * (1 - out), out", DIGITS),
    Break("interface/functions.py", "result.put(places, exceptions)", "pass", FEW),
    # Array rules: formulas, and what their sweeps read
    Break("operations/reductions.py", "g / shares, nothing)", "g, nothing)", TIES),
    Break(
        "operations/reductions.py",
        'reads="operands",\n    parts=_var_parts',
        "parts=_var_parts",
        READS,
    ),
    Break(
        "operations/reductions.py",
        'numpy=np.prod,\n    reads="operands out",',
        'numpy=np.prod,\n    reads="operands",',
        READS,
    ),
    # The checker: what is a difference
    Break("check/bounds.py", "_SAFETY = 64.0", "_SAFETY = 64e6", ROUNDED),
    Break("check/bounds.py", "_SAFETY = 64.0", "_SAFETY = 64e-3", ROUNDED),
    Break("check/bounds.py", "_UNITS = 8.0", "_UNITS = 8e6", ROUNDED),
    Break("check/bounds.py", "np.maximum(size, np.abs(whole.data), out=size)", "pass", ROUNDED),
    Break("check/determinism.py", "_SAME_NUMBERS = 64.0", "_SAME_NUMBERS = 64e9", CALLS),
    Break("check/points.py", "_NEARBY = 2.0**-10", "_NEARBY = 0.0", POINTS),
    Break("check/probe.py", "2 * self.errors + tolerance", "2e6 * self.errors", JUDGED),
    Break("check/probe.py", "self.spreads + 2", "2", JUDGED),
    Break("check/verdict.py", "agreed = not (wrong_here & refuted).any()", "agreed = True", JUDGED),
    Break(
        "check/verdict.py",
        "if (wrong_here & refuted & ~off).any():",
        "if wrong_here.any():",
        JUDGED,
    ),
    Break("check/verdict.py", "or numerical.refutes_along(automatic, tolerance)", "", JUDGED),
    Break("check/verdict.py", "not together.excludes(claim, room)", "True", JUDGED),
    Break("check/bounds.py", "<= bound) | (data", "<= 1e9 * bound) | (data", CAUSES),
]


def outcome(one: Break) -> str:
    """``"caught by"`` a test, ``"SURVIVED"`` or ``"GONE"``."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy"
        built = shutil.ignore_patterns(".*", "*.so", "*.pyd", "value.c", "dist", "*.egg-info")
        shutil.copytree(ROOT, copy, symlinks=True, ignore=built)
        path = copy / "autograd_mini" / one.file
        text = path.read_text()
        if one.old not in text:
            return "GONE"
        path.write_text(text.replace(one.old, one.new))
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
        found = subprocess.run(
            [*command, *one.tests.split()],
            cwd=copy,
            env={**os.environ, "AUTOGRAD_MINI_PURE": "1", "OPENBLAS_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        if found.returncode in (0, 5):
            return "SURVIVED"
        failed = [word for word in found.stdout.split() if "::" in word]
        if found.returncode != 1 or not failed:  # what is broken is no program
            return f"NOT RUN\n{found.stdout[-1000:]}{found.stderr[-1000:]}"
        return f"caught by {failed[-1].partition('[')[0].rpartition('::')[2]}"


def main(words: list[str]) -> int:
    chosen = [b for b in BREAKS if not words or any(w in b.file + b.old for w in words)]
    caught = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for one, found in zip(chosen, pool.map(outcome, chosen), strict=True):
            print(f"{one.file}: {one.old} -> {one.new or 'nothing'}: {found}", flush=True)
            caught += found.startswith("caught")
    print(f"{caught} of {len(chosen)} breaks are caught")
    return int(caught < len(chosen))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
