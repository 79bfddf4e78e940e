"""Rules and lists that change while alerts stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from schemas import codec_for
from streams.logic.alerts.alerting import Alerting
from streams.logic.alerts.decision import Status
from streams.logic.alerts.entries import STREAM, Entries
from streams.logic.alerts.rule import Comparison, Match, Requirement
from streams.logic.alerts.tracks import TrackKey, Tracks
from tests.builders.alerting_chain import C, Chain, K, P
from tests.builders.alerts import (
    ALICE,
    BOB,
    CAROL,
    TOKEN,
    Texts,
    content,
    count,
    rule,
    text,
    transaction,
    transfer,
    window,
)


def test_the_first_of_two_changes_before_an_event_is_what_judged_the_blocks_until_then() -> None:
    chain = Chain(rule("gone"))
    body = content(transfer(0, 9))
    chain.tell(K.APPLY, 0, body)
    other = rule("gone", text="never", where=lambda record, lists: False)
    chain.change(chain.texts.change(other), chain.texts.put("rule:gone", None))
    assert not chain.tell(K.APPLY, 1, content(), at=1)
    assert not chain.tell(K.REPAIR, 0, body)


def test_a_list_of_a_hundred_thousand_addresses_is_written_once_and_read_again() -> None:
    """An entry an address, of a bounded size: no message of the topic has all of them, and no event again."""
    watched = rule(
        "watched",
        where=lambda record, lists: record["from_address"] in lists["watched"],
        lists=frozenset({"watched"}),
        requirements=(Requirement("from_address", list="watched"),),
    )
    chain, entries, number = Chain(watched), Entries(), 100_000
    chain.change(*(chain.texts.put(f"list:watched:0x{each:040x}", "") for each in range(number)))
    chain.change(chain.texts.put(f"list:watched:{text(ALICE)}", ""))
    decision = chain.event(K.APPLY, 0, content(transfer(0, 1)), "", 0)
    assert [each.alert.rule_id for each in decision.versions.values()] == ["watched"]
    topic = {key: entry for key, entry in entries.changes(chain.alerting.fold, decision) if entry is not None}
    sizes = [len(entry) for key, entry in topic.items() if key.startswith(b"configuration:list:")]
    assert len(sizes) == number + 1
    assert max(sizes) < 150
    # What an event writes behind that knows nothing of the list's length.
    decision = chain.event(K.APPLY, 1, content(transfer(0, 1, BOB)), "", 1)
    topic |= (later := dict(entries.changes(chain.alerting.fold, decision)))
    assert len(later) < 5
    again = Alerting("ethereum", chain.texts.compile)
    read = codec_for(STREAM).read
    Entries().restore(again, topic, lambda raw: read(raw, 0), lambda *problem: pytest.fail(str(problem)))
    assert len(again.configuration.raw_lists["watched"]) == number + 1
    assert again.fold.blocks.keys() == chain.alerting.fold.blocks.keys()


def test_a_rule_that_changes_resolves_what_is_confirmed_of_a_window_that_is_not_over() -> None:
    """Its block was forgotten with finality, and the alert with it, though its window went on."""
    rush = rule("rush", group_by=("from_address",), window=window(600, count(Comparison.AT_LEAST, 1)))
    many = rule("many", Match.TRANSACTION_STATE, window=window(600, count(Comparison.AT_LEAST, 1)))
    chain = Chain(rush, many, rule("large"))
    chain.tell(K.APPLY, 0, content(transfer(0, 1), transactions=[transaction(0)]))
    chain.tell(K.FINALIZED, 0)
    chain.change(chain.texts.change(replace(rush, text="rush, edited")), chain.texts.put("rule:many", None))
    decision = chain.event(K.APPLY, 1, content(), "", 10)
    assert {
        each.alert.rule_id: (each.status, each.reason, each.block.number)
        for each in decision.versions.values()
    } == {
        "rush": (Status.RESOLVED, "the rule was changed", 0),
        "many": (Status.RESOLVED, "the rule was removed", 0),
    }
    # Behind its end there is nothing to resolve, and nothing is remembered.
    chain.tell(K.APPLY, 2, content(transfer(0, 1)), at=20)
    chain.tell(K.APPLY, 3, content(), at=600)
    chain.tell(K.FINALIZED, 3, at=600)
    assert not chain.alerting.fold.tracks
    chain.change(chain.texts.put("rule:rush", None))
    assert not chain.tell(K.APPLY, 4, content(), at=601)


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


def test_all_rules_that_an_edit_changes_are_looked_for_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """One by one it took minutes where thousands of them counted for some groups each."""
    looked: list[set[str]] = []
    of_rules = Tracks.of_rules

    def counted(tracks: Tracks, rule_ids: Mapping[str, str]) -> list[TrackKey]:
        looked.append(set(rule_ids))
        return of_rules(tracks, rule_ids)

    monkeypatch.setattr(Tracks, "of_rules", counted)
    names = [f"r{number}" for number in range(5)]
    rush = window(60, count(Comparison.AT_LEAST, 1))
    chain = Chain(*(rule(name, window=rush) for name in names))
    assert chain.tell(K.APPLY, 0, content(transfer(0, 1))).keys() == set(names)
    edited = [chain.texts.change(rule(name, text=f"{name}, edited", window=rush)) for name in names[1:]]
    chain.change(chain.texts.put("rule:r0", None), *edited)
    decision = chain.event(K.APPLY, 1, content(), "", 1)
    reasons = {each.alert.rule_id: each.reason for each in decision.versions.values()}
    assert reasons == {"r0": "the rule was removed"} | dict.fromkeys(names[1:], "the rule was changed")
    assert looked[1:] == [set(names)]


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


def test_a_text_that_is_no_longer_in_force_has_no_cooldown_and_its_successor_one_of_its_own() -> None:
    moved = rule("moved", cooldown_ms=60_000)
    chain = Chain(moved)
    assert chain.tell(K.APPLY, 0, content(transfer(0, 1)))
    assert not chain.tell(K.REPAIR, 0, content(transfer(0, 1), transfer(1, 1))), "it is held back"
    chain.change(chain.texts.put("rule:moved", None))
    assert not chain.tell(K.APPLY, 1, content(), at=1)
    chain.change(chain.texts.change(moved))
    alerts = chain.tell(K.APPLY, 2, content(transfer(0, 1)), at=2)
    assert alerts["moved"][0] is P
    assert "held_back" not in alerts["moved"][1]
    assert not chain.tell(K.APPLY, 3, content(transfer(0, 1)), at=3)
    decision = chain.event(K.REPAIR, 0, content(transfer(0, 1), transfer(2, 1)), "", 0)
    assert [(each.alert.log_index, each.status) for each in decision.versions.values()] == [(2, P)]
