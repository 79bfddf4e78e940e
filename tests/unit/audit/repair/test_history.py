"""What became of a letter."""

from __future__ import annotations

from dataclasses import replace

from audit.repair.history import Fate, History, PastRequest, paired
from connectors.evm.repair.request import BlockName
from tests.builders.repairs import BLOCK, letter, published, refused, request

OLD = letter(1, 1_000, headers={"sequence": b"5"})


def fate(asked: list[PastRequest], *letters: object) -> Fate:
    return History(asked, letters).became(OLD, BLOCK).fate  # type: ignore[arg-type]


def test_nobody_asked() -> None:
    other = replace(BLOCK, hash=b"\x45" * 32)
    assert fate([]) is Fate.OPEN
    assert fate([PastRequest(request("a", other), 2_000, published("a", 9, other))]) is Fate.OPEN
    assert fate([PastRequest(request("a"), 500)]) is Fate.OPEN, "asked for an earlier letter of the block"


def test_it_was_asked_for() -> None:
    history = History([PastRequest(request(), 2_000)], [])
    became = history.became(OLD, BLOCK)
    assert (became.fate, became.settled, str(became)) == (Fate.ASKED, True, "asked: no outcome yet")
    canonical = replace(BLOCK, hash=None)
    assert fate([PastRequest(request("a", canonical), 2_000)]) is Fate.ASKED


def test_it_was_published() -> None:
    became = History([PastRequest(request(), 2_000, published(sequence=9))], [OLD]).became(OLD, BLOCK)
    assert (became.fate, became.settled, became.detail) == (Fate.PUBLISHED, True, "sequence 9")
    # The sequences decide where both are known: clocks of brokers need not agree.
    assert fate([PastRequest(request(), 10, published(sequence=9))]) is Fate.PUBLISHED
    assert fate([PastRequest(request(), 2_000, published(sequence=4))]) is Fate.OPEN
    unnumbered = replace(OLD, headers={})
    history = History([PastRequest(request(), 2_000, published(sequence=9))], [])
    assert history.became(unnumbered, BLOCK).fate is Fate.PUBLISHED


def test_it_failed_again_and_the_new_letter_is_open() -> None:
    newer = letter(2, 3_000, headers={"sequence": b"9"}, stage="state", error="still odd")
    history = History([PastRequest(request(), 2_000, published(sequence=9))], [OLD, newer])
    became = history.became(OLD, BLOCK)
    assert (became.fate, became.settled) == (Fate.FAILED, False)
    assert str(became) == "failed again: sequence 9, in state: still odd"
    assert history.became(newer, BLOCK).fate is Fate.OPEN
    mended = [
        PastRequest(request(), 2_000, published(sequence=9)),
        PastRequest(request("b"), 4_000, published("b", 11)),
    ]
    again = History(mended, [OLD, newer])
    assert [again.became(each, BLOCK).fate for each in (OLD, newer)] == [Fate.PUBLISHED, Fate.PUBLISHED]


def test_it_was_refused() -> None:
    became = History([PastRequest(request(), 2_000, refused())], []).became(OLD, BLOCK)
    assert (became.fate, became.settled, became.detail) == (Fate.REFUSED, False, "no node has it; add one")
    newer = [PastRequest(request(), 2_000, refused()), PastRequest(request("b"), 3_000)]
    assert fate(newer) is Fate.ASKED, "the newest request decides"


def test_an_outcome_of_a_newer_version_is_waited_for() -> None:
    unknown = replace(published(), outcome="UNKNOWN")
    became = History([PastRequest(request(), 2_000, unknown)], []).became(OLD, BLOCK)
    assert (became.fate, became.settled) == (Fate.ASKED, True)


def test_requests_meet_their_latest_outcome_and_outcomes_outlive_requests() -> None:
    crashed = published("a", 8)
    found = paired(
        [(10, request("a")), (11, request("b"))],
        [(30, published("a", 9)), (20, crashed), (5, published("gone", 3))],
    )
    assert {each.request.request_id: (each.at, each.outcome) for each in found} == {
        "a": (30, published("a", 9)),
        "b": (11, None),
        "gone": (5, published("gone", 3)),
    }


def test_a_block_without_a_hash_has_no_other_blocks_history() -> None:
    history = History([PastRequest(request(), 2_000, published())], [])
    assert history.became(OLD, BlockName(BLOCK.chain_id, BLOCK.number + 1, BLOCK.hash)).fate is Fate.OPEN
