"""What a node says of a block and its receipts, decoded into typed structs.

Almost every answer of almost every chain has only the fields below, and `msgspec` decodes it straight
into structs. An answer with any other field, or numbers where JSON-RPC has hex strings, is decoded
without a type first: what no field models goes into `extra` as a JSON object, the rest becomes the same
structs. Quantities and data stay the text that the node sent; their content is read when they are
encoded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, Struct, field

from headwater.errors import Permanent

EXTRA = "headwater:extra"
"""JSON name of the structs' own field for unmodelled content: no node sends it."""


@dataclass(frozen=True, slots=True)
class Digits:
    """Text that is a number, 0x-hex (or plain decimal), of at most `bits` bits."""

    bits: int


@dataclass(frozen=True, slots=True)
class Octets:
    """Text that is 0x-hex of whole bytes; `size` of them, None for any number."""

    size: int | None


Hash = Annotated[str, Meta(min_length=66, max_length=66), Octets(32)]
Address = Annotated[str, Meta(min_length=42, max_length=42), Octets(20)]
Data = Annotated[str, Octets(None)]
Uint = Annotated[str, Meta(max_length=66), Digits(256)]
Long = Annotated[str, Meta(max_length=66), Digits(63)]
Int = Annotated[str, Meta(max_length=66), Digits(31)]


class Answer(Struct, rename="camel", forbid_unknown_fields=True, gc=False):
    """A JSON object of the node's."""


class AccessListEntry(Answer):
    address: Address
    storage_keys: list[Hash] | None = None


class Authorization(Answer):
    """EIP-7702."""

    chain_id: Uint
    address: Address
    nonce: Uint
    r: Uint
    s: Uint
    y_parity: Int


class Withdrawal(Answer):
    """EIP-4895; the amount is in gwei."""

    index: Long
    validator_index: Long
    address: Address
    amount: Long


class Transaction(Answer):
    hash: Hash
    from_: Address = field(name="from")
    nonce: Long
    gas: Long
    value: Uint
    input: Data
    transaction_index: Int
    to: Data | None = None
    block_hash: Hash | None = None
    block_number: Long | None = None
    block_timestamp: Long | None = None
    chain_id: Uint | None = None
    type: Long = "0x0"
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
    topics: list[Hash]
    data: Data
    log_index: Int
    transaction_hash: Hash | None = None
    transaction_index: Int | None = None
    block_hash: Hash | None = None
    block_number: Long | None = None
    block_timestamp: Long | None = None
    removed: bool = False
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
    difficulty: Uint
    extra_data: Data
    gas_limit: Long
    gas_used: Long
    transactions: list[Transaction]
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


Answered = TypeVar("Answered")
_ENTRIES: dict[str, type[Answer]] = {
    "accessList": AccessListEntry,
    "authorizationList": Authorization,
    "withdrawals": Withdrawal,
}
_RECORDS: dict[str, type[Answer]] = {"transactions": Transaction, "logs": Log}
_BLOCK = msgspec.json.Decoder(Block)
_RECEIPTS = msgspec.json.Decoder(list[Receipt])


def decode_block(raw: bytes) -> Block:
    """The answer of eth_getBlockBy… with full transactions. Raises Permanent naming the field at fault."""
    return _decode(raw, _BLOCK, Block, Block, "block")


def decode_receipts(raw: bytes) -> list[Receipt]:
    """The answer of eth_getBlockReceipts. Raises Permanent naming the field at fault."""
    return _decode(raw, _RECEIPTS, list[Receipt], Receipt, "receipts")


def join_extra(extra: str | None, more: dict[str, object]) -> str:
    """`extra` with more content, keys sorted so that equal content is equal text."""
    content: dict[str, object] = {} if extra is None else msgspec.json.decode(extra)
    return msgspec.json.encode(content | more, order="sorted").decode()


def _decode(
    raw: bytes,
    decoder: msgspec.json.Decoder[Answered],
    shape: type[Answered],
    record: type[Answer],
    name: str,
) -> Answered:
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError:
        pass  # The usual reason is an unmodelled field; what is wrong is wrong again below.
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Permanent(f"{name}: the answer is no JSON: {error}") from error
    try:
        said = msgspec.json.decode(raw)
        for each in said if isinstance(said, list) else [said]:
            _set_apart(each, record)
        return msgspec.convert(said, shape)
    except (msgspec.DecodeError, RecursionError) as error:
        # msgspec says "... - at `$[3].nonce`": the path within the answer.
        raise Permanent(f"{name}: {error}") from error


def _set_apart(said: object, record: type[Answer]) -> None:
    """Move what `record` does not model into its extra field, in place, nested records included."""
    if not isinstance(said, dict):
        return
    known = _KNOWN[record]
    extra = {name: said.pop(name) for name in said.keys() - known}
    for name, value in said.items():
        if type(value) is int:
            said[name] = hex(value)
        elif isinstance(value, list) and name in known:
            if name in _RECORDS:
                for each in value:
                    _set_apart(each, _RECORDS[name])
            elif name in _ENTRIES:
                entry = _KNOWN[_ENTRIES[name]]
                if any(isinstance(each, dict) and each.keys() - entry for each in value):
                    # An entry has no extra field of its own: the parent keeps the list as it was said.
                    extra[name] = value
                said[name] = [_modelled(each, entry) for each in value]
    if extra:
        said[EXTRA] = msgspec.json.encode(extra, order="sorted").decode()


def _modelled(said: object, known: frozenset[str]) -> object:
    if not isinstance(said, dict):
        return said
    return {
        name: hex(value) if type(value) is int else value for name, value in said.items() if name in known
    }


_KNOWN: dict[type[Answer], frozenset[str]] = {
    shape: frozenset(each.encode_name for each in msgspec.structs.fields(shape)) - {EXTRA}
    for shape in (Block, Transaction, Receipt, Log, AccessListEntry, Authorization, Withdrawal)
}
