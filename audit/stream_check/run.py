"""A check of a range, and one that follows: rounds of asking for end offsets, reading and judging."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Set
from typing import Final, Protocol

from audit.stream_check.algebra.finding import Finding
from audit.stream_check.algebra.fold import StreamCheck
from audit.stream_check.algebra.record import Partition, Record
from audit.stream_check.decode import Raw
from audit.stream_check.positions import TRANSACTION_MS
from audit.stream_check.states.check import StateCheck
from audit.stream_check.states.record import StateRecord

HELD: Final = 200_000
"""Records that wait to be judged, from which on partitions that are ahead are held: some 100 MB."""


EVENTS: Final = 20_000
"""Events of blocks that wait for their states, from which on the other topics are held."""


class Source(Protocol):
    """The messages of all partitions: `Reader`."""

    def reached(self, end_offsets: Mapping[Partition, int]) -> set[Partition]: ...

    def hold(self, ahead: Collection[Partition]) -> None: ...

    def up_to(self, end_offsets: Mapping[Partition, int]) -> Iterable[list[Raw]]: ...


class Run:
    """Feeds a check. `decode` gives a stream's records; `end_offsets` tells where partitions end now,
    uncommitted messages included; `now_ms` is the time by the brokers' clocks, about.

    All methods raise what source, end_offsets and decode raise.
    """

    def __init__(
        self,
        check: StreamCheck,
        source: Source,
        end_offsets: Callable[[], Mapping[Partition, int]],
        decode: Callable[[str, list[Raw]], Iterable[Record | StateRecord | Finding]],
        report: Callable[[Finding], object],
        *,
        now_ms: Callable[[], int],
        progress: Callable[[], object] = lambda: None,
        last: int | None = None,
        states: StateCheck | None = None,
    ) -> None:
        self._check = check
        self._source = source
        self._end_offsets = end_offsets
        self._decode = decode
        self._report = report
        self._now_ms = now_ms
        self._progress = progress
        self._last = last
        self._states = states

    def range(self) -> None:
        """Judge all that is there now, or all up to the last block and the depth above it."""
        self.round()
        # Of every event that anything was seen of, all is below the end offsets as they are after that.
        self.round()

    def round(self) -> None:
        """Read to the present end offsets, then judge the events that something was seen of before."""
        seen = self._check.newest
        newest_state = -1 if self._states is None else self._states.newest
        end_offsets = self._end_offsets()
        # What was taken before is in no transaction that was open when the end offsets were asked for.
        closed_ms = self._now_ms() - 2 * TRANSACTION_MS
        for messages in self._source.up_to(end_offsets):
            self._take(messages)
            reached = self._source.reached(end_offsets)
            limit = self._check.progress.limit(reached)
            front = self._check.settle(limit, before_ms=closed_ms)
            self._settle_states(front, newest_state)
            self._source.hold(self._ahead(limit, front, end_offsets.keys() - reached))
            self._progress()
            if self._done:
                return
        self._settle_states(self._check.settle(seen + 1), newest_state)

    def _settle_states(self, front: float, newest_state: int) -> None:
        """Judge states up to where blocks are judged, as far as they are published.

        They come of a stage of their own, which may lag behind all others: that a partition is at its end
        says nothing.
        """
        states, tip = self._states, self._check.tip
        if states is not None:
            below = 0 if tip is None else tip.number - self._check.depth
            states.settle(min(front, max(states.progress.limit(), newest_state + 1)), below=below)

    def _ahead(self, limit: float, front: float, left: Set[Partition]) -> Set[Partition]:
        """The partitions that are held, so that what waits to be judged is bounded; `left` are to be read.

        None when that is all of those: what they would wait for is too young to be judged, or not published.
        """
        ahead = self._check.progress.beyond(limit) if self._check.held > HELD else set()
        states = self._states
        if states is not None and states.held > HELD:
            ahead |= states.progress.beyond(front)
        if states is not None and states.waiting > EVENTS and states.progress.partitions & left:
            ahead |= self._check.progress.partitions
        return ahead if left - ahead else frozenset()

    @property
    def _done(self) -> bool:
        tip = self._check.tip
        return self._last is not None and tip is not None and tip.number >= self._last + self._check.depth

    def _take(self, messages: list[Raw]) -> None:
        streams: dict[str, list[Raw]] = {}
        for message in messages:
            streams.setdefault(message.position.stream, []).append(message)
        for stream, own in streams.items():
            for found in self._decode(stream, own):
                if isinstance(found, Record):
                    self._check.add(found)
                elif isinstance(found, StateRecord):
                    if self._states is not None:
                        self._states.add(found)
                else:
                    self._report(found)
