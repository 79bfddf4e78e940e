"""What must hold for a record before a condition can: what rules are looked up by."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from streams.logic.alerts.cel.generate import constant_of
from streams.logic.alerts.cel.macros import Elements, Expr, Function
from streams.logic.alerts.cel.tree import Constant, ListName, Name
from streams.logic.alerts.rule import Requirement

_LIST: Final = 1_000
"""How selective a named list is taken to be: less than any constants."""


def requirements_of(expr: Expr) -> tuple[Requirement, ...]:
    """Conjuncts of a condition that say which values a field can have, fewest values first.

    A field is a name, or `name[0]` for an element of a list, such as `topics[0]`.
    """
    found = [each for conjunct in _conjuncts(expr) if (each := _requirement(conjunct)) is not None]
    return tuple(sorted(found, key=lambda each: _LIST if each.values is None else len(each.values)))


def _conjuncts(expr: Expr) -> Iterator[Expr]:
    if isinstance(expr, Function) and expr.name == "_&&_":
        for each in expr.arguments:
            yield from _conjuncts(each)
    else:
        yield expr


def _requirement(expr: Expr) -> Requirement | None:
    match expr:
        case Function(name="_==_", arguments=(left, right)):
            for one, other in ((left, right), (right, left)):
                field, value = _field(one), _value(other)
                if field is not None and value is not None:
                    return Requirement(field, frozenset({value}))
        case Function(name="@in", arguments=(left, ListName(name))):
            field = _field(left)
            return None if field is None else Requirement(field, list=name)
        case Function(name="@in", arguments=(left, Elements(elements))):
            field, values = _field(left), [_value(each) for each in elements]
            if field is not None and None not in values:
                return Requirement(field, frozenset(values))
        case Function(name="_||_"):
            return _alternatives(expr)
    return None


def _alternatives(expr: Expr) -> Requirement | None:
    """`a == 1 || a == 2` is `a in [1, 2]`."""
    found = [_requirement(each) for each in _disjuncts(expr)]
    fields = {None if each is None or each.values is None else each.field for each in found}
    field = fields.pop()
    if field is None or fields:
        return None
    return Requirement(field, frozenset().union(*(each.values or () for each in found if each is not None)))


def _disjuncts(expr: Expr) -> Iterator[Expr]:
    if isinstance(expr, Function) and expr.name == "_||_":
        for each in expr.arguments:
            yield from _disjuncts(each)
    else:
        yield expr


def _field(expr: Expr) -> str | None:
    match expr:
        case Name(name, type_) if not type_.list:
            return name
        case Function(name="_[_]", arguments=(Name(name), Constant(int() as place))) if place >= 0:
            return f"{name}[{place}]"
        case _:
            return None


def _value(expr: Expr) -> int | str | bool | None:
    """A constant. None for null too: a field that is null is looked up by nobody."""
    return constant_of(expr)
