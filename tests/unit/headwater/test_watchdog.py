"""The watchdog: a reader that stands still although messages wait and nothing of ours keeps it."""

from __future__ import annotations

from headwater.watchdog import Watchdog

LOGS, BLOCKS = ("logs", 0), ("blocks", 0)


def test_only_what_waits_and_does_not_move_is_stalled() -> None:
    dog: Watchdog[tuple[str, int]] = Watchdog(10.0)
    dog.update_end_offsets({LOGS: 7, BLOCKS: 3})
    dog.look(0.0, {LOGS: 5, BLOCKS: 3}, ())
    dog.look(9.0, {LOGS: 5, BLOCKS: 3}, ())
    assert dog.stalled(9.9) == {}
    assert dog.stalled(10.0) == {LOGS: 2}
    dog.look(10.0, {LOGS: 6, BLOCKS: 3}, ())
    assert dog.stalled(19.0) == {}


def test_what_is_not_read_on_purpose_is_excused_and_has_its_time_afterwards() -> None:
    dog: Watchdog[tuple[str, int]] = Watchdog(10.0)
    dog.update_end_offsets({LOGS: 7})
    for now in range(30):
        dog.look(float(now), {LOGS: 5}, {LOGS})
    assert dog.stalled(30.0) == {}
    dog.look(30.0, {LOGS: 5}, ())
    assert dog.stalled(38.0) == {}
    assert dog.stalled(39.0) == {LOGS: 2}


def test_a_partition_that_went_away_is_not_watched() -> None:
    dog: Watchdog[tuple[str, int]] = Watchdog(10.0)
    dog.update_end_offsets({LOGS: 7})
    dog.look(0.0, {LOGS: 5}, ())
    dog.look(20.0, {}, ())
    assert dog.stalled(20.0) == {}
    dog.look(21.0, {LOGS: 5}, ())
    assert dog.stalled(22.0) == {}


def test_an_end_that_is_not_known_is_no_lag() -> None:
    dog: Watchdog[tuple[str, int]] = Watchdog(10.0)
    dog.look(0.0, {LOGS: 5}, ())
    assert dog.stalled(100.0) == {}


def test_what_comes_after_a_rest_has_its_time() -> None:
    dog: Watchdog[tuple[str, int]] = Watchdog(10.0)
    dog.update_end_offsets({LOGS: 7})
    for now in range(100):
        dog.look(float(now), {LOGS: 7}, ())
    # The brokers have it, the reader not yet.
    dog.update_end_offsets({LOGS: 8})
    dog.look(100.0, {LOGS: 7}, ())
    assert dog.stalled(100.0) == {}
    dog.look(109.0, {LOGS: 7}, ())
    assert dog.stalled(108.9) == {}
    assert dog.stalled(109.0) == {LOGS: 1}


def test_the_further_one_of_two_ends_counts() -> None:
    dog: Watchdog[tuple[str, int]] = Watchdog(10.0)
    assert dog.further({LOGS: 5}, [LOGS, BLOCKS]) == {LOGS: 5}
    dog.update_end_offsets({LOGS: 7, BLOCKS: 3})
    assert dog.further({LOGS: 5}, [LOGS, BLOCKS]) == {LOGS: 7, BLOCKS: 3}
    assert dog.further({LOGS: 9}, [LOGS]) == {LOGS: 9}
