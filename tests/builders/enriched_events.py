"""Events of small blocks with a record of every stream, as enrich decides them."""

from __future__ import annotations

from collections.abc import Callable

from streams.logic.enrich.event import Enriched, enrich
from streams.logic.normalize.event import normalize
from tests.builders.chain_answers import block, encoded, envelope, log, receipt, transaction
from topics.chainlog.kinds import EventKind


def block_hash(name: int) -> str:
    """The hash of the block of that name."""
    return "0x" + f"{name:02x}" * 32


def enriched_event(
    frame: Callable[[str], bytes], kind: EventKind, sequence: int, number: int, name: int, parent: int
) -> Enriched:
    """What an event of a block becomes: two transactions, two token transfers and a created contract."""
    own = {"blockHash": block_hash(name), "blockNumber": hex(number)}
    answer = block(
        [transaction(0, **own), transaction(1, to=None, **own)],
        number=hex(number),
        hash=block_hash(name),
        parentHash=block_hash(parent),
    )
    receipts = [
        receipt(0, [log(0, 0, **own), log(0, 1, **own)], **own),
        receipt(1, to=None, contractAddress="0x" + "c0" * 20, **own),
    ]
    event = envelope(answer, kind, sequence=sequence)
    bodies = normalize(event, encoded(answer), encoded(receipts))
    return enrich(event, [frame("normalized-blocks") + body for body in bodies], frame)
