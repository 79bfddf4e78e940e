"""Fetching from a node that is scripted by height: heights without a block."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import NoReturn, TypeVar, cast

import pytest

from connectors.evm.blocks.checks import Verifier
from connectors.evm.blocks.fetch.fetcher import Fetcher
from connectors.evm.pool.asking.deadline import Overdue
from connectors.evm.pool.seam import Pool
from connectors.evm.rpc.answers import HttpAnswer, NodeFailure, result_of
from connectors.evm.rpc.endpoint import Endpoint
from headwater.errors import Fatal
from headwater.evm.bloom import Bloom
from tests.builders.chain_answers import Answer, block, transaction

T = TypeVar("T")


def named(number: int) -> str:
    return f"0x{number:064x}"


def at(number: int, parent: int) -> Answer:
    return block([], number=hex(number), hash=named(number), parentHash=named(parent), logsBloom=None)


class ByHeight:
    """A pool of one node that knows these blocks by height; `error` is what it says of any other."""

    name = "node"
    size = 1

    def __init__(self, blocks: list[Answer], error: Answer | None) -> None:
        self._blocks = {each["number"]: each for each in blocks}
        self._error = error

    async def ask(
        self, work: Callable[[Endpoint], Awaitable[T]], *, kind: str | None = None, rounds: int | None = None
    ) -> T:
        return await work(cast(Endpoint, self))

    async def each(
        self, work: Callable[[Endpoint], Awaitable[T]], *, enough: int | None = None
    ) -> list[tuple[str, T]]:
        try:
            return [(self.name, await work(cast(Endpoint, self)))]
        except NodeFailure:
            return []

    async def call(self, method: str, reference: str, *_: object) -> memoryview:
        found = self._blocks.get(reference) if method.startswith("eth_getBlockBy") else None
        body = {"error": self._error} if found is None and self._error else {"result": found}
        return result_of(self.name, method, HttpAnswer(200, json.dumps({"id": 0} | body).encode()))


def fetcher(blocks: list[Answer], error: Answer | None = None) -> Fetcher:
    return Fetcher("local", cast(Pool, ByHeight(blocks, error)), Verifier(Bloom(), header_hash=False))


NULL_ROUND = {"code": 12, "message": "requested epoch was a null round (102)"}


@pytest.mark.parametrize("error", [None, NULL_ROUND], ids=["null", "error 12"])
async def test_a_height_that_the_chain_goes_on_over_is_said_to_have_no_block(error: Answer | None) -> None:
    with pytest.raises(Fatal, match=r"height 102 has no block: .* 103 is block 101; chains with null rounds"):
        await fetcher([at(101, 100), at(103, 101)], error).by_number(102)


@pytest.mark.parametrize(
    "blocks",
    [
        pytest.param([at(101, 100)], id="nothing above"),
        pytest.param([at(103, 102)], id="nothing below"),
        pytest.param([at(101, 100), at(103, 102)], id="it has a hash"),
    ],
)
async def test_a_block_that_is_not_there_yet_is_waited_for(blocks: list[Answer]) -> None:
    with pytest.raises(NodeFailure, match="null"):
        await fetcher(blocks).by_number(102)


async def test_a_first_block_without_receipts_is_refused_with_the_remedy() -> None:
    genesis = block([transaction(0, blockNumber="0x0")], number="0x0", logsBloom=None)
    with pytest.raises(Fatal, match=r"block 0 cannot be had whole .* null; .*--start 1"):
        await fetcher([genesis]).by_number(0)


async def test_a_first_block_that_no_node_has_is_refused_with_the_remedy() -> None:
    with pytest.raises(Fatal, match=r"block 0 .*null; .*--start 1"):
        await fetcher([at(1, 0)]).by_number(0)


async def test_after_a_question_that_took_all_its_time_no_other_is_asked() -> None:
    """Each about a height around it would take as long again."""

    class Away(ByHeight):
        asked = 0

        async def ask(self, *_: object, **__: object) -> NoReturn:
            self.asked += 1
            raise Overdue("nodes", "none gave a good answer within 300 s", "timeout")

    pool = Away([], None)
    with pytest.raises(Overdue):
        await Fetcher("local", cast(Pool, pool), Verifier(Bloom(), header_hash=False)).by_number(102)
    assert pool.asked == 1


async def test_a_height_above_that_nobody_tells_of_in_time_is_the_last_one_asked_for() -> None:
    """Sixteen of them would hold the head up for sixteen times as long."""

    class SilentAbove(ByHeight):
        above = 0

        async def ask(
            self,
            work: Callable[[Endpoint], Awaitable[T]],
            *,
            kind: str | None = None,
            rounds: int | None = None,
        ) -> T:
            if rounds == 1:
                self.above += 1
                raise Overdue("nodes", "none gave a good answer within 300 s", "timeout")
            return await super().ask(work, kind=kind, rounds=rounds)

    pool = SilentAbove([at(101, 100)], None)
    with pytest.raises(NodeFailure, match="eth_getBlockByNumber 102: null"):
        await Fetcher("local", cast(Pool, pool), Verifier(Bloom(), header_hash=False)).by_number(102)
    assert pool.above == 1
