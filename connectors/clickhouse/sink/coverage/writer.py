"""Coverage: the rows that make a block visible, written once the whole block is in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, Final, Protocol

from connectors.clickhouse.sink.coverage.holdback import Block, Held
from connectors.clickhouse.sink.coverage.timely import Timely
from connectors.clickhouse.sink.messages import Bad, Message, Partition, partition_of, present
from connectors.clickhouse.sink.placement.start import Gap
from connectors.clickhouse.sink.rows import Columns
from connectors.clickhouse.sink.writer import Writer
from headwater.clock import now_ms
from headwater.metrics import sink as metrics
from topics.coverage import BLOCKS, COUNTED, STREAMS

# Stream → the field of coverage that counts the block's messages there.
_FIELDS: Final = {each.stream: each.field for each in COUNTED}


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A dead letter of a block's message; `sequence` is None where the message had no such header."""

    partition: Partition
    offset: int
    sequence: int | None


class DeadLetterLookup(Protocol):
    """Finds dead letters."""

    def since(self, offsets: Mapping[str, int]) -> Sequence[DeadLetter]:
        """Those of the given topics from an offset on. Raises Transient."""


@dataclass(frozen=True, slots=True)
class CoverageBatch:
    """What a batch of coverage messages says. `shown` are held ones whose rows are now in."""

    applied: Sequence[Held]
    retracted: Sequence[tuple[Block, int]]
    shown: Sequence[Held]


class CoverageWriter:
    """Writes coverage: retractions at once, applications when they are handed back as ready.

    `topics` maps the names of the topics that this sink stores to their streams: offsets of others are
    not waited for.
    """

    def __init__(
        self,
        writer: Writer,
        topics: Mapping[str, str],
        letters: DeadLetterLookup,
        gaps: Callable[[], Sequence[Gap]],
        chain: str,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        self._writer = writer
        self._topics = topics
        self._letters = letters
        self._gaps = gaps
        self._clock = clock
        self._timely = Timely(clock())
        # There before the first block: an alert asks whether there is any.
        self._blocks = metrics.VISIBLE_BLOCKS.labels(chain)
        self._since_apply = metrics.BLOCK_VISIBLE_SECONDS.labels(chain)
        self._age = metrics.BLOCK_AGE_VISIBLE.labels(chain)
        # Thousands of blocks may wait, and each names some fifty partitions.
        self._partition = cache(Partition)

    def write(self, messages: Sequence[Message], ready: Sequence[Held]) -> CoverageBatch:
        """Read new messages; insert the retractions among them and the `ready` rows, all in one insert.

        One insert, so that a fork is seen to switch over when both its sides are at hand.
        """
        bad: list[Bad] = []
        good, columns = self._writer.read(present(messages), bad)
        applied = [
            self._held(message, columns, row)
            for row, message in enumerate(good)
            if not columns["removed"][row]
        ]
        gone = [
            (columns["sequence"][row], message) for row, message in enumerate(good) if columns["removed"][row]
        ]
        retracted = [
            (_block(columns, row), columns["sequence"][row])
            for row in range(len(good))
            if columns["removed"][row]
        ]
        due = sorted([*gone, *((held.sequence, held.message) for held in ready)], key=lambda pair: pair[0])
        self._show([message for _, message in due], bad, {held.sequence for held in ready if held.timely})
        self._writer.dead_letter(len(messages), bad)
        return CoverageBatch(applied, retracted, ready)

    def _show(self, messages: Sequence[Message], bad: list[Bad], timely: Set[int]) -> None:
        if not messages:
            return
        times: list[tuple[int, int, int]] = []
        self._writer.insert(messages, bad, partial(self._note_and_mark, times))
        now = self._clock()
        self._blocks.inc(len(times))
        for sequence, observed, mined in times:
            if sequence in timely:
                self._since_apply.observe(max(0, now - observed) / 1000)
                self._age.observe(max(0, now - mined) / 1000)

    def _note_and_mark(self, times: list[tuple[int, int, int]], columns: Columns) -> Columns:
        """`_marked`; of each block to show, `times` gets its sequence, when it was observed, its own time."""
        times += [
            (sequence, observed, mined)
            for sequence, observed, mined, removed in zip(
                columns["sequence"],
                columns["observed_at"],
                columns["block_timestamp"],
                columns["removed"],
                strict=True,
            )
            if not removed
        ]
        return self._marked(columns)

    def _held(self, message: Message, columns: Columns, row: int) -> Held:
        needs = tuple(
            (self._partition(each["topic"], each["partition"]), each["next_offset"])
            for each in columns["offsets"][row]
            if each["topic"] in self._topics
        )
        partition = partition_of(message)
        timely = self._timely.follows(
            partition,
            columns["block_timestamp"][row],
            columns["block_number"][row],
            columns["observed_at"][row],
        )
        return Held(
            message,
            partition,
            message.offset(),
            _block(columns, row),
            columns["sequence"][row],
            needs,
            timely,
        )

    def _marked(self, columns: Columns) -> Columns:
        """The columns, with `complete` false where a part of the block is in the dead letters or was deleted
        from Kafka before it was stored.
        """
        windows = [
            {} if removed else dict(self._windows(columns, row))
            for row, removed in enumerate(columns["removed"])
        ]
        lowest: dict[str, int] = {}
        for window in windows:
            for partition, (first, _) in window.items():
                lowest[partition.topic] = min(first, lowest.get(partition.topic, first))
        if not lowest:
            return columns
        problems = self._missing(windows)
        bad_rows: dict[int, list[DeadLetter]] = {}
        for letter in self._writer.retry(lambda: self._letters.since(lowest)):
            for row, window in enumerate(windows):
                first, end = window.get(letter.partition, (0, 0))
                if (
                    letter.sequence == columns["sequence"][row]
                    if letter.sequence is not None
                    else first <= letter.offset < end
                ):
                    bad_rows.setdefault(row, []).append(letter)
        for row, letters in bad_rows.items():
            places = sorted(
                {f"{each.partition.topic}[{each.partition.number}]@{each.offset}" for each in letters}
            )
            problems[row] = (
                f"{len(places)} of the block's messages are dead letters: {', '.join(places[:5])}; "
                "`headwater replay` lists them"
            )
        if not problems:
            return columns
        complete, problem = list(columns["complete"]), list(columns["problem"])
        for row, text in problems.items():
            complete[row], problem[row] = False, text
        return {**columns, "complete": complete, "problem": problem}

    def _missing(self, windows: Sequence[Mapping[Partition, tuple[int, int]]]) -> dict[int, str]:
        """The rows of blocks some of whose messages may never have been stored, and what is missing.

        How many of a block's messages a partition has is not known, which counts against the block.
        """
        gaps: dict[Partition, list[Gap]] = {}
        for gap in self._writer.retry(self._gaps):
            gaps.setdefault(gap.partition, []).append(gap)
        found = {}
        for row, window in enumerate(windows):
            for partition in window.keys() & gaps.keys():
                for gap in gaps[partition]:
                    if gap.meets(*window[partition]):
                        found[row] = (
                            "messages, the block's perhaps, were deleted from Kafka before they were stored: "
                            f"{partition.topic}[{partition.number}] below offset {gap.end}; "
                            "docs/runbook.md, Refill, says how to get them back"
                        )
        return found

    def _windows(self, columns: Columns, row: int) -> Sequence[tuple[Partition, tuple[int, int]]]:
        """Where a block's messages can be in each partition: offsets from, to.

        They end at the offset that coverage names, and are as many as it counts, with what a repair takes
        back behind them, which may all be in one partition; markers of transactions may stand between the
        parts of a large block.
        """
        found = []
        for each in columns["offsets"][row]:
            stream = self._topics.get(each["topic"], "")
            if stream in STREAMS:
                count = 1 if stream == BLOCKS else columns[_FIELDS[stream]][row]
                end = each["next_offset"]
                first = max(0, end - count - columns["retractions"][row] - 8)
                found.append((Partition(each["topic"], each["partition"]), (first, end)))
        return found


def _block(columns: Mapping[str, Any], row: int) -> Block:
    return columns["chain_id"][row], columns["block_number"][row], columns["block_hash"][row]
