"""Values of older and newer writers, read with our schema; bytes without a known schema."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from schemas import MalformedRecord, codec_for, codec_for_record, frame, schema_of
from schemas.codec.codec import Codec
from schemas.evolution import Translator
from schemas.reader import StreamReader
from tests.builders.avro import codec_of
from tests.builders.records import LOG

OURS, OLDER, NEWER, NOT_OURS = 1, 2, 3, 4


def _versions() -> dict[int, Any]:
    ours = schema_of("logs")
    older, newer, other = deepcopy(ours), deepcopy(ours), deepcopy(ours)
    older["fields"] = [each for each in older["fields"] if each["name"] not in ("topics", "extra")]
    newer["fields"].insert(8, {"name": "decoded", "type": ["null", "string"], "default": None})
    other["fields"] = [each for each in other["fields"] if each["name"] != "address"]
    ours["doc"] = "Worded otherwise, and still the same."
    return {OURS: ours, OLDER: older, NEWER: newer, NOT_OURS: other}


VERSIONS = _versions()
WRITERS: dict[int, Codec] = {schema_id: codec_of(schema) for schema_id, schema in VERSIONS.items()}


def _value(schema_id: int, **more: object) -> bytes:
    return frame(schema_id) + WRITERS[schema_id].write({**LOG, **more})


@pytest.fixture
def reader() -> StreamReader:
    return StreamReader("logs", VERSIONS.get)


def test_own_values_are_read_as_they_are(reader: StreamReader) -> None:
    value = _value(OURS)
    assert reader.to_current_schema(value) is value
    assert reader.read(value) == LOG


def test_a_reader_older_than_the_writer_drops_what_it_does_not_know(reader: StreamReader) -> None:
    assert reader.read(_value(NEWER, decoded="Transfer")) == LOG


def test_what_an_older_writer_lacks_takes_its_default(reader: StreamReader) -> None:
    assert reader.read(_value(OLDER)) == {**LOG, "topics": [], "extra": None}


def test_versions_may_be_mixed_in_a_batch(reader: StreamReader) -> None:
    values = [_value(OURS), _value(OLDER), _value(NEWER), _value(OURS, log_index=9)]
    for _ in range(2):
        columns = reader.columns(values, ["log_index", "topics", "chain_id"])
        assert columns["log_index"] == [300, 300, 300, 9]
        assert columns["topics"] == [LOG["topics"], [], LOG["topics"], LOG["topics"]]
        assert columns["chain_id"] == [1] * 4


def test_a_schema_that_does_not_resolve_and_an_unknown_one_are_permanent(reader: StreamReader) -> None:
    with pytest.raises(MalformedRecord, match=r"schema id 4\): cannot be read with our schema: .*address"):
        reader.read(_value(NOT_OURS))
    with pytest.raises(MalformedRecord, match=r"schema id 99.*the registry has no such schema id"):
        reader.columns([_value(OURS), frame(99) + b"\x00"])
    with pytest.raises(MalformedRecord, match="first byte is 0x7b"):
        reader.read(b'{"json": 1}')
    with pytest.raises(MalformedRecord, match="too few for a frame"):
        reader.read(b"\x00\x00")


def test_a_bad_value_is_told_by_its_place_in_the_batch(reader: StreamReader) -> None:
    for bad in (_value(OURS)[:-1], _value(OLDER)[:-1], b"", frame(99)):
        values = [_value(OURS), _value(OLDER), bad, _value(OURS)]
        with pytest.raises(MalformedRecord) as caught:
            reader.columns(values)
        assert caught.value.index == 2
    with pytest.raises(MalformedRecord) as caught:
        reader.columns([_value(OURS), _value(OURS)[:-1]])
    assert caught.value.index == 1


def test_bodies_of_an_older_block_message_are_of_our_schema() -> None:
    older = deepcopy(schema_of("normalized-blocks"))
    (logs,) = [each for each in older["fields"] if each["name"] == "logs"]
    fields = logs["type"]["items"]["fields"]
    fields[:] = [each for each in fields if each["name"] != "extra"]
    body = codec_for_record("normalized-blocks", "LogBody")
    log = {name: LOG[name] for name in body.names}
    event: dict[str, Any] = {
        **dict.fromkeys(("chain_id", "sequence", "claim", "observed_at", "part", "parts"), 1),
        "event": "APPLY",
        "fresh": False,
        "logs": [log],
    }
    value = frame(OLDER) + codec_of(older).write(event)
    message = StreamReader("normalized-blocks", {OLDER: older}.get).message(value, {"logs": ("address",)})
    assert message.records["logs"].columns == {"address": [LOG["address"]]}
    assert message.records["logs"].bodies == [body.write(log)]


def test_defaults_of_bytes_promotions_and_renamed_fields() -> None:
    writers_schema = {"type": "record", "name": "R", "fields": [{"name": "old", "type": "int"}]}
    readers_schema = {
        "type": "record",
        "name": "R",
        "fields": [
            {"name": "new", "type": "long", "aliases": ["old"]},
            {"name": "b", "type": "bytes", "default": "\u00ff"},
            {"name": "f", "type": {"type": "fixed", "name": "F", "size": 2}, "default": "\u0001\u00fe"},
            {"name": "m", "type": {"type": "map", "values": "string"}, "default": {}},
            {"name": "o", "type": ["null", {"type": "array", "items": "int"}], "default": None},
        ],
    }
    translated = Translator(codec_of(readers_schema), readers_schema, 7, writers_schema).body(b"\x06", 0)
    assert codec_of(readers_schema).read(translated) == {
        "new": 3,
        "b": b"\xff",
        "f": b"\x01\xfe",
        "m": {},
        "o": None,
    }
    with pytest.raises(MalformedRecord, match="is not a record"):
        Translator(codec_for("logs"), schema_of("logs"), 7, "string")
