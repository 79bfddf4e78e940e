"""A cluster's topics, as `topics.admin` sees and changes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ClusterMetadata,
    ConfigEntry,
    ConfigResource,
    ConfigSource,
    NewPartitions,
    NewTopic,
    OffsetSpec,
    ResourceType,
    TopicMetadata,
)

from headwater import kafka
from headwater.errors import Fatal, Transient
from headwater.settings import Settings
from topics.settling import settled

SECONDS = 20.0
_LOOK_AGAIN_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Wanted:
    """A topic as it should be: with so many partitions at least, and these settings."""

    name: str
    partitions: int
    config: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Present:
    """A topic as the cluster has it; `config` holds the settings in force, `set_here` those of its own."""

    partitions: int
    config: Mapping[str, str]
    set_here: frozenset[str] = frozenset()

    def has(self, wanted: Wanted) -> bool:
        """Are the partitions there and the settings in force?"""
        settings = all(self.config.get(key) == value for key, value in wanted.config.items())
        return settings and self.partitions >= wanted.partitions


class Cluster(Protocol):
    """What `plan` and `apply` need of a cluster. All may raise Transient."""

    def topics(self, names: Sequence[str]) -> dict[str, Present]: ...
    def create(self, topics: Sequence[Wanted], replication: int) -> None: ...
    def alter(self, name: str, config: Mapping[str, str]) -> None: ...
    def grow(self, name: str, partitions: int) -> None: ...
    def settle(self, topics: Sequence[Wanted]) -> None: ...


class KafkaCluster:
    """A real cluster, by librdkafka's admin client."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._admin: AdminClient = kafka.admin(settings)

    def topics(self, names: Sequence[str]) -> dict[str, Present]:
        """Those of the named topics that exist, as far as the brokers know by now."""
        found = self._known()
        existing = [name for name in names if name in found]
        resources = [ConfigResource(ResourceType.TOPIC, name) for name in existing]
        futures = self._admin.describe_configs(resources, request_timeout=SECONDS) if resources else {}
        present = {}
        for resource, future in futures.items():
            try:
                entries: dict[str, ConfigEntry] = self._answer(future)
            except Fatal as error:
                if _code(error) != KafkaError.UNKNOWN_TOPIC_OR_PART:
                    raise
                continue  # Created a moment ago, or deleted: one broker shows it, the one asked does not.
            own = (key for key, entry in entries.items() if _is_own(entry))
            present[resource.name] = Present(
                partitions=len(found[resource.name].partitions),
                config={key: entry.value for key, entry in entries.items() if entry.value is not None},
                set_here=frozenset(own),
            )
        return present

    def create(self, topics: Sequence[Wanted], replication: int) -> None:
        """Create topics in one request; one that someone else has just created is fine.

        A controller writes each request down before it answers: one by one takes many times as long.
        """
        asked = [
            NewTopic(
                each.name,
                num_partitions=each.partitions,
                replication_factor=replication,
                config=dict(each.config),
            )
            for each in topics
        ]
        futures = self._admin.create_topics(asked, request_timeout=SECONDS) if asked else {}
        for name, future in futures.items():
            self._wait(future, name, "create")

    def alter(self, name: str, config: Mapping[str, str]) -> None:
        """Set these settings and leave the others."""
        entries = [
            ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET)
            for key, value in config.items()
        ]
        resource = ConfigResource(ResourceType.TOPIC, name, incremental_configs=entries)
        futures = self._admin.incremental_alter_configs([resource], request_timeout=SECONDS)
        self._wait(next(iter(futures.values())), name, "alter")

    def grow(self, name: str, partitions: int) -> None:
        """Raise the number of partitions; one that someone else has just raised as far is fine."""
        futures = self._admin.create_partitions([NewPartitions(name, partitions)], request_timeout=SECONDS)

        def is_done(code: int | None) -> bool:
            # Kafka says the same to the number that is there and to one below it.
            return code == KafkaError.INVALID_PARTITIONS and self._count(name) == partitions

        self._wait(futures[name], name, "grow", is_done)

    def settle(self, topics: Sequence[Wanted]) -> None:
        """Return once the brokers show these topics as they are wanted, and serve all their partitions.

        The controller answers before the brokers know: a client that comes at once would find nothing, or
        a leader that does not know that it is one.
        """
        settled(
            lambda: self._unseen(topics) or self._unserved(topics),
            lambda: self._admin.poll(_LOOK_AGAIN_SECONDS),
            seconds=SECONDS,
        )

    def _unseen(self, topics: Sequence[Wanted]) -> list[str]:
        found = self.topics([each.name for each in topics]) if topics else {}
        return [each.name for each in topics if each.name not in found or not found[each.name].has(each)]

    def _unserved(self, topics: Sequence[Wanted]) -> list[str]:
        """Topics with a partition whose leader does not answer for it yet."""
        places = [TopicPartition(each.name, n) for each in topics for n in range(each.partitions)]
        asked = {place: OffsetSpec.latest() for place in places}  # type: ignore[no-untyped-call]
        futures = self._admin.list_offsets(asked, request_timeout=SECONDS) if asked else {}
        unserved = set()
        for place, future in futures.items():
            try:
                self._answer(future)
            except Transient:
                unserved.add(place.topic)
            except Fatal as error:
                if _code(error) != KafkaError.UNKNOWN_TOPIC_OR_PART:  # which it shows already
                    raise
                unserved.add(place.topic)
        return sorted(unserved)

    def _count(self, name: str) -> int:
        found = self._known().get(name)
        return 0 if found is None else len(found.partitions)

    def _known(self) -> Mapping[str, TopicMetadata]:
        def listed(seconds: float) -> ClusterMetadata:
            return self._admin.list_topics(timeout=seconds)

        try:
            return kafka.ask(self._admin, listed, timeout=SECONDS).topics
        except KafkaException as error:
            raise self._verdict(error) from error

    def _wait(
        self,
        future: Any,  # noqa: ANN401 - confluent_kafka is untyped
        name: str,
        verb: str,
        is_done: Callable[[int | None], bool] = lambda code: code == KafkaError.TOPIC_ALREADY_EXISTS,
    ) -> None:
        """`is_done`: whether a refusal with this code says that somebody else has done it."""
        try:
            self._answer(future)
        except Fatal as error:
            if not is_done(_code(error)):
                raise Fatal(f"cannot {verb} topic {name}: {error.message}", remedy=error.remedy) from error

    def _answer(self, future: Any) -> Any:  # noqa: ANN401 - confluent_kafka is untyped
        """What a future brings; its failure as Transient or Fatal."""
        while not future.done():
            self._admin.poll(_LOOK_AGAIN_SECONDS)  # raises Fatal when the brokers reject us
        try:
            return future.result()
        except KafkaException as error:
            raise self._verdict(error) from error

    def _verdict(self, error: KafkaException) -> Transient | Fatal:
        reason: KafkaError = error.args[0]
        if reason.code() in kafka.SILENT:
            return kafka.away(self._settings, reason)
        text = f"Kafka: {reason.str() or reason.name()}"
        if kafka.passes(reason):
            return Transient(text)
        return Fatal(text, remedy="check the cluster's limits and the user's rights")


def _code(error: Fatal) -> int | None:
    """Kafka's own code of what it refused."""
    cause = error.__cause__
    return cause.args[0].code() if isinstance(cause, KafkaException) else None


def _is_own(entry: ConfigEntry) -> bool:
    return ConfigSource(entry.source) is ConfigSource.DYNAMIC_TOPIC_CONFIG
