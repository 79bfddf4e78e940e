"""Every stream that coverage counts is everywhere that it has to be, and coverage counts nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

import orjson
import pytest

from audit.stream_check.algebra.event import COMPACTED
from audit.stream_check.decode import IDENTITIES
from audit.stream_check.decode import STREAMS as CHECKED_STREAMS
from audit.verify.compare import CoverageRow, Height, NodeBlock, TableBlock, compare
from audit.verify.tables import TableSource
from connectors.clickhouse.client import Client
from connectors.clickhouse.migrations.files import load
from connectors.clickhouse.sink.coverage.writer import CoverageWriter, DeadLetter
from connectors.clickhouse.sink.messages import Partition
from connectors.clickhouse.sink.routes import ROUTES
from connectors.clickhouse.visibility.loop import STREAMS as SETTLED_STREAMS
from schemas import frame, schema_of
from streams.logic.enrich.event import enrich
from streams.logic.normalize.event import normalize
from tests.builders.chain_answers import block, encoded, envelope, log, receipt, transaction
from tests.fakes.coverage import Shown, coverage, coverage_writer
from tests.fakes.kafka import FakeMessage
from tests.fakes.replicas import FakeLookup
from topics.catalog import spec
from topics.coverage import BLOCKS, COUNTED, COVERAGE, STREAMS, Counted
from topics.spec import Cleanup, Visibility

IDS = [each.stream for each in COUNTED]
HASH = bytes(32)
FRAME = frame(1)


@pytest.mark.parametrize("stream", [*STREAMS, COVERAGE])
def test_it_is_a_public_topic_with_a_table_and_a_view(stream: str) -> None:
    assert spec(stream).visibility is Visibility.PUBLIC
    tables = {route.stream: route.table for route in ROUTES}
    assert stream in tables
    table = tables[stream]
    assert table == stream.replace("-", "_")
    if stream != COVERAGE:
        views = "".join(each.sql for each in load(None))
        for database in ("canonical_db", "finalized_db"):
            assert f"VIEW {{{{{database}}}}}.{table} " in views


def test_coverages_schema_has_a_count_for_each_and_no_other() -> None:
    fields = [field["name"] for field in schema_of(COVERAGE)["fields"]]
    assert [name for name in fields if name.endswith("_count")] == [each.field for each in COUNTED]


def test_enrich_publishes_a_stream_for_each_and_counts_it() -> None:
    answer = block([transaction(to=None)])
    own = envelope(answer)
    creation = receipt(logs=[log()], to=None, contractAddress="0x" + "c0" * 20)
    (value,) = normalize(own, encoded(answer), encoded([creation]))
    result = enrich(own, [FRAME + value], lambda _: FRAME)
    assert result.coverage is not None
    assert result.coverage.counts == dict.fromkeys(IDS, 1)
    assert {messages.stream for messages in result.public} == set(STREAMS)


def test_the_settled_range_waits_for_each() -> None:
    assert set(SETTLED_STREAMS) == {*STREAMS, COVERAGE}


def test_the_check_of_the_topics_knows_which_are_compacted() -> None:
    compacted = {each for each in (*STREAMS, COVERAGE) if spec(each).cleanup is not Cleanup.DELETE}
    assert compacted == COMPACTED


def test_the_check_of_the_topics_knows_the_event_id_and_key_of_each() -> None:
    assert set(CHECKED_STREAMS) == {*STREAMS, COVERAGE}
    for stream in CHECKED_STREAMS:
        fields = {field["name"] for field in schema_of(stream)["fields"]}
        assert {each for each in IDENTITIES[stream][1:] if each is not None} <= fields


@pytest.mark.parametrize("stream", STREAMS)
def test_the_sink_looks_for_dead_letters_of_each(stream: str) -> None:
    """A block of a hundred messages on each stream, one of them a dead letter without a sequence."""
    partition = Partition(f"x.{stream}.v1", 0)
    record = orjson.loads(coverage(0, 10).content or b"") | {each.field: 100 for each in COUNTED}
    record["offsets"] = [{"topic": partition.topic, "partition": 0, "next_offset": 500}]
    message = FakeMessage("x.coverage.v1", 0, 0, orjson.dumps(record))
    table = Shown()
    letters = FakeLookup(DeadLetter(partition, 499, None))
    writer = CoverageWriter(coverage_writer(table), {partition.topic: stream}, letters, list, "x")
    writer.write([], writer.write([message], []).applied)
    assert letters.asked == [{partition.topic: 500 - (1 if stream == BLOCKS else 100) - 8}]
    assert [row["complete"] for row in table.inserts[0]] == [False]


@dataclass
class Asked:
    """A client that has no rows and remembers what was asked."""

    queries: list[str] = field(default_factory=list)
    result_rows: Sequence[Sequence[object]] = ()

    def query(self, query: str, parameters: Mapping[str, object]) -> Asked:
        self.queries.append(query)
        return self


def test_verify_asks_the_view_and_the_count_of_each() -> None:
    client = Asked()
    tables = TableSource(cast(Client, client), "headwater", 1)
    assert (tables.coverage(1, 2), tables.shown(1, 2)) == ({}, {})
    (counts,) = [query for query in client.queries if "headwater.coverage " in query]
    for counted in COUNTED:
        assert f", {counted.field}" in counts
    views = "".join(client.queries)
    for stream in STREAMS:
        assert f"FROM canonical.{stream.replace('-', '_')} " in views


@pytest.mark.parametrize("counted", COUNTED, ids=IDS)
def test_verify_finds_a_wrong_number_of_each(counted: Counted) -> None:
    counts = {each.table: 1 for each in COUNTED}
    node = NodeBlock(HASH, HASH, {each.table: 1 for each in COUNTED if each.told_by_node})
    table = TableBlock({BLOCKS: 1, **counts}, states=1)
    height = Height(1, node, [CoverageRow(HASH, HASH, counts, True, None)], {HASH: table})
    assert compare(height, None) == []
    wrong = replace(height, tables={HASH: TableBlock({**table.rows, counted.table: 2}, states=1)})
    assert [each.kind for each in compare(wrong, None)] == [counted.table]
