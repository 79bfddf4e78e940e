"""The habits of chains: one entry a family of chains, and which family a chain is of.

A habit is a setting of the section `chain` whose default is the profile's, so that any other EVM chain is a
matter of settings. What an answer is exempt from is one too: a node that could choose its checks by what it
answers would have none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final

from headwater.settings.chain import ALL_ROOTS, Exemption, Family, Finality, LogIndexes, Root
from headwater.settings.model import ChainSettings


@dataclass(frozen=True, slots=True)
class Profile:
    """Habits, each named as its setting (`ChainSettings` has what they mean)."""

    finality: Finality = "auto"
    verify_header_hash: bool = True
    verify_bloom: bool = True
    verify_gas_used: bool = True
    verify_traces: bool = True
    roots: tuple[Root, ...] = ALL_ROOTS
    exemptions: tuple[Exemption, ...] = ()
    log_indexes: LogIndexes = "block"
    receipt_types: tuple[int, ...] = ()
    byzantium_block: int = 0
    block_receipt: bool = False
    created_by_calls: bool = False


TAGGED: Final = Profile(finality="tags")
"""Blocks as Ethereum makes them, and nodes that know `safe` and `finalized`."""
UNKNOWN: Final = Profile(exemptions=("signer_as_miner", "deposits", "unlisted", "bare"))
"""It may be one of the many OP stacks, one whose nodes give receipts of transactions that none lists, or one
that is sealed by signers, whom some nodes show as miner (go-ethereum#23455): only that name is at stake."""

PROFILES: Final[Mapping[Family, Profile]] = {
    "ethereum": TAGGED,
    "op-stack": Profile(finality="tags", roots=("transactions", "receipts"), exemptions=("deposits",)),
    "arbitrum": TAGGED,
    "polygon": Profile(finality="tags", exemptions=("state_sync", "signer_as_miner")),
    "gnosis": TAGGED,
    "bnb": TAGGED,
    "avalanche": Profile(finality="tags", exemptions=("settled",)),
    "unknown": UNKNOWN,
}
"""A family's name → its habits."""

FAMILIES: Final[Mapping[int, Family]] = {
    1: "ethereum",
    17000: "ethereum",
    560048: "ethereum",
    11155111: "ethereum",
    10: "op-stack",
    8453: "op-stack",
    84532: "op-stack",
    11155420: "op-stack",
    42161: "arbitrum",
    421614: "arbitrum",
    137: "polygon",
    80002: "polygon",
    100: "gnosis",
    10200: "gnosis",
    56: "bnb",
    97: "bnb",
    43114: "avalanche",
    43113: "avalanche",
}
"""A chain's id → the name of its family."""


BYZANTIUM: Final[Mapping[int, int]] = {1: 4_370_000, 61: 8_772_000}
"""A chain's id → its first block with EIP-658 (EIP-609; Atlantis, ECIP-1054); 0 for any other chain."""


def profile_of(chain_id: int, chain: ChainSettings) -> Profile:
    """The habits of a chain: as set, else those of the family that is set, else of the chain's own."""
    family = PROFILES[chain.profile or FAMILIES.get(chain_id, "unknown")]
    habits = asdict(family) | {"byzantium_block": BYZANTIUM.get(chain_id, 0)}
    chosen = {name: getattr(chain, name) for name in habits}
    return Profile(**habits | {name: value for name, value in chosen.items() if value is not None})


def with_profile(chain: ChainSettings, chain_id: int) -> ChainSettings:
    """The settings with every habit filled in."""
    return chain.model_copy(update=asdict(profile_of(chain_id, chain)))
