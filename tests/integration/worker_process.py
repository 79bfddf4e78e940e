"""Worker processes for tests: started, killed, paused, waited for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from confluent_kafka import ConsumerGroupState, KafkaException, TopicPartition

from headwater import kafka
from headwater.settings import Settings, environment
from streams.runtime.assembler import Incoming
from streams.runtime.input import incoming
from topics.catalog import app_id, spec, topic_name

STATE = ("headwater", "work", "state")
ECHO = ("tests.integration.echo_stage",)


class WorkerProcess:
    """One worker; its log is a file beside its data."""

    def __init__(self, settings: Settings, module: tuple[str, ...], log: Path) -> None:
        self._log = log
        with open(log, "ab") as sink:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *module],
                env={**os.environ, **environment(settings), "HEADWATER_LOG_FORMAT": "json"},
                stdout=sink,
                stderr=sink,
            )

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    def kill(self) -> None:
        """End it at once, paused or not."""
        self._process.kill()
        self._process.wait(10)

    def exit_code(self, seconds: float = 20) -> int:
        """Wait for its end."""
        return self._process.wait(seconds)

    @property
    def alive(self) -> bool:
        """True while it runs, or is paused."""
        return self._process.poll() is None

    def logged(self) -> str:
        """Everything it logged."""
        return self._log.read_text(errors="replace")


def messages(settings: Settings, stream: str) -> list[Incoming]:
    """All committed messages of a stream's topic, partition by partition."""
    topic = topic_name(settings, stream)
    reader = kafka.reader(settings)
    try:
        found = []
        for partition in range(spec(stream).partitions):
            low, high = kafka.watermarks(reader, topic, partition)
            found += [incoming(each) for each in kafka.read_range(reader, topic, low, high, partition)]
        return found
    finally:
        reader.close()


def written(settings: Settings, stream: str) -> int:
    """Number of messages and markers in a stream's topic."""
    topic = topic_name(settings, stream)
    reader = kafka.reader(settings)
    try:
        return sum(
            high - low
            for low, high in (
                kafka.watermarks(reader, topic, partition) for partition in range(spec(stream).partitions)
            )
        )
    finally:
        reader.close()


def committed(settings: Settings, group: str, stream: str) -> int:
    """Offset that a group committed in a stream's first partition; 0 for none, or while Kafka cannot say."""
    client = kafka.consumer(settings, app_id(settings, group))
    try:
        (found,) = client.committed([TopicPartition(topic_name(settings, stream), 0)], timeout=10)
    except KafkaException:
        return 0
    finally:
        client.close()
    return max(0, found.offset)


def members(settings: Settings, group: str) -> int:
    """Number of members of a group that has settled; 0 while it has not."""
    name = app_id(settings, group)
    client = kafka.admin(settings)  # its futures never end once it is gone
    try:
        found = client.describe_consumer_groups([name])[name].result(10)
    except (KafkaException, TimeoutError):
        return 0
    return len(found.members) if found.state is ConsumerGroupState.STABLE else 0
