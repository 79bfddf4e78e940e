"""How many rows of a topic were bad of late, from what ClickHouse keeps: a new process goes on counting."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final, cast

from connectors.clickhouse.sink.bisect import WINDOW_ROWS
from connectors.clickhouse.sink.messages import STAGE, Partition
from connectors.clickhouse.sink.table import FAILURES, RawClient
from headwater.errors import Transient
from headwater.redaction import brief

# Offsets of a topic that was made anew begin at 0 again, and letters about the former one stay for a month.
_DAYS: Final = 1
_Recent = tuple[int, int]


def recent_rows(
    client: RawClient, database: str, positions: Mapping[Partition, int]
) -> Mapping[str, tuple[int, int]]:
    """For each topic its rows before `positions`, a window of them at most, and how many were bad.

    `positions` are the next offsets to be stored. Raises Transient.
    """
    first = _windows(positions)
    if not first:
        return {}
    names = {topic: f"t{place}" for place, topic in enumerate(sorted({each.topic for each in first}))}
    conditions = " OR ".join(
        f"(topic = {{{names[each.topic]}:String}} AND partition = {each.number} AND offset >= {offset})"
        for each, offset in first.items()
    )
    sql = (
        f"SELECT topic, uniqExact(partition, offset) FROM {database}.dead_letters "
        f"WHERE stage = '{STAGE}' AND failed_at > now() - INTERVAL {_DAYS} DAY AND ({conditions}) "
        "GROUP BY topic"
    )
    try:
        answer = client.query(sql, {name: topic for topic, name in names.items()}).result_rows
    except FAILURES as error:
        raise Transient(f"cannot read from ClickHouse: {brief(error)}") from error
    bad = dict(cast("Sequence[tuple[str, int]]", answer))
    found: defaultdict[str, _Recent] = defaultdict(lambda: (0, 0))
    for partition, offset in first.items():
        rows_before, _ = found[partition.topic]
        found[partition.topic] = rows_before + positions[partition] - offset, bad.get(partition.topic, 0)
    return {topic: (max(rows, bad), bad) for topic, (rows, bad) in found.items()}


def _windows(positions: Mapping[Partition, int]) -> Mapping[Partition, int]:
    """The first offset that counts, of each partition: their shares of one window."""
    partitions: defaultdict[str, int] = defaultdict(int)
    for partition in positions:
        partitions[partition.topic] += 1
    return {
        partition: max(0, position - WINDOW_ROWS // partitions[partition.topic])
        for partition, position in positions.items()
    }
