"""The contract of a transport on HTTP."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from connectors.evm.pool.pace import MOST
from connectors.evm.rpc.answers import HttpAnswer
from connectors.evm.rpc.endpoint import AiohttpTransport, Transport
from sandbox.node import RecordedNode
from sandbox.node.faults import Silence
from tests.contract.rpc_transport import ASKED, TransportContract, Way, recorded_node

# Long for a call on this machine, short for the test that waits for it.
SECONDS = 2.0


@dataclass
class Http:
    """A node behind a socket."""

    transport: Transport
    node: RecordedNode
    address: str
    nowhere: str


class TestAiohttpTransport(TransportContract):
    @pytest.fixture
    async def way(self) -> AsyncIterator[Way]:
        transport = AiohttpTransport(SECONDS)
        # Bound and not listening: whoever connects is refused.
        with socket.socket() as bound:
            bound.bind(("127.0.0.1", 0))
            try:
                async with recorded_node().serve() as node:
                    yield Http(transport, node, node.url, f"http://127.0.0.1:{bound.getsockname()[1]}")
            finally:
                await transport.close()


async def test_a_node_that_keeps_silent_holds_no_connection_to_another() -> None:
    """As many calls as an endpoint may have under way wait at one node; the other one's are answered."""
    transport = AiohttpTransport(SECONDS)
    silent, node = recorded_node(), recorded_node()
    silent.faults.add(Silence(), times=MOST)
    try:
        async with silent.serve() as mute, node.serve() as well:
            waiting = [asyncio.create_task(transport.post(mute.url, ASKED)) for _ in range(MOST)]
            await asyncio.sleep(0)  # each of them has asked for its connection first
            answer = await transport.post(well.url, ASKED)
            assert answer == HttpAnswer(200, node.respond(ASKED)[0])
            for each in waiting:
                each.cancel()
            assert set(map(type, await asyncio.gather(*waiting, return_exceptions=True))) == {
                asyncio.CancelledError
            }
    finally:
        await transport.close()
