"""A WebSocket through aiohttp: messages both ways, and every way to be gone is the same exception."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from connectors.evm.rpc.socket import MESSAGE_BYTES, Closed, connect

Act = Callable[[web.WebSocketResponse, web.Request], Awaitable[object]]


@asynccontextmanager
async def serving(act: Act) -> AsyncIterator[str]:
    """The address of a server that answers the first message, and then acts."""

    async def handle(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str(await socket.receive_str())
        await act(socket, request)
        return socket

    application = web.Application()
    application.router.add_get("/", handle)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"ws://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def abort(socket: web.WebSocketResponse, request: web.Request) -> None:
    assert request.transport is not None
    request.transport.abort()


@pytest.mark.parametrize(
    ("act", "says"),
    [
        (lambda socket, request: socket.close(code=4001), "closed with code 4001"),
        (lambda socket, request: socket.send_bytes(b"\0"), "a binary message"),
        (lambda socket, request: socket.send_str("x" * (MESSAGE_BYTES + 1)), "closed|lost"),
        (abort, "closed|lost"),
    ],
    ids=["close", "binary", "huge", "abort"],
)
async def test_what_was_sent_comes_and_then_the_end(act: Act, says: str) -> None:
    async with serving(act) as url, connect(url) as socket:
        await socket.send("ping")
        assert await socket.receive() == "ping"
        with pytest.raises(Closed, match=says):
            await socket.receive()
        with pytest.raises(Closed):
            await socket.receive()


@pytest.mark.parametrize("url", ["ws://127.0.0.1:1", "no-address", "http+x://127.0.0.1"])
async def test_where_nobody_is_nothing_is_opened(url: str) -> None:
    with pytest.raises(Closed, match="cannot connect"):
        async with connect(url):
            raise AssertionError("opened")


async def test_a_server_without_websockets_is_told_as_such() -> None:
    async def act(socket: web.WebSocketResponse, request: web.Request) -> None:
        """Never reached."""

    async with serving(act) as url:
        with pytest.raises(Closed, match="404"):
            async with connect(url + "/other"):
                raise AssertionError("opened")


async def test_what_goes_wrong_with_its_user_is_not_taken_for_the_other_sides_end() -> None:
    async def act(socket: web.WebSocketResponse, request: web.Request) -> None:
        """It says nothing more."""

    async with serving(act) as url:
        with pytest.raises(ValueError, match="a fault of ours"):
            async with connect(url):
                raise ValueError("a fault of ours")


async def test_a_server_that_says_nothing_more_holds_up_no_end() -> None:
    """One that died without a word leaves its connection open, and whoever stops listening has it to end."""
    gone = asyncio.Event()

    async def act(socket: web.WebSocketResponse, request: web.Request) -> None:
        await gone.wait()

    async with serving(act) as url:
        # Half of what a client waits for that waits for a word.
        async with asyncio.timeout((aiohttp.ClientWSTimeout().ws_close or 10.0) / 2):
            async with connect(url) as socket:
                await socket.send("ping")
                assert await socket.receive() == "ping"
        gone.set()


async def test_a_connection_is_ended_with_a_word() -> None:
    told = asyncio.Event()

    async def act(socket: web.WebSocketResponse, request: web.Request) -> None:
        assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE
        told.set()

    async with serving(act) as url:
        async with connect(url) as socket:
            await socket.send("ping")
            assert await socket.receive() == "ping"
        await told.wait()
