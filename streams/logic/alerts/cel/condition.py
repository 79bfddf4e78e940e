"""From the text of an expression to a function, every check between in one call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from streams.logic.alerts.cel.compiler import check
from streams.logic.alerts.cel.cost import Limits, check_cost, check_text
from streams.logic.alerts.cel.generate import Source
from streams.logic.alerts.cel.literals import check_literals
from streams.logic.alerts.cel.macros import Expr, expressions
from streams.logic.alerts.cel.problem import ExpressionProblem
from streams.logic.alerts.cel.runtime import FAULTS, UINT256, namespace
from streams.logic.alerts.cel.tree import read
from streams.logic.alerts.cel.types import BOOL, ScalarType, Type
from streams.logic.alerts.rule import Condition, ConditionError, Lists, Record

CHAIN: Final = (-UINT256, UINT256)
"""The integers that there are: everything that 256 bits count, of either sign."""
_LIMITS: Final = Limits()
_SOURCE: Final = """\
def evaluate(record, lists):
    try:
        return {fast}
    except FAULTS:
        return again(record, lists)

def absorbing(record, lists):
    return {absorbing}
"""


@dataclass(frozen=True, slots=True)
class Expression:
    """`evaluate` raises ConditionError where CEL's evaluation ends in an error."""

    text: str
    expr: Expr
    evaluate: Callable[[Record, Lists], Any]
    lists: frozenset[str]
    source: str


@dataclass(frozen=True, slots=True)
class Compiled:
    """A condition: an expression that is true or false."""

    text: str
    expr: Expr
    condition: Condition
    lists: frozenset[str]


def compile_condition(text: str, names: Mapping[str, Type], limits: Limits = _LIMITS) -> Compiled:
    """Raises ExpressionProblem for a text that is not a condition, Fatal without the compiler."""
    found = compile_expression(text, names, limits)
    if found.expr.type != BOOL:
        raise ExpressionProblem(f"a condition is true or false, this is {_named(found.expr.type)}", 1, 1)
    return Compiled(text, found.expr, found.evaluate, found.lists)


def compile_expression(
    text: str, names: Mapping[str, Type], limits: Limits = _LIMITS, integers: tuple[int, int] = CHAIN
) -> Expression:
    """As `compile_condition`, of any type. `integers`: the least and the greatest there are."""
    check_text(text, limits)
    expr = expressions(read(check(text, names), text, names), text)
    check_cost(expr, text, limits)
    check_literals(expr, text)
    written = Source(text, limits)
    source = _SOURCE.format(
        fast=written.write(expr, absorbing=False), absorbing=written.write(expr, absorbing=True)
    )
    return Expression(
        text, expr, _function(source, written.bound, limits, integers), frozenset(written.lists), source
    )


def _function(
    source: str, bound: Mapping[str, Any], limits: Limits, integers: tuple[int, int]
) -> Callable[[Record, Lists], Any]:
    own: dict[str, Any] = {**namespace(*integers, limits.elements), **bound}
    try:
        exec(compile(source, "<condition>", "exec"), own)
    except (SyntaxError, RecursionError, MemoryError) as error:
        # Python bounds how deep comprehensions and brackets nest, each version in its own way.
        raise ExpressionProblem("nested too deeply") from error
    absorbing: Callable[[Record, Lists], Any] = own["absorbing"]

    def again(record: Record, lists: Lists) -> Any:  # noqa: ANN401 - as the expression's type
        try:
            return absorbing(record, lists)
        except ConditionError:
            raise
        except FAULTS as error:
            raise ConditionError(f"no value: {type(error).__name__}: {error}") from error

    own["again"] = again
    evaluate: Callable[[Record, Lists], Any] = own["evaluate"]
    return evaluate


def _named(type_: Type) -> str:
    if type_.list:
        return f"a list of {type_.kind.value}"
    return (
        "null at times: write … == true" if type_.kind is ScalarType.BOOL else f"of type {type_.kind.value}"
    )
