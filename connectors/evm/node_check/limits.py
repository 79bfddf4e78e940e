"""How much an endpoint takes at once, and how far back it goes: each found by trying sizes in order."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from connectors.evm.rpc import chain_id
from connectors.evm.rpc.answers import NodeFailure, Unsupported, is_null
from connectors.evm.rpc.endpoint import Endpoint

BATCHES: Final = (1, 10, 25, 50, 100, 500, 1000)
RANGES: Final = (1, 10, 100, 500, 1_000, 2_000, 5_000, 10_000)
BACK: Final = (0, 16, 128, 1_024, 10_000, 100_000, 1_000_000)
"""Blocks below the head that are tried, before the chain's first one."""

_NOBODY: Final = "0x000000000000000000000000000000000000dEaD"
_NOTHING: Final = (b"null", b"[]")


async def batch(endpoint: Endpoint) -> int | None:
    """Calls that it takes in one request, of those tried."""

    async def takes(size: int) -> bool:
        await endpoint.batch(chain_id.METHOD, [[]] * size)
        return True

    return await _last(BATCHES, takes)


async def log_range(endpoint: Endpoint, head: int) -> int | None:
    """Blocks that it takes in one eth_getLogs, of those tried; of an address that has hardly any logs."""

    async def takes(size: int) -> bool:
        bounds = {"fromBlock": hex(max(0, head - size + 1)), "toBlock": hex(head)}
        await endpoint.call("eth_getLogs", {"address": _NOBODY, **bounds})
        return True

    return await _last(RANGES, takes)


async def oldest_block(endpoint: Endpoint, head: int, receipts: str) -> int | None:
    """The lowest height that it has, with receipts where it gives them by block."""

    async def has(number: int) -> bool:
        if is_null(await endpoint.call("eth_getBlockByNumber", hex(number), False)):
            return False
        if receipts not in ("by_hash", "by_number"):
            return True
        return not is_null(await endpoint.call("eth_getBlockReceipts", hex(number)))

    heights = _heights(head)
    oldest = await _last(heights, has)
    if oldest is None or oldest == heights[-1]:
        return oldest
    missing = heights[heights.index(oldest) + 1]
    while oldest - missing > 1:
        middle = (oldest + missing) // 2
        if await _last([middle], has) is None:
            missing = middle
        else:
            oldest = middle
    return oldest


async def oldest_state(endpoint: Endpoint, head: int) -> int | None:
    """The lowest height, of those tried, at which it tells balances."""

    async def has(number: int) -> bool:
        return not is_null(await endpoint.call("eth_getBalance", _NOBODY, hex(number)))

    return await _last(_heights(head), has)


def _heights(head: int) -> list[int]:
    return [head - back for back in BACK if back < head - 1] + [1]


async def _last(sizes: Sequence[int], works: Callable[[int], Awaitable[bool]]) -> int | None:
    """The last of the sizes before the first that does not work."""
    found = None
    for size in sizes:
        try:
            if not await works(size):
                break
        except (NodeFailure, Unsupported):
            break
        found = size
    return found
