"""What rules say of a range of blocks: the very code of the alert stage over what ClickHouse or Kafka has."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from headwater.cli.history import CHUNK, HistoryBlock
from headwater.errors import Permanent
from schemas.reader import StreamReader
from streams.logic.alerts.alert import Alert
from streams.logic.alerts.alerting import Alerting
from streams.logic.alerts.decision import BlockRef, Status
from streams.logic.event import ChainEvent
from topics.chainlog.kinds import EventKind


@dataclass(frozen=True, slots=True)
class JudgedAlert:
    """An alert, the block that made it, and what was said of it last; None: nothing, or nobody can know."""

    alert: Alert
    block: BlockRef
    status: Status | None = None
    reason: str | None = None


@dataclass(slots=True)
class Judged:
    """`alerts` by id; `errors`: records for which a condition has no value; `unknown`: events that nobody
    can read."""

    alerts: dict[bytes, JudgedAlert] = field(default_factory=dict)
    blocks: int = 0
    errors: int = 0
    unknown: int = 0

    @property
    def retracted(self) -> int:
        """Alerts that were taken back and did not come again."""
        return self._of(Status.RETRACTED)

    @property
    def waiting(self) -> int:
        """Alerts of which nothing was said."""
        return self._of(None)

    def _of(self, status: Status | None) -> int:
        return sum(each.status is status for each in self.alerts.values())


def of_rows(alerting: Alerting, history: Iterable[HistoryBlock], last: int) -> Judged:
    """Of canonical blocks, in order: each alert that they make, whatever the rule's finality waits for."""
    judged = Judged()
    for block in history:
        envelope = block.envelope
        # Two numbers per block: finality, which bounds what is remembered, has one of its own.
        own = replace(envelope, sequence=envelope.sequence * 2)
        alerting.adopt(own.sequence, ())
        alerting.handle(own, (b"",), block)
        ref = BlockRef(own.block_number, own.block_hash, own.block_timestamp)
        remembered = alerting.fold.blocks[own.block_hash or b""]
        judged.alerts |= {each: JudgedAlert(one.alert, ref) for each, one in remembered.made.items()}
        judged.blocks, judged.errors = judged.blocks + 1, judged.errors + alerting.errors.total()
        final = replace(own, event=EventKind.FINALIZED, sequence=own.sequence + 1)
        if judged.blocks % CHUNK == 0 or own.block_number == last:
            decision = alerting.handle(final, (), block)
            for each, version in decision.versions.items():
                judged.alerts.setdefault(each, JudgedAlert(version.alert, version.block))
    return judged


def of_log(
    alerting: Alerting, events: Iterable[ChainEvent], reader: StreamReader, first: int, last: int
) -> Judged:
    """Of the log: what the stage would have published of these blocks, taken back and said again included.

    Without a status are alerts that wait for the finality that their rule asks for.
    """
    judged = Judged()
    for event in events:
        envelope = event.envelope
        mine = first <= (envelope.block_number or 0) <= last
        alerting.adopt(envelope.sequence, ())
        try:
            decision = alerting.handle(envelope, event.values, reader)
        except Permanent:
            decision = alerting.unknown(envelope)
            judged.unknown += mine
        judged.blocks += mine and envelope.event is EventKind.APPLY
        judged.errors += alerting.errors.total() if mine else 0
        for each, version in decision.versions.items():
            if first <= (version.block.number or 0) <= last:
                judged.alerts[each] = JudgedAlert(
                    version.alert, version.block, version.status, version.reason
                )
    for block in alerting.fold.blocks.values():
        for own, made in block.made.items() if first <= block.number <= last else ():
            if not made.published:
                judged.alerts.setdefault(own, JudgedAlert(made.alert, block.ref))
    return judged
