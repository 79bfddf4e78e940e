"""The ClickHouse sink, put together from settings."""

from __future__ import annotations

import gc
import threading
from queue import SimpleQueue
from typing import Final, cast

from connectors.clickhouse.client import connect
from connectors.clickhouse.sink.bisect import BadRowLimit
from connectors.clickhouse.sink.buffer import Buffer
from connectors.clickhouse.sink.consumer import GroupConsumer
from connectors.clickhouse.sink.coverage.replicas import PROGRESS_COLUMNS, Ledger
from connectors.clickhouse.sink.coverage.writer import GateWriter
from connectors.clickhouse.sink.dead_letters import DeadLetters, LastResort, Producer
from connectors.clickhouse.sink.guard import GuardedRows
from connectors.clickhouse.sink.lane import Finished, Lane
from connectors.clickhouse.sink.loop import Sink
from connectors.clickhouse.sink.routes import LEFT_OUT, ROUTES, Kind, Route
from connectors.clickhouse.sink.rows import AvroRows, DeadLetterRows, Reader
from connectors.clickhouse.sink.stream import Done, Gate, Rows, Teller
from connectors.clickhouse.sink.table import RawClient, Table, open_table
from connectors.clickhouse.sink.writer import Letters, Retry, Stopped, Writer
from connectors.clickhouse.visibility.loop import STREAMS, SettleLoop, unsettler
from headwater import kafka
from headwater.health import HEALTH
from headwater.logging import get_logger
from headwater.settings import Settings
from schemas.registry import Registry
from topics import catalog

INSERT_SECONDS: Final = 120
DRAIN_SECONDS: Final = 5.0
LEAVE_SECONDS: Final = 3.0
_log = get_logger("connectors.clickhouse.sink")


def run_sink(settings: Settings, stop: threading.Event) -> bool:
    """Write the public topics to ClickHouse until `stop` is set. Raises Fatal.

    Returns False when a broker or ClickHouse did not let go in time: the caller should leave the process
    without waiting for threads.
    """
    # A batch is a hundred thousand tuples that live for a moment; scanning them for cycles at the default
    # pace costs as much as decoding them.
    gc.freeze()
    gc.set_threshold(200_000, 20, 20)
    HEALTH.report("kafka", False, "no partitions assigned yet")
    HEALTH.report("clickhouse", False, "not connected yet")
    try:
        sink = _assemble(settings, stop)
    except Stopped:
        return True
    try:
        with SettleLoop(settings):
            sink.run(stop)
        sink.drain(DRAIN_SECONDS)
    finally:
        # Leaving asks the broker, and a broker that is away must not keep the process.
        leaving = threading.Thread(target=sink.leave, name="sink-leave", daemon=True)
        leaving.start()
        leaving.join(LEAVE_SECONDS)
    return not leaving.is_alive()


def _assemble(settings: Settings, stop: threading.Event) -> Sink:
    """Raises Fatal when tables or schemas do not fit, Stopped when asked to stop while waiting for either."""
    start = Retry("start", stop)
    chain, database = settings.chain.name, settings.clickhouse.database
    schemas = Registry(settings)
    client = cast(RawClient, start(lambda: connect(settings.clickhouse, timeout_seconds=INSERT_SECONDS)))
    topics = {route.stream: catalog.topic_name(settings, route.stream) for route in ROUTES}
    readers: dict[str, Reader] = {}
    tables: dict[str, Table] = {}
    for route in ROUTES:
        reader = _reader(route, schemas)
        if route.stream in STREAMS:
            reader = GuardedRows(reader, unsettler(client, database))
        left_out = [field for stream, field in LEFT_OUT if stream == route.stream]
        readers[route.stream] = reader
        tables[route.stream] = start(
            lambda table=route.table, names=reader.names, left_out=left_out: open_table(  # type: ignore[misc]
                client, database, table, names, left_out
            )
        )
    letters = DeadLetters(
        cast(Producer, kafka.producer(settings)), topics["dead-letters"], tables["dead-letters"], chain
    )
    progress = start(lambda: open_table(client, database, "sink_progress", PROGRESS_COLUMNS))
    ledger = Ledger(client, database, progress, list(topics.values()))
    done: SimpleQueue[Finished[Done]] = SimpleQueue()

    def writer(route: Route, letters: Letters) -> Writer:
        limit = BadRowLimit(route.stream, settings.sink.max_bad_ratio)
        retry = Retry(route.table, stop)
        return Writer(readers[route.stream], tables[route.stream], letters, limit, retry, chain)

    def buffer() -> Buffer:
        return Buffer(settings.sink.batch_rows, settings.sink.batch_seconds)

    rows = [
        Rows(
            topics[route.stream],
            buffer(),
            Lane(route.table, done),
            writer(route, LastResort() if route.kind is Kind.LETTERS else letters),
        )
        for route in ROUTES
        if route.kind is not Kind.GATE
    ]
    gate_route = next(route for route in ROUTES if route.kind is Kind.GATE)
    gate_writer = writer(gate_route, letters)
    streams = {topic: stream for stream, topic in topics.items()}
    gate = Gate(
        topics[gate_route.stream],
        buffer(),
        Lane(gate_route.table, done),
        gate_writer.retry,
        GateWriter(gate_writer, streams, ledger, chain),
    )
    group = catalog.app_id(settings, "sink")
    consumer = GroupConsumer(settings, group)
    _log.info("the sink is ready", group=group, tables=[route.table for route in ROUTES])
    teller = Teller(Lane("progress", done), Retry("sink_progress", stop), ledger)
    return Sink(settings.sink, chain, group, consumer, rows, gate, teller, done)


def _reader(route: Route, schemas: Registry) -> Reader:
    return DeadLetterRows() if route.kind is Kind.LETTERS else AvroRows(route.stream, schemas.schema)
