"""What a node says twice must agree: a block's hash in each transaction, a sender in its receipt, …

Called only where the texts differ. The same value written otherwise is not a difference. Another block,
transaction or position is Permanent, since the record is then not of this block; any other
contradiction (sender, receiver, type, chain id, timestamp, removed) is kept in `extra`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from headwater.errors import Permanent
from streams.logic.normalize.answers import Block, Log, Receipt, Transaction
from streams.logic.normalize.decode import join_extra


def receipts_in_order(transactions: Sequence[Transaction], receipts: Sequence[Receipt]) -> list[Receipt]:
    """The receipts in the transactions' order. Raises Permanent when they are not the same transactions."""
    if len(receipts) != len(transactions):
        raise Permanent(f"{len(transactions)} transactions, {len(receipts)} receipts")
    by_hash = {receipt.transaction_hash.lower(): receipt for receipt in receipts}
    if len(by_hash) != len(receipts):
        raise Permanent("receipts: transactionHash occurs twice")
    try:
        return [by_hash[transaction.hash.lower()] for transaction in transactions]
    except KeyError as error:
        raise Permanent(f"transaction {error.args[0]} has no receipt") from None


def refuse_other_place(transaction: Transaction, position: int) -> None:
    """Raises Permanent when the transaction says that it is elsewhere in the block."""
    _refuse(f"transactions[{position}]", "transactionIndex", transaction.transaction_index, hex(position))


def transaction_differences(transaction: Transaction, block: Block, chain_id: int) -> str | None:
    """The transaction's extra content, contradictions included. Raises Permanent as the module says."""
    where = f"transactions[{int(transaction.transaction_index, 0)}]"
    _refuse(where, "blockHash", transaction.block_hash, block.hash)
    _refuse(where, "blockNumber", transaction.block_number, block.number)
    more: dict[str, object] = {}
    _note(more, "chainId", transaction.chain_id, hex(chain_id))
    _note(more, "blockTimestamp", transaction.block_timestamp, block.timestamp)
    return join_extra(transaction.extra, more) if more else transaction.extra


def receipt_differences(receipt: Receipt, transaction: Transaction, block: Block) -> str | None:
    """The receipt's extra content, contradictions included. Raises Permanent as the module says."""
    where = f"receipts[{int(transaction.transaction_index, 0)}]"
    _refuse(where, "transactionHash", receipt.transaction_hash, transaction.hash)
    _refuse(where, "transactionIndex", receipt.transaction_index, transaction.transaction_index)
    _refuse(where, "blockHash", receipt.block_hash, block.hash)
    _refuse(where, "blockNumber", receipt.block_number, block.number)
    more: dict[str, object] = {}
    _note(more, "from", receipt.from_, transaction.from_)
    _note(more, "to", receipt.to, transaction.to)
    _note(more, "type", receipt.type, transaction.type)
    _note(more, "blockTimestamp", receipt.block_timestamp, block.timestamp)
    return join_extra(receipt.extra, more) if more else receipt.extra


def log_differences(log: Log, transaction: Transaction, block: Block) -> str | None:
    """The log's extra content, contradictions included. Raises Permanent as the module says."""
    where = f"logs[logIndex {log.log_index}]"
    _refuse(where, "transactionHash", log.transaction_hash, transaction.hash)
    _refuse(where, "transactionIndex", log.transaction_index, transaction.transaction_index)
    _refuse(where, "blockHash", log.block_hash, block.hash)
    _refuse(where, "blockNumber", log.block_number, block.number)
    more: dict[str, object] = {"removed": True} if log.removed else {}
    _note(more, "blockTimestamp", log.block_timestamp, block.timestamp)
    return join_extra(log.extra, more) if more else log.extra


def refuse_repeated(log_indexes: Sequence[int]) -> None:
    """Raises Permanent when two logs have one index: they would have one identity."""
    if len(set(log_indexes)) == len(log_indexes):
        return
    index, times = Counter(log_indexes).most_common(1)[0]
    raise Permanent(f"logs: logIndex {index} occurs {times} times")


def _refuse(where: str, name: str, value: str | None, expected: str) -> None:
    if value is not None and not _same(value, expected):
        raise Permanent(f"{where}.{name} is {value}, which should be {expected}")


def _note(more: dict[str, object], name: str, value: str | None, expected: str | None) -> None:
    if value is not None and not _same(value, "0x" if expected is None else expected):
        more[name] = value


def _same(one: str, other: str) -> bool:
    """Whether two texts are the same hash, address or quantity."""
    if one.lower() == other.lower():
        return True
    # Addresses and hashes have a fixed length: only quantities are written with leading zeros.
    return len(one) <= 18 and len(other) <= 18 and _number(one) == _number(other) is not None


def _number(text: str) -> int | None:
    try:
        return int(text, 0)
    except ValueError:
        return None
