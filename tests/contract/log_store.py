"""What every log must do under a listener, whichever store it is: subclasses say which."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from connectors.evm.log.codec import EventCodec
from connectors.evm.log.store import LogStore, Outgoing
from headwater.errors import Fatal, Transient
from headwater.settings import ChainSettings
from sandbox.node import AdjustableChain, RecordedNode
from tests.fakes.listening import CHAIN_ID, Rig, accepted, hashes, make_rig, settled_rig, stored
from topics.chainlog.claims import UNACKNOWLEDGED
from topics.chainlog.kinds import EventKind

MakeStore = Callable[[], LogStore]


class LogStoreContract:
    """Tests of LogStore; `make_store` gives another writer to the same, initially empty log."""

    @pytest.fixture
    def make_store(self) -> MakeStore:
        raise AssertionError("the subclass says which store")

    def test_it_keeps_order_and_tells_offsets(self, make_store: MakeStore) -> None:
        store = make_store()
        assert store.bounds() == (0, 0)
        assert list(store.read(0, 0)) == []
        store.renew()
        values = [f"message {number}".encode() for number in range(3 * UNACKNOWLEDGED)]
        assert store.append([Outgoing(value) for value in values]) == list(range(len(values)))
        assert store.bounds() == (0, len(values))
        assert list(store.read(5, 9)) == list(enumerate(values))[5:9]
        assert list(make_store().read(0, len(values))) == list(enumerate(values))

    def test_two_writers_share_one_log(self, make_store: MakeStore) -> None:
        one, other = make_store(), make_store()
        for store in (one, other):
            store.renew()
        assert one.append([Outgoing(b"a")]) == [0]
        assert other.append([Outgoing(b"b"), Outgoing(b"c")]) == [1, 2]
        one.renew()
        assert one.append([Outgoing(b"d")]) == [3]
        assert [value for _, value in other.read(0, 4)] == [b"a", b"b", b"c", b"d"]

    def test_its_front_can_be_deleted(self, make_store: MakeStore) -> None:
        store = make_store()
        store.renew()
        store.append([Outgoing(b"a"), Outgoing(b"b"), Outgoing(b"c")])
        assert store.offset_at(0) == 0
        assert store.offset_at(1 << 45) is None
        store.trim(2)
        assert store.bounds() == (2, 3)
        assert list(store.read(2, 3)) == [(2, b"c")]
        for end in (3, 1_000):
            with pytest.raises(Fatal, match="no longer holds offset 1"):
                list(store.read(1, end))

    def test_a_message_of_many_mebibytes_fits(self, make_store: MakeStore) -> None:
        store = make_store()
        store.renew()
        value = b"0123456789abcdef" * (24 * 65_536)
        store.append([Outgoing(value)])
        assert list(store.read(0, 1)) == [(0, value)]

    async def test_forks_restarts_and_rivals_leave_the_nodes_chain(self, make_store: MakeStore) -> None:
        chain = AdjustableChain.synthetic(12, keeps_orphans=True)
        node = RecordedNode(chain, safe_lag=3, finalized_lag=6)
        settings = ChainSettings(chain_id=CHAIN_ID, start="3")

        async def rig(name: str) -> Rig:
            return await settled_rig(make_store(), [node], chain=settings, name=name, part_bytes=3_000)

        first = await rig("first")
        chain.fork(4)
        await first.settle()
        second = await rig("second")
        chain.extend(2)
        await second.settle()
        with pytest.raises(Fatal, match=r"another listener \(second\)"):
            await first.settle()
        chain.fork(5, 2)
        await second.settle()
        third = await rig("third")
        for each in (first, second, third):
            await each.log.close()
        store = make_store()
        assert hashes(store) == chain.hashes[2:]
        assert [each.source for each in accepted(store) if each.kind is EventKind.CLAIM] == [
            "first",
            "second",
            "third",
        ]
        assert len(stored(store)) > len(accepted(store))

    async def test_a_reverted_block_carries_what_its_apply_carried(self, make_store: MakeStore) -> None:
        chain = AdjustableChain.synthetic(5, keeps_orphans=False)
        node = RecordedNode(chain, finalized_lag=100)
        rig = await settled_rig(make_store(), [node], part_bytes=900)
        orphan = chain.tip
        chain.fork(1)
        await rig.settle()
        await rig.log.close()
        store, codec = make_store(), EventCodec(CHAIN_ID, 7)
        reverts = [each.position.offset for each in accepted(store) if each.kind is EventKind.REVERT]
        assert len(reverts) > 1
        content = codec.content([value for _, value in store.read(reverts[0], reverts[-1] + 1)])
        assert content.block == orphan.part("block")
        assert content.receipts == orphan.part("receipts")

    async def test_an_interrupted_store_releases_a_waiting_listener(self, make_store: MakeStore) -> None:
        node = RecordedNode(AdjustableChain.synthetic(3))
        rig = make_rig(make_store(), [node])
        await rig.log.open()
        async with asyncio.timeout(10):
            await rig.log.close()
        with pytest.raises((Transient, RuntimeError)):
            await rig.log.open()
