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
    """
    values: list[bytes] = []
    for each in listed:
        value = transaction.encoded(each)
        if value is None:
            return None
        values.append(value)
    for position, (each, value) in enumerate(zip(listed, values, strict=True)):
        digest = cast(str, sha3.keccak_256(value).hexdigest())
        if each.hash[2:] != digest and each.hash[2:].lower() != digest:
            raise OtherHashError(
                f"transactions[{position}].hash is {each.hash}, its fields hash to 0x{digest}"
            )
    return trie.root(values)


def of_receipts(
    listed: Sequence[Receipt],
    types: Sequence[Transaction],
    bloom_of: receipt.BloomOf,
    *,
    by_state: bool = False,
) -> bytes | None:
    """The receipts root of the receipts of these transactions, None where a type has no known encoding.

    `by_state`: of those that have a status and a state's root, it is the latter that counts. Receipts beyond
    the last transaction are of type 0. Raises ValueError where a bloom is not hex.
    """
    values: list[bytes] = []
    for each, of in zip_longest(listed, types):
        value = receipt.encoded(each, transaction.kind_of(of) if of else 0, bloom_of, by_state=by_state)
        if value is None:
            return None
        values.append(value)
    return trie.root(values)


def of_withdrawals(listed: Sequence[Withdrawal]) -> bytes:
    """The withdrawals root."""
    return trie.root([withdrawal.encoded(each) for each in listed])
