"""One fork of the local chain, now: the same as the traffic makes now and then."""

from __future__ import annotations

import asyncio
from random import Random

from headwater.errors import Fatal
from sandbox.traffic.forking import Fork, Forker
from sandbox.traffic.node import CallRejected, Node, NodeAway


def fork(rpc: str, depth: int) -> Fork:
    """Some of the orphaned blocks' transactions are mined elsewhere, some are sent again, some are lost.

    Raises Fatal where there is no local chain, or none with blocks that may leave it.
    """
    try:
        made = asyncio.run(_fork(rpc, depth))
    except (NodeAway, CallRejected) as error:
        raise Fatal(
            f"the local chain cannot be forked: {error}", remedy="is `headwater up` running?"
        ) from error
    if made is None:
        raise Fatal(
            "no block of the local chain can leave it: the finalized one is right behind the head",
            remedy="wait for some blocks and try again",
        )
    return made


async def _fork(rpc: str, depth: int) -> Fork | None:
    async with Node(rpc) as node:
        version = str(await node.call("web3_clientVersion"))
        if not version.startswith("anvil/"):
            raise Fatal(f"the node is {version}, no local development chain")
        return await Forker(node, Random(), (depth, depth)).fork()
