"""Rules that count: within a window, over windows, and when nothing comes."""

from __future__ import annotations

import pytest

from streams.logic.alerts.alert import alert_id
from streams.logic.alerts.rule import Comparison, Function, Match
from tests.builders.alerting_chain import C, Chain, K, P, R
from tests.builders.alerts import (
    ALICE,
    BOB,
    OTHER,
    START,
    TOKEN,
    content,
    count,
    measure,
    rule,
    text,
    transaction,
    transfer,
    window,
)
from topics.chainlog.kinds import EventKind


def test_sums_fire_when_reached_once_a_window_and_leave_with_the_block_that_reached_them() -> None:
    rich = window(60, measure(Function.SUM, "value", Comparison.ABOVE, 9))
    chain = Chain(rule("rich", window=rich))
    assert not chain.tell(K.APPLY, 0, content(transfer(0, 9)))
    alerts = chain.tell(K.APPLY, 1, content(transfer(0, 2**255)), at=20)
    assert alerts["rich"] == (P, {"count": "2", "sum(value)": str(2**255 + 9)})
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
    assert chain.alerting.fold.unknown_times == {START + 60_000}


def test_a_rule_that_comes_while_the_time_of_the_tip_is_not_known_begins_in_the_middle() -> None:
    """The tip is the last final block then: it was forgotten, its time was not."""
    chain = Chain()
    for number in range(3):
        chain.tell(K.APPLY, number, content(transfer(0, 1)), at=10 * number)
    chain.tell(K.FINALIZED, 1, at=10)
    chain.tell(K.REVERT, 2, at=20)
    chain.change(chain.texts.change(rule("rush", window=window(60, count(Comparison.AT_LEAST, 1)))))
    said = chain.tell(K.APPLY, 2, content(transfer(0, 1)), at=25)
    assert said["rush"] == (P, {"count": "1", "incomplete": "true"})
    assert "incomplete" not in chain.tell(K.APPLY, 3, content(transfer(0, 1)), at=60)["rush"][1]


def test_what_is_skipped_behind_a_tip_whose_time_is_not_known_leaves_its_window_incomplete() -> None:
    chain = Chain(rule("rush", window=window(60, count(Comparison.AT_LEAST, 3))))
    for number in range(3):
        chain.tell(K.APPLY, number, content(), at=10 * number)
    chain.tell(K.FINALIZED, 1, at=10)
    chain.tell(K.REVERT, 2, at=20)
    chain.tell(K.APPLY, 9, content(), at=70)
    assert START + 10_000 in chain.alerting.fold.unknown_times


def test_a_silence_over_what_is_not_known_says_so() -> None:
    gone = rule("gone", Match.ABSENCE, of=Match.TOKEN_TRANSFER, within_ms=60_000)
    for body, number in (({"problem": "unreadable"}, 1), (content(), 7)):
        chain = Chain(gone)
        chain.tell(K.APPLY, 0, content(transfer(0, 1)))
        chain.tell(K.APPLY, number, body, at=30)
        chain.tell(K.FINALIZED, number, at=30)
        said = chain.tell(K.APPLY, number + 1, content(), at=70)
        assert said["gone"] == (P, {"silent_since": str(START), "incomplete": "true"}), body
        # What is known again is certain.
        chain.tell(K.APPLY, number + 2, content(transfer(0, 1)), at=80)
        assert chain.tell(K.APPLY, number + 3, content(), at=150)["gone"][1].keys() == {"silent_since"}


def test_a_silence_is_certain_once_the_block_is_repaired() -> None:
    chain = Chain(rule("gone", Match.ABSENCE, of=Match.TOKEN_TRANSFER, within_ms=60_000))
    chain.tell(K.APPLY, 0, content(transfer(0, 1)))
    chain.tell(K.APPLY, 1, {"problem": "unreadable"}, at=30)
    assert "incomplete" in chain.tell(K.APPLY, 2, content(), at=70)["gone"][1]
    assert chain.tell(K.REPAIR, 1, content(), at=30)["gone"] == (P, {"silent_since": str(START)})
    assert chain.tell(K.REPAIR, 1, content(transfer(0, 1)), at=30)["gone"][0] is R


def test_what_stands_says_at_once_that_a_final_block_of_its_window_was_repaired() -> None:
    """It was said with whatever had the blocks join again next, which may never come."""
    chain = Chain(rule("rush", window=window(60, count(Comparison.AT_LEAST, 1))))
    chain.tell(K.APPLY, 0, content())
    chain.tell(K.FINALIZED, 0)
    assert chain.tell(K.APPLY, 1, content(transfer(0, 1)), at=10)["rush"] == (P, {"count": "1"})
    assert not set(chain.tell(K.APPLY, 2, content(), at=70))
    again = chain.tell(K.REPAIR, 0, content(transfer(0, 1)))
    assert again["rush"] == (P, {"count": "1", "incomplete": "true"})
    assert not chain.tell(K.REPAIR, 0, content(transfer(0, 1))), "nothing is new"
    assert chain.tell(K.FINALIZED, 2, at=70)["rush"][1]["incomplete"] == "true"


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
    alerts = chain.tell(K.APPLY, 2, content(transfer(0, 1)), at=61)
    assert alerts["gone"] == (P, {"silent_since": str(START)})
    assert not chain.tell(K.APPLY, 3, content(), at=121)
    assert set(chain.tell(K.APPLY, 4, content(), at=122)) == {"gone", "quiet"}
    assert not chain.tell(K.APPLY, 5, content(), at=900)
    chain.tell(K.REVERT, 5, at=900)
    assert {each[0] for each in chain.tell(K.REVERT, 4, at=122).values()} == {R}


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
    alerts = chain.tell(K.REPAIR, 0, content(transactions=[transaction(0)]))
    assert alerts["few"] == (P, {"count": "1"}), "block 1 would have judged it"
    assert not chain.tell(K.APPLY, 2, content(), at=62)
    assert chain.tell(K.REVERT, 2, at=62) == {}
    assert chain.tell(K.REVERT, 1, at=61)["few"][0] is R


def test_a_repair_of_a_final_block_judges_nothing_anew() -> None:
    once = window(60, count(Comparison.AT_LEAST, 1))
    chain = Chain(rule("rush", group_by=("from_address",), window=once), max_groups=1)
    chain.tell(K.APPLY, 0, content())
    chain.tell(K.APPLY, 1, content(transfer(0, 1, ALICE)), at=100)
    chain.tell(K.APPLY, 2, content(), at=170)
    refused = chain.event(K.APPLY, 3, content(transfer(0, 1, BOB)), "", 200)
    assert (refused.versions, dict(refused.refused)) == ({}, {"rush": 1})
    chain.tell(K.FINALIZED, 2, at=170)  # There is room now, and there was none when it was asked for.
    again = chain.event(K.REPAIR, 0, content(), "", 0)
    assert (again.versions, dict(again.refused), again.blocks) == ({}, {}, {})


def test_a_repair_of_a_final_block_tells_no_label_that_came_later() -> None:
    chain = Chain(rule("rush", group_by=("from_address",), window=window(60, count(Comparison.AT_LEAST, 1))))
    chain.tell(K.APPLY, 0, content())
    chain.tell(K.FINALIZED, 0)
    assert chain.tell(K.APPLY, 1, content(transfer(0, 1, ALICE)), at=100)["rush"] == (P, {"count": "1"})
    chain.change(chain.texts.put("label:" + text(ALICE), "exchange"))
    chain.tell(K.APPLY, 2, content(), at=112)
    assert not chain.tell(K.REPAIR, 0, content())


def test_what_is_not_known_behind_a_block_says_nothing_of_its_windows() -> None:
    states = rule(
        "states",
        Match.TRANSACTION_STATE,
        where=lambda record, lists: record["state"] == "SAFE",
        window=window(60, count(Comparison.AT_LEAST, 1_000)),
    )
    chain = Chain(rule("wide", window=window(3600, count(Comparison.AT_LEAST, 1))), states)
    chain.tell(K.APPLY, 0, content(transactions=[transaction(0)]))
    assert chain.tell(K.APPLY, 1, content(transfer(0, 1)), at=70)["wide"] == (P, {"count": "1"})
    chain.tell(K.APPLY, 2, {"problem": "it cannot be read"}, at=80)
    assert not chain.tell(K.SAFE, 0), "all blocks join again behind the states"
    chain.tell(K.REVERT, 2, at=80)
    assert chain.tell(K.FINALIZED, 1, at=70)["wide"] == (C, {"count": "1"})


@pytest.mark.parametrize("kind", [K.REPAIR, K.SAFE], ids=lambda kind: kind.name)
def test_a_label_that_came_later_is_not_told_of_what_joins_again(kind: EventKind) -> None:
    states = rule(
        "states",
        Match.TRANSACTION_STATE,
        where=lambda record, lists: record["state"] == "SAFE",
        window=window(60, count(Comparison.AT_LEAST, 1_000)),
    )
    rush = rule("rush", group_by=("from_address",), window=window(60, count(Comparison.AT_LEAST, 1)))
    chain = Chain(rush, states)
    chain.tell(K.APPLY, 0, content(transactions=[transaction(0)]))
    assert chain.tell(K.APPLY, 1, content(transfer(0, 1, ALICE)), at=100)["rush"] == (P, {"count": "1"})
    chain.change(chain.texts.put("label:" + text(ALICE), "exchange"))
    chain.tell(K.APPLY, 2, content(), at=112)
    if kind is K.SAFE:
        assert not chain.tell(kind, 0)
    else:
        assert not chain.tell(kind, 1, content(transfer(0, 1, ALICE)), at=100)
