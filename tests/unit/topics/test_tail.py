"""Messages as JSON lines: known schemas, raw answers, tombstones, and bytes that are nothing."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest
from confluent_kafka import Message

from headwater.errors import Fatal
from headwater.settings import load_settings
from schemas import codec_for, frame, schema_of
from tests.builders.records import LOG
from tests.fakes.kafka import FakeMessage
from topics.tail import Decoder, dump, resolve, shorten

IDS: dict[int, Any] = {1: schema_of("logs"), 2: schema_of("raw-blocks")}


def _line(value: bytes | None, key: bytes | None = b"0xaa", headers: Any = ()) -> dict[str, Any]:
    message = cast("Message", FakeMessage("c.logs.v1", 3, 42, value, key, tuple(headers)))
    decoded = json.loads(dump(Decoder(IDS.get).line(message)))
    assert isinstance(decoded, dict)
    return decoded


def test_a_record_is_decoded_with_bytes_as_hex() -> None:
    line = _line(frame(1) + codec_for("logs").write(LOG), headers=[("sequence", b"7"), ("trace", b"\xff")])
    assert (line["topic"], line["partition"], line["offset"], line["key"]) == ("c.logs.v1", 3, 42, "0xaa")
    assert line["timestamp"] == 1_700_000_000_000
    assert line["headers"] == {"sequence": "7", "trace": "0xff"}
    assert line["value"]["address"] == f"0x{(b'a' * 20).hex()}"
    assert line["value"]["topics"] == [f"0x{(each * 32).hex()}" for each in (b"1", b"2", b"3")]
    assert line["value"]["block_timestamp"] == 1_689_300_000_000


def test_a_nodes_answers_are_shown_as_the_json_they_are() -> None:
    event = dict.fromkeys(("chain_id", "sequence", "claim", "observed_at", "part", "parts"), 1)
    record = {**event, "event": "APPLY", "fresh": False, "block": b'{"hash":"0x1"}', "receipts": b'[{"cut'}
    value = _line(frame(2) + codec_for("raw-blocks").write(record))["value"]
    assert (value["event"], value["block"], value["receipts"]) == ("APPLY", {"hash": "0x1"}, '[{"cut')


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (frame(1) + b"\x02", "truncated"),
        (frame(99) + b"\x02", "no frame of a known schema"),
        (b"junk!", "no frame of a known schema"),
        (b"", "no frame of a known schema"),
    ],
)
def test_bytes_that_are_no_record_are_shown_whole_with_the_reason(value: bytes, problem: str) -> None:
    line = _line(value)
    assert line["value_hex"] == f"0x{value.hex()}"
    assert problem in line["problem"]
    assert "value" not in line


def test_tombstones_and_odd_keys_are_shown() -> None:
    assert _line(None)["value"] is None
    assert _line(None, key=b"\xff\x00")["key"] == "0xff00"
    assert _line(None, key=None)["key"] is None


def test_long_texts_are_cut_for_a_screen_only() -> None:
    assert shorten({"a": ["x" * 50, 5, None]}, 10) == {"a": [f"{'x' * 10}… (50 characters)", 5, None]}


def test_streams_and_whole_names_are_understood() -> None:
    settings = load_settings({"chain": {"name": "c"}, "topic_prefix": "p"}, environ={})
    assert resolve(settings, "logs") == "p.c.logs.v1"
    assert resolve(settings, "p.c.state-blocks-changelog") == "p.c.state-blocks-changelog"
    with pytest.raises(Fatal, match=r"unknown stream log; .*dead-letters"):
        resolve(settings, "log")
