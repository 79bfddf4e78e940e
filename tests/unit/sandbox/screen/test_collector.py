"""From metrics and tables to a snapshot: rates, lags, restarts, and what is kept when a role is away."""

from __future__ import annotations

import pytest

from sandbox.screen.clickhouse_view import TablesView
from sandbox.screen.collector import Scrape, derive
from sandbox.screen.prometheus_text import parse
from sandbox.screen.snapshot import Snapshot, StageView

LISTEN = """
headwater_chain_block{chain="local",tag="head"} 100
headwater_chain_block{chain="local",tag="safe"} 92
headwater_chain_block{chain="local",tag="finalized"} 84
headwater_chain_sequence{chain="local"} 1000
headwater_listener_reorgs_total{chain="local"} 2
headwater_listener_reorg_depth_blocks_bucket{chain="local",le="1"} 1
headwater_listener_reorg_depth_blocks_bucket{chain="local",le="2"} 1
headwater_listener_reorg_depth_blocks_bucket{chain="local",le="3"} 2
headwater_listener_reorg_depth_blocks_bucket{chain="local",le="+Inf"} 2
"""


def stage(name: str, sequence: int, applied: int, records: int) -> str:
    return f"""
headwater_stage_sequence{{chain="local",stage="{name}"}} {sequence}
headwater_stage_block{{chain="local",stage="{name}"}} 99
headwater_stage_events_total{{chain="local",stage="{name}",event="APPLY"}} {applied}
headwater_stage_events_total{{chain="local",stage="{name}",event="SAFE"}} 999
headwater_stage_records_total{{chain="local",stage="{name}",stream="logs"}} {records}
headwater_stage_latency_seconds_bucket{{stage="{name}",le="0.1"}} {applied}
headwater_stage_latency_seconds_bucket{{stage="{name}",le="+Inf"}} {applied}
headwater_stage_gaps_total{{chain="local",stage="{name}"}} 0
headwater_dead_letters_total{{chain="local",stage="{name}",error="Permanent"}} 1
"""


def scraped(at: float, **roles: str) -> Scrape:
    return Scrape(at, {name: parse(text) for name, text in roles.items()})


def test_heights_rates_and_lags() -> None:
    before = scraped(
        10.0, listen=LISTEN, normalize=stage("normalize", 900, 50, 0), enrich=stage("enrich", 900, 50, 100)
    )
    now = scraped(
        20.0,
        listen=LISTEN,
        normalize=stage("normalize", 1000, 80, 0),
        enrich=stage("enrich", 990, 70, 1100),
        sink='headwater_consumer_lag{partition="0"} 3\nheadwater_consumer_lag{partition="1"} 4\n',
    )
    tables = TablesView({"blocks": 7}, 98, 0.4, 1.2)
    snapshot = derive(Snapshot("local"), now, before, tables)
    assert (snapshot.head, snapshot.safe, snapshot.finalized, snapshot.visible) == (100, 92, 84, 98)
    assert snapshot.blocks_per_second == pytest.approx(3.0)
    assert snapshot.records_per_second == pytest.approx(100.0)
    assert (snapshot.reorgs, snapshot.deepest_reorg, snapshot.dead_letters, snapshot.gaps) == (2, 3, 2, 0)
    by_name = {view.name: view for view in snapshot.stages}
    assert (by_name["normalize"].lag, by_name["enrich"].lag, by_name["sink"].lag) == (0, 10, 7)
    assert by_name["normalize"].latency == pytest.approx(0.05)
    assert by_name["state"] == StageView("state")
    assert (snapshot.latency_p50, snapshot.latency_p99) == (0.4, 1.2)


def test_what_was_known_stays_while_a_role_restarts() -> None:
    empty = scraped(0.0)
    tables = TablesView({"blocks": 7}, 98, alerts={"confirmed": 3}, deliveries={"dead": 1})
    known = derive(Snapshot("local"), scraped(1.0, listen=LISTEN), empty, tables)
    later = derive(known, scraped(2.0), scraped(1.0, listen=LISTEN), TablesView())
    assert (later.head, later.visible, later.rows, later.reorgs) == (100, 98, {"blocks": 7}, 2)
    assert (later.alerts, later.deliveries) == ({"confirmed": 3}, {"dead": 1})
    assert later.blocks_per_second == 0.0


def test_a_counter_that_starts_over_gives_no_negative_rate() -> None:
    before = scraped(0.0, enrich=stage("enrich", 900, 50, 100_000))
    now = scraped(1.0, enrich=stage("enrich", 901, 1, 5))
    assert derive(Snapshot("local"), now, before, TablesView()).records_per_second == 0.0
