"""What listeners rely on in the election of the one that leads: subclasses say which."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from typing import Protocol

import pytest

from connectors.evm.leadership.turns import Election

SECONDS = 60.0


class Polls(Protocol):
    """A group without members. `member` makes one, which takes part once its `run` is awaited."""

    def member(self) -> Election: ...


class Member:
    """A member that takes part."""

    def __init__(self, election: Election) -> None:
        self.election = election
        self._part = asyncio.create_task(election.run())

    async def leads(self) -> None:
        """Wait until it does."""
        await self._in_time(self.election.elected())

    async def does_not_lead(self) -> None:
        """Wait until it does not."""
        await self._in_time(self.election.ousted())

    async def leave(self) -> None:
        """As a process that stops does."""
        self._part.cancel()
        with suppress(asyncio.CancelledError):
            await self._part

    async def _in_time(self, work: Awaitable[None]) -> None:
        waiting = asyncio.ensure_future(work)
        try:
            # Whatever rejected it is said here and not waited out.
            await asyncio.wait({waiting, self._part}, timeout=SECONDS, return_when=asyncio.FIRST_COMPLETED)
            assert not self._part.done(), self._part
            assert waiting.done(), f"not in {SECONDS:.0f} s"
        finally:
            waiting.cancel()


class ElectionContract:
    """Tests of Election."""

    @pytest.fixture
    def polls(self) -> Polls:
        raise AssertionError("the subclass says which polls")

    async def test_nobody_leads_before_it_takes_part_and_one_alone_does(self, polls: Polls) -> None:
        election = polls.member()
        await election.ousted()
        alone = Member(election)
        await alone.leads()
        await alone.leads()
        await alone.leave()
        await election.ousted()

    async def test_who_steps_down_lets_the_other_one_lead_and_may_lead_again(self, polls: Polls) -> None:
        first, second = Member(polls.member()), None
        try:
            await first.leads()
            second = Member(polls.member())
            await second.does_not_lead()
            for leader, other in ((first, second), (second, first), (first, second)):
                # One that has not joined yet, or not again, is nobody to step down for.
                while await _first_leader(first, second) is leader:
                    await leader.election.step_down()
                await other.leads()
                await leader.does_not_lead()
        finally:
            for each in filter(None, (first, second)):
                await each.leave()

    async def test_who_leaves_is_replaced(self, polls: Polls) -> None:
        first = Member(polls.member())
        await first.leads()
        second = Member(polls.member())
        await first.leave()
        await second.leads()
        await second.leave()


async def _first_leader(*members: Member) -> Member:
    waiting = {asyncio.ensure_future(each.election.elected()): each for each in members}
    done, rest = await asyncio.wait(waiting, timeout=SECONDS, return_when=asyncio.FIRST_COMPLETED)
    for each in rest:
        each.cancel()
    return waiting[done.pop()]
