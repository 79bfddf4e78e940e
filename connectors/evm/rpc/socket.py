"""A WebSocket to one node."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final, Protocol

import aiohttp

from connectors.evm.rpc.endpoint import CONNECT_SECONDS

# Of what is subscribed to, headers are the largest: some kilobytes.
MESSAGE_BYTES: Final = 1 << 20
# A ping that is not answered in half of this ends the connection: it is how one that died is noticed.
PING_SECONDS: Final = 15.0


class Closed(Exception):  # noqa: N818 - an end, which may be no error
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
                socket = await session.ws_connect(url, heartbeat=PING_SECONDS, max_msg_size=MESSAGE_BYTES)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise Closed(f"cannot connect: {error or type(error).__name__}") from error
        # What goes wrong with whoever uses it is theirs to say.
        try:
            yield _AiohttpSocket(socket)
        finally:
            await socket.close()
