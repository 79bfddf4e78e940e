"""What the sink says of itself, once a second: health, and gauges of what it holds and of its lag."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final, Protocol

from connectors.clickhouse.sink.messages import Message, Partition, first_of_each
from headwater import clock
from headwater.errors import Fatal
from headwater.health import HEALTH
from headwater.lateness import ReportedLag
from headwater.metrics import sink as metrics
from headwater.watchdog import stands_still

REPORT_SECONDS: Final = 1.0


class Positions(Protocol):
    """How far partitions are stored: `OffsetTracker`."""

    def position(self, partition: Partition) -> int: ...
    def unplaced(self) -> Collection[Partition]: ...


class Report:
    """Writes the figures of one sink; `group` is its consumer group."""

    def __init__(self, chain: str, group: str) -> None:
        self._chain = chain
        self._lag = ReportedLag(chain, group)
        self._reported = float("-inf")

    def due(self, now: float) -> bool:
        """Whether a second has passed since the last report."""
        return now - self._reported >= REPORT_SECONDS

    def received(self, messages: Sequence[Message]) -> None:
        """The consumer gave these, which are of one topic."""
        self._lag.counted(messages[0].topic(), len(messages))
        for partition, message in first_of_each(messages).items():
            self._lag.received(*partition, message.offset(), message.timestamp()[1])

    def rebalanced(self) -> None:
        """The group dealt its partitions out."""
        self._lag.rebalanced()

    def stalled(self, waiting: Mapping[Partition, int], seconds: float) -> Fatal:
        """What to end with when partitions stand still: `waiting`, how many offsets wait in each."""
        error = stands_still(waiting, seconds)
        HEALTH.report("kafka", False, str(error))
        HEALTH.fail(str(error))
        return error

    def write(
        self,
        now: float,
        failing: Collection[str],
        waits: str,
        held_messages: int,
        held_blocks: int,
        end_offsets: Mapping[Partition, int],
        positions: Positions,
    ) -> None:
        """`failing`: the errors of tables that take no batch at present; `waits`: why it is not known where
        to begin in some partitions.

        Where reading is to begin is asked of ClickHouse: of a partition for which it has not said so there is
        no lag to tell, for the whole of it would count as waiting.
        """
        self._reported = now
        trouble = next(iter(failing), "")
        HEALTH.report("clickhouse", not trouble, trouble)
        HEALTH.report("partitions", not waits, waits)
        metrics.SINK_PAUSED.labels(self._chain).set(1 if trouble or waits else 0)
        metrics.SINK_BUFFERED.labels(self._chain).set(held_messages)
        metrics.SINK_HELD_BLOCKS.labels(self._chain).set(held_blocks)
        placed = end_offsets.keys() - set(positions.unplaced())
        self._lag.keep_only({(topic, number) for topic, number in placed})
        for partition in placed:
            end = end_offsets[partition]
            self._lag.report(clock.now_ms(), *partition, positions.position(partition), end)
