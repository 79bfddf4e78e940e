"""A stage whose state is a topic: whichever call it dies at, it decides and writes as if it had lived on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from headwater.errors import Permanent
from headwater.settings import load_settings
from schemas import frame
from streams.logic.event import ChainEvent, Messages
from streams.runtime.assembler import Incoming
from streams.stage import Outcome, StageContext
from tests.builders.stage_events import envelope, value_of
from tests.builders.stage_lives import StageLives
from tests.fakes.stage import unread
from tests.fakes.transactions import Brokers, Record
from topics.catalog import topic_name
from topics.chainlog.headers import headers_of
from topics.groups import Group

INPUT, PUBLIC, STATE = "enriched-blocks", "blocks", "stage-progress"
POISON = 15
EVENTS = 8


class RunningTotal:
    """Adds up the heights, and says the total with each event: wrong as soon as one counts twice or never."""

    def __init__(self) -> None:
        self.total = 0

    def handle(self, event: ChainEvent) -> Outcome:
        if event.envelope.sequence == POISON:
            raise Permanent("fifteen")
        self.total += event.envelope.block_number or 0
        return self._outcome(event)

    def placeholder(self, event: ChainEvent, problem: Permanent) -> Outcome:
        return self._outcome(event)

    def restore(self, table: Mapping[bytes, bytes]) -> int | None:
        last, self.total = map(int, table.get(b"total", b"0 0").split())
        return last or None

    def _outcome(self, event: ChainEvent) -> Outcome:
        sequence, headers = event.envelope.sequence, headers_of(event.envelope, "aggregate-state")
        text = b"%d %d" % (sequence, self.total)
        return Outcome(
            public=[Messages(PUBLIC, [b"%d" % sequence], [text], headers)],
            state=Messages(STATE, [b"total"], [text], headers),
        )


@pytest.fixture
def lives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StageLives:
    settings = load_settings({"data_dir": str(tmp_path)}, environ={})
    context = StageContext(settings, Group("state", INPUT, None, state=STATE), lambda _: frame(7), unread)
    return StageLives(context, lambda _: RunningTotal(), monkeypatch)


def arriving() -> list[Incoming]:
    found = []
    for offset in range(EVENTS):
        event = envelope(11 + offset, number=100 + offset)
        found.append(Incoming("input", 0, offset, b"1", value_of(event, INPUT), ()))
    return found


def seen(brokers: Brokers) -> dict[str, list[Record]]:
    settings = load_settings(environ={})
    return {
        stream: brokers.topics.get(topic_name(settings, stream), [])
        for stream in (PUBLIC, STATE, "dead-letters")
    }


@pytest.mark.parametrize("at_once", [1, 3, EVENTS])
@pytest.mark.parametrize("after", [False, True], ids=["before", "behind"])
def test_each_event_counts_once_whichever_call_it_dies_at(
    lives: StageLives, at_once: int, after: bool
) -> None:
    undisturbed = lives.run(arriving(), at_once, Brokers())
    expected = seen(undisturbed)
    assert [value for _, value in expected[PUBLIC]][-1] == b"18 724"  # 100 … 107 without 104
    assert [value for _, value in expected["dead-letters"]] == [arriving()[POISON - 11].value]
    for call in range(1, undisturbed.calls + 1):
        disturbed = lives.run(arriving(), at_once, Brokers(at_call=call, after=after))
        assert disturbed.calls > undisturbed.calls - (EVENTS // at_once), "it did not die"
        assert seen(disturbed) == expected, f"killed at call {call}"
