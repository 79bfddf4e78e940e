"""What a listener tells of the chain, for as long as it leads."""

from __future__ import annotations

from prometheus_client import REGISTRY

from connectors.evm.head.progress import ProgressReporter
from connectors.evm.log.branch import PublishedBranch
from tests.fakes.listening import NoCopies, made_up_apply, made_up_head


def told() -> set[str]:
    """The gauges that tell where some chain stands."""
    names = {"headwater_chain_sequence", "headwater_chain_block"}
    return {each.name for family in REGISTRY.collect() for each in family.samples if each.name in names}


def test_who_leads_no_more_does_not_tell_where_the_chain_stands() -> None:
    progress, head = ProgressReporter("local", NoCopies()), made_up_head(7)
    progress.node_head(head)
    progress.published([made_up_apply(head)], 9, PublishedBranch(whole=True))
    assert told() == {"headwater_chain_sequence", "headwater_chain_block"}
    progress.ended()
    assert told() == set()
