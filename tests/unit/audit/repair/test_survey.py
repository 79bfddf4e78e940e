"""Letters with their blocks: filters choose, but every letter tells whether a repair failed."""

from __future__ import annotations

import re

from audit.repair.block import NoBlock
from audit.repair.history import Fate, PastRequest
from audit.repair.letters import Letter, LetterFilter
from audit.repair.plan import BlockFilter
from audit.repair.survey import of_letters
from connectors.evm.repair.request import BlockName
from tests.builders.repairs import BLOCK, letter, published, request

NOWHERE = NoBlock("because", "do that")
FIRST = letter(1, 1_000, headers={"sequence": b"5"})
FAILED = letter(2, 3_000, headers={"sequence": b"9"}, stage="sink", error="refused row")
STRANGE = letter(3, 1_500, error="no event")


def located(each: Letter) -> BlockName | NoBlock:
    return NOWHERE if each.position == STRANGE.position else BLOCK


def test_a_letter_that_is_not_wanted_still_tells_that_a_repair_failed() -> None:
    asked = [PastRequest(request(), 2_000, published(sequence=9))]
    letters = [FIRST, STRANGE, FAILED]
    found = of_letters(letters, asked, located, LetterFilter(stage="enrich"), BlockFilter())
    assert [(each.letter, each.became.fate) for each in found.found] == [(FIRST, Fate.FAILED)]
    assert found.without_block == [(STRANGE, NOWHERE)]


def test_blocks_are_chosen_after_letters() -> None:
    nothing = of_letters([FIRST, FAILED], [], located, LetterFilter(), BlockFilter(first=45))
    assert (nothing.found, nothing.without_block) == ([], [])
    some = of_letters([FIRST, FAILED], [], located, LetterFilter(reason=re.compile("row")), BlockFilter())
    assert [each.letter for each in some.found] == [FAILED]


def test_only_wanted_letters_are_looked_up() -> None:
    looked_up: list[Letter] = []

    def noted(each: Letter) -> BlockName:
        looked_up.append(each)
        return BLOCK

    of_letters([FIRST, FAILED], [], noted, LetterFilter(stage="sink"), BlockFilter())
    assert looked_up == [FAILED]
