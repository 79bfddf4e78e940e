"""The fold of transaction states: the same answer for any order, any repeats and any crash."""

from __future__ import annotations

import random
from dataclasses import replace

import msgspec
from hypothesis import assume, given
from hypothesis import strategies as st

from streams.logic.state.facts import Fact, key_of, pack, unpack
from streams.logic.state.fold import Change, Fold
from streams.logic.state.window import restored
from tests.builders.state_chains import (
    FIRST,
    Block,
    TransactionState,
    fact,
    lives,
    plain,
    replay,
    states_in,
    transaction,
)
from topics.chainlog.kinds import EventKind

OLD_FACT = (
    "9a02cd7a690a07c42079c91348deb8e398c7c09c6ce69c2e0d7f2346ce7a768b6eceaea4ea4ca93cefcd1b580aa46e6f6465c29291"
    "c446023d61ba7864e287de5000328a91d4cdac2366613b69ca502d552ac0f365ddb6613a072cbefc0831e050194e58ee3c66e70000"
    "0000000000000000000000000000000000000291c410020002020290c802020c313437303030"
)
# Deep enough that nothing is pruned unless a test asks for it.
NEVER = 10_000


def _as_the_stage_makes_it(fold: Fold, each: Fact) -> Fact:
    """Without the transactions of a block that is known, unless they are said again."""
    known = each.hash is not None and fold.knows(each.hash) and not each.event.repairs
    return msgspec.structs.replace(each, content=None) if known else each


@given(lives())
def test_states_are_what_walking_the_log_says(facts: list[Fact]) -> None:
    fold = Fold(NEVER)
    for each in facts:
        fold.add(each)
    assert plain(fold) == replay(facts)


@given(lives(), st.randoms(use_true_random=False), st.data())
def test_order_and_repeats_change_nothing(
    facts: list[Fact], luck: random.Random, data: st.DataObject
) -> None:
    again = data.draw(st.lists(st.sampled_from(facts), max_size=20))
    shuffled = [*facts, *again]
    luck.shuffle(shuffled)
    fold = Fold(NEVER)
    for each in shuffled:
        fold.add(each)
    assert plain(fold) == replay(facts)


@given(lives())
def test_each_event_gives_exactly_what_it_changed(facts: list[Fact]) -> None:
    fold = Fold(NEVER)
    for place, each in enumerate(facts):
        before, after = replay(facts[:place]), replay(facts[: place + 1])
        decided = {name: state for name, state in after.items() if state.sequence == each.sequence}
        assert states_in(fold.add(each)) == decided
        for name in after.keys() - decided.keys():
            assert (before[name].state, before[name].block) == (after[name].state, after[name].block)
        assert fold.add(each) == []


@given(lives(), st.randoms(use_true_random=False))
def test_a_crash_at_any_write_gives_the_same_words(facts: list[Fact], luck: random.Random) -> None:
    """Replays the stage: words are published first, then the fact is written, then old ones deleted."""
    grace = 2
    calm: list[dict[bytes, TransactionState]] = []
    fold = Fold(grace)
    for each in facts:
        calm.append(states_in(fold.add(_as_the_stage_makes_it(fold, each))))
        if each.kind == EventKind.FINALIZED:
            fold.forget(fold.prunable())

    table: dict[bytes, bytes] = {}
    place, crashes = 0, 0
    fold = Fold(grace)
    while place < len(facts):
        each = facts[place]
        kept = _as_the_stage_makes_it(fold, each)
        assert states_in(fold.add(kept)) == calm[place]
        writes: list[tuple[bytes, bytes | None]] = [(key_of(each.sequence), pack(kept))]
        if each.kind == EventKind.FINALIZED:
            old = fold.prunable()
            fold.forget(old)
            writes += [(key_of(sequence), None) for sequence in old]
        crash = luck.random() < 0.3 and crashes < 20
        for key, value in writes[: luck.randrange(len(writes) + 1)] if crash else writes:
            if value is None:
                table.pop(key, None)
            else:
                table[key] = value
        if crash:
            crashes += 1
            window = restored(table, grace)
            for key in window.stale:
                del table[key]
            fold = window.fold
        last = fold.last
        place = 0 if last is None else last - FIRST + 1


@given(lives(), st.data())
def test_an_entry_written_again_late_is_nothing(facts: list[Fact], data: st.DataObject) -> None:
    """A paused worker wakes and writes an entry that was deleted meanwhile."""
    fold = Fold(1)
    table: dict[bytes, bytes] = {}
    gone: dict[bytes, bytes] = {}
    for each in facts:
        fold.add(each)
        table[key_of(each.sequence)] = pack(each)
        if each.kind == EventKind.FINALIZED:
            for sequence in fold.prunable():
                fold.forget([sequence])
                gone[key_of(sequence)] = table.pop(key_of(sequence))
    alive = plain(restored(table, 1).fold)
    assert alive == plain(fold)
    if len(gone) > 1:
        late = data.draw(st.sampled_from(sorted(gone)[:-1]))
        window = restored(table | {late: gone[late]}, 1)
        assert plain(window.fold) == alive
        assert window.stale == (late,)


def test_finalized_blocks_leave_after_their_grace() -> None:
    fold = Fold(grace_blocks=3)
    blocks = [Block(number, f"b{number}", (number,)) for number in range(100)]
    sequence = FIRST
    for block in blocks:
        for kind in (EventKind.APPLY, EventKind.SAFE, EventKind.FINALIZED):
            fold.add(fact(kind, sequence, block))
            sequence += 1
        fold.forget(fold.prunable())
    assert fold.blocks == 3
    assert set(fold.states()) == {transaction(97), transaction(98), transaction(99)}
    # Facts at or below the pruned sequence are ignored from then on.
    assert fold.add(fact(EventKind.REVERT, FIRST + 5, blocks[1])) == []
    assert fold.blocks == 3


def test_an_included_elsewhere_names_its_block_and_epoch() -> None:
    first, second = Block(7, "here", (1, 2)), Block(7, "there", (2, 3))
    fold = Fold()
    fold.add(fact(EventKind.APPLY, 10, first))
    fold.add(fact(EventKind.SAFE, 11, first))
    reorged = states_in(fold.add(fact(EventKind.REVERT, 12, first)))
    assert reorged[transaction(2)] == TransactionState("REORGED", "SAFE", 12, first.hash, 1)
    included = states_in(fold.add(fact(EventKind.APPLY, 13, second)))
    assert included[transaction(2)] == TransactionState("INCLUDED", "REORGED", 13, second.hash, 1)
    assert included[transaction(3)] == TransactionState("INCLUDED", None, 13, second.hash, 0)
    state = fold.states()[transaction(1)][1]
    assert state.current.version == 12 * 16 + 8
    assert state.retracts == 11 * 16 + 6


def test_a_fork_below_finality_that_an_operator_accepts_is_followed() -> None:
    block = Block(7, "final", (1,))
    fold = Fold()
    for sequence, kind in enumerate((EventKind.APPLY, EventKind.FINALIZED, EventKind.REVERT), 10):
        fold.add(fact(kind, sequence, block))
    assert fold.states()[transaction(1)][1].current.state.name == "REORGED"


def test_a_tag_on_a_block_that_is_not_canonical_contradicts() -> None:
    block, other = Block(7, "a", (1,)), Block(7, "b", ())
    fold = Fold()
    fold.add(fact(EventKind.APPLY, 10, block))
    assert fold.contradicts(fact(EventKind.SAFE, 11, other))
    assert not fold.contradicts(fact(EventKind.SAFE, 11, block))
    assert not fold.contradicts(fact(EventKind.SAFE, 11, Block(6, "before our start", ())))
    fold.add(fact(EventKind.REVERT, 11, block))
    assert fold.contradicts(fact(EventKind.SAFE, 12, block))


@given(lives(), st.data())
def test_a_repair_of_a_block_that_was_right_changes_only_versions(
    facts: list[Fact], data: st.DataObject
) -> None:
    fold = Fold(NEVER)
    for each in facts:
        fold.add(each)
    canonical = {
        block.hash: block for block, state in fold.states().values() if state.current.state.name != "REORGED"
    }
    assume(canonical)
    block = canonical[data.draw(st.sampled_from(sorted(canonical)))]
    before, sequence = plain(fold), facts[-1].sequence + 1
    repair = msgspec.structs.replace(
        facts[-1],
        kind=int(EventKind.REPAIR),
        sequence=sequence,
        number=block.number,
        hash=block.hash,
        content=block.content,
        replaced=None,
    )
    told = states_in(fold.add(repair))
    after = plain(fold)
    assert after == {
        name: replace(state, sequence=sequence) if name in told else state for name, state in before.items()
    }
    assert set(told) == {
        name for name, state in before.items() if state.block == block.hash and name in block.transactions
    }


BLOCK = Block(7, "seven", (1, 2))
OTHER = Block(7, "seven", (2, 3))


def folded(*facts: Fact, pruned: int = -1) -> tuple[Fold, list[Change]]:
    """The fold of facts, and what the last of them changed."""
    fold = Fold(pruned=pruned)
    changes: list[Change] = []
    for each in facts:
        changes = fold.add(each)
    return fold, changes


def test_a_repair_with_other_content_takes_back_what_was_never_there() -> None:
    fold, changes = folded(
        fact(EventKind.APPLY, 10, BLOCK), fact(EventKind.SAFE, 11, BLOCK), fact(EventKind.REPAIR, 12, OTHER)
    )
    assert states_in(changes) == {
        transaction(1): TransactionState("REORGED", "SAFE", 12, BLOCK.hash, 0),
        transaction(2): TransactionState("SAFE", "INCLUDED", 12, BLOCK.hash, 0),
        transaction(3): TransactionState("SAFE", None, 12, BLOCK.hash, 0),
    }
    (gone,) = [change.state for change in changes if change.state.retracts is not None]
    assert gone.retracts == 11 * 16 + 6
    reverted = states_in(fold.add(fact(EventKind.REVERT, 13, OTHER)))
    assert reverted == {
        transaction(2): TransactionState("REORGED", "SAFE", 13, BLOCK.hash, 1),
        transaction(3): TransactionState("REORGED", "SAFE", 13, BLOCK.hash, 1),
    }
    assert fold.states()[transaction(2)][1].retracts == 12 * 16 + 6


def test_a_repair_leaves_a_transaction_to_another_canonical_block_that_holds_it() -> None:
    first = Block(6, "six", (1,))
    _, changes = folded(
        fact(EventKind.APPLY, 10, first), fact(EventKind.APPLY, 11, BLOCK), fact(EventKind.REPAIR, 12, OTHER)
    )
    assert states_in(changes)[transaction(1)] == TransactionState("INCLUDED", "INCLUDED", 12, first.hash, 0)


def test_a_repair_gives_a_block_its_transactions_with_the_state_that_holds() -> None:
    """Its APPLY was in the dead letters: nothing was known, which is not that it had none."""
    fold, changes = folded(
        fact(EventKind.APPLY, 10, BLOCK, lost=True),
        fact(EventKind.SAFE, 11, BLOCK),
        fact(EventKind.FINALIZED, 12, BLOCK),
    )
    assert changes == []
    assert not fold.knows(BLOCK.hash)
    changes = fold.add(fact(EventKind.REPAIR, 13, BLOCK))
    final = TransactionState("FINALIZED", "SAFE", 13, BLOCK.hash, 0)
    assert states_in(changes) == {transaction(1): final, transaction(2): final}
    assert [change.state.current.version for change in changes] == [13 * 16 + 7]


def test_a_repair_of_a_block_that_left_the_fold_says_what_is_final_and_what_is_gone() -> None:
    tag = fact(EventKind.FINALIZED, 1_000, Block(900, "later", ()))
    fold, changes = folded(
        tag, fact(EventKind.REPAIR, 1_001, OTHER, replaced=Block(7, "seven", (1,))), pruned=999
    )
    assert states_in(changes) == {
        transaction(1): TransactionState("REORGED", None, 1_001, BLOCK.hash, 0),
        transaction(2): TransactionState("FINALIZED", None, 1_001, BLOCK.hash, 0),
        transaction(3): TransactionState("FINALIZED", None, 1_001, BLOCK.hash, 0),
    }
    assert fold.add(fact(EventKind.REPAIR, 999, BLOCK)) == []


def test_a_repair_of_the_block_that_does_hold_it_puts_right_what_a_deep_repair_took_back() -> None:
    """Block 7 had the body of block 6, both left the fold: only the log before the fold knows block 6."""
    six = Block(6, "six", (1,))
    tag = fact(EventKind.FINALIZED, 1_000, Block(900, "later", ()))
    deep = fact(EventKind.REPAIR, 1_001, Block(7, "seven", (2,)), replaced=Block(7, "seven", (1,)))
    for facts in ((tag, deep), (tag, fact(EventKind.REPAIR, 999, six), deep)):
        fold, changes = folded(*facts, pruned=999)
        assert states_in(changes)[transaction(1)].state == "REORGED"
        # What `headwater verify --repair` asks for: its transaction is not INCLUDED in block 6.
        changes = fold.add(fact(EventKind.REPAIR, 1_002, six))
        assert states_in(changes) == {
            transaction(1): TransactionState("FINALIZED", "REORGED", 1_002, six.hash, 0)
        }
    # In the other order nothing has to be put right.
    later = msgspec.structs.replace(deep, sequence=1_002)
    fold, changes = folded(tag, fact(EventKind.REPAIR, 1_001, six), later, pruned=999)
    assert transaction(1) not in states_in(changes)
    assert plain(fold)[transaction(1)] == TransactionState("FINALIZED", None, 1_001, six.hash, 0)


def test_a_repair_revert_says_a_removal_again_and_counts_it_once() -> None:
    applied, reverted = fact(EventKind.APPLY, 10, BLOCK), fact(EventKind.REVERT, 11, BLOCK)
    again = fact(EventKind.REPAIR_REVERT, 12, BLOCK)
    gone = TransactionState("REORGED", "INCLUDED", 12, BLOCK.hash, 1)
    for facts in ((applied, reverted, again), (applied, again)):
        fold, changes = folded(*facts)
        assert states_in(changes) == {transaction(1): gone, transaction(2): gone}
        assert {change.state.retracts for change in changes} == {10 * 16 + 5}
        assert states_in(fold.add(fact(EventKind.APPLY, 13, BLOCK)))[transaction(1)].epoch == 1


def test_a_repair_revert_of_a_block_that_left_the_fold_retracts_nothing() -> None:
    """Its transactions were mined again in blocks that left it too, where they are final."""
    fold, sequence = Fold(grace_blocks=2), FIRST
    orphan, canonical = Block(1, "one", (7, 8)), Block(1, "another one", (7,))
    events = [(EventKind.APPLY, orphan), (EventKind.REVERT, orphan), (EventKind.APPLY, canonical)]
    events += [(EventKind.APPLY, Block(number, f"block {number}", ())) for number in range(2, 9)]
    told: dict[bytes, TransactionState] = {}
    for kind, block in [*events, (EventKind.FINALIZED, Block(8, "block 8", ()))]:
        told |= states_in(fold.add(fact(kind, sequence, block)))
        sequence += 1
    assert (told[transaction(7)].state, told[transaction(8)].state) == ("FINALIZED", "REORGED")
    fold.forget(fold.prunable())
    assert fold.holds(orphan.hash) is fold.holds(canonical.hash) is None
    again = [fact(EventKind.REPAIR_REVERT, sequence + each, orphan) for each in range(2)]
    assert [fold.add(each) for each in again] == [[], []]
    assert restored({key_of(each.sequence): pack(each) for each in again}).fold.states() == {}
    # What joins the chain again is told as ever, and was not reverted a second time.
    changes = states_in(fold.add(fact(EventKind.APPLY, sequence + 2, orphan)))
    assert changes[transaction(8)] == TransactionState("INCLUDED", None, sequence + 2, orphan.hash, 0)


def test_a_repair_is_what_is_known_of_a_block_whose_apply_is_not() -> None:
    fold, changes = folded(fact(EventKind.REPAIR, 12, BLOCK))
    assert {state.state for state in states_in(changes).values()} == {"INCLUDED"}
    final = states_in(fold.add(fact(EventKind.FINALIZED, 13, BLOCK)))
    assert {state.state for state in final.values()} == {"FINALIZED"}
    assert fold.add(fact(EventKind.APPLY, 10, BLOCK)) == []
    assert plain(fold)[transaction(1)] == TransactionState("FINALIZED", "INCLUDED", 13, BLOCK.hash, 0)


def test_facts_of_a_table_from_before_repairs_are_read() -> None:
    """Written by the version before: the changelog of a running deployment has such values."""
    old = fact(EventKind.APPLY, 10, Block(7, "seven", (1,)))
    assert unpack(bytes.fromhex(OLD_FACT)) == old


def test_a_fresh_numbering_is_no_hole() -> None:
    table = {
        key_of(each.sequence): pack(each)
        for each in (
            fact(EventKind.APPLY, 10, Block(1, "a", (1,))),
            fact(EventKind.CLAIM, 5_000, None, fresh=True),
            fact(EventKind.APPLY, 5_001, Block(2, "b", (2,))),
        )
    }
    assert set(restored(table).fold.states()) == {transaction(1), transaction(2)}
