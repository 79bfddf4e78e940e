"""What every cluster must do under `topics plan` and `topics apply`: subclasses say which."""

from __future__ import annotations

import pytest

from headwater.errors import Fatal
from topics.cluster import Cluster, Wanted

CONFIG = {"cleanup.policy": "delete", "retention.ms": "3600000"}


class ClusterContract:
    """Tests of Cluster; `cluster` has none of the topics whose names begin with `prefix`."""

    @pytest.fixture
    def cluster(self) -> Cluster:
        raise AssertionError("the subclass says which cluster")

    @pytest.fixture
    def prefix(self) -> str:
        return "contract"

    def test_a_topic_is_there_as_it_was_created(self, cluster: Cluster, prefix: str) -> None:
        name = f"{prefix}.created"
        assert cluster.topics([name]) == {}
        cluster.create([Wanted(name, 3, CONFIG)], 1)
        cluster.settle([Wanted(name, 3, CONFIG)])
        (present,) = cluster.topics([name, f"{prefix}.absent"]).values()
        assert present.partitions == 3
        assert {key: present.config[key] for key in CONFIG} == CONFIG
        assert present.set_here >= CONFIG.keys()

    def test_several_are_created_at_once_and_what_some_lack_is_made(
        self, cluster: Cluster, prefix: str
    ) -> None:
        first, second = f"{prefix}.first", f"{prefix}.second"
        cluster.create([Wanted(first, 1, CONFIG)], 1)
        cluster.create([Wanted(first, 3, CONFIG), Wanted(second, 2, CONFIG)], 1)
        cluster.settle([Wanted(first, 1, CONFIG), Wanted(second, 2, CONFIG)])
        found = cluster.topics([first, second])
        assert [found[name].partitions for name in (first, second)] == [1, 2]

    def test_creating_it_again_changes_nothing(self, cluster: Cluster, prefix: str) -> None:
        name = f"{prefix}.twice"
        cluster.create([Wanted(name, 2, CONFIG)], 1)
        cluster.settle([Wanted(name, 2, CONFIG)])
        cluster.create([Wanted(name, 5, {"retention.ms": "1"})], 1)
        found = cluster.topics([name])[name]
        assert (found.partitions, found.config["retention.ms"]) == (2, CONFIG["retention.ms"])

    def test_altering_sets_what_is_named_and_leaves_the_rest(self, cluster: Cluster, prefix: str) -> None:
        name = f"{prefix}.altered"
        cluster.create([Wanted(name, 1, CONFIG)], 1)
        cluster.settle([Wanted(name, 1, CONFIG)])
        altered = {"retention.ms": "7200000", "max.message.bytes": "2000000"}
        cluster.alter(name, altered)
        cluster.settle([Wanted(name, 1, altered)])
        found = cluster.topics([name])[name]
        assert found.config["retention.ms"] == "7200000"
        assert found.config["cleanup.policy"] == "delete"
        assert found.set_here >= {"retention.ms", "max.message.bytes", "cleanup.policy"}

    def test_partitions_only_grow(self, cluster: Cluster, prefix: str) -> None:
        name = f"{prefix}.grown"
        cluster.create([Wanted(name, 2, CONFIG)], 1)
        cluster.settle([Wanted(name, 2, CONFIG)])
        cluster.grow(name, 4)
        cluster.settle([Wanted(name, 4, CONFIG)])
        assert cluster.topics([name])[name].partitions == 4
        cluster.grow(name, 4)  # as the other one of two who found it too small
        with pytest.raises(Fatal, match=f"cannot grow topic {name}"):
            cluster.grow(name, 3)
        assert cluster.topics([name])[name].partitions == 4

    @pytest.mark.parametrize("verb", ["alter", "grow"])
    def test_what_is_not_there_is_named(self, cluster: Cluster, prefix: str, verb: str) -> None:
        name = f"{prefix}.nowhere"
        with pytest.raises(Fatal, match=f"cannot {verb} topic {name}"):
            cluster.alter(name, CONFIG) if verb == "alter" else cluster.grow(name, 2)

    def test_settling_nothing_asks_for_nothing(self, cluster: Cluster) -> None:
        cluster.create([], 1)
        cluster.settle([])
