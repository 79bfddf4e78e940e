"""A runner of a stage without any Kafka, and everything that it does in the order in which it does it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from headwater.errors import Fatal, Permanent, Transient
from headwater.settings import Settings, load_settings
from schemas import frame
from streams.logic.event import ChainEvent
from streams.runtime.assembler import Incoming, Start
from streams.runtime.batch import BatchHandler
from streams.runtime.runner import Delivery, StageRunner
from streams.runtime.standing import Standing
from streams.stage import Outcome, StageContext
from tests.builders.stage_events import envelope, value_of
from tests.fakes.stage import unread
from topics.groups import Group

STREAM = "normalized-blocks"


class Diary:
    """Everything in the order in which it happened."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.table_failures = 0
        self.when_the_table_fails: Callable[[], object] = lambda: None
        self.when_handled: Callable[[], object] = lambda: None


class Stage:
    """Writes one table entry an event."""

    def __init__(self, diary: Diary) -> None:
        self._diary = diary

    def handle(self, event: ChainEvent) -> Outcome:
        number = event.envelope.sequence
        if number == 66:
            raise Fatal("sixty-six")
        self._diary.when_handled()
        self._diary.lines.append(f"handle {number}")
        return Outcome(table=[(b"%d" % number, b"x")])

    def placeholder(self, event: ChainEvent, problem: Permanent) -> Outcome:
        return Outcome()

    def restore(self, table: Mapping[bytes, bytes]) -> int | None:
        return None


class Table:
    """Stands for a Faust table; fails as often as told."""

    def __init__(self, diary: Diary) -> None:
        self._diary = diary

    def content(self) -> Mapping[bytes, bytes]:
        return {}

    async def write(self, changes: Sequence[tuple[bytes, bytes | None]]) -> None:
        if self._diary.table_failures:
            self._diary.table_failures -= 1
            self._diary.when_the_table_fails()
            raise Transient("no changelog now")
        self._diary.lines += [f"table {key.decode()}" for key, _ in changes]


class Stop(threading.Event):
    """One whose every wait is over at once, `during` it something may happen."""

    def __init__(self) -> None:
        super().__init__()
        self.during: Callable[[], object] = lambda: None

    def wait(self, timeout: float | None = None) -> bool:
        self.during()
        return self.is_set()


class Bench:
    """A runner whose assignment starts after sequence `last`, without any Kafka."""

    def __init__(
        self,
        folder: Path,
        monkeypatch: pytest.MonkeyPatch,
        *,
        claim: int | None = None,
        last: int | None = 9,
    ) -> None:
        self.diary = Diary()
        self.opened: list[int] = []
        self.when_written: Callable[[], object] = lambda: None
        settings = load_settings({"data_dir": str(folder)}, environ={})
        stage = Stage(self.diary)
        group = Group("state", STREAM, None, table="blocks", fenced=claim is not None)
        self.stop = Stop()
        self.generation: int | None = None
        """The only one that the group knows, any before it is set."""
        self.unread = 0
        """So many readings end with an error behind the first message."""
        monkeypatch.setattr("streams.runtime.table_writes._PAUSE_SECONDS", 0)
        table = Table(self.diary)
        context = StageContext(settings, group, lambda _: frame(7), unread)
        self.runner = StageRunner(context, stage, table, self.stop, self._finished, self._holds, Standing())
        self.topic: list[Incoming] = []

        async def opened(first: Incoming) -> BatchHandler:
            self.opened.append(first.offset)
            start = Start() if last is None else Start(last=last, position=0, claim=claim)
            return BatchHandler(settings, group, stage, self._write, self.stop, start, lambda _: None)

        def reread(_: Settings, __: str, ___: int, start: int | None, end: int) -> Iterator[list[Incoming]]:
            self.diary.lines.append(f"reread {start} {end}")
            found = [each for each in self.topic if (start or 0) <= each.offset < end]
            if self.unread:
                self.unread -= 1
                yield found[:1]
                raise Transient("topic[0] gave nothing")
            yield found

        monkeypatch.setattr(self.runner, "_open", opened)
        monkeypatch.setattr("streams.runtime.gap.reread", reread)

    def _holds(self, generation: int) -> bool:
        return self.generation is None or generation == self.generation

    def _finished(self, message: Incoming) -> None:
        self.diary.lines.append(f"below {message.offset}")

    def _write(self, outcomes: Sequence[Outcome]) -> None:
        self.when_written()
        self.diary.lines.append(f"write {len(outcomes)}")

    def delivery(self, offset: int, sequence: int, **parts: Any) -> Delivery:
        value = value_of(envelope(sequence, number=1, **parts), STREAM)
        message = Incoming("topic", 0, offset, None, value, ())
        self.topic.append(message)
        return message, lambda: self.diary.lines.append(f"ack {offset}")
