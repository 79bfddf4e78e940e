"""Nothing of a rule's text reaches the generated source, and no text does harm to whoever reads it."""

from __future__ import annotations

import re
from typing import Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streams.logic.alerts.cel import ExpressionProblem, ScalarType, Type, compile_expression

NAMES: Final = {
    "value": Type(ScalarType.INT),
    "data": Type(ScalarType.STRING),
    "topics": Type(ScalarType.STRING, list=True),
}
WORDS: Final = {
    *("def", "evaluate", "absorbing", "record", "lists", "try", "return", "except", "FAULTS", "again"),
    *("all", "any", "len", "checked", "divided", "remainder", "element", "bounded", "joined", "extended"),
    *("address", "word", "both", "either", "every", "some", "one", "startswith", "endswith", "lambda"),
    *("for", "in", "if", "else", "and", "or", "not", "truth"),
}
PIECES: Final = st.sampled_from(
    [
        *("value", "data", "topics", "lists.x", "record", "c0", "__class__", "lambda", "null", "true"),
        *("&&", "||", "!", "(", ")", "[", "]", "==", "<", "+", "-", "/", "%", "in", "?", ":", ",", "."),
        *(".all(x,", ".map(x,", ".exists(", "size(", "uint256(", "word(", "1", "1e5", "0x", '"a"', "`a`"),
        *("'", '"', "\\", "\n", "{", "}", "b'", "r'", "//", "\x00", "é", "\u2028"),
    ]
)


@pytest.mark.parametrize(
    "text",
    [
        'data == "\\"); raise SystemExit #"',
        "data == '''\n    raise SystemExit\n'''",
        'data in ["c0", "\\\\", "\\n", "\\u2028", "{0}", "%s"]',
        "data == \"__import__('os').system('true')\"",
        "topics.exists(record, record == data)",
        "topics.exists(c0, c0 == data)",
        "topics.exists(lists, lists == data)",
        "topics.exists(again, again == data)",
        "topics.exists(v1, topics.exists(v2, v1 == v2))",
        "topics.exists(__builtins__, __builtins__ == data)",
        "data.matches('c0\\\\)')",
        "data in lists.__class__",
    ],
)
def test_the_source_is_made_of_our_own_words(text: str) -> None:
    source = compile_expression(text, NAMES).source
    for word in re.findall(r"\w+", source):
        assert word in WORDS or re.fullmatch(r"[cv][0-9]+", word), word
    assert not set(source) & set("\"'\\#{};")


@pytest.mark.parametrize(
    "text",
    [
        "__builtins__",
        "record",
        "c0",
        "data.__class__ == data",
        "again(1, 2)",
        "eval(data)",
        "data.format(data)",
        "topics.sort()",
    ],
)
def test_pythons_names_are_no_names_of_a_condition(text: str) -> None:
    with pytest.raises(ExpressionProblem):
        compile_expression(text, NAMES)


@given(
    st.one_of(
        st.text(max_size=60),
        st.lists(PIECES, max_size=25).map(" ".join),
        st.lists(PIECES, max_size=25).map("".join),
    )
)
@example("a.b.c.d")
@example(".value > 1")
@example("value > 1 // comment")
@example("`value` > 1")
@example("\n\n  \x00")
def test_any_text_is_an_expression_or_is_refused(text: str) -> None:
    outcome = "an expression"
    try:
        compile_expression(text, NAMES)
    except ExpressionProblem as problem:
        outcome = problem.message
    assert outcome
    assert "\n" not in outcome
