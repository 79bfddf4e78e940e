"""JSON-RPC to the local chain's node through web3.py, batches included."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import TracebackType
from typing import Any

import aiohttp
from web3 import AsyncHTTPProvider
from web3.exceptions import Web3Exception
from web3.types import RPCEndpoint, RPCResponse

from headwater.errors import Transient

TIMEOUT_SECONDS = 20.0


class NodeAway(Transient):
    """The node does not answer: it is being restarted, or gone."""


class CallRejected(Exception):  # noqa: N818 - the node's verdict about one call
    """The node answers a call with an error; its message is the exception's."""


Call = tuple[str, list[object]]


class Node:
    """A connection to the node, used as an async context."""

    def __init__(self, url: str) -> None:
        # What passes by itself is waited for by the caller, who has nonces to read again then.
        self._provider = AsyncHTTPProvider(
            url,
            request_kwargs={"timeout": aiohttp.ClientTimeout(total=None)},
            exception_retry_configuration=None,
        )

    async def __aenter__(self) -> Node:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._provider.disconnect()

    async def call(self, method: str, *params: object) -> object:
        """Return a call's result. Raises NodeAway or CallRejected."""
        (result,) = await self.batch([(method, list(params))])
        if isinstance(result, CallRejected):
            raise result
        return result

    async def batch(self, calls: Sequence[Call], seconds: float = TIMEOUT_SECONDS) -> list[object]:
        """Return each call's result, or the CallRejected of one that failed. Raises NodeAway after `seconds`.

        The node may run the calls of a batch in any order.
        """
        if not calls:
            return []
        requests: list[tuple[RPCEndpoint, Any]] = [(RPCEndpoint(method), params) for method, params in calls]
        try:
            async with asyncio.timeout(seconds):
                answered = await self._provider.make_batch_request(requests)
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError, Web3Exception) as error:
            raise NodeAway(f"no answer to {calls[0][0]}: {type(error).__name__} {error}") from error
        if not isinstance(answered, list) or len(answered) != len(calls):
            raise NodeAway(f"no answer to a batch of {len(calls)} calls")
        return [_result(each) for each in answered]


def _result(answer: RPCResponse) -> object:
    failure = answer.get("error")
    if failure is None:
        return answer.get("result")
    return CallRejected(failure if isinstance(failure, str) else str(failure.get("message")))
