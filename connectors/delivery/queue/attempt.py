"""An attempt: what a delivery is while it is under way, and what its end makes of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from connectors.delivery.queue.delivery import Delivery, State

# A receiver that asks for days would have its queue stand still without anybody having decided so.
LONGEST_HOLD_SECONDS: Final = 3600.0


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

    @property
    def hold(self) -> float:
        """Seconds for which the receiver is left alone, as far as it may ask for that."""
        return min(self.retry_after, LONGEST_HOLD_SECONDS)


def begun(delivery: Delivery, notification_id: str, now: int) -> Delivery:
    """The delivery, under way in a request since `now`."""
    return replace(
        delivery,
        state=State.ATTEMPTED,
        attempts=delivery.attempts + 1,
        first_attempt_at=delivery.first_attempt_at or now,
        attempting_since=delivery.attempting_since or now,
        notification_id=notification_id,
        not_before=None,
        updated_at=now,
        revision=delivery.revision + 1,
    )


def ended(
    known: Delivery, attempted: Delivery, outcome: Outcome, now: int, again: int, *, late: bool
) -> Delivery:
    """What the end of an attempt makes of a delivery. `known`: the delivery as it is known by then.

    `again`: when the next attempt is due. `late`: there is none, since it was tried for long enough.
    """
    done = replace(
        known,
        http_status=outcome.http_status,
        problem=outcome.problem,
        updated_at=now,
        revision=known.revision + 1,
    )
    if outcome.answer is Answer.TAKEN:
        done = replace(done, delivered_at=known.delivered_at or now)
    if known.replays > attempted.replays:
        return done  # asked for again meanwhile: it stays open
    if outcome.answer is Answer.TAKEN:
        return replace(done, state=State.DELIVERED)
    if outcome.answer is Answer.REFUSED or late:
        return replace(done, state=State.DEAD)
    return replace(done, not_before=again)
