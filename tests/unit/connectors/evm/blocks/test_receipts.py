"""A block's receipts from nodes that take small batches, or none."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import cast

import pytest

from connectors.evm.blocks.decode import decode_block
from connectors.evm.blocks.receipts import Receipts
from connectors.evm.rpc.answers import BatchTooLarge, NoBatches, NodeFailure, NoSuchBlock, Unsupported
from connectors.evm.rpc.endpoint import Endpoint
from tests.fakes.endpoint import FakeEndpoint, too_large

HASHES = [f"0x{number:064x}" for number in range(1, 12)]
HEAD = {"number": "0x1", "hash": "0x" + "11" * 32, "parentHash": "0x" + "22" * 32, "timestamp": "0x1"}
BLOCK = decode_block(json.dumps({**HEAD, "transactions": HASHES}).encode())


@pytest.mark.parametrize("limit", [0, 1, 2, 5, 10, 100])
async def test_batches_get_as_small_as_the_node_takes(limit: int) -> None:
    refusal = too_large if limit else lambda: NoBatches("node", "no batches", "broken")
    endpoint = FakeEndpoint(limit, refusal)
    found = await Receipts().singly(cast(Endpoint, endpoint), BLOCK)
    assert json.loads(found) == HASHES
    assert sum(endpoint.taken) + endpoint.calls == len(HASHES)


async def test_a_receipt_that_is_missing_is_a_failure_of_the_node() -> None:
    with pytest.raises(NodeFailure, match=f"eth_getTransactionReceipt {HASHES[3]}: null"):
        await Receipts().singly(cast(Endpoint, FakeEndpoint(5, missing=HASHES[3])), BLOCK)


class Listing(FakeEndpoint):
    """Answers eth_getBlockReceipts with `listing` of a reference: JSON, or a failure that is raised."""

    def __init__(self, listing: Callable[[str], bytes | Exception]) -> None:
        super().__init__(100)
        self._listing = listing
        self.asked: list[str] = []

    async def call(self, method: str, reference: str) -> memoryview:
        if method != "eth_getBlockReceipts":
            return await super().call(method, reference)
        self.asked.append(reference)
        answer = self._listing(reference)
        if isinstance(answer, Exception):
            raise answer
        return memoryview(answer)


def _failed(outcome: str) -> NodeFailure:
    return NodeFailure("node", "eth_getBlockReceipts: no", outcome)


@pytest.mark.parametrize(
    "answer",
    [
        b"null",
        _failed("error"),
        NoSuchBlock("node", "eth_getBlockReceipts: header not found"),
        BatchTooLarge("node", "eth_getBlockReceipts: response too large", "throttled"),
        NoBatches("node", "eth_getBlockReceipts: no", "error"),
    ],
    ids=["null", "error", "no such block", "too large", "batches"],
)
async def test_a_list_that_fails_for_a_block_is_asked_for_in_the_next_way(answer: bytes | Exception) -> None:
    receipts = Receipts()
    by_height = Listing(lambda reference: b"[1]" if reference == "0x1" else answer)
    assert bytes(await receipts.of(cast(Endpoint, by_height), BLOCK)) == b"[1]"
    nowhere = Listing(lambda _: answer)
    assert json.loads(bytes(await receipts.of(cast(Endpoint, nowhere), BLOCK))) == HASHES
    assert await receipts.beside(cast(Endpoint, nowhere), BLOCK.head.hash) is None
    nowhere.asked.clear()
    await receipts.of(cast(Endpoint, nowhere), BLOCK)
    assert nowhere.asked == ["0x" + "11" * 32, "0x1"]  # The next block may have its list.


@pytest.mark.parametrize("outcome", ["timeout", "http", "broken", "connection", "html"])
async def test_a_list_that_cannot_be_had_twice_is_asked_for_in_another_way(outcome: str) -> None:
    receipts, endpoint = Receipts(), Listing(lambda _: _failed(outcome))
    with pytest.raises(NodeFailure):
        await receipts.beside(cast(Endpoint, endpoint), BLOCK.head.hash)
    assert await receipts.beside(cast(Endpoint, endpoint), BLOCK.head.hash) is None
    assert json.loads(bytes(await receipts.of(cast(Endpoint, endpoint), BLOCK))) == HASHES


async def test_a_node_that_throttles_is_not_asked_for_more() -> None:
    receipts, endpoint = Receipts(), Listing(lambda _: _failed("throttled"))
    for _ in range(3):
        with pytest.raises(NodeFailure):
            await receipts.beside(cast(Endpoint, endpoint), BLOCK.head.hash)
        with pytest.raises(NodeFailure):
            await receipts.of(cast(Endpoint, endpoint), BLOCK)
    assert endpoint.calls == 0


async def test_a_node_that_refused_every_way_once_is_asked_from_the_first_again() -> None:
    class Refusing(Listing):
        async def batch(self, method: str, params: Sequence[Sequence[str]]) -> list[memoryview]:
            raise Unsupported("node", method)

    receipts = Receipts()
    with pytest.raises(Unsupported):
        await receipts.of(cast(Endpoint, Refusing(lambda _: Unsupported("node", "no"))), BLOCK)
    assert bytes(await receipts.of(cast(Endpoint, Listing(lambda _: b"[1]")), BLOCK)) == b"[1]"
