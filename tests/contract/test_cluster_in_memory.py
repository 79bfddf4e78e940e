"""The cluster contract on the one that unit tests use."""

from __future__ import annotations

import pytest

from tests.contract.cluster import ClusterContract
from tests.fakes.cluster import FakeCluster
from topics.cluster import Cluster


class TestFakeCluster(ClusterContract):
    @pytest.fixture
    def cluster(self) -> Cluster:
        return FakeCluster()
