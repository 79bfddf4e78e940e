"""raw-blocks → normalize → enrich → public topics, both groups as processes of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import OFFSET_END, Message, TopicPartition

from headwater import kafka as clients
from headwater.settings import Settings, environment, load_settings
from schemas import codec_for
from schemas.registry import register_all
from tests.builders.chain_answers import (
    CHAIN_ID,
    SENDER,
    TOKEN,
    encoded,
)
from tests.integration.raw_log import FIRST, Log, answers, block_event, chain, publish
from tests.integration.waiting import looks, until
from topics.admin import apply
from topics.catalog import spec, topic_name

pytestmark = pytest.mark.integration
PUBLIC = ("blocks", "transactions", "logs", "token-transfers", "contracts", "coverage")


@pytest.fixture
def settings(kafka: str, registry_url: str, topic_prefix: str, tmp_path: Path) -> Settings:
    return load_settings(
        {
            "topic_prefix": topic_prefix,
            "data_dir": str(tmp_path / "data"),
            "kafka": {"bootstrap_servers": kafka},
            "registry": {"url": registry_url},
        },
        environ={},
    )


@pytest.fixture
def workers(settings: Settings, tmp_path: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    apply(settings)
    register_all(settings)
    started: list[subprocess.Popen[bytes]] = []
    try:
        for group in ("normalize", "enrich"):
            started.append(start(settings, group, tmp_path))
        yield started
    finally:
        for process in started:
            process.kill()
            process.wait()


def start(settings: Settings, group: str, logs: Path) -> subprocess.Popen[bytes]:
    with (logs / f"{group}.log").open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "headwater", "work", group],
            env=os.environ | environment(settings),
            stdout=output,
            stderr=output,
        )


def read(settings: Settings, stream: str) -> list[Message]:
    reader = clients.reader(settings)
    try:
        found: list[Message] = []
        for partition in range(spec(stream).partitions):
            topic = topic_name(settings, stream)
            low, high = clients.watermarks(reader, topic, partition)
            found += clients.read_range(reader, topic, low, high, partition)
        return found
    finally:
        reader.close()


def records(settings: Settings, stream: str) -> list[tuple[Message, dict[str, Any]]]:
    return [(each, codec_for(stream).read(bytes(each.value() or b""), 5)) for each in read(settings, stream)]


def wait_for(settings: Settings, last: int, workers: list[subprocess.Popen[bytes]], logs: Path) -> list[Any]:
    for _ in looks(90):
        for process in workers:
            assert process.poll() is None, "\n".join(path.read_text() for path in logs.glob("*.log"))
        found = [record for _, record in records(settings, "enriched-blocks")]
        if found and found[-1]["sequence"] >= last:
            return found
    pytest.fail("\n".join(path.read_text() for path in logs.glob("*.log")))


def test_public_topics_say_what_the_log_says(
    settings: Settings, workers: list[subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    events = wait_for(settings, publish(Log(settings)), workers, tmp_path)
    assert [each["sequence"] for each in events] == [FIRST + place for place in range(7)]
    assert [each["event"] for each in events] == ["CLAIM"] + ["APPLY"] * 3 + ["REVERT"] * 2 + ["FINALIZED"]
    problems = [each["problem"] is not None for each in events]
    assert problems == [False, False, False, True, True, False, False]

    found = {stream: records(settings, stream) for stream in PUBLIC}
    applied = [record for _, record in found["coverage"] if not record["removed"]]
    assert [(each["block_number"], each["complete"], each["log_count"]) for each in applied] == [
        (42, True, 2),
        (43, True, 2),
        (44, False, 0),
    ]
    _keys_are_as_in_the_catalogue(found)
    _retractions_match(found)
    _offsets_are_those_of_the_messages(settings, found)
    _dead_letters_hold_the_bytes(settings)

    for process in workers:
        process.send_signal(signal.SIGTERM)
    assert [process.wait(20) for process in workers] == [0, 0]


def test_a_stage_whose_output_has_expired_skips_nothing(
    settings: Settings, workers: list[subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    """As after three days without workers: what a stage wrote, and what it was to read, is deleted."""
    raw = Log(settings)
    last = publish(raw)
    wait_for(settings, last, workers, tmp_path)
    for process in workers:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    for stream in ("normalized-blocks", "enriched-blocks"):
        delete_all(settings, stream)
    following = raw.write(block_event(45, last + 1, claim=0), answers(45))
    workers[:] = [start(settings, group, tmp_path) for group in ("normalize", "enrich")]
    events = wait_for(settings, last + 1, workers, tmp_path)
    assert [each["sequence"] for each in events] == [last + 1]
    # What comes next is not there any more, and nothing may go on as if it had never been.
    workers[0].send_signal(signal.SIGTERM)
    assert workers[0].wait(20) == 0
    delete_all(settings, "normalized-blocks")
    delete_all(settings, "raw-blocks")
    assert following < raw.write(block_event(47, last + 3, claim=0), answers(47))
    workers[0] = start(settings, "normalize", tmp_path)
    log = tmp_path / "normalize.log"
    until(
        lambda: f"sequence {last + 2} is missing" in log.read_text() or workers[0].poll() is not None,
        "normalize says what is missing",
    )
    assert workers[0].poll() is None, "normalize ended, and nobody would know why"
    workers[0].send_signal(signal.SIGTERM)
    assert workers[0].wait(20) == 0


def delete_all(settings: Settings, stream: str) -> None:
    """Delete every record of a topic of one partition."""
    topic = TopicPartition(topic_name(settings, stream), 0, OFFSET_END)
    client = clients.admin(settings)
    (future,) = client.delete_records([topic]).values()
    future.result(30)


def _keys_are_as_in_the_catalogue(found: dict[str, list[tuple[Message, dict[str, Any]]]]) -> None:
    keys = {
        stream: {bytes(message.key() or b"").decode() for message, _ in found[stream]} for stream in PUBLIC
    }
    assert keys["transactions"] == {SENDER}
    assert keys["logs"] == keys["token-transfers"] == {TOKEN}
    assert keys["blocks"] == {"42", "43"}
    assert keys["contracts"] == {f"0x{n:040x}:0x{n:064x}" for n in (42, 43)}
    assert keys["coverage"] == {f"{n}:0x{n:064x}" for n in (42, 43, 44)}
    for stream in PUBLIC:
        for message, record in found[stream]:
            headers = dict(message.headers() or [])
            assert headers["sequence"] == str(record["sequence"]).encode()
            assert headers["chain-id"] == str(CHAIN_ID).encode()


def _retractions_match(found: dict[str, list[tuple[Message, dict[str, Any]]]]) -> None:
    for stream in ("blocks", "transactions", "logs", "token-transfers", "contracts"):
        of_43 = [(each, record) for each, record in found[stream] if record["block_number"] == 43]
        one = {record["event_id"]: (each, record) for each, record in of_43 if not record["removed"]}
        other = {record["event_id"]: (each, record) for each, record in of_43 if record["removed"]}
        assert one
        assert one.keys() == other.keys()
        for identity, (message, record) in one.items():
            again, retracted = other[identity]
            assert (again.key(), again.partition()) == (message.key(), message.partition())
            assert retracted == record | {"removed": True, "sequence": FIRST + 5}


def _offsets_are_those_of_the_messages(
    settings: Settings, found: dict[str, list[tuple[Message, dict[str, Any]]]]
) -> None:
    for _, coverage in found["coverage"]:
        expected: dict[tuple[str, int], int] = {}
        for stream in PUBLIC[:-1]:
            for message, record in found[stream]:
                if record["sequence"] == coverage["sequence"]:
                    place = topic_name(settings, stream), message.partition() or 0
                    expected[place] = max(expected.get(place, 0), (message.offset() or 0) + 1)
        offsets = {(each["topic"], each["partition"]): each["next_offset"] for each in coverage["offsets"]}
        assert offsets == expected


def _dead_letters_hold_the_bytes(settings: Settings) -> None:
    letters = read(settings, "dead-letters")
    assert len(letters) == 2
    for letter, kind in zip(letters, ("APPLY", "REVERT"), strict=True):
        original = codec_for("raw-blocks").read(bytes(letter.value() or b""), 5)
        assert (original["event"], original["block"]) == (kind, encoded(chain(44)[0]))
        headers = dict(letter.headers() or [])
        assert "0 receipts for 2 transactions" in str(headers["__connect.errors.exception.message"])
