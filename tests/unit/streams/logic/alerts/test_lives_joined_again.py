"""Blocks that leave and join again, or are repaired with what they had, make the same alerts."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given

from streams.logic.alerts.decision import Status
from streams.logic.alerts.rule import Finality
from tests.builders.alert_lives.life import Life
from tests.builders.alert_lives.rules import EVERY, FIRST, TEXTS
from tests.builders.alerts import (
    Told,
    lives,
    standing,
)
from topics.chainlog.kinds import EventKind


@given(lives())
def test_a_block_that_leaves_and_comes_again_makes_the_same_alerts(told: list[Told]) -> None:
    told[0] = replace(told[0], changes=tuple(FIRST))
    life = Life(TEXTS).tell(told)
    blocks = life.alerting.fold.blocks
    before = life.latest
    mine = {own for block in blocks.values() for own, made in block.made.items() if made.published}
    again = [each for each in standing(told) if each.envelope.block_hash in blocks]
    sequence = 1_000
    events = []
    for kind, order in ((EventKind.REVERT, reversed(again)), (EventKind.APPLY, iter(again))):
        for each in order:
            sequence += 1
            envelope = replace(each.envelope, event=kind, sequence=sequence)
            events.append(Told(envelope, each.body if kind is EventKind.APPLY else {}))
    retracted = Life(TEXTS)
    retracted.topic = dict(life.topic)
    retracted.written, retracted.end = dict(life.written), life.end
    retracted.die()
    retracted.tell(events[: len(again)])
    assert set(retracted.latest) == mine
    assert {version.status for version in retracted.latest.values()} <= {Status.RETRACTED}
    retracted.tell(events[len(again) :])
    provisional = {own for own in mine if before[own].alert.finality is Finality.PROVISIONAL}
    for own in provisional:
        assert retracted.latest[own].alert == before[own].alert
        assert retracted.latest[own].status is Status.PROVISIONAL


@given(lives(EVERY))
def test_a_repair_that_says_the_same_changes_nothing(told: list[Told]) -> None:
    life = Life(TEXTS).tell(told)
    before, sequence = list(life.published), 1_000
    for each in standing(told):
        block = life.alerting.fold.blocks.get(each.envelope.block_hash or b"")
        if block is not None and block.known:
            sequence += 1
            again = replace(each.envelope, event=EventKind.REPAIR, sequence=sequence)
            life.tell([Told(again, each.body)])
    assert life.published == before
