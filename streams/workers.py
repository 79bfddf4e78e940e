"""The groups that `headwater work` can run: one entry a group."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Final

from headwater.errors import Fatal
from streams.stage import Worker

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
