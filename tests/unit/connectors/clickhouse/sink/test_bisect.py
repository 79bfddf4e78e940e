"""Bad rows are found among good ones, and too many of them stop the sink."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.clickhouse.sink.bisect import BadRowLimit, bisect
from headwater.bad_ratio import ALWAYS_ALLOWED
from headwater.errors import Fatal, Permanent


@given(st.integers(0, 200).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(0, max(n - 1, 0))))))
def test_bisect_finds_exactly_the_bad_rows(case: tuple[int, set[int]]) -> None:
    count, bad = case[0], {row for row in case[1] if row < case[0]}
    good: list[int] = []
    found: list[int] = []

    def attempt(start: int, end: int) -> None:
        if bad & set(range(start, end)):
            raise Permanent("bad")
        good.extend(range(start, end))

    bisect(count, attempt, lambda row, _: found.append(row))
    assert found == sorted(bad)
    assert good == [row for row in range(count) if row not in bad]


def test_bisect_asks_seldom() -> None:
    asked = 0

    def attempt(start: int, end: int) -> None:
        nonlocal asked
        asked += 1
        if start <= 31_337 < end:
            raise Permanent("bad")

    bisect(50_000, attempt, lambda row, _: None)
    assert asked < 40


def test_a_few_bad_rows_never_stop_the_sink_and_many_do() -> None:
    limit = BadRowLimit("logs", 0.2)
    for _ in range(ALWAYS_ALLOWED):
        limit.check(1, 1, Permanent("bad"))
        limit.done(1, 1)
    with pytest.raises(Fatal, match="21 of the last 21 rows of logs are bad, the last: worse"):
        limit.check(1, 1, Permanent("worse"))


def test_the_share_of_bad_rows_forgets_old_batches() -> None:
    limit = BadRowLimit("logs", 0.2)
    limit.done(10_000, 2_000)
    limit.check(10_000, 2_000, Permanent("bad"))
    with pytest.raises(Fatal):
        limit.check(10_000, 2_001, Permanent("bad"))
    limit.done(10_000, 0)
    limit.check(10_000, 2_000, Permanent("bad"))
