"""Writers: byte for byte fastavro's, and an error with the field's name for what cannot be written."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas import COMMON, WrongValue, codec_for, codec_for_record, schema_of, streams
from schemas.codec.varint import encode, read_long
from tests.builders.avro import codec_of, records_of, reference_write, schemas, values
from tests.builders.records import LOG

ANY_SIZE = settings(suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("stream", streams())
@ANY_SIZE
@given(data=st.data())
def test_every_stream_is_written_as_fastavro_writes_it(stream: str, data: st.DataObject) -> None:
    record = data.draw(records_of(stream))
    expected = reference_write(schema_of(stream), record)
    codec = codec_for(stream)
    assert codec.write(record) == expected
    assert codec.write_values(*(record[name] for name in codec.names)) == expected


@ANY_SIZE
@given(data=st.data())
def test_arbitrary_schemas_are_written_as_fastavro_writes_them(data: st.DataObject) -> None:
    schema = data.draw(schemas())
    record = data.draw(values(schema))
    expected = reference_write(schema, record)
    codec = codec_of(schema)
    assert codec.write(record) == expected
    assert codec.write_values(*(record[name] for name in codec.names)) == expected
    cut = data.draw(st.integers(0, len(record)))
    parts = codec.split(codec.names[:cut])
    given_values = [record[name] for name in codec.names]
    assert parts.prefix(*given_values[:cut]) + parts.rest(*given_values[cut:]) == expected


@given(st.integers(-(2**63), 2**63 - 1))
def test_integers_come_back(number: int) -> None:
    encoded = encode(number)
    assert read_long(encoded, 0) == (number, len(encoded))


def test_common_fields_are_encoded_once() -> None:
    split = codec_for("logs").split(COMMON)
    prefix = split.prefix(*(LOG[name] for name in COMMON))
    rest = split.rest(*list(LOG.values())[len(COMMON) :])
    assert prefix + rest == codec_for("logs").write(LOG)


def test_a_body_slice_stands_in_the_public_message() -> None:
    body = codec_for_record("normalized-blocks", "LogBody").write(LOG)
    head = codec_for("logs").split((*COMMON, "event_id"))
    prefix = head.prefix(*(LOG[name] for name in (*COMMON, "event_id")))
    assert prefix + body == codec_for("logs").write(LOG)


def test_encoded_records_stand_in_arrays_and_fields() -> None:
    schema = {
        "type": "record",
        "name": "Outer",
        "fields": [
            {
                "name": "one",
                "type": ["null", {"type": "record", "name": "In", "fields": [{"name": "a", "type": "int"}]}],
            },
            {"name": "many", "type": {"type": "array", "items": "In"}},
        ],
    }
    codec = codec_of(schema)
    plainly = codec.write({"one": {"a": 5}, "many": [{"a": 1}, {"a": 2}]})
    assert codec.write({"one": b"\x0a", "many": [b"\x02", {"a": 2}]}) == plainly
    assert plainly == reference_write(schema, {"one": {"a": 5}, "many": [{"a": 1}, {"a": 2}]})


def test_defaults_fill_what_is_missing() -> None:
    schema = {
        "type": "record",
        "name": "R",
        "fields": [
            {"name": "a", "type": "int"},
            {"name": "b", "type": {"type": "fixed", "name": "F", "size": 2}, "default": "\u00ff\u0000"},
            {"name": "c", "type": {"type": "array", "items": "int"}, "default": []},
            {"name": "d", "type": ["null", "string"], "default": None},
        ],
    }
    assert codec_of(schema).write({"a": 1}) == b"\x02" + b"\xff\x00" + b"\x00" + b"\x00"
    with pytest.raises(WrongValue, match="test: field a: missing"):
        codec_of(schema).write({"d": "x"})


def test_records_may_nest_themselves() -> None:
    schema = {
        "type": "record",
        "name": "Tree",
        "fields": [
            {"name": "label", "type": "string"},
            {"name": "children", "type": {"type": "array", "items": "Tree"}},
        ],
    }
    tree = {"label": "a", "children": [{"label": "b", "children": []}]}
    codec = codec_of(schema)
    assert codec.write(tree) == reference_write(schema, tree)
    assert codec.read(codec.write(tree)) == tree


WRONG: list[tuple[str, object, str]] = [
    ("chain_id", 2**63, "chain_id: .* does not fit in long"),
    ("chain_id", None, "chain_id: None is not a long"),
    ("chain_id", "1", "chain_id: '1' is not a long"),
    ("chain_id", 1.5, "chain_id: 1.5 is not a long"),
    ("log_index", 2**31, "log_index: .* does not fit in int"),
    ("block_hash", b"h" * 31, "block_hash: 31 bytes for .*Hash32, which takes 32"),
    ("block_hash", "h" * 32, "block_hash: .* is not a .*Hash32"),
    ("removed", "no", "removed: 'no' is not a boolean"),
    ("topics", [b"1" * 32, b"2" * 33], r"topics\[1\]: 33 bytes"),
    ("topics", [b"1" * 31, b"2" * 33], r"topics\[0\]: 31 bytes"),
    ("topics", None, "topics: None is not an array"),
    ("data", "text", "data: 'text' is not bytes"),
    ("data", None, "data: None is not bytes"),
    ("extra", b"bytes", "extra: .* is not a string"),
    ("extra", "\ud800", "extra: .* has no UTF-8 form"),
]


@pytest.mark.parametrize(("field", "value", "message"), WRONG)
def test_a_wrong_value_names_subject_and_field(field: str, value: object, message: str) -> None:
    wrong: dict[str, Any] = {**LOG, field: value}
    codec = codec_for("logs")
    for write in (lambda: codec.write(wrong), lambda: codec.write_values(*wrong.values())):
        with pytest.raises(WrongValue, match=f"logs: field {message}") as caught:
            write()
        assert caught.value.field.startswith(field)
    split = codec.split(COMMON)
    piece, some = (split.prefix, slice(None, 6)) if field in COMMON else (split.rest, slice(6, None))
    with pytest.raises(WrongValue, match=message):
        piece(*list(wrong.values())[some])


def test_an_unknown_symbol_and_a_wrong_nested_field_are_named() -> None:
    codec = codec_for("normalized-blocks")
    event = {
        "event": "APPLY",
        "chain_id": 1,
        "sequence": 1,
        "claim": 0,
        "observed_at": 0,
        "fresh": False,
        "part": 0,
        "parts": 1,
    }
    assert codec.read(codec.write(event))["logs"] == []
    with pytest.raises(WrongValue, match="field event: 'UNDO' is not a symbol"):
        codec.write({**event, "event": "UNDO"})
    body = {name: LOG[name] for name in codec_for_record("normalized-blocks", "LogBody").names}
    with pytest.raises(WrongValue, match=r"field logs\[1\]\.address: 2 bytes"):
        codec.write({**event, "logs": [body, {**body, "address": b"xx"}]})


def test_a_wrong_number_of_values_is_the_callers_mistake() -> None:
    with pytest.raises(TypeError, match="2 values for the 14 fields"):
        codec_for("logs").write_values(1, 2)
    with pytest.raises(ValueError, match="first fields"):
        codec_for("logs").split(("log_index",))
