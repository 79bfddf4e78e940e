"""Sinks of one group that share the partitions."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psutil
from confluent_kafka import ConsumerGroupState, KafkaException

from headwater import kafka
from headwater.settings import Settings, environment
from topics.catalog import app_id
from topics.groups import SINK

HEADWATER: Final = str(Path(sys.executable).parent / "headwater")
_PATIENCE_SECONDS: Final = 300.0


@contextmanager
def replicas(settings: Settings, count: int) -> Iterator[list[psutil.Process]]:
    """So many sinks, once each has partitions; drained afterwards."""
    own = {**os.environ, **environment(settings), "HEADWATER_LOG_FORMAT": "json"}
    path = settings.data_dir / f"sinks-{count}.log"
    with open(path, "wb") as log:
        started = [subprocess.Popen([HEADWATER, SINK], env=own, stdout=log, stderr=log) for _ in range(count)]
    try:
        wait(lambda: _sharing(settings) == count, f"{count} sinks do not share the partitions, see {path}")
        yield [psutil.Process(each.pid) for each in started]
    finally:
        for each in started:
            each.send_signal(signal.SIGTERM)
        for each in started:
            each.wait(30)


def wait(fact: Callable[[], bool], problem: str) -> None:
    """Wait until something is true. Raises RuntimeError with the problem where it does not become so."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not fact():
        if time.monotonic() > deadline:
            raise RuntimeError(problem)
        time.sleep(0.1)


def _sharing(settings: Settings) -> int:
    """Members of the group; -1 while one of them has no partition, or it has not settled."""
    group = app_id(settings, SINK)
    client = kafka.admin(settings)  # its futures never end once it is gone
    try:
        found = client.describe_consumer_groups([group])[group].result(10)
    except KafkaException:
        return -1
    working = [bool(each.assignment and each.assignment.topic_partitions) for each in found.members]
    return len(working) if found.state is ConsumerGroupState.STABLE and all(working) else -1
