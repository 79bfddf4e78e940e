"""What the listener tells the outside of what it published: metrics, health, copies on `heads`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from connectors.evm.events import Event, Head
from connectors.evm.log.branch import PublishedBranch
from headwater.health import HEALTH
from headwater.metrics import listener as metrics
from headwater.metrics.age import grows
from topics.chainlog.kinds import EventKind


class Copies(Protocol):
    """Where movements of head, safe and finalized are copied to."""

    def moved(self, tag: str, head: Head, sequence: int) -> None: ...


class ProgressReporter:
    """Counts and copies for one chain."""

    def __init__(self, chain: str, copies: Copies) -> None:
        self._chain = chain
        self._copies = copies

    def node_head(self, head: Head) -> None:
        """The node showed its head."""
        self._show("node", head)

    def opened(self, sequence: int, branch: PublishedBranch) -> None:
        """The chain is claimed: where it stands is told at once, as the log has it, by this process."""
        metrics.CHAIN_SEQUENCE.labels(self._chain).set(sequence)
        for kind in EventKind:
            # There before the first one: an alert asks whether there is any.
            metrics.EVENTS.labels(self._chain, kind.name)
        tags = (("head", branch.tip), ("safe", branch.safe), ("finalized", branch.finalized))
        for tag, head in tags:
            if head is not None:
                self._show(tag, head)
        self.finality(branch)

    def finality(self, branch: PublishedBranch) -> None:
        """The nodes were asked what is final, and that is published."""
        final = branch.finalized or branch.bottom
        if branch.tip is not None and final is not None:
            seconds = max(0, branch.tip.timestamp_ms - final.timestamp_ms) / 1000
            metrics.CHAIN_UNFINALIZED.labels(self._chain).set(seconds)

    def published(self, events: Sequence[Event], sequence: int, branch: PublishedBranch) -> None:
        """Events were published, `sequence` being that of the last."""
        metrics.CHAIN_SEQUENCE.labels(self._chain).set(sequence)
        for number, event in enumerate(events, sequence - len(events) + 1):
            metrics.EVENTS.labels(self._chain, event.kind.name).inc()
            if event.kind in (EventKind.SAFE, EventKind.FINALIZED) and event.head is not None:
                self._moved(event.kind.name, event.head, number)
        if any(event.kind.moves_branch for event in events) and branch.tip is not None:
            self._moved("HEAD", branch.tip, sequence)
            HEALTH.report("chain", True, f"block {branch.tip.number}")

    def ended(self) -> None:
        """This process publishes nothing more: where the chain stands is the next leader's to tell.

        Left as they were, its gauges would look like those of a second listener, which stands still.
        """
        metrics.CHAIN_SEQUENCE.clear()
        metrics.CHAIN_BLOCK.clear()
        metrics.CHAIN_BLOCK_AGE.clear()
        metrics.CHAIN_UNFINALIZED.clear()
        metrics.FINALITY_STANDS.clear()
        metrics.FINALITY_DISPUTED.clear()
        metrics.QUORUM_WAITS.clear()

    def reorganised(self, depth: int) -> None:
        """A fork was followed that reverted `depth` blocks."""
        metrics.REORGS.labels(self._chain).inc()
        metrics.REORG_DEPTH.labels(self._chain).observe(depth)

    def _moved(self, tag: str, head: Head, sequence: int) -> None:
        self._show(tag.lower(), head)
        self._copies.moved(tag, head, sequence)

    def _show(self, tag: str, head: Head) -> None:
        metrics.CHAIN_BLOCK.labels(self._chain, tag).set(head.number)
        grows(metrics.CHAIN_BLOCK_AGE.labels(self._chain, tag), head.timestamp_ms)
