"""The topics of repairs in memory."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from connectors.evm.repair.channel import Asked
from connectors.evm.repair.request import PUBLISHED, Outcome, Request
from headwater.errors import Transient


@dataclass
class MemoryChannel:
    """Both topics and the committed offset; several listeners may share it, one after the other.

    A request that is None cannot be read. What is set to fail does so as often as it says.
    """

    requests: list[Request | None] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    committed: int = 0
    fail_outcomes: int = 0
    fail_commits: int = 0

    def reader(self) -> MemoryRequests:
        """A client that begins where the group is."""
        return MemoryRequests(self)

    @property
    def latest(self) -> dict[str, Outcome]:
        """The outcome that holds, by request id."""
        return {each.request.request_id: each for each in self.outcomes}


class MemoryRequests:
    """`Requests` of a channel."""

    def __init__(self, channel: MemoryChannel) -> None:
        self._channel = channel
        self._next = channel.committed
        self._idle = threading.Event()

    def next(self, limit: int) -> Sequence[Asked]:
        start, requests = self._next, self._channel.requests[self._next :][:limit]
        if not requests:
            self._idle.wait(0.002)  # as a client does, much longer, that waits for a message
        self._next += len(requests)
        return [
            Asked(offset, request, "" if request else "it has no value")
            for offset, request in enumerate(requests, start)
        ]

    def waiting(self) -> int:
        return len(self._channel.requests) - self._channel.committed

    def commit(self, end: int) -> None:
        if self._channel.fail_commits:
            self._channel.fail_commits -= 1
            raise Transient("the coordinator is away")
        self._channel.committed = end

    def close(self) -> None:
        """Nothing to release."""


class MemoryOutcomes:
    """`Outcomes` of a channel."""

    def __init__(self, channel: MemoryChannel) -> None:
        self._channel = channel
        self._closing = threading.Event()

    def publish(self, outcomes: Sequence[Outcome]) -> None:
        if self._closing.is_set():
            raise Transient("stopped while writing")
        if self._channel.fail_outcomes:
            self._channel.fail_outcomes -= 1
            raise Transient("the broker is away")
        self._channel.outcomes += outcomes

    def repairs(self) -> dict[bytes, int]:
        found: dict[bytes, int] = {}
        for each in self._channel.outcomes:
            if each.outcome == PUBLISHED and each.sequence is not None and each.request.block_hash:
                found[each.request.block_hash] = each.sequence
        return found

    def interrupt(self) -> None:
        self._closing.set()

    def close(self) -> None:
        """Nothing to release."""
