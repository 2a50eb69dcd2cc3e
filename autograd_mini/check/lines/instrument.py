"""A function compiled anew, with a call of a hook where a statement makes a value."""

from __future__ import annotations

import ast
import copy
import functools
from collections.abc import Mapping, Sequence
from types import CodeType
from typing import Any, TypeVar, cast

from autograd_mini.check.lines.source import COMPOUND, Headed, Place, Unit
from autograd_mini.check.lines.syntax import target_of, with_own_lists
from autograd_mini.recording.functions import WRITING

HOOKS = (
    "__made__", "__unpacked__", "__wrote__", "__follow__", "__reached__", "__chosen__",
    "__turned__",
)  # fmt: skip
"""What the compiled code calls.

``made(site, name, value)`` gives the value to go on with, ``unpacked(sites, names, values)``
several; ``wrote(site, name, base, index)`` is told of what was written into; ``follow(function)``
gives what is called in its place; ``reached()`` comes before the statement that is waited for, and
``chosen()`` counts to the statement that runs, of several in one place; ``turned(place)`` comes
first in each turn of a loop, where that is asked for.
"""

WHOLE, PART, HANDED = 0, 1, 2
"""What of a statement's target an event is: all that it holds after, or what was put or added;
or an argument that a function is handed where it begins."""

T = TypeVar("T", bound=ast.AST)

_MADE, _UNPACKED, _WROTE, _FOLLOW, _REACHED, _CHOSEN, _TURNED = HOOKS


def instrumented(
    unit: Unit,
    edits: Mapping[Place, Sequence[ast.stmt | ast.Module]],
    before: Place | None,
    around: tuple[str, ...],
    turns: bool = False,
) -> CodeType:
    """The code of a function with hooks.

    Arguments:
        unit: the function.
        edits: statements in the place of some of it.
        before: the statement before which ``reached`` is called.
        around: the variables of functions around it that it uses.
        turns: whether ``turned`` is called in each turn of a loop.
    """
    return (
        _compiled(unit, edits, before, around, turns)
        if edits
        else _plain(unit, before, around, turns)
    )


@functools.lru_cache(maxsize=256)
def _plain(unit: Unit, before: Place | None, around: tuple[str, ...], turns: bool) -> CodeType:
    """The same without edits: several programs run it."""
    return _compiled(unit, {}, before, around, turns)


def _compiled(
    unit: Unit,
    edits: Mapping[Place, Sequence[ast.stmt | ast.Module]],
    before: Place | None,
    around: tuple[str, ...],
    turns: bool,
) -> CodeType:
    definition = copy.copy(unit.tree)
    definition.decorator_list = []
    hooked = _Hooked(unit, edits, before, turns)
    definition = hooked.copied(definition)
    definition.body[:0] = hooked.handed(unit.tree)
    name = definition.name = unit.tree.name if unit.tree.name.isidentifier() else "_lambda"
    definition.returns = None
    inner: ast.stmt = definition
    for owner in reversed(unit.classes):
        inner = ast.ClassDef(owner, [], [], [inner], [])
    # What a method calls by the name of its class is the class itself, not this one
    own = [name for name in unit.classes[:1] if name not in around]
    arguments = [ast.arg(name) for name in (*HOOKS, *(n for n in around if n != "__class__"))]
    outer = ast.FunctionDef(
        "__around__",
        ast.arguments([], arguments, None, [], [], None, []),
        [*(ast.Global([name]) for name in own), inner],
        [],
        None,
    )
    module = ast.fix_missing_locations(ast.Module([ast.copy_location(outer, unit.tree)], []))
    return _code_named(compile(module, unit.file, "exec"), [_OUTER, *unit.classes, name])


_OUTER = "__around__"


def with_hooks(unit: Unit, value: ast.expr) -> ast.expr:
    """An expression of a function, whose calls pass through the hook that follows them."""
    return cast(ast.expr, _Hooked(unit, {}, None).visit(value))


def _code_named(code: CodeType, path: list[str]) -> CodeType:
    """The code inside code that is reached by a path of names."""
    for name in path:
        (code,) = [c for c in code.co_consts if isinstance(c, CodeType) and c.co_name == name]
    return code


class _Hooked(ast.NodeTransformer):
    """Puts the hooks in; never changes the tree that it is given."""

    def __init__(
        self,
        unit: Unit,
        edits: Mapping[Place, Sequence[ast.stmt | ast.Module]],
        before: Place | None,
        turns: bool = False,
    ) -> None:
        self.unit, self.edits, self.before, self.turns = unit, edits, before, turns
        self.function = [unit.tree.name]

    # A tree is copied on the way: what is visited is a copy of the node with its children visited.

    def generic_visit(self, node: ast.AST) -> ast.AST:
        return super().generic_visit(with_own_lists(node))

    def copied(self, node: T) -> T:
        return cast(T, self.generic_visit(node))

    def visit(self, node: ast.AST) -> ast.AST | list[ast.stmt]:
        if isinstance(node, Headed):
            return self.headed(node)
        if not isinstance(node, ast.stmt) or isinstance(node, COMPOUND):
            return cast(ast.AST, super().visit(node))
        place = self.unit.place(node)
        if place not in self.edits and place != self.before:
            if (place, self.turns) not in self.unit.hooked:
                self.unit.hooked[place, self.turns] = self.placed(self.hooked(node), node)
            return self.unit.hooked[place, self.turns]
        several = [self.hooked(other) for other in self.edits.get(place, [node])]
        statements = several[0] if len(several) == 1 else _chosen(several)
        if place == self.before:
            statements = [ast.Expr(_call(_REACHED)), *statements]
        return self.placed(statements, node)

    def placed(self, statements: list[ast.stmt], node: ast.stmt) -> list[ast.stmt]:
        """Statements where one stands, complete."""
        return [ast.fix_missing_locations(ast.copy_location(each, node)) for each in statements]

    def headed(self, node: Headed) -> ast.AST | list[ast.stmt]:
        """A loop or condition, in the first line of which one of several expressions counts."""
        place = self.unit.place(node)
        several: Sequence[Any] = self.edits.get(place, [node])
        made: Any = self.copied(node)
        part = "iter" if isinstance(node, ast.For) else "test"
        visited = [cast(ast.expr, self.visit(getattr(one, part))) for one in several]
        setattr(made, part, _chosen_part(visited))
        if self.turns and not isinstance(node, ast.If):
            made.body = [ast.copy_location(ast.Expr(self.turned(node)), node.body[0]), *made.body]
        return [ast.Expr(_call(_REACHED)), made] if place == self.before else made

    def turned(self, loop: ast.stmt | ast.expr) -> ast.expr:
        """What tells that a loop begins a turn."""
        return _call(_TURNED, ast.Constant(self.unit.place(loop)))  # type: ignore[arg-type]

    def handed(self, definition: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.stmt]:
        """What tells of the arguments of a function, where it begins."""
        arguments = definition.args
        every = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
        return [
            ast.Expr(self.value(definition, i, HANDED, each.arg, ast.Name(each.arg, ast.Load())))
            for i, each in enumerate(every)
        ]

    def hooked(self, node: ast.stmt | ast.Module) -> list[ast.stmt]:
        if isinstance(node, ast.Module):
            return [made for each in node.body for made in self.hooked(each)]
        made = super().visit(node)
        return made if isinstance(made, list) else [made]

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.function.append(node.name)
        made = self.generic_visit(node)
        self.function.pop()
        return made

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        return self.generic_visit(node)

    def visit_ListComp(self, node: ast.ListComp | ast.GeneratorExp) -> ast.AST:
        made = self.copied(node)
        if self.turns:
            both = ast.Tuple([self.turned(node), made.elt], ast.Load())
            made.elt = ast.Subscript(both, ast.Constant(1), ast.Load())
        return made

    visit_GeneratorExp = visit_ListComp

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        made = self.copied(node)
        if node.attr in _NARROW and isinstance(node.ctx, ast.Load):
            made.attr = _WIDE
        return made

    def visit_Call(self, node: ast.Call) -> ast.AST:
        called = getattr(node.func, "attr", "")
        if called == "finfo":  # what it says of a dtype is a number of the code
            return node
        made = self.copied(node)
        narrow = [each for each in made.keywords if each.arg == "dtype" and _is_narrow(each.value)]
        for keyword in narrow:
            made.keywords[made.keywords.index(keyword)] = ast.keyword("dtype", ast.Constant(_WIDE))
        if called in ("astype", "dtype") and made.args and _is_narrow(made.args[0]):
            made.args[0] = ast.Constant(_WIDE)
        if isinstance(node.func, ast.Name | ast.Attribute | ast.Subscript):
            made.func = ast.copy_location(_call(_FOLLOW, made.func), node.func)
        return made

    def visit_Assign(self, node: ast.Assign) -> ast.AST | list[ast.stmt]:
        made = self.copied(node)
        target = node.targets[0]
        if isinstance(target, ast.Tuple | ast.List):
            made.value = self.unpacked(node, target.elts, made.value)
            return [made, *(w for t in target.elts for w in self.written(node, t))]
        slot = PART if isinstance(target, ast.Subscript) else WHOLE
        made.value = self.value(node, 0, slot, ast.unparse(target), made.value)
        return [made, *self.written(node, target)]

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | list[ast.stmt]:
        made = self.copied(node)
        if made.value is not None:
            made.value = self.value(node, 0, WHOLE, ast.unparse(node.target), made.value)
        return made

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST | list[ast.stmt]:
        made = self.copied(node)
        name = ast.unparse(node.target)
        if isinstance(node.op, ast.Add | ast.Sub):
            made.value = self.value(node, 0, PART, name, made.value)
        if isinstance(node.target, ast.Subscript):
            return [made, *self.written(node, node.target)]
        after = ast.Assign([_as(ast.Store(), node.target)], None)  # type: ignore[arg-type]
        after.value = self.value(node, 0, WHOLE, name, _as(ast.Load(), node.target))
        return [made, after]

    def visit_Return(self, node: ast.Return) -> ast.AST | list[ast.stmt]:
        made = self.copied(node)
        value = made.value
        if value is None or (isinstance(value, ast.Constant) and value.value is None):
            return made
        if isinstance(value, ast.Lambda):  # a pullback: what is of interest is what that gives
            value.body = self.value(node, 0, 0, f"{self.function[-1]}()", value.body)
        elif isinstance(value, ast.Dict):
            value.values = [
                self.value(node, i, WHOLE, _key_text(key), item)
                for i, (key, item) in enumerate(zip(value.keys, value.values, strict=True))
            ]
        elif isinstance(value, ast.Tuple) and isinstance(node.value, ast.Tuple):
            value.elts = [
                item
                if isinstance(item, ast.Starred)
                else self.value(node, i, WHOLE, ast.unparse(node.value.elts[i]), item)
                for i, item in enumerate(value.elts)
            ]
        else:
            made.value = self.value(node, 0, WHOLE, f"{self.function[-1]}()", value)
        return made

    def visit_Expr(self, node: ast.Expr) -> ast.AST | list[ast.stmt]:
        made = self.copied(node)
        call, after = node.value, made.value
        if not isinstance(call, ast.Call) or not isinstance(after, ast.Call):
            return made
        attribute = target_of(node)
        if attribute is not None:
            name = ast.unparse(attribute)
            after.args[-1] = self.value(node, 0, WHOLE, name, after.args[-1])
            return made
        if not isinstance(call.func, ast.Attribute):
            return made
        if call.func.attr in ("append", "insert", "appendleft") and call.args:
            name = f"{ast.unparse(call.func.value)}[]"
            after.args[-1] = self.value(node, 0, WHOLE, name, after.args[-1])
            return made
        written = [keyword.value for keyword in call.keywords if keyword.arg == "out"]
        if call.func.attr in _INTO and call.args:
            written.append(call.args[0])
        return [made, *(w for target in written for w in self.wrote(node, target, None))]

    def value(self, node: ast.stmt, item: int, slot: int, name: str, value: ast.expr) -> ast.expr:
        return _call(_MADE, self.site(node, item, slot), ast.Constant(name), value)

    def unpacked(self, node: ast.stmt, targets: list[ast.expr], value: ast.expr) -> ast.expr:
        if any(isinstance(target, ast.Starred) for target in targets):
            return value
        names = [ast.unparse(target) for target in targets]
        sites = [self.site(node, i, WHOLE) for i in range(len(targets))]
        constants = ast.Constant(tuple(names))  # type: ignore[arg-type]
        return _call(_UNPACKED, ast.Tuple(sites, ast.Load()), constants, value)

    def written(self, node: ast.stmt, target: ast.expr) -> list[ast.stmt]:
        """What tells that a target inside an array or container was written."""
        if not isinstance(target, ast.Subscript):
            return []
        sliced = any(isinstance(part, ast.Slice) for part in ast.walk(target.slice))
        plain = not sliced and _is_pure(target.slice)
        return self.wrote(node, target, target.slice if plain else None)

    def wrote(self, node: ast.stmt, target: ast.expr, index: ast.expr | None) -> list[ast.stmt]:
        base = target.value if isinstance(target, ast.Subscript) and index is not None else target
        if isinstance(target, ast.Subscript):
            base = target.value
        if not isinstance(base, ast.Name | ast.Attribute | ast.Subscript) or not _is_pure(base):
            return []
        at = ast.Constant(None) if index is None else _as(ast.Load(), index)
        loaded = _as(ast.Load(), base)
        names = ast.Constant((ast.unparse(target), ast.unparse(base)))  # type: ignore[arg-type]
        return [ast.Expr(_call(_WROTE, self.site(node, 0, WHOLE), names, loaded, at))]

    def site(self, node: ast.stmt, item: int, slot: int) -> ast.expr:
        return ast.Constant((self.unit.place(node), item, slot))  # type: ignore[arg-type]


_INTO = {"at", *(function.__name__ for function in WRITING)}
"""What the functions and methods are called that write into their first argument."""

_NARROW = ("float32", "float16", "single", "half")
_WIDE = "float64"
"""In which the code is checked, whatever it computes in."""


def _is_narrow(node: ast.expr) -> bool:
    """Whether it is the text of a dtype of less than 64 bits."""
    if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
        return False
    return node.value in (*_NARROW, "f", "e", "f4", "f2", "<f4", "<f2")


def narrow_lines(tree: ast.AST) -> list[int]:
    r"""The lines in which numbers of less than 64 bits are asked for.

    >>> narrow_lines(ast.parse("x = np.zeros(3, dtype='f')\ny = x.astype(np.float32)"))
    [1, 2]
    """
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            asked = [keyword.value for keyword in node.keywords if keyword.arg == "dtype"]
            asked += node.args[:1] if getattr(node.func, "attr", "") in ("astype", "dtype") else []
            found |= {node.lineno for one in asked if _is_narrow(one)}
        elif isinstance(node, ast.Attribute) and node.attr in _NARROW:
            found.add(node.lineno)
    return sorted(found)


def _chosen(several: Sequence[list[ast.stmt]], first: int = 0) -> list[ast.stmt]:
    """The statements of which one runs, those of number ``first`` and on, as a tree of ifs."""
    if len(several) == 1:
        return several[0]
    half = len(several) // 2
    asked = ast.Compare(_call(_CHOSEN), [ast.Lt()], [ast.Constant(first + half)])
    return [ast.If(asked, _chosen(several[:half], first), _chosen(several[half:], first + half))]


def _chosen_part(several: Sequence[ast.expr], first: int = 0) -> ast.expr:
    """The expressions of which one counts, as a tree of conditional expressions."""
    if len(several) == 1:
        return several[0]
    half = len(several) // 2
    asked = ast.Compare(_call(_CHOSEN), [ast.Lt()], [ast.Constant(first + half)])
    parts = _chosen_part(several[:half], first), _chosen_part(several[half:], first + half)
    return ast.IfExp(asked, *parts)


def _call(hook: str, *arguments: ast.expr) -> ast.Call:
    return ast.Call(ast.Name(hook, ast.Load()), list(arguments), [])


def _as(context: ast.expr_context, node: ast.expr) -> Any:
    """An expression that can be a target as one that is read, or the other way round."""
    made: Any = copy.deepcopy(node)
    if hasattr(made, "ctx"):
        made.ctx = context
    return made


def _is_pure(node: ast.AST) -> bool:
    """Whether to compute it twice changes nothing."""
    return not any(isinstance(n, ast.Call | ast.Await | ast.NamedExpr) for n in ast.walk(node))


def _key_text(key: ast.expr | None) -> str:
    return str(key.value) if isinstance(key, ast.Constant) else ast.unparse(key) if key else "**"
