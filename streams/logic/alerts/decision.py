"""What one event makes go out and makes be remembered, collected while the fold decides."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import Enum

from streams.logic.alerts.alert import Alert
from streams.logic.alerts.configuration import Adopted, Former
from streams.logic.alerts.gives import Gives, RuleGroup
from streams.logic.alerts.tracks import State, TrackKey, Undo


class Status(Enum):
    """Where an alert stands: symbols of the Avro enum `AlertStatus`."""

    PROVISIONAL = "PROVISIONAL"
    CONFIRMED = "CONFIRMED"
    RETRACTED = "RETRACTED"
    RESOLVED = "RESOLVED"


@dataclass(frozen=True, slots=True)
class BlockRef:
    """The block that an alert is of."""

    number: int | None
    hash: bytes | None
    timestamp: int | None


@dataclass(slots=True)
class Made:
    """An alert that a remembered block made. `published`: a version of it went out."""

    alert: Alert
    published: bool = False


@dataclass(slots=True, eq=False)
class Block:
    """A canonical block that may still leave: what it gave, what it made, and what it replaced by that.

    `sequence` is that of the event that applied it; `known` is False where its content is not. `denied`:
    groups of rules for which there was no room when it joined.
    """

    sequence: int
    number: int
    hash: bytes
    parent_hash: bytes | None
    timestamp: int
    gives: Gives
    known: bool
    made: dict[bytes, Made] = field(default_factory=dict)
    undo: Undo = field(default_factory=dict)
    denied: frozenset[RuleGroup] = frozenset()

    @property
    def ref(self) -> BlockRef:
        """What its alerts name it by."""
        return BlockRef(self.number, self.hash, self.timestamp)


@dataclass(frozen=True, slots=True)
class Version:
    """A version of an alert that goes out."""

    alert: Alert
    status: Status
    block: BlockRef
    reason: str | None = None


@dataclass(slots=True)
class Decision:
    """`versions` by alert id: of two of one event the later one holds.

    The rest is what is remembered, None for what is forgotten: blocks by hash, tracks as they are without the
    remembered blocks, keys of the configuration. `former`: what stood before changes of it, and whether that
    is remembered. `refused`: rule → groups that it has no room for. `derived`: entries of other folds.
    """

    sequence: int
    versions: dict[bytes, Version] = field(default_factory=dict)
    blocks: dict[bytes, Block | None] = field(default_factory=dict)
    tracks: dict[TrackKey, State | None] = field(default_factory=dict)
    configuration: dict[str, Adopted | None] = field(default_factory=dict)
    former: dict[Former, bool] = field(default_factory=dict)
    refused: Counter[str] = field(default_factory=Counter)
    derived: list[tuple[bytes, bytes | None]] = field(default_factory=list)

    def says(self, alert: Alert, status: Status, block: BlockRef, reason: str | None = None) -> None:
        """A version goes out."""
        self.versions[alert.id] = Version(alert, status, block, reason)
