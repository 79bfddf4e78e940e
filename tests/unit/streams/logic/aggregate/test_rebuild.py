"""Windows made again: which are whole, and that they come out as they first went out."""

from __future__ import annotations

from hypothesis import given

from streams.logic.aggregate.fold import Fact, Fold
from streams.logic.aggregate.measures import CHAIN
from streams.logic.aggregate.rebuild import Seen, missing, rebuilt, settled, windows_between
from streams.logic.aggregate.windows import HOUR, MINUTE, windows_of
from tests.builders.statistics import ENTITIES, GIVEN, Published, hash_of, keep, lives
from topics.chainlog.kinds import EventKind

START = 1_700_000_000_000 // HOUR * HOUR
WINDOW = (MINUTE, START)


def seen(number: int, seconds: int, *, known: bool = True, parent: str | None = None) -> Seen:
    before = hash_of(str(number - 1) if parent is None else parent)
    return Seen(number, hash_of(str(number)), before, START + seconds * 1_000, known)


def test_a_window_between_its_neighbours_is_whole() -> None:
    chain = [seen(7, -1), seen(8, 0), seen(9, 59), seen(10, 60)]
    assert missing(WINDOW, chain) == []
    assert missing(WINDOW, [seen(7, -1), seen(8, 300)]) == []  # it has no block


def test_the_first_block_of_a_chain_needs_none_before_it() -> None:
    assert missing(WINDOW, [seen(0, 3), seen(1, 61)]) == []


def test_what_is_missing_is_named() -> None:
    assert missing(WINDOW, [seen(7, -1), seen(11, 30), seen(12, 61)]) == [(8, 10)]
    assert missing(WINDOW, [seen(7, -1), seen(10, 99)]) == [(8, 9)]
    assert missing(WINDOW, [seen(7, -1), seen(8, 5, known=False), seen(9, 61)]) == [(8, 8)]
    assert missing(WINDOW, [seen(8, 5), seen(9, 61)]) == [(7, 7)]
    assert missing(WINDOW, [seen(7, -1), seen(8, 5)]) == [(9, 9)]
    assert missing(WINDOW, [seen(7, -1), seen(8, 5, parent="other"), seen(9, 61)]) == [(8, 8)]
    assert missing(WINDOW, [seen(7, -1)]) is None


def test_neighbours_need_no_content() -> None:
    chain = [seen(7, -1, known=False), seen(8, 5), seen(9, 61, known=False)]
    assert missing(WINDOW, chain) == []


def test_only_what_the_stage_has_left_behind_is_made_again() -> None:
    fold = Fold()
    fold.add(Fact(EventKind.APPLY, 1, 0, hash_of("0"), None, START, GIVEN[0]))
    fold.add(Fact(EventKind.APPLY, 2, 1, hash_of("1"), hash_of("0"), START + MINUTE, GIVEN[1]))
    assert not settled(fold, WINDOW)
    fold.add(Fact(EventKind.FINALIZED, 3, 1, hash_of("1"), None, START + MINUTE))
    assert settled(fold, WINDOW)
    assert not settled(fold, (MINUTE, START + MINUTE))
    assert not settled(fold, (HOUR, START))


def test_the_windows_of_a_time() -> None:
    found = windows_between(START + 59_000, START + 61_000)
    assert found == [(MINUTE, START), (MINUTE, START + MINUTE), (HOUR, START)]


def test_what_nothing_is_left_of_is_taken_back() -> None:
    snapshots = rebuilt(WINDOW, [GIVEN[0]], [CHAIN, *ENTITIES])
    assert snapshots.entities == dict.fromkeys(ENTITIES) | GIVEN[0].entities
    assert (snapshots.complete, snapshots.final, snapshots.base_fees) == (True, True, GIVEN[0].base_fees)


@given(lives())
def test_a_window_comes_out_as_it_went_out(facts: list[Fact]) -> None:
    fold, held = Fold(), Published()
    standing: dict[bytes, Fact] = {}
    for fact in facts:
        keep(held, fold.add(fact))
        if fact.kind is EventKind.APPLY:
            standing[fact.hash or b""] = fact
        elif fact.kind is EventKind.REVERT:
            standing.pop(fact.hash or b"", None)
    for window in {window for window, _ in held}:
        own = [each for each in standing.values() if window in windows_of(each.timestamp or 0)]
        if not own or not settled(fold, window) or not held[window, CHAIN][2]:
            continue
        snapshots = rebuilt(window, [each.contribution for each in own if each.contribution], ())
        for entity, measures in snapshots.entities.items():
            _, before, complete, final, fees = held[window, entity]
            assert (measures, complete, final) == (before, True, True)
            assert entity != CHAIN or fees == snapshots.base_fees
