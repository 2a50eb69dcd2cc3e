"""What is wrong with a line, in a sentence that is made of the edit and of what the names are."""

from __future__ import annotations

import ast
from collections.abc import Callable

from autograd_mini.check.lines.edits import Edit
from autograd_mini.check.lines.formulas import (
    activation,
    formula,
    in_brackets,
    is_of_derivative,
    pair_in,
    sides,
    text_of,
    turns,
)
from autograd_mini.check.lines.line import is_matrix_product, name_of_call
from autograd_mini.check.lines.syntax import factors, number_of, with_part

Meaning = Callable[[str], str]
Told = tuple[str, str]

NUMBER = "the number "
"""How the meaning of a name begins that stands for a number."""


def is_number(meaning: str) -> bool:
    """Whether a name of this meaning stands for a number."""
    return meaning.startswith(NUMBER)


def _unless_number(meaning: str) -> str:
    return "" if is_number(meaning) else meaning


def reason(edit: Edit, meaning: Meaning) -> Told:
    """A code of ``CAUSES``, and what is wrong with the line, in a sentence.

    Arguments:
        edit: what makes the line right.
        meaning: what an operand is, such as ``"the gradient of z1"``; ``""`` if not known.

    >>> import numpy as np
    >>> from autograd_mini.check.lines.edits import edits, words_of
    >>> line = ast.parse("db = np.sum(dz, axis=1)").body[0]
    >>> every = edits(line, words_of(line, {"np": np, "dz": np.ones((5, 3))}))
    >>> (found,) = [e for e in every if ast.unparse(e.statement) == "db = np.sum(dz, axis=0)"]
    >>> reason(found, lambda text: "")
    ('wrong-axis', 'the sum runs over axis 1; it must run over axis 0')
    """
    code, tell = _TOLD[edit.kind]
    told = tell(edit, meaning)
    return told if isinstance(told, tuple) else (code, told)


# Sentences, by the kind of the edit


def _name(edit: Edit, meaning: Meaning) -> Told | str:
    old, new = text_of(edit.old), text_of(edit.new)
    call = next(iter(edit.around(edit.old)), None) if edit.old is not None else None
    alone = call if isinstance(call, ast.Call) and len(call.args) == 1 else None
    if alone and is_of_derivative(name := text_of(alone.func)):  # dense_backward takes more
        return "wrong-factor", f"{name} is taken of {old}; it must be taken of {new}"
    for node in ast.walk(edit.statement):
        if isinstance(node, ast.BinOp) and new in {text_of(n) for n in ast.walk(node)}:
            pair = pair_in(node, new)
            if pair is None and len(factors(node)) > 2:
                continue  # what else is a factor is no part of the slope
            name, derivative = activation(pair or node)
            if name and _is_in_slope(node, edit):
                return "wrong-factor", f"{name} is taken of {old}; it is {derivative}"
    before, after = meaning(old), meaning(new.removesuffix(".T"))
    if before and after and before != after:
        return "wrong-operand", f"{old} is {before}; here belongs {new}, {after}"
    if after:
        return "wrong-operand", f"{new}, {after}, belongs where {old} stands"
    return "wrong-operand", f"{new} belongs where {old} stands"


def _is_in_slope(node: ast.BinOp, edit: Edit) -> bool:
    """Whether the new operand stands in a local derivative, and nowhere else in the line."""
    new = text_of(edit.new)
    inside = sum(text_of(n) == new for n in ast.walk(pair_in(node, new) or node))
    return 0 < inside == sum(text_of(n) == new for n in ast.walk(edit.statement))


def _sign(edit: Edit, meaning: Meaning) -> str:
    if isinstance(edit.old, ast.AugAssign):
        added = isinstance(edit.old.op, ast.Add)
        return "what is added must be subtracted" if added else "what is subtracted must be added"
    if isinstance(edit.old, ast.UnaryOp):
        return f"the minus sign before {in_brackets(edit.old.operand)} is one too many"
    return f"the minus sign is missing: {formula(edit.new)}"


def _operator(edit: Edit, meaning: Meaning) -> Told | str:
    old, new = edit.old, edit.new
    if isinstance(old, ast.Assign) and isinstance(new, ast.AugAssign):
        target = text_of(new.target)
        return "missing-factor", f"what {target} was is lost: it must be multiplied, *= for ="
    if isinstance(old, ast.AugAssign) and isinstance(new, ast.AugAssign):
        divides = isinstance(new.op, ast.Div)
        return "scale", "it must be divided" if divides else "it must be multiplied"
    if not isinstance(old, ast.BinOp) or not isinstance(new, ast.BinOp):
        return "wrong-factor", f"{formula(new)} belongs where {formula(old)} stands"
    match old.op, new.op:
        case ast.Mult(), ast.Div():
            told = f"multiplied by {formula(old.right)} instead of divided"
            return ("scale" if number_of(old.right) else "wrong-factor"), told
        case ast.Div(), ast.Mult():
            told = f"divided by {formula(old.right)} instead of multiplied"
            return ("scale" if number_of(old.right) else "wrong-factor"), told
        case ((ast.Add() | ast.Sub()), (ast.Add() | ast.Sub())):
            return "sign", f"the sign of {formula(old.right)} is wrong: {formula(new)}"
        case ast.Mult(), ast.MatMult():
            return "missing-reduction", "* multiplies element by element; @ also sums"
        case ast.MatMult(), ast.Mult():
            return "extra-reduction", "@ also sums; element by element * multiplies"
    return "wrong-factor", f"{formula(new)} belongs where {formula(old)} stands"


def _transposed(edit: Edit, meaning: Meaning) -> str:
    rule = "z = x @ W gives dx = dz @ W.T and dW = x.T @ dz"
    old, new = edit.old, edit.new
    for one, two in zip(sides(old), sides(new), strict=False):
        if text_of(one) != text_of(two) and turns(two, one):
            return f"{text_of(one)} must be transposed: {rule}"
        if text_of(one) != text_of(two) and turns(one, two):
            return f"{text_of(two)} must not be transposed: {rule}"
    if text_of(old) == f"{text_of(new)}.T":
        return f"{text_of(new)} must not be transposed"
    if isinstance(new, ast.Attribute) and new.attr == "T":
        return f"{text_of(old)} must be transposed"
    return f"the axes must be those of {text_of(new)}"


def _swapped(edit: Edit, meaning: Meaning) -> Told | str:
    if isinstance(edit.old, ast.BinOp) and isinstance(edit.old.op, ast.Sub):
        return "sign", f"the difference is the wrong way round: {formula(edit.new)}"
    if is_matrix_product(edit.old):
        return (
            "transpose",
            f"the factors of the product are the wrong way round: {text_of(edit.new)}",
        )
    if isinstance(edit.old, ast.BinOp | ast.Call):
        return f"the operands are the wrong way round: {text_of(edit.new)}"
    if isinstance(edit.old, ast.Tuple | ast.List) and isinstance(edit.new, ast.Tuple | ast.List):
        pairs = zip(edit.old.elts, edit.new.elts, strict=True)
        moved = [formula(one) for one, other in pairs if text_of(one) != text_of(other)]
        return f"{' and '.join(moved)} each stand where the other belongs"
    return f"{text_of(edit.old)} and {text_of(edit.new)} each stand where the other belongs"


def _axis(edit: Edit, meaning: Meaning) -> str:
    def axis(node: ast.AST | None) -> str:
        if isinstance(node, ast.Call):
            given = [k.value for k in node.keywords if k.arg == "axis"]
            positional = [a for a in node.args if number_of(a) is not None]
            return axis(next(iter(given + positional), None))
        if isinstance(node, ast.Tuple):
            return f"axes {text_of(node)}"
        return "all axes" if node is None else f"axis {text_of(node)}"

    calls = [edit.old, *edit.around(edit.old)] if edit.old is not None else []
    name = next((name_of_call(n) for n in calls if n is not None and name_of_call(n)), "sum")
    return f"the {name} runs over {axis(edit.old)}; it must run over {axis(edit.new)}"


def _keepdims(edit: Edit, meaning: Meaning) -> str:
    if "keepdims" in text_of(edit.new):
        return "keepdims=True is missing: the axis that is summed over must stay, with size 1"
    return "keepdims is too many: the axis that is summed over must go"


def _reduction(edit: Edit, meaning: Meaning) -> Told:
    old, new = text_of(edit.old), text_of(edit.new)
    if "mean" in new and "sum" in old:
        return "sum-for-mean", "a sum stands where a mean belongs"
    if "sum" in new and "mean" in old:
        return "mean-for-sum", "a mean stands where a sum belongs"
    return "wrong-operand", f"{new} belongs where {old} stands"


def _inserted_reduction(edit: Edit, meaning: Meaning) -> str:
    name, axis = "sum", ""
    if isinstance(edit.new, ast.Call):
        name = name_of_call(edit.new)
        axis = "".join(
            f" over axis {text_of(k.value)}" for k in edit.new.keywords if k.arg == "axis"
        )
        axis = axis or " over all elements"
    told = f"the {name}{axis} is missing"
    return told + (": what was added to every row collects all rows" if axis[-1:] == "0" else "")


def _dropped_factor(edit: Edit, meaning: Meaning) -> Told | str:
    told = f"the factor {in_brackets(edit.old)} is too many"
    match next(iter(edit.around(edit.old)), None) if edit.old is not None else None:
        case ast.BinOp(op=ast.Div(), right=right) if right is edit.old:
            told = f"the division by {in_brackets(edit.old)} is too many"
    numbers = number_of(edit.old) is not None or is_number(meaning(text_of(edit.old)))
    return ("scale", told) if numbers else told


def _inserted_factor(edit: Edit, meaning: Meaning) -> str:
    if edit.new is None:
        return f"the factor {in_brackets(edit.old)} belongs there twice"
    part, operator = edit.added
    if part is None:
        return f"a factor is missing: {formula(edit.new)}"
    known = _unless_number(meaning(text_of(part)))
    tail = f": it is {known}" if known else ""
    if operator is ast.Div:
        return f"the division by {in_brackets(part)} is missing{tail}"
    if operator is ast.MatMult:
        return f"the product with {text_of(part)} is missing{tail}"
    return f"the factor {in_brackets(part)} is missing{tail}"


def _inserted_slope(edit: Edit, meaning: Meaning) -> str:
    part, operator = edit.added
    name, derivative = activation(part)
    if part is not None and isinstance(edit.old, ast.expr) and text_of(part).startswith("1 - "):
        rest = text_of(part).removeprefix("1 - ")
        if rest in {text_of(f) for f, _ in factors(edit.old)}:
            return _without_rest(rest)
    way = "division by" if operator is ast.Div else "factor"
    if name:
        return f"the {way} {name} = {derivative} is missing"
    return f"the {way} {in_brackets(part)}, the local derivative, is missing"


def _without_rest(out: str) -> str:
    return f"the factor (1 − {out}) of σ′ = {out}·(1 − {out}) is missing"


def _slope(edit: Edit, meaning: Meaning) -> Told | str:
    rest = "" if edit.old is None else text_of(edit.old)
    if edit.new is not None and text_of(edit.new) == f"{rest} * (1 - {rest})":
        return "missing-factor", _without_rest(rest)
    match edit.new:
        case ast.BinOp(out, ast.Mult(), ast.BinOp(_, ast.Sub(), ast.Call() as total)):
            if name_of_call(total) == "sum":
                one = f"{formula(out)}·(1 − {formula(out)})"
                return f"{one} is but softmax's diagonal: each output depends on all scores"
    name, derivative = activation(edit.new)
    if name and activation(edit.old)[0] == name and isinstance(edit.old, ast.expr):
        of = {text_of(n) for n in ast.walk(edit.old) if isinstance(n, ast.Name)}
        if len(of) == 1:
            return f"{name} is taken of {of.pop()}; it is {derivative}"
    if name:
        return f"the local derivative is {name} = {derivative}"
    return f"the local derivative is {formula(edit.new)}, not {formula(edit.old)}"


def _divided(edit: Edit, meaning: Meaning) -> Told:
    part, _ = edit.added
    text = in_brackets(part)
    known = _unless_number(meaning(text_of(part)))
    if "batch" in known or "mean" in known:
        return "sum-for-mean", f"the division by {text} is missing: the mean divides by {known}"
    if known:
        return "scale", f"the division by {text}, {known}, is missing"
    return "scale", f"the division by {text} is missing"


def _inserted_number(edit: Edit, meaning: Meaning) -> str:
    part, _ = edit.added
    return f"the factor {in_brackets(part)} is missing"


def _inserted_term(edit: Edit, meaning: Meaning) -> str:
    part, operator = edit.added
    part = edit.new if part is None else part  # which stands where there was nothing but a 0
    text = ("−" if operator is ast.Sub else "") + formula(part)
    if isinstance(part, ast.Name) and "next" in part.id:
        return f"{part.id}, what the following step passes on, is left out"
    known = _unless_number(meaning(text_of(part)))
    return f"the term {text}, {known}, is left out" if known else f"the term {text} is left out"


def _inserted_penalty(edit: Edit, meaning: Meaning) -> str:
    part, _ = edit.added
    return f"the term {formula(part)} of the regularisation is missing"


def _dropped_term(edit: Edit, meaning: Meaning) -> str:
    return f"the term {formula(edit.old)} is too many"


def _updated(edit: Edit, meaning: Meaning) -> str:
    match edit.old:
        case ast.AugAssign(target, _, step):
            return _updated_by(target, step)
        case ast.Assign([target], ast.BinOp(_, _, step)):
            return _updated_by(target, step)
        case ast.BinOp(target, _, step):
            told = f"{text_of(target)} belongs there as it is"
            return f"{told}, not after its update by {formula(step)}"
    return f"{text_of(edit.old)} comes too early"


def _updated_by(target: ast.expr, step: ast.expr) -> str:
    name = text_of(target)
    return f"{name} is used below after this update by {formula(step)}: update it at the end"


def _compared(edit: Edit, meaning: Meaning) -> str:
    old, new = edit.old, edit.new
    if isinstance(old, ast.Compare) and isinstance(new, ast.Compare):
        way = {ast.Gt: 1, ast.GtE: 1, ast.Lt: -1, ast.LtE: -1}
        one, two = way.get(type(old.ops[0]), 0), way.get(type(new.ops[0]), 0)
        if one * two < 0:
            return f"the mask is inverted: it must be {text_of(new)}"
    return f"the mask must be {text_of(new)}"


def _replaced(edit: Edit, meaning: Meaning) -> str:
    old = formula(edit.old)
    return f"{formula(edit.new)} belongs where {old} stands" if edit.new else f"{old} is too many"


def _power(edit: Edit, meaning: Meaning) -> str:
    if edit.new is None:
        return f"the exponent {text_of(edit.old)} is too many"
    match edit.new:
        case ast.BinOp(left, ast.Pow(), ast.Constant(2)):
            return f"{text_of(left)} must be squared"
        case ast.BinOp(left, ast.Pow(), ast.Constant(0.5)):
            return f"the root of {text_of(left)} is missing"
    return f"the exponent must be {formula(edit.new)}, not {formula(edit.old)}"


def _parentheses(edit: Edit, meaning: Meaning) -> str:
    return f"the parentheses stand elsewhere: {text_of(edit.new)}"


def _accumulated(edit: Edit, meaning: Meaning) -> str:
    if isinstance(edit.new, ast.AugAssign) and isinstance(edit.new.op, ast.Sub):
        return "it is taken from what was there before: -= for ="
    return "each pass adds its share to what was there before: += for ="


def _assigned(edit: Edit, meaning: Meaning) -> str:
    return "what was there before does not belong to it: = for +="


def _indexed(edit: Edit, meaning: Meaning) -> Told | str:
    if edit.new is None and isinstance(edit.old, ast.Constant) and edit.old.value is None:
        return "shape", "the new axis, None, is one too many"
    if edit.new is None or edit.old is None:
        return f"the index {text_of(edit.old)} is too many"
    read = next((n for n in edit.around(edit.old) if isinstance(n, ast.Subscript)), None)
    if read is None or not isinstance(edit.new, ast.expr):
        return f"the index must be {text_of(edit.new)}, not {text_of(edit.old)}"
    belongs = text_of(with_part(read, edit.old, edit.new))
    known = meaning(belongs)
    return f"{belongs}{f', {known},' if known else ''} belongs where {text_of(read)} stands"


def _kept_in_part(edit: Edit, meaning: Meaning) -> str:
    if isinstance(edit.new, ast.AugAssign):
        return f"only {text_of(edit.new.target)} has this term"
    first = "element" if ".r_[" in text_of(edit.new) else "column"
    return f"the first {first} of {text_of(edit.old)} has no such term"


def _leaking(edit: Edit, meaning: Meaning) -> str:
    return f"this branch hands on {formula(edit.new)}, not 0"


def _scattered(edit: Edit, meaning: Meaning) -> str:
    return "an index that is repeated adds up only with np.add.at"


def _looped(edit: Edit, meaning: Meaning) -> str:
    return f"the loop must run over {text_of(edit.new)}"


def _called(edit: Edit, meaning: Meaning) -> Told | str:
    call = edit.old.value if isinstance(edit.old, ast.Expr) else edit.old
    name = text_of(call.func if isinstance(call, ast.Call) else call)
    if edit.new is None or isinstance(edit.new, ast.Pass):
        if name.rpartition(".")[2] == "clip":
            return "clipped", "the gradient is clipped here: give it as it is before"
        return _without_call(edit) or f"{text_of(edit.old)} is too many"
    if isinstance(edit.new, ast.Call) and text_of(edit.old) in map(text_of, edit.new.args):
        return f"{text_of(edit.new.func)} is missing: {text_of(edit.new)}"
    return f"{text_of(edit.new)} belongs where {text_of(edit.old)} stands"


def _without_call(edit: Edit) -> Told | None:
    """That a local derivative is one of what was called, if it is."""
    call = next(iter(edit.around(edit.old)), None) if edit.old is not None else None
    if not isinstance(call, ast.Call) or not call.args:
        return None
    argument = text_of(call.args[0])
    for node in ast.walk(edit.statement):
        name, derivative = activation(node)
        if name and argument in map(text_of, ast.walk(node)):
            return "wrong-factor", f"{name} is taken of {argument}; it is {derivative}"
    return None


def _shaped(edit: Edit, meaning: Meaning) -> str:
    return (
        f"another {'product' if edit.kind == 'product' else 'shape'} is meant: {text_of(edit.new)}"
    )


def _reshaped(edit: Edit, meaning: Meaning) -> str:
    match edit.new:
        case ast.Call(args=[shape]):
            return f"the shape must be {text_of(shape)}: .reshape is missing"
    return _shaped(edit, meaning)


def _ordered(edit: Edit, meaning: Meaning) -> Told | str:
    if isinstance(edit.new, ast.Attribute) and edit.new.attr == "shape":
        return "shape", f"the shape must be {text_of(edit.new)}"
    return f"the axes are in the wrong order: {text_of(edit.new)}"


def _copied(edit: Edit, meaning: Meaning) -> str:
    return f"{text_of(edit.old)} is changed in place later on: a copy must be taken"


def _extra_slope(edit: Edit, meaning: Meaning) -> str:
    return f"a local derivative is one too many: that of {text_of(edit.old)}"


def _extra_reduction(edit: Edit, meaning: Meaning) -> str:
    if not any(part is edit.new for part in ast.walk(edit.old or edit.statement)):
        base = formula(edit.new.right if isinstance(edit.new, ast.BinOp) else edit.new)
        return f"a penalty stands where its gradient belongs: for {base}² it is 2·{base}"
    return f"it must not be summed: {text_of(edit.new)}"


def _matrix(edit: Edit, meaning: Meaning) -> str:
    if not isinstance(edit.new, ast.Call) or not edit.new.args:
        return _inserted_factor(edit, meaning)
    sides = [a for a in [*edit.new.args, edit.new.func] if text_of(a) != text_of(edit.old)]
    return f"the product with {text_of(sides[0])} is missing"


Tell = Callable[[Edit, Meaning], Told | str]

_TOLD: dict[str, tuple[str, Tell]] = {
    "accumulate": ("missing-term", _accumulated),
    "add.at": ("missing-term", _scattered),
    "assign": ("extra-term", _assigned),
    "axis": ("wrong-axis", _axis),
    "axis order": ("axis-order", _ordered),
    "comparison": ("wrong-factor", _compared),
    "constant": ("scale", _replaced),
    "copy": ("updated-value", _copied),
    "divide by number": ("scale", _divided),
    "drop call": ("wrong-operand", _called),
    "drop factor": ("extra-factor", _dropped_factor),
    "drop index": ("wrong-operand", _indexed),
    "drop option": ("shape", _replaced),
    "drop reduction": ("extra-reduction", _extra_reduction),
    "drop slope": ("extra-factor", _extra_slope),
    "drop term": ("extra-term", _dropped_term),
    "einsum": ("axis-order", _replaced),
    "function": ("wrong-operand", _called),
    "index": ("wrong-operand", _indexed),
    "insert call": ("wrong-operand", _called),
    "insert factor": ("missing-factor", _inserted_factor),
    "insert matrix": ("missing-factor", _matrix),
    "insert number": ("scale", _inserted_number),
    "insert penalty": ("missing-term", _inserted_penalty),
    "insert reduction": ("missing-reduction", _inserted_reduction),
    "insert slope": ("missing-factor", _inserted_slope),
    "insert term": ("missing-term", _inserted_term),
    "keep a part": ("extra-term", _kept_in_part),
    "keepdims": ("shape", _keepdims),
    "leak": ("wrong-factor", _leaking),
    "loop": ("wrong-operand", _looped),
    "name": ("wrong-operand", _name),
    "name throughout": ("wrong-operand", _name),
    "new axis": ("shape", _shaped),
    "operator": ("wrong-factor", _operator),
    "parentheses": ("wrong-factor", _parentheses),
    "power": ("wrong-factor", _power),
    "product": ("missing-reduction", _shaped),
    "reduction": ("sum-for-mean", _reduction),
    "reshape": ("shape", _reshaped),
    "sign": ("sign", _sign),
    "slice": ("wrong-operand", _indexed),
    "slope": ("wrong-factor", _slope),
    "swap operands": ("wrong-operand", _swapped),
    "transpose": ("transpose", _transposed),
    "update": ("updated-value", _updated),
}
"""For each kind of edit the code that it usually has, and what tells it."""
