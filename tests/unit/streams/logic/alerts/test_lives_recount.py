"""What stands after any life of a chain is what a recount of its blocks says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hypothesis import given

from headwater.evm.identity import RecordKind, event_id
from streams.logic.alerts.alert import alert_id
from tests.builders.alert_lives.life import Life
from tests.builders.alert_lives.rules import FIRST, TEXTS
from tests.builders.alerts import (
    START,
    Told,
    lives,
    standing,
)
from topics.chainlog.kinds import EventKind

MINUTE = 60_000


def _transfers(told: Told) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = told.body.get("transfers", [])
    return found


def _group(record: Mapping[str, Any]) -> tuple[str, ...]:
    return ("0x" + record["from_address"].hex(),)


def _identity(block: Told, record: Mapping[str, Any]) -> bytes:
    own = block.envelope.block_hash or b""
    return event_id(1, own, RecordKind.TOKEN_TRANSFER, record["log_index"], 0)


def _recount(blocks: list[Told], identity: Any) -> set[bytes]:
    """The obvious way: what each rule says of a chain that never forked."""
    found: set[bytes] = set()
    last: dict[tuple[str, ...], int] = {}
    every = [
        (each.envelope.block_timestamp or 0, place, record, each)
        for each in blocks
        for place, record in enumerate(_transfers(each))
    ]
    for time, _, record, block in every:
        own = identity(block, record)
        if int(record["value"]) > 1:
            found.add(alert_id("single", (), own))
        group = _group(record)
        if group not in last or time >= last[group] + MINUTE:
            last[group] = time
            found.add(alert_id("cooled", group, own))
    newest = max((each.envelope.block_timestamp or 0 for each in blocks), default=0)
    for start in range(START - 60_000, newest + 1, 20_000):
        inside = [record for time, _, record, _ in every if start <= time < start + 60_000]
        for group in {_group(record) for record in inside}:
            values = [int(record["value"]) for record in inside if _group(record) == group]
            if len(values) >= 2 and sum(values) > 3:
                found.add(alert_id("rush", group, start))
    for start in range(START, newest, 60_000):
        inside = [record for time, _, record, _ in every if start <= time < start + 60_000]
        targets = {record["to_address"] for record in inside}
        if start + 60_000 <= newest and inside and len(inside) < 3 and len(targets) == 1:
            found.add(alert_id("quiet", (), start))
    seen = None
    for each in blocks:
        time = each.envelope.block_timestamp or 0
        if seen is not None and time - seen > 90_000 and alert_id("gone", (), seen) not in found:
            found.add(alert_id("gone", (), seen))
        if seen is None or _transfers(each):
            seen = time
    return found


def _final_before(told: list[Told], place: int) -> bool:
    number = told[place].envelope.block_number or 0
    return any(
        each.envelope.event is EventKind.FINALIZED and (each.envelope.block_number or 0) >= number
        for each in told[:place]
    )


@given(lives(repairs=True))
def test_what_stands_equals_a_naive_recount(told: list[Told]) -> None:
    whole = [replace(each, changes=()) for each in told]
    whole[0] = replace(told[0], changes=(*FIRST[:4], *FIRST[5:]))
    collapsed = {
        each.envelope.block_hash
        for place, each in enumerate(whole)
        if each.envelope.event is EventKind.REPAIR and _final_before(whole, place)
    }
    if not collapsed:
        assert Life(TEXTS).tell(whole).stands == _recount(standing(whole), _identity)


def _held_back(blocks: list[Told]) -> dict[bytes, str | None]:
    """The obvious way: alert → how many of its group were held back since the one before."""
    found: dict[bytes, str | None] = {}
    last: dict[tuple[str, ...], int] = {}
    held: Counter[tuple[str, ...]] = Counter()
    for block in blocks:
        time = block.envelope.block_timestamp or 0
        for record in _transfers(block):
            group = _group(record)
            if group in last and time < last[group] + MINUTE:
                held[group] += 1
                continue
            found[alert_id("cooled", group, _identity(block, record))] = str(held[group] or "") or None
            last[group], held[group] = time, 0
    return found


@given(lives(steps=40))
def test_what_is_held_back_equals_a_naive_recount(told: list[Told]) -> None:
    whole = [replace(each, changes=()) for each in told]
    whole[0] = replace(told[0], changes=(FIRST[1],))
    life = Life(TEXTS).tell(whole)
    mine = {own: life.latest[own].alert.values.get("held_back") for own in life.stands}
    assert mine == _held_back(standing(whole))
