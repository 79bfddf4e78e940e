"""Reads of an enriched block what state needs, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, cast

from headwater.errors import Permanent
from headwater.evm.identity import EventIds
from schemas import codec_for
from streams.logic.state.facts import Content, Fact, head, tail
from topics.chainlog.envelope import Envelope

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
_Row = tuple[bytes, int, bytes, int, int, int | None, str | None]


def fact_of(envelope: Envelope, content: Content | None = None) -> Fact:
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
    )


def content_of(envelope: Envelope, values: Sequence[bytes]) -> Content:
    """The transactions of a block event, from the framed values of its parts. Raises Permanent."""
    if envelope.block_hash is None or envelope.block_number is None:
        raise Permanent(f"{envelope.event.name} {envelope.sequence} names no block")
    codec = codec_for(STREAM)
    ids = EventIds(envelope.chain_id, envelope.block_hash)
    heads: list[bytes] = []
    tails: list[bytes] = []
    for value in values:
        rows = codec.message(value, {"transactions": _COLUMNS}).records["transactions"].rows(*_COLUMNS)
        for hash_, index, sender, nonce, gas_used, status, price in cast("zip[_Row]", rows):
            heads.append(head(ids, index, hash_, sender, nonce))
            tails.append(tail(index, status, gas_used, price))
    return Content(tuple(heads), tuple(tails))
