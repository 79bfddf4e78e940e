"""What the sink cannot store, or must not: bad rows, lost messages, another Kafka, a wrong deploy."""

from __future__ import annotations

import signal

from confluent_kafka import TopicPartition

from connectors.clickhouse.client import Client
from headwater import kafka
from headwater.settings import Settings
from tests.integration.sink_chain import Block, Publisher
from tests.integration.sinks import SECONDS, Sinks, count, rows_of, shown, until, visible
from topics import admin
from topics.catalog import topic_name


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
