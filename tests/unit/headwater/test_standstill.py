"""Whether anything comes of what waits: the brokers' ends against what a consumer has read."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from headwater.errors import Fatal
from headwater.health import HEALTH, Health
from headwater.kafka.bounds import Bounds
from headwater.standstill import STALL_SECONDS, Standstill
from tests.fakes.bounds import MemoryBounds
from tests.fakes.sink_thread import until

PART, PLACE = "reading blocks", ("blocks", 0)


class Consumer:
    """A consumer that looks each second at its one partition, with the brokers asked before each look."""

    def __init__(self) -> None:
        self.asked = MemoryBounds({PLACE: Bounds(0, 0)})
        self.now = 0.0
        self.still = Standstill(PART, self.asked, lambda: self.now)
        self.position = 0
        self.look()

    def look(self, *, busy: bool = False) -> None:
        self.still.ask()
        self.still.look({PLACE: self.position}, busy=busy)

    def seconds(self, seconds: float, *, busy: bool = False) -> None:
        end = self.now + seconds
        while self.now < end:
            self.now += 1
            self.look(busy=busy)

    def has(self, start: int, end: int) -> None:
        self.asked.bounds[PLACE] = Bounds(start, end)


@pytest.fixture(autouse=True)
def health(monkeypatch: pytest.MonkeyPatch) -> Iterator[Health]:
    HEALTH.report(PART, True)
    yield HEALTH
    HEALTH.report(PART, True)
    HEALTH.fail("")


@pytest.fixture
def consumer() -> Consumer:
    return Consumer()


def test_a_fetch_that_gets_nothing_ends_the_process(consumer: Consumer, health: Health) -> None:
    consumer.has(0, 100)
    consumer.position = 100
    consumer.seconds(STALL_SECONDS * 2)
    consumer.has(0, 100_000)
    with pytest.raises(Fatal, match=r"gave no message for 120 s although 99900 offsets wait.*blocks\[0\]"):
        consumer.seconds(STALL_SECONDS + 1)
    assert "its supervisor starts it again" in health.checks()[PART].detail
    assert not health.checks()[PART].ok
    assert not health.alive()


def test_what_was_never_read_is_seen_from_the_assignment_on(consumer: Consumer) -> None:
    consumer.has(7, 8)
    consumer.seconds(2)
    assert consumer.still.bounds(PLACE) == Bounds(7, 8)
    with pytest.raises(Fatal, match="1 offsets wait"):
        consumer.seconds(STALL_SECONDS + 1)


def test_brokers_that_are_long_over_an_answer_are_away(consumer: Consumer) -> None:
    consumer.has(0, 100)
    consumer.look()
    for _ in range(int(STALL_SECONDS * 2)):
        consumer.now += 1
        consumer.still.look({PLACE: 0})
    with pytest.raises(Fatal, match="100 offsets wait"):
        consumer.seconds(STALL_SECONDS + 1)


def test_what_is_committed_or_gone_waits_no_more(consumer: Consumer) -> None:
    consumer.has(8, 8)
    consumer.seconds(STALL_SECONDS * 2)


def test_who_has_something_in_hand_reads_nothing(consumer: Consumer) -> None:
    consumer.has(0, 100)
    consumer.seconds(STALL_SECONDS * 3, busy=True)
    consumer.seconds(STALL_SECONDS - 1)
    with pytest.raises(Fatal):
        consumer.seconds(2)


def test_while_no_broker_answers_nobody_stands_still(consumer: Consumer, health: Health) -> None:
    consumer.has(0, 100)
    consumer.seconds(STALL_SECONDS / 2)
    consumer.asked.away = True
    consumer.seconds(STALL_SECONDS * 3)
    assert not health.checks()[PART].ok
    consumer.asked.away = False
    consumer.seconds(STALL_SECONDS - 1)
    assert health.checks()[PART].ok
    with pytest.raises(Fatal):
        consumer.seconds(2)


def test_who_was_at_something_else_could_not_have_read(consumer: Consumer) -> None:
    consumer.has(0, 100)
    consumer.seconds(2)
    consumer.now += STALL_SECONDS
    consumer.look()
    consumer.seconds(STALL_SECONDS - 1)


def test_the_brokers_are_asked_beside_the_consumer_and_what_ends_that_is_raised() -> None:
    class Refused(MemoryBounds):
        refuses = False

        def of(self, partitions: object) -> dict[tuple[str, int], Bounds]:
            if self.refuses:
                raise Fatal("a wrong password")
            return self.bounds

    asked = Refused({PLACE: Bounds(0, 5)})
    still = Standstill(PART, asked)
    with still.asking():
        still.look({PLACE: 0})
        until(lambda: still.bounds(PLACE) == Bounds(0, 5))
        asked.refuses = True
        still.look({PLACE: 0, ("blocks", 1): 0})
        until(lambda: asked.closed)
        with pytest.raises(Fatal, match="a wrong password"):
            still.look({PLACE: 0})
