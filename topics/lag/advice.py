"""What to do about a group's lag, in a sentence or two."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from topics.lag.counting import PartitionLag
from topics.lag.group import GroupLag
from topics.lag.readers import Reader

TARGET_SECONDS: Final = 300.0
"""Within which a group that scales should have caught up."""
_HOT: Final = 0.5
_MANY: Final = 100
"""Messages from which on one partition's share of them means something."""
_REBALANCED: Final = 30
"""Seconds by which a group has its partitions again, unless a member does not answer."""
_NAMED: Final = 3


def advice(reader: Reader, found: GroupLag, late: Sequence[PartitionLag]) -> str:
    """`late`: its partitions whose first unread message is too old."""
    bound = _bound(reader, found)
    if anew := [each for each in found.partitions if each.beyond]:
        return f"{_anew(anew[0])} {bound}"
    if found.members == 0 and found.idle and found.messages:
        return (
            f"{found.messages} messages wait and none of its {found.idle} members has a partition: the group "
            f"rebalances; look again in {_REBALANCED} s, then see the log of {reader.role}. {bound}"
        )
    if found.members + found.idle == 0:
        waits = f"{found.messages} messages wait and " if found.messages else ""
        return f"{waits}nobody reads: start a replica of {reader.role}. {bound}"
    if not found.behind:
        return f"keeps up. {bound}"
    if still := [each for each in late if each.read_rate <= 0]:
        where = "" if len(still) == len(late) else f" of {_names(still)}"
        return (
            f"no offset{where} moves: see the log and /readyz of {reader.role}; replicas do not mend that. "
            f"{bound}"
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


def _anew(lag: PartitionLag) -> str:
    return (
        f"{lag.topic}[{lag.partition}] ends {lag.beyond} messages before what the group has committed: it "
        "was made anew or lost messages, and what is written now may be passed over; see the runbook."
    )


def _names(lags: Sequence[PartitionLag]) -> str:
    named = ", ".join(f"{each.topic}[{each.partition}]" for each in lags[:_NAMED])
    return named if len(lags) <= _NAMED else f"{named} and {len(lags) - _NAMED} more"


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
