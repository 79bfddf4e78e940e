"""What may be settled, from the coverage alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from connectors.clickhouse.visibility.settling import CoveredBlock, settleable


def name(number: int, branch: str = "a") -> bytes:
    return f"{branch}{number}".encode().ljust(32, b".")


def row(number: int, branch: str = "a", *, parent: str = "a") -> CoveredBlock:
    return CoveredBlock(number, name(number, branch), name(number - 1, parent))


def test_a_chain_is_settled() -> None:
    assert settleable([row(5), row(6), row(7)], {}) == {5, 6, 7}
    assert settleable([row(5), row(6), row(7)], {7: [name(7)]}) == {5, 6, 7}


def test_nothing_is_settled_of_nothing() -> None:
    assert settleable([], {7: [name(7)]}) == frozenset()


def test_a_block_that_the_next_one_does_not_name_is_not() -> None:
    assert settleable([row(5), row(6), row(7, "b", parent="b"), row(8)], {}) == {5, 6, 8}
    assert settleable([row(7)], {7: [name(7, "b")]}) == frozenset()


def test_one_that_some_block_above_names_is() -> None:
    """Above the final block the chain may still fork."""
    assert settleable([row(7)], {7: [name(7, "b"), name(7)]}) == {7}


def test_gaps_divide_what_is_compared() -> None:
    assert settleable([row(5), row(90, "b", parent="b")], {90: []}) == {5, 90}


@given(st.sets(st.integers(1, 40)), st.sets(st.integers(1, 40)))
def test_a_settled_block_is_named_by_the_one_settled_above_it(missing: set[int], forked: set[int]) -> None:
    rows = [row(n, "b", parent="b") if n in forked else row(n) for n in range(1, 41) if n not in missing]
    found = settleable(rows, {})
    by_number = {each.number: each for each in rows}
    assert found <= by_number.keys()
    for number in found & {each - 1 for each in found}:
        assert by_number[number + 1].parent_hash == by_number[number].block_hash
    # A block alone contradicts nothing.
    assert all(n in found for n in by_number if n + 1 not in by_number)
