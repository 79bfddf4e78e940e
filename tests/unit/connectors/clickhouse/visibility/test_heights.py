"""Sets of heights against Python's own, and the form in which views look them up."""

from __future__ import annotations

from bisect import bisect_right

from hypothesis import given
from hypothesis import strategies as st

from connectors.clickhouse.visibility.heights import Heights, Range, edges, runs

NUMBERS = st.sets(st.integers(0, 400))


def heights(numbers: set[int]) -> Heights:
    return Heights(runs(numbers))


def test_runs() -> None:
    assert runs([]) == []
    assert runs([7, 1, 2, 3, 2, 9]) == [Range(1, 3), Range(7, 7), Range(9, 9)]


@given(NUMBERS, NUMBERS)
def test_they_are_sets(first: set[int], second: set[int]) -> None:
    both = heights(first) | heights(second)
    assert both == heights(first | second)
    assert len(both) == len(first | second)
    assert {n for n in range(402) if n in both} == first | second


def test_ranges_may_overlap_and_touch() -> None:
    assert Heights([Range(5, 9), Range(1, 20), Range(21, 22)]).ranges == (Range(1, 22),)


def found(number: int, form: tuple[int, ...]) -> bool:
    """As the views do it: the edge at or below, whose lowest bit says that the set ends there."""
    form = (1, *form)
    return not form[bisect_right(form, 2 * number + 1) - 1] % 2


@given(NUMBERS)
def test_the_views_find_what_is_in_the_set_and_nothing_else(numbers: set[int]) -> None:
    form = edges(heights(numbers))
    assert list(form) == sorted(form)
    assert {n for n in range(500) if found(n, form)} == numbers


def test_edges_are_the_ends_of_ranges() -> None:
    assert edges(Heights([Range(0, 9), Range(11, 20)])) == (0, 21, 22, 43)
