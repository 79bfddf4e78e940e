"""What a condition can be looked up by."""

from __future__ import annotations

from typing import Final

import pytest

from streams.logic.alerts.cel import ScalarType, Type, compile_condition, requirements_of
from streams.logic.alerts.rule import Requirement

NAMES: Final = {
    "a": Type(ScalarType.STRING),
    "address": Type(ScalarType.STRING, size=42),
    "kind": Type(ScalarType.STRING, symbols=("X", "Y")),
    "b": Type(ScalarType.STRING, nullable=True),
    "n": Type(ScalarType.INT),
    "flag": Type(ScalarType.BOOL),
    "topics": Type(ScalarType.STRING, list=True),
}


def of(field: str, *values: object) -> Requirement:
    return Requirement(field, frozenset(values))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('a == "x"', [of("a", "x")]),
        ('"x" == a', [of("a", "x")]),
        ('b == "x" && n > 3', [of("b", "x")]),
        ('n > 3 && (flag && a == "x")', [of("a", "x")]),
        (
            f'kind == "X" && n == 1 && topics[0] == "t" && a in lists.w && address == "0x{"ab" * 20}"',
            [
                of("address", "0x" + "ab" * 20),
                Requirement("a", list="w"),
                of("topics[0]", "t"),
                of("n", 1),
                of("kind", "X"),
            ],
        ),
        ('a in ["x", "y"] && b == "z"', [of("b", "z"), of("a", "x", "y")]),
        ("address(topics[1]) in lists.w", [Requirement("topics[1]", list="w", word=True)]),
        ("!(address(topics[1]) in lists.w)", []),
        ('a in lists.w && b in ["z", "q"]', [Requirement("a", list="w"), of("b", "z", "q")]),
        ('a == "x" || a == "y" || a in ["z"]', [of("a", "x", "y", "z")]),
        ('a == "x" || b == "y"', []),
        ('a == "x" || a in lists.w', []),
        ('a == "x" || n > 1', []),
        ('!(a == "x")', []),
        ('a != "x"', []),
        ("a == b", []),
        ("b == null", []),
        ("b in [a]", []),
        (
            'topics[0] == "t" && n == uint256("18446744073709551616")',
            [of("topics[0]", "t"), of("n", 1 << 64)],
        ),
        ("n == 0", [of("n", 0)]),
        ("flag == false", [of("flag", False)]),
        ("n in []", [of("n")]),
        ('topics.exists(a, a == "x")', []),
        ('flag ? a == "x" : a == "y"', []),
    ],
)
def test_requirements(text: str, expected: list[Requirement]) -> None:
    assert list(requirements_of(compile_condition(text, NAMES).expr)) == expected
