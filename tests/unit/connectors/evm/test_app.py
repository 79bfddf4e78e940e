"""What a listener waits for before it begins."""

from __future__ import annotations

from unittest.mock import Mock

import pytest

from connectors.evm import app
from connectors.evm.pool.nodes import Nodes
from connectors.evm.rpc.answers import HttpAnswer
from connectors.evm.rpc.endpoint import Endpoint


class Rising:
    """A node that refuses connections until it was asked often enough."""

    asked = 0

    async def post(self, url: str, body: bytes) -> HttpAnswer:
        self.asked += 1
        if self.asked < 20:
            raise ConnectionRefusedError(111, "Connection refused")
        return HttpAnswer(200, b'{"result":"0x5"}' if b"eth_chainId" in body else b'{"result":false}')

    async def close(self) -> None:
        """Nothing to release."""


async def test_the_first_node_is_waited_for_however_long_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    async def at_once(_: float) -> None:
        """Nobody waits here."""

    log = Mock()
    monkeypatch.setattr(app, "_log", log)
    monkeypatch.setattr("headwater.retry.Backoff.next", lambda *_: 0.0)
    now = iter(range(1_000))
    nodes = Nodes(
        [Endpoint("chain", "a", "a", Rising())], None, sleep=at_once, clock=lambda: next(now), seconds=9.0
    )
    assert await app._chain_id(nodes) == 5
    line = str(log.warning.call_args_list[0])
    assert "no node tells its chain yet" in line
    assert "within 9 s" in line
    assert "a: eth_chainId: connection failed: Connection refused" in line
