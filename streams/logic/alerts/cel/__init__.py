"""Conditions in CEL: checked by Google's compiler, run as Python generated from its checked syntax tree.

Read it in this order: `types` (what an expression may be of), `problem` (what is told of a text that is
refused), `compiler` (Google's, behind one call), `wire` and `tree` (its answer, read), `macros` (all,
exists, map … found in the tree again), `functions` (the closed list, and how each is written) with
`patterns` (those of `matches`), `literals` (constants that can never match), `cost` (what an evaluation
may take), `generate` (the Python source), `runtime` (what that source calls), `condition` (all of it in
one call), `requirements` (what an index can look a condition up by).

Deviations from the specification, all named in docs/rules.md: integers are exact to 256 bits; there are
no doubles, unsigned integers, bytes, maps, messages, times or values of no fixed type.
"""

from streams.logic.alerts.cel.condition import Compiled, Expression, compile_condition, compile_expression
from streams.logic.alerts.cel.cost import Limits
from streams.logic.alerts.cel.problem import ExpressionProblem
from streams.logic.alerts.cel.requirements import requirements_of
from streams.logic.alerts.cel.types import ScalarType, Type

__all__ = [
    "Compiled",
    "Expression",
    "ExpressionProblem",
    "Limits",
    "ScalarType",
    "Type",
    "compile_condition",
    "compile_expression",
    "requirements_of",
]
