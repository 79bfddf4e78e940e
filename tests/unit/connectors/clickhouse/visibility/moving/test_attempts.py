"""Whose turn it is to move, and what is left of a process that died."""

from __future__ import annotations

from connectors.clickhouse.visibility.moving.attempts import LOCK, MOVED, Attempt, Patience, Standing, Taking

FIRST, SECOND, THIRD = (Attempt(1, 7, number) for number in (1, 2, 3))


def standing(*names: str, dead: tuple[str, ...] = ()) -> Standing:
    locks = {name: "Null" for name in names if name.endswith(LOCK)}
    return Standing({**dict.fromkeys(names, "MergeTree"), **locks, **dict.fromkeys(dead, "Null")})


def test_names_are_dropped_once_their_version_was_reached_and_locks_last() -> None:
    found = standing(FIRST.staging(LOCK), FIRST.staging("logs"), Attempt(1, 8, 1).staging(LOCK), "settling_x")
    assert found.passed(6) == []
    assert found.passed(7) == [FIRST.staging("logs"), FIRST.staging(LOCK)]
    assert found.beyond(7) == [Attempt(1, 8, 1)]


def test_an_attempt_takes_a_number_that_nobody_had() -> None:
    assert standing().next(1, 6) == FIRST
    assert standing(FIRST.staging(LOCK)).next(1, 6) == SECOND
    # The lock of the one that holds a table may be gone, its number is not free.
    assert standing(SECOND.held(1, MOVED)).next(1, 6) == THIRD


def test_what_another_may_still_do_is_taken_from_it() -> None:
    # It has not come to making its table of `moved`.
    found = standing(FIRST.staging(LOCK), SECOND.staging(LOCK))
    assert found.taking(SECOND) == Taking(blocking=(FIRST.staging(MOVED),))
    found = standing(FIRST.staging(LOCK), FIRST.staging(MOVED), FIRST.staging("logs"), SECOND.staging(LOCK))
    assert found.taking(SECOND) == Taking(
        renamed=(
            (FIRST.staging("logs"), SECOND.held(1, "logs")),
            (FIRST.staging(MOVED), SECOND.held(1, MOVED)),
        )
    )
    found = standing(FIRST.staging(LOCK), SECOND.staging(LOCK), dead=(FIRST.staging(MOVED),))
    assert found.taking(SECOND) == Taking()
    assert found.held(SECOND) == []


def test_who_died_while_he_took_is_taken_from_as_well() -> None:
    found = standing(
        FIRST.staging(LOCK),
        SECOND.staging(LOCK),
        SECOND.held(1, MOVED),
        FIRST.staging("logs"),
        THIRD.staging(LOCK),
    )
    taking = found.taking(THIRD)
    assert taking.blocking == (SECOND.staging(MOVED),)
    assert set(taking.renamed) == {
        (SECOND.held(1, MOVED), THIRD.held(1, MOVED)),
        (FIRST.staging("logs"), THIRD.held(1, "logs")),
    }
    assert standing(THIRD.held(1, MOVED), THIRD.staging(MOVED)).held(THIRD) == [1, 3]


def test_patience_is_counted_from_when_an_attempt_was_first_seen() -> None:
    patience = Patience(10)
    assert patience.over([], 0)
    assert not patience.over([FIRST], 5)
    assert not patience.over([FIRST, SECOND], 14)
    assert not patience.over([FIRST, SECOND], 15)
    assert patience.over([FIRST, SECOND], 24)
    # One that went away and came back is another one to this process.
    assert patience.over([], 25)
    assert not patience.over([FIRST], 26)
