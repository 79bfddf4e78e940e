"""Flat traces: of this block, and some for each of its transactions."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.evm.blocks.decode import Block, decode_block
from connectors.evm.blocks.errors import CheckError
from connectors.evm.blocks.state_sync import state_sync_hash
from connectors.evm.blocks.traces import check_flat
from tests.builders import chain_answers
from tests.builders.chain_answers import encoded, transaction

BLOCK = decode_block(encoded(chain_answers.block([transaction(0), transaction(1)])))
OWN = "0x" + BLOCK.head.hash.hex()
OTHER = "0x" + "ee" * 32


def flat(transaction_hash: str | None, block_hash: str = OWN, **more: Any) -> dict[str, Any]:
    return {"action": {}, "blockHash": block_hash, "transactionHash": transaction_hash, **more}


WHOLE = [flat(each, error=error) for each in BLOCK.transactions for error in (None, "Reverted")]


def check(traces: object, block: Block = BLOCK) -> None:
    check_flat(json.dumps(traces).encode(), block)


def test_whole_traces_are_taken() -> None:
    check(WHOLE)
    check([*WHOLE, flat(None, type="reward")])
    check([{"transactionHash": each.upper().replace("0X", "0x")} for each in BLOCK.transactions])
    check([], decode_block(encoded(chain_answers.block([]))))


def test_what_bor_does_itself_has_no_trace() -> None:
    synced = transaction(1, hash=state_sync_hash(BLOCK))
    check(WHOLE[:2], decode_block(encoded(chain_answers.block([transaction(0), synced]))))


@pytest.mark.parametrize(
    ("traces", "why"),
    [
        ([], "2 transactions have none"),
        (WHOLE[:2], "1 transactions have none, the first 0x"),
        ([*WHOLE, flat(BLOCK.transactions[0], OTHER)], f"are of another block, {OTHER}"),
        ([*WHOLE, flat(OTHER)], f"{OTHER} is no transaction of the block"),
        ({}, "traces of block"),
        ([None], "traces of block"),
        ([{"transactionHash": 7}], "traces of block"),
    ],
    ids=["none", "cut", "another block", "another transaction", "an object", "null", "a number"],
)
def test_what_lacks_something_is_refused(traces: object, why: str) -> None:
    with pytest.raises(CheckError, match=why):
        check(traces)
