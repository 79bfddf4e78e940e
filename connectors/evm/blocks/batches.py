"""One method for many parameters, in batches as large as each endpoint takes, at last one by one.

None says how many that is: some refuse in words, some leave answers out, some run out of time or drop the
connection. So a batch that failed is half as large the next time, and after each that was answered one call
larger, below what was refused, or failed a while ago.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from math import inf
from typing import Final

from connectors.evm.rpc.answers import BatchTooLarge, NoBatches, NodeFailure
from connectors.evm.rpc.endpoint import Endpoint, Param

MOST: Final = 100
"""Calls in a batch."""
FAILED_SECONDS: Final = 600.0
"""How long a size is not tried again that failed without words: the reason may have been another one."""


class Batches:
    """Remembers what each endpoint takes."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._sizes: dict[str, int] = {}
        # By endpoint: a size, and until when none as large is tried.
        self._refused: dict[str, tuple[int, float]] = {}

    async def ask(
        self, endpoint: Endpoint, method: str, asked: Sequence[Sequence[Param]]
    ) -> list[memoryview]:
        """The raw results of the method for each of these parameter lists, in their order.

        Raises NodeFailure, Unsupported.
        """
        found: list[memoryview] = []
        while len(found) < len(asked):
            size = self._sizes.get(endpoint.name, MOST)
            found += await self._some(endpoint, method, asked[len(found) : len(found) + size])
        return found

    async def _some(
        self, endpoint: Endpoint, method: str, batch: Sequence[Sequence[Param]]
    ) -> list[memoryview]:
        """The results of a batch, none where a smaller one is to be asked."""
        if len(batch) == 1:
            answers = [await endpoint.call(method, *batch[0])]
        else:
            try:
                answers = await endpoint.batch(method, batch)
            except NoBatches:
                self._refuse(endpoint, 2)
                return []
            except BatchTooLarge:
                self._refuse(endpoint, len(batch))
                return []
            except NodeFailure as failure:
                # Too much at once for its time or for its limits, maybe: others are asked first. A limit of
                # calls is over in a moment, and smaller batches are more calls.
                throttled = failure.outcome == "throttled"
                self._refuse(endpoint, len(batch), 0.0 if throttled else FAILED_SECONDS)
                raise
        larger = self._sizes.get(endpoint.name, MOST) + 1
        refused, until = self._refused.get(endpoint.name, (MOST + 1, inf))
        most = MOST if self._clock() >= until else refused - 1
        self._sizes[endpoint.name] = min(MOST, larger, most)
        return answers

    def _refuse(self, endpoint: Endpoint, size: int, seconds: float = inf) -> None:
        self._refused[endpoint.name] = size, self._clock() + seconds
        self._sizes[endpoint.name] = max(1, size // 2)
