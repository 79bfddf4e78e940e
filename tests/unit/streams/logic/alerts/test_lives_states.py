"""Alerts on states of transactions, after any life of a chain."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from hypothesis import given

from headwater.evm.identity import RecordKind, event_id
from streams.logic.alerts.alert import alert_id
from streams.logic.alerts.rule import Match
from tests.builders.alert_lives.life import Life
from tests.builders.alert_lives.rules import TEXTS
from tests.builders.alert_lives.states import places_of, with_transactions
from tests.builders.alerts import (
    Told,
    lives,
    rule,
)
from topics.chainlog.kinds import EventKind

STATE = rule("state", Match.TRANSACTION_STATE)
WANTED = [TEXTS.change(STATE)]


def _states(told: list[Told]) -> set[tuple[bytes, str]]:
    """The obvious way: identity and state of all that was said and not taken back."""
    here: dict[bytes, tuple[int, tuple[int, ...]]] = {}  # of blocks that are not final
    found: set[tuple[bytes, str]] = set()
    safe = -1

    def say(block: bytes, places: Iterable[int], state: str) -> None:
        for each in places:
            identity = event_id(1, block, RecordKind.TRANSACTION, each)
            if state == "REORGED":
                found.discard((identity, "INCLUDED"))
            found.add((identity, state))

    for each in told:
        kind, block = each.envelope.event, each.envelope.block_hash or b""
        number, new = each.envelope.block_number or 0, places_of(each)
        if kind is EventKind.APPLY:
            here[block] = (number, new)
            say(block, new, "INCLUDED")
        elif kind is EventKind.REPAIR and block in here:
            old = here[block][1]
            here[block] = (number, new)
            say(block, set(new) - set(old), "SAFE" if number <= safe else "INCLUDED")
            say(block, set(old) - set(new), "REORGED")
        elif kind is EventKind.REVERT:
            say(block, here.pop(block)[1], "REORGED")
        elif kind in (EventKind.SAFE, EventKind.FINALIZED):
            for own, (height, held) in list(here.items()):
                if height <= number:
                    say(own, held, kind.name)
                    if kind is EventKind.FINALIZED:
                        del here[own]
            safe = max(safe, number)
    return found


@given(lives(repairs=True))
def test_states_that_stand_equal_a_naive_recount(told: list[Told]) -> None:
    whole = [with_transactions(replace(each, changes=())) for each in told]
    whole[0] = replace(whole[0], changes=tuple(WANTED))
    expected = {alert_id("state", (), own + state.encode()) for own, state in _states(told)}
    assert Life(TEXTS).tell(whole).stands == expected
