"""Stand-ins for what `headwater deliver` works with: the ledger, the channels, the sender."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from connectors.delivery.channels.channel import Channel, ChannelSettings, Services, Unusable
from connectors.delivery.channels.http import Http
from connectors.delivery.queue.attempt import Outcome
from connectors.delivery.queue.delivery import Delivery
from connectors.delivery.queue.notification import Notification
from connectors.delivery.sender import AttemptResult
from connectors.delivery.topic.channels import Applied
from connectors.delivery.topic.ledger import OnRevoke, Read
from headwater.errors import Fatal


@dataclass
class LedgerLog:
    """The topic: entries by partition, and which ledger owns each."""

    entries: dict[int, list[Delivery]] = field(default_factory=dict)
    owners: dict[int, FakeLedger] = field(default_factory=dict)

    def queue(self, partition: int, *deliveries: Delivery) -> None:
        """As the router does."""
        self.entries.setdefault(partition, []).extend(deliveries)


class FakeLedger:
    """`Ledger` in memory. `take` gives it partitions that another one may believe to have."""

    def __init__(self, log: LedgerLog) -> None:
        self._log = log
        self._positions: dict[int, int] = {}
        self._ready: set[int] = set()
        self._lost: set[int] = set()

    def take(self, *partitions: int) -> None:
        for each in partitions:
            self._log.owners[each] = self
            self._positions[each] = 0

    def lose(self, *partitions: int) -> None:
        for each in partitions:
            del self._positions[each]
            self._ready.discard(each)
            self._lost.add(each)

    def read(self, seconds: float, on_revoke: OnRevoke = lambda partitions: None) -> Read:
        if self._lost:
            on_revoke(self._lost)
        read = Read(lost=self._lost)
        self._lost = set()
        for partition, position in self._positions.items():
            entries = self._log.entries.get(partition, [])
            read.entries += [(partition, each) for each in entries[position:]]
            self._positions[partition] = len(entries)
            self._ready.add(partition)
        return read

    def ready(self) -> set[int]:
        return self._ready

    def write(self, partition: int, entries: Sequence[Delivery]) -> None:
        if self._log.owners.get(partition) is not self:
            raise Fatal("another process took over")
        self._log.queue(partition, *entries)

    def close(self) -> None:
        self._positions.clear()
        self._ready.clear()


class FakeChannels:
    """The channels that a test applies."""

    def __init__(self, *applied: Applied) -> None:
        self.applied: dict[str, Applied] = {each.id: each for each in applied}

    def refresh(self) -> Mapping[str, Applied]:
        return self.applied


class FakeSender:
    """Attempts end when a test says so. No secret is set here; `unusable` says why no channel can be used."""

    def __init__(self) -> None:
        self.begun: list[tuple[object, Notification]] = []
        self.unusable = ""
        self._done: list[AttemptResult] = []

    def make(self, settings: ChannelSettings) -> Channel:
        if self.unusable:
            raise Unusable(self.unusable)
        return settings.make(Services(cast(Http, None), {}))

    def send(self, ticket: object, channel: Channel, notification: Notification) -> None:
        self.begun.append((ticket, notification))

    def end(self, outcome: Outcome) -> Notification:
        """The oldest attempt ends."""
        ticket, notification = self.begun.pop(0)
        self._done.append(AttemptResult(ticket, notification, outcome))
        return notification

    def cancel(self, tickets: Collection[object]) -> None:
        self.begun = [each for each in self.begun if each[0] not in tickets]

    def done(self) -> list[AttemptResult]:
        done, self._done = self._done, []
        return done

    def close(self) -> None:
        self.begun.clear()
