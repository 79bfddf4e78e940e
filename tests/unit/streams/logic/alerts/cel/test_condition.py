"""What a condition says where CEL's evaluation is not a measure: beyond 64 bits, of null, our functions."""

from __future__ import annotations

from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.logic.alerts.cel import (
    ExpressionProblem,
    Limits,
    ScalarType,
    Type,
    compile_condition,
    compile_expression,
)
from streams.logic.alerts.rule import ConditionError

NAMES: Final = {
    "value": Type(ScalarType.INT),
    "other": Type(ScalarType.INT),
    "fee": Type(ScalarType.INT, nullable=True),
    "flag": Type(ScalarType.BOOL, nullable=True),
    "to_address": Type(ScalarType.STRING, nullable=True, size=42),
    "address": Type(ScalarType.STRING, size=42),
    "state": Type(ScalarType.STRING, symbols=("PENDING", "INCLUDED")),
    "topics": Type(ScalarType.STRING, list=True, size=66, longest=4),
    "hashes": Type(ScalarType.STRING, list=True, size=66),
    "data": Type(ScalarType.STRING),
}
RECORD: Final = {
    "value": (1 << 64) + 1,
    "other": 3,
    "fee": None,
    "flag": None,
    "to_address": None,
    "address": "0x" + "ab" * 20,
    "state": "PENDING",
    "topics": ["0x" + "11" * 32, "0x" + "00" * 12 + "ab" * 20],
    "hashes": [],
    "data": "0x" + "00" * 31 + "07" + "ff" * 32,
}
LISTS: Final = {"watched": frozenset({"0x" + "ab" * 20})}
TOP: Final = (1 << 256) - 1
BEYOND: Final = object()
INTEGERS: Final = st.one_of(st.integers(-(1 << 66), 1 << 66), st.integers(-TOP, TOP))


def evaluated(text: str, **fields: object) -> Any:
    return compile_expression(text, NAMES).evaluate({**RECORD, **fields}, LISTS)


@given(st.sampled_from("+-*/%"), INTEGERS, INTEGERS)
def test_integers_are_exact_to_256_bits_and_an_error_beyond(operator: str, one: int, other: int) -> None:
    exact: object
    if operator in "/%":
        if other == 0:
            exact = BEYOND
        else:
            quotient = abs(one) // abs(other) * (1 if (one < 0) == (other < 0) else -1)
            exact = quotient if operator == "/" else one - quotient * other
    else:
        exact = {"+": one + other, "-": one - other, "*": one * other}[operator]
        exact = exact if -TOP <= exact <= TOP else BEYOND
    found = compile_expression(f"value {operator} other", NAMES)
    if exact is BEYOND:
        with pytest.raises(ConditionError):
            found.evaluate({"value": one, "other": other}, LISTS)
    else:
        assert found.evaluate({"value": one, "other": other}, LISTS) == exact


@given(st.integers(0, TOP), st.integers(0, TOP))
def test_literals_of_256_bits_compare_exactly(value: int, literal: int) -> None:
    assert evaluated(f'value < uint256("{literal}")', value=value) == (value < literal)
    assert evaluated(f'value == uint256("{literal:#x}")', value=literal)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('value == uint256("18446744073709551617")', True),
        ('value == uint256("18446744073709551616")', False),
        ('value in [uint256("18446744073709551617")]', True),
        ("fee == null", True),
        ("to_address == null", True),
        ("to_address == address", False),
        ("to_address in lists.watched", False),
        ("address in lists.watched", True),
        ("address(topics[1]) == address", True),
        ("address(topics[1]) in lists.watched", True),
        ("word(data, 0) == 7", True),
        (f'word(data, 1) == uint256("{TOP}")', True),
        ("hashes.all(h, h.startsWith('0x00'))", True),
        ('state.matches("^PEND")', True),
        ("value % 2 == 1 ? true : fee > 1", True),
        ("-7 / 2 == -3 && -7 % 2 == -1 && 7 / -2 == -3 && 7 % -2 == 1", True),
    ],
)
def test_what_conditions_say(text: str, expected: bool) -> None:
    assert compile_condition(text, NAMES).condition(RECORD, LISTS) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("fee > 3 && value < 0", False),
        ("value < 0 && fee > 3", False),
        ("fee > 3 || value > 0", True),
        ("value > 0 || fee > 3", True),
        ("topics.exists(t, fee > 1 || t == topics[0])", True),
        ("topics.all(t, fee > 1 && t == topics[0])", False),
        ("topics.all(t, t == topics[0] && other / 0 == 1)", False),
        ("fee > 3 && (fee > 4 && value < 0)", False),
        ("!(fee > 3 && value < 0)", True),
        ("flag && value < 0", False),
        ("!(value < 0 && flag)", True),
        ("flag || value > 0", True),
        ("topics.exists(t, flag || t == topics[0])", True),
        ("flag == null && flag != true", True),
    ],
)
def test_logic_absorbs_a_failure_that_does_not_decide(text: str, expected: bool) -> None:
    assert compile_condition(text, NAMES).condition(RECORD, LISTS) is expected


@pytest.mark.parametrize(
    "text",
    [
        "fee > 3",
        "!flag",
        "flag && value > 0",
        "value > 0 && flag",
        "flag || value < 0",
        "!(flag && value > 0)",
        "flag ? value > 0 : value > 0",
        "(value > 0 ? flag : flag) || value < 0",
        "!topics.exists(t, flag)",
        "topics.all(t, flag)",
        "!topics.exists_one(t, flag)",
        "size(topics.filter(t, flag)) == 0",
        "fee > 3 && value > 0",
        "fee > 3 || value < 0",
        "(fee > 3) == false || value < 0",
        "topics.exists_one(t, fee > 1 || t == topics[0])",
        "hashes[0] == topics[0]",
        "topics[other - 4] == topics[0]",
        "other / 0 == 1",
        "other % 0 == 1",
        "address(topics[0]) == address",
        "word(data, 2) == 1",
        "word(data, -1) == 1",
        "size(to_address) > 1",
        'to_address.startsWith("0x")',
        "address in lists.unknown",
        "value * value * value * value > 0",
    ],
)
def test_what_has_no_value_is_an_error_of_the_condition(text: str) -> None:
    with pytest.raises(ConditionError):
        compile_condition(text, NAMES).condition(RECORD, LISTS)


@pytest.mark.parametrize(
    ("text", "line", "column", "part"),
    [
        ("valeu > 1", 1, 1, "undeclared reference to 'valeu'"),
        ('value > 1 &&\n  state == "DONE"', 2, 12, "none of PENDING, INCLUDED"),
        ('value > "1"', 1, 7, "no matching overload"),
        (
            "value > 9223372036854775808",
            1,
            9,
            'literal; above 9223372036854775807 it is written uint256("…")',
        ),
        ("value > 1e18", 1, 7, "(int, double)'; integers are written out, without point and exponent"),
        ('data = "0x"', 1, 6, "'= '; equal is written =="),
        ("value >", 1, 8, "Syntax error"),
        ('address == "0xAB"', 1, 12, "never equal"),
        (f'data == "0x{"AB" * 20}"', 1, 9, "lower-case"),
        (f'topics[0] == "0x{"ab" * 20}"', 1, 14, "64 hexadecimal digits"),
        (f'address in ["0x{"ab" * 32}"]', 1, 13, "40 hexadecimal digits"),
        ('uint256("1") + uint256(data) > 1', 1, 24, "takes a literal"),
        ('value == uint256("-1")', 1, 18, "takes a literal"),
        (f'value == uint256("{TOP + 1}")', 1, 18, "takes a literal"),
        ('state.matches("(")', 1, 15, "not a pattern of RE2"),
        ("state.matches(state)", 1, 14, "a literal"),
        ("value", 1, 1, "true or false"),
        ("flag", 1, 1, "write … == true"),
        ("value > 1.0", 1, 7, "no matching overload"),
        ("1.0 > 2.0", 1, 1, "fraction"),
        ("1u == 2u", 1, 1, "unsigned"),
        ('b"x" == b"y"', 1, 1, "bytes"),
        ("[[1]] == [[1]]", 1, 1, "list of lists"),
        ('{"a": 1}.a == 1', 1, 9, "maps"),
        ("has(lists.watched)", 1, 4, "in lists.NAME"),
        ("size(lists.watched) > 1", 1, 11, "in lists.NAME"),
        ("lists.watched.all(a, true)", 1, 6, "in lists.NAME"),
        ("dyn(value) == 1", 1, 4, "no fixed type"),
        ("type(value) == int", 1, 5, "no fixed type"),
        ('string(value) == "1"', 1, 7, "'string' is not part"),
        ('duration("1s") < duration("2s")', 1, 9, "not part"),
        ("", None, None, "empty"),
        ("value > 1 \ud800", None, None, "not Unicode"),
    ],
)
def test_a_text_is_refused_with_its_place(text: str, line: int | None, column: int | None, part: str) -> None:
    with pytest.raises(ExpressionProblem) as caught:
        compile_condition(text, NAMES)
    assert part in caught.value.message
    assert (caught.value.line, caught.value.column) == (line, column)
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    "digits", ["0x" + "1" * 62, "1_" * 32, "+" + "1" * 63, " " * 63 + "1", "٣" * 64, "g" * 64]
)
def test_a_word_is_hexadecimal_digits(digits: str) -> None:
    with pytest.raises(ConditionError):
        evaluated("word(data, 0) > 0", data="0x" + digits)


def test_a_macro_goes_over_so_many_elements_and_no_more() -> None:
    condition_text, fields = "hashes.all(h, h != '0x')", {"hashes": Type(ScalarType.STRING, list=True)}
    condition = compile_condition(condition_text, fields).condition
    assert condition({"hashes": ["0x1"] * 100}, {})
    with pytest.raises(ConditionError, match="101"):
        condition({"hashes": ["0x1"] * 101}, {})
    few = compile_condition(condition_text, fields, Limits(elements=3)).condition
    assert few({"hashes": ["0x1"] * 3}, {})
    with pytest.raises(ConditionError, match="a list of 4; 3 is the limit"):
        few({"hashes": ["0x1"] * 4}, {})


def test_texts_cannot_be_doubled_without_end() -> None:
    doubled = "[data]" + ".map(d, d + d)" * 15 + ".exists(d, d == '')"
    with pytest.raises(ConditionError, match="characters"):
        compile_condition(doubled, NAMES).condition({"data": "0x" + "00" * 100}, {})


@pytest.mark.parametrize(
    "text",
    [
        "(" * 10_000 + "true" + ")" * 10_000,
        "[" * 10_000 + "]" * 10_000,
        "!" * 10_001 + "true" + " && value > 'x'",
        "-" * 8_000 + "value > 'x'",
        " && ".join(["value > 1"] * 10_000),
        " + ".join(["value"] * 700) + " > 1",
        "value in [" + ",".join(map(str, range(100_000))) + "]",
        "value in [" + ",".join("1" * 1 for _ in range(3_000)) + "]",
        "hashes.all(a, hashes.all(b, hashes.all(c, a == b)))",
        "true ? " * 1_000 + "true" + " : true" * 1_000,
        "value" + ".x" * 3_000,
        '"' + "x" * 9_000 + '" == state',
        "data.matches('" + "(a+)+" * 1_000 + "')",
        "data.matches('((a{1,100}){1,100}){1,100}')",
        "[1].map(a, " * 30 + "1" + ")[0]" * 30 + " == value",
    ],
)
def test_what_would_take_long_is_refused(text: str) -> None:
    with pytest.raises(ExpressionProblem) as caught:
        compile_condition(text, NAMES)
    assert len(caught.value.message) < 400


def test_a_pattern_that_backtracking_dies_of_is_linear_here() -> None:
    condition = compile_condition('data.matches("^(a+)+$")', NAMES).condition
    assert not condition({"data": "a" * 5_000 + "b"}, {})


def test_limits_are_those_that_are_given() -> None:
    with pytest.raises(ExpressionProblem, match="limit"):
        compile_condition("value > 1", NAMES, Limits(text=5))
    with pytest.raises(ExpressionProblem, match="deeply"):
        compile_condition("value > 1 && (value > 2 || value > 3)", NAMES, Limits(depth=3))
    with pytest.raises(ExpressionProblem, match="a macro within"):
        compile_condition("hashes.all(h, h == data)", NAMES, Limits(steps=50))
