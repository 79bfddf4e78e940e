"""Follows the configuration topic of the alert stage, in a thread of its own.

Everything that is in the topic when a stage starts is there before its first event; what comes later is
handed over when the stage asks, between two events.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Message, TopicPartition

from headwater import kafka
from headwater.errors import Permanent, Transient
from headwater.health import HEALTH
from headwater.heartbeat import Loop, beat
from headwater.logging import get_logger
from headwater.metrics import alerts as metrics
from headwater.retry import Backoff, Retry, Stopped
from headwater.settings import Settings
from headwater.standstill import standstill
from schemas import StreamReader
from streams.logic.alerts.configuration import Change, well_formed
from topics.catalog import topic_name

STREAM: Final = "alert-configuration"
_POLL_SECONDS: Final = 1.0
_PATIENCE_SECONDS: Final = 30.0
_LONGEST_PAUSE_SECONDS: Final = 10.0
_log = get_logger("streams.configuration")


@dataclass(frozen=True, slots=True)
class Latest:
    """The topic as it stands: key → what was written last, and the offset behind all of it."""

    changes: Mapping[str, Change]
    end: int


class ConfigurationFollower:
    """`catch_up` comes first; the thread ends with the process, or soon after `close`."""

    def __init__(self, settings: Settings, reader: StreamReader) -> None:
        self._settings, self._reader = settings, reader
        self._topic = topic_name(settings, STREAM)
        self._still = standstill(settings, STREAM, None)
        self._behind = metrics.ALERT_CONFIGURATION_BEHIND.labels(chain=settings.chain.name)
        self._behind.set(0)
        self._news = threading.Condition()
        self._latest: dict[str, Change] = {}
        self._arrived: list[Change] = []
        self._position = 0
        self._failure: BaseException | None = None
        self._thread: threading.Thread | None = None
        self._closed = threading.Event()

    def close(self) -> None:
        """Follow no more. The thread is not waited for."""
        self._closed.set()

    def catch_up(self) -> Latest:
        """The topic as it is now, read to its end. Raises Transient while the brokers cannot tell."""
        client = kafka.reader(self._settings)
        try:
            _, end = kafka.watermarks(client, self._topic)
        finally:
            client.close()
        deadline = time.monotonic() + _PATIENCE_SECONDS
        with self._news:
            self._start()
            while self._position < end:
                self._check()
                if not self._news.wait(deadline - time.monotonic()):
                    raise Transient(f"{self._topic} was not read to offset {end} in time")
            self._arrived.clear()
            return Latest(dict(self._latest), self._position)

    def arrived(self) -> list[Change]:
        """What was written since the last call. Raises what ended the thread."""
        with self._news:
            self._check()
            found, self._arrived = self._arrived, []
            return found

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="configuration", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        retry = Retry(
            backoff=Backoff(ceiling=_LONGEST_PAUSE_SECONDS), stop=self._closed, on_failure=self._waits
        )
        try:
            with HEALTH.beats.loop(Loop.CONFIGURATION), self._still.asking():
                retry(self._follow)
        except Stopped:
            return
        except BaseException as error:  # noqa: BLE001 - raised where the stage asks
            self._behind.set(1)
            with self._news:
                self._failure = error
                self._news.notify_all()

    def _waits(self, error: Transient, seconds: float) -> None:
        self._behind.set(1)
        _log.warning("the configuration cannot be followed", error=str(error), seconds=round(seconds, 2))

    def _follow(self) -> None:
        client = kafka.reader(self._settings, options={"fetch.wait.max.ms": 500})
        try:
            client.assign([TopicPartition(self._topic, 0, self._position or OFFSET_BEGINNING)])
            while not self._closed.is_set():
                beat()
                self._poll(client)
                self._still.look({(self._topic, 0): self._position})
        finally:
            client.close()

    def _poll(self, client: Consumer) -> None:
        message = client.poll(_POLL_SECONDS)
        if message is None:
            return
        error = message.error()
        if error is None:
            self._take(message)
        elif error.code() == KafkaError._PARTITION_EOF:
            self._behind.set(0)
            self._reached(cast(int, message.offset()), None)
        elif error.code() in kafka.UNREADABLE:
            # Another topic of the same name: what it says holds.
            with self._news:
                self._position = 0
                self._latest.clear()
            raise Transient(f"{self._topic} does not hold offset {message.offset()} any more")
        else:
            raise Transient(f"cannot read {self._topic}: {error}")

    def _take(self, message: Message) -> None:
        offset = cast(int, message.offset())
        try:
            change = change_of(self._reader, offset, message.key(), message.value())
        except Permanent as error:
            _log.warning(
                "not a change of the configuration",
                topic=self._topic,
                partition=message.partition(),
                offset=offset,
                error=str(error),
            )
            change = None
        self._reached(offset + 1, change)

    def _reached(self, position: int, change: Change | None) -> None:
        with self._news:
            self._position = max(self._position, position)
            if change is not None:
                self._arrived.append(change)
                if change.value is None:
                    self._latest.pop(change.key, None)
                else:
                    self._latest[change.key] = change
            self._news.notify_all()


def change_of(
    reader: StreamReader, offset: int, key: str | bytes | None, value: str | bytes | None
) -> Change:
    """A message of the topic as a change. Raises Permanent for what is none."""
    try:
        name = key.decode() if isinstance(key, bytes) else key
    except UnicodeDecodeError as error:
        raise Permanent(f"its key is not text: {error}") from error
    if name is None or not well_formed(name):
        raise Permanent(f"its key is {name!r}")
    if value is None:
        return Change(offset, name, None)
    record = reader.read(value.encode() if isinstance(value, str) else value)
    return Change(offset, name, str(record["value"]))
