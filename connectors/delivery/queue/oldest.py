"""Since when the delivery has waited that has waited longest."""

from __future__ import annotations

import heapq
from collections.abc import Iterator

from connectors.delivery.queue.delivery import Delivery

VersionKey = tuple[bytes, int]


class Open:
    """The open deliveries of a channel, by alert and version. Times are milliseconds since 1970."""

    def __init__(self) -> None:
        self._since: dict[VersionKey, int] = {}
        self._heap: list[tuple[int, VersionKey]] = []

    def __len__(self) -> int:
        return len(self._since)

    def __iter__(self) -> Iterator[VersionKey]:
        return iter(self._since)

    def note(self, delivery: Delivery) -> None:
        """It is open, or is not."""
        key = delivery.alert_id, delivery.version
        if not delivery.is_open:
            self._since.pop(key, None)
        elif self._since.get(key) != delivery.queued_at:
            # It was queued, or asked for again.
            self._since[key] = delivery.queued_at
            heapq.heappush(self._heap, (delivery.queued_at, key))

    def oldest(self) -> int | None:
        """Since when the first has waited; None: none does."""
        while self._heap and self._since.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None
