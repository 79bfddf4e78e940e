"""Repairs on a real Kafka: the contract of their topics, and `headwater listen` as a process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from connectors.evm.log.codec import Stored
from connectors.evm.log.kafka_store import KafkaStore
from connectors.evm.repair.request import OUTCOMES, PUBLISHED, REFUSED, REQUESTS, Outcome
from headwater import kafka as clients
from headwater.settings import Settings, environment, load_settings
from sandbox.node import AdjustableChain, RecordedNode
from schemas import codec_for
from schemas.naming import name_of
from tests.builders.repair_requests import repair_request
from tests.contract.repair_channel import Channel, RepairChannelContract
from tests.fakes.listening import accepted, hashes
from tests.integration.repair_topics import RepairTopics, make_topics
from tests.integration.waiting import until
from topics.catalog import topic_name, wanted
from topics.chainlog.kinds import EventKind

HEADWATER = str(Path(sys.executable).with_name("headwater"))
SECONDS = 60.0


@pytest.fixture
def settings(kafka: str, registry_url: str, topic_prefix: str, tmp_path: Path) -> Settings:
    """Kafka and registry with the listener's topics; no node, no database."""
    return load_settings(
        {
            "topic_prefix": topic_prefix,
            "data_dir": str(tmp_path),
            "log_format": "json",
            "kafka": {"bootstrap_servers": kafka},
            "registry": {"url": registry_url},
            "chain": {"start": "earliest", "poll_seconds": 0.05},
        },
        environ={},
    )


@pytest.fixture
def topics(settings: Settings) -> Iterator[RepairTopics]:
    make_topics(settings, "raw-blocks", "raw-links", "heads", REQUESTS, OUTCOMES)
    topics = RepairTopics(settings)
    yield topics
    topics.close()


class TestKafkaChannel(RepairChannelContract):
    @pytest.fixture
    def channel(self, topics: RepairTopics) -> Channel:
        return topics


@pytest.fixture
def log(settings: Settings, topics: RepairTopics) -> Iterator[KafkaStore]:
    """The listener's log, for reading, and for deleting its front."""
    store = KafkaStore(settings, topic_name(settings, "raw-blocks"), "31337")
    yield store
    store.close()


@pytest.fixture
def listen(settings: Settings, tmp_path: Path) -> Iterator[Callable[[str], subprocess.Popen[bytes]]]:
    """Start a listener on a node: `listen(url)`."""
    processes: list[subprocess.Popen[bytes]] = []
    path = tmp_path / "listen.log"

    def start(rpc: str) -> subprocess.Popen[bytes]:
        env = {name: value for name, value in os.environ.items() if not name.startswith("HEADWATER_")}
        with path.open("ab") as lines:
            command = [HEADWATER, "listen", "--rpc", rpc]
            processes.append(subprocess.Popen(command, env=env | environment(settings), stderr=lines))
        return processes[-1]

    yield start
    for process in processes:
        if process.poll() is None:
            process.kill()
            process.wait(SECONDS)
    if processes:
        sys.stderr.write(path.read_text()[-6000:])  # shown when a test fails


def outcome(topics: RepairTopics, id: str) -> Outcome:
    """The outcome that holds of a request, once there is one."""

    def latest() -> Outcome | None:
        return {each.request.request_id: each for each in topics.published()}.get(id)

    found: Outcome = until(latest, f"an outcome of {id}")
    return found


def repairs(log: KafkaStore) -> list[Stored]:
    return [each for each in accepted(log) if each.kind.repairs]


def event(log: KafkaStore, sequence: int | None) -> dict[str, Any]:
    """The event of that sequence, of one message."""
    (stored,) = [each for each in accepted(log) if each.position.sequence == sequence]
    ((_, value),) = log.read(stored.position.offset, stored.position.offset + 1)
    return codec_for("raw-blocks").read(value, 5)


def committed(settings: Settings) -> int:
    """How many requests the listener has committed."""
    client = clients.consumer(settings, name_of(settings, "listen"))
    try:
        (found,) = client.committed([TopicPartition(topic_name(settings, REQUESTS), 0)], timeout=10)
    finally:
        client.close()
    return max(0, int(found.offset))


def dearer(chain: AdjustableChain, number: int) -> bytes:
    """Have the node answer receipts of a block with another gas price, which no check looks at."""
    block = chain.by_number(number)
    assert block is not None
    receipts = json.loads(block.part("receipts") or b"[]")
    changed = json.dumps([{**each, "effectiveGasPrice": "0x123456"} for each in receipts]).encode()
    block._parts["receipts"] = changed
    return changed


def test_blocks_are_said_again_wherever_they_stand(
    listen: Callable[[str], subprocess.Popen[bytes]], topics: RepairTopics, log: KafkaStore
) -> None:
    chain = AdjustableChain.synthetic(40, first=0)
    node = RecordedNode(chain, safe_lag=2, finalized_lag=6)
    with node.serve_in_thread():
        listen(node.url)
        until(lambda: hashes(log) == chain.hashes, "the chain")
        orphan, near, far = chain.tip, chain.by_number(36), chain.by_number(5)
        assert near is not None
        assert far is not None
        chain.fork(2)
        until(lambda: hashes(log) == chain.hashes, "the fork")
        before = far.part("receipts")
        after = dearer(chain, 5)
        topics.ask(
            repair_request(36, near.hash, id="near"),
            repair_request(39, orphan.hash, id="orphan"),
            repair_request(5, id="far"),
            repair_request(5, refetch=True, id="fetched"),
            repair_request(36, bytes(32), id="never"),
            repair_request(4_000, id="later"),
        )
        answered = outcome(topics, "near")
        assert (answered.outcome, answered.removed, answered.source) == (PUBLISHED, False, "raw-blocks")
        assert event(log, answered.sequence)["block"] == near.part("block")
        answered = outcome(topics, "orphan")
        assert (answered.outcome, answered.removed, answered.source) == (PUBLISHED, True, "raw-blocks")
        assert event(log, answered.sequence)["event"] == "REPAIR_REVERT"
        assert event(log, answered.sequence)["block"] == orphan.part("block")
        answered = outcome(topics, "far")
        assert answered.source == "raw-blocks"
        assert event(log, answered.sequence)["receipts"] == before
        answered = outcome(topics, "fetched")
        assert answered.source == node.url
        found = event(log, answered.sequence)
        assert (found["receipts"], found["replaced_receipts"]) == (after, before)
        assert found["replaced_block"] is None
        answered = outcome(topics, "never")
        assert (answered.outcome, answered.sequence) == (REFUSED, None)
        assert "raw-blocks does not tell that it ever was" in str(answered.problem)
        assert "; correct the hash" in str(answered.problem)
        assert "the last one is" in str(outcome(topics, "later").problem)
        chain.extend(2)
        until(lambda: hashes(log) == chain.hashes, "the blocks after")


def limit(settings: Settings, stream: str, largest: int | None) -> None:
    """Have the brokers take messages of a stream up to so many bytes (None: as the catalogue says)."""
    topic = topic_name(settings, stream)
    value = wanted(settings)[topic][1]["max.message.bytes"] if largest is None else str(largest)
    entry = ConfigEntry("max.message.bytes", value, incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
    admin = clients.admin(settings)
    for future in admin.incremental_alter_configs([resource]).values():
        future.result(timeout=30)


def test_killed_between_event_and_outcome_it_says_the_block_once_more(
    listen: Callable[[str], subprocess.Popen[bytes]],
    topics: RepairTopics,
    log: KafkaStore,
    settings: Settings,
) -> None:
    chain = AdjustableChain.synthetic(20, first=0)
    node = RecordedNode(chain, safe_lag=2, finalized_lag=6)
    with node.serve_in_thread():
        process = listen(node.url)
        until(lambda: hashes(log) == chain.hashes, "the chain")
        limit(settings, OUTCOMES, 1)
        topics.ask(repair_request(4, refetch=True), repair_request(18))
        until(lambda: len(repairs(log)) == 2, "the events")
        # It waits for the outcomes, and the head does not.
        chain.extend(2)
        until(lambda: hashes(log) == chain.hashes, "the blocks after")
        assert topics.published() == []
        process.kill()
        process.wait(SECONDS)
        limit(settings, OUTCOMES, None)
        assert committed(settings) == 0
        listen(node.url)
        answered = [outcome(topics, id) for id in ("4", "18")]
        until(lambda: committed(settings) == 2, "the commit")
        again = repairs(log)
        assert [each.head.number for each in again if each.head] == [4, 18, 4, 18]
        assert [each.sequence for each in answered] == [each.position.sequence for each in again[2:]]
        assert {each.outcome for each in answered} == {PUBLISHED}
        assert hashes(log) == chain.hashes


def test_what_retention_deleted_is_fetched_again(
    listen: Callable[[str], subprocess.Popen[bytes]], topics: RepairTopics, log: KafkaStore
) -> None:
    chain = AdjustableChain.synthetic(20, first=0)
    node = RecordedNode(chain, safe_lag=2, finalized_lag=6)
    with node.serve_in_thread():
        first = listen(node.url)
        until(lambda: hashes(log) == chain.hashes, "the chain")
        first.terminate()
        assert first.wait(SECONDS) == 0
        listen(node.url)
        chain.extend(20)
        until(lambda: hashes(log) == chain.hashes, "the blocks after")
        until(lambda: accepted(log)[-1].kind is EventKind.FINALIZED, "their finality")
        claims = [each for each in accepted(log) if each.kind is EventKind.CLAIM]
        log.trim(claims[-1].position.offset)
        block = chain.by_number(5)
        assert block is not None
        topics.ask(repair_request(5, block.hash), repair_request(6, bytes(32), id="never"))
        answered = outcome(topics, "5")
        assert (answered.outcome, answered.source) == (PUBLISHED, node.url)
        found = event(log, answered.sequence)
        assert (found["event"], found["block_hash"].hex()) == ("REPAIR", block.hash[2:])
        assert (found["block"], found["receipts"]) == (block.part("block"), block.part("receipts"))
        assert found["replaced_receipts"] is None
        assert outcome(topics, "never").outcome == REFUSED
