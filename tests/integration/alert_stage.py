"""The alert worker with a compiler of three texts, for tests of what surrounds rules, not of rules.

Run as `python -m tests.integration.alert_stage`; settings come from the environment.
"""

from __future__ import annotations

import sys
from dataclasses import replace

from headwater import logging
from headwater.errors import HeadwaterError, Permanent
from headwater.metrics.server import serve
from headwater.settings import load_settings
from streams.agents.alert import AlertStage
from streams.logic.alerts.rule import Comparison, Requirement, Rule
from streams.runtime.configuration import STREAM, ConfigurationFollower
from streams.stage import StageContext, StageSpec
from streams.workers import run_stage
from tests.builders.alerts import count, rule, window
from topics.groups import group_of

RULES = {
    "watched": rule(
        "watched",
        where=lambda record, lists: record["from_address"] in lists["watched"],
        lists=frozenset({"watched"}),
        requirements=(Requirement("from_address", list="watched"),),
        group_by=("from_address",),
        title=lambda record, labels: f"{labels.get(str(record['from_address']), '?')} moved",
    ),
    "rush": rule("rush", window=window(60, count(Comparison.AT_LEAST, 4))),
    "rush, edited": rule("rush", text="rush, edited", window=window(60, count(Comparison.AT_LEAST, 3))),
}


def compile_rule(text: str, version: int) -> Rule:
    """In place of the compiler of rules."""
    if text not in RULES:
        raise Permanent(f"no rule in {text!r}")
    return replace(RULES[text], version=version)


def build(context: StageContext) -> AlertStage:
    return AlertStage(context, compile_rule, ConfigurationFollower(context.settings, context.reader(STREAM)))


def main() -> None:
    settings = load_settings()
    logging.configure("alert", settings.log_level, settings.log_format)
    serve(0)
    try:
        run_stage(settings, StageSpec(group_of("alert"), build))
    except HeadwaterError as error:
        sys.stderr.write(f"headwater: {error}\n")
        raise SystemExit(1) from error


if __name__ == "__main__":
    main()
