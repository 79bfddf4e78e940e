"""newHeads over WebSocket: one node at a time, replaced when it ends, refuses or falls silent."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from connectors.evm.head.ticker import ToldTicker
from connectors.evm.rpc.socket import Closed, Connect, Socket
from headwater.digits import quantity
from headwater.evm.answers.errors import UNREADABLE
from headwater.logging import get_logger
from headwater.metrics import listener as metrics
from headwater.redaction import brief, mask_url, redact, secrets_of
from headwater.retry import Backoff

ANSWER_SECONDS: Final = 10.0
_CHAIN_ID, _SUBSCRIBE = 1, 2
_SHOWN: Final = 300
_log = get_logger("headwater.listen.subscription")


class _Header(msgspec.Struct):
    number: str


class _Told(msgspec.Struct):
    result: _Header


class _Message(msgspec.Struct):
    """An answer, or what a subscription tells; of other messages only that there is one."""

    id: Any = None
    result: Any = None
    error: Any = None
    method: str | None = None
    params: msgspec.Raw = msgspec.Raw(b"null")


_decode = msgspec.json.Decoder(_Message).decode
_decode_told = msgspec.json.Decoder(_Told).decode


class Subscription:
    """Has `ticker` told of new heads by one of the nodes at `urls`; `run` until cancelled."""

    def __init__(
        self, chain: str, chain_id: int, urls: Sequence[str], ticker: ToldTicker, connect: Connect
    ) -> None:
        self._chain = chain
        self._chain_id = chain_id
        self._urls = urls
        self._ticker = ticker
        self._connect = connect

    async def run(self) -> None:
        """Keep a subscription up. Without one the ticker goes by its poll."""
        backoff = Backoff()
        at = 0
        while True:
            url = self._urls[at % len(self._urls)]
            name, reason, why = mask_url(url), "closed", ""
            try:
                async with self._connect(url) as socket:
                    await self._subscribe(socket)
                    _log.info("told of new heads from now on", endpoint=name)
                    await self._until_silent(socket, name, backoff)
                reason, why = "silent", "it did not tell of heads that another look found"
            except Refused as error:
                reason, why = "refused", str(error)
            except Closed as error:
                why = str(error)
            metrics.SUBSCRIPTIONS_LOST.labels(self._chain, name, reason).inc()
            wait = backoff.next()
            _log.warning(
                "not told of new heads, polling",
                endpoint=name,
                # Nodes quote the key that they were asked with.
                reason=brief(redact(why, secrets_of(url)), _SHOWN),
                retry_in=round(wait, 2),
            )
            await asyncio.sleep(wait)
            at += 1

    async def _subscribe(self, socket: Socket) -> None:
        """Raises Refused and Closed."""
        answer = await _ask(socket, _CHAIN_ID, "eth_chainId")
        if quantity(answer) != self._chain_id:
            raise Refused(f"it is on chain {answer}, not {self._chain_id}")
        await _ask(socket, _SUBSCRIBE, "eth_subscribe", "newHeads")
        self._ticker.subscribed()

    async def _until_silent(self, socket: Socket, name: str, backoff: Backoff) -> None:
        """Pass on what is told until it is silent. Raises Closed."""
        told = metrics.NEW_HEADS.labels(self._chain, name)

        async def pass_on() -> None:
            while True:
                message = _read(await socket.receive())
                if message.method == "eth_subscription":
                    self._ticker.tell(_height(message))
                    told.inc()
                    # Not before: there are nodes that subscribe everybody and then hang up.
                    backoff.reset()

        passing, silent = asyncio.create_task(pass_on()), asyncio.create_task(self._ticker.silent.wait())
        try:
            await asyncio.wait({passing, silent}, return_when=asyncio.FIRST_COMPLETED)
            if passing.done():
                passing.result()
        finally:
            for task in (passing, silent):
                task.cancel()
            await asyncio.gather(passing, silent, return_exceptions=True)


class Refused(Exception):  # noqa: N818 - the other side's word
    """The node does not tell of new heads, or of another chain's."""


async def _ask(socket: Socket, number: int, method: str, *params: str) -> object:
    await socket.send(
        msgspec.json.encode({"jsonrpc": "2.0", "id": number, "method": method, "params": params}).decode()
    )
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            while True:
                message = _read(await socket.receive())
                if message.id == number:
                    break
    except TimeoutError:
        raise Closed(f"no answer to {method} in {ANSWER_SECONDS:.0f} s") from None
    if message.error is not None or message.result is None:
        raise Refused(f"{method}: {message.error}")
    return message.result


def _read(text: str) -> _Message:
    try:
        return _decode(text)
    except UNREADABLE as error:
        raise Closed(f"a message that is no JSON-RPC: {error}") from error


def _height(message: _Message) -> int:
    try:
        number = quantity(_decode_told(message.params).result.number)
    except UNREADABLE as error:
        raise Closed(f"a head that cannot be read: {error}") from error
    if number is None:
        raise Closed("a head that cannot be read: its number is no quantity")
    return number
