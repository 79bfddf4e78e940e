"""From messages to columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, cast

from connectors.clickhouse.native import Column
from connectors.clickhouse.sink.messages import VALUE, Message
from headwater.digits import decimal
from schemas.reader import StreamReader
from topics import dead_letters

Columns = Mapping[str, Column]


class Reader(Protocol):
    """Reads a stream's messages, none of them a tombstone."""

    @property
    def names(self) -> Sequence[str]:
        """The columns that it gives."""

    def columns(self, messages: Sequence[Message]) -> Columns:
        """One row per message. Raises Permanent when one of them is not a record."""


class AvroRows:
    """Framed Avro records of one stream, of any version of its schema.

    `schema_of_id` answers from the schema registry; it raises Transient when that is silent.
    """

    def __init__(self, stream: str, schema_of_id: Callable[[int], Any]) -> None:
        self._reader = StreamReader(stream, schema_of_id)
        self.names: Sequence[str] = self._reader.codec.names

    def columns(self, messages: Sequence[Message]) -> Columns:
        """One row per message. Raises MalformedRecord, and what `schema_of_id` raises."""
        return self._reader.columns(cast("list[bytes]", list(map(VALUE, messages))))


class DeadLetterRows:
    """Dead letters of every stage: the failed record's place and bytes, and what was wrong with it."""

    names: Sequence[str] = (
        "topic",
        "partition",
        "offset",
        "stage",
        "error_class",
        "error_message",
        "key",
        "value",
        "headers",
        "failed_at",
        "dead_letter_partition",
        "dead_letter_offset",
    )

    def columns(self, messages: Sequence[Message]) -> Columns:
        """One row per message; what its headers do not say is empty or −1."""
        columns: dict[str, list[Any]] = {name: [] for name in self.names}
        for message in messages:
            headers = {name: value or b"" for name, value in message.headers() or ()}
            row = dead_letter_row(
                headers,
                message.key(),
                message.value(),
                message.partition(),
                message.offset(),
                message.timestamp()[1],
            )
            for name, value in row.items():
                columns[name].append(value)
        return columns


def dead_letter_row(
    headers: Mapping[str, bytes],
    key: bytes | None,
    value: bytes | None,
    partition: int,
    offset: int,
    timestamp_ms: int,
) -> dict[str, Any]:
    """The row of one dead letter, from what stands on the topic."""
    return {
        "topic": headers.get(dead_letters.TOPIC, b""),
        "partition": _integer(headers.get(dead_letters.PARTITION), 31),
        "offset": _integer(headers.get(dead_letters.OFFSET), 63),
        "stage": headers.get(dead_letters.STAGE, b""),
        "error_class": headers.get(dead_letters.EXCEPTION_CLASS, b""),
        "error_message": headers.get(dead_letters.EXCEPTION_MESSAGE, b""),
        "key": key,
        "value": value,
        "headers": {
            name: content for name, content in headers.items() if not name.startswith(dead_letters.PREFIX)
        },
        "failed_at": max(timestamp_ms, 0),
        "dead_letter_partition": partition,
        "dead_letter_offset": offset,
    }


def _integer(text: bytes | None, bits: int) -> int:
    number = decimal(text, bits)
    return -1 if number is None else number
