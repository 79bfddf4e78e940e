"""The facts that decide a transaction's state, and how the state table keeps them.

The table is the recent past of the chain's log: key = sequence (8 bytes, big-endian), value = the fact.
An entry never changes once written, so a late write of a worker that was paused repeats what is there.
"""

from __future__ import annotations

from typing import Final

import msgspec

from headwater.evm.identity import EventIds, RecordKind
from schemas.codec.varint import encode
from streams.logic.amounts import amount
from topics.chainlog.kinds import EventKind

_HASH_AT: Final = 17  # after the branch and the 16 bytes of the event id
_STATUS: Final = {None: b"\x00", 1: b"\x02\x02", 0: b"\x02\x04"}
_UNKNOWN_STATUS: Final = b"\x02\x00"


class Content(msgspec.Struct, frozen=True, array_like=True):
    """What state needs of a block's transactions, in the bytes of a `transaction-states` record.

    `heads`: fields event_id to nonce. `tails`: transaction_index to fee_paid. Parallel, in block order.
    """

    heads: tuple[bytes, ...] = ()
    tails: tuple[bytes, ...] = ()

    def hashes(self) -> list[bytes]:
        """The transactions' hashes, 32 bytes each."""
        return [head[_HASH_AT : _HASH_AT + 32] for head in self.heads]


class Fact(msgspec.Struct, frozen=True, array_like=True):
    """One event of the chain, as far as state needs it. Times are milliseconds since 1970 (UTC).

    `content` is there with the first fact about a block; a later one finds it there, and a repair has its
    own. It is None too where an event came without its block: nothing is known of the transactions then.
    `replaced` are transactions of a repair's block as they were said before. `fresh` marks the CLAIM that
    starts a new numbering. New fields go to the end: tables have facts without them.
    """

    kind: int
    chain_id: int
    sequence: int
    number: int | None
    hash: bytes | None
    timestamp: int | None
    observed_at: int
    source: str | None
    fresh: bool = False
    content: Content | None = None
    replaced: Content | None = None

    @property
    def event(self) -> EventKind:
        """The kind of event; UNKNOWN for one of a later version."""
        return EventKind(self.kind)

    @property
    def is_block(self) -> bool:
        """True when it is about a block: that it joined or left the chain, or either said again."""
        return self.event.carries_block

    @property
    def is_tag(self) -> bool:
        """True when SAFE or FINALIZED moved."""
        return self.event in (EventKind.SAFE, EventKind.FINALIZED)


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Fact)


def key_of(sequence: int) -> bytes:
    """The table's key of an event; keys sort as sequences do."""
    return sequence.to_bytes(8, "big")


def pack(fact: Fact) -> bytes:
    """The table's value of a fact."""
    return _encoder.encode(fact)


def unpack(value: bytes) -> Fact:
    """The fact of a table's value. Raises msgspec.DecodeError when it is not one."""
    return _decoder.decode(value)


def head(ids: EventIds, index: int, transaction: bytes, sender: bytes, nonce: int) -> bytes:
    """The Avro bytes of event_id, hash, sender and nonce."""
    return b"".join((b"\x02", ids.of(RecordKind.TRANSACTION, index), transaction, sender, encode(nonce)))


def tail(index: int, status: int | None, gas_used: int, price: str | None) -> bytes:
    """The Avro bytes of transaction_index, execution_status, gas_used and fee_paid.

    The fee is gas used times the effective price, in wei; null where the receipt gives no price. Raises
    Permanent for a price that is no amount.
    """
    start = b"\x02" + encode(index) + _STATUS.get(status, _UNKNOWN_STATUS) + b"\x02" + encode(gas_used)
    if price is None:
        return start + b"\x00"
    fee = str(gas_used * amount(price, "receipt_effective_gas_price")).encode()
    return start + b"\x02" + encode(len(fee)) + fee
