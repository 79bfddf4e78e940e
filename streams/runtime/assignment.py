"""How a partition is taken over, whatever client assigned it: its owner fenced, its past found again."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace

from headwater.logging import get_logger
from headwater.settings import Settings
from streams.runtime.assembler import Incoming, Start
from streams.runtime.batch import BatchHandler
from streams.runtime.input import claim_at, last_written
from streams.runtime.output import StageOutput
from streams.stage import Stage
from topics.catalog import topic_name
from topics.groups import Group

_log = get_logger("streams.assignment")


def take_over(
    settings: Settings,
    group: Group,
    stage: Stage,
    table: Mapping[bytes, bytes],
    output: StageOutput,
    first: Incoming,
    stop: threading.Event,
) -> BatchHandler:
    """The handler of an assignment that begins with the message `first`. Blocking.

    `table` is the content of the group's table, empty where it has none. `output` is opened, so that
    nothing that an earlier owner still has under way can follow what is read here. Raises Stopped,
    Transient, Fatal.
    """
    output.open()
    start = Start(last=stage.restore(table))
    if group.output is not None:
        start = last_written(settings, topic_name(settings, group.output), group.output, first.partition)
    if group.fenced:
        start = replace(start, claim=claim_at(settings, start, group.input, first))
    _log.info(
        "took over",
        partition=first.partition,
        offset=first.offset,
        last_sequence=start.last,
        position=start.position,
    )
    return BatchHandler(settings, group, stage, output.write, stop, start)
