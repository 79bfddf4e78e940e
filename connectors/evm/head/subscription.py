"""newHeads over WebSocket: one node at a time, replaced when it ends, refuses or falls silent."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

import msgspec

from connectors.evm.head.ticker import NotifiedTicker
from connectors.evm.pool.admission import WrongChain
from connectors.evm.rpc import chain_id as chain_ids
from connectors.evm.rpc.answers import NodeFailure
from connectors.evm.rpc.socket import Closed, Connect, JsonRpc
from headwater.digits import quantity
from headwater.evm.answers.errors import UNREADABLE
from headwater.logging import get_logger
from headwater.metrics import listener as metrics
from headwater.redaction import brief, mask_url, redact, secrets_of
from headwater.retry import Backoff

_SHOWN: Final = 300
_log = get_logger("headwater.listen.subscription")


class _Header(msgspec.Struct):
    number: str | int


class _NewHead(msgspec.Struct):
    """`params` of a notification of eth_subscribe newHeads."""

    result: _Header


_decode = msgspec.json.Decoder(_NewHead).decode


class Subscription:
    """Notifies `ticker` of the new heads of one of the nodes at `urls`; `run` until cancelled."""

    def __init__(
        self, chain: str, chain_id: int, urls: Sequence[str], ticker: NotifiedTicker, connect: Connect
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
                    rpc = JsonRpc(url, socket)
                    await self._subscribe(rpc)
                    _log.info("told of new heads from now on", endpoint=name)
                    await self._until_silent(rpc, backoff)
                reason, why = "silent", "it did not tell of heads that another look found"
            except NodeFailure as error:
                reason, why = "refused", error.what
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

    async def _subscribe(self, rpc: JsonRpc) -> None:
        """Raises NodeFailure and Closed."""
        found = chain_ids.read(rpc.endpoint, await rpc.call(chain_ids.METHOD), rpc.secrets)
        if found != self._chain_id:
            raise WrongChain(rpc.endpoint, found, self._chain_id)
        await rpc.call("eth_subscribe", "newHeads")
        self._ticker.subscribed()

    async def _until_silent(self, rpc: JsonRpc, backoff: Backoff) -> None:
        """Pass on its notifications until it is silent. Raises Closed."""
        heads = metrics.NEW_HEADS.labels(self._chain, rpc.endpoint)

        async def pass_on() -> None:
            while True:
                notification = await rpc.notification()
                if notification.method == "eth_subscription":
                    self._ticker.notify(_height(notification.params))
                    heads.inc()
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


def _height(params: msgspec.Raw) -> int:
    try:
        stated = _decode(params).result.number
    except UNREADABLE as error:
        raise Closed(f"a head that cannot be read: {error}") from error
    # It is a hint where to look: some write it as a number.
    number = stated if isinstance(stated, int) else quantity(stated)
    if number is None or not 0 <= number < 2**64:
        raise Closed("a head that cannot be read: its number is not a quantity")
    return number
