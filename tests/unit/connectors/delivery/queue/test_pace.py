"""Never more attempts in any period than a rate allows, in bounded memory."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from connectors.delivery.queue.pace import Pace, Rate

MINUTE = 60_000


def begun(pace: Pace, times: range | list[int]) -> list[int]:
    """The times at which attempts begin where as many as are allowed do."""
    found = []
    for now in times:
        while pace.allows(now):
            pace.begun(now)
            found.append(now)
    return found


def most(times: list[int], period: int) -> int:
    """Most of them in any period."""
    return max((sum(at <= each < at + period for each in times) for at in times), default=0)


def test_what_was_not_used_is_not_used_beside_the_next_minute() -> None:
    pace = Pace(Rate(60, MINUTE))
    assert len(begun(pace, [0])) == 1
    found = begun(pace, range(5 * MINUTE, 7 * MINUTE, 100))
    assert most(found, MINUTE) == 60
    assert found[:60] == [5 * MINUTE] * 60
    assert 115 <= len(found) <= 120


def test_who_starts_spreads_the_first_period() -> None:
    assert begun(Pace(Rate(4, 1_000)), range(0, 2_000, 50)) == [0, 250, 500, 750, 1_000, 1_250, 1_500, 1_750]


def test_a_clock_that_is_set_back_stops_nothing() -> None:
    pace = Pace(Rate(2, 1_000))
    begun(pace, range(10_000, 13_000, 100))
    assert len(begun(pace, range(0, 3_000, 100))) in (5, 6, 7)


def test_a_high_rate_takes_little_memory() -> None:
    pace = Pace(Rate(20_000, MINUTE))
    pace.allows(0)
    remembered = 0
    for now in range(MINUTE, 2 * MINUTE, 3):
        assert pace.allows(now)
        pace.begun(now)
        remembered = max(remembered, pace.remembered)
    assert not pace.allows(2 * MINUTE - 1)
    assert remembered <= 1_001


@given(
    st.integers(1, 12),
    st.lists(st.integers(0, 900), max_size=80),
)
def test_no_period_has_more(count: int, pauses: list[int]) -> None:
    pace, now, found = Pace(Rate(count, 1_000)), 0, list[int]()
    for pause in pauses:
        now += pause
        if pace.allows(now):
            pace.begun(now)
            found.append(now)
    assert most(found, 1_000) <= count


def test_without_a_rate_all_is_allowed() -> None:
    pace = Pace(None)
    pace.begun(0)
    assert pace.allows(0)
