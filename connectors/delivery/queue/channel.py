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
from connectors.delivery.queue.pace import Pace, Rate
from headwater.retry import Backoff

# A receiver that asks for days would have its queue stand still without anybody having decided so.
LONGEST_HOLD_SECONDS: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Policy:
    """How a channel is used. `max_age_ms` None delivers alerts of any age; `give_up_ms` is from queueing on.

    Seconds `first_pause` and `longest_pause` are the ceilings of the pauses between two attempts.
    """

    rate: Rate | None = None
    max_age_ms: int | None = None
    give_up_ms: int = 12 * 3_600_000
    at_once: int = 4
    failures: int = 5
    first_pause: float = 1.0
    longest_pause: float = 900.0


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
    """`write` goes to the ledger, all or nothing; then, and only then, `send` goes out."""

    write: list[Delivery] = field(default_factory=list)
    send: list[Delivery] = field(default_factory=list)


class ChannelQueue:
    """The ledger of one channel, in the hands of its owner. Times are milliseconds since 1970.

    What it returns counts as written: when writing fails, make a new one from the ledger.
    """

    def __init__(self, policy: Policy, chance: random.Random | None = None) -> None:
        self._chance = chance or random.Random()
        self._alerts: dict[bytes, AlertVersions] = {}
        self._touched: dict[bytes, None] = {}
        self._waiting: list[tuple[int, int, bytes]] = []
        self._numbers = count()
        self._flying: set[bytes] = set()
        self._again: list[Delivery] = []
        self._open: set[tuple[bytes, int]] = set()
        self.use(policy)

    def use(self, policy: Policy) -> None:
        """Go on under a policy; circuit and pace begin anew."""
        self.policy = policy
        self.circuit = Circuit(policy.failures, self._backoff())
        self._pace = Pace(policy.rate)

    @property
    def open(self) -> int:
        """Deliveries that are neither delivered nor given up."""
        return len(self._open)

    @property
    def flying(self) -> int:
        """Attempts under way."""
        return len(self._flying)

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
        for alert_id in touched:
            self._look_at(alert_id, now, step)
        while self._waiting and self._waiting[0][0] <= now and self._may_begin(now):
            _, _, alert_id = heapq.heappop(self._waiting)
            self._begin(alert_id, now, step)
        return step

    def finish(self, delivery: Delivery, outcome: Outcome, now: int) -> Delivery:
        """The entry that says what became of an attempt."""
        self._flying.discard(delivery.alert_id)
        self._touched[delivery.alert_id] = None
        self._tell_circuit(outcome, now)
        known = self._alerts[delivery.alert_id].known(delivery.version)
        done = replace(
            known,
            http_status=outcome.http_status,
            problem=outcome.problem,
            updated_at=now,
            revision=known.revision + 1,
        )
        if outcome.answer is Answer.TAKEN:
            done = replace(done, delivered_at=known.delivered_at or now)
        if known.replays > delivery.replays:
            pass  # asked for again meanwhile: it stays open
        elif outcome.answer is Answer.TAKEN:
            done = replace(done, state=State.DELIVERED)
        elif outcome.answer is Answer.REFUSED or now >= delivery.queued_at + self.policy.give_up_ms:
            done = replace(done, state=State.DEAD)
        else:
            backoff = self._backoff(delivery.attempts - 1)
            pause = backoff.next(min(outcome.retry_after, LONGEST_HOLD_SECONDS))
            done = replace(done, not_before=now + int(1000 * pause))
        self._put(done)
        return done

    def give_up(self, problem: str, now: int) -> list[Delivery]:
        """Close all that waits: the channel is no more."""
        closed = []
        for alert_id in {alert_id for alert_id, _ in self._open} - self._flying:
            while (head := self._alerts[alert_id].head()) is not None:
                closed.append(
                    replace(
                        head, state=State.DEAD, problem=problem, updated_at=now, revision=head.revision + 1
                    )
                )
                self._put(closed[-1])
        return closed

    def _look_at(self, alert_id: bytes, now: int, step: Step) -> None:
        """Close what may not go out, and have the head wait for its time."""
        if alert_id in self._flying:
            return
        versions = self._alerts[alert_id]
        self._closed(versions.close(now, self.policy.max_age_ms), step)
        head = versions.head()
        if head is not None:
            at = head.not_before or min(head.queued_at, now)
            heapq.heappush(self._waiting, (at, next(self._numbers), alert_id))

    def _begin(self, alert_id: bytes, now: int, step: Step) -> None:
        if alert_id in self._flying:
            return
        versions = self._alerts[alert_id]
        self._closed(versions.close(now, self.policy.max_age_ms), step)
        head = versions.head()
        # It may have been closed, or put off, since it was made to wait.
        if head is None or (head.not_before or 0) > now:
            return
        begun = replace(
            head,
            state=State.ATTEMPTED,
            attempts=head.attempts + 1,
            first_attempt_at=head.first_attempt_at or now,
            not_before=None,
            updated_at=now,
            revision=head.revision + 1,
        )
        self._put(begun)
        self._flying.add(alert_id)
        self.circuit.begun(now)
        self._pace.begun(now)
        step.write.append(begun)
        step.send.append(begun)

    def _may_begin(self, now: int) -> bool:
        return len(self._flying) < self.policy.at_once and self.circuit.allows(now) and self._pace.allows(now)

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
