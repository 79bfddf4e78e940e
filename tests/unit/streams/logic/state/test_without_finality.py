"""What becomes of the fold while no block becomes final: it holds all that came since."""

from __future__ import annotations

from unittest.mock import Mock

import pytest

from streams.logic.state.block import BlockLife
from streams.logic.state.facts import Fact, key_of, pack
from streams.logic.state.fold import Fold
from streams.logic.state.window import restored
from tests.builders.state_chains import FIRST, Block, fact, plain, states_in
from topics.chainlog.kinds import EventKind


def without_finality(count: int) -> list[Fact]:
    """So many blocks, each safe by its own tag, none final; each shares a transaction with the next."""
    facts: list[Fact] = []
    for number in range(count):
        block = Block(number, f"b{number}", (number, number + 1))
        facts.append(fact(EventKind.APPLY, FIRST + 2 * number, block))
        facts.append(fact(EventKind.SAFE, FIRST + 2 * number + 1, block))
    return facts


def test_without_finality_a_tag_is_asked_of_the_blocks_that_it_decides(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of all that is not final, each tag would cost as much as all the tags before it."""
    asked = Mock(side_effect=BlockLife.history)
    monkeypatch.setattr(BlockLife, "history", lambda block, *tags: asked(block, *tags))
    facts = without_finality(200)
    fold = Fold()
    for each in facts:
        fold.add(each)
    assert {state.name for state in {each.current.state for _, each in fold.states().values()}} == {"SAFE"}
    assert asked.call_count < 5 * len(facts)


def test_a_table_is_read_back_without_deciding_what_was_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    facts = without_finality(50)
    fold = Fold(pruned=FIRST - 1)
    for each in facts:
        fold.add(each)
    monkeypatch.setattr(Fold, "_changes", Mock(side_effect=AssertionError("decided again")))
    found = restored({key_of(each.sequence): pack(each) for each in facts}).fold
    monkeypatch.undo()
    assert plain(found) == plain(fold)
    final = fact(EventKind.FINALIZED, FIRST + 100, Block(49, "b49", (49, 50)))
    assert states_in(found.add(final)) == states_in(fold.add(final))
