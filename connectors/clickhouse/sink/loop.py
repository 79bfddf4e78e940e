"""The sink's loop: consume, hand batches to the lanes, take in what came back, commit."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from itertools import groupby
from queue import Empty, SimpleQueue
from typing import Final, Protocol

from connectors.clickhouse.sink.backpressure import Backpressure, Load
from connectors.clickhouse.sink.buffer import PACE_SECONDS
from connectors.clickhouse.sink.consumer import Received
from connectors.clickhouse.sink.coverage.holdback import Held, Holdback
from connectors.clickhouse.sink.lane import Finished
from connectors.clickhouse.sink.messages import TOPIC, Partition, next_offsets
from connectors.clickhouse.sink.progress import OffsetTracker
from connectors.clickhouse.sink.report import Report
from connectors.clickhouse.sink.stream import (
    CoverageStream,
    EndOffsetsLane,
    JobResult,
    PlacementLane,
    ProgressPublisher,
    RowStream,
)
from headwater.health import HEALTH
from headwater.heartbeat import beat
from headwater.retry import Stopped
from headwater.settings import SinkSettings
from headwater.watchdog import Watchdog

# Of values waiting for a lane; Python's objects around them take about as much again.
BUFFER_BYTES: Final = 72 * 1024 * 1024
HELD_BLOCKS: Final = 2_000  # of one coverage partition; more are left on the topic
COMMIT_SECONDS: Final = 0.5


class Group(Protocol):
    """The sink's place in its consumer group: `GroupConsumer`."""

    @property
    def assigned(self) -> Set[Partition]: ...
    def subscribe(
        self,
        topics: Sequence[str],
        on_assign: Callable[[Sequence[Partition]], None],
        on_revoke: Callable[[Sequence[Partition], bool], None],
    ) -> None: ...
    def receive(self, seconds: float) -> Received: ...
    def read_from(self, positions: Mapping[Partition, int]) -> None: ...
    def pause_only(self, wanted: Iterable[Partition]) -> None: ...
    def commit(self, positions: Mapping[Partition, int], *, wait: bool) -> None: ...
    def take_failed_commits(self) -> Set[Partition]: ...
    def end_offsets(self) -> Mapping[Partition, int]: ...
    def close(self) -> None: ...


class Sink:
    """Decides everything, in the thread of `run`; the lanes only write."""

    def __init__(
        self,
        settings: SinkSettings,
        chain: str,
        group: str,
        consumer: Group,
        rows: Sequence[RowStream],
        coverage: CoverageStream,
        publisher: ProgressPublisher,
        placement: PlacementLane,
        end_offsets: EndOffsetsLane,
        done: SimpleQueue[Finished[JobResult]],
    ) -> None:
        self._consumer = consumer
        self._rows = {stream.topic: stream for stream in rows}
        self._coverage = coverage
        self._streams: dict[str, RowStream | CoverageStream] = {**self._rows, coverage.topic: coverage}
        self._publisher = publisher
        self._placement = placement
        self._end_offsets = end_offsets
        self._watchdog: Watchdog[Partition] = Watchdog(settings.stall_seconds)
        self._done = done
        self._progress = OffsetTracker()
        self._holdback = Holdback()
        self._backpressure = Backpressure(settings.buffer_messages, BUFFER_BYTES)
        self._report = Report(chain, group)
        self._shown = self._committed = float("-inf")
        self._full = False

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set. Raises Fatal."""
        self._consumer.subscribe(list(self._streams), self._assigned, self._revoked)
        idle = False
        while not stop.is_set():
            beat()
            received = self._receive(idle)
            idle = received is not None and not received.messages
            if received is not None:
                self._take(received)
            self._finish(0.0)
            now = time.monotonic()
            self._dispatch(now, idle)
            waits_for_others = any(not self._progress.owns(each) for each in self._holdback.wanted())
            self._publisher.publish(now, ask=waits_for_others)
            self._pause(now)
            self._commit(now)
            self._write_report(now)

    def drain(self, seconds: float) -> None:
        """Wait for what is in flight, no longer than `seconds`; the rest is read again by somebody."""
        deadline = time.monotonic() + seconds
        while any(stream.lane.busy for stream in self._streams.values()) and time.monotonic() < deadline:
            self._finish(0.05)

    def leave(self) -> None:
        """Commit what is stored and leave the group."""
        self._consumer.commit(self._progress.to_commit(), wait=True)
        self._consumer.close()

    def _assigned(self, partitions: Sequence[Partition]) -> None:
        self._progress.assign(partitions)
        self._report.rebalanced()
        HEALTH.report("kafka", True)

    def _revoked(self, partitions: Sequence[Partition], lost: bool) -> None:
        if not lost:
            self._consumer.commit(self._progress.to_commit(partitions), wait=True)
        self._forget(partitions)

    def _forget(self, partitions: Iterable[Partition]) -> None:
        self._progress.forget(partitions)
        self._holdback.forget(partitions)
        for stream in self._streams.values():
            stream.buffer.drop(partitions)

    def _receive(self, idle: bool) -> Received | None:
        """None when the buffers are full: then nothing is read until a batch is in."""
        now = time.monotonic()
        size = sum(stream.buffer.size for stream in self._streams.values())
        self._full = full = self._backpressure.is_full(self._held_messages(), size, now)
        if full and not self._backpressure.is_stuck(now):
            self._finish(0.02)
            return None
        # Lanes cannot wake the consumer, so while they work it waits in small steps.
        working = any(stream.lane.busy and not stream.retry.failing for stream in self._streams.values())
        waiting = any(len(stream.buffer) for stream in self._streams.values())
        return self._consumer.receive(
            0.005 if working or (waiting and not idle) else 0.02 if waiting else 0.1
        )

    def _take(self, received: Received) -> None:
        now = time.monotonic()
        for topic, run in groupby(received.messages, TOPIC):
            messages = list(run)
            self._progress.delivered(next_offsets(messages))
            self._streams[topic].buffer.add(messages, now)
            self._report.received(messages)
        for partition, position in received.end_offsets.items():
            self._progress.at_end(partition, position)
        if received.unreadable:
            # As if they came anew: what is missing has to be known before anything above it counts.
            self._forget(received.unreadable)
            self._progress.assign(received.unreadable & self._consumer.assigned)
        self._moved()

    def _dispatch(self, now: float, idle: bool) -> None:
        if not self._placement.lane.busy and (unplaced := self._progress.unplaced()):
            self._placement.start(unplaced, self._progress.assignments)
        for stream in self._rows.values():
            if not stream.lane.busy and stream.buffer.due(now, idle=idle):
                stream.start(stream.buffer.take(now), self._progress.assignments)
        if not self._coverage.lane.busy:
            # Coverage is read as soon as it comes, so that it waits for its rows and not they for it.
            ready = self._holdback.ready() if now - self._shown >= PACE_SECONDS else []
            if ready:
                self._shown = now
            if ready or len(self._coverage.buffer):
                self._coverage.start(self._coverage.buffer.take(now), self._progress.assignments, ready)

    def _finish(self, seconds: float) -> None:
        """Take in what lanes have finished, waiting up to `seconds` for the first of them."""
        while True:
            try:
                finished = self._done.get(timeout=seconds) if seconds else self._done.get_nowait()
            except Empty:
                return
            seconds = 0.0
            finished.lane.busy = False
            if finished.error is not None and not isinstance(finished.error, Stopped):
                raise finished.error
            if finished.result is not None:
                self._account(finished.result)

    def _account(self, done: JobResult) -> None:
        start_offsets = {
            partition: offset
            for partition, offset in done.start_offsets.items()
            if self._progress.is_current(partition, done.assignments)
        }
        self._progress.begin(start_offsets)
        self._consumer.read_from(start_offsets)
        self._watchdog.update_end_offsets(done.end_offsets)
        if done.read is not None:
            for held in done.read.applied:
                if self._progress.is_current(held.partition, done.assignments):
                    self._progress.hold(held.partition, held.offset)
                    self._holdback.add(held)
            for block, sequence in done.read.retracted:
                self._release(self._holdback.retract(block, sequence))
            self._release(self._holdback.done(done.read.shown))
        self._progress.stored(done.stored, done.assignments)
        # What this process holds it knows better: a topic that was lost and made anew begins at 0 again.
        self._holdback.advance(
            {
                partition: upto
                for partition, upto in done.elsewhere.items()
                if not self._progress.owns(partition)
            }
        )
        self._moved()

    def _release(self, held: Sequence[Held]) -> None:
        for each in held:
            self._progress.release(each.partition, each.offset)

    def _moved(self) -> None:
        changed = self._progress.take_changed()
        if changed:
            self._holdback.advance(changed)
            self._publisher.moved(changed)

    def _pause(self, now: float) -> None:
        """Pause what cannot be written now; the consumer stays in its group meanwhile."""
        loads = {
            topic: Load(len(stream.buffer), stream.buffer.size) for topic, stream in self._streams.items()
        }
        failing = [topic for topic, stream in self._streams.items() if stream.retry.failing]
        topics = self._backpressure.paused(loads, failing, now)
        paused = {each for each in self._consumer.assigned if each.topic in topics}
        paused |= {each for each, count in self._holdback.counts().items() if count >= HELD_BLOCKS}
        self._consumer.pause_only(paused)
        self._watch(now, paused)

    def _watch(self, now: float, paused: Set[Partition]) -> None:
        """Raises Fatal when partitions are not read although nothing here keeps them from it."""
        self._end_offsets.ask(now, self._progress.assignments.keys())
        excused = set(paused)
        if self._full or self._end_offsets.silent:
            excused |= self._progress.assignments.keys()
        if self._placement.retry.failing:
            excused.update(self._progress.unplaced())
        self._watchdog.look(now, self._progress.read(), excused)
        if stalled := self._watchdog.stalled(now):
            raise self._report.stalled(stalled, self._watchdog.seconds)

    def _commit(self, now: float) -> None:
        if now - self._committed >= COMMIT_SECONDS:
            self._committed = now
            self._progress.commit_failed(self._consumer.take_failed_commits())
            positions = self._progress.to_commit()
            self._consumer.commit(positions, wait=False)
            self._progress.committed(positions)

    def _write_report(self, now: float) -> None:
        if self._report.due(now):
            # Without progress blocks show here, but no other replica shows any, and none is settled.
            retries = (*(stream.retry for stream in self._streams.values()), self._publisher.retry)
            failing = [each.failing for each in retries if each.failing]
            held = self._held_messages(), len(self._holdback)
            waits = self._placement.retry.failing if self._progress.unplaced() else ""
            fetched = self._consumer.end_offsets()
            ends = self._watchdog.further(fetched, self._progress.assignments.keys())
            self._report.write(now, failing, waits, *held, ends, self._progress)

    def _held_messages(self) -> int:
        return sum(len(stream.buffer) + stream.in_flight for stream in self._streams.values())
