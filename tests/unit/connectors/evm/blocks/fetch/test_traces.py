"""Traces as a chain's settings have them asked for and checked."""

from __future__ import annotations

import json
from typing import cast

import pytest

from connectors.evm.blocks.decode import decode_block
from connectors.evm.blocks.fetch.checking import Checking
from connectors.evm.blocks.fetch.traces import Traces
from connectors.evm.leading import verifier_of
from connectors.evm.pool.rejected import Rejected
from connectors.evm.rpc.endpoint import Endpoint
from headwater.settings.profiles import Profile
from tests.builders.chain_answers import block, encoded, transaction

BLOCK = decode_block(encoded(block([transaction(0), transaction(1)])))
FIRST = BLOCK.transactions[0]
SOME = {
    "debug_traceBlockByHash": [{"txHash": FIRST, "result": {"type": "CALL"}}],
    "trace_block": [{"transactionHash": FIRST}],
}


class Half:
    """A node that traces the first of two transactions."""

    name = "node"

    async def call(self, method: str, *_: object) -> memoryview:
        return memoryview(json.dumps(SOME[method]).encode())


@pytest.mark.parametrize(
    ("way", "method"), [("callTracer", "debug_traceBlockByHash"), ("trace_block", "trace_block")]
)
async def test_what_is_untraced_is_refused_unless_it_is_the_chains_habit(way: str, method: str) -> None:
    def traces(profile: Profile) -> Traces:
        return Traces(way, Checking("chain", verifier_of(profile, "off")))

    node = cast(Endpoint, Half())
    with pytest.raises(Rejected, match=r"chain\.verify_traces"):
        await traces(Profile()).of(node, BLOCK)
    found = await traces(Profile(verify_traces=False)).of(node, BLOCK)
    assert json.loads(found or b"") == SOME[method]
