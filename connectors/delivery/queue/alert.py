"""The versions of one alert on one channel: what is closed without a word, and what is next.

The receiver must never see versions in another order than theirs, nor a retraction of something that it was
never told, nor nothing after something that it was told and that does not hold any more.
"""

from __future__ import annotations

from dataclasses import replace
from math import inf

from connectors.delivery.queue.delivery import Delivery, State


class AlertVersions:
    """Every known version, open or closed. One alert has a handful of them."""

    def __init__(self) -> None:
        self._all: dict[int, Delivery] = {}

    def take(self, delivery: Delivery) -> bool:
        """Fold an entry of the ledger in.

        True when it was queued, or asked for again, twice: then what is known has to be said again behind it,
        for compaction would leave the second PENDING and nothing else.
        """
        known = self._all.get(delivery.version)
        if known is None:
            self._keep(delivery)
        elif delivery.rank > known.rank:
            # Asked for again from outside, while this process may have written on.
            self._keep(
                replace(
                    delivery,
                    revision=max(delivery.revision, known.revision),
                    first_attempt_at=delivery.first_attempt_at or known.first_attempt_at,
                    delivered_at=delivery.delivered_at or known.delivered_at,
                )
            )
        return known is not None and delivery.state is State.PENDING and delivery.rank < known.rank

    def again(self, version: int, payload: str) -> Delivery:
        """What is known of a version, to be said again."""
        known = self._all[version]
        again = replace(known, revision=known.revision + 1, payload=payload)
        self._keep(again)
        return again

    def known(self, version: int) -> Delivery:
        """The entry of a version that was taken or put."""
        return self._all[version]

    def put(self, delivery: Delivery) -> None:
        """What was decided here, as it is being written."""
        self._keep(delivery)

    def head(self) -> Delivery | None:
        """The version that is next, or being delivered."""
        waiting = [each for each in self._all.values() if each.is_open]
        return min(waiting, key=lambda each: each.version, default=None)

    def close(self, now: int, max_age_ms: int | None) -> list[Delivery]:
        """Close what must not go out any more; nothing of the alert is being delivered."""
        return [*self._outrun(now), *self._superseded(now), *self._expired(now, max_age_ms)]

    def _outrun(self, now: int) -> list[Delivery]:
        """Versions below one that the receiver has, or may have; not those that it has had."""
        # One that is asked for again and never arrived is sent anew behind those before it.
        sent = [
            each.version
            for each in self._all.values()
            if each.sent and (each.arrived or each.state is not State.PENDING)
        ]
        last = max(sent, default=-1)
        late = [
            each for each in self._all.values() if each.is_open and each.version < last and not each.arrived
        ]
        reason = f"version {last} was sent before it"
        return [self._closed(each, State.SUPERSEDED, reason, now) for each in late]

    def _superseded(self, now: int) -> list[Delivery]:
        """A retraction of what was never sent, and what it retracts."""
        unsent = [each for each in self._all.values() if not each.sent]
        # Closed ones too: nothing would follow what is asked for again and does not hold any more.
        void = (each.version for each in unsent if each.retracts and not self._stands_below(each.version))
        end = max(void, default=-1)
        reason = f"retracted by version {end} before any attempt"
        return [
            self._closed(each, State.SUPERSEDED, reason, now)
            for each in unsent
            if each.is_open and each.version <= end
        ]

    def _expired(self, now: int, max_age_ms: int | None) -> list[Delivery]:
        if max_age_ms is None:
            return []
        old = [
            each
            for each in self._unsent_unless_standing()
            if each.is_open
            and each.replays == 0
            and now - (each.block_timestamp or each.published_at) > max_age_ms
        ]
        reason = f"older than the channel's max_age of {max_age_ms // 1000} s"
        return [self._closed(each, State.EXPIRED, reason, now) for each in old]

    def _unsent_unless_standing(self) -> list[Delivery]:
        """Never sent, open or closed; none while the receiver has, or may have, one that stands."""
        if self._stands_below(inf):
            return []
        return [each for each in self._all.values() if not each.sent]

    def _stands_below(self, version: float) -> bool:
        """The receiver has, or may have, a version below this one that stands."""
        sent = [each for each in self._all.values() if each.sent and each.version < version]
        last = max(sent, key=lambda each: each.version, default=None)
        return last is not None and not last.retracts

    def _closed(self, delivery: Delivery, state: State, problem: str, now: int) -> Delivery:
        closed = replace(
            delivery,
            state=state,
            problem=problem,
            not_before=None,
            updated_at=now,
            revision=delivery.revision + 1,
        )
        self._keep(closed)
        return closed

    def _keep(self, delivery: Delivery) -> None:
        # What is closed is remembered for its version's sake; its text only takes memory.
        self._all[delivery.version] = delivery if delivery.is_open else replace(delivery, payload="")
