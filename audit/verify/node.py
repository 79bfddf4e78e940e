"""The node's side: hashes and counts of its canonical blocks, by JSON-RPC in batches."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import msgspec

from audit.verify.compare import NodeBlock
from connectors.evm.blocks.batches import Batches
from connectors.evm.pool.nodes import Nodes
from connectors.evm.rpc.answers import NodeFailure, Unsupported
from connectors.evm.rpc.endpoint import Endpoint
from headwater.at_once import all_of

T = TypeVar("T")
BATCH: Final = 25
CONCURRENT: Final = 4

# How many token transfers a log tells of: its topics and its data.
CountTransfers = Callable[[bytes, Sequence[bytes], bytes], int]
"""Of a log, by its address, topics and data."""


class _Block(msgspec.Struct, rename="camel"):
    hash: str
    parent_hash: str
    transactions: list[str]


class _Log(msgspec.Struct, rename="camel"):
    block_hash: str
    address: str
    topics: list[str]
    data: str


class _Receipt(msgspec.Struct, rename="camel"):
    block_hash: str
    logs: list[_Log]


_blocks = msgspec.json.Decoder(_Block | None)
_receipts = msgspec.json.Decoder(list[_Receipt] | None)
_logs = msgspec.json.Decoder(list[_Log])


class NodeSource:
    """Reads blocks from the chain's nodes; `transfers` counts a log's token transfers."""

    def __init__(self, nodes: Nodes, transfers: CountTransfers) -> None:
        self._nodes = nodes
        self._transfers = transfers
        self._by_logs = False
        self._batches = Batches()

    async def blocks(self, numbers: Sequence[int]) -> dict[int, NodeBlock | None]:
        """Each number's block, None where the node has none. Raises NodeFailure when no node answers."""
        gate = asyncio.Semaphore(CONCURRENT)

        async def one(part: Sequence[int]) -> dict[int, NodeBlock | None]:
            async with gate:
                return await self._nodes.ask(lambda endpoint: self._batch(endpoint, part), rounds=5)

        parts = [numbers[start : start + BATCH] for start in range(0, len(numbers), BATCH)]
        found: dict[int, NodeBlock | None] = {}
        for answers in await all_of(*map(one, parts)):
            found.update(answers)
        return found

    async def _batch(self, endpoint: Endpoint, numbers: Sequence[int]) -> dict[int, NodeBlock | None]:
        raw = await self._batches.ask(
            endpoint, "eth_getBlockByNumber", [[hex(number), False] for number in numbers]
        )
        blocks = {n: _decoded(endpoint, _blocks, each) for n, each in zip(numbers, raw, strict=True)}
        filled = [(n, block) for n, block in blocks.items() if block is not None and block.transactions]
        logs = dict(zip((n for n, _ in filled), await self._logs(endpoint, filled), strict=True))
        return {
            n: None if block is None else self._counted(endpoint, block, logs.get(n, []))
            for n, block in blocks.items()
        }

    async def _logs(self, endpoint: Endpoint, blocks: Sequence[tuple[int, _Block]]) -> list[list[_Log]]:
        if not self._by_logs:
            try:
                raw = await self._batches.ask(
                    endpoint, "eth_getBlockReceipts", [[hex(number)] for number, _ in blocks]
                )
            except Unsupported:
                self._by_logs = True
            else:
                return [
                    _of_block(endpoint, block, _decoded(endpoint, _receipts, each))
                    for (_, block), each in zip(blocks, raw, strict=True)
                ]
        raw = await self._batches.ask(
            endpoint, "eth_getLogs", [[{"blockHash": block.hash}] for _, block in blocks]
        )
        return [_decoded(endpoint, _logs, each) for each in raw]

    def _counted(self, endpoint: Endpoint, block: _Block, logs: Sequence[_Log]) -> NodeBlock:
        try:
            return self._count(block, logs)
        except ValueError as error:
            raise NodeFailure(endpoint.name, f"an answer of another shape: {error}", "broken") from error

    def _count(self, block: _Block, logs: Sequence[_Log]) -> NodeBlock:
        transfers = sum(
            self._transfers(_bytes(log.address), [_bytes(topic) for topic in log.topics], _bytes(log.data))
            for log in logs
            if log.topics
        )
        counts = {"transactions": len(block.transactions), "logs": len(logs), "token_transfers": transfers}
        return NodeBlock(_bytes(block.hash), _bytes(block.parent_hash), counts)


def _of_block(endpoint: Endpoint, block: _Block, receipts: list[_Receipt] | None) -> list[_Log]:
    if receipts is None or any(receipt.block_hash.lower() != block.hash.lower() for receipt in receipts):
        raise NodeFailure(endpoint.name, f"receipts are not those of block {block.hash}: a fork?", "rejected")
    return [log for receipt in receipts for log in receipt.logs]


def _decoded(endpoint: Endpoint, decoder: "msgspec.json.Decoder[T]", raw: memoryview) -> T:
    try:
        return decoder.decode(raw)
    except msgspec.DecodeError as error:
        raise NodeFailure(endpoint.name, f"an answer of another shape: {error}", "broken") from error


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text[2:])
