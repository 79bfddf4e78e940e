"""How the endpoints have done lately, and which of them are asked after the others. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from statistics import median
from typing import Final

WINDOW_SECONDS: Final = 60.0
"""What is older says nothing about now."""

ENOUGH: Final = 10
"""Outcomes before a share of them means anything."""

LOOKS: Final = 3
"""Looks at the head before an endpoint may be called slow."""

FAILED_SHARE: Final = 0.7
THROTTLED_SHARE: Final = 0.4
SLOW_TIMES: Final = 3.0
SLOW_SECONDS: Final = 0.1
"""An endpoint that takes less is not slow, however fast the others are."""

BEHIND_SECONDS: Final = 30.0
_KEPT: Final = 100


class CallOutcome(Enum):
    """What a piece of work came to on an endpoint."""

    GOOD = "good"
    FAILED = "failed"
    THROTTLED = "throttled"


class Reason(Enum):
    """Why an endpoint is asked after the others."""

    ERRORS = "errors"
    THROTTLED = "throttled"
    SLOW = "slow"
    BEHIND = "behind"
    NOWHERE = "nowhere"


@dataclass(frozen=True, slots=True)
class Look:
    """A look at an endpoint's head: when, how long it took, the head's timestamp. All in seconds."""

    at: float
    took: float
    head_time: float


class Standing:
    """What one endpoint did in the last minute; `clock` in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._outcomes: deque[tuple[float, CallOutcome]] = deque(maxlen=_KEPT)
        self._looks: deque[Look] = deque(maxlen=2 * LOOKS)

    def add(self, outcome: CallOutcome) -> None:
        """Something was done on the endpoint."""
        self._outcomes.append((self._clock(), outcome))

    def looked(self, took: float, head_time: float) -> None:
        """The endpoint told its head within `took` seconds; `head_time` is the head's timestamp."""
        self._looks.append(Look(self._clock(), took, head_time))

    def share(self, outcome: CallOutcome) -> float:
        """Of the last minute's outcomes; 0 while there are too few."""
        since = self._clock() - WINDOW_SECONDS
        lately = [each for at, each in self._outcomes if at >= since]
        return lately.count(outcome) / len(lately) if len(lately) >= ENOUGH else 0.0

    def latency(self) -> float | None:
        """Median seconds of a look at the head, None while there are too few."""
        looks = self._lately()
        return median(look.took for look in looks) if len(looks) >= LOOKS else None

    def head_time(self) -> float | None:
        """Timestamp of the head last seen, None when there was no look lately."""
        looks = self._lately()
        return looks[-1].head_time if looks else None

    def _lately(self) -> list[Look]:
        since = self._clock() - WINDOW_SECONDS
        return [look for look in self._looks if look.at >= since]


def demoted(standings: Mapping[str, Standing]) -> dict[str, Reason]:
    """The endpoints to ask after the others, and why.

    None when that were all of them: an endpoint that answers badly is better than none.
    """
    fastest = min((own for each in standings.values() if (own := each.latency()) is not None), default=None)
    agreed = _agreed([own for each in standings.values() if (own := each.head_time()) is not None])
    found = {}
    for name, standing in standings.items():
        reason = _reason(standing, fastest, agreed)
        if reason is not None:
            found[name] = reason
    return found if len(found) < len(standings) else {}


def _reason(standing: Standing, fastest: float | None, agreed: float | None) -> Reason | None:
    latency, head_time = standing.latency(), standing.head_time()
    if standing.share(CallOutcome.FAILED) > FAILED_SHARE:
        return Reason.ERRORS
    if standing.share(CallOutcome.THROTTLED) > THROTTLED_SHARE:
        return Reason.THROTTLED
    if head_time is not None and agreed is not None and agreed - head_time >= BEHIND_SECONDS:
        return Reason.BEHIND
    if latency is not None and fastest is not None and latency > max(SLOW_SECONDS, SLOW_TIMES * fastest):
        return Reason.SLOW
    return None


def _agreed(head_times: list[float]) -> float | None:
    """The timestamp that the heads of a majority have reached: one endpoint's word alone is not a measure."""
    if not head_times:
        return None
    return sorted(head_times, reverse=True)[len(head_times) // 2]
