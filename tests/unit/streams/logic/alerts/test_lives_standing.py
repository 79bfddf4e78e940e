"""At each event of any life, what was told last is what the chain has made."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from hypothesis import example, given

from streams.logic.alerts.alert import Alert
from streams.logic.alerts.decision import Block, Status
from streams.logic.alerts.rule import Comparison, Finality, Match
from tests.builders.alert_lives.life import Life
from tests.builders.alert_lives.rules import (
    BUSY,
    FIRST,
    LATER,
    OTHERS,
    TEXTS,
    changes_of,
    in_order,
)
from tests.builders.alert_lives.states import with_transactions_of_its_own
from tests.builders.alerts import (
    Told,
    content,
    count,
    envelope,
    lives,
    rule,
    text,
    transfer,
    window,
)
from topics.chainlog.kinds import EventKind as K

MORE_THAN = {"busy": 2, "busy, edited": 3, "busy, again": 2}
"""Transfers of a token in a minute or an hour that each text of the rule tells of."""
TEXT_OF = {
    own: replace(
        BUSY,
        text=own,
        where=lambda record, lists, bound=bound: (
            record["statistic"] == "token" and int(str(record["transfer_count"])) > bound
        ),
    )
    for own, bound in MORE_THAN.items()
}
SLOW = rule("slow", window=window(600, count(Comparison.AT_LEAST, 3), every=300), finality=Finality.SAFE)
COUNTED = rule("counted", Match.STAT, where=lambda record, lists: False)
"""Statistics are folded while a rule asks for them."""
EDITS = [
    *changes_of(TEXTS, (COUNTED, BUSY, SLOW)),
    TEXTS.change(TEXT_OF["busy, edited"]),
    TEXTS.put("rule:busy", None),
    TEXTS.change(TEXT_OF["busy, again"]),
    TEXTS.change(replace(SLOW, text="slow, edited")),
]
FROM_THE_START, EDIT = tuple(EDITS[:3]), (EDITS[3],)
ALL = in_order([*OTHERS, EDITS[0], *FIRST, EDITS[2], *LATER[:-1], *EDITS[3:]])


def transfers(number: int) -> dict[str, object]:
    return content(*(transfer(place, 1) for place in range(number)))


def life_of(*events: tuple[K, int, int, int | None], edited: int | None = None) -> list[Told]:
    """Kind, block, seconds and transfers of each event; a text takes another's place before one of them."""
    return [
        Told(
            envelope(kind, 100 + place, number, "", at),
            {} if given is None else transfers(given),
            FROM_THE_START if place == 0 else EDIT if place == edited else (),
        )
        for place, (kind, number, at, given) in enumerate(events)
    ]


MOVED = life_of(
    *((K.APPLY, 0, 0, 3), (K.SAFE, 0, 0, None), (K.APPLY, 1, 10, 1)),
    *((K.REPAIR, 0, 0, 2), (K.REVERT, 1, 10, None)),
)
"""A block that is safe reached a threshold, which by its repair one behind it reaches that is not."""
EDITED = life_of(
    *((K.APPLY, 0, 0, 3), (K.APPLY, 1, 400, 1), (K.FINALIZED, 0, 0, None), (K.REVERT, 1, 400, None)),
    edited=1,
)
"""Two texts tell of one window."""
SHRUNK = life_of((K.APPLY, 0, 0, 3), (K.APPLY, 1, 10, 2), (K.REPAIR, 0, 0, 1), (K.REVERT, 1, 10, None))
"""A window has enough by blocks behind one that is repaired, which had enough alone before."""
GROWN = life_of((K.APPLY, 0, 0, 0), (K.APPLY, 1, 10, 2), (K.REPAIR, 0, 0, 1), (K.REVERT, 1, 10, None))
"""A window has enough by the repair of a block and by those behind it."""
LATE = life_of((K.APPLY, 0, 0, 0), (K.FINALIZED, 0, 0, None), (K.REPAIR, 0, 0, 1), (K.APPLY, 1, 10, 2))
"""The repair of a final block counts while its minute is not final."""
TAKEN_AWAY = life_of(
    *((K.APPLY, 0, 0, 2), (K.FINALIZED, 0, 0, None), (K.APPLY, 1, 10, 1), (K.REPAIR, 0, 0, 0)),
)
"""The repair of a final block takes away what a window had enough with."""
TEXT_MOVED = life_of(
    *((K.APPLY, 0, 0, 3), (K.APPLY, 1, 10, 1), (K.REPAIR, 0, 0, 2), (K.REPAIR, 1, 10, 0)),
    edited=1,
)
"""What a text told is given to a block that another one judged, whose repair takes it away."""
STALE = life_of((K.APPLY, 0, 0, 3), (K.APPLY, 1, 10, 1), (K.REPAIR, 0, 0, 0), edited=1)
"""A repair takes away what a text that came later had found enough with it."""


@given(lives(ALL, repairs=True, safe_leave=True))
@example(MOVED)
@example(EDITED)
@example(SHRUNK)
@example(STALE)
@example(TAKEN_AWAY)
@example(TEXT_MOVED)
def test_what_was_told_last_is_what_blocks_have_made_or_final(told: list[Told]) -> None:
    life = Life(TEXTS)
    for each in map(with_transactions_of_its_own, told):
        before = life.latest
        life.tell([each])
        blocks = life.alerting.fold.blocks.values()
        every = [own for block in blocks for own in block.made]
        assert len(every) == len(set(every))
        made = {
            own: (one.alert, block.ref)
            for block in blocks
            for own, one in block.made.items()
            if one.published
        }
        stands = {
            own: (version.alert, version.block)
            for own, version in life.latest.items()
            if version.status is Status.PROVISIONAL
        }
        assert stands == made
        final = {own for own, version in before.items() if version.status is Status.CONFIRMED}
        assert {life.latest[own].status for own in final} <= {Status.CONFIRMED, Status.RESOLVED}


def _counted(chain: Iterable[Told], alert: Alert, block: Block) -> int:
    """The obvious way: transfers of a token in a window, up to a block."""
    start, end = (int(alert.values[name]) for name in ("window_start", "window_end"))
    return sum(
        start <= (each.envelope.block_timestamp or 0) < end
        and each.envelope.sequence <= block.sequence
        and text(record["token_address"]) == alert.values["token_address"]
        for each in chain
        for record in each.body.get("transfers", ())
    )


def _is_counted(repair: Told, life: Life) -> bool:
    """A block is remembered by itself, and a repair of it counts, until the minute that it is in is final."""
    time, fold = repair.envelope.block_timestamp or 0, life.alerting.fold
    minute_ends = time - time % 60_000 + 60_000
    return repair.envelope.block_hash in fold.blocks or minute_ends > fold.final_time


@given(lives(EDITS, repairs=True, safe_leave=True))
@example(LATE)
@example(EDITED)
@example(SHRUNK)
@example(GROWN)
@example(STALE)
@example(TAKEN_AWAY)
@example(TEXT_MOVED)
def test_what_is_said_of_a_window_rests_on_no_block_behind_the_one_it_is_of(told: list[Told]) -> None:
    life, chain = Life(TEXTS), dict[bytes, Told]()
    texts = {each.offset: each.value for each in EDITS}
    for each in told:
        own, kind = each.envelope.block_hash or b"", each.envelope.event
        if kind is K.REVERT:
            del chain[own]
        elif kind is K.APPLY:
            chain[own] = each
        elif kind is K.REPAIR and own in chain and _is_counted(each, life):
            chain[own] = replace(chain[own], body=each.body)
        life.tell([each])
        for block in life.alerting.fold.blocks.values():
            for alert in (one.alert for one in block.made.values() if one.alert.rule_id == "busy"):
                enough = MORE_THAN[texts[alert.rule_version] or ""]
                # A repair of a final block marks what stands of its windows.
                assert _counted(chain.values(), alert, block) > enough or "incomplete" in alert.values
