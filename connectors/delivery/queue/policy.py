"""How a channel is used."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.delivery.queue.grouping import Grouping
from connectors.delivery.queue.pace import Rate


@dataclass(frozen=True, slots=True)
class Policy:
    """What a channel allows. `max_age_ms` None delivers alerts of any age; `give_up_ms` is from the first
    attempt on since a delivery was queued, or asked for again.

    Seconds `first_pause` and `longest_pause` are the ceilings of the pauses between two attempts. `grouping`
    None sends each alert by itself.
    """

    rate: Rate | None = None
    max_age_ms: int | None = None
    give_up_ms: int = 12 * 3_600_000
    at_once: int = 4
    failures: int = 5
    first_pause: float = 1.0
    longest_pause: float = 900.0
    grouping: Grouping | None = None
