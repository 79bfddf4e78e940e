"""JSON-RPC to the local chain's node, batches included."""

from collections.abc import Sequence
from types import TracebackType

import aiohttp
import orjson

from headwater.errors import Transient

TIMEOUT_SECONDS = 20


class NodeAway(Transient):
    """The node does not answer: it is being restarted, or gone."""


class Refused(Exception):  # noqa: N818 - the node's verdict about one call
    """The node answers a call with an error; its message is the exception's."""


Call = tuple[str, list[object]]


class Node:
    """A connection to the node, used as an async context."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session = aiohttp.ClientSession()

    async def __aenter__(self) -> "Node":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def call(self, method: str, *params: object) -> object:
        """Return a call's result. Raises NodeAway or Refused."""
        (result,) = await self.batch([(method, list(params))])
        if isinstance(result, Refused):
            raise result
        return result

    async def batch(self, calls: Sequence[Call], seconds: float = TIMEOUT_SECONDS) -> list[object]:
        """Return each call's result, or the Refused of one that failed. Raises NodeAway after `seconds`.

        The node may run the calls of a batch in any order.
        """
        if not calls:
            return []
        body = [{"jsonrpc": "2.0", "id": i, "method": m, "params": p} for i, (m, p) in enumerate(calls)]
        headers = {"Content-Type": "application/json"}
        try:
            data, timeout = orjson.dumps(body), aiohttp.ClientTimeout(total=seconds)
            async with self._session.post(self._url, data=data, headers=headers, timeout=timeout) as answer:
                answered = orjson.loads(await answer.read())
        except (TimeoutError, aiohttp.ClientError, OSError, orjson.JSONDecodeError) as error:
            raise NodeAway(f"no answer to {calls[0][0]}: {type(error).__name__} {error}") from error
        if not isinstance(answered, list) or len(answered) != len(calls):
            raise NodeAway(f"no answer to a batch of {len(calls)} calls")
        results: list[object] = [None] * len(calls)
        for one in answered:
            failure = one.get("error")
            results[one["id"]] = Refused(str(failure.get("message"))) if failure else one.get("result")
        return results
