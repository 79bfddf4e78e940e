"""A block's receipts from nodes that take small batches, or none."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import cast

import pytest

from connectors.evm.blocks.decode import decode_block
from connectors.evm.blocks.receipts import Receipts
from connectors.evm.rpc.answers import BatchTooLarge, NoBatches, NodeFailure
from connectors.evm.rpc.endpoint import Endpoint

HASHES = [f"0x{number:064x}" for number in range(1, 12)]
HEAD = {"number": "0x1", "hash": "0x" + "11" * 32, "parentHash": "0x" + "22" * 32, "timestamp": "0x1"}
BLOCK = decode_block(json.dumps({**HEAD, "transactions": HASHES}).encode())


class FakeEndpoint:
    """Answers a receipt's hash; `limit` calls in a batch at most, none at all for 0."""

    name = "node"

    def __init__(self, limit: int, *, missing: str = "") -> None:
        self.limit, self.missing = limit, missing
        self.batches: list[int] = []
        self.calls = 0

    async def batch(self, method: str, params: Sequence[Sequence[str]]) -> list[memoryview]:
        if self.limit == 0:
            raise NoBatches(self.name, method, "broken")
        if len(params) > self.limit:
            raise BatchTooLarge(self.name, f"{method}: batch limit {self.limit} exceeded", "throttled")
        self.batches.append(len(params))
        return [self._answer(each) for (each,) in params]

    async def call(self, method: str, transaction: str) -> memoryview:
        self.calls += 1
        return self._answer(transaction)

    def _answer(self, transaction: str) -> memoryview:
        return memoryview(b"null" if transaction == self.missing else json.dumps(transaction).encode())


@pytest.mark.parametrize("limit", [0, 1, 2, 5, 10, 100])
async def test_batches_get_as_small_as_the_node_takes(limit: int) -> None:
    endpoint = FakeEndpoint(limit)
    found = await Receipts().singly(cast(Endpoint, endpoint), BLOCK)
    assert json.loads(found) == HASHES
    assert sum(endpoint.batches) + endpoint.calls == len(HASHES)
    assert max(endpoint.batches, default=0) <= limit


async def test_a_receipt_that_is_missing_is_a_failure_of_the_node() -> None:
    with pytest.raises(NodeFailure, match=f"eth_getTransactionReceipt {HASHES[3]}: null"):
        await Receipts().singly(cast(Endpoint, FakeEndpoint(5, missing=HASHES[3])), BLOCK)
