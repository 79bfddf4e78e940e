"""One request a block, for blocks that need one."""

from __future__ import annotations

import uuid
from dataclasses import replace

import pytest

from audit.repair.history import Became, Fate
from audit.repair.letters import TopicPosition
from audit.repair.plan import Ask, BlockFilter, Found, asks_by_number, asks_of
from connectors.evm.repair.request import BlockName
from tests.builders.repairs import BLOCK, letter

OTHER = BlockName(BLOCK.chain_id, 43, b"\x43" * 32)
OPEN, DONE = Became(Fate.OPEN), Became(Fate.PUBLISHED, "sequence 9")


def test_letters_of_one_block_make_one_request_with_the_newest_reason() -> None:
    found = [
        Found(letter(1, 1_000, error="first"), BLOCK, OPEN),
        Found(letter(2, 3_000, error="second", stage="sink"), BLOCK, OPEN),
        Found(letter(5, 3_000, error="in the same millisecond"), BLOCK, OPEN),
        Found(letter(3, 2_000, error="third"), BLOCK, OPEN),
        Found(letter(4, 2_000, error="other"), OTHER, OPEN),
    ]
    assert asks_of(found, refetch=True, again=False) == [
        Ask(OTHER, True, "enrich: other", TopicPosition("c.normalized-blocks.v1", 0, 4), 1),
        Ask(BLOCK, True, "enrich: in the same millisecond", TopicPosition("c.normalized-blocks.v1", 0, 5), 4),
    ]


@pytest.mark.parametrize(
    ("fate", "asked"),
    [
        (Fate.OPEN, True),
        (Fate.FAILED, True),
        (Fate.REFUSED, True),
        (Fate.ASKED, False),
        (Fate.PUBLISHED, False),
    ],
)
def test_what_is_settled_is_not_asked_again_unless_told(fate: Fate, asked: bool) -> None:
    found = [Found(letter(), BLOCK, Became(fate))]
    assert bool(asks_of(found, refetch=False, again=False)) is asked
    assert len(asks_of(found, refetch=False, again=True)) == 1


def test_one_open_letter_among_settled_ones_is_enough() -> None:
    found = [Found(letter(1, 2_000, error="done"), BLOCK, DONE), Found(letter(2), BLOCK, OPEN)]
    (ask,) = asks_of(found, refetch=False, again=False)
    assert (ask.reason, ask.letters) == ("enrich: two logs of one index", 2)


def test_a_block_named_by_its_number_needs_no_letter() -> None:
    wanted = BlockFilter(numbers=frozenset({43, 44, 45}), hashes=frozenset({b"h" * 32}))
    asks = asks_by_number(wanted, [Found(letter(), BLOCK, DONE)], 5, refetch=False)
    assert [ask.block for ask in asks] == [BlockName(5, 43, None), BlockName(5, 45, None)]
    ranged = replace(wanted, first=44)
    assert [ask.block.number for ask in asks_by_number(ranged, [], 5, refetch=False)] == [44, 45]


@pytest.mark.parametrize(
    ("wanted", "result"),
    [
        (BlockFilter(), True),
        (BlockFilter(numbers=frozenset({44})), True),
        (BlockFilter(numbers=frozenset({1}), hashes=frozenset({b"\x44" * 32})), True),
        (BlockFilter(hashes=frozenset({b"\x45" * 32})), False),
        (BlockFilter(first=44, last=44), True),
        (BlockFilter(first=45), False),
        (BlockFilter(last=43), False),
        (BlockFilter(numbers=frozenset({44}), first=45), False),
    ],
)
def test_blocks_are_chosen_by_number_hash_and_range(wanted: BlockFilter, result: bool) -> None:
    assert wanted(BLOCK) is result
    assert wanted.given is (wanted != BlockFilter())


def test_a_request_has_an_id_of_its_own_and_the_letters_place() -> None:
    ask = Ask(BLOCK, True, "x" * 5_000, TopicPosition("c.logs.v1", 3, 17), 1)
    first, second = ask.request("me", 7), ask.request("me", 7)
    assert uuid.UUID(first.request_id).version == 4
    assert first.request_id != second.request_id
    assert (first.block, first.refetch, first.requested_by, first.requested_at) == (BLOCK, True, "me", 7)
    assert (first.letter_topic, first.letter_partition, first.letter_offset) == ("c.logs.v1", 3, 17)
    assert len(first.reason) == 1_000
    bare = replace(ask, original=None).request("me", 7)
    assert (bare.letter_topic, bare.letter_partition, bare.letter_offset) == (None, None, None)
