"""In time lapse every duration of every rule is divided, and nothing else of a rule is changed."""

from __future__ import annotations

import re

import pytest
import yaml

from sandbox.observing import configuration, lapse
from tests.paths import ROOT


@pytest.mark.parametrize(
    ("text", "factor", "scaled"),
    [
        ("15m", 20, "45000ms"),
        ("1h30m", 30, "180000ms"),
        ("0m", 20, "0ms"),
        ("1ms", 50, "1ms"),
        ("2d", 2, "86400000ms"),
    ],
)
def test_a_duration_is_divided(text: str, factor: float, scaled: str) -> None:
    assert lapse.duration(text, factor) == scaled


@pytest.mark.parametrize(
    ("text", "scaled"),
    [
        ("changes(headwater_chain_block[5m]) == 0", "changes(headwater_chain_block[30000ms]) == 0"),
        ("count_over_time(a[1h] offset 15m)", "count_over_time(a[360000ms] offset 90000ms)"),
        ('absent(headwater_chain_sequence{chain="5m", role="1h30m"})',) * 2,
        ("max(headwater_consumer_lag_seconds{}) > 120", "max(headwater_consumer_lag_seconds{}) > 12"),
        (
            "histogram_quantile(0.9, rate(headwater_block_age_visible_seconds_bucket[10m])) > 15",
            "histogram_quantile(0.9, rate(headwater_block_age_visible_seconds_bucket[60000ms])) > 1.5",
        ),
        (
            "time() - max(max_over_time(headwater_x_timestamp_seconds[15m])) < 900",
            "time() - max(max_over_time(headwater_x_timestamp_seconds[90000ms])) < 90",
        ),
        (
            "headwater_x_seconds > 120 unless max_over_time((headwater_y_seconds)[30m:15s]) > 60",
            "headwater_x_seconds > 12 unless max_over_time((headwater_y_seconds)[180000ms:1500ms]) > 6",
        ),
        # A count, and a count of what took seconds, are not durations.
        ("max(headwater_consumer_lag{}) > 100",) * 2,
        ("sum(headwater_x_total) > 5 and sum(headwater_block_visible_seconds_count) > 5",) * 2,
    ],
)
def test_windows_and_limits_in_seconds_are_divided(text: str, scaled: str) -> None:
    assert lapse.expression(text, 10) == scaled


def test_every_rule_of_the_chart_is_in_time_lapse_and_is_itself_without() -> None:
    committed = yaml.safe_load((ROOT / "sandbox" / "observing" / "rules.yaml").read_text("utf-8"))
    assert configuration.rules(configuration.RENDERED_FOR) == committed
    (group,) = committed["groups"]
    fast = configuration.rules(configuration.RENDERED_FOR, 20)["groups"][0]["rules"]
    for rule, scaled in zip(group["rules"], fast, strict=True):
        minutes = int(rule["for"].removesuffix("m"))
        assert scaled["for"] == f"{minutes * 3_000}ms"
        windows = re.findall(r"(?:\[|offset )(\d+)(m|h)\b", rule["expr"])
        assert [int(number) * (3_000 if unit == "m" else 180_000) for number, unit in windows] == [
            int(found) for found in re.findall(r"(?:\[|offset )(\d+)ms\b", scaled["expr"])
        ]
        assert {**scaled, "expr": "", "for": ""} == {**rule, "expr": "", "for": ""}
    limits = {rule["alert"]: rule["expr"].rpartition("> ")[2] for rule in fast}
    assert limits["HeadwaterGroupLate"] == limits["HeadwaterBlocksLate"] == "6"
    assert limits["HeadwaterStageBehind"] == "100"


def test_prometheus_looks_as_often_as_the_cluster_s_in_time_lapse() -> None:
    assert configuration.scrape_interval(1) == "5000ms"
    assert configuration.scrape_interval(20) == "750ms"
    made = configuration.prometheus({"sink": 1}, 2, 20)
    assert made["global"] == {"scrape_interval": "750ms", "evaluation_interval": "750ms"}
