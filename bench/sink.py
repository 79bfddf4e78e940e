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
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import psutil
from confluent_kafka import Message

from bench import backlog, blocks
from bench.local_services import services
from bench.processes import cpu_seconds, listener
from bench.report import Row, publish
from connectors.clickhouse.client import Client, insert_settings
from connectors.clickhouse.sink.routes import ROUTES
from connectors.clickhouse.sink.rows import AvroRows
from connectors.clickhouse.sink.table import RawClient, open_table
from headwater import kafka
from headwater.settings import Settings, environment
from schemas.registry import Registry
from topics.catalog import topic_name
from topics.groups import SINK

SECONDS = 300.0
HEADWATER = str(Path(sys.executable).parent / "headwater")
BATCH = 50_000


def rows(loops: int = 20) -> list[Row]:
    """Records per second and core, and what the bare loop makes of the same messages."""
    folder = blocks.folder()
    if folder is None:
        return [Row("sink", None, "records/s/core", note="skipped: the 23 mainnet blocks are absent")]
    with services() as settings:
        client = backlog.prepared(settings)
        made = backlog.Backlog(settings, folder)
        registry = Registry(settings)
        idle, _, _ = _run(settings, client, lambda: True)
        for _ in range(loops):
            with made.transaction():
                made.write(1)
        cpu, seconds, server = _run(settings, client, lambda: made.stored(client))
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


def _run(settings: Settings, client: Client, done: Callable[[], bool]) -> tuple[float, float, float]:
    """CPU and wall seconds of a sink from its assignment until it is done.

    The third are ClickHouse's CPU seconds meanwhile: what the sink does not decode, ClickHouse does.
    """
    server = listener(settings.clickhouse.url)
    process = subprocess.Popen(
        [HEADWATER, SINK],
        env=dict(os.environ) | environment(settings) | {"HEADWATER_LOG_FORMAT": "json"},
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if b"partitions assigned" in line:
            break
    started, served = time.monotonic(), cpu_seconds(server)
    while not done():
        if process.poll() is not None or time.monotonic() - started > SECONDS:
            raise RuntimeError("the sink does not get through")
        time.sleep(0.05)
    seconds = time.monotonic() - started
    used, served = cpu_seconds(psutil.Process(process.pid)), cpu_seconds(server) - served
    process.send_signal(signal.SIGTERM)
    process.stderr.read()
    process.wait(20)
    return used, seconds, served


def _bare(settings: Settings, client: Client, registry: Registry) -> float:
    """CPU seconds of this process for consuming everything and inserting as many ready-made rows."""
    wanted = {topic_name(settings, route.stream): route for route in ROUTES if route.stream in STREAMS}
    ready: dict[str, tuple[str, list[str], bytes]] = {}
    counts = dict.fromkeys(wanted, 0)
    consumer = kafka.consumer(settings, "bench-bare", options={"enable.partition.eof": True})
    raw = cast(RawClient, client)
    database = settings.clickhouse.database
    consumer.subscribe(list(wanted))
    at_their_end = 0
    partitions = sum(
        len(metadata.partitions)
        for topic, metadata in kafka.admin(settings).list_topics(timeout=10).topics.items()
        if topic in wanted
    )
    spent, start = 0.0, time.process_time()
    options = insert_settings(client)
    while at_their_end < partitions:
        for message in consumer.consume(20_000, 0.1):
            if message.error() is not None:
                at_their_end += 1
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
