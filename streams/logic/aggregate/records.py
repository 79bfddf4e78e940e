"""Snapshots as messages of the three streams of statistics, and remarks of `incomplete-windows`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from hashlib import blake2b
from struct import Struct
from typing import Final

from headwater.evm.identity import SIZE
from schemas import SplitWriter, codec_for
from streams.logic.aggregate.decision import Snapshots
from streams.logic.aggregate.measures import CHAIN, CONTRACT, TOKEN, Entity, Measures, nothing
from streams.logic.aggregate.windows import WindowKey
from streams.logic.event import Messages
from topics.chainlog.envelope import Envelope
from topics.chainlog.headers import headers_of

CHAIN_STATS: Final = "chain-stats"
TOKEN_STATS: Final = "token-stats"
CONTRACT_STATS: Final = "contract-stats"
INCOMPLETE: Final = "incomplete-windows"
_STREAMS: Final[Mapping[bytes, str]] = {CHAIN: CHAIN_STATS, TOKEN: TOKEN_STATS, CONTRACT: CONTRACT_STATS}
WRITTEN: Final = (*_STREAMS.values(), INCOMPLETE)
"""The public streams that are written here."""

_UINT256: Final = 2**256
_SHARED: Final = (
    *("chain_id", "block_number", "block_hash", "block_timestamp", "sequence", "removed"),
    *("window_seconds", "window_start", "window_end", "complete", "final"),
)
_writers: Final[Mapping[bytes, SplitWriter]] = {
    kind: codec_for(stream).split(_SHARED) for kind, stream in _STREAMS.items()
}
_remark = codec_for(INCOMPLETE).write_values
_IDENTITY: Final = Struct(">Q14sIQ")


def messages_of(
    envelope: Envelope, snapshots: Snapshots, frame: Callable[[str], bytes]
) -> Iterator[Messages]:
    """The messages of one window's snapshots, stream by stream. A key is what the snapshot is of."""
    writers = {kind: _Writer(kind, envelope, snapshots, frame) for kind in _STREAMS}
    for entity, measures in snapshots.entities.items():
        writers[entity[:1]].add(entity, measures)
    for kind, writer in writers.items():
        if writer.keys:
            stream = _STREAMS[kind]
            yield Messages(stream, writer.keys, writer.values, headers_of(envelope, stream))


def remarks_of(envelope: Envelope, marks: Mapping[WindowKey, str], frame: Callable[[str], bytes]) -> Messages:
    """One message for each window that does not hold as it went out."""
    values = []
    for (size, start), reason in marks.items():
        own = (size // 1_000, start, start + size)
        values.append(frame(INCOMPLETE) + _remark(*_event(envelope), False, *own, reason))
    return Messages(INCOMPLETE, [_key(window) for window in marks], values, headers_of(envelope, INCOMPLETE))


class _Writer:
    """Writes the snapshots of one window and stream: what they share is encoded once."""

    def __init__(
        self, kind: bytes, envelope: Envelope, snapshots: Snapshots, frame: Callable[[str], bytes]
    ) -> None:
        size, start = snapshots.window
        self._kind, self._snapshots = kind, snapshots
        self._frame, self._event = frame, _event(envelope)
        self._window = (size // 1_000, start, start + size, snapshots.complete, snapshots.final)
        stream = _STREAMS[kind].encode()
        self._identity = _IDENTITY.pack(envelope.chain_id, stream, size // 1_000, start)
        self._end = b":" + _key(snapshots.window)
        self._prefixes: dict[bool, bytes] = {}
        self.keys: list[bytes] = []
        self.values: list[bytes] = []

    def add(self, entity: Entity, measures: Measures | None) -> None:
        removed = measures is None
        prefix = self._prefixes.get(removed)
        if prefix is None:
            prefix = _writers[self._kind].prefix(*self._event, removed, *self._window)
            prefix = self._prefixes[removed] = self._frame(_STREAMS[self._kind]) + prefix
        found = nothing(entity) if measures is None else measures
        address = entity[1:]
        identity = blake2b(self._identity + address, digest_size=SIZE).digest()
        rest = _writers[self._kind].rest
        if self._kind == TOKEN:
            count, amount, mints, burns = found
            own = rest(identity, address, count, str(amount % _UINT256), amount >= _UINT256, mints, burns)
        elif self._kind == CONTRACT:
            own = rest(identity, address, *found)
        else:
            own = rest(identity, *self._chain(found))
        self.keys.append(b"0x" + address.hex().encode() + self._end if address else self._end[1:])
        self.values.append(prefix + own)

    def _chain(self, found: Measures) -> tuple[object, ...]:
        blocks, transactions, failed, gas, paid, burnt, blob_gas, blob_fees, logs, transfers, created = found
        base = self._snapshots.base_fees
        fees = (None,) * 3 if base is None else (base.lowest, base.highest, base.total // base.blocks)
        return (
            *(blocks, transactions, failed, gas, str(paid), str(burnt), blob_gas, str(blob_fees)),
            *(logs, transfers, created),
            *(None if each is None else str(each) for each in fees),
        )


def _key(window: WindowKey) -> bytes:
    size, start = window
    return b"%d:%d" % (size // 1_000, start)


def _event(envelope: Envelope) -> tuple[object, ...]:
    return (
        envelope.chain_id,
        envelope.block_number,
        envelope.block_hash,
        envelope.block_timestamp,
        envelope.sequence,
    )
