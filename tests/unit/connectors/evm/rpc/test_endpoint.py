"""Answers without an end: what is read of them, and what they are called."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest

from connectors.evm.rpc.answers import HttpAnswer, NodeFailure
from connectors.evm.rpc.endpoint import AnswerTooLarge, Endpoint, read_bounded


class Pieces:
    """A body that comes in pieces of 1,000 bytes for as long as anybody reads."""

    def __init__(self, count: int) -> None:
        self._count = count
        self.given = 0

    async def iter_any(self) -> AsyncIterator[bytes]:
        for _ in range(self._count):
            self.given += 1
            yield bytes(1_000)


@pytest.mark.asyncio
async def test_an_answer_is_read_to_its_limit_and_no_further() -> None:
    assert len(await read_bounded(Pieces(10), 10_000)) == 10_000
    endless = Pieces(10**9)
    with pytest.raises(AnswerTooLarge):
        await read_bounded(endless, 10_000)
    assert endless.given == 11


class Endless:
    """A transport whose node never ends."""

    async def post(self, url: str, body: bytes) -> HttpAnswer:
        return HttpAnswer(200, await read_bounded(Pieces(10**9), 10_000))

    async def close(self) -> None:
        """Nothing is open."""


@pytest.mark.asyncio
async def test_such_a_node_has_failed_and_another_is_asked() -> None:
    endpoint = Endpoint("local", "http://node", "http://node", Endless())
    with pytest.raises(NodeFailure, match="http://node: eth_x: an answer above"):
        await endpoint.call("eth_x")


class Elsewhere:
    """A transport whose node sends on to an address that is none: IDNA refuses it."""

    async def post(self, url: str, body: bytes) -> HttpAnswer:
        "a..b".encode("idna")
        raise AssertionError

    async def close(self) -> None:
        """Nothing is open."""


@pytest.mark.asyncio
async def test_a_node_that_sends_on_to_no_address_has_failed() -> None:
    endpoint = Endpoint("local", "http://node", "http://node", Elsewhere())
    # UnicodeEncodeError since Python 3.13.
    with pytest.raises(NodeFailure, match=r"node: eth_x: connection failed: Unicode\w*Error") as failure:
        await endpoint.call("eth_x")
    assert failure.value.outcome == "connection"


class Swapped:
    """A transport through a gateway that gives one call's answer to the next."""

    def __init__(self) -> None:
        self._asked: list[object] = []

    async def post(self, url: str, body: bytes) -> HttpAnswer:
        self._asked.append(json.loads(body)["id"])
        return HttpAnswer(200, json.dumps({"id": self._asked[-2:][0], "result": "0x1"}).encode())

    async def close(self) -> None:
        """Nothing is open."""


@pytest.mark.asyncio
async def test_calls_are_told_apart() -> None:
    endpoint = Endpoint("local", "http://node", "http://node", Swapped())
    assert bytes(await endpoint.call("eth_x")) == b'"0x1"'
    with pytest.raises(NodeFailure, match="eth_y: the answer to another call"):
        await endpoint.call("eth_y")
