"""Which block a letter is about, whatever of it can be read."""

from __future__ import annotations

from typing import Any

import pytest

from audit.repair.block import EVENTS, RECORDS, NoBlock, OfEvent, block_of
from audit.repair.letters import Letter, TopicPosition
from connectors.evm.repair.request import BlockName
from schemas import codec_for, frame
from schemas.sample import sample
from tests.builders.chain_answers import CHAIN_ID, block, envelope
from tests.builders.repairs import letter
from tests.builders.stage_events import value_of
from topics.chainlog.headers import headers
from topics.chainlog.kinds import EventKind

HASH = bytes.fromhex("b1" * 32)
NAME = BlockName(CHAIN_ID, 42, HASH)
OWN = dict(headers(CHAIN_ID, 7, HASH, stream="transactions"))


def stream_of(topic: str) -> str | None:
    return topic.removeprefix("c.").removesuffix(".v1") if topic.startswith("c.") else None


def of(stream: str, head: bytes | None, **changes: Any) -> Letter:
    return letter(original=TopicPosition(f"c.{stream}.v1", 0, 1), head=head, **{"headers": OWN, **changes})


def event(kind: EventKind, stream: str, **changes: Any) -> bytes:
    return value_of(envelope(block([]), kind, **changes), stream)


def record(stream: str, **changes: Any) -> bytes:
    own = {"chain_id": CHAIN_ID, "block_number": 42, "block_hash": HASH}
    return frame(7) + codec_for(stream).write(sample(codec_for(stream).record) | own | changes)


@pytest.mark.parametrize("stream", EVENTS)
@pytest.mark.parametrize("kind", [kind for kind in EventKind if kind.carries_block])
def test_an_events_envelope_names_its_block(stream: str, kind: EventKind) -> None:
    assert block_of(of(stream, event(kind, stream), headers={}), stream_of) == NAME


@pytest.mark.parametrize("kind", [EventKind.CLAIM, EventKind.SAFE, EventKind.FINALIZED])
def test_an_event_without_content_needs_nothing(kind: EventKind) -> None:
    found = block_of(of("raw-blocks", event(kind, "raw-blocks")), stream_of)
    assert isinstance(found, NoBlock)
    assert kind.name in found.why
    assert found.remedy.startswith("nothing to do")


def test_an_event_of_a_later_version_wants_an_update() -> None:
    found = block_of(of("raw-blocks", event(EventKind.UNKNOWN, "raw-blocks")), stream_of)
    assert isinstance(found, NoBlock)
    assert "update" in found.remedy


@pytest.mark.parametrize("stream", RECORDS)
def test_a_public_record_names_its_block_also_when_its_end_is_broken(stream: str) -> None:
    whole = record(stream)
    assert block_of(of(stream, whole, headers={}), stream_of) == NAME
    assert block_of(of(stream, whole[:-1]), stream_of) == NAME
    assert block_of(of(stream, whole[:48]), stream_of) == NAME


def test_bytes_that_read_as_another_block_than_the_headers_say_are_not_believed() -> None:
    wanted = OfEvent(CHAIN_ID, 7, "b1" * 24)
    for changes in ({"block_hash": b"x" * 32}, {"chain_id": 5}, {"block_number": -1}):
        assert block_of(of("logs", record("logs", **changes)), stream_of) == wanted


@pytest.mark.parametrize("stream", ["raw-blocks", "logs", "transaction-states", "coverage"])
@pytest.mark.parametrize("head", [None, b"", b"\x00\x00", b"junk of no frame", frame(7) + b"\xff" * 12])
def test_what_cannot_be_read_is_of_the_event_that_its_headers_name(stream: str, head: bytes | None) -> None:
    assert block_of(of(stream, head), stream_of) == OfEvent(CHAIN_ID, 7, "b1" * 24)
    bare = {"sequence": b"7", "chain-id": b"1", "traceparent": b"junk"}
    assert block_of(of(stream, head, headers=bare), stream_of) == OfEvent(1, 7, "")
    nameless = block_of(of(stream, head, headers={"sequence": b"7"}), stream_of)
    assert isinstance(nameless, NoBlock)
    assert "find out who does" in nameless.remedy


def test_a_state_in_no_block_is_of_its_event() -> None:
    pending = record("transaction-states", block_number=None, block_hash=None)
    assert block_of(of("transaction-states", pending), stream_of) == OfEvent(CHAIN_ID, 7, "b1" * 24)


@pytest.mark.parametrize("topic", ["c.repairs.v1", "another.logs.v1"])
def test_other_topics_are_about_no_block(topic: str) -> None:
    found = block_of(letter(original=TopicPosition(topic, 0, 1)), stream_of)
    assert isinstance(found, NoBlock)
    assert topic in found.why
    assert isinstance(block_of(letter(original=None), stream_of), NoBlock)
