"""Which messages of the log make an event that counts: accepted by the claims' rule, and all parts there."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.evm.events import Head
from connectors.evm.log.codec import Stored
from topics.chainlog.claims import ClaimFilter, LogPosition, Verdict
from topics.chainlog.kinds import EventKind


@dataclass(frozen=True, slots=True)
class Found:
    """A whole event about a block: its messages are in raw-blocks from `offset` to before `end`."""

    kind: EventKind
    head: Head
    sequence: int
    offset: int
    end: int


class WholeEvents:
    """Takes the log's messages one after the other, from any place on.

    `claim` is the claim in force there, None at the very start of the log.
    """

    def __init__(self, claim: int | None) -> None:
        self.reader = ClaimFilter(claim=claim)
        self._parts: list[LogPosition] = []

    def take(self, stored: Stored) -> tuple[Verdict, Found | None]:
        """The verdict on the next message, and the event about a block that is whole with it."""
        position = stored.position
        verdict = self.reader.judge(position)
        if stored.kind is EventKind.CLAIM:
            self._parts = []
            return verdict, None
        if verdict is Verdict.GAP and self.reader.last is None:
            return Verdict.STALE, None  # the later parts of an event that began before the first message
        if verdict is not Verdict.ACCEPT:
            return verdict, None
        self._parts.append(position)
        if len(self._parts) < position.parts:
            return verdict, None
        start = self._parts[0].offset
        self._parts = []
        if stored.head is None:
            return verdict, None
        return verdict, Found(stored.kind, stored.head, position.sequence, start, position.offset + 1)
