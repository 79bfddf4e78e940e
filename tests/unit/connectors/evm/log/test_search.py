"""Finding a block's events far back in the log."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connectors.evm.events import Event, Head
from connectors.evm.log.codec import EventCodec
from connectors.evm.log.search import STEPS, Search
from connectors.evm.log.store import Outgoing
from connectors.evm.log.whole import Found, WholeEvents
from connectors.evm.log.writer import ChainLog
from headwater.errors import Transient
from tests.fakes.listening import (
    CHAIN_ID,
    MemoryStore,
    made_up_apply,
    made_up_head,
    outgoing,
    stored,
)
from topics.chainlog.claims import UNACKNOWLEDGED
from topics.chainlog.kinds import EventKind

CODEC = EventCodec(CHAIN_ID, 7, part_bytes=100)


class CountingStore(MemoryStore):
    """Counts the messages that were read."""

    def __init__(self, log: list[tuple[int, Outgoing]]) -> None:
        super().__init__(log)
        self.count = 0

    def read(self, start: int, end: int) -> Iterator[tuple[int, bytes]]:
        for message in super().read(start, end):
            self.count += 1
            yield message


def opened(store: MemoryStore) -> ChainLog:
    log = ChainLog(store, CODEC, "listener", lambda: 1_700_000_000_000)
    log.open()
    return log


def long_history(rng: random.Random) -> MemoryStore:
    """Hundreds of blocks with forks, finality, repairs, restarts, and late messages of fenced listeners."""
    store = MemoryStore()
    log = opened(store)
    late: list[Outgoing] = []
    for step in range(rng.randint(5, 90)):
        action, tip = rng.random(), log.branch.tip
        if action < 0.5 or tip is None:
            for _ in range(rng.randint(1, 15)):
                tip = log.branch.tip
                head = made_up_head(tip.number + 1 if tip else 40, step % 200, tip)
                log.publish([made_up_apply(head, rng.choice([10, 10, 10, 250]))])
        elif action < 0.65:
            deepest = log.branch.depth - (log.branch.finalized is not None)
            for link in list(log.branch.from_tip(rng.randint(0, min(deepest, 12)))):
                log.publish([Event(EventKind.REVERT, link.head, log.content(link))])
        elif action < 0.75:
            final = log.branch.at(tip.number - rng.randint(0, min(9, log.branch.depth - 1)))
            log.publish([Event(EventKind.FINALIZED, final)])
        elif action < 0.9:
            events = whole(store)
            for _ in range(rng.randint(1, 12)):
                event = rng.choice(events)
                kind = rng.choice([EventKind.REPAIR, EventKind.REPAIR_REVERT])
                log.publish([Event(kind, event.head, made_up_apply(event.head).content)])
        else:
            # A listener that was paused here may wake up at any time.
            late += [
                each
                for number in range(rng.randint(1, UNACKNOWLEDGED))
                for each in outgoing(
                    made_up_apply(made_up_head(tip.number + number, 250)),
                    log.sequence + 1 + number,
                    log.claim,
                )
            ][:UNACKNOWLEDGED]
            log = opened(store)
        if late and rng.random() < 0.3:
            store.append(late)
            late = []
            log = opened(store)
    return store


def whole(store: MemoryStore) -> list[Found]:
    """All events that count and carry a block, by reading everything."""
    events = WholeEvents(None)
    taken = [events.take(each)[1] for each in stored(store)]
    return [each for each in taken if each is not None and each.kind.carries_block]


@given(seed=st.integers(0, 10**9))
@example(seed=6047)  # forks that stay at the same heights for hundreds of messages
def test_a_search_finds_what_reading_everything_would(seed: int) -> None:
    rng = random.Random(seed)
    store = long_history(rng)
    events = whole(store)
    search = Search(store, CODEC)
    for wanted in rng.sample(events, min(len(events), 4)):
        assert search.of_sequence(wanted.sequence) == wanted
        found = search.of_height(wanted.head.number, wanted.head.hash)
        assert any(each.kind.moves_branch and each.head == wanted.head for each in found)
        assert all(each in events and each.head.number == wanted.head.number for each in found)
    last = max(each.sequence for each in events)
    assert search.of_sequence(last + 10_000) is None
    assert search.begins_at() == 40


def chain(count: int) -> MemoryStore:
    store = MemoryStore()
    log = opened(store)
    for number in range(count):
        log.publish([made_up_apply(made_up_head(number, parent=log.branch.tip))])
    return store


def test_a_search_reads_a_bounded_number_of_messages() -> None:
    store = CountingStore(chain(4_000).log)
    search = Search(store, CODEC)
    around = 2 * STEPS[0][1] + 64
    assert len(search.of_height(1_234, made_up_head(1_234).hash)) == 1
    assert store.count <= around + 13
    store.count = 0
    # A block that is not there costs the second step too.
    assert search.of_height(2_345, b"no such block") == search.of_height(2_345, made_up_head(2_345).hash)
    assert store.count <= 3 * around + sum(2 * each for _, each in STEPS) + 14 * sum(
        each for each, _ in STEPS
    )


def blocks(found: Sequence[Found]) -> list[tuple[EventKind, Head]]:
    return [(each.kind, each.head) for each in found]


def test_late_messages_of_a_fenced_listener_mislead_no_search() -> None:
    store = chain(100)
    log = opened(store)
    sequence, claim, tip = log.sequence, log.claim, log.branch.tip
    log = opened(store)
    grow(log, until=350)
    late = [
        message
        for number in range(UNACKNOWLEDGED)
        for message in outgoing(
            made_up_apply(made_up_head(100 + number, 9, tip)), sequence + 1 + number, claim
        )
    ]
    # In the middle of the log, where a bisection looks first: they speak of heights far below those around.
    burst = range(len(store.log), len(store.log) + len(late))
    store.append(late)
    log = opened(store)
    grow(log, until=700)
    assert len(store.log) // 2 in burst
    search = Search(store, CODEC)
    for number in (99, 100, 101, 105, 116, 250, 349, 350, 500, 700):
        hash = made_up_head(number).hash
        (found,) = [each for each in search.of_height(number, hash) if each.head.hash == hash]
        assert search.of_sequence(found.sequence) == found
    stale = made_up_head(105, 9).hash
    assert stale not in [each.head.hash for each in search.of_height(105, stale)]


def grow(log: ChainLog, *, until: int) -> None:
    while (tip := log.branch.tip) is not None and tip.number < until:
        log.publish([made_up_apply(made_up_head(tip.number + 1, parent=tip))])


def test_what_retention_took_is_not_found() -> None:
    store = chain(300)
    log = opened(store)
    tip = log.branch.tip
    assert tip is not None
    log.publish([made_up_apply(made_up_head(300, parent=tip))])
    store.trim(log.claim)
    search = Search(store, CODEC)
    assert search.of_height(120, made_up_head(120).hash) == []
    assert len(search.of_height(300, made_up_head(300).hash)) == 1
    assert search.begins_at() is None
    assert search.content(made_up_head(120, parent=made_up_head(119)), 121, 122) is None


class Shrinking(MemoryStore):
    """Retention takes its front while it is read."""

    def read(self, start: int, end: int) -> Iterator[tuple[int, bytes]]:
        yield from super().read(start, end)
        self.trimmed = len(self.log) - 2


def test_a_front_that_goes_while_it_is_read_is_looked_at_again() -> None:
    search = Search(Shrinking(chain(50).log), CODEC)
    with pytest.raises(Transient, match="deleted while it was read"):
        search.of_height(3, made_up_head(3).hash)
