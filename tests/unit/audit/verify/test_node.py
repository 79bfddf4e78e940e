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
    """A node that gives each block the same hash, and no transactions."""

    def __init__(self, block_hash: str) -> None:
        self._hash = block_hash

    async def post(self, url: str, body: bytes) -> HttpAnswer:
        block = {"hash": self._hash, "parentHash": "0x" + "00" * 32, "transactions": []}
        answers = [{"jsonrpc": "2.0", "id": call["id"], "result": block} for call in json.loads(body)]
        return HttpAnswer(200, json.dumps(answers).encode())

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
    source = NodeSource(nodes, lambda topics, data: 0)
    with pytest.raises(NodeFailure, match="another shape"):
        asyncio.run(source.blocks([7]))
