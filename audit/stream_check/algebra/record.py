"""A message of a public topic, as far as the algebra looks at it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

Partition: TypeAlias = tuple[str, int]
"""A stream and one of its topic's partitions."""


class StreamPosition(NamedTuple):
    """Where a message lies: a stream stands for its topic."""

    stream: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.stream}[{self.partition}]@{self.offset}"


class BlockSummary(NamedTuple):
    """What a message of `blocks` or `coverage` says of its block.

    `counts` are in the order of COUNTED. `offsets` are coverage's: the offset after the block's last
    message in each partition that holds any; None in a message of `blocks`.
    """

    parent_hash: bytes
    counts: tuple[int, ...]
    complete: bool = True
    problem: str | None = None
    offsets: Mapping[Partition, int] | None = None


class Record(NamedTuple):
    """A message, decoded.

    `time_ms` is the broker's time. `own_key` and `own_id` are what key and event_id must be by the
    record's own fields. `content` is a hash of the value, without what a repeat may say otherwise. `summary`
    is None for streams that are counted; `subject` is the hash of the transaction that a record of
    `transactions` is of, None elsewhere.
    """

    position: StreamPosition
    time_ms: int
    key: bytes
    own_key: bytes
    event_id: bytes
    own_id: bytes
    number: int
    block_hash: bytes
    sequence: int
    removed: bool
    content: int
    summary: BlockSummary | None = None
    subject: bytes | None = None
