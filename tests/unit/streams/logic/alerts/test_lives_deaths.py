"""Whatever is read twice and whenever a worker dies, the same alerts and the same state."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import codec_for
from streams.logic.alerts.entries import STREAM, blocks
from streams.logic.alerts.rule import Comparison, Function, Match
from tests.builders.alert_lives.life import Life
from tests.builders.alert_lives.rules import BUSY, COUNTING, EVERY, FIRST, REFUSED, TEXTS
from tests.builders.alert_lives.states import with_transactions
from tests.builders.alerts import (
    OTHER,
    Texts,
    Told,
    content,
    count,
    envelope,
    lives,
    measure,
    rule,
    transfer,
    window,
)
from topics.chainlog.kinds import EventKind

READ, WRITE = codec_for(STREAM).read, codec_for(STREAM).write
EDITED_BUSY = replace(BUSY, text="busy, edited")


def _die_and_repeat(
    told: list[Told], data: st.DataObject, max_groups: int = 100, max_unindexed: int = 50
) -> None:
    undisturbed = Life(TEXTS, max_groups, max_unindexed).tell(told)
    disturbed = Life(TEXTS, max_groups, max_unindexed)
    place = 0
    while place < len(told):
        step = data.draw(st.integers(1, len(told) - place))
        disturbed.tell(told[max(0, place - 2) : place + step])
        disturbed.die()
        place += step
    assert disturbed.published == undisturbed.published
    assert disturbed.topic == undisturbed.topic
    assert disturbed.refused == undisturbed.refused


@given(lives(EVERY, repairs=True, safe_leave=True), st.data())
def test_repeats_and_deaths_change_nothing_nor_do_rules_that_change_meanwhile(
    told: list[Told], data: st.DataObject
) -> None:
    _die_and_repeat(told, data)


@given(lives(COUNTING, repairs=True), st.data())
def test_repeats_and_deaths_change_nothing_where_states_are_counted(
    told: list[Told], data: st.DataObject
) -> None:
    _die_and_repeat([with_transactions(each) for each in told], data)


@given(lives(REFUSED), st.data(), st.integers(0, 3))
def test_repeats_and_deaths_change_nothing_where_rules_are_refused(
    told: list[Told], data: st.DataObject, max_unindexed: int
) -> None:
    """One that has no room is taken neither when another one leaves nor when a worker starts behind that."""
    _die_and_repeat(told, data, max_unindexed=max_unindexed)


@given(lives(FIRST, repairs=True), st.data(), st.integers(1, 2))
def test_repeats_and_deaths_change_nothing_where_groups_have_no_room(
    told: list[Told], data: st.DataObject, max_groups: int
) -> None:
    _die_and_repeat(told, data, max_groups)


def test_what_had_no_room_has_none_after_a_death() -> None:
    """What took the room is final by then, and forgotten."""
    rush = rule("rush", group_by=("token_address",), window=window(60, count(Comparison.AT_LEAST, 2)))
    texts = Texts()
    other = content(transfer(0, 1, token=OTHER))
    events = [
        (EventKind.APPLY, 0, 0, content(transfer(0, 1))),
        (EventKind.APPLY, 1, 60, content()),
        (EventKind.APPLY, 2, 61, other),  # no room: the window of the first token is not final
        (EventKind.FINALIZED, 1, 60, {}),
        (EventKind.APPLY, 3, 62, other),
    ]
    told = [
        Told(envelope(kind, 100 + place, number, "", at), body, () if place else (texts.change(rush),))
        for place, (kind, number, at, body) in enumerate(events)
    ]
    undisturbed, disturbed = Life(texts, 1).tell(told), Life(texts, 1).tell(told[:4])
    disturbed.die()
    disturbed.tell(told[4:])
    assert disturbed.published == undisturbed.published == []
    assert disturbed.topic == undisturbed.topic


def test_what_an_earlier_version_wrote_that_it_had_told_is_read_and_written_anew() -> None:
    """It went by the text of the rule, and did not say whether anybody was told."""
    texts, body = Texts(), content(*(transfer(place, 1) for place in range(3)))
    told = [
        Told(envelope(EventKind.APPLY, 100, 0), body, (texts.change(BUSY),)),
        Told(envelope(EventKind.FINALIZED, 101, 0), {}),
        Told(envelope(EventKind.APPLY, 102, 1, seconds=400), body, (texts.change(EDITED_BUSY),)),
    ]
    undisturbed, disturbed = Life(texts).tell(told), Life(texts).tell(told[:2])
    own = [key for key in disturbed.topic if b":once:" in key]
    assert own
    for key in own:
        record = READ(disturbed.topic.pop(key), 0)
        track, state = msgspec.msgpack.decode(record["content"])
        track[1] = 1
        record["content"] = msgspec.msgpack.encode((track, state[:2]))
        disturbed.topic[key.replace(b":0:once:", b":1:once:")] = WRITE(record)
    disturbed.die()
    disturbed.tell(told[2:])
    assert disturbed.published == undisturbed.published
    assert disturbed.topic == undisturbed.topic


def test_a_block_that_gives_much_is_kept_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Groups, their values and what they made were all in one message, which takes 32 MiB at most."""
    monkeypatch.setattr(blocks, "_CHUNK", 2)
    monkeypatch.setattr(blocks, "_GROUPS", 6)
    by = ("token_address",)
    rules = (
        rule("each"),
        rule("rush", group_by=by, window=window(60, count(Comparison.AT_LEAST, 1))),
        rule("wide", window=window(60, measure(Function.DISTINCT, "token_address", Comparison.ABOVE, 1))),
        rule("gone", Match.ABSENCE, of=Match.TOKEN_TRANSFER, within_ms=90_000, group_by=by),
    )
    texts, tokens = Texts(), [bytes([number]) * 20 for number in range(20)]
    body = content(*(transfer(place, 1, token=each) for place, each in enumerate(tokens)))
    told = [
        Told(envelope(EventKind.APPLY, 100, 0), body, tuple(map(texts.change, rules))),
        Told(envelope(EventKind.APPLY, 101, 1, seconds=61), body),
        Told(envelope(EventKind.APPLY, 102, 2, seconds=200), content()),
    ]
    undisturbed, disturbed = Life(texts, 15).tell(told), Life(texts, 15)
    for each in told:
        disturbed.tell([each])
        disturbed.die()
    assert disturbed.published == undisturbed.published
    assert disturbed.topic == undisturbed.topic
    assert len({version.alert.rule_id for _, version in undisturbed.published}) == 4
    pieces = [key for key in undisturbed.topic if key.startswith(b"block:")]
    assert len(pieces) > 20
    assert max(len(undisturbed.topic[key]) for key in pieces) < 3_000
