"""What a block's coverage waits for in the sink: how far other partitions must have been stored."""

from __future__ import annotations

from typing import cast

from confluent_kafka import Message

from headwater.errors import Transient
from headwater.settings import Settings
from schemas import MalformedRecord
from schemas.registry import Registry
from topics.catalog import topic_name
from topics.coverage import COVERAGE
from topics.lag.look import Partition


class Needs:
    """Reads `coverage` by the registry's schemas.

    `trouble`: why it could not, "" while it can; then what is held back counts as lag, which is said.
    """

    def __init__(self, settings: Settings) -> None:
        self.trouble = ""
        self._topic = topic_name(settings, COVERAGE)
        self._reader = Registry(settings).reader(COVERAGE)

    def __call__(self, message: Message) -> tuple[tuple[Partition, int], ...]:
        """Of a message of another topic, of a retraction and of a tombstone: nothing."""
        value = message.value()
        if message.topic() != self._topic or value is None or self.trouble:
            return ()
        try:
            record = self._reader.read(value)
        except Transient as error:
            self.trouble = str(error)
            return ()
        except MalformedRecord:
            return ()  # the sink sets it aside; until then it waits like any other message
        if record["removed"]:
            return ()
        offsets = cast("list[dict[str, object]]", record["offsets"])
        return tuple(
            (Partition(str(each["topic"]), cast(int, each["partition"])), cast(int, each["next_offset"]))
            for each in offsets
        )
