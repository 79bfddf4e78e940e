"""The recorded node's HTTP and WebSocket front, in one process with a test or on its own.

A response is spliced together from the call's id and result bytes that are serialised already, because
benchmarks measure others against this node.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from socket import create_server

import orjson
from aiohttp import WSMsgType, web

from sandbox.node.answers import BlockAnswers, Chain
from sandbox.node.compression import compressed
from sandbox.node.errors import INVALID_PARAMS, RpcError
from sandbox.node.faults import Disconnect, Faults, HalfWritten, Padded, Silence, Status, Transport, damaged
from sandbox.node.methods import Head, Methods
from sandbox.node.rpc import Plan, Responder, error_answer

MAX_REQUEST_BYTES = 64 * 1024 * 1024


class RecordedNode:
    """Serves a chain as a JSON-RPC node on loopback.

    `head` is the served head (None: the chain's last block, whatever that becomes); `safe_lag` and
    `finalized_lag` are blocks behind it. `faults` scripts bad answers and `plan` draws them, `calls` counts
    calls by method.
    """

    def __init__(
        self,
        chain: Chain,
        *,
        head: int | None = None,
        safe_lag: int = 32,
        finalized_lag: int = 64,
        plan: Plan | None = None,
    ) -> None:
        self.chain = chain
        self.faults = Faults()
        self.port = 0
        self._plan = plan
        self._head = Head(chain, head, safe_lag, finalized_lag)
        self._responder = Responder(Methods(chain, self._head), self.faults, plan)
        self._sockets: dict[web.WebSocketResponse, set[str]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pushes: set[asyncio.Task[None]] = set()
        self._subscriptions = 0

    @property
    def calls(self) -> dict[str, int]:
        """How often each method was called."""
        return self._responder.calls

    def respond(self, request: bytes) -> tuple[bytes, Transport | None]:
        """Return the response body of a request or batch, and the transport fault that is to spoil it."""
        return self._responder.respond(request)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    @property
    def head(self) -> int:
        """The number of the served head."""
        return self._head.number

    def set_head(self, number: int | None) -> None:
        """Serve up to `number` (None: up to the chain's last block) and announce what is new."""
        before = self.head
        self._head.set(number)
        for height in range(before + 1, self.head + 1):
            found = self.chain.by_number(height)
            if found is not None:
                self.announce(found)

    def advance(self, blocks: int = 1) -> int:
        """Move the served head on, not beyond the chain, and return it."""
        self.set_head(min(self.head + blocks, self.chain.last()))
        return self.head

    def set_lags(self, safe: int, finalized: int) -> None:
        """Change how many blocks safe and finalized are behind the head."""
        self._head.safe_lag, self._head.finalized_lag = safe, finalized

    def announce(self, block: BlockAnswers) -> None:
        """Notify newHeads subscribers of a block. May be called from another thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._push, block)

    def _push(self, block: BlockAnswers) -> None:
        if self._sockets and self._plan is not None and self._plan.tells_nothing():
            return
        for socket, subscriptions in self._sockets.items():
            for subscription in subscriptions:
                parameters = b'{"subscription":"%b","result":%b}' % (subscription.encode(), block.head())
                text = b'{"jsonrpc":"2.0","method":"eth_subscription","params":%b}' % parameters
                task = asyncio.ensure_future(self._send(socket, text))
                self._pushes.add(task)
                task.add_done_callback(self._pushes.discard)

    @staticmethod
    async def _send(socket: web.WebSocketResponse, text: bytes) -> None:
        with suppress(ConnectionError):  # the subscriber left: its socket handler cleans up
            await socket.send_str(text.decode())

    @asynccontextmanager
    async def serve(self, port: int = 0) -> AsyncIterator["RecordedNode"]:
        """Serve on a port (0: a free one) for the length of the context."""
        application = web.Application(client_max_size=MAX_REQUEST_BYTES)
        application.router.add_post("/{path:.*}", self._http)
        application.router.add_get("/{path:.*}", self._websocket)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5, handler_cancellation=True)
        listening = create_server(("127.0.0.1", port))
        await runner.setup()
        try:
            await web.SockSite(runner, listening).start()
            self.port = runner.addresses[0][1]
            self._loop = asyncio.get_running_loop()
            yield self
        finally:
            self._loop = None
            for socket in list(self._sockets):
                await socket.close()
            # A server that closes between accepting a client and connecting it, two turns of the loop later,
            # leaves that socket open (CPython before 3.13): so it stops accepting first.
            asyncio.get_running_loop().remove_reader(listening)
            for _ in range(3):
                await asyncio.sleep(0)
            server = runner.server
            open_ = [each.transport for each in server.connections if each.transport] if server else []
            await runner.cleanup()
            # Closing waits for a client to read what is left; one that never does keeps the socket.
            for transport in open_:
                transport.abort()
            await asyncio.sleep(0)

    @contextmanager
    def serve_in_thread(self, port: int = 0) -> Iterator["RecordedNode"]:
        """Serve from a thread of its own, for callers that are not asynchronous."""
        ready: threading.Event = threading.Event()
        stop: list[Callable[[], object]] = []
        failures: list[BaseException] = []

        async def run() -> None:
            ended = asyncio.Event()
            loop = asyncio.get_running_loop()
            async with self.serve(port):
                stop.append(lambda: loop.call_soon_threadsafe(ended.set))
                ready.set()
                await ended.wait()

        def thread() -> None:
            try:
                asyncio.run(run())
            except BaseException as error:
                failures.append(error)
                raise
            finally:
                ready.set()

        runner = threading.Thread(target=thread, name="recorded-node", daemon=True)
        runner.start()
        ready.wait()
        if failures:
            raise failures[0]
        try:
            yield self
        finally:
            stop[0]()
            runner.join()

    async def _http(self, request: web.Request) -> web.StreamResponse:
        body, fault = self.respond(await request.read())
        match fault:
            case Silence(seconds):
                await asyncio.sleep(seconds)
            case Status(status, text, content_type, retry_after):
                headers = {} if retry_after is None else {"Retry-After": f"{retry_after:g}"}
                return web.Response(status=status, text=text, content_type=content_type, headers=headers)
            case Disconnect():
                if request.transport is not None:
                    request.transport.abort()
            case HalfWritten():
                return await self._half_written(request, body, damaged(fault, body))
            case Padded(size, compressed=True):
                headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
                return web.Response(body=await asyncio.to_thread(compressed, body, size), headers=headers)
        return web.Response(body=damaged(fault, body), content_type="application/json")

    @staticmethod
    async def _half_written(request: web.Request, body: bytes, half: bytes) -> web.StreamResponse:
        response = web.StreamResponse(
            headers={"Content-Length": str(len(body)), "Content-Type": "application/json"}
        )
        await response.prepare(request)
        await response.write(half)
        if request.transport is not None:
            request.transport.close()  # what was written goes out before it ends
        return response

    def _is_held_open(self) -> bool:
        return self._plan is not None and self._plan.holds_open()

    async def _websocket(self, request: web.Request) -> web.StreamResponse:
        if self._is_held_open():
            await asyncio.sleep(Silence().seconds)
        socket = web.WebSocketResponse(max_msg_size=MAX_REQUEST_BYTES, heartbeat=30)
        await socket.prepare(request)
        subscriptions: set[str] = set()
        self._sockets[socket] = subscriptions
        try:
            async for message in socket:
                if message.type in (WSMsgType.TEXT, WSMsgType.BINARY) and not self._is_held_open():
                    data = message.data if isinstance(message.data, bytes) else message.data.encode()
                    await socket.send_str(self._socket_answer(data, subscriptions).decode())
        finally:
            del self._sockets[socket]
        return socket

    def _socket_answer(self, data: bytes, subscriptions: set[str]) -> bytes:
        with suppress(orjson.JSONDecodeError):
            call = orjson.loads(data)
            if isinstance(call, dict) and call.get("method") in ("eth_subscribe", "eth_unsubscribe"):
                return self._subscription(call, subscriptions)
        return self.respond(data)[0]

    def _subscription(self, call: dict[str, object], subscriptions: set[str]) -> bytes:
        params = call.get("params")
        subject = params[0] if isinstance(params, list) and params else None
        if call["method"] == "eth_unsubscribe":
            known = subject in subscriptions
            subscriptions.discard(str(subject))
            return orjson.dumps({"jsonrpc": "2.0", "id": call.get("id"), "result": known})
        if subject != "newHeads":
            return error_answer(call.get("id"), RpcError(INVALID_PARAMS, f"no subscription {subject!r} here"))
        self._subscriptions += 1
        subscription = hex(self._subscriptions)
        subscriptions.add(subscription)
        return orjson.dumps({"jsonrpc": "2.0", "id": call.get("id"), "result": subscription})
