"""What a group's lag means: is it behind, when will it have caught up, what would more replicas do."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from topics.lag.counting import PartitionLag
from topics.lag.readers import Reader

TARGET_SECONDS: Final = 300.0
"""Within which a group that scales should have caught up."""
_HOT: Final = 0.5
_MANY: Final = 100
"""Messages from which on one partition's share of them means something."""


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


def judged(
    reader: Reader,
    group: str,
    members: int,
    idle: int,
    partitions: Sequence[PartitionLag],
    *,
    behind_seconds: float,
) -> GroupLag:
    """`group` is the whole name, `behind_seconds` the age of the first unread message that is too much."""
    messages = sum(each.messages for each in partitions)
    seconds = max((each.seconds for each in partitions), default=0.0)
    read = sum(each.read_rate for each in partitions)
    written = sum(each.written_rate for each in partitions)
    topics = [each.topic for each in partitions]
    most = 2 if reader.live else max((topics.count(topic) for topic in topics), default=1)
    catch_up = 0.0 if not messages else messages / (read - written) if read > written else None
    behind = messages > 0 and (seconds > behind_seconds or members == 0)
    hottest = max(partitions, key=lambda each: (each.messages, each.seconds), default=None)
    replicas = most if reader.live else _needed(members, messages, read, written, most, behind)
    found = GroupLag(
        group,
        reader.role,
        members,
        idle,
        messages,
        seconds,
        read,
        written,
        catch_up,
        behind,
        replicas,
        most,
        hottest if messages else None,
        "",
        tuple(partitions),
    )
    return replace(found, advice=_advice(reader, found))


def _needed(members: int, messages: int, read: float, written: float, most: int, behind: bool) -> int:
    """Replicas that read what comes and what waits, each at the pace of the present ones."""
    present = min(max(members, 1), most)
    if not behind or members == 0 or read <= 0:
        return present
    # A pace next to nothing would call for more than an integer holds.
    return max(present, math.ceil(min(most, (written + messages / TARGET_SECONDS) * members / read)))


def _advice(reader: Reader, found: GroupLag) -> str:
    bound = _bound(reader, found)
    if found.members == 0:
        waits = f"{found.messages} messages wait and " if found.messages else ""
        return f"{waits}nobody reads: start a replica of {reader.role}. {bound}"
    if not found.behind:
        return f"keeps up. {bound}"
    if found.read_rate <= 0:
        return (
            f"no offset moves: see the log and /readyz of {reader.role}; replicas do not mend that. {bound}"
        )
    if found.catch_up_seconds is not None and found.catch_up_seconds <= TARGET_SECONDS:
        return f"catches up by itself. {bound}"
    if reader.live:
        return f"does not follow: give it a faster core or more memory. {bound}"
    if found.replicas > found.members:
        wanted = f"{found.replicas} replicas are called for"
    else:
        wanted = "it has as many replicas as help: see what slows them (their log, what they write to)"
    return f"{wanted}. {bound}{_hot(found)}"


def _hot(found: GroupLag) -> str:
    """One partition that most of it waits in, where more replicas do not reach."""
    hottest = found.hottest
    few = found.messages < _MANY or found.most == 1
    if hottest is None or few or hottest.messages <= _HOT * found.messages:
        return ""
    return (
        f" Most of it waits in {hottest.topic}[{hottest.partition}], which one replica alone reads, however "
        "many there are."
    )


def _bound(reader: Reader, found: GroupLag) -> str:
    """What the number of partitions allows."""
    if reader.live:
        standby = (
            ""
            if found.idle or not found.members
            else " None stands by now: a second replica takes over when it dies."
        )
        return (
            "One partition per chain: one active replica and one standby, and a third does nothing; "
            f"more chains scale it, not more replicas.{standby}"
        )
    return f"Replicas help up to {found.most}, its partitions."
