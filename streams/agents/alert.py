"""The alert group: enriched-blocks and the configuration → alerts. Its state is a topic."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from prometheus_client import Counter

from headwater.errors import Permanent
from headwater.logging import get_logger
from headwater.metrics import alerts as metrics
from headwater.metrics.last import count
from streams.logic.alerts.alerting import Alerting
from streams.logic.alerts.compiling import Limits, compiler
from streams.logic.alerts.configuration import Change, CompileRule
from streams.logic.alerts.decision import Decision
from streams.logic.alerts.entries import STREAM, Entries
from streams.logic.alerts.messages import STREAM as ALERTS
from streams.logic.alerts.messages import messages_of
from streams.logic.event import ChainEvent, Messages
from streams.runtime.configuration import STREAM as CONFIGURATION
from streams.runtime.configuration import ConfigurationFollower, Latest
from streams.stage import Outcome, StageContext
from topics.chainlog.headers import headers_of

_log = get_logger("streams.alert")


class Follower(Protocol):
    """Tells what the configuration topic says."""

    def catch_up(self) -> Latest:
        """All of it, as it is now. Raises Transient."""

    def arrived(self) -> list[Change]:
        """What came since the last call."""


class AlertStage:
    """A REVERT is folded without its content: what its block made is remembered.

    Changes of the configuration are adopted before the event that follows them, in its transaction.
    """

    def __init__(self, context: StageContext, compiler: CompileRule, follower: Follower) -> None:
        self._frame = context.frame
        self._input = context.reader(context.group.input)
        self._state = context.reader(STREAM)
        self._chain = context.settings.chain.name
        self._compile, self._follower = compiler, follower
        self._bounds = context.settings.alerts
        self._alerting, self._entries = self._new(), Entries()
        self._waiting: list[Change] = []

    def handle(self, event: ChainEvent) -> Outcome:
        """The alerts that an event decides. Raises Permanent before anything of it is remembered."""
        frames = self._frames(event)
        return self._outcome(event, self._alerting.handle(event.envelope, event.values, self._input), frames)

    def placeholder(self, event: ChainEvent, problem: Permanent) -> Outcome:
        """The block is there and nothing is known of it: windows that it is in are incomplete."""
        return self._outcome(event, self._alerting.unknown(event.envelope), self._frames(event))

    def restore(self, table: Mapping[bytes, bytes]) -> int | None:
        """The fold from the state topic; the last sequence it holds. Raises Transient."""
        latest = self._follower.catch_up()
        self._alerting, self._entries = self._new(), Entries()
        self._entries.restore(self._alerting, table, self._state.read, self._refused)
        configuration = self._alerting.configuration
        gone = list(configuration.missing(latest.changes, latest.end))
        if gone:
            _log.warning("taken out of the configuration meanwhile", keys=len(gone), first=gone[0].key)
        decided = self._alerting.fold.configured_to
        self._waiting = [*configuration.offered(latest.changes, latest.end, decided), *gone]
        self._measure()
        return self._alerting.fold.last

    def _new(self) -> Alerting:
        bounds = self._bounds
        return Alerting(
            self._chain,
            self._compile,
            max_groups=bounds.max_groups,
            max_unindexed=bounds.max_unindexed,
        )

    def _frames(self, event: ChainEvent) -> tuple[bytes, bytes]:
        """Those of alerts and state, with the configuration adopted.

        The registry may have to be waited for: it is asked before anything is remembered.
        """
        frames = self._frame(ALERTS), self._frame(STREAM)
        changes = [*self._waiting, *self._follower.arrived()]
        self._waiting = []
        self._alerting.adopt(event.envelope.sequence, changes, self._refused)
        return frames

    def _outcome(self, event: ChainEvent, decision: Decision, frames: tuple[bytes, bytes]) -> Outcome:
        envelope, (alerts, own) = event.envelope, frames
        public = []
        if decision.versions:
            public.append(messages_of(envelope, decision.versions.values(), alerts))
        changes = [
            (key, None if body is None else own + body)
            for key, body in self._entries.changes(self._alerting.fold, decision)
        ]
        self._count(decision)
        headers = headers_of(envelope, STREAM)
        state = Messages(STREAM, [key for key, _ in changes], [value for _, value in changes], headers)
        return Outcome(public=public, state=state)

    def _refused(self, change: Change, problem: Permanent) -> None:
        count(metrics.ALERT_RULES_REFUSED, metrics.ALERT_RULES_REFUSED_LAST, self._chain)
        _log.error("a rule was refused, its earlier text stays", key=change.key, error=str(problem))

    def _count(self, decision: Decision) -> None:
        for version in decision.versions.values():
            labels = self._chain, version.alert.rule_id, version.status.value
            metrics.ALERT_VERSIONS.labels(*labels).inc()
        _add(metrics.ALERT_CONDITION_ERRORS, self._chain, self._alerting.errors.items())
        _add(metrics.ALERT_GROUPS_REFUSED, self._chain, decision.refused.items())
        self._measure()

    def _measure(self) -> None:
        fold, index = self._alerting.fold, self._alerting.configuration.index
        metrics.ALERT_RULES.labels(chain=self._chain).set(len(self._alerting.configuration.rules))
        metrics.ALERT_RULES_UNINDEXED.labels(chain=self._chain).set(index.unindexed)
        metrics.ALERT_BLOCKS.labels(chain=self._chain).set(len(fold.blocks))
        metrics.ALERT_TRACKS.labels(chain=self._chain).set(len(fold.tracks))


def _add(counter: Counter, chain: str, counts: Iterable[tuple[str, int]]) -> None:
    for rule, times in counts:
        counter.labels(chain=chain, rule=rule).inc(times)


def build(context: StageContext) -> AlertStage:
    """The stage of a running worker."""
    follower = ConfigurationFollower(context.settings, context.reader(CONFIGURATION))
    limits = Limits(elements=context.settings.alerts.max_elements)
    return AlertStage(context, compiler(limits), follower)
