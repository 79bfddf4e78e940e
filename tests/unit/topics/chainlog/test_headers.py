"""The headers of messages: what the documents list is what is written."""

from __future__ import annotations

from topics.chainlog.headers import DESCRIPTIONS, headers


def test_the_headers_that_are_documented_are_those_that_are_written() -> None:
    written = headers(1, 7, bytes(32), stream="blocks")
    assert [name for name, _ in written] == list(DESCRIPTIONS)
