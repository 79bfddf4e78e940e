"""What a cluster lacks of the catalogue (`plan`), and giving it (`apply`); neither ever deletes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from headwater.settings import Settings
from topics.catalog import TOPICS, topic_name, wanted
from topics.cluster import Cluster, KafkaCluster, Present, Wanted

_KEEP_MORE: Final = ("max.message.bytes", "retention.bytes", "retention.ms")
_WITHOUT_LIMIT: Final = -1


class Action(Enum):
    """What `apply` does about a difference."""

    CREATE = "create"
    ALTER = "alter"
    GROW = "grow"
    REFUSED = "refused"
    KEEP = "keep"


MADE = frozenset({Action.CREATE, Action.ALTER, Action.GROW})


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between the catalogue and a cluster. `reason` says why it is refused or kept."""

    action: Action
    topic: str
    what: str
    reason: str = ""
    partitions: int = 0
    config: tuple[tuple[str, str], ...] = ()

    @property
    def wanted(self) -> Wanted:
        """What the topic shows once the change is made."""
        return Wanted(self.topic, self.partitions, dict(self.config))


def plan(settings: Settings, *, force: bool = False, cluster: Cluster | None = None) -> list[Change]:
    """What differs, in the order in which `apply` would change it. Raises Transient or Fatal."""
    topics = wanted(settings)
    present = (cluster or KafkaCluster(settings)).topics(sorted(topics))
    free_to_grow = {topic_name(settings, entry.stream) for entry in TOPICS if not entry.stateful}
    changes: list[Change] = []
    for name, (partitions, config) in topics.items():
        if name not in present:
            what = f"{partitions} partitions, {_listed(config)}"
            changes.append(
                Change(Action.CREATE, name, what, partitions=partitions, config=tuple(config.items()))
            )
            continue
        changes += _differences(name, partitions, config, present[name], force or name in free_to_grow)
    return changes


def apply(settings: Settings, *, force: bool = False, cluster: Cluster | None = None) -> list[Change]:
    """Make the changes of `plan` that it does not refuse or keep, and return them all.

    Raises Transient when the cluster cannot be reached, Fatal when it refuses.
    """
    cluster = cluster or KafkaCluster(settings)
    changes = plan(settings, force=force, cluster=cluster)
    new = [change.wanted for change in changes if change.action is Action.CREATE]
    cluster.create(new, settings.kafka.replication)
    for change in changes:
        match change.action:
            case Action.ALTER:
                cluster.alter(change.topic, dict(change.config))
            case Action.GROW:
                cluster.grow(change.topic, change.partitions)
    cluster.settle([change.wanted for change in changes if change.action in MADE])
    return changes


def _differences(
    name: str, partitions: int, config: Mapping[str, str], present: Present, may_grow: bool
) -> list[Change]:
    changes = []
    if present.partitions < partitions:
        what = f"{present.partitions} → {partitions} partitions"
        if may_grow:
            changes.append(Change(Action.GROW, name, what, partitions=partitions))
        else:
            reason = (
                "its messages are keyed: with more partitions a key's next message goes elsewhere, so that "
                "its order and the state kept for it split; drain the readers, then apply with --force"
            )
            changes.append(Change(Action.REFUSED, name, what, reason))
    elif present.partitions > partitions:
        what = f"{present.partitions} partitions, {partitions} in the catalogue"
        changes.append(Change(Action.KEEP, name, what, "Kafka cannot shrink a topic without losing messages"))
    differing = {key: value for key, value in config.items() if present.config.get(key) != value}
    # What the brokers have by default nobody has asked for.
    wider = [
        key
        for key, value in differing.items()
        if key in present.set_here and _is_wider(key, present.config.get(key, ""), value)
    ]
    altered = {key: value for key, value in differing.items() if key not in wider}
    for key in wider:
        what = f"{key} = {present.config[key]}, {config[key]} in the catalogue"
        changes.append(
            Change(Action.KEEP, name, what, "Kafka would delete messages, or refuse those of a newer version")
        )
    if altered:
        what = ", ".join(f"{key} {present.config.get(key, '(unset)')} → {altered[key]}" for key in altered)
        changes.append(Change(Action.ALTER, name, what, config=tuple(altered.items())))
    for key in sorted(present.set_here - config.keys()):
        what = f"{key} = {present.config[key]}"
        changes.append(Change(Action.KEEP, name, what, "an operator's setting, not the catalogue's"))
    return changes


def _is_wider(key: str, present: str, wanted: str) -> bool:
    """Does the cluster keep or take more than the catalogue asks for, as a newer version may want?"""
    if key not in _KEEP_MORE or not present.lstrip("-").isdecimal():
        return False
    there, here = (int(each) for each in (present, wanted))
    return here != _WITHOUT_LIMIT and (there == _WITHOUT_LIMIT or there > here)


def _listed(config: Mapping[str, str]) -> str:
    return ", ".join(f"{key}={value}" for key, value in config.items())
