"""The contract of a transport on HTTP."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from connectors.evm.rpc.endpoint import AiohttpTransport, Transport
from sandbox.node import RecordedNode
from tests.contract.rpc_transport import TransportContract, Way, recorded_node

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
