"""Whether the endpoints have the finalized block that was published: one that has another is cordoned."""

from __future__ import annotations

import asyncio
from typing import Final

import msgspec

from connectors.evm.events import Head
from connectors.evm.pool.cordon import Cordons
from connectors.evm.rpc.answers import NodeFailure, Unsupported, is_null
from connectors.evm.rpc.endpoint import Endpoint
from headwater.evm.answers.errors import UNREADABLE

OTHER_HASH: Final = "finalized_hash"


class _Hash(msgspec.Struct):
    hash: str


_decode = msgspec.json.Decoder(_Hash).decode


class OtherHash(NodeFailure):
    """The node has another block where one is final."""

    @property
    def contradiction(self) -> str:
        return OTHER_HASH


async def agree(endpoint: Endpoint, known: Head) -> bool:
    """Whether it has this block at its height; False where it has none. Raises OtherHash, and as `call`."""
    raw = await endpoint.call("eth_getBlockByNumber", hex(known.number), False)
    if is_null(raw):
        return False
    try:
        found = _decode(raw).hash
    except UNREADABLE as error:
        raise NodeFailure(endpoint.name, f"eth_getBlockByNumber: {error}", "broken") from error
    if found.lower() == "0x" + known.hash.hex():
        return True
    raise OtherHash(
        endpoint.name,
        f"its block {known.number} is {found[:66]}, and 0x{known.hash.hex()} is final",
        "contradiction",
    )


async def cordon_others(endpoints: list[Endpoint], known: Head, cordons: Cordons) -> int:
    """Ask all for a finalized block, and cordon those with another one if any has it; returns how many."""

    async def asked(endpoint: Endpoint) -> bool | OtherHash:
        try:
            return await agree(endpoint, known)
        except OtherHash as failure:
            return failure
        except (NodeFailure, Unsupported):
            return False  # Counted where it was raised.

    present = [endpoint for endpoint in endpoints if endpoint.name not in cordons]
    answers = await asyncio.gather(*(asked(endpoint) for endpoint in present))
    if True not in answers:
        return 0
    others = [pair for pair in zip(present, answers, strict=True) if isinstance(pair[1], OtherHash)]
    for endpoint, failure in others:
        assert isinstance(failure, OtherHash)
        cordons.put(endpoint, failure, lambda endpoint=endpoint: agree(endpoint, known))  # type: ignore[misc]
    return len(others)
