"""The sink's loop: consume, hand batches to the lanes, take in what came back, commit."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from itertools import groupby
from queue import Empty, SimpleQueue
from typing import Final, Protocol

from connectors.clickhouse.sink.buffer import PACE_SECONDS
from connectors.clickhouse.sink.consumer import Received
from connectors.clickhouse.sink.coverage.holdback import Held, Holdback
from connectors.clickhouse.sink.lane import Finished
from connectors.clickhouse.sink.messages import TOPIC, Partition, ends, starts
from connectors.clickhouse.sink.progress import Progress
from connectors.clickhouse.sink.stream import Done, Gate, Rows, Teller
from connectors.clickhouse.sink.writer import Stopped
from headwater.health import HEALTH
from headwater.metrics import sink as metrics
from headwater.metrics.consumers import CONSUMER_LAG
from headwater.settings import SinkSettings

# Of values waiting for a lane; Python's objects around them take about as much again.
BUFFER_BYTES: Final = 72 * 1024 * 1024
HELD_BLOCKS: Final = 2_000  # of one coverage partition; more are left on the topic
COMMIT_SECONDS: Final = 0.5
STUCK_SECONDS: Final = 5.0  # full buffers for so long: everything is paused and the group is served
LEDGER_SECONDS: Final = 0.25
WATCH_SECONDS: Final = 1.0


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
    def pause_only(self, wanted: Iterable[Partition]) -> None: ...
    def commit(self, positions: Mapping[Partition, int], *, wait: bool) -> None: ...
    def take_refused(self) -> Set[Partition]: ...
    def ends(self) -> Mapping[Partition, int]: ...
    def close(self) -> None: ...


class Sink:
    """Decides everything, in the thread of `run`; the lanes only write."""

    def __init__(
        self,
        settings: SinkSettings,
        chain: str,
        group: str,
        consumer: Group,
        rows: Sequence[Rows],
        gate: Gate,
        teller: Teller,
        done: SimpleQueue[Finished[Done]],
    ) -> None:
        self._settings = settings
        self._chain = chain
        self._group = group
        self._consumer = consumer
        self._rows = {stream.topic: stream for stream in rows}
        self._gate = gate
        self._streams: dict[str, Rows | Gate] = {**self._rows, gate.topic: gate}
        self._teller = teller
        self._done = done
        self._progress = Progress()
        self._holdback = Holdback()
        self._untold: dict[Partition, int] = {}
        self._full: set[str] = set()
        self._full_since = float("inf")
        self._stuck = False
        self._shown = self._told = self._committed = self._watched = float("-inf")

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set. Raises Fatal."""
        self._consumer.subscribe(list(self._streams), self._assigned, self._revoked)
        idle = False
        while not stop.is_set():
            received = self._receive(idle)
            idle = received is not None and not received.messages
            if received is not None:
                self._take(received)
            self._finish(0.0)
            now = time.monotonic()
            self._dispatch(now, idle)
            self._tell(now)
            self._pause()
            self._commit(now)
            self._watch(now)

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
        HEALTH.report("kafka", True)

    def _revoked(self, partitions: Sequence[Partition], lost: bool) -> None:
        if not lost:
            self._consumer.commit(self._progress.to_commit(partitions), wait=True)
        self._progress.forget(partitions)
        self._holdback.forget(partitions)
        for stream in self._streams.values():
            stream.buffer.drop(partitions)

    def _receive(self, idle: bool) -> Received | None:
        """None when the buffers are full: then nothing is read until a batch is in.

        When that lasts, all is paused and the consumer asked again, or it would lose its place in the group.
        """
        size = sum(stream.buffer.size for stream in self._streams.values())
        if self._held_messages() >= self._settings.buffer_messages or size >= BUFFER_BYTES:
            self._full_since = min(self._full_since, time.monotonic())
            if not self._stuck:
                self._finish(0.02)
                return None
        else:
            self._full_since = float("inf")
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
            upto = ends(messages)
            if self._progress.unknown(upto):
                self._progress.begin(starts(messages))
            self._progress.delivered(upto)
            self._streams[topic].buffer.add(messages, now)
        for partition, position in received.ends.items():
            self._progress.at_end(partition, position)
        self._moved()

    def _dispatch(self, now: float, idle: bool) -> None:
        for stream in self._rows.values():
            if not stream.lane.busy and stream.buffer.due(now, idle=idle):
                stream.start(stream.buffer.take(now))
        if not self._gate.lane.busy:
            # Coverage is read as soon as it comes, so that it waits for its rows and not they for it.
            ready = self._holdback.ready() if now - self._shown >= PACE_SECONDS else []
            if ready:
                self._shown = now
            if ready or len(self._gate.buffer):
                self._gate.start(self._gate.buffer.take(now), ready)

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

    def _account(self, done: Done) -> None:
        if done.read is not None:
            for held in done.read.applied:
                if self._progress.owns(held.partition):
                    self._progress.hold(held.partition, held.offset)
                    self._holdback.add(held)
            for block, sequence in done.read.retracted:
                self._release(self._holdback.retract(block, sequence))
            self._holdback.done(done.read.shown)
            self._release(done.read.shown)
        self._progress.stored(done.stored)
        # What this process holds it knows better: a topic that was lost and made anew begins at 0 again.
        self._holdback.advance(
            {place: upto for place, upto in done.elsewhere.items() if not self._progress.owns(place)}
        )
        self._moved()

    def _release(self, held: Sequence[Held]) -> None:
        for each in held:
            self._progress.release(each.partition, each.offset)

    def _moved(self) -> None:
        changed = self._progress.take_changed()
        if changed:
            self._holdback.advance(changed)
            self._untold |= changed

    def _tell(self, now: float) -> None:
        """Tell other replicas how far this one is, and ask them when a block waits for their partitions."""
        if self._teller.lane.busy or now - self._told < LEDGER_SECONDS:
            return
        ask = any(not self._progress.owns(partition) for partition in self._holdback.wanted())
        if self._untold or ask:
            self._told = now
            self._teller.start(self._untold, ask)
            self._untold = {}

    def _pause(self) -> None:
        """Pause what cannot be written now; the consumer stays in its group meanwhile."""
        paused = {each for each, count in self._holdback.counts().items() if count >= HELD_BLOCKS}
        self._stuck = time.monotonic() - self._full_since >= STUCK_SECONDS
        for topic, stream in self._streams.items():
            # One stream must not take all the room: the others would stand still with it. Pausing throws
            # away what was fetched ahead, so it is not undone at once.
            share = max(
                len(stream.buffer) / self._settings.buffer_messages, stream.buffer.size / BUFFER_BYTES
            )
            if share >= 0.75:
                self._full.add(topic)
            elif share <= 0.25:
                self._full.discard(topic)
            if self._stuck or topic in self._full or stream.retry.failing:
                paused |= {each for each in self._consumer.assigned if each.topic == topic}
        self._consumer.pause_only(paused)

    def _commit(self, now: float) -> None:
        if now - self._committed >= COMMIT_SECONDS:
            self._committed = now
            self._progress.refused(self._consumer.take_refused())
            positions = self._progress.to_commit()
            self._consumer.commit(positions, wait=False)
            self._progress.committed(positions)

    def _watch(self, now: float) -> None:
        if now - self._watched < WATCH_SECONDS:
            return
        self._watched = now
        failing = next((each.retry.failing for each in self._streams.values() if each.retry.failing), "")
        HEALTH.report("clickhouse", not failing, failing)
        metrics.SINK_PAUSED.labels(self._chain).set(1 if failing else 0)
        metrics.SINK_BUFFERED.labels(self._chain).set(self._held_messages())
        metrics.SINK_HELD_BLOCKS.labels(self._chain).set(len(self._holdback))
        for partition, end in self._consumer.ends().items():
            lag = CONSUMER_LAG.labels(self._chain, self._group, partition.topic, str(partition.number))
            lag.set(max(0, end - self._progress.position(partition)))

    def _held_messages(self) -> int:
        return sum(len(stream.buffer) + stream.in_flight for stream in self._streams.values())
