"""The blocks that the receiver of alerts was told of."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from sandbox.receiver.checker import Arrival
from tests.cluster.alert_rules import EVERY


class Told:
    """Blocks by the alerts that were taken of them; asked from another thread than the receiver's."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._alerts: dict[int, set[str]] = {}
        self._last: float | None = None
        self._longest = 0.0

    def take(self, arrival: Arrival, alert: dict[str, Any]) -> None:
        """An arrival, and what it said."""
        if alert["rule_id"] != EVERY or not 200 <= arrival.answered < 300:
            return
        if alert["block_number"] not in self._alerts:
            now = self._now()
            self._longest = max(self._longest, 0.0 if self._last is None else now - self._last)
            self._last = now
        self._alerts.setdefault(alert["block_number"], set()).add(arrival.alert_id)

    def lacking(self, head: int) -> list[int]:
        """Of the blocks from the first one told of up to `head` those not told of; `head` before any was."""
        told = dict(self._alerts)
        return [number for number in range(min(told, default=head), head + 1) if number not in told]

    def several(self) -> list[int]:
        """Blocks that have more alerts than one."""
        return sorted(number for number, alerts in dict(self._alerts).items() if len(alerts) > 1)

    def longest_silence(self) -> float:
        """The most seconds between two blocks told of, since this was asked last."""
        longest, self._longest = self._longest, 0.0
        return longest

    def __len__(self) -> int:
        return len(self._alerts)
