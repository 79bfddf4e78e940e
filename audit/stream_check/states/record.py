"""A message of `transaction-states`, and what must hold of it alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from audit.stream_check.algebra.finding import Finding
from audit.stream_check.algebra.partitioner import partition_of
from audit.stream_check.algebra.record import StreamPosition

STATES: Final = "transaction-states"
RANKS: Final = {"INCLUDED": 5, "SAFE": 6, "FINALIZED": 7, "REORGED": 8}
"""States that a block decides, with their rank in a version: its position in the schema's enum."""
REORGED: Final = "REORGED"
_SHOWN: Final = 3


class StateRecord(NamedTuple):
    """A message, decoded. `time_ms` is the broker's time, `content` a hash of the value.

    `own_id` is what event_id must be by the other fields; None where the message names no block.
    """

    position: StreamPosition
    time_ms: int
    key: bytes
    transaction: bytes
    sequence: int
    state: str
    version: int
    number: int | None
    block_hash: bytes | None
    removed: bool
    event_id: bytes | None
    own_id: bytes | None
    epoch: int
    retracts: int | None
    content: int


def of_states(kind: str, records: Sequence[StateRecord], detail: str, *sequences: int) -> Finding:
    """A finding about messages, one at least."""
    first = records[0]
    return Finding(
        kind,
        first.number,
        None if first.block_hash is None else "0x" + first.block_hash.hex(),
        tuple(sorted({*sequences, *(each.sequence for each in records)})),
        tuple(each.position for each in records[:_SHOWN]),
        detail,
    )


def shown(transactions: Iterable[bytes]) -> str:
    """A few hashes for a sentence."""
    found = sorted(transactions)
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return ", ".join("0x" + each.hex() for each in found[:_SHOWN]) + more


def faults(record: StateRecord, partitions: int) -> Iterator[Finding]:
    """The breaches in one message of a topic of so many partitions."""
    key = b"0x" + record.transaction.hex().encode()
    if record.key != key:
        yield of_states("key", [record], f"its key is {record.key!r}, its hash makes {key!r}")
    if record.position.partition != (own := partition_of(record.key, partitions)):
        yield of_states(
            "partition",
            [record],
            f"its key belongs to partition {own} of {partitions}: a consumer of that partition never sees it",
        )
    rank = RANKS.get(record.state)
    if rank is None:
        return
    if record.version != record.sequence * 16 + rank:
        yield of_states(
            "state",
            [record],
            f"its version is {record.version}, sequence and state make {record.sequence * 16 + rank}: a "
            "consumer that keeps the highest one keeps another state",
        )
    if record.removed is not (record.state == REORGED):
        yield of_states(
            "state",
            [record],
            f"it is {record.state} and {'' if record.removed else 'not '}removed: consumers that go by "
            "the one or by the other differ",
        )
    if record.block_hash is None or record.event_id != record.own_id:
        yield of_states(
            "identity", [record], "its event_id is not that of the transaction in the block it names"
        )
