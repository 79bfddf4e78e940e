"""What tests of workers share: Kafka and the registry, workers that end with the test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from headwater.settings import Settings, load_settings
from tests.integration.worker_process import WorkerProcess
from tests.integration.workers.feed import SESSION_MS, Start
from topics import admin


@pytest.fixture
def settings(kafka: str, registry_url: str, topic_prefix: str, tmp_path: Path) -> Settings:
    """Kafka and the registry are all that workers need."""
    made = load_settings(
        {
            "topic_prefix": topic_prefix,
            "data_dir": str(tmp_path / "data"),
            "kafka": {"bootstrap_servers": kafka, "session_timeout_ms": SESSION_MS},
            "registry": {"url": registry_url},
        },
        environ={},
    )
    admin.apply(made)
    return made


@pytest.fixture
def start(settings: Settings, tmp_path: Path) -> Iterator[Start]:
    """Start a worker by its module and arguments."""
    started: list[WorkerProcess] = []

    def launch(module: tuple[str, ...]) -> WorkerProcess:
        worker = WorkerProcess(settings, module, tmp_path / f"worker-{len(started)}.log")
        started.append(worker)
        return worker

    yield launch
    for worker in started:
        worker.kill()
