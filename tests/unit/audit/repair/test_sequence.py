"""Events are found by their number in a log with forks, restarts, split blocks and fenced writers."""

from __future__ import annotations

import random

import pytest

from audit.repair.block import NoBlock, OfEvent
from audit.repair.sequence import EventFinder
from connectors.evm.events import Event
from connectors.evm.log.codec import EventCodec, Numbered
from connectors.evm.log.store import Outgoing
from connectors.evm.log.writer import ChainLog
from connectors.evm.repair.request import BlockName
from tests.fakes.listening import CHAIN_ID, MemoryStore, accepted, made_up_apply, made_up_head
from topics.chainlog.kinds import EventKind

CODEC = EventCodec(CHAIN_ID, 7, part_bytes=100)


def history(seed: int) -> MemoryStore:
    """A log with forks, finality, restarts, split blocks and late messages of fenced listeners."""
    chance = random.Random(seed)
    store = MemoryStore()
    log: ChainLog | None = None
    late: list[Outgoing] = []
    for number in range(60):
        if log is None or chance.random() < 0.08:
            stale, log = log, ChainLog(store, CODEC, f"listener {number}", lambda: 1_700_000_000_000)
            log.open()
            if stale is not None and stale.branch.tip is not None:
                head = made_up_head(stale.branch.tip.number + 1, 9, stale.branch.tip)
                numbered = Numbered(log.sequence, 0, 5)
                late = [Outgoing(value) for value in CODEC.encode(made_up_apply(head, 1_500), numbered)]
        tip = log.branch.tip
        if tip is not None and chance.random() < 0.2:
            for link in list(log.branch.from_tip(2)):
                log.publish([Event(EventKind.REVERT, link.head, log.content(link))])
        tip = log.branch.tip
        head = made_up_head(tip.number + 1 if tip else 1, number, tip)
        log.publish([made_up_apply(head, chance.choice((10, 250)))])
        if late and chance.random() < 0.2:
            store.append(late)
            late = []
    return store


@pytest.mark.parametrize("seed", range(5))
def test_every_event_is_found_by_its_sequence(seed: int) -> None:
    store = history(seed)
    finder = EventFinder(store)
    events = accepted(store)
    assert len({each.position.sequence for each in events}) > 60
    for each in events:
        found = finder.block(OfEvent(CHAIN_ID, each.position.sequence, ""))
        if each.kind.carries_block:
            assert each.head is not None
            assert found == BlockName(CHAIN_ID, each.head.number, each.head.hash)
        else:
            assert isinstance(found, NoBlock)


def test_the_hash_that_a_header_tells_decides_between_writers() -> None:
    store = history(1)
    applied = next(each for each in accepted(store) if each.kind is EventKind.APPLY)
    assert applied.head is not None
    sequence = applied.position.sequence
    trace = applied.head.hash.hex()[:48]
    assert EventFinder(store).block(OfEvent(CHAIN_ID, sequence, trace)) == BlockName(
        CHAIN_ID, applied.head.number, applied.head.hash
    )
    other = EventFinder(store).block(OfEvent(CHAIN_ID, sequence, "fe" * 24))
    assert isinstance(other, NoBlock)
    assert "headwater verify --repair" in other.remedy


def test_what_the_log_does_not_have_any_more_is_said() -> None:
    store = history(2)
    sequences = sorted({each.position.sequence for each in accepted(store)})
    store.trim(len(store.log) // 2)
    finder = EventFinder(store)
    for sequence in (sequences[0], sequences[-1] + 100):
        found = finder.block(OfEvent(CHAIN_ID, sequence, ""))
        assert isinstance(found, NoBlock)
        assert str(sequence) in found.why
    empty = EventFinder(MemoryStore()).block(OfEvent(CHAIN_ID, 5, ""))
    assert isinstance(empty, NoBlock)


def test_unreadable_messages_do_not_hide_the_others() -> None:
    store = history(3)
    events = [each for each in accepted(store) if each.kind is EventKind.APPLY]
    chance = random.Random(3)
    for place in chance.sample(range(len(store.log)), len(store.log) // 3):
        store.log[place] = (place, Outgoing(b"junk"))
    readable = {offset for offset, message in store.log if message.value != b"junk"}
    finder = EventFinder(store)
    found = 0
    for each in events:
        if each.position.offset in readable and each.head is not None:
            name = BlockName(CHAIN_ID, each.head.number, each.head.hash)
            found += finder.block(OfEvent(CHAIN_ID, each.position.sequence, "")) == name
    assert found > 20
    assert found == sum(each.position.offset in readable for each in events)
