"""What the deployer sends, in order: its n-th transaction is always the n-th step of this script.

So where the contracts are is known without asking, and how far a chain has come is the deployer's
nonce: after a restart or a reorg the rest is sent again.
"""

from dataclasses import dataclass
from functools import cache

from sandbox.traffic.abi import contract
from sandbox.traffic.accounts import accounts, created_address

UNIT = 10**18
CREATION_GAS = 1_500_000
CALL_GAS = 300_000
ITEM_KINDS = 8


@dataclass(frozen=True, slots=True)
class Step:
    """One transaction of the deployer; `to` None creates a contract."""

    to: str | None
    data: bytes
    gas: int


@dataclass(frozen=True, slots=True)
class Places:
    """Where the contracts are (lower-case addresses)."""

    gold: str
    silver: str
    collectible: str
    items: str
    pair: str


@cache
def places() -> Places:
    """Return the addresses that the first steps create."""
    creator = accounts().deployer.address
    return Places(*(created_address(creator, nonce) for nonce in range(5)))


@cache
def script() -> tuple[Step, ...]:
    """Return all steps: contracts, then tokens for every sender, then liquidity of the pair."""
    at, token, items = places(), contract("token"), contract("items")
    steps = [
        Step(None, token.creation("Headwater Gold", "HWG"), CREATION_GAS),
        Step(None, token.creation("Headwater Silver", "HWS"), CREATION_GAS),
        Step(None, contract("collectible").creation("Headwater Birds", "HWB"), CREATION_GAS),
        Step(None, items.creation(), CREATION_GAS),
        Step(None, contract("pair").creation(at.gold, at.silver), CREATION_GAS),
    ]
    holders = [account.address for account in (*accounts().senders, accounts().deployer)]
    kinds, amounts = list(range(ITEM_KINDS)), [10**6] * ITEM_KINDS
    for holder in holders:
        for place in (at.gold, at.silver):
            steps.append(Step(place, token.call("mint", holder, 10**9 * UNIT), CALL_GAS))
        steps.append(Step(at.items, items.call("mintBatch", holder, kinds, amounts), 2 * CALL_GAS))
        steps.append(Step(at.collectible, contract("collectible").call("mint", holder), CALL_GAS))
    for place in (at.gold, at.silver):
        steps.append(Step(place, token.call("approve", at.pair, 2**256 - 1), CALL_GAS))
    liquidity = contract("pair").call("addLiquidity", 10**8 * UNIT, 4 * 10**8 * UNIT)
    steps.append(Step(at.pair, liquidity, CALL_GAS))
    return tuple(steps)
