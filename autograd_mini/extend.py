"""Operations of your own: elementwise ones as a row of the table, others as a primitive.

Both are first-class: recorded, differentiated to any order, drawn and checked like
those that come with the package.
"""

from __future__ import annotations

import ast
import keyword
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from autograd_mini.core import value
from autograd_mini.core.graph import quietly
from autograd_mini.core.operation import OPERATIONS, ArrayOperation, enter_seldom, register
from autograd_mini.core.rule import FUNCTIONS, RULES, Rule
from autograd_mini.core.tensor import Tensor, record
from autograd_mini.core.value import VALUE_FUNCTIONS
from autograd_mini.interface.functions import apply
from autograd_mini.language.texts import calls_in
from autograd_mini.typing import Function, Operand


def rule(
    name: str,
    formula: str,
    derivatives: Sequence[str | None] | str,
    *,
    sentence: str = "",
    domain: str = "",
    kinks: Mapping[str, str] | None = None,
    evaluate: str = "",
    defaults: Mapping[str, float] | None = None,
    evaluate_derivatives: Sequence[str | None] = (),
    pieces: str = "",
    **stated: Any,
) -> Function:
    """Add an elementwise operation to the table, and get its function.

    Arguments:
        name: a new name.  If NumPy has a ufunc of this name, it works on Tensors and Values
            from now on.
        formula, derivatives, sentence, domain, kinks, evaluate, defaults,
        evaluate_derivatives, pieces: the row, as in ``autograd_mini.operations.elementwise``.
        stated: what else a row can say (``branches``, ``analytic``, ``remedy``, ``notation``, …).

    Returns:
        A function of numbers, arrays, Values and Tensors.

    Raises:
        ValueError: the name is taken, or a text is not in the language of the table.

    >>> import numpy as np
    >>> from autograd_mini import Tensor, Value
    >>> softsign = rule("softsign", "x / (1 + abs(x))", ["1 / (1 + abs(x)) ** 2"])
    >>> y = softsign(Value(1.0))
    >>> y.data, y.local_derivatives
    (0.5, (0.25,))
    >>> softsign(Tensor([1.0, -3.0])).data
    array([ 0.5 , -0.75])
    """
    taken = _is_taken(name)
    if not name.isidentifier() or keyword.iskeyword(name) or taken:
        raise ValueError(
            f"{name!r} cannot name a new rule: "
            + ("the table has one of that name" if taken else "it is no Python name")
        )
    texts = (derivatives,) if isinstance(derivatives, str) else tuple(derivatives)
    row = Rule(
        name, formula, texts, sentence, domain, kinks or {}, evaluate, defaults or {},
        tuple(evaluate_derivatives), pieces, **stated,
    )  # fmt: skip
    for text in (
        formula,
        evaluate or "0",
        pieces or "0",
        row.branches or "0",
        row.analytic or "0",
        *filter(None, (*texts, *evaluate_derivatives)),
    ):
        for call in calls_in(text):
            called = ast.unparse(call.func)
            if called not in RULES and called != name:
                raise ValueError(
                    f"rule {name!r}: the table has no function {called!r} (in {text!r}); add it "
                    "first with rule(...)"
                )
            wanted = row if called == name else RULES[called]
            if len(call.args) != len(wanted.operands):
                raise ValueError(
                    f"rule {name!r}: {ast.unparse(call)!r} has {len(call.args)} operands; write "
                    f"{called}({', '.join(wanted.operands)})"
                )
    _ = row.on_floats  # a native rule must exist in math
    RULES[name] = row
    register(row)
    return _define(row)


def _define(row: Rule) -> Function:
    """Make a row's functions, for Values and for everything."""
    # only rows that are not in the generated modules need these
    from autograd_mini._build import generate, value_operations

    def function(*operands: Operand, **named: Operand) -> Operand:
        return apply(row.name, *row.bind(operands, named))

    function.__name__ = function.__qualname__ = row.name
    function.__doc__ = f"{row.sentence}\n\n``{row.formula}``"
    natives = {r.name: r.on_floats for r in RULES.values() if r.native}
    known = natives | vars(value_operations) | vars(value) | {generate.constant_of(row): row}
    scope: dict[str, Any] = {}
    exec("\n".join(generate.scalar_function(row)), known, scope)
    FUNCTIONS[row.name] = function
    VALUE_FUNCTIONS[row.name] = scope[row.name]
    return function


for _row in RULES.values():  # a row that was added to the table after the last generation
    if _row.name not in VALUE_FUNCTIONS:
        _define(_row)


def _is_taken(name: str) -> bool:
    """Whether the language or an operation has the name."""
    enter_seldom()
    return name in FUNCTIONS or name in OPERATIONS or name in VALUE_FUNCTIONS


def primitive(
    forward: Function,
    pullback: Function | Sequence[Function | None],
    *,
    name: str = "",
    sentence: str = "",
    formulas: Sequence[str | Callable[[Tensor], str] | None] = (),
    parts: Function | None = None,
    **stated: Any,
) -> Function:
    """An operation on whole arrays, from its forward function and its pullback.

    Arguments:
        forward: takes arrays (and options by keyword), gives an array.
        pullback: one function ``(g, out, *operands, **options)`` that gives a gradient for
            each operand (a tuple; ``None`` where nothing flows), or a sequence of functions,
            one for each operand, that give one gradient each.  It is NumPy code: over Tensors
            it is recorded, which makes second derivatives work.
        name: the operation's name; that of ``forward`` by default.  It must not be a rule's.
        formulas: for each operand, the gradient as a formula for ``explain``, in NumPy's
            functions without ``np.``, ``g``, ``out``, the operands ``x0``, ``x1``, ... and the
            options by name, such as ``"g * x1"``; or a function from the result to it.  Where
            there is none, ``explain`` derives it from the pullback, or, if that takes no Tensors
            or much to write, says that the pullback is called.
        parts: the composite of other operations that it equals, as a function of the same
            operands and options: what checks and explanations see through to.  By default
            ``forward`` itself, if it can be recorded with the same result.
        stated: what else can be said of an operation (``kinks``, ``branches``, ``analytic``,
            ``spelling``, ``broadcasts``, ``reads``, ``tangents``), as in
            ``autograd_mini.core.operation``.

    Returns:
        A function of arrays and Tensors, with options by keyword.

    Raises:
        ValueError: the name is a rule's.

    >>> import numpy as np
    >>> from autograd_mini import Tensor, gradients
    >>> solve = primitive(
    ...     np.linalg.solve,
    ...     lambda g, x, A, b: (-np.outer(y := solve(A.T, g), x), y),
    ...     name="solved",
    ... )
    >>> A, b = Tensor([[2.0, 0.0], [0.0, 4.0]]), Tensor([1.0, 1.0])
    >>> gradients(np.sum(solve(A, b)), b)
    array([0.5 , 0.25])
    """

    def share(index: int, *args: Operand, **options: object) -> Operand:
        found = pullback(*args, **options)  # type: ignore[operator]
        operands = len(args) - 2
        if operands == 1 and not isinstance(found, tuple):
            return found
        if not isinstance(found, tuple) or len(found) != operands:
            raise TypeError(
                f"the pullback of {made.name} must give a tuple of {operands} gradients, one for "
                f"each operand; it gave {type(found).__name__}"
                + (f" of {len(found)}" if isinstance(found, tuple) else "")
            )
        return found[index]

    name = name or getattr(forward, "__name__", "primitive")
    if _is_taken(name):
        raise ValueError(
            f"{name!r} cannot name a primitive: there is an operation of that name; give name="
        )
    pullbacks = share if callable(pullback) else tuple(pullback)
    made = ArrayOperation(
        name,
        forward,
        pullbacks,
        sentence,
        foreign=True,
        fused=True,
        formulas=formulas,
        parts=parts or _recorded(forward),
        **stated,
    )

    def function(*operands: Operand, **options: object) -> Operand:
        if any(isinstance(operand, Tensor) for operand in operands):
            return record(made, operands, options)
        return forward(*operands, **options)

    function.__name__ = function.__qualname__ = made.name
    function.__doc__ = sentence
    return function


_SAME = 1e-9
"""What a primitive's parts may round otherwise than the whole."""


def _recorded(forward: Function) -> Function:
    """What a forward function records over Tensors; ``None`` if it records nothing."""

    def parts(*operands: Operand, **options: object) -> Operand:
        with quietly(), suppress(Exception):  # a user's code, over what it may not be made for
            whole = forward(*operands, **options)
            if isinstance(whole, Tensor) and whole.operation is not None:
                plain = forward(*(getattr(o, "data", o) for o in operands), **options)
                same = np.shape(plain) == whole.shape
                if same and np.allclose(whole.data, plain, rtol=_SAME, atol=0, equal_nan=True):
                    return whole
        return None

    return parts
