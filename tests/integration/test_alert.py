"""The alert worker on real Kafka: rules from their topic, a fork, kills, and the table in ClickHouse."""

from __future__ import annotations

import io
import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import fastavro
import pytest

from connectors.clickhouse.client import connect
from connectors.clickhouse.migrations.runner import migrate
from connectors.clickhouse.migrations.template import view_database
from headwater import kafka as clients
from headwater.cli.alerting import topic
from headwater.settings import Settings
from schemas import HEADER_SIZE, frame, schema_of
from schemas.registry import Registry, register_all
from streams.runtime.configuration import STREAM, ConfigurationFollower
from tests.builders.alerts import ALICE, BOB, content, envelope, text, transfer, value
from tests.integration.waiting import until
from tests.integration.worker_process import WorkerProcess, committed, messages
from topics import admin
from topics.catalog import topic_name
from topics.chainlog.kinds import EventKind

ALERT, SINK = ("tests.integration.alert_stage",), ("headwater", "sink")
INPUT = "enriched-blocks"
K = EventKind
PROVISIONAL, CONFIRMED, RETRACTED, RESOLVED = "PROVISIONAL", "CONFIRMED", "RETRACTED", "RESOLVED"


@pytest.fixture
def prepared(settings: Settings) -> Settings:
    admin.apply(settings)
    register_all(settings)
    return settings


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[list[WorkerProcess]]:
    started: list[WorkerProcess] = []
    yield started
    for worker in started:
        worker.kill()


class Worker:
    """One after the other; `feed` returns when everything is acknowledged."""

    def __init__(self, settings: Settings, started: list[WorkerProcess], folder: Path) -> None:
        self._settings, self._started, self._folder = settings, started, folder
        self._producer = clients.producer(settings)
        self._head = frame(Registry(settings).id_for(INPUT))
        self._fed = 0

    def start(self, module: tuple[str, ...] = ALERT) -> WorkerProcess:
        log = self._folder / f"{len(self._started)}.log"
        self._started.append(WorkerProcess(self._settings, module, log))
        return self._started[-1]

    def send(self, kind: EventKind, number: int, name: str = "", seconds: int = 0, **body: Any) -> None:
        of = envelope(kind, 100 + self._fed, number, name, seconds)
        raw = self._head + value(of, body)[HEADER_SIZE:]
        headers = [("sequence", b"%d" % of.sequence), ("chain-id", b"1")]
        self._producer.produce(topic_name(self._settings, INPUT), raw, b"1", headers=headers)  # type: ignore[arg-type]
        self._fed += 1

    def feed(self, kind: EventKind, number: int, name: str = "", seconds: int = 0, **body: Any) -> None:
        self.send(kind, number, name, seconds, **body)
        assert self._producer.flush(30) == 0
        until(lambda: committed(self._settings, "alert", INPUT) == self._fed, "everything is acknowledged")


def _versions(settings: Settings) -> list[tuple[str, str, int, str]]:
    """Rule, status, version and title of all that was said, in order of versions."""
    schema = fastavro.parse_schema(schema_of("alerts"))
    found = []
    for each in messages(settings, "alerts"):
        record: Any = fastavro.schemaless_reader(io.BytesIO((each.value or b"")[HEADER_SIZE:]), schema, None)
        found.append((record["version"], record["rule_id"], record["status"], record["title"]))
    return [(rule, status, version, title) for version, rule, status, title in sorted(found)]


def test_rules_fire_confirm_and_retract_whatever_is_killed(
    prepared: Settings, workers: list[WorkerProcess], tmp_path: Path
) -> None:
    settings = prepared
    topic.write(
        settings,
        {
            f"list:watched:{text(ALICE)}": "",
            f"label:{text(ALICE)}": "Alice",
            "rule:watched": "watched",
            "rule:rush": "rush",
            "rule:broken": "no rule",
        },
    )
    worker = Worker(settings, workers, tmp_path)
    first = worker.start()
    worker.feed(K.APPLY, 0, **content(transfer(0, 1)))
    worker.feed(K.APPLY, 1, seconds=1, **content(transfer(0, 1), transfer(1, 2, BOB), transfer(2, 2, BOB)))
    first.kill()

    second = worker.start()
    worker.feed(K.REVERT, 1, seconds=1)
    topic.write(settings, {"rule:rush": "rush, edited"})
    worker.feed(K.APPLY, 1, "other", 2, **content(transfer(0, 1, BOB)))
    second.kill()

    third = worker.start()
    worker.feed(K.APPLY, 2, seconds=3, **content(transfer(0, 1, BOB), transfer(1, 1, BOB)))
    topic.write(settings, {"rule:rush": None})
    # Rules are followed beside the blocks: it is gone with one of the next of them.
    height = 3
    while _versions(settings)[-1][:2] != ("rush", RESOLVED):
        assert height < 100, _versions(settings)
        worker.feed(K.APPLY, height, seconds=3, **content())
        height += 1
    worker.feed(K.FINALIZED, 1, "other", 2)
    third.signal(signal.SIGTERM)
    assert third.exit_code() == 0, third.logged()

    last, finalized = 100 + height + 1, 100 + height + 2
    assert _versions(settings) == [
        ("watched", PROVISIONAL, 100, "Alice moved"),
        ("rush", PROVISIONAL, 101, "rush fired"),
        ("watched", PROVISIONAL, 101, "Alice moved"),
        ("rush", RETRACTED, 102, "rush fired"),
        ("watched", RETRACTED, 102, "Alice moved"),
        ("rush", PROVISIONAL, 104, "rush fired"),
        ("rush", RESOLVED, last, "rush fired"),
        ("watched", CONFIRMED, finalized, "Alice moved"),
    ]
    _stored(settings, worker)


def _stored(settings: Settings, worker: Worker) -> None:
    """The sink keeps the latest version of each alert."""
    client = connect(settings.clickhouse)
    migrate(client, settings, 1)
    worker.start(SINK)
    view = f"{view_database('canonical', settings.clickhouse.database)}.alerts"

    def rows() -> list[Any]:
        columns = "rule_id, status, `group`, labels, block_number"
        found = client.query(f"SELECT {columns} FROM {view} ORDER BY rule_id, status").result_rows
        return [tuple(row) for row in found]

    team, alice = {"team": "ops"}, {"from_address": text(ALICE)}
    labelled = {**team, "label.from_address": "Alice"}
    expected = [
        ("rush", RESOLVED, {}, team, 2),
        ("watched", CONFIRMED, alice, labelled, 0),
        ("watched", RETRACTED, alice, labelled, 1),
    ]
    until(lambda: rows() == expected, f"{expected} in ClickHouse, not {rows()}")


def test_a_long_list_is_read_whole_before_the_first_event(prepared: Settings) -> None:
    """A hundred thousand addresses, as a sanctions list with all its forms has."""
    count = 100_000
    topic.write(prepared, {f"list:long:0x{each:040x}": "" for each in range(count)})
    follower = ConfigurationFollower(prepared, Registry(prepared).reader(STREAM))
    with closing(follower):
        assert len(follower.catch_up().changes) == count
        topic.write(prepared, {"rule:one": "text", f"list:long:0x{1:040x}": None})
        arrived: list[str] = []

        def both() -> bool:
            arrived.extend(each.key for each in follower.arrived())
            return len(arrived) == 2

        until(both, "both arrive")
        assert arrived == ["rule:one", f"list:long:0x{1:040x}"]
        latest = follower.catch_up()
        assert len(latest.changes) == count
        assert follower.arrived() == []
