"""A second application over what another one's stages read: the same events, its own topics, undisturbed.

Its input is copied, message for message with repeats and all; its workers are the product's.
"""

from __future__ import annotations

import signal
from collections.abc import Mapping
from pathlib import Path

from headwater import kafka as clients
from headwater.cli.alerting import topic
from headwater.settings import Settings
from schemas.registry import register_all
from tests.integration.waiting import until
from tests.integration.worker_process import WorkerProcess, committed, messages
from topics import admin
from topics.catalog import topic_name

INPUT = "enriched-blocks"


class SecondApplication:
    """`settings` are its own, `size` the messages of its input. `end` leaves nothing running.

    Made while the first one may still run; `take_input` is for when that has read everything.
    """

    def __init__(self, first: Settings, prefix: str, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.settings = first.model_copy(update={"topic_prefix": prefix, "data_dir": folder})
        self._folder = folder
        self._running: dict[str, WorkerProcess] = {}
        self.size = 0
        admin.apply(self.settings)
        register_all(self.settings)

    def take_input(self, first: Settings) -> None:
        """Copy all messages of the first one's input."""
        producer, own = clients.producer(self.settings), topic_name(self.settings, INPUT)
        copied = messages(first, INPUT)
        for each in copied:
            producer.produce(own, each.value, each.key, headers=list(each.headers))
            producer.poll(0)
        assert producer.flush(60) == 0
        self.size = len(copied)

    def configure(self, changes: Mapping[str, str | None]) -> None:
        """Put keys of the configuration in force, before its first event."""
        topic.write(self.settings, changes)

    def start(self, group: str, module: tuple[str, ...] = ()) -> None:
        """Have a worker of the group run; `module` in place of the product's process."""
        log = self._folder / f"{group}.log"
        self._running[group] = WorkerProcess(self.settings, module or ("headwater", "work", group), log)

    def finish(self) -> None:
        """Wait until its workers have acknowledged every event, and stop them."""
        for group, worker in self._running.items():
            until(lambda group=group: self._is_done(group), f"{group} has read everything")  # type: ignore[misc]
            worker.signal(signal.SIGTERM)
            assert worker.exit_code() == 0, worker.logged()
        self._running.clear()

    def end(self) -> None:
        """Whatever happened, leave nothing running."""
        for worker in self._running.values():
            worker.kill()

    def _is_done(self, group: str) -> bool:
        worker = self._running[group]
        assert worker.alive, worker.logged()
        return committed(self.settings, group, INPUT) == self.size
