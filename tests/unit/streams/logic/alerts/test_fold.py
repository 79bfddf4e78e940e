"""When an alert goes out, what holds it back, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from headwater.errors import Permanent
from streams.logic.alerts.rule import ConditionError, Finality
from streams.logic.alerts.tracks import Cooling
from tests.builders.alerting_chain import C, Chain, K, P
from tests.builders.alerts import ALICE, BOB, CAROL, START, content, rule, transaction, transfer


def test_finality_says_when_an_alert_goes_out_first() -> None:
    chain = Chain(*(rule(each.value, finality=each) for each in Finality))
    assert {name: each[0] for name, each in chain.tell(K.APPLY, 0, content(transfer(0, 1))).items()} == {
        "provisional": P
    }
    assert {name: each[0] for name, each in chain.tell(K.SAFE, 0).items()} == {"safe": P}
    assert not chain.tell(K.SAFE, 0)
    assert {each[0] for each in chain.tell(K.FINALIZED, 0).values()} == {C}
    assert not chain.alerting.fold.blocks


def test_a_block_in_the_place_of_one_that_was_safe_is_not_safe() -> None:
    chain = Chain(rule("safe", finality=Finality.SAFE))
    for number in range(3):
        chain.tell(K.APPLY, number, content(), at=10 * number)
    chain.tell(K.SAFE, 2, at=20)
    chain.tell(K.REVERT, 2, at=20)
    assert not chain.tell(K.APPLY, 2, content(transfer(0, 1)), "other", 21)
    assert not chain.tell(K.REPAIR, 1, content(transactions=[transaction(0)]), at=10)
    assert chain.tell(K.SAFE, 2, name="other", at=21)["safe"][0] is P


def test_blocks_of_one_second_become_final_one_after_the_other() -> None:
    chain = Chain(rule("moved"))
    for number in (0, 1):
        chain.tell(K.APPLY, number, content(transfer(0, 1)))
    for number in (0, 1):
        assert chain.tell(K.FINALIZED, number)["moved"][0] is C
    assert not chain.tell(K.FINALIZED, 1)


def test_what_was_not_told_is_not_retracted() -> None:
    chain = Chain(rule("late", finality=Finality.FINALIZED), rule("soon"))
    chain.tell(K.APPLY, 0, content(transfer(0, 1)))
    assert set(chain.tell(K.REVERT, 0)) == {"soon"}


def test_a_condition_without_a_value_is_counted_and_does_not_match() -> None:
    def broken(record: Mapping[str, object], lists: object) -> bool:
        if record["value"] == 7:
            raise ConditionError("overflow")
        return True

    chain = Chain(rule("broken", where=broken), rule("other"))
    chain.tell(K.APPLY, 0, content(transfer(0, 7), transfer(1, 8)))
    assert chain.alerting.errors == {"broken": 1}
    (block,) = chain.alerting.fold.blocks.values()
    assert [made.alert.rule_id for made in block.made.values()].count("broken") == 1
    assert [made.alert.rule_id for made in block.made.values()].count("other") == 2


def test_a_cooldown_counts_what_it_held_back_and_a_fork_takes_that_back() -> None:
    chain = Chain(rule("moved", group_by=("from_address",), cooldown_ms=60_000))
    assert chain.tell(K.APPLY, 0, content(transfer(0, 1), transfer(1, 1)))
    assert not chain.tell(K.APPLY, 1, content(transfer(0, 1)), at=30)
    chain.tell(K.REVERT, 1, at=30)
    assert chain.tell(K.APPLY, 1, content(transfer(0, 1, BOB)), "b", at=59)
    alerts = chain.tell(K.APPLY, 2, content(transfer(0, 1)), at=60)
    assert alerts["moved"][1]["held_back"] == "1"


def test_what_a_cooldown_held_back_is_told_however_late_and_takes_no_room_of_others() -> None:
    """It kept its group for good: with so many of them no other group made an alert ever again."""
    chain = Chain(rule("moved", group_by=("from_address",), cooldown_ms=60_000), max_groups=1)
    told = []
    for hour, source in enumerate((ALICE, BOB, CAROL, CAROL, ALICE)):
        number, at = 3 * hour, 3_600 * hour
        first = content(transfer(0, 1, source), transfer(1, 1, source))
        for name in ("left", ""):  # the first of the two blocks leaves
            told.append(chain.tell(K.APPLY, number, first, name, at)["moved"][1].get("held_back"))
            if name:
                chain.tell(K.REVERT, number, name=name, at=at)
        assert not chain.tell(K.APPLY, number + 1, content(transfer(0, 1, source)), at=at + 30)
        chain.tell(K.APPLY, number + 2, content(), at=at + 60)
        chain.tell(K.FINALIZED, number + 2, at=at + 60)
    assert told == [*[None] * 6, "2", "2", None, None], "of one group what it held back is kept"
    assert [*chain.alerting.fold.tracks.items().values()] == [Cooling(START + 4 * 3_600_000, 2)]


def test_a_shadowed_rule_goes_to_no_channel() -> None:
    chain = Chain(rule("shadow", shadow=True))
    decision = chain.event(K.APPLY, 0, content(transfer(0, 1)), "", 0)
    ((alert, *_),) = [(each.alert,) for each in decision.versions.values()]
    assert (alert.shadow, alert.channels) == (True, ())


def test_a_tag_that_names_no_canonical_block_is_refused() -> None:
    chain = Chain()
    chain.tell(K.APPLY, 0, content())
    with pytest.raises(Permanent, match="not canonical"):
        chain.tell(K.FINALIZED, 0, name="another")
