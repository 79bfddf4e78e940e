"""What the listener says of its chain: blocks by their place, and the events that it publishes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from topics.chainlog.headers import trace_id
from topics.chainlog.kinds import EventKind

STAGE: Final = "listen"
"""What the listener calls itself where stages are told apart."""


@dataclass(frozen=True, slots=True)
class Head:
    """A block's place in the chain. Hashes are 32 bytes, `timestamp_ms` is milliseconds since 1970 (UTC)."""

    number: int
    hash: bytes
    parent: bytes
    timestamp_ms: int

    def log_fields(self) -> Mapping[str, object]:
        """What log lines about the block say, for `headwater.logging.about`."""
        return {"stage": STAGE, "block": self.number, "trace_id": trace_id(self.hash)}


@dataclass(frozen=True, slots=True)
class Content:
    """What a node answered about a block, the checks it passed, and the masked name of the node."""

    block: bytes
    receipts: bytes
    traces: bytes | None
    source: str
    verified: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Event:
    """Something to publish. `head` is None in a CLAIM, `content` only there where the kind carries a block.

    `replaced` is what was published for the block before, where a REPAIR brings other answers.
    """

    kind: EventKind
    head: Head | None = None
    content: Content | None = None
    replaced: Content | None = None
