"""Readers: what fastavro reads, in three shapes, and MalformedRecord for everything else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas import COMMON, MalformedRecord, codec_for, codec_for_record, frame, streams
from schemas.codec.codec import Codec
from tests.builders.avro import codec_of, records_of, reference_read, reference_write, schemas, values
from tests.builders.records import LOG

ANY_SIZE = settings(suppress_health_check=list(HealthCheck))
FRAME = frame(77)


@pytest.mark.parametrize("stream", streams())
@ANY_SIZE
@given(data=st.data())
def test_every_stream_is_read_alone_and_in_columns(stream: str, data: st.DataObject) -> None:
    codec = codec_for(stream)
    records = data.draw(st.lists(records_of(stream), max_size=4))
    repeated = [record for record in records for _ in range(2)]
    bodies = [codec.write(record) for record in repeated]
    assert [codec.read(body) for body in bodies] == repeated
    framed = [FRAME + body for body in bodies]
    assert codec.columns(framed) == {name: [record[name] for record in repeated] for name in codec.names}
    some = data.draw(st.lists(st.sampled_from(codec.names), unique=True))
    columns = codec.columns(framed, fields=some)
    assert list(columns) == some
    assert columns == {name: [record[name] for record in repeated] for name in some}


@ANY_SIZE
@given(data=st.data())
def test_arbitrary_schemas_are_read_as_fastavro_reads_them(data: st.DataObject) -> None:
    schema = data.draw(schemas())
    body = reference_write(schema, data.draw(values(schema)))
    codec = codec_of(schema)
    expected = reference_read(schema, body)
    assert codec.read(body) == expected
    assert codec.read(FRAME + body, 5) == expected
    assert codec.columns([FRAME + body] * 2) == {name: [expected[name]] * 2 for name in codec.names}
    fields = data.draw(st.lists(st.sampled_from(codec.names), unique=True))
    assert codec.columns([FRAME + body], fields=fields) == {name: [expected[name]] for name in fields}
    message = codec.message(FRAME + body, dict.fromkeys(fields))
    assert {**message.values, **dict.fromkeys(message.records)}.keys() == set(fields)
    for name in fields:
        if name in message.records:
            rows = [dict(zip(found, row, strict=True)) for found, row in _rows(message.records[name])]
            assert rows == expected[name]
        else:
            assert message[name] == expected[name]


def _rows(records: Any) -> list[tuple[list[str], tuple[Any, ...]]]:
    names = list(records.columns)
    return [(names, tuple(records.columns[name][n] for name in names)) for n in range(records.count)]


@ANY_SIZE
@given(data=st.data())
def test_a_block_message_gives_columns_and_own_bytes(data: st.DataObject) -> None:
    codec = codec_for("normalized-blocks")
    event = data.draw(records_of("normalized-blocks"))
    value = FRAME + codec.write(event)
    wanted = {
        "header": None,
        "sequence": None,
        "transactions": ("hash", "nonce"),
        "logs": ("topics", "address"),
    }
    message = codec.message(value, wanted)
    assert message["header"] == event["header"]
    assert message.values == {"header": event["header"], "sequence": event["sequence"]}
    logs, transactions = message.records["logs"], message.records["transactions"]
    assert logs.count == len(event["logs"])
    assert logs.columns == {name: [log[name] for log in event["logs"]] for name in ("address", "topics")}
    assert [codec_for_record("normalized-blocks", "LogBody").read(body) for body in logs.bodies] == event[
        "logs"
    ]
    assert list(transactions.rows("nonce", "hash")) == [
        (t["nonce"], t["hash"]) for t in event["transactions"]
    ]
    if event["header"] is None:
        assert "header" not in message.bodies
    else:
        header = codec_for_record("normalized-blocks", "BlockBody")
        assert header.read(message.bodies["header"]) == event["header"]
    again = codec.write({**event, "logs": logs.bodies, "transactions": transactions.bodies})
    assert again == value[5:]


def _outcome(codec: Codec, value: bytes) -> object:
    """What all ways of reading say of a value: the record, or the error; never two different things."""
    try:
        record: object = codec.read(value, 5)
    except MalformedRecord as error:
        return _same_error_everywhere(codec, value, error)
    columns = codec.columns([value])
    # As texts: arbitrary bytes may be a double that equals nothing, itself included.
    assert repr({name: column[0] for name, column in columns.items()}) == repr(record)
    codec.message(value, dict.fromkeys(codec.names))
    return record


def _same_error_everywhere(codec: Codec, value: bytes, error: MalformedRecord) -> str:
    assert (error.subject, error.schema_id) == (codec.subject, 77)
    assert 5 <= error.offset <= len(value)
    with pytest.raises(MalformedRecord) as second:
        codec.columns([value])
    assert str(second.value) == str(error)
    with pytest.raises(MalformedRecord):
        codec.message(value, dict.fromkeys(codec.names))
    return str(error)


@pytest.mark.parametrize("stream", ["logs", "normalized-blocks", "transaction-states"])
@ANY_SIZE
@given(data=st.data())
def test_every_truncation_is_malformed(stream: str, data: st.DataObject) -> None:
    codec = codec_for(stream)
    value = FRAME + codec.write(data.draw(records_of(stream)))
    for end in range(5, len(value), max(1, len(value) // 8)):
        assert isinstance(_outcome(codec, value[:end]), str)
    assert "follow the record" in str(_outcome(codec, value + b"\x00"))


@pytest.mark.parametrize("stream", streams())
@ANY_SIZE
@given(data=st.data())
def test_flipped_bytes_decode_or_are_malformed(stream: str, data: st.DataObject) -> None:
    codec = codec_for(stream)
    value = bytearray(FRAME + codec.write(data.draw(records_of(stream))))
    for _ in range(data.draw(st.integers(1, 4))):
        value[data.draw(st.integers(5, len(value) - 1))] = data.draw(st.integers(0, 255))
    _outcome(codec, bytes(value))


@ANY_SIZE
@given(data=st.data())
def test_arbitrary_bytes_of_arbitrary_schemas_never_crash(data: st.DataObject) -> None:
    codec = codec_of(data.draw(schemas()))
    _outcome(codec, FRAME + data.draw(st.binary(max_size=60)))


def _value(**changes: object) -> bytes:
    return FRAME + codec_for("logs").write({**LOG, **changes})


BEFORE_REMOVED = 5 + 1 + 4 + 32 + 6 + 6


@pytest.mark.parametrize(
    ("value", "offset", "field", "reason"),
    [
        (_value()[:20], 10, "block_hash", "truncated"),
        (FRAME + b"\xff" * 11, 5, "chain_id", "more than ten bytes"),
        (FRAME + b"\xff" * 9 + b"\x7f", 5, "chain_id", "more than 64 bits"),
        (
            _value()[:BEFORE_REMOVED] + b"\x02" + _value()[BEFORE_REMOVED + 1 :],
            BEFORE_REMOVED,
            "removed",
            "boolean",
        ),
        (_value()[:-1] + b"\x04", len(_value()) - 1, "extra", "no branch 2"),
        (_value()[:-1] + b"\x01", len(_value()) - 1, "extra", "no branch -1"),
        (_value(extra="é")[:-1] + b"e", len(_value(extra="é")) - 2, "extra", "not UTF-8"),
        (_value(extra="x")[:-2] + b"\x01", len(_value(extra="x")) - 2, "extra", "negative length"),
        (_value(topics=[])[:-68] + b"\x80\x80\x80\x80\x10" + b"0" * 67, 0, "topics", "items cannot stand"),
        (_value() + b"\x00\x00", len(_value()), "", "2 bytes follow"),
    ],
)
def test_malformed_bytes_name_offset_field_and_reason(
    value: bytes, offset: int, field: str, reason: str
) -> None:
    codec = codec_for("logs")
    with pytest.raises(MalformedRecord) as caught:
        codec.columns([_value(), value, _value()])
    error = caught.value
    assert (error.subject, error.schema_id, error.field) == ("logs", 77, field)
    assert reason in error.reason
    if offset:
        assert error.offset == offset
    assert f"schema id 77): {error.reason} at byte {error.offset}" in str(error)


ARRAYS = {
    "type": "record",
    "name": "Arrays",
    "fields": [
        {"name": "numbers", "type": {"type": "array", "items": "long"}},
        {"name": "hashes", "type": {"type": "array", "items": {"type": "fixed", "name": "F", "size": 2}}},
        {"name": "map", "type": {"type": "map", "values": "int"}},
        {"name": "last", "type": "int"},
    ],
}


def test_sized_and_repeated_blocks_are_read() -> None:
    sized_numbers = b"\x03\x04\x02\x04" + b"\x02\x06" + b"\x00"  # -2 items in 2 bytes: 1, 2; then one: 3
    sized_hashes = b"\x01\x04ab" + b"\x04cdef" + b"\x00"
    sized_map = b"\x01\x06\x02k\x08" + b"\x00"
    body = sized_numbers + sized_hashes + sized_map + b"\x0e"
    expected = {"numbers": [1, 2, 3], "hashes": [b"ab", b"cd", b"ef"], "map": {"k": 4}, "last": 7}
    codec = codec_of(ARRAYS)
    assert codec.read(body) == expected == reference_read(ARRAYS, body)
    usual = codec.write(expected)
    assert codec.columns([usual, body, usual], offset=0) == {n: [expected[n]] * 3 for n in codec.names}
    wrong_size = b"\x03\x06\x02\x04" + b"\x00\x00\x00\x0e"
    with pytest.raises(MalformedRecord, match="holds other than that at byte 0, field numbers"):
        codec.read(wrong_size)


def test_overlong_integers_are_read_as_others_read_them() -> None:
    body = b"\x82\x00" + reference_write(ARRAYS, {"numbers": [1], "hashes": [], "map": {}, "last": 1})[1:]
    assert codec_of(ARRAYS).read(body)["numbers"] == [1]
    union = {"type": "record", "name": "R", "fields": [{"name": "a", "type": ["null", "int"]}]}
    assert codec_of(union).columns([b"\x82\x00\x06", b"\x02\x06"], offset=0) == {"a": [3, 3]}


def test_common_values_follow_their_own_block() -> None:
    codec = codec_for("logs")
    numbers = [1, 1, 2, 2, 1, 3]
    bodies = [_value(block_number=number, log_index=n) for n, number in enumerate(numbers)]
    odd = bodies[3][:-1] + b"\x80\x00"  # null as an over-long branch: read by the strict reader
    columns = codec.columns([*bodies[:3], odd, *bodies[4:]], fields=("log_index", *COMMON))
    assert columns["block_number"] == numbers
    assert columns["log_index"] == list(range(6))
    assert columns["chain_id"] == [1] * 6
    assert codec.columns([]) == {name: [] for name in codec.names}


def test_unknown_fields_are_the_callers_mistake() -> None:
    with pytest.raises(ValueError, match="logs has no field adress"):
        codec_for("logs").columns([], fields=["adress"])
    with pytest.raises(ValueError, match="records of logs have no field adress"):
        codec_for("normalized-blocks").message(b"", {"logs": ("adress",)})


def test_a_value_without_bytes_is_read_and_passed_over() -> None:
    empty = {"type": "fixed", "name": "Empty", "size": 0}
    fields = [
        {"name": "maybe", "type": ["null", empty]},
        {"name": "listed", "type": {"type": "array", "items": "Empty"}},
        {"name": "last", "type": "int"},
    ]
    codec = codec_of({"type": "record", "name": "Test", "fields": fields})
    for record in ({"maybe": b"", "listed": [b"", b""], "last": 7}, {"maybe": None, "listed": [], "last": 8}):
        value = codec.write(record)
        assert codec.read(value, 0) == record
        assert list(codec.columns([value], offset=0, fields=("last",))["last"]) == [record["last"]]


def test_leading_fields_of_runs() -> None:
    codec = codec_for("logs")
    bodies = [
        codec.write(LOG | {"block_number": number, "log_index": n}) for n, number in enumerate((5, 5, 6))
    ]
    # What follows them is not looked at.
    bodies[1] = bodies[1][:-9]
    found = codec.leading(bodies, offset=0)
    assert found["block_number"] == [5, 6]
    assert tuple(found) == COMMON
    with pytest.raises(MalformedRecord, match="does not begin"):
        codec.leading([bodies[0], bodies[2][:20]], offset=0)
    with pytest.raises(ValueError, match="do not begin with chain_id"):
        codec_for("raw-blocks").leading(bodies, offset=0)
