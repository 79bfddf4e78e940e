"""Where raw-blocks has the events about one block: a bisection, then a look around with the claims' rule.

Both keys are nearly sorted by offset. The height of the published tip moves by one with each APPLY and
REVERT, so that a fork of depth d puts a block's events among some 2 d messages; sequences grow by one with
each event. What breaks the order is the little that a fenced listener adds late. So the first step looks at
single messages, and where what is wanted is not found near the place it leads to, the others take the
word of the latest claim among as many messages as such a listener can add, and look further around: a tip
that goes up and down again and again has one height at many places.

A block is not found when its events are further apart than that, which takes a fork deeper than any chain's
finality (`--accept-fork`) or as many forks at one height, or when retention has deleted them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from connectors.evm.events import Content, Head
from connectors.evm.log.codec import EventCodec, Stored
from connectors.evm.log.content import read_content
from connectors.evm.log.store import LogStore
from connectors.evm.log.stored import read_stored
from connectors.evm.log.whole import Found, WholeEvents
from headwater.errors import Fatal, Transient
from topics.chainlog.claims import LOOK_BACK, UNACKNOWLEDGED, claim_in_force
from topics.chainlog.kinds import EventKind

STEPS: Final = ((1, 32), (2 * UNACKNOWLEDGED, 256), (2 * UNACKNOWLEDGED, 2_048))
"""Of each step: messages that are looked at together, messages to look at before and after the place."""
Passed = Callable[[Stored], bool | None]
"""Whether a message is at or behind what is looked for; None when it does not tell."""


class Search:
    """Looks events up in a log that grows meanwhile. Its calls block and raise Transient."""

    def __init__(self, store: LogStore, codec: EventCodec) -> None:
        self._store = store
        self._codec = codec
        self._first: int | None = None

    def of_height(self, number: int, hash: bytes) -> list[Found]:
        """Events that carry a block of that height, in the log's order, near where it was first published.

        Looks further when `hash` is not published among them. Repairs may be anywhere: they are found by
        their sequence.
        """

        def passed(stored: Stored) -> bool | None:
            if stored.head is None or not stored.kind.moves_branch:
                return None
            return stored.head.number >= number

        def about(found: Sequence[Found]) -> bool:
            return any(each.kind.moves_branch and each.head.hash == hash for each in found)

        return [each for each in self._near(passed, about) if each.head.number == number]

    def of_sequence(self, sequence: int) -> Found | None:
        """The event of that sequence, None when the log does not have it or it carries no block."""

        def passed(stored: Stored) -> bool | None:
            return None if stored.kind is EventKind.CLAIM else stored.position.sequence >= sequence

        def there(found: Sequence[Found]) -> bool:
            return any(each.sequence == sequence for each in found)

        return next((each for each in self._near(passed, there) if each.sequence == sequence), None)

    def content(self, head: Head, offset: int, end: int) -> Content | None:
        """What the event about `head` from `offset` to before `end` carries, None where it was deleted."""
        if offset < self._store.bounds()[0]:
            return None
        try:
            return read_content(self._store, self._codec, head, offset, end)
        except Fatal:
            if offset < self._store.bounds()[0]:
                return None
            raise

    def begins_at(self) -> int | None:
        """The height of the first block ever published, None when the log was shortened since."""
        low, end = self._store.bounds()
        if self._first is None and low == 0:
            heads = (each.head for each in self._read(low, end) if each.kind is EventKind.APPLY)
            self._first = next((head.number for head in heads if head is not None), None)
        return self._first

    def _near(self, passed: Passed, enough: Callable[[Sequence[Found]], bool]) -> list[Found]:
        found: list[Found] = []
        for together, around in STEPS:
            low, end = self._store.bounds()
            place = self._bisect(low, end, passed, together)
            found = list(self._whole(low, max(low, place - around), min(end, place + around)))
            if enough(found):
                break
        return found

    def _bisect(self, low: int, end: int, passed: Passed, together: int) -> int:
        while low < end:
            middle = (low + end) // 2
            if self._has_passed(middle, end, passed, together):
                end = middle
            else:
                low = middle + 1
        return low

    def _has_passed(self, start: int, end: int, passed: Passed, together: int) -> bool:
        """What the first message from `start` on says that tells; the end of the log is behind everything."""
        while start < end:
            upto = min(end, start + together)
            messages = list(self._read(start, upto))
            latest = max((_claim(each) for each in messages), default=-1)
            for stored in messages:
                answer = passed(stored)
                if answer is not None and _claim(stored) == latest:
                    return answer
            start, together = upto, min(2 * together, LOOK_BACK)
        return True

    def _whole(self, low: int, start: int, end: int) -> Iterator[Found]:
        before = [each.position for each in self._read(max(low, start - LOOK_BACK), start)]
        events = WholeEvents(claim_in_force(before))
        for stored in self._read(start, end):
            _, event = events.take(stored)
            if event is not None and event.kind.carries_block:
                yield event

    def _read(self, start: int, end: int) -> Iterator[Stored]:
        try:
            yield from read_stored(self._store, self._codec, start, end)
        except Fatal as error:
            if self._store.bounds()[0] > start:
                raise Transient("the front of raw-blocks was deleted while it was read") from error
            raise


def _claim(stored: Stored) -> int:
    return stored.position.offset if stored.position.is_claim else stored.position.claim
