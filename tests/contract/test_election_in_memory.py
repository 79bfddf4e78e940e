"""The contract of an election on the one that unit tests use."""

from __future__ import annotations

import pytest

from tests.contract.election import ElectionContract, Polls
from tests.fakes.election import Ballot


class InMemory:
    """The fake as the contract sees it."""

    def __init__(self) -> None:
        self._group: list[Ballot] = []

    def member(self) -> Ballot:
        return Ballot(self._group)


class TestBallot(ElectionContract):
    @pytest.fixture
    def polls(self) -> Polls:
        return InMemory()
