"""`headwater check-stream` on a real Kafka: transactions, repeats, deleted fronts, and another writer."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from confluent_kafka import TopicPartition
from typer.testing import CliRunner

from headwater import kafka
from headwater.cli import build
from headwater.settings import Settings, load_settings
from schemas import frame
from schemas.registry import Registry, register_all
from streams.runtime.output import StageOutput
from streams.stage import Outcome
from tests.builders.enriched_events import block_hash, enriched_event
from topics.admin import apply
from topics.catalog import topic_name
from topics.chainlog.kinds import EventKind
from topics.coverage import COVERAGE

APPLY, REVERT, REPAIR = EventKind.APPLY, EventKind.REVERT, EventKind.REPAIR


@pytest.fixture
def settings(kafka: str, registry_url: str, topic_prefix: str, tmp_path: Any) -> Settings:
    found = load_settings(
        {
            "topic_prefix": topic_prefix,
            "data_dir": str(tmp_path / "data"),
            "kafka": {"bootstrap_servers": kafka},
            "registry": {"url": registry_url},
        },
        environ={},
    )
    apply(found)
    register_all(found)
    return found


class Enrich:
    """Writes the public messages of events, as the stage does."""

    def __init__(self, settings: Settings) -> None:
        registry = Registry(settings)
        self._frame = lambda stream: frame(registry.id_for(stream))
        self._output = StageOutput(settings, "enrich", 0, threading.Event())
        self._output.open()

    def __call__(self, *events: tuple[EventKind, int, int, int, int]) -> None:
        """Events (kind, sequence, number, name, name of the parent) in one transaction."""
        self._output.write([self._outcome(*event) for event in events])

    def close(self) -> None:
        self._output.close()

    def _outcome(self, kind: EventKind, *block: int) -> Outcome:
        enriched = enriched_event(self._frame, kind, *block)
        assert enriched.coverage is not None
        return Outcome(
            public=enriched.public,
            coverage=partial(enriched.coverage.message, frame=self._frame, headers=()),
        )


@pytest.fixture
def enrich(settings: Settings) -> Iterator[Enrich]:
    stage = Enrich(settings)
    yield stage
    stage.close()


def checked(settings: Settings, *words: str, code: int = 0) -> dict[str, Any]:
    """What the command says for scripts; asserts the exit code."""
    environment = {
        "HEADWATER_TOPIC_PREFIX": settings.topic_prefix,
        "HEADWATER_KAFKA__BOOTSTRAP_SERVERS": settings.kafka.bootstrap_servers,
        "HEADWATER_REGISTRY__URL": settings.registry.url,
        "HEADWATER_DATA_DIR": str(settings.data_dir),
    }
    done = CliRunner().invoke(build(["check-stream"]), ["check-stream", *words, "--json"], env=environment)
    assert done.exit_code == code, f"{done.output} {done.exception!r}"
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def groups(settings: Settings) -> set[str]:
    admin = kafka.admin(settings)
    listed = admin.list_consumer_groups(request_timeout=10).result(timeout=20)
    return {each.group_id for each in listed.valid}


def aborted(settings: Settings) -> None:
    """A transaction that never was: its messages would be junk."""
    producer = kafka.producer(settings, transactional_id=f"{settings.topic_prefix}.killed")
    producer.init_transactions(10)
    producer.begin_transaction()
    for stream in ("logs", COVERAGE, "blocks"):
        producer.produce(topic_name(settings, stream), b"junk", b"junk")
    producer.flush(10)
    producer.abort_transaction(10)


def test_what_enrich_writes_is_clean_and_what_another_writes_is_not(
    settings: Settings, enrich: Enrich
) -> None:
    enrich((APPLY, 10, 1, 0x11, 0x10), (APPLY, 11, 2, 0x12, 0x11))
    aborted(settings)
    enrich((APPLY, 11, 2, 0x12, 0x11), (APPLY, 14, 3, 0x13, 0x12))
    enrich((REVERT, 15, 3, 0x13, 0x12), (APPLY, 16, 3, 0x23, 0x12), (REPAIR, 17, 1, 0x11, 0x10))
    before = groups(settings)
    found = checked(settings, "--all")
    assert found["findings"] == []
    assert found["unjudged"] == {}
    assert found["events"] == {"apply": 4, "revert": 1, "repair": 1}
    assert found["repeats"] == 9
    assert found["tip"] == {"number": 3, "hash": block_hash(0x23)}
    assert groups(settings) == before
    # An hour began before all of it, so that nothing is missing there either.
    assert checked(settings)["events"] == found["events"]
    assert checked(settings, "--from-block", "2", "--to-block", "2")["events"] == {"apply": 1}

    fronts_deleted(settings)
    shorter = checked(settings, "--all")
    assert shorter["findings"] == []
    assert shorter["unjudged"]

    producer = kafka.producer(settings)
    producer.produce(topic_name(settings, "logs"), b"junk", b"0x00", 3)
    assert producer.flush(10) == 0
    (finding,) = checked(settings, "--all", code=1)["findings"]
    assert finding["kind"] == "malformed"
    assert finding["places"][0]["stream"] == "logs"
    assert finding["places"][0]["partition"] == 3


def fronts_deleted(settings: Settings) -> None:
    """Retention takes the first event of the transactions, and nothing of other topics."""
    wanted = [
        TopicPartition(topic_name(settings, "transactions"), partition, 1)
        for partition in range(12)
        if kafka_end(settings, partition) > 1
    ]
    assert wanted
    admin = kafka.admin(settings)
    for future in admin.delete_records(wanted).values():
        future.result(timeout=10)


def kafka_end(settings: Settings, partition: int) -> int:
    client = kafka.reader(settings)
    try:
        return kafka.watermarks(client, topic_name(settings, "transactions"), partition)[1]
    finally:
        client.close()


def test_a_chain_without_topics_cannot_be_told(settings: Settings) -> None:
    elsewhere = settings.model_copy(update={"topic_prefix": "nobody"})
    environment = {
        "HEADWATER_TOPIC_PREFIX": elsewhere.topic_prefix,
        "HEADWATER_KAFKA__BOOTSTRAP_SERVERS": elsewhere.kafka.bootstrap_servers,
    }
    done = CliRunner().invoke(build(["check-stream"]), ["check-stream"], env=environment)
    assert done.exit_code == 3
    assert "there is no topic nobody." in done.stderr
