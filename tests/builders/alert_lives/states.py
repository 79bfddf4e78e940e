"""Transactions of the pool's blocks, for rules on their states."""

from __future__ import annotations

from dataclasses import replace

from tests.builders.alerts import (
    POOL,
    Told,
    content,
    transaction,
)
from tests.builders.statistics import hash_of

HOLD = {id(body): place for place, body in enumerate(POOL)}


def places_of(told: Told) -> tuple[int, ...]:
    """Places of transactions, some or others of three by what the pool has there."""
    return ((), (0, 1), (1,), (0, 2), (2,), ())[HOLD[id(told.body)]] if told.body else ()


def with_transactions(told: Told) -> Told:
    """No two blocks hold the same transaction."""
    if not told.body or "problem" in told.body:
        return told
    block = told.envelope.block_hash
    rows = [transaction(place, hash=hash_of(f"{place} of {block!r}")) for place in places_of(told)]
    return replace(told, body=content(transactions=rows))


def with_transactions_of_its_own(told: Told) -> Told:
    """The block with all that it holds; its transactions are in no other one."""
    block = told.envelope.block_hash
    rows = [
        {**row, "hash": hash_of(f"{place} of {block!r}")}
        for place, row in enumerate(told.body.get("transactions", ()))
    ]
    return replace(told, body={**told.body, "transactions": rows}) if rows else told
