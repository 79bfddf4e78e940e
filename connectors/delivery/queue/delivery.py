"""An entry of the ledger: where one version of an alert stands on one channel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import Enum
from hashlib import blake2b
from typing import Any, Final

STREAM: Final = "deliveries"
RETRACTED: Final = "RETRACTED"


class State(Enum):
    """Where a delivery stands. PENDING and ATTEMPTED are open, the others closed."""

    PENDING = "PENDING"
    ATTEMPTED = "ATTEMPTED"
    DELIVERED = "DELIVERED"
    DEAD = "DEAD"
    SUPERSEDED = "SUPERSEDED"
    EXPIRED = "EXPIRED"


@dataclass(frozen=True, slots=True)
class Delivery:
    """A record of `deliveries`, its fields in the schema's order; times are milliseconds since 1970."""

    chain_id: int
    delivery_id: str
    channel: str
    alert_id: bytes
    version: int
    status: str
    rule_id: str
    severity: str
    state: State
    attempts: int
    replays: int
    revision: int
    alert_partition: int
    alert_offset: int
    block_timestamp: int | None
    published_at: int
    queued_at: int
    updated_at: int
    first_attempt_at: int | None
    delivered_at: int | None
    not_before: int | None
    http_status: int | None
    problem: str | None
    payload: str
    attempting_since: int | None = None
    notification_id: str | None = None

    @property
    def is_open(self) -> bool:
        """It is to be attempted, or attempted again."""
        return self.state in (State.PENDING, State.ATTEMPTED)

    @property
    def sent(self) -> bool:
        """The receiver may have it: an attempt was begun, in whichever life."""
        return self.first_attempt_at is not None

    @property
    def arrived(self) -> bool:
        """The receiver has acknowledged it, now or before it was asked for again."""
        return self.delivered_at is not None

    @property
    def retracts(self) -> bool:
        """It takes the alert back."""
        return self.status == RETRACTED

    @property
    def rank(self) -> tuple[int, int, bool]:
        """Of two entries of one delivery the higher one holds, in whichever order they come.

        One that asks for it again may be numbered like one that its owner has written meanwhile, which holds.
        """
        return self.replays, self.revision, self.state is not State.PENDING

    def record(self) -> dict[str, Any]:
        """The record as the codec takes it."""
        return asdict(self) | {"state": self.state.value}


_NAMES: Final = tuple(each.name for each in fields(Delivery))


def delivery_of(record: Mapping[str, Any]) -> Delivery:
    """The entry of a record. Raises ValueError for a state that only a later version knows."""
    values = {name: record[name] for name in _NAMES}
    return Delivery(**values | {"state": State(record["state"])})


def delivery_id(alert_id: bytes, version: int, channel: str) -> str:
    """One id for all attempts of a version on a channel: what a receiver recognises repeats by."""
    text = alert_id + version.to_bytes(8, "big") + channel.encode()
    return blake2b(text, digest_size=16, person=b"delivery").hexdigest()


def key_of(delivery: Delivery) -> bytes:
    """The key of its messages."""
    return f"{delivery.channel}:0x{delivery.alert_id.hex()}:{delivery.version}".encode()
