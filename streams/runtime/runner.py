"""The agent that every chain-ordered group runs: reads in order, hands to the stage, acknowledges last."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Protocol, TypeVar

from headwater.health import HEALTH
from headwater.heartbeat import Loop
from headwater.logging import about, get_logger
from headwater.metrics import stages as metrics
from streams.runtime.assembler import Incoming
from streams.runtime.assignment import take_over
from streams.runtime.batch import BatchHandler
from streams.runtime.gap import Gap, Rereading, Revoked
from streams.runtime.output import StageOutput
from streams.runtime.standing import Standing
from streams.runtime.table_writes import Changes, Table, TableWrites
from streams.stage import Stage, StageContext

_log = get_logger("streams.runner")
_T = TypeVar("_T")


class Acknowledge(Protocol):
    """Marks a message as done, so that its offset may be committed."""

    def __call__(self) -> object: ...


Delivery = tuple[Incoming, Acknowledge]


class StageRunner:
    """Runs one stage over one input partition, assignment after assignment.

    A generation is Faust's number of an assignment. With each new one the earlier owner is fenced, the
    stage is restored from the table and the last sequence read off what was written, before any event.
    `finished_below` tells Faust that everything before a message is done, given to it or not; `holds`
    whether a generation is still the group's.
    """

    def __init__(
        self,
        context: StageContext,
        stage: Stage,
        table: Table | None,
        stop: threading.Event,
        finished_below: Callable[[Incoming], None],
        holds: Callable[[int], bool],
        standing: Standing,
    ) -> None:
        self._standing = standing
        self._finished_below = finished_below
        self._holds = holds
        self._context = context
        self._settings = context.settings
        self._group = context.group
        self._stage = stage
        self._table = table
        self._stop = stop
        self._writes = None if table is None else TableWrites(context.settings, table, stop)
        self._gap = Gap(context.settings.chain.name, context.group.name, stop)
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=f"stage-{context.group.name}")
        self._handler: BatchHandler | None = None
        self._output: StageOutput | None = None
        self._generation: int | None = None
        self._revoked: int | None = None
        self._held: list[Acknowledge] = []
        self.positions: dict[tuple[str, int], int] = {}
        """(topic, partition) → offset after the last message that is finished since it was assigned."""
        self.idle = asyncio.Event()
        self.idle.set()

    async def process(self, generation: int, batch: Sequence[Delivery]) -> None:
        """Handle a batch of one generation and acknowledge it. All that it raises but Stopped is the end."""
        if self._stop.is_set() or generation == self._revoked:
            # What was given up within a generation is ahead of the table: nothing may follow it.
            return
        self.idle.clear()
        try:
            with HEALTH.beats.loop(Loop.STAGE):
                await self._process(generation, batch)
        except Revoked:
            self._revoked = generation
            raise
        finally:
            self.idle.set()

    async def _process(self, generation: int, batch: Sequence[Delivery]) -> None:
        if generation != self._generation or self._handler is None:
            self._held.clear()
            self._handler = await self._open(batch[0][0])
            self._generation = generation
            await self._begin(self._handler, batch[0][0])
        await self._finish(self._handler, [message for message, _ in batch])
        self._held += [acknowledge for _, acknowledge in batch]
        last = batch[-1][0]
        self.positions[last.topic, last.partition] = last.offset + 1
        if not self._handler.assembler.parts_held:
            # Never past an event whose parts are not all here: Faust would commit it.
            for acknowledge in self._held:
                acknowledge()
            self._held.clear()

    def close(self) -> None:
        """Release the thread; what it still does is not waited for."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _thread(self, call: Callable[[], _T]) -> _T:
        # What the thread does is a sign of life of the loop that waits for it.
        run = contextvars.copy_context().run
        return await asyncio.get_running_loop().run_in_executor(self._pool, run, call)

    async def _open(self, first: Incoming) -> BatchHandler:
        began = time.perf_counter()
        self._standing.takes_over(first.partition)
        if self._output is not None:
            await self._thread(self._output.close)
        output = self._output = StageOutput(self._settings, self._group.name, first.partition, self._stop)
        await self._thread(output.open)
        table = {} if self._table is None else self._table.content()
        handler = await self._thread(
            partial(take_over, self._context, self._stage, table, output, first, self._stop)
        )
        labels = self._settings.chain.name, self._group.name
        metrics.STAGE_RECOVERY.labels(*labels).observe(time.perf_counter() - began)
        self._standing.took_over(first.partition)
        return handler

    async def _begin(self, handler: BatchHandler, first: Incoming) -> None:
        """A group that remembers nothing begins with the oldest message that is kept, whatever it is given.

        Later on a position that is too far makes a gap; at the very start nothing misses what is before.
        """
        assembler = handler.assembler
        if assembler.last is not None or not first.offset:
            return
        assembler.rewind()
        topic = Rereading(self._settings, None, first, self._check, self._stop)
        with about(partial(first.log_fields, self._group.name)):
            piece = await self._thread(topic.piece)
            if piece is None:
                return
            _log.warning("nothing is remembered, reading what is before", oldest=piece[0].offset)
            while piece is not None:
                await self._finish(handler, piece)
                piece = await self._thread(topic.piece)
        self._finished_below(first)

    async def _finish(self, handler: BatchHandler, messages: list[Incoming]) -> None:
        while (gap := await self._handle(handler, messages)) is not None:
            messages = messages[gap:]
            await self._fill(handler, messages[0])

    async def _handle(self, handler: BatchHandler, messages: list[Incoming]) -> int | None:
        """Handle messages up to the first gap, and say where that is."""
        result = await self._thread(partial(handler.handle, messages))
        if result.table:
            with about(partial(messages[0].log_fields, self._group.name, len(messages))):
                await self._write_table(result.table)
        handler.count(result.events)
        return result.gap

    async def _fill(self, handler: BatchHandler, message: Incoming) -> None:
        """Close a gap from the topic itself: a reset offset looks like one. Waits while it is real."""
        assembler, group = handler.assembler, self._group.name
        metrics.STAGE_GAPS.labels(chain=self._settings.chain.name, stage=group).inc()
        with about(partial(message.log_fields, group)), self._gap.closing():
            _log.error(
                "gap in the sequence, reading the topic again", last=assembler.last, start=assembler.position
            )
            while (missing := await self._missing(handler, message)) is not None:
                self._gap.stays(missing)
                await self._thread(self._gap.pause)
        self._finished_below(message)

    async def _missing(self, handler: BatchHandler, message: Incoming) -> str | None:
        """Handle what the topic has up to a message, and say what it lacks. Raises what handling raises."""
        assembler, group = handler.assembler, self._group.name
        # As when it was read first: a CLAIM behind the gap must not fence what is before it.
        assembler.rewind()
        topic = Rereading(self._settings, assembler.position, message, self._check, self._stop)
        while (piece := await self._thread(topic.piece)) is not None:
            if await self._handle(handler, piece) is not None:
                break
        if await self._thread(partial(handler.closes_gap, message)):
            return None
        return (
            f"{message.topic}[{message.partition}]@{message.offset}: sequence "
            f"{(assembler.last or 0) + 1} is missing, also from the topic itself; "
            f"nothing was skipped: see 'a gap in the sequence' in docs/runbook.md, group {group}"
        )

    def _check(self) -> None:
        """Raises Revoked once the group has gone on to another generation."""
        if self._generation is not None and not self._holds(self._generation):
            raise Revoked(f"partition given out anew, generation {self._generation} is over")

    async def _write_table(self, changes: Changes) -> None:
        if self._writes is None:
            raise TypeError(f"{self._group.name} writes a table but its group names none")
        await self._writes.write(changes, self._check)
