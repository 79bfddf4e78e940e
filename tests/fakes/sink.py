"""Stand-ins for what the sink talks to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from connectors.clickhouse.sink.messages import Bad, Message
from connectors.clickhouse.sink.rows import Columns
from connectors.clickhouse.sink.table import MemoryLimit, RowsRejected
from headwater.errors import Permanent, Transient
from tests.fakes.kafka import FakeMessage


def messages(*contents: bytes | None, topic: str = "logs", partition: int = 0) -> list[Message]:
    return [FakeMessage(topic, partition, place, content) for place, content in enumerate(contents)]


class FakeReader:
    """Reads decimal numbers; anything else is malformed."""

    names = ("number",)

    def columns(self, messages: Sequence[Message]) -> Columns:
        for message in messages:
            if not (message.value() or b"").removeprefix(b"-").isdigit():
                raise Permanent(f"malformed {message.value()!r}")
        return {"number": [int(message.value() or b"") for message in messages]}


@dataclass
class FakeTable:
    """Holds the rows inserted. Encoding refuses negative numbers, inserting those in `refused`; `failures`
    says how often it is away before. There is memory for inserts of `memory` rows; with less than one the
    next insert of one row finds some.
    """

    name: str = "logs"
    refused: frozenset[int] = frozenset()
    failures: int = 0
    memory: int = 1_000_000
    tried: list[int] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    inserts: int = 0

    def encode(self, columns: Columns) -> bytes:
        numbers: Sequence[int] = columns["number"]
        if min(numbers, default=0) < 0:
            raise Permanent("a number is negative")
        return b"".join(b"%d;" % number for number in numbers)

    def insert(self, encoded: bytes, rows: int) -> None:
        self.tried.append(rows)
        if rows > self.memory:
            self.memory += rows == 1
            raise MemoryLimit("(total) memory limit exceeded")
        if self.failures:
            self.failures -= 1
            raise Transient("ClickHouse is away")
        if encoded and not encoded.endswith(b";"):
            raise RowsRejected("the last number ends early")
        numbers = [int(part) for part in encoded.split(b";")[:-1]]
        assert len(numbers) == rows
        if self.refused & set(numbers):
            raise RowsRejected(f"refused {self.refused & set(numbers)}")
        self.inserts += 1
        self.rows += numbers


@dataclass
class FakeDeadLetters:
    """Remembers what was sent."""

    sent: list[Bad] = field(default_factory=list)

    def send(self, bad: Sequence[Bad]) -> None:
        self.sent += bad
