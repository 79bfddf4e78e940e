"""Blocks that leave, come again or are repaired take their alerts with them."""

from __future__ import annotations

from dataclasses import replace

from streams.logic.alerts.rule import Comparison, Match
from tests.builders.alerting_chain import C, Chain, K, P, R
from tests.builders.alerts import BOB, content, count, rule, text, transfer, window


def test_a_reorg_is_told_when_the_next_block_joins_and_stays() -> None:
    chain = Chain(rule("deep", Match.REORG, where=lambda record, lists: int(str(record["depth"])) > 1))
    for number in range(3):
        chain.tell(K.APPLY, number, content())
    chain.tell(K.REVERT, 2)
    assert not chain.tell(K.APPLY, 2, content(), "b")
    chain.tell(K.REVERT, 2, name="b")
    chain.tell(K.REVERT, 1)
    status, values = chain.tell(K.APPLY, 1, content(), "c")["deep"]
    assert (status, values["depth"], values["old_block_number"]) == (C, "2", "2")
    assert not chain.tell(K.REVERT, 1, name="c")


def test_each_reorg_is_an_alert_of_its_own_also_between_the_same_blocks() -> None:
    chain = Chain(rule("any", Match.REORG))
    chain.tell(K.APPLY, 0, content())
    chain.tell(K.APPLY, 1, content(), "a")
    told: set[bytes] = set()
    for before, now in (("a", "b"), ("b", "a"), ("a", "b")):
        chain.tell(K.REVERT, 1, name=before)
        told |= chain.event(K.APPLY, 1, content(), now, 0).versions.keys()
    assert len(told) == 3


def test_a_repair_replaces_what_the_block_gave_and_what_followed_from_it() -> None:
    chain = Chain(
        rule("large", where=lambda record, lists: int(str(record["value"])) > 5),
        rule("rush", window=window(60, count(Comparison.AT_LEAST, 3))),
    )
    chain.tell(K.APPLY, 0, content(transfer(0, 9), transfer(1, 1)))
    assert chain.tell(K.APPLY, 1, content(transfer(0, 7)), at=1)["rush"][0] is P
    alerts = chain.tell(K.REPAIR, 0, content(transfer(0, 9)))
    assert alerts["rush"] == (R, {"count": "3"})
    assert "large" not in alerts, "it stands as it stood"
    assert chain.tell(K.REPAIR, 0, content(transfer(0, 2), transfer(1, 1)))["large"][0] is R
    assert not chain.tell(K.REPAIR, 0, {"problem": "again"})
    assert chain.tell(K.REVERT, 1, at=1)["rush"][0] is R


def test_a_block_that_is_said_again_is_judged_by_what_judged_it_first() -> None:
    large = rule("large", where=lambda record, lists: int(str(record["value"])) > 5)
    watched = rule(
        "watched",
        lists=frozenset({"w"}),
        where=lambda record, lists: record["to_address"] in lists["w"],
    )
    chain = Chain(large, watched, rule("gone"))
    listed = f"list:w:{text(BOB)}"
    chain.change(chain.texts.put(listed, ""))
    body = content(transfer(0, 9))
    decision = chain.event(K.APPLY, 0, body, "", 0)
    versions = {each.alert.rule_id: each.alert.rule_version for each in decision.versions.values()}
    chain.tell(K.APPLY, 1, content(), at=1)
    chain.change(
        chain.texts.change(replace(large, text="larger", where=lambda record, lists: False)),
        chain.texts.put("rule:gone", None),
        chain.texts.put(listed, None),
        chain.texts.change(rule("later")),
    )
    chain.tell(K.APPLY, 2, content(), at=2)
    assert not chain.tell(K.REPAIR, 0, body), "it says what it said"

    decision = chain.event(K.REPAIR, 0, content(transfer(0, 7), transfer(1, 8)), "", 0)
    alerts = {each.alert.id: each for each in decision.versions.values()}
    assert {each.status for each in alerts.values()} == {P}
    assert {each.alert.rule_id: each.alert.rule_version for each in alerts.values()} == versions
    assert len(alerts) == 6, "two transfers, three rules"
    assert {each[0] for each in chain.tell(K.REPAIR, 0, content()).values()} == {R}
    assert set(chain.tell(K.REPAIR, 2, body, at=2)) == {"later"}
    chain.tell(K.FINALIZED, 1, at=1)
    assert not chain.alerting.fold.former, "no block is remembered that they judged"
