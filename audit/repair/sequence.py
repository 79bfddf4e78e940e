"""An event of raw-blocks by its sequence, found by bisection."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Protocol

from audit.repair.block import COMPARE, NoBlock, OfEvent, block_of_event
from connectors.evm.repair.request import BlockName
from schemas import MalformedRecord
from topics.chainlog.claims import LOOK_BACK, ClaimFilter, LogPosition, Verdict, claim_in_force
from topics.chainlog.envelope import Envelope, read_envelope
from topics.chainlog.kinds import EventKind

STREAM: Final = "raw-blocks"


class Log(Protocol):
    """raw-blocks; both calls may raise Transient."""

    def bounds(self) -> tuple[int, int]:
        """First offset kept, and the offset after the last message."""

    def read(self, start: int, end: int) -> Iterator[tuple[int, bytes]]:
        """(offset, value) of the messages with start <= offset < end, in order."""


class EventFinder:
    """Finds the blocks of events; one that was found is not looked up again."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._found: dict[OfEvent, BlockName | NoBlock] = {}

    def block(self, wanted: OfEvent) -> BlockName | NoBlock:
        """The block that the event is about. Raises Transient."""
        if wanted not in self._found:
            self._found[wanted] = self._find(wanted)
        return self._found[wanted]

    def _find(self, wanted: OfEvent) -> BlockName | NoBlock:
        blocks = [block_of_event(each) for each in self._events(wanted.sequence)]
        named = [each for each in blocks if isinstance(each, BlockName) and _traced(each, wanted.trace)]
        if named:
            return named[-1]
        other = next((each.why for each in blocks if isinstance(each, NoBlock)), None)
        if other is not None:
            return NoBlock(f"its bytes cannot be read, and its event is of no block: {other}", COMPARE)
        return NoBlock(
            f"its bytes cannot be read, and raw-blocks no longer tells event {wanted.sequence}", COMPARE
        )

    def _events(self, sequence: int) -> Iterator[Envelope]:
        """The events of a sequence that are not a fenced listener's, in order: one, or its parts."""
        low, high = self._log.bounds()
        # The sequence grows with the offset but for what a fenced listener adds late.
        near = self._offset_near(sequence, low, high)
        start, end = max(low, near - LOOK_BACK), min(high, near + LOOK_BACK)
        before = (position for position, _ in self._positions(max(low, start - LOOK_BACK), start))
        claims = ClaimFilter(claim=claim_in_force(before))
        for position, envelope in self._positions(start, end):
            stale = claims.judge(position) is Verdict.STALE
            if envelope.sequence == sequence and not stale:
                yield envelope

    def _offset_near(self, sequence: int, first: int, end: int) -> int:
        """Roughly the offset of an event."""
        while first < end:
            middle = (first + end) // 2
            found = next((each.sequence for _, each in self._positions(middle, end)), None)
            if found is None or found >= sequence:
                end = middle
            else:
                first = middle + 1
        return first

    def _positions(self, start: int, end: int) -> Iterator[tuple[LogPosition, Envelope]]:
        """The events between two offsets; what is not one is skipped: normalize made dead letters of it."""
        for offset, value in self._log.read(start, end):
            try:
                envelope = read_envelope(value, STREAM)
            except MalformedRecord:
                continue
            yield (
                LogPosition(
                    offset,
                    envelope.event is EventKind.CLAIM,
                    envelope.claim,
                    envelope.sequence,
                    envelope.fresh,
                    envelope.part,
                    envelope.parts,
                ),
                envelope,
            )


def _traced(block: BlockName, trace: str) -> bool:
    return block.hash is not None and block.hash.hex().startswith(trace)
