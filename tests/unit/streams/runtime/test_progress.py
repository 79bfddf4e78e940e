"""How far a stage has come: written after the fact; the later of two sources holds."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from headwater.settings import load_settings
from schemas import codec_for, frame
from streams.logic.event import Messages
from streams.runtime.assembler import Start
from streams.runtime.progress import STREAM, ProgressLog
from streams.stage import StageContext
from tests.fakes.stage import unread
from topics.groups import group_of

STARTS = st.builds(Start, st.none() | st.integers(0, 9), st.none() | st.integers(0, 9), st.integers(0, 9))


def test_each_step_is_written_once(tmp_path: Path) -> None:
    written: list[Messages] = []
    settings = load_settings({"data_dir": str(tmp_path)}, environ={})
    context = StageContext(settings, group_of("normalize"), lambda _: frame(7), unread)
    log = ProgressLog(context, written.append)
    for start in (Start(), Start(7), Start(7, 2, 30), Start(7, 2, 30), Start(9, None, 32)):
        log.reached(start, (200, start.last or 0))
    assert [(each.stream, list(each.keys)) for each in written] == [(STREAM, [b"normalize"])] * 2
    records = [codec_for(STREAM).read(each.values[0] or b"", 5) for each in written]
    assert [(each["stage"], each["sequence"], each["claim"], each["position"]) for each in records] == [
        ("normalize", 7, 2, 30),
        ("normalize", 9, None, 32),
    ]
    assert [(each["events"], each["bad"]) for each in records] == [(200, 7), (200, 9)]


@given(STARTS, STARTS)
def test_the_later_start_holds(one: Start, other: Start) -> None:
    chosen = one.or_later(other)
    assert chosen in (one, other)
    assert max(-1 if each.last is None else each.last for each in (one, other)) == (
        -1 if chosen.last is None else chosen.last
    )
    if one.last == other.last:
        assert chosen is one
