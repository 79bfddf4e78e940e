"""Traces: of this block, and some for each of its transactions."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.evm.blocks.decode import Block, decode_block
from connectors.evm.blocks.errors import CheckError
from connectors.evm.blocks.state_sync import state_sync_hash
from connectors.evm.blocks.traces import check_calls, check_flat
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
    block = decode_block(encoded(chain_answers.block([transaction(0), synced])))
    check_flat(json.dumps(WHOLE[:2]).encode(), block, state_sync=True)
    with pytest.raises(CheckError, match="1 transactions have none"):
        check(WHOLE[:2], block)


@pytest.mark.parametrize(
    ("traces", "why"),
    [
        ([], "2 transactions have none"),
        (WHOLE[:2], "1 transactions have none, the first 0x"),
        ([*WHOLE, flat(BLOCK.transactions[0], OTHER)], f"are of another block, {OTHER}"),
        ([*WHOLE, flat(OTHER)], f"{OTHER} is not a transaction of the block"),
        ({}, "traces of block"),
        ([None], "traces of block"),
        ([{"transactionHash": 7}], "traces of block"),
    ],
    ids=["none", "cut", "another block", "another transaction", "an object", "null", "a number"],
)
def test_what_lacks_something_is_refused(traces: object, why: str) -> None:
    with pytest.raises(CheckError, match=why):
        check(traces)


def called(*hashes: str | None) -> bytes:
    return json.dumps([{"txHash": each, "result": {"type": "CALL"}} for each in hashes]).encode()


def test_a_chain_may_leave_transactions_untraced_by_setting() -> None:
    check_flat(json.dumps(WHOLE[:2]).encode(), BLOCK, every=False)
    check_flat(b"[]", BLOCK, every=False)
    with pytest.raises(CheckError, match=f"{OTHER} is not a transaction of the block"):
        check_flat(json.dumps([flat(OTHER)]).encode(), BLOCK, every=False)
    for traced in (BLOCK.transactions[:1], BLOCK.transactions[1:], BLOCK.transactions, ()):
        check_calls(called(*traced), BLOCK, every=False)
    check_calls(called(None, None), BLOCK, every=False)


@pytest.mark.parametrize(
    ("hashes", "why"),
    [
        ([None], "1 for 2 transactions, of which is not said"),
        ([OTHER], "1 for 0 transactions"),
        ([*BLOCK.transactions, BLOCK.transactions[0]], "3 for 2 transactions, of which is not said"),
        ([*reversed(BLOCK.transactions)], r"\[0\] is of 0x"),
    ],
    ids=["unnamed", "another transaction", "doubled", "order"],
)
def test_what_there_is_must_be_of_the_block_all_the_same(hashes: list[str | None], why: str) -> None:
    with pytest.raises(CheckError, match=why):
        check_calls(called(*hashes), BLOCK, every=False)


def test_what_lacks_a_transaction_is_refused_with_the_setting() -> None:
    for refused in (
        lambda: check_calls(called(BLOCK.transactions[0]), BLOCK),
        lambda: check_flat(json.dumps(WHOLE[:2]).encode(), BLOCK),
    ):
        with pytest.raises(CheckError, match=r"\(chain\.verify_traces=false is for a chain"):
            refused()


def test_bors_own_transaction_may_have_no_calls() -> None:
    synced = transaction(1, hash=state_sync_hash(BLOCK))
    block = decode_block(encoded(chain_answers.block([transaction(0), synced])))
    check_calls(called(block.transactions[0]), block, state_sync=True)
    check_calls(called(*block.transactions), block, state_sync=True)
    with pytest.raises(CheckError, match="0 for 2 transactions"):
        check_calls(b"[]", block, state_sync=True)
    with pytest.raises(CheckError, match="1 for 2 transactions"):
        check_calls(called(block.transactions[0]), block)
