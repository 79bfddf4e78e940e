"""Real blocks in ClickHouse, by the product's own way: normalise, enrich, the sink's encoders."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

from clickhouse_connect.driver.client import Client

from connectors.clickhouse.migrations.runner import migrate
from connectors.clickhouse.sink.routes import LEFT_OUT, ROUTES, RouteKind
from connectors.clickhouse.sink.table import RawClient, open_table
from headwater.settings import chain_name, load_settings
from schemas import codec_for, frame
from streams.logic.enrich.event import enrich
from tests.conformance.real_blocks import Case, answer, envelope, normalized_body
from topics.chainlog.envelope import Envelope

FRAME = frame(1)
TABLES = {route.stream: route.table for route in ROUTES if route.kind is not RouteKind.DEAD_LETTERS}


def load(client: Client, server: Mapping[str, str], cases: Iterable[Case]) -> dict[int, str]:
    """Put the cases into the tables of a ClickHouse; gives each chain's ethereum_etl database.

    `server` is the section `clickhouse` of its settings.
    """
    columns: dict[str, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    chains: set[int] = set()
    for case in cases:
        own = envelope(answer(case.block))
        chains.add(own.chain_id)
        for stream, values in public_values(case, own):
            for name, column in codec_for(stream).columns(values).items():
                columns[stream][name].extend(column)
    for chain_id in sorted(chains):
        settings = load_settings({"clickhouse": server, "chain": {"name": chain_name(chain_id)}}, environ={})
        migrate(client, settings, chain_id)
    for stream, each in columns.items():
        left_out = [field for owner, field in LEFT_OUT if owner == stream]
        open_table(cast(RawClient, client), "headwater", TABLES[stream], list(each), left_out).write(each)
    return dict(client.query("SELECT chain_id, name FROM headwater.etl_databases").result_rows)


def public_values(case: Case, own: Envelope) -> Iterator[tuple[str, list[bytes]]]:
    """The block's messages on each public stream, its coverage record last."""
    result = enrich(own, [FRAME + normalized_body(case)], lambda _: FRAME)
    assert result.coverage is not None
    for messages in [*result.public, result.coverage.message((), lambda _: FRAME, ())]:
        yield messages.stream, [value for value in messages.values if value is not None]
