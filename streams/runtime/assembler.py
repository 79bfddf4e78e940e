"""Which messages of a chain-ordered topic count, and the parts of an event put together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from streams.logic.event import ChainEvent
from topics.chainlog.claims import ClaimFilter, LogPosition, SequenceFilter, Verdict
from topics.chainlog.envelope import Envelope
from topics.chainlog.kinds import EventKind
from topics.chainlog.log_fields import fields


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message as read, whichever client read it."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]

    def log_fields(self, stage: str, messages: int | None = None) -> Mapping[str, object]:
        """What log lines say of it: `topics.chainlog.log_fields`, which says what `messages` is."""
        return fields(stage, self.topic, self.partition, self.offset, self.headers, messages)


@dataclass(frozen=True, slots=True)
class Start:
    """Where a reader starts.

    `last` is the last sequence that was finished, None when nothing is known and any is welcome. `claim`
    is the offset of the CLAIM in force, None at the very start of raw-blocks. `position` is the offset
    after the last event that was finished, None when unknown.
    """

    last: int | None = None
    claim: int | None = None
    position: int | None = None

    def or_later(self, other: Start) -> Start:
        """The one that is further on; this one when both are equally far."""
        if other.last is None:
            return self
        return other if self.last is None or other.last > self.last else self


class EventAssembler:
    """The log's rules (see topics.chainlog.claims), and the parts of the event in the making."""

    def __init__(self, start: Start, *, fenced: bool) -> None:
        self.position = start.position
        self._claim_at_position = None if start.position is None else start.claim
        self._parts: list[tuple[Envelope, Incoming]] = []
        self._claims = ClaimFilter(start.last, start.claim) if fenced else None
        self._filter = self._claims or SequenceFilter(start.last)

    @property
    def last(self) -> int | None:
        """The last sequence accepted whole."""
        return self._filter.last

    @property
    def claim(self) -> int:
        """The claim in force; -1 where there is none."""
        claim = None if self._claims is None else self._claims.claim
        return -1 if claim is None else claim

    @property
    def reached(self) -> Start:
        """Where a reader would start that is to go on after the last whole event."""
        return Start(self.last, self._claim_at_position, self.position)

    @property
    def parts_held(self) -> int:
        """How many parts of an event are here that are not all here."""
        return len(self._parts)

    def rewind(self) -> None:
        """Forget what was judged since the last whole event: messages come again from `position` on."""
        self._parts.clear()
        last = self.last
        if self._claims is not None:
            self._claims = ClaimFilter(last, self._claim_at_position)
        self._filter = self._claims or SequenceFilter(last)

    def peek(self, envelope: Envelope, message: Incoming) -> Verdict:
        """The verdict that `judge` would give. Changes nothing."""
        return self._filter.peek(log_position(envelope, message.offset))

    def judge(self, envelope: Envelope, message: Incoming) -> tuple[Verdict, ChainEvent | None]:
        """Judge the next message of the topic; with ACCEPT of an event's last part comes the whole event."""
        verdict = self._filter.judge(log_position(envelope, message.offset))
        if verdict is not Verdict.ACCEPT:
            return verdict, None
        if envelope.part == 0:
            self._parts.clear()
        self._parts.append((envelope, message))
        if len(self._parts) < envelope.parts:
            return verdict, None
        parts, self._parts = self._parts, []
        self.position = message.offset + 1
        self._claim_at_position = None if self._claims is None else self._claims.claim
        event = ChainEvent(
            envelope=parts[0][0],
            values=tuple(each.value or b"" for _, each in parts),
            topic=message.topic,
            partition=message.partition,
            offsets=tuple(each.offset for _, each in parts),
        )
        return verdict, event


def log_position(envelope: Envelope, offset: int) -> LogPosition:
    """Where a message stands in the log, from its envelope."""
    return LogPosition(
        offset=offset,
        is_claim=envelope.event is EventKind.CLAIM,
        claim=envelope.claim,
        sequence=envelope.sequence,
        fresh=envelope.fresh,
        part=envelope.part,
        parts=envelope.parts,
    )
