"""Reads of an enriched block what the statistics need, and adds it up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, cast

from headwater.errors import Permanent
from schemas import Message, Selection
from streams.logic.aggregate.measures import CHAIN, CONTRACT, TOKEN, BaseFees, Entity, Measures
from streams.logic.amounts import amount
from topics.chainlog.envelope import Envelope

STREAM: Final = "enriched-blocks"
_TRANSACTION: Final = (
    "to_address",
    "input",
    "receipt_gas_used",
    "receipt_status",
    "receipt_effective_gas_price",
    "receipt_blob_gas_used",
    "receipt_blob_gas_price",
)
_TRANSFER: Final = ("token_address", "from_address", "to_address", "value")
FIELDS: Final[Selection] = {
    "problem": None,
    "header": None,
    "transactions": _TRANSACTION,
    "logs": ("address",),
    "transfers": _TRANSFER,
    "contracts": ("transaction_index",),
}
_NOBODY: Final = bytes(20)
_Transaction: TypeAlias = tuple[bytes | None, bytes, int, int | None, str | None, int | None, str | None]
_Transfer: TypeAlias = tuple[bytes, bytes, bytes, str]


@dataclass(frozen=True, slots=True)
class Contribution:
    """What a block gives to each entity, the chain among them."""

    entities: dict[Entity, Measures]
    base_fees: BaseFees | None


def contribution_of(
    envelope: Envelope, values: Sequence[bytes], read: Callable[[bytes, Selection], Message]
) -> Contribution | None:
    """What a block event gives, from the framed values of its parts; None when its content is not known.

    Raises MalformedRecord for bytes that are not an enriched block, Permanent for one without a header or
    with an amount that is none.
    """
    parts = [read(value, FIELDS) for value in values]
    if parts[0].values["problem"] is not None:
        return None
    header = cast("dict[str, object] | None", parts[0].values["header"])
    if header is None:
        raise Permanent(f"{envelope.event.name} {envelope.sequence} carries neither header nor problem")
    tally = _Tally()
    for part in parts:
        tally.add(part)
    return tally.contribution(header)


class _Tally:
    """Adds up the records of a block, part by part."""

    def __init__(self) -> None:
        self._transactions = self._failed = self._fees = self._blob_gas = self._blob_fees = 0
        self._logs = self._transfers = self._created = 0
        self._tokens: dict[bytes, list[int]] = {}
        self._contracts: dict[bytes, list[int]] = {}

    def add(self, part: Message) -> None:
        self._add_transactions(part)
        addresses = cast("list[bytes]", part.records["logs"].columns["address"])
        self._logs += len(addresses)
        contracts = self._contracts
        for address in addresses:
            found = contracts.get(address)
            if found is None:
                contracts[address] = [1, 0, 0, 0]
            else:
                found[0] += 1
        transfers = part.records["transfers"]
        self._transfers += transfers.count
        self._created += part.records["contracts"].count
        tokens = self._tokens
        for token, source, target, value in cast("Iterable[_Transfer]", transfers.rows(*_TRANSFER)):
            found = tokens.get(token)
            if found is None:
                found = tokens[token] = [0, 0, 0, 0]
            found[0] += 1
            found[1] += amount(value, "a transfer's value")
            if source == _NOBODY:
                found[2] += 1
            if target == _NOBODY:
                found[3] += 1

    def _add_transactions(self, part: Message) -> None:
        rows = cast("Iterable[_Transaction]", part.records["transactions"].rows(*_TRANSACTION))
        for target, data, gas, status, price, blob_gas, blob_price in rows:
            self._transactions += 1
            failed = status == 0
            self._failed += failed
            if price is not None:
                self._fees += gas * amount(price, "receipt_effective_gas_price")
            if blob_gas:
                self._blob_gas += blob_gas
                if blob_price is not None:
                    self._blob_fees += blob_gas * amount(blob_price, "receipt_blob_gas_price")
            if data and target is not None:
                found = self._contracts.get(target)
                if found is None:
                    found = self._contracts[target] = [0, 0, 0, 0]
                found[1] += 1
                found[2] += failed
                found[3] += gas

    def contribution(self, header: dict[str, object]) -> Contribution:
        gas_used = cast(int, header["gas_used"])
        price = cast("str | None", header["base_fee_per_gas"])
        base_fee = None if price is None else amount(price, "base_fee_per_gas")
        entities: dict[Entity, Measures] = {
            CHAIN: (
                1,
                self._transactions,
                self._failed,
                gas_used,
                self._fees,
                (base_fee or 0) * gas_used,
                self._blob_gas,
                self._blob_fees,
                self._logs,
                self._transfers,
                self._created,
            )
        }
        for address, measures in self._tokens.items():
            entities[TOKEN + address] = tuple(measures)
        for address, measures in self._contracts.items():
            entities[CONTRACT + address] = tuple(measures)
        return Contribution(entities, None if base_fee is None else BaseFees(base_fee, base_fee, base_fee, 1))
