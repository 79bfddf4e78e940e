"""The contract of raw-links on what unit tests use."""

from __future__ import annotations

import pytest

from tests.contract.links import LinksContract, MakeLinks
from tests.fakes.links import MemoryLinks


class TestMemoryLinks(LinksContract):
    @pytest.fixture
    def make_links(self) -> MakeLinks:
        values: list[bytes] = []
        return lambda: MemoryLinks(values)
