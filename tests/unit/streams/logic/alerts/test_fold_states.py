"""Statistics and states of transactions, which rules may be about too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from streams.logic.alerts.decision import Status
from streams.logic.alerts.rule import Comparison, Match
from streams.logic.alerts.tracks import Once
from tests.builders.alerting_chain import C, Chain, K, P, R
from tests.builders.alerts import TOKEN, content, count, rule, text, transaction, transfer, window

BUSY_MINUTE = rule(
    "busy",
    Match.STAT,
    where=lambda record, lists: (
        record["statistic"] == "token"
        and record["window_seconds"] == 60
        and int(str(record["transfer_count"])) > 1
    ),
)


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


def test_a_final_snapshot_tells_no_second_time_what_an_earlier_one_told() -> None:
    """What remembered the first one was forgotten before the final one was judged."""
    minute = rule(
        "minute",
        Match.STAT,
        where=lambda record, lists: record["statistic"] == "chain" and record["window_seconds"] == 60,
        cooldown_ms=3_600_000,
    )
    chain = Chain(minute)
    assert set(chain.tell(K.APPLY, 0, content())) == {"minute"}
    assert {each[0] for each in chain.tell(K.FINALIZED, 0).values()} == {C}
    chain.tell(K.APPLY, 1, content(), at=30)
    chain.tell(K.APPLY, 2, content(), at=60)
    assert not chain.tell(K.FINALIZED, 2, at=60), "the first minute was told when its first block came"
    fold = chain.alerting.fold
    told = [each for each in fold.tracks.items().values() if isinstance(each, Once)]
    assert told
    assert all(each.until > fold.final_time for each in told), "nothing is said again of what is final"


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

    def alerts(*event: Any) -> list[tuple[str, Status]]:
        versions = chain.event(*event).versions.values()
        return sorted((each.alert.title, each.status) for each in versions)

    one, two = content(transfer(0, 1)), content(transfer(0, 1), transfer(1, 1))
    busy = f"{text(TOKEN)} 60"
    assert alerts(K.APPLY, 0, one, "", 0) == []
    assert alerts(K.APPLY, 1, one, "", 12) == [(busy, P)]
    assert alerts(K.REPAIR, 0, one, "", 0) == [], "nothing of it is another"
    assert alerts(K.REPAIR, 0, content(), "", 0) == [(busy, R)]
    # What a repair adds is told with the block that is repaired.
    hour = f"{text(TOKEN)} 3600"
    assert alerts(K.REPAIR, 1, two, "", 12) == [(hour, P), (busy, P)]
    assert alerts(K.REPAIR, 0, one, "", 0) == [(hour, P), (busy, P)], "they stand, with other sums"
    assert alerts(K.REPAIR, 0, one, "", 0) == []
    assert alerts(K.REVERT, 1, {}, "", 12) == [(hour, R), (busy, R)]


@pytest.mark.parametrize("moment", [12, 60])
def test_the_repair_of_a_final_block_marks_what_stands_of_its_windows(moment: int) -> None:
    """Which the block behind it is in, or is the first one after."""
    chain = Chain(BUSY_MINUTE)
    two, none = content(transfer(0, 1), transfer(1, 1)), content()
    chain.tell(K.APPLY, 0, content(transfer(0, 1)))
    chain.tell(K.FINALIZED, 0)
    (told,) = chain.tell(K.APPLY, 1, content(transfer(0, 1)), at=12).values()
    assert told[0] is P
    chain.tell(K.APPLY, 2, none, at=moment)
    chain.tell(K.APPLY, 3, two, at=100)

    def marked(transfers: Mapping[str, Any]) -> list[tuple[Status, int | None, str | None]]:
        versions = chain.event(K.REPAIR, 0, transfers, "", 0).versions.values()
        return [(each.status, each.block.number, each.alert.values.get("incomplete")) for each in versions]

    assert marked(none) == [(P, 1, "true")]
    assert marked(none) == [], "it is marked"
    # It says so whatever makes it again.
    assert chain.tell(K.REPAIR, 1, content(transfer(0, 1))) == {}
    status, values = chain.tell(K.FINALIZED, 1, at=12)["busy"]
    assert (status, values["incomplete"]) == (C, "true")


@pytest.mark.parametrize("bound", [1, 3])
def test_what_a_text_told_is_judged_again_where_a_repair_moved_it_to_a_block_of_another(bound: int) -> None:
    """By the text itself, as long as a block is there that it judged."""

    def more_than(least: int) -> Any:
        return lambda record, lists: (
            record["statistic"] == "token"
            and record["window_seconds"] == 60
            and int(str(record["transfer_count"])) > least
        )

    chain = Chain(rule("busy", Match.STAT, where=more_than(bound), text="busy"))
    contents = [content(*(transfer(place, 1) for place in range(number))) for number in range(6)]
    chain.tell(K.APPLY, 0, contents[4])
    chain.change(chain.texts.change(rule("busy", Match.STAT, where=more_than(5), text="busy, edited")))
    chain.tell(K.APPLY, 1, contents[1], at=12)

    def repaired(number: int, transfers: int, at: int) -> list[tuple[Status, int | None, str]]:
        versions = chain.event(K.REPAIR, number, contents[transfers], "", at).versions.values()
        return [(each.status, each.block.number, each.alert.values["transfer_count"]) for each in versions]

    assert repaired(0, 3, 0) == [(P, 1, "4")]
    assert repaired(1, 0, 12) == ([(P, 1, "3")] if bound == 1 else [(R, 1, "4")])
    assert repaired(1, 0, 12) == [], "it says the same"


def test_what_a_rule_told_that_was_removed_stands_where_a_repair_moved_it() -> None:
    chain = Chain(BUSY_MINUTE)
    chain.tell(K.APPLY, 0, content(transfer(0, 1), transfer(1, 1)))
    chain.change(chain.texts.put("rule:busy", None), chain.texts.change(rule("other", Match.STAT)))
    chain.tell(K.APPLY, 1, content(), at=12)
    three = content(*(transfer(place, 1) for place in range(3)))
    assert chain.tell(K.REPAIR, 0, three)["busy"][0] is P
    assert "busy" not in chain.tell(K.REPAIR, 1, content(), at=12)
    assert chain.tell(K.FINALIZED, 1, at=12)["busy"][0] is C


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

    def alerts(*event: Any) -> list[tuple[str, Status]]:
        versions = chain.event(*event).versions.values()
        return sorted((each.alert.title, each.status) for each in versions)

    one, two = content(transactions=[transaction(0)]), content(transactions=[transaction(1)])
    both = content(transactions=[transaction(0), transaction(1)])
    assert alerts(K.APPLY, 0, one, "", 0) == [("INCLUDED", P)]
    assert alerts(K.REPAIR, 0, one, "", 0) == []
    assert alerts(K.REPAIR, 0, both, "", 0) == [("INCLUDED", P)], "the other one stands as it stood"
    assert alerts(K.REPAIR, 0, two, "", 0) == [("INCLUDED", R), ("REORGED", C)]
    assert alerts(K.REPAIR, 0, both, "", 0) == [("INCLUDED", P), ("many", C)]
    assert alerts(K.SAFE, 0, {}, "", 0) == [("SAFE", C), ("SAFE", C)]
    assert alerts(K.REPAIR, 0, two, "", 0) == [("INCLUDED", R), ("REORGED", C)]
    assert alerts(K.REPAIR, 0, both, "", 0) == [("SAFE", C)]
    assert alerts(K.FINALIZED, 0, {}, "", 0) == [("FINALIZED", C), ("FINALIZED", C), ("INCLUDED", C)]
    # It is final: its window lacks something from now on, and nothing else is told.
    assert alerts(K.REPAIR, 0, one, "", 0) == [("many", C)]


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


@pytest.mark.parametrize(
    "shape",
    [{"cooldown_ms": 60_000}, {"window": window(60, count(Comparison.AT_LEAST, 1))}],
    ids=["cooldown", "window"],
)
def test_what_is_over_takes_no_room_of_the_facts_that_finality_tells(shape: dict[str, Any]) -> None:
    final = rule(
        "final",
        Match.TRANSACTION_STATE,
        where=lambda record, lists: record["state"] == "FINALIZED",
        group_by=("hash",),
        **shape,
    )
    chain = Chain(final, max_groups=6)
    for number in range(3):
        own = [transaction(5 * number + index) for index in range(5)]
        chain.tell(K.APPLY, number, content(transactions=own), at=400 * number)
        decision = chain.event(K.FINALIZED, number, {}, "", 400 * number)
        assert (len(decision.versions), decision.refused) == (5, {})
