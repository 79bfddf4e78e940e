"""HTTP services that listen on loopback, at the same ports of another address: a proxy that names the Host.

A TCP forwarder would not do: ClickHouse's stand-in answers only who names loopback as the Host.
"""

from __future__ import annotations

import asyncio
import io
import threading
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from typing import Final

import aiohttp
from aiohttp import web
from yarl import URL

SECONDS: Final = 600
LARGEST_BYTES: Final = 256 << 20
# Of one connection (RFC 9110, 7.6.1), and what the proxy sets itself.
OWN: Final = frozenset(
    {"connection", "host", "keep-alive", "transfer-encoding", "content-length", "upgrade", "te"}
)


@contextmanager
def front(address: str, ports: Sequence[int]) -> Iterator[None]:
    """Serve from a thread, for the length of the context."""
    loop = asyncio.new_event_loop()
    ended = asyncio.Event()
    ready: threading.Event = threading.Event()
    failures: list[BaseException] = []

    async def serve() -> None:
        timeout = aiohttp.ClientTimeout(total=SECONDS)
        async with AsyncExitStack() as stack:
            session = await stack.enter_async_context(
                aiohttp.ClientSession(
                    timeout=timeout,
                    auto_decompress=False,
                    # What a client did not say, nobody says for it: it could not read a compressed answer.
                    skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
                    connector=aiohttp.TCPConnector(limit=0),
                )
            )
            for port in ports:
                runner = web.AppRunner(
                    _application(session, port),
                    access_log=None,
                    shutdown_timeout=0.5,
                    auto_decompress=False,  # bodies pass as they are, with the headers that say what they are
                )
                await runner.setup()
                stack.push_async_callback(runner.cleanup)
                await web.TCPSite(runner, address, port).start()
            ready.set()
            await ended.wait()

    def run() -> None:
        try:
            loop.run_until_complete(serve())
        except BaseException as error:
            failures.append(error)
            raise
        finally:
            ready.set()
            loop.close()

    thread = threading.Thread(target=run, name="front", daemon=True)
    thread.start()
    ready.wait()
    if failures:
        raise failures[0]
    try:
        yield
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join()


def _application(session: aiohttp.ClientSession, port: int) -> web.Application:
    async def pass_on(request: web.Request) -> web.StreamResponse:
        headers = {name: value for name, value in request.headers.items() if name.lower() not in OWN}
        url = f"http://127.0.0.1:{port}{request.raw_path}"
        body = await request.read()
        try:
            async with session.request(
                request.method,
                URL(url, encoded=True),
                headers=headers,
                data=io.BytesIO(body) if body else None,
            ) as answer:
                return await _relayed(request, answer)
        except aiohttp.ClientError:
            # What stands behind is away: the client is to see what it would see without a proxy.
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=502)

    application = web.Application(client_max_size=LARGEST_BYTES)
    application.router.add_route("*", "/{path:.*}", pass_on)
    return application


async def _relayed(request: web.Request, answer: aiohttp.ClientResponse) -> web.StreamResponse:
    headers = {name: value for name, value in answer.headers.items() if name.lower() not in OWN}
    response = web.StreamResponse(status=answer.status, headers=headers)
    if answer.content_length is not None:
        response.content_length = answer.content_length
    await response.prepare(request)
    async for chunk in answer.content.iter_any():
        await response.write(chunk)
    await response.write_eof()
    return response
