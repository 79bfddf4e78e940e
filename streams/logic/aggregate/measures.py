"""What is counted, entity by entity. Each is a sum, so that what a block gave can be taken back exactly.

An entity is the chain, a token or a contract. Sums are exact: what exceeds uint256 is cut when it is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import add, sub
from typing import Final, NamedTuple, TypeAlias

Entity: TypeAlias = bytes
"""CHAIN, TOKEN and an address, or CONTRACT and an address."""
Measures: TypeAlias = tuple[int, ...]

CHAIN: Final = b""
TOKEN: Final = b"T"
CONTRACT: Final = b"C"

CHAIN_MEASURES: Final = (
    "block_count",
    "transaction_count",
    "failed_transaction_count",
    "gas_used",
    "fees",
    "burnt_fees",
    "blob_gas_used",
    "blob_fees",
    "log_count",
    "token_transfer_count",
    "contract_count",
)
TOKEN_MEASURES: Final = ("transfer_count", "amount", "mint_count", "burn_count")
CONTRACT_MEASURES: Final = ("log_count", "call_count", "failed_call_count", "gas_used")
NO_CHAIN: Final[Measures] = (0,) * len(CHAIN_MEASURES)
_ZEROS: Final[Mapping[bytes, Measures]] = {
    CHAIN: NO_CHAIN,
    TOKEN: (0,) * len(TOKEN_MEASURES),
    CONTRACT: (0,) * len(CONTRACT_MEASURES),
}


def nothing(entity: Entity) -> Measures:
    """The measures of an entity of which nothing is left."""
    return _ZEROS[entity[:1]]


def plus(one: Measures, other: Measures) -> Measures:
    """The sum."""
    return tuple(map(add, one, other))


def minus(one: Measures, other: Measures) -> Measures:
    """The difference."""
    return tuple(map(sub, one, other))


class BaseFees(NamedTuple):
    """Base fees per gas of some blocks, in wei: they can be joined, not taken apart."""

    lowest: int
    highest: int
    total: int
    blocks: int


def joined(fees: Iterable[BaseFees | None]) -> BaseFees | None:
    """The base fees of all; None when there are none, as before EIP-1559."""
    found = [each for each in fees if each is not None]
    if not found:
        return None
    lowest, highest, total, blocks = zip(*found, strict=True)
    return BaseFees(min(lowest), max(highest), sum(total), sum(blocks))
