"""What a group's lag means: is it behind, when will it have caught up, what would more replicas do."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from topics.lag.advice import TARGET_SECONDS, advice
from topics.lag.counting import PartitionLag
from topics.lag.group import GroupLag
from topics.lag.readers import Reader


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
    late = [each for each in partitions if each.seconds > behind_seconds]
    beyond = any(each.beyond for each in partitions)
    behind = beyond or bool(late) or (messages > 0 and members + idle == 0)
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
        None if beyond else _catch_up(messages, read, written, late),
        behind,
        replicas,
        most,
        hottest if messages else None,
        "",
        tuple(partitions),
    )
    return replace(found, advice=advice(reader, found, late))


def _catch_up(messages: int, read: float, written: float, late: Sequence[PartitionLag]) -> float | None:
    """When the last partition has: a fast one reads nothing for another one."""
    times = [_seconds(messages, read, written)]
    times += [_seconds(each.messages, each.read_rate, each.written_rate) for each in late]
    known = [seconds for seconds in times if seconds is not None]
    return max(known) if len(known) == len(times) else None


def _seconds(messages: int, read: float, written: float) -> float | None:
    if not messages:
        return 0.0
    return messages / (read - written) if read > written else None


def _needed(members: int, messages: int, read: float, written: float, most: int, behind: bool) -> int:
    """Replicas that read what comes and what waits, each at the pace of the present ones."""
    present = min(max(members, 1), most)
    if not behind or members == 0 or read <= 0:
        return present
    # A pace next to nothing would call for more than an integer holds.
    return max(present, math.ceil(min(most, (written + messages / TARGET_SECONDS) * members / read)))
