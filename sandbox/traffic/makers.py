"""The transactions that make up the traffic: to, value, data and gas of each kind."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random

from sandbox.traffic.abi import contract
from sandbox.traffic.accounts import SENDERS, accounts, outsider
from sandbox.traffic.deployment import CALL_GAS, CREATION_GAS, ITEM_KINDS, UNIT, places

OUTSIDERS = 200
Made = tuple[str | None, int, bytes, int]
"""(to, None to create; value in wei; data; gas limit)"""


class ActionKind(StrEnum):
    """What a transaction does."""

    ETHER = "ether"
    ERC20 = "erc20"
    ERC721_MINT = "erc721-mint"
    ERC721 = "erc721"
    ERC1155_MINT = "erc1155-mint"
    ERC1155 = "erc1155"
    ERC1155_BATCH = "erc1155-batch"
    SWAP = "swap"
    APPROVE = "approve"
    CREATE = "create"
    REVERT = "revert"
    BLOB = "blob"
    AUTHORIZE = "authorize"


@dataclass(slots=True)
class Inventory:
    """What the senders can act with, as last read from the chain."""

    collectibles: dict[int, list[int]] = field(default_factory=dict)
    """Token ids by the index of the sender that owns them; an id is used up when an action moves it."""
    unapproved: list[tuple[int, str]] = field(default_factory=list)
    """(sender, token) whose allowance for the pair is missing."""


@dataclass(frozen=True, slots=True)
class Draw:
    """A seeded generator and whose transaction is made."""

    random: Random
    seed: int
    sender: int

    @property
    def me(self) -> str:
        return accounts().senders[self.sender].address

    def receiver(self) -> str:
        """Return one of the senders or an outsider."""
        if self.random.random() < 0.6:
            return accounts().senders[self.random.randrange(SENDERS)].address
        return outsider(self.seed, self.random.randrange(OUTSIDERS))

    def amount(self) -> int:
        """Return an amount of tokens over several orders of magnitude."""
        return int(UNIT * 10 ** self.random.uniform(-3, 4))


def make(kind: ActionKind, draw: Draw, inventory: Inventory) -> Made:
    """Return a transaction of a kind; an ERC-721 transfer needs the sender to own one."""
    return _MAKERS[kind](draw, inventory)


def _ether(draw: Draw, inventory: Inventory) -> Made:
    return draw.receiver(), draw.random.randrange(1, 10**15), b"", 21_000


def _token(draw: Draw, inventory: Inventory) -> Made:
    place = draw.random.choice((places().gold, places().silver))
    return place, 0, contract("token").call("transfer", draw.receiver(), draw.amount()), CALL_GAS


def _collectible_mint(draw: Draw, inventory: Inventory) -> Made:
    me = draw.me
    return places().collectible, 0, contract("collectible").call("mint", me), CALL_GAS


def _collectible(draw: Draw, inventory: Inventory) -> Made:
    me, owned = draw.me, inventory.collectibles[draw.sender]
    token_id = owned.pop(draw.random.randrange(len(owned)))
    data = contract("collectible").call("transferFrom", me, draw.receiver(), token_id)
    return places().collectible, 0, data, CALL_GAS


def _item_mint(draw: Draw, inventory: Inventory) -> Made:
    kind, amount = draw.random.randrange(ITEM_KINDS), draw.random.randrange(1, 100)
    return places().items, 0, contract("items").call("mint", draw.receiver(), kind, amount), CALL_GAS


def _item(draw: Draw, inventory: Inventory) -> Made:
    me, kind = draw.me, draw.random.randrange(ITEM_KINDS)
    amount = draw.random.randrange(1, 10)
    data = contract("items").call("safeTransferFrom", me, draw.receiver(), kind, amount, b"")
    return places().items, 0, data, CALL_GAS


def _item_batch(draw: Draw, inventory: Inventory) -> Made:
    me = draw.me
    kinds = draw.random.sample(range(ITEM_KINDS), draw.random.randrange(2, 6))
    amounts = [draw.random.randrange(1, 10) for _ in kinds]
    data = contract("items").call("safeBatchTransferFrom", me, draw.receiver(), kinds, amounts, b"")
    return places().items, 0, data, CALL_GAS


def _swap(draw: Draw, inventory: Inventory) -> Made:
    me, forward = draw.me, draw.random.random() < 0.5
    amount = draw.amount() * (1 if forward else 4)
    return places().pair, 0, contract("pair").call("swap", forward, amount, 0, me), CALL_GAS


def _create(draw: Draw, inventory: Inventory) -> Made:
    number = draw.random.randrange(10_000)
    return None, 0, contract("token").creation(f"Brook {number}", f"BR{number}"), CREATION_GAS


def _revert(draw: Draw, inventory: Inventory) -> Made:
    data = contract("token").call("transfer", draw.receiver(), 10**40)  # more than there is
    return places().gold, 0, data, CALL_GAS


def _blob(draw: Draw, inventory: Inventory) -> Made:
    return outsider(draw.seed, 0), 0, draw.random.randbytes(8), 100_000


def _authorize(draw: Draw, inventory: Inventory) -> Made:
    return outsider(draw.seed, 1), 1, b"", 200_000


_MAKERS: Mapping[ActionKind, Callable[[Draw, Inventory], Made]] = {
    ActionKind.ETHER: _ether,
    ActionKind.ERC20: _token,
    ActionKind.ERC721_MINT: _collectible_mint,
    ActionKind.ERC721: _collectible,
    ActionKind.ERC1155_MINT: _item_mint,
    ActionKind.ERC1155: _item,
    ActionKind.ERC1155_BATCH: _item_batch,
    ActionKind.SWAP: _swap,
    ActionKind.CREATE: _create,
    ActionKind.REVERT: _revert,
    ActionKind.BLOB: _blob,
    ActionKind.AUTHORIZE: _authorize,
}
