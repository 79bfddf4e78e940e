"""Killed at any instruction, deliver sends everything at least once, under one id and never out of order."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.delivery.queue.attempt import Answer, Outcome
from connectors.delivery.queue.channel import ChannelQueue
from connectors.delivery.queue.delivery import Delivery, State, key_of
from connectors.delivery.queue.grouping import Grouping
from connectors.delivery.queue.notification import Notification
from connectors.delivery.queue.policy import Policy
from connectors.delivery.topic.entries import again
from sandbox.receiver.checker import Arrival, Published, left_standing, violations
from tests.builders.deliveries import pending

Alert = tuple[int, str]
POLICY = Policy(give_up_ms=10**12, first_pause=0.01, longest_pause=0.05, failures=3, at_once=2)
# Of blocks that are too old before anything of them is sent: now and then, and never for what has begun.
AGEING = replace(POLICY, max_age_ms=60)
GROUPED = replace(POLICY, grouping=Grouping(wait_ms=30, most=2))
LIFE = (
    *((1, "PROVISIONAL"), (2, "PROVISIONAL"), (1, "RETRACTED"), (3, "PROVISIONAL"), (1, "PROVISIONAL")),
    *((2, "CONFIRMED"), (3, "RETRACTED"), (4, "RESOLVED"), (1, "CONFIRMED")),
)

STATUSES = ("PROVISIONAL", "CONFIRMED", "RETRACTED")


class KilledError(BaseException):
    """The process died here."""


class World:
    """What outlives a process: alerts, the offset that was committed, the ledger, the receiver."""

    def __init__(
        self,
        alerts: Sequence[Alert],
        kills: Sequence[int],
        seed: int,
        policy: Policy = POLICY,
        replays: int = 0,
        refuses: bool = False,
    ) -> None:
        self.policy, self.refuses = policy, refuses
        self.replays = replays if alerts else 0
        self.replayed = self.replays > 0
        self.readings: list[Delivery] = []
        self.chance = random.Random(seed)
        self.alerts = [
            pending(number, 10 + at, status, block_timestamp=20 * at)
            for at, (number, status) in enumerate(alerts)
        ]
        self.kills = set(kills)
        self.instructions = 0
        self.now = 0
        self.committed = 0
        self.ledger: list[Delivery] = []
        self.answered = 0
        self.arrivals: list[Arrival] = []

    def instruction(self) -> None:
        """A place where the process may die: before the next thing that anybody else can see."""
        self.instructions += 1
        if self.instructions in self.kills:
            raise KilledError

    def live(self) -> None:
        """From a start until everything is done, or a kill."""
        queue = ChannelQueue(self.policy, self.chance)
        for each in self.ledger:
            queue.take(each)
        read = len(self.ledger)
        position, flying = self.committed, list[Notification]()
        while position < len(self.alerts) or queue.open or self.replays or read < len(self.ledger):
            self.now += 10
            match self.chance.choice(("route", "read", "step", "send", "replay")):
                case "route" if position < len(self.alerts):
                    # One transaction: the entries, and the offset of the alert.
                    self.instruction()
                    self.ledger.append(self.alerts[position])
                    position += 1
                    self.committed = position
                    self.instruction()
                case "read":
                    # What it has written itself comes back to it, later than it knows it.
                    for each in self.ledger[read:]:
                        queue.take(each)
                    read = len(self.ledger)
                case "step":
                    step = queue.step(self.now)
                    if step.write:
                        self._write(step.write)
                    self.answered = read
                    flying += step.begin
                case "send" if flying:
                    begun = flying.pop(self.chance.randrange(len(flying)))
                    self._write(queue.finish(begun, self._send(begun), self.now))
                case "replay" if self.replays and (closed := self.closed()):
                    self.replays -= 1
                    # Somebody may have read the ledger before what was asked for since then was done.
                    self.readings.append(self.chance.choice(closed))
                    self.ledger.append(again(self.chance.choice(self.readings[-2:]), self.now))
        self._write(queue.step(self.now).write)
        self.answered = len(self.ledger)

    def _write(self, entries: list[Delivery]) -> None:
        self.instruction()
        self.ledger += entries
        self.instruction()

    def _send(self, begun: Notification) -> Outcome:
        self.instruction()
        answers = [Outcome(Answer.TAKEN), Outcome(Answer.FAILED), Outcome(Answer.THROTTLED, retry_after=0.01)]
        outcome = self.chance.choice([*answers, *([Outcome(Answer.REFUSED)] if self.refuses else [])])
        # A request that failed may have arrived, or not.
        if outcome.answer in (Answer.TAKEN, Answer.REFUSED) or self.chance.random() < 0.5:
            for place, each in enumerate(begun.deliveries):
                # Asked for again, an alert of a request with several goes out in another one.
                own = each.delivery_id if self.replayed else f"{begun.id}.{place}"
                alert = each.alert_id.hex()
                self.arrivals.append(Arrival(own, "ops", alert, each.version, each.status))
        self.instruction()
        return outcome

    def closed(self) -> list[Delivery]:
        """What may be asked for again, as the command line reads it."""
        latest = {key_of(each): each for each in sorted(self.ledger, key=lambda each: each.rank)}
        return [each for each in latest.values() if not each.is_open]

    def compact(self) -> None:
        """What Kafka does to the ledger, sooner or later, but not to the segment that is written to."""
        closed = {key_of(each): each for each in self.ledger[: self.answered]}
        self.ledger[: self.answered] = closed.values()
        self.answered = len(closed)


def lived(
    alerts: Sequence[Alert],
    kills: Sequence[int],
    seed: int,
    policy: Policy = POLICY,
    replays: int = 0,
    *,
    refuses: bool = False,
) -> World:
    world = World(alerts, kills, seed, policy, replays, refuses)
    while True:
        try:
            world.live()
        except KilledError:
            if world.chance.random() < 0.5:
                world.compact()
        else:
            break
    world.compact()
    return world


def prove(world: World) -> None:
    assert violations(world.arrivals) == []
    published = [Published("ops", each.alert_id.hex(), each.version, each.status) for each in world.alerts]
    assert left_standing(published, world.arrivals) == []
    arrived = {(each.alert_id, each.version) for each in world.arrivals}
    states = {(each.alert_id, each.version): each for each in world.ledger}
    assert set(states) == {(each.alert_id, each.version) for each in world.alerts}
    for (alert_id, version), each in states.items():
        assert each.state in (State.DELIVERED, State.SUPERSEDED, State.EXPIRED)
        assert each.state is not State.EXPIRED or world.policy.max_age_ms is not None
        assert ((alert_id.hex(), version) in arrived) == (each.state is State.DELIVERED)
        later = [other for (of, _), other in states.items() if of == alert_id and other.version >= version]
        if each.state is State.SUPERSEDED:
            # One that expired and was asked for again may be behind what was sent since.
            assert any(other.retracts or (other.sent and other is not each) for other in later)
        if each.state is State.DELIVERED and each.retracts:
            assert any(
                other.sent and not other.retracts
                for (of, at), other in states.items()
                if of == alert_id and at < version
            )


@pytest.mark.parametrize(("policy", "seed"), [(POLICY, 0), (POLICY, 1), (GROUPED, 0), (GROUPED, 1)])
def test_a_kill_at_each_instruction(policy: Policy, seed: int) -> None:
    whole = lived(LIFE, (), seed, policy)
    prove(whole)
    assert len(whole.arrivals) >= 6
    for kill in range(1, whole.instructions + 1):
        prove(lived(LIFE, (kill,), seed, policy))


@given(
    st.lists(st.tuples(st.integers(1, 3), st.sampled_from(STATUSES)), max_size=9),
    st.lists(st.integers(1, 80), max_size=5),
    st.integers(0, 2**16),
    st.sampled_from([POLICY, GROUPED, AGEING]),
    st.integers(0, 4),
)
def test_any_alerts_any_kills_and_any_replays(
    alerts: list[Alert], kills: list[int], seed: int, policy: Policy, replays: int
) -> None:
    prove(lived(alerts, kills, seed, policy, replays))


@settings(max_examples=settings.default.max_examples * 10)  # one in forty has a retraction behind what came
@given(
    st.lists(st.sampled_from(("PROVISIONAL", "RETRACTED")), min_size=2, max_size=6),
    st.integers(0, 2**64),
    st.integers(2, 8),
)
def test_a_receiver_that_refuses_is_sent_no_retraction_of_what_never_came(
    statuses: list[str], seed: int, replays: int
) -> None:
    world = lived([(1, each) for each in statuses], (), seed, POLICY, replays, refuses=True)
    assert violations(world.arrivals) == []
