"""What a node says of a block and its receipts, as typed structs.

Quantities and data stay the text that the node sent. What no field models is in `extra`, a JSON object
(see `canonical`). In each struct the fields that only it tells come first: `digits` reads them as a slice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, field

EXTRA = "headwater:extra"
"""Name of the structs' own field for unmodelled content."""


class Extra(str):
    """A JSON object of what no field models.

    No JSON decodes into a type of one's own: where a node sends EXTRA, it is unmodelled like any other field.
    """

    __slots__ = ()

    @classmethod
    def of(cls, content: Mapping[str, object]) -> Extra:
        """Keys are sorted, so that equal content is equal text."""
        return cls(msgspec.json.encode(content, order="sorted").decode())

    def content(self) -> dict[str, object]:
        """The fields again."""
        return _CONTENT.decode(self.encode())


_CONTENT = msgspec.json.Decoder(dict[str, object])


@dataclass(frozen=True, slots=True)
class Digits:
    """Text that is a quantity, 0x-hex, of at most `bits` bits."""

    bits: int


@dataclass(frozen=True, slots=True)
class Octets:
    """Text that is 0x-hex of whole bytes; `size` of them, None for any number."""

    size: int | None


# A text's length bounds its number: 64 bits have 16 hex digits. Padded quantities are canonicalised first.
Hash = Annotated[str, Meta(min_length=66, max_length=66), Octets(32)]
Address = Annotated[str, Meta(min_length=42, max_length=42), Octets(20)]
BloomText = Annotated[str, Meta(min_length=514, max_length=514), Octets(256)]
Data = Annotated[str, Meta(min_length=2), Octets(None)]
Seal = Annotated[str, Meta(min_length=4), Octets(None)]
Uint256 = Annotated[str, Meta(min_length=3, max_length=66), Digits(256)]
Uint64 = Annotated[str, Meta(min_length=3, max_length=18), Digits(64)]
Index = Annotated[str, Meta(min_length=3, max_length=9), Digits(28)]
"""A place in a block: far below what an Avro int holds."""
Small = Annotated[str, Meta(min_length=3, max_length=4), Digits(8)]
"""A status, a parity: the tables have one byte for it."""


class Answer(Struct, rename="camel", forbid_unknown_fields=True, gc=False):
    """A JSON object of the node's. null and a missing field are the same, but where a field says UNSET."""


class AccessListEntry(Answer):
    address: Address
    storage_keys: list[Hash] | None = None


class Authorization(Answer):
    """EIP-7702; some nodes call the parity v."""

    chain_id: Uint256
    address: Address
    nonce: Uint256
    r: Uint256
    s: Uint256
    y_parity: Uint256 | None = None
    v: Uint256 | None = None


class Withdrawal(Answer):
    """EIP-4895; the amount is in gwei."""

    index: Uint64
    validator_index: Uint64
    address: Address
    amount: Uint64


class Transaction(Answer):
    """Types of a chain's own may lack a nonce, gas, value or input; its place is that in the list."""

    hash: Hash
    from_: Address = field(name="from")
    nonce: Uint64 | None = None
    gas: Uint64 | None = None
    value: Uint256 | None = None
    to: Address | None = None
    type: Uint64 | None = None
    gas_price: Uint256 | None = None
    max_fee_per_gas: Uint256 | None = None
    max_priority_fee_per_gas: Uint256 | None = None
    max_fee_per_blob_gas: Uint256 | None = None
    v: Uint256 | None = None
    r: Uint256 | None = None
    s: Uint256 | None = None
    y_parity: Small | None = None
    input: Data | None = None
    transaction_index: Index | None = None
    block_hash: Hash | None = None
    block_number: Uint64 | None = None
    block_timestamp: Uint64 | None = None
    chain_id: Uint256 | None = None
    blob_versioned_hashes: list[Hash] | None = None
    access_list: list[AccessListEntry] | None = None
    authorization_list: list[Authorization] | None = None
    extra: Extra | None = field(default=None, name=EXTRA)


class Log(Answer):
    """A log without an index stands where it is listed."""

    address: Address
    topics: list[Hash] | None = None
    data: Data | None = None
    log_index: Index | None = None
    transaction_hash: Hash | None = None
    transaction_index: Index | None = None
    block_hash: Hash | None = None
    block_number: Uint64 | None = None
    block_timestamp: Uint64 | None = None
    removed: bool | None = None
    extra: Extra | None = field(default=None, name=EXTRA)


class Receipt(Answer, kw_only=True):
    """A block hash or an index of null is of a block still being made; one that is not there says nothing."""

    cumulative_gas_used: Uint64
    gas_used: Uint64
    status: Small | None = None
    contract_address: Address | None = None
    root: Hash | None = None
    effective_gas_price: Uint256 | None = None
    blob_gas_used: Uint64 | None = None
    blob_gas_price: Uint256 | None = None
    l1_fee: Uint256 | None = None
    l1_gas_used: Uint64 | None = None
    l1_gas_price: Uint256 | None = None
    transaction_hash: Hash
    transaction_index: Index | UnsetType | None = UNSET
    block_hash: Hash | UnsetType | None = UNSET
    block_number: Uint64 | None = None
    block_timestamp: Uint64 | None = None
    from_: Address | None = field(default=None, name="from")
    to: Address | None = None
    type: Uint64 | None = None
    l1_fee_scalar: str | None = None
    logs: list[Log] | None = None
    logs_bloom: str | None = None
    extra: Extra | None = field(default=None, name=EXTRA)


class Block(Answer):
    """Only difficulty, sha3Uncles and gasLimit of a header may be absent among what every record has: some
    chains leave them out. Whether the header is genuine is not told here."""

    number: Uint64
    hash: Hash
    parent_hash: Hash
    timestamp: Uint64
    transactions_root: Hash
    state_root: Hash
    receipts_root: Hash
    miner: Address
    gas_used: Uint64
    gas_limit: Uint64 | None = None
    sha3_uncles: Hash | None = None
    difficulty: Uint256 | None = None
    extra_data: Data | None = None
    nonce: Seal | None = None
    logs_bloom: BloomText | None = None
    total_difficulty: Uint256 | None = None
    size: Uint64 | None = None
    base_fee_per_gas: Uint256 | None = None
    mix_hash: Hash | None = None
    withdrawals_root: Hash | None = None
    blob_gas_used: Uint64 | None = None
    excess_blob_gas: Uint64 | None = None
    parent_beacon_block_root: Hash | None = None
    requests_hash: Hash | None = None
    withdrawals: list[Withdrawal] | None = None
    transactions: list[Transaction] | None = None
    uncles: list[Hash] | None = None
    extra: Extra | None = field(default=None, name=EXTRA)
