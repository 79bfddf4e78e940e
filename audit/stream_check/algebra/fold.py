"""The whole check as a fold: messages in, in any interleaving of their partitions; findings out."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from audit.stream_check.algebra import message
from audit.stream_check.algebra.asked import NEWER, Range, Tally
from audit.stream_check.algebra.branch import BranchKind, Named
from audit.stream_check.algebra.event import Event
from audit.stream_check.algebra.finding import Finding, of_records
from audit.stream_check.algebra.fronts import Fronts
from audit.stream_check.algebra.judge import Judge
from audit.stream_check.algebra.order import SequenceProgress
from audit.stream_check.algebra.record import Record
from audit.stream_check.algebra.standing import Block
from topics.coverage import COVERAGE, STREAMS

DEPTH: Final = 128
"""Blocks below the tip whose records are remembered: deeper than chains fork without an operator's word."""


class Follower(Protocol):
    """Goes by the events that were judged: `StateCheck`."""

    def event(self, event: Event, spine: Record, kind: BranchKind) -> None:
        """The next event, in order of sequence; `spine` is its message of `blocks` or `coverage`."""

    def close(self) -> None:
        """There are no more."""


class StreamCheck:
    """`partitions`: of each of the streams how many its topic has. `report` is called with each finding.

    `newest` is the highest sequence that was read, `held` the records of events that are not judged yet.
    `settle` judges what can be judged, `close` what stands at the end: blocks that are incomplete, and
    records of compacted topics that nothing has replaced, are reported then, or with `at_once` when they
    are seen.
    """

    def __init__(
        self,
        partitions: Mapping[str, int],
        report: Callable[[Finding], object],
        *,
        fronts: Fronts | None = None,
        asked: Range | None = None,
        depth: int = DEPTH,
        at_once: bool = False,
    ) -> None:
        self._partitions = partitions
        self._report = report
        self._asked = asked or Range()
        self.depth = depth
        self._blocks: dict[bytes, Block] = {}
        self._pending: list[tuple[int, bytes]] = []
        self._by_height: list[tuple[int, bytes]] = []
        self._settled: tuple[int, bytes] = (-1, b"")
        self.progress = SequenceProgress(
            (each, n) for each in (*STREAMS, COVERAGE) for n in range(partitions[each])
        )
        self._judge = Judge(
            partitions, self._found, fronts or Fronts(), self._asked, self.progress, at_once=at_once
        )
        self.newest = -1
        self.held = 0
        self.follower: Follower | None = None

    @property
    def tip(self) -> Named | None:
        """The tip of the branch, as far as it is judged."""
        return self._judge.branch.tip

    @property
    def tally(self) -> Tally:
        """What was judged so far."""
        return self._judge.tally

    @property
    def waiting(self) -> int:
        """Events that are read and not judged."""
        return len(self._pending)

    @property
    def remembered(self) -> int:
        """Blocks whose records are remembered."""
        return len(self._blocks)

    def add(self, record: Record) -> None:
        """Take a message in, in the order of its partition."""
        stream = record.position.stream
        if self._asked.has(record):
            for finding in message.faults(record, self._partitions[stream]):
                self._found(finding)
        behind = self.progress.is_behind(record)
        self.progress.passes(record)
        self.newest = max(self.newest, record.sequence)
        block = self._blocks.get(record.block_hash)
        event = None if block is None else block.events.get(record.sequence)
        if event is not None and event.knows(record):
            self.tally.repeats += 1
            self._judge.repeated(record)
        elif behind and self._remembers(record) and not self._judge.explains(record):
            self._found(
                of_records(
                    "order",
                    [record],
                    "it lies behind records of later events in its partition: a consumer had gone on "
                    "without it",
                )
            )
        if event is None and (record.sequence, record.block_hash) <= self._settled:
            # Its event was judged: it is a repeat, of a block that is forgotten or of what lies before the
            # range.
            self.tally.repeats += 1
            self._judge.repeated(record)
            return
        if event is None:
            event = self._begin(record, block)
        if (event.sequence, event.block_hash) > self._settled and not event.knows(record):
            self.held += 1
        contradiction = event.add(record)
        if contradiction is not None:
            self._found(contradiction)

    def settle(self, limit: float = math.inf, *, before_ms: float = math.inf) -> float:
        """Judge the events whose sequence is lower than `limit`; all messages of them must be in.

        It ends at the first event that the brokers took at `before_ms` or later. Returns the sequence up to
        which all is judged.
        """
        while self._pending and self._pending[0][0] < limit:
            sequence, block_hash = self._pending[0]
            block = self._blocks[block_hash]
            event = block.events[sequence]
            if event.any().time_ms >= before_ms:
                break
            heapq.heappop(self._pending)
            kind, spine = self._judge.judge(block, event), event.spine
            if self.follower is not None and kind is not None and spine is not None:
                self.follower.event(event, spine, kind)
            block.unjudged -= 1
            self.held -= event.size
            self._settled = sequence, block_hash
        self._forget()
        return min(limit, self._pending[0][0]) if self._pending else limit

    def close(self) -> None:
        """Judge what stands at the end. Events that are not settled count as not judged."""
        self.tally.unjudged[NEWER] += len(self._pending)
        for block in self._blocks.values():
            if not block.unjudged:
                self._judge.close(block)
        self._judge.end()
        if self.follower is not None:
            self.follower.close()

    def _found(self, finding: Finding) -> None:
        if finding.block_hash is not None:
            block = self._blocks.get(bytes.fromhex(finding.block_hash[2:]))
            if block is not None:
                block.accused = True
        self._report(finding)

    def _begin(self, record: Record, block: Block | None) -> Event:
        if block is None:
            block = self._blocks[record.block_hash] = Block(record.number, record.block_hash)
            heapq.heappush(self._by_height, (record.number, record.block_hash))
        event = block.events[record.sequence] = Event(record)
        block.unjudged += 1
        heapq.heappush(self._pending, (record.sequence, record.block_hash))
        return event

    def _remembers(self, record: Record) -> bool:
        tip = self._judge.branch.tip
        return tip is None or record.number >= tip.number - self.depth

    def _forget(self) -> None:
        """Forget blocks deep below the tip."""
        tip = self._judge.branch.tip
        if tip is None:
            return
        while self._by_height and self._by_height[0][0] < tip.number - self.depth:
            block = self._blocks[self._by_height[0][1]]
            if block.unjudged:
                return
            heapq.heappop(self._by_height)
            self._judge.close(self._blocks.pop(block.block_hash))
