"""Settled chains whose rows move."""

from __future__ import annotations

from typing import cast

from clickhouse_connect.driver.client import Client

from connectors.clickhouse.visibility.moving.mover import Mover
from connectors.clickhouse.visibility.moving.plan import Limits, Moved
from connectors.clickhouse.visibility.settler import Settler
from tests.builders.covered_chain import Chain, heights, settle

# Everything that is settled, at once.
ALL = Limits(step=1, stride=1_000, kept=0, filled=1)


def mover_of(chain: Chain, limits: Limits = ALL, client: object = None, patience: float = 0) -> Mover:
    return Mover(
        cast(Client, client or chain.client), chain.database, chain.chain_id, limits, patience=patience
    )


def moved(chain: Chain, limits: Limits = ALL) -> Moved:
    """Ticks of a new process until nothing more is to be done."""
    mover = mover_of(chain, limits)
    mover.tick()
    while mover.tick() is not None:
        pass
    # What was moved last leaves the sink's tables a tick later.
    mover.tick()
    return mover.moved()


def settled_chain(chain: Chain, last: int) -> Settler:
    """Blocks 1 to `last`, all settled."""
    settler = Settler(chain.client, chain.database, chain.chain_id, dict)
    for number in range(1, last + 1):
        chain.apply(number)
    chain.finalize(last)
    assert settle(settler) == heights((1, last))
    return settler


def blocks(*numbers: int, branch: str = "a") -> list[tuple[int, str]]:
    return [(number, branch) for number in numbers]


def left(chain: Chain, table: str) -> set[int]:
    rows = chain.client.query(f"SELECT DISTINCT block_number FROM {chain.database}.{table}").result_rows
    return {number for (number,) in rows}


def finalized(chain: Chain) -> dict[str, dict[tuple[int, str], int]]:
    return chain.visible(database=f"{chain.database}_finalized")
