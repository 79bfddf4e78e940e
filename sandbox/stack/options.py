"""What a run is asked for, and what it tells of itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from headwater.settings import Settings
from sandbox.screen.snapshot import Snapshot

ApplyRules = Callable[[Settings, set[str]], list[str]]
"""Puts rules in force, given the channels that are applied; what is to be told of it."""


def no_rules(settings: Settings, channels: set[str]) -> list[str]:
    """Leaves what is in force."""
    return []


@dataclass(frozen=True, slots=True)
class Options:
    """What `headwater up` was asked for. `rpc` empty: the local chain. None: no such limit.

    `time_lapse`: how many times as fast the alert rules are. `without`: roles that somebody else runs.
    """

    data_dir: Path
    rpc: tuple[str, ...] = ()
    start: str | None = None
    for_seconds: float | None = None
    until_block: int | None = None
    brokers: int | None = None
    channels: Path | None = None
    rules: ApplyRules = no_rules
    traffic: float = 5.0
    seed: int = 1
    observe: bool = False
    time_lapse: float = 1
    without: frozenset[str] = frozenset()
    ports: Mapping[str, int] = field(default_factory=dict)


class Show:
    """Where a run shows itself; the real ones are in `headwater.cli.up`. `feed`: transfers and states too."""

    feed = False

    def update(self, snapshot: Snapshot) -> None:
        """Called about ten times a second."""

    def note(self, text: str) -> None:
        """A line that should stay."""
