"""Blocks held by hash within a number of bytes."""

from __future__ import annotations

from prometheus_client import REGISTRY

from connectors.evm.blocks.cache import BlockCache
from connectors.evm.blocks.fetch.fetched import Fetched
from connectors.evm.events import Content
from tests.fakes.listening import MemoryStore, hashes, made_up_head, served, settled_rig


def fetched(number: int, size: int) -> Fetched:
    return Fetched(made_up_head(number), Content(b"b" * (size - 2), b"[]", None, "node", ()))


def holds(cache: BlockCache[Fetched], *numbers: int) -> list[bool]:
    return [cache.get(made_up_head(number).hash, True) is not None for number in numbers]


def test_those_used_longest_ago_leave_first() -> None:
    cache = BlockCache[Fetched]("chain", 30)
    for number in (1, 2, 3):
        cache.put(fetched(number, 10), True)
    assert holds(cache, 1) == [True]
    cache.put(fetched(4, 10), True)
    assert holds(cache, 1, 2, 3, 4) == [True, False, True, True]
    assert cache.size == 30


def test_bytes_are_what_bounds_it() -> None:
    cache = BlockCache[Fetched]("chain", 30)
    cache.put(fetched(1, 10), True)
    cache.put(fetched(2, 25), True)
    assert holds(cache, 1, 2) == [False, True]
    cache.put(fetched(3, 31), True)
    assert holds(cache, 2, 3) == [True, False], "what does not fit drives nothing out"
    cache.put(fetched(2, 12), True)
    assert cache.size == 12


def test_what_was_checked_less_is_asked_for_again_at_the_head() -> None:
    cache = BlockCache[Fetched]("chain", 30)
    cache.put(fetched(1, 10), False)
    assert cache.get(made_up_head(1).hash, True) is None
    assert cache.get(made_up_head(1).hash, False) is not None
    cache.put(fetched(1, 10), True)
    assert holds(cache, 1) == [True]


def test_nothing_is_held_by_setting() -> None:
    cache = BlockCache[Fetched]("none", 0)
    cache.put(fetched(1, 10), True)
    assert (cache.size, holds(cache, 1)) == (0, [False])
    labels = {"chain": "none", "outcome": "miss"}
    assert REGISTRY.get_sample_value("headwater_listener_block_cache_total", labels) == 1


def test_heights_name_the_block_that_came_last_while_it_is_held() -> None:
    cache = BlockCache[Fetched]("chain", 30)
    first, other = fetched(1, 10), Fetched(made_up_head(1, branch=1), fetched(1, 10).content)
    cache.put(first, True)
    assert (cache.at(1), cache.at(2)) == (first.head.hash, None)
    cache.put(other, True)
    assert cache.at(1) == other.head.hash
    cache.put(fetched(2, 20), True)
    assert cache.at(1) == other.head.hash, "the one that left is not the one named"
    cache.put(fetched(3, 30), True)
    assert [cache.at(number) for number in (1, 2, 3)] == [None, None, made_up_head(3).hash]


async def test_blocks_whose_write_failed_while_catching_up_are_not_fetched_again() -> None:
    chain, node = served(6)
    rig = await settled_rig(MemoryStore(), [node])
    receipts = node.calls["eth_getBlockReceipts"]
    for number in range(1, 7):
        assert (await rig.fetcher.by_number(number)).head.number == number
    again = node.calls["eth_getBlockReceipts"] - receipts
    assert again == 0, "whether a height is still that block is a question for the header"
    chain.fork(2, 2)
    found = [(await rig.fetcher.by_number(number)).head.hash for number in range(1, 7)]
    assert ["0x" + each.hex() for each in found] == chain.hashes[:6]
    assert node.calls["eth_getBlockReceipts"] - receipts == 2, "those that are others now"


async def test_a_branch_that_becomes_canonical_again_is_not_fetched_again() -> None:
    chain, node = served(6)
    store = MemoryStore()
    rig = await settled_rig(store, [node])
    first = chain.tip.hash
    chain.fork(2, 3)
    await rig.settle()
    second = chain.tip.hash
    chain.switch_to(first)
    chain.extend(2)
    await rig.settle()
    asked = dict(node.calls)
    chain.switch_to(second)
    chain.extend(2)
    await rig.settle()
    assert hashes(store) == chain.hashes
    on_top = node.calls["eth_getBlockReceipts"] - asked["eth_getBlockReceipts"]
    assert on_top == 2, "the blocks of the branch itself are held"
