"""A block's receipts from one node, in the best way that it offers; where that fails, in the next."""

from __future__ import annotations

from enum import IntEnum
from typing import Final, TypeVar

import msgspec

from connectors.evm.blocks.batches import Batches
from connectors.evm.blocks.decode import Block
from connectors.evm.blocks.state_sync import state_sync_hash
from connectors.evm.rpc.answers import BatchTooLarge, NodeFailure, Unsupported, is_null, json_array
from connectors.evm.rpc.endpoint import Endpoint
from headwater.evm.answers.errors import UNREADABLE
from headwater.logging import get_logger

Raw = TypeVar("Raw", bytes, memoryview, bytes | memoryview)
_REMEMBERED: Final = 64
"""Blocks whose receipts an endpoint failed to give."""
_log = get_logger("headwater.listen.receipts")
_ITEMS: Final = msgspec.json.Decoder(list[msgspec.Raw])


class _Way(IntEnum):
    """How a node gives a block's receipts, best first."""

    BY_HASH = 0
    BY_NUMBER = 1
    ONE_BY_ONE = 2


# What a node says of one block: it has the list in no other form, or fails on making it.
_OF_THE_BLOCK: Final = frozenset({"null", "error"})


class Receipts:
    """Asks for receipts and remembers which way each endpoint offers."""

    def __init__(self) -> None:
        self._ways: dict[str, _Way] = {}
        self._failed: dict[str, set[bytes]] = {}
        self._batches = Batches()

    async def beside(self, endpoint: Endpoint, block_hash: bytes) -> memoryview | None:
        """Receipts of the block with this hash, asked for while the block itself is; None: ask `of` later.

        Raises NodeFailure.
        """
        if self._way(endpoint) is not _Way.BY_HASH or block_hash in self._failed.get(endpoint.name, ()):
            return None
        try:
            listed = await endpoint.call("eth_getBlockReceipts", "0x" + block_hash.hex())
        except Unsupported:
            return None
        except NodeFailure as failure:
            if self._has_next(endpoint, block_hash, failure):
                return None  # Where the block has transactions.
            raise
        return None if is_null(listed) else listed

    async def of(self, endpoint: Endpoint, block: Block) -> bytes | memoryview:
        """Receipts of a block. Raises NodeFailure, Unsupported when the node has no way at all."""
        for way in (_Way.BY_HASH, _Way.BY_NUMBER):
            # A node may know the block and yet find receipts by height alone; the checks tell whether they
            # are of this block.
            if way < self._way(endpoint):
                continue
            reference = "0x" + block.head.hash.hex() if way is _Way.BY_HASH else hex(block.head.number)
            try:
                listed = await endpoint.call("eth_getBlockReceipts", reference)
                if not is_null(listed):
                    return listed
                reason = f"eth_getBlockReceipts {reference}: null"
            except Unsupported:
                self._ways[endpoint.name] = _Way(way + 1)
                continue
            except NodeFailure as failure:
                if not self._has_next(endpoint, block.head.hash, failure):
                    raise
                reason = failure.what
            _log.warning(
                "bad answer of a node", endpoint=endpoint.name, reason=f"{reason}; asked in another way"
            )
        try:
            return await self._one_by_one(endpoint, block)
        except Unsupported:
            # It may have been another node behind one address that had no way.
            self._ways.pop(endpoint.name, None)
            raise

    def _has_next(self, endpoint: Endpoint, block_hash: bytes, failure: NodeFailure) -> bool:
        """Whether to ask in another way after this failure: what it says is of the block, or lasts for it."""
        if failure.outcome in _OF_THE_BLOCK or isinstance(failure, BatchTooLarge):
            return True
        if failure.outcome == "throttled":
            return False
        failed = self._failed.setdefault(endpoint.name, set())
        if block_hash in failed:
            return True
        if len(failed) >= _REMEMBERED:
            failed.clear()
        failed.add(block_hash)
        return False

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
        return await self._one_by_one(endpoint, block)

    async def _one_by_one(self, endpoint: Endpoint, block: Block) -> bytes:
        asked = [[each] for each in block.transactions]
        answers = await self._batches.ask(endpoint, "eth_getTransactionReceipt", asked)
        return json_array(
            [
                present(endpoint, raw, f"eth_getTransactionReceipt {asked}")
                for raw, asked in zip(answers, block.transactions, strict=True)
            ]
        )

    def _way(self, endpoint: Endpoint) -> _Way:
        return self._ways.get(endpoint.name, _Way.BY_HASH)


def present(endpoint: Endpoint, raw: Raw, what: str) -> Raw:
    """A result that is not null. Raises NodeFailure: the node does not have it, or not yet."""
    if is_null(raw):
        raise NodeFailure(endpoint.name, f"{what}: null", "null")
    return raw
