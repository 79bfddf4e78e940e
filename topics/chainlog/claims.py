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
5. An event that names a later CLAIM than the one in force tells of one that could not be read: it is in
   force all the same. What else was not read shows in the sequence.

Pure: no I/O. Writers and readers use the same fold, so that they never disagree.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

UNACKNOWLEDGED: Final = 16
"""Messages a writer may have under way: what a dead or paused one can still add to the log."""

LOOK_BACK: Final = 64
"""Messages before its start in which a reader finds the claim in force, see `claim_in_force`."""


class Verdict(Enum):
    """What a reader does with a message."""

    ACCEPT = "accept"
    STALE = "stale"  # of a fenced listener: ignore
    REPEAT = "repeat"  # seen before: drop
    GAP = "gap"  # something is missing before it: re-read, then alarm; never skip


@dataclass(frozen=True, slots=True)
class LogPosition:
    """Where a message stands in the log: all that judging it needs.

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
    first, from its part 0. A message that is not accepted changes nothing, but that a CLAIM abandons the
    parts of the event before it.
    """

    def __init__(self, last: int | None = None) -> None:
        self.last = last
        self._next_part = 0

    def peek(self, position: LogPosition) -> Verdict:
        """The verdict that `judge` would give. Changes nothing."""
        if self.last is not None and position.sequence <= self.last:
            return Verdict.REPEAT
        restarts = position.is_claim and position.fresh
        if self.last is not None and position.sequence > self.last + 1 and not restarts:
            return Verdict.GAP
        next_part = 0 if position.is_claim else self._next_part
        if position.part != next_part:
            return Verdict.REPEAT if position.part < next_part else Verdict.GAP
        return Verdict.ACCEPT

    def judge(self, position: LogPosition) -> Verdict:
        """The verdict on the next message, taken into account."""
        verdict = self.peek(position)
        if position.is_claim:
            self._next_part = 0
        if verdict is Verdict.ACCEPT:
            self._next_part = position.part + 1
            if self._next_part == position.parts:
                self.last = position.sequence
                self._next_part = 0
        return verdict


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

    def peek(self, position: LogPosition) -> Verdict:
        """The verdict that `judge` would give. Changes nothing."""
        if not position.is_claim and position.claim != self._claim_before(position):
            return Verdict.STALE
        verdict = self._sequence.peek(self._heeded(position))
        # The number of a CLAIM that lost a race means nothing: its writer claims again.
        lost = position.is_claim and position.fresh and verdict is Verdict.GAP
        return Verdict.REPEAT if lost else verdict

    def judge(self, position: LogPosition) -> Verdict:
        """The verdict on the next message. After an accepted CLAIM, drop any parts held so far."""
        verdict = self.peek(position)
        if verdict is not Verdict.STALE:
            self._sequence.judge(self._heeded(position))
        self.claim = position.offset if position.is_claim else self._claim_before(position)
        return verdict

    def _claim_before(self, position: LogPosition) -> int | None:
        """The claim in force before a message, which may tell of one that was not seen."""
        known = -1 if self.claim is None else self.claim
        names_another = not position.is_claim and known < position.claim < position.offset
        return position.claim if names_another else self.claim

    def _heeded(self, position: LogPosition) -> LogPosition:
        """The position as the sequence sees it: only the first CLAIM may start a new numbering."""
        if self.claim is None or not position.fresh:
            return position
        return replace(position, fresh=False)


def claim_in_force(before: Iterable[LogPosition]) -> int | None:
    """The claim in force after `before`, the last LOOK_BACK messages (or more) ahead of a start offset.

    None when there are none, which is right only at the very start of the topic. A message tells of its
    own claim, and a fenced writer can add at most UNACKNOWLEDGED messages, so that among LOOK_BACK
    the claim in force is a CLAIM itself or named by its writer. The log never starts in the middle of a
    claim: whoever deletes its front leaves a CLAIM as the first message.
    """
    claims = [position.offset if position.is_claim else position.claim for position in before]
    return max(claims, default=None)
