"""A fork on request: of a local chain only, and what is said where there is none."""

from __future__ import annotations

import pytest

from headwater.errors import Fatal
from sandbox.traffic import fork as forks
from sandbox.traffic.fork import fork
from sandbox.traffic.node import NodeAway


class Chain:
    """A node whose finalized block is the one before its head."""

    def __init__(self, version: str) -> None:
        self._version = version

    def __call__(self, url: str) -> Chain:
        return self

    async def __aenter__(self) -> Chain:
        return self

    async def __aexit__(self, *words: object) -> None:
        """Nothing is open."""

    async def call(self, method: str, *params: object) -> object:
        match method, params:
            case "web3_clientVersion", _:
                if not self._version:
                    raise NodeAway("no answer")
                return self._version
            case "txpool_status", _:
                return {"pending": "0x0"}
            case "eth_getBlockByNumber", ("latest", _):
                return {"number": "0x9"}
            case "eth_getBlockByNumber", ("finalized", _):
                return {"number": "0x8"}
        return 1


@pytest.mark.parametrize(
    ("version", "problem"),
    [
        ("Geth/v1.14", "the node is Geth/v1.14, no local development chain"),
        ("", "cannot be forked: no answer; is `headwater up` running"),
        ("anvil/v1.7.1", "no block of the local chain can leave it.*try again"),
    ],
)
def test_what_cannot_be_forked_is_said(version: str, problem: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forks, "Node", Chain(version))
    with pytest.raises(Fatal, match=problem):
        fork("http://127.0.0.1:1", 2)
