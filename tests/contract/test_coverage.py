"""Every stream that coverage counts is everywhere that it has to be, and coverage counts nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connectors.clickhouse.migrations.runner import load
from connectors.clickhouse.sink.routes import ROUTES
from connectors.clickhouse.visibility.loop import STREAMS as SETTLED_STREAMS
from connectors.verify.compare import CoverageRow, Height, NodeBlock, TableBlock, compare
from schemas import frame, schema_of
from streams.logic.enrich.event import enrich
from streams.logic.normalize.event import normalize
from tests.builders.chain_answers import block, encoded, envelope, log, receipt, transaction
from topics.catalog import spec
from topics.chainlog.headers import headers_of
from topics.coverage import BLOCKS, COUNTED, COVERAGE, STREAMS, Counted
from topics.spec import Visibility

IDS = [each.stream for each in COUNTED]
HASH = bytes(32)
FRAME = frame(1)


@pytest.mark.parametrize("stream", [*STREAMS, COVERAGE])
def test_it_is_a_public_topic_with_a_table_and_a_view(stream: str) -> None:
    assert spec(stream).visibility is Visibility.PUBLIC
    table = next(route.table for route in ROUTES if route.stream == stream)
    assert table == stream.replace("-", "_")
    if stream != COVERAGE:
        views = "".join(each.sql for each in load(None))
        for database in ("canonical_db", "finalized_db"):
            assert f"VIEW {{{{{database}}}}}.{table} " in views


def test_coverages_schema_has_a_count_for_each_and_no_other() -> None:
    fields = [field["name"] for field in schema_of(COVERAGE)["fields"]]
    assert [name for name in fields if name.endswith("_count")] == [each.field for each in COUNTED]


def test_enrich_publishes_a_stream_for_each_and_counts_it() -> None:
    said = block([transaction()])
    own = envelope(said)
    (value,) = normalize(own, encoded(said), encoded([receipt(logs=[log()])]))
    result = enrich(own, [FRAME + value], lambda _: FRAME, headers_of(own))
    assert result.coverage is not None
    assert list(result.coverage.counts) == IDS
    assert {messages.stream for messages in result.public} <= set(STREAMS)


def test_the_settled_range_waits_for_each() -> None:
    assert set(SETTLED_STREAMS) == {*STREAMS, COVERAGE}


@pytest.mark.parametrize("counted", COUNTED, ids=IDS)
def test_verify_finds_a_wrong_number_of_each(counted: Counted) -> None:
    counts = {each.table: 1 for each in COUNTED}
    node = NodeBlock(HASH, HASH, {each.table: 1 for each in COUNTED if each.told_by_node})
    table = TableBlock({BLOCKS: 1, **counts}, states=1)
    height = Height(1, node, [CoverageRow(HASH, HASH, counts, True, None)], {HASH: table})
    assert compare(height, None) == []
    wrong = replace(height, tables={HASH: TableBlock({**table.rows, counted.table: 2}, states=1)})
    assert [each.kind for each in compare(wrong, None)] == [counted.table]
