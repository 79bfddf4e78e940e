"""The condition of a rule, with what is wrong with it placed in the file."""

from __future__ import annotations

import re
from typing import Final

from yaml.nodes import ScalarNode

from streams.logic.alerts.cel import Compiled, ExpressionProblem, Limits, compile_condition
from streams.logic.alerts.rule import Match
from streams.logic.alerts.rules.fields import fields_of, untyped
from streams.logic.alerts.rules.place import place_of
from streams.logic.alerts.rules.problem import Problem, RuleError, nearest

_UNKNOWN: Final = re.compile(r"undeclared reference to '([^']*)'")


def condition_of(source: str, node: ScalarNode, match: Match, limits: Limits) -> Compiled:
    """The condition that a scalar says of the records of a kind. Raises RuleError."""
    try:
        return compile_condition(node.value, fields_of(match), limits)
    except ExpressionProblem as problem:
        line, column = place_of(source, node, problem.line, problem.column)
        raise RuleError(Problem(line, column, problem.message + _hint(problem.message, match))) from problem


def _hint(message: str, match: Match) -> str:
    found = _UNKNOWN.search(message)
    if found is None:
        return ""
    name = found[1]
    if name in untyped(match):
        return f": {match.value} has it, but conditions know no fractions and no records within records"
    return nearest(name, fields_of(match)) or f": it is not a field of {match.value}"
