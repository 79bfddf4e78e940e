"""The groups that `headwater work` can run: one entry a group."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Final

import uvloop

from headwater.errors import Fatal
from headwater.settings import Settings
from schemas.registry import Registry
from schemas.wire import frame
from streams.runtime.process import StageProcess
from streams.stage import StageContext, Worker

# group → module with `WORKER`, a streams.stage.Worker; imported only when the group is asked for.
WORKERS: Final[Mapping[str, str]] = {
    "normalize": "streams.agents.normalize",
    "enrich": "streams.agents.enrich",
    "state": "streams.agents.state",
}


def worker(group: str) -> Worker:
    """The worker of a group. Raises Fatal naming the known ones."""
    if group not in WORKERS:
        raise Fatal(f"unknown group {group}", remedy=f"known: {', '.join(WORKERS)}")
    found = importlib.import_module(WORKERS[group]).WORKER
    if not isinstance(found, Worker):
        raise TypeError(f"{WORKERS[group]}.WORKER is no Worker")
    return found


def run_worker(settings: Settings, group: str) -> None:
    """Run a group until SIGTERM or SIGINT. Raises what stopped it otherwise: Fatal, or a bug's own error."""
    run_stage(settings, worker(group))


def run_stage(settings: Settings, found: Worker) -> None:
    """The same for a worker in hand."""
    ids = Registry(settings)
    context = StageContext(settings, lambda stream: frame(ids.id_for(stream)))
    uvloop.run(StageProcess(settings, found, context).run())
