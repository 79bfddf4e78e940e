"""Which heights are moved next. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice, takewhile
from typing import Final

from connectors.clickhouse.visibility.heights import Heights, Range, runs
from connectors.clickhouse.visibility.store import RANGES_IN_STATEMENT, Settled

# Heights in a partition of the tables: a move is of one.
PARTITION_HEIGHTS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Limits:
    """How many heights one move takes.

    `step` at least and `stride` at most; the newest `kept` settled heights stay, so that a hole has time to
    be filled. Heights that were filled below the end are moved once there
    are `filled` of them, at most `exceptions` at once.
    """

    step: int = 1_000
    stride: int = 20_000
    kept: int = 500
    filled: int = 100
    exceptions: int = 5_000


@dataclass(frozen=True, slots=True)
class Moved:
    """What of a chain is in the settled tables.

    `heights`: whose rows are there, all below `ending`. What coverage has up to `sequence` is in them.
    `exceptions`, height → sequence: the sink's tables decide these, by their rows of a later sequence.
    Those that were moved before they changed stay so; those that were filled below the end are moved.
    """

    version: int = 0
    heights: Heights = field(default_factory=Heights)
    ending: int = 0
    exceptions: Mapping[int, int] = field(default_factory=dict)
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class HeightCoverage:
    """What `coverage_unsettled` has of a height.

    `latest`: the highest sequence of all its blocks; `standing`: of those that were not removed, else 0.
    """

    latest: int
    standing: int
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Move:
    """The rows of `heights`, all in one partition, and what is moved when they are there.

    Rows of these heights are in the settled tables at no time before, and nobody would see them there.
    """

    heights: Heights
    after: Moved

    def disturbed(self, touched: Iterable[int], coverage: Mapping[int, HeightCoverage]) -> bool:
        """Whether something has happened to the heights, of which these are exceptions or were meanwhile."""
        return any(height in self.heights for height in touched) or any(
            height in self.heights and _busy(each, self.after.sequence) for height, each in coverage.items()
        )


@dataclass(frozen=True, slots=True)
class Sight:
    """What a plan is made from.

    `coverage`: of heights with a later sequence than `moved` or `sequence`, or that are not whole. `gone`:
    heights whose moved block was removed under a later sequence than `moved` has. `known`: what was moved
    some seconds ago, as queries go by nothing older. `sequence`: of a FINALIZED event under which something
    was settled by then, so that all of the chain up to it is in the tables.
    """

    settled: Settled
    moved: Moved
    coverage: Mapping[int, HeightCoverage]
    gone: Collection[int]
    known: Moved
    sequence: int

    @property
    def rising(self) -> int:
        """The sequence that a move has."""
        return max(self.sequence, self.moved.sequence)

    def movable(self, height: int) -> bool:
        """Whether a settled height's rows stay as they are, as far as anybody knows."""
        each = self.coverage.get(height)
        return height not in self.settled.exceptions and (each is None or not _busy(each, self.rising))


def next_move(sight: Sight, limits: Limits) -> Move | None:
    """The next move, or None when there is nothing to do."""
    moved, exceptions = sight.moved, _exceptions(sight, limits)
    ending, found = moved.ending, Heights(_forward(sight, limits))
    if found.ranges:
        ending = found.ranges[-1].last + 1
    else:
        found = Heights(_filled(sight, limits))
    if not found.ranges:
        return None
    left = {height: at for height, at in exceptions.items() if height not in found}
    return Move(found, Moved(moved.version + 1, moved.heights | found, ending, left, sight.rising))


def to_sweep(
    counts: Mapping[int, int], moved: Moved, coverage: Mapping[int, HeightCoverage]
) -> dict[int, int]:
    """Of heights with so many rows in a table of the sink, those whose rows nobody reads there any more."""
    return {
        height: count
        for height, count in counts.items()
        if height in moved.heights
        and height not in moved.exceptions
        and not (height in coverage and coverage[height].standing > moved.sequence)
    }


def _busy(height: HeightCoverage, sequence: int) -> bool:
    return height.latest > sequence or not height.whole


def _exceptions(sight: Sight, limits: Limits) -> dict[int, int]:
    """What the views find by the sequence now, since that rises, and what was filled below the end."""
    moved, found = sight.moved, dict(sight.moved.exceptions)
    for height, each in sight.coverage.items():
        if height in moved.heights and (each.standing > moved.sequence or height in sight.gone):
            found.setdefault(height, moved.sequence)
    free = max(0, limits.exceptions - len(found))
    filled = (
        height
        for height in _without(sight.settled.ranges, moved.heights, moved.ending - 1)
        if height not in found and sight.movable(height)
    )
    found.update(dict.fromkeys(islice(filled, free), 0))
    return found


def _forward(sight: Sight, limits: Limits) -> list[Range]:
    ranges = [each for each in sight.settled.ranges.ranges if each.last >= sight.moved.ending]
    if not ranges:
        return []
    highest = ranges[-1].last - limits.kept
    open_heights = (
        height
        for each in ranges
        for height in range(max(each.first, sight.moved.ending), min(each.last, highest) + 1)
        if sight.movable(height)
    )
    first = next(open_heights, None)
    if first is None or highest + 1 - first < limits.step:
        return []
    last = min(first + limits.stride, (first // PARTITION_HEIGHTS + 1) * PARTITION_HEIGHTS) - 1
    return runs([first, *takewhile(lambda height: height <= last, open_heights)])[:RANGES_IN_STATEMENT]


def _filled(sight: Sight, limits: Limits) -> list[Range]:
    due = sorted(
        height
        for height in sight.moved.exceptions
        if height not in sight.moved.heights
        and height in sight.known.exceptions
        and height in sight.settled.ranges
        and sight.movable(height)
    )
    if len(due) < max(1, limits.filled):
        return []
    partition = due[0] // PARTITION_HEIGHTS
    return runs(each for each in due if each // PARTITION_HEIGHTS == partition)[:RANGES_IN_STATEMENT]


def _without(heights: Heights, others: Heights, last: int) -> Iterator[int]:
    """The numbers of `heights` up to `last` that are not among the others, ascending."""
    place = 0
    for each in heights.ranges:
        at, end = each.first, min(each.last, last)
        while at <= end:
            while place < len(others.ranges) and others.ranges[place].last < at:
                place += 1
            if place < len(others.ranges) and others.ranges[place].first <= at:
                at = others.ranges[place].last + 1
                continue
            stop = others.ranges[place].first if place < len(others.ranges) else end + 1
            yield from range(at, min(stop, end + 1))
            at = min(stop, end + 1)
