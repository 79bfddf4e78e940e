"""`headwater lag` on a real Kafka: what transactions leave and what the sink holds back is not lag."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import TopicPartition
from typer.testing import CliRunner

from headwater import kafka
from headwater.cli import build
from headwater.settings import Settings, load_settings
from schemas.naming import name_of
from tests.integration.sink_chain import Block, Publisher
from topics.admin import apply
from topics.catalog import topic_name

ROWS = ("blocks", "transactions", "logs", "token-transfers", "contracts")
BLOCKS = [Block(number) for number in range(1, 4)]


@pytest.fixture
def settings(kafka: str, registry_url: str, topic_prefix: str, tmp_path: Path) -> Settings:
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
    return found


def lag(settings: Settings, *words: str, code: int) -> dict[str, Any]:
    """Each group by the end of its name; asserts the exit code."""
    environment = {
        "HEADWATER_TOPIC_PREFIX": settings.topic_prefix,
        "HEADWATER_KAFKA__BOOTSTRAP_SERVERS": settings.kafka.bootstrap_servers,
        "HEADWATER_REGISTRY__URL": settings.registry.url,
        "HEADWATER_DATA_DIR": str(settings.data_dir),
    }
    arguments = ["lag", "--json", "--seconds", "0.2", *words]
    done = CliRunner().invoke(build(["lag"]), arguments, env=environment)
    assert done.exit_code == code, f"{done.output} {done.exception!r}"
    told = json.loads(done.stdout)
    assert told["held_counts_as_lag"] is None
    return {each["group"].removeprefix(name_of(settings, "")): each for each in told["groups"]}


def by_topic(settings: Settings, group: dict[str, Any], what: str) -> dict[str, int]:
    """Stream → sum over its partitions, of those that have any."""
    found: dict[str, int] = {}
    for each in group["partitions"]:
        stream = each["topic"].removeprefix(name_of(settings, "")).rpartition(".")[0]
        found[stream] = found.get(stream, 0) + each[what]
    return {stream: count for stream, count in found.items() if count}


def store(settings: Settings, streams: Iterable[str]) -> None:
    """Commit as the sink does that has stored everything of these streams."""
    member = kafka.consumer(settings, name_of(settings, "sink"))
    try:
        for stream in streams:
            topic = topic_name(settings, stream)
            numbers = member.list_topics(topic, timeout=10).topics[topic].partitions
            ends = [
                TopicPartition(topic, number, kafka.watermarks(member, topic, number)[1])
                for number in numbers
            ]
            member.commit(offsets=ends, asynchronous=False)
    finally:
        member.close()


def test_lag_is_messages_that_could_be_read_and_nothing_else(settings: Settings) -> None:
    Publisher(settings).apply(*BLOCKS)
    groups = lag(settings, code=1)
    assert by_topic(settings, groups["sink"], "messages") == {
        stream: sum(block.counts()[stream] for block in BLOCKS) for stream in ROWS
    }
    # Their rows are not stored: that is what they wait for, and it is counted there.
    assert by_topic(settings, groups["sink"], "held") == {"coverage": len(BLOCKS)}
    assert groups["sink"]["members"] == 0
    assert "nobody reads: start a replica of sink" in groups["sink"]["advice"]
    assert groups["sink"]["hottest"]["seconds"] > 0

    store(settings, ROWS)
    groups = lag(settings, code=1)
    assert by_topic(settings, groups["sink"], "messages") == {"coverage": len(BLOCKS)}
    assert by_topic(settings, groups["sink"], "held") == {}

    store(settings, ["coverage"])
    groups = lag(settings, code=0)
    # Ends of transactions lie behind the last message of every partition, and nothing waits.
    assert {name: group["messages"] for name, group in groups.items()} == dict.fromkeys(groups, 0)
    assert groups["state"]["most"] == 2
    assert "one active replica and one standby" in groups["state"]["advice"]


def test_a_chain_without_topics_cannot_be_told(settings: Settings) -> None:
    environment = {
        "HEADWATER_TOPIC_PREFIX": "nobody",
        "HEADWATER_KAFKA__BOOTSTRAP_SERVERS": settings.kafka.bootstrap_servers,
    }
    done = CliRunner().invoke(build(["lag"]), ["lag"], env=environment)
    assert done.exit_code == 3
    assert "there is no topic nobody." in done.stderr
