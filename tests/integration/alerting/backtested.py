"""A backtest over Kafka says what the alert stage published."""

from __future__ import annotations

from contextlib import closing
from typing import Final

import orjson

from headwater.cli.alerting.enriched import EnrichedLog
from tests.integration import recorded_alerts
from tests.integration.alerting.published import published_alerts
from tests.integration.line import Line
from topics.chainlog.kinds import EventKind

RULES: Final = ("failed", "deep-fork")
"""Rules that no edit touches, and that remember nothing of blocks before them."""


def check_backtest(line: Line, head: int) -> None:
    """Every alert with its last status; beside them only those of blocks before the rules were in force."""
    adopted = recorded_alerts.recorded(line.settings)
    since = max(
        min(
            sequence
            for sequence, changes in adopted.items()
            if f"rule:{own}" in {each.key for each in changes}
        )
        for own in RULES
    )
    with closing(EnrichedLog(line.settings)) as log:
        before = max(
            (
                event.envelope.block_number or 0
                for event in log.events(0, head)
                if event.envelope.event is EventKind.APPLY and event.envelope.sequence < since
            ),
            default=-1,
        )
    published = {
        each["alert_id"].hex(): each for each in published_alerts(line.settings) if each["rule_id"] in RULES
    }
    assert any(each["rule_id"] == "deep-fork" for each in published.values())
    found = {}
    for rule in RULES:
        words = ("rules", "backtest", rule, "--from", "0", "--to", str(head), "--source", "kafka", "--json")
        done = line.command(*words)
        assert done.returncode == 0, done.stderr
        told = [each for each in orjson.loads(done.stdout) if each["status"] is not None]
        found |= {each["alert_id"].removeprefix("0x"): each for each in told}
    assert {own: found.get(own, {}).get("status") for own in published} == {
        own: each["status"] for own, each in published.items()
    }
    assert (
        max((each["block_number"] for own, each in found.items() if own not in published), default=-1)
        <= before
    )
