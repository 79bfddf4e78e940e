"""One event of a block after the other, in order of sequence, against all that was published before it."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from typing import Final

from audit.stream_check.algebra.asked import BEFORE, EARLIER, Range, Tally
from audit.stream_check.algebra.branch import Branch, BranchKind, Named
from audit.stream_check.algebra.event import (
    COMPACTED,
    Event,
    beyond_offsets,
    count_faults,
    disagreements,
    incomplete,
    lacks,
    short_of_offsets,
)
from audit.stream_check.algebra.finding import Finding, of_records
from audit.stream_check.algebra.fronts import Fronts
from audit.stream_check.algebra.order import SequenceProgress
from audit.stream_check.algebra.partitioner import partition_of
from audit.stream_check.algebra.record import BlockSummary, Record
from audit.stream_check.algebra.standing import Block
from topics.coverage import COVERAGE, STREAMS

_COMPACTED_RECORDS: Final = COMPACTED - {COVERAGE}


class Judge:
    """Follows the branch. Arguments are those of StreamCheck."""

    def __init__(
        self,
        partitions: Mapping[str, int],
        report: Callable[[Finding], object],
        fronts: Fronts,
        asked: Range,
        progress: SequenceProgress,
        *,
        at_once: bool,
    ) -> None:
        self._partitions = partitions
        self._report = report
        self._fronts = fronts
        self._asked = asked
        self._progress = progress
        self._at_once = at_once
        self._mendable: dict[tuple[bytes, str], Finding] = {}
        self._incomplete: dict[bytes, Finding] = {}
        self._sequence = -1
        self._linked = False
        self._nothing_before = asked.linked_from_ms == -math.inf
        self.branch = Branch(whole=self._nothing_before)
        self.tally = Tally()

    def judge(self, block: Block, event: Event) -> BranchKind | None:
        """The next event in order of sequence; all messages of it are in.

        Returns what it is to the branch, None where no message tells.
        """
        spine = event.spine
        summary = None if spine is None else spine.summary
        if spine is None or summary is None:
            self._judge_without_spine(event)
            return None
        if event.sequence == self._sequence:
            detail = (
                "another block has this sequence too: which of them is the later one, consumers cannot tell"
            )
            self._report(of_records("sequence", [spine], detail))
        kind = self._on_branch(block, event, spine, summary)
        self._sequence = event.sequence
        if not self._asked.has(spine):
            return kind
        self.tally.events[kind.value] += 1
        self.tally.blocks += kind in (BranchKind.APPLY, BranchKind.UNPROVEN)
        self.tally.records.update({stream: len(records) for stream, records in event.kept.items()})
        for finding in disagreements(event):
            self._report(finding)
        if event.single(COVERAGE) is None:
            self._judge_without_coverage(event, spine)
        else:
            self._mendable.pop((event.block_hash, COVERAGE), None)
            self._mendable.pop((event.block_hash, "link"), None)
        if summary.complete:
            self._judge_complete(block, event, spine, summary, kind)
        else:
            self._judge_incomplete(block, event, spine, summary)
        return kind

    def _on_branch(self, block: Block, event: Event, spine: Record, summary: BlockSummary) -> BranchKind:
        """What the event is to the branch."""
        # From the first event on, by sequence: of a later one an earlier copy may have been read.
        self._linked = self._linked or spine.time_ms >= self._asked.linked_from_ms
        if not self._linked:
            return BranchKind.BELOW
        named = Named(event.number, event.block_hash)
        unproven = self.branch.unproven
        step = self.branch.apply(named, summary.parent_hash, removed=spine.removed)
        block.linked = None if step.kind is BranchKind.BELOW else self.branch.beginnings
        if unproven and step.kind is BranchKind.APPLY:
            return BranchKind.UNPROVEN
        if step.kind is BranchKind.BROKEN:
            before = [self._sequence] if self._sequence >= 0 else []
            finding = of_records("link", [spine], step.problem, *before)
            if step.missing:
                # The event of a block that a stage set aside is in coverage only, which a later one replaces.
                self._explicable(finding, spine, step.missing, "link")
            else:
                self._report(finding)
        return step.kind

    def _judge_complete(
        self, block: Block, event: Event, spine: Record, summary: BlockSummary, kind: BranchKind
    ) -> None:
        self._incomplete.pop(event.block_hash, None)
        for stream in _COMPACTED_RECORDS:
            self._mendable.pop((event.block_hash, stream), None)
        block.whole = block.whole or kind is BranchKind.APPLY
        if kind is BranchKind.REVERT and not block.whole:
            self.tally.unjudged[EARLIER] += 1
        for finding in count_faults(event, spine, summary, repair=kind.may_repair):
            self._report(finding)
        hidden = {stream for stream in STREAMS if self._hides(event, spine, stream)}
        compacted = False
        lacking = set()
        for stream, finding in lacks(event, spine, summary):
            lacking.add(stream)
            if stream in hidden:
                block.whole = False
            elif stream in COMPACTED:
                compacted = True
                block.whole = False
                self._explicable(finding, spine, event.block_hash, stream)
            else:
                self._report(finding)
        for finding in [*block.take(event, kind, hidden, removed=spine.removed)]:
            if finding.kind == "not-retracted" and finding.places[0].stream in COMPACTED:
                self._explicable(finding, spine, event.block_hash, finding.places[0].stream)
            else:
                self._report(finding)
        if hidden:
            self.tally.unjudged[BEFORE] += 1
        else:
            self._judge_offsets(event, lacking)
        # It says all that stands, and has taken back all else.
        block.whole = block.whole or not (spine.removed or hidden or compacted)

    def _judge_offsets(self, event: Event, lacking: Collection[str]) -> None:
        """Coverage's offsets; they reach too far where the records that they are of are lacking anyway."""
        coverage = event.single(COVERAGE)
        offsets = None if coverage is None or coverage.summary is None else coverage.summary.offsets
        if coverage is None or offsets is None:
            return
        for stream, finding in beyond_offsets(event, coverage, offsets):
            # Where compaction took the first copy of a record, its repeat lies beyond.
            if stream not in COMPACTED or not self._may_be_compacted(coverage):
                self._report(finding)
        if self._is_first_copy(coverage):
            for position, finding in short_of_offsets(event, coverage, offsets):
                # A repeat's coverage may be what compaction left, and the repeat's records are still to come.
                if position.stream not in lacking:
                    self._explicable(finding, coverage, event.block_hash, f"{event.sequence} {position}")

    def repeated(self, record: Record) -> None:
        """A message of an event that was judged is read, again or where compaction took the first copy."""
        self._mendable.pop((record.block_hash, f"{record.sequence} {record.position}"), None)

    def explains(self, record: Record) -> bool:
        """Has a message, behind those of later events, a first copy that compaction took?"""
        stream, summary = record.position.stream, record.summary
        if stream not in COMPACTED or not self._may_be_compacted(record):
            return False
        self._mendable.pop((record.block_hash, stream), None)
        if summary is not None and not summary.complete:
            self._incomplete[record.block_hash] = incomplete(record, summary.problem)
        return True

    def _judge_incomplete(self, block: Block, event: Event, spine: Record, summary: BlockSummary) -> None:
        """A block that a stage set aside: it has no records, and says what was wrong."""
        # What a later event takes back may never have been published.
        block.whole = False
        for finding in count_faults(event, spine, summary, repair=False):
            self._report(finding)
        failed_before = self._incomplete.pop(event.block_hash, None) is not None
        if spine.removed and not block.stands and (failed_before or self._nothing_before):
            return  # Nothing was ever published of it, so that nothing is to be taken back.
        self._incomplete[event.block_hash] = incomplete(spine, summary.problem)
        if self._at_once:
            self._report(self._incomplete[event.block_hash])

    def _judge_without_spine(self, event: Event) -> None:
        record = event.any()
        if not self._asked.has(record):
            return
        if self._hides_coverage(record):
            self.tally.unjudged[BEFORE] += 1
            return
        detail = (
            "neither coverage nor `blocks` has its event: a consumer that goes by blocks never knows of it"
        )
        self._report(of_records("no-coverage", [record], detail))

    def _judge_without_coverage(self, event: Event, spine: Record) -> None:
        if self._hides_coverage(spine):
            return
        detail = (
            "the block has no coverage: a consumer that waits for it, as the sink does, never shows the block"
        )
        finding = of_records("no-coverage", [spine], detail)
        self._explicable(finding, spine, event.block_hash, COVERAGE)

    def _hides_coverage(self, record: Record) -> bool:
        key = f"{record.number}:0x{record.block_hash.hex()}".encode()
        own = COVERAGE, partition_of(key, self._partitions[COVERAGE])
        return self._fronts.hides([own], record, self._progress.begins_with)

    def _hides(self, event: Event, spine: Record, stream: str) -> bool:
        """May records of the stream lie before what is read?"""
        offsets = None if spine.summary is None else spine.summary.offsets
        here = [(stream, number) for number in range(self._partitions[stream])]
        return self._fronts.hides(here, spine, self._progress.begins_with, offsets)

    def _may_be_compacted(self, spine: Record) -> bool:
        return spine.time_ms < self._asked.compacted_before_ms

    def _is_first_copy(self, coverage: Record) -> bool:
        """Not a repeat whose first copy, with the records, lies before what is read."""
        partition = coverage.position.stream, coverage.position.partition
        first = self._progress.begins_with(partition)
        return self._fronts.from_the_beginning(partition) or (first is not None and first < coverage.sequence)

    def _explicable(self, finding: Finding, spine: Record, block_hash: bytes, what: str) -> None:
        """A breach, unless compaction explains it: a later message of the block tells."""
        if self._may_be_compacted(spine):
            self._mendable[block_hash, what] = finding
        else:
            self._report(finding)

    def close(self, block: Block) -> None:
        """What stands of a block of which no more is expected."""
        failed = block.block_hash in self._incomplete
        stands = block.stands
        linked = block.linked == self.branch.beginnings
        if stands and linked and not (failed or block.accused) and block.block_hash not in self.branch:
            detail = (
                f"{len(stands)} records stand of a block that is not on the branch: a consumer keeps them"
            )
            self._report(of_records("orphan", stands, detail))

    def end(self) -> None:
        """Report what nothing has mended."""
        left = [*self._mendable.values(), *([] if self._at_once else self._incomplete.values())]
        self._mendable.clear()
        for finding in left:
            self._report(finding)
