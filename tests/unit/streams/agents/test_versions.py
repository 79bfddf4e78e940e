"""Values of other versions in the stages: a later one's go on without a block, an earlier one's as ours."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from headwater.settings import load_settings
from schemas import StreamReader, codec_for, frame, schema_of, version_of
from schemas.codec.model import Schema
from schemas.history import versions
from streams.agents.enrich import EnrichStage
from streams.agents.normalize import NormalizeStage
from streams.agents.state import StateStage
from streams.logic.event import ChainEvent, Messages
from streams.runtime.assembler import Incoming, Start
from streams.runtime.batch import BatchHandler
from streams.stage import Outcome, Stage, StageContext
from tests.builders.avro import codec_of
from tests.builders.chain_answers import block, encoded, envelope, log, receipt, transaction
from tests.builders.raw_events import raw_event
from tests.fakes.stage import unread
from topics.chainlog.envelope import read_envelope
from topics.chainlog.headers import SCHEMA_VERSION, SEQUENCE
from topics.chainlog.kinds import EventKind
from topics.groups import Group, group_of

OURS, THEIRS = 1, 9
SEQUENCE_NUMBER = 1_700_000_000_000
STAGES: dict[str, Callable[[StageContext, Callable[[bytes], bytes]], Stage]] = {
    "normalize": NormalizeStage,
    "enrich": EnrichStage,
    "state": StateStage,
}
GROUPS = [group_of(name) for name in STAGES]


def later(stream: str) -> Schema:
    """What a later version may do to a schema: a kind of event that we do not know, a field at the end."""
    schema: dict[str, Any] = copy.deepcopy(schema_of(stream))
    schema["fields"][0]["type"]["symbols"].append("REWIND")
    schema["fields"].append({"name": "rewound_to", "type": ["null", "long"], "default": None})
    return schema


class Line:
    """A stage behind the messages of its input, of two schemas."""

    def __init__(self, group: Group, folder: Path, theirs: Schema) -> None:
        self.written: list[Messages] = []
        self.public: list[Messages] = []
        schemas = {OURS: schema_of(group.input), THEIRS: theirs}
        reader = StreamReader(group.input, schemas.get)
        settings = load_settings({"data_dir": str(folder)}, environ={})
        context = StageContext(settings, group, lambda _: frame(OURS), lambda _: reader)
        self.stage = STAGES[group.name](context, reader.to_current_schema)
        start = Start(last=SEQUENCE_NUMBER - 1, claim=12)
        self.handler = BatchHandler(
            settings, group, self.stage, self._write, threading.Event(), start, lambda _: None
        )

    def _write(self, outcomes: Sequence[Outcome]) -> None:
        self.written += [messages for outcome in outcomes for messages in outcome.internal]
        self.public += [messages for outcome in outcomes for messages in outcome.public]

    def feed(self, value: bytes, sequence: int = SEQUENCE_NUMBER, offset: int = 20) -> None:
        headers = ((SEQUENCE, str(sequence).encode()), ("chain-id", b"31337"))
        assert self.handler.handle([Incoming("input", 0, offset, b"1", value, headers)]).gap is None


def record_of(group: Group) -> dict[str, object]:
    """An APPLY as the group's input has it."""
    own = envelope(block([transaction()]))
    raw = raw_event(own, encoded(block([transaction()])), encoded([receipt(logs=[log()])]))
    value = raw.values[0]
    for each in GROUPS:
        if each == group:
            break
        context = StageContext(load_settings(environ={}), each, lambda _: frame(OURS), unread)
        (messages,) = (
            STAGES[each.name](context, lambda own_value: own_value)
            .handle(ChainEvent(own, (value,), "input", 0, (0,)))
            .internal
        )
        value = messages.values[0] or b""
    return codec_for(group.input).read(value, 5)


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)
def test_an_event_of_a_later_version_keeps_its_number_and_nothing_else(group: Group, tmp_path: Path) -> None:
    theirs = later(group.input)
    line = Line(group, tmp_path, theirs)
    rewind = record_of(group) | {"event": "REWIND", "rewound_to": 40}
    line.feed(frame(THEIRS) + codec_of(theirs).write(rewind))
    letters = [each for each in line.written if each.stream == "dead-letters"]
    if group.fenced:
        (letter,) = letters
        assert b"only a later version knows" in dict(letter.headers)["__connect.errors.exception.message"]
    else:
        assert letters == []
    assert line.public == []
    if group.output is not None:
        (onward,) = [each for each in line.written if each.stream == group.output]
        told = codec_for(group.output).read(onward.values[0] or b"", 5)
        assert (told["event"], told["sequence"]) == ("UNKNOWN", SEQUENCE_NUMBER)
        assert (told["problem"] is not None) == group.fenced
    # The next one finds no hole.
    known = record_of(group) | {"sequence": SEQUENCE_NUMBER + 1}
    line.feed(frame(THEIRS) + codec_of(theirs).write(known), SEQUENCE_NUMBER + 1, 21)
    assert [each for each in line.written if each.stream == "dead-letters"] == letters
    assert line.handler.assembler.last == SEQUENCE_NUMBER + 1
    assert bool(line.public) == (group.name != "normalize")


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)
def test_an_event_of_an_earlier_version_is_handled_as_ours(group: Group, tmp_path: Path) -> None:
    first = versions(group.input)[0]
    assert first.number < version_of(group.input)
    record = record_of(group)
    published = []
    for head, codec in ((OURS, codec_for(group.input)), (THEIRS, codec_of(first.schema))):
        line = Line(group, tmp_path, first.schema)
        line.feed(frame(head) + codec.write(record))
        published.append((line.written, line.public))
    assert published[0] == published[1]
    assert published[0] != ([], [])


@pytest.mark.parametrize("stream", ["raw-blocks", "normalized-blocks", "enriched-blocks"])
def test_an_envelope_is_read_whatever_comes_behind_it(stream: str) -> None:
    theirs = later(stream)
    record = codec_for(stream).read(_plain(stream), 5) | {"event": "REWIND", "rewound_to": 1}
    read = read_envelope(frame(THEIRS) + codec_of(theirs).write(record), stream)
    assert read == replace(read_envelope(_plain(stream), stream), event=EventKind.UNKNOWN)


def _plain(stream: str) -> bytes:
    own = envelope(block([]))
    record = {name: getattr(own, name) for name in type(own).__slots__}
    record |= {"event": "APPLY", "verified": list(own.verified)}
    return frame(OURS) + codec_for(stream).write(record)


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)
def test_headers_say_the_version_of_the_schema_that_wrote_the_value(group: Group, tmp_path: Path) -> None:
    line = Line(group, tmp_path, later(group.input))
    line.feed(frame(OURS) + codec_for(group.input).write(record_of(group)))
    for messages in (*line.written, *line.public):
        version = dict(messages.headers)[SCHEMA_VERSION]
        assert version == str(versions(messages.stream)[-1].number).encode(), messages.stream
