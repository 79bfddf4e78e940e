"""Tables, dead letters and routes."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError

from connectors.clickhouse.native import encoder
from connectors.clickhouse.sink import table as sink_table
from connectors.clickhouse.sink.coverage.replicas import ReplicaProgress
from connectors.clickhouse.sink.dead_letters import DeadLetters, StopOnDeadLetter
from connectors.clickhouse.sink.messages import Bad, Partition
from connectors.clickhouse.sink.routes import EXEMPT, LEFT_OUT, ROUTES, RouteKind
from connectors.clickhouse.sink.rows import DeadLetterRows
from connectors.clickhouse.sink.table import MemoryLimit, RowsRejected, Table, open_table
from headwater.errors import Fatal, Permanent, Transient
from schemas import codec_for
from tests.fakes.clickhouse import FakeClient
from tests.fakes.kafka import FakeMessage, QueueProducer
from tests.fakes.log_lines import configured, lines
from topics.catalog import TOPICS
from topics.chainlog.headers import headers


def test_every_topic_has_a_route_or_a_reason_to_have_none() -> None:
    streams = [route.stream for route in ROUTES]
    assert len(streams) == len(set(streams))
    assert set(streams) | set(EXEMPT) == {spec.stream for spec in TOPICS}
    assert not set(streams) & set(EXEMPT)
    assert all(EXEMPT.values())
    assert [route.stream for route in ROUTES if route.kind is RouteKind.COVERAGE] == ["coverage"]
    for spec in TOPICS:
        assert ("sink" in spec.consumers) <= (spec.stream in streams), spec.stream
    for stream, field in LEFT_OUT:
        assert field in codec_for(stream).names


def table(client: FakeClient, **columns: str) -> Table:
    client.create("db.logs", **columns)
    return Table(client, "db", "logs", {name: encoder(kind) for name, kind in columns.items()})  # type: ignore[arg-type]


def test_inserts_name_their_columns_and_pin_their_settings() -> None:
    client = FakeClient()
    table(client, a="UInt8").write({"a": [1, 2], "unused": [0, 0]})
    ((name, columns, block, settings),) = client.inserted
    assert (name, columns, block) == ("db.logs", ("a",), b"\x01\x02\x01a\x05UInt8\x01\x02")
    assert settings["async_insert"] == 0
    assert settings["max_partitions_per_insert_block"] == 0


def test_blocks_are_compressed_for_another_machine() -> None:
    client = FakeClient()
    client.write_compression = "zstd"
    table(client, a="UInt8").write({"a": [1, 2]})
    assert client.compressions == ["zstd"]
    assert client.rows["db.logs"] == [(1,), (2,)]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (DatabaseError("Code: 349. NULL", code=349), RowsRejected),
        (DatabaseError("Code: 60. no such table", code=60), Transient),
        (DatabaseError("Code: 252. too many parts", code=252), Transient),
        (DatabaseError("Code: 243. disk full", code=243), Transient),
        (DatabaseError("Code: 241. memory limit", code=241), MemoryLimit),
        (OperationalError("connection refused"), Transient),
    ],
)
def test_only_errors_of_the_rows_are_held_against_them(error: Exception, kind: type[Exception]) -> None:
    with pytest.raises(kind, match=r"logs"):
        table(FakeClient(error=error), a="UInt8").write({"a": [1]})


def test_a_table_must_fit_its_stream() -> None:
    client = FakeClient()
    client.create("db.logs", a="UInt8", b=("String", "DEFAULT"), c=("String", "ALIAS"))
    open_table(client, "db", "logs", ["a"])  # type: ignore[arg-type]
    open_table(client, "db", "logs", ["a", "d"], ["d"])  # type: ignore[arg-type]
    with pytest.raises(Fatal, match=r"db.logs lacks c, d; run `headwater migrate`"):
        open_table(client, "db", "logs", ["a", "c", "d"])  # type: ignore[arg-type]
    with pytest.raises(Fatal, match="does not exist"):
        open_table(FakeClient(), "db", "logs", ["a"])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "kind", ["Nullable(UInt64)", "Array(String)", "UInt32"], ids=["nullable", "array", "count"]
)
def test_a_column_of_a_newer_version_stays_as_it_is(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An upgrade changes the tables first, and a rollback leaves them: the older sink writes on."""
    told: list[dict[str, object]] = []
    monkeypatch.setattr(sink_table, "_log", SimpleNamespace(info=lambda _, **fields: told.append(fields)))
    client = FakeClient()
    client.create("db.logs", a="UInt8", later=kind)
    opened = open_table(client, "db", "logs", ["a"])  # type: ignore[arg-type]
    assert list(opened.columns) == ["a"]
    assert told == [{"table": "logs", "columns": ["later"]}]


LETTER_COLUMNS = {
    "topic": "String",
    "partition": "Int32",
    "offset": "Int64",
    "stage": "String",
    "error_class": "String",
    "error_message": "String",
    "key": "Nullable(String)",
    "value": "Nullable(String)",
    "headers": "Map(String, String)",
    "failed_at": "DateTime64(3, 'UTC')",
    "dead_letter_partition": "UInt32",
    "dead_letter_offset": "UInt64",
}
SPOILT = FakeMessage("x.logs.v1", 3, 77, b"\x00bytes", b"0xkey", (("sequence", b"12"),))


def test_a_dead_letter_has_the_original_bytes_and_says_what_was_wrong() -> None:
    producer, client = QueueProducer(), FakeClient()
    DeadLetters(producer, "x.dead-letters.v1", table(client, **LETTER_COLUMNS), "x").send(
        [Bad(SPOILT, Permanent("out of range"))]
    )
    (letter,) = producer.acknowledged
    assert (letter.topic(), letter.value(), letter.key()) == ("x.dead-letters.v1", b"\x00bytes", b"0xkey")
    headers = dict(letter.headers())
    assert headers["sequence"] == b"12"
    assert headers["__connect.errors.topic"] == b"x.logs.v1"
    assert headers["__connect.errors.partition"] == b"3"
    assert headers["__connect.errors.offset"] == b"77"
    assert headers["__connect.errors.stage"] == b"sink"
    assert headers["__connect.errors.exception.class.name"] == b"headwater.errors.Permanent"
    assert headers["__connect.errors.exception.message"] == b"out of range"


def test_the_log_line_of_a_dead_letter_says_which_message_event_and_block(
    capsys: pytest.CaptureFixture[str],
) -> None:
    own = tuple(headers(1, 12, bytes(range(32)), stream="logs"))
    spoilt = FakeMessage("x.logs.v1", 3, 77, b"", b"", own)
    letters = DeadLetters(QueueProducer(), "x.dead-letters.v1", table(FakeClient(), **LETTER_COLUMNS), "x")
    with configured("sink", "x"):
        letters.send([Bad(spoilt, Permanent("out of range"))])
    (told,) = lines(capsys)
    assert told["event"] == "row sent to the dead letters"
    assert told["error"] == "out of range"
    names = ("chain", "stage", "topic", "partition", "offset", "sequence", "trace_id")
    trace = "000102030405060708090a0b0c0d0e0f"
    assert [told[name] for name in names] == ["x", "sink", "x.logs.v1", 3, 77, 12, trace]


def test_the_row_written_at_once_is_the_row_read_from_the_topic() -> None:
    producer, client = QueueProducer(), FakeClient()
    letters = table(client, **LETTER_COLUMNS)
    DeadLetters(producer, "x.dead-letters.v1", letters, "x").send([Bad(SPOILT, Permanent("no"))])
    columns = DeadLetterRows().columns(producer.acknowledged)
    assert letters.encode(columns) == client.inserted[0][2]
    row: dict[str, Any] = {name: values[0] for name, values in columns.items()}
    assert (row["topic"], row["partition"], row["offset"], row["stage"]) == (b"x.logs.v1", 3, 77, b"sink")
    assert row["headers"] == {"sequence": b"12"}


def test_a_letter_with_strange_headers_is_still_a_row() -> None:
    strange = FakeMessage(
        "x.dead-letters.v1",
        0,
        5,
        None,
        None,
        (("__connect.errors.partition", b"-7"), ("__connect.errors.offset", b"9" * 30), ("h", None)),
    )
    columns = DeadLetterRows().columns([strange])
    assert (columns["partition"], columns["offset"], columns["topic"]) == ([-1], [-1], [b""])
    assert table(FakeClient(), **LETTER_COLUMNS).encode(columns)


def test_a_letter_that_kafka_does_not_take_is_tried_again() -> None:
    client = FakeClient()
    letters = DeadLetters(
        QueueProducer(error="broker away"), "x.dead-letters.v1", table(client, **LETTER_COLUMNS), "x"
    )
    with pytest.raises(Transient, match="did not acknowledge 1 dead letters"):
        letters.send([Bad(SPOILT, Permanent("no"))])
    assert client.inserted == []


def test_letters_wait_for_room_in_a_full_queue() -> None:
    producer, client = QueueProducer(room=1, silent=2), FakeClient()
    letters = DeadLetters(producer, "x.dead-letters.v1", table(client, **LETTER_COLUMNS), "x")
    letters.send([Bad(SPOILT, Permanent("no"))] * 3)
    assert (len(producer.acknowledged), len(client.inserted)) == (3, 1)


def test_letters_for_which_no_room_comes_are_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.clickhouse.sink.dead_letters.SECONDS", 0.0)
    client = FakeClient()
    letters = DeadLetters(
        QueueProducer(room=1, silent=math.inf), "x.dead-letters.v1", table(client, **LETTER_COLUMNS), "x"
    )
    with pytest.raises(Transient, match="takes no dead letter: the queue is full"):
        letters.send([Bad(SPOILT, Permanent("no"))] * 2)
    assert client.inserted == []


def test_a_dead_letter_that_cannot_be_stored_stops_the_sink() -> None:
    with pytest.raises(Fatal, match="a dead letter cannot be stored: no"):
        StopOnDeadLetter().send([Bad(SPOILT, Permanent("no"))])


def test_replica_progress_is_stored_and_read_back() -> None:
    client = FakeClient([("x.logs.v1", 3, 78)])
    progress = table(client, topic="String", partition="UInt32", next_offset="UInt64")
    progress_table = ReplicaProgress(client, "db", progress, ["x.logs.v1"])  # type: ignore[arg-type]
    progress_table.store({})
    assert client.inserted == []
    progress_table.store({Partition("x.logs.v1", 3): 78})
    assert client.inserted[0][2].endswith(b"\x4e" + bytes(7))
    assert progress_table.positions() == {Partition("x.logs.v1", 3): 78}
    client.answers = [("x.logs.v1", 3, 77, "12"), ("x.logs.v1", 3, 78, "")]
    assert [letter.sequence for letter in progress_table.since({"x.logs.v1": 70})] == [12, None]
    assert client.asked[-1][1] == {"t0": "x.logs.v1", "o0": 70}
