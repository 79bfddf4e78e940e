"""What finality decides in any life of a chain, and what it does not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from streams.logic.alerts.decision import Status
from streams.logic.alerts.rule import Finality, Match
from tests.builders.alert_lives.life import Life
from tests.builders.alert_lives.rules import OTHERS, TEXTS
from tests.builders.alert_lives.states import with_transactions
from tests.builders.alerts import (
    Texts,
    Told,
    lives,
    rule,
    standing,
)
from topics.chainlog.kinds import EventKind

MINUTE = 60_000


@given(lives(), st.data())
def test_how_often_a_node_finalizes_decides_no_cooldown(told: list[Told], data: st.DataObject) -> None:
    """All that one event told was of one moment."""
    texts = Texts()
    rules = (
        rule("closed", Match.STAT, where=lambda record, lists: bool(record["final"]), cooldown_ms=5 * MINUTE),
        rule(
            "settled",
            Match.TRANSACTION_STATE,
            where=lambda record, lists: record["state"] == "FINALIZED",
            cooldown_ms=MINUTE,
        ),
    )
    blocks = [with_transactions(replace(each, changes=())) for each in standing(told)]
    if not blocks:
        return
    changes = tuple(map(texts.change, rules))

    def alerts(final: Iterable[int]) -> dict[bytes, str | None]:
        events = [(EventKind.APPLY, each) for each in blocks]
        events += [(EventKind.FINALIZED, replace(blocks[each], body={})) for each in final]
        whole = [
            Told(
                replace(each.envelope, event=kind, sequence=100 + place), each.body, () if place else changes
            )
            for place, (kind, each) in enumerate(events)
        ]
        said = Life(texts).tell(whole).published
        return {version.alert.id: version.alert.values.get("held_back") for _, version in said}

    some = data.draw(st.sets(st.integers(0, len(blocks) - 1)))
    assert alerts(sorted({*some, len(blocks) - 1})) == alerts(range(len(blocks)))


@given(lives(repairs=True, safe_leave=True))
def test_what_waits_for_a_safe_block_is_told_of_no_other(told: list[Told]) -> None:
    texts = Texts()
    whole = [replace(each, changes=()) for each in told]
    whole[0] = replace(whole[0], changes=(texts.change(rule("waits", finality=Finality.SAFE)),))
    safe, heads = -1, dict[int, int]()
    for each in whole:
        number = each.envelope.block_number or 0
        if each.envelope.event is EventKind.SAFE:
            safe = number
        elif each.envelope.event is EventKind.REVERT:
            safe = min(safe, number - 1)
        heads[each.envelope.sequence] = safe
    stand: set[bytes] = set()
    for sequence, version in Life(texts).tell(whole).published:
        if version.status is not Status.PROVISIONAL:
            stand.discard(version.alert.id)
        elif version.alert.id not in stand:  # a repair may change what was told while a higher block was safe
            stand.add(version.alert.id)
            assert (version.block.number or 0) <= heads[sequence]


@given(lives(repairs=True))
def test_a_statistic_that_is_confirmed_is_not_told_again(told: list[Told]) -> None:
    whole = [replace(each, changes=()) for each in told]
    whole[0] = replace(whole[0], changes=(OTHERS[0],))
    confirmed: set[bytes] = set()
    for _, version in Life(TEXTS).tell(whole).published:
        assert version.alert.id not in confirmed
        if version.status is Status.CONFIRMED:
            confirmed.add(version.alert.id)
