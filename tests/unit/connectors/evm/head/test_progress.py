"""What a listener tells of the chain, for as long as it leads."""

from __future__ import annotations

import pytest
from prometheus_client import REGISTRY

from connectors.evm.events import Event
from connectors.evm.head.progress import ProgressReporter
from connectors.evm.log.branch import Link, PublishedBranch
from headwater.metrics import listener as metrics
from tests.fakes.listening import NoCopies, made_up_apply, made_up_head
from topics.chainlog.kinds import EventKind


def shown() -> set[str]:
    """The gauges that tell where some chain stands."""
    names = {
        *("headwater_chain_sequence", "headwater_chain_block", "headwater_chain_block_age_seconds"),
        *("headwater_chain_unfinalized_seconds", "headwater_quorum_waits"),
    }
    return {each.name for family in REGISTRY.collect() for each in family.samples if each.name in names}


def test_who_leads_no_more_does_not_tell_where_the_chain_stands() -> None:
    progress, head = ProgressReporter("local", NoCopies()), made_up_head(7)
    progress.node_head(head)
    branch = PublishedBranch(whole=True)
    branch.applied(Link(head, 0, 1, 0))
    progress.published([made_up_apply(head)], 9, branch)
    progress.finality(branch)
    metrics.QUORUM_WAITS.labels("local").set(1)
    assert len(shown()) == 5
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


def test_an_opened_log_is_told_before_anything_is_published() -> None:
    """A listener of a chain that rests is there, and what was not final stays so when another one leads."""
    progress, branch = ProgressReporter("local", NoCopies()), PublishedBranch(whole=True)

    def told() -> list[float | None]:
        tags = [
            REGISTRY.get_sample_value("headwater_chain_block", {"chain": "local", "tag": tag})
            for tag in ("head", "safe", "finalized")
        ]
        names = ("headwater_chain_sequence", "headwater_chain_unfinalized_seconds")
        return tags + [REGISTRY.get_sample_value(name, {"chain": "local"}) for name in names]

    progress.opened(3, branch)
    repairs = {"chain": "local", "event": "REPAIR"}
    assert REGISTRY.get_sample_value("headwater_listener_events_total", repairs) is not None
    assert told() == [None, None, None, 3, None]
    heads = [made_up_head(5)]
    heads += [made_up_head(6, parent=heads[0])]
    heads += [made_up_head(7, parent=heads[1])]
    for offset, head in enumerate(heads):
        branch.applied(Link(head, offset, offset + 1, offset))
    progress.opened(12, branch)
    assert told() == [7, None, None, 12, 24]
    branch.moved_safe(heads[2])
    branch.moved_finalized(heads[1])
    progress.opened(14, branch)
    assert told() == [7, 7, 6, 14, 12]
    progress.ended()
