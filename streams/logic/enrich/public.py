"""The public messages of a block: keys and framed values, stream by stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple, cast

from headwater.evm.identity import EventIds, HexKeys, RecordKind
from schemas import codec_for, codec_for_record
from streams.logic.enrich.block import BlockFacts
from streams.logic.enrich.derived import Content
from streams.logic.event import Messages
from topics.chainlog.headers import Headers
from topics.coverage import BLOCKS, COUNTED

_blocks = codec_for("blocks")
_common = _blocks.split()
_HEADER: Final = codec_for_record("normalized-blocks", "BlockBody").names
# What a block's record counts beside its header.
_DERIVED: Final = tuple(each for each in COUNTED if each.field not in _HEADER)
_counts = _blocks.split(_blocks.names[: -len(_DERIVED)])
Counts = Mapping[str, int]
"""Stream → records of a block; a stream that is absent has none."""


class _Identified(NamedTuple):
    """Records of one stream, each with its key and its event_id."""

    stream: str
    keys: Sequence[bytes]
    ids: Sequence[bytes]
    bodies: Sequence[bytes]


class PublicWriter:
    """Collects the messages of one block, part by part.

    A value is the stream's frame, the block's common fields, the record's event_id and its own bytes.
    `headers(stream)` are those of its messages.
    """

    def __init__(
        self, block: BlockFacts, frame: Callable[[str], bytes], headers: Callable[[str], Headers]
    ) -> None:
        self._block = block
        self._frame = frame
        self._headers = headers
        self._common = common_prefix(block)
        self._ids = EventIds(block.chain_id, block.block_hash)
        self._hex = HexKeys()
        self._messages: dict[str, tuple[list[bytes], list[bytes]]] = {}

    def add(self, content: Content) -> None:
        """The records of one part of the block."""
        for each in self._identified(content):
            self._put(each, self._common)

    def retract(self, standing: Sequence[Content], replaced: Sequence[Content]) -> int:
        """Take back what the block no longer says: records replaced whose event_id no standing one has.

        Returns their number.
        """
        made = {
            (each.stream, own)
            for content in standing
            for each in self._identified(content)
            for own in each.ids
        }
        removed = common_prefix(replace(self._block, removed=True))
        count = 0
        for content in replaced:
            for each in self._identified(content):
                gone = [place for place, own in enumerate(each.ids) if (each.stream, own) not in made]
                self._put(
                    _Identified(each.stream, *([column[place] for place in gone] for column in each[1:])),
                    removed,
                )
                count += len(gone)
        return count

    def _identified(self, content: Content) -> Iterator[_Identified]:
        transactions, logs, derived = content.transactions, content.logs, content.derived
        senders = cast("list[bytes]", transactions.columns["from_address"])
        addresses = cast("list[bytes]", logs.columns["address"])
        positions = cast("list[int]", transactions.columns["transaction_index"])
        indexes = cast("list[int]", logs.columns["log_index"])
        key, own = self._hex, self._ids.of
        yield _Identified(
            "transactions",
            [key[sender] for sender in senders],
            [own(RecordKind.TRANSACTION, index) for index in positions],
            transactions.bodies,
        )
        yield _Identified(
            "logs",
            [key[address] for address in addresses],
            [own(RecordKind.LOG, index) for index in indexes],
            logs.bodies,
        )
        yield _Identified(
            "token-transfers",
            [key[token] for token in derived.tokens],
            [own(RecordKind.TOKEN_TRANSFER, index, place) for index, place in derived.transfer_places],
            derived.transfers,
        )
        block_hash = key[self._block.block_hash]
        yield _Identified(
            "contracts",
            [b"%b:%b" % (key[address], block_hash) for address in derived.addresses],
            [own(RecordKind.CONTRACT, index) for index in derived.contract_places],
            derived.contracts,
        )

    def close(self, header: bytes) -> Counts:
        """Add the block's own record, after all of its others; `header` is the BlockBody."""
        counts = {each.stream: len(self._messages[each.stream][0]) for each in COUNTED}
        body = header + _counts.rest(*(counts[each.stream] for each in _DERIVED))
        number, own = str(self._block.block_number).encode(), self._ids.of(RecordKind.BLOCK, 0)
        self._put(_Identified(BLOCKS, [number], [own], [body]), self._common)
        return counts

    @property
    def messages(self) -> list[Messages]:
        """All that was added."""
        return [
            Messages(stream, keys, values, self._headers(stream))
            for stream, (keys, values) in self._messages.items()
            if keys
        ]

    def _put(self, records: _Identified, common: bytes) -> None:
        keys, values = self._messages.setdefault(records.stream, ([], []))
        prefix = self._frame(records.stream) + common
        keys += records.keys
        values += [prefix + own + body for own, body in zip(records.ids, records.bodies, strict=True)]


def common_prefix(block: BlockFacts) -> bytes:
    """The fields that all public records of a block begin with, encoded."""
    return _common.prefix(
        block.chain_id,
        block.block_number,
        block.block_hash,
        block.block_timestamp,
        block.sequence,
        block.removed,
    )
