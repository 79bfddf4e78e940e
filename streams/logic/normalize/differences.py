"""What a node says twice and should say alike: a sender in its receipt, a block's time in each transaction, …

Called only where the texts differ. The same value written otherwise is not a difference. A contradiction
(sender, receiver, type, chain id, timestamp, removed) is kept in `extra`; where a record belongs is not
among them: `headwater.evm.answers.places` refuses what is of another block.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from headwater.evm.answers.errors import AnswerError
from headwater.evm.answers.places import same
from headwater.evm.answers.shapes import Block, Log, Receipt, Transaction


def join_extra(extra: str | None, more: dict[str, object]) -> str:
    """`extra` with more content, keys sorted so that equal content is equal text."""
    content: dict[str, object] = {} if extra is None else msgspec.json.decode(extra)
    return msgspec.json.encode(content | more, order="sorted").decode()


def receipts_in_order(transactions: Sequence[Transaction], receipts: Sequence[Receipt]) -> list[Receipt]:
    """The receipts in the transactions' order. Raises AnswerError when they are not the same transactions."""
    if len(receipts) != len(transactions):
        raise AnswerError(f"there are {len(receipts)} receipts for {len(transactions)} transactions")
    by_hash = {receipt.transaction_hash.lower(): receipt for receipt in receipts}
    if len(by_hash) != len(receipts):
        raise AnswerError("receipts: transactionHash occurs twice")
    try:
        return [by_hash[transaction.hash.lower()] for transaction in transactions]
    except KeyError as error:
        raise AnswerError(f"transaction {error.args[0]} has no receipt") from None


def transaction_differences(transaction: Transaction, block: Block, chain_id: int) -> str | None:
    """The transaction's extra content, contradictions included."""
    more: dict[str, object] = {}
    _note(more, "chainId", transaction.chain_id, hex(chain_id))
    _note(more, "blockTimestamp", transaction.block_timestamp, block.timestamp)
    return join_extra(transaction.extra, more) if more else transaction.extra


def receipt_differences(receipt: Receipt, transaction: Transaction, block: Block) -> str | None:
    """The receipt's extra content, contradictions included."""
    more: dict[str, object] = {}
    _note(more, "from", receipt.from_, transaction.from_)
    _note(more, "to", receipt.to, transaction.to)
    _note(more, "type", receipt.type, transaction.type)
    _note(more, "blockTimestamp", receipt.block_timestamp, block.timestamp)
    return join_extra(receipt.extra, more) if more else receipt.extra


def log_differences(log: Log, block: Block) -> str | None:
    """The log's extra content, contradictions included."""
    more: dict[str, object] = {"removed": True} if log.removed else {}
    _note(more, "blockTimestamp", log.block_timestamp, block.timestamp)
    return join_extra(log.extra, more) if more else log.extra


def refuse_repeated(log_indexes: Sequence[int]) -> None:
    """Raises AnswerError when two logs have one index: they would have one identity."""
    if len(set(log_indexes)) == len(log_indexes):
        return
    index, times = Counter(log_indexes).most_common(1)[0]
    raise AnswerError(f"logs: logIndex {index} occurs {times} times")


def _note(more: dict[str, object], name: str, value: str | None, expected: str | None) -> None:
    if value is not None and (expected is None or not same(value, expected)):
        more[name] = value
