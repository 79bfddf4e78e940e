"""The contract of dead letters on what unit tests use."""

from __future__ import annotations

import pytest

from tests.contract.sink_dead_letters import Box, DeadLettersContract, Letter
from tests.fakes.sink import FakeDeadLetters


class InMemory:
    """The fake as the contract sees it."""

    def __init__(self) -> None:
        self.writer = FakeDeadLetters()

    def letters(self) -> list[Letter]:
        return [
            Letter(each.topic(), each.partition(), each.offset(), each.key(), each.value(), str(error))
            for each, error in ((bad.message, bad.error) for bad in self.writer.sent)
        ]


class TestFakeDeadLetters(DeadLettersContract):
    @pytest.fixture
    def box(self) -> Box:
        return InMemory()
