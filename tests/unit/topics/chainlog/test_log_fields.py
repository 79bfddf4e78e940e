"""What log lines say of a message, by headers that anybody may have written."""

from __future__ import annotations

import pytest

from tests.fakes.kafka import FakeMessage
from topics.chainlog.headers import headers, trace_id
from topics.chainlog.log_fields import GivenHeaders, fields, message_fields

HASH = bytes(range(32))


def test_a_message_of_ours_says_where_it_is_and_of_which_event_and_block() -> None:
    message = FakeMessage("x.logs.v1", 3, 77, b"", b"", tuple(headers(1, 12, HASH, stream="logs")))
    assert message_fields("sink", message, 500) == {
        "stage": "sink",
        "topic": "x.logs.v1",
        "partition": 3,
        "offset": 77,
        "sequence": 12,
        "trace_id": "000102030405060708090a0b0c0d0e0f",
        "messages": 500,
    }
    assert trace_id(HASH) == "000102030405060708090a0b0c0d0e0f"


@pytest.mark.parametrize(
    "given",
    [
        None,
        {},
        [("sequence", b"-1"), ("traceparent", b"junk")],
        [("sequence", None), ("traceparent", None)],
        [("sequence", "²"), ("traceparent", "00-" + "A" * 32 + "-" + "0" * 16 + "-01")],
        [("sequence", b"\xff"), ("traceparent", b"\xff" * 55)],
        [("traceparent", "01-" + "a" * 32 + "-" + "0" * 16 + "-01")],
    ],
)
def test_what_cannot_be_read_is_left_out(given: GivenHeaders) -> None:
    told = fields("sink", "x.logs.v1", 3, 77, given)
    assert (told["offset"], told["sequence"], told["trace_id"]) == (77, None, None)
