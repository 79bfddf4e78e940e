"""Which deliveries go out together, and when: alone at once, or with others of their rule and group.

One notification of a group is under way at a time. Its deliveries have its id in the ledger: tried again, it
has the same deliveries and the same id, whatever was killed and whatever the channel became meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from connectors.delivery.queue.delivery import Delivery, State
from connectors.delivery.queue.notification import key_of_group

MOST_CHARACTERS: Final = 512 * 1024
"""Of the alerts of one notification, be it not a single one: receivers bound what they read."""


@dataclass(frozen=True, slots=True)
class Grouping:
    """The first delivery of a group waits so long for others, `most` of which go out together."""

    wait_ms: int
    most: int


@dataclass(frozen=True, slots=True)
class Next:
    """What goes out next of a group, and not before `at` (milliseconds since 1970)."""

    deliveries: tuple[Delivery, ...]
    at: int


def next_of(heads: Iterable[Delivery], grouping: Grouping | None, now: int) -> Next:
    """Of the alerts' next versions, of which there is one at least: all of one group, none under way."""
    ordered = sorted(heads, key=lambda each: (each.version, each.alert_id))
    most = 1 if grouping is None else grouping.most
    attempted = [each for each in ordered if each.state is State.ATTEMPTED]
    if attempted:
        return min(_again(attempted, most, now), key=lambda each: each.at)
    first = _bounded(ordered, most)
    # A clock of another machine may be ahead of ours.
    at = min(min(each.queued_at, now) for each in ordered)
    if grouping is not None and len(ordered) < most:
        at += grouping.wait_ms
    return Next(first, max([at, *(each.not_before or 0 for each in first)]))


def _again(attempted: Sequence[Delivery], most: int, now: int) -> list[Next]:
    """Each notification that is tried again, in the order of its first delivery."""
    together: dict[str | None, list[Delivery]] = {}
    for each in attempted:
        together.setdefault(each.notification_id, []).append(each)
    found = []
    for own, deliveries in together.items():
        # Entries of earlier versions do not say which: what was attempted of a group was one.
        again = _bounded(deliveries, most) if own is None else tuple(deliveries)
        found.append(Next(again, max(each.not_before or min(each.queued_at, now) for each in again)))
    return found


def _bounded(deliveries: Sequence[Delivery], most: int) -> tuple[Delivery, ...]:
    found, characters = [deliveries[0]], len(deliveries[0].payload)
    for each in deliveries[1:most]:
        characters += len(each.payload)
        if characters > MOST_CHARACTERS:
            break
        found.append(each)
    return tuple(found)


class Groups:
    """The alerts that have something to go out, by the group in which they wait. Alone: each by itself."""

    def __init__(self, grouping: Grouping | None) -> None:
        self.grouping = grouping
        self._keys: dict[bytes, bytes] = {}
        self._alerts: dict[bytes, dict[bytes, None]] = {}

    def join(self, head: Delivery) -> bytes:
        """The group that an alert waits in."""
        key = self._key_of(head)
        if self._keys.get(head.alert_id) != key:
            self.leave(head.alert_id)
            self._keys[head.alert_id] = key
            self._alerts.setdefault(key, {})[head.alert_id] = None
        return key

    def _key_of(self, head: Delivery) -> bytes:
        if self.grouping is not None:
            return self._keys.get(head.alert_id) or key_of_group(head)
        if head.state is State.ATTEMPTED and head.notification_id not in (None, head.delivery_id):
            # It went out with others while the channel grouped, and does so again.
            return str(head.notification_id).encode()
        return head.alert_id

    def leave(self, alert_id: bytes) -> None:
        """An alert has nothing more to go out."""
        key = self._keys.pop(alert_id, None)
        if key is not None:
            alerts = self._alerts[key]
            del alerts[alert_id]
            if not alerts:
                del self._alerts[key]

    def alerts(self, key: bytes) -> list[bytes]:
        """Those that wait in a group."""
        return list(self._alerts.get(key, ()))
