"""All topics: the only definition, from which clusters, documents and charts are made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from headwater.errors import Fatal
from headwater.settings import Settings
from schemas.naming import name_of, topic_of
from topics.alerts import ALERTING
from topics.delivery import DELIVERY
from topics.derived import DERIVED
from topics.groups import GROUPS, Group
from topics.internal import INTERNAL
from topics.raw import RAW
from topics.repairs import REPAIRING
from topics.spec import BLOCK_BYTES, Cleanup, TopicSpec
from topics.statistics import STATISTICS
from topics.tokens import TOKENS

TOPICS: Final[tuple[TopicSpec, ...]] = (
    RAW + INTERNAL + REPAIRING + DERIVED + STATISTICS + (TOKENS,) + ALERTING + DELIVERY
)
_BY_STREAM: Final[Mapping[str, TopicSpec]] = {spec.stream: spec for spec in TOPICS}


def spec(stream: str) -> TopicSpec:
    """The entry of a stream. Raises Fatal naming the known ones."""
    try:
        return _BY_STREAM[stream]
    except KeyError:
        raise Fatal(f"unknown stream {stream}", remedy=f"known: {', '.join(_BY_STREAM)}") from None


def topic_name(settings: Settings, stream: str) -> str:
    """`[prefix.]<chain>.<stream>.v<major>`. Raises Fatal for an unknown stream."""
    return topic_of(settings, spec(stream).stream)


def app_id(settings: Settings, group: str) -> str:
    """Id of a Faust application: its consumer group, and the start of its changelogs' names."""
    return name_of(settings, group)


def changelog_name(settings: Settings, group: Group) -> str:
    """Topic of the changelog of a group's table, as Faust names it. Faust may create none."""
    return f"{app_id(settings, group.name)}-{group.table}-changelog"


def assignor_name(settings: Settings, group: str) -> str:
    """Topic that Faust's assignor elects its leader by."""
    return f"{app_id(settings, group)}-__assignor-__leader"


def wanted(settings: Settings) -> dict[str, tuple[int, dict[str, str]]]:
    """Every topic of a chain by name: partitions and settings, those that Faust would create included."""
    replication = settings.kafka.replication
    topics = {
        topic_name(settings, entry.stream): (entry.partitions, entry.config(replication=replication))
        for entry in TOPICS
    }
    shared = {
        "message.timestamp.type": "LogAppendTime",
        "min.insync.replicas": "2" if replication >= 3 else "1",
    }
    for group in (each for each in GROUPS if each.table is not None):
        topics[changelog_name(settings, group)] = (
            1,
            shared
            | {
                "cleanup.policy": Cleanup.COMPACT.value,
                "max.message.bytes": str(BLOCK_BYTES),
                "retention.ms": "-1",
                # A worker reads its changelog from the start, and only closed segments are compacted.
                "segment.bytes": str(2 * BLOCK_BYTES),
                "min.cleanable.dirty.ratio": "0.2",
            },
        )
    for group in GROUPS:
        topics[assignor_name(settings, group.name)] = (
            1,
            shared | {"cleanup.policy": Cleanup.DELETE.value, "retention.ms": "86400000"},
        )
    return topics
