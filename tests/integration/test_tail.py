"""`headwater topics tail` and its neighbours, as a user runs them, on a real Kafka and registry."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from confluent_kafka import Producer
from typer.testing import CliRunner

from headwater import kafka
from headwater.cli import build
from headwater.settings import Settings
from schemas import codec_for, frame
from schemas.registry import Registry, register_all
from tests.builders.records import LOG
from topics.admin import apply
from topics.catalog import topic_name
from topics.tail import follow


def _environment(settings: Settings) -> dict[str, str]:
    return {
        "HEADWATER_TOPIC_PREFIX": settings.topic_prefix,
        "HEADWATER_KAFKA__BOOTSTRAP_SERVERS": settings.kafka.bootstrap_servers,
        "HEADWATER_REGISTRY__URL": settings.registry.url,
        "HEADWATER_DATA_DIR": str(settings.data_dir),
    }


def _headwater(settings: Settings, *words: str, code: int = 0) -> str:
    """A command in this process: starting Python eight times would be most of the test."""
    done = CliRunner().invoke(build(words), words, env=_environment(settings))
    assert done.exit_code == code, done.output
    return done.stdout


def _process(settings: Settings, *words: str, code: int = 0) -> str:
    command = [sys.executable, "-m", "headwater", *words]
    environment = {**os.environ, **_environment(settings)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == code, done.stderr
    return done.stdout


def _lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_commands_make_topics_and_schemas_and_show_messages(settings: Settings) -> None:
    planned = json.loads(_headwater(settings, "topics", "plan", "--json", code=2))
    applied = json.loads(_headwater(settings, "topics", "apply", "--json"))
    assert planned == applied
    assert json.loads(_headwater(settings, "topics", "plan", "--json")) == []
    ids = json.loads(_headwater(settings, "schemas", "register", "--json"))
    assert json.loads(_headwater(settings, "schemas", "check", "--json"))["ok"] is True

    logs, letters = topic_name(settings, "logs"), topic_name(settings, "dead-letters")
    value = frame(ids[f"{logs}-value"]) + codec_for("logs").write(LOG)
    producer = kafka.producer(settings)
    for number in range(3):
        producer.produce(logs, value, f"key {number}", headers={"sequence": str(number)})
    producer.produce(letters, value[:-1], "bad", headers={"__connect.errors.topic": logs})
    assert producer.flush(20) == 0

    lines = _lines(_headwater(settings, "topics", "tail", "logs", "--from-beginning", "--limit", "3"))
    assert sorted(line["key"] for line in lines) == ["key 0", "key 1", "key 2"]
    assert {line["value"]["address"] for line in lines} == {f"0x{(b'a' * 20).hex()}"}
    (letter,) = _lines(_process(settings, "topics", "tail", letters, "--from-beginning", "--no-follow"))
    assert letter["value_hex"] == f"0x{value[:-1].hex()}"
    assert "field extra" in letter["problem"]
    assert letter["headers"] == {"__connect.errors.topic": logs}
    _process(settings, "topics", "tail", "no.such-topic", "--no-follow", code=1)


def _transaction(producer: Producer, topic: str, values: list[bytes], *, commit: bool) -> None:
    producer.begin_transaction()
    for value in values:
        producer.produce(topic, value)
    assert producer.flush(20) == 0
    if commit:
        producer.commit_transaction()
    else:
        producer.abort_transaction()


def test_only_committed_messages_are_shown_and_new_ones_are_followed(settings: Settings) -> None:
    apply(settings)
    topic = topic_name(settings, "heads")
    producer = kafka.producer(settings, transactional_id=f"{settings.topic_prefix}.tail")
    producer.init_transactions(20)
    _transaction(producer, topic, [b"one"], commit=True)
    _transaction(producer, topic, [b"never"], commit=False)
    _transaction(producer, topic, [b"two"], commit=True)
    found = [
        m.value() for m in follow(settings, topic, from_beginning=True, forever=False, idle=lambda: False)
    ]
    assert found == [b"one", b"two"]

    idles = 0

    def idle() -> bool:
        nonlocal idles
        idles += 1
        if idles == 2:
            _transaction(producer, topic, [b"three"], commit=True)
        return idles > 100

    messages = follow(settings, topic, from_beginning=False, forever=True, idle=idle)
    assert next(messages).value() == b"three"
    messages.close()


def test_a_reader_of_this_version_reads_what_a_newer_writer_wrote(settings: Settings) -> None:
    ids = register_all(settings)
    registry = Registry(settings)
    subject = registry.subject("logs")
    ours = registry.schema(ids[subject])
    assert ours is not None
    newer = {
        **ours,
        "fields": [*ours["fields"], {"name": "label", "type": ["null", "string"], "default": None}],
    }
    newer_id = registry.register(subject, json.dumps(newer))
    body = codec_for("logs").write(LOG)
    reader = registry.reader("logs")
    columns = reader.columns([frame(ids[subject]) + body, frame(newer_id) + body + b"\x02\x04hi"])
    assert columns["log_index"] == [300, 300]
    assert "label" not in columns
    with pytest.raises(Exception, match="the registry has no such schema id"):
        reader.read(frame(2_000_000_000) + body)
