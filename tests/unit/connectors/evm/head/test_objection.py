"""What becomes final of what nodes call final, where no node is of another branch."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from connectors.evm.events import Head
from connectors.evm.head.objection import ALONE_SECONDS, STILL_SECONDS, objection_to
from connectors.evm.pool.comparison import Votes

HEIGHTS = st.integers(0, 20)


def head(number: int) -> Head:
    return Head(number, bytes([number]) * 32, bytes(32), 0)


def votes(block: int, *finals: int | None) -> Votes:
    """Nodes that have the block, by what is final to each."""
    return Votes(
        head(block), {f"node{at}": (head(block), each and head(each)) for at, each in enumerate(finals)}
    )


@given(HEIGHTS, st.integers(1, 20), st.integers(1, 20), st.floats(0, STILL_SECONDS, exclude_max=True))
def test_of_two_nodes_what_both_confirm_is_final(block: int, one: int, other: int, still: float) -> None:
    found = objection_to(votes(block, one, other), 2, forked=False, outweighed=False, alone=0.0, still=still)
    assert (found is None) == (block <= min(one, other))
    if found is not None and block <= max(one, other):
        assert found.instead == head(min(one, other))
        assert not found.contradicted


@given(HEIGHTS, st.lists(st.integers(1, 20), min_size=3, max_size=5), st.floats(0, 2 * STILL_SECONDS))
def test_of_more_nodes_no_block_is_final_that_most_do_not_call_so(
    block: int, finals: list[int], still: float
) -> None:
    size = len(finals)
    found = objection_to(votes(block, *finals), size, forked=False, outweighed=False, alone=0.0, still=still)
    confirmed = sum(each >= block for each in finals)
    if found is None:
        assert 2 * confirmed > size or (2 * confirmed == size and still >= STILL_SECONDS)
    else:
        assert 2 * confirmed <= size
        assert found.instead is not None
        assert 2 * sum(each >= found.instead.number for each in finals) > size


def test_a_node_without_the_block_lags_and_is_waited_for_as_one_that_is_away() -> None:
    lags = Votes(head(9), {"node0": (head(9), head(9)), "node1": (None, head(4))})
    assert (
        objection_to(lags, 2, forked=False, outweighed=False, alone=ALONE_SECONDS - 1, still=0.0) is not None
    )
    assert objection_to(lags, 2, forked=False, outweighed=False, alone=ALONE_SECONDS, still=0.0) is None


def test_a_node_that_knows_no_tag_holds_nothing_back() -> None:
    assert objection_to(votes(9, 9, None), 2, forked=False, outweighed=False, alone=0.0, still=0.0) is None
