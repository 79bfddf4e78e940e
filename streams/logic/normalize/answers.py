"""What a node says of a block and its receipts, as typed structs.

Quantities and data stay the text that the node sent; their content is read when they are encoded. What no
field models is in `extra`, a JSON object (see `decode`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta, Struct, field

EXTRA = "headwater:extra"
"""JSON name of the structs' own field for unmodelled content: no node sends it."""


@dataclass(frozen=True, slots=True)
class Digits:
    """Text that is a number, 0x-hex (or plain decimal), of at most `bits` bits; or "0x" where it may be."""

    bits: int
    may_be_empty: bool = False


@dataclass(frozen=True, slots=True)
class Octets:
    """Text that is 0x-hex of whole bytes; `size` of them, None for any number."""

    size: int | None


Hash = Annotated[str, Meta(min_length=66, max_length=66), Octets(32)]
Address = Annotated[str, Meta(min_length=42, max_length=42), Octets(20)]
Data = Annotated[str, Octets(None)]
Uint = Annotated[str, Meta(max_length=66), Digits(256)]
Quantity = Annotated[str, Meta(max_length=66), Digits(256, may_be_empty=True)]
Long = Annotated[str, Meta(max_length=66), Digits(63)]
Int = Annotated[str, Meta(max_length=66), Digits(31)]


class Answer(Struct, rename="camel", forbid_unknown_fields=True, gc=False):
    """A JSON object of the node's."""


class AccessListEntry(Answer):
    address: Address
    storage_keys: list[Hash] | None = None


class Authorization(Answer):
    """EIP-7702; some nodes call the parity v."""

    chain_id: Uint
    address: Address
    nonce: Uint
    r: Uint
    s: Uint
    y_parity: Int | None = None
    v: Uint | None = None


class Withdrawal(Answer):
    """EIP-4895; the amount is in gwei."""

    index: Long
    validator_index: Long
    address: Address
    amount: Long


class Transaction(Answer):
    """Types of a chain's own may lack a nonce, gas, value or input."""

    hash: Hash
    from_: Address = field(name="from")
    transaction_index: Int
    nonce: Long | None = None
    gas: Long | None = None
    value: Uint | None = None
    input: Data | None = None
    to: Data | None = None
    block_hash: Hash | None = None
    block_number: Long | None = None
    block_timestamp: Long | None = None
    chain_id: Uint | None = None
    type: Long | None = None
    gas_price: Uint | None = None
    max_fee_per_gas: Uint | None = None
    max_priority_fee_per_gas: Uint | None = None
    max_fee_per_blob_gas: Uint | None = None
    blob_versioned_hashes: list[Hash] | None = None
    access_list: list[AccessListEntry] | None = None
    authorization_list: list[Authorization] | None = None
    v: Uint | None = None
    r: Uint | None = None
    s: Uint | None = None
    y_parity: Int | None = None
    extra: str | None = field(default=None, name=EXTRA)


class Log(Answer):
    address: Address
    log_index: Int
    data: Data
    topics: list[Hash] | None = None
    transaction_hash: Hash | None = None
    transaction_index: Int | None = None
    block_hash: Hash | None = None
    block_number: Long | None = None
    block_timestamp: Long | None = None
    removed: bool | None = False
    extra: str | None = field(default=None, name=EXTRA)


class Receipt(Answer):
    transaction_hash: Hash
    cumulative_gas_used: Long
    gas_used: Long
    logs: list[Log] | None = None
    transaction_index: Int | None = None
    block_hash: Hash | None = None
    block_number: Long | None = None
    block_timestamp: Long | None = None
    from_: Address | None = field(default=None, name="from")
    to: Data | None = None
    type: Long | None = None
    logs_bloom: Data | None = None
    contract_address: Data | None = None
    root: Data | None = None
    status: Int | None = None
    effective_gas_price: Uint | None = None
    blob_gas_used: Long | None = None
    blob_gas_price: Uint | None = None
    l1_fee: Uint | None = None
    l1_gas_used: Long | None = None
    l1_gas_price: Uint | None = None
    l1_fee_scalar: str | None = None
    extra: str | None = field(default=None, name=EXTRA)


class Block(Answer):
    number: Long
    hash: Hash
    parent_hash: Hash
    timestamp: Long
    sha3_uncles: Hash
    transactions_root: Hash
    state_root: Hash
    receipts_root: Hash
    miner: Address
    difficulty: Quantity
    extra_data: Data
    gas_limit: Long
    gas_used: Long
    transactions: list[Transaction] | None = None
    nonce: Data | None = None
    logs_bloom: Data | None = None
    total_difficulty: Uint | None = None
    size: Long | None = None
    base_fee_per_gas: Uint | None = None
    mix_hash: Hash | None = None
    withdrawals_root: Hash | None = None
    withdrawals: list[Withdrawal] | None = None
    blob_gas_used: Long | None = None
    excess_blob_gas: Long | None = None
    parent_beacon_block_root: Hash | None = None
    requests_hash: Hash | None = None
    uncles: list[Hash] | None = None
    extra: str | None = field(default=None, name=EXTRA)
