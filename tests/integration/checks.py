"""What must hold of an instance once its chain stands still."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from headwater import kafka
from tests.integration.downstream import apply, messages
from tests.integration.line import Line
from tests.integration.truth import truth
from topics.catalog import topic_name
from topics.dead_letters import STREAM

# What two instances over one chain may differ in: when they saw it, and how they numbered it.
OWN = [
    "sequence",
    "version",
    "observed_at",
    "previous_state",
    "canonical_epoch",
    "retracts",
    "first_seen",
    "finalized_at",
    "evidence",
]
TABLES = ("blocks", "transactions", "logs", "token_transfers", "contracts")
STREAMS = ("blocks", "transactions", "logs", "token-transfers", "contracts", "coverage")


def check_topics(line: Line, first: int, head: int) -> None:
    """A consumer that applies the public topics ends with exactly the node's rows, and the contract holds."""
    check_stream(line)
    check_consumer(line, first, head)


def check_consumer(line: Line, first: int, head: int) -> None:
    """A consumer that applies the public topics ends with exactly the node's rows."""
    node = truth(str(line.endpoints["rpc"]), first, head)
    kept: dict[str, list[dict[str, Any]]] = {
        stream: [item.record for item in apply(messages(line.settings, stream)).values()]
        for stream in STREAMS
    }
    assert {(r["block_number"], _hex(r["block_hash"])) for r in kept["blocks"]} == node.blocks
    assert {
        (_hex(r["block_hash"]), _hex(r["hash"]), r["transaction_index"]) for r in kept["transactions"]
    } == node.transactions
    assert {
        (_hex(r["block_hash"]), r["log_index"], _hex(r["address"]), _hex(r["data"])) for r in kept["logs"]
    } == node.logs
    assert {
        (_hex(r["block_hash"]), r["log_index"], r["batch_index"], r["value"]) for r in kept["token-transfers"]
    } == node.transfers
    assert {(r["block_number"], _hex(r["block_hash"])) for r in kept["coverage"]} == node.blocks


def check_no_dead_letters(line: Line) -> None:
    """Nothing was set aside, by a stage or by the sink."""
    reader = kafka.reader(line.settings)
    try:
        letters = kafka.tail(reader, topic_name(line.settings, STREAM), 1)
    finally:
        reader.close()
    assert not letters, f"dead letters, the last one {letters[0].headers()}"


def check_verify(line: Line, *, seconds: float = 120) -> None:
    """`headwater verify` finds nothing."""
    done = line.command("verify", "--json", seconds=seconds)
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"


def check_stream(line: Line, *, but: Collection[str] = (), seconds: float = 120) -> dict[str, Any]:
    """`headwater check-stream --all` finds nothing but findings of some kinds; what it says for scripts."""
    done = line.command("check-stream", "--all", "--json", seconds=seconds)
    assert done.returncode in ((0, 1) if but else (0,)), f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    found: dict[str, Any] = json.loads(done.stdout)
    assert [each for each in found["findings"] if each["kind"] not in but] == []
    return found


def check_equal(line: Line, fresh: Line) -> None:
    """Both show the same canonical rows, and for each transaction the same state, block and execution."""
    for table in TABLES:
        mine, theirs = rows(line, table), rows(fresh, table)
        assert mine == theirs, f"canonical.{table}: {len(mine)} rows against {len(theirs)}"
        assert mine or table == "contracts"
    query = (
        "SELECT s.hash, s.state, s.block_hash, s.execution_status FROM canonical.transaction_states AS s "
        "WHERE s.hash IN (SELECT hash FROM canonical.transactions) ORDER BY ALL"
    )
    mine, theirs = line.sql(query), fresh.sql(query)
    # Not looked for where there is none: after half an hour of blocks there are two hundred thousand.
    different = [] if mine == theirs else sorted({*map(tuple, mine)} ^ {*map(tuple, theirs)})[:5]
    assert mine == theirs, f"states: {len(mine)} against {len(theirs)}, for example {different}"


def rows(line: Line, table: str) -> list[Any]:
    """The rows of a canonical table without what is an instance's own, each behind its block's number."""
    columns = [str(row[0]) for row in line.sql(f"DESCRIBE canonical.{table}")]
    shared = ", ".join(name for name in columns if name not in OWN)
    return line.sql(f"SELECT block_number, {shared} FROM canonical.{table} ORDER BY ALL")


def states_settled(line: Line) -> bool:
    """True when every canonical transaction has a state of the block that holds it."""
    rows = line.sql(
        "SELECT count() FROM canonical.transactions AS t LEFT JOIN canonical.transaction_states AS s "
        "ON s.hash = t.hash "
        "WHERE s.block_hash != t.block_hash OR s.state NOT IN ('INCLUDED', 'SAFE', 'FINALIZED')"
    )
    return int(rows[0][0]) == 0


def _hex(value: bytes) -> str:
    return "0x" + value.hex()
