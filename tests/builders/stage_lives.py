"""A stage with a state topic, lived through over brokers in memory: killed at a call, begun again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import pytest

from headwater import kafka
from streams.runtime import assignment
from streams.runtime.assembler import Incoming
from streams.runtime.output import StageOutput
from streams.stage import Stage, StageContext
from tests.fakes.transactions import Brokers, KilledError
from topics.catalog import topic_name


class StageLives:
    """`run` lives until everything is handled, as often as it takes; each life begins at the first message.

    Nothing is acknowledged before the end, so that each life is given all messages again.
    """

    def __init__(
        self,
        context: StageContext,
        build: Callable[[StageContext], Stage],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        self._context, self._build, self._monkeypatch = context, build, monkeypatch

    def run(self, messages: Sequence[Incoming], at_once: int, brokers: Brokers) -> Brokers:
        """The brokers with all that was committed."""
        self._monkeypatch.setattr(kafka, "producer", brokers.producer)
        self._monkeypatch.setattr(
            assignment,
            "committed_state",
            lambda settings, stream: brokers.latest(topic_name(settings, stream)),
        )
        for _ in range(2):
            try:
                self._live(messages, at_once)
            except KilledError:
                continue
            return brokers
        raise AssertionError("killed twice")

    def _live(self, messages: Sequence[Incoming], at_once: int) -> None:
        stop = threading.Event()
        written = StageOutput(self._context.settings, self._context.group.name, 0, stop)
        written.open()
        stage = self._build(self._context)
        handler = assignment.take_over(self._context, stage, {}, written, messages[0], stop)
        for start in range(0, len(messages), at_once):
            assert handler.handle(messages[start : start + at_once]).gap is None
