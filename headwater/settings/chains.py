"""Usual names of chains."""

from __future__ import annotations

from collections.abc import Mapping

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
    11155111: "sepolia",
}


def chain_name(chain_id: int) -> str:
    """The usual name of a chain (1 is `ethereum`, 31337 `local`), else `evm-<id>`."""
    return CHAIN_NAMES.get(chain_id, f"evm-{chain_id}")
