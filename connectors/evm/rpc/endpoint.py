"""JSON-RPC to one node over HTTP: calls and batches to raw result bytes.

The hot path speaks JSON-RPC itself: web3.py formats each result into Python objects, which costs
seventy times what reading the JSON does.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Final, Protocol
from urllib.parse import urlsplit

import aiohttp
import msgspec
from prometheus_client import Counter, Histogram

from connectors.evm.rpc.answers import HttpAnswer, NodeFailure, result_of, results_of
from headwater.heartbeat import beat
from headwater.metrics import listener as metrics
from headwater.redaction import mask_url, redact, secrets_of

CONNECT_SECONDS: Final = 5.0
CONNECTIONS: Final = 64
"""To one address, at most."""
# Decompressed. The largest answers are traces of a block, some hundred megabytes.
ANSWER_BYTES: Final = 512 << 20
Param = str | int | bool | dict[str, object] | None
_encode = msgspec.json.Encoder().encode


class Transport(Protocol):
    """Posts a body to an address. Raises OSError, TimeoutError, aiohttp.ClientError, and ValueError for an
    address that is none, as a node may send us to."""

    async def post(self, url: str, body: bytes) -> HttpAnswer: ...

    async def close(self) -> None: ...


class AiohttpTransport:
    """HTTP/1.1 with kept connections, answers up to `limit` bytes. Make it inside a running loop."""

    def __init__(self, timeout_seconds: float, *, limit: int = ANSWER_BYTES) -> None:
        self._limit = limit
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=timeout_seconds, sock_connect=CONNECT_SECONDS),
            # Of each address its own: a node that keeps silent holds none that another is asked by.
            connector=aiohttp.TCPConnector(limit=0, limit_per_host=CONNECTIONS, keepalive_timeout=60.0),
            read_bufsize=1024 * 1024,
        )

    async def post(self, url: str, body: bytes) -> HttpAnswer:
        async with self._session.post(url, data=body, headers=_headers(url)) as response:
            body = await read_bounded(response.content, self._limit)
            return HttpAnswer(response.status, body, response.headers.get("Retry-After"))

    async def close(self) -> None:
        await self._session.close()


class AnswerTooLarge(aiohttp.ClientError):
    """An answer longer than any that was asked for, `limit` bytes; the rest of it is not read."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"an answer above {limit} bytes")


class Body(Protocol):
    """What aiohttp has of an answer's body."""

    def iter_any(self) -> AsyncIterable[bytes]: ...


async def read_bounded(content: Body, limit: int) -> bytes:
    """The whole body. Raises AnswerTooLarge when it is longer than `limit` bytes."""
    # Read in pieces: what an answer says of its length is the other side's word, and it may be compressed.
    pieces: list[bytes] = []
    size = 0
    async for piece in content.iter_any():
        pieces.append(piece)
        size += len(piece)
        if size > limit:
            raise AnswerTooLarge(limit)
    return b"".join(pieces)


def _headers(url: str) -> dict[str, str]:
    headers = {"Content-Type": "application/json"}
    # On the same machine compressing costs both sides more than the bytes do.
    if urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1"):
        headers["Accept-Encoding"] = "identity"
    return headers


class Endpoint:
    """One node. `name` is its address without secrets; it appears in logs, metrics and CLAIMs."""

    def __init__(self, chain: str, name: str, url: str, transport: Transport) -> None:
        self.name = name
        self.chain = chain
        self._url = url
        self._transport = transport
        self._secrets = secrets_of(url)
        # Of calls, each its own: a gateway may take the answer to one for that to another. 0 is none to some.
        self._ids = count(1)
        # By method: looking a metric up by its labels costs as much as all else that is counted.
        self._seconds: dict[str, Histogram] = {}
        self._answered: dict[str, Counter] = {}

    async def call(self, method: str, *params: Param) -> memoryview:
        """The raw JSON of a call's result. Raises NodeFailure or Unsupported."""
        id = next(self._ids)
        body = _encode({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
        answer = await self._post(method, body)
        with self._counted(method):
            return result_of(self.name, method, answer, self._secrets, id=id)

    async def batch(self, method: str, params: Sequence[Sequence[Param]]) -> list[memoryview]:
        """The raw results of one method for several parameter lists, in their order. Raises as `call`."""
        if not params:
            return []
        calls = [
            {"jsonrpc": "2.0", "id": number, "method": method, "params": each}
            for number, each in enumerate(params, 1)
        ]
        answer = await self._post(method, _encode(calls))
        with self._counted(method):
            return results_of(self.name, method, answer, len(params), self._secrets)

    async def _post(self, method: str, body: bytes) -> HttpAnswer:
        start = time.perf_counter()
        beat()
        try:
            return await self._transport.post(self._url, body)
        except TimeoutError as error:
            raise self._failed(method, "no answer in time", "timeout") from error
        except AnswerTooLarge as error:
            raise self._failed(method, f"{error} (HEADWATER_CHAIN__ANSWER_BYTES)", "broken") from error
        except (OSError, aiohttp.ClientError, ValueError) as error:
            # The message of a client error may hold the address with its key: the class says enough.
            reason = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
            raise self._failed(method, f"connection failed: {self._clean(reason)}", "connection") from error
        finally:
            beat()
            seconds = self._seconds.get(method)
            if seconds is None:
                seconds = self._seconds[method] = metrics.NODE_SECONDS.labels(self.chain, self.name, method)
            seconds.observe(time.perf_counter() - start)

    @contextmanager
    def _counted(self, method: str) -> Iterator[None]:
        outcome = "unsupported"
        try:
            yield
            outcome = "ok"
        except NodeFailure as failure:
            outcome = failure.outcome
            raise
        finally:
            if outcome != "ok":
                metrics.NODE_REQUESTS.labels(self.chain, self.name, method, outcome).inc()
            elif method in self._answered:
                self._answered[method].inc()
            else:
                self._answered[method] = metrics.NODE_REQUESTS.labels(self.chain, self.name, method, outcome)
                self._answered[method].inc()

    def _failed(self, method: str, what: str, outcome: str) -> NodeFailure:
        metrics.NODE_REQUESTS.labels(self.chain, self.name, method, outcome).inc()
        return NodeFailure(self.name, f"{method}: {what}", outcome)

    def _clean(self, text: str) -> str:
        return redact(text.replace(self._url, self.name), self._secrets)


def endpoints_of(chain: str, urls: Iterable[str], transport: Transport) -> list[Endpoint]:
    """The endpoints of these addresses; those whose masked names are alike are numbered."""
    found: list[Endpoint] = []
    for url in urls:
        name = mask_url(url)
        same = sum(other.name.split("#")[0] == name for other in found)
        found.append(Endpoint(chain, f"{name}#{same + 1}" if same else name, url, transport))
    return found
