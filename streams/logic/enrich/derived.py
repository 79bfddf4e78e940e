"""What logs and receipts tell beyond themselves: token transfers and contract creations."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, TypeAlias, cast

from headwater.evm.transfers import EVENTS, transfers_of
from schemas import Message, Records, codec_for_record

FIELDS: Final[dict[str, tuple[str, ...] | None]] = {
    "transactions": (
        "hash",
        "transaction_index",
        "from_address",
        "to_address",
        "receipt_contract_address",
        "receipt_status",
    ),
    "logs": ("log_index", "transaction_hash", "transaction_index", "address", "topics", "data"),
}
"""The columns that are needed of a normalised block."""

_transfer = codec_for_record("enriched-blocks", "TransferBody").write_values
_contract = codec_for_record("enriched-blocks", "ContractBody").write_values
_NOBODY: Final = bytes(20)
_LogRow: TypeAlias = tuple[list[bytes], bytes, int, bytes, int, bytes]
_TransactionRow: TypeAlias = tuple[bytes | None, int | None, bytes, int, bytes, bytes | None]


REPLACED: Final[dict[str, tuple[str, ...] | None]] = {f"replaced_{name}": FIELDS[name] for name in FIELDS}
"""The same of the records that a repair replaces."""


@dataclass(frozen=True, slots=True)
class Derived:
    """Avro bodies of what was derived, and beside each what its identity and key are made of."""

    transfers: list[bytes] = field(default_factory=list)
    transfer_places: list[tuple[int, int]] = field(default_factory=list)
    tokens: list[bytes] = field(default_factory=list)
    contracts: list[bytes] = field(default_factory=list)
    contract_places: list[int] = field(default_factory=list)
    addresses: list[bytes] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Content:
    """Records of one block, or of one part of it, with all that is derived from them."""

    transactions: Records
    logs: Records
    derived: Derived


def content_of(part: Message, prefix: str = "", *, created_by_calls: bool = False) -> Content:
    """The content of one part, read with FIELDS; of what it replaces, read with REPLACED, by its prefix."""
    transactions, logs = part.records[f"{prefix}transactions"], part.records[f"{prefix}logs"]
    return Content(transactions, logs, derive(transactions, logs, created_by_calls))


def derive(transactions: Records, logs: Records, created_by_calls: bool = False) -> Derived:
    """Everything derived from these records of one block, read with at least FIELDS.

    `created_by_calls`: on this chain a transaction to somebody creates the contract that its receipt names.
    """
    derived = Derived()
    rows = logs.rows("topics", "data", "log_index", "transaction_hash", "transaction_index", "address")
    for topics, data, log_index, transaction, position, token in cast("Iterable[_LogRow]", rows):
        if not topics or topics[0] not in EVENTS:
            continue
        for each in transfers_of(token, topics, data):
            derived.transfers.append(
                _transfer(
                    log_index,
                    each.batch_index,
                    transaction,
                    position,
                    token,
                    each.standard,
                    each.operator,
                    each.sender,
                    each.receiver,
                    each.token_id,
                    each.value,
                    None,
                )
            )
            derived.transfer_places.append((log_index, each.batch_index))
            derived.tokens.append(token)
    created = transactions.rows(
        "receipt_contract_address",
        "receipt_status",
        "hash",
        "transaction_index",
        "from_address",
        "to_address",
    )
    for address, status, transaction, position, creator, target in cast("Iterable[_TransactionRow]", created):
        # A creation is a transaction without a recipient (Yellow Paper, 4.2); some nodes give the field to
        # calls too, and that of a creation that failed. Before Byzantium no receipt tells of failure, so each
        # creation counts there.
        if address is None or status == 0 or address == _NOBODY:
            continue
        if target is not None and not created_by_calls:
            continue
        derived.contracts.append(_contract(address, creator, transaction, position))
        derived.contract_places.append(position)
        derived.addresses.append(address)
    return derived
