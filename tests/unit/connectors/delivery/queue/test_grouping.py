"""Alerts of one rule and group as one notification: when it goes out, what is in it, that it stays itself."""

from __future__ import annotations

import random
from dataclasses import replace

import orjson
import pytest

from connectors.delivery.queue import channel
from connectors.delivery.queue.attempt import Answer, Outcome
from connectors.delivery.queue.channel import ChannelQueue
from connectors.delivery.queue.delivery import Delivery, State
from connectors.delivery.queue.grouping import MOST_CHARACTERS, Grouping, next_of
from connectors.delivery.queue.notification import Notification
from connectors.delivery.queue.policy import Policy
from connectors.delivery.queue.routing import AlertPosition, route
from tests.builders.deliveries import alert, pending

TAKEN, FAILED = Outcome(Answer.TAKEN, 204), Outcome(Answer.FAILED, 503, "503")
WAIT = Grouping(wait_ms=1_000, most=3)


def queue_of(*deliveries: Delivery, grouping: Grouping = WAIT, **policy: object) -> ChannelQueue:
    queue = ChannelQueue(Policy(grouping=grouping, **policy), random.Random(1))  # type: ignore[arg-type]
    for each in deliveries:
        queue.take(each)
    return queue


def of(number: int, version: int, *, rule: str = "large-transfer", **group: str) -> Delivery:
    record = alert(number, version, rule_id=rule, group=group)
    (delivery,) = route(record, AlertPosition(0, version, 0), {"ops": 0}, 0).deliveries
    return delivery


def versions(begun: list[Notification]) -> list[list[int]]:
    return [[one.version for one in each.deliveries] for each in begun]


def test_what_comes_within_the_time_goes_out_together_by_rule_and_group() -> None:
    queue = queue_of(of(1, 10, token="a"), of(2, 11, token="b"), of(3, 12, token="a"), of(4, 13, rule="x"))
    assert queue.step(999).begin == []
    begun = queue.step(1_000).begin
    assert versions(begun) == [[10, 12], [11], [13]]
    assert all(each.grouped for each in begun)
    assert queue.flying == 3
    body = orjson.loads(begun[0].payload)
    assert (body["rule_id"], body["group"]) == ("large-transfer", {"token": "a"})
    assert [each["version"] for each in body["alerts"]] == [10, 12]
    # One alone has the same form.
    assert [each["version"] for each in orjson.loads(begun[1].payload)["alerts"]] == [11]
    assert begun[1].id == begun[1].deliveries[0].delivery_id


def test_a_full_notification_does_not_wait_and_the_rest_follows_behind_it() -> None:
    queue = queue_of(*(pending(number, 10 + number) for number in range(5)))
    (first,) = queue.step(0).begin
    assert versions([first]) == [[10, 11, 12]]
    # One of a group is under way at a time.
    assert queue.step(5_000).begin == []
    assert {each.state for each in queue.finish(first, TAKEN, 5_000)} == {State.DELIVERED}
    assert versions(queue.step(5_001).begin) == [[13, 14]]


def test_a_notification_is_bounded_in_size() -> None:
    long = orjson.dumps({"group": {}, "title": "x" * (MOST_CHARACTERS // 2)}).decode()
    queue = queue_of(*(pending(number, 10 + number, payload=long) for number in range(3)))
    assert versions(queue.step(1_000).begin) == [[10]]


def test_one_version_of_an_alert_is_in_it_and_its_retraction_follows() -> None:
    queue = queue_of(pending(1, 10), pending(2, 11), pending(1, 12, "CONFIRMED"))
    (first,) = queue.step(1_000).begin
    assert versions([first]) == [[10, 11]]
    queue.take(pending(2, 13, "RETRACTED"))
    queue.finish(first, TAKEN, 1_001)
    assert versions(queue.step(2_000).begin) == [[12, 13]]


def test_what_is_retracted_while_it_waits_is_not_sent_and_holds_nobody_up() -> None:
    queue = queue_of(pending(1, 10), pending(2, 11, now=500))
    queue.step(1)
    queue.take(pending(1, 12, "RETRACTED"))
    step = queue.step(1_000)
    assert {each.version: each.state for each in step.write} == dict.fromkeys((10, 12), State.SUPERSEDED)
    assert step.begin == []
    assert versions(queue.step(1_500).begin) == [[11]]


@pytest.mark.parametrize("killed", [False, True])
def test_tried_again_it_is_the_same_notification_whatever_came_meanwhile(killed: bool) -> None:
    ledger = [pending(1, 10), pending(2, 11)]
    queue = queue_of(*ledger, first_pause=0.0, longest_pause=0.0)
    step = queue.step(1_000)
    (first,) = step.begin
    ledger += step.write
    if killed:  # between the ledger and the request, or behind it: nobody knows
        queue = queue_of(*ledger, first_pause=0.0, longest_pause=0.0)
    else:
        assert len({each.not_before for each in queue.finish(first, FAILED, 1_001)}) == 1
    queue.take(pending(3, 12))
    queue.take(pending(1, 13, "CONFIRMED"))
    (again,) = queue.step(9_000).begin
    assert (again.id, again.payload) == (first.id, first.payload)
    assert [each.attempts for each in again.deliveries] == [2, 2]
    queue.finish(again, TAKEN, 9_001)
    assert versions(queue.step(20_000).begin) == [[12, 13]]


def test_all_of_it_is_given_up_at_once() -> None:
    queue = queue_of(pending(1, 10), pending(2, 11, now=900), give_up_ms=2_000)
    (first,) = queue.step(1_000).begin
    assert [each.state for each in queue.finish(first, FAILED, 3_000)] == [State.DEAD, State.DEAD]
    assert queue.open == 0


def all_taken(queue: ChannelQueue, now: int) -> list[Notification]:
    """What goes out from then on, until nothing waits; all of it is taken."""
    found = []
    while queue.open:
        now += 500
        for each in queue.step(now).begin:
            found.append(each)
            queue.finish(each, TAKEN, now)
    return found


FEWER = replace(WAIT, most=2)


@pytest.mark.parametrize("killed", [False, True])
@pytest.mark.parametrize(
    ("before", "after"),
    [(None, WAIT), (WAIT, None), (WAIT, FEWER), (FEWER, WAIT)],
    ids=["begins to group", "ends it", "fewer at once", "more at once"],
)
def test_tried_again_it_is_the_same_notification_whatever_the_channel_became(
    before: Grouping | None, after: Grouping | None, killed: bool
) -> None:
    ledger = [pending(number, 10 + number) for number in range(5)]
    policy = Policy(grouping=before, first_pause=0.0, longest_pause=0.0, failures=99)
    queue = ChannelQueue(policy, random.Random(1))
    for each in ledger:
        queue.take(each)
    step = queue.step(2_000)
    ledger += step.write
    assert step.begin
    if killed:
        queue = ChannelQueue(replace(policy, grouping=after), random.Random(1))
        for each in ledger:
            queue.take(each)
    else:
        for failed in step.begin:
            queue.finish(failed, FAILED, 2_001)
        queue.use(replace(policy, grouping=after))
    queue.take(pending(9, 30))
    again = all_taken(queue, 3_000)
    first, second = ({each.id: versions([each]) for each in some} for some in (step.begin, again))
    assert {own: second.get(own) for own in first} == first
    assert len(second) == len(again)
    assert sorted(version for request in versions(again) for version in request) == [*range(10, 15), 30]
    for found in again:
        assert ("alerts" in orjson.loads(found.payload)) == (after is not None or len(found.deliveries) > 1)


def test_entries_that_do_not_say_what_went_out_together_are_tried_again_by_their_group() -> None:
    earlier = {"state": State.ATTEMPTED, "attempts": 1, "first_attempt_at": 1, "revision": 1}
    queue = queue_of(*(pending(number, 10 + number, **earlier) for number in range(4)))
    (again,) = queue.step(2_000).begin
    assert versions([again]) == [[10, 11, 12]]


def test_one_that_is_asked_for_again_meanwhile_leaves_it() -> None:
    queue = queue_of(pending(1, 10), pending(2, 11), first_pause=0.0, longest_pause=0.0)
    (first,) = queue.step(1_000).begin
    queue.take(pending(2, 11, replays=1, revision=1))
    done = queue.finish(first, FAILED, 1_001)
    assert [each.state for each in done] == [State.ATTEMPTED, State.PENDING]
    (again,) = queue.step(3_000).begin
    assert versions([again]) == [[10]]
    assert again.id != first.id


def test_it_counts_as_one_attempt() -> None:
    grouping = replace(WAIT, most=2)
    queue = queue_of(
        *(of(number, 10 + number, token=str(number // 2)) for number in range(6)),
        at_once=2,
        grouping=grouping,
    )
    assert versions(queue.step(0).begin) == [[10, 11], [12, 13]]
    assert queue.step(0).begin == []


def test_a_burst_of_one_group_is_not_looked_at_for_each_that_came(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = []
    monkeypatch.setattr(channel, "next_of", lambda *words: looks.append(1) or next_of(*words))
    queue = queue_of(at_once=1, grouping=replace(WAIT, most=1_000))
    for number in range(100):  # one by one, as they come
        queue.take(pending(number, 10 + number))
        queue.step(0)
    (begun,) = queue.step(1_000).begin
    queue.finish(begun, TAKEN, 1_001)
    looks.clear()
    for now in range(1_001, 1_011):
        queue.take(pending(200 + now, 10 + now, now=now))
        assert queue.step(now).begin == []
    assert len(looks) <= 20


def test_a_channel_begins_to_group_and_ends_it_while_alerts_wait() -> None:
    queue = queue_of(pending(1, 10), pending(2, 11))
    queue.step(0)
    queue.use(Policy())
    begun = queue.step(1).begin
    assert versions(begun) == [[10], [11]]
    assert orjson.loads(begun[0].payload)["version"] == 10
    queue.take(pending(3, 12))
    queue.take(pending(4, 13))
    queue.use(Policy(grouping=WAIT))
    for each in begun:
        queue.finish(each, TAKEN, 2)
    assert versions(queue.step(2_000).begin) == [[12, 13]]
