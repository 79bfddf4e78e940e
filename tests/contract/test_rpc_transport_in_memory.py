"""The contract of a transport on the one that unit tests use."""

from __future__ import annotations

import pytest

from tests.contract.rpc_transport import TransportContract, Way, recorded_node
from tests.fakes.listening import NodeTransport


class InProcess:
    """The fake as the contract sees it."""

    address, nowhere = "http://node", "http://nowhere"

    def __init__(self) -> None:
        self.node = recorded_node()
        self.transport = NodeTransport({self.address: self.node})


class TestNodeTransport(TransportContract):
    @pytest.fixture
    def way(self) -> Way:
        return InProcess()
