"""A block that a stage could not handle, said again: consumers of the public topics have all of it then."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headwater.settings import Settings, load_settings
from schemas import codec_for, frame
from schemas.registry import register_all
from streams.logic.enrich.event import enrich
from streams.logic.normalize.event import normalize
from tests.builders.chain_answers import encoded, envelope
from tests.integration.logged_line import LoggedLine, answers, event
from tests.integration.worker_process import messages
from topics import admin
from topics.chainlog.kinds import EventKind
from topics.coverage import COUNTED, STREAMS

pytestmark = pytest.mark.integration
BROKEN = 43
NUMBERS = (42, BROKEN, 44)


@pytest.fixture
def line(kafka: str, registry_url: str, topic_prefix: str, tmp_path: Path) -> Iterator[LoggedLine]:
    settings = load_settings(
        {
            "topic_prefix": topic_prefix,
            "data_dir": str(tmp_path / "data"),
            "kafka": {"bootstrap_servers": kafka, "session_timeout_ms": 6_000},
            "registry": {"url": registry_url},
        },
        environ={},
    )
    admin.apply(settings)
    register_all(settings)
    made = LoggedLine(settings, tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize("stage", ["normalize", "enrich", "state"])  # test_aggregate has repairs of its own
def test_a_block_that_a_stage_refused_is_whole_after_its_repair(line: LoggedLine, stage: str) -> None:
    settings = line.settings
    refusing = load_settings(
        settings.model_dump(exclude={"stages"}) | {"stages": {"refuse_blocks": (f"{stage}:{BROKEN}",)}},
        environ={},
    )
    line.log.open()
    line.start(refusing)
    last = line.log.publish([event(EventKind.APPLY, number) for number in NUMBERS])
    line.wait_for(last)
    (letter,) = messages(settings, "dead-letters")
    assert dict(letter.headers)["__connect.errors.stage"] == stage.encode()
    assert dict(letter.headers)["sequence"] == str(last - 1).encode()
    assert missing(settings) == ({BROKEN} if stage != "state" else set())
    assert {each["block_number"] for each in states(settings).values()} == {42, 44}
    line.drain()

    line.start(settings)
    line.log.publish([event(EventKind.FINALIZED, 44)])
    repaired = line.log.publish([event(EventKind.REPAIR, BROKEN)])
    line.wait_for(repaired)
    assert missing(settings) == set()
    assert len(messages(settings, "dead-letters")) == 1
    stands = standing(settings)
    for number in NUMBERS:
        sequence = repaired if number == BROKEN else last - (44 - number)
        assert {
            own: each for own, each in stands.items() if each[1]["block_number"] == number
        } == said_by_logic(number, sequence)
    of_block = coverage(settings)[BROKEN]
    assert (of_block["sequence"], of_block["complete"], of_block["removed"]) == (repaired, True, False)
    for each in COUNTED:
        held = [one for stream, one in stands.values() if stream == each.stream]
        assert of_block[each.field] == sum(one["block_number"] == BROKEN for one in held) > 0
    final = states(settings)
    assert len(final) == 2 * len(NUMBERS)
    assert {each["state"] for each in final.values()} == {"FINALIZED"}
    versions = {each["version"] for each in final.values() if each["block_number"] == BROKEN}
    assert versions == {repaired * 16 + 7}
    line.drain()


def records(settings: Settings, stream: str) -> Iterator[dict[str, Any]]:
    for message in messages(settings, stream):
        assert message.value is not None
        yield codec_for(stream).read(message.value, 5)


def standing(settings: Settings) -> dict[bytes, tuple[str, dict[str, Any]]]:
    """What a consumer has that keeps the highest sequence of each event_id and drops what is removed."""
    kept: dict[bytes, tuple[str, dict[str, Any]]] = {}
    for stream in STREAMS:
        for record in records(settings, stream):
            own = record["event_id"]
            if own not in kept or record["sequence"] > kept[own][1]["sequence"]:
                kept[own] = stream, record
    return {own: each for own, each in kept.items() if not each[1]["removed"]}


def said_by_logic(number: int, sequence: int) -> dict[bytes, tuple[str, dict[str, Any]]]:
    """The records of a block that was never broken."""
    own, receipts = answers(number)
    said = envelope(own, sequence=sequence)
    values = [frame(1) + body for body in normalize(said, encoded(own), encoded(receipts))]
    found = {}
    for of_stream in enrich(said, values, lambda _: frame(1)).public:
        for value in of_stream.values:
            record = codec_for(of_stream.stream).read(value or b"", 5)
            found[record["event_id"]] = of_stream.stream, record
    return found  # type: ignore[return-value]


def coverage(settings: Settings) -> dict[int, dict[str, Any]]:
    """The last record of each key, as compaction leaves it."""
    return {record["block_number"]: record for record in records(settings, "coverage")}


def missing(settings: Settings) -> set[int]:
    """Blocks that coverage says are not whole, and that consumers have nothing of."""
    incomplete = {number for number, record in coverage(settings).items() if not record["complete"]}
    held = {each["block_number"] for _, each in standing(settings).values()}
    assert held == set(NUMBERS) - incomplete
    return incomplete


def states(settings: Settings) -> dict[bytes, dict[str, Any]]:
    """The snapshot with the highest version of each transaction."""
    kept: dict[bytes, dict[str, Any]] = {}
    for record in records(settings, "transaction-states"):
        own = record["hash"]
        if own not in kept or record["version"] > kept[own]["version"]:
            kept[own] = record
    return kept
