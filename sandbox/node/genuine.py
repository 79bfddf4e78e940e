"""Transaction hashes and roots that hold, of JSON: what makes a made-up block pass for a real one."""

from collections.abc import Iterable, Sequence

import msgspec
from sha3 import keccak_256

from headwater.evm.answers.canonical import canonical
from headwater.evm.answers.shapes import Log, Receipt, Transaction
from headwater.evm.bloom import Bloom
from headwater.evm.roots import lists, trie
from headwater.evm.roots.transactions import encoded
from sandbox.node.answers import Json

_NO_HASH = "0x" + "00" * 32


def transactions_of(listed: Iterable[Json]) -> list[Transaction]:
    """Transactions as their encoding is made from; their hashes may be missing. Raises AnswerError."""
    return [
        msgspec.convert(canonical({"hash": _NO_HASH} | each, Transaction, "transaction."), Transaction)
        for each in listed
    ]


def sealed(transactions: Sequence[Transaction]) -> tuple[list[bytes], bytes] | None:
    """Hashes and root of transactions; None where one is of a type whose encoding is not known."""
    values: list[bytes] = []
    for each in transactions:
        value = encoded(each)
        if value is None:
            return None
        values.append(value)
    return [keccak_256(each).digest() for each in values], trie.root(values)


def receipts_root(receipts: Iterable[Json], transactions: Sequence[Transaction]) -> bytes:
    """The root of the receipts of these transactions. Raises ValueError for an unknown type, AnswerError."""
    found = lists.of_receipts(
        [msgspec.convert(canonical(each, Receipt, "receipt."), Receipt) for each in receipts],
        transactions,
        _bloom_of,
    )
    if found is None:
        raise ValueError("a receipt's encoding is not known")
    return found


def _bloom_of(logs: list[Log]) -> str:
    return f"0x{Bloom().of({value for log in logs for value in (log.address, *(log.topics or ()))}):0512x}"
