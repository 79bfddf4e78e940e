"""What a fetch brings that is under way when a group goes on to another generation, Faust throws away."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

import faust
import pytest
from aiokafka.consumer.fetcher import OffsetResetStrategy
from faust.types import TP, StreamT

from headwater import kafka as clients
from headwater.settings import Settings
from streams.runtime.app import create_app, take_slot
from tests.integration.waiting import until
from topics.catalog import topic_name

MESSAGES = 14


class Member:
    """Of the group of enrich. It takes what it is given and acknowledges nothing."""

    def __init__(self, settings: Settings) -> None:
        self._slot = take_slot(settings, "enrich")
        self.app = create_app(settings, "enrich", self._slot)
        self.given: list[int] = []
        self.place = TP(topic_name(settings, "normalized-blocks"), 0)
        topic = self.app.topic(self.place.topic, key_type=bytes, value_type=bytes)
        self.app.agent(topic, name="enrich", concurrency=1)(self._take)

    async def _take(self, stream: StreamT[bytes]) -> None:
        assert isinstance(stream, faust.Stream)
        async for event in stream.noack().events():
            self.given.append(event.message.offset)


class Fetches:
    """What the consumer fetches from now on."""

    def __init__(self, consumer: Any) -> None:
        self.under_way = threading.Event()
        self.thrown_away = threading.Event()
        self._consumer = consumer
        self._fetch, self._seek = consumer._thread._fetch_records, consumer.perform_seek
        consumer._thread._fetch_records, consumer.perform_seek = self._fetched, self._sought
        self._empty = True

    async def _fetched(self, *words: Any, **options: Any) -> Any:
        if self._consumer.flow_active:
            self.under_way.set()
        records = await self._fetch(*words, **options)
        self._empty = not records
        return records

    async def _sought(self) -> None:
        await self._seek()
        if not self._empty:
            self.thrown_away.set()


@pytest.fixture
async def member(settings: Settings) -> AsyncIterator[Member]:
    made = Member(settings)
    yield made
    await made.app.stop()


@pytest.fixture
def produce(settings: Settings, member: Member) -> Callable[[int, int], None]:
    """Messages by their numbers, from the first to the last."""
    producer = clients.producer(settings)

    def messages(first: int, last: int) -> None:
        for number in range(first, last + 1):
            producer.produce(member.place.topic, b"%d" % number, b"1")
        assert producer.flush(30) == 0

    return messages


async def _first_given(member: Member, produce: Callable[[int, int], None]) -> None:
    produce(0, 0)
    await member.app.start()
    await asyncio.to_thread(until, lambda: member.given == [0], "the first one is given")


async def test_before_anything_is_committed_they_come_again(
    member: Member, produce: Callable[[int, int], None]
) -> None:
    await _first_given(member, produce)
    fetches = Fetches(member.app.consumer)
    await asyncio.to_thread(until, fetches.under_way.is_set, "a fetch is under way")
    # As a rebalance does, whose new assignment is what the fetch brings then.
    member.app.consumer.stop_flow()
    await asyncio.to_thread(produce, 1, MESSAGES - 1)
    await asyncio.to_thread(until, fetches.thrown_away.is_set, "Faust has sought")
    member.app.consumer.resume_flow()
    await asyncio.to_thread(until, lambda: member.given[-1] == MESSAGES - 1, "all are given", 30)
    assert set(member.given) == set(range(MESSAGES))


async def test_while_a_position_is_asked_for_the_process_goes_on(
    member: Member, produce: Callable[[int, int], None]
) -> None:
    await _first_given(member, produce)
    consumer: Any = member.app.consumer
    # As when the messages that come next are deleted by now.
    subscription = consumer._thread._consumer._subscription.subscription
    subscription.assignment.state_value(member.place).await_reset(OffsetResetStrategy.EARLIEST)
    await consumer.verify_all_partitions_active()
    produce(1, 1)
    await asyncio.to_thread(until, lambda: member.given[-1] == 1, "the next one is given")
    assert set(member.given) == {0, 1}
