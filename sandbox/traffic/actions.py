"""What happens next on the local chain: a pure choice from a seeded generator and what the senders own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import TypeVar

from sandbox.traffic.abi import contract
from sandbox.traffic.accounts import BLOB_SENDER, SENDERS
from sandbox.traffic.deployment import CALL_GAS, places
from sandbox.traffic.makers import ActionKind, Draw, Inventory, make

_T = TypeVar("_T")

MEAN_TIP_WEI = 50_000_000


class Fate(StrEnum):
    """What becomes of a transaction before it is mined."""

    PLAIN = "plain"
    REPLACED = "replaced"
    CANCELLED = "cancelled"
    DROPPED = "dropped"


# Blobs are rare because anvil writes each, 128 KiB of it, into its state file again and again.
KINDS: Mapping[ActionKind, float] = {
    ActionKind.ETHER: 24,
    ActionKind.ERC20: 30,
    ActionKind.ERC721_MINT: 3,
    ActionKind.ERC721: 6,
    ActionKind.ERC1155_MINT: 2,
    ActionKind.ERC1155: 6,
    ActionKind.ERC1155_BATCH: 4,
    ActionKind.SWAP: 14,
    ActionKind.CREATE: 2,
    ActionKind.REVERT: 5,
    ActionKind.BLOB: 0.1,
    ActionKind.AUTHORIZE: 1,
}
FATES: Mapping[Fate, float] = {Fate.PLAIN: 94, Fate.REPLACED: 2.5, Fate.CANCELLED: 1.5, Fate.DROPPED: 2}
TYPES: Mapping[int, float] = {0: 10, 1: 8, 2: 82}
TOUR: tuple[tuple[ActionKind, Fate], ...] = (
    *((kind, Fate.PLAIN) for kind in KINDS),
    *((ActionKind.ERC20, fate) for fate in FATES if fate is not Fate.PLAIN),
)
"""The first actions of a run, so that everything has happened once within seconds."""


@dataclass(frozen=True, slots=True)
class Action:
    """One transaction to be. `sender` is an index; `to` None creates; `tip` is the priority fee in wei."""

    kind: ActionKind
    fate: Fate
    type: int
    sender: int
    to: str | None
    value: int
    data: bytes
    gas: int
    tip: int


class Chooser:
    """Draws actions; equal seeds and inventories give equal actions."""

    def __init__(self, seed: int) -> None:
        self._random = Random(f"headwater traffic {seed}")
        self._seed = seed
        self._count = 0

    def next(self, inventory: Inventory, busy: Sequence[int] = ()) -> Action:
        """Return the next action of a sender that is not among `busy`."""
        drawn = self._random
        sender = drawn.choice([i for i in range(SENDERS) if i not in busy and i != BLOB_SENDER])
        if inventory.unapproved:
            owner, token = inventory.unapproved.pop()
            data = contract("token").call("approve", places().pair, 2**256 - 1)
            return Action(ActionKind.APPROVE, Fate.PLAIN, 2, owner, token, 0, data, CALL_GAS, self._tip())
        if self._count < len(TOUR):
            kind, fate = TOUR[self._count]
        else:
            kind, fate = _weighted(drawn, KINDS), _weighted(drawn, FATES)
        self._count += 1
        if kind is ActionKind.BLOB:
            sender = BLOB_SENDER
        if kind is ActionKind.ERC721 and not inventory.collectibles.get(sender):
            kind = ActionKind.ERC721_MINT
        to, value, data, gas = make(kind, Draw(drawn, self._seed, sender), inventory)
        fixed = {ActionKind.BLOB: 3, ActionKind.AUTHORIZE: 4}
        type_ = fixed[kind] if kind in fixed else _weighted(drawn, TYPES)
        if kind in fixed:
            fate = Fate.PLAIN  # a blob's replacement needs another blob fee, an authorization is used up
        return Action(kind, fate, type_, sender, to, value, data, gas, self._tip())

    def _tip(self) -> int:
        return 1 + int(self._random.expovariate(1 / MEAN_TIP_WEI))


def _weighted(drawn: Random, weights: Mapping[_T, float]) -> _T:
    return drawn.choices(list(weights), list(weights.values()))[0]
