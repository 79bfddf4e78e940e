"""Windows of any life of a chain: what a late repair or a rule that leaves makes of them."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import example, given

from streams.logic.alerts.decision import Status
from streams.logic.alerts.rule import Comparison
from streams.logic.alerts.tracks import Confirmed
from tests.builders.alert_lives.life import Life
from tests.builders.alerts import (
    Texts,
    Told,
    content,
    count,
    envelope,
    lives,
    rule,
    standing,
    transfer,
    window,
)
from topics.chainlog.kinds import EventKind

ALL_FINAL = [
    Told(envelope(EventKind.APPLY, 100, 0), content(transfer(0, 1), transfer(1, 1))),
    Told(envelope(EventKind.APPLY, 101, 1, seconds=10), content()),
    Told(envelope(EventKind.FINALIZED, 102, 0), {}),
]
"""The block that made the alert is final, and its window goes on."""


@given(lives())
@example(ALL_FINAL)
def test_windows_that_stand_are_incomplete_where_a_final_block_was_repaired(told: list[Told]) -> None:
    wide = rule("wide", window=window(600, count(Comparison.AT_LEAST, 2), every=60))
    texts = Texts()
    whole = [replace(each, changes=()) for each in told]
    whole[0] = replace(whole[0], changes=(texts.change(wide),))
    life, blocks = Life(texts).tell(whole), standing(whole)
    remembered = life.alerting.fold.blocks
    early = blocks[: (len(blocks) + 1) // 2]
    kinds = [(EventKind.FINALIZED, each) for each in early[-1:] if each.envelope.block_hash in remembered]
    kinds += [(EventKind.REPAIR, each) for each in early]
    for place, (kind, each) in enumerate(kinds):
        life.tell([replace(each, envelope=replace(each.envelope, event=kind, sequence=1_000 + place))])
    final = {each.envelope.block_timestamp or 0 for each in early}
    made = [each.alert for block in remembered.values() for each in block.made.values()]
    tracks = life.alerting.fold.tracks.items().values()
    for alert in [*made, *(each.alert for each in tracks if isinstance(each, Confirmed))]:
        start, end = alert.window_start or 0, alert.window_end or 0
        if any(start <= time < end for time in final):
            assert alert.values.get("incomplete") == "true"
            assert life.latest[alert.id].alert == alert


@given(lives(repairs=True))
def test_a_rule_that_leaves_resolves_whatever_stands_of_windows_that_are_not_over(told: list[Told]) -> None:
    texts = Texts()
    wide = rule(
        "wide", group_by=("from_address",), window=window(600, count(Comparison.AT_LEAST, 1), every=300)
    )
    whole = [replace(each, changes=()) for each in told]
    whole[0] = replace(whole[0], changes=(texts.change(wide),))
    life = Life(texts).tell(whole)
    final, stands = life.alerting.fold.final_time, life.stands
    life.die()
    ending = Told(envelope(EventKind.APPLY, 1_000, 1_000), content(), (texts.put("rule:wide", None),))
    life.tell([ending])
    assert not life.alerting.fold.tracks
    for own in stands:
        over = (life.latest[own].alert.window_end or 0) <= final
        assert over or life.latest[own].status is Status.RESOLVED
