"""What verify makes of a node's answers that are JSON, but no block."""

from __future__ import annotations

import asyncio
import json

import pytest

from audit.verify.node import NodeSource
from connectors.evm.pool.nodes import Nodes
from connectors.evm.rpc.answers import HttpAnswer, NodeFailure
from connectors.evm.rpc.endpoint import Endpoint


class Answering:
    """A node that gives each block the same hash, and no transactions; it takes so many calls at once."""

    def __init__(self, block_hash: str, limit: int = 1_000) -> None:
        self._hash = block_hash
        self._limit = limit

    async def post(self, url: str, body: bytes) -> HttpAnswer:
        calls = json.loads(body)
        if isinstance(calls, list) and len(calls) > self._limit:
            return HttpAnswer(200, b'{"id":null,"error":{"code":-32600,"message":"batch limit exceeded"}}')
        answers = [self._answer(call) for call in (calls if isinstance(calls, list) else [calls])]
        return HttpAnswer(200, json.dumps(answers if isinstance(calls, list) else answers[0]).encode())

    def _answer(self, call: dict[str, object]) -> dict[str, object]:
        block = {"hash": self._hash, "parentHash": "0x" + "00" * 32, "transactions": []}
        return {"jsonrpc": "2.0", "id": call["id"], "result": block}

    async def close(self) -> None:
        """Nothing is open."""


class OneRound:
    """A pool of one endpoint that asks it once."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    async def ask(self, question, *, rounds: int | None = None):  # type: ignore[no-untyped-def]
        return await question(self._endpoint)


@pytest.mark.parametrize("block_hash", ["0xzz", "hash", "0x" + "²" * 64])
def test_a_hash_that_is_no_hex_is_a_failure_of_that_node(block_hash: str) -> None:
    nodes: Nodes = OneRound(Endpoint("local", "node", "http://node", Answering(block_hash)))  # type: ignore[assignment]
    source = NodeSource(nodes, lambda *log: 0)
    with pytest.raises(NodeFailure, match="another shape"):
        asyncio.run(source.blocks([7]))


@pytest.mark.parametrize("limit", [1, 3, 10])
def test_batches_are_as_small_as_the_node_takes_them(limit: int) -> None:
    transport = Answering("0x" + "11" * 32, limit)
    nodes: Nodes = OneRound(Endpoint("local", "node", "http://node", transport))  # type: ignore[assignment]
    found = asyncio.run(NodeSource(nodes, lambda *log: 0).blocks(range(60)))
    assert sorted(found) == list(range(60))
    assert None not in found.values()
