"""Letters as headers tell them, which are wanted, and that copies count once."""

from __future__ import annotations

import re
from typing import cast

import pytest
from confluent_kafka import Message

from audit.repair.letters import HEAD_BYTES, LetterFilter, TopicPosition, letter_of, without_copies
from headwater.errors import Permanent
from tests.builders.repairs import letter
from tests.fakes.kafka import FakeMessage
from topics.dead_letters import error_headers


def message(value: bytes | None, headers: tuple[tuple[str, bytes | None], ...]) -> Message:
    return cast("Message", FakeMessage("c.dead-letters.v1", 2, 9, value, b"1", headers))


def test_a_letter_is_what_its_headers_say() -> None:
    headers = error_headers("c.logs.v1", 3, 17, "sink", Permanent("row refused", remedy="look"))
    found = letter_of(message(b"v" * (HEAD_BYTES + 1), (*headers, ("sequence", b"7"), ("empty", None))))
    assert found.position == TopicPosition("c.dead-letters.v1", 2, 9)
    assert found.original == TopicPosition("c.logs.v1", 3, 17)
    assert str(found.original) == "c.logs.v1[3]@17"
    assert (found.stage, found.error, found.sequence) == ("sink", "row refused; look", 7)
    assert found.error_class == "headwater.errors.Permanent"
    assert found.headers == {"sequence": b"7", "empty": b""}
    assert found.failed_at == 1_700_000_000_000
    assert found.head == b"v" * HEAD_BYTES


@pytest.mark.parametrize("headers", [(), (("sequence", b"\xff"), ("__connect.errors.offset", b"x"))])
def test_what_no_header_says_is_not_known(headers: tuple[tuple[str, bytes], ...]) -> None:
    found = letter_of(message(None, headers))
    assert (found.original, found.sequence, found.stage, found.head) == (None, None, "", None)


@pytest.mark.parametrize(
    ("wanted", "result"),
    [
        (LetterFilter(), True),
        (LetterFilter(reason=re.compile("logs of one")), True),
        (LetterFilter(reason=re.compile("^headwater.errors.Permanent:")), True),
        (LetterFilter(reason=re.compile("three")), False),
        (LetterFilter(topic="c.normalized-blocks.v1"), True),
        (LetterFilter(topic="c.raw-blocks.v1"), False),
        (LetterFilter(stage="enrich"), True),
        (LetterFilter(stage="sink"), False),
        (LetterFilter(since=1_000, until=1_001), True),
        (LetterFilter(since=1_001), False),
        (LetterFilter(until=1_000), False),
        (LetterFilter(stage="enrich", topic="c.raw-blocks.v1"), False),
    ],
)
def test_filters_hold_together(wanted: LetterFilter, result: bool) -> None:
    assert wanted(letter()) is result


def test_a_letter_without_a_place_is_of_no_topic() -> None:
    assert not LetterFilter(topic="c.raw-blocks.v1")(letter(original=None))


def test_the_newest_copy_counts() -> None:
    first, other, copy = letter(1), letter(2), letter(3, 2_000, original=letter(1).original)
    assert without_copies([first, other, copy]) == [other, copy]
    assert len(without_copies([first, letter(4, original=first.original, stage="state")])) == 2
    assert len(without_copies([letter(1, original=None), letter(2, original=None)])) == 2
