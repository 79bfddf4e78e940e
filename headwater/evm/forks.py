"""Which fields each fork added to the header, chain by chain: what a header's hash is made of.

Each fork only ever appended, so which of the fields an answer carries tells which fork it is of, without a
table of heights for each chain. `docs/chains.md` has the same table; a test holds them together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

Field = tuple[str, bool]
"""A field's name in JSON-RPC, and whether it is a quantity."""


@dataclass(frozen=True, slots=True)
class Fork:
    """A fork that changed the header; `source` is where the rule comes from."""

    name: str
    fields: tuple[Field, ...]
    source: str


HEAD: Final[tuple[Field, ...]] = (
    ("parentHash", False),
    ("sha3Uncles", False),
    ("miner", False),
    ("stateRoot", False),
    ("transactionsRoot", False),
    ("receiptsRoot", False),
    ("logsBloom", False),
    ("difficulty", True),
    ("number", True),
    ("gasLimit", True),
    ("gasUsed", True),
    ("timestamp", True),
    ("extraData", False),
)
"""What begins a header on every chain, in RLP order."""
SEAL: Final[tuple[Field, ...]] = (("mixHash", False), ("nonce", False))
_BASE_FEE: Final[Field] = ("baseFeePerGas", True)
_BLOBS: Final[tuple[Field, ...]] = (
    ("blobGasUsed", True),
    ("excessBlobGas", True),
    ("parentBeaconBlockRoot", False),
)

ETHEREUM: Final = (
    Fork("Frontier", HEAD + SEAL, "Yellow Paper 4.4.3"),
    Fork("London", (_BASE_FEE,), "EIP-1559"),
    Fork("Shanghai", (("withdrawalsRoot", False),), "EIP-4895"),
    Fork("Cancun", _BLOBS, "EIP-4844, EIP-4788"),
    Fork("Prague", (("requestsHash", False),), "EIP-7685"),
    Fork("Amsterdam", (("blockAccessListHash", False), ("slotNumber", True)), "EIP-7928, EIP-7843"),
)
AVALANCHE: Final = (
    Fork("Apricot", (*HEAD, *SEAL, ("extDataHash", False)), "coreth"),
    Fork("Apricot Phase 3", (_BASE_FEE,), "coreth"),
    Fork("Apricot Phase 4", (("extDataGasUsed", True), ("blockGasCost", True)), "coreth"),
    Fork("Etna", _BLOBS, "ACP-131"),
    Fork("Granite", (("timestampMilliseconds", True), ("minDelayExcess", True)), "ACP-226"),
    Fork(
        "Helicon",
        (
            ("targetExponent", True),
            ("minPriceExponent", True),
            ("settledHeight", True),
            ("settledGasUnix", True),
            ("settledGasNumerator", True),
            ("settledExcess", True),
        ),
        "ACP-194",
    ),
)
"""The C-Chain. Avalanche's other chains (subnet-evm) have the same without what is named extData."""
CHAINS: Final = {"Ethereum": ETHEREUM, "Avalanche": AVALANCHE}
AURA_SEALS: Final[tuple[tuple[Field, ...], ...]] = (
    (("auraStep", True), ("auraSeal", False)),
    (("step", True), ("signature", False)),
)
"""What stands in place of `SEAL` on a chain of Authority Round, as Erigon and as Nethermind answer it."""
_BESIDE: Final = frozenset(
    # Of the answer and not of the header: what a node derives, as Arbitrum and BNB do from other fields.
    (
        "hash",
        "size",
        "totalDifficulty",
        "transactions",
        "uncles",
        "withdrawals",
        "author",
        "sealFields",
        "blockAccessList",
        "blockExtraData",
        "l1BlockNumber",
        "sendCount",
        "sendRoot",
        "milliTimestamp",
    )
)


def after_seal(forks: Sequence[Fork]) -> tuple[Field, ...]:
    """The fields of all forks that stand behind the seal, in order."""
    return tuple(field for fork in forks for field in fork.fields if field not in HEAD + SEAL)


def unknown_fields(names: Sequence[str]) -> list[str]:
    """Those of an answer's fields that belong to no header that is known here, in order."""
    fields = {name for forks in CHAINS.values() for fork in forks for name, _ in fork.fields}
    seals = {name for seal in AURA_SEALS for name, _ in seal}
    return [name for name in names if name not in fields | seals | _BESIDE]
