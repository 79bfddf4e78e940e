"""The roots of a block's lists, from answers as they are decoded."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import cast

import sha3

from headwater.evm.answers.shapes import Receipt, Transaction, Withdrawal
from headwater.evm.roots import receipts as receipt
from headwater.evm.roots import transactions as transaction
from headwater.evm.roots import trie
from headwater.evm.roots import withdrawals as withdrawal


class OtherHashError(ValueError):
    """A transaction that is listed under a hash which is not that of its content."""


def of_transactions(listed: Sequence[Transaction]) -> bytes | None:
    """The transactions root, None where a type has no known encoding.

    Raises OtherHashError where a transaction's hash is not that of its encoding: no root covers the hashes.
    Those of known types are told also beside one that is not.
    """
    values: list[bytes] = []
    for position, each in enumerate(listed):
        value = transaction.encoded(each)
        if value is None:
            continue
        values.append(value)
        digest = cast(str, sha3.keccak_256(value).hexdigest())
        if each.hash[2:] != digest and each.hash[2:].lower() != digest:
            raise OtherHashError(
                f"transactions[{position}].hash is {each.hash}, its fields hash to 0x{digest}"
            )
    return trie.root(values) if len(values) == len(listed) else None


def of_receipts(
    listed: Sequence[Receipt],
    types: Sequence[Transaction],
    bloom_of: receipt.BloomOf,
    form: receipt.Form = receipt.STATED,
) -> bytes | None:
    """The receipts root of the receipts of these transactions, None where one has no known encoding.

    Receipts beyond the last transaction are of type 0. Raises ValueError where a bloom is not hex.
    """
    values: list[bytes] = []
    for each, of in zip_longest(listed, types):
        kind, nonce = (transaction.kind_of(of), of.nonce) if of else (0, None)
        value = receipt.encoded(each, kind, bloom_of, form, nonce)
        if value is None:
            return None
        values.append(value)
    return trie.root(values)


def of_withdrawals(listed: Sequence[Withdrawal]) -> bytes:
    """The withdrawals root."""
    return trie.root([withdrawal.encoded(each) for each in listed])
