"""Listeners that stand by and lead in turn: who writes, what is read before, and how it ends."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from connectors.evm.leadership.turns import Turns
from connectors.evm.log.codec import EventCodec
from connectors.evm.log.follower import Follower
from connectors.evm.log.writer import ChainLog, Fenced
from headwater.errors import Fatal
from headwater.health import HEALTH
from headwater.metrics import listener as metrics
from tests.fakes.election import Ballot
from tests.fakes.listening import CHAIN_ID, MemoryStore, made_up_apply, made_up_head, stored


class Term:
    """What leads: tells when it began and ended, and raises what the test wants."""

    def __init__(self) -> None:
        self.begun, self.ended = asyncio.Semaphore(0), asyncio.Semaphore(0)
        self.fails: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def __call__(self) -> None:
        self.begun.release()
        try:
            await self.fails
        finally:
            self.fails = asyncio.get_running_loop().create_future()
            self.ended.release()


def leads() -> float:
    return float(metrics.LEADS.labels("local")._value.get())


@asynccontextmanager
async def running(ballot: Ballot, term: Term, store: MemoryStore) -> AsyncIterator[asyncio.Task[None]]:
    follower = Follower(store, EventCodec(CHAIN_ID, 7))
    task = asyncio.create_task(Turns("local", ballot, follower, lambda: term()).run())
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError, Fatal):
            await task


async def test_it_leads_from_its_election_to_its_end_and_again() -> None:
    ballot, term = Ballot(), Term()
    async with running(ballot, term, MemoryStore()):
        for _ in range(2):
            await ballot.decide(leads=True)
            await asyncio.wait_for(term.begun.acquire(), 5)
            assert leads() == 1
            await ballot.decide(leads=False)
            await asyncio.wait_for(term.ended.acquire(), 5)
    assert leads() == 0


async def test_who_stands_by_is_ready_whatever_it_waited_for_as_the_leader() -> None:
    ballot, term = Ballot(), Term()
    async with running(ballot, term, MemoryStore()):
        await ballot.decide(leads=True)
        await asyncio.wait_for(term.begun.acquire(), 5)
        HEALTH.report("links", False, "a parent link that never holds")
        await ballot.decide(leads=False)
        await asyncio.wait_for(term.ended.acquire(), 5)
        await ballot.decide(leads=True)
        await asyncio.wait_for(term.begun.acquire(), 5)
        assert "links" not in HEALTH.checks()


class Reading(Follower):
    """Its first reading lasts until `done` is set."""

    def __init__(self, store: MemoryStore) -> None:
        super().__init__(store, EventCodec(CHAIN_ID, 7))
        self.begun, self.done = threading.Event(), threading.Event()

    def follow(self) -> None:
        self.begun.set()
        assert self.done.wait(10)
        super().follow()


async def test_who_stands_by_is_not_ready_before_it_has_read() -> None:
    """A rolling update of two would replace the second before the first knows the chain."""
    follower = Reading(MemoryStore())
    HEALTH.report("log", False, "not read yet")
    task = asyncio.create_task(Turns("local", Ballot(), follower, lambda: Term()()).run())
    try:
        assert await asyncio.to_thread(follower.begun.wait, 10)
        assert not HEALTH.ready()
        assert HEALTH.checks()["log"].detail == "not read yet"
    finally:
        follower.done.set()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_a_leader_that_is_fenced_lets_another_one_lead_first() -> None:
    ballot, term = Ballot(), Term()
    async with running(ballot, term, MemoryStore()):
        await ballot.decide(leads=True)
        await asyncio.wait_for(term.begun.acquire(), 5)
        term.fails.set_exception(Fenced("another listener took the chain over"))
        await asyncio.wait_for(ballot.stepped_down.acquire(), 5)
        await ballot.decide(leads=True)
        await asyncio.wait_for(term.begun.acquire(), 5)
        assert leads() == 1


@pytest.mark.parametrize("fail", [lambda b, t: t.fails, lambda b, t: b.rejected], ids=["lead", "election"])
async def test_what_is_the_end_ends_it(fail: Callable[[Ballot, Term], asyncio.Future[None]]) -> None:
    ballot, term = Ballot(), Term()
    async with running(ballot, term, MemoryStore()) as task:
        await ballot.decide(leads=True)
        await asyncio.wait_for(term.begun.acquire(), 5)
        fail(ballot, term).set_exception(Fatal("a fork below finality"))
        with pytest.raises(Fatal, match="below finality"):
            await asyncio.wait_for(task, 5)
    assert leads() == 0


class Counting(MemoryStore):
    """Remembers what was read."""

    def __init__(self, log: MemoryStore) -> None:
        super().__init__(log.log)
        self.reads: list[tuple[int, int]] = []

    def read(self, start: int, end: int):  # type: ignore[no-untyped-def]
        self.reads.append((start, end))
        return super().read(start, end)


def test_who_read_along_reads_only_what_has_come_since() -> None:
    store, codec = MemoryStore(), EventCodec(CHAIN_ID, 7)
    leader = ChainLog(store, codec, "leader", lambda: 1)
    leader.open()
    head = None
    for number in range(1, 30):
        head = made_up_head(number, parent=head)
        leader.publish([made_up_apply(head)])
        if number == 20:
            follower = Follower(store, codec)
            follower.follow()
        elif number > 20:
            follower.follow()
    last = made_up_head(30, parent=head)
    leader.publish([made_up_apply(last)])
    end = len(store.log)
    counting = Counting(store)
    next_leader = ChainLog(counting, codec, "next", lambda: 2, follower)
    next_leader.open()
    assert counting.reads == [(end - 1, end), (end, end + 1)]
    assert next_leader.branch.tip == last
    assert next_leader.branch.depth == leader.branch.depth
    next_leader.publish([made_up_apply(made_up_head(31, parent=last))])
    assert [each.position.sequence for each in stored(store)] == list(range(1, len(store.log) + 1))
    # Opened again, after a failed write, it takes nobody's word but the log's.
    next_leader.open()
    assert counting.reads[-2][0] == 0


def test_a_follower_whose_place_was_deleted_begins_anew() -> None:
    store, codec = MemoryStore(), EventCodec(CHAIN_ID, 7)
    leader = ChainLog(store, codec, "leader", lambda: 1)
    leader.open()
    follower = Follower(store, codec)
    follower.follow()
    head = None
    for number in range(1, 5):
        head = made_up_head(number, parent=head)
        leader.publish([made_up_apply(head)])
    leader.renew_claim()
    store.trim(len(store.log) - 1)
    follower.follow()
    known = follower.give_up()
    assert known is not None
    assert known[1] == len(store.log)
    assert known[0].branch.tip is None
    assert follower.give_up() is None
