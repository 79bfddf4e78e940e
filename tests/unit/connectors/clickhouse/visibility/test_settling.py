"""What may be settled, from the coverage alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from connectors.clickhouse.visibility.settling import CoveredBlock, Settled, extend, refill


def name(number: int, branch: str = "a") -> bytes:
    return f"{branch}{number}".encode().ljust(32, b".")


def row(number: int, branch: str = "a", *, parent: str = "a", complete: bool = True) -> CoveredBlock:
    return CoveredBlock(number, name(number, branch), name(number - 1, parent), complete)


def chain(first: int, last: int) -> list[CoveredBlock]:
    return [row(number) for number in range(first, last + 1)]


def test_a_whole_chain_is_settled_from_its_first_block() -> None:
    assert extend(None, 8, name(8), chain(5, 9)) == Settled(5, 8)


def test_the_range_grows_and_keeps_its_holes() -> None:
    assert extend(Settled(5, 8, frozenset({6})), 12, name(12), chain(8, 14)) == Settled(5, 12, frozenset({6}))


def test_nothing_is_settled_while_the_final_block_is_not_in() -> None:
    assert extend(None, 9, name(9), chain(5, 8)) is None
    assert extend(None, 8, name(8, "b"), chain(5, 8)) is None


def test_missing_incomplete_and_doubtful_blocks_are_holes() -> None:
    rows = [r for r in chain(5, 12) if r.number != 7]
    rows[rows.index(row(9))] = row(9, complete=False)
    rows.append(row(11, "b"))
    assert extend(None, 12, name(12), rows) == Settled(5, 12, frozenset({7, 9, 11}))


def test_a_block_of_another_branch_is_a_hole() -> None:
    rows = [*chain(5, 6), row(7, "b", parent="b"), *chain(8, 9)]
    assert extend(None, 9, name(9), rows) == Settled(5, 9, frozenset({7}))


def test_holes_close_when_whole() -> None:
    settled = Settled(5, 12, frozenset({7, 9, 11}))
    coverage = [row(7), row(9, complete=False), row(11), row(11, "b")]
    assert refill(settled, coverage) == Settled(5, 12, frozenset({9, 11}))


def test_what_a_range_covers() -> None:
    settled = Settled(5, 12, frozenset({7}))
    assert settled.covers(range(8, 13))
    assert not settled.covers(range(8, 14))
    assert not settled.covers(range(4, 6))
    assert not settled.covers(range(6, 9))
    assert [n for n in range(4, 14) if settled.holds(n)] == [5, 6, 8, 9, 10, 11, 12]


@given(st.sets(st.integers(1, 40)), st.sets(st.integers(1, 40)), st.sets(st.integers(1, 40)))
def test_only_whole_single_blocks_are_ever_settled(
    missing: set[int], incomplete: set[int], forked: set[int]
) -> None:
    rows = [row(n, complete=n not in incomplete) for n in range(1, 41) if n not in missing]
    rows += [row(n, "b", parent="b") for n in forked - missing]
    settled = extend(None, 40, name(40), rows)
    if 40 in missing:
        assert settled is None
        return
    assert settled is not None
    first = min(r.number for r in rows)
    bad = missing | incomplete | forked
    assert {n for n in range(1, 41) if settled.holds(n)} == {n for n in range(first, 41) if n not in bad}
