"""Which stream goes to which table: one entry per stream, held against DDL and schemas by a contract test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final


class RouteKind(Enum):
    """How the sink treats a stream's messages."""

    ROWS = "rows"  # Avro records, one row each, as they come
    COVERAGE = "coverage"  # coverage: what makes a block visible; held back until all of the block is in
    DEAD_LETTERS = "dead-letters"  # dead letters: any bytes with `__connect.errors.*` headers


@dataclass(frozen=True, slots=True)
class Route:
    """A stream's table. A column has the name of its Avro field; columns with a default are not written."""

    stream: str
    table: str
    kind: RouteKind = RouteKind.ROWS
    joined: bool = False  # large batches go in as they came, and ClickHouse decodes them


ROUTES: Final = (
    Route("blocks", "blocks"),
    Route("transactions", "transactions", joined=True),
    Route("logs", "logs", joined=True),
    Route("token-transfers", "token_transfers", joined=True),
    Route("contracts", "contracts"),
    # A materialized view copies every version into transaction_state_changes within the same insert.
    Route("transaction-states", "transaction_states", joined=True),
    Route("chain-stats", "chain_stats"),
    Route("token-stats", "token_stats", joined=True),
    Route("contract-stats", "contract_stats", joined=True),
    Route("incomplete-windows", "incomplete_windows"),
    Route("tokens", "tokens"),
    Route("alerts", "alerts"),
    Route("heads", "heads"),
    Route("repairs", "repairs"),
    Route("deliveries", "deliveries"),
    Route("coverage", "coverage", RouteKind.COVERAGE),
    Route("dead-letters", "dead_letters", RouteKind.DEAD_LETTERS),
)

# Streams without a table, and why.
EXEMPT: Final[Mapping[str, str]] = {
    "raw-blocks": "the chain's log, as nodes answered; its content reaches tables through the public streams",
    "raw-links": "what raw-blocks says without the answers, for the start of a listener",
    "normalized-blocks": "between stages; its records are on the public streams",
    "enriched-blocks": "between stages; its records are on the public streams",
    "repair-requests": "what the listener is asked for; what became of it is on repairs",
    "aggregate-state": "what the aggregate stage remembers; what it says is on the streams of statistics",
    "alert-state": "what the alert stage remembers; what it says is on alerts",
    "alert-configuration": "rules, lists and labels as commands write them; alerts name their rule's version",
    "delivery-channels": "what is set, not what happened; `headwater channels list` shows it",
    "stage-progress": "for the stages themselves; how far they are is in their metrics",
}

# Fields of a stream's schema that its table does not have, and why.
LEFT_OUT: Final[Mapping[tuple[str, str], str]] = {
    ("coverage", "retractions"): "where a repair's messages can be; nobody asks the table for it",
    ("deliveries", "payload"): "the alert as JSON; the alert itself is in alerts",
    ("deliveries", "attempting_since"): "what giving up counts from; the view has first_attempt_at",
    ("deliveries", "notification_id"): "what is tried again together; of one alert it is its delivery_id",
}
