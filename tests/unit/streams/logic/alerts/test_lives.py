"""Alerts of any life of a chain: what a recount says, whatever is repeated and whenever it dies."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.errors import Permanent
from headwater.evm.identity import RecordKind, event_id
from schemas import codec_for
from streams.logic.alerts import entries
from streams.logic.alerts.alert import alert_id
from streams.logic.alerts.alerting import Alerting
from streams.logic.alerts.configuration import Change
from streams.logic.alerts.decision import Status, Version
from streams.logic.alerts.entries import STREAM, Entries
from streams.logic.alerts.rule import Comparison, Finality, Function, Match, Rule
from tests.builders.alerts import (
    OTHER,
    POOL,
    READER,
    START,
    Texts,
    Told,
    content,
    count,
    envelope,
    lives,
    measure,
    rule,
    standing,
    transaction,
    transfer,
    value,
    window,
)
from tests.builders.statistics import hash_of
from topics.chainlog.kinds import EventKind

_state = codec_for(STREAM).read
MINUTE = 60_000


def _refuse(*problem: object) -> None:
    raise AssertionError(problem)


class Life:
    """An alerting with the state topic that it writes; `die` makes it anew from that."""

    def __init__(self, texts: Texts, max_groups: int = 100, max_unindexed: int = 50) -> None:
        self._texts, self._max_groups, self._max_unindexed = texts, max_groups, max_unindexed
        self.written: dict[str, Change] = {}
        self.end = 0
        self._waiting: list[Change] = []
        self.refused: list[str] = []
        self.alerting, self.entries = self._new(), Entries()
        self.topic: dict[bytes, bytes] = {}
        self.published: list[tuple[int, Version]] = []

    def _new(self) -> Alerting:
        return Alerting(
            "ethereum",
            self._texts.compile,
            max_groups=self._max_groups,
            max_unindexed=self._max_unindexed,
        )

    def _write(self, changes: Iterable[Change]) -> Iterable[Change]:
        """To the configuration topic, which is compacted."""
        for each in changes:
            self.end = each.offset + 1
            if each.value is None:
                self.written.pop(each.key, None)
            else:
                self.written[each.key] = each
            yield each

    def _refuse(self, change: Change, problem: Permanent) -> None:
        self.refused.append(change.key)

    def tell(self, told: Iterable[Told]) -> Life:
        for each in told:
            envelope = each.envelope
            if self.alerting.fold.seen(envelope.sequence):
                continue
            changes = [*self._waiting, *self._write(each.changes)]
            self._waiting = []
            self.alerting.adopt(envelope.sequence, changes, self._refuse)
            body = value(envelope, each.body)
            decision = self.alerting.handle(envelope, (body,), READER)
            self.published += [(envelope.sequence, each) for _, each in sorted(decision.versions.items())]
            for key, entry in self.entries.changes(self.alerting.fold, decision):
                if entry is None:
                    self.topic.pop(key, None)
                else:
                    self.topic[key] = entry
        return self

    def die(self) -> None:
        self.alerting, self.entries = self._new(), Entries()
        shuffled = list(self.topic.items())
        random.Random(len(shuffled)).shuffle(shuffled)
        self.entries.restore(self.alerting, dict(shuffled), lambda raw: _state(raw, 0), _refuse)
        configuration = self.alerting.configuration
        gone = configuration.missing(self.written, self.end)
        decided = self.alerting.fold.configured_to
        self._waiting = [*configuration.offered(self.written, self.end, decided), *gone]

    @property
    def latest(self) -> dict[bytes, Version]:
        return {version.alert.id: version for _, version in self.published}

    @property
    def stands(self) -> set[bytes]:
        return {
            own
            for own, version in self.latest.items()
            if version.status in (Status.PROVISIONAL, Status.CONFIRMED)
        }


SINGLE = rule("single", where=lambda record, lists: int(str(record["value"])) > 1)
COOLED = rule("cooled", group_by=("from_address",), cooldown_ms=MINUTE)
RUSH = rule(
    "rush",
    group_by=("from_address",),
    window=window(
        60, count(Comparison.AT_LEAST, 2), measure(Function.SUM, "value", Comparison.ABOVE, 3), every=20
    ),
)
QUIET = rule(
    "quiet",
    window=window(
        60, count(Comparison.BELOW, 3), measure(Function.DISTINCT, "to_address", Comparison.EQUAL, 1)
    ),
)
LATE = rule(
    "late", window=window(120, measure(Function.AVG, "value", Comparison.AT_LEAST, 2)), finality=Finality.SAFE
)
GONE = rule("gone", Match.ABSENCE, of=Match.TOKEN_TRANSFER, within_ms=90_000)
RULES = (SINGLE, COOLED, RUSH, QUIET, LATE, GONE)


def _changes(texts: Texts, rules: Iterable[Rule] = RULES) -> list[Any]:
    return [texts.change(each) for each in rules]


BUSY = rule(
    "busy",
    Match.STAT,
    where=lambda record, lists: record["statistic"] == "token" and int(str(record["transfer_count"])) > 2,
    group_by=("token_address",),
)
FINAL = rule("final", Match.TRANSACTION_STATE, where=lambda record, lists: record["state"] != "SAFE")
TEXTS = Texts()
FIRST = _changes(TEXTS)
OTHERS = _changes(TEXTS, (BUSY, FINAL))
EDITED = rule(
    "rush", text="rush, edited", group_by=("from_address",), window=window(30, count(Comparison.ABOVE, 1))
)
LATER = [
    TEXTS.change(EDITED),
    TEXTS.put("rule:cooled", None),
    TEXTS.put(f"label:0x{'aa' * 20}", "Alice"),
    TEXTS.change(COOLED),
    TEXTS.put("rule:gone", None),
    TEXTS.put("rule:quiet", None),
    TEXTS.put("rule:final", None),
    TEXTS.put("rule:busy", None),
]


REFUSED = [
    Change(offset, each.key, each.value)
    for offset, each in enumerate([*FIRST, TEXTS.put("rule:single", "no rule"), *LATER])
]


def _transfers(told: Told) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = told.body.get("transfers", [])
    return found


def _group(record: Mapping[str, Any]) -> tuple[str, ...]:
    return ("0x" + record["from_address"].hex(),)


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


def _identity(block: Told, record: Mapping[str, Any]) -> bytes:
    own = block.envelope.block_hash or b""
    return event_id(1, own, RecordKind.TOKEN_TRANSFER, record["log_index"], 0)


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


def _final_before(told: list[Told], place: int) -> bool:
    number = told[place].envelope.block_number or 0
    return any(
        each.envelope.event is EventKind.FINALIZED and (each.envelope.block_number or 0) >= number
        for each in told[:place]
    )


HOLD = {id(body): place for place, body in enumerate(POOL)}
STATE = rule("state", Match.TRANSACTION_STATE)
FEW = rule(
    "few", Match.TRANSACTION_STATE, window=window(60, count(Comparison.BELOW, 5)), cooldown_ms=2 * MINUTE
)
MANY = rule(
    "many", Match.TRANSACTION_STATE, window=window(60, count(Comparison.AT_LEAST, 3)), cooldown_ms=MINUTE
)
WANTED = [TEXTS.change(STATE)]
COUNTING = _changes(TEXTS, (FEW, MANY))


def _held(told: Told) -> tuple[int, ...]:
    """Places of transactions, some or others of three by what the pool has there."""
    return ((), (0, 1), (1,), (0, 2), (2,), ())[HOLD[id(told.body)]] if told.body else ()


def _with_transactions(told: Told) -> Told:
    """No two blocks hold the same transaction."""
    if not told.body or "problem" in told.body:
        return told
    block = told.envelope.block_hash
    rows = [transaction(place, hash=hash_of(f"{place} of {block!r}")) for place in _held(told)]
    return replace(told, body=content(transactions=rows))


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
        number, new = each.envelope.block_number or 0, _held(each)
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
    whole = [_with_transactions(replace(each, changes=())) for each in told]
    whole[0] = replace(whole[0], changes=tuple(WANTED))
    expected = {alert_id("state", (), own + state.encode()) for own, state in _states(told)}
    assert Life(TEXTS).tell(whole).stands == expected


@given(lives())
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
    for made in (each for block in remembered.values() for each in block.made.values()):
        start, end = made.alert.window_start or 0, made.alert.window_end or 0
        if any(start <= time < end for time in final):
            assert made.alert.values.get("incomplete") == "true"
            assert life.latest[made.alert.id].alert == made.alert


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
    blocks = [_with_transactions(replace(each, changes=())) for each in standing(told)]
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


@given(lives(OTHERS + FIRST + LATER, repairs=True, safe_leave=True), st.data())
def test_repeats_and_deaths_change_nothing_nor_do_rules_that_change_meanwhile(
    told: list[Told], data: st.DataObject
) -> None:
    _die_and_repeat(told, data)


@given(lives(COUNTING, repairs=True), st.data())
def test_repeats_and_deaths_change_nothing_where_states_are_counted(
    told: list[Told], data: st.DataObject
) -> None:
    _die_and_repeat([_with_transactions(each) for each in told], data)


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


def test_a_block_that_gives_much_is_kept_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Groups, their values and what they made were all in one message, which takes 32 MiB at most."""
    monkeypatch.setattr(entries, "_CHUNK", 2)
    monkeypatch.setattr(entries, "_GROUPS", 6)
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


@given(lives(FIRST))
def test_a_block_that_leaves_and_comes_again_makes_the_same_alerts(told: list[Told]) -> None:
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


@given(lives(OTHERS + FIRST + LATER))
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
