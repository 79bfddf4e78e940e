"""Rules over the records of real blocks find what a look at the node's own answers finds."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

import pytest

from schemas import frame
from streams.logic.alerts.rule import Match
from streams.logic.alerts.rules import compile_rule
from streams.logic.enrich.event import enrich
from tests.builders.rule_records import rule_records
from tests.conformance.real_blocks import Case, answer, cases, envelope, normalized_body

pytestmark = pytest.mark.data
FRAME: Final = frame(1)
CASES: Final = [each for each in cases() if "contiguous" in each.name and each.receipts is not None][:8]
STREAMS: Final = {
    Match.LOG: "logs",
    Match.TRANSACTION: "transactions",
    Match.TOKEN_TRANSFER: "token-transfers",
}
USDC: Final = "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48"
TRANSFER: Final = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
APPROVAL: Final = "0x8c5be1e5ebec7d5bd14f71427d1e84f3dd0314c0f7b2291e5b200ac8c7c3b925"
PERMIT2: Final = "0x000000000022d473030f116ddee9f6b43ac78ba3"
LARGE: Final = 10_000 * 10**6
RULES: Final = {
    "large": ("token-transfer", f'token_address == "{USDC}" && value >= {LARGE}'),
    "failed": ("transaction", "receipt_status == 0 && to_address != null"),
    "approval": (
        "log",
        f'topics[0] == "{APPROVAL}" && size(topics) == 3 && !(address(topics[2]) in lists.spenders) '
        "&& word(data, 0) > 0",
    ),
}


def found(case: Case) -> Counter[tuple[str, object]]:
    own = envelope(answer(case.block))
    published = {
        each.stream: [value for value in each.values if value is not None]
        for each in enrich(own, [FRAME + normalized_body(case)], lambda _: FRAME).public
    }
    hits: Counter[tuple[str, object]] = Counter()
    for name, (match, where) in RULES.items():
        rule = compile_rule(f"id: a\nmatch: {match}\nwhere: '{where}'", 0)
        stream = STREAMS[rule.match]
        for record in rule_records(rule.match, stream, published[stream]):
            if rule.where(record, {"spenders": frozenset({PERMIT2})}):
                hits[name, record["transaction_index" if match == "transaction" else "log_index"]] += 1
    return hits


def expected(receipts: list[dict[str, Any]]) -> Counter[tuple[str, object]]:
    hits: Counter[tuple[str, object]] = Counter()
    for receipt in receipts:
        if receipt["status"] == "0x0" and receipt["to"]:
            hits["failed", int(receipt["transactionIndex"], 16)] += 1
        for log in receipt["logs"]:
            topics, data, index = log["topics"], log["data"], int(log["logIndex"], 16)
            if len(topics) != 3:
                continue
            if topics[0] == TRANSFER and log["address"].lower() == USDC and int(data, 16) >= LARGE:
                hits["large", index] += 1
            if topics[0] == APPROVAL and not topics[2].endswith(PERMIT2[2:]) and int(data[:66], 16) > 0:
                hits["approval", index] += 1
    return hits


@pytest.mark.usefixtures("shared_data")
def test_rules_find_what_the_answers_say() -> None:
    kinds: set[str] = set()
    for case in CASES:
        assert case.receipts is not None
        assert found(case) == expected(answer(case.receipts)), case.name
        kinds |= {name for name, _ in expected(answer(case.receipts))}
    assert kinds == set(RULES)
