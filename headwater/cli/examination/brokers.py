"""Are there as many brokers as messages are to have copies, and does every partition have its copies?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from headwater.cli.examination.finding import Finding, Verdict

AREA: Final = "brokers"
_SHOWN: Final = 3


@dataclass(frozen=True, slots=True)
class Copies:
    """A partition's replicas and those of them in step; `leader` is None where it has none."""

    leader: int | None
    replicas: int
    in_step: int


@dataclass(frozen=True, slots=True)
class Cluster:
    """The brokers that answer by id, their version as they tell it, and the copies of our partitions."""

    brokers: Sequence[int]
    version: str
    partitions: Mapping[str, Copies]


def judged(cluster: Cluster, replication: int) -> Iterator[Finding]:
    """`replication` is `kafka.replication`."""
    version = f", {cluster.version}" if cluster.version else ""
    yield Finding(AREA, Verdict.OK, f"{len(cluster.brokers)} brokers answer{version}")
    if replication > len(cluster.brokers):
        yield Finding(
            AREA,
            Verdict.WRONG,
            f"kafka.replication is {replication}, and there are {len(cluster.brokers)} brokers",
            "start the missing brokers, or set HEADWATER_KAFKA__REPLICATION to what the cluster has",
        )
    elif replication < 3 <= len(cluster.brokers):
        yield Finding(
            AREA,
            Verdict.NOTE,
            f"kafka.replication is {replication} on {len(cluster.brokers)} brokers: one lost broker may lose "
            "acknowledged messages",
            "HEADWATER_KAFKA__REPLICATION=3 before the topics are made",
        )
    without = [name for name, each in cluster.partitions.items() if each.leader is None]
    if without:
        yield Finding(
            AREA,
            Verdict.WRONG,
            f"{len(without)} partitions have no leader: {_some(without)}",
            "bring back the brokers that held them: nothing can be read or written there",
        )
    behind = [name for name, each in cluster.partitions.items() if each.in_step < each.replicas]
    if behind:
        yield Finding(
            AREA,
            Verdict.WRONG,
            f"{len(behind)} partitions have fewer copies in step than replicas: {_some(behind)}",
            "see whether a broker is down or its disk is full; writes stop below min.insync.replicas",
        )
    few = [name for name, each in cluster.partitions.items() if each.replicas < replication]
    if few:
        yield Finding(
            AREA,
            Verdict.WRONG,
            f"{len(few)} partitions have fewer than {replication} replicas: {_some(few)}",
            "kafka-reassign-partitions gives them more: `headwater topics apply` changes no replicas",
        )


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(sorted(names)[:_SHOWN]) + more
