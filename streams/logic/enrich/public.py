"""The public messages of a block: keys and framed values, stream by stream."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final, cast

from headwater.evm.identity import EventIds, HexKeys, RecordKind
from schemas import Message, codec_for, codec_for_record
from streams.logic.enrich.block import BlockFacts
from streams.logic.enrich.derived import Derived
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


class PublicWriter:
    """Collects the messages of one block, part by part.

    A value is the stream's frame, the block's common fields, the record's event_id and its own bytes.
    """

    def __init__(self, block: BlockFacts, frame: Callable[[str], bytes], headers: Headers) -> None:
        self._block = block
        self._frame = frame
        self._headers = headers
        self._common = common_prefix(block)
        self._ids = EventIds(block.chain_id, block.block_hash)
        self._hex = HexKeys()
        self._messages: dict[str, tuple[list[bytes], list[bytes]]] = {}

    def add(self, part: Message, derived: Derived) -> None:
        """The records of one part of the block."""
        transactions, logs = part.records["transactions"], part.records["logs"]
        senders = cast("list[bytes]", transactions.columns["from_address"])
        addresses = cast("list[bytes]", logs.columns["address"])
        positions = cast("list[int]", transactions.columns["transaction_index"])
        indexes = cast("list[int]", logs.columns["log_index"])
        key, own = self._hex, self._ids.of
        self._put(
            "transactions",
            [key[sender] for sender in senders],
            [own(RecordKind.TRANSACTION, index) for index in positions],
            transactions.bodies,
        )
        self._put(
            "logs",
            [key[address] for address in addresses],
            [own(RecordKind.LOG, index) for index in indexes],
            logs.bodies,
        )
        self._put(
            "token-transfers",
            [key[token] for token in derived.tokens],
            [own(RecordKind.TOKEN_TRANSFER, index, place) for index, place in derived.transfer_places],
            derived.transfers,
        )
        block_hash = key[self._block.block_hash]
        self._put(
            "contracts",
            [b"%b:%b" % (key[address], block_hash) for address in derived.addresses],
            [own(RecordKind.CONTRACT, index) for index in derived.contract_places],
            derived.contracts,
        )

    def finish(self, header: bytes) -> tuple[list[Messages], Counts]:
        """All messages, the block's own included; `header` is the BlockBody."""
        counts = {each.stream: len(self._messages[each.stream][0]) for each in COUNTED}
        body = header + _counts.rest(*(counts[each.stream] for each in _DERIVED))
        self._put(
            BLOCKS, [str(self._block.block_number).encode()], [self._ids.of(RecordKind.BLOCK, 0)], [body]
        )
        messages = [
            Messages(stream, keys, values, self._headers)
            for stream, (keys, values) in self._messages.items()
            if keys
        ]
        return messages, counts

    def _put(self, stream: str, keys: list[bytes], ids: Iterable[bytes], bodies: Iterable[bytes]) -> None:
        all_keys, values = self._messages.setdefault(stream, ([], []))
        prefix = self._frame(stream) + self._common
        all_keys += keys
        values += [prefix + own + body for own, body in zip(ids, bodies, strict=True)]


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
