"""What has to be read from the chain again and again: nonces, and what the senders own."""

from dataclasses import dataclass, field
from typing import cast

from sandbox.traffic.abi import contract, decode
from sandbox.traffic.accounts import BLOB_SENDER, SENDERS, accounts
from sandbox.traffic.deployment import places
from sandbox.traffic.makers import Inventory
from sandbox.traffic.node import CallRejected, Node, NodeAway

RECENT_COLLECTIBLES = 256


@dataclass(slots=True)
class Nonces:
    """The next nonce of every account, as this process believes it."""

    senders: list[int] = field(default_factory=list)
    authority: int = 0
    unsure: set[int] = field(default_factory=set)
    """Senders whose nonces must be read again."""


async def read_nonces(node: Node) -> Nonces:
    """Return the nonces that follow what is mined and pending. Raises NodeAway or CallRejected."""
    addresses = [*(account.address for account in accounts().senders), accounts().authority.address]
    results = await node.batch([("eth_getTransactionCount", [a, "pending"]) for a in addresses])
    for result in results:
        if isinstance(result, CallRejected):
            raise result
    counts = [int(str(result), 16) for result in results]
    return Nonces(counts[:SENDERS], counts[SENDERS])


async def read_inventory(node: Node) -> Inventory:
    """Return who owns the newest collectibles and which allowances are missing.

    Raises NodeAway also when the contracts are not there (the chain was started anew).
    """
    place, collectible = places().collectible, contract("collectible")
    total = int(await _view(node, place, collectible.call("totalSupply")), 16)
    start = max(0, total - RECENT_COLLECTIBLES)
    listed = await _view(node, place, collectible.call("owners", start, total - start))
    (owners,) = decode(("address[]",), listed)
    found = Inventory()
    index = {account.address.lower(): at for at, account in enumerate(accounts().senders)}
    for token_id, owner in enumerate(cast(tuple[str, ...], owners), start):
        if owner in index:
            found.collectibles.setdefault(index[owner], []).append(token_id)
    for at, account in enumerate(accounts().senders[:BLOB_SENDER]):
        for token in (places().gold, places().silver):
            allowed = contract("token").call("allowance", account.address, places().pair)
            if int(await _view(node, token, allowed), 16) == 0:
                found.unapproved.append((at, token))
    return found


async def _view(node: Node, to: str, data: bytes) -> str:
    result = await node.call("eth_call", {"to": to, "data": "0x" + data.hex()}, "latest")
    if result == "0x":
        raise NodeAway(f"there is no contract at {to} any more")
    return str(result)
