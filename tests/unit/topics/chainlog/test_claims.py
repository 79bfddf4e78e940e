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


def event(sequence: int, part: int = 0, parts: int = 1) -> LogPosition:
    """A message that is not a CLAIM, to a reader who knows of none."""
    return LogPosition(0, False, -1, sequence, part=part, parts=parts)


@dataclass
class Writer:
    """A listener: claims, then queues events that reach the log whenever the schedule says."""

    claim: int = -1
    sequence: int = 0
    queue: list[LogPosition] = field(default_factory=list)


class Log:
    """An append-only log of positions."""

    def __init__(self) -> None:
        self.positions: list[LogPosition] = []

    def append(self, position: LogPosition) -> int:
        offset = len(self.positions)
        self.positions.append(
            LogPosition(
                offset,
                position.is_claim,
                position.claim,
                position.sequence,
                position.fresh,
                position.part,
                position.parts,
            )
        )
        return offset

    def fold(self) -> ClaimFilter:
        reader = ClaimFilter()
        for position in self.positions:
            reader.judge(position)
        return reader


def claim(log: Log, writer: Writer, slip: list[LogPosition], clock: int) -> None:
    """Claims as a listener does; `slip` are others' messages that arrive just before the CLAIM."""
    last = log.fold().last
    fresh = last is None
    number = clock if last is None else last + 1
    for position in slip:
        log.append(position)
    while True:
        writer.claim = log.append(LogPosition(0, True, -1, number, fresh))
        if log.fold().last == number and log.positions[writer.claim].sequence == number:
            reader = ClaimFilter()
            verdicts = [reader.judge(position) for position in log.positions]
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


def accepted(positions: list[LogPosition], reader: ClaimFilter) -> list[LogPosition]:
    verdicts = [(position, reader.judge(position)) for position in positions]
    assert all(verdict is not Verdict.GAP for _, verdict in verdicts)
    return [position for position, verdict in verdicts if verdict is Verdict.ACCEPT]


@given(st.integers(0, 10**9))
def test_any_interleaving_is_gap_free_and_of_the_listener_in_charge(seed: int) -> None:
    log = history(seed)
    events = accepted(log.positions, ClaimFilter())
    whole = [position.sequence for position in events if position.part == position.parts - 1]
    assert whole == list(range(whole[0], whole[0] + len(whole)))
    for position in events:
        in_force = max(
            (c.offset for c in log.positions[: position.offset + position.is_claim] if c.is_claim), default=-1
        )
        assert (position.offset if position.is_claim else position.claim) == in_force


@given(st.integers(0, 10**9))
def test_without_the_fenced_listeners_messages_the_same_is_accepted(seed: int) -> None:
    log = history(seed)
    reader, kept = ClaimFilter(), []
    for position in log.positions:
        if reader.judge(position) is not Verdict.STALE:
            kept.append(position)
    assert accepted(kept, ClaimFilter()) == accepted(log.positions, ClaimFilter())


@given(st.integers(0, 10**9), st.data())
def test_a_reader_that_starts_anywhere_goes_on_as_if_it_had_never_stopped(
    seed: int, data: st.DataObject
) -> None:
    log = history(seed)
    start = data.draw(st.integers(0, len(log.positions)))
    whole = ClaimFilter()
    before = accepted(log.positions[:start], whole)
    rest = accepted(log.positions[start:], whole)
    # It stops between events: parts held are never acknowledged, so they are read again.
    assume(not before or before[-1].part == before[-1].parts - 1)
    last = max((position.sequence for position in before), default=None)
    look_back = log.positions[max(0, start - LOOK_BACK) : start]
    second = ClaimFilter(last, claim_in_force(look_back))
    assert accepted(log.positions[start:], second) == rest


@given(st.lists(st.integers(0, 6), max_size=30))
def test_a_sequence_filter_accepts_each_number_once_in_order(delivered: list[int]) -> None:
    reader = SequenceFilter(-1)
    got = [number for number in delivered if reader.judge(event(number)) is Verdict.ACCEPT]
    assert got == list(range(len(got)))


def test_a_gap_changes_nothing() -> None:
    reader = SequenceFilter(4)
    assert reader.judge(event(7)) is Verdict.GAP
    assert reader.judge(event(6, part=0, parts=2)) is Verdict.GAP
    assert reader.judge(event(5, part=1, parts=2)) is Verdict.GAP
    assert reader.last == 4
    assert reader.judge(event(5)) is Verdict.ACCEPT


def test_an_event_tells_of_a_claim_that_could_not_be_read() -> None:
    reader = ClaimFilter(last=9, claim=3)
    assert reader.judge(LogPosition(20, False, 3, 10)) is Verdict.ACCEPT
    # At 21 there is a CLAIM, whose bytes only the sequence saw.
    assert reader.judge(LogPosition(21, False, 3, 11)) is Verdict.ACCEPT
    assert reader.peek(LogPosition(22, False, 21, 12)) is Verdict.ACCEPT
    assert reader.judge(LogPosition(22, False, 21, 12)) is Verdict.ACCEPT
    assert reader.judge(LogPosition(23, False, 3, 13)) is Verdict.STALE
    assert reader.judge(LogPosition(24, False, 25, 13)) is Verdict.STALE  # no such CLAIM can be before it
    # One that was not delivered at all shows in the sequence.
    assert reader.judge(LogPosition(40, False, 30, 14)) is Verdict.GAP


@given(st.integers(0, 10**9), st.data())
def test_to_peek_is_to_judge_without_a_trace(seed: int, data: st.DataObject) -> None:
    """Any message at any moment, seen before or never, changes nothing when it is only peeked at."""
    log = history(seed)
    undisturbed, peeked, downstream = ClaimFilter(), ClaimFilter(), SequenceFilter()
    for position in log.positions:
        other = data.draw(st.sampled_from(log.positions))
        peeked.peek(other)
        assert peeked.peek(position) is peeked.judge(position) is undisturbed.judge(position)
        downstream.peek(other)
        assert downstream.peek(position) is downstream.judge(position)
    assert (peeked.last, peeked.claim) == (undisturbed.last, undisturbed.claim)


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
