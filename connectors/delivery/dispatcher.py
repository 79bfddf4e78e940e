"""From the ledger to the channels: reads what its partitions hold, writes what it decides, then sends it."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

from connectors.delivery.channels.channel import Channel, Unusable
from connectors.delivery.queue.attempt import Answer
from connectors.delivery.queue.channel import ChannelQueue
from connectors.delivery.queue.circuit import CircuitState
from connectors.delivery.queue.delivery import Delivery, State
from connectors.delivery.queue.notification import Notification
from connectors.delivery.queue.policy import Policy
from connectors.delivery.sender import AttemptResult, Sender
from connectors.delivery.topic.channels import Applied
from connectors.delivery.topic.ledger import Ledger
from connectors.delivery.topic.log_fields import ALERTS, notification_fields
from headwater import clock
from headwater.health import HEALTH
from headwater.logging import about, get_logger
from headwater.metrics import delivery as metrics
from headwater.metrics.last import count
from headwater.settings import Settings
from topics.catalog import topic_name

_REFRESH_MS: Final = 1_000
_PATIENCE_SECONDS: Final = 60.0
"""How long a delivery waits before health says so."""
_log = get_logger("connectors.delivery")


class Channels(Protocol):
    """The channels that were applied."""

    def refresh(self) -> Mapping[str, Applied]:
        """All of them as they are now. Raises Transient or Fatal."""


@dataclass(slots=True, eq=False)
class _Owned:
    """A channel in our hands. `applied` None: it was not looked up yet, or was removed."""

    partition: int
    queue: ChannelQueue
    applied: Applied | None = None
    channel: Channel | None = None
    problem: str = ""


class Dispatcher:
    """Of one thread: `turn` again and again, then `drain`."""

    def __init__(
        self,
        settings: Settings,
        ledger: Ledger,
        channels: Channels,
        sender: Sender,
        now: Callable[[], int] = clock.now_ms,
        chance: random.Random | None = None,
    ) -> None:
        self._settings = settings
        self._chain = settings.chain.name
        self._alerts = topic_name(settings, ALERTS)
        self._ledger = ledger
        self._channels = channels
        self._sender = sender
        self._now = now
        self._chance = chance
        self._owned: dict[str, _Owned] = {}
        self._refreshed: int | None = None
        self._shown: set[str] = set()

    def turn(self, seconds: float) -> None:
        """Read for up to `seconds`, then decide, write and send. Raises Transient, Fatal or Stopped."""
        self._read(seconds)
        self._look_at_channels()
        writes = self._finished()
        begun: list[tuple[_Owned, Channel, Notification]] = []
        for owned in self._owned.values():
            if owned.partition not in self._ledger.ready():
                continue
            entries = writes.setdefault(owned.partition, [])
            if owned.applied is None:
                entries += owned.queue.give_up("the channel was removed", self._now())
            elif owned.channel is not None:
                step = owned.queue.step(self._now())
                entries += step.write
                begun += [(owned, owned.channel, each) for each in step.begin]
        self._write(writes)
        for owned, channel, notification in begun:
            # The attempt's own lines carry it too: its task begins with this thread's context.
            with about(partial(notification_fields, self._alerts, notification)):
                self._sender.send(owned, channel, notification)
        self._report()

    def drain(self, seconds: float) -> None:
        """Begin nothing more, and write what becomes of what is under way, for up to `seconds`."""
        end = self._now() + int(1_000 * seconds)
        while any(owned.queue.flying for owned in self._owned.values()) and self._now() < end:
            self._read(0.05)
            self._write(self._finished())

    def _read(self, seconds: float) -> None:
        read = self._ledger.read(seconds, self._break_off)
        if read.lost:
            for channel, owned in list(self._owned.items()):
                if owned.partition in read.lost:
                    del self._owned[channel]
                    self._forget(channel)
        for partition, delivery in read.entries:
            if delivery.channel not in self._owned:
                queue = ChannelQueue(Policy(), self._chance)
                self._owned[delivery.channel] = _Owned(partition, queue)
                for each in State:
                    if each not in (State.PENDING, State.ATTEMPTED):
                        metrics.DELIVERIES.labels(self._chain, delivery.channel, each.value.lower())
                self._refreshed = None
            self._owned[delivery.channel].queue.take(delivery)

    def _break_off(self, partitions: Set[int]) -> None:
        """Before somebody else has these partitions, who makes the attempts again that are under way."""
        self._sender.cancel({owned for owned in self._owned.values() if owned.partition in partitions})

    def _look_at_channels(self) -> None:
        now = self._now()
        if self._refreshed is not None and 0 <= now - self._refreshed < _REFRESH_MS:
            return
        applied = self._channels.refresh()
        self._refreshed = now
        for name, owned in self._owned.items():
            if owned.applied is not applied.get(name):
                self._use(owned, applied.get(name))

    def _use(self, owned: _Owned, applied: Applied | None) -> None:
        owned.applied, owned.channel, owned.problem = applied, None, ""
        if applied is None:
            return
        if applied.settings is None:
            owned.problem = applied.problem
            return
        owned.queue.use(applied.settings.policy(self._settings.delivery))
        try:
            owned.channel = self._sender.make(applied.settings)
        except Unusable as error:
            owned.problem = str(error)
            _log.warning("a channel cannot be used: its queue waits", channel=applied.id, error=str(error))

    def _finished(self) -> dict[int, list[Delivery]]:
        writes: dict[int, list[Delivery]] = {}
        for result in self._sender.done():
            owned = result.ticket
            # One that was lost meanwhile is not ours to write any more.
            if isinstance(owned, _Owned) and self._owned.get(result.notification.channel) is owned:
                entries = owned.queue.finish(result.notification, result.outcome, self._now())
                writes.setdefault(owned.partition, []).extend(entries)
                self._report_attempt(result, entries)
        return writes

    def _write(self, writes: Mapping[int, list[Delivery]]) -> None:
        for partition, entries in writes.items():
            if entries:
                self._ledger.write(partition, entries)
                for each in entries:
                    if not each.is_open:
                        self._count(each)

    def _count(self, closed: Delivery) -> None:
        labels = self._chain, closed.channel, closed.state.value.lower()
        if closed.state is State.DEAD:
            count(metrics.DELIVERIES, metrics.DELIVERIES_DEAD_LAST, *labels)
        else:
            metrics.DELIVERIES.labels(*labels).inc()

    def _report_attempt(self, result: AttemptResult, entries: Sequence[Delivery]) -> None:
        answer, channel = result.outcome.answer, result.notification.channel
        metrics.DELIVERY_ATTEMPTS.labels(self._chain, channel, answer.value).inc()
        for each in entries if answer is Answer.TAKEN else ():
            seconds = max(0, each.updated_at - each.published_at) / 1_000
            metrics.DELIVERY_SECONDS.labels(self._chain, channel).observe(seconds)
        if answer is Answer.TAKEN:
            return
        first = entries[0]
        with about(partial(notification_fields, self._alerts, result.notification)):
            _log.warning(
                "given up" if first.state is State.DEAD else "not delivered",
                attempts=first.attempts,
                error=result.outcome.problem,
            )

    def _report(self) -> None:
        now, troubles = self._now(), []
        for name, owned in self._owned.items():
            if owned.applied is None and not owned.queue.open:
                self._forget(name)  # it was removed, and nothing waits for it any more
                continue
            self._shown.add(name)
            state = owned.queue.circuit.state(now)
            waits = owned.queue.waits(now)
            metrics.DELIVERY_OLDEST.labels(self._chain, name).set(waits)
            metrics.DELIVERY_WAITING.labels(self._chain, name).set(owned.queue.open)
            for each in CircuitState:
                metrics.DELIVERY_CIRCUIT.labels(self._chain, name, each.value).set(each is state)
            if owned.problem:
                troubles.append(f"{name}: {owned.problem}")
            elif state is not CircuitState.CLOSED and owned.queue.open:
                troubles.append(f"{name}: its receiver fails, {owned.queue.open} deliveries wait")
            elif waits > _PATIENCE_SECONDS:
                troubles.append(
                    f"{name}: {owned.queue.open} deliveries wait, the first for {waits:.0f} s: its receiver "
                    "throttles or does not take it, or its rate is low"
                )
        # A failing receiver is not a reason to take this process away: the others are served.
        HEALTH.report("channels", True, "; ".join(troubles))

    def _forget(self, name: str) -> None:
        if name not in self._shown:
            return
        self._shown.remove(name)
        metrics.DELIVERY_OLDEST.remove(self._chain, name)
        metrics.DELIVERY_WAITING.remove(self._chain, name)
        for each in CircuitState:
            metrics.DELIVERY_CIRCUIT.remove(self._chain, name, each.value)
