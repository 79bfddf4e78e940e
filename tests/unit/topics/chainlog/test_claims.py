"""The fence of CLAIMs under every interleaving of listeners that die, pause and wake."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from hypothesis import assume, given
from hypothesis import strategies as st

from topics.chainlog.claims import (
    LOOK_BACK,
    UNACKNOWLEDGED,
    ClaimFilter,
    LogPosition,
    SequenceFilter,
    Verdict,
    claim_in_force,
)


@dataclass
class Writer:
    """A listener: claims, then queues events that reach the log whenever the schedule says."""

    claim: int = -1
    sequence: int = 0
    queue: list[LogPosition] = field(default_factory=list)


class Log:
    """An append-only log of places."""

    def __init__(self) -> None:
        self.places: list[LogPosition] = []

    def append(self, place: LogPosition) -> int:
        offset = len(self.places)
        self.places.append(
            LogPosition(
                offset, place.is_claim, place.claim, place.sequence, place.fresh, place.part, place.parts
            )
        )
        return offset

    def fold(self) -> ClaimFilter:
        reader = ClaimFilter()
        for place in self.places:
            reader.judge(place)
        return reader


def claim(log: Log, writer: Writer, slip: list[LogPosition], clock: int) -> None:
    """Claims as a listener does; `slip` are others' messages that arrive just before the CLAIM."""
    last = log.fold().last
    fresh = last is None
    number = clock if last is None else last + 1
    for place in slip:
        log.append(place)
    while True:
        writer.claim = log.append(LogPosition(0, True, -1, number, fresh))
        if log.fold().last == number and log.places[writer.claim].sequence == number:
            reader = ClaimFilter()
            verdicts = [reader.judge(place) for place in log.places]
            if verdicts[-1] is Verdict.ACCEPT:
                break
        known = log.fold().last
        assert known is not None
        number, fresh = known + 1, False
    writer.sequence = number


def history(seed: int) -> Log:
    """Random listeners on one log: overtaken ones keep queued messages that arrive later."""
    rng = random.Random(seed)
    log, writers, clock = Log(), [Writer(), Writer(), Writer()], 1000
    for _ in range(rng.randint(5, 60)):
        clock += rng.randint(0, 3)
        writer = rng.choice(writers)
        action = rng.random()
        if writer.claim < 0 or action < 0.15:
            other = rng.choice(writers)
            slip = other.queue[: rng.randint(0, len(other.queue))] if other is not writer else []
            other.queue = other.queue[len(slip) :]
            writer.queue = []
            claim(log, writer, slip, clock)
        elif action < 0.7 and len(writer.queue) < UNACKNOWLEDGED // 2:
            writer.sequence += 1
            parts = rng.choice([1, 1, 1, 3])
            writer.queue += [
                LogPosition(0, False, writer.claim, writer.sequence, part=part, parts=parts)
                for part in range(parts)
            ]
        elif writer.queue:
            for _ in range(rng.randint(1, len(writer.queue))):
                log.append(writer.queue.pop(0))
    return log


def accepted(places: list[LogPosition], reader: ClaimFilter) -> list[LogPosition]:
    verdicts = []
    for place in places:
        expected = reader.peek(place)
        verdicts.append((place, reader.judge(place)))
        assert verdicts[-1][1] is expected
    assert all(verdict is not Verdict.GAP for _, verdict in verdicts)
    return [place for place, verdict in verdicts if verdict is Verdict.ACCEPT]


@given(st.integers(0, 10**9))
def test_any_interleaving_is_gap_free_and_of_the_listener_in_charge(seed: int) -> None:
    log = history(seed)
    events = accepted(log.places, ClaimFilter())
    whole = [place.sequence for place in events if place.part == place.parts - 1]
    assert whole == list(range(whole[0], whole[0] + len(whole)))
    for place in events:
        in_force = max(
            (c.offset for c in log.places[: place.offset + place.is_claim] if c.is_claim), default=-1
        )
        assert (place.offset if place.is_claim else place.claim) == in_force


@given(st.integers(0, 10**9))
def test_without_the_overruled_listeners_messages_the_same_is_accepted(seed: int) -> None:
    log = history(seed)
    reader, kept = ClaimFilter(), []
    for place in log.places:
        if reader.judge(place) is not Verdict.STALE:
            kept.append(place)
    assert accepted(kept, ClaimFilter()) == accepted(log.places, ClaimFilter())


@given(st.integers(0, 10**9), st.data())
def test_a_reader_that_starts_anywhere_goes_on_as_if_it_had_never_stopped(
    seed: int, data: st.DataObject
) -> None:
    log = history(seed)
    start = data.draw(st.integers(0, len(log.places)))
    whole = ClaimFilter()
    before = accepted(log.places[:start], whole)
    rest = accepted(log.places[start:], whole)
    # It stops between events: parts held are never acknowledged, so they are read again.
    assume(not before or before[-1].part == before[-1].parts - 1)
    last = max((place.sequence for place in before), default=None)
    look_back = log.places[max(0, start - LOOK_BACK) : start]
    second = ClaimFilter(last, claim_in_force(look_back))
    assert accepted(log.places[start:], second) == rest


@given(st.lists(st.integers(0, 6), max_size=30))
def test_a_sequence_filter_accepts_each_number_once_in_order(delivered: list[int]) -> None:
    reader = SequenceFilter(-1)
    got = [number for number in delivered if reader.judge(number) is Verdict.ACCEPT]
    assert got == list(range(len(got)))


def test_a_gap_changes_nothing() -> None:
    reader = SequenceFilter(4)
    assert reader.judge(7) is Verdict.GAP
    assert reader.judge(6, part=0, parts=2) is Verdict.GAP
    assert reader.judge(5, part=1, parts=2) is Verdict.GAP
    assert reader.last == 4
    assert reader.judge(5) is Verdict.ACCEPT


def test_parts_count_when_whole_and_a_claim_abandons_them() -> None:
    reader = ClaimFilter()
    assert reader.judge(LogPosition(0, True, -1, 10, fresh=True)) is Verdict.ACCEPT
    assert reader.judge(LogPosition(1, False, 0, 11, part=0, parts=2)) is Verdict.ACCEPT
    assert reader.last == 10
    assert reader.judge(LogPosition(2, False, 0, 11, part=0, parts=2)) is Verdict.REPEAT
    assert reader.judge(LogPosition(3, True, -1, 11)) is Verdict.ACCEPT
    assert reader.judge(LogPosition(4, False, 0, 11, part=1, parts=2)) is Verdict.STALE
    assert reader.judge(LogPosition(5, False, 3, 12, part=0, parts=2)) is Verdict.ACCEPT
    assert reader.judge(LogPosition(6, False, 3, 12, part=1, parts=2)) is Verdict.ACCEPT
    assert reader.last == 12


def test_a_lost_topic_goes_on_with_a_higher_number() -> None:
    reader = ClaimFilter(last=50)
    assert reader.judge(LogPosition(0, True, -1, 9_000, fresh=True)) is Verdict.ACCEPT
    assert reader.judge(LogPosition(1, True, -1, 9_900, fresh=True)) is Verdict.REPEAT
    assert (reader.claim, reader.last) == (1, 9_000)


def test_a_missing_stretch_of_the_log_is_a_gap_even_at_a_claim() -> None:
    reader = ClaimFilter(last=50, claim=3)
    assert reader.judge(LogPosition(90, True, -1, 60)) is Verdict.GAP
