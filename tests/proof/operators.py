"""Changes of a module's syntax tree that its tests should notice: of a comparison, a boundary, a condition,
a constant, an operator, a return value, a caught exception; and a statement less.

Not changed, because no test of behaviour can or should notice it:
- annotations, `TYPE_CHECKING` and `assert_never`, which mypy proves is never reached;
- imports and decorators: `frozen` and `slots` only stop what mypy also stops;
- docstrings, and texts with a blank, which are for people: callers and alarms match codes.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

_COMPARISONS: Mapping[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_ARITHMETIC: Mapping[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
}
_UNTOUCHED = ("annotation", "returns", "decorator_list", "bases", "pattern")
_CONDITIONS = ("test", "ifs", "guard")

_Put = Callable[[ast.AST], None]
"""Puts a node in the place of another one."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change, which `make` makes in the tree for good. `function` is the outermost one around it
    (`Class.method`), or empty for what runs at the import; `lines` are those of the statement.
    """

    name: str
    function: str
    lines: range
    make: Callable[[], None]


@dataclass(frozen=True, slots=True)
class _Where:
    """The classes, the function or the assigned name, and the statement around a node; how often the
    function binds a name.
    """

    classes: tuple[str, ...] = ()
    function: str = ""
    name: str = "import"
    lines: range = range(0)
    bound: Counter[str] | None = None

    def inside(self, parent: ast.AST, field: str, child: ast.AST) -> _Where:
        where = self
        if isinstance(parent, ast.ClassDef):
            where = replace(where, classes=(*where.classes, parent.name))
        elif isinstance(parent, ast.FunctionDef) and not where.function:
            name = ".".join((*where.classes, parent.name))
            where = replace(where, name=name)  # a default of a parameter belongs to the import
            if field == "body":
                where = replace(where, function=name, bound=_bound_in(parent))
        if isinstance(child, ast.Assign | ast.AnnAssign) and not where.function:
            targets = child.targets if isinstance(child, ast.Assign) else [child.target]
            names = ", ".join(ast.unparse(each) for each in targets)
            where = replace(where, name=".".join((*where.classes, names)))
        if isinstance(child, ast.stmt):
            where = replace(where, lines=_header(child))
        elif isinstance(child, ast.match_case) and child.guard:
            where = replace(where, lines=_span(child.guard))
        elif isinstance(child, ast.ExceptHandler) and child.type:
            where = replace(where, lines=_span(child.type))
        return where


def changes(tree: ast.Module) -> list[Change]:
    """All changes of a module. Their names stay the same when other lines change."""
    found, seen = [], Counter[str]()
    for before, after, put, where in _walk(tree, "", lambda _: None, _Where()):
        name = f"{where.name}: {_short(before)} -> {_short(after)}"
        seen[name] += 1
        if seen[name] > 1:
            name = f"{name} ({seen[name]})"
        found.append(Change(name, where.function, where.lines, partial(put, after)))
    return found


def _walk(
    node: ast.AST, field: str, put: _Put, where: _Where
) -> Iterator[tuple[ast.AST, ast.AST, _Put, _Where]]:
    if _is_untouched(node):
        return
    for after in (*_others(node, where), *(_negated(node) if field in _CONDITIONS else ())):
        yield node, ast.fix_missing_locations(ast.copy_location(after, node)), put, where
    for name, value in ast.iter_fields(node):
        if name in _UNTOUCHED:
            continue
        if isinstance(value, ast.AST):
            yield from _walk(
                value, name, partial(setattr, node, name), where.inside(node, name, value)
            )
        elif isinstance(value, list):
            for position, each in enumerate(value):
                if isinstance(each, ast.AST):
                    inner = where.inside(node, name, each)
                    yield from _walk(each, name, partial(value.__setitem__, position), inner)


def _is_untouched(node: ast.AST) -> bool:
    match node:
        case ast.Import() | ast.ImportFrom():
            return True
        case ast.Expr(ast.Constant()):
            return True
        case ast.Expr(ast.Call(ast.Name("assert_never"))) | ast.If(ast.Name("TYPE_CHECKING")):
            return True
        case ast.AnnAssign(value=None):
            return True
    return False


def _others(node: ast.AST, where: _Where) -> Iterator[ast.AST]:  # noqa: PLR0912 - a table
    """What a node is changed into."""
    match node:
        case ast.Compare(left, ops, comparators):
            for position, op in enumerate(ops):
                for other in _COMPARISONS[type(op)]:
                    changed = [*ops[:position], other(), *ops[position + 1 :]]
                    yield ast.Compare(left, changed, comparators)
        case ast.BoolOp(op, values):
            yield ast.BoolOp(ast.Or() if isinstance(op, ast.And) else ast.And(), values)
            for position in range(len(values)):
                kept = [*values[:position], *values[position + 1 :]]
                yield ast.BoolOp(op, kept) if len(kept) > 1 else kept[0]
        case ast.UnaryOp(ast.Not() | ast.USub(), operand):
            yield operand
        case ast.BinOp(left, op, right) if type(op) in _ARITHMETIC:
            yield ast.BinOp(left, _ARITHMETIC[type(op)](), right)
        case ast.Constant(value):
            yield from map(ast.Constant, _other_constants(value))
        case ast.Return(value) if value and not isinstance(value, ast.Constant):
            yield ast.Return(ast.Constant(None))
        case ast.ExceptHandler(type=caught) if caught:
            yield ast.ExceptHandler(ast.Tuple([], ast.Load()), node.name, node.body)
        case ast.Expr(value) if not isinstance(value, ast.Yield):
            yield ast.Pass()
        case ast.Raise() | ast.AugAssign() | ast.Delete() | ast.Continue() | ast.Break():
            yield ast.Pass()
        case ast.Return(None):
            yield ast.Pass()
        case ast.Assign([ast.Name(name)]) if where.bound and where.bound[name] > 1:
            # Without an earlier value the removal would only be a NameError.
            yield ast.Pass()


def _other_constants(value: object) -> tuple[bool | int | float | str, ...]:
    match value:
        case bool():
            return (not value,)
        case int() | float():
            return (value + 1, value - 1) if value else (1,)
        case str() if " " not in value:
            return ("" if value else "other",)
    return ()


def _negated(condition: ast.AST) -> Iterator[ast.AST]:
    """The opposite, where no other change is one."""
    if isinstance(condition, ast.expr) and not isinstance(condition, ast.Compare | ast.UnaryOp):
        yield ast.UnaryOp(ast.Not(), condition)


def _bound_in(function: ast.FunctionDef) -> Counter[str]:
    nodes = list(ast.walk(function))
    stored = [each.id for each in nodes if isinstance(each, ast.Name) and _is_stored(each)]
    return Counter([*stored, *(each.arg for each in nodes if isinstance(each, ast.arg))])


def _is_stored(name: ast.Name) -> bool:
    return isinstance(name.ctx, ast.Store)


def _header(statement: ast.stmt) -> range:
    """The lines of a statement without those of the statements in it."""
    span = _span(statement)
    match statement:
        case ast.Match(cases=[first, *_]):
            return range(span.start, first.pattern.lineno)
        case ast.Try():
            return range(span.start, span.start + 1)
    body = getattr(statement, "body", None)
    return range(span.start, body[0].lineno) if body else span


def _span(node: ast.expr | ast.stmt) -> range:
    return range(node.lineno, (node.end_lineno or node.lineno) + 1)


def _short(node: ast.AST) -> str:
    if isinstance(node, ast.ExceptHandler) and node.type:
        return f"except {ast.unparse(node.type)}"
    return " ".join(ast.unparse(node).split())[:100]
