"""A small block as a node would answer it, to be bent into every shape that tests need."""

from __future__ import annotations

import json
from typing import Any

from topics.chainlog.envelope import Envelope
from topics.chainlog.kinds import EventKind

CHAIN_ID = 31_337
BLOCK_HASH = "0x" + "b1" * 32
PARENT_HASH = "0x" + "a0" * 32
SENDER = "0x" + "5e" * 20
RECEIVER = "0x" + "7e" * 20
TOKEN = "0x" + "70" * 20
TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"

Answer = dict[str, Any]


def transaction(position: int = 0, **changes: Any) -> Answer:
    """A dynamic fee transaction."""
    return {
        "blockHash": BLOCK_HASH,
        "blockNumber": "0x2a",
        "chainId": hex(CHAIN_ID),
        "from": SENDER,
        "gas": "0x5208",
        "gasPrice": "0x3b9aca07",
        "maxFeePerGas": "0x77359400",
        "maxPriorityFeePerGas": "0x1",
        "hash": "0x" + f"{position + 1:064x}",
        "input": "0xa9059cbb",
        "nonce": "0x7",
        "to": TOKEN,
        "transactionIndex": hex(position),
        "type": "0x2",
        "value": "0xde0b6b3a7640000",
        "accessList": [],
        "v": "0x1",
        "r": "0x" + "f1" * 32,
        "s": "0x" + "02" * 32,
        "yParity": "0x1",
    } | changes


def log(position: int = 0, index: int = 0, **changes: Any) -> Answer:
    """An ERC-20 transfer of 1,000 units."""
    return {
        "address": TOKEN,
        "blockHash": BLOCK_HASH,
        "blockNumber": "0x2a",
        "data": "0x" + f"{1000:064x}",
        "logIndex": hex(index),
        "removed": False,
        "topics": [TRANSFER, "0x" + "00" * 12 + SENDER[2:], "0x" + "00" * 12 + RECEIVER[2:]],
        "transactionHash": "0x" + f"{position + 1:064x}",
        "transactionIndex": hex(position),
    } | changes


def receipt(position: int = 0, logs: list[Answer] | None = None, **changes: Any) -> Answer:
    """The receipt of `transaction(position)`."""
    return {
        "blockHash": BLOCK_HASH,
        "blockNumber": "0x2a",
        "contractAddress": None,
        "cumulativeGasUsed": hex(21_000 * (position + 1)),
        "effectiveGasPrice": "0x3b9aca07",
        "from": SENDER,
        "gasUsed": "0x5208",
        "logs": logs or [],
        "logsBloom": "0x" + "00" * 256,
        "status": "0x1",
        "to": TOKEN,
        "transactionHash": "0x" + f"{position + 1:064x}",
        "transactionIndex": hex(position),
        "type": "0x2",
    } | changes


def block(transactions: list[Answer], **changes: Any) -> Answer:
    """A block of today's mainnet shape."""
    return {
        "number": "0x2a",
        "hash": BLOCK_HASH,
        "parentHash": PARENT_HASH,
        "timestamp": "0x64b0392a",
        "nonce": "0x0000000000000000",
        "sha3Uncles": "0x" + "1d" * 32,
        "logsBloom": "0x" + "00" * 256,
        "transactionsRoot": "0x" + "02" * 32,
        "stateRoot": "0x" + "03" * 32,
        "receiptsRoot": "0x" + "04" * 32,
        "miner": "0x" + "05" * 20,
        "difficulty": "0x0",
        "totalDifficulty": "0xc70d815d562d3cfa955",
        "size": "0x220",
        "extraData": "0x",
        "gasLimit": "0x1c9c380",
        "gasUsed": "0x5208",
        "baseFeePerGas": "0x7",
        "mixHash": "0x" + "06" * 32,
        "withdrawalsRoot": "0x" + "07" * 32,
        "withdrawals": [
            {"index": "0x1", "validatorIndex": "0x2", "address": RECEIVER, "amount": "0x3b9aca00"}
        ],
        "uncles": [],
        "transactions": transactions,
    } | changes


def encoded(answer: object) -> bytes:
    """As it travels."""
    return json.dumps(answer).encode()


def envelope(answer: Answer, event: EventKind = EventKind.APPLY, **changes: Any) -> Envelope:
    """The event that carries a block."""
    facts: Answer = {
        "event": event,
        "chain_id": CHAIN_ID,
        "sequence": 1_700_000_000_000,
        "claim": 12,
        "block_number": int(answer["number"], 16),
        "block_hash": bytes.fromhex(answer["hash"][2:]),
        "parent_hash": bytes.fromhex(answer["parentHash"][2:]),
        "block_timestamp": int(answer["timestamp"], 16) * 1000,
        "observed_at": 1_700_000_000_500,
        "source": "http://node",
        "verified": ("header_hash", "parent"),
        "fresh": False,
        "part": 0,
        "parts": 1,
    }
    return Envelope(**facts | changes)
