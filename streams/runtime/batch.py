"""Handles one batch of messages: judged, decided by the stage, written. Blocking: for a thread of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from headwater import clock
from headwater.bad_ratio import BadRatioLimit
from headwater.digits import decimal
from headwater.errors import Permanent, Transient
from headwater.health import HEALTH
from headwater.logging import about, get_logger
from headwater.metrics import stages as metrics
from headwater.metrics.consumers import DEAD_LETTERS, DEAD_LETTERS_LAST
from headwater.metrics.last import count
from headwater.retry import Backoff, Retry, Stopped
from headwater.settings import Settings
from streams.logic.event import ChainEvent, Messages
from streams.runtime.assembler import EventAssembler, Incoming, Start
from streams.runtime.dead_letter import dead_letters
from streams.runtime.rejected_blocks import RejectedBlocks
from streams.runtime.sizes import refuse_too_large
from streams.runtime.takeovers import Takeovers
from streams.runtime.transactions import transactions
from streams.stage import Outcome, Stage
from topics.chainlog.claims import Verdict
from topics.chainlog.envelope import Envelope, read_envelope
from topics.chainlog.headers import CHAIN_ID, SEQUENCE, SOURCE_POSITION
from topics.chainlog.kinds import EventKind
from topics.groups import Group

_log = get_logger("streams.stage")
_LONGEST_PAUSE_SECONDS = 10.0
_WINDOW_EVENTS = 200
_OF_LATE_MS = 600_000

Write = Callable[[Sequence[Outcome]], None]


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What a batch came to: `gap` is the index of the first message that found one before it."""

    events: tuple[ChainEvent, ...]
    table: tuple[tuple[bytes, bytes | None], ...]
    gap: int | None


class BatchHandler:
    """The events and the stage of one assignment. `handle` returns when all but the table is acknowledged.

    `reached` is called with how far everything is written, after each write.
    """

    def __init__(
        self,
        settings: Settings,
        group: Group,
        stage: Stage,
        write: Write,
        stop: threading.Event,
        start: Start,
        reached: Callable[[Start], None],
    ) -> None:
        self._settings = settings
        self._group = group
        self._stage = stage
        self._write = write
        self._reached = reached
        self._stop = stop
        self._retry = Retry(
            backoff=Backoff(ceiling=_LONGEST_PAUSE_SECONDS),
            stop=stop,
            on_failure=self._waits,
            on_recovery=lambda: HEALTH.report("events", True),
        )
        self._rejected_blocks = RejectedBlocks(group.name, settings.stages.refuse_blocks)
        self._labels = {"chain": settings.chain.name, "stage": group.name}
        self._count = 0  # of this batch: events and what is none, and how many of them are bad
        self._limit = BadRatioLimit(
            f"events of {group.input}",
            settings.stages.max_bad_ratio,
            setting="stages.max_bad_ratio",
            window=_WINDOW_EVENTS,
        )
        self._bad = 0
        self._takeovers = Takeovers()
        if group.fenced:
            metrics.TAKEN_BACK.labels(settings.chain.name)
        self.assembler = EventAssembler(start, fenced=group.fenced)

    @property
    def recent(self) -> tuple[int, int]:
        """Events of late, and how many of them went to the dead letters."""
        return self._limit.recent

    def goes_on_from(self, recent: tuple[int, int]) -> None:
        """Events of the process before count, too: one that is started again and again sets no more aside."""
        self._limit.go_on_from(*recent)

    def handle(self, messages: Sequence[Incoming]) -> BatchResult:
        """Judge, decide and write, up to the first gap. Raises Stopped, Fatal, or what the stage raises."""
        events: list[ChainEvent] = []
        outcomes: list[Outcome] = []
        gap = None
        self._count = self._bad = 0
        began = time.perf_counter()
        for index, message in enumerate(messages):
            envelope, problem = self._read(message)
            if envelope is None:
                self._count += 1
                with about(partial(message.log_fields, self._group.name)):
                    outcomes.append(
                        Outcome(internal=self._dead((message,), problem or Permanent("no event")))
                    )
                continue
            verdict, event = self.assembler.judge(envelope, message)
            if verdict is Verdict.GAP:
                gap = index
                break
            if envelope.event is EventKind.CLAIM and self._group.fenced:
                self._count_takeover(envelope, message)
            if verdict is Verdict.REPEAT:
                metrics.STAGE_REPEATS.labels(**self._labels).inc()
            elif verdict is Verdict.STALE:
                metrics.STALE_CLAIMS.labels(**self._labels).inc()
            elif event is not None:
                self._count += 1
                events.append(event)
                with about(partial(message.log_fields, self._group.name)):
                    outcomes.append(self._marked(self._decide(event, message, problem), message))
        if outcomes:
            with about(partial(messages[0].log_fields, self._group.name, len(messages))):
                for place, together in enumerate(transactions(outcomes)):
                    if place and self._stop.is_set():
                        raise Stopped("stopped between two transactions of one event")
                    self._write(together)
            self._limit.done(self._count, self._bad)
            metrics.STAGE_BATCH_EVENTS.labels(**self._labels).observe(self._count)
            metrics.STAGE_SECONDS.labels(**self._labels).observe(time.perf_counter() - began)
            self._reached(self.assembler.reached)
        table = tuple(change for outcome in outcomes for change in outcome.table)
        return BatchResult(tuple(events), table, gap)

    def closes_gap(self, message: Incoming) -> bool:
        """True when this message, which found a gap, would find none now."""
        envelope, _ = self._read(message)
        return envelope is None or self.assembler.peek(envelope, message) is not Verdict.GAP

    def count(self, events: Sequence[ChainEvent]) -> None:
        """Say in the metrics that these events are finished, table included."""
        now = clock.now_ms()
        for event in events:
            envelope = event.envelope
            metrics.STAGE_EVENTS.labels(**self._labels, event=envelope.event.name).inc()
            if envelope.event.carries_block:
                latency = (now - envelope.observed_at) / 1000
                metrics.STAGE_LATENCY.labels(**self._labels).observe(max(0.0, latency))
                if envelope.block_timestamp is not None:
                    age = (now - envelope.block_timestamp) / 1000
                    metrics.STAGE_BLOCK_AGE.labels(**self._labels).observe(max(0.0, age))
            if envelope.event.moves_branch:  # a repair may be of a block far below
                metrics.STAGE_BLOCK.labels(**self._labels).set(envelope.block_number or 0)
        if events:
            metrics.STAGE_SEQUENCE.labels(**self._labels).set(events[-1].envelope.sequence)

    def _count_takeover(self, claim: Envelope, message: Incoming) -> None:
        again = self._takeovers.claimed(claim.source or "", message.offset)
        # Who fought when the log was written is nobody's to mend when it is read anew.
        if again and clock.now_ms() - claim.observed_at < _OF_LATE_MS:
            metrics.TAKEN_BACK.labels(self._settings.chain.name).inc()
            with about(partial(message.log_fields, self._group.name)):
                _log.warning("a listener that had lost the chain has it again", listener=claim.source)

    def _read(self, message: Incoming) -> tuple[Envelope | None, Permanent | None]:
        """The message's envelope and what is wrong with the message.

        What cannot be read but is, by its header, the next event becomes one of kind UNKNOWN, so that it
        leaves no hole; where parts of that event are here already it stands for all that are not. There is
        no envelope for what is not an event of the chain at all.
        """
        try:
            if message.value is None:
                raise Permanent(f"{message.topic}[{message.partition}]@{message.offset} has no value")
            envelope = read_envelope(message.value, self._group.input)
        except Permanent as error:
            headers = dict(message.headers)
            sequence, chain_id = (decimal(headers.get(name)) for name in (SEQUENCE, CHAIN_ID))
            last = self.assembler.last
            if sequence is None or chain_id is None or last is None or sequence != last + 1:
                return None, error
            return _unreadable(chain_id, sequence, self.assembler.claim, self.assembler.parts_held), error
        if envelope.event is EventKind.UNKNOWN and self._group.fenced:
            return envelope, Permanent(
                f"{message.topic}[{message.partition}]@{message.offset}: an event of a kind that only a "
                "later version knows",
                remedy="run one version of listeners and workers, then `headwater replay` its block",
            )
        return envelope, None

    def _decide(self, event: ChainEvent, message: Incoming, problem: Permanent | None) -> Outcome:
        try:
            if problem is not None:
                raise problem
            self._rejected_blocks.check(event.envelope)
            outcome = self._retry(partial(self._stage.handle, event))
            refuse_too_large(outcome)
        except Permanent as error:
            originals = tuple(
                replace(message, offset=offset, value=value)
                for offset, value in zip(event.offsets, event.values, strict=True)
            )
            outcome = self._retry(partial(self._stage.placeholder, event, error))
            return replace(outcome, internal=(*self._dead(originals, error), *outcome.internal))
        return outcome

    def _waits(self, error: Transient, seconds: float) -> None:
        _log.warning("retrying", seconds=round(seconds, 2), error=str(error))
        HEALTH.report("events", False, str(error))

    def _dead(self, originals: tuple[Incoming, ...], error: Permanent) -> tuple[Messages, ...]:
        """The dead letters of one event. Raises Fatal when there are too many, before any is written."""
        self._bad += 1
        self._limit.check(self._count, self._bad, error)
        _log.error("sent to the dead letters", offset=originals[0].offset, error=str(error))
        count(DEAD_LETTERS, DEAD_LETTERS_LAST, *self._labels.values(), type(error).__name__)
        return dead_letters(originals, self._group.name, error)

    def _marked(self, outcome: Outcome, message: Incoming) -> Outcome:
        """The outcome with the position behind its event on what the next start reads it off from."""
        header = (SOURCE_POSITION, str(message.offset + 1).encode())
        return replace(
            outcome,
            internal=tuple(
                replace(each, headers=(*each.headers, header)) if each.stream == self._group.output else each
                for each in outcome.internal
            ),
        )


def _unreadable(chain_id: int, sequence: int, claim: int, part: int) -> Envelope:
    return Envelope(
        event=EventKind.UNKNOWN,
        chain_id=chain_id,
        sequence=sequence,
        claim=claim,
        block_number=None,
        block_hash=None,
        parent_hash=None,
        block_timestamp=None,
        observed_at=clock.now_ms(),
        source=None,
        verified=(),
        fresh=False,
        part=part,
        parts=part + 1,
    )
