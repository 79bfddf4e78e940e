"""A batch on its way in: what is told before it, and what is left to the reader."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from connectors.clickhouse.sink.avro.casts import NotJoinable
from connectors.clickhouse.sink.avro.joined import Joined
from connectors.clickhouse.sink.rows import Columns
from headwater.errors import Permanent
from schemas import codec_for, frame, schema_of
from tests.builders.records import LOG
from tests.fakes.sink import messages

BODY = codec_for("logs").write(LOG)
REMOVED = codec_for("logs").write(LOG | {"removed": True})


class FakeTable:
    """Remembers what it was given."""

    full_name = "db.logs"
    columns: Mapping[str, str] = {"chain_id": "UInt64", "removed": "Bool"}

    def __init__(self) -> None:
        self.taken: list[tuple[bytes, int]] = []

    def insert_joined(self, body: bytes, rows: int) -> None:
        self.taken.append((body, rows))


def joined(table: FakeTable, schema: Any, told: list[Columns]) -> Joined:
    return Joined("logs", lambda _: schema, table, told.append)


def test_retractions_are_told_before_rows_go_in() -> None:
    table, told = FakeTable(), list[Columns]()
    joined(table, schema_of("logs"), told).insert(
        messages(*[frame(7) + each for each in (BODY, BODY, REMOVED)])
    )
    ((body, rows),) = table.taken
    assert rows == 3
    assert body.startswith(b"INSERT INTO db.logs (chain_id, removed) SELECT ")
    assert (told[0]["removed"], told[0]["block_number"]) == ([False, True], [LOG["block_number"]] * 2)


@pytest.mark.parametrize(
    "values", [(b"\x00\x00",), (frame(7) + BODY, frame(8) + BODY), (frame(7) + BODY[:9],)]
)
def test_what_is_no_batch_of_one_schema_is_left_to_the_reader(values: tuple[bytes, ...]) -> None:
    table = FakeTable()
    with pytest.raises(Permanent):
        joined(table, schema_of("logs"), []).insert(messages(*values))
    assert table.taken == []


def test_a_schema_that_the_registry_does_not_know_is_asked_for_again() -> None:
    answers: list[Any] = [None, schema_of("logs")]
    table = FakeTable()
    sink = Joined("logs", lambda _: answers.pop(0), table)
    with pytest.raises(NotJoinable, match="no schema of id"):
        sink.insert(messages(frame(7) + BODY))
    sink.insert(messages(frame(7) + BODY))
    sink.insert(messages(frame(7) + BODY))
    assert len(table.taken) == 2


def test_records_that_do_not_begin_as_ours_are_left_to_the_reader() -> None:
    schema = schema_of("logs")
    schema["fields"].append(schema["fields"].pop(0))
    table = FakeTable()
    with pytest.raises(NotJoinable, match="cannot decode"):
        joined(table, schema, []).insert(messages(frame(7) + BODY))
    assert table.taken == []
