"""Endpoints that contradict the others: not asked for a while, and asked the same again before they return.

A contradiction is proven by another endpoint whose answer to the same question holds. Where all answer alike
nobody contradicts anybody: that is for whoever asked to judge.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from connectors.evm.rpc.answers import NodeFailure, Unsupported
from connectors.evm.rpc.endpoint import Endpoint
from headwater.logging import get_logger
from headwater.metrics import listener as metrics

FIRST_SECONDS: Final = 60.0
LONGEST_SECONDS: Final = 3600.0
"""A term doubles up to this; whoever kept out of cordons for as long begins again with the first."""

SILENT: Final = frozenset(
    {"timeout", "connection", "http", "html", "broken", "throttled", "error", "syncing"}
)
"""Outcomes that are not an answer to what was asked."""

Question = Callable[[], Awaitable[object]]
_log = get_logger("headwater.listen.cordon")


@dataclass(frozen=True, slots=True)
class Cordon:
    """What an endpoint is kept out for: the `evidence` in a word, `what` it said; times are seconds.

    `again` asks the question again whose answer was the evidence.
    """

    evidence: str
    what: str
    seconds: float
    until: float
    again: Question


class Cordons:
    """The cordoned endpoints of a pool, by name; `clock` in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._now: dict[str, Cordon] = {}
        self._former: dict[str, Cordon] = {}
        self._only = False

    def __contains__(self, endpoint: object) -> bool:
        return endpoint in self._now

    def put(self, endpoint: Endpoint, failure: NodeFailure, again: Question) -> None:
        """Keep an endpoint out for what it answered, longer than the last time."""
        former = self._now.get(endpoint.name) or self._former.get(endpoint.name)
        seconds = FIRST_SECONDS
        if former is not None and self._clock() < former.until + LONGEST_SECONDS:
            seconds = min(2 * former.seconds, LONGEST_SECONDS)
        self._lower(endpoint)
        evidence = failure.contradiction
        self._now[endpoint.name] = Cordon(evidence, failure.what, seconds, self._clock() + seconds, again)
        metrics.NODE_CORDONED.labels(endpoint.chain, endpoint.name, evidence).set(1)
        metrics.NODE_CONTRADICTIONS.labels(endpoint.chain, endpoint.name, evidence).inc()
        _log.warning(
            "endpoint cordoned: it contradicts the others",
            endpoint=endpoint.name,
            evidence=evidence,
            reason=failure.what,
            seconds=seconds,
        )

    def disproved(
        self,
        winner: Endpoint,
        endpoints: Sequence[Endpoint],
        failures: Sequence[NodeFailure],
        work: Callable[[Endpoint], Awaitable[object]],
    ) -> None:
        """Cordon those whose failures contradict the answer that `winner` gave to the same question."""
        for failure in failures if any(each.contradiction for each in failures) else ():
            for endpoint in endpoints:
                if endpoint.name == failure.endpoint and endpoint is not winner and failure.contradiction:
                    self.caught(endpoint, failure, partial(work, endpoint))

    def caught(self, endpoint: Endpoint, failure: NodeFailure, again: Question) -> None:
        """Cordon an endpoint, unless it is."""
        if endpoint.name not in self:
            self.put(endpoint, failure, again)

    def only_these_answer(self, endpoint: Endpoint) -> str:
        """An answer of a cordoned endpoint is used, since no other gives one; returns what to say of it."""
        what = (
            f"only cordoned endpoints answer: {self.shown()}; their answers are checked and used; put a "
            "sound node into HEADWATER_CHAIN__RPC (`headwater node check --rpc URL` tells what one can do)"
        )
        if not self._only:
            self._only = True
            metrics.NODES_ALL_CORDONED.labels(endpoint.chain).set(1)
            _log.error(what)
        return what

    def others_answer(self, endpoint: Endpoint) -> None:
        """An answer of an endpoint that is not cordoned is used."""
        if self._only:
            self._only = False
            metrics.NODES_ALL_CORDONED.labels(endpoint.chain).set(0)

    async def recheck(self, endpoint: Endpoint, admit: Callable[[Endpoint], Awaitable[None]]) -> None:
        """Return when the endpoint is not cordoned, or its term is over and it does not contradict any more.

        Raises NodeFailure.
        """
        cordon = self._now.get(endpoint.name)
        if cordon is None:
            return
        if self._clock() < cordon.until:
            raise NodeFailure(endpoint.name, f"cordoned for {cordon.evidence}: {cordon.what}", "cordoned")
        # For whoever asks meanwhile it is cordoned still.
        asking = replace(cordon, until=self._clock() + FIRST_SECONDS)
        self._now[endpoint.name] = asking
        try:
            await admit(endpoint)
            await cordon.again()
        except NodeFailure as failure:
            if failure.contradiction:
                self.put(endpoint, failure, cordon.again)
                raise
            if failure.outcome in SILENT:
                raise
        except Unsupported:
            pass  # It does not answer this at all any more: that contradicts nobody.
        except asyncio.CancelledError:
            # Whoever asked had no time for the answer: the next one asks.
            if self._now.get(endpoint.name) is asking:
                self._now[endpoint.name] = cordon
            raise
        self._lower(endpoint)
        self._former[endpoint.name] = cordon
        _log.info("endpoint is used again: it contradicts the others no more", endpoint=endpoint.name)

    def shown(self) -> str:
        """Which endpoints are cordoned, and for what, in one line."""
        return "; ".join(f"{name} for {each.evidence} ({each.what})" for name, each in self._now.items())

    def _lower(self, endpoint: Endpoint) -> None:
        cordon = self._now.pop(endpoint.name, None)
        if cordon is not None:
            metrics.NODE_CORDONED.labels(endpoint.chain, endpoint.name, cordon.evidence).set(0)
