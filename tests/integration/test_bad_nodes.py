"""Nodes that misbehave in every way there is, and what the listener makes of them."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import orjson
import pytest

from connectors.evm.log.codec import EventCodec
from connectors.evm.log.kafka_store import KafkaStore
from connectors.evm.log.search import Search
from connectors.evm.log.whole import WholeEvents
from headwater.settings import Settings, environment, load_settings
from sandbox.node import LoopedChain, RecordedChain, RecordedNode
from sandbox.node.plan import Play
from tests.builders.node_storms import LATENCY, kinds, storm
from tests.fakes.listening import canonical
from tests.integration.command_process import CommandProcess
from tests.integration.repair_topics import make_topics
from topics.catalog import topic_name
from topics.chainlog.kinds import EventKind

FIRST, LAST = 17_686_110, 17_686_132
ROUNDS = 3
BLOCK_SECONDS = 0.12
"""A hundred times as fast as mainnet."""
SECONDS = 90.0

KINDS = (LATENCY, *kinds(retry_after=0.1, oversized=1_000_000))


@pytest.fixture
def settings(kafka: str, registry_url: str, topic_prefix: str, tmp_path: Path) -> Settings:
    """Kafka and registry with the listener's own topics."""
    settings = load_settings(
        {
            "topic_prefix": topic_prefix,
            "data_dir": str(tmp_path),
            "log_format": "json",
            "kafka": {"bootstrap_servers": kafka},
            "registry": {"url": registry_url},
            "chain": {
                "name": "ethereum",
                "chain_id": 1,
                "start": "earliest",
                "poll_seconds": 0.05,
                "request_timeout_seconds": 0.5,
                "stale_head_seconds": 0.5,
                "verify_roots": "all",
            },
        },
        environ={},
    )
    make_topics(settings, "raw-blocks", "raw-links", "heads", "repair-requests", "repairs")
    return settings


@pytest.fixture
def log(settings: Settings) -> Iterator[KafkaStore]:
    """The listener's topic, for reading."""
    with closing(KafkaStore(settings, topic_name(settings, "raw-blocks"), "1")) as store:
        yield store


def advancing(nodes: list[RecordedNode], ended: threading.Event) -> None:
    """A block each `BLOCK_SECONDS`, at all nodes."""
    while not ended.wait(BLOCK_SECONDS) and nodes[0].head < nodes[0].chain.last():
        for node in nodes:
            node.advance()


def published(log: KafkaStore) -> dict[bytes, tuple[object, object]]:
    """Block and receipts of every APPLY, by hash."""
    codec, events, found = EventCodec(1, 0), WholeEvents(None), {}
    search = Search(log, codec)
    for stored in codec.read(list(log.read(*log.bounds()))):
        _, event = events.take(stored)
        if event is not None and event.kind is EventKind.APPLY:
            content = search.content(event.head, event.offset, event.end)
            found[event.head.hash] = orjson.loads(content.block), orjson.loads(content.receipts)
    return found


@pytest.mark.parametrize("seed", [11])
def test_raw_blocks_are_those_of_a_perfect_node(
    seed: int, settings: Settings, log: KafkaStore, shared_data: Path, tmp_path: Path
) -> None:
    recording = RecordedChain([shared_data / f"mainnet-contiguous-{FIRST}-{LAST}"])
    chain = LoopedChain(recording, ROUNDS)
    plays = [Play(storm(seed, number, KINDS, turn=1.0)) for number in range(3)]
    nodes = [RecordedNode(chain, head=FIRST, safe_lag=8, finalized_lag=16, plan=play) for play in plays]
    ended = threading.Event()
    with ExitStack() as running:
        for node in nodes:
            running.enter_context(node.serve_in_thread())
        rpc = ",".join(node.url for node in nodes)
        listener = CommandProcess(environment(settings), tmp_path / "listener.log", ("listen", "--rpc", rpc))
        running.callback(listener.end)
        blocks = threading.Thread(target=advancing, args=(nodes, ended))
        running.callback(blocks.join)
        running.callback(ended.set)
        blocks.start()
        last = bytes.fromhex(chain.by_number(chain.last()).hash[2:])  # type: ignore[union-attr]
        deadline = time.monotonic() + SECONDS
        while not (heads := canonical(log)) or heads[-1].hash != last:
            assert listener.alive, listener.logged()[-3000:]
            assert time.monotonic() < deadline, listener.logged()[-3000:]
            ended.wait(0.2)
    contents = published(log)
    assert [head.number for head in heads] == list(range(FIRST, chain.last() + 1))
    for head in heads:
        perfect = chain.by_number(head.number)
        assert perfect is not None
        assert "0x" + head.hash.hex() == perfect.hash
        block, receipts = perfect.part("block"), perfect.part("receipts")
        assert contents[head.hash] == (orjson.loads(block or b""), orjson.loads(receipts or b""))
    happened = sum((play.happened for play in plays), Counter[str]())
    assert len(happened) >= 15, happened
