"""Whether a node may feed the pipeline: it is on the right chain, and has its blocks."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from connectors.evm.pool.refusal import START_SECONDS, Patience, Refusal
from connectors.evm.rpc.answers import NodeFailure, Unsupported
from connectors.evm.rpc.chain_id import chain_id
from connectors.evm.rpc.endpoint import Endpoint
from headwater.evm.answers.errors import UNREADABLE

ADMITTED_SECONDS: Final = 60.0
NEAR_BLOCKS: Final = 16
"""So few blocks behind, a node that says it is syncing follows the head."""


class WrongChain(NodeFailure):
    """The node is of another chain."""

    def __init__(self, endpoint: str, found: int, expected: int) -> None:
        super().__init__(endpoint, f"is on chain {found}, not {expected}: not used", "wrong chain")
        self.found = found

    @property
    def evidence(self) -> tuple[str, ...] | None:
        return ("chain_id", str(self.found))

    @property
    def contradiction(self) -> str:
        return "chain_id"


class Admission:
    """Asks each endpoint for its chain and its state, again after a minute and after each failure.

    `chain_id` is the chain's, None until the first node that is asked has told it. `clock` in seconds.
    """

    def __init__(self, expected: int | None, clock: Callable[[], float] = time.monotonic) -> None:
        self.chain_id = expected
        self._until: dict[str, float] = {}
        self._patience = Patience(clock)

    async def admit(self, endpoint: Endpoint) -> None:
        """Return when the endpoint may be used. Raises NodeFailure."""
        if time.monotonic() < self._until.get(endpoint.name, 0.0):
            return
        found = await chain_id(endpoint)
        if self.chain_id is None:
            self.chain_id = found
        if found != self.chain_id:
            raise WrongChain(endpoint.name, found, self.chain_id)
        if await is_syncing(endpoint):
            raise NodeFailure(endpoint.name, "is still syncing: not used", "syncing")
        self._until[endpoint.name] = time.monotonic() + ADMITTED_SECONDS

    def admitted(self) -> None:
        """A node was used."""
        self._patience.ends()

    def refuse_wrong_chain(self, failures: Sequence[NodeFailure], endpoints: int) -> None:
        """Take a round's failures into account, of so many endpoints.

        Raises Refusal when all are of one other chain for some seconds; one answer may be wrong by chance.
        """
        found = {each.found for each in failures if isinstance(each, WrongChain)}
        alike = (
            len(found) == 1
            and len(failures) == endpoints
            and all(isinstance(f, WrongChain) for f in failures)
        )
        if not alike:
            self._patience.ends()
        elif self._patience.lasts(f"chain {found}", START_SECONDS):
            raise Refusal(
                "wrong chain",
                f"every endpoint is on chain {found.pop()}, not {self.chain_id}",
                remedy="correct HEADWATER_CHAIN__RPC, or HEADWATER_CHAIN__CHAIN_ID",
            )

    def recheck(self, endpoint: Endpoint | None = None) -> None:
        """Have an endpoint, or every one, report again before it is used."""
        if endpoint is None:
            self._until.clear()
        else:
            self._until.pop(endpoint.name, None)


async def is_syncing(endpoint: Endpoint) -> bool:
    """Whether many blocks are still missing: with the last few it follows the head.

    One that has all and builds an index over them is not syncing either.

    One that cannot say it is used: its blocks are checked, and its head is compared with those of the others.
    """
    try:
        answer = msgspec.json.decode(await endpoint.call("eth_syncing"))
    except Unsupported:
        return False
    except NodeFailure as failure:
        if failure.outcome in ("error", "null", "pruned"):
            return False
        raise
    except UNREADABLE as error:
        raise NodeFailure(endpoint.name, f"eth_syncing: {error}", "broken") from error
    if not isinstance(answer, dict):
        return bool(answer) and answer != "false"
    current, highest = (str(answer.get(name)) for name in ("currentBlock", "highestBlock"))
    try:
        return int(highest, 16) - int(current, 16) > NEAR_BLOCKS
    except ValueError:
        return True
