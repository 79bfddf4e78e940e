"""What a listener tells of the chain, for as long as it leads."""

from __future__ import annotations

import pytest
from prometheus_client import REGISTRY

from connectors.evm.events import Event
from connectors.evm.head.progress import ProgressReporter
from connectors.evm.log.branch import Link, PublishedBranch
from tests.fakes.listening import NoCopies, made_up_apply, made_up_head
from topics.chainlog.kinds import EventKind


def shown() -> set[str]:
    """The gauges that tell where some chain stands."""
    names = {"headwater_chain_sequence", "headwater_chain_block", "headwater_chain_block_age_seconds"}
    return {each.name for family in REGISTRY.collect() for each in family.samples if each.name in names}


def test_who_leads_no_more_does_not_tell_where_the_chain_stands() -> None:
    progress, head = ProgressReporter("local", NoCopies()), made_up_head(7)
    progress.node_head(head)
    progress.published([made_up_apply(head)], 9, PublishedBranch(whole=True))
    assert len(shown()) == 3
    progress.ended()
    assert shown() == set()


def test_the_age_of_each_tag_grows_while_nothing_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    progress, head, final = ProgressReporter("local", NoCopies()), made_up_head(7), made_up_head(5)
    branch = PublishedBranch(whole=True)
    now = head.timestamp_ms + 2_000
    monkeypatch.setattr("headwater.clock.now_ms", lambda: now)

    def ages() -> list[float | None]:
        name = "headwater_chain_block_age_seconds"
        return [
            REGISTRY.get_sample_value(name, {"chain": "local", "tag": tag})
            for tag in ("node", "head", "safe", "finalized")
        ]

    progress.node_head(head)
    branch.applied(Link(head, 0, 1, 0))
    progress.published([made_up_apply(head), Event(EventKind.FINALIZED, final)], 9, branch)
    assert ages() == [2.0, 2.0, None, 26.0]
    now += 60_000
    assert ages() == [62.0, 62.0, None, 86.0]
    progress.node_head(made_up_head(8))
    assert ages() == [50.0, 62.0, None, 86.0]
    now = head.timestamp_ms - 5_000  # the node's clock is ahead of ours
    assert ages()[:2] == [0.0, 0.0]
    progress.ended()
