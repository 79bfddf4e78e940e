"""What is asked for on repair-requests, and what is answered on repairs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from connectors.evm.events import STAGE
from topics.chainlog.headers import trace_id

REQUESTS: Final = "repair-requests"
OUTCOMES: Final = "repairs"
PUBLISHED: Final = "PUBLISHED"
REFUSED: Final = "REFUSED"


@dataclass(frozen=True, slots=True)
class BlockName:
    """A block; without a hash it is the canonical one of its height."""

    chain_id: int
    number: int
    hash: bytes | None

    def __str__(self) -> str:
        """Also the key of a request."""
        return str(self.number) if self.hash is None else f"{self.number}:0x{self.hash.hex()}"


@dataclass(frozen=True, slots=True)
class Request:
    """A record of repair-requests, its fields in the schema's order; `requested_at` in milliseconds.

    `letter_*` is the place of the message whose dead letter is replayed, None without one.
    """

    chain_id: int
    request_id: str
    block_number: int
    block_hash: bytes | None
    refetch: bool
    reason: str
    requested_by: str
    requested_at: int
    letter_topic: str | None = None
    letter_partition: int | None = None
    letter_offset: int | None = None

    @property
    def block(self) -> BlockName:
        """The block that is asked for."""
        return BlockName(self.chain_id, self.block_number, self.block_hash)

    def log_fields(self) -> Mapping[str, object]:
        """What log lines about the request say, for `headwater.logging.about`."""
        trace = None if self.block_hash is None else trace_id(self.block_hash)
        return {"stage": STAGE, "block": self.block_number, "trace_id": trace, "request": self.request_id}

    def record(self) -> dict[str, Any]:
        """The record as the codec takes it."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A record of repairs. `sequence` is that of the event that repairs, None when it was refused.

    Of a request that names no hash the outcome names that of the block that was published again.
    """

    request: Request
    outcome: str
    decided_at: int
    sequence: int | None = None
    removed: bool = False
    source: str | None = None
    problem: str | None = None

    @property
    def published(self) -> bool:
        """True when the event stands in raw-blocks."""
        return self.outcome == PUBLISHED

    @property
    def refused(self) -> bool:
        """True when there is no event, and `problem` says why."""
        return self.outcome == REFUSED

    def record(self) -> dict[str, Any]:
        """The record as the codec takes it."""
        own = {name: getattr(self, name) for name in Outcome.__slots__ if name != "request"}
        return self.request.record() | own


def published(
    request: Request, hash: bytes, *, sequence: int, removed: bool, source: str, decided_at: int
) -> Outcome:
    """The event stands in the log."""
    named = replace(request, block_hash=hash)
    return Outcome(named, PUBLISHED, decided_at, sequence=sequence, removed=removed, source=source)


def refused(request: Request, problem: str, *, decided_at: int) -> Outcome:
    """There is no event; `problem` says why, and what helps."""
    return Outcome(request, REFUSED, decided_at, problem=problem)


def request_of(record: Mapping[str, Any]) -> Request:
    """The request that a record of repair-requests is, or that one of repairs begins with."""
    return Request(**{name: record[name] for name in Request.__slots__})


def outcome_of(record: Mapping[str, Any]) -> Outcome:
    """The outcome that a record of repairs is."""
    own = {name: record[name] for name in Outcome.__slots__ if name != "request"}
    return Outcome(request_of(record), **own)
