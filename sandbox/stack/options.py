"""What a run is asked for, and what it tells of itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.screen.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Options:
    """What `headwater up` was asked for. `rpc` empty: the local chain. None: no such limit."""

    data_dir: Path
    rpc: tuple[str, ...] = ()
    start: str | None = None
    for_seconds: float | None = None
    until_block: int | None = None
    brokers: int | None = None
    channels: Path | None = None
    traffic: float = 5.0
    seed: int = 1
    ports: Mapping[str, int] = field(default_factory=dict)


class Show:
    """Where a run shows itself; the real ones are in `headwater.cli.up`. `feed`: transfers and states too."""

    feed = False

    def update(self, snapshot: Snapshot) -> None:
        """Called about ten times a second."""

    def note(self, text: str) -> None:
        """A line that should stay."""
