"""What an evaluation may take, known before anything is generated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from streams.logic.alerts.cel.functions import parts
from streams.logic.alerts.cel.macros import Elements, Expr, Function, Macro
from streams.logic.alerts.cel.problem import ExpressionProblem, at
from streams.logic.alerts.cel.tree import Name

_PATTERN: Final = 50
"""A regular expression beside a comparison, in steps."""


@dataclass(frozen=True, slots=True)
class Limits:
    """`text`: code points of an expression. `depth`: levels of its tree. `elements`: of a list that a macro
    goes over. `steps`: of one evaluation. `pattern`: code points of a regular expression.
    """

    text: int = 8_192
    depth: int = 64
    elements: int = 100
    steps: int = 100_000
    pattern: int = 256


def check_text(text: str, limits: Limits) -> None:
    """Before the compiler sees it. Raises ExpressionProblem."""
    if not text.strip():
        raise ExpressionProblem("the expression is empty")
    if len(text) > limits.text:
        raise ExpressionProblem(
            f"the expression has {len(text):,} characters, {limits.text:,} is the limit: "
            "addresses can be a named list"
        )


def check_cost(expr: Expr, text: str, limits: Limits) -> None:
    """Raises ExpressionProblem for a tree that is too deep or takes too many steps."""
    _check_depth(expr, text, limits.depth)
    steps = _steps(expr, limits)
    if steps > limits.steps:
        raise at(
            text,
            expr.offset,
            f"up to {steps:,} steps for a record, {limits.steps:,} is the limit: a macro within a macro "
            f"multiplies, and a list may have {limits.elements:,} elements (alerts.max_elements)",
        )


def _check_depth(expr: Expr, text: str, left: int) -> None:
    if left == 0:
        raise at(text, expr.offset, "nested too deeply")
    for each in parts(expr):
        _check_depth(each, text, left - 1)


def _steps(expr: Expr, limits: Limits) -> int:
    if isinstance(expr, Macro):
        inner = sum(_steps(each, limits) for each in (expr.test, expr.body) if each is not None)
        return _steps(expr.range, limits) + _length(expr.range, limits) * (1 + inner)
    own = _PATTERN if isinstance(expr, Function) and expr.name == "matches" else 1
    return own + sum(_steps(each, limits) for each in parts(expr))


def _length(expr: Expr, limits: Limits) -> int:
    """The most elements that a list can have."""
    match expr:
        case Elements(elements=elements):
            return len(elements)
        case Name(type=type_) if type_.longest is not None:
            return type_.longest
        case Macro(range=range_):
            return _length(range_, limits)
        case Function(name="_+_"):
            return sum(_length(each, limits) for each in expr.arguments)
        case Function(name="_?_:_"):
            return max(_length(each, limits) for each in expr.arguments[1:])
        case _:
            return limits.elements
