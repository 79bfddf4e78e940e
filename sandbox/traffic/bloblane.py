"""Blob transactions go beside the others: anvil loads its trusted setup with the first one, for seconds."""

import asyncio
from collections.abc import Sequence

from headwater.logging import get_logger
from sandbox.traffic.accounts import BLOB_SENDER
from sandbox.traffic.holdings import Nonces
from sandbox.traffic.node import CallRejected, Node, NodeAway
from sandbox.traffic.signing import Signed

PATIENCE_SECONDS = 120.0

log = get_logger("headwater.traffic")


class BlobLane:
    """Sends at most one blob transaction at a time, without keeping the others waiting."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._task: asyncio.Task[bool] | None = None

    def send(self, blobs: Sequence[Signed], nonces: Nonces) -> None:
        """Send the first of `blobs` if the lane is free; the nonces of the others are taken back."""
        if self._task is not None and self._task.done():
            if not self._task.result():
                nonces.unsure.add(BLOB_SENDER)
            self._task = None
        free = self._task is None and BLOB_SENDER not in nonces.unsure
        nonces.senders[BLOB_SENDER] -= len(blobs) - (1 if free and blobs else 0)
        if free and blobs:
            self._task = asyncio.create_task(self._send(blobs[0]))

    async def _send(self, signed: Signed) -> bool:
        """Tell whether the node took it. That it is away is noticed by the others, who wait for it."""
        try:
            (result,) = await self._node.batch([("eth_sendRawTransaction", [signed.raw])], PATIENCE_SECONDS)
        except NodeAway as reason:
            log.debug("no answer about a blob", reason=str(reason))
            return False
        return not isinstance(result, CallRejected)

    async def close(self) -> None:
        """Give up what is on its way."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
