"""Records spread over parts: none lost, none out of order, none above the limit that could be below it."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from streams.logic.parts import spread

ARRAYS = st.lists(st.lists(st.binary(max_size=40), max_size=12), min_size=1, max_size=4)


@given(ARRAYS, st.integers(-5, 120))
def test_every_record_is_in_one_part_and_parts_are_full_but_not_over(
    arrays: list[list[bytes]], limit: int
) -> None:
    parts = spread(limit + 3, b"hdr", *arrays)
    for index, array in enumerate(arrays):
        assert [record for part in parts for record in array[part[index]]] == array
    contents = [
        [record for array, own in zip(arrays, part, strict=True) for record in array[own]] for part in parts
    ]
    for content in contents:
        assert sum(map(len, content)) <= max(limit, max(map(len, content), default=0))
    if len(parts) > 1:
        assert all(contents)
        for one, following in pairwise(contents):
            assert sum(map(len, one)) + len(following[0]) > limit


def test_what_fits_is_one_part() -> None:
    assert spread(3, b"", [b"a", b"b"], [b"c"]) == [(slice(0, 2), slice(0, 1))]
    assert spread(0, b"", [], []) == [(slice(0, 0), slice(0, 0))]
