"""Conditions say what CEL's specification says: its conformance vectors, all of them that apply.

Integers are bounded to 64 bits here, as the specification's are.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

import pytest

from headwater.errors import Transient
from streams.logic.alerts.cel import ExpressionProblem, compile_expression
from streams.logic.alerts.rule import ConditionError
from tests.integration.cel_vectors import FAILED, OtherTypeError, Vector, vectors

INT64: Final = (-(1 << 63), (1 << 63) - 1)
EXTENSIONS: Final = frozenset(
    {
        *("bindings_ext", "block_ext", "encoders_ext", "macros2", "math_ext", "optionals", "proto2_ext"),
        "string_ext",
    }
)
"""Sections about libraries beside the language."""
_OTHER: Final = frozenset({"checkOnly", "container", "disableCheck", "typedResult"})
"""Vectors of the checker's answers, of a context that rules do not have, and of what nobody checked."""
_LEFT_OUT: Final = re.compile(
    "(an unsigned integer|a number with a fraction|bytes|a value of no fixed type|a time or a duration"
    "|a list of lists|the function '(bool|int|string)') .*is not part of a condition"
    "|maps and messages are not part of a condition"
    "|'google.protobuf.(Timestamp|Duration)' is not a field"
    r"|undeclared reference to '\.cel\.expr\.conformance\.proto3\.TestAllTypes'"
)
"""What docs/rules.md says that conditions do not have: no vector is refused for any other reason."""
AGREED: Final = {
    **{"basic": 25, "comparisons": 87, "fields": 1, "integer_math": 41, "lists": 16, "logic": 21},
    **{"macros": 32, "namespace": 1, "parse": 90, "plumbing": 3, "string": 45},
}
"""Section → vectors of this release that conditions agree with."""


@pytest.fixture(scope="module")
def applying() -> list[Vector]:
    """Vectors of the language itself whose values are of types that conditions have."""
    found = []
    try:
        every = vectors()
    except Transient as error:
        pytest.skip(f"the vectors are not in the cache: {error}")
    for each in every:
        if each.section in EXTENSIONS or not _OTHER.isdisjoint(each.told):
            continue
        try:
            each.names()
            each.expected()
        except OtherTypeError:
            continue
        found.append(each)
    return found


def _result(vector: Vector) -> object:
    evaluate = compile_expression(vector.text, vector.names(), integers=INT64).evaluate
    try:
        return evaluate(vector.record(), {})
    except ConditionError:
        return FAILED


def test_conditions_say_what_the_specification_says(applying: list[Vector]) -> None:
    agreed: Counter[str] = Counter()
    refused: list[tuple[str, str, str]] = []
    for each in applying:
        try:
            result = _result(each)
        except ExpressionProblem as problem:
            refused.append((each.section, each.name, problem.message))
            continue
        expected = each.expected()
        assert (type(result), result) == (type(expected), expected), (
            f"{each.section}, {each.name}: {each.text}"
        )
        agreed[each.section] += 1
    assert agreed == AGREED
    assert not [each for each in refused if not _LEFT_OUT.match(each[2])]
