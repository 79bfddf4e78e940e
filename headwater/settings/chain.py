"""What can be set of a chain in words; a profile has the same words for a chain that is known."""

from __future__ import annotations

from typing import Final, Literal, get_args

VerifyRoots = Literal["off", "sampled", "all", "head"]
Root = Literal["transactions", "receipts", "withdrawals"]
Finality = Literal["auto", "tags", "depth"]
Family = Literal["ethereum", "op-stack", "arbitrum", "polygon", "gnosis", "bnb", "avalanche", "unknown"]
LogIndexes = Literal["block", "transaction", "one"]
Exemption = Literal["state_sync", "signer_as_miner", "settled", "deposits", "unlisted", "bare"]
"""What a chain's blocks have that a check would refuse (`docs/chains.md`, *Exemptions*)."""
ALL_ROOTS: Final[tuple[Root, ...]] = get_args(Root)
