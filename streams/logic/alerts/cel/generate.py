"""The Python source of an expression: names that are counted, operators, and functions of `runtime`.

Nothing of the rule's text is in it: constants, field names and names of lists are objects in its namespace.
"""

from __future__ import annotations

from typing import Any, Final

from streams.logic.alerts.cel.cost import Limits
from streams.logic.alerts.cel.functions import DECIDED, LOGIC, form
from streams.logic.alerts.cel.macros import Elements, Expr, Function, Macro
from streams.logic.alerts.cel.patterns import matcher
from streams.logic.alerts.cel.problem import ExpressionProblem, at
from streams.logic.alerts.cel.runtime import UINT256
from streams.logic.alerts.cel.tree import Constant, ListName, Name

_FAST: Final = {
    "_&&_": "({} and {})",
    "_||_": "({} or {})",
    "all": "all({1} for {2} in {0})",
    "exists": "any({1} for {2} in {0})",
}
_ABSORBING: Final = {
    "_&&_": "both(lambda: {}, lambda: {})",
    "_||_": "either(lambda: {}, lambda: {})",
    "all": "every({0}, lambda {2}: {1})",
    "exists": "some({0}, lambda {2}: {1})",
}


class Source:
    """Writes expressions. `bound`: what its names stand for; `lists`: names of the lists they read."""

    def __init__(self, text: str, limits: Limits) -> None:
        self._text, self._limits = text, limits
        self.bound: dict[str, Any] = {}
        self._known: dict[tuple[type, object], str] = {}
        self.lists: set[str] = set()
        self._variables = 0

    def write(self, expr: Expr, *, absorbing: bool) -> str:
        """The source of an expression over `record` and `lists`. Raises ExpressionProblem.

        `absorbing`: with CEL's && and ||, which bear a failure on one side; else Python's, which are fast.
        """
        return self._write(expr, _ABSORBING if absorbing else _FAST, {})

    def _write(self, expr: Expr, logic: dict[str, str], variables: dict[str, str]) -> str:
        match expr:
            case Constant(value):
                return self._bind(value)
            case Name(name):
                return variables[name] if name in variables else f"record[{self._bind(name)}]"
            case ListName():
                raise at(self._text, expr.offset, "lists are used as: field in lists.NAME")
            case Elements(elements):
                return f"[{', '.join(self._write(each, logic, variables) for each in elements)}]"
            case Macro():
                return self._macro(expr, logic, variables)
            case Function():
                return self._function(expr, logic, variables)

    def _function(self, call: Function, logic: dict[str, str], variables: dict[str, str]) -> str:
        if call.name == "uint256":
            return self._bind(self._uint256(call.arguments[0]))
        if call.name == "matches":
            return f"{self._matcher(call)}({self._write(call.arguments[0], logic, variables)})"
        if call.name == "@in":
            left = self._write(call.arguments[0], logic, variables)
            return f"({left} in {self._members(call.arguments[1], logic, variables)})"
        decided = DECIDED.get(call.name, 0)
        arguments = [
            (self._truth if place < decided else self._write)(each, logic, variables)
            for place, each in enumerate(call.arguments)
        ]
        if call.name in LOGIC:
            return logic[call.name].format(*arguments)
        own = form(call)
        if own is None:
            raise at(self._text, call.offset, f"the function {call.name!r} is not part of a condition")
        return own.format(*arguments)

    def _truth(self, expr: Expr, logic: dict[str, str], variables: dict[str, str]) -> str:
        """What decides something. Python would take a null for false, CEL has no value then."""
        own = self._write(expr, logic, variables)
        return f"truth({own})" if expr.type.nullable else own

    def _members(self, expr: Expr, logic: dict[str, str], variables: dict[str, str]) -> str:
        """What `in` looks into: a set where the members are known."""
        if isinstance(expr, ListName):
            self.lists.add(expr.name)
            return f"lists[{self._bind(expr.name)}]"
        if isinstance(expr, Elements):
            values = [constant_of(each) for each in expr.elements]
            if None not in values:
                return self._bind(frozenset(values))
        return self._write(expr, logic, variables)

    def _macro(self, macro: Macro, logic: dict[str, str], variables: dict[str, str]) -> str:
        values = f"bounded({self._write(macro.range, logic, variables)})"
        self._variables += 1
        variable = f"v{self._variables}"
        inner = {**variables, macro.variable: variable}
        test = "" if macro.test is None else self._truth(macro.test, logic, inner)
        if macro.kind == "exists_one":
            return f"one({values}, lambda {variable}: {test})"
        if macro.body is None:
            return logic[macro.kind].format(values, test, variable)
        body = self._write(macro.body, logic, inner)
        return f"[{body} for {variable} in {values}{f' if {test}' if test else ''}]"

    def _uint256(self, expr: Expr) -> int:
        value = constant_of(Function("uint256", (expr,), expr.type, expr.offset))
        if not isinstance(value, int):
            raise at(self._text, expr.offset, 'uint256() takes a literal up to 2^256 - 1: uint256("1000")')
        return value

    def _matcher(self, call: Function) -> str:
        pattern = call.arguments[1]
        if not isinstance(pattern, Constant) or not isinstance(pattern.value, str):
            raise at(self._text, call.offset, "matches() takes a pattern that is a literal")
        try:
            return self._bind(matcher(pattern.value, self._limits.pattern))
        except ExpressionProblem as problem:
            raise at(self._text, pattern.offset, problem.message) from problem

    def _bind(self, value: object) -> str:
        key = (type(value), value)
        if key not in self._known:
            self._known[key] = f"c{len(self._known)}"
            self.bound[self._known[key]] = value
        return self._known[key]


def constant_of(expr: Expr) -> int | str | bool | None:
    """The value of a literal, negative ones and uint256("…") too; None for any other expression."""
    match expr:
        case Constant(value):
            return value
        case Function(name="uint256", arguments=(Constant(str() as digits),)):
            value = _number(digits)
            return value if value is not None and value <= UINT256 else None
        case _:
            return None


def _number(digits: str) -> int | None:
    digits = digits.replace("_", "")
    if digits.isascii() and digits.isdecimal() and len(digits) <= 78:
        return int(digits)
    body = digits.removeprefix("0x")
    if body != digits and 0 < len(body) <= 64 and all(each in "0123456789abcdefABCDEF" for each in body):
        return int(body, 16)
    return None
