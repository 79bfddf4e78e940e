"""A promise of the public topics that does not hold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from audit.stream_check.algebra.record import Record, StreamPosition

KINDS: Final = {
    "link": "A block neither follows the tip, nor takes it back, nor repeats what is known.",
    "sequence": "One sequence names two blocks.",
    "incomplete": "A stage could not handle the block.",
    "no-coverage": "A block has messages and no coverage.",
    "no-block": "Coverage says that a block is complete, `blocks` has no message of it.",
    "disagree": "`blocks` and `coverage` say different things of one event.",
    "count": "A block has fewer or more records of a stream than its coverage counts.",
    "offsets": "Coverage's offsets do not reach exactly as far as the block's messages.",
    "contents": "One event_id has two contents under one sequence.",
    "key": "A record's key is not the one that its fields make, or another one than before.",
    "identity": "An event_id is not the one that the record's fields make.",
    "partition": "A message lies in another partition than its key's.",
    "order": "A record was published behind records of later events.",
    "retraction": "What is taken back was never said.",
    "not-retracted": "A record stays though the event that ends it is published.",
    "orphan": "Records stand of a block that is not on the branch.",
    "state": "A state of a transaction is another than its block's events make.",
    "state-missing": "A transaction has no state by the event that decides it.",
    "state-stands": "A state of a transaction stands though its block left the chain.",
    "epoch": "canonical_epoch is not the number of times that a transaction left the chain.",
    "retracts": "A REORGED state retracts another version than the last one, or another state retracts any.",
    "malformed": "A message is not a record of its stream.",
}
"""Word for programs → what it means."""
_SHOWN: Final = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """One breach. `kind` is of KINDS, `detail` says what is wrong and what a consumer has of it.

    `number` and `block_hash` (0x hex) are None where a message cannot be read. `sequences` are those of the
    events that it is about, `places` up to three of the messages.
    """

    kind: str
    number: int | None
    block_hash: str | None
    sequences: tuple[int, ...]
    places: tuple[StreamPosition, ...]
    detail: str


def of_records(kind: str, records: Sequence[Record], detail: str, *sequences: int) -> Finding:
    """A finding about records of one block, at least one."""
    first = records[0]
    named = {*sequences, *(record.sequence for record in records)}
    return Finding(
        kind,
        first.number,
        "0x" + first.block_hash.hex(),
        tuple(sorted(named)),
        tuple(record.position for record in records[:_SHOWN]),
        detail,
    )


def some(ids: Iterable[bytes]) -> str:
    """A few event_ids for a sentence."""
    found = sorted(ids)
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return ", ".join(each.hex() for each in found[:_SHOWN]) + more
