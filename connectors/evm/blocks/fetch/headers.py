"""Headers of a height or of a hash, from the nodes that know either."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Final

from connectors.evm.blocks.checks import check_place
from connectors.evm.blocks.fetch.checking import Checking
from connectors.evm.events import Head
from connectors.evm.pool.seam import Pool
from connectors.evm.rpc.answers import NodeFailure, NoSuchBlock, Unsupported, is_null
from connectors.evm.rpc.endpoint import Endpoint

BY_HASH: Final = "eth_getBlockByHash"
BY_NUMBER: Final = "eth_getBlockByNumber"
ROUNDS: Final = 3
"""Attempts over all endpoints before the head is looked at again: the block may be gone."""


class Absent(NodeFailure):
    """A node does not know the block of a hash that others have seen."""


class Headers:
    """`seen_by_several`: heads come from a quorum, of which the endpoint that is asked first may be none."""

    def __init__(self, pool: Pool, checking: Checking, *, seen_by_several: bool) -> None:
        self._pool = pool
        self._checking = checking
        self._seen_by_several = seen_by_several

    async def header(self, *, number: int | None = None, hash: bytes | None = None) -> Head | None:
        """The header's facts of a height or a hash, None when no node knows it. Raises NodeFailure.

        With both it is the block of that hash, from a node that knows blocks by height alone too.
        """

        async def known(endpoint: Endpoint) -> Head | None:
            found = await self.on(endpoint, number=number, hash=hash)
            if found is None and hash is not None and self._seen_by_several:
                # Those that agreed on the head have it; who is asked first may not be one of them.
                raise Absent(endpoint.name, f"no block 0x{hash.hex()}", "null")
            return found

        try:
            return await self._pool.ask(known, kind="header", rounds=ROUNDS)
        except Absent:
            return None

    def at(self, number: int) -> Callable[[Endpoint], Awaitable[Head | None]]:
        """Work that asks an endpoint for its header of a height."""
        return lambda endpoint: self.on(endpoint, number=number)

    async def on(
        self, endpoint: Endpoint, *, number: int | None = None, hash: bytes | None = None
    ) -> Head | None:
        """The same of one endpoint. Raises NodeFailure, Unsupported."""
        refused: NodeFailure | Unsupported | None = None
        for method, reference in _references(number, hash):
            try:
                raw = await endpoint.call(method, reference, False)
            except NoSuchBlock:
                continue
            except (NodeFailure, Unsupported) as failure:
                if method != BY_HASH or number is None or not is_of_hashes(failure):
                    raise
                refused = failure
                continue
            if is_null(raw):
                continue
            block = self._checking.header(endpoint, raw)
            if hash is not None and method == BY_NUMBER and block.head.hash != hash:
                break
            self._checking.passed(endpoint, partial(check_place, block, number=number, hash=hash))
            return block.head
        if refused is not None:
            raise refused
        return None


def is_of_hashes(failure: NodeFailure | Unsupported) -> bool:
    """Whether a node that failed on a block of a hash may answer for its height."""
    return isinstance(failure, Unsupported) or failure.outcome in ("null", "error")


def _references(number: int | None, hash: bytes | None) -> Iterator[tuple[str, str]]:
    """The calls for a block, (method, reference), the exact one first."""
    if hash is not None:
        yield BY_HASH, "0x" + hash.hex()
    if number is not None:
        yield BY_NUMBER, hex(number)
