"""All deliveries of one channel: what is to be written to the ledger, and what is to be sent then."""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import Enum
from itertools import count
from typing import Final

from connectors.delivery.queue.alert import AlertVersions
from connectors.delivery.queue.circuit import Circuit
from connectors.delivery.queue.delivery import Delivery, State
from connectors.delivery.queue.grouping import Grouping, Groups, next_of
from connectors.delivery.queue.notification import Notification
from connectors.delivery.queue.pace import Pace, Rate
from headwater.retry import Backoff

# A receiver that asks for days would have its queue stand still without anybody having decided so.
LONGEST_HOLD_SECONDS: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Policy:
    """How a channel is used. `max_age_ms` None delivers alerts of any age; `give_up_ms` is from queueing on.

    Seconds `first_pause` and `longest_pause` are the ceilings of the pauses between two attempts. `grouping`
    None sends each alert by itself.
    """

    rate: Rate | None = None
    max_age_ms: int | None = None
    give_up_ms: int = 12 * 3_600_000
    at_once: int = 4
    failures: int = 5
    first_pause: float = 1.0
    longest_pause: float = 900.0
    grouping: Grouping | None = None


class Answer(Enum):
    """What an attempt came to."""

    TAKEN = "taken"
    REFUSED = "refused"  # this one will never be taken
    FAILED = "failed"  # the receiver is away or wrong: any attempt would have failed
    THROTTLED = "throttled"  # too many attempts: later


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of an attempt. `retry_after` is the receiver's wish, in seconds; `problem` has no secrets."""

    answer: Answer
    http_status: int | None = None
    problem: str | None = None
    retry_after: float = 0.0


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
        self._waiting: list[tuple[int, int, bytes]] = []
        self._due: dict[bytes, int] = {}
        self._numbers = count()
        self._flying: dict[bytes, bytes] = {}
        self._under_way: set[bytes] = set()
        self._again: list[Delivery] = []
        self._open: set[tuple[bytes, int]] = set()
        self.use(policy)

    def use(self, policy: Policy) -> None:
        """Go on under a policy; circuit and pace begin anew."""
        self.policy = policy
        self._groups = Groups(policy.grouping)
        self._waiting.clear()
        self._due.clear()
        waiting = sorted(self._open, key=lambda place: place[1])
        self._touched.update((alert_id, None) for alert_id, _ in waiting)
        self.circuit = Circuit(policy.failures, self._backoff())
        self._pace = Pace(policy.rate)

    @property
    def open(self) -> int:
        """Deliveries that are neither delivered nor given up."""
        return len(self._open)

    @property
    def flying(self) -> int:
        """Attempts under way."""
        return len(self._under_way)

    def take(self, delivery: Delivery) -> None:
        """Fold an entry of the ledger in: one that was read."""
        versions = self._alerts.setdefault(delivery.alert_id, AlertVersions())
        if versions.take(delivery):
            self._again.append(delivery)
            return
        self._note(versions.known(delivery.version))
        self._touched[delivery.alert_id] = None

    def step(self, now: int) -> Step:
        """What is to be closed and begun now."""
        # As it is known now, not as it was known when it came: what is written last is what stays.
        step = Step(
            write=[self._alerts[each.alert_id].again(each.version, each.payload) for each in self._again]
        )
        self._again = []
        touched, self._touched = self._touched, {}
        woken, self._woken = self._woken, {}
        for alert_id in touched:
            if (key := self._look_at(alert_id, now, step)) is not None:
                woken[key] = None
        for key in woken:
            self._wait(key, now)
        while self._waiting and self._waiting[0][0] <= now and self._may_begin(now):
            at, _, key = heapq.heappop(self._waiting)
            # One that was put off since, or moved up, stands there more than once.
            if self._due.get(key) == at:
                del self._due[key]
                self._begin(key, now, step)
        return step

    def finish(self, notification: Notification, outcome: Outcome, now: int) -> list[Delivery]:
        """The entries that say what became of an attempt: the same of all that went out together."""
        begun = notification.deliveries
        for each in begun:
            key = self._flying.pop(each.alert_id)
            self._under_way.discard(key)
            self._woken[key] = None
            self._touched[each.alert_id] = None
        self._tell_circuit(outcome, now)
        pause = 0.0
        if outcome.answer is not Answer.TAKEN:
            backoff = self._backoff(max(each.attempts for each in begun) - 1)
            pause = backoff.next(min(outcome.retry_after, LONGEST_HOLD_SECONDS))
        # One that is given up before the others would make another notification of them.
        late = now >= min(each.queued_at for each in begun) + self.policy.give_up_ms
        done = [self._ended(each, outcome, now, now + int(1000 * pause), late=late) for each in begun]
        for each in done:
            self._put(each)
        return done

    def _ended(self, begun: Delivery, outcome: Outcome, now: int, again: int, *, late: bool) -> Delivery:
        known = self._alerts[begun.alert_id].known(begun.version)
        done = replace(
            known,
            http_status=outcome.http_status,
            problem=outcome.problem,
            updated_at=now,
            revision=known.revision + 1,
        )
        if outcome.answer is Answer.TAKEN:
            done = replace(done, delivered_at=known.delivered_at or now)
        if known.replays > begun.replays:
            return done  # asked for again meanwhile: it stays open
        if outcome.answer is Answer.TAKEN:
            return replace(done, state=State.DELIVERED)
        if outcome.answer is Answer.REFUSED or late:
            return replace(done, state=State.DEAD)
        return replace(done, not_before=again)

    def give_up(self, problem: str, now: int) -> list[Delivery]:
        """Close all that waits: the channel is no more."""
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
            self._put_off(key, next_of(heads, self._groups.grouping, now).at)

    def _put_off(self, key: bytes, at: int) -> None:
        if self._due.get(key) != at:
            self._due[key] = at
            heapq.heappush(self._waiting, (at, next(self._numbers), key))

    def _heads(self, key: bytes) -> list[Delivery]:
        waiting = [each for each in self._groups.alerts(key) if each not in self._flying]
        heads = [self._alerts[each].head() for each in waiting]
        return [each for each in heads if each is not None]

    def _begin(self, key: bytes, now: int, step: Step) -> None:
        if key in self._under_way:
            return
        # They may have been closed, or put off, since they were made to wait.
        for alert_id in self._groups.alerts(key):
            self._look_at(alert_id, now, step)
        heads = self._heads(key)
        if not heads:
            return
        following = next_of(heads, self._groups.grouping, now)
        if following.at > now:
            self._put_off(key, following.at)
            return
        begun = tuple(
            replace(
                each,
                state=State.ATTEMPTED,
                attempts=each.attempts + 1,
                first_attempt_at=each.first_attempt_at or now,
                not_before=None,
                updated_at=now,
                revision=each.revision + 1,
            )
            for each in following.deliveries
        )
        for each in begun:
            self._put(each)
            self._flying[each.alert_id] = key
        self._under_way.add(key)
        self.circuit.begun(now)
        self._pace.begun(now)
        step.write += begun
        step.begin.append(Notification(begun, grouped=self._groups.grouping is not None))

    def _may_begin(self, now: int) -> bool:
        return self.flying < self.policy.at_once and self.circuit.allows(now) and self._pace.allows(now)

    def _tell_circuit(self, outcome: Outcome, now: int) -> None:
        if outcome.answer is Answer.FAILED:
            self.circuit.failed(now)
        elif outcome.answer is not Answer.THROTTLED:
            self.circuit.succeeded()
        if outcome.answer is Answer.THROTTLED or outcome.retry_after > 0:
            self.circuit.hold(now + int(1000 * min(outcome.retry_after, LONGEST_HOLD_SECONDS)))

    def _closed(self, closed: Iterable[Delivery], step: Step) -> None:
        for each in closed:
            self._note(each)
            step.write.append(each)

    def _put(self, delivery: Delivery) -> None:
        self._alerts[delivery.alert_id].put(delivery)
        self._note(delivery)

    def _note(self, delivery: Delivery) -> None:
        place = (delivery.alert_id, delivery.version)
        if delivery.is_open:
            self._open.add(place)
        else:
            self._open.discard(place)

    def _backoff(self, attempts: int = 0) -> Backoff:
        return Backoff(self.policy.first_pause, self.policy.longest_pause, self._chance, attempts)
