"""How far the aggregate stage is, and whether ClickHouse has all that was said until then."""

from __future__ import annotations

import time
from typing import Final

from connectors.clickhouse.sink.messages import Partition
from connectors.clickhouse.sink.placement.offsets import KafkaOffsets
from headwater import kafka
from headwater.errors import Fatal, Transient
from headwater.settings import Settings
from schemas.registry import Registry
from streams.logic.aggregate.entries import STREAM as STATE
from streams.logic.aggregate.entries import Entries
from streams.logic.aggregate.fold import Fold
from streams.logic.aggregate.records import WRITTEN
from streams.runtime.state_topic import committed_state
from topics.catalog import app_id, topic_name
from topics.groups import SINK
from topics.partitions import partitions_of

_PACE_SECONDS: Final = 0.2
STORED: Final = ("coverage", *WRITTEN)
"""What ClickHouse must have: coverage is stored behind all records of its block."""


def aggregate_state(settings: Settings) -> Fold:
    """The fold of the aggregate stage as last committed. Raises Fatal where it never ran, Transient."""
    content = committed_state(settings, STATE)
    fold = Entries().restored(content, Registry(settings).reader(STATE).read)
    if fold.last is None:
        raise Fatal(
            f"{topic_name(settings, STATE)} is empty: no worker of the group aggregate has run",
            remedy="run `headwater work aggregate`: windows are made again once it has left them behind",
        )
    return fold


def wait_for_sink(settings: Settings, seconds: float) -> None:
    """Returns once the sink has stored all that is in Kafka by now. Raises Transient when it does not."""
    places = _partitions(settings)
    offsets = KafkaOffsets(settings, app_id(settings, SINK))
    end_offsets = offsets.end_offsets(places)
    deadline = time.monotonic() + seconds
    while True:
        kept = offsets.kept(places)
        behind = [
            each for each in places if kept[each].log_start < end_offsets[each] > (kept[each].committed or 0)
        ]
        if not behind:
            return
        if time.monotonic() > deadline:
            raise Transient(
                f"the sink has not stored {behind[0].topic}[{behind[0].number}] up to offset "
                f"{end_offsets[behind[0]]} within {seconds:.0f} s, {len(behind)} partitions in all",
                remedy="see that `headwater sink` runs and keeps up, then run this again",
            )
        time.sleep(_PACE_SECONDS)


def _partitions(settings: Settings) -> list[Partition]:
    client = kafka.reader(settings)
    try:
        topics = [topic_name(settings, stream) for stream in STORED]
        return [Partition(topic, each) for topic in topics for each in partitions_of(settings, client, topic)]
    finally:
        client.close()
