"""The closed list of functions and operators, and how each is written in the generated source.

`{0}` is the first argument's own source. A name that is called is one of `runtime`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from streams.logic.alerts.cel.macros import Elements, Expr, Function, Macro
from streams.logic.alerts.cel.tree import Constant
from streams.logic.alerts.cel.types import ScalarType

PLAIN: Final[Mapping[str, str]] = {
    "_==_": "({0} == {1})",
    "_!=_": "({0} != {1})",
    "_<_": "({0} < {1})",
    "_<=_": "({0} <= {1})",
    "_>_": "({0} > {1})",
    "_>=_": "({0} >= {1})",
    "!_": "(not {0})",
    "-_": "checked(-{0})",
    "_-_": "checked({0} - {1})",
    "_*_": "checked({0} * {1})",
    "_/_": "divided({0}, {1})",
    "_%_": "remainder({0}, {1})",
    "_?_:_": "({1} if {0} else {2})",
    "@in": "({0} in {1})",
    "size": "len({0})",
    "startsWith": "{0}.startswith({1})",
    "endsWith": "{0}.endswith({1})",
    "contains": "({1} in {0})",
    "address": "address({0})",
    "word": "word({0}, {1})",
}
LOGIC: Final = ("_&&_", "_||_")
DECIDED: Final[Mapping[str, int]] = {"_&&_": 2, "_||_": 2, "!_": 1, "_?_:_": 1}
"""How many of the first arguments must be true or false."""
SPECIAL: Final = ("uint256", "matches")
"""Their last argument is a literal, which is read once."""


def _sum(call: Function) -> str:
    if call.type.list:
        return "extended({0}, {1})"
    return "checked({0} + {1})" if call.type.kind is ScalarType.INT else "joined({0}, {1})"


def _element(call: Function) -> str:
    place = call.arguments[1]
    # Python counts a negative index from the end, CEL refuses it.
    plain = isinstance(place, Constant) and isinstance(place.value, int) and place.value >= 0
    return "{0}[{1}]" if plain else "element({0}, {1})"


_BY_TYPE: Final[Mapping[str, Callable[[Function], str]]] = {"_+_": _sum, "_[_]": _element}
NAMES: Final = frozenset({*PLAIN, *LOGIC, *SPECIAL, *_BY_TYPE})


def form(call: Function) -> str | None:
    """How a call is written; None for one that is not a plain call."""
    own = _BY_TYPE.get(call.name)
    return PLAIN.get(call.name) if own is None else own(call)


def parts(expr: Expr) -> tuple[Expr, ...]:
    """What an expression is made of, one level down."""
    match expr:
        case Function():
            return expr.arguments
        case Elements():
            return expr.elements
        case Macro():
            return tuple(each for each in (expr.range, expr.test, expr.body) if each is not None)
        case _:
            return ()
