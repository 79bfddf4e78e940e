"""The groups are those that the processes join, and the catalogue says that they read these streams."""

from __future__ import annotations

from connectors.delivery import router
from connectors.delivery.topic import ledger
from topics.catalog import spec
from topics.groups import NAMES, SINK
from topics.lag.readers import READERS


def test_the_groups_are_those_that_processes_join_to_commit_offsets() -> None:
    groups = [each.group for each in READERS]
    assert groups == [*NAMES, SINK, router.GROUP]
    # Its members share the channels, and read all of a partition that they take over.
    assert ledger.GROUP not in groups


def test_every_group_reads_streams_that_the_catalogue_gives_to_its_role() -> None:
    for reader in READERS:
        for stream in reader.streams:
            assert reader.role in spec(stream).consumers
        assert all(spec(stream).partitions == 1 for stream in reader.streams) or not reader.live
