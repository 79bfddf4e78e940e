"""What waits for a time: keys, each with the time at which it is due."""

from __future__ import annotations

import heapq
from itertools import count


class Waiting:
    """Times are milliseconds since 1970. A key that is put again waits for its new time alone."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, bytes]] = []
        self._due: dict[bytes, int] = {}
        self._numbers = count()

    def put(self, key: bytes, at: int) -> None:
        """Have it wait until `at`; of those of one time the first that was put is the first that is due."""
        if self._due.get(key) != at:
            self._due[key] = at
            heapq.heappush(self._heap, (at, next(self._numbers), key))

    def take(self, now: int) -> bytes | None:
        """The next one that is due, which no longer waits; None where there is none."""
        while self._heap and self._heap[0][0] <= now:
            at, _, key = heapq.heappop(self._heap)
            # One that was put off since, or moved up, stands there more than once.
            if self._due.get(key) == at:
                del self._due[key]
                return key
        return None

    def clear(self) -> None:
        """Nothing waits."""
        self._heap.clear()
        self._due.clear()
