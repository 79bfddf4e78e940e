"""The alert stage from enriched blocks to messages; whichever call it dies at, it says the same."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import fastavro
import msgspec
import pytest

from headwater.errors import Permanent, Transient
from headwater.settings import load_settings
from schemas import HEADER_SIZE, codec_for, frame, schema_of
from streams.agents.alert import AlertStage
from streams.logic.alerts.configuration import Change
from streams.logic.alerts.entries import InForce, in_force
from streams.logic.alerts.rule import Comparison, Finality, Match, Requirement
from streams.logic.event import ChainEvent
from streams.runtime.assembler import Incoming
from streams.runtime.configuration import Latest
from streams.stage import Outcome, StageContext
from tests.builders.alerts import ALICE, Texts, content, count, envelope, rule, text, transfer, value, window
from tests.builders.stage_lives import StageLives
from tests.fakes.stage import current
from tests.fakes.transactions import Brokers
from topics.catalog import topic_name
from topics.chainlog.envelope import Envelope
from topics.chainlog.kinds import EventKind
from topics.groups import group_of

K = EventKind
STREAMS = ("alerts", "alert-state", "dead-letters")
TEXTS = Texts()
WATCHED = rule(
    "watched",
    where=lambda record, lists: record["from_address"] in lists["watched"],
    lists=frozenset({"watched"}),
    requirements=(Requirement("from_address", list="watched"),),
    title=lambda record, labels: f"{labels.get(str(record['from_address']), '?')} moved {record['value']}",
)
RUSH = rule("rush", window=window(60, count(Comparison.AT_LEAST, 3)), finality=Finality.SAFE)
CALM = rule("calm", window=window(60, count(Comparison.BELOW, 5)))
FORKED = rule("forked", Match.REORG, title=lambda record, labels: f"depth {record['depth']}")
CONFIGURATION = (
    TEXTS.put(f"list:watched:{text(ALICE)}", ""),
    TEXTS.put(f"label:{text(ALICE)}", "Alice"),
    *map(TEXTS.change, (WATCHED, RUSH, CALM, FORKED)),
)


class Following:
    """The configuration topic, of which all up to `written` is there."""

    def __init__(self, changes: tuple[Change, ...] = CONFIGURATION) -> None:
        self.topic = list(changes)
        self.read = 0
        self.away = False

    def catch_up(self) -> Latest:
        if self.away:
            raise Transient("no Kafka")
        self.read = len(self.topic)
        latest = {each.key: each for each in self.topic}
        kept = {key: each for key, each in latest.items() if each.value is not None}
        return Latest(kept, max((each.offset for each in self.topic), default=-1) + 1)

    def arrived(self) -> list[Change]:
        found, self.read = self.topic[self.read :], len(self.topic)
        return found


def _event(of: Envelope, body: dict[str, Any]) -> ChainEvent:
    return ChainEvent(of, (value(of, body),), "enriched", 0, (of.sequence,))


def _read(outcome: Outcome) -> dict[str, dict[str, Any]]:
    """Rule → alert, as fastavro reads it."""
    found = {}
    for messages in outcome.public:
        schema = fastavro.parse_schema(schema_of(messages.stream))
        for key, raw in zip(messages.keys, messages.values, strict=True):
            assert raw is not None
            record: Any = fastavro.schemaless_reader(io.BytesIO(raw[HEADER_SIZE:]), schema, None)
            assert key == text(record["alert_id"]).encode()
            found[record["rule_id"]] = record
    return found


@pytest.fixture
def context(tmp_path: Path) -> StageContext:
    settings = load_settings({"data_dir": str(tmp_path)}, environ={})
    return StageContext(settings, group_of("alert"), lambda _: frame(9), current)


def _stage(context: StageContext, follower: Following) -> AlertStage:
    made = AlertStage(context, TEXTS.compile, follower)
    assert made.restore({}) is None
    return made


@pytest.mark.parametrize(
    ("spoilt", "told"),
    [
        ({"value": "57$9"}, "value is '57\\$9'"),
        ({"value": "1_0"}, "value is '1_0'"),
        ({"log_index": -1}, "index -1"),
    ],
    ids=["no number", "what int takes", "no place"],
)
def test_numbers_that_are_none_are_refused_before_anything_is_remembered(
    context: StageContext, spoilt: dict[str, object], told: str
) -> None:
    stage = _stage(context, Following())
    event = _event(envelope(K.APPLY, 100, 0), content({**transfer(4, 7), **spoilt}))
    with pytest.raises(Permanent, match=told) as refused:
        stage.handle(event)
    assert not _read(stage.placeholder(event, refused.value))


BLOCK = content(transfer(0, 5), transfer(1, 2**255))


def test_an_alert_says_what_made_it_and_is_confirmed(context: StageContext) -> None:
    stage = _stage(context, Following())
    alert = _read(stage.handle(_event(envelope(K.APPLY, 100, 0), content(transfer(4, 2**255)))))["watched"]
    expected = {
        "status": "PROVISIONAL",
        "removed": False,
        "version": 100,
        "sequence": 100,
        "severity": "HIGH",
    }
    assert alert.items() >= expected.items()
    assert alert["title"] == f"Alice moved {2**255}"
    assert alert["values"]["value"] == str(2**255)
    assert alert["labels"] == {"team": "ops", "label.from_address": "Alice"}
    assert (alert["block_number"], alert["log_index"], alert["channels"]) == (0, 4, ["ops"])
    confirmed = _read(stage.handle(_event(envelope(K.FINALIZED, 101, 0), {})))["watched"]
    assert confirmed == alert | {"status": "CONFIRMED", "version": 101, "sequence": 101}


def test_a_block_that_leaves_retracts_whatever_the_event_carries(context: StageContext) -> None:
    stage = _stage(context, Following())
    stage.handle(_event(envelope(K.APPLY, 100, 0), BLOCK))
    alert = _read(stage.handle(_event(envelope(K.REVERT, 101, 0), {})))["watched"]
    assert (alert["status"], alert["removed"], alert["reason"]) == (
        "RETRACTED",
        True,
        "block 0 left the chain",
    )
    alert = _read(stage.handle(_event(envelope(K.APPLY, 102, 0), BLOCK)))["forked"]
    assert (alert["status"], alert["title"]) == ("CONFIRMED", "depth 1")


def test_changes_are_adopted_before_the_next_event_and_a_text_with_faults_changes_nothing(
    context: StageContext,
) -> None:
    follower = Following(())
    stage = _stage(context, follower)
    assert not _read(stage.handle(_event(envelope(K.APPLY, 100, 0), BLOCK)))
    follower.topic += CONFIGURATION
    assert "watched" in _read(stage.handle(_event(envelope(K.APPLY, 101, 1), BLOCK)))
    follower.topic.append(TEXTS.put("rule:watched", "where: ((("))
    assert "watched" in _read(stage.handle(_event(envelope(K.APPLY, 102, 2), BLOCK)))
    follower.topic.append(TEXTS.put("rule:watched", None))
    assert "watched" not in _read(stage.handle(_event(envelope(K.APPLY, 103, 3), BLOCK)))


def test_a_configuration_that_lost_keys_meanwhile_takes_them_out(context: StageContext) -> None:
    stage = _stage(context, Following())
    state = stage.handle(_event(envelope(K.APPLY, 100, 0), BLOCK)).state
    assert state is not None
    kept = {key: raw for key, raw in zip(state.keys, state.values, strict=True) if raw is not None}
    again = AlertStage(context, TEXTS.compile, Following(CONFIGURATION[:2]))
    assert again.restore(kept) == 100
    assert not _read(again.handle(_event(envelope(K.APPLY, 101, 1), BLOCK)))


@pytest.mark.parametrize("known", [True, False], ids=["offset", "state-of-an-earlier-version"])
def test_what_had_no_room_is_not_taken_because_a_worker_starts(tmp_path: Path, known: bool) -> None:
    """Another rule had left meanwhile. A worker that lives has decided about the text, when it came."""
    settings = load_settings({"data_dir": str(tmp_path), "alerts": {"max_unindexed": 1}}, environ={})
    context = StageContext(settings, group_of("alert"), lambda _: frame(9), current)
    texts = Texts()
    never = rule("never", where=lambda record, lists: False)
    follower = Following((texts.change(never), texts.change(rule("other"))))
    stage = AlertStage(context, texts.compile, follower)
    assert stage.restore({}) is None
    state = stage.handle(_event(envelope(K.APPLY, 100, 0), BLOCK)).state
    follower.topic.append(texts.put("rule:never", None))
    later = stage.handle(_event(envelope(K.APPLY, 101, 1, seconds=1), BLOCK)).state
    assert state is not None
    assert later is not None
    kept = dict(zip([*state.keys, *later.keys], [*state.values, *later.values], strict=True))
    kept = {key: raw for key, raw in kept.items() if raw is not None}
    if not known:
        kept[b"progress"] = _without_the_offset(kept[b"progress"])
    told = in_force(kept, current("alert-state").read)
    assert told == InForce({}, 4 if known else None)
    again = AlertStage(context, texts.compile, follower)
    assert again.restore({key: raw for key, raw in kept.items() if raw is not None}) == 101
    said = [
        _read(each.handle(_event(envelope(K.APPLY, 102, 2, seconds=2), BLOCK))) for each in (stage, again)
    ]
    assert not said[0]
    assert bool(said[1]) is not known
    follower.topic.append(texts.change(rule("other", text="other, edited")))
    again.restore({key: raw for key, raw in kept.items() if raw is not None})
    assert _read(again.handle(_event(envelope(K.APPLY, 102, 2, seconds=2), BLOCK))), "what came later is"


def test_a_topic_that_was_made_anew_says_what_holds(context: StageContext) -> None:
    stage = _stage(context, Following())
    state = stage.handle(_event(envelope(K.APPLY, 100, 0), BLOCK)).state
    assert state is not None
    kept = {key: raw for key, raw in zip(state.keys, state.values, strict=True) if raw is not None}
    again = AlertStage(context, Texts().compile, Following((Texts().change(rule("first")),)))
    assert again.restore(kept) == 100
    texts = Texts()
    again = AlertStage(context, texts.compile, Following((texts.change(rule("first")),)))
    assert again.restore(kept) == 100
    assert set(_read(again.handle(_event(envelope(K.APPLY, 101, 1, seconds=1), BLOCK)))) == {"first"}


def _without_the_offset(progress: bytes) -> bytes:
    record = current("alert-state").read(progress)
    content = msgspec.msgpack.decode(record["content"])[:-1]
    return frame(9) + codec_for("alert-state").write(record | {"content": msgspec.msgpack.encode(content)})


def test_it_waits_for_a_configuration_that_cannot_be_read(context: StageContext) -> None:
    follower = Following()
    follower.away = True
    with pytest.raises(Transient):
        AlertStage(context, TEXTS.compile, follower).restore({})


def test_a_tag_off_the_chain_and_a_block_without_header_are_refused(context: StageContext) -> None:
    stage = _stage(context, Following())
    event = _event(envelope(K.APPLY, 100, 0), {})
    with pytest.raises(Permanent, match="neither header nor problem"):
        stage.handle(event)
    outcome = stage.placeholder(event, Permanent("no header"))
    assert not outcome.public
    # What was adopted with the event is kept although the event was refused.
    assert any(key.startswith(b"configuration:rule:") for key in outcome.state.keys)  # type: ignore[union-attr]
    tag = _event(envelope(K.FINALIZED, 101, 0, "another"), {})
    with pytest.raises(Permanent, match="not canonical"):
        stage.handle(tag)
    assert not stage.placeholder(tag, Permanent("not canonical")).public


def _life() -> list[tuple[Envelope, dict[str, Any]]]:
    """Windows open, fire, end and become final; a fork, a dead letter, a repair, and one that is too late."""
    return [
        (envelope(K.APPLY, 10, 0), content(transfer(0, 5))),
        (envelope(K.APPLY, 11, 1, seconds=2), BLOCK),
        (envelope(K.REVERT, 12, 1, seconds=2), {}),
        (envelope(K.APPLY, 13, 1, "other", seconds=30), BLOCK),
        (envelope(K.SAFE, 14, 1, "other", seconds=30), {}),
        (envelope(K.APPLY, 15, 2, seconds=61), {}),  # no header: a dead letter
        (envelope(K.REPAIR, 16, 1, "other", seconds=30), content(transfer(0, 5), transfer(3, 1))),
        (envelope(K.APPLY, 17, 3, seconds=190), BLOCK),
        (envelope(K.FINALIZED, 18, 2, seconds=61), {}),
        (envelope(K.REPAIR, 19, 0), BLOCK),
        (envelope(K.APPLY, 20, 4, seconds=250), content()),
        (envelope(K.FINALIZED, 21, 4, seconds=250), {}),
    ]


@pytest.mark.parametrize("after", [False, True], ids=["before", "behind"])
def test_whichever_call_it_dies_at_it_says_and_remembers_the_same(
    context: StageContext, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    """Rules change in the middle; a change that no commit holds yet is found in its topic again."""
    edited = rule("rush", text="rush, edited", window=window(60, count(Comparison.AT_LEAST, 2)))
    later = (TEXTS.change(edited), TEXTS.put("rule:calm", None))
    told = [
        Incoming("enriched", 0, offset, b"1", value(of, body), ())
        for offset, (of, body) in enumerate(_life())
    ]

    def lived(brokers: Brokers) -> dict[str, list[Any]]:
        follower = Following()
        seen: set[int] = set()

        class Changing(AlertStage):
            def handle(self, event: ChainEvent) -> Outcome:
                seen.add(event.envelope.sequence)
                if event.envelope.sequence == 16 and later[0] not in follower.topic:
                    follower.topic += later
                return super().handle(event)

        lives = StageLives(context, lambda of: Changing(of, TEXTS.compile, follower), monkeypatch)
        lives.run(told, 3, brokers)
        topics = {each: topic_name(context.settings, each) for each in STREAMS}
        return {each: sorted(brokers.topics.get(name, ()), key=repr) for each, name in topics.items()}

    undisturbed = Brokers()
    expected = lived(undisturbed)
    assert all(expected[each] for each in STREAMS), "there is something to compare"
    for call in range(1, undisturbed.calls + 1):
        assert lived(Brokers(at_call=call, after=after)) == expected, f"killed at call {call}"
