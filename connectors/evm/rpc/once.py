"""One call to one node from code that runs no event loop: commands, probes."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import msgspec

from connectors.evm.rpc.answers import NodeFailure
from connectors.evm.rpc.endpoint import ANSWER_BYTES, AiohttpTransport, Endpoint, Param
from headwater.evm.answers.errors import UNREADABLE
from headwater.settings import mask_url


def ask(url: str, method: str, *params: Param, seconds: float = 10.0, limit: int = ANSWER_BYTES) -> object:
    """The decoded result of a call, None where the node answers null. Raises NodeFailure or Unsupported.

    `seconds` is what the node may take, `limit` the bytes of its answer. Blocks, in an event loop too.
    """
    # A thread of its own has no event loop yet, wherever this is called.
    with ThreadPoolExecutor(1, thread_name_prefix="json-rpc") as pool:
        return pool.submit(asyncio.run, _ask(url, method, params, seconds, limit)).result()


async def _ask(url: str, method: str, params: tuple[Param, ...], seconds: float, limit: int) -> object:
    transport = AiohttpTransport(seconds, limit=limit)
    try:
        return msgspec.json.decode(await Endpoint("", mask_url(url), url, transport).call(method, *params))
    except UNREADABLE as error:
        raise NodeFailure(mask_url(url), f"{method}: {error}", "broken") from error
    finally:
        await transport.close()
