"""What the dispatcher relies on in its sender, whichever one attempts: subclasses say which."""

from __future__ import annotations

import time
from typing import Protocol

import pytest

from connectors.delivery.channels.channel import ChannelSettings, Unusable
from connectors.delivery.channels.print import PrintSettings
from connectors.delivery.queue.attempt import Answer, Outcome
from connectors.delivery.queue.notification import Notification
from connectors.delivery.sender import AttemptResult, Sender
from tests.builders.deliveries import pending

SECONDS = 30.0
TAKEN, FAILED = Outcome(Answer.TAKEN, 204), Outcome(Answer.FAILED, 500, "it said no")


class Attempts(Protocol):
    """A sender, and settings of channels whose attempts end when the test says so."""

    @property
    def sender(self) -> Sender: ...
    @property
    def settings(self) -> ChannelSettings: ...
    @property
    def unusable(self) -> ChannelSettings: ...

    def end(self, outcome: Outcome) -> None:
        """The oldest attempt under way ends so."""


def notification(version: int) -> Notification:
    return Notification((pending(version, version),))


class SenderContract:
    """Tests of Sender."""

    @pytest.fixture
    def attempts(self) -> Attempts:
        raise AssertionError("the subclass says which sender")

    def test_each_attempt_is_told_once_it_has_ended_and_once(self, attempts: Attempts) -> None:
        sender, channel = attempts.sender, attempts.sender.make(attempts.settings)
        first, second = notification(10), notification(11)
        sender.send("first", channel, first)
        sender.send("second", channel, second)
        assert sender.done() == []
        attempts.end(TAKEN)
        assert _ended(sender, 1) == [AttemptResult("first", first, TAKEN)]
        assert sender.done() == []
        sender.send("third", channel, first)
        attempts.end(FAILED)
        attempts.end(TAKEN)
        assert _ended(sender, 2) == [
            AttemptResult("second", second, FAILED),
            AttemptResult("third", first, TAKEN),
        ]

    def test_of_what_is_broken_off_nothing_is_told(self, attempts: Attempts) -> None:
        sender, channel = attempts.sender, attempts.sender.make(attempts.settings)
        for version in (10, 11):
            sender.send(version, channel, notification(version))
        attempts.end(TAKEN)
        assert [each.ticket for each in _ended(sender, 1)] == [10]
        sender.close()
        assert sender.done() == []
        sender.close()

    def test_attempts_of_some_tickets_are_broken_off_and_no_others(self, attempts: Attempts) -> None:
        sender, channel = attempts.sender, attempts.sender.make(attempts.settings)
        for version in (10, 11, 12):
            sender.send(version, channel, notification(version))
        sender.cancel({10, 12, 13})
        attempts.end(TAKEN)
        assert [each.ticket for each in _ended(sender, 1)] == [11]
        assert sender.done() == []

    def test_what_cannot_be_used_here_is_not_a_channel(self, attempts: Attempts) -> None:
        with pytest.raises(Unusable):
            attempts.sender.make(attempts.unusable)
        assert attempts.sender.make(PrintSettings())


def _ended(sender: Sender, count: int) -> list[AttemptResult]:
    found: list[AttemptResult] = []
    deadline = time.monotonic() + SECONDS
    while len(found) < count:
        assert time.monotonic() < deadline, f"{len(found)} of {count} attempts have ended"
        found += sender.done()
    return found
