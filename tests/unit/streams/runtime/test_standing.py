"""A stage is ready when it has recovered what it was assigned, or stands by with nothing to recover."""

from __future__ import annotations

import pytest

from headwater.health import HEALTH, Check
from streams.runtime.standing import PART, Standing


@pytest.fixture
def standing() -> Standing:
    HEALTH.report(PART, False, "starting")
    return Standing()


def says() -> Check:
    return HEALTH.checks()[PART]


def look(standing: Standing, *partitions: int, recovers: bool = False, told: bool = True) -> Check:
    standing.look(partitions, recovers=recovers, told=told)
    return says()


def test_before_the_group_has_answered_nobody_stands_by(standing: Standing) -> None:
    assert look(standing) == Check(False, "joining its group")
    standing.assigned()
    assert look(standing, recovers=True) == Check(False, "its group changes")
    assert look(standing) == Check(True, "standing by without a partition")


def test_a_partition_is_ready_when_it_is_taken_over(standing: Standing) -> None:
    standing.assigned()
    assert look(standing, 0, recovers=True) == Check(False, "partition 0: its table is read back")
    assert look(standing, 0, told=False) == Check(False, "partition 0: looking for events")
    assert not look(standing, 0).ok
    standing.takes_over(0)
    for _ in range(3):
        assert look(standing, 0) == Check(False, "partition 0: taking it over, its state is read back")
    standing.took_over(0)
    assert says() == look(standing, 0) == Check(True, "partition 0")


def test_what_is_waited_for_meanwhile_stays_in_sight(standing: Standing) -> None:
    standing.assigned()
    standing.takes_over(0)
    HEALTH.report(PART, False, "partition 0: the registry is not whole")
    assert look(standing, 0).detail == "partition 0: the registry is not whole"


def test_one_without_events_is_ready_once_that_is_known(standing: Standing) -> None:
    standing.assigned()
    assert not look(standing, 0, told=False).ok
    assert not look(standing, 0).ok
    assert look(standing, 0) == Check(True, "partition 0, no event so far")


def test_the_same_partition_in_a_new_assignment_is_taken_over_anew(standing: Standing) -> None:
    standing.assigned()
    standing.takes_over(0)
    standing.took_over(0)
    standing.assigned()
    assert look(standing, 0) == Check(False, "partition 0: looking for events")


def test_a_new_assignment_while_one_is_taken_over_makes_nobody_ready(standing: Standing) -> None:
    standing.assigned()
    standing.takes_over(0)
    standing.assigned()
    for _ in range(3):
        assert not look(standing, 0).ok
