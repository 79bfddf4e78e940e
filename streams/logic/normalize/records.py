"""From a node's answers to the Avro bodies of a block's header, transactions and logs.

Raises ValueError or the codec's WrongValue for content that is not what its field says; which field of
which record it was is found afterwards by `faults`, so that the good path stays free of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from schemas import codec_for_record
from streams.logic.normalize.absent import fill_in, parity_of
from streams.logic.normalize.answers import AccessListEntry, Authorization, Block, Receipt, Transaction
from streams.logic.normalize.decode import join_extra
from streams.logic.normalize.differences import (
    log_differences,
    receipt_differences,
    refuse_other_place,
    refuse_repeated,
    transaction_differences,
)
from streams.logic.normalize.hex import (
    SMALL,
    Words,
    decimal,
    octets,
    optional_decimal,
    optional_integer,
    optional_octets,
)

_header = codec_for_record("normalized-blocks", "BlockBody").write_values
_transaction = codec_for_record("normalized-blocks", "TransactionBody").write_values
_log = codec_for_record("normalized-blocks", "LogBody").write_values
_withdrawal = codec_for_record("normalized-blocks", "Withdrawal").write_values
_entry = codec_for_record("normalized-blocks", "AccessListEntry").write_values
_authorization = codec_for_record("normalized-blocks", "Authorization").write_values


@dataclass(frozen=True, slots=True)
class Bodies:
    """The Avro bodies of a block; its logs are in the order of their transactions."""

    header: bytes
    transactions: list[bytes]
    logs: list[bytes]


def encode_header(block: Block) -> bytes:
    """BlockBody."""
    withdrawals = block.withdrawals
    return _header(
        octets(block.parent_hash),
        optional_octets(block.nonce),
        octets(block.sha3_uncles),
        optional_octets(block.logs_bloom),
        octets(block.transactions_root),
        octets(block.state_root),
        octets(block.receipts_root),
        octets(block.miner),
        "0" if block.difficulty == "0x" else decimal(block.difficulty),
        optional_decimal(block.total_difficulty),
        optional_integer(block.size),
        octets(block.extra_data),
        int(block.gas_limit, 0),
        int(block.gas_used, 0),
        len(block.transactions or ()),
        optional_decimal(block.base_fee_per_gas),
        optional_octets(block.mix_hash),
        optional_octets(block.withdrawals_root),
        None
        if withdrawals is None
        else [
            _withdrawal(
                int(each.index, 0), int(each.validator_index, 0), octets(each.address), int(each.amount, 0)
            )
            for each in withdrawals
        ],
        optional_integer(block.blob_gas_used),
        optional_integer(block.excess_blob_gas),
        optional_octets(block.parent_beacon_block_root),
        optional_octets(block.requests_hash),
        [octets(each) for each in block.uncles or ()],
        block.extra,
    )


def encode_records(block: Block, receipts: list[Receipt], chain_id: int) -> Bodies:
    """All records of a block; `receipts` are in the transactions' order."""
    words = Words()
    chain = hex(chain_id)
    transactions: list[bytes] = []
    logs: list[bytes] = []
    indexes: list[int] = []
    for position, (transaction, receipt) in enumerate(zip(block.transactions or (), receipts, strict=True)):
        if transaction.type is None:
            transaction.type = "0x0"
        if SMALL.get(transaction.transaction_index) != position:
            refuse_other_place(transaction, position)
        if (
            transaction.block_hash != block.hash
            or transaction.block_number != block.number
            or (transaction.chain_id is not None and transaction.chain_id != chain)
            or (transaction.block_timestamp is not None and transaction.block_timestamp != block.timestamp)
        ):
            transaction.extra = transaction_differences(transaction, block, chain_id)
        if (
            receipt.transaction_hash != transaction.hash
            or receipt.block_hash != block.hash
            or receipt.transaction_index != transaction.transaction_index
            or receipt.from_ != transaction.from_
            or receipt.to != transaction.to
            or receipt.type != transaction.type
            or receipt.block_number != block.number
            or receipt.block_timestamp is not None
        ):
            receipt.extra = receipt_differences(receipt, transaction, block)
        own_hash = octets(transaction.hash)
        for log in receipt.logs or ():
            if (
                log.transaction_hash != transaction.hash
                or log.block_hash != block.hash
                or log.transaction_index != transaction.transaction_index
                or log.block_number != block.number
                or log.removed
                or (log.block_timestamp is not None and log.block_timestamp != block.timestamp)
            ):
                log.extra = log_differences(log, transaction, block)
            index = int(log.log_index, 0)
            indexes.append(index)
            logs.append(
                _log(
                    index,
                    own_hash,
                    position,
                    words[log.address],
                    [words[topic] for topic in log.topics or ()],
                    octets(log.data),
                    log.extra,
                )
            )
        transactions.append(_encode_transaction(transaction, receipt, own_hash, position, words))
    refuse_repeated(indexes)
    return Bodies(encode_header(block), transactions, logs)


def _encode_transaction(
    transaction: Transaction, receipt: Receipt, own_hash: bytes, position: int, words: Words
) -> bytes:
    kind, status = transaction.type or "0x0", receipt.status
    if None in (transaction.nonce, transaction.value, transaction.gas, transaction.input):
        fill_in(transaction, receipt, position)
    hashes, accesses, authorizations = (
        transaction.blob_versioned_hashes,
        transaction.access_list,
        transaction.authorization_list,
    )
    if authorizations and any(parity_of(each) is None for each in authorizations):
        transaction.extra = join_extra(
            transaction.extra, {"authorizationList": msgspec.to_builtins(authorizations)}
        )
        authorizations = None
    return _transaction(
        own_hash,
        position,
        words[transaction.from_],
        words.optional(transaction.to),
        int(transaction.nonce or "", 0),
        str(int(transaction.value or "", 0)),
        int(transaction.gas or "", 0),
        optional_decimal(transaction.gas_price),
        octets(transaction.input or ""),
        SMALL[kind] if kind in SMALL else int(kind, 0),
        optional_decimal(transaction.max_fee_per_gas),
        optional_decimal(transaction.max_priority_fee_per_gas),
        optional_decimal(transaction.max_fee_per_blob_gas),
        [octets(each) for each in hashes] if hashes else (),
        [_encode_entry(each, words) for each in accesses] if accesses else accesses,
        [_encode_authorization(each) for each in authorizations] if authorizations else authorizations,
        optional_decimal(transaction.v),
        optional_decimal(transaction.r),
        optional_decimal(transaction.s),
        optional_integer(transaction.y_parity),
        int(receipt.cumulative_gas_used, 0),
        int(receipt.gas_used, 0),
        optional_octets(receipt.contract_address),
        optional_octets(receipt.root),
        SMALL[status] if status in SMALL else optional_integer(status),
        optional_decimal(receipt.effective_gas_price),
        optional_integer(receipt.blob_gas_used),
        optional_decimal(receipt.blob_gas_price),
        optional_decimal(receipt.l1_fee),
        optional_integer(receipt.l1_gas_used),
        optional_decimal(receipt.l1_gas_price),
        receipt.l1_fee_scalar,
        len(receipt.logs or ()),
        transaction.extra,
        receipt.extra,
    )


def _encode_entry(entry: AccessListEntry, words: Words) -> bytes:
    return _entry(words[entry.address], words.list(entry.storage_keys or ()))


def _encode_authorization(authorization: Authorization) -> bytes:
    return _authorization(
        decimal(authorization.chain_id),
        octets(authorization.address),
        decimal(authorization.nonce),
        parity_of(authorization),
        decimal(authorization.r),
        decimal(authorization.s),
    )
