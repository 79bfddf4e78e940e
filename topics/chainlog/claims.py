"""Which events of a chain's log count: the fence of CLAIMs and the gap-free sequence.

The log is raw-blocks. Any number of listeners may write to it, dead ones included whose last messages
arrive late; these rules make every reader see the one sequence of the listener in charge:

1. The claim in force is the latest CLAIM before an event. Other events name, in `claim`, the offset of
   the CLAIM they were written under; where that is not the claim in force they do not exist.
2. Of what is left, a sequence seen before is a repeat, and one further than the next is a gap.
3. A CLAIM fences even when its own number is a repeat. It also abandons an event whose parts had not
   all been written: the same sequence is then given again.
4. A CLAIM that starts a new numbering (`fresh`) may jump ahead, but only as the first CLAIM that a
   reader meets in the topic: two listeners that start together on an empty topic must not make a gap.
   A CLAIM that would jump anywhere else only fences, as one with a repeated number does.

Pure: no I/O. Writers and readers use the same fold, so that they never disagree.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Final

UNACKNOWLEDGED: Final = 16
"""Messages a writer may have under way: what a dead or paused one can still add to the log."""

LOOK_BACK: Final = 64
"""Messages before its start in which a reader finds the claim in force, see `claim_in_force`."""


class Verdict(Enum):
    """What a reader does with an event."""

    ACCEPT = "accept"
    STALE = "stale"  # of a fenced listener: ignore
    REPEAT = "repeat"  # seen before: drop
    GAP = "gap"  # something is missing before it: re-read, then alarm; never skip


@dataclass(frozen=True, slots=True)
class LogPosition:
    """Where an event stands in the log: all that judging it needs.

    `claim` is the offset of the CLAIM the event was written under; it means nothing in a CLAIM.
    """

    offset: int
    is_claim: bool
    claim: int
    sequence: int
    fresh: bool = False
    part: int = 0
    parts: int = 1


class SequenceFilter:
    """Drops repeats and finds gaps: all that readers downstream of `normalize` need.

    `last` is the highest sequence seen whole, None when nothing is known: then any event may be the
    first, from its part 0. A refused event changes nothing.
    """

    def __init__(self, last: int | None = None) -> None:
        self.last = last
        self._next_part = 0

    def judge(self, sequence: int, part: int = 0, parts: int = 1, *, restart: bool = False) -> Verdict:
        """The verdict on a message, taken into account when accepted.

        `restart` lets the sequence jump ahead (a fresh CLAIM).
        """
        verdict = self.peek(sequence, part, restart=restart)
        if verdict is Verdict.ACCEPT:
            self._next_part = part + 1
            if self._next_part == parts:
                self.last = sequence
                self._next_part = 0
        return verdict

    def peek(self, sequence: int, part: int = 0, *, restart: bool = False, claim: bool = False) -> Verdict:
        """What `judge` would say; changes nothing. A `claim` abandons the parts held before it."""
        if self.last is not None and sequence <= self.last:
            return Verdict.REPEAT
        if self.last is not None and sequence > self.last + 1 and not restart:
            return Verdict.GAP
        expected = 0 if claim else self._next_part
        if part != expected:
            return Verdict.REPEAT if part < expected else Verdict.GAP
        return Verdict.ACCEPT

    def abandon_parts(self) -> None:
        """Forget the parts of an event that will not be completed."""
        self._next_part = 0


class ClaimFilter:
    """The rule for readers of raw-blocks.

    `claim` is the offset of the CLAIM in force where reading starts (see `claim_in_force`), None at the
    very start of the topic. Feed it every message in the order of the log.
    """

    def __init__(self, last: int | None = None, claim: int | None = None) -> None:
        self.claim = claim
        self._sequence = SequenceFilter(last)

    @property
    def last(self) -> int | None:
        """The highest sequence accepted whole, None before the first."""
        return self._sequence.last

    def judge(self, place: LogPosition) -> Verdict:
        """The verdict on the next message. After an accepted CLAIM, drop any parts held so far."""
        verdict = self.peek(place)
        if place.is_claim:
            self.claim = place.offset
            self._sequence.abandon_parts()
            if verdict is Verdict.ACCEPT:
                self._sequence.judge(place.sequence, restart=True)
        elif verdict is Verdict.ACCEPT:
            self._sequence.judge(place.sequence, place.part, place.parts)
        return verdict

    def peek(self, place: LogPosition) -> Verdict:
        """What `judge` would say; changes nothing."""
        if not place.is_claim:
            if place.claim != self.claim:
                return Verdict.STALE
            return self._sequence.peek(place.sequence, place.part)
        restart = place.fresh and self.claim is None
        verdict = self._sequence.peek(place.sequence, restart=restart, claim=True)
        # The number of a CLAIM that lost a race means nothing: its writer claims again.
        return Verdict.REPEAT if verdict is Verdict.GAP and place.fresh else verdict


def claim_in_force(before: Iterable[LogPosition]) -> int | None:
    """The claim in force after `before`, the last LOOK_BACK messages (or more) ahead of a start offset.

    None when there are none, which is right only at the very start of the topic. A message tells of its
    own claim, and a fenced writer can add at most UNACKNOWLEDGED messages, so that among LOOK_BACK
    the claim in force is a CLAIM itself or named by its writer. The log never starts in the middle of a
    claim: whoever deletes its front leaves a CLAIM as the first message.
    """
    claims = [place.offset if place.is_claim else place.claim for place in before]
    return max(claims, default=None)
