"""The process of one group: its Faust application, its one agent, and the ways it ends."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import Future
from typing import Final, cast

import faust
from aiokafka.errors import KafkaError
from faust.types import TP, ChannelT, EventT, StreamT

from headwater import kafka
from headwater.errors import Fatal, HeadwaterError, Transient
from headwater.health import HEALTH
from headwater.lateness import ReportedLag
from headwater.logging import get_logger
from headwater.metrics.stages import STAGE_ACTIVE
from headwater.reading import Reading
from headwater.retry import Stopped
from headwater.settings import Settings
from headwater.standstill import standstill
from streams.runtime.app import create_app, take_slot
from streams.runtime.assembler import Incoming
from streams.runtime.consumer import PromptConsumer
from streams.runtime.kafka_watch import REACH_SECONDS, brokers_answer, rejected
from streams.runtime.owned import withdraw
from streams.runtime.runner import Delivery, StageRunner
from streams.runtime.standing import PART, Standing
from streams.runtime.table import AcknowledgedTable
from streams.stage import StageContext, StageSpec
from topics.catalog import app_id, topic_name

_log = get_logger("streams.process")
_BATCH_EVENTS: Final = 16
_BATCH_BYTES: Final = 16 * 1024 * 1024
_DRAIN_SECONDS: Final = 8.0
_LOOK_SECONDS: Final = 1.0


class StageProcess:
    """`run` returns when SIGTERM or SIGINT has drained it, and raises what stopped it otherwise."""

    def __init__(self, settings: Settings, spec: StageSpec, context: StageContext) -> None:
        self._settings = settings
        self._spec = spec
        self._group = spec.group
        self._context = context
        self._stop = threading.Event()
        self._ended = asyncio.Event()
        self._failure: BaseException | None = None
        self._lag = ReportedLag(settings.chain.name, spec.group.name)

    async def run(self) -> None:
        """Follow the group's topic. Raises Fatal, Transient when Kafka stays away, or a bug's own error."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._end)
        HEALTH.report(PART, False, "starting")
        ticks = asyncio.ensure_future(HEALTH.beats.ticks())
        try:
            await self._run()
        finally:
            ticks.cancel()

    async def _run(self) -> None:
        settings, group = self._settings, self._group
        try:
            await brokers_answer(settings, self._stop)
        except Stopped:
            return
        stage = self._spec.build(self._context)
        slot = take_slot(settings, group.name)
        app = create_app(settings, group.name, slot)
        table = None if group.table is None else AcknowledgedTable(app, group.table)

        def finished_below(message: Incoming) -> None:
            cast(PromptConsumer, app.consumer).finished_below(
                TP(message.topic, message.partition), message.offset
            )

        def holds(generation: int) -> bool:
            return app.consumer_generation_id == generation

        standing = Standing()
        runner = StageRunner(self._context, stage, table, self._stop, finished_below, holds, standing)
        topic = app.topic(
            topic_name(settings, group.input),
            key_type=bytes,
            value_type=bytes,
            key_serializer="raw",
            value_serializer="raw",
        )

        def assigned(*_: object, **__: object) -> None:
            self._lag.rebalanced()
            standing.assigned()
            # Whoever had them meanwhile may have come further.
            runner.positions.clear()

        app.on_partitions_assigned.connect(assigned)
        app.agent(topic, name=group.name, concurrency=1)(self._agent(runner))
        failure = await self._live(app, runner, standing)
        self._stop.set()
        if failure is not None:
            HEALTH.fail(str(failure))
        await self._drain(app, runner)
        if isinstance(failure, KafkaError):
            raise await self._no_kafka(failure) from failure
        if failure is not None:
            raise failure

    async def _live(self, app: faust.App, runner: StageRunner, standing: Standing) -> BaseException | None:
        """Start the application and wait for what ends it; None when that is a signal."""
        # It waits for the group's coordinator as long as that takes, deaf to signals and rejections.
        starting = asyncio.ensure_future(app.start())
        ended = asyncio.ensure_future(self._ended.wait())
        rejection = asyncio.ensure_future(rejected(self._settings))
        tasks = {starting, ended, rejection}
        beating: Future[None] | None = None
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                problem = starting.exception()
                if problem is not None:
                    return problem
                beating = cast(PromptConsumer, app.consumer).beating()
                crashed = asyncio.ensure_future(app.wait_until_stopped())
                lag = asyncio.ensure_future(self._look(app, runner, standing))
                tasks |= {lag, crashed}
                await asyncio.wait({crashed, ended, rejection, lag}, return_when=asyncio.FIRST_COMPLETED)
                if lag.done():
                    return lag.exception()
            failure: BaseException | None = self._failure or app.crash_reason
            if failure is None and rejection.done():
                failure = rejection.result()
            if failure is None and not self._ended.is_set():
                failure = Fatal("the Faust application stopped by itself", remedy="see the log above")
            return failure
        finally:
            for task in tasks:
                task.cancel()
            if beating is not None:
                beating.cancel()

    async def _no_kafka(self, error: KafkaError) -> HeadwaterError:
        """What aiokafka's error means. It logs why it cannot connect and raises only that it cannot."""
        try:
            await asyncio.to_thread(kafka.reach, self._settings, timeout=REACH_SECONDS)
        except HeadwaterError as reason:
            return reason
        servers = self._settings.kafka.bootstrap_servers
        return Transient(f"Kafka {servers}: {error}", remedy="see that it runs, then start this again")

    def _agent(self, runner: StageRunner) -> Callable[[StreamT[bytes]], Awaitable[None]]:
        async def follow(stream: StreamT[bytes]) -> None:
            async for generation, batch in _batches(stream, self._lag):
                try:
                    await runner.process(generation, batch)
                except asyncio.CancelledError:
                    raise
                except Stopped:
                    _log.info("stopped with work in hand, unacknowledged")
                except BaseException as error:  # noqa: BLE001 - whatever it is, the event must not be lost
                    self._failure = error
                    self._end()
                if self._stop.is_set():
                    # Returning, or raising, would make Faust commit the event.
                    await asyncio.Event().wait()

        return follow

    async def _look(self, app: faust.App, runner: StageRunner, standing: Standing) -> None:
        """Say now and then what is assigned, how far that is taken over, and how far behind it is.

        Raises Fatal when it is not read although something waits there.
        """
        settings, group = self._settings, self._group
        active = STAGE_ACTIVE.labels(settings.chain.name, group.name)
        source = topic_name(settings, group.input)
        still = standstill(settings, group.input, app_id(settings, group.name))
        reading = Reading(self._lag, still)
        with still.asking():
            while True:
                own = [each for each in app.consumer.assignment() if each.topic == source]
                active.set(bool(own))
                if not own:
                    withdraw()
                ends = {(each.topic, each.partition): _end_offset(app, each) for each in own}
                told = all(end is not None for end in ends.values())
                standing.look([each.partition for each in own], recovers=app.rebalancing, told=told)
                busy = app.rebalancing or not runner.idle.is_set() or self._stop.is_set()
                reading.look(ends, runner.positions, busy=busy)
                await asyncio.sleep(_LOOK_SECONDS)

    def _end(self) -> None:
        self._stop.set()
        self._ended.set()

    async def _drain(self, app: faust.App, runner: StageRunner) -> None:
        try:
            async with asyncio.timeout(_DRAIN_SECONDS):
                await runner.idle.wait()
                await app.stop()
        except TimeoutError:
            _log.warning("did not drain in time, what is unacknowledged will be read again")
        except KafkaError as error:
            _log.warning("stopped without Kafka", error=str(error))
        finally:
            runner.close()


def _end_offset(app: faust.App, partition: TP) -> int | None:
    """A partition's end as the last fetch told it, None before the first and for one that is not ours."""
    try:
        return cast("int | None", app.consumer.highwater(partition))
    except AssertionError:  # aiokafka's, whose thread may have lost the partition a moment ago
        return None


async def _batches(stream: StreamT[bytes], lag: ReportedLag) -> AsyncIterator[tuple[int, list[Delivery]]]:
    """The stream's events with what already waits behind them: blocks that share a Kafka transaction.

    `lag` is told when the brokers took the first of them.
    """
    manual = cast(faust.Stream[bytes], stream).noack()
    queue = cast(ChannelT[bytes], manual.channel).queue
    async for event in manual.events():
        first = event.message
        lag.received(first.topic, first.partition, first.offset, int(first.timestamp * 1000))
        generation = event.message.generation_id
        batch = [event]
        size = len(event.message.value or b"")
        while len(batch) < _BATCH_EVENTS and size < _BATCH_BYTES and not queue.empty():
            following = queue.get_nowait()
            if following.message.generation_id != generation:
                # Of an assignment that is over: it will be delivered again.
                continue
            batch.append(following)
            size += len(following.message.value or b"")
        lag.counted(first.topic, len(batch))
        yield generation, [(_incoming(each), each.ack) for each in batch]


def _incoming(event: EventT[bytes]) -> Incoming:
    message = event.message
    headers = message.headers or ()
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    return Incoming(
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        key=message.key,
        value=message.value,
        headers=tuple((str(name), value) for name, value in pairs),
    )
