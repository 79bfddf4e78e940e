"""What must hold for a record before a condition can: what rules are looked up by."""

from __future__ import annotations

from collections.abc import Iterator

from streams.logic.alerts.cel.generate import constant_of
from streams.logic.alerts.cel.macros import Elements, Expr, Function
from streams.logic.alerts.cel.tree import Constant, ListName, Name
from streams.logic.alerts.cel.types import ScalarType, Type
from streams.logic.alerts.rule import Requirement


def requirements_of(expr: Expr) -> tuple[Requirement, ...]:
    """Conjuncts of a condition that say which values a field can have, the most selective first.

    A field is a name, or `name[0]` for an element of a list, such as `topics[0]`. First come hashes and
    addresses, then named lists, elements of lists, other values, and last what has few values at all.
    """
    found = [each for conjunct in _conjuncts(expr) if (each := _requirement(conjunct)) is not None]
    return tuple(each for each, _ in sorted(found, key=_rank))


def _rank(found: tuple[Requirement, Type]) -> tuple[int, int]:
    required, type_ = found
    if required.values is None:
        return 1, 0
    few = type_.symbols or type_.kind is ScalarType.BOOL
    known = 2 if "[" in required.field else 0 if type_.size else 4 if few else 3
    return known, len(required.values)


def _conjuncts(expr: Expr) -> Iterator[Expr]:
    if isinstance(expr, Function) and expr.name == "_&&_":
        for each in expr.arguments:
            yield from _conjuncts(each)
    else:
        yield expr


def _requirement(expr: Expr) -> tuple[Requirement, Type] | None:
    match expr:
        case Function(name="_==_", arguments=(left, right)):
            for one, other in ((left, right), (right, left)):
                found = _among(one, [constant_of(other)])
                if found is not None:
                    return found
        case Function(name="@in", arguments=(left, ListName(name))):
            word = isinstance(left, Function) and left.name == "address"
            field = _field(left.arguments[0] if isinstance(left, Function) and word else left)
            return None if field is None else (Requirement(field, list=name, word=word), left.type)
        case Function(name="@in", arguments=(left, Elements(elements))):
            return _among(left, [constant_of(each) for each in elements])
        case Function(name="_||_"):
            return _alternatives(expr)
    return None


def _among(expr: Expr, values: list[int | str | bool | None]) -> tuple[Requirement, Type] | None:
    """That an expression has one of some constants; `address(topics[1])` has when the topic is its word."""
    if None in values:
        return None
    wanted: frozenset[object] = frozenset(values)
    if isinstance(expr, Function) and expr.name == "address":
        (expr,) = expr.arguments
        wanted = frozenset(f"0x{each[2:]:0>64}" for each in values if isinstance(each, str))
    field = _field(expr)
    return None if field is None else (Requirement(field, wanted), expr.type)


def _alternatives(expr: Expr) -> tuple[Requirement, Type] | None:
    """`a == 1 || a == 2` is `a in [1, 2]`."""
    values: set[object] = set()
    first: tuple[Requirement, Type] | None = None
    for each in _disjuncts(expr):
        found = _requirement(each)
        if found is None or found[0].values is None or (first and first[0].field != found[0].field):
            return None
        first = first or found
        values |= found[0].values
    return None if first is None else (Requirement(first[0].field, frozenset(values)), first[1])


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
