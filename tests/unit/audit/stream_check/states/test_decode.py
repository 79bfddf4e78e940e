"""States are read as their stage writes them, whichever version of it has."""

from __future__ import annotations

import pytest

from audit.stream_check.algebra.record import StreamPosition
from audit.stream_check.decode import Raw
from audit.stream_check.states.decode import states
from audit.stream_check.states.record import StateRecord
from schemas import Schema, StreamReader, codec_for, frame, schema_of
from schemas.sample import sample

STREAM = "transaction-states"
OURS, ANOTHER = 1, 2


def schema_of_id(number: int) -> Schema:
    schema = schema_of(STREAM)
    later = {"name": "later", "type": ["null", "string"], "default": None}
    return schema | {"fields": [*schema["fields"], later]} if number == ANOTHER else schema


@pytest.mark.parametrize("version", [OURS, ANOTHER], ids=["ours", "another"])
def test_a_state_is_read(version: int) -> None:
    codec = codec_for(STREAM)
    record = sample(codec.record)
    value = frame(version) + codec.write(record) + (b"\0" if version == ANOTHER else b"")
    message = Raw(StreamPosition(STREAM, 0, 7), 1_000, b"key", value)
    (found,) = states(StreamReader(STREAM, schema_of_id), [message])
    assert isinstance(found, StateRecord)
    assert found.sequence == record["sequence"]
