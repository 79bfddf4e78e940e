"""Messages framed with what is no schema of ours: bad ones, and no fault of the registry's."""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import Any

import pytest

from connectors.clickhouse.sink.avro.casts import NotJoinable
from connectors.clickhouse.sink.avro.joined import Joined
from headwater.errors import Fatal, Transient
from schemas import MalformedRecord, StreamReader, codec_for, frame, schema_of
from schemas.client import Answer
from schemas.errors import ForeignSchema
from schemas.evolution import Translator
from schemas.registered import MOST_DEPTH, Registered
from schemas.wire import schema_id_of
from tests.builders.records import LOG
from tests.builders.shelf import Shelf
from tests.fakes.kafka import FakeMessage

FOREIGN = 99
BODY = codec_for("logs").write(LOG)
_FIELD = {"name": "a", "type": "string"}


def _deep(levels: int) -> str:
    return "[" * levels + "]" * levels


def _ours(**more: object) -> str:
    return json.dumps({**schema_of("logs"), **more})


CASES: dict[str, tuple[str, dict[str, object], str]] = {
    "protobuf": ('syntax = "proto3"; message X {}', {"schemaType": "PROTOBUF"}, "a PROTOBUF schema"),
    "json schema": ('{"type": "object"}', {"schemaType": "JSON"}, "a JSON schema"),
    "json schema, untold": ('{"type": "object"}', {}, "not an Avro schema .*unknown type 'object'"),
    "true": ("true", {"schemaType": "JSON"}, "a JSON schema"),
    "a later type": ("?", {"schemaType": "XML"}, "a XML schema"),
    "references": (
        _ours(),
        {"references": [{"name": "b.Y", "subject": "y", "version": 1}]},
        "refers to others",
    ),
    "a reference, untold": (_ours(fields=[{"name": "a", "type": "b.Y"}]), {}, "unknown type 'b.Y'"),
    "no text": ("", {}, "text that is not an Avro schema"),
    "a bare name": ("string", {}, "text that is not an Avro schema"),
    "a number": ("1", {}, "not an Avro schema"),
    "null": ("null", {}, "not an Avro schema"),
    "no name": ('{"type": "record", "fields": []}', {}, "not an Avro schema .*KeyError"),
    "names of no text": (_ours(fields=[{"name": {}, "type": "int"}]), {}, "not an Avro schema .*is text"),
    "nested without end": (_deep(100_000), {}, "nested deeper"),
    "nested deep": (_deep(3_000), {}, "nested deeper"),
    "a string": ('"string"', {"schemaType": "AVRO"}, "no record's schema"),
    "a union": ('["null", "string"]', {"schemaType": None}, "no record's schema"),
    "another record": (
        json.dumps({"type": "record", "name": "a.X", "fields": [_FIELD]}),
        {},
        "has a.X under",
    ),
}


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("stream", ["logs", "raw-blocks", "repair-requests"])
def test_a_message_framed_with_it_is_malformed_and_costs_one_question(
    shelf: Shelf, stream: str, name: str
) -> None:
    text, more, what = CASES[name]
    shelf.has(FOREIGN, text, **more)
    reader = shelf.registry.reader(stream)
    asked = []
    for _ in range(3):
        with pytest.raises(MalformedRecord, match=what) as caught:
            reader.read(frame(FOREIGN) + BODY)
        assert (caught.value.schema_id, caught.value.subject) == (FOREIGN, stream)
        asked.append(shelf.asked)
    assert asked[0] == asked[2]


@pytest.mark.parametrize("name", CASES)
def test_it_is_waited_for_while_the_registry_is_not_whole(shelf: Shelf, name: str) -> None:
    """One that was emptied, and filled by other teams first, has other schemas under our ids."""
    text, more, _ = CASES[name]
    shelf.has(FOREIGN, text, **more)
    subjects, shelf.subjects = shelf.subjects, {}
    reader = shelf.registry.reader("logs")
    with pytest.raises(Transient, match="not whole"):
        reader.read(frame(FOREIGN) + BODY)
    shelf.subjects = subjects
    shelf.has(FOREIGN, _ours())
    assert reader.read(frame(FOREIGN) + BODY) == LOG


def test_what_was_learned_and_is_another_teams_now_is_waited_for(shelf: Shelf) -> None:
    assert shelf.registry.schema(1) is not None
    shelf.has(1, "syntax", schemaType="PROTOBUF")
    with pytest.raises(Transient, match="schema id 1 is a PROTOBUF schema"):
        shelf.registry.schema(FOREIGN)


def test_a_record_of_our_name_in_another_namespace_is_read_as_avro_reads_it(shelf: Shelf) -> None:
    shelf.has(FOREIGN, _ours(namespace="a.b"), schemaType="AVRO", references=[])
    assert shelf.registry.reader("logs").read(frame(FOREIGN) + BODY) == LOG


@pytest.mark.parametrize("status", [400, 404, 422])
def test_a_number_that_the_registry_takes_for_no_id_is_malformed(shelf: Shelf, status: int) -> None:
    shelf.answers[FOREIGN] = Answer(status, {"error_code": status, "message": "Invalid parameter"})
    with pytest.raises(MalformedRecord, match="has no such schema id"):
        shelf.registry.reader("logs").read(frame(FOREIGN) + BODY)
    shelf.subjects = {}
    with pytest.raises(Transient, match="not whole"):
        shelf.registry.reader("logs").read(frame(FOREIGN) + BODY)


@pytest.mark.parametrize("status", [401, 403, 405])
def test_a_refusal_of_us_is_no_fault_of_the_message(shelf: Shelf, status: int) -> None:
    shelf.answers[FOREIGN] = Answer(status, "no")
    with pytest.raises(Fatal, match=str(status)):
        shelf.registry.reader("logs").read(frame(FOREIGN) + BODY)


@pytest.mark.parametrize("body", [{"schema": 1}, {"schema": "{}", "schemaType": 1}, [], "<html>"], ids=repr)
def test_what_is_no_answer_of_a_registry_is_waited_for(
    shelf: Shelf, body: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headwater.retry.Backoff.next", lambda *_: 0.0)
    shelf.answers[FOREIGN] = Answer(200, body)
    with pytest.raises(Transient, match="an answer"):
        shelf.registry.reader("logs").read(frame(FOREIGN) + BODY)


@pytest.mark.parametrize("schema_id", [1 << 31, (1 << 32) - 1])
def test_nobody_is_asked_about_what_cannot_be_an_id(shelf: Shelf, schema_id: int) -> None:
    value = b"\x00" + schema_id.to_bytes(4, "big") + BODY
    with pytest.raises(MalformedRecord, match="no registry gives an id of more than 31 bits") as caught:
        shelf.registry.reader("logs").read(value)
    assert (caught.value.schema_id, shelf.asked) == (schema_id, 0)
    with pytest.raises(ValueError, match="31 bits"):
        frame(schema_id)
    assert schema_id_of(frame((1 << 31) - 1), "logs") == (1 << 31) - 1


NO_SCHEMAS: dict[str, Any] = {
    "an object": {"type": "object"},
    "true": True,
    "no fields": {"type": "record", "name": "Log"},
    "fields of none": {"type": "record", "name": "Log", "fields": [1]},
    "deep": json.loads(_deep(900)),
    "only fastavro sees it": {
        "type": "record",
        "name": "Log",
        "fields": [{"name": "e", "type": {"type": "enum", "name": "E", "symbols": ["a", "a"]}}],
    },
}


@pytest.mark.parametrize("name", NO_SCHEMAS)
def test_whoever_is_given_no_schema_says_so(name: str) -> None:
    with pytest.raises(MalformedRecord, match="not a schema that can be read"):
        Translator(codec_for("logs"), schema_of("logs"), 7, NO_SCHEMAS[name])


@pytest.mark.parametrize("name", ["an object", "true", "no fields", "fields of none"])
def test_what_is_no_schema_is_not_joined(name: str) -> None:
    class Table:
        full_name = "d.t"
        columns = MappingProxyType[str, str]({})

        def insert_joined(self, body: bytes, rows: int) -> None:
            raise AssertionError

    with pytest.raises(NotJoinable):
        Joined("logs", lambda _: NO_SCHEMAS[name], Table()).insert(
            [FakeMessage("logs", 0, 7, frame(7) + BODY)]
        )
    assert StreamReader("logs", lambda _: schema_of("logs")).read(frame(7) + BODY) == LOG


def test_ours_are_far_from_the_bound() -> None:
    assert Registered(_ours()).schema() == schema_of("logs")
    with pytest.raises(ForeignSchema, match=f"deeper than {MOST_DEPTH}"):
        Registered(_ours(extra=json.loads(_deep(MOST_DEPTH)))).schema()
    assert Registered(_ours(extra=json.loads(_deep(MOST_DEPTH - 1)))).schema()
