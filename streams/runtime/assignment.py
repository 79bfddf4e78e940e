"""How a partition is taken over, whatever client assigned it: its owner fenced, its past found again."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Final

from headwater.errors import Transient
from headwater.health import HEALTH
from headwater.logging import about, get_logger
from headwater.retry import Backoff, Retry
from streams.runtime.assembler import Incoming, Start
from streams.runtime.batch import BatchHandler
from streams.runtime.input import claim_at, last_written
from streams.runtime.output import StageOutput
from streams.runtime.progress import ProgressLog, last_reached
from streams.runtime.state_topic import committed_state
from streams.stage import Stage, StageContext
from topics.catalog import topic_name

_log = get_logger("streams.assignment")
_LONGEST_PAUSE_SECONDS: Final = 5.0


def take_over(
    context: StageContext,
    stage: Stage,
    table: Mapping[bytes, bytes],
    output: StageOutput,
    first: Incoming,
    stop: threading.Event,
) -> BatchHandler:
    """The handler of an assignment that begins with the message `first`. Blocking.

    `output` is open, which fenced the transactions of the earlier owner, and `table` is the content of the
    group's table as it stood after that, empty where it has none. Waits, visibly, while the brokers or the
    schema registry cannot tell. Raises Stopped, Fatal.
    """

    def waits(error: Transient, seconds: float) -> None:
        _log.warning("waiting to take over", seconds=round(seconds, 2), error=str(error))
        HEALTH.report("assignment", False, f"partition {first.partition}: {error}")

    retry = Retry(backoff=Backoff(ceiling=_LONGEST_PAUSE_SECONDS), stop=stop, on_failure=waits)
    with about(partial(first.log_fields, context.group.name)):
        return retry(partial(_take_over, context, stage, table, output, first, stop))


def _take_over(
    context: StageContext,
    stage: Stage,
    table: Mapping[bytes, bytes],
    output: StageOutput,
    first: Incoming,
    stop: threading.Event,
) -> BatchHandler:
    settings, group = context.settings, context.group
    kept = table if group.state is None else committed_state(settings, group.state)
    start = Start(last=stage.restore(kept))
    # A table, or a state topic, holds the last sequence itself.
    log, recent = None, (0, 0)
    if group.output is not None:
        start = last_written(settings, topic_name(settings, group.output), group.output, first.partition)
        progress, recent = last_reached(context)
        start = start.or_later(progress)
        log = ProgressLog(context, output.send_later)
    if group.fenced:
        start = replace(start, claim=claim_at(settings, start, group.input, first))
    _log.info("took over", last_sequence=start.last, position=start.position)

    def reached(start: Start) -> None:
        if log is not None:
            log.reached(start, handler.recent)

    handler = BatchHandler(settings, group, stage, output.write, stop, start, reached)
    handler.goes_on_from(recent)
    return handler
