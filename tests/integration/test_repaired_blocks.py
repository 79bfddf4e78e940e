"""Blocks that a stage could not handle, said again: consumers of the public topics have all of them then."""

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
# What aggregate and alert do with a repair is seen in tests of theirs.
BROKEN = {43: "normalize", 44: "enrich", 45: "state"}
NUMBERS = range(42, 47)


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


def test_blocks_that_stages_refused_are_whole_after_their_repair(line: LoggedLine) -> None:
    settings = line.settings
    refused = tuple(f"{stage}:{number}" for number, stage in BROKEN.items())
    refusing = load_settings(
        settings.model_dump(exclude={"stages"}) | {"stages": {"refuse_blocks": refused}}, environ={}
    )
    line.log.open()
    line.start(refusing)
    last = line.log.publish([event(EventKind.APPLY, number) for number in NUMBERS])
    line.wait_for(last)
    sequences = {number: last - (NUMBERS[-1] - number) for number in NUMBERS}
    letters = [dict(letter.headers) for letter in messages(settings, "dead-letters")]
    assert sorted((each["__connect.errors.stage"], each["sequence"]) for each in letters) == sorted(
        (stage.encode(), b"%d" % sequences[number]) for number, stage in BROKEN.items()
    )
    assert missing(settings) == {43, 44}
    assert {each["block_number"] for each in states(settings).values()} == set(NUMBERS) - BROKEN.keys()
    line.drain()

    line.start(settings)
    line.log.publish([event(EventKind.FINALIZED, NUMBERS[-1])])
    last = line.log.publish([event(EventKind.REPAIR, number) for number in BROKEN])
    line.wait_for(last)
    repaired = {number: last - 2 + place for place, number in enumerate(BROKEN)}
    assert missing(settings) == set()
    assert len(messages(settings, "dead-letters")) == len(BROKEN)
    stands = standing(settings)
    for number, sequence in (sequences | repaired).items():
        held = {own: each for own, each in stands.items() if each[1]["block_number"] == number}
        assert held == said_by_logic(number, sequence)
    final = states(settings)
    assert len(final) == 2 * len(NUMBERS)
    assert {each["state"] for each in final.values()} == {"FINALIZED"}
    for number, sequence in repaired.items():
        of_block = coverage(settings)[number]
        assert (of_block["sequence"], of_block["complete"], of_block["removed"]) == (sequence, True, False)
        for each in COUNTED:
            of_stream = [one for stream, one in stands.values() if stream == each.stream]
            assert of_block[each.field] == sum(one["block_number"] == number for one in of_stream) > 0
        versions = {each["version"] for each in final.values() if each["block_number"] == number}
        assert versions == {sequence * 16 + 7}
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
    header = envelope(own, sequence=sequence)
    values = [frame(1) + body for body in normalize(header, encoded(own), encoded(receipts))]
    found = {}
    for of_stream in enrich(header, values, lambda _: frame(1)).public:
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
