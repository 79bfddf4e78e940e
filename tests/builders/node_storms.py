"""Three bad nodes at a time: every kind of fault that a plan knows, seeded."""

from __future__ import annotations

from random import Random
from typing import Any, Final

from sandbox.node.plan import Plan

PlanEntry = dict[str, Any]
LATENCY: Final[PlanEntry] = {"kind": "latency", "p50": 0.01, "p95": 0.2}
_SHARES: Final = 0.005, 0.04


def kinds(*, retry_after: float, oversized: int) -> tuple[PlanEntry, ...]:
    """All that a node answers badly; `retry_after` in seconds, `oversized` in bytes."""
    return (
        {"kind": "throttled", "retry_after": retry_after},
        {"kind": "error", "name": "infura-rate"},
        {"kind": "error", "name": "arbitrum-retry"},
        {"kind": "error", "name": "geth-header"},
        {"kind": "http"},
        {"kind": "cut"},
        {"kind": "oversized", "bytes": oversized},
        {"kind": "silence"},
        {"kind": "disconnect"},
        {"kind": "half_written"},
        {"kind": "oversized", "bytes": oversized, "compressed": True},
        {"kind": "garbage", "body": "not_utf8"},
        {"kind": "garbage", "body": "deep"},
        {"kind": "null"},
        {"kind": "empty_receipts"},
        {"kind": "stale_head", "blocks": 3},
        {"kind": "lying_head"},
        {"kind": "lying_head", "sealed": True},
        {"kind": "two_branches"},
        {"kind": "wrong_receipts"},
        {"kind": "missing_logs"},
        {"kind": "cut_transactions"},
        {"kind": "cut_transactions", "receipts": True},
        {"kind": "wrong_chain"},
        {"kind": "pruned", "keeps": 0},
        {"kind": "tag_error"},
        {"kind": "tag_error", "null": True},
        {"kind": "moved_finalized"},
        {"kind": "finalized_back"},
        {"kind": "mixed_batch"},
        {"kind": "syncing"},
    )


def storm(seed: int, node: int, bad: tuple[PlanEntry, ...], *, turn: float) -> Plan:
    """Each kind with its own share; each of three nodes in turn is frozen, then gone, then on a branch of its
    own, for `turn` seconds each, while one of the others is gone and the last one is sound but for the rest.
    """
    random = Random(f"{seed}/{node}")
    frozen = {"kind": "frozen_head", "start": 2 * turn * node, "every": 6 * turn, "lasts": turn}
    gone = {"kind": "disconnect", "start": turn * (2 * node + 1), "every": 6 * turn, "lasts": turn}
    forked = {
        "kind": "sealed_fork",
        "depth": random.choice((2, 5, 24)),
        "start": turn * (2 * node + 3),
        "every": 6 * turn,
        "lasts": turn,
    }
    faults = [frozen, gone, forked, *({**kind, "probability": random.uniform(*_SHARES)} for kind in bad)]
    return Plan.model_validate({"seed": seed * 10 + node, "faults": faults})
