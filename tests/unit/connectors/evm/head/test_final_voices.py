"""A node that calls its head final wins nothing by another one's failure to say what is."""

from __future__ import annotations

import pytest

from headwater.settings import ChainSettings
from sandbox.node import AdjustableChain, RecordedNode
from tests.fakes.listening import CHAIN_ID, MemoryStore, Rig, make_rig
from tests.fakes.ruled_node import BROKEN, NULL, Call, Error, RuledNode

BLOCKS, LAG = 20, 4
FAILURES = {"internal error": BROKEN, "invalid tag": Error(-32602, "unknown block tag"), "null": NULL}


class Voices:
    """The first node's finality is so many blocks behind its head, that of the others `LAG` blocks.

    These fail to say what is final while `failure` is set.
    """

    def __init__(self, behind: int, others: int) -> None:
        self.chain = AdjustableChain.synthetic(BLOCKS)
        self.failure: object = None
        nodes: list[RecordedNode] = [RecordedNode(self.chain, safe_lag=behind, finalized_lag=behind)]
        nodes += [RuledNode(self.chain, self._rule) for _ in range(others)]
        settings = ChainSettings(chain_id=CHAIN_ID, start="earliest", finality="tags")
        self.rig: Rig = make_rig(MemoryStore(), nodes, chain=settings)

    def _rule(self, call: Call) -> object:
        return self.failure if call["params"][:1] == ["finalized"] else None

    async def begin(self) -> None:
        await self.rig.log.open()
        await self.rig.settle()
        assert self.final == BLOCKS - LAG
        assert await self.grow() == BLOCKS + 1 - LAG

    async def grow(self) -> int:
        """One block more; what is final then."""
        self.chain.extend()
        await self.rig.settle()
        return self.final

    @property
    def final(self) -> int:
        finalized = self.rig.log.branch.finalized
        assert finalized is not None
        return finalized.number


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("others", [1, 2])
async def test_what_is_ahead_of_the_others_is_not_final_while_they_fail(others: int, failure: str) -> None:
    voices = Voices(0, others)
    await voices.begin()
    voices.failure = FAILURES[failure]
    assert await voices.grow() <= BLOCKS + 2 - LAG
    voices.failure = None
    assert await voices.grow() == BLOCKS + 3 - LAG
    await voices.rig.close()


@pytest.mark.parametrize("failure", FAILURES)
async def test_a_node_that_was_never_ahead_goes_on_while_the_other_fails(failure: str) -> None:
    voices = Voices(LAG, 1)
    await voices.begin()
    voices.failure = FAILURES[failure]
    assert await voices.grow() == BLOCKS + 2 - LAG
    await voices.rig.close()
