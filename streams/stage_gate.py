"""Which messages of a chain-ordered topic count: the claim fence, repeats, gaps, and parts put together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from streams.stage import ChainEvent, Envelope, EventKind


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message as read, whichever client read it."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


class Verdict(Enum):
    """What becomes of a message."""

    ACCEPT = "accept"  # it completes an event
    HOLD = "hold"  # a part; more are to come
    REPEAT = "repeat"  # its sequence was accepted before
    STALE = "stale"  # its listener was overruled by a later CLAIM
    GAP = "gap"  # a sequence, or a part, before it is missing


@dataclass(frozen=True, slots=True)
class GateState:
    """Where a reader stands: a value, so that a look ahead can be thrown away.

    `last` is the last accepted sequence, None when nothing is known and any is welcome. `claim` is the
    offset of the CLAIM in force, None to adopt that of the next event. `position` is the offset after the
    last accepted event, None when unknown. `parts` are those of the event in the making.
    """

    last: int | None = None
    claim: int | None = None
    position: int | None = None
    parts: tuple[tuple[Envelope, Incoming], ...] = ()


class Gate:
    """Applies the reader's rules of `topics.md`, in this order: claim, repeat, gap, parts."""

    def __init__(self, state: GateState, *, fenced: bool) -> None:
        self.state = state
        self._fenced = fenced

    def look(self, envelope: Envelope, message: Incoming) -> tuple[Verdict, ChainEvent | None]:
        """Judge the next message of the topic. A GAP leaves everything as it was."""
        state = self.state
        if self._fenced:
            if envelope.event is EventKind.CLAIM:
                # Fences even as a repeat, and ends what its predecessor left half written.
                state = replace(state, claim=message.offset, parts=())
            elif envelope.event is not EventKind.UNKNOWN:
                if state.claim is None:
                    state = replace(state, claim=envelope.claim)
                if envelope.claim != state.claim:
                    self.state = state
                    return Verdict.STALE, None
        if state.last is not None and envelope.sequence <= state.last:
            self.state = state
            return Verdict.REPEAT, None
        if state.last is not None and envelope.sequence != state.last + 1:
            return Verdict.GAP, None
        return self._assemble(state, envelope, message)

    def _assemble(
        self, state: GateState, envelope: Envelope, message: Incoming
    ) -> tuple[Verdict, ChainEvent | None]:
        parts = state.parts if state.parts and state.parts[0][0].sequence == envelope.sequence else ()
        if envelope.part == 0:
            parts = ()  # a writer that starts the event again
        if envelope.part < len(parts):
            return Verdict.REPEAT, None
        if envelope.part > len(parts):
            return Verdict.GAP, None
        parts = (*parts, (envelope, message))
        if len(parts) < envelope.parts:
            self.state = replace(state, parts=parts)
            return Verdict.HOLD, None
        self.state = replace(state, last=envelope.sequence, position=message.offset + 1, parts=())
        event = ChainEvent(
            envelope=parts[0][0],
            values=tuple(each.value or b"" for _, each in parts),
            topic=message.topic,
            partition=message.partition,
            offsets=tuple(each.offset for _, each in parts),
        )
        return Verdict.ACCEPT, event
