"""Constants that can never be what they are compared with: a rule that is silent for ever is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from streams.logic.alerts.cel.functions import parts
from streams.logic.alerts.cel.macros import Elements, Expr, Function
from streams.logic.alerts.cel.problem import at
from streams.logic.alerts.cel.tree import Constant, Name
from streams.logic.alerts.cel.types import STRING, ScalarType, Type

_HEX: Final = re.compile(r"0[xX][0-9a-fA-F]+")
_COMPARED: Final = ("_==_", "_!=_", "@in")
_ADDRESS: Final = Type(ScalarType.STRING, size=42)


def check_literals(expr: Expr, text: str) -> None:
    """Raises ExpressionProblem for text that no field ever has."""
    if isinstance(expr, Constant) and isinstance(expr.value, str):
        _check_case(expr.value, expr.offset, text)
    if isinstance(expr, Function) and expr.name in _COMPARED:
        left, right = expr.arguments
        for one, other in ((left, right), (right, left)):
            shape = _shape(one)
            for constant in _constants(other):
                _check_shape(shape, constant, text)
    for each in parts(expr):
        check_literals(each, text)


def _check_case(value: str, offset: int, text: str) -> None:
    if _HEX.fullmatch(value) and value != value.lower():
        raise at(text, offset, f"hashes and addresses are lower-case: write {value.lower()[:66]!r}")


def _check_shape(shape: Type, constant: Constant, text: str) -> None:
    value = constant.value
    if not isinstance(value, str):
        return
    if shape.symbols and value not in shape.symbols:
        raise at(text, constant.offset, f"{value[:66]!r} is none of {', '.join(shape.symbols)}")
    if shape.size is not None and (len(value) != shape.size or not _HEX.fullmatch(value)):
        raise at(
            text,
            constant.offset,
            f"{value[:66]!r} is never equal to this field: it is 0x and {shape.size - 2} hexadecimal digits",
        )


def _shape(expr: Expr) -> Type:
    match expr:
        case Name(type=type_):
            return type_.element() if type_.list else type_
        case Function(name="_[_]", arguments=(Name(type=type_), _)):
            return type_.element()
        case Function(name="address"):
            return _ADDRESS
        case _:
            return STRING


def _constants(expr: Expr) -> Iterator[Constant]:
    if isinstance(expr, Constant):
        yield expr
    elif isinstance(expr, Elements):
        for each in expr.elements:
            yield from _constants(each)
