"""What the transactions root is made of: each type's own encoding, and the hash that it gives.

EIP-2718 (envelope), EIP-2930, EIP-1559, EIP-4844, EIP-7702, deposits of the OP stack (OP specification,
deposits), Arbitrum's internal transaction. A type that is not known here, or one without its signature,
has no encoding: what is made of it is not verified.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, cast

import sha3

from headwater.digits import quantity as number_of
from headwater.evm.answers.absent import NOBODY, parity_of
from headwater.evm.answers.shapes import AccessListEntry, Authorization, Transaction
from headwater.evm.roots.hexrlp import listed, octets, quantity

DEPOSIT: Final = 0x7E
_HASH_TEXT: Final = 66
_SET_CODE: Final = 4
SIGNED: Final = frozenset(range(5))
"""Types of Ethereum itself."""


def kind_of(transaction: Transaction) -> int:
    """A transaction's type; one without it is a legacy transaction, type 0."""
    return int(transaction.type, 16) if transaction.type else 0


def encoded(transaction: Transaction) -> bytes | None:
    """A transaction as its root and its hash have it; None where that cannot be known."""
    kind = kind_of(transaction)
    encode = _TYPES.get(kind)
    if encode is None:
        return None
    if kind in SIGNED and (transaction.r is None or transaction.s is None):
        return _unsigned(transaction) if kind == 0 and transaction.from_ == NOBODY else None
    digits = encode(transaction)
    if digits is None:
        return None
    return bytes.fromhex(f"{kind:02x}{listed(digits)}" if kind else listed(digits))


def _unsigned(transaction: Transaction) -> bytes | None:
    # The OP stack before Bedrock: what came of layer 1 is signed with zeros, for which some nodes say null
    # (erigon#21321). Whether it was so, or something was left out, its hash tells.
    value = bytes.fromhex(listed(_legacy(transaction)))
    digest = cast(str, sha3.keccak_256(value).hexdigest())
    return value if transaction.hash[2:].lower() == digest else None


def lacking(transaction: Transaction) -> str | None:
    """What one of Ethereum's own types has in every block, and this one has not; None where it is whole."""
    kind = kind_of(transaction)
    if kind not in SIGNED or encoded(transaction) is not None:
        return None
    for name in ("r", "s"):
        if getattr(transaction, name) is None:
            return f"{name} is missing"
    return "authorizationList lacks a yParity" if kind == _SET_CODE else "blobs are none of a block's"


def _legacy(of: Transaction) -> str:
    return (
        f"{quantity(of.nonce)}{quantity(of.gas_price)}{quantity(of.gas)}{octets(of.to)}{quantity(of.value)}"
        f"{octets(of.input)}{quantity(of.v)}{quantity(of.r)}{quantity(of.s)}"
    )


def _access_list(of: Transaction) -> str:
    return (
        f"{quantity(of.chain_id)}{quantity(of.nonce)}{quantity(of.gas_price)}{quantity(of.gas)}{octets(of.to)}"
        f"{quantity(of.value)}{octets(of.input)}{_accesses(of.access_list)}{_signature(of)}"
    )


def _dynamic_fee(of: Transaction) -> str:
    return f"{_with_fees(of)}{_signature(of)}"


def _blob(of: Transaction) -> str | None:
    if of.extra is not None and "blobs" in _extra(of):
        # Anvil keeps a transaction with its sidecar, answers with it, and makes the root of that form.
        return None
    hashes = listed("".join([octets(each) for each in of.blob_versioned_hashes or ()]))
    return f"{_with_fees(of)}{quantity(of.max_fee_per_blob_gas)}{hashes}{_signature(of)}"


def _set_code(of: Transaction) -> str | None:
    authorizations = [_authorization(each) for each in of.authorization_list or ()]
    if None in authorizations:
        return None
    return f"{_with_fees(of)}{listed(''.join(filter(None, authorizations)))}{_signature(of)}"


def _with_fees(of: Transaction) -> str:
    return (
        f"{quantity(of.chain_id)}{quantity(of.nonce)}{quantity(of.max_priority_fee_per_gas)}"
        f"{quantity(of.max_fee_per_gas)}{quantity(of.gas)}{octets(of.to)}{quantity(of.value)}{octets(of.input)}"
        f"{_accesses(of.access_list) if of.access_list else 'c0'}"
    )


def _signature(of: Transaction) -> str:
    # Nodes before EIP-1559's JSON-RPC called the parity v alone.
    return f"{quantity(of.y_parity or of.v)}{quantity(of.r)}{quantity(of.s)}"


def _accesses(entries: list[AccessListEntry] | None) -> str:
    return listed("".join([_access(each) for each in entries or ()]))


def _access(entry: AccessListEntry) -> str:
    keys = listed("".join(["a0" + key[2:] for key in entry.storage_keys or ()]))
    return listed(octets(entry.address) + keys)


def _authorization(of: Authorization) -> str | None:
    parity = parity_of(of)
    if parity is None:
        return None
    return listed(
        f"{quantity(of.chain_id)}{octets(of.address)}{quantity(of.nonce)}{quantity(hex(parity))}"
        f"{quantity(of.r)}{quantity(of.s)}"
    )


def _deposit(of: Transaction) -> str | None:
    extra = _extra(of)
    source, mint, system = extra.get("sourceHash"), extra.get("mint") or "0x0", extra.get("isSystemTx")
    if number_of(source, 256) is None or len(str(source)) != _HASH_TEXT or number_of(mint, 256) is None:
        return None
    return (
        f"{octets(str(source))}{octets(of.from_)}{octets(of.to)}{quantity(str(mint))}{quantity(of.value)}"
        f"{quantity(of.gas)}{'01' if system is True else '80'}{octets(of.input)}"
    )


def _arbitrum_internal(of: Transaction) -> str:
    # Nitro, core/types: what the chain itself does at the start of each block.
    return f"{quantity(of.chain_id)}{octets(of.input)}"


def _extra(of: Transaction) -> dict[str, object]:
    return {} if of.extra is None else of.extra.content()


_TYPES: Final[dict[int, Callable[[Transaction], str | None]]] = {
    0: _legacy,
    1: _access_list,
    2: _dynamic_fee,
    3: _blob,
    _SET_CODE: _set_code,
    0x6A: _arbitrum_internal,
    DEPOSIT: _deposit,
}
