"""Measures of windows against the obvious way to compute them."""

from __future__ import annotations

import operator
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.logic.alerts import tally as tally_module
from streams.logic.alerts.joining import starts
from streams.logic.alerts.rule import Comparison, ConditionError, Function, Window
from streams.logic.alerts.tally import Tally, eager, holds, joined, packed, tally_of, unpacked
from tests.builders.alerts import count, measure, window

OBVIOUS: dict[Function, Callable[[list[int]], Any]] = {
    Function.COUNT: len,
    Function.SUM: sum,
    Function.MIN: lambda values: min(values) if values else None,
    Function.MAX: lambda values: max(values) if values else None,
    Function.AVG: lambda values: Fraction(sum(values), len(values)) if values else None,
    Function.DISTINCT: lambda values: len(set(values)),
}
COMPARE = {
    Comparison.ABOVE: operator.gt,
    Comparison.AT_LEAST: operator.ge,
    Comparison.BELOW: operator.lt,
    Comparison.AT_MOST: operator.le,
    Comparison.EQUAL: operator.eq,
    Comparison.UNEQUAL: operator.ne,
}
VALUES = st.one_of(st.none(), st.integers(-3, 9), st.just(2**256 - 1))


@given(
    st.lists(VALUES, min_size=1, max_size=9),
    st.sampled_from(list(Function)),
    st.sampled_from(list(Comparison)),
    st.integers(-2, 9),
)
def test_measures_are_exact_whatever_is_joined_first(
    values: list[int | None], function: Function, comparison: Comparison, bound: int
) -> None:
    own = window(60, measure(function, "v", comparison, bound))
    tallies = [tally_of(own, {"v": each}, {}) for each in values]
    whole = tallies[0]
    for each in tallies[1:]:
        whole = joined(own, whole, each)
    backwards = tallies[-1]
    for each in reversed(tallies[:-1]):
        backwards = joined(own, each, backwards)
    expected = OBVIOUS[function]([each for each in values if each is not None])
    wanted = expected is not None and COMPARE[comparison](expected, bound)
    for tally in (whole, backwards, unpacked(*packed(whole))):
        assert holds(own, tally) == wanted
    assert whole.records == len(values)


def test_what_needs_an_integer_refuses_text() -> None:
    with pytest.raises(ConditionError, match=r"sum\(v\) needs an integer"):
        tally_of(window(60, measure(Function.SUM, "v", Comparison.ABOVE, 1)), {"v": "1"}, {})


def test_only_what_more_records_never_undo_fires_at_once() -> None:
    assert eager(window(60, count(Comparison.ABOVE, 1), measure(Function.SUM, "v", Comparison.AT_LEAST, 1)))
    assert not eager(window(60, count(Comparison.ABOVE, 1), count(Comparison.BELOW, 9)))
    assert not eager(window(60, measure(Function.MAX, "v", Comparison.ABOVE, 1)))


def test_many_distinct_values_are_joined_in_few_sets() -> None:
    own = window(60, measure(Function.DISTINCT, "v", Comparison.EQUAL, 1_000))
    tally = tally_of(own, {"v": 0}, {})
    for each in range(1, 1_000):
        tally = joined(own, tally, tally_of(own, {"v": each}, {}))
    assert holds(own, tally)
    assert isinstance(tally, Tally)
    assert len(tally.measures[0]) <= 12


def test_so_many_values_are_told_apart_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """A week of receivers was one message of the state topic, which takes 32 MiB: the stage stood still."""
    monkeypatch.setattr(tally_module, "MOST_VALUES", 5)
    own = window(60, measure(Function.DISTINCT, "v", Comparison.ABOVE, 4))
    one = tally_of(own, {"v": 0}, {})
    for each in (3, 9, 1, 1):
        one = joined(own, one, tally_of(own, {"v": each}, {}))
    assert not holds(own, one)
    more = joined(own, tally_of(own, {"v": 8}, {}), tally_of(own, {"v": 7}, {}))
    full = joined(own, one, more)
    assert holds(own, full)
    assert packed(full)[1] == [["d", "0", "1", "3", "7", "9"]], "the same ones, whoever joins them"
    assert joined(own, full, tally_of(own, {"v": 2}, {})).measures == full.measures


def test_of_a_long_value_a_hash_is_kept() -> None:
    own = window(60, measure(Function.DISTINCT, "v", Comparison.ABOVE, 1))
    tallies = [tally_of(own, {"v": "0x" + "ab" * 100_000 + end}, {}) for end in ("00", "01", "01")]
    assert len(str(packed(tallies[0]))) < 100
    assert not holds(own, joined(own, tallies[1], tallies[2]))
    assert holds(own, joined(own, tallies[0], tallies[1]))


@given(st.integers(1, 50), st.integers(1, 50), st.integers(0, 500))
def test_a_moment_is_in_the_windows_that_contain_it(size: int, every: int, time: int) -> None:
    own = Window(size, every, ())
    assert list(starts(own, time)) == [
        start for start in range(-1_000 * every, time + 1, every) if start <= time < start + size
    ]
