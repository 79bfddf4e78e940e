"""A channel's queue: order, supersession, age, retries, circuit, rate, replays."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise

import pytest

from connectors.delivery.queue.attempt import Answer, Outcome
from connectors.delivery.queue.channel import ChannelQueue
from connectors.delivery.queue.circuit import CircuitState
from connectors.delivery.queue.delivery import Delivery, State
from connectors.delivery.queue.notification import Notification
from connectors.delivery.queue.pace import Rate
from connectors.delivery.queue.policy import Policy
from connectors.delivery.topic.entries import again
from tests.builders.deliveries import pending

TAKEN = Outcome(Answer.TAKEN, 204)
FAILED = Outcome(Answer.FAILED, 503, "503")
REFUSED = Outcome(Answer.REFUSED, 400, "400")
HOUR = 3_600_000


def queue_of(*deliveries: Delivery, **policy: object) -> ChannelQueue:
    queue = ChannelQueue(Policy(**policy), random.Random(1))  # type: ignore[arg-type]
    for each in deliveries:
        queue.take(each)
    return queue


def sent(queue: ChannelQueue, now: int = 1) -> list[int]:
    return [each.version for each in queue.step(now).send]


def finish(queue: ChannelQueue, begun: Delivery, outcome: Outcome, now: int) -> Delivery:
    (entry,) = queue.finish(Notification((begun,)), outcome, now)
    return entry


def closed(deliveries: list[Delivery]) -> dict[int, State]:
    return {each.version: each.state for each in deliveries if not each.is_open}


def test_one_version_of_an_alert_is_in_flight_and_they_ascend() -> None:
    queue = queue_of(pending(1, 20, "CONFIRMED"), pending(1, 10), pending(2, 15))
    step = queue.step(1)
    assert [(each.version, each.state, each.attempts) for each in step.send] == [
        (10, State.ATTEMPTED, 1),
        (15, State.ATTEMPTED, 1),
    ]
    assert step.write == step.send
    assert sent(queue) == []
    finish(queue, step.send[0], TAKEN, 2)
    assert sent(queue, 3) == [20]


def test_what_was_retracted_before_any_attempt_is_closed_with_its_retraction() -> None:
    queue = queue_of(pending(1, 10), pending(1, 11, "CONFIRMED"), pending(1, 12, "RETRACTED"), pending(1, 13))
    step = queue.step(1)
    assert closed(step.write) == dict.fromkeys((10, 11, 12), State.SUPERSEDED)
    assert [each.version for each in step.send] == [13]


@pytest.mark.parametrize("outcome", [TAKEN, REFUSED])
def test_what_was_attempted_has_its_retraction_follow(outcome: Outcome) -> None:
    queue = queue_of(pending(1, 10))
    (first,) = queue.step(1).send
    queue.take(pending(1, 12, "RETRACTED"))
    assert sent(queue) == []
    finish(queue, first, outcome, 2)
    assert sent(queue, 3) == [12]


def test_an_attempt_of_an_earlier_life_counts_as_made() -> None:
    unknown = pending(1, 10, state=State.ATTEMPTED, attempts=1, first_attempt_at=1, revision=1)
    queue = queue_of(unknown, pending(1, 12, "RETRACTED"))
    (again,) = queue.step(5).send
    assert (again.version, again.attempts, again.first_attempt_at) == (10, 2, 1)
    finish(queue, again, TAKEN, 6)
    assert sent(queue, 7) == [12]


def test_a_retraction_of_what_the_channel_never_heard_of_is_not_sent() -> None:
    step = queue_of(pending(1, 12, "RETRACTED")).step(1)
    assert closed(step.write) == {12: State.SUPERSEDED}
    assert step.send == []


def test_an_older_version_that_comes_late_is_superseded() -> None:
    queue = queue_of(pending(1, 20))
    finish(queue, queue.step(1).send[0], TAKEN, 2)
    queue.take(pending(1, 10))
    step = queue.step(3)
    assert closed(step.write) == {10: State.SUPERSEDED}
    assert step.send == []


def test_max_age_closes_what_opens_an_alert_and_not_what_follows_it() -> None:
    queue = queue_of(pending(1, 10, block_timestamp=0), pending(2, 11, block_timestamp=HOUR), max_age_ms=HOUR)
    step = queue.step(HOUR + 1)
    assert closed(step.write) == {10: State.EXPIRED}
    assert [each.version for each in step.send] == [11]
    finish(queue, step.send[0], TAKEN, HOUR + 2)
    queue.take(pending(2, 12, "CONFIRMED", block_timestamp=HOUR))
    queue.take(pending(1, 13, "RETRACTED", block_timestamp=HOUR))
    step = queue.step(9 * HOUR)
    assert [each.version for each in step.send] == [12]
    assert closed(step.write) == {13: State.SUPERSEDED}


def test_failures_are_tried_again_later_until_it_is_given_up() -> None:
    queue = queue_of(pending(1, 10), give_up_ms=HOUR, first_pause=10, failures=99)
    now, pauses = 1, []
    while True:
        (begun,) = queue.step(now).send
        done = finish(queue, begun, FAILED, now)
        if not done.is_open:
            break
        assert (done.problem, done.http_status) == ("503", 503)
        assert done.not_before is not None
        pauses.append(done.not_before - now)
        assert sent(queue, done.not_before - 1) == []
        now = done.not_before
    assert done.state is State.DEAD
    assert now >= HOUR
    assert all(pause <= 10_000 * 2**number for number, pause in enumerate(pauses))
    assert max(pauses) > 60_000
    assert queue.open == 0


@pytest.mark.parametrize("replayed", [False, True])
def test_giving_up_counts_from_the_first_attempt_and_not_from_the_time_in_the_queue(replayed: bool) -> None:
    queue = queue_of(pending(1, 10), give_up_ms=HOUR, failures=99)
    if replayed:
        queue.take(asked_again(finish(queue, queue.step(1).send[0], REFUSED, 2)))
    now = 13 * HOUR
    (begun,) = queue.step(now).send
    done = finish(queue, begun, FAILED, now + 1)
    assert (done.state, done.attempts) == (State.ATTEMPTED, 1)
    assert done.not_before is not None
    queue = queue_of(done, give_up_ms=HOUR)  # its next owner knows as much
    assert finish(queue, queue.step(now + HOUR).send[0], FAILED, now + HOUR).state is State.DEAD


def test_a_first_attempt_that_is_throttled_gives_nothing_up() -> None:
    queue = queue_of(pending(1, 10), give_up_ms=1)
    throttled = Outcome(Answer.THROTTLED, 429, "429")
    assert finish(queue, queue.step(1).send[0], throttled, 5_000).state is State.ATTEMPTED
    assert finish(queue, queue.step(HOUR).send[0], throttled, HOUR).state is State.DEAD


def test_a_refusal_is_the_end_of_that_one_only() -> None:
    queue = queue_of(pending(1, 10), pending(2, 11), at_once=1)
    (first,) = queue.step(1).send
    assert finish(queue, first, REFUSED, 2).state is State.DEAD
    assert sent(queue, 3) == [11]


def test_retry_after_is_a_floor_and_holds_the_channel() -> None:
    queue = queue_of(pending(1, 10), pending(2, 11), at_once=1)
    (first,) = queue.step(0).send
    done = finish(queue, first, Outcome(Answer.THROTTLED, 429, "429", 30.0), 0)
    assert done.not_before is not None
    assert done.not_before >= 30_000
    assert sent(queue, 29_999) == []
    assert queue.circuit.state(0) is CircuitState.CLOSED
    assert sent(queue, 30_000) == [11]


def begun_in(queue: ChannelQueue, outcome: Outcome, times: range) -> list[int]:
    """When attempts begin that are all answered at once, and alike."""
    found = []
    for now in times:
        for each in queue.step(now).send:
            finish(queue, each, outcome, now)
            found.append(now)
    return found


@pytest.mark.parametrize("failed_before", [0, 5])
def test_a_receiver_that_throttles_and_names_no_pause_is_left_alone_for_ever_longer(
    failed_before: int,
) -> None:
    queue = queue_of(*(pending(number, 10) for number in range(200)), failures=5, at_once=1)
    begun_in(queue, FAILED, range(failed_before))
    assert queue.circuit.state(10) is (CircuitState.OPEN if failed_before else CircuitState.CLOSED)
    begun = begun_in(queue, Outcome(Answer.THROTTLED, 429, "429"), range(10, 60_000, 10))
    assert 5 <= len(begun) <= 20
    pauses = [later - sooner for sooner, later in pairwise(begun)]
    assert min(pauses) >= 500
    assert max(pauses) > 5_000


def test_a_probe_that_is_throttled_leaves_the_circuit_open() -> None:
    queue = queue_of(*(pending(number, 10) for number in range(8)), failures=1, at_once=2)
    finish(queue, queue.step(0).send[0], FAILED, 0)
    now = 2_000
    (probe,) = queue.step(now).send
    finish(queue, probe, Outcome(Answer.THROTTLED, 429, "429", 7.0), now)
    assert queue.circuit.state(now + 6_999) is CircuitState.OPEN
    assert sent(queue, now + 6_999) == []
    (probe,) = queue.step(now + 7_000).send
    finish(queue, probe, TAKEN, now + 7_000)
    assert queue.circuit.state(now + 7_000) is CircuitState.CLOSED


def test_answers_to_attempts_that_were_under_way_together_are_one_throttling() -> None:
    queue = queue_of(*(pending(number, 10) for number in range(64)), at_once=64, longest_pause=1e6)
    for each in queue.step(0).send:
        finish(queue, each, Outcome(Answer.THROTTLED, 429, "429"), 0)
    assert sent(queue, 1_500) != []


def test_a_receiver_that_asks_for_days_is_asked_again_within_the_hour() -> None:
    queue = queue_of(pending(1, 10))
    finish(queue, queue.step(0).send[0], Outcome(Answer.THROTTLED, 429, "429", 1e9), 0)
    assert sent(queue, HOUR + 1_000) == [10]


def test_the_circuit_opens_keeps_the_queue_and_is_closed_by_one_probe() -> None:
    deliveries = [pending(number, 10 + number) for number in range(8)]
    queue = queue_of(*deliveries, at_once=2, failures=2, longest_pause=0.0)
    for begun in queue.step(0).send:
        finish(queue, begun, FAILED, 0)
    assert queue.circuit.state(0) is CircuitState.OPEN
    assert sent(queue, 0) == []
    assert queue.open == 8
    (probe,) = queue.step(500).send
    finish(queue, probe, FAILED, 500)
    assert sent(queue, 999) == []
    (probe,) = queue.step(1_000).send
    finish(queue, probe, TAKEN, 1_000)
    assert queue.circuit.state(1_000) is CircuitState.CLOSED
    assert len(queue.step(1_000).send) == 2


def test_a_channel_keeps_to_its_rate_also_after_a_start() -> None:
    queue = queue_of(*(pending(number, 10) for number in range(9)), at_once=9, rate=Rate(2, 1_000))
    counts = [len(queue.step(now).send) for now in range(0, 3_000, 100)]
    assert counts[0] == 1
    assert sum(counts[:11]) <= 3
    assert sum(counts) == 6


def test_what_is_asked_for_again_goes_out_again_under_its_id() -> None:
    queue = queue_of(pending(1, 10))
    done = finish(queue, queue.step(1).send[0], TAKEN, 2)
    wanted = replace(done, state=State.PENDING, replays=1, revision=done.revision + 1, attempts=0)
    queue.take(wanted)
    (again,) = queue.step(3).send
    assert again.delivery_id == done.delivery_id
    assert finish(queue, again, TAKEN, 4).delivered_at == 2


def test_asked_for_again_while_it_is_in_flight_it_goes_out_once_more() -> None:
    queue = queue_of(pending(1, 10))
    (first,) = queue.step(1).send
    queue.take(pending(1, 10, replays=1, revision=1))
    assert finish(queue, first, TAKEN, 2).state is State.PENDING
    assert sent(queue, 3) == [10]


def test_given_up_versions_are_sent_again_in_order_but_not_behind_a_later_one() -> None:
    dead = {"state": State.DEAD, "first_attempt_at": 1, "attempts": 3, "revision": 3}
    again = {"replays": 1, "revision": 4, "first_attempt_at": 1}
    queue = queue_of(pending(1, 10, **dead), pending(1, 11, **dead), pending(1, 11, **again))
    queue.take(pending(1, 10, **again))
    (first,) = queue.step(5).send
    assert first.version == 10
    finish(queue, first, REFUSED, 6)
    finish(queue, queue.step(7).send[0], TAKEN, 8)
    queue.take(pending(1, 10, replays=2, revision=9, first_attempt_at=1))
    assert closed(queue.step(9).write) == {10: State.SUPERSEDED}


def asked_again(delivery: Delivery) -> Delivery:
    """What `headwater deliveries replay` writes; the ledger has the text, which the queue does not keep."""
    return again(replace(delivery, payload="{}"), 5)


def test_an_expired_version_whose_retraction_was_closed_is_not_sent_when_it_is_asked_for_again() -> None:
    queue = queue_of(pending(1, 10, block_timestamp=0), max_age_ms=HOUR)
    (expired,) = queue.step(2 * HOUR).write
    queue.take(pending(1, 11, "RETRACTED", block_timestamp=0))
    assert closed(queue.step(2 * HOUR).write) == {11: State.SUPERSEDED}
    queue.take(asked_again(expired))
    step = queue.step(2 * HOUR)
    assert (closed(step.write), step.send) == ({10: State.SUPERSEDED}, [])


def test_a_version_given_up_unsent_is_not_sent_behind_the_retraction_that_was_closed() -> None:
    queue = queue_of(pending(1, 10))
    (dead,) = queue.give_up("the channel was removed", 1)
    queue.take(pending(1, 11, "RETRACTED"))
    queue.step(2)
    queue.take(pending(1, 12))
    queue.take(asked_again(dead))
    step = queue.step(5)
    assert closed(step.write) == {10: State.SUPERSEDED}
    assert [each.version for each in step.send] == [12]


def test_a_retraction_that_was_closed_is_not_sent_behind_a_later_version_when_it_is_asked_for_again() -> None:
    queue = queue_of(pending(1, 11, "RETRACTED"))
    (unneeded,) = queue.step(1).write
    queue.take(pending(1, 12))
    refused = finish(queue, queue.step(2).send[0], REFUSED, 3)
    queue.take(asked_again(refused))
    queue.take(asked_again(unneeded))
    step = queue.step(6)
    assert closed(step.write) == {11: State.SUPERSEDED}
    assert [each.version for each in step.send] == [12]


def test_queued_twice_it_is_delivered_once_and_said_again() -> None:
    queue = queue_of(pending(1, 10))
    done = finish(queue, queue.step(1).send[0], TAKEN, 2)
    queue.take(pending(1, 10))
    step = queue.step(3)
    assert step.send == []
    (again,) = step.write
    assert again == replace(done, revision=done.revision + 1)


@pytest.mark.parametrize("later", [0, 1, 2])
def test_asked_for_again_twice_it_is_delivered_once_and_said_again(later: int) -> None:
    """Two readings of one ledger; the owner may have said something again in between."""
    queue = queue_of(pending(1, 10))
    dead = finish(queue, queue.step(1).send[0], REFUSED, 2)
    first = asked_again(dead)
    second = replace(first, queued_at=4, revision=first.revision + later)
    queue.take(first)
    done = finish(queue, queue.step(5).send[0], TAKEN, 6)
    queue.take(second)
    queue.take(second)
    step = queue.step(7)
    assert step.send == []
    (again,) = step.write
    assert again == replace(done, revision=done.revision + 1, payload=second.payload)
    # Whoever reads what compaction leaves of it sends nothing.
    assert sent(queue_of(again)) == []


def test_what_was_said_behind_a_second_entry_is_not_said_again() -> None:
    began = pending(1, 10, state=State.ATTEMPTED, attempts=1, first_attempt_at=1, revision=1)
    done = replace(began, state=State.DELIVERED, delivered_at=2, revision=2)
    queue = queue_of(pending(1, 10), began, pending(1, 10), done)
    assert queue.step(3).write == []


def test_a_channel_that_is_no_more_gives_everything_up() -> None:
    queue = queue_of(pending(1, 10), pending(1, 11), pending(2, 12))
    assert closed(queue.give_up("removed", 1)) == dict.fromkeys((10, 11, 12), State.DEAD)
    assert (queue.open, sent(queue)) == (0, [])
