"""How far a stage has come, kept for ever: its output topic, which says the same, forgets after some days.

A compacted topic keeps the last record of each stage. It is written after what it tells of has been
acknowledged, and nobody waits for it: it may lag behind the output's tail and is never ahead of it, so the
later of the two holds. Without it a stage whose output has expired would take any event for the first one,
and skip in silence what its input no longer has. It keeps, too, how many events of late were bad: a process
that stops at too many is started again, and would otherwise set as many aside each time.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final, TypeAlias, cast

from headwater import clock, kafka
from headwater.errors import Permanent
from headwater.logging import about, get_logger
from schemas import StreamReader, codec_for
from streams.logic.event import Messages
from streams.runtime.assembler import Start
from streams.stage import StageContext
from topics.catalog import topic_name
from topics.chainlog.log_fields import message_fields

STREAM: Final = "stage-progress"
Recent: TypeAlias = tuple[int, int]
"""Events of late, and how many of them went to the dead letters."""
_codec = codec_for(STREAM)
_log = get_logger("streams.progress")


class ProgressLog:
    """Hands the progress of one stage over to `send`, which need not wait for it."""

    def __init__(self, context: StageContext, send: Callable[[Messages], None]) -> None:
        """Raises Transient while the schema registry cannot tell the schema's id."""
        self._stage = context.group.name
        self._frame = context.frame(STREAM)
        self._send = send
        self._last: int | None = None

    def reached(self, start: Start, recent: Recent) -> None:
        """Everything up to `start` is written and acknowledged, the bad ones of the `recent` events too."""
        if start.last is None or start.position is None or start.last == self._last:
            return
        body = _codec.write_values(
            self._stage, start.last, start.claim, start.position, clock.now_ms(), *recent
        )
        self._send(Messages(STREAM, [self._stage.encode()], [self._frame + body], ()))
        self._last = start.last


def last_reached(context: StageContext) -> tuple[Start, Recent]:
    """What the topic says of the stage; a Start that knows nothing where it says nothing, or was deleted.

    Raises Transient when the broker does not answer.
    """
    topic, key = topic_name(context.settings, STREAM), context.group.name.encode()
    reader = context.reader(STREAM)
    client = kafka.reader(context.settings, isolation="read_uncommitted")
    try:
        low, high = kafka.watermarks(client, topic)
        start, recent = Start(), (0, 0)
        for message in kafka.read_range(client, topic, low, high):
            if message.key() != key:
                continue
            if message.value() is None:
                # Deleted by hand, to have a stage say its input again: what it was is there until compaction.
                start, recent = Start(), (0, 0)
                continue
            with about(partial(message_fields, context.group.name, message)):
                read, told = _read(reader, cast(bytes, message.value()))
                start, recent = start.or_later(read), recent if read.last is None else told
        return start, recent
    finally:
        client.close()


def _read(reader: StreamReader, value: bytes) -> tuple[Start, Recent]:
    try:
        record = reader.read(value)
    except Permanent as error:
        _log.error("progress that cannot be read is passed over", error=str(error))
        return Start(), (0, 0)
    start = Start(
        cast(int, record["sequence"]), cast("int | None", record["claim"]), cast(int, record["position"])
    )
    return start, (cast(int, record["events"]), cast(int, record["bad"]))
