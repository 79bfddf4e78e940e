"""Made-up blocks that look like a node's: valid header hash and bloom, plausible receipts and logs.

Deterministic in (chain id, seed, number, salt). Roots and transaction hashes are genuine; signatures are not.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

from sha3 import keccak_256

from headwater.evm.creation import created_by
from headwater.evm.header import header_hash
from sandbox.node.answers import Json
from sandbox.node.genuine import receipts_root, sealed, transactions_of

GENESIS_TIME = 1_700_000_000
BLOCK_SECONDS = 2
GWEI = 10**9
TRANSFER = "0x" + keccak_256(b"Transfer(address,address,uint256)").hexdigest()
SINGLE = "0x" + keccak_256(b"TransferSingle(address,address,address,uint256,uint256)").hexdigest()


@dataclass(frozen=True, slots=True)
class Content:
    """A block as parsed JSON results; None where a part is not known."""

    block: Json
    receipts: object = None
    calls: object = None
    flat: object = None


def bloom_of(items: Iterable[str]) -> str:
    """Return the 256-byte bloom of addresses and topics given as hex (Yellow Paper 4.4.1)."""
    bits = 0
    for item in items:
        digest = keccak_256(bytes.fromhex(item[2:])).digest()
        for at in (0, 2, 4):
            bits |= 1 << (int.from_bytes(digest[at : at + 2], "big") & 2047)
    return "0x" + bits.to_bytes(256, "big").hex()


def bloom_of_logs(logs: Iterable[Json]) -> str:
    """Return the bloom of logs as JSON answers them."""
    items: list[str] = []
    for log in logs:
        topics = log["topics"]
        assert isinstance(topics, list)
        items += [str(log["address"]), *topics]
    return bloom_of(items)


def synthetic_block(
    number: int, parent: str, *, chain_id: int = 31337, seed: int = 0, salt: int = 0, transactions: int = 6
) -> Content:
    """Return a block of `transactions` transactions: ETH, ERC-20, ERC-721, ERC-1155, creation, reverted.

    Blocks that differ only in `salt` (branches of a fork) share all but their last transaction.
    """

    def noise(*labels: object) -> bytes:
        return sha256(repr((chain_id, seed, number, *labels)).encode()).digest()

    def address(*labels: object) -> str:
        return "0x" + sha256(repr((chain_id, seed, *labels)).encode()).hexdigest()[:40]

    listed: list[Json] = []
    receipts: list[Json] = []
    used = log_index = 0
    for index in range(transactions):
        kind = ("eth", "erc20", "erc721", "erc1155", "create", "revert")[index % 6]
        branch = salt if index == transactions - 1 else 0
        sender, to = address("from", index), address("to", index)
        contract = address("contract", kind)
        gas = {"eth": 21_000, "create": 400_000}.get(kind, 60_000 + index)
        logs = _logs(kind, contract, sender, to, int.from_bytes(noise("value", index)[:8], "big"))
        target = None if kind == "create" else (to if kind == "eth" else contract)
        used += gas
        transaction: Json = {
            "type": "0x2",
            "chainId": hex(chain_id),
            "nonce": hex(number),
            "gas": hex(gas * 2),
            "maxFeePerGas": hex(3 * GWEI),
            "maxPriorityFeePerGas": hex(GWEI),
            "gasPrice": hex(2 * GWEI),
            "to": target,
            "from": sender,
            "value": hex(10**15) if kind == "eth" else "0x0",
            "input": "0x" if kind == "eth" else "0x" + noise("input", index).hex(),
            "accessList": [],
            "r": "0x" + noise("r", index, branch).hex().lstrip("0"),
            "s": "0x1",
            "yParity": "0x0",
            "v": "0x0",
            "transactionIndex": hex(index),
        }
        (digest,), _ = _sealed([transaction])
        hash_ = "0x" + digest.hex()
        listed.append(transaction | {"hash": hash_})
        for log in logs:
            log |= {"transactionHash": hash_, "transactionIndex": hex(index), "removed": False}
            log["logIndex"] = hex(log_index)
            log_index += 1
        receipts.append(
            {
                "type": "0x2",
                "status": "0x0" if kind == "revert" else "0x1",
                "cumulativeGasUsed": hex(used),
                "gasUsed": hex(gas),
                "effectiveGasPrice": hex(2 * GWEI),
                "from": sender,
                "to": target,
                "contractAddress": created_by(sender, number) if kind == "create" else None,
                "logs": logs,
                "logsBloom": bloom_of_logs(logs),
                "transactionHash": hash_,
                "transactionIndex": hex(index),
            }
        )
    typed = transactions_of(listed)
    root = _sealed(listed)[1]
    all_logs = [log for receipt in receipts for log in _list(receipt["logs"])]
    block: Json = {
        "number": hex(number),
        "parentHash": parent,
        "sha3Uncles": "0x" + keccak_256(b"\xc0").hexdigest(),
        "miner": address("miner"),
        "stateRoot": "0x" + noise("state", salt).hex(),
        "transactionsRoot": "0x" + root.hex(),
        "receiptsRoot": "0x" + receipts_root(receipts, typed).hex(),
        "logsBloom": bloom_of_logs(all_logs),
        "difficulty": "0x0",
        "gasLimit": hex(30_000_000),
        "gasUsed": hex(used),
        "timestamp": hex(GENESIS_TIME + number * BLOCK_SECONDS),
        "extraData": "0x",
        "mixHash": "0x" + noise("mix").hex(),
        "nonce": "0x0000000000000000",
        "baseFeePerGas": hex(GWEI),
        "withdrawalsRoot": "0x" + keccak_256(b"\x80").hexdigest(),
        "withdrawals": [],
        "uncles": [],
        "size": hex(1000),
    }
    block["hash"] = "0x" + header_hash(block).hex()
    block["transactions"] = listed
    place: Json = {"blockHash": block["hash"], "blockNumber": block["number"]}
    for item in (*listed, *receipts, *all_logs):
        item |= place
    return Content(block, receipts)


def _sealed(listed: list[Json]) -> tuple[list[bytes], bytes]:
    found = sealed(transactions_of(listed))
    assert found is not None
    return found


def _list(value: object) -> list[Json]:
    assert isinstance(value, list)
    return value


def _logs(kind: str, contract: str, sender: str, to: str, value: int) -> list[Json]:
    def word(number: int) -> str:
        return f"{number:064x}"

    def topic(account: str) -> str:
        return "0x" + account[2:].rjust(64, "0")

    if kind == "erc20":
        topics, data = [TRANSFER, topic(sender), topic(to)], "0x" + word(value)
    elif kind == "erc721":
        topics, data = [TRANSFER, topic(sender), topic(to), "0x" + word(value)], "0x"
    elif kind == "erc1155":
        topics = [SINGLE, topic(sender), topic(sender), topic(to)]
        data = "0x" + word(value % 10) + word(value)
    else:
        return []
    return [{"address": contract, "topics": topics, "data": data}]
