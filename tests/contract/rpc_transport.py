"""What an endpoint relies on in its transport, whatever carries the bodies: subclasses say what does."""

from __future__ import annotations

from typing import Protocol

import aiohttp
import orjson
import pytest

from connectors.evm.rpc.answers import HttpAnswer
from connectors.evm.rpc.endpoint import Transport
from sandbox.node import AdjustableChain, RecordedNode
from sandbox.node.faults import HTML, Cut, Disconnect, Fault, HalfWritten, Silence, Status

FAILURES = (OSError, TimeoutError, aiohttp.ClientError, ValueError)
"""What the seam's docstring says that it raises."""
ASKED = orjson.dumps({"jsonrpc": "2.0", "id": 7, "method": "eth_getBlockByNumber", "params": ["0x2", True]})


class Way(Protocol):
    """A transport that reaches `node` at `address`, and nobody at `nowhere`."""

    @property
    def transport(self) -> Transport: ...

    node: RecordedNode
    address: str
    nowhere: str


def recorded_node() -> RecordedNode:
    """What the other end is."""
    return RecordedNode(AdjustableChain.synthetic(3))


class TransportContract:
    """Tests of Transport."""

    @pytest.fixture
    def way(self) -> Way:
        raise AssertionError("the subclass says which way")

    async def test_an_answer_is_what_the_node_said_byte_by_byte(self, way: Way) -> None:
        said, _ = way.node.respond(ASKED)
        assert await way.transport.post(way.address, ASKED) == HttpAnswer(200, said)

    @pytest.mark.parametrize("calls", [1, 3], ids=["batch of one", "batch of three"])
    async def test_a_batch_is_one_answer(self, way: Way, calls: int) -> None:
        batch = b"[" + b",".join([ASKED] * calls) + b"]"
        answer = await way.transport.post(way.address, batch)
        assert len(orjson.loads(answer.body)) == calls

    @pytest.mark.parametrize(
        ("fault", "answer"),
        [
            (Status(429, "slow down", retry_after=2), HttpAnswer(429, b"slow down", "2")),
            (Status(503, "away"), HttpAnswer(503, b"away")),
            (HTML, HttpAnswer(200, HTML.body.encode())),
        ],
        ids=["too many", "unavailable", "html"],
    )
    async def test_a_status_is_an_answer_and_no_error(
        self, way: Way, fault: Fault, answer: HttpAnswer
    ) -> None:
        way.node.faults.add(fault)
        assert await way.transport.post(way.address, ASKED) == answer

    async def test_a_body_that_is_whole_but_cut_is_handed_on(self, way: Way) -> None:
        said, _ = way.node.respond(ASKED)
        way.node.faults.add(Cut(20))
        assert await way.transport.post(way.address, ASKED) == HttpAnswer(200, said[:20])

    @pytest.mark.parametrize(
        "fault", [Disconnect(), HalfWritten(0.5)], ids=["no answer", "half of what was announced"]
    )
    async def test_a_connection_that_ends_is_an_error_and_the_next_call_is_not(
        self, way: Way, fault: Fault
    ) -> None:
        way.node.faults.add(fault)
        with pytest.raises((OSError, aiohttp.ClientError)):
            await way.transport.post(way.address, ASKED)
        assert (await way.transport.post(way.address, ASKED)).status == 200

    async def test_silence_ends_with_the_time_that_an_answer_may_take(self, way: Way) -> None:
        way.node.faults.add(Silence())
        with pytest.raises(TimeoutError):
            await way.transport.post(way.address, ASKED)

    async def test_where_nobody_is_nothing_answers(self, way: Way) -> None:
        for address in (way.nowhere, "not an address"):
            with pytest.raises(FAILURES):
                await way.transport.post(address, ASKED)
