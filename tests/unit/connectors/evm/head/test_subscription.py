"""newHeads: what is told brings the next look forward, and whatever goes wrong leaves polling as it was."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from unittest.mock import Mock

import pytest

from connectors.evm.head import subscription
from connectors.evm.head.subscription import Subscription
from connectors.evm.head.ticker import MISSED, NotifiedTicker
from connectors.evm.rpc import socket
from connectors.evm.rpc.socket import Closed

CHAIN = 31337
URL, OTHER = "ws://node-a/key-of-somebody", "ws://node-b"
FOREVER = 3_600.0


def notification(number: int) -> str:
    params = {"subscription": "0x1", "result": {"number": hex(number), "hash": "0x00"}}
    return json.dumps({"jsonrpc": "2.0", "method": "eth_subscription", "params": params})


class Node:
    """The other side of a socket: answers, and tells what the test has it tell."""

    def __init__(self, *, chain: object = hex(CHAIN), error: object = None) -> None:
        self.chain, self.error = chain, error
        self.connected = asyncio.Semaphore(0)
        self.asked: list[str] = []
        self.out: asyncio.Queue[str | Exception] = asyncio.Queue()

    async def send(self, text: str) -> None:
        request = json.loads(text)
        self.asked.append(request["method"])
        answer: dict[str, object] = {"jsonrpc": "2.0", "id": request["id"]}
        if request["method"] == "eth_chainId":
            answer["result"] = self.chain
        elif self.error is not None:
            answer["error"] = self.error
        else:
            answer["result"] = "0x1"
            self.connected.release()
        self.out.put_nowait(json.dumps(answer))

    async def receive(self) -> str:
        message = await self.out.get()
        if isinstance(message, Exception):
            raise message
        return message


@asynccontextmanager
async def subscribed(nodes: dict[str, Node], ticker: NotifiedTicker) -> AsyncIterator[list[str]]:
    """A subscription to these nodes; yields the addresses that it connected to."""
    opened: list[str] = []

    @asynccontextmanager
    async def connect(url: str) -> AsyncIterator[Node]:
        opened.append(url)
        nodes[url].out = asyncio.Queue()
        yield nodes[url]

    task = asyncio.create_task(Subscription("local", CHAIN, [*nodes], ticker, connect).run())
    try:
        yield opened
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def soon(work: Callable[[], object]) -> None:
    await asyncio.wait_for(work(), 10)  # type: ignore[arg-type]


async def test_a_head_that_is_told_of_ends_the_wait() -> None:
    ticker, node = NotifiedTicker(FOREVER), Node()
    async with subscribed({URL: node}, ticker):
        await soon(node.connected.acquire)
        for number in (7, 8):
            waiting = asyncio.create_task(ticker.wait())
            node.out.put_nowait(notification(number))
            await asyncio.wait_for(waiting, 10)
    assert node.asked == ["eth_chainId", "eth_subscribe"]


async def test_a_height_that_is_written_as_a_number_is_one() -> None:
    ticker, node = NotifiedTicker(FOREVER), Node()
    async with subscribed({URL: node}, ticker):
        await soon(node.connected.acquire)
        waiting = asyncio.create_task(ticker.wait())
        node.out.put_nowait(notification(7).replace('"0x7"', "7"))
        await asyncio.wait_for(waiting, 10)
    assert node.asked == ["eth_chainId", "eth_subscribe"], "it is the first subscription still"


async def test_without_a_word_it_polls() -> None:
    ticker = NotifiedTicker(0.01)
    await soon(ticker.wait)
    await soon(ticker.wait)
    assert not ticker.silent.is_set(), "nobody was subscribed to, so nobody is silent"


@pytest.mark.parametrize(
    "message",
    [
        "nonsense",
        "[" * 50_000,
        '{"jsonrpc": "2.0", "method": "eth_subscription", "params": {"result": {"number": "seven"}}}',
        '{"jsonrpc": "2.0", "method": "eth_subscription", "params": {"result": null}}',
        '{"jsonrpc": "2.0", "method": "eth_subscription"}',
        Closed("closed with code 1006"),
    ],
    ids=["no-json", "nested", "no-number", "null", "nothing", "closed"],
)
async def test_what_ends_a_subscription_has_the_next_node_subscribed_to(
    message: str | Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    ticker, node, other = NotifiedTicker(FOREVER), Node(), Node()
    async with subscribed({URL: node, OTHER: other}, ticker) as opened:
        await soon(node.connected.acquire)
        node.out.put_nowait(message)
        await soon(other.connected.acquire)
        waiting = asyncio.create_task(ticker.wait())
        other.out.put_nowait(notification(9))
        await asyncio.wait_for(waiting, 10)
    assert opened == [URL, OTHER]
    assert "key-of-somebody" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "node", [{"chain": "0x1"}, {"chain": None}, {"error": {"code": -32601, "message": "no subscriptions"}}]
)
async def test_a_node_that_refuses_or_is_of_another_chain_is_passed_over(node: dict[str, object]) -> None:
    ticker, bad, other = NotifiedTicker(FOREVER), Node(**node), Node()
    async with subscribed({URL: bad, OTHER: other}, ticker) as opened:
        await soon(other.connected.acquire)
    assert opened == [URL, OTHER]


@pytest.mark.parametrize(
    "node",
    [
        # Where the text is cut, half a key would be recognised by nobody.
        {"error": {"message": "x" * 168 + " key-of-somebody is over its limit"}},
        {"error": {"message": "key-of-somebody", "data": "x" * 100_000}},
        {"chain": "key-of-somebody" * 1_000},
    ],
    ids=["cut", "alone", "chain"],
)
async def test_what_a_node_says_is_told_without_its_key(
    node: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    # As it is handed to the log, which masks what it recognises by itself.
    log = Mock()
    monkeypatch.setattr(subscription, "_log", log)
    ticker, bad, other = NotifiedTicker(FOREVER), Node(**node), Node()
    async with subscribed({URL: bad, OTHER: other}, ticker):
        await soon(other.connected.acquire)
    (call,) = log.warning.call_args_list
    line = str(call)
    assert "not told of new heads" in line
    assert "key-of" not in line
    assert len(line) < 2_000


async def test_a_node_that_does_not_answer_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "ANSWER_SECONDS", 0.01)
    ticker, mute, other = NotifiedTicker(FOREVER), Node(), Node()

    async def nothing(text: str) -> None:
        """It takes what it is sent."""

    mute.send = nothing  # type: ignore[method-assign]
    async with subscribed({URL: mute, OTHER: other}, ticker) as opened:
        await soon(other.connected.acquire)
    assert opened == [URL, OTHER]


async def test_a_subscription_that_falls_silent_is_replaced() -> None:
    ticker, silent, other = NotifiedTicker(FOREVER), Node(), Node()
    async with subscribed({URL: silent, OTHER: other}, ticker) as opened:
        await soon(silent.connected.acquire)
        ticker.looked(100)
        for number in range(101, 101 + MISSED - 1):
            ticker.looked(number)
            ticker.looked(number)
        silent.out.put_nowait(notification(110))
        await soon(ticker.wait)
        # What was told makes up for what was missed.
        for number in range(111, 111 + MISSED):
            assert opened == [URL]
            ticker.looked(number)
        await soon(other.connected.acquire)
    assert opened == [URL, OTHER]


def test_who_lags_behind_what_was_told_is_not_taken_for_silence() -> None:
    ticker = NotifiedTicker(FOREVER)
    ticker.subscribed()
    ticker.looked(100)
    ticker.notify(120)
    for number in range(101, 120):
        ticker.looked(number)
    assert not ticker.silent.is_set()


@pytest.mark.parametrize(
    "told_of",
    [[1 << 60], [5_000_000], [7, 7, 7, 7, 7, 7], [84, 84, 84, 84, 84, 84]],
    ids=["no number of a block", "of another chain", "an old one", "the same again and again"],
)
def test_who_tells_of_other_heads_than_there_are_is_silent(told_of: list[int]) -> None:
    ticker = NotifiedTicker(FOREVER)
    for first in (True, False):
        ticker.subscribed()
        if first:  # Before or after the first look at the head.
            ticker.notify(told_of[0])
        ticker.looked(100)
        looks = 0
        while not ticker.silent.is_set():
            looks += 1
            ticker.looked(100 + looks)
            ticker.notify(told_of[looks % len(told_of)])
            assert looks <= MISSED + 2
    assert looks >= MISSED


def test_a_chain_that_begins_anew_is_told_of_as_before() -> None:
    ticker = NotifiedTicker(FOREVER)
    ticker.subscribed()
    ticker.looked(10_000)
    for number in range(20):
        ticker.notify(number)
        ticker.looked(number)
    assert not ticker.silent.is_set()
    for number in range(20, 20 + MISSED):
        ticker.looked(number)
    assert ticker.silent.is_set()


@pytest.mark.parametrize("chain", ["0x7A69", "0x07a69"])
async def test_a_chain_id_is_a_number_however_it_is_written(chain: str) -> None:
    ticker, node = NotifiedTicker(FOREVER), Node(chain=chain)
    async with subscribed({URL: node}, ticker):
        await soon(node.connected.acquire)
