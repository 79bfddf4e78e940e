"""Coverage as JSON, and what its writer talks to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import orjson

from connectors.clickhouse.sink.bisect import BadRowLimit
from connectors.clickhouse.sink.messages import Message, Partition
from connectors.clickhouse.sink.retries import retry_for
from connectors.clickhouse.sink.rows import Columns
from connectors.clickhouse.sink.table import RowsRejected
from connectors.clickhouse.sink.writer import Writer
from headwater.errors import Permanent, Transient
from tests.fakes.kafka import FakeMessage
from tests.fakes.sink import FakeDeadLetters
from topics.coverage import COUNTED

COUNTS = tuple(each.field for each in COUNTED)
FIELDS = (
    *("chain_id", "block_number", "block_hash", "sequence", "removed", "complete", "problem", "offsets"),
    *("block_timestamp", "observed_at", "retractions", *COUNTS),
)
LOGS = Partition("x.logs.v1", 2)
TOPICS = {"x.logs.v1": "logs", "x.blocks.v1": "blocks", "x.coverage.v1": "coverage"}


class JsonReader:
    """Coverage as JSON."""

    names = FIELDS

    def columns(self, messages: Sequence[Message]) -> Columns:
        try:
            records = [orjson.loads(message.value() or b"") for message in messages]
        except orjson.JSONDecodeError as error:
            raise Permanent(f"malformed: {error}") from error
        return {name: [record[name] for record in records] for name in FIELDS}


class Shown:
    """The table of coverage, which has no rows of negative sequence; encoded, a row is a line of JSON.

    While `open` is not set an insert waits, and `waiting` says so; `failures` says how often it is away.
    `on_insert` hears of each block that is about to show.
    """

    name = "coverage"

    def __init__(self) -> None:
        self.inserts: list[list[dict[str, Any]]] = []
        self.open = threading.Event()
        self.open.set()
        self.waiting = False
        self.failures = 0
        self.on_insert: Callable[[int], None] = lambda number: None

    def encode(self, columns: Columns) -> bytes:
        if min(columns["sequence"], default=0) < 0:
            raise Permanent("a sequence is negative")
        rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        return b"".join(orjson.dumps(row) + b"\n" for row in rows)

    def insert(self, encoded: bytes, rows: int) -> None:
        if self.failures:
            self.failures -= 1
            raise Transient("ClickHouse is away")
        self.waiting = not self.open.is_set()
        assert self.open.wait(10.0)
        self.waiting = False
        if encoded and not encoded.endswith(b"\n"):
            raise RowsRejected("the last row ends early")
        records = [orjson.loads(line) for line in encoded.splitlines()]
        for record in records:
            if not record["removed"]:
                self.on_insert(record["block_number"])
        self.inserts.append(records)


def coverage_writer(table: Shown, stop: threading.Event | None = None) -> Writer:
    """What writes coverage into `table`."""
    limit, retry = BadRowLimit("coverage", 0.2), retry_for("coverage", stop or threading.Event())
    return Writer(JsonReader(), table, FakeDeadLetters(), limit, retry, "x")


def coverage(
    offset: int,
    sequence: int,
    *,
    removed: bool = False,
    logs: int = 5,
    upto: int = 20,
    number: int = 7,
    blocks_upto: int = 0,
    retractions: int = 0,
    mined: int = 500,
    observed_at: int = 1_000,
) -> FakeMessage:
    record = dict.fromkeys(FIELDS, 0) | {
        "chain_id": 1,
        "block_number": number,
        "block_hash": f"hash{number}",
        "sequence": sequence,
        "removed": removed,
        "complete": True,
        "problem": None,
        "log_count": logs,
        "block_timestamp": mined,
        "observed_at": observed_at,
        "retractions": retractions,
        "offsets": [
            {"topic": LOGS.topic, "partition": LOGS.number, "next_offset": upto},
            {"topic": "x.traces.v1", "partition": 0, "next_offset": 99},
            *([{"topic": "x.blocks.v1", "partition": 0, "next_offset": blocks_upto}] if blocks_upto else []),
        ],
    }
    return FakeMessage("x.coverage.v1", 0, offset, orjson.dumps(record))
