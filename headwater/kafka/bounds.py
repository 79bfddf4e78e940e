"""Between which offsets partitions lie, and how far a group has them: asked beside its consumers."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

from confluent_kafka import Consumer, KafkaException, TopicPartition

from headwater.errors import HeadwaterError, Transient
from headwater.kafka.clients import consumer
from headwater.kafka.reach import ask
from headwater.kafka.reading import watermarks
from headwater.kafka.rejections import plain_words
from headwater.settings import Settings

SECONDS: Final = 10.0
Partition = tuple[str, int]
"""Its topic and its number."""


class Bounds(NamedTuple):
    """Of one partition. `end` is that for readers of committed transactions: those in hand do not count."""

    start: int
    """Where the group goes on, or the first offset kept where that is later, or none is committed."""
    end: int


class KafkaBounds:
    """`group`: whose committed offsets count; None where it commits none. For one thread.

    After a failure it asks with a new client: one that has lived through a broker's death may go on waiting
    for it.
    """

    def __init__(self, settings: Settings, group: str | None) -> None:
        self._settings, self._group = settings, group
        self._client: Consumer | None = None

    def of(self, partitions: Collection[Partition]) -> Mapping[Partition, Bounds]:
        """As of now. Raises Transient while a broker does not answer, Fatal when it rejects us."""
        if self._client is None:
            # It does not join: a group's offsets are anybody's to ask for.
            self._client = consumer(self._settings, self._group or f"{self._settings.client_id}-reader")
        try:
            committed = self._committed(self._client, partitions)
            found = {}
            for topic, number in partitions:
                first, end = watermarks(self._client, topic, number, timeout=SECONDS)
                found[topic, number] = Bounds(max(first, committed.get((topic, number), first)), end)
            return found
        except HeadwaterError:
            self.close()
            raise

    def close(self) -> None:
        """Release the client; another call makes a new one."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _committed(self, client: Consumer, partitions: Collection[Partition]) -> Mapping[Partition, int]:
        if self._group is None:
            return {}
        asked = [TopicPartition(*each) for each in partitions]
        try:
            told = ask(client, lambda seconds: client.committed(asked, timeout=seconds), timeout=SECONDS)
        except KafkaException as error:
            raise Transient(
                f"cannot read the offsets of group {self._group}: {plain_words(error.args[0])}",
                remedy="see that Kafka runs, and that kafka.bootstrap_servers names it",
            ) from error
        return {
            (each.topic, each.partition): int(each.offset)
            for each in told
            if each.error is None and each.offset >= 0
        }
