"""The blocks that nodes name by a tag: `latest`, `safe`, `finalized`, `earliest`."""

from __future__ import annotations

from typing import Final

from connectors.evm.blocks.fetch.checking import Checking
from connectors.evm.blocks.fetch.headers import BY_NUMBER, Headers
from connectors.evm.events import Head
from connectors.evm.pool.comparison import Votes
from connectors.evm.pool.quorum import Quorum
from connectors.evm.pool.seam import Pool
from connectors.evm.rpc.answers import NodeFailure, NoSuchBlock, Unsupported, is_null
from connectors.evm.rpc.endpoint import Endpoint
from headwater.at_once import all_of

_ALWAYS_THERE: Final = ("latest", "earliest")


class Tags:
    """With a `quorum` heads count where so many endpoints have the same block there."""

    def __init__(self, pool: Pool, checking: Checking, headers: Headers, quorum: Quorum | None) -> None:
        self._pool = pool
        self._checking = checking
        self._headers = headers
        self._quorum = quorum
        self._tells: set[str] = set()
        self.source = ""
        """The endpoint that told the head that was asked for last, "" where several did."""

    async def head(
        self, tag: str, *, finalized: Head | None = None, rounds: int | None = None
    ) -> Head | None:
        """The block that a tag names, None when there is no such block yet.

        Raises Unsupported when no node knows the tag, NodeFailure after `rounds` over all nodes. A node
        whose block is below `finalized` is passed over: it lags, or lost what it had.
        """

        async def named(endpoint: Endpoint) -> Head | None:
            head = await self.on(endpoint, tag, finalized)
            if tag == "latest":
                self.source = endpoint.name
            return head

        if self._quorum is not None and tag == "latest":
            found = await self._quorum.head(named, self._headers.at)
            self.source = ""
            return found
        head = await self._pool.ask(named, kind="head", rounds=rounds)
        if self._quorum is not None and head is not None:
            return await self._quorum.head(named, self._headers.at)
        return head

    async def heads(self, tag: str) -> list[tuple[str, Head | None]]:
        """What each endpoint that answers soon says that a tag names, by the endpoint's name."""
        return await self._pool.soon(lambda each: self.on(each, tag))

    async def votes(self, head: Head) -> Votes:
        """What the endpoints that answer soon have at a block's height."""

        failed: set[str] = set()

        async def both(endpoint: Endpoint) -> tuple[Head | None, Head | None]:
            (final, told), there = await all_of(
                self._final_on(endpoint), self._headers.on(endpoint, number=head.number)
            )
            if not told:
                failed.add(endpoint.name)
            return there, final

        found = dict(await self._pool.soon(both))
        return Votes(head, found, failed & found.keys())

    async def freshest(self, *, finalized: Head | None = None) -> Head | None:
        """The highest head of all nodes, asked at once; None when none answers. Raises NoQuorum."""
        if self._quorum is not None:
            return await self.head("latest", finalized=finalized)
        found = await self._pool.best(
            lambda endpoint: self._from(endpoint, finalized),
            lambda found: -1 if found[1] is None else found[1].number,
        )
        if found is None:
            return None
        self.source, head = found
        return head

    async def on(self, endpoint: Endpoint, tag: str, finalized: Head | None = None) -> Head | None:
        """What a tag names to one endpoint, as `head`. Raises NodeFailure, Unsupported."""
        try:
            raw = await endpoint.call(BY_NUMBER, tag, False)
        except NoSuchBlock as failure:
            if tag in _ALWAYS_THERE:
                raise
            if failure.invalid:
                raise Unsupported(endpoint.name, failure.what) from failure
            # geth answers "finalized block not found" before there is one.
            return None
        if is_null(raw):
            if tag in _ALWAYS_THERE:
                raise NodeFailure(endpoint.name, f"{BY_NUMBER} {tag}: null", "null")
            return None
        head = self._checking.header(endpoint, raw).head
        if finalized is not None and head.number < finalized.number:
            raise NodeFailure(
                endpoint.name,
                f"its head {head.number} is below the finalized block {finalized.number}: not used until "
                "it has caught up (if the chain itself went back: "
                f"`headwater listen --accept-fork 0x{head.hash.hex()}`)",
                "behind",
            )
        return head

    async def _final_on(self, endpoint: Endpoint) -> tuple[Head | None, bool]:
        """What is final to an endpoint, and whether it said: one that ever did says nothing by null.

        It says what it has at a height all the same.
        """
        try:
            final = await self.on(endpoint, "finalized")
        except NodeFailure:
            return None, False
        except Unsupported:
            final = None
        if final is not None:
            self._tells.add(endpoint.name)
        return final, final is not None or endpoint.name not in self._tells

    async def _from(self, endpoint: Endpoint, finalized: Head | None) -> tuple[str, Head | None]:
        return endpoint.name, await self.on(endpoint, "latest", finalized)
