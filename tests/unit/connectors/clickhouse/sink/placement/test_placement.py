"""Topics that are not those that were read: refused, and accepted by a command."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from connectors.clickhouse.sink.messages import Partition
from connectors.clickhouse.sink.placement.placement import Placement
from headwater.errors import Fatal, Transient
from tests.fakes.group import FakeLog, FakeOffsets
from tests.fakes.kafka import FakeMessage
from tests.fakes.replicas import FakeMemory, SharedProgress

LOGS, BLOCKS = Partition("logs", 0), Partition("blocks", 0)


class OneNumber(FakeOffsets):
    """Brokers whose topics have partition 0 alone."""

    def end_offsets(self, partitions: Collection[Partition]) -> dict[Partition, int]:
        unknown = [each for each in partitions if each.number != 0]
        if unknown:
            raise Transient(f"unknown partitions: {unknown}")
        return super().end_offsets(partitions)


def placed(log: FakeLog, progress: SharedProgress) -> Placement:
    return Placement([LOGS.topic, BLOCKS.topic], FakeOffsets(log), FakeMemory(progress), progress)


def test_a_tail_that_brokers_lost_is_accepted_by_reading_its_topic_anew_and_no_other() -> None:
    log, progress = FakeLog([LOGS, BLOCKS]), SharedProgress()
    log.append(*(FakeMessage(topic, 0, offset) for topic, _ in (LOGS, BLOCKS) for offset in range(60)))
    log.committed = {LOGS: 100, BLOCKS: 60}
    progress.store({LOGS: 100, BLOCKS: 60})
    placement = placed(log, progress)
    with pytest.raises(Fatal, match=r"logs\[0\] ends at 60 and is stored up to 100; .* --accept-topics"):
        placement.start_offsets([LOGS, BLOCKS])
    assert placement.accept() == [LOGS.topic]
    assert placement.start_offsets([LOGS, BLOCKS]) == {LOGS: 0, BLOCKS: 60}
    assert placement.accept() == []


def test_partitions_that_a_topic_made_anew_has_no_more_are_not_asked_for() -> None:
    """Brokers know nothing of them: the command would wait for ever."""
    progress = SharedProgress()
    progress.store({LOGS._replace(number=7): 100})
    memory = FakeMemory(progress)
    memory.ids = {LOGS.topic: "another"}
    placement = Placement([LOGS.topic], OneNumber(FakeLog([LOGS])), memory, progress)
    assert placement.accept() == [LOGS.topic]
    assert progress.positions() == {}
