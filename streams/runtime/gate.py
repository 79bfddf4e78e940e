"""Which messages of a chain-ordered topic count, and the parts of an event put together."""

from __future__ import annotations

from dataclasses import dataclass

from streams.logic.event import ChainEvent
from topics.chainlog.claims import ClaimFilter, LogPosition, SequenceFilter, Verdict
from topics.chainlog.envelope import Envelope
from topics.chainlog.kinds import EventKind


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message as read, whichever client read it."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


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


class Gate:
    """The log's rules (see topics.chainlog.claims), and the parts of the event in the making."""

    def __init__(self, start: Start, *, fenced: bool) -> None:
        self.position = start.position
        self._parts: list[tuple[Envelope, Incoming]] = []
        self._claims = ClaimFilter(start.last, start.claim) if fenced else None
        self._sequence = SequenceFilter(start.last)

    @property
    def last(self) -> int | None:
        """The last sequence accepted whole."""
        return self._sequence.last if self._claims is None else self._claims.last

    @property
    def claim(self) -> int:
        """The claim in force; -1 where there is none."""
        claim = None if self._claims is None else self._claims.claim
        return -1 if claim is None else claim

    @property
    def unfinished(self) -> bool:
        """True while parts of an event are here and others are not."""
        return bool(self._parts)

    def judge(self, envelope: Envelope, message: Incoming) -> tuple[Verdict, ChainEvent | None]:
        """Judge the next message of the topic; the last part accepted brings the whole event."""
        verdict = self._judge(envelope, message.offset)
        if verdict is not Verdict.ACCEPT:
            return verdict, None
        if envelope.part == 0:
            self._parts.clear()
        self._parts.append((envelope, message))
        if len(self._parts) < envelope.parts:
            return verdict, None
        parts, self._parts = self._parts, []
        self.position = message.offset + 1
        event = ChainEvent(
            envelope=parts[0][0],
            values=tuple(each.value or b"" for _, each in parts),
            topic=message.topic,
            partition=message.partition,
            offsets=tuple(each.offset for _, each in parts),
        )
        return Verdict.ACCEPT, event

    def would_be_gap(self, envelope: Envelope, message: Incoming) -> bool:
        """True when this message would find a gap before it. Changes nothing."""
        if self._claims is not None:
            return self._claims.peek(_position(envelope, message.offset)) is Verdict.GAP
        claim = envelope.event is EventKind.CLAIM
        restart = claim and envelope.fresh
        verdict = self._sequence.peek(envelope.sequence, envelope.part, restart=restart, claim=claim)
        return verdict is Verdict.GAP

    def _judge(self, envelope: Envelope, offset: int) -> Verdict:
        if self._claims is not None:
            return self._claims.judge(_position(envelope, offset))
        claim = envelope.event is EventKind.CLAIM
        if claim:
            self._sequence.abandon_parts()
        # normalize forwards a fresh CLAIM only where the log allows it to start a new numbering.
        restart = claim and envelope.fresh
        return self._sequence.judge(envelope.sequence, envelope.part, envelope.parts, restart=restart)


def _position(envelope: Envelope, offset: int) -> LogPosition:
    return LogPosition(
        offset=offset,
        is_claim=envelope.event is EventKind.CLAIM,
        claim=envelope.claim,
        sequence=envelope.sequence,
        fresh=envelope.fresh,
        part=envelope.part,
        parts=envelope.parts,
    )
