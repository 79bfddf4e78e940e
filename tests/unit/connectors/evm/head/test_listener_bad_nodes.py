"""Three nodes with faults of every kind, drawn by a seed: what is published in the end is the chain."""

from __future__ import annotations

from collections import Counter
from random import Random

import orjson
import pytest

from connectors.evm.log.codec import EventCodec
from connectors.evm.log.search import Search
from connectors.evm.log.whole import WholeEvents
from connectors.evm.rpc.answers import NodeFailure
from headwater.settings import ChainSettings
from sandbox.node import AdjustableChain, RecordedNode
from sandbox.node.plan import Play
from tests.builders.node_storms import kinds, storm
from tests.fakes.listening import CHAIN_ID, MemoryStore, canonical, hashes, make_rig
from topics.chainlog.kinds import EventKind

BLOCKS = 40
MOST_ROUNDS = 3_000
KINDS = kinds(retry_after=0, oversized=1_000)


class Clock:
    """One second a round of the listener."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize("seed", [1, 2, 3, 14])
async def test_what_is_published_is_the_chain_of_a_perfect_node(seed: int) -> None:
    clock, random = Clock(), Random(seed)
    chain = AdjustableChain.synthetic(1, keeps_orphans=True)
    plays = [Play(storm(seed, number, KINDS, turn=10.0), clock) for number in range(3)]
    nodes = [RecordedNode(chain, safe_lag=8, finalized_lag=16, plan=play) for play in plays]
    store = MemoryStore()
    settings = ChainSettings(chain_id=CHAIN_ID, start="earliest", prefetch_blocks=4, stale_head_seconds=1e-6)
    rig = make_rig(store, nodes, chain=settings)
    await rig.log.open()
    for _ in range(MOST_ROUNDS):
        clock.now += 1
        if chain.last() < BLOCKS:
            if random.random() < 0.2 and chain.last() > 6:
                chain.fork(random.randint(1, 3))
            else:
                chain.extend(1)
        try:
            await rig.listener.round()
        except NodeFailure:
            continue  # As the listener's loop does: the head is looked at again.
        if chain.last() >= BLOCKS and hashes(store) == chain.hashes:
            break
    assert hashes(store) == chain.hashes
    assert len(sum((play.happened for play in plays), Counter[str]())) >= 12
    contents = published(store)
    for head in canonical(store):
        perfect = chain.by_number(head.number)
        assert perfect is not None
        assert contents[head.hash] == tuple(
            orjson.loads(perfect.part(part) or b"") for part in ("block", "receipts")
        )
    await rig.close()


def published(store: MemoryStore) -> dict[bytes, tuple[object, object]]:
    """Block and receipts of every APPLY, by hash."""
    codec, events, found = EventCodec(CHAIN_ID, 7), WholeEvents(None), {}
    search = Search(store, codec)
    for stored in codec.read(list(store.read(*store.bounds()))):
        _, event = events.take(stored)
        if event is not None and event.kind is EventKind.APPLY:
            content = search.content(event.head, event.offset, event.end)
            assert content is not None
            found[event.head.hash] = (orjson.loads(content.block), orjson.loads(content.receipts))
    return found
