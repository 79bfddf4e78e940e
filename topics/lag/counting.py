"""What of the offsets before a group is lag: messages that it could have read, and since when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from topics.lag.look import Look, Partition, PartitionOffsets, Sample, Waiting


@dataclass(frozen=True, slots=True)
class PartitionLag:
    """`messages` wait, the first of them for `seconds`; `held` more are read and wait on purpose.

    `exact` is False where so many wait that they were counted by a sample. Rates are messages per second.
    `beyond`: by so many offsets is what the group has committed above the end of a log that was made anew.
    """

    topic: str
    partition: int
    messages: int
    seconds: float
    held: int
    exact: bool
    read_rate: float
    written_rate: float
    beyond: int = 0


def counted(
    partition: Partition, before: Look, after: Look, sample: Sample, positions: Mapping[Partition, int]
) -> PartitionLag:
    """The lag at `after`, its rates since `before`. `positions`: how far the same group is elsewhere.

    Two things look like lag in a partition's offsets and are none: the markers that transactions leave, which
    no reader is given; and what the sink has read and holds back until the rest of its block is stored, which
    the other partitions answer for.
    """
    offsets = after.partitions[partition]
    earlier = before.partitions.get(partition, offsets)
    seconds = max(after.time_ms - before.time_ms, 1) / 1000
    unread = [each for each in sample.messages if each.offset >= offsets.position]
    held = sum(_is_held(each, positions) for each in unread)
    first = next((each.time_ms for each in unread if not _is_held(each, positions)), None)
    exact = sample.upto >= offsets.end
    messages = len(unread) - held
    if not exact:
        begun = max(sample.start, offsets.position)
        messages = round(messages / max(sample.upto - begun, 1) * (offsets.end - begun))
    if first is None:
        # None at all, or the sample ended among those that are held: then the rest is as old as its last.
        messages, first = (0, after.time_ms) if exact or not unread else (messages, unread[-1].time_ms)
    return PartitionLag(
        partition.topic,
        partition.number,
        messages,
        max(0.0, (after.time_ms - first) / 1000) if messages else 0.0,
        held,
        exact,
        _between(sample, earlier.position, offsets.position) / seconds,
        _between(sample, earlier.end, offsets.end) / seconds,
        max(0, offsets.position - offsets.end),
    )


def start_of_sample(before: PartitionOffsets, after: PartitionOffsets, longest: int) -> int:
    """From where to read: what was read meanwhile too, unless that is more than `longest` offsets."""
    return before.position if 0 <= after.position - before.position <= longest else after.position


def _is_held(message: Waiting, positions: Mapping[Partition, int]) -> bool:
    return any(positions.get(partition, 0) < upto for partition, upto in message.needs)


def _between(sample: Sample, first: int, last: int) -> float:
    """Messages with first <= offset < last: counted where the sample has them all, else by its density."""
    if last <= first:
        return 0.0
    if sample.start <= first and last <= sample.upto:
        return float(sum(first <= each.offset < last for each in sample.messages))
    covered = sample.upto - sample.start
    density = len(sample.messages) / covered if covered > 0 else 1.0
    return density * (last - first)
