"""The sink: Kafka → ClickHouse, in a process of its own, on the public messages of the 23 blocks.

Beside the streams that are counted (transactions, logs, token transfers) it writes what comes with them:
blocks, contracts, coverage, and a transaction state a transaction. The bare loop beside it consumes the
same messages and inserts ready-made blocks of the same size: no decoding, no order, no guarantee.

Run alone with `python -m bench.sink [--loops N]`.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import psutil
from confluent_kafka import Message, Producer

from bench import blocks
from bench.local_services import services
from bench.public_messages import Published, published
from bench.report import Row, publish
from connectors.clickhouse.client import Client, connect, insert_settings
from connectors.clickhouse.migrations.runner import migrate
from connectors.clickhouse.sink.routes import ROUTES
from connectors.clickhouse.sink.rows import AvroRows
from connectors.clickhouse.sink.table import RawClient, open_table
from headwater import kafka
from headwater.settings import Settings, environment
from schemas import codec_for, frame
from schemas.registry import Registry, register_all
from schemas.sample import sample
from streams.logic.event import Messages, Position
from topics import admin
from topics.catalog import topic_name

SECONDS = 300.0
HEADWATER = str(Path(sys.executable).parent / "headwater")
BATCH = 50_000


def rows(loops: int = 20) -> list[Row]:
    """Records per second and core, and what the bare loop makes of the same messages."""
    folder = blocks.folder()
    if folder is None:
        return [Row("sink", None, "records/s/core", note="skipped: the 23 mainnet blocks are absent")]
    with services() as settings:
        admin.apply(settings)
        client = connect(settings.clickhouse, database="")
        client.command(f"CREATE DATABASE IF NOT EXISTS {settings.clickhouse.database}")
        migrate(client, settings, 1)
        register_all(settings)
        registry = Registry(settings)
        made = list(published(folder, lambda stream: frame(registry.id_for(stream))))
        states = _states(made, frame(registry.id_for("transaction-states")))
        idle, _, _ = _run(settings, client, 0)
        _produce(settings, made, states, loops)
        cpu, seconds, server = _run(settings, client, loops * blocks.COUNT)
        bare = _bare(settings, client, registry)
        client.close()
    records = blocks.RECORDS * loops
    used = cpu - idle
    return [
        Row(
            "sink",
            records / used,
            "records/s/core",
            "bare loop",
            records / bare,
            note=f"{used / records * 1e6:.1f} µs/record, ClickHouse {server / records * 1e6:.1f} with its "
            f"merges and the questions of this bench; {records / seconds:,.0f} records/s while Kafka and "
            f"ClickHouse share the machine; start-up {idle:.2f} s CPU not counted",
        )
    ]


def _states(made: Sequence[Published], head: bytes) -> list[Messages]:
    codec = codec_for("transaction-states")
    common = sample(codec.record) | {"state": "INCLUDED", "canonical_epoch": 0}
    common |= dict.fromkeys(("previous_state", "finalized_at", "replaced_by", "replaces", "retracts"))
    found = []
    for each in made:
        (transactions,) = [messages for messages in each.messages if messages.stream == "transactions"]
        columns = codec_for("transactions").columns([value for value in transactions.values if value])
        values: list[bytes | None] = [
            head
            + codec.write(
                common
                | {name: columns[name][row] for name in ("block_number", "block_hash", "hash", "nonce")}
                | {"sender": columns["from_address"][row], "chain_id": 1}
            )
            for row in range(len(columns["hash"]))
        ]
        found.append(Messages("transaction-states", transactions.keys, values, transactions.headers))
    return found


def _produce(settings: Settings, made: Sequence[Published], states: Sequence[Messages], loops: int) -> None:
    producer = kafka.producer(settings, transactional_id="bench")
    producer.init_transactions(30)
    for _ in range(loops):
        producer.begin_transaction()
        for block, state in zip(made, states, strict=True):
            landed: dict[tuple[str, int], int] = {}
            for messages in (*block.messages, state):
                _send(settings, producer, messages, landed)
            producer.flush(60)
            positions = [Position(topic, number, offset) for (topic, number), offset in landed.items()]
            _send(settings, producer, block.coverage(positions), {})
        producer.commit_transaction(60)


def _send(
    settings: Settings, producer: Producer, messages: Messages, landed: dict[tuple[str, int], int]
) -> None:
    topic = topic_name(settings, messages.stream)

    def delivered(_: object, message: Message) -> None:
        landed[topic, cast(int, message.partition())] = cast(int, message.offset()) + 1

    for key, value in zip(messages.keys, messages.values, strict=True):
        producer.produce(topic, value, key, headers=list(messages.headers), on_delivery=delivered)
        producer.poll(0)


def _run(settings: Settings, client: Client, coverage: int) -> tuple[float, float, float]:
    """CPU and wall seconds until a sink has stored the coverage of so many blocks; 0: until assigned.

    The third are ClickHouse's CPU seconds meanwhile: what the sink does not decode, ClickHouse does.
    """
    server = _listener(settings.clickhouse.url)
    inserted = f"SELECT count() FROM {settings.clickhouse.database}.coverage"
    process = subprocess.Popen(
        [HEADWATER, "sink"],
        env=dict(os.environ) | environment(settings) | {"HEADWATER_LOG_FORMAT": "json"},
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if b"partitions assigned" in line:
            break
    started, served = time.monotonic(), _cpu(server)
    before = _count(client, inserted)
    while _count(client, inserted) < before + coverage and not _caught_up(settings, client, coverage):
        if process.poll() is not None or time.monotonic() - started > SECONDS:
            raise RuntimeError("the sink does not get through")
        time.sleep(0.05)
    seconds = time.monotonic() - started
    used, served = _cpu(psutil.Process(process.pid)), _cpu(server) - served
    process.send_signal(signal.SIGTERM)
    process.stderr.read()
    process.wait(20)
    return used, seconds, served


def _listener(url: str) -> psutil.Process:
    """The process that listens where the URL points to, on this machine."""
    port = urlsplit(url).port
    (found,) = {
        each.pid
        for each in psutil.net_connections("inet")
        if each.status == psutil.CONN_LISTEN and each.laddr and each.laddr.port == port
    }
    return psutil.Process(found)


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def _caught_up(settings: Settings, client: Client, coverage: int) -> bool:
    """Merges fold the repeated blocks of the loops, so rows do not measure it, progress does."""
    if not coverage:
        return True
    topic = topic_name(settings, "coverage")
    done = _count(
        client,
        f"SELECT sum(p) FROM (SELECT max(next_offset) AS p FROM {settings.clickhouse.database}.sink_progress "
        f"WHERE topic = '{topic}' GROUP BY partition)",
    )
    reader = kafka.reader(settings)
    ends = [kafka.watermarks(reader, topic, number)[1] for number in range(4)]
    reader.close()
    shown = _count(client, f"SELECT count() FROM {settings.clickhouse.database}.coverage FINAL")
    return done >= sum(ends) and shown >= blocks.COUNT


def _count(client: Client, sql: str) -> int:
    return int(str(client.query(sql).result_rows[0][0]))


def _bare(settings: Settings, client: Client, registry: Registry) -> float:
    """CPU seconds of this process for consuming everything and inserting as many ready-made rows."""
    wanted = {topic_name(settings, route.stream): route for route in ROUTES if route.stream in STREAMS}
    ready: dict[str, tuple[str, list[str], bytes]] = {}
    counts = dict.fromkeys(wanted, 0)
    consumer = kafka.consumer(settings, "bench-bare", options={"enable.partition.eof": True})
    raw = cast(RawClient, client)
    database = settings.clickhouse.database
    consumer.subscribe(list(wanted))
    ends = 0
    partitions = sum(
        len(metadata.partitions)
        for topic, metadata in kafka.admin(settings).list_topics(timeout=10).topics.items()
        if topic in wanted
    )
    spent, start = 0.0, time.process_time()
    options = insert_settings(client)
    while ends < partitions:
        for message in consumer.consume(20_000, 0.1):
            if message.error() is not None:
                ends += 1
                continue
            topic = str(message.topic())
            counts[topic] += 1
            if topic not in ready:
                # Encoding the block that is sent over and over is not part of the loop.
                spent += time.process_time() - start
                ready[topic] = _block(raw, database, registry, wanted[topic].stream, message)
                start = time.process_time()
            if counts[topic] % BATCH == 0:
                table, names, block = ready[topic]
                raw.raw_insert(f"{database}.{table}", names, block, options, "Native")
    spent += time.process_time() - start
    consumer.close()
    return spent


def _block(
    client: RawClient, database: str, registry: Registry, stream: str, message: Message
) -> tuple[str, list[str], bytes]:
    (route,) = [each for each in ROUTES if each.stream == stream]
    reader = AvroRows(stream, registry.schemas_of(stream))
    table = open_table(client, database, route.table, reader.names)
    columns = reader.columns([cast(Any, message)] * BATCH)
    return route.table, list(reader.names), table.encode(columns)


STREAMS = ("transactions", "logs", "token-transfers", "transaction-states")


def main() -> None:
    """Print the row and write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--loops", type=int, default=20)
    publish("sink", rows(parser.parse_args().loops))


if __name__ == "__main__":
    main()
