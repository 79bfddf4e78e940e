"""Several endpoints of one chain with plain failover: a piece of work runs whole on one node.

A node joins only when it reports the right chain and is not syncing, and is asked again every minute,
after each failure, and before a fork is followed. The node that answered last stays the first choice, so that
data does not flip-flop between nodes that disagree.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol, TypeVar

import msgspec

from connectors.evm.rpc.answers import UNREADABLE, NodeFailure, Unsupported
from connectors.evm.rpc.chain_id import chain_id
from connectors.evm.rpc.endpoint import AiohttpTransport, Endpoint, Transport
from headwater.errors import Fatal
from headwater.health import HEALTH
from headwater.logging import get_logger
from headwater.retry import Backoff
from headwater.settings import Settings, mask_url

ADMITTED_SECONDS: Final = 60.0
T = TypeVar("T")
Work = Callable[[Endpoint], Awaitable[T]]
Sleep = Callable[[float], Awaitable[None]]
_log = get_logger("headwater.listen.nodes")


class Rejected(NodeFailure):
    """The node's answer failed a check: it is not published, another endpoint or moment is asked."""

    def __init__(self, endpoint: str, check: str, what: str) -> None:
        super().__init__(endpoint, what, "rejected")
        self.check = check


class Pool(Protocol):
    """What the listener needs of its nodes."""

    async def ask(self, work: Work[T], *, rounds: int | None = None) -> T: ...

    async def best(self, work: Work[T], rank: Callable[[T], int]) -> T | None: ...

    def recheck(self) -> None: ...


class Nodes:
    """Failover over endpoints, in the order given. `expected`: the chain's id, None for the first node's.

    `part` is what health calls them; None where whoever asks says how it stands.
    """

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        expected: int | None,
        *,
        sleep: Sleep = asyncio.sleep,
        part: str | None = "nodes",
    ) -> None:
        self.chain_id = expected
        self._part = part
        self._endpoints = list(endpoints)
        self._sleep = sleep
        self._admitted: dict[str, float] = {}

    async def ask(self, work: Work[T], *, rounds: int | None = None) -> T:
        """The result of `work` on the first endpoint that does it, retried with backoff.

        `work` may raise NodeFailure (tried elsewhere) or Unsupported (elsewhere too; passed on when no
        endpoint can do it). After `rounds` over all endpoints (None: never) the last NodeFailure is raised.
        """
        backoff = Backoff()
        while True:
            failures: list[NodeFailure] = []
            unsupported: Unsupported | None = None
            for endpoint in list(self._endpoints):
                try:
                    await self._admit(endpoint)
                    result = await work(endpoint)
                except Unsupported as error:
                    unsupported = error
                except NodeFailure as failure:
                    failures.append(failure)
                    self._admitted.pop(endpoint.name, None)
                    _log.warning(
                        "bad answer of a node",
                        endpoint=endpoint.name,
                        reason=failure.what,
                        attempt=backoff.attempts + 1,
                    )
                else:
                    self._prefer(endpoint)
                    self._report(True, endpoint.name)
                    return result
            if unsupported is not None and not failures:
                raise unsupported
            if rounds is not None and backoff.attempts + 1 >= rounds:
                raise failures[-1]
            wait = backoff.next(min((failure.retry_after for failure in failures), default=0.0))
            self._report(False, "; ".join(str(failure) for failure in failures))
            if backoff.attempts > 1:
                _log.warning("no node gave a good answer", endpoints=len(failures), retry_in=round(wait, 2))
            await self._sleep(wait)

    async def best(self, work: Work[T], rank: Callable[[T], int]) -> T | None:
        """The result that ranks highest of `work` on all endpoints at once, None when there is none.

        The endpoint that gave it is the first choice from then on, unless the present one ranks as high.
        """
        attempts = [self._attempt(endpoint, work) for endpoint in self._endpoints]
        found = [each for each in await asyncio.gather(*attempts) if each is not None]
        if not found:
            return None
        endpoint, result = max(found, key=lambda each: rank(each[1]))
        self._prefer(endpoint)
        return result

    async def _attempt(self, endpoint: Endpoint, work: Work[T]) -> tuple[Endpoint, T] | None:
        try:
            await self._admit(endpoint)
            return endpoint, await work(endpoint)
        except (NodeFailure, Unsupported) as error:
            _log.debug("no answer to compare", endpoint=endpoint.name, reason=error.what)
            return None

    def recheck(self) -> None:
        """Have every endpoint report its chain and state again before it is used."""
        self._admitted.clear()

    def aside(self) -> Nodes:
        """The same endpoints for other work: which of them it prefers or passes over does not matter here."""
        return Nodes(self._endpoints, self.chain_id, sleep=self._sleep, part=None)

    def _report(self, ok: bool, detail: str) -> None:
        if self._part is not None:
            HEALTH.report(self._part, ok, detail)

    def _prefer(self, endpoint: Endpoint) -> None:
        if self._endpoints[0] is not endpoint:
            self._endpoints.remove(endpoint)
            self._endpoints.insert(0, endpoint)
            _log.info("node preferred from now on", endpoint=endpoint.name)

    async def _admit(self, endpoint: Endpoint) -> None:
        if time.monotonic() < self._admitted.get(endpoint.name, 0.0):
            return
        found = await chain_id(endpoint)
        if self.chain_id is None:
            self.chain_id = found
        if found != self.chain_id:
            raise NodeFailure(
                endpoint.name, f"is on chain {found}, not {self.chain_id}: not used", "wrong chain"
            )
        if await _syncing(endpoint):
            raise NodeFailure(endpoint.name, "is still syncing: not used", "syncing")
        self._admitted[endpoint.name] = time.monotonic() + ADMITTED_SECONDS


async def _syncing(endpoint: Endpoint) -> bool:
    """Whether blocks are still missing; one that has them and builds an index over them is not syncing."""
    try:
        answer = msgspec.json.decode(await endpoint.call("eth_syncing"))
    except Unsupported:
        return False
    except UNREADABLE as error:
        raise NodeFailure(endpoint.name, f"eth_syncing: {error}", "broken") from error
    if not isinstance(answer, dict):
        return bool(answer)
    current, highest = (str(answer.get(name)) for name in ("currentBlock", "highestBlock"))
    try:
        return int(current, 16) < int(highest, 16)
    except ValueError:
        return True


def connect(settings: Settings) -> tuple[Nodes, Transport]:
    """The chain's nodes and the transport to close in the end. Call inside a running loop.

    Raises Fatal when no endpoint is set.
    """
    chain = settings.chain
    if not chain.rpc:
        raise Fatal("no node to listen to", remedy="give --rpc URL or set HEADWATER_CHAIN__RPC")
    transport = AiohttpTransport(chain.request_timeout_seconds)
    endpoints: list[Endpoint] = []
    for secret in chain.rpc:
        url = secret.get_secret_value()
        name = mask_url(url)
        same = sum(other.name.split("#")[0] == name for other in endpoints)
        endpoints.append(Endpoint(chain.name, f"{name}#{same + 1}" if same else name, url, transport))
    return Nodes(endpoints, chain.chain_id), transport
