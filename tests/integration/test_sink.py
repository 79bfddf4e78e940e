"""The sink on real Kafka, registry and ClickHouse engine."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path

import pytest
from clickhouse_connect.driver.exceptions import ClickHouseError
from confluent_kafka import TopicPartition

from connectors.clickhouse.client import Client, connect
from connectors.clickhouse.migrations.runner import migrate
from connectors.clickhouse.migrations.template import view_database
from headwater import kafka
from headwater.errors import HeadwaterError
from headwater.settings import Settings
from schemas import codec_for
from tests.integration.sink_chain import CHAIN_ID, Block, Publisher
from tests.integration.sinks import SECONDS, Sinks, count, rows_of, shown, until, visible
from tests.integration.stack import LocalStack
from topics import admin
from topics.catalog import topic_name


@pytest.fixture
def client(settings: Settings) -> Iterator[Client]:
    """A client of a database with the sink's tables and views; the topics are there too."""
    admin.apply(settings)
    client = connect(settings.clickhouse)
    migrate(client, settings, CHAIN_ID)
    yield client
    client.close()


@pytest.fixture
def sinks(settings: Settings, client: Client, tmp_path: Path) -> Iterator[Sinks]:
    sinks = Sinks(settings, tmp_path)
    yield sinks
    sinks.stop()


@pytest.fixture
def publisher(settings: Settings, client: Client) -> Publisher:
    return Publisher(settings)


def test_blocks_appear_with_all_their_rows_and_leave(
    client: Client, settings: Settings, sinks: Sinks, publisher: Publisher
) -> None:
    process = sinks.start()
    old = [Block(1), Block(2), Block(3)]
    publisher.apply(*old)
    until(sinks, lambda: visible(client, settings) == shown(*old), "the blocks do not appear")
    assert rows_of(client, settings, *old) == {
        stream: 3 * number for stream, number in Block(1).counts().items()
    }
    new = [Block(2, salt=1), Block(3, salt=1), Block(4, salt=1)]
    publisher.fork(old[1:], new)
    until(sinks, lambda: visible(client, settings) == shown(old[0], *new), "the fork is not followed")
    process.send_signal(signal.SIGTERM)
    started = time.monotonic()
    assert process.wait(15) == 0, sinks.log()
    assert time.monotonic() - started < 10


def test_a_fork_never_shows_two_blocks_at_one_height(
    client: Client, settings: Settings, sinks: Sinks, publisher: Publisher
) -> None:
    """The record that hides the old block comes late; its place is taken all the same."""
    sinks.start()
    old, new = Block(5), Block(5, salt=1)
    publisher.apply(old)
    until(sinks, lambda: visible(client, settings) == shown(old), "the block does not appear")
    publisher.revert(old, coverage=False)
    publisher.apply(new)
    until(sinks, lambda: visible(client, settings) == shown(old, new), "the new block does not appear")
    canonical = view_database("canonical", settings.clickhouse.database)
    rows = client.query(f"SELECT block_hash FROM {canonical}.blocks").result_rows
    assert [str(row[0]) for row in rows] == [f"0x{new.hash.hex()}"]


def test_a_bad_row_becomes_a_dead_letter_and_its_block_incomplete(
    client: Client, settings: Settings, sinks: Sinks, publisher: Publisher
) -> None:
    def spoil(stream: str, values: list[bytes]) -> None:
        if stream == "logs":
            values[2] = values[2][:-3]

    process = sinks.start()
    publisher.apply(Block(1))
    publisher.apply(Block(2), spoil=spoil)
    publisher.apply(Block(3))
    until(
        sinks, lambda: visible(client, settings) == shown(Block(1), Block(3)), "blocks 1 and 3 do not appear"
    )
    until(sinks, lambda: count(client, settings, "coverage") == 3, "block 2 has no coverage")
    assert rows_of(client, settings, Block(2)) == Block(2).counts() | {"logs": 5}
    table = f"{settings.clickhouse.database}.coverage"
    (row,) = client.query(f"SELECT complete, problem FROM {table} FINAL WHERE block_number = 2").result_rows
    assert row[0] is False
    letters = f"{settings.clickhouse.database}.dead_letters"
    (letter,) = client.query(
        "SELECT topic, partition, offset, stage, error_class, length(value), headers['sequence'] "
        f"FROM {letters} FINAL"
    ).result_rows
    topic = topic_name(settings, "logs")
    assert (letter[0], letter[3], letter[4]) == (topic, "sink", "schemas.errors.MalformedRecord")
    assert str(row[1]).startswith(
        f"1 of the block's messages are dead letters: {topic}[{letter[1]}]@{letter[2]}; "
    )
    assert letter[6] == str(publisher.sequence - 1)
    assert process.poll() is None
    reader = kafka.reader(settings)
    (message,) = kafka.tail(reader, topic_name(settings, "dead-letters"), 10)
    reader.close()
    assert len(message) == letter[5]
    assert dict(message.headers() or ())["__connect.errors.topic"] == topic.encode()


def test_what_kafka_deleted_before_it_was_stored_makes_its_blocks_incomplete_and_no_others(
    client: Client, settings: Settings, sinks: Sinks, publisher: Publisher
) -> None:
    publisher.apply(Block(1), Block(2))
    topic, cluster = topic_name(settings, "logs"), kafka.admin(settings)
    partitions = cluster.list_topics(topic, timeout=SECONDS).topics[topic].partitions
    everything = [TopicPartition(topic, number, -1) for number in partitions]
    for deleted in cluster.delete_records(everything).values():
        deleted.result(SECONDS)
    # Blocks just above may be cut: coverage does not say how many of their messages a partition has.
    publisher.apply(*[Block(number) for number in range(3, 61)])
    process = sinks.start()
    until(sinks, lambda: count(client, settings, "coverage") == 60, "not all blocks have coverage")
    seen = visible(client, settings)
    assert not seen & shown(Block(1), Block(2))
    assert shown(Block(59), Block(60)) <= seen
    table = f"{settings.clickhouse.database}.coverage"
    rows = client.query(f"SELECT problem FROM {table} FINAL WHERE NOT complete").result_rows
    assert all(f"{topic}[" in str(row[0]) and "Refill" in str(row[0]) for row in rows)
    # And it is remembered: what is read again by a sink that did not find it says the same.
    process.send_signal(signal.SIGTERM)
    assert process.wait(15) == 0, sinks.log()
    client.command(f"ALTER TABLE {table} DELETE WHERE 1", settings={"mutations_sync": 2})
    group = f"{settings.topic_prefix}.{settings.chain.name}.sink"
    cluster.delete_consumer_groups([group])[group].result(SECONDS)
    sinks.start()
    until(sinks, lambda: count(client, settings, "coverage") == 60, "coverage is not read again")
    assert visible(client, settings) == seen


def test_topics_made_anew_are_refused_until_they_are_accepted(
    client: Client, settings: Settings, sinks: Sinks, publisher: Publisher
) -> None:
    process = sinks.start()
    publisher.apply(Block(1), Block(2))
    until(sinks, lambda: visible(client, settings) == shown(Block(1), Block(2)), "the blocks do not appear")
    process.send_signal(signal.SIGTERM)
    assert process.wait(15) == 0, sinks.log()
    cluster = kafka.admin(settings)
    names = [topic_name(settings, each) for each in ("blocks", "logs", "coverage")]
    for deleted in cluster.delete_topics(names).values():
        deleted.result(SECONDS)
    until(sinks, lambda: not set(names) & cluster.list_topics(timeout=SECONDS).topics.keys(), "still there")
    admin.apply(settings)
    publisher.apply(Block(3))
    refused = sinks.start()
    assert refused.wait(SECONDS) == 1, sinks.log()
    assert "headwater sink --accept-topics" in sinks.log().splitlines()[-1]
    assert visible(client, settings) == shown(Block(1), Block(2))
    sinks.start(arguments=("--accept-topics",))
    everything = shown(Block(1), Block(2), Block(3))
    until(sinks, lambda: visible(client, settings) == everything, "the new topics are not followed")


def test_a_wrong_deploy_stops_the_sink_and_loses_nothing(
    client: Client, settings: Settings, sinks: Sinks, publisher: Publisher
) -> None:
    def spoil(stream: str, values: list[bytes]) -> None:
        values[:] = [value[:-1] if stream == "logs" else value for value in values]

    publisher.apply(Block(1, logs=200), spoil=spoil)
    process = sinks.start()
    assert process.wait(SECONDS) == 1, sinks.log()
    assert "of logs are bad" in sinks.log().splitlines()[-1]
    assert count(client, settings, "dead_letters") == 0
    assert visible(client, settings) == set()


def test_the_sink_outlives_clickhouse(
    client: Client, settings: Settings, sinks: Sinks, publisher: Publisher, stack: LocalStack, tmp_path: Path
) -> None:
    port_file = tmp_path / "port"
    process = sinks.start(HEADWATER_METRICS_PORT_FILE=str(port_file))
    publisher.apply(Block(1))
    until(sinks, lambda: visible(client, settings) == shown(Block(1)), "block 1 does not appear")
    os.kill(stack.pid("clickhouse"), signal.SIGKILL)
    publisher.apply(Block(2))
    publisher.fork([Block(2)], [Block(2, salt=1)])

    def paused() -> bool:
        with urllib.request.urlopen(f"http://127.0.0.1:{port_file.read_text()}/metrics", timeout=5) as answer:
            return b'headwater_sink_paused{chain="local"} 1.0' in answer.read()

    until(sinks, paused, "the sink does not say that it waits")
    stack.revive("clickhouse")
    wanted = shown(Block(1), Block(2, salt=1))
    until(sinks, lambda: visible(client, settings) == wanted, "the sink does not resume")
    until(sinks, lambda: not paused(), "the sink still says that it waits")
    assert process.poll() is None
    assert count(client, settings, "dead_letters") == 0


def test_a_killed_sink_leaves_no_hole_and_no_half_block(
    client: Client, settings: Settings, sinks: Sinks, publisher: Publisher
) -> None:
    chance = random.Random(7)
    blocks = [Block(number, transactions=20, logs=60, transfers=20) for number in range(1, 41)]
    process = sinks.start(HEADWATER_KAFKA__SESSION_TIMEOUT_MS="6000")
    for at in range(0, 40, 10):
        publisher.apply(*blocks[at : at + 10])
        time.sleep(chance.uniform(0.0, 1.2))
        process.kill()
        process.wait(10)
        assert not torn(client, settings, expected(*blocks))
        process = sinks.start(HEADWATER_KAFKA__SESSION_TIMEOUT_MS="6000")
    until(sinks, lambda: visible(client, settings) == shown(*blocks), "blocks are missing")
    assert rows_of(client, settings, *blocks) == {
        stream: 40 * number for stream, number in blocks[0].counts().items()
    }
    assert count(client, settings, "dead_letters") == 0


def test_two_replicas_share_and_a_reader_sees_blocks_whole_or_not_at_all(
    client: Client, settings: Settings, sinks: Sinks, publisher: Publisher
) -> None:
    """One of them is paused past its session and wakes: what it still writes changes nothing."""
    session = {"HEADWATER_KAFKA__SESSION_TIMEOUT_MS": "6000"}
    sinks.start(**session)
    until(sinks, lambda: "partitions assigned" in sinks.log(0), "the first replica gets nothing")
    sinks.start(**session)
    until(sinks, lambda: "partitions assigned" in sinks.log(1), "the second replica gets nothing")
    chain = [Block(number, logs=40, transfers=10) for number in range(1, 9)]
    counts = expected(*chain)
    failures: list[object] = []
    done = threading.Event()
    watcher = threading.Thread(target=watch, args=(settings, done, counts, failures))
    watcher.start()
    try:
        publisher.apply(*chain)
        for salt in range(1, 7):
            depth = 1 + salt % 3
            new = [Block(block.number, salt, logs=35 + salt, transfers=10) for block in chain[-depth:]]
            new.append(Block(chain[-1].number + 1, salt, logs=40, transfers=10))
            counts.update(expected(*new))
            publisher.fork(chain[-depth:], new)
            chain = [*chain[:-depth], *new]
            if salt == 3:
                sinks.processes[0].send_signal(signal.SIGSTOP)
            until(
                sinks, partial(reached, client, settings, 0 if salt < 4 else chain[-1].number), "no progress"
            )
        until(sinks, lambda: visible(client, settings) == shown(*chain), "the chain is not shown")
        sinks.processes[0].send_signal(signal.SIGCONT)
        last = Block(chain[-1].number, 99)
        counts.update(expected(last))
        publisher.fork(chain[-1:], [last])
        chain[-1] = last
        until(sinks, lambda: visible(client, settings) == shown(*chain), "the last fork is not shown")
    finally:
        done.set()
        watcher.join(20)
    assert failures == []
    assert "partitions revoked" in sinks.log(1) + sinks.log(0)
    for process in sinks.processes:
        process.send_signal(signal.SIGTERM)
    assert [process.wait(15) for process in sinks.processes] == [0, 0], sinks.log(0) + sinks.log(1)


def reached(client: Client, settings: Settings, height: int) -> bool:
    return max((number for number, _ in visible(client, settings)), default=0) >= height


def torn(client: Client, settings: Settings, counts: Mapping[str, dict[str, int]]) -> list[object]:
    """Blocks of which a canonical view shows some of the rows. `counts`: all blocks there may be, by hash."""
    found: list[object] = []
    canonical = view_database("canonical", settings.clickhouse.database)
    for stream in ("transactions", "logs", "token-transfers", "contracts"):
        rows = client.query(
            f"SELECT block_hash, count() FROM {canonical}.{stream.replace('-', '_')} GROUP BY block_hash"
        ).result_rows
        found += [
            (stream, *row, counts[str(row[0])]) for row in rows if counts[str(row[0])][stream] != row[1]
        ]
    return found


def expected(*blocks: Block) -> dict[str, dict[str, int]]:
    return {f"0x{block.hash.hex()}": block.counts() for block in blocks}


def watch(
    settings: Settings, done: threading.Event, counts: Mapping[str, dict[str, int]], failures: list[object]
) -> None:
    canonical = view_database("canonical", settings.clickhouse.database)
    client = connect(settings.clickhouse)
    try:
        while not done.is_set():
            failures += torn(client, settings, counts)
            heights = client.query(
                f"SELECT block_number, count() FROM {canonical}.blocks "
                "GROUP BY block_number HAVING count() > 1"
            ).result_rows
            failures += list(heights)
    except (ClickHouseError, HeadwaterError, KeyError) as error:
        failures.append(error)
    finally:
        client.close()


def test_rows_hold_what_the_messages_said(
    client: Client, settings: Settings, sinks: Sinks, publisher: Publisher
) -> None:
    sinks.start()
    block = Block(7, transactions=1, logs=1, transfers=1, contracts=1)
    publisher.apply(block)
    until(sinks, lambda: visible(client, settings) == shown(block), "the block does not appear")
    for stream in block.counts():
        codec = codec_for(stream)
        (value,) = [value for name, value in publisher.written if name == stream]
        result = client.query(
            f"SELECT {', '.join(codec.names)} FROM {settings.clickhouse.database}.{stream.replace('-', '_')}"
        )
        (row,) = result.result_rows
        for name, stored in zip(codec.names, row, strict=True):
            assert plain(stored) == plain(codec.read(value, 5)[name]), (stream, name)


def plain(value: object) -> object:
    """A value without what Avro and ClickHouse say in their own ways: numbers as text, text as bytes."""
    if isinstance(value, datetime):
        return str(round(value.timestamp() * 1000))
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return str(value)
    if isinstance(value, bytes):
        text = value.decode(errors="ignore")
        return text if text.encode() == value else value.hex()
    if isinstance(value, Mapping):
        return [plain(each) for each in value.values()]
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value
