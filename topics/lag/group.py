"""How far a group is behind, as it is told and printed."""

from __future__ import annotations

from dataclasses import dataclass

from topics.lag.counting import PartitionLag


@dataclass(frozen=True, slots=True)
class GroupLag:
    """A group and what is said of it.

    `catch_up_seconds` is None while the lag does not shrink. `replicas` that the present lag and rates call
    for, never more than `most`, above which a replica would have no partition; a live stage's second one
    stands by.
    """

    group: str
    role: str
    members: int
    idle: int
    messages: int
    seconds: float
    read_rate: float
    written_rate: float
    catch_up_seconds: float | None
    behind: bool
    replicas: int
    most: int
    hottest: PartitionLag | None
    advice: str
    partitions: tuple[PartitionLag, ...]
