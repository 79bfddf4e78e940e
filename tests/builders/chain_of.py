"""Of which chain a real block is, and what such blocks are exempt from: its transactions say their chain."""

from __future__ import annotations

from typing import Any

from headwater.settings import ChainSettings
from headwater.settings.profiles import Profile, profile_of


def chain_id_of(block: dict[str, Any]) -> int:
    """As `chainId` says it, else a signature (EIP-155); Base of a deposit, else mainnet."""
    for each in block.get("transactions") or ():
        if each.get("chainId"):
            return int(each["chainId"], 16)
        if int(each.get("v") or "0x0", 16) > 36:
            return (int(each["v"], 16) - 35) // 2
        if each.get("type") == "0x7e":
            return 8453
    return 1


def profile_of_block(block: dict[str, Any]) -> Profile:
    """The profile of the block's chain."""
    return profile_of(chain_id_of(block), ChainSettings())
