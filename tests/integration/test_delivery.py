"""Alerts are delivered for real: through kills, failures and pauses, each once under its id and in order."""

from __future__ import annotations

import random
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner

from connectors.delivery.channels.text import read as read_channels
from connectors.delivery.queue.delivery import Delivery, State
from connectors.delivery.topic import channels as channel_topic
from connectors.delivery.topic import entries
from headwater import kafka as clients
from headwater.cli import build
from headwater.settings import Settings, environment, load_settings
from sandbox.receiver.checker import Published, left_standing, violations
from sandbox.receiver.faults import Faults
from sandbox.receiver.server import Receiver
from schemas import codec_for
from schemas.registry import Registry, register_all
from schemas.wire import frame
from tests.builders.deliveries import alert
from tests.integration.waiting import until
from tests.integration.worker_process import WorkerProcess
from topics import admin
from topics.catalog import topic_name

pytestmark = pytest.mark.integration
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
DELIVER = ("headwater", "deliver")


@pytest.fixture
def settings(kafka: str, registry_url: str, topic_prefix: str, tmp_path: Path) -> Settings:
    made = load_settings(
        {
            "topic_prefix": topic_prefix,
            "data_dir": str(tmp_path / "data"),
            "kafka": {"bootstrap_servers": kafka, "session_timeout_ms": 6_000},
            "registry": {"url": registry_url},
            "delivery": {
                "allow_private": True,
                "timeout_seconds": 2.0,
                "first_pause_seconds": 0.05,
                "longest_pause_seconds": 0.2,
            },
        },
        environ={},
    )
    admin.apply(made)
    register_all(made)
    return made


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver(SECRET, reply=Faults(3, fail=0.2, throttle=0.04, slow=0.06))
    made.start()
    yield made
    made.stop()


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[WorkerProcess]]:
    monkeypatch.setenv("DELIVERY_TEST_SECRET", SECRET)
    started: list[WorkerProcess] = []
    yield started
    for process in started:
        process.kill()


class Publisher:
    """Writes alerts as the alert stage does, in transactions."""

    def __init__(self, settings: Settings) -> None:
        self._topic = topic_name(settings, "alerts")
        self._frame = frame(Registry(settings).id_for("alerts"))
        self._producer = clients.producer(settings, transactional_id=f"{settings.topic_prefix}.alerts")
        self._producer.init_transactions(10)

    def publish(self, *alerts: dict[str, Any], commit: bool = True) -> None:
        self._producer.begin_transaction()
        for each in alerts:
            value = self._frame + codec_for("alerts").write(each)
            self._producer.produce(self._topic, value, each["alert_id"].hex().encode())
        self._producer.flush(10)
        (self._producer.commit_transaction if commit else self._producer.abort_transaction)(10)


def lives(chance: random.Random, count: int) -> list[dict[str, Any]]:
    """Versions of many alerts, on two or three channels: confirmed, retracted, back again."""
    versions: list[dict[str, Any]] = []
    standing: dict[int, str] = {}
    for version in range(count):
        number = chance.randrange(1, count // 3)
        last = standing.get(number)
        status = "PROVISIONAL" if last in (None, "RETRACTED") else chance.choice(("RETRACTED", "CONFIRMED"))
        standing[number] = status
        channels = ["ops", "siem"] if number % 3 == 0 else ["ops"]
        versions.append(alert(number, 100 + version, status, channels=[*channels, "digest", "nobody"]))
    return versions


def ledger(settings: Settings) -> list[Delivery]:
    return entries.read(settings, lambda _: True)


def command(*words: str) -> str:
    """What a command prints; the settings are in the environment."""
    done = CliRunner().invoke(build(words), list(words))
    assert done.exit_code == 0, f"{done.output} {done.exception}"
    return done.stdout


def test_everything_arrives_in_order_whatever_is_killed(
    settings: Settings,
    receiver: Receiver,
    processes: list[WorkerProcess],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chance = random.Random(5)
    publisher = Publisher(settings)
    publisher.publish(alert(999, 1))  # before any channel was there
    text = f"""
    - {{id: ops, kind: webhook, url: "{receiver.url}/ops", secret_env: DELIVERY_TEST_SECRET, at_once: 8}}
    - {{id: console, kind: print}}
    - {{id: digest, kind: webhook, url: "{receiver.url}/digest", secret_env: DELIVERY_TEST_SECRET,
        group_wait: 1s, group_most: 5}}
    - {{id: siem, kind: webhook, url: "{receiver.url}/siem", secret_env: [DELIVERY_TEST_SECRET]}}
    """
    channel_topic.apply(settings, read_channels(text, "test"), {})

    def start() -> WorkerProcess:
        processes.append(WorkerProcess(settings, DELIVER, tmp_path / f"{len(processes)}.log"))
        return processes[-1]

    published = lives(chance, 90)
    publisher.publish(alert(998, 2), commit=False)
    publisher.publish(alert(997, 3, shadow=True))
    first = start()
    publisher.publish(*published[:45])
    until(lambda: len(receiver.arrivals()) > 20, "some arrive")
    first.kill()
    running = [start(), start()]
    publisher.publish(*published[45:])
    until(
        lambda: (
            len(found := ledger(settings)) == sum(len(each["channels"]) - 1 for each in published)
            and not any(each.is_open for each in found)
        ),
        "nothing waits",
    )
    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)
    assert "console: delivered" in command("channels", "test", "console")
    shown = command("deliveries", "list", "--json", "--state", "delivered", "--channel", "siem")
    wanted = {orjson.loads(line)["delivery_id"] for line in shown.splitlines()}
    before = Counter(each.delivery_id for each in receiver.arrivals() if each.answered == 204)
    output = command("deliveries", "replay", "--channel", "siem", "--state", "delivered", "--yes")
    assert f"{len(wanted)} queued" in output
    until(
        lambda: (
            {
                each
                for each, count in Counter(
                    each.delivery_id for each in receiver.arrivals() if each.answered == 204
                ).items()
                if count > before[each]
            }
            >= wanted
        ),
        "all arrive again",
    )
    until(lambda: not any(each.is_open for each in ledger(settings)), "nothing waits")
    for worker in running:
        worker.signal(signal.SIGTERM)
    for worker in running:
        assert worker.exit_code() == 0, worker.logged()

    arrivals = receiver.arrivals()
    assert violations(arrivals) == []
    due = [
        Published(channel, f"0x{each['alert_id'].hex()}", each["version"], each["status"])
        for each in published
        for channel in each["channels"]
    ]
    assert left_standing(due, arrivals) == []
    assert receiver.summary()["bad_signatures"] == 0
    taken = {(each.channel, each.alert_id, each.version) for each in arrivals if each.answered == 204}
    states = ledger(settings)
    assert {each.channel for each in states} == {"ops", "siem", "digest"}
    for each in states:
        arrived = (each.channel, f"0x{each.alert_id.hex()}", each.version) in taken
        assert (each.state is State.DELIVERED) == arrived
        assert each.state in (State.DELIVERED, State.SUPERSEDED)
    # The channel that groups had several at once, and never more than it asked for.
    places = {each.delivery_id.partition(".")[2] for each in arrivals if each.channel == "digest"}
    assert places == {"0", "1", "2", "3", "4"}
    assert SECRET not in "".join(each.logged() for each in processes)
