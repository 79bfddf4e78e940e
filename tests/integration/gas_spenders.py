"""Transactions that fill a block of the local chain with what costs a pipeline most."""

from __future__ import annotations

from collections.abc import Mapping

from eth_account import Account

from tests.builders.hostile_blocks import TRANSFER_BATCH
from tests.integration.line import Line

BLOCK_GAS = 60_000_000
SENDER = Account.from_key("0x" + "5e" * 32)
"""Of its own, so that the nonces of the traffic's senders stay theirs. It signs: what a node has done for an
address without its key has a hash that is not its fields', which the listener refuses."""
_ETHER = hex(10**24)
_CALL_DATA_BYTES = 120_000
"""What other nodes' pools take as one transaction at most is 128 KiB."""
_BASE, _FLOOR = 21_000, 10
"""Gas of a transaction, and of each of its zero bytes at least (EIP-7623)."""

_STOP, _LT, _NOT, _ADD, _CALLER, _GAS = 0x00, 0x10, 0x19, 0x01, 0x33, 0x5A
_MSTORE, _JUMPI, _JUMPDEST, _PUSH0, _PUSH1, _DUP1, _DUP2 = 0x52, 0x57, 0x5B, 0x5F, 0x60, 0x80, 0x81
_LOG0, _LOG4 = 0xA0, 0xA4


def batches(entries: int) -> bytes:
    """Init code that logs TransferBatch as long as gas lasts; one array of `entries` is ids and values."""
    size = 32 * (3 + entries)
    code = bytearray()
    for place, word in ((0, 64), (32, 64), (64, entries)):
        code += _push(word) + _push(place) + bytes([_MSTORE])
    code += _push(96)
    fill = len(code)
    code += bytes([_JUMPDEST, _PUSH0, _NOT, _DUP2, _MSTORE]) + _push(32) + bytes([_ADD])
    code += _push(size) + bytes([_DUP2, _LT]) + _push(fill) + bytes([_JUMPI])
    topics = bytes([_CALLER, _CALLER, _CALLER]) + _push(int(TRANSFER_BATCH, 16))
    once = topics + _push(size) + bytes([_PUSH0, _LOG4])
    return bytes(code) + _while_gas_lasts(len(code), once, 375 * 5 + 8 * size)


def plain_logs() -> bytes:
    """Init code that logs nothing, without topics, as long as gas lasts."""
    return _while_gas_lasts(0, bytes([_PUSH0, _PUSH0, _LOG0]), 375)


def fill_block(line: Line, code: bytes) -> str:
    """Send one transaction that fills a block by itself, ahead of the traffic; its hash."""
    _prepare(line)
    return _send(line, {"data": "0x" + code.hex(), "gas": BLOCK_GAS})


def call_data(line: Line) -> list[str]:
    """Send as much call data as a block holds; the hashes."""
    _prepare(line)
    gas = _BASE + _FLOOR * _CALL_DATA_BYTES
    fields = {"to": SENDER.address, "data": "0x" + "00" * _CALL_DATA_BYTES, "gas": gas}
    return [_send(line, fields) for _ in range(BLOCK_GAS // gas)]


def receipt(line: Line, transaction: str) -> dict[str, object] | None:
    """The receipt of a transaction, None as long as it is not mined."""
    found: dict[str, object] | None = line.rpc("eth_getTransactionReceipt", transaction)
    return found


def _prepare(line: Line) -> None:
    """Again each time: a fork takes the balance back."""
    line.rpc("evm_setBlockGasLimit", hex(BLOCK_GAS))
    line.rpc("anvil_setBalance", SENDER.address, _ETHER)


def _send(line: Line, fields: Mapping[str, str | int]) -> str:
    own: dict[str, str | int] = {
        "chainId": int(line.rpc("eth_chainId"), 16),
        "nonce": int(line.rpc("eth_getTransactionCount", SENDER.address, "pending"), 16),
        "value": 0,
        "maxPriorityFeePerGas": 10**11,
        "maxFeePerGas": 10**13,
    }
    signed = SENDER.sign_transaction({**own, **fields})
    sent: str = line.rpc("eth_sendRawTransaction", "0x" + signed.raw_transaction.hex().removeprefix("0x"))
    return sent


def _while_gas_lasts(start: int, once: bytes, price: int) -> bytes:
    """Code at `start` that repeats `once` until less gas is left than it and the end may take."""
    spare = price + 20_000
    back = _push(spare) + bytes([_LT]) + _push(start) + bytes([_JUMPI])
    return bytes([_JUMPDEST]) + once + bytes([_GAS]) + back + bytes([_STOP])


def _push(value: int) -> bytes:
    content = value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big")
    return bytes([_PUSH1 + len(content) - 1]) + content
