"""What rules say of blocks that come, become final, leave and are said again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from headwater.errors import Permanent
from streams.logic.alerts.alert import alert_id
from streams.logic.alerts.alerting import Alerting
from streams.logic.alerts.configuration import Change
from streams.logic.alerts.decision import Decision, Status
from streams.logic.alerts.rule import Comparison, ConditionError, Finality, Function, Match, Requirement, Rule
from tests.builders.alerts import (
    ALICE,
    BOB,
    CAROL,
    OTHER,
    READER,
    START,
    TOKEN,
    Texts,
    content,
    count,
    envelope,
    measure,
    rule,
    text,
    transaction,
    transfer,
    value,
    window,
)
from tests.builders.statistics import hash_of
from topics.chainlog.kinds import EventKind

K, P, C, R = EventKind, Status.PROVISIONAL, Status.CONFIRMED, Status.RETRACTED
Said = dict[str, tuple[Status, dict[str, str]]]


class Chain:
    """An alerting with some rules in force; sequences count by themselves."""

    def __init__(self, *rules: Rule, max_groups: int = 100) -> None:
        self.texts = Texts()
        self.alerting = Alerting("ethereum", self.texts.compile, max_groups=max_groups)
        self._waiting = [self.texts.change(each) for each in rules]
        self._sequence = 99
        self._parents: dict[str, str] = {}

    def change(self, *changes: Change) -> None:
        self._waiting += changes

    def event(self, kind: EventKind, number: int, body: Mapping[str, Any], name: str, at: int) -> Decision:
        self._sequence += 1
        of = envelope(kind, self._sequence, number, name, at)
        of = replace(of, parent_hash=hash_of(str(number - 1)))
        self.alerting.adopt(self._sequence, self._waiting)
        self._waiting = []
        return self.alerting.handle(of, (value(of, body),), READER)

    def tell(
        self, kind: EventKind, number: int, body: Mapping[str, Any] | None = None, name: str = "", at: int = 0
    ) -> Said:
        """Rule → status and values of what goes out."""
        decision = self.event(kind, number, body or {}, name, at)
        return {each.alert.rule_id: (each.status, each.alert.values) for each in decision.versions.values()}


def test_finality_says_when_an_alert_goes_out_first() -> None:
    chain = Chain(*(rule(each.value, finality=each) for each in Finality))
    assert {name: each[0] for name, each in chain.tell(K.APPLY, 0, content(transfer(0, 1))).items()} == {
        "provisional": P
    }
    assert {name: each[0] for name, each in chain.tell(K.SAFE, 0).items()} == {"safe": P}
    assert not chain.tell(K.SAFE, 0)
    assert {each[0] for each in chain.tell(K.FINALIZED, 0).values()} == {C}
    assert not chain.alerting.fold.blocks


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
    said = chain.tell(K.APPLY, 2, content(transfer(0, 1)), at=60)
    assert said["moved"][1]["held_back"] == "1"


def test_sums_fire_when_reached_once_a_window_and_leave_with_the_block_that_reached_them() -> None:
    rich = window(60, measure(Function.SUM, "value", Comparison.ABOVE, 9))
    chain = Chain(rule("rich", window=rich))
    assert not chain.tell(K.APPLY, 0, content(transfer(0, 9)))
    said = chain.tell(K.APPLY, 1, content(transfer(0, 2**255)), at=20)
    assert said["rich"] == (P, {"count": "2", "sum(value)": str(2**255 + 9)})
    assert not chain.tell(K.APPLY, 2, content(transfer(0, 1)), at=40)
    chain.tell(K.REVERT, 2, at=40)
    assert chain.tell(K.REVERT, 1, at=20)["rich"][0] is R
    assert chain.tell(K.APPLY, 1, content(transfer(0, 1)), at=30)["rich"][1]["sum(value)"] == "10"
    assert not chain.tell(K.APPLY, 2, content(transfer(0, 9)), at=60)
    assert chain.tell(K.FINALIZED, 1, at=30)["rich"][0] is C


def test_everything_else_is_judged_by_the_first_block_behind_the_window() -> None:
    calm = window(60, count(Comparison.BELOW, 3), measure(Function.MAX, "value", Comparison.AT_MOST, 9))
    chain = Chain(rule("calm", window=calm))
    chain.tell(K.APPLY, 0, content(transfer(0, 9)))
    assert not chain.tell(K.APPLY, 1, content(transfer(0, 3)), at=59)
    assert chain.tell(K.APPLY, 2, content(), at=60)["calm"] == (P, {"count": "2", "max(value)": "9"})
    assert chain.tell(K.REVERT, 2, at=60)["calm"][0] is R
    chain.tell(K.REVERT, 1, at=59)
    chain.tell(K.APPLY, 1, content(transfer(0, 10)), "b", at=58)
    assert not chain.tell(K.APPLY, 2, content(), "b", at=61)


def test_windows_that_overlap_are_each_an_alert() -> None:
    chain = Chain(rule("rush", window=window(60, count(Comparison.AT_LEAST, 2), every=20)))
    decision = chain.event(K.APPLY, 0, content(transfer(0, 1), transfer(1, 1)), "", 50)
    assert {each.alert.window_start for each in decision.versions.values()} == {
        START,
        START + 20_000,
        START + 40_000,
    }
    assert set(decision.versions) == {alert_id("rush", (), START + each) for each in (0, 20_000, 40_000)}


def test_windows_over_what_is_not_known_say_so() -> None:
    chain = Chain(rule("rush", window=window(60, count(Comparison.AT_LEAST, 1))))
    chain.tell(K.APPLY, 0, {"problem": "unreadable"})
    assert chain.tell(K.APPLY, 1, content(transfer(0, 1)), at=59)["rush"][1]["incomplete"] == "true"
    assert "incomplete" not in chain.tell(K.APPLY, 2, content(transfer(0, 1)), at=60)["rush"][1]
    chain.tell(K.FINALIZED, 2, at=60)
    chain.tell(K.REPAIR, 2, content(), at=60)
    assert chain.alerting.fold.doubts == {START + 60_000}


def test_groups_are_bounded_and_what_is_refused_is_counted() -> None:
    chain = Chain(
        rule("rush", group_by=("token_address",), window=window(60, count(Comparison.AT_LEAST, 1))),
        max_groups=1,
    )
    decision = chain.event(K.APPLY, 0, content(transfer(0, 1), transfer(1, 1, token=OTHER)), "", 0)
    assert [each.alert.group for each in decision.versions.values()] == [{"token_address": text(TOKEN)}]
    assert decision.refused == {"rush": 1}
    chain.tell(K.FINALIZED, 0)
    chain.tell(K.APPLY, 1, content(), at=60)
    chain.tell(K.FINALIZED, 1, at=60)
    assert chain.tell(K.APPLY, 2, content(transfer(1, 1, token=OTHER)), at=61)


def test_silence_is_judged_at_the_next_block() -> None:
    chain = Chain(
        rule("gone", Match.ABSENCE, of=Match.TOKEN_TRANSFER, within_ms=60_000),
        rule("quiet", Match.ABSENCE, of=Match.TOKEN_TRANSFER, within_ms=60_000, group_by=("from_address",)),
    )
    assert not chain.tell(K.APPLY, 0, content())
    assert not chain.tell(K.APPLY, 1, content(), at=60)
    said = chain.tell(K.APPLY, 2, content(transfer(0, 1)), at=61)
    assert said["gone"] == (P, {"silent_since": str(START)})
    assert not chain.tell(K.APPLY, 3, content(), at=121)
    assert set(chain.tell(K.APPLY, 4, content(), at=122)) == {"gone", "quiet"}
    assert not chain.tell(K.APPLY, 5, content(), at=900)
    chain.tell(K.REVERT, 5, at=900)
    assert {each[0] for each in chain.tell(K.REVERT, 4, at=122).values()} == {R}


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


def test_a_repair_replaces_what_the_block_gave_and_what_followed_from_it() -> None:
    chain = Chain(
        rule("large", where=lambda record, lists: int(str(record["value"])) > 5),
        rule("rush", window=window(60, count(Comparison.AT_LEAST, 3))),
    )
    chain.tell(K.APPLY, 0, content(transfer(0, 9), transfer(1, 1)))
    assert chain.tell(K.APPLY, 1, content(transfer(0, 7)), at=1)["rush"][0] is P
    said = chain.tell(K.REPAIR, 0, content(transfer(0, 9)))
    assert said["rush"] == (R, {"count": "3"})
    assert "large" not in said, "it stands as it stood"
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
    said = {each.alert.id: each for each in decision.versions.values()}
    assert {each.status for each in said.values()} == {P}
    assert {each.alert.rule_id: each.alert.rule_version for each in said.values()} == versions
    assert len(said) == 6, "two transfers, three rules"
    assert {each[0] for each in chain.tell(K.REPAIR, 0, content()).values()} == {R}
    assert set(chain.tell(K.REPAIR, 2, body, at=2)) == {"later"}
    chain.tell(K.FINALIZED, 1, at=1)
    assert not chain.alerting.fold.former, "no block is remembered that they judged"


def test_the_first_of_two_changes_before_an_event_is_what_judged_the_blocks_until_then() -> None:
    chain = Chain(rule("gone"))
    body = content(transfer(0, 9))
    chain.tell(K.APPLY, 0, body)
    other = rule("gone", text="never", where=lambda record, lists: False)
    chain.change(chain.texts.change(other), chain.texts.put("rule:gone", None))
    assert not chain.tell(K.APPLY, 1, content(), at=1)
    assert not chain.tell(K.REPAIR, 0, body)


def test_a_rule_that_changes_resolves_what_rests_on_its_counts() -> None:
    rush = rule("rush", window=window(60, count(Comparison.AT_LEAST, 1)))
    chain = Chain(rush, rule("large"), rule("gone", window=window(60, count(Comparison.AT_LEAST, 1))))
    chain.tell(K.APPLY, 0, content(transfer(0, 1)))
    chain.change(
        chain.texts.change(replace(rush, text="rush, edited")),
        chain.texts.put("rule:large", None),
        chain.texts.put("rule:gone", None),
    )
    decision = chain.event(K.APPLY, 1, content(), "", 1)
    assert {each.alert.rule_id: (each.status, each.reason) for each in decision.versions.values()} == {
        "rush": (Status.RESOLVED, "the rule was changed"),
        "gone": (Status.RESOLVED, "the rule was removed"),
    }
    # The same window begins anew under the edited text; an event's alert outlives its rule.
    assert chain.tell(K.APPLY, 2, content(transfer(0, 1)), at=2)["rush"][0] is P
    assert chain.tell(K.FINALIZED, 0) == {"large": (C, chain_values("1"))}


def chain_values(amount: str) -> dict[str, str]:
    """Of a transfer's alert."""
    return {
        **{"log_index": "0", "batch_index": "0", "transaction_hash": text(b"h" * 32)},
        **{"transaction_index": "0", "token_address": text(TOKEN), "token_standard": "ERC20"},
        **{"from_address": text(ALICE), "to_address": text(BOB), "value": amount},
    }


def test_the_same_text_again_is_no_change_and_a_rule_of_another_chain_none_here() -> None:
    rush = rule("rush", window=window(60, count(Comparison.AT_LEAST, 1)))
    chain = Chain(rush, rule("elsewhere", chains=frozenset({"base"})))
    assert set(chain.tell(K.APPLY, 0, content(transfer(0, 1)))) == {"rush"}
    chain.change(chain.texts.change(rush))
    assert not chain.tell(K.APPLY, 1, content(), at=1)
    assert chain.alerting.configuration.rules["rush"].rule.version == 1


def test_rules_that_are_tried_with_every_record_are_bounded() -> None:
    texts = Texts()
    alerting = Alerting("ethereum", texts.compile, max_unindexed=1)
    known = (Requirement("token_address", frozenset({text(TOKEN)})),)
    rules = (
        rule("first"),
        rule("looked up", requirements=known),
        rule("one a block", Match.BLOCK),
        rule("second"),
        rule("first", text="first, edited"),
    )
    refused: list[str] = []
    alerting.adopt(1, map(texts.change, rules), lambda change, problem: refused.append(str(problem)))
    assert set(alerting.configuration.rules) == {"first", "looked up", "one a block"}
    assert alerting.configuration.rules["first"].rule.text == "first, edited"
    (problem,) = refused
    assert "rule second would be tried with every record" in problem
    assert alerting.configuration.index.unindexed == 1


def test_a_list_takes_effect_with_the_next_event() -> None:
    chain = Chain(
        rule(
            "watched",
            lists=frozenset({"w"}),
            where=lambda record, lists: record["from_address"] in lists["w"],
        )
    )
    assert not chain.tell(K.APPLY, 0, content(transfer(0, 1, CAROL)))
    chain.change(chain.texts.put(f"list:w:{text(CAROL)}", ""))
    assert chain.tell(K.APPLY, 1, content(transfer(0, 1, CAROL)))
    chain.change(chain.texts.put(f"list:w:{text(CAROL)}", None))
    assert not chain.tell(K.APPLY, 2, content(transfer(0, 1, CAROL)))


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


def test_a_statistic_is_told_once_a_window_and_leaves_with_the_block_that_told_it() -> None:
    busy = rule(
        "busy",
        Match.STAT,
        where=lambda record, lists: record["statistic"] == "token" and int(str(record["transfer_count"])) > 1,
        title=lambda record, labels: f"{record['token_address']} {record['window_seconds']}",
    )
    chain = Chain(busy)
    assert not chain.tell(K.APPLY, 0, content(transfer(0, 1)))
    decision = chain.event(K.APPLY, 1, content(transfer(0, 1)), "", 12)
    assert [each.alert.title for each in decision.versions.values()] == [f"{text(TOKEN)} 60"]
    assert not chain.tell(K.APPLY, 2, content(transfer(0, 1)), at=24)
    chain.tell(K.REVERT, 2, at=24)
    assert {each[0] for each in chain.tell(K.REVERT, 1, at=12).values()} == {R}
    # The hour, told three minutes later; what was taken back is told again by what counts it again.
    decision = chain.event(K.APPLY, 1, content(transfer(0, 1)), "b", 190)
    assert sorted(each.alert.title[-5:] for each in decision.versions.values()) == [" 3600"]
    assert {each[0] for each in chain.tell(K.FINALIZED, 1, name="b", at=190).values()} == {C}
    assert not chain.alerting.fold.blocks


def test_a_repair_takes_back_the_statistics_that_it_changes_and_no_others() -> None:
    chain = Chain(
        rule(
            "busy",
            Match.STAT,
            where=lambda record, lists: (
                record["statistic"] == "token" and int(str(record["transfer_count"])) > 1
            ),
            title=lambda record, labels: f"{record['token_address']} {record['window_seconds']}",
        )
    )

    def said(*event: Any) -> list[tuple[str, Status]]:
        versions = chain.event(*event).versions.values()
        return sorted((each.alert.title, each.status) for each in versions)

    one, two = content(transfer(0, 1)), content(transfer(0, 1), transfer(1, 1))
    busy = f"{text(TOKEN)} 60"
    assert said(K.APPLY, 0, one, "", 0) == []
    assert said(K.APPLY, 1, one, "", 12) == [(busy, P)]
    assert said(K.REPAIR, 0, one, "", 0) == [], "nothing of it is another"
    assert said(K.REPAIR, 0, content(), "", 0) == [(busy, R)]
    # What a repair adds is told with the block that is repaired.
    hour = f"{text(TOKEN)} 3600"
    assert said(K.REPAIR, 1, two, "", 12) == [(hour, P), (busy, P)]
    assert said(K.REPAIR, 0, one, "", 0) == [(hour, P), (busy, P)], "they stand, with other sums"
    assert said(K.REPAIR, 0, one, "", 0) == []
    assert said(K.REVERT, 1, {}, "", 12) == [(hour, R), (busy, R)]


def test_states_of_transactions_stand_from_the_event_that_decides_them() -> None:
    chain = Chain(rule("state", Match.TRANSACTION_STATE, title=lambda record, labels: str(record["state"])))

    def titles(*event: Any) -> list[tuple[str, Status]]:
        decision = chain.event(*event)
        return [(each.alert.title, each.status) for each in decision.versions.values()]

    body = content(transactions=[transaction(0)])
    assert titles(K.APPLY, 0, body, "", 0) == [("INCLUDED", P)]
    assert titles(K.REVERT, 0, {}, "", 0) == [("INCLUDED", R), ("REORGED", C)]
    assert titles(K.APPLY, 0, body, "", 0) == [("INCLUDED", P)]
    assert titles(K.SAFE, 0, {}, "", 0) == [("SAFE", C)]
    assert titles(K.FINALIZED, 0, {}, "", 0) == [("INCLUDED", C), ("FINALIZED", C)]
    chain.change(chain.texts.put("rule:state", None))
    decision = chain.event(K.APPLY, 1, content(), "", 1)
    assert [key for key, entry in decision.derived if entry is None]


def test_a_repair_takes_back_the_states_of_what_it_drops_and_tells_those_of_what_it_brings() -> None:
    counted = window(60, count(Comparison.AT_LEAST, 4))
    chain = Chain(
        rule("state", Match.TRANSACTION_STATE, title=lambda record, labels: str(record["state"])),
        rule("many", Match.TRANSACTION_STATE, window=counted, title=lambda record, labels: "many"),
    )

    def said(*event: Any) -> list[tuple[str, Status]]:
        versions = chain.event(*event).versions.values()
        return sorted((each.alert.title, each.status) for each in versions)

    one, two = content(transactions=[transaction(0)]), content(transactions=[transaction(1)])
    both = content(transactions=[transaction(0), transaction(1)])
    assert said(K.APPLY, 0, one, "", 0) == [("INCLUDED", P)]
    assert said(K.REPAIR, 0, one, "", 0) == []
    assert said(K.REPAIR, 0, both, "", 0) == [("INCLUDED", P)], "the other one stands as it stood"
    assert said(K.REPAIR, 0, two, "", 0) == [("INCLUDED", R), ("REORGED", C)]
    assert said(K.REPAIR, 0, both, "", 0) == [("INCLUDED", P), ("many", C)]
    assert said(K.SAFE, 0, {}, "", 0) == [("SAFE", C), ("SAFE", C)]
    assert said(K.REPAIR, 0, two, "", 0) == [("INCLUDED", R), ("REORGED", C)]
    assert said(K.REPAIR, 0, both, "", 0) == [("SAFE", C)]
    assert said(K.FINALIZED, 0, {}, "", 0) == [("FINALIZED", C), ("FINALIZED", C), ("INCLUDED", C)]
    assert said(K.REPAIR, 0, one, "", 0) == [], "it is final"


def test_states_of_a_block_are_judged_by_what_judged_it_first() -> None:
    chain = Chain(rule("included", Match.TRANSACTION_STATE), rule("other"))
    chain.tell(K.APPLY, 0, {"problem": "unreadable"})
    chain.change(
        chain.texts.put("rule:included", None),
        chain.texts.change(rule("later", Match.TRANSACTION_STATE)),
    )
    chain.tell(K.APPLY, 1, content(), at=1)
    one = content(transactions=[transaction(0)])
    assert set(chain.tell(K.REPAIR, 0, one)) == {"included"}
    assert {name: each[0] for name, each in chain.tell(K.REPAIR, 0, content()).items()} == {
        "included": R,
        "later": C,
    }


def test_a_text_that_is_no_longer_in_force_has_no_cooldown_and_its_successor_one_of_its_own() -> None:
    moved = rule("moved", cooldown_ms=60_000)
    chain = Chain(moved)
    assert chain.tell(K.APPLY, 0, content(transfer(0, 1)))
    assert not chain.tell(K.REPAIR, 0, content(transfer(0, 1), transfer(1, 1))), "it is held back"
    chain.change(chain.texts.put("rule:moved", None))
    assert not chain.tell(K.APPLY, 1, content(), at=1)
    chain.change(chain.texts.change(moved))
    said = chain.tell(K.APPLY, 2, content(transfer(0, 1)), at=2)
    assert said["moved"][0] is P
    assert "held_back" not in said["moved"][1]
    assert not chain.tell(K.APPLY, 3, content(transfer(0, 1)), at=3)
    decision = chain.event(K.REPAIR, 0, content(transfer(0, 1), transfer(2, 1)), "", 0)
    assert [(each.alert.log_index, each.status) for each in decision.versions.values()] == [(2, P)]


def test_a_state_counts_in_a_window_that_was_judged_whatever_leaves_behind_it() -> None:
    few = window(60, count(Comparison.BELOW, 2))
    chain = Chain(rule("few", Match.TRANSACTION_STATE, window=few))
    chain.tell(K.APPLY, 0, content(transactions=[transaction(0)]))
    assert chain.tell(K.APPLY, 1, content(), at=61)["few"] == (P, {"count": "1"})
    assert chain.tell(K.SAFE, 0)["few"][0] is R, "it is two that were counted"
    chain.tell(K.REVERT, 1, at=61)
    assert not chain.tell(K.APPLY, 1, content(), "b", at=62)


def test_a_window_that_nothing_had_counted_in_when_it_ended_is_judged_by_the_block_behind_its_end() -> None:
    few = window(60, count(Comparison.BELOW, 3))
    chain = Chain(rule("few", Match.TRANSACTION_STATE, window=few))
    chain.tell(K.APPLY, 0, content())
    assert not chain.tell(K.APPLY, 1, content(), at=61)
    said = chain.tell(K.REPAIR, 0, content(transactions=[transaction(0)]))
    assert said["few"] == (P, {"count": "1"}), "block 1 would have judged it"
    assert not chain.tell(K.APPLY, 2, content(), at=62)
    assert chain.tell(K.REVERT, 2, at=62) == {}
    assert chain.tell(K.REVERT, 1, at=61)["few"][0] is R
