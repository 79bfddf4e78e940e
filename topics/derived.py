"""Public topics: the contract with downstream services."""

from __future__ import annotations

from dataclasses import replace

from topics.groups import SINK
from topics.spec import BLOCK_BYTES, DAY_MS, Cleanup, TopicSpec, Visibility

TRANSACTIONS = TopicSpec(
    stream="transactions",
    key="sender",
    description="A transaction with its receipt.",
    partitions=12,
    cleanup=Cleanup.DELETE,
    retention_ms=30 * DAY_MS,
    visibility=Visibility.PUBLIC,
    owner="enrich",
    producers=("enrich",),
    consumers=("public", SINK),
    # A block's gas may all go into the call data of one transaction, or into one log: a topic takes what
    # a block can hold.
    max_message_bytes=BLOCK_BYTES,
)
BLOCKS = replace(
    TRANSACTIONS,
    stream="blocks",
    key="block number",
    description="A block's header and counts.",
    partitions=4,
)
LOGS = replace(TRANSACTIONS, stream="logs", key="contract address", description="A log.")
TOKEN_TRANSFERS = replace(
    TRANSACTIONS,
    stream="token-transfers",
    key="token address",
    description="A movement of ERC-20, ERC-721 or ERC-1155 tokens, never of ether (EIP-7708); a batch "
    "becomes one message per entry.",
)
CONTRACTS = replace(
    TRANSACTIONS,
    stream="contracts",
    key="contract address and block hash, joined by a colon",
    description="A contract that a transaction created.",
    partitions=4,
    cleanup=Cleanup.COMPACT,
    retention_ms=None,
)
COVERAGE = replace(
    CONTRACTS,
    stream="coverage",
    key="block number and block hash, joined by a colon",
    description="What a block consists of, what was verified of it, and up to where its messages reach.",
    consumers=(SINK, "verify"),
)
TRANSACTION_STATES = replace(
    CONTRACTS,
    stream="transaction-states",
    key="transaction hash",
    description="A snapshot of a transaction's life; the highest version of a hash holds.",
    partitions=12,
    owner="state",
    producers=("state",),
    consumers=("public", SINK, "api"),
)

DERIVED = (BLOCKS, TRANSACTIONS, LOGS, TOKEN_TRANSFERS, CONTRACTS, COVERAGE, TRANSACTION_STATES)
