"""What the node says, as plain sets: the rows that any consumer must end with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from eth_abi.abi import decode

from tests.integration.line import rpc

TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
SINGLE = "0xc3d58168c5ae7397731d063d5bbf3d657854427343f4c083240f7aacaa2d0f62"
BATCH = "0x4a39dc06d4c0dbc64b70af90fd698a233a518aa5d07e595d983b8c0526c8f7fb"


@dataclass(slots=True)
class Truth:
    """Identities of the node's canonical rows; hashes as lowercase hex."""

    blocks: set[tuple[int, str]] = field(default_factory=set)
    transactions: set[tuple[str, str, int]] = field(default_factory=set)
    logs: set[tuple[str, int, str, str]] = field(default_factory=set)
    transfers: set[tuple[str, int, int, str]] = field(default_factory=set)


def truth(url: str, first: int, last: int) -> Truth:
    """Read blocks first..last from the node at `url`."""
    found = Truth()
    for number in range(first, last + 1):
        block = rpc(url, "eth_getBlockByNumber", hex(number), True)
        found.blocks.add((number, block["hash"]))
        for transaction in block["transactions"]:
            found.transactions.add(
                (block["hash"], transaction["hash"], int(transaction["transactionIndex"], 16))
            )
        for receipt in rpc(url, "eth_getBlockReceipts", hex(number)):
            for log in receipt["logs"]:
                index = int(log["logIndex"], 16)
                found.logs.add((block["hash"], index, log["address"].lower(), log["data"]))
                found.transfers.update(
                    (block["hash"], index, place, value) for place, value in enumerate(amounts(log))
                )
    return found


def amounts(log: dict[str, Any]) -> list[str]:
    """Amounts of the token transfers that a log tells of, base 10."""
    topics, data = log["topics"], bytes.fromhex(log["data"][2:])
    if not topics:
        return []
    if topics[0] == TRANSFER and len(topics) == 3 and len(data) == 32:
        return [str(int.from_bytes(data, "big"))]
    if topics[0] == TRANSFER and len(topics) == 4 and not data:
        return ["1"]
    if topics[0] == SINGLE and len(topics) == 4:
        return [str(decode(["uint256", "uint256"], data)[1])]
    if topics[0] == BATCH and len(topics) == 4:
        return [str(value) for value in decode(["uint256[]", "uint256[]"], data)[1]]
    return []
