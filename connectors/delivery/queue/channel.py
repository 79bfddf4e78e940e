"""All deliveries of one channel: what is to be written to the ledger, and what is to be sent then."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from connectors.delivery.queue.alert import AlertVersions
from connectors.delivery.queue.attempt import Answer, Outcome, begun, ended
from connectors.delivery.queue.circuit import Circuit
from connectors.delivery.queue.delivery import Delivery, State
from connectors.delivery.queue.grouping import Groups, next_of
from connectors.delivery.queue.notification import Notification
from connectors.delivery.queue.oldest import Open
from connectors.delivery.queue.pace import Pace
from connectors.delivery.queue.policy import Policy
from connectors.delivery.queue.waiting import Waiting
from headwater.retry import Backoff


@dataclass(slots=True)
class Step:
    """`write` goes to the ledger, all or nothing; then, and only then, `begin` goes out."""

    write: list[Delivery] = field(default_factory=list)
    begin: list[Notification] = field(default_factory=list)

    @property
    def send(self) -> list[Delivery]:
        """All deliveries that go out."""
        return [delivery for each in self.begin for delivery in each.deliveries]


class ChannelQueue:
    """The ledger of one channel, in the hands of its owner. Times are milliseconds since 1970.

    What it returns counts as written: when writing fails, make a new one from the ledger.
    """

    def __init__(self, policy: Policy, chance: random.Random | None = None) -> None:
        self._chance = chance or random.Random()
        self._alerts: dict[bytes, AlertVersions] = {}
        self._touched: dict[bytes, None] = {}
        self._woken: dict[bytes, None] = {}
        self._waiting = Waiting()
        self._flying: dict[bytes, bytes] = {}
        self._under_way: set[bytes] = set()
        self._again: dict[tuple[bytes, int], str] = {}
        self._open = Open()
        self.use(policy)

    def use(self, policy: Policy) -> None:
        """Go on under a policy; circuit and pace begin anew."""
        self.policy = policy
        self._groups = Groups(policy.grouping)
        self._waiting.clear()
        waiting = sorted(self._open, key=lambda each: each[1])
        self._touched.update((alert_id, None) for alert_id, _ in waiting)
        self.circuit = Circuit(policy.failures, self._backoff(), self._backoff())
        self._pace = Pace(policy.rate)

    @property
    def open(self) -> int:
        """Deliveries that are neither delivered nor given up."""
        return len(self._open)

    def waits(self, now: int) -> float:
        """Seconds that the first of them has waited, beyond what its group does; 0 where none does."""
        since = self._open.oldest()
        if since is None:
            return 0.0
        grouping = self.policy.grouping
        return max(0, now - since - (grouping.wait_ms if grouping else 0)) / 1_000

    @property
    def flying(self) -> int:
        """Attempts under way."""
        return len(self._under_way)

    def take(self, delivery: Delivery) -> None:
        """Fold an entry of the ledger in: one that was read."""
        versions = self._alerts.setdefault(delivery.alert_id, AlertVersions())
        version_key = (delivery.alert_id, delivery.version)
        if versions.take(delivery):
            self._again[version_key] = delivery.payload
            return
        # What was written behind a second PENDING is what compaction leaves.
        self._again.pop(version_key, None)
        self._open.note(versions.known(delivery.version))
        self._touched[delivery.alert_id] = None

    def step(self, now: int) -> Step:
        """What is to be closed and begun now."""
        # As it is known now, not as it was known when it came: what is written last is what stays.
        step = Step(
            write=[
                self._alerts[alert_id].again(version, payload)
                for (alert_id, version), payload in self._again.items()
            ]
        )
        self._again.clear()
        touched, self._touched = self._touched, {}
        woken, self._woken = self._woken, {}
        for alert_id in touched:
            if (key := self._look_at(alert_id, now, step)) is not None:
                woken[key] = None
        for key in woken:
            self._wait(key, now)
        while self._may_begin(now) and (due := self._waiting.take(now)) is not None:
            self._begin(due, now, step)
        return step

    def finish(self, notification: Notification, outcome: Outcome, now: int) -> list[Delivery]:
        """The entries that say what became of an attempt: the same of all that went out together."""
        attempted = notification.deliveries
        for each in attempted:
            key = self._flying.pop(each.alert_id)
            self._under_way.discard(key)
            self._woken[key] = None
            self._touched[each.alert_id] = None
        self._update_circuit(outcome, now)
        pause = 0.0
        if outcome.answer is not Answer.TAKEN:
            backoff = self._backoff(max(each.attempts for each in attempted) - 1)
            pause = backoff.next(outcome.hold)
        # One that is given up before the others would make another notification of them.
        since = min(each.attempting_since or now for each in attempted)
        # A receiver that only asks for time at the first attempt has not failed.
        throttled = outcome.answer is Answer.THROTTLED and all(each.attempts == 1 for each in attempted)
        late = not throttled and now >= since + self.policy.give_up_ms
        again = now + int(1000 * pause)
        known = (self._alerts[each.alert_id].known(each.version) for each in attempted)
        done = [
            ended(one, each, outcome, now, again, late=late)
            for one, each in zip(known, attempted, strict=True)
        ]
        for each in done:
            self._put(each)
        return done

    def give_up(self, problem: str, now: int) -> list[Delivery]:
        """Close all that waits: the channel was removed."""
        closed = []
        for alert_id in {alert_id for alert_id, _ in self._open} - self._flying.keys():
            while (head := self._alerts[alert_id].head()) is not None:
                closed.append(
                    replace(
                        head, state=State.DEAD, problem=problem, updated_at=now, revision=head.revision + 1
                    )
                )
                self._put(closed[-1])
        return closed

    def _look_at(self, alert_id: bytes, now: int, step: Step) -> bytes | None:
        """Close what may not go out; the group in which the rest waits."""
        if alert_id in self._flying:
            return None
        versions = self._alerts[alert_id]
        self._closed(versions.close(now, self.policy.max_age_ms), step)
        head = versions.head()
        if head is None:
            self._groups.leave(alert_id)
            return None
        return self._groups.join(head)

    def _wait(self, key: bytes, now: int) -> None:
        """Have a group wait for the time of what goes out next of it; one under way is waited for."""
        if key not in self._under_way and (heads := self._heads(key)):
            self._waiting.put(key, next_of(heads, self._groups.grouping, now).at)

    def _heads(self, key: bytes) -> list[Delivery]:
        waiting = [each for each in self._groups.alerts(key) if each not in self._flying]
        heads = [self._alerts[each].head() for each in waiting]
        return [each for each in heads if each is not None]

    def _begin(self, key: bytes, now: int, step: Step) -> None:
        if key in self._under_way:
            return
        # They may have been closed, or put off, since they were made to wait.
        for alert_id in self._groups.alerts(key):
            joined = self._look_at(alert_id, now, step)
            if joined is not None and joined != key:
                self._woken[joined] = None
        heads = self._heads(key)
        if not heads:
            return
        following = next_of(heads, self._groups.grouping, now)
        if following.at > now:
            self._waiting.put(key, following.at)
            return
        grouped = self._groups.grouping is not None or len(following.deliveries) > 1
        own = Notification(following.deliveries).id
        deliveries = tuple(begun(each, own, now) for each in following.deliveries)
        for each in deliveries:
            self._put(each)
            self._flying[each.alert_id] = key
        self._under_way.add(key)
        self.circuit.begun(now)
        self._pace.begun(now)
        step.write += deliveries
        step.begin.append(Notification(deliveries, grouped=grouped))

    def _may_begin(self, now: int) -> bool:
        return self.flying < self.policy.at_once and self.circuit.allows(now) and self._pace.allows(now)

    def _update_circuit(self, outcome: Outcome, now: int) -> None:
        match outcome.answer:
            case Answer.THROTTLED:
                self.circuit.throttled(now, outcome.hold)
            case Answer.FAILED:
                self.circuit.failed(now)
                self.circuit.hold(now + int(1000 * outcome.hold))
            case Answer.TAKEN | Answer.REFUSED:
                self.circuit.succeeded()

    def _closed(self, closed: Iterable[Delivery], step: Step) -> None:
        for each in closed:
            self._open.note(each)
            step.write.append(each)

    def _put(self, delivery: Delivery) -> None:
        self._alerts[delivery.alert_id].put(delivery)
        self._open.note(delivery)

    def _backoff(self, attempts: int = 0) -> Backoff:
        return Backoff(self.policy.first_pause, self.policy.longest_pause, self._chance, attempts)
