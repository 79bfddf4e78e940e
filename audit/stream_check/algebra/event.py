"""The messages of one event of a block, and whether they agree among themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from audit.stream_check.algebra.finding import Finding, of_records
from audit.stream_check.algebra.record import BlockSummary, Partition, Record, StreamPosition
from topics.coverage import BLOCKS, COUNTED, COVERAGE

COMPACTED: Final = frozenset({"contracts", COVERAGE})
"""Streams whose topics keep the last record of a key only, as the catalogue has them: a test holds it so."""


class Event:
    """What was published of a block under one sequence.

    `kept` has the first copy of each record, `copies` the positions of the others.
    """

    def __init__(self, first: Record) -> None:
        self.number = first.number
        self.block_hash = first.block_hash
        self.sequence = first.sequence
        self.kept: dict[str, dict[bytes, Record]] = {}
        self.copies: set[StreamPosition] = set()

    def knows(self, record: Record) -> bool:
        """Was the record published before, whatever its content?"""
        return record.event_id in self.kept.get(record.position.stream, ())

    def add(self, record: Record) -> Finding | None:
        """Take a message in; a breach when a copy of it says something else."""
        known = self.kept.setdefault(record.position.stream, {}).setdefault(record.event_id, record)
        if known is not record:
            self.copies.add(record.position)
        if (known.content, known.removed, known.key) == (record.content, record.removed, record.key):
            return None
        return of_records(
            "contents",
            [known, record],
            f"event_id {record.event_id.hex()} has two contents under one sequence: consumers keep "
            "the one or the other",
        )

    def single(self, stream: str) -> Record | None:
        """The event's message of `blocks` or `coverage`."""
        return next(iter(self.kept.get(stream, {}).values()), None)

    @property
    def spine(self) -> Record | None:
        """The message that says what the event is: coverage's, else that of `blocks`."""
        return self.single(COVERAGE) or self.single(BLOCKS)

    @property
    def size(self) -> int:
        """How many records it has."""
        return sum(map(len, self.kept.values()))

    def any(self) -> Record:
        """Some message of it."""
        return next(record for records in self.kept.values() for record in records.values())

    def records(self, stream: str, *, removed: bool) -> dict[bytes, Record]:
        """Its records of a counted stream that are, or are not, removed."""
        return {
            identity: record
            for identity, record in self.kept.get(stream, {}).items()
            if record.removed is removed
        }


def disagreements(event: Event) -> Iterator[Finding]:
    """`blocks` against `coverage`."""
    block, coverage = event.single(BLOCKS), event.single(COVERAGE)
    if block is None or coverage is None or block.summary is None or coverage.summary is None:
        return
    if not coverage.summary.complete:
        yield of_records(
            "disagree",
            [coverage, block],
            "coverage says that the block is not complete, and `blocks` has it: consumers of the one "
            "have a block that the others lack",
        )
        return
    for name, one, other in (
        ("number", block.number, coverage.number),
        ("removed", block.removed, coverage.removed),
        ("parent_hash", block.summary.parent_hash.hex(), coverage.summary.parent_hash.hex()),
        *zip((each.field for each in COUNTED), block.summary.counts, coverage.summary.counts, strict=True),
    ):
        if one != other:
            yield of_records(
                "disagree",
                [block, coverage],
                f"{name} is {one} in `blocks` and {other} in `coverage`: consumers of the two differ",
            )


def count_faults(event: Event, spine: Record, summary: BlockSummary, *, repair: bool) -> Iterator[Finding]:
    """Records that are too many by the spine's counts, or removed where they must not be.

    `repair`: the event says a block again, so records that are taken back may stand beside those it says.
    """
    for each, count in zip(COUNTED, summary.counts, strict=True):
        mine = event.records(each.stream, removed=spine.removed)
        others = event.records(each.stream, removed=not spine.removed)
        if others and (spine.removed or not repair):
            verb = "do not say removed though the block leaves" if spine.removed else "say removed"
            yield of_records(
                "count",
                [*others.values()],
                f"{len(others)} records of {each.stream} {verb}: a consumer keeps what it should "
                "drop, or drops what it should keep",
            )
        if len(mine) > count:
            yield of_records(
                "count",
                [spine, *mine.values()],
                f"{len(mine)} records of {each.stream} where {spine.position.stream} counts {count}: a "
                "consumer has records that the block does not",
            )


def lacks(event: Event, spine: Record, summary: BlockSummary) -> Iterator[tuple[str, Finding]]:
    """Streams that have fewer records than the spine counts, and `blocks` without the block."""
    if event.single(BLOCKS) is None:
        yield (
            BLOCKS,
            of_records(
                "no-block",
                [spine],
                "coverage says that the block is complete, `blocks` has no message of it: a consumer "
                "of `blocks` has a hole",
            ),
        )
    for each, count in zip(COUNTED, summary.counts, strict=True):
        mine = event.records(each.stream, removed=spine.removed)
        if len(mine) < count:
            yield (
                each.stream,
                of_records(
                    "count",
                    [spine, *mine.values()],
                    f"{len(mine)} records of {each.stream} where {spine.position.stream} counts {count}: "
                    f"a consumer lacks {count - len(mine)}",
                ),
            )


def incomplete(spine: Record, problem: str | None) -> Finding:
    """A block that a stage set aside."""
    what = (
        "its removal is published without records, so that a consumer keeps them"
        if spine.removed
        else ("a consumer has no record of it")
    )
    return of_records(
        "incomplete",
        [spine],
        f"{problem or 'coverage says that it is not complete'}: {what}. `headwater replay --block "
        f"{spine.number}` shows why, and has it said again",
    )


def _last_records(event: Event) -> dict[Partition, Record]:
    """The last record of the event in each partition, coverage not among them."""
    last: dict[Partition, Record] = {}
    for stream, records in event.kept.items():
        if stream == COVERAGE:
            continue
        for record in records.values():
            known = last.setdefault((stream, record.position.partition), record)
            if record.position.offset > known.position.offset:
                last[stream, record.position.partition] = record
    return last


def beyond_offsets(
    event: Event, coverage: Record, offsets: Mapping[Partition, int]
) -> Iterator[tuple[str, Finding]]:
    """Streams with records that coverage's offsets do not reach; of an event that is read as a whole."""
    for partition, record in _last_records(event).items():
        end = offsets.get(partition)
        if end is None or end <= record.position.offset:
            reach = "does not name its partition" if end is None else f"names offset {end}"
            detail = (
                f"coverage {reach}, a record lies at {record.position}: a consumer that waits for the "
                "offsets takes the block for whole without it"
            )
            yield partition[0], of_records("offsets", [coverage, record], detail)


def short_of_offsets(
    event: Event, coverage: Record, offsets: Mapping[Partition, int]
) -> Iterator[tuple[StreamPosition, Finding]]:
    """Positions, named by coverage as the event's last in their partition, where no record of it lies."""
    last = _last_records(event)
    for (stream, partition), end in offsets.items():
        record = last.get((stream, partition))
        if stream in COMPACTED or (record is not None and end <= record.position.offset + 1):
            continue
        if (position := StreamPosition(stream, partition, end - 1)) in event.copies:
            continue
        yield (
            position,
            of_records(
                "offsets",
                [coverage],
                f"coverage reaches to {stream}[{partition}]@{end}, the block's last message there "
                + ("does not exist" if record is None else f"is {record.position}")
                + ": a consumer lacks it, or waits for what is not the block's",
            ),
        )
