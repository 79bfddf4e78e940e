"""A short chain written to raw-blocks as a listener writes it: whole, in parts, wrong, fenced, reverted."""

from __future__ import annotations

from typing import Any

from headwater import kafka as clients
from headwater.settings import Settings
from schemas import codec_for, frame
from schemas.registry import Registry, register_all
from tests.builders.chain_answers import CHAIN_ID, Answer, block, encoded, envelope, log, receipt, transaction
from topics.catalog import topic_name
from topics.chainlog.envelope import Envelope
from topics.chainlog.kinds import EventKind
from topics.chainlog.parts import split_answers

FIRST = 1_700_000_000_000


class Log:
    """Writes raw-blocks as a listener does."""

    def __init__(self, settings: Settings) -> None:
        self._topic = topic_name(settings, "raw-blocks")
        register_all(settings)
        self._frame = frame(Registry(settings).id_for("raw-blocks"))
        self._producer = clients.producer(settings)
        self._offset = 0

    def write(self, own: Envelope, answers: tuple[bytes | None, bytes | None], limit: int = 1 << 24) -> int:
        """The offset of the event's first message."""
        offset, pieces = self._offset, split_answers(answers, limit)
        for part, (own_block, own_receipts) in enumerate(pieces):
            record = {name: getattr(own, name) for name in Envelope.__slots__}
            record |= {"event": own.event.name, "part": part, "parts": len(pieces)}
            record |= {"block": own_block, "receipts": own_receipts}
            self._producer.produce(
                self._topic, self._frame + codec_for("raw-blocks").write(record), str(CHAIN_ID), partition=0
            )
        self._producer.flush(30)
        self._offset += len(pieces)
        return offset


def chain(number: int) -> tuple[Answer, list[Answer]]:
    """Block `number`: two transactions, the second creates a contract, two transfers."""
    own: Answer = {"blockHash": f"0x{number:064x}", "blockNumber": hex(number)}
    transactions = [transaction(0, **own), transaction(1, **own, to=None)]
    receipts = [
        receipt(0, [log(0, 0, **own), log(0, 1, **own)], **own),
        receipt(1, **own, to=None, contractAddress="0x" + f"{number:040x}"),
    ]
    answer = block(transactions, number=hex(number), hash=own["blockHash"], parentHash=f"0x{number - 1:064x}")
    return answer, receipts


def answers(number: int) -> tuple[bytes, bytes]:
    """The node's answers for block `number`."""
    answer, receipts = chain(number)
    return encoded(answer), encoded(receipts)


def block_event(
    number: int, sequence: int, kind: EventKind = EventKind.APPLY, *, claim: int, **changes: Any
) -> Envelope:
    """An event about block `number`, written under a claim."""
    return envelope(chain(number)[0], kind, sequence=sequence, claim=claim, **changes)


def publish(raw: Log) -> int:
    """A claim, blocks whole, in parts, wrong and fenced, a retraction; returns the last sequence."""
    start = envelope(chain(42)[0], EventKind.CLAIM, block_number=None, block_hash=None, parent_hash=None)
    claim = raw.write(
        Envelope(**{name: getattr(start, name) for name in Envelope.__slots__} | {"fresh": True}),
        (None, None),
    )

    def event(number: int, sequence: int, kind: EventKind = EventKind.APPLY) -> Envelope:
        return block_event(number, FIRST + sequence, kind, claim=claim)

    raw.write(event(42, 1), answers(42))
    raw.write(event(43, 2), answers(43), limit=1_500)
    raw.write(block_event(43, FIRST + 3, claim=claim + 77), answers(43))
    raw.write(event(44, 3), (answers(44)[0], b"[]"))
    raw.write(event(44, 4, EventKind.REVERT), (answers(44)[0], b"[]"))
    raw.write(event(43, 5, EventKind.REVERT), answers(43))
    raw.write(event(42, 6, EventKind.FINALIZED), (None, None))
    return FIRST + 6
