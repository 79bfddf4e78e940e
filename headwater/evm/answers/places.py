"""Every place where a node says where a record belongs, compared: a record of another block is none of this.

Hash, number and position, of transactions, receipts and logs. One comparison of texts where all is well; the
same value written otherwise is not a difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NoReturn

from msgspec import UNSET, UnsetType

from headwater.digits import quantity
from headwater.evm.answers.absent import fill_in
from headwater.evm.answers.errors import AnswerError
from headwater.evm.answers.shapes import Block, Log, Receipt, Transaction

Counting = Literal["block", "transaction", "one"]
"""How a chain counts its logs: through the block from 0, as JSON-RPC says; anew in each
transaction; or through the block from 1."""


def check_transactions(block: Block) -> None:
    """Each transaction is of this block, at the place where it is listed, and there once.

    Raises AnswerError.
    """
    transactions = block.transactions or []
    for position, each in enumerate(transactions):
        if (
            each.transaction_index != hex(position)
            or each.block_hash != block.hash
            or each.block_number != block.number
        ):
            _check_transaction(each, position, block)
    first: dict[str, int] = {}
    for position, each in enumerate(transactions):
        earlier = first.setdefault(each.hash.lower(), position)
        if earlier != position:
            raise AnswerError(f"transactions[{position}].hash is that of transactions[{earlier}] too")


def check_receipts(block: Block, receipts: Sequence[Receipt]) -> None:
    """Receipts and logs are those of the block's transactions, in order.

    Fills in what a type of transaction does not have, and what one creates (see `absent`).
    Raises AnswerError.
    """
    transactions = block.transactions or []
    if len(receipts) != len(transactions):
        raise AnswerError(f"there are {len(receipts)} receipts for {len(transactions)} transactions")
    number = 0
    for index, (receipt, transaction) in enumerate(zip(receipts, transactions, strict=True)):
        position = hex(index)
        if (
            receipt.transaction_hash != transaction.hash
            or receipt.transaction_index != position
            or receipt.block_hash != block.hash
            or receipt.block_number != block.number
        ):
            _check_receipt(receipt, index, transaction, block)
        if (
            transaction.nonce is None
            or transaction.value is None
            or transaction.gas is None
            or transaction.input is None
            or transaction.to is None
        ):
            fill_in(transaction, receipt, index)
        for log in receipt.logs or ():
            if (
                log.transaction_hash != transaction.hash
                or log.transaction_index != position
                or log.block_hash != block.hash
                or log.block_number != block.number
            ):
                _check_log(log, number, index, transaction, block)
            number += 1


def check_log_indexes(receipts: Sequence[Receipt], habit: Counting = "block") -> None:
    """Logs count through the block from 0, in order and without a hole, or as is the chain's habit.

    Raises AnswerError.
    """
    expected = 0
    for receipt in receipts:
        for log in receipt.logs or ():
            if log.log_index != hex(expected) and index_of(log, expected) != expected:
                if habit != "block" and _stated(receipts) == counted(receipts, habit):
                    return
                raise AnswerError(
                    f"logs[{expected}].logIndex is {log.log_index}, which should be {hex(expected)} "
                    "(chain.log_indexes is for a chain that counts otherwise, from one or per transaction)"
                )
            expected += 1


def counted(receipts: Sequence[Receipt], habit: Counting) -> list[int]:
    """The indexes of all logs as a chain of that habit has them."""
    counts = [len(receipt.logs or ()) for receipt in receipts]
    if habit == "transaction":
        return [index for count in counts for index in range(count)]
    first = 1 if habit == "one" else 0
    return list(range(first, first + sum(counts)))


def _stated(receipts: Sequence[Receipt]) -> list[int]:
    logs = [log for receipt in receipts for log in receipt.logs or ()]
    return [index_of(log, position) for position, log in enumerate(logs)]


def index_of(log: Log, position: int) -> int:
    """The index that a log says it has, else its position among the block's. Raises AnswerError."""
    if log.log_index is None:
        return position
    index = quantity(log.log_index)
    if index is None:
        raise AnswerError(f"logs[{position}].logIndex is {log.log_index}, which is not a quantity")
    return index


def same(one: str, other: str) -> bool:
    """Whether two texts are the same hash, address or quantity."""
    if one == other or one.lower() == other.lower():
        return True
    return quantity(one, 256) == quantity(other, 256) is not None


def _check_transaction(transaction: Transaction, position: int, block: Block) -> None:
    where = f"transactions[{position}]"
    _is(transaction.transaction_index, hex(position), f"{where}.transactionIndex")
    _is(transaction.block_hash, block.hash, f"{where}.blockHash")
    _is(transaction.block_number, block.number, f"{where}.blockNumber")


def _check_receipt(receipt: Receipt, position: int, transaction: Transaction, block: Block) -> None:
    where = f"receipts[{position}]"
    if receipt.transaction_index is None or receipt.block_hash is None:
        name = "blockHash" if receipt.block_hash is None else "transactionIndex"
        raise AnswerError(f"{where}.{name} is null: it is of no block yet")
    _is(receipt.transaction_hash, transaction.hash, f"{where}.transactionHash")
    _is(receipt.transaction_index, hex(position), f"{where}.transactionIndex")
    _is(receipt.block_hash, block.hash, f"{where}.blockHash")
    _is(receipt.block_number, block.number, f"{where}.blockNumber")


def _check_log(log: Log, index: int, position: int, transaction: Transaction, block: Block) -> None:
    where = f"logs[{index}]"
    _is(log.transaction_hash, transaction.hash, f"{where}.transactionHash")
    _is(log.transaction_index, hex(position), f"{where}.transactionIndex")
    _is(log.block_hash, block.hash, f"{where}.blockHash")
    _is(log.block_number, block.number, f"{where}.blockNumber")


def _is(value: str | UnsetType | None, expected: str, path: str) -> None:
    if value is not None and value is not UNSET and not same(value, expected):
        _differs(path, value, expected)


def _differs(path: str, value: str, expected: str) -> NoReturn:
    raise AnswerError(f"{path} is {value}, which should be {expected}")
