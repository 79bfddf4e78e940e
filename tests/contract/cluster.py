"""What every cluster must do under `topics plan` and `topics apply`: subclasses say which."""

from __future__ import annotations

import pytest

from headwater.errors import Fatal
from topics.cluster import Cluster

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
        cluster.create(name, 3, 1, CONFIG)
        cluster.settle({name: 3})
        (present,) = cluster.topics([name, f"{prefix}.absent"]).values()
        assert present.partitions == 3
        assert {key: present.config[key] for key in CONFIG} == CONFIG
        assert present.set_here >= CONFIG.keys()

    def test_creating_it_again_changes_nothing(self, cluster: Cluster, prefix: str) -> None:
        name = f"{prefix}.twice"
        cluster.create(name, 2, 1, CONFIG)
        cluster.settle({name: 2})
        cluster.create(name, 5, 1, {"retention.ms": "1"})
        found = cluster.topics([name])[name]
        assert (found.partitions, found.config["retention.ms"]) == (2, CONFIG["retention.ms"])

    def test_altering_sets_what_is_named_and_leaves_the_rest(self, cluster: Cluster, prefix: str) -> None:
        name = f"{prefix}.altered"
        cluster.create(name, 1, 1, CONFIG)
        cluster.settle({name: 1})
        cluster.alter(name, {"retention.ms": "7200000", "max.message.bytes": "2000000"})
        found = cluster.topics([name])[name]
        assert found.config["retention.ms"] == "7200000"
        assert found.config["cleanup.policy"] == "delete"
        assert found.set_here >= {"retention.ms", "max.message.bytes", "cleanup.policy"}

    def test_partitions_only_grow(self, cluster: Cluster, prefix: str) -> None:
        name = f"{prefix}.grown"
        cluster.create(name, 2, 1, CONFIG)
        cluster.settle({name: 2})
        cluster.grow(name, 4)
        cluster.settle({name: 4})
        assert cluster.topics([name])[name].partitions == 4
        with pytest.raises(Fatal, match=f"cannot grow topic {name}"):
            cluster.grow(name, 3)
        assert cluster.topics([name])[name].partitions == 4

    @pytest.mark.parametrize("verb", ["alter", "grow"])
    def test_what_is_not_there_is_named(self, cluster: Cluster, prefix: str, verb: str) -> None:
        name = f"{prefix}.nowhere"
        with pytest.raises(Fatal, match=f"cannot {verb} topic {name}"):
            cluster.alter(name, CONFIG) if verb == "alter" else cluster.grow(name, 2)

    def test_settling_nothing_asks_for_nothing(self, cluster: Cluster) -> None:
        cluster.settle({})
