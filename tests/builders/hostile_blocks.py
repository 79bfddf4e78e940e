"""Valid blocks that spend their gas on what costs a pipeline most, by the prices of the yellow paper."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from tests.builders.chain_answers import RECEIVER, SENDER, Answer, block, log, receipt, transaction

TRANSFER_BATCH = "0x4a39dc06d4c0dbc64b70af90fd698a233a518aa5d07e595d983b8c0526c8f7fb"
_BASE, _LOG, _TOPIC, _LOG_BYTE, _ZERO_BYTE, _WORD = 21_000, 375, 375, 8, 4, 32
_COLD_CALL: Final = 2_600

Made = tuple[Answer, list[Answer]]
"""The answers of eth_getBlockByNumber and eth_getBlockReceipts."""


def batches(gas: int, entries: int) -> Made:
    """One transaction whose TransferBatch logs have one array of `entries` words for ids and values."""
    topics = [TRANSFER_BATCH, *("0x" + "00" * 12 + each[2:] for each in (SENDER, SENDER, RECEIVER))]
    data = f"0x{64:064x}{64:064x}{entries:064x}" + "f" * 64 * entries
    size = _WORD * (3 + entries)
    price = _LOG + 4 * _TOPIC + _LOG_BYTE * size
    count = max(1, (gas - _BASE - _memory(size)) // price)
    return _with_logs([log(0, index, topics=topics, data=data) for index in range(count)])


def plain_logs(gas: int, size: int) -> Made:
    """One transaction of logs without topics, of `size` bytes each."""
    count = max(1, (gas - _BASE - _memory(size)) // (_LOG + _LOG_BYTE * size))
    return _with_logs([log(0, index, topics=[], data="0x" + "01" * size) for index in range(count)])


def tokens(gas: int) -> Made:
    """One transaction that has as many contracts as it can call say that they moved the largest amount."""
    price = _COLD_CALL + _LOG + 3 * _TOPIC + _LOG_BYTE * _WORD
    count = max(1, (gas - _BASE) // price)
    logs = [
        log(0, index, address=f"0x{index + 1:040x}", data="0x" + "f" * 2 * _WORD) for index in range(count)
    ]
    return _with_logs(logs)


def call_data(gas: int, transactions: int) -> Made:
    """Transactions with no data but zero bytes, as they were priced before EIP-7623."""
    own = max(0, (gas // transactions - _BASE) // _ZERO_BYTE)
    sent = [transaction(position, input="0x" + "00" * own) for position in range(transactions)]
    return block(sent), [receipt(position) for position in range(transactions)]


WORST: Final[dict[str, Callable[[int], Made]]] = {
    "batches": lambda gas: batches(gas, max(1, gas // 10_000)),
    "logs": lambda gas: plain_logs(gas, 0),
    "tokens": tokens,
    "call data": lambda gas: call_data(gas, 1),
    "transactions": lambda gas: call_data(gas, gas // _BASE),
}
"""What a block is worst in → such a block of that much gas."""


def _with_logs(logs: list[Answer]) -> Made:
    return block([transaction()]), [receipt(0, logs)]


def _memory(size: int) -> int:
    words = (size + _WORD - 1) // _WORD
    return 3 * words + words * words // 512
