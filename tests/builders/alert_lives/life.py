"""An alerting, the state topic that it writes, and its death."""

from __future__ import annotations

import random
from collections.abc import Iterable

from headwater.errors import Permanent
from schemas import codec_for
from streams.logic.alerts.alerting import Alerting
from streams.logic.alerts.configuration import Change
from streams.logic.alerts.decision import Status, Version
from streams.logic.alerts.entries import STREAM, Entries
from tests.builders.alerts import (
    READER,
    Texts,
    Told,
    value,
)

_state = codec_for(STREAM).read


def _refuse(*problem: object) -> None:
    raise AssertionError(problem)


class Life:
    """An alerting with the state topic that it writes; `die` makes it anew from that."""

    def __init__(self, texts: Texts, max_groups: int = 100, max_unindexed: int = 50) -> None:
        self._texts, self._max_groups, self._max_unindexed = texts, max_groups, max_unindexed
        self.written: dict[str, Change] = {}
        self.end = 0
        self._waiting: list[Change] = []
        self.refused: list[str] = []
        self.alerting, self.entries = self._new(), Entries()
        self.topic: dict[bytes, bytes] = {}
        self.published: list[tuple[int, Version]] = []

    def _new(self) -> Alerting:
        return Alerting(
            "ethereum",
            self._texts.compile,
            max_groups=self._max_groups,
            max_unindexed=self._max_unindexed,
        )

    def _write(self, changes: Iterable[Change]) -> Iterable[Change]:
        """To the configuration topic, which is compacted."""
        for each in changes:
            self.end = each.offset + 1
            if each.value is None:
                self.written.pop(each.key, None)
            else:
                self.written[each.key] = each
            yield each

    def _refuse(self, change: Change, problem: Permanent) -> None:
        self.refused.append(change.key)

    def tell(self, told: Iterable[Told]) -> Life:
        for each in told:
            envelope = each.envelope
            if self.alerting.fold.seen(envelope.sequence):
                continue
            changes = [*self._waiting, *self._write(each.changes)]
            self._waiting = []
            self.alerting.adopt(envelope.sequence, changes, self._refuse)
            body = value(envelope, each.body)
            decision = self.alerting.handle(envelope, (body,), READER)
            self.published += [(envelope.sequence, each) for _, each in sorted(decision.versions.items())]
            for key, entry in self.entries.changes(self.alerting.fold, decision):
                if entry is None:
                    self.topic.pop(key, None)
                else:
                    self.topic[key] = entry
        return self

    def die(self) -> None:
        self.alerting, self.entries = self._new(), Entries()
        shuffled = list(self.topic.items())
        random.Random(len(shuffled)).shuffle(shuffled)
        self.entries.restore(self.alerting, dict(shuffled), lambda raw: _state(raw, 0), _refuse)
        configuration = self.alerting.configuration
        gone = configuration.missing(self.written, self.end)
        decided = self.alerting.fold.configured_to
        self._waiting = [*configuration.offered(self.written, self.end, decided), *gone]

    @property
    def latest(self) -> dict[bytes, Version]:
        return {version.alert.id: version for _, version in self.published}

    @property
    def stands(self) -> set[bytes]:
        return {
            own
            for own, version in self.latest.items()
            if version.status in (Status.PROVISIONAL, Status.CONFIRMED)
        }
