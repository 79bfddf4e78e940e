"""What an event is to the branch, and what is reported of one that cannot be."""

from __future__ import annotations

import pytest

from audit.stream_check.algebra.branch import PROOF, Branch, BranchKind, Named


def name(text: str, number: int) -> Named:
    return Named(number, text.encode())


class Follower:
    """A branch that is told of blocks by names like `3a` above `2`: height and hash are read from them."""

    def __init__(self, *, whole: bool = True, remembered: int = 100) -> None:
        self.branch = Branch(whole=whole, remembered=remembered)

    def __call__(self, block: str, parent: str, *, removed: bool = False) -> BranchKind:
        return self.step(block, parent, removed=removed)[0]

    def step(self, block: str, parent: str, *, removed: bool = False) -> tuple[BranchKind, str]:
        step = self.branch.apply(name(block, int(block[0])), parent.encode(), removed=removed)
        return step.kind, step.problem


def test_forks_and_repairs_are_told_apart() -> None:
    say = Follower()
    assert [say("1", "0"), say("2", "1"), say("3", "2")] == [BranchKind.APPLY] * 3
    assert say("2", "1") is BranchKind.REPAIR
    assert say("3", "2", removed=True) is BranchKind.REVERT
    assert say("3", "2", removed=True) is BranchKind.REPAIR_REVERT
    assert say("3b", "2") is BranchKind.APPLY
    assert say.branch.tip == name("3b", 3)


def test_a_hole_is_named_and_the_chain_goes_on_above_it() -> None:
    say = Follower()
    say("1", "0")
    kind, problem = say.step("3", "2")
    assert kind is BranchKind.BROKEN
    assert "is not the tip, block 1" in problem
    assert say("4", "3") is BranchKind.APPLY
    assert say("1", "0") is BranchKind.REPAIR


def test_blocks_that_nothing_took_back_are_counted() -> None:
    say = Follower()
    for number in range(1, 5):
        say(str(number), str(number - 1))
    kind, problem = say.step("3b", "2")
    assert kind is BranchKind.BROKEN
    assert "a consumer keeps 2 blocks above the parent" in problem
    assert say("4b", "3b") is BranchKind.APPLY
    kind, problem = say.step("3b", "2", removed=True)
    assert kind is BranchKind.BROKEN
    assert "a consumer keeps 1 blocks above it" in problem
    assert say("3", "2") is BranchKind.APPLY


def test_a_removal_that_names_another_parent_is_found() -> None:
    say = Follower()
    say("1", "0")
    say("2", "1")
    assert say("2", "1b", removed=True) is BranchKind.BROKEN


def test_going_back_below_the_beginning_goes_by_parents() -> None:
    say = Follower()
    say("5", "4")
    assert say("5", "4", removed=True) is BranchKind.REVERT
    assert say("4", "3", removed=True) is BranchKind.REVERT
    assert say("4b", "3") is BranchKind.APPLY


def test_what_is_below_all_that_is_remembered_is_not_judged() -> None:
    say = Follower(remembered=3)
    for number in range(1, 7):
        say(str(number), str(number - 1))
    assert say("1", "0") is BranchKind.BELOW
    assert say("2x", "1", removed=True) is BranchKind.BELOW
    assert say("5", "4") is BranchKind.REPAIR


def test_an_unproven_beginning_may_be_a_repair() -> None:
    say = Follower(whole=False)
    assert say("3", "2") is BranchKind.BELOW
    assert say("7", "6") is BranchKind.BELOW
    assert say("8", "7") is BranchKind.APPLY
    assert say("9", "7") is BranchKind.BROKEN


def test_an_unproven_beginning_may_be_a_replay_of_several_blocks() -> None:
    say = Follower(whole=False)
    assert [say("1", "0"), say("2", "1"), say("3", "2")] == [
        BranchKind.BELOW,
        BranchKind.APPLY,
        BranchKind.APPLY,
    ]
    assert say("7", "6") is BranchKind.BELOW
    assert say.branch.unproven
    assert say.branch.beginnings == 2


def test_a_block_that_was_said_and_is_taken_back_was_the_tip() -> None:
    say = Follower(whole=False)
    say("2", "1")
    assert say("2", "1", removed=True) is BranchKind.REVERT
    assert say("2b", "1") is BranchKind.APPLY
    assert say("7", "6") is BranchKind.BROKEN


def test_removals_alone_tell_nothing_of_the_branch() -> None:
    say = Follower(whole=False)
    assert say("5", "4", removed=True) is BranchKind.BELOW
    assert say("3", "2") is BranchKind.BELOW
    assert say("4b", "3") is BranchKind.APPLY


def test_after_so_many_blocks_that_join_they_are_new_ones() -> None:
    branch = Branch(whole=False)
    for number in range(PROOF + 1):
        assert branch.unproven
        branch.apply(Named(number, b"%d" % number), b"%d" % (number - 1), removed=False)
    assert not branch.unproven
    assert branch.apply(Named(999, b"999"), b"998", removed=False).kind is BranchKind.BROKEN


def with_a_gap() -> Follower:
    """The events of 2 and 3 are missing: what is above was reported, and is followed."""
    say = Follower()
    say("1", "0")
    assert say("4", "3") is BranchKind.BROKEN
    assert say("5", "4") is BranchKind.APPLY
    return say


@pytest.mark.parametrize("order", ["23", "32"], ids=["from below", "from above"])
def test_a_repair_fills_a_gap_and_takes_nothing_off_the_branch(order: str) -> None:
    say = with_a_gap()
    for block in order:
        assert say(block, str(int(block) - 1)) is BranchKind.REPAIR
    assert say("6", "5") is BranchKind.APPLY
    assert all(each.encode() in say.branch for each in "123456")
    assert say("2b", "1") is BranchKind.BROKEN, "the gap is filled: it is another branch's"


def test_a_gap_is_filled_by_no_other_branchs_block() -> None:
    assert with_a_gap()("2", "1b") is BranchKind.BROKEN
