"""Usual names of chains, and which id a chain has."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from headwater.digits import decimal

CHAIN_NAMES: Mapping[int, str] = {
    1: "ethereum",
    10: "optimism",
    56: "bnb",
    100: "gnosis",
    137: "polygon",
    8453: "base",
    17000: "holesky",
    31337: "local",
    42161: "arbitrum",
    43114: "avalanche",
    560048: "hoodi",
    11155111: "sepolia",
}


def chain_name(chain_id: int) -> str:
    """The usual name of a chain (1 is `ethereum`, 31337 `local`), else `evm-<id>`."""
    return CHAIN_NAMES.get(chain_id, f"evm-{chain_id}")


def chain_id_of(chain_id: int | None, name: str, *sources: Callable[[], int | None]) -> int | None:
    """A chain's id: as set, else as the first source says that knows it, else as its name is usually meant.

    Sources (a node, ClickHouse) are asked in order, and only when the id is not set.
    """
    if chain_id is not None:
        return chain_id
    for source in sources:
        found = source()
        if found is not None:
            return found
    if name.startswith("evm-") and (number := decimal(name[4:])) is not None:
        return number
    return next((number for number, known in CHAIN_NAMES.items() if known == name), None)
