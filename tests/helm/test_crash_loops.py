"""A process that ends again and again is paged for as long as it does, whatever the kubelet's pauses are."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, repeat
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.helm.rules import promtool, rules

SCRAPE_SECONDS: Final = 15
SERVES_AFTER: Final = 3
HOURS: Final = 2
BACK_OFF: Final = (10, 20, 40, 80, 160)
"""The kubelet's pauses in seconds, before those of five minutes."""
POD: Final = 'namespace="headwater", pod="state-0"'
OURS: Final = 'namespace="headwater", chain="ethereum"'


def lives(seconds: int) -> Iterator[tuple[int, int]]:
    """Begin and end of each life, in seconds."""
    begin = 0
    for pause in chain(BACK_OFF, repeat(300)):
        yield begin, begin + seconds
        begin += seconds + pause


def scrapes(life: int) -> list[int | None]:
    """When the process that each scrape finds was started; None: it finds none."""
    found: list[int | None] = []
    for at in range(0, HOURS * 3600, SCRAPE_SECONDS):
        for begin, end in lives(life):
            if end > at:
                found.append(begin if begin + SERVES_AFTER <= at else None)
                break
    return found


def notation(values: list[str | None]) -> str:
    """As promtool has it: a target that stops answering ends its series at once."""
    said, before = [], None
    for value in values:
        said.append(("_" if before is None else "stale") if value is None else value)
        before = value
    return " ".join(said)


def series(life: int) -> list[dict[str, str]]:
    found = scrapes(life)
    there = notation([None if begin is None else "1" for begin in found])
    info = f'role="state", version="1", python="3", {POD}, chain="ethereum"'
    others = (rule["labels"]["role"] for rule in rules() if rule["alert"] == "HeadwaterRoleGone")
    return [
        {
            "series": f"process_start_time_seconds{{{POD}}}",
            "values": notation([None if begin is None else str(1000 + begin) for begin in found]),
        },
        {"series": f"headwater_build_info{{{info}}}", "values": there},
        *(
            {"series": f'headwater_build_info{{{OURS}, role="{role}", pod="{role}"}}', "values": "1x480"}
            for role in others
            if role != "state"
        ),
        {"series": f'headwater_chain_sequence{{{OURS}, pod="state-0"}}', "values": there},
    ]


def standing(alert: str, since: int) -> list[dict[str, Any]]:
    """That it fires at each minute from a minute on: promtool has to say so whatever its labels are."""
    times = range(since, HOURS * 60)
    expr = f'sum(ALERTS{{alertname="{alert}", alertstate="firing"}})'
    return [
        {"expr": expr, "eval_time": f"{minute}m", "exp_samples": [{"labels": "{}", "value": 1}]}
        for minute in times
    ]


@pytest.mark.parametrize(
    ("alert", "life", "since"),
    [
        ("HeadwaterRestarting", 20, 5),
        ("HeadwaterRestarting", 60, 8),
        ("HeadwaterRestarting", 300, 45),
        ("HeadwaterRoleGone", 20, 9),
        ("HeadwaterRoleGone", 90, 15),
        ("HeadwaterListenerGone", 20, 9),
    ],
    ids=lambda value: str(value) if isinstance(value, (int, str)) else None,
)
def test_a_crash_loop_is_paged_for_as_long_as_it_lasts(
    tmp_path: Path, alert: str, life: int, since: int
) -> None:
    case = {
        "name": alert,
        "interval": f"{SCRAPE_SECONDS}s",
        "input_series": series(life),
        "promql_expr_test": standing(alert, since),
    }
    document = {"rule_files": ["RULES"], "evaluation_interval": "15s", "tests": [case]}
    promtool(tmp_path, yaml.safe_dump(document).replace("- RULES", "- rules.yaml"))
