"""A WebSocket to one node, and JSON-RPC over it: calls with their answers, and notifications between them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import count
from typing import Any, Final, Protocol

import aiohttp
import msgspec

from connectors.evm.rpc.answers import NodeFailure, id_text
from connectors.evm.rpc.endpoint import CONNECT_SECONDS, Param
from headwater.evm.answers.errors import UNREADABLE
from headwater.redaction import mask_url, redact, secrets_of

# Of what is subscribed to, headers are the largest: some kilobytes.
MESSAGE_BYTES: Final = 1 << 20
# A ping that is not answered in half of this ends the connection: it is how one that died is noticed.
PING_SECONDS: Final = 15.0
ANSWER_SECONDS: Final = 10.0
_SHOWN: Final = 300


class Closed(Exception):  # noqa: N818 - an end, and often not an error
    """The other side is gone, or says what nobody can read; the text says which."""


class Socket(Protocol):
    """Text messages, both ways."""

    async def send(self, text: str) -> None:
        """Raises Closed."""

    async def receive(self) -> str:
        """The next message. Raises Closed."""


class Connect(Protocol):
    """Opens a socket to an address. Raises Closed when it cannot."""

    def __call__(self, url: str) -> AbstractAsyncContextManager[Socket]: ...


class RpcNotification(msgspec.Struct, frozen=True):
    """What the node says without being asked; `params` as raw JSON."""

    method: str
    params: msgspec.Raw


class _Message(msgspec.Struct):
    """An answer or a notification; of other messages only that there is one."""

    id: Any = None
    result: Any = None
    error: Any = None
    method: str | None = None
    params: msgspec.Raw = msgspec.Raw(b"null")


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Message).decode


def _answers(message: _Message, id: int) -> bool:
    """Whether it is the answer to this call; an error with nobody's id is, as there is one call at a time."""
    if message.id is None:
        return message.error is not None and message.method is None
    return id_text(message.id) == str(id)


class JsonRpc:
    """JSON-RPC 2.0 with the node at `url` over an open socket, one call at a time.

    `endpoint` is its address without what must not be seen of it, its `secrets`.
    """

    def __init__(self, url: str, socket: Socket) -> None:
        self.endpoint = mask_url(url)
        self.secrets = secrets_of(url)
        self._socket = socket
        self._ids = count(1)

    async def call(self, method: str, *params: Param) -> object:
        """The decoded result; what else arrives before it is dropped.

        Raises NodeFailure where the node answers with an error or with null, and Closed.
        """
        id = next(self._ids)
        await self._socket.send(
            _encode({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).decode()
        )
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                while not _answers(message := await self._receive(), id):
                    pass
        except TimeoutError:
            raise Closed(f"no answer to {method} in {ANSWER_SECONDS:.0f} s") from None
        if message.error is not None or message.result is None:
            # Nodes quote the key that they were asked with, and errors may be of any length.
            shown = redact(str(message.error), self.secrets)[:_SHOWN]
            raise NodeFailure(self.endpoint, f"{method}: {shown}", "error")
        return message.result

    async def notification(self) -> RpcNotification:
        """The next one; an answer that nobody waits for any more is dropped. Raises Closed."""
        while (message := await self._receive()).method is None:
            pass
        return RpcNotification(message.method, message.params)

    async def _receive(self) -> _Message:
        text = await self._socket.receive()
        try:
            return _decode(text)
        except UNREADABLE as error:
            raise Closed(f"a message that is not JSON-RPC: {error}") from error


class _AiohttpSocket:
    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket

    async def send(self, text: str) -> None:
        try:
            await self._socket.send_str(text)
        except (aiohttp.ClientError, OSError) as error:
            raise Closed(f"the connection is lost: {type(error).__name__}") from error

    async def receive(self) -> str:
        message = await self._socket.receive()
        if message.type is aiohttp.WSMsgType.TEXT:
            return str(message.data)
        if message.type is aiohttp.WSMsgType.ERROR:
            raise Closed(f"the connection is lost: {message.data}")
        if message.type is aiohttp.WSMsgType.BINARY:
            raise Closed("a binary message")
        raise Closed(f"closed with code {self._socket.close_code}")


@asynccontextmanager
async def connect(url: str, seconds: float = CONNECT_SECONDS) -> AsyncIterator[Socket]:
    """A socket through aiohttp, which takes 2.8 µs a message where `websockets` takes 9.7.

    The handshake may take so many seconds: who takes connections may not answer them.
    """
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        try:
            async with asyncio.timeout(seconds):
                socket = await session.ws_connect(
                    url,
                    # The other side is told of the end, and its word on that not waited for: it may be dead.
                    timeout=aiohttp.ClientWSTimeout(ws_close=0.0),
                    heartbeat=PING_SECONDS,
                    max_msg_size=MESSAGE_BYTES,
                )
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise Closed(f"cannot connect: {error or type(error).__name__}") from error
        # What goes wrong with whoever uses it is theirs to say.
        try:
            yield _AiohttpSocket(socket)
        finally:
            await socket.close()
