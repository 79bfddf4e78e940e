"""What workers are given: an internal topic as the stage before would write it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from headwater import kafka as clients
from headwater.settings import Settings
from schemas.registry import Registry, register_all
from schemas.wire import frame
from tests.integration.worker_process import WorkerProcess
from topics.catalog import topic_name

Start = Callable[[tuple[str, ...]], WorkerProcess]
"""Start a worker by its module and arguments."""
SESSION_MS: Final = 6_000


class Feed:
    """Writes an internal topic as the stage before would."""

    def __init__(self, settings: Settings, stream: str) -> None:
        self._topic = topic_name(settings, stream)
        self._producer = clients.producer(settings)
        register_all(settings)
        self._frame = frame(Registry(settings).id_for(stream))

    def write(self, body: bytes, sequence: int | None = None) -> None:
        headers: Any = [] if sequence is None else [("sequence", b"%d" % sequence), ("chain-id", b"1")]
        self._producer.produce(self._topic, self._frame + body, b"1", headers=headers)

    def flush(self) -> None:
        assert self._producer.flush(30) == 0
