"""Which loss is meant?  What is returned, printed, kept in a list, added up, or called so."""

from __future__ import annotations

import ast
import copy
import re
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograd_mini.check.lines.instrument import HANDED, PART, with_hooks
from autograd_mini.check.lines.program import Program, Site
from autograd_mini.check.lines.source import Place, Statement
from autograd_mini.check.steps.averages import is_average
from autograd_mini.check.steps.decay import Decay
from autograd_mini.check.steps.recorded import Made, Ran
from autograd_mini.check.steps.updates import statement_of
from autograd_mini.check.steps.variables import Held, Path, as_numbers
from autograd_mini.check.structure import is_of_squares_or_logarithms
from autograd_mini.core.graph import Node
from autograd_mini.core.tensor import Tensor
from autograd_mini.recording import node_of
from autograd_mini.typing import Operand

Names = Mapping[str, Any]

_LOSS = re.compile(
    r"(?:^|[^a-z])(?:[a-z]+_)*(?:loss|losses|cost|costs|error|errors|err|objective|nll|mse|rmse|sse|"
    r"ssr|risk|energy|criterion|cross_?entropy|crossentropy|xent|ce|bce|logloss|likelihood|perplexity)"
    r"(?:s|_?(?:sum|total|list|history|fn|func|function|train|avg|mean|val(?:ue)?|hist|log|curve"
    r"|\d+))*(?:$|[^a-z])|^[JEL](?:_?(?:total|tot|hist|history|\d+))*(?:\[\])?$",
    re.IGNORECASE,
)
"""Names of losses."""
_GRADIENT = re.compile(
    r"(?:^|[._])(?:d|grad|gradient|delta|derivative|dl|dj|de)(?:_|[A-Z])"
    r"|(?:_|[a-z](?=[A-Z]))(?:grad(?:s|ient|ients)?|delta|prime|der(?:iv)?(?:ative)?s?|d|back(?:ward)?"
    r"|slope|Grad(?:ient)?|Prime|Deriv(?:ative)?|Delta|Backward)$"
)
_ASCENDS = re.compile(
    r"likelihood|log_?lik|log_?(?:prob|post|p|l)(?:$|_|\[)|(?:^|_)ll(?:$|_|\[)|reward|elbo|evidence|return"
    r"|utility|fitness",
    re.IGNORECASE,
)
_NEGATED = re.compile(r"^\s*-|neg|minus|loss|cost", re.IGNORECASE)
_EITHER = re.compile(r"objective|score|gain", re.IGNORECASE)


@dataclass(frozen=True)
class Loss:
    """How the loss is found in a recorded run.

    Attributes:
        words: what it is, and where, in a sentence.
        text: what it is called.
        event: the statement that makes it, at which turn, and which item of what it makes.
        key: which item of what the step returns, in a list of one; ``None`` where it is none.
        place: the statement before which ``texts`` are computed.
        texts: expressions of which it is made; of several the first is an output, the second a
            target.
        form: how the loss is made of these, for one turn of the statement.
        explicit: whether the code has it: otherwise it was chosen by what is derived.
        rank: how likely it is that it is meant; the less, the likelier.
        decay: what updates take away of parameters besides, by the ways that lead to them: then
            the penalties of which that is the gradient are of it.
    """

    words: str
    text: str
    event: tuple[Site, int, Any] | None = None
    key: tuple[Any, ...] | None = None
    place: Place | None = None
    texts: tuple[str, ...] = ()
    form: Callable[..., Operand] | None = None
    explicit: bool = True
    rank: int = 0
    decay: Mapping[tuple[Path, ...], Decay] = field(default_factory=dict)

    def sign(self, ratios: Sequence[float | None]) -> float:
        """1, or -1 where it is made greater: by its name, or by all updates if that says neither.

        Arguments:
            ratios: what each update is times the gradient; ``None`` where it is no multiple.
        """
        known = [ratio for ratio in ratios if ratio]
        rises = bool(known) and all(ratio < 0 for ratio in known)
        either = rises and _EITHER.search(self.text)
        ascends = _ASCENDS.search(self.text) and not _NEGATED.search(self.text)
        return -1.0 if either or ascends else 1.0

    def visitor(self, found: list[tuple[Any, ...]]) -> Callable[[Program, Names], None] | None:
        """What puts the values of ``texts`` into a list, each time they can be computed."""
        place = self.place
        if place is None:
            return None
        codes: list[types.CodeType] = []

        def visit(program: Program, names: Names) -> None:
            if not codes:
                unit = program.statement(place).unit
                for text in self.texts:
                    value = with_hooks(unit, ast.parse(text, mode="eval").body)
                    value = ast.fix_missing_locations(value)
                    codes.append(compile(ast.Expression(value), "<loss>", "eval"))
            try:
                found.append(tuple(_as_it_is(program.value(code, names)) for code in codes))
            except Exception:  # a name is not there at this turn
                return

        return visit

    def number(self, ran: Ran, visited: Sequence[tuple[Any, ...]]) -> float | None:
        """The loss as a number, of a run that is not recorded; ``None`` where it was not made."""
        if self.event is not None:
            made = (m.value for m in ran.made if m.at == self.event)
            value = next(made, None)
        elif self.key is not None:
            value = _item(ran.result, self.key)
        else:
            value = visited[0][0] if visited and self.form is None else None
        numbers = as_numbers(value)
        return None if numbers is None or numbers.size != 1 else float(numbers.reshape(()))

    def root(self, ran: Ran, visited: Sequence[tuple[Any, ...]]) -> Node | None:
        """The loss as a node, or ``None`` where it was not made."""
        if self.event is not None:
            for made in ran.made:
                if made.at == self.event:
                    return made.node
            return None
        if self.key is not None:
            return node_of(_item(ran.result, self.key))
        if self.form is None:
            values = [values[0] for values in visited[:1]]
            node = as_node(values[0]) if values else None
            return None if node is None or node.data.size != 1 else node
        terms = []
        for output, target in visited:
            node = as_node(output)
            if node is not None:
                terms.append(self.form(node, np.asarray(target, float)))
        total: Node | None = None
        for term in terms:
            total = term if total is None else total + term
        return total


def _item(value: Held, key: tuple[Any, ...]) -> Held:
    for part in key:
        try:
            value = value[part]
        except (LookupError, TypeError):
            return None
    return value


def _as_it_is(value: Held) -> Held:
    """A value that stays as it is when what holds it is written into: a node, where it is one."""
    node = as_node(value)
    if node is not None:
        return node
    return copy.copy(value) if isinstance(value, list | np.ndarray) else value


def as_node(value: Held) -> Tensor | None:
    """Recorded numbers, an array or a list of such, of one shape, as one node."""
    if isinstance(value, Tensor):
        return value
    if isinstance(value, list | tuple):
        nodes: list[Held] = [as_node(item) for item in value]
        shapes = {None if node is None else node.shape for node in nodes}
        if len(shapes) != 1 or None in shapes:
            return None
        stacked: Held = np.stack(nodes)
        return stacked  # type: ignore[no-any-return]
    return node_of(value)


def sounds_like_a_loss(text: str) -> bool:
    """Whether something is a loss by its name.

    >>> [text for text in ("loss", "self.losses[]", "total_cost", "E", "mse()", "dloss", "out")
    ...  if sounds_like_a_loss(text)]
    ['loss', 'self.losses[]', 'total_cost', 'E', 'mse()']
    >>> sounds_like_a_loss("mse_prime()"), sounds_like_a_loss("self.cost_derivative()")
    (False, False)
    """
    last = _last_name(text)
    return bool(_LOSS.search(last)) and not _GRADIENT.search(last)


def _last_name(text: str) -> str:
    """The name at the end of what something is called: ``cost`` of ``self.cost()``."""
    return re.sub(r"(\[[^]]*\]|\(\))+$", "", text).rpartition(".")[2] or text


_VAGUE = re.compile(
    r"^(?:e|l|j|(?:\w+_)?(?:err|error|errors|risk|energy)(?:_\w+)?)$", re.IGNORECASE
)


def is_vague(text: str) -> bool:
    """Whether something called so may as well be something else: an error on its way back.

    >>> is_vague("error"), is_vague("sum_error"), is_vague("e[2]"), is_vague("loss")
    (True, True, True, False)
    """
    return bool(_VAGUE.search(_last_name(text)))


_HELD_OUT = re.compile(
    r"(?:^|_)(?:val|valid|validation|test|dev|eval|held_?out)(?:_|$)", re.IGNORECASE
)


def is_held_out(text: str) -> bool:
    """Whether something called so is the loss of data that nothing is trained with.

    >>> is_held_out("val_loss"), is_held_out("self.test_losses[]"), is_held_out("train_loss")
    (True, True, False)
    """
    return bool(_HELD_OUT.search(_last_name(text)))


def explicit_losses(program: Program, ran: Ran) -> list[Loss]:
    """The numbers of a recorded run that may be its loss, the likeliest first.

    Arguments:
        program: the step, which ran.
        ran: the run.
    """
    found = [*_returned(ran), *_kept(program, ran)]
    return sorted(found, key=lambda loss: loss.rank)


def _returned(ran: Ran) -> Iterator[Loss]:
    items: list[tuple[tuple[Any, ...], Any]] = [((), ran.result)]
    if isinstance(ran.result, dict):
        items = [((key,), item) for key, item in ran.result.items()]
    elif isinstance(ran.result, list | tuple):
        items = [((i,), item) for i, item in enumerate(ran.result)]
    numbers = [(key, item) for key, item in items if _is_moving_number(item)]
    for key, _ in numbers[:4]:
        name = _name_of_result(ran, key)
        sure = sounds_like_a_loss(name) or isinstance(ran.result, float)
        which = f"[{key[0]!r}]" if key else ""
        called = f", {name}" if name else ""
        words = f"what the step returns{which}{called}"
        yield Loss(words, name, key=key, rank=0 if sure else 5)


def _name_of_result(ran: Ran, key: tuple[Any, ...]) -> str:
    node = node_of(_item(ran.result, key))
    names = [m.name for m in ran.made if m.node is node and not m.name.endswith("()")]
    return names[-1] if names else str(key[0]) if key and isinstance(key[0], str) else ""


def _is_moving_number(value: Held) -> bool:
    node = node_of(value)
    return node is not None and node.data.size == 1


def _kept(program: Program, ran: Ran) -> Iterator[Loss]:
    """Numbers that statements make, by their names, the latest first: of those that one makes turn
    by turn the last, to which the others may be added, and the first.
    """
    printed = set(_printed(program))
    found: dict[Node, Loss] = {}
    for made in _first_and_last(ran.made):
        if made.node is None:
            continue
        kept = made.name.endswith("[]")
        rank = 1 if kept or made.name in printed else 2
        statement = statement_of(program, made)
        if not sounds_like_a_loss(made.name):
            adds_up = _only_adds_up(program, statement)
            is_listed = kept and is_of_squares_or_logarithms(made.node)
            if made.name not in printed and not adds_up and not is_listed:
                continue
            if not (adds_up and statement is not None and _is_of_a_loss(statement.node)):
                rank = 4
        if statement is not None and is_average(statement.node):
            rank = max(rank, 3)  # rather what it is an average of
        if made.node in found and found[made.node].rank <= rank:
            continue
        line = "" if statement is None else f", line {made.site.place[1]}"
        how = " (kept in a list)" if kept else " (printed)" if rank == 1 else ""
        words = f"{made.name.removesuffix('[]')}{line}{how}"
        found[made.node] = Loss(words, made.name, event=made.at, rank=rank)
    yield from found.values()


def _is_of_a_loss(node: ast.stmt) -> bool:
    """Whether what a statement adds is half of something, a logarithm, or what is called a loss: no
    measure of how good the outputs are.

    >>> [_is_of_a_loss(ast.parse(text).body[0]) for text in
    ...  ("total += 0.5 * e ** 2", "total += -np.log(p)", "total += mse(o, t)", "total += e ** 2")]
    [True, True, True, False]
    """
    for part in ast.walk(node):
        match part:
            case ast.Constant(value=0.5) | ast.BinOp(op=ast.Div(), right=ast.Constant(value=2)):
                return True
            case ast.Call(func=func):
                name = ast.unparse(func).rpartition(".")[2]
                if name in ("log", "log2", "log10", "log1p") or sounds_like_a_loss(f"{name}()"):
                    return True
    return False


def _only_adds_up(program: Program, statement: Statement | None) -> bool:
    """Whether a statement adds to a number that nothing else reads, ``total += squared``; an
    element of something, ``w[j] += …``, is rather a parameter.
    """
    node = None if statement is None else statement.node
    if not isinstance(node, ast.AugAssign) or not isinstance(node.op, ast.Add):
        return False
    if isinstance(node.target, ast.Subscript) and not isinstance(node.target.slice, ast.Constant):
        return False
    name = ast.unparse(node.target)
    return not any(
        isinstance(getattr(part, "ctx", None), ast.Load) and ast.unparse(part) == name
        for each in program.statements
        for part in ast.walk(each.node)
    )


def _first_and_last(several: Sequence[Made]) -> list[Made]:
    """Of the recorded numbers that one statement makes the last and the first, the latest first."""
    found: dict[tuple[Site, Any], list[Made]] = {}
    for made in several:
        if made.node is not None and made.is_number and made.site.slot not in (HANDED, PART):
            found.setdefault((made.site, made.key), []).append(made)
    chosen = {id(made) for turns in found.values() for made in (turns[0], turns[-1])}
    return [made for made in reversed(several) if id(made) in chosen]


_PRINTS = ("print", "write", "info", "debug", "set_description", "set_postfix", "plot", "log")


def _printed(program: Program) -> Iterator[str]:
    """The names that are printed, and the functions whose results are, as ``loss()``."""
    for _, call in _prints(program):
        for node in ast.walk(call):
            if isinstance(node, ast.Name | ast.Attribute | ast.Subscript):
                yield ast.unparse(node)
            elif isinstance(node, ast.Call):
                yield f"{ast.unparse(node.func).rpartition('.')[2]}()"


def _prints(program: Program) -> Iterator[tuple[Statement, ast.Call]]:
    """The statements that show something, each with its call."""
    for statement in program.statements:
        if (call := _showing(statement.node)) is not None:
            yield statement, call


def _showing(node: ast.AST) -> ast.Call | None:
    """The call of a statement that shows something."""
    call = node.value if isinstance(node, ast.Expr) else None
    shows = isinstance(call, ast.Call) and ast.unparse(call.func).rpartition(".")[2] in _PRINTS
    return call if isinstance(call, ast.Call) and shows else None


def printed_expressions(program: Program) -> list[tuple[Statement, str]]:
    """The expressions that are printed as they are computed, each with its statement."""
    return [(each, text) for each in program.statements for text in shown_in([each.node])]


def shown_in(statements: Iterable[ast.AST]) -> list[str]:
    """The expressions that statements print as they are computed."""
    return [
        ast.unparse(argument)
        for call in map(_showing, statements)
        for argument in (_shown(call) if call else ())
        if isinstance(argument, ast.Call | ast.BinOp | ast.UnaryOp)
    ]


def of_a_part(text: str, spaces: Sequence[Names]) -> Iterator[str]:
    """An expression of all examples, for the part of them that a name stands for: of a list, some
    of its items, which are no numbers.

    >>> data = [(1.0, 2.0), (3.0, 4.0), (5.0, 6.0)]
    >>> list(of_a_part("cost(data)", [{"data": data, "batch": data[:2], "other": [(1.0, 2.0)]}]))
    ['cost(batch)']
    >>> list(of_a_part("cost(sizes)", [{"sizes": [1, 2, 3], "other": [1]}]))
    []
    """
    names = {name: value for space in reversed(spaces) for name, value in space.items()}
    lists = {name: value for name, value in names.items() if isinstance(value, list | tuple)}
    tree = ast.parse(text, mode="eval")
    for node in [node for node in ast.walk(tree) if isinstance(node, ast.Name)]:
        whole = lists.get(node.id, ())
        items = {id(item) for item in whole if isinstance(item, list | tuple | np.ndarray)}
        for name, part in lists.items():
            if 0 < len(part) < len(whole) and all(id(item) in items for item in part):
                before, node.id = node.id, name
                yield ast.unparse(tree)
                node.id = before


def _shown(call: ast.Call) -> Iterator[ast.expr]:
    """What a call shows: its arguments, and what stands in texts among them."""
    for argument in (*call.args, *(keyword.value for keyword in call.keywords)):
        match argument:
            case ast.JoinedStr():
                inner = (n for n in ast.walk(argument) if isinstance(n, ast.FormattedValue))
                yield from (node.value for node in inner)
            case ast.BinOp(op=ast.Mod() | ast.Add()) if any(
                isinstance(n, ast.Constant) and isinstance(n.value, str) for n in ast.walk(argument)
            ):
                for node in ast.walk(argument):
                    if isinstance(node, ast.Call) and ast.unparse(node.func) == "str":
                        yield from node.args
                if isinstance(argument.op, ast.Mod):
                    right = argument.right
                    yield from right.elts if isinstance(right, ast.Tuple) else [right]
            case ast.Call(func=ast.Attribute(attr="format")):
                yield from argument.args
            case ast.Call(func=ast.Name(id="str" | "float" | "round")):
                yield from argument.args[:1]
            case _:
                yield argument
