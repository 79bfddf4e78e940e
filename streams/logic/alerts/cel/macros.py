"""all, exists, exists_one, filter and map: macros are expanded by the parser; here they are found again.

The expansions are those of the specification: https://github.com/google/cel-spec/blob/master/doc/langdef.md#macros
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from streams.logic.alerts.cel.problem import at
from streams.logic.alerts.cel.tree import Call, Constant, ListName, ListOf, Loop, Name, Node
from streams.logic.alerts.cel.types import Type


@dataclass(frozen=True, slots=True)
class Macro:
    """`kind` is one of all, exists, exists_one and map; filter is a map with the variable as its `body`.

    `test` is the predicate, None for a map that takes every element; `body` is None but for a map.
    """

    kind: str
    variable: str
    range: Expr
    test: Expr | None
    body: Expr | None
    type: Type
    offset: int


@dataclass(frozen=True, slots=True)
class Function:
    """As the tree's Call, over expressions."""

    name: str
    arguments: tuple[Expr, ...]
    type: Type
    offset: int


@dataclass(frozen=True, slots=True)
class Elements:
    """As the tree's ListOf, over expressions."""

    elements: tuple[Expr, ...]
    type: Type
    offset: int


Expr: TypeAlias = Constant | Name | ListName | Function | Elements | Macro


def expressions(node: Node, text: str) -> Expr:
    """The tree with its macros found. Raises ExpressionProblem for a loop that is none of them."""
    match node:
        case Call(function, arguments, type_, offset):
            return Function(function, tuple(expressions(each, text) for each in arguments), type_, offset)
        case ListOf(elements, type_, offset):
            return Elements(tuple(expressions(each, text) for each in elements), type_, offset)
        case Loop():
            return _macro(node, text)
        case _:
            return node


def _macro(loop: Loop, text: str) -> Macro:
    kind, test, body = _parts(loop, text)
    return Macro(
        kind,
        loop.variable,
        expressions(loop.range, text),
        None if test is None else expressions(test, text),
        None if body is None else expressions(body, text),
        loop.type,
        loop.offset,
    )


def _parts(loop: Loop, text: str) -> tuple[str, Node | None, Node | None]:
    own = loop.accumulator

    def held(node: Node) -> bool:
        return isinstance(node, Name) and node.name == own

    match loop.start, loop.step:
        case Constant(True), Call("_&&_", (left, test)) if held(left) and held(loop.result):
            return "all", test, None
        case Constant(False), Call("_||_", (left, test)) if held(left) and held(loop.result):
            return "exists", test, None
        case Constant(0), Call("_?_:_", (test, Call("_+_", (left, Constant(1))), other)) if (
            held(left) and held(other) and isinstance(loop.result, Call) and loop.result.function == "_==_"
        ):
            return "exists_one", test, None
        case ListOf(()), Call("_+_", (left, ListOf((body,)))) if held(left) and held(loop.result):
            return "map", None, body
        case ListOf(()), Call("_?_:_", (test, Call("_+_", (left, ListOf((body,)))), other)) if (
            held(left) and held(other) and held(loop.result)
        ):
            return "map", test, body
    raise at(text, loop.offset, "the list macros are all, exists, exists_one, filter and map")
