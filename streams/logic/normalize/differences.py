"""What a node says twice and should say alike: a sender in its receipt, a block's time in each transaction, …

Called only where the texts differ. The same value written otherwise is not a difference. A contradiction
(sender, receiver, type, chain id, timestamp, removed) is kept in `extra`; where a record belongs is not
among them: `headwater.evm.answers.places` refuses what is of another block.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from headwater.evm.answers.errors import AnswerError
from headwater.evm.answers.places import counted, index_of, same
from headwater.evm.answers.shapes import Block, Extra, Log, Receipt, Transaction
from streams.logic.normalize.hex import SMALL


def join_extra(extra: Extra | None, more: dict[str, object]) -> Extra:
    """`extra` with more content."""
    return Extra.of(more if extra is None else extra.content() | more)


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


def transaction_differences(transaction: Transaction, block: Block, chain_id: int) -> Extra | None:
    """The transaction's extra content, contradictions included."""
    more: dict[str, object] = {}
    _note(more, "chainId", transaction.chain_id, hex(chain_id))
    _note(more, "blockTimestamp", transaction.block_timestamp, block.timestamp)
    return join_extra(transaction.extra, more) if more else transaction.extra


def receipt_differences(receipt: Receipt, transaction: Transaction, block: Block) -> Extra | None:
    """The receipt's extra content, contradictions included."""
    more: dict[str, object] = {}
    _note(more, "from", receipt.from_, transaction.from_)
    _note(more, "to", receipt.to, transaction.to)
    _note(more, "type", receipt.type, transaction.type)
    _note(more, "blockTimestamp", receipt.block_timestamp, block.timestamp)
    return join_extra(receipt.extra, more) if more else receipt.extra


def log_differences(log: Log, block: Block) -> Extra | None:
    """The log's extra content, contradictions included."""
    more: dict[str, object] = {"removed": True} if log.removed else {}
    _note(more, "blockTimestamp", log.block_timestamp, block.timestamp)
    return join_extra(log.extra, more) if more else log.extra


def log_numbers(receipts: Sequence[Receipt]) -> list[int]:
    """Each log's index in the block; where a chain counts otherwise its own number is kept in `extra`.

    Raises AnswerError when two logs have one index: they would have one identity.
    """
    logs = [log for receipt in receipts for log in receipt.logs or ()]
    stated = [_index(log, position) for position, log in enumerate(logs)]
    places = list(range(len(logs)))
    if stated == places:
        return stated
    if stated in (counted(receipts, "transaction"), counted(receipts, "one")):
        for place, index, log in zip(places, stated, logs, strict=True):
            if index != place:
                log.extra = join_extra(log.extra, {"logIndex": log.log_index})
        return places
    index, times = Counter(stated).most_common(1)[0]
    if times > 1:
        raise AnswerError(f"logs: logIndex {index} occurs {times} times")
    return stated


def _index(log: Log, position: int) -> int:
    index = SMALL.get(log.log_index or "")
    return index_of(log, position) if index is None else index


def _note(more: dict[str, object], name: str, value: str | None, expected: str | None) -> None:
    if value is not None and (expected is None or not same(value, expected)):
        more[name] = value
