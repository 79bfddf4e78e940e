"""What a topic is: the type of every entry of the catalogue."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from headwater.kafka import MAX_MESSAGE_BYTES

DAY_MS: Final = 86_400_000


class Visibility(Enum):
    """Who may rely on a topic."""

    PUBLIC = "public"  # a contract with downstream services; written in transactions
    INTERNAL = "internal"  # between stages; written in transactions only where Faust never reads it


class Cleanup(Enum):
    """Kafka's `cleanup.policy`."""

    DELETE = "delete"
    COMPACT = "compact"
    COMPACT_DELETE = "compact,delete"


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """One stream of a chain: its topic is `[prefix.]<chain>.<stream>.v<major>`.

    `key` says in words what the UTF-8 key is. `retention_ms` None keeps messages for ever by time.
    `schema` False marks values that are original bytes, not Avro. `stateful` topics never grow in
    partitions without force: keyed state downstream would split. `segment_bytes` is for compacted topics
    that are read from their start: only closed segments are compacted.
    """

    stream: str
    key: str
    description: str
    partitions: int
    cleanup: Cleanup
    retention_ms: int | None
    visibility: Visibility
    owner: str
    producers: tuple[str, ...]
    consumers: tuple[str, ...]
    schema: bool = True
    stateful: bool = True
    max_message_bytes: int = 1_048_576
    segment_bytes: int | None = None

    def config(self, *, replication: int) -> dict[str, str]:
        """The topic's settings in a cluster of `replication` brokers or more.

        LogAppendTime: with block times, time based retention would delete history as it arrives.
        """
        values = {
            "cleanup.policy": self.cleanup.value,
            "message.timestamp.type": "LogAppendTime",
            "max.message.bytes": str(self.max_message_bytes),
            "retention.ms": "-1" if self.retention_ms is None else str(self.retention_ms),
            "min.insync.replicas": "2" if replication >= 3 else "1",
        }
        if self.segment_bytes is not None:
            values["segment.bytes"] = str(self.segment_bytes)
        if self.cleanup is not Cleanup.DELETE:
            values["min.cleanable.dirty.ratio"] = "0.2"
        return values


BLOCK_BYTES: Final = MAX_MESSAGE_BYTES
