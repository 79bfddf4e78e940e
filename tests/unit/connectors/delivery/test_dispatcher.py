"""The dispatcher: writes before it sends, gives partitions back, waits for channels that cannot be used."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from prometheus_client import REGISTRY

from connectors.delivery.channels.print import PrintSettings
from connectors.delivery.dispatcher import Dispatcher
from connectors.delivery.queue.attempt import Answer, Outcome
from connectors.delivery.queue.delivery import Delivery, State
from connectors.delivery.queue.notification import Notification
from connectors.delivery.queue.routing import AlertPosition, route
from connectors.delivery.topic.channels import Applied
from connectors.delivery.topic.log_fields import notification_fields
from headwater.errors import Fatal
from headwater.health import HEALTH
from headwater.settings import load_settings
from tests.builders.deliveries import alert, pending
from tests.fakes.delivery import FakeChannels, FakeLedger, FakeSender, LedgerLog
from tests.fakes.log_lines import configured, lines

TAKEN = Outcome(Answer.TAKEN, 204)
OPS = Applied("ops", "print", "{}", 0, "me", PrintSettings())


class Deliver:
    """A process over a log that outlives it."""

    def __init__(self, log: LedgerLog, *applied: Applied) -> None:
        self.log = log
        self.ledger = FakeLedger(log)
        self.ledger.take(0)
        self.channels, self.sender = FakeChannels(*applied), FakeSender()
        self.now = 1_000
        settings = load_settings(environ={})
        self.dispatcher = Dispatcher(
            settings, self.ledger, self.channels, self.sender, lambda: self.now, random.Random(1)
        )

    def turn(self) -> None:
        self.now += 2_000
        self.dispatcher.turn(0)

    def begun(self) -> list[int]:
        return [each.version for _, begun in self.sender.begun for each in begun.deliveries]


def latest(log: LedgerLog) -> dict[int, Delivery]:
    return {each.version: each for each in log.entries[0]}


@pytest.fixture
def log() -> LedgerLog:
    log = LedgerLog()
    log.queue(0, pending(1, 10), pending(1, 11, "CONFIRMED"), pending(2, 12))
    return log


def test_an_attempt_stands_in_the_ledger_before_it_is_made_and_its_end_behind_it(log: LedgerLog) -> None:
    deliver = Deliver(log, OPS)
    deliver.turn()
    assert deliver.begun() == [10, 12]
    assert {latest(log)[version].state for version in (10, 12)} == {State.ATTEMPTED}
    deliver.sender.end(TAKEN)
    deliver.turn()
    assert latest(log)[10].state is State.DELIVERED
    assert deliver.begun() == [12, 11]


def test_one_that_was_replaced_sends_nothing(log: LedgerLog) -> None:
    deliver = Deliver(log, OPS)
    FakeLedger(log).take(0)
    with pytest.raises(Fatal, match="another process took over"):
        deliver.turn()
    assert deliver.begun() == []


def test_a_partition_that_goes_away_takes_its_attempts_with_it(log: LedgerLog) -> None:
    deliver = Deliver(log, OPS)
    deliver.turn()
    deliver.sender.end(TAKEN)
    deliver.ledger.lose(0)
    before = list(log.entries[0])
    deliver.turn()
    assert log.entries[0] == before
    assert deliver.begun() == []  # broken off before anybody else can begin
    other = Deliver(log, OPS)
    other.turn()
    assert other.begun() == [10, 12]
    assert latest(log)[10].attempts == 2


def test_attempts_of_other_partitions_go_on(log: LedgerLog) -> None:
    log.queue(1, pending(3, 13, channel="siem"))
    deliver = Deliver(log, OPS, replace(OPS, id="siem"))
    deliver.ledger.take(1)
    deliver.turn()
    assert deliver.begun() == [10, 12, 13]
    deliver.ledger.lose(0)
    deliver.turn()
    assert deliver.begun() == [13]
    deliver.sender.end(TAKEN)
    deliver.dispatcher.drain(5)
    assert log.entries[1][-1].state is State.DELIVERED


def test_a_partition_that_comes_back_is_read_anew_and_one_version_is_in_flight(log: LedgerLog) -> None:
    deliver = Deliver(log, OPS)
    deliver.turn()
    log.queue(0, pending(1, 14, "RETRACTED"))
    deliver.ledger.lose(0)
    deliver.turn()
    deliver.ledger.take(0)
    deliver.turn()
    assert deliver.begun() == [10, 12]
    for _ in range(2):
        deliver.sender.end(TAKEN)
    deliver.turn()
    assert [each.state for each in latest(log).values()] == [
        *(State.DELIVERED, State.ATTEMPTED, State.DELIVERED, State.PENDING)
    ]
    assert deliver.begun() == [11]


def test_what_waits_on_a_channel_that_is_no_more_is_given_up(log: LedgerLog) -> None:
    deliver = Deliver(log, OPS)
    deliver.turn()
    deliver.channels.applied.clear()
    deliver.turn()
    assert latest(log)[11].state is State.PENDING  # behind an attempt that is under way
    deliver.sender.end(TAKEN)
    deliver.sender.end(TAKEN)
    deliver.turn()
    assert [each.state for each in latest(log).values()] == [*(State.DELIVERED, State.DEAD, State.DELIVERED)]


def test_a_channel_that_cannot_be_used_keeps_its_queue_and_says_why(log: LedgerLog) -> None:
    deliver = Deliver(log, OPS)
    deliver.sender.unusable = "variable OPS_SECRET is not set"
    deliver.turn()
    assert deliver.begun() == []
    assert "OPS_SECRET" in HEALTH.checks()["channels"].detail
    deliver.sender.unusable = ""
    deliver.channels.applied = {"ops": Applied("ops", "print", "{}", 0, "me", PrintSettings(at_once=1))}
    deliver.turn()
    assert deliver.begun() == [10]


@pytest.mark.parametrize("attempts", [1, 2])
def test_a_delivery_that_fails_is_logged_with_its_alert_and_the_trace_of_its_block(
    attempts: int, capsys: pytest.CaptureFixture[str]
) -> None:
    log = LedgerLog()
    position = AlertPosition(2, 55, 1_000)
    found = alert(1, 10, block_hash=bytes(range(32)))
    log.queue(0, *route(found, position, {"ops": 0}, 1_000).deliveries)
    deliver = Deliver(log, OPS)
    with configured("deliver"):
        for _ in range(attempts):
            while not deliver.sender.begun:
                deliver.turn()
            deliver.sender.end(Outcome(Answer.FAILED, 500, "HTTP 500"))
            deliver.turn()
    told = lines(capsys)
    assert [each["event"] for each in told] == ["not delivered"] * attempts
    trace = "000102030405060708090a0b0c0d0e0f"
    names = ("chain", "stage", "topic", "partition", "offset", "sequence", "trace_id", "channel", "error")
    assert [[each[name] for name in names] for each in told] == [
        ["local", "deliver", "local.alerts.v1", 2, 55, 10, trace, "ops", "HTTP 500"]
    ] * attempts


@pytest.mark.parametrize("payload", ["", "no JSON", "[]", '{"block_hash":null}', '{"block_hash":"0xq"}'])
def test_an_alert_of_no_block_has_no_trace(payload: str) -> None:
    told = notification_fields("alerts", Notification((pending(1, 10, payload=payload),)))
    assert (told["sequence"], told["trace_id"]) == (10, None)


def test_draining_begins_nothing_and_keeps_what_ends_meanwhile(log: LedgerLog) -> None:
    deliver = Deliver(log, OPS)
    deliver.turn()
    deliver.sender.end(TAKEN)
    deliver.sender.end(TAKEN)
    deliver.dispatcher.drain(5)
    assert [each.state for each in latest(log).values()] == [
        *(State.DELIVERED, State.PENDING, State.DELIVERED)
    ]
    assert deliver.begun() == []


def told(name: str, channel: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(f"headwater_{name}", {"chain": "local", "channel": channel, **labels})


@pytest.mark.parametrize("answer", [Answer.THROTTLED, Answer.FAILED], ids=lambda answer: answer.value)
def test_how_long_an_alert_waits_is_told_whatever_it_waits_for(answer: Answer) -> None:
    log = LedgerLog()
    log.queue(0, pending(1, 10, now=1_000, channel="slow"))
    deliver = Deliver(log, replace(OPS, id="slow"))
    deliver.turn()
    assert told("deliveries_total", "slow", state="dead") == 0
    for _ in range(5):
        deliver.now += 600_000
        while deliver.sender.begun:
            deliver.sender.end(Outcome(answer, 429))
        deliver.turn()
    seconds = (deliver.now - 1_000) / 1_000
    assert told("delivery_oldest_seconds", "slow") == seconds
    said = f"slow: 1 deliveries wait, the first for {seconds:.0f} s"
    assert HEALTH.checks()["channels"].detail.startswith((said, "slow: its receiver fails"))
    while not deliver.sender.begun:
        deliver.now += 600_000
        deliver.turn()
    deliver.sender.end(TAKEN)
    deliver.turn()
    assert told("delivery_oldest_seconds", "slow") == 0
    assert HEALTH.checks()["channels"].detail == ""


def test_of_a_channel_that_cannot_be_used_it_is_told_too() -> None:
    log = LedgerLog()
    log.queue(0, pending(1, 10, now=1_000, channel="unusable"))
    deliver = Deliver(log, replace(OPS, id="unusable", settings=None, problem="no such kind"))
    deliver.now += 7_000_000
    deliver.turn()
    assert told("delivery_oldest_seconds", "unusable") == (deliver.now - 1_000) / 1_000


def test_a_channel_that_was_removed_is_told_of_no_more() -> None:
    log = LedgerLog()
    log.queue(0, *[pending(number, 10 + number, channel="gone") for number in range(1, 12)])
    deliver = Deliver(log, replace(OPS, id="gone"))
    for _ in range(30):
        deliver.now += 120_000
        deliver.turn()
        while deliver.sender.begun:
            deliver.sender.end(Outcome(Answer.FAILED, 500, "http 500"))
    assert told("delivery_waiting", "gone") == 11
    deliver.channels.applied.clear()
    deliver.turn()
    deliver.turn()
    names = ("delivery_waiting", "delivery_oldest_seconds")
    assert [told(name, "gone") for name in names] == [None, None]
    assert told("delivery_circuit", "gone", state="half-open") is None
    assert HEALTH.checks()["channels"].detail == ""
    assert told("deliveries_total", "gone", state="dead") == 11
    deliver.ledger.lose(0)
    deliver.turn()
