"""One method for many parameters, in batches as large as each endpoint takes, at last one by one.

None says how many that is: some refuse in words, some leave answers out, some run out of time or drop the
connection. So a batch that failed is half as large the next time, and after each that was answered one call
larger, below what was refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from connectors.evm.rpc.answers import BatchTooLarge, NoBatches, NodeFailure
from connectors.evm.rpc.endpoint import Endpoint, Param

MOST: Final = 100
"""Calls in a batch."""


class Batches:
    """Remembers what each endpoint takes."""

    def __init__(self) -> None:
        self._sizes: dict[str, int] = {}
        self._refused: dict[str, int] = {}

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
            except NodeFailure:
                # Too much at once for its time or for its limits, maybe: others are asked first.
                self._sizes[endpoint.name] = max(1, len(batch) // 2)
                raise
        larger = self._sizes.get(endpoint.name, MOST) + 1
        self._sizes[endpoint.name] = min(MOST, larger, self._refused.get(endpoint.name, MOST + 1) - 1)
        return answers

    def _refuse(self, endpoint: Endpoint, size: int) -> None:
        self._refused[endpoint.name] = size
        self._sizes[endpoint.name] = max(1, size // 2)
