"""A start by raw-links knows what a start by raw-blocks knows, whatever raw-links lacks or says wrongly."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.evm.log import tail
from connectors.evm.log.follower import Follower
from connectors.evm.log.links.linked import LinkedLog
from connectors.evm.log.links.links import Links
from headwater.errors import Fatal
from tests.fakes.links import MemoryLinks
from tests.fakes.listening import MemoryStore, made_up_apply, made_up_head, outgoing
from tests.fakes.log_history import CODEC, facts, finalize, grow, history, opened, revert

SEEDS = st.integers(0, 10**9)


def read_by(
    store: MemoryStore, links: Links | None, *, writes: bool = False
) -> tuple[tuple[object, ...], int]:
    """What a start knows, and how many messages it read with their answers."""
    linked = LinkedLog(store, CODEC, links, writes=writes)
    published, end = tail.load(store, CODEC, linked)
    linked.complete()
    assert end == len(store.log)
    return facts(published), linked.read_whole


@given(seed=SEEDS, small=st.booleans())
def test_a_start_by_links_knows_what_one_by_the_log_knows(seed: int, small: bool) -> None:
    rng = random.Random(seed)
    links = MemoryLinks()
    store, _ = history(rng, links)
    with pytest.MonkeyPatch.context() as patch:
        if small:
            patch.setattr(tail, "FIRST_WINDOW", 8)
        expected, _ = read_by(store, None)
        # Whatever was lost, and said twice or late.
        links.values = [value for value in links.values if rng.random() > 0.3]
        links.values += rng.sample(links.values, min(3, len(links.values)))
        assert read_by(store, links, writes=True)[0] == expected
        again, read_whole = read_by(store, links)
    assert again == expected
    # What was missing is written by then, though a small window may not reach back to it.
    assert small or read_whole == 0


@given(seed=SEEDS)
def test_links_of_a_log_that_was_cut_and_went_on_otherwise_are_not_believed(seed: int) -> None:
    rng = random.Random(seed)
    links = MemoryLinks()
    store, _ = history(rng, links)
    del store.log[rng.randrange(len(store.log)) :]
    store.time_ms += 1_000
    log = opened(store, "another")
    grow(log, rng.randint(1, 6), 201)
    expected, _ = read_by(store, None)
    assert read_by(store, links, writes=True)[0] == expected
    assert read_by(store, links)[0] == expected


def test_a_start_reads_one_message_with_its_answers() -> None:
    """The one by which it sees that raw-links tells of this log."""
    store, links = MemoryStore(), MemoryLinks()
    log = opened(store, links=links)
    grow(log, 40)
    revert(log, 3)
    grow(log, 5, 1)
    finalize(log, 10)
    reads: list[tuple[int, int]] = []
    read = store.read
    store.read = lambda start, end: reads.append((start, end)) or read(start, end)  # type: ignore[method-assign, func-returns-value]
    again = opened(store, links=links)
    assert again.branch.tip == log.branch.tip
    # That message, and the CLAIM of this start.
    assert reads == [(len(store.log) - 2, len(store.log) - 1), (len(store.log) - 1, len(store.log))]


def test_a_follower_reads_by_links_and_writes_none() -> None:
    store, links = MemoryStore(), MemoryLinks()
    log = opened(store, links=links)
    grow(log, 5)
    links.values.pop()
    before = list(links.values)
    follower = Follower(store, CODEC, links)
    follower.follow()
    assert links.values == before
    known = follower.give_up()
    assert known is not None
    assert known[0].branch.tip == log.branch.tip


def test_links_that_are_away_cost_time_only() -> None:
    store, links = MemoryStore(), MemoryLinks()
    log = opened(store, links=links)
    grow(log, 5)
    links.away = True
    again = opened(store, links=links)
    grow(again, 1)
    assert again.branch.depth == 6


def test_links_that_contradict_themselves_are_deleted_and_the_log_is_read() -> None:
    store, links = MemoryStore(), MemoryLinks()
    log = opened(store, links=links)
    grow(log, 5)
    wrong = made_up_apply(made_up_head(9, 77))
    (message,) = outgoing(wrong, log.sequence - 2, log.claim)
    (stored,) = CODEC.read([(len(store.log) - 3, message.value)])
    links.values.insert(len(links.values) - 1, links.codec.encode(stored))
    again = opened(store, links=links)
    assert again.branch.tip == log.branch.tip
    assert len(links.values) == len(store.log)


def test_a_log_that_is_broken_itself_is_still_refused() -> None:
    store, links = MemoryStore(), MemoryLinks()
    log = opened(store, links=links)
    grow(log, 5)
    store.append(outgoing(made_up_apply(made_up_head(9, 77)), log.sequence + 1, log.claim))
    with pytest.raises(Fatal, match="does not follow"):
        opened(store, links=links)
