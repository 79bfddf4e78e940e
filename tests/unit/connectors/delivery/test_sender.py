"""Attempts beside the thread that decides: what ends is told, a defect too; closing breaks off the rest."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import suppress
from functools import partial

import pytest

from connectors.delivery.channels.channel import Unusable
from connectors.delivery.channels.webhook import WebhookSettings
from connectors.delivery.queue.attempt import Answer, Outcome
from connectors.delivery.queue.notification import Notification
from connectors.delivery.sender import AttemptResult, LoopSender
from connectors.delivery.topic.log_fields import notification_fields
from headwater.logging import about
from headwater.settings import DeliverySettings
from tests.builders.deliveries import pending
from tests.fakes.log_lines import configured, lines


class Scripted:
    """Takes version 10, has a defect at 11, and never ends 12."""

    def __init__(self) -> None:
        self.hangs, self.broken_off = threading.Event(), threading.Event()

    async def send(self, notification: Notification) -> Outcome:
        match notification.deliveries[0].version:
            case 10:
                return Outcome(Answer.TAKEN, 204)
            case 11:
                raise KeyError("title")
        self.hangs.set()
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            self.broken_off.set()
            raise
        raise AssertionError("unreachable")


class Deaf:
    """Goes on for as long as a test wants, whoever breaks it off."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end = asyncio.Event()

    def end(self) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._end.set)

    async def send(self, notification: Notification) -> Outcome:
        self._loop = asyncio.get_running_loop()
        while not self._end.is_set():
            with suppress(asyncio.CancelledError):
                await self._end.wait()
        return Outcome(Answer.TAKEN)


class Broken:
    """Has a defect."""

    async def send(self, notification: Notification) -> Outcome:
        raise KeyError("title")


@pytest.fixture
def sender() -> Iterator[LoopSender]:
    made = LoopSender(DeliverySettings(), {})
    yield made
    made.close()


def test_what_ends_is_told_with_its_ticket_and_a_defect_is_a_failure(sender: LoopSender) -> None:
    channel = Scripted()
    for version in (10, 11, 12):
        sender.send(version, channel, Notification((pending(version, version),)))
    assert channel.hangs.wait(10)
    found: list[AttemptResult] = []
    while len(found) < 2:
        found += sender.done()
    assert {each.ticket: each.outcome.answer for each in found} == {10: Answer.TAKEN, 11: Answer.FAILED}
    assert [each.outcome.problem for each in found if each.ticket == 11] == ["this is a defect: KeyError"]
    sender.close()
    assert channel.broken_off.is_set()
    assert sender.done() == []


def test_what_is_cancelled_has_ended_by_then_and_nothing_else(sender: LoopSender) -> None:
    first, second = Scripted(), Scripted()
    for ticket, channel in (("a", first), ("b", second)):
        sender.send(ticket, channel, Notification((pending(12, 12),)))
    # It begins before it is broken off, although nobody waited for that.
    sender.cancel({"a", "c"})
    assert first.broken_off.is_set()
    assert second.hangs.wait(10)
    assert not second.broken_off.is_set()
    assert sender.done() == []


def test_an_attempt_that_cannot_be_broken_off_holds_nobody_up(
    sender: LoopSender, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("connectors.delivery.sender._CANCEL_SECONDS", 0.01)
    channel = Deaf()
    sender.send("a", channel, Notification((pending(12, 12),)))
    with configured("deliver"):
        sender.cancel({"a"})
    assert [each["event"] for each in lines(capsys)] == ["attempts could not be broken off in time"]
    channel.end()


def test_the_lines_of_an_attempt_are_about_what_it_was_begun_for(
    sender: LoopSender, capsys: pytest.CaptureFixture[str]
) -> None:
    with configured("deliver"):
        for version in (11, 21):
            notification = Notification((pending(version, version),))
            with about(partial(notification_fields, "alerts", notification)):
                sender.send(version, Broken(), notification)
        ended = 0
        while ended < 2:
            ended += len(sender.done())
    told = lines(capsys)
    assert [each["event"] for each in told] == ["a channel failed"] * 2
    assert sorted(each["sequence"] for each in told) == [11, 21]
    assert {each["channel"] for each in told} == {"ops"}


def test_a_channel_without_its_secret_is_unusable_here(sender: LoopSender) -> None:
    with pytest.raises(Unusable, match="variable NOBODY is not set"):
        sender.make(WebhookSettings(url="https://a.example", secret_env="NOBODY"))
