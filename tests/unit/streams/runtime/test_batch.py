"""A batch of a stage: what is dropped, what goes to the dead letters, what is tried again."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from headwater import logging
from headwater.errors import Fatal, Permanent, Transient
from headwater.health import HEALTH
from headwater.retry import Stopped
from headwater.settings import load_settings
from streams.logic.event import ChainEvent, Messages
from streams.runtime.assembler import Incoming, Start
from streams.runtime.batch import BatchHandler
from streams.stage import Outcome
from tests.builders.stage_events import envelope, value_of
from tests.fakes.log_lines import configured, lines
from topics.chainlog.headers import SOURCE_POSITION, headers_of
from topics.chainlog.kinds import EventKind
from topics.groups import Group

STREAM = "normalized-blocks"


class Recorder:
    """A stage that fails as told: by block number, a list of errors to raise one call after another."""

    def __init__(self, errors: Mapping[int, list[Exception]] | None = None, value: bytes = b"whole") -> None:
        self.value = value
        self.errors = {number: list(each) for number, each in (errors or {}).items()}
        self.handled: list[int] = []

    def handle(self, event: ChainEvent) -> Outcome:
        waiting = self.errors.get(event.envelope.block_number or 0)
        if waiting:
            raise waiting.pop(0)
        self.handled.append(event.envelope.sequence)
        return self._outcome(event, self.value)

    def placeholder(self, event: ChainEvent, problem: Permanent) -> Outcome:
        return self._outcome(event, b"placeholder")

    def restore(self, table: Mapping[bytes, bytes]) -> int | None:
        return None

    def _outcome(self, event: ChainEvent, value: bytes) -> Outcome:
        key = str(event.envelope.sequence).encode()
        return Outcome(
            internal=[
                Messages("enriched-blocks", [key], [value], headers_of(event.envelope, "enriched-blocks"))
            ],
            table=[(key, value)],
        )


class Line:
    """A handler with what it wrote."""

    def __init__(self, folder: Path, stage: Recorder, start: Start, refuse: tuple[str, ...] = ()) -> None:
        self.written: list[Messages] = []
        self.stop = threading.Event()
        group = Group("enrich", STREAM, "enriched-blocks")
        settings = load_settings({"data_dir": str(folder), "stages": {"refuse_blocks": refuse}}, environ={})
        self.reached: list[Start] = []
        self.handler = BatchHandler(
            settings, group, stage, self._write, self.stop, start, self.reached.append
        )

    def _write(self, outcomes: Sequence[Outcome]) -> None:
        self.written += [messages for outcome in outcomes for messages in outcome.internal]

    def streams(self) -> list[tuple[str, bytes | None]]:
        return [(messages.stream, messages.values[0]) for messages in self.written]


def incoming(sequence: int, offset: int, value: bytes | None = None) -> Incoming:
    event = envelope(sequence, number=sequence)
    headers = (
        ("sequence", str(sequence).encode()),
        ("chain-id", b"1"),
        ("traceparent", b"00-%032x-%016x-01" % (sequence, 0)),
    )
    return Incoming("input", 0, offset, b"key", value_of(event, STREAM) if value is None else value, headers)


def test_events_are_handled_once_and_in_order(tmp_path: Path) -> None:
    stage = Recorder()
    line = Line(tmp_path, stage, Start(last=9))
    labels = {"chain": "local", "stage": "enrich"}
    before = REGISTRY.get_sample_value("headwater_stage_batch_events_sum", labels) or 0
    done = line.handler.handle([incoming(9, 0), incoming(10, 1), incoming(10, 2), incoming(11, 3)])
    assert stage.handled == [10, 11]
    assert done.gap is None
    assert [key for key, _ in done.table] == [b"10", b"11"]
    assert [dict(messages.headers)[SOURCE_POSITION] for messages in line.written] == [b"2", b"4"]
    assert (REGISTRY.get_sample_value("headwater_stage_batch_events_sum", labels) or 0) - before == 2
    assert line.reached == [Start(11, None, 4)]


def test_a_repair_counts_as_an_event_and_leaves_the_height_alone(tmp_path: Path) -> None:
    line = Line(tmp_path, Recorder(), Start(last=9))
    event = envelope(10, number=70)
    repair = envelope(11, number=5, kind=EventKind.REPAIR)
    done = line.handler.handle(
        [incoming(10, 0, value_of(event, STREAM)), incoming(11, 1, value_of(repair, STREAM))]
    )
    labels = {"chain": "local", "stage": "enrich"}
    line.handler.count(done.events)
    sample = REGISTRY.get_sample_value
    assert sample("headwater_stage_events_total", labels | {"event": "REPAIR"}) == 1
    assert sample("headwater_stage_block", labels) == 70
    assert sample("headwater_stage_sequence", labels) == 11


def test_a_refused_block_leaves_a_placeholder_and_the_others_go_on(tmp_path: Path) -> None:
    stage = Recorder()
    line = Line(tmp_path, stage, Start(last=9), refuse=("enrich:11",))
    named = replace(envelope(11, number=11), block_hash=bytes(32))
    line.handler.handle([incoming(10, 0), incoming(11, 1, value_of(named, STREAM)), incoming(12, 2)])
    assert stage.handled == [10, 12]
    assert [stream for stream, _ in line.streams()].count("dead-letters") == 1
    problem = dict(line.written[1].headers)["__connect.errors.exception.message"]
    assert b"refused by stages.refuse_blocks" in problem


def test_it_stops_before_a_gap(tmp_path: Path) -> None:
    stage = Recorder()
    line = Line(tmp_path, stage, Start(last=9))
    done = line.handler.handle([incoming(10, 0), incoming(12, 1), incoming(13, 2)])
    assert done.gap == 1
    assert stage.handled == [10]
    assert not line.handler.closes_gap(incoming(12, 1))
    assert line.handler.closes_gap(incoming(11, 1))


def test_a_permanent_failure_goes_to_the_dead_letters_with_its_bytes(tmp_path: Path) -> None:
    stage = Recorder({10: [Permanent("no good")]})
    line = Line(tmp_path, stage, Start(last=9))
    poison = incoming(10, 4)
    line.handler.handle([poison, incoming(11, 5)])
    assert line.streams() == [
        ("dead-letters", poison.value),
        ("enriched-blocks", b"placeholder"),
        ("enriched-blocks", b"whole"),
    ]
    letter = line.written[0]
    headers = dict(letter.headers)
    assert letter.keys == [b"key"]
    assert headers["__connect.errors.topic"] == b"input"
    assert headers["__connect.errors.partition"] == b"0"
    assert headers["__connect.errors.offset"] == b"4"
    assert headers["__connect.errors.stage"] == b"enrich"
    assert headers["__connect.errors.exception.message"] == b"no good"
    assert headers["__connect.errors.exception.class.name"] == b"headwater.errors.Permanent"
    assert b"Traceback" in headers["__connect.errors.exception.stacktrace"]
    assert headers["sequence"] == b"10"


def test_a_record_that_its_topic_would_refuse_is_never_begun(tmp_path: Path) -> None:
    line = Line(tmp_path, Recorder(value=bytes(32 * 2**20 - 2_000)), Start(last=9))
    line.handler.handle([incoming(10, 4)])
    assert [stream for stream, _ in line.streams()] == ["dead-letters", "enriched-blocks"]
    assert line.streams()[1][1] == b"placeholder"
    problem = dict(line.written[0].headers)["__connect.errors.exception.message"]
    assert b"a record of enriched-blocks has 33552432 bytes, its topic takes 33552384" in problem


def test_a_stage_that_can_handle_nothing_stops_before_the_topic_is_drained(tmp_path: Path) -> None:
    errors: dict[int, list[Exception]] = {number: [Permanent(f"bad {number}")] for number in range(10, 99)}
    line = Line(tmp_path, Recorder(errors), Start(last=9))
    line.handler.handle([incoming(number, number) for number in range(10, 30)])
    assert [stream for stream, _ in line.streams()].count("dead-letters") == 20
    with pytest.raises(Fatal, match=r"21 of the last 21 events of normalized-blocks are bad.*bad 30"):
        line.handler.handle([incoming(30, 30), incoming(31, 31)])
    assert [stream for stream, _ in line.streams()].count("dead-letters") == 20


def test_a_stage_that_is_started_again_and_again_sets_no_more_aside(tmp_path: Path) -> None:
    """As an orchestrator does with a bad deploy: each start would be good for twenty blocks."""
    errors: dict[int, list[Exception]] = {number: [Permanent(f"bad {number}")] for number in range(10, 999)}
    letters, last, recent = 0, 9, (0, 0)
    for _ in range(9):
        line = Line(tmp_path, Recorder(errors), Start(last=last))
        line.handler.goes_on_from(recent)
        stopped = False
        while not stopped:
            recent = line.handler.recent
            try:
                line.handler.handle([incoming(last + 1, last + 1)])
                last += 1
            except Fatal:
                stopped = True
        letters += [stream for stream, _ in line.streams()].count("dead-letters")
    assert letters == 20
    # Once it is mended it goes on, and what was bad counts less with each that is not.
    line = Line(tmp_path, Recorder({5_000: [Permanent("bad")]}), Start(last=last))
    line.handler.goes_on_from((1_000, 300))
    assert line.handler.recent == (200, 60)
    for number in range(last + 1, last + 221):
        line.handler.handle([incoming(number, number)])
    assert line.handler.recent == (200, 0)


def test_a_foreign_message_goes_to_the_dead_letters_and_leaves_the_sequence_alone(tmp_path: Path) -> None:
    stage = Recorder()
    line = Line(tmp_path, stage, Start(last=9))
    foreign = Incoming("input", 0, 1, None, b"\x00\x00not ours", ())
    empty = Incoming("input", 0, 2, None, None, ())
    line.handler.handle([incoming(10, 0), foreign, empty, incoming(11, 3)])
    assert stage.handled == [10, 11]
    assert [stream for stream, _ in line.streams()].count("dead-letters") == 2


def test_an_unreadable_event_keeps_its_number(tmp_path: Path) -> None:
    """Its headers say which event of the chain it was: downstream gets a placeholder, not a hole."""
    stage = Recorder()
    line = Line(tmp_path, stage, Start(last=9))
    done = line.handler.handle([incoming(10, 0, b"\x00\x00\x00\x00\x07\xff"), incoming(11, 1)])
    assert done.gap is None
    assert stage.handled == [11]
    assert [stream for stream, _ in line.streams()] == ["dead-letters", "enriched-blocks", "enriched-blocks"]


def test_an_unreadable_part_stands_for_those_that_are_not_here(tmp_path: Path) -> None:
    """The first part names the block: downstream learns that it is incomplete, and the next one goes on."""
    stage = Recorder()
    line = Line(tmp_path, stage, Start(last=9))
    first = value_of(envelope(10, number=10, part=0, parts=3), STREAM)
    third = value_of(envelope(10, number=10, part=2, parts=3), STREAM)
    broken = b"\x00\x00\x00\x00\x07\xff"
    done = line.handler.handle(
        [incoming(10, 0, first), incoming(10, 1, broken), incoming(10, 2, third), incoming(11, 3)]
    )
    assert done.gap is None
    assert [event.envelope.block_number for event in done.events] == [10, 11]
    assert line.streams() == [
        ("dead-letters", first),
        ("dead-letters", broken),
        ("enriched-blocks", b"placeholder"),
        ("enriched-blocks", b"whole"),
    ]


def test_a_transient_failure_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headwater.retry.Backoff.next", lambda *_: 0.0)
    stage = Recorder({10: [Transient("not now"), Transient("not yet")]})
    line = Line(tmp_path, stage, Start(last=9))
    told: list[tuple[str, bool | None]] = []
    HEALTH.watch(lambda name, ok: told.append((name, ok)))
    try:
        line.handler.handle([incoming(10, 0)])
    finally:
        HEALTH.watch(lambda name, ok: None)
    assert stage.handled == [10]
    # It is not ready while it waits: a registry may stay away for long.
    assert [ok for name, ok in told if name == "events"][-3:] == [False, False, True]


class Deciding(Recorder):
    """A stage whose event 11 decides more than one transaction should hold."""

    def handle(self, event: ChainEvent) -> Outcome:
        outcome = super().handle(event)
        if event.envelope.sequence != 11:
            return outcome
        return replace(
            outcome, public=[_messages(b"c")], ahead=[lambda: [_messages(b"a")], lambda: [_messages(b"b")]]
        )


def _messages(value: bytes) -> Messages:
    return Messages("transaction-states", [value], [value], ())


class Transactions(Line):
    """Remembers what was written together; `ends` after so many of them."""

    def __init__(self, folder: Path, ends: int = 99) -> None:
        self.together: list[list[bytes | None]] = []
        self.ends = ends
        super().__init__(folder, Deciding(), Start(last=9))

    def _write(self, outcomes: Sequence[Outcome]) -> None:
        self.together.append(
            [each.values[0] for outcome in outcomes for each in (*outcome.public, *outcome.internal)]
        )
        if len(self.together) == self.ends:
            self.stop.set()


def test_what_an_event_decides_is_written_in_bounded_transactions(tmp_path: Path) -> None:
    line = Transactions(tmp_path)
    line.handler.handle([incoming(10, 0), incoming(11, 1), incoming(12, 2)])
    assert line.together == [[b"whole"], [b"a"], [b"b"], [b"c", b"whole", b"whole"]]
    assert line.reached == [Start(12, None, 3)]


def test_a_stop_between_them_leaves_the_event_undone(tmp_path: Path) -> None:
    line = Transactions(tmp_path, ends=2)
    with pytest.raises(Stopped):
        line.handler.handle([incoming(10, 0), incoming(11, 1), incoming(12, 2)])
    assert line.together == [[b"whole"], [b"a"]]
    assert line.reached == []
    # One without such an event is written even so: the batch in hand is finished.
    line.handler.handle([incoming(13, 3)])
    assert line.together[2:] == [[b"whole"]]


def test_a_stop_ends_the_tries_with_nothing_written(tmp_path: Path) -> None:
    stage = Recorder({11: [Transient("not now")]})
    line = Line(tmp_path, stage, Start(last=9))
    line.stop.set()
    with pytest.raises(Stopped, match="not now"):
        line.handler.handle([incoming(10, 0), incoming(11, 1)])
    assert (stage.handled, line.written) == ([10], [])


@pytest.mark.parametrize("error", [Fatal("stop"), ZeroDivisionError("a bug")])
def test_anything_else_stops_it_with_nothing_written(tmp_path: Path, error: Exception) -> None:
    stage = Recorder({11: [error]})
    line = Line(tmp_path, stage, Start(last=9))
    with pytest.raises(type(error)):
        line.handler.handle([incoming(10, 0), incoming(11, 1)])
    assert line.written == []


def test_what_is_logged_while_an_event_is_handled_says_which(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headwater.retry.Backoff.next", lambda *_: 0.0)
    stage = Recorder({10: [Transient("the registry is away")], 11: [Permanent("no")]})
    batch = [incoming(number, offset) for offset, number in enumerate(range(10, 20))]
    batch.append(incoming(99, 10, value=b"no event"))
    with configured("enrich"):
        Line(tmp_path, stage, Start(last=9)).handler.handle(batch)
    names = ("event", "chain", "stage", "topic", "partition", "offset", "sequence", "trace_id")
    assert [tuple(each[name] for name in names) for each in lines(capsys)] == [
        ("retrying", "local", "enrich", "input", 0, 0, 10, f"{10:032x}"),
        ("sent to the dead letters", "local", "enrich", "input", 0, 1, 11, f"{11:032x}"),
        ("sent to the dead letters", "local", "enrich", "input", 0, 10, 99, f"{99:032x}"),
    ]


def test_what_is_logged_while_a_batch_is_written_names_its_first_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    line = Line(tmp_path, Recorder(), Start(last=9))
    log = logging.get_logger("streams.output")
    monkeypatch.setattr(line.handler, "_write", lambda outcomes: log.warning("kafka acknowledges nothing"))
    with configured("enrich"):
        line.handler.handle([incoming(10, 0), incoming(11, 1), incoming(12, 2)])
    (told,) = lines(capsys)
    assert (told["stage"], told["offset"], told["sequence"], told["messages"]) == ("enrich", 0, 10, 3)


def test_listeners_that_fight_are_counted_while_they_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By whoever reads their log: it has the CLAIMs of all of them."""

    def counted() -> float | None:
        return REGISTRY.get_sample_value("headwater_chain_taken_back_total", {"chain": "local"})

    settings = load_settings({"data_dir": str(tmp_path)}, environ={})
    group = Group("normalize", "raw-blocks", "normalized-blocks", fenced=True)
    monkeypatch.setattr("headwater.clock.now_ms", lambda: 10_000_000)

    def read(observed_at: int) -> None:
        handler = BatchHandler(
            settings, group, Recorder(), lambda _: None, threading.Event(), Start(), lambda _: None
        )
        claims = [
            envelope(10 + offset, claim=-1, kind=EventKind.CLAIM, source=source, observed_at=observed_at)
            for offset, source in enumerate("abab")
        ]
        handler.handle(
            [
                Incoming("raw", 0, offset, None, value_of(each, "raw-blocks"), ())
                for offset, each in enumerate(claims)
            ]
        )

    read(observed_at=1_000)
    before = counted()
    assert before is not None
    read(observed_at=9_990_000)
    assert counted() == before + 2
