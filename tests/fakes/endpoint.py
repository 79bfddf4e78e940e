"""An endpoint that takes batches up to a limit."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from connectors.evm.rpc.answers import BatchTooLarge


def too_large() -> Exception:
    """What a node says of a batch above its limit, read."""
    return BatchTooLarge("node", "batch limit exceeded", "throttled")


class FakeEndpoint:
    """Answers what is asked, null for `missing`; a batch of more than `limit` calls fails with `refusal`.

    `batches` are the sizes that were tried, `taken` those that were answered.
    """

    name = "node"

    def __init__(
        self, limit: int, refusal: Callable[[], Exception] = too_large, *, missing: str = ""
    ) -> None:
        self.limit = limit
        self.batches: list[int] = []
        self.taken: list[int] = []
        self.calls = 0
        self._refusal = refusal
        self._missing = missing

    async def batch(self, method: str, params: Sequence[Sequence[str]]) -> list[memoryview]:
        self.batches.append(len(params))
        if len(params) > self.limit:
            raise self._refusal()
        self.taken.append(len(params))
        return [self._answer(each) for (each,) in params]

    async def call(self, method: str, asked: str) -> memoryview:
        self.calls += 1
        return self._answer(asked)

    def _answer(self, asked: str) -> memoryview:
        return memoryview(b"null" if asked == self._missing else json.dumps(asked).encode())
