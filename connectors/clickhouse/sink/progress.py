"""How far each partition has come: what is stored, what may be committed. Pure; one thread."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from connectors.clickhouse.sink.messages import Assignments, Partition


@dataclass(slots=True)
class _Track:
    assignment: int
    passed: int = -1  # every row below is in ClickHouse or in the dead letters; -1: not known yet
    delivered: int = -1  # after the last message that the consumer gave us
    end: int = -1  # the end of the partition, when the consumer reached it
    committed: int = -1
    held: set[int] = field(default_factory=set)  # offsets not to be committed yet

    def advance(self, position: int) -> None:
        self.passed = max(self.passed, position)
        # Beyond the last message only control records are left, and those need no storing.
        if self.passed >= self.delivered:
            self.passed = max(self.passed, self.end)


class OffsetTracker:
    """Positions of the partitions that this process holds.

    A position is the next offset: everything below it is stored. Held offsets are stored as far as
    other partitions are concerned, but must be read again after a crash, so commits stay below them.

    A partition that went away and came back is another assignment: its messages are all read again, so what
    began under the former one says nothing about it.
    """

    def __init__(self) -> None:
        self._tracks: dict[Partition, _Track] = {}
        self._changed: set[Partition] = set()
        self._number = 0
        self.assignments: Assignments = {}

    def assign(self, partitions: Iterable[Partition]) -> None:
        """Begin to follow partitions."""
        for partition in partitions:
            self._number += 1
            self._tracks[partition] = _Track(self._number)
        self._number_assignments()

    def forget(self, partitions: Iterable[Partition]) -> None:
        """Stop following partitions: what is still in flight for them counts no more."""
        for partition in partitions:
            self._tracks.pop(partition, None)
            self._changed.discard(partition)
        self._number_assignments()

    def owns(self, partition: Partition) -> bool:
        """True while this process holds the partition."""
        return partition in self._tracks

    def assigned(self) -> Iterable[Partition]:
        """The partitions that this process holds."""
        return self._tracks.keys()

    def position(self, partition: Partition) -> int:
        """The next offset that is not stored yet; 0 while it is not known."""
        track = self._tracks.get(partition)
        return 0 if track is None else max(0, track.passed)

    def unplaced(self) -> list[Partition]:
        """The partitions held for which `begin` was not called yet."""
        return [partition for partition, track in self._tracks.items() if track.passed < 0]

    def read(self) -> dict[Partition, int]:
        """How far the consumer has come in each partition: the next offset that it has not given."""
        return {
            partition: max(track.passed, track.delivered, track.end, 0)
            for partition, track in self._tracks.items()
        }

    def begin(self, first: Mapping[Partition, int]) -> None:
        """Reading begins at these offsets: everything below is stored, or known to be missing."""
        for partition, position in first.items():
            track = self._tracks.get(partition)
            if track is not None and track.passed < 0:
                self._advance(partition, track, position)

    def delivered(self, upto: Mapping[Partition, int]) -> None:
        """The consumer gave messages up to these offsets, after `begin`."""
        for partition, position in upto.items():
            track = self._tracks.get(partition)
            if track is not None:
                track.delivered = max(track.delivered, position)

    def at_end(self, partition: Partition, position: int) -> None:
        """The consumer has no more messages below `position`, where the partition ends at present."""
        track = self._tracks.get(partition)
        if track is not None and track.passed >= 0:
            track.end = max(track.end, position)
            self._advance(partition, track, position if track.delivered < 0 else track.passed)

    def is_current(self, partition: Partition, assignments: Assignments) -> bool:
        """Whether the partition has been held without a break since these were the `assignments`."""
        return partition in assignments and assignments[partition] == self.assignments.get(partition)

    def stored(self, positions: Mapping[Partition, int], assignments: Assignments) -> None:
        """Everything from where reading began up to these positions is in.

        `assignments` are those of when the work began: where they do not hold any more nothing is counted.
        """
        for partition, position in positions.items():
            track = self._tracks.get(partition)
            if track is not None and self.is_current(partition, assignments):
                self._advance(partition, track, position)

    def hold(self, partition: Partition, offset: int) -> None:
        """Keep commits of a partition at or below an offset."""
        track = self._tracks.get(partition)
        if track is not None:
            track.held.add(offset)

    def release(self, partition: Partition, offset: int) -> None:
        """The opposite of `hold`."""
        track = self._tracks.get(partition)
        if track is not None:
            track.held.discard(offset)

    def take_changed(self) -> dict[Partition, int]:
        """Positions that moved since the last call."""
        changed = {partition: self._tracks[partition].passed for partition in self._changed}
        self._changed.clear()
        return changed

    def to_commit(self, only: Iterable[Partition] | None = None) -> dict[Partition, int]:
        """Positions that may be committed and are not yet, of all partitions or of some."""
        result = {}
        for partition in self._tracks if only is None else only:
            track = self._tracks.get(partition)
            if track is not None:
                position = min(track.passed, *track.held) if track.held else track.passed
                if position > track.committed:
                    result[partition] = position
        return result

    def committed(self, positions: Mapping[Partition, int]) -> None:
        """These positions were sent to the broker as committed."""
        for partition, position in positions.items():
            track = self._tracks.get(partition)
            if track is not None:
                track.committed = max(track.committed, position)

    def commit_failed(self, partitions: Iterable[Partition]) -> None:
        """The broker did not take the last commit of these: it is to be made again."""
        for partition in partitions:
            track = self._tracks.get(partition)
            if track is not None:
                track.committed = -1

    def _number_assignments(self) -> None:
        # A new mapping each time: jobs carry the one that they began under.
        self.assignments = {partition: track.assignment for partition, track in self._tracks.items()}

    def _advance(self, partition: Partition, track: _Track, position: int) -> None:
        before = track.passed
        track.advance(position)
        if track.passed != before:
            self._changed.add(partition)
