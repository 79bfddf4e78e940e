"""From a node's answers to the Avro bodies of a block's header, transactions and logs.

What an answer may say has been settled when it was decoded and its places compared; ValueError and the
codec's WrongValue are raised for what slipped through.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from headwater.evm.answers.absent import NO_UNCLES, parity_of
from headwater.evm.answers.shapes import AccessListEntry, Authorization, Block, Receipt, Transaction
from schemas import codec_for_record
from streams.logic.normalize.differences import (
    join_extra,
    log_differences,
    log_numbers,
    receipt_differences,
    transaction_differences,
)
from streams.logic.normalize.hex import (
    SMALL,
    Words,
    decimal,
    octets,
    optional_decimal,
    optional_octets,
    optional_unsigned,
    unsigned,
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
        octets(block.sha3_uncles or NO_UNCLES),
        optional_octets(block.logs_bloom),
        octets(block.transactions_root),
        octets(block.state_root),
        octets(block.receipts_root),
        octets(block.miner),
        decimal(block.difficulty or "0x0"),
        optional_decimal(block.total_difficulty),
        optional_unsigned(block.size),
        octets(block.extra_data or "0x"),
        unsigned(block.gas_limit or "0x0"),
        unsigned(block.gas_used),
        len(block.transactions or ()),
        optional_decimal(block.base_fee_per_gas),
        optional_octets(block.mix_hash),
        optional_octets(block.withdrawals_root),
        None
        if withdrawals is None
        else [
            _withdrawal(
                unsigned(each.index),
                unsigned(each.validator_index),
                octets(each.address),
                unsigned(each.amount),
            )
            for each in withdrawals
        ],
        optional_unsigned(block.blob_gas_used),
        optional_unsigned(block.excess_blob_gas),
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
    indexes = iter(log_numbers(receipts))
    for position, (transaction, receipt) in enumerate(zip(block.transactions or (), receipts, strict=True)):
        if transaction.type is None:
            transaction.type = "0x0"
        if (transaction.chain_id is not None and transaction.chain_id != chain) or (
            transaction.block_timestamp is not None and transaction.block_timestamp != block.timestamp
        ):
            transaction.extra = transaction_differences(transaction, block, chain_id)
        if (
            receipt.from_ != transaction.from_
            or receipt.to != transaction.to
            or receipt.type != transaction.type
            or receipt.block_timestamp is not None
        ):
            receipt.extra = receipt_differences(receipt, transaction, block)
        own_hash = octets(transaction.hash)
        for log in receipt.logs or ():
            if log.removed or (log.block_timestamp is not None and log.block_timestamp != block.timestamp):
                log.extra = log_differences(log, block)
            logs.append(
                _log(
                    next(indexes),
                    own_hash,
                    position,
                    words[log.address],
                    [words[topic] for topic in log.topics or ()],
                    octets(log.data or "0x"),
                    log.extra,
                )
            )
        transactions.append(_encode_transaction(transaction, receipt, own_hash, position, words))
    return Bodies(encode_header(block), transactions, logs)


def _encode_transaction(
    transaction: Transaction, receipt: Receipt, own_hash: bytes, position: int, words: Words
) -> bytes:
    kind, status = transaction.type or "0x0", receipt.status
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
        unsigned(transaction.nonce or ""),
        str(int(transaction.value or "", 16)),
        unsigned(transaction.gas or ""),
        optional_decimal(transaction.gas_price),
        octets(transaction.input or ""),
        SMALL[kind] if kind in SMALL else unsigned(kind),
        optional_decimal(transaction.max_fee_per_gas),
        optional_decimal(transaction.max_priority_fee_per_gas),
        optional_decimal(transaction.max_fee_per_blob_gas),
        [octets(each) for each in hashes] if hashes else (),
        [_encode_entry(each, words) for each in accesses] if accesses else accesses,
        [_encode_authorization(each) for each in authorizations] if authorizations else authorizations,
        optional_decimal(transaction.v),
        optional_decimal(transaction.r),
        optional_decimal(transaction.s),
        optional_unsigned(transaction.y_parity),
        unsigned(receipt.cumulative_gas_used),
        unsigned(receipt.gas_used),
        optional_octets(receipt.contract_address),
        optional_octets(receipt.root),
        SMALL[status] if status in SMALL else optional_unsigned(status),
        optional_decimal(receipt.effective_gas_price),
        optional_unsigned(receipt.blob_gas_used),
        optional_decimal(receipt.blob_gas_price),
        optional_decimal(receipt.l1_fee),
        optional_unsigned(receipt.l1_gas_used),
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
