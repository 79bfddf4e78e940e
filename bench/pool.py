"""What the pool adds to a call: a block's header through it beside aiohttp alone, receipts beside aiohttp and
one pass over the JSON, which any client makes.

The recorded node is a process of its own; calls alternate, so that whatever else the machine does meets both.
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import aiohttp
import msgspec
import orjson

from bench import blocks
from bench.report import Row, publish
from connectors.evm.pool.connect import connect
from connectors.evm.rpc.endpoint import Endpoint
from headwater.settings import load_settings

HEADWATER: Final = str(Path(sys.executable).parent / "headwater")
CALLS: Final = 1_500
_WARM_UP: Final = 100
_TARGET: Final = 0.3


def rows() -> list[Row]:
    """p50 of a call through a pool of two endpoints, its kinds hedged, and of the bare call."""
    folder = blocks.folder()
    if folder is None:
        return [Row("pool, one call p50", None, "ms", note="no real-chain data")]
    node = subprocess.Popen(
        [HEADWATER, "node", "serve", str(folder), "--port", "0"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert node.stdout is not None
        url = node.stdout.readline().split()[0]
        return [
            asyncio.run(_compared(url, False, "eth_getBlockByNumber", "latest", False)),
            asyncio.run(_compared(url, True, "eth_getBlockReceipts", "latest")),
        ]
    finally:
        node.terminate()
        node.wait()


class _Envelope(msgspec.Struct):
    result: msgspec.Raw


async def _compared(url: str, reads: bool, method: str, *params: str | bool) -> Row:
    nodes, transport = connect(load_settings({"chain": {"rpc": [url, url]}}, environ={}))
    body = orjson.dumps({"jsonrpc": "2.0", "id": 0, "method": method, "params": params})
    headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
    async with aiohttp.ClientSession(read_bufsize=1 << 20) as session:

        async def bare() -> None:
            async with session.post(url, data=body, headers=headers) as response:
                answer = await response.read()
                if reads:
                    msgspec.json.decode(answer, type=_Envelope)

        async def work(endpoint: Endpoint) -> memoryview:
            return await endpoint.call(method, *params)

        async def pooled() -> None:
            await nodes.ask(work, kind=method)

        took: tuple[list[float], list[float]] = ([], [])
        for _ in range(_WARM_UP + CALLS):
            for call, seconds in zip((bare, pooled), took, strict=True):
                seconds.append(await _timed(call))
    await transport.close()
    alone, through = (statistics.median(seconds[_WARM_UP:]) * 1000 for seconds in took)
    return Row(
        f"pool, p50 of {method}",
        through,
        "ms",
        "aiohttp and msgspec" if reads else "aiohttp alone",
        alone,
        f"≤ {_TARGET} more",
        through - alone <= _TARGET,
        f"{through - alone:.3f} ms more",
    )


async def _timed(call: Callable[[], Awaitable[None]]) -> float:
    began = time.perf_counter()
    await call()
    return time.perf_counter() - began


if __name__ == "__main__":
    publish("pool", rows())
