"""The sink's consumer group at any number of replicas: `up`'s own process and others beside it."""

from __future__ import annotations

import random
from types import TracebackType

from confluent_kafka import ConsumerGroupState, KafkaException

from headwater import kafka
from headwater.settings import Settings
from tests.integration.blows import strike
from tests.integration.line import MARKS, Line
from tests.integration.replica import Replica
from topics.catalog import app_id


def shares(settings: Settings) -> list[int]:
    """Partitions of each member of the group; nothing while it has not settled, or Kafka cannot say."""
    name = app_id(settings, "sink")
    client = kafka.admin(settings)  # its futures never end once it is gone
    try:
        found = client.describe_consumer_groups([name])[name].result(10)
    except (KafkaException, TimeoutError):
        return []
    if found.state is not ConsumerGroupState.STABLE:
        return []
    return [len(each.assignment.topic_partitions) if each.assignment else 0 for each in found.members]


class SinkGroup:
    """`with SinkGroup(line) as sinks: sinks.grow(4) … sinks.wait_shared() … assert sinks.leave() == []`."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._others: list[Replica] = []

    def __enter__(self) -> SinkGroup:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.die()

    @property
    def size(self) -> int:
        """Replicas that there should be."""
        return 1 + len(self._others)

    def grow(self, count: int) -> None:
        """Start replicas until there are so many."""
        while self.size < count:
            self._others.append(Replica(self._line, *MARKS["sink"]).__enter__())

    def leave(self) -> list[int]:
        """SIGTERM to all but `up`'s; their exit codes."""
        codes = [each.stop() for each in self._others]
        self._others.clear()
        return codes

    def die(self) -> None:
        """SIGKILL to all but `up`'s."""
        for each in self._others:
            each.kill()
        self._others.clear()

    def kill_one(self, chance: random.Random) -> None:
        """SIGKILL to any of them; it is started again at once."""
        number = chance.randrange(self.size)
        if number == 0:
            strike(self._line, ("sink",), "up's own")
        else:
            self._line.note(f"replica {number} of {len(self._others)} beside up's is killed")
            self._others[number - 1].kill_and_start()

    def wait_shared(self) -> None:
        """Wait until all of them, and nobody else, share the partitions."""

        def shared() -> bool:
            found = shares(self._line.settings)
            return len(found) == self.size and min(found) > 0

        self._line.wait_until(shared, f"{self.size} sinks share the partitions", 90)
