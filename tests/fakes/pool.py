"""A pool whose endpoints answer as a test says, by a clock and pauses that a test moves."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from connectors.evm.pool.asking.deadline import SECONDS
from connectors.evm.pool.nodes import Nodes
from connectors.evm.rpc.answers import HttpAnswer, NodeFailure
from connectors.evm.rpc.endpoint import Endpoint

Answer = Callable[[], Awaitable[object]]


class Quiet:
    """A transport of nodes on chain 1 that are in sync; heads are told by address."""

    def __init__(self) -> None:
        self.heads: dict[str, bytes] = {}
        self.asked: list[str] = []

    async def post(self, url: str, body: bytes) -> HttpAnswer:
        if b"eth_chainId" in body:
            return HttpAnswer(200, b'{"result":"0x1"}')
        if b"eth_syncing" in body:
            return HttpAnswer(200, b'{"result":false}')
        self.asked.append(url)
        return HttpAnswer(200, b'{"result":' + self.heads[url] + b"}")

    async def close(self) -> None:
        """Nothing to release."""


class Pool:
    """Nodes a, b, … whose answers a test decides, a clock that a test moves, pauses that nobody waits for."""

    def __init__(self, names: str, seconds: float = SECONDS) -> None:
        self.now = 0.0
        self.pauses: list[float] = []
        self.transport = Quiet()
        self.endpoints = [Endpoint("chain", name, name, self.transport) for name in names]
        self.nodes = Nodes(self.endpoints, 1, sleep=self._pause, clock=lambda: self.now, seconds=seconds)
        self.asked: list[str] = []

    async def ask(self, answers: dict[str, Answer], *, rounds: int | None = 1) -> object:
        async def work(endpoint: Endpoint) -> object:
            self.asked.append(endpoint.name)
            return await answers[endpoint.name]()

        return await self.nodes.ask(work, kind="block", rounds=rounds)

    def first(self) -> str:
        return self.nodes.endpoints[0].name

    async def to_all(self, way: str, answers: dict[str, Answer]) -> object:
        """What `best`, `each` or `soon` give of these answers."""

        async def work(endpoint: Endpoint) -> object:
            self.asked.append(endpoint.name)
            return await answers[endpoint.name]()

        if way == "best":
            return await self.nodes.best(work, lambda result: len(str(result)))
        return await (self.nodes.each if way == "each" else self.nodes.soon)(work)

    async def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


def gives(result: object) -> Answer:
    async def answer() -> object:
        return result

    return answer


def says(name: str, what: str) -> Answer:
    async def answer() -> object:
        raise NodeFailure(name, what, "error")

    return answer


def fails(outcome: str = "timeout") -> Answer:
    async def answer() -> object:
        raise NodeFailure("node", "no answer in time", outcome)

    return answer


class Silent:
    """Answers when it is told to, and notes that nobody waits any more."""

    def __init__(self, result: object = "late") -> None:
        self.result = result
        self.released = asyncio.Event()
        self.cancelled = False

    async def __call__(self) -> object:
        try:
            await self.released.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        return self.result
