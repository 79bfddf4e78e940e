"""The log contract on the store that unit tests use."""

from __future__ import annotations

import pytest

from connectors.evm.log.store import Outgoing
from tests.contract.log_store import LogStoreContract, MakeStore
from tests.fakes.listening import MemoryStore


class TestMemoryStore(LogStoreContract):
    @pytest.fixture
    def make_store(self) -> MakeStore:
        log: list[tuple[int, Outgoing]] = []
        return lambda: MemoryStore(log)
