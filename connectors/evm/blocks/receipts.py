"""A block's receipts from one node, in the best way that it offers."""

from __future__ import annotations

from enum import IntEnum
from typing import Final, TypeVar

import msgspec

from connectors.evm.blocks.decode import Block
from connectors.evm.blocks.state_sync import state_sync_hash
from connectors.evm.rpc.answers import (
    BatchTooLarge,
    NoBatches,
    NodeFailure,
    Unsupported,
    is_null,
    json_array,
)
from connectors.evm.rpc.endpoint import Endpoint
from headwater.evm.answers.errors import UNREADABLE
from headwater.logging import get_logger

Raw = TypeVar("Raw", bytes, memoryview, bytes | memoryview)
RECEIPT_BATCH: Final = 100
_log = get_logger("headwater.listen.receipts")
_ITEMS: Final = msgspec.json.Decoder(list[msgspec.Raw])


class _Way(IntEnum):
    """How a node gives a block's receipts, best first."""

    BY_HASH = 0
    BY_NUMBER = 1
    ONE_BY_ONE = 2


class Receipts:
    """Asks for receipts and remembers which way each endpoint offers."""

    def __init__(self) -> None:
        self._ways: dict[str, _Way] = {}

    async def beside(self, endpoint: Endpoint, reference: str) -> memoryview | None:
        """Receipts of the block with this hash, asked for while the block itself is; None: ask `of` later.

        Raises NodeFailure.
        """
        if self._way(endpoint) is not _Way.BY_HASH:
            return None
        try:
            listed = await endpoint.call("eth_getBlockReceipts", reference)
        except Unsupported:
            return None
        return None if is_null(listed) else listed

    async def of(self, endpoint: Endpoint, block: Block) -> bytes | memoryview:
        """Receipts of a block. Raises NodeFailure, Unsupported when the node has no way at all."""
        while True:
            way = self._way(endpoint)
            if way is _Way.ONE_BY_ONE:
                return await _one_by_one(endpoint, block.transactions)
            number = hex(block.head.number)
            reference = "0x" + block.head.hash.hex() if way is _Way.BY_HASH else number
            try:
                listed = await endpoint.call("eth_getBlockReceipts", reference)
                if is_null(listed) and way is _Way.BY_HASH:
                    # A node may know the block and yet find receipts by height alone; the checks tell
                    # whether they are of this block.
                    _log.warning(
                        "bad answer of a node",
                        endpoint=endpoint.name,
                        reason=f"eth_getBlockReceipts {reference}: null; asked by height",
                    )
                    listed = await endpoint.call("eth_getBlockReceipts", number)
            except Unsupported:
                self._ways[endpoint.name] = _Way(way + 1)
            else:
                return listed

    async def completed(
        self, endpoint: Endpoint, block: Block, listed: bytes | memoryview
    ) -> bytes | memoryview:
        """The receipts with that of Polygon's state-sync transaction, which some nodes leave out of the list.

        Raises NodeFailure.
        """
        if not block.transactions or block.transactions[-1] != state_sync_hash(block):
            return listed
        try:
            items = _ITEMS.decode(listed)
        except UNREADABLE:
            return listed  # The checks say what is wrong with it.
        if len(items) != len(block.transactions) - 1:
            return listed
        last = await endpoint.call("eth_getTransactionReceipt", block.transactions[-1])
        return json_array([*items, present(endpoint, last, "the receipt of the state-sync transaction")])

    async def of_block(self, endpoint: Endpoint, block: Block) -> bytes:
        """The receipt of the block itself, of calls outside of its transactions, as a list (Celo).

        Raises NodeFailure, Unsupported.
        """
        receipt = await endpoint.call("eth_getBlockReceipt", "0x" + block.head.hash.hex())
        return json_array([present(endpoint, receipt, f"the receipt of block {block.head.number} itself")])

    async def singly(self, endpoint: Endpoint, block: Block) -> bytes:
        """A receipt for each transaction that the block lists, asked for one by one.

        For a list that lacks some: there are nodes with an empty list for a block whose receipts they know.
        Raises NodeFailure, Unsupported.
        """
        _log.warning(
            "bad answer of a node",
            endpoint=endpoint.name,
            reason=f"receipts of block {block.head.number} are not those of its transactions; asked singly",
        )
        return await _one_by_one(endpoint, block.transactions)

    def _way(self, endpoint: Endpoint) -> _Way:
        return self._ways.get(endpoint.name, _Way.BY_HASH)


def present(endpoint: Endpoint, raw: Raw, what: str) -> Raw:
    """A result that is not null. Raises NodeFailure: the node does not have it, or not yet."""
    if is_null(raw):
        raise NodeFailure(endpoint.name, f"{what}: null", "null")
    return raw


async def _one_by_one(endpoint: Endpoint, transactions: tuple[str, ...]) -> bytes:
    size = RECEIPT_BATCH
    found: list[memoryview] = []
    while len(found) < len(transactions):
        batch = transactions[len(found) : len(found) + size]
        try:
            answers = await _receipts_of(endpoint, batch, size)
        except BatchTooLarge:
            if size == 1:
                raise
            size = max(1, size // 4)
            continue
        found += [
            present(endpoint, raw, f"eth_getTransactionReceipt {asked}")
            for raw, asked in zip(answers, batch, strict=True)
        ]
    return json_array(found)


async def _receipts_of(endpoint: Endpoint, batch: tuple[str, ...], size: int) -> list[memoryview]:
    if size > 1:
        try:
            return await endpoint.batch("eth_getTransactionReceipt", [[each] for each in batch])
        except NoBatches:
            pass
    return [await endpoint.call("eth_getTransactionReceipt", each) for each in batch]
