"""The sink's parts, made from settings and put together."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from functools import partial
from queue import SimpleQueue
from typing import Final, cast

from connectors.clickhouse.client import answering, connect
from connectors.clickhouse.migrations.standing import require_usable
from connectors.clickhouse.sink.avro.joined import Joined
from connectors.clickhouse.sink.bisect import BadRowLimit
from connectors.clickhouse.sink.buffer import Buffer
from connectors.clickhouse.sink.consumer import GroupConsumer
from connectors.clickhouse.sink.coverage.replicas import PROGRESS_COLUMNS, ReplicaProgress
from connectors.clickhouse.sink.coverage.writer import CoverageWriter
from connectors.clickhouse.sink.dead_letters import DeadLetters, Producer, StopOnDeadLetter
from connectors.clickhouse.sink.guard import GuardedRows
from connectors.clickhouse.sink.lane import Finished, Lane
from connectors.clickhouse.sink.loop import Sink
from connectors.clickhouse.sink.placement.memory import GAP_COLUMNS, TOPIC_COLUMNS, TopicMemory
from connectors.clickhouse.sink.placement.offsets import KafkaOffsets
from connectors.clickhouse.sink.placement.placement import Placement
from connectors.clickhouse.sink.recent import recent_rows
from connectors.clickhouse.sink.retries import retry_for, retry_to_start
from connectors.clickhouse.sink.routes import LEFT_OUT, ROUTES, Route, RouteKind
from connectors.clickhouse.sink.rows import AvroRows, DeadLetterRows, Reader
from connectors.clickhouse.sink.stream import (
    CoverageStream,
    EndOffsetsLane,
    JobResult,
    PlacementLane,
    ProgressPublisher,
    RowStream,
)
from connectors.clickhouse.sink.table import RawClient, Table, open_table
from connectors.clickhouse.sink.writer import DeadLetterWriter, Writer
from connectors.clickhouse.visibility.loop import STREAMS, unsettler
from headwater import kafka
from headwater.logging import get_logger
from headwater.settings import Settings
from schemas.registry import Registry
from topics import catalog, dead_letters
from topics.groups import SINK

INSERT_SECONDS: Final = 120
# How often end offsets are asked for in the time that one may stand still.
LOOKS_PER_STALL: Final = 4
_log = get_logger("connectors.clickhouse.sink")


class Assembly:
    """Makes one sink. Waits for ClickHouse and the schema registry as long as it takes, until `stop`.

    Raises Fatal when tables or schemas do not fit, Stopped when asked to stop while waiting for either.
    """

    def __init__(self, settings: Settings, stop: threading.Event) -> None:
        self._settings = settings
        self._stop = stop
        self._chain = settings.chain.name
        self._database = settings.clickhouse.database
        self._start = retry_to_start(stop)
        self._registry = Registry(settings)
        self._client = cast(RawClient, self._start(self._connect))
        self._start(self._require_usable)
        self._topics = {route.stream: catalog.topic_name(settings, route.stream) for route in ROUTES}
        self._readers = {route.stream: self._reader(route) for route in ROUTES}
        self._tables = {route.stream: self._table(route) for route in ROUTES}
        self._memory = self._topic_memory()
        self._recent: Mapping[str, tuple[int, int]] = {}
        self._done: SimpleQueue[Finished[JobResult]] = SimpleQueue()
        self._letters = DeadLetters(
            cast(Producer, kafka.producer(settings)),
            self._topics[dead_letters.STREAM],
            self._tables[dead_letters.STREAM],
            self._chain,
        )

    def sink(self) -> Sink:
        """The sink, a member of its group from its first call on."""
        replicas = self._replicas()
        self._recent = self._start(partial(self._recent_rows, replicas))
        rows = [self._row_stream(route) for route in ROUTES if route.kind is not RouteKind.COVERAGE]
        (coverage,) = [
            self._coverage_stream(route, replicas) for route in ROUTES if route.kind is RouteKind.COVERAGE
        ]
        retry = retry_for("sink_progress", self._stop)
        publisher = ProgressPublisher(Lane("progress", self._done), retry, replicas)
        group = catalog.app_id(self._settings, SINK)
        offsets = KafkaOffsets(self._settings, group)
        placement = Placement(list(self._topics.values()), offsets, self._memory, replicas)
        placing = PlacementLane(Lane("placement", self._done), retry_for("placement", self._stop), placement)
        seconds = self._settings.sink.stall_seconds / LOOKS_PER_STALL
        end_offsets = EndOffsetsLane(Lane("ends", self._done), offsets, placement.check, seconds)
        consumer = GroupConsumer(self._settings, group)
        _log.info("the sink is ready", group=group, tables=[route.table for route in ROUTES])
        settings = self._settings.sink
        return Sink(
            settings,
            self._chain,
            group,
            consumer,
            rows,
            coverage,
            publisher,
            placing,
            end_offsets,
            self._done,
        )

    def accept_topics(self) -> None:
        """Take topics that were made anew for the ones to follow. Waits for Kafka and ClickHouse."""
        offsets = KafkaOffsets(self._settings, catalog.app_id(self._settings, SINK))
        placement = Placement(list(self._topics.values()), offsets, self._memory, self._replicas())
        self._start(placement.accept)

    def _connect(self) -> object:
        return connect(self._settings.clickhouse, timeout_seconds=INSERT_SECONDS)

    def _require_usable(self) -> None:
        """A rollback starts the sink before on the tables that there are, and migrates nothing."""
        with answering(self._settings.clickhouse):
            require_usable(self._client, self._database, self._chain)

    def _reader(self, route: Route) -> Reader:
        if route.kind is RouteKind.DEAD_LETTERS:
            return DeadLetterRows()
        reader = AvroRows(route.stream, self._registry.schemas_of(route.stream))
        if route.stream in STREAMS:
            return GuardedRows(reader, unsettler(self._client, self._database))
        return reader

    def _table(self, route: Route) -> Table:
        left_out = [field for stream, field in LEFT_OUT if stream == route.stream]
        names = self._readers[route.stream].names
        return self._open(route.table, names, left_out)

    def _open(self, name: str, columns: Sequence[str], left_out: Sequence[str] = ()) -> Table:
        return self._start(partial(open_table, self._client, self._database, name, columns, left_out))

    def _recent_rows(self, replicas: ReplicaProgress) -> Mapping[str, tuple[int, int]]:
        return recent_rows(self._client, self._database, replicas.positions())

    def _replicas(self) -> ReplicaProgress:
        progress = self._open("sink_progress", PROGRESS_COLUMNS)
        return ReplicaProgress(self._client, self._database, progress, list(self._topics.values()))

    def _topic_memory(self) -> TopicMemory:
        return TopicMemory(
            self._client,
            self._database,
            self._open("sink_gaps", GAP_COLUMNS),
            self._open("sink_topics", TOPIC_COLUMNS),
            names=list(self._topics.values()),
            cluster=self._settings.clickhouse.cluster,
        )

    def _row_stream(self, route: Route) -> RowStream:
        stops = route.kind is RouteKind.DEAD_LETTERS
        writer = self._writer(route, StopOnDeadLetter() if stops else self._letters)
        lane = Lane(route.table, self._done)
        return RowStream(self._topics[route.stream], self._buffer(), lane, writer)

    def _coverage_stream(self, route: Route, replicas: ReplicaProgress) -> CoverageStream:
        writer = self._writer(route, self._letters)
        streams = {topic: stream for stream, topic in self._topics.items()}
        return CoverageStream(
            self._topics[route.stream],
            self._buffer(),
            Lane(route.table, self._done),
            writer.retry,
            CoverageWriter(writer, streams, replicas, self._memory.gaps, self._chain),
        )

    def _writer(self, route: Route, letters: DeadLetterWriter) -> Writer:
        limit = BadRowLimit(route.stream, self._settings.sink.max_bad_ratio)
        # One that is started again and again would set a few more rows aside each time.
        limit.go_on_from(*self._recent.get(self._topics[route.stream], (0, 0)))
        retry = retry_for(route.table, self._stop)
        reader, table = self._readers[route.stream], self._tables[route.stream]
        return Writer(reader, table, letters, limit, retry, self._chain, self._joined(route))

    def _joined(self, route: Route) -> Joined | None:
        if not route.joined:
            return None
        reader = self._readers[route.stream]
        before_insert = reader.unsettle_retracted if isinstance(reader, GuardedRows) else None
        return Joined(
            route.stream, self._registry.schemas_of(route.stream), self._tables[route.stream], before_insert
        )

    def _buffer(self) -> Buffer:
        return Buffer(self._settings.sink.batch_rows, self._settings.sink.batch_seconds)
