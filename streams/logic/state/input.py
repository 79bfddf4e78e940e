"""Reads of an enriched block what state needs, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, cast

import msgspec

from headwater.errors import Permanent
from headwater.evm.identity import EventIds
from schemas import Records, codec_for
from streams.logic.state.facts import Content, Fact, head, tail
from topics.chainlog.envelope import Envelope
from topics.chainlog.kinds import EventKind

STREAM: Final = "enriched-blocks"
_COLUMNS: Final = (
    "hash",
    "transaction_index",
    "from_address",
    "nonce",
    "receipt_gas_used",
    "receipt_status",
    "receipt_effective_gas_price",
)
_REPLACED: Final = "replaced_transactions"
_FIELDS: Final = {"problem": None, "transactions": _COLUMNS}
_REPAIR_FIELDS: Final = {**_FIELDS, _REPLACED: _COLUMNS}
_codec = codec_for(STREAM)
_Row = tuple[bytes, int, bytes, int, int, int | None, str | None]


def fact_of(envelope: Envelope, content: Content | None = None, replaced: Content | None = None) -> Fact:
    """The fact that an event states."""
    return Fact(
        kind=int(envelope.event),
        chain_id=envelope.chain_id,
        sequence=envelope.sequence,
        number=envelope.block_number,
        hash=envelope.block_hash,
        timestamp=envelope.block_timestamp,
        observed_at=envelope.observed_at,
        source=envelope.source,
        fresh=envelope.fresh,
        content=content,
        replaced=replaced,
    )


def undecided(fact: Fact) -> Fact:
    """The fact that is left of an event which decides nothing: its number."""
    return msgspec.structs.replace(fact, kind=int(EventKind.UNKNOWN), number=None, hash=None)


def block_fact(envelope: Envelope, values: Sequence[bytes]) -> Fact:
    """The fact of an event that carries a block, from the framed values of its parts. Raises Permanent.

    An event that stands for one in the dead letters says nothing of the transactions; where it is a repair
    that failed, it says nothing at all, so that what was known stays.
    """
    if envelope.block_hash is None or envelope.block_number is None:
        raise Permanent(f"{envelope.event.name} {envelope.sequence} names no block")
    repairs = envelope.event.repairs
    parts = [_codec.message(value, _REPAIR_FIELDS if repairs else _FIELDS) for value in values]
    if parts[0]["problem"] is not None:
        fact = fact_of(envelope)
        return undecided(fact) if repairs else fact
    ids = EventIds(envelope.chain_id, envelope.block_hash)
    content = _content(ids, [part.records["transactions"] for part in parts])
    replaced = _content(ids, [part.records[_REPLACED] for part in parts]) if repairs else Content()
    return fact_of(envelope, content, replaced if replaced.heads else None)


def _content(ids: EventIds, parts: Sequence[Records]) -> Content:
    heads: list[bytes] = []
    tails: list[bytes] = []
    for part in parts:
        rows = part.rows(*_COLUMNS)
        for hash_, index, sender, nonce, gas_used, status, price in cast("zip[_Row]", rows):
            heads.append(head(ids, index, hash_, sender, nonce))
            tails.append(tail(index, status, gas_used, price))
    return Content(tuple(heads), tuple(tails))
