"""The checked syntax tree, read into a closed list of nodes; anything else is refused with its place.

The messages are those of cel-spec: proto/cel/expr/syntax.proto and checked.proto.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from streams.logic.alerts.cel.compiler import LISTS
from streams.logic.alerts.cel.problem import ExpressionProblem, at
from streams.logic.alerts.cel.types import BOOL, STRING, ScalarType, Type
from streams.logic.alerts.cel.wire import Message

MAX_NODES: Final = 2_000


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal. `offset`: the code point of the text where a node begins, or its operator stands."""

    value: int | str | bool | None
    type: Type
    offset: int


@dataclass(frozen=True, slots=True)
class Name:
    """A field of the record, or a macro's variable."""

    name: str
    type: Type
    offset: int


@dataclass(frozen=True, slots=True)
class ListName:
    """`lists.NAME`."""

    name: str
    type: Type
    offset: int


@dataclass(frozen=True, slots=True)
class Call:
    """A function or operator, its receiver first among the arguments."""

    function: str
    arguments: tuple[Node, ...]
    type: Type
    offset: int


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list literal."""

    elements: tuple[Node, ...]
    type: Type
    offset: int


@dataclass(frozen=True, slots=True)
class Loop:
    """A comprehension, which is what a macro becomes."""

    variable: str
    range: Node
    accumulator: str
    start: Node
    condition: Node
    step: Node
    result: Node
    type: Type
    offset: int


Node: TypeAlias = Constant | Name | ListName | Call | ListOf | Loop
_INNER: Final = Type(ScalarType.NULL)
"""Of nodes that macros bring in, of which nothing is asked."""
_PRIMITIVES: Final = {1: ScalarType.BOOL, 2: ScalarType.INT, 5: ScalarType.STRING}
_OTHERS: Final = {3: "an unsigned integer (write it without u)", 4: "a number with a fraction", 6: "bytes"}


def read(raw: bytes, text: str, names: Mapping[str, Type]) -> Node:
    """The tree. Raises ExpressionProblem for a node or a type outside the closed list."""
    return _Reader(Message(raw).message(2), text, names).root()


class _Reader:
    def __init__(self, checked: Message, text: str, names: Mapping[str, Type]) -> None:
        self._checked, self._text, self._names = checked, text, names
        self._types = {each.signed(1): each.message(2) for each in checked.messages(3)}
        info = checked.message(5)
        self._places = {each.signed(1): each.signed(2) for each in info.messages(4)}
        self._left = MAX_NODES

    def root(self) -> Node:
        return self._node(self._checked.message(4), frozenset())

    def _node(self, expr: Message, inner: frozenset[str]) -> Node:
        """`inner`: variables of the macros around it."""
        offset = self._places.get(expr.signed(2), 0)
        self._left -= 1
        if self._left < 0:
            raise at(
                self._text, offset, f"more than {MAX_NODES:,} parts: a list of addresses can be a named list"
            )
        if 3 in expr:
            return self._constant(expr.message(3), offset)
        if 4 in expr:
            return self._name(expr, offset, inner)
        if 5 in expr:
            return self._select(expr.message(5), offset, inner)
        if 6 in expr:
            return self._call(expr, offset, inner)
        if 7 in expr:
            return self._list(expr, offset, inner)
        if 9 in expr:
            return self._loop(expr, offset, inner)
        raise at(self._text, offset, "maps and messages are not part of a condition")

    def _constant(self, constant: Message, offset: int) -> Node:
        if 1 in constant:
            return Constant(None, Type(ScalarType.NULL), offset)
        if 2 in constant:
            return Constant(bool(constant.number(2)), BOOL, offset)
        if 3 in constant:
            return Constant(constant.signed(3), Type(ScalarType.INT), offset)
        if 6 in constant:
            return Constant(constant.text(6), STRING, offset)
        what = next((what for field, what in ((4, 3), (5, 4), (7, 6)) if field in constant), 0)
        raise self._refused(_OTHERS.get(what, "such a constant"), offset)

    def _name(self, expr: Message, offset: int, inner: frozenset[str]) -> Node:
        name = expr.message(4).text(1)
        if name.startswith("@"):
            return Name(name, _INNER, offset)
        if name in inner:
            return Name(name, self._type(expr, offset), offset)
        if name == LISTS:
            raise at(self._text, offset, "lists are used as: field in lists.NAME")
        if name not in self._names:
            raise at(self._text, offset, f"{name!r} is not a field")
        return Name(name, self._names[name], offset)

    def _select(self, select: Message, offset: int, inner: frozenset[str]) -> Node:
        operand = select.message(1)
        plain = 4 in operand and operand.message(4).text(1) == LISTS and LISTS not in inner
        if 8 in operand:
            raise at(self._text, offset, "maps and messages are not part of a condition")
        if not plain or select.number(3):
            raise at(self._text, offset, "a field has no parts; lists are used as: field in lists.NAME")
        return ListName(select.text(2), Type(ScalarType.STRING, list=True), offset)

    def _call(self, expr: Message, offset: int, inner: frozenset[str]) -> Node:
        call = expr.message(6)
        arguments = [self._node(each, inner) for each in self._operands(call)]
        return Call(call.text(2), tuple(arguments), self._type(expr, offset), offset)

    def _operands(self, call: Message) -> Iterator[Message]:
        if 1 in call:
            yield call.message(1)
        yield from call.messages(3)

    def _list(self, expr: Message, offset: int, inner: frozenset[str]) -> Node:
        elements = tuple(self._node(each, inner) for each in expr.message(7).messages(1))
        found = self._type(expr, offset) if elements else Type(ScalarType.NULL, list=True)
        return ListOf(elements, found, offset)

    def _loop(self, expr: Message, offset: int, inner: frozenset[str]) -> Node:
        loop = expr.message(9)
        variable, accumulator = loop.text(1), loop.text(3)
        if 8 in loop or variable.startswith("@"):
            raise at(self._text, offset, "macros have one variable")
        within = inner | {variable, accumulator}
        return Loop(
            variable,
            self._node(loop.message(2), inner),
            accumulator,
            self._node(loop.message(4), inner),
            self._node(loop.message(5), within),
            self._node(loop.message(6), within),
            self._node(loop.message(7), within),
            self._type(expr, offset),
            offset,
        )

    def _type(self, expr: Message, offset: int) -> Type:
        found = self._types.get(expr.signed(2))
        if found is None:
            raise self._refused("a value of no fixed type", offset)
        if 6 not in found:
            return self._scalar(found, offset)
        element = found.message(6).message(1)
        if 6 in element:
            raise self._refused("a list of lists", offset)
        scalar = self._scalar(element, offset)
        return Type(scalar.kind, scalar.nullable, list=True)

    def _scalar(self, found: Message, offset: int) -> Type:
        if 2 in found:
            return Type(ScalarType.NULL, nullable=True)
        for field, nullable in ((3, False), (4, True)):
            if field in found:
                primitive = found.number(field)
                if primitive in _PRIMITIVES:
                    return Type(_PRIMITIVES[primitive], nullable)
                raise self._refused(_OTHERS.get(primitive, "such a value"), offset)
        what = "a time or a duration" if 5 in found else "a value of no fixed type"
        raise self._refused("a map" if 7 in found else what, offset)

    def _refused(self, what: str, offset: int) -> ExpressionProblem:
        return at(
            self._text,
            offset,
            f"{what} is not part of a condition: there are bool, int, string and lists of them",
        )
