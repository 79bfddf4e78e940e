"""Rules of every kind that lives are told under, and how they change."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from streams.logic.alerts.configuration import Change
from streams.logic.alerts.rule import Comparison, Finality, Function, Match, Rule
from tests.builders.alerts import (
    Texts,
    count,
    measure,
    rule,
    window,
)

MINUTE = 60_000


SINGLE = rule("single", where=lambda record, lists: int(str(record["value"])) > 1)
COOLED = rule("cooled", group_by=("from_address",), cooldown_ms=MINUTE)
RUSH = rule(
    "rush",
    group_by=("from_address",),
    window=window(
        60, count(Comparison.AT_LEAST, 2), measure(Function.SUM, "value", Comparison.ABOVE, 3), every=20
    ),
)
QUIET = rule(
    "quiet",
    window=window(
        60, count(Comparison.BELOW, 3), measure(Function.DISTINCT, "to_address", Comparison.EQUAL, 1)
    ),
)
LATE = rule(
    "late", window=window(120, measure(Function.AVG, "value", Comparison.AT_LEAST, 2)), finality=Finality.SAFE
)
GONE = rule("gone", Match.ABSENCE, of=Match.TOKEN_TRANSFER, within_ms=90_000)
RULES = (SINGLE, COOLED, RUSH, QUIET, LATE, GONE)


def in_order(changes: Iterable[Change]) -> list[Change]:
    """The changes as the messages of one topic, in this order."""
    return [Change(offset, each.key, each.value) for offset, each in enumerate(changes)]


def changes_of(texts: Texts, rules: Iterable[Rule] = RULES) -> list[Any]:
    return [texts.change(each) for each in rules]


BUSY = rule(
    "busy",
    Match.STAT,
    where=lambda record, lists: record["statistic"] == "token" and int(str(record["transfer_count"])) > 2,
    group_by=("token_address",),
)
FINAL = rule("final", Match.TRANSACTION_STATE, where=lambda record, lists: record["state"] != "SAFE")
TEXTS = Texts()
FIRST = changes_of(TEXTS)
OTHERS = changes_of(TEXTS, (BUSY, FINAL))
EDITED = rule(
    "rush", text="rush, edited", group_by=("from_address",), window=window(30, count(Comparison.ABOVE, 1))
)
LATER = [
    TEXTS.change(EDITED),
    TEXTS.put("rule:cooled", None),
    TEXTS.put(f"label:0x{'aa' * 20}", "Alice"),
    TEXTS.change(COOLED),
    TEXTS.put("rule:gone", None),
    TEXTS.put("rule:quiet", None),
    TEXTS.put("rule:final", None),
    TEXTS.put("rule:busy", None),
]


EVERY = in_order([*OTHERS, *FIRST, *LATER])
REFUSED = in_order([*FIRST, TEXTS.put("rule:single", "no rule"), *LATER])
FEW = rule(
    "few", Match.TRANSACTION_STATE, window=window(60, count(Comparison.BELOW, 5)), cooldown_ms=2 * MINUTE
)
MANY = rule(
    "many", Match.TRANSACTION_STATE, window=window(60, count(Comparison.AT_LEAST, 3)), cooldown_ms=MINUTE
)
COUNTING = changes_of(TEXTS, (FEW, MANY))
