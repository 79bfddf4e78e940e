"""How far a stage has come, read back from the compacted topic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from headwater.settings import load_settings
from schemas import codec_for, frame
from streams.runtime import progress
from streams.runtime.assembler import Start
from streams.stage import StageContext
from tests.fakes.stage import current
from topics.groups import group_of

OWN: Final = "enrich"
RECENT: Final = (40, 2)


@dataclass(frozen=True)
class Said:
    """A message of stage-progress: a stage's, with its sequence, or None for a deletion."""

    stage: str
    sequence: int | None

    def key(self) -> bytes:
        return self.stage.encode()

    def value(self) -> bytes | None:
        if self.sequence is None:
            return None
        return frame(7) + codec_for(progress.STREAM).write_values(
            self.stage, self.sequence, 3, self.sequence + 5, 0, *RECENT
        )


class Client:
    """Reads nothing itself."""

    def close(self) -> None: ...


def reached(
    messages: Sequence[Said], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> tuple[Start, tuple[int, int]]:
    monkeypatch.setattr("headwater.kafka.reader", lambda *_, **__: Client())
    monkeypatch.setattr("headwater.kafka.watermarks", lambda *_: (0, len(messages)))
    monkeypatch.setattr("headwater.kafka.read_range", lambda *_: iter(messages))
    settings = load_settings({"data_dir": str(tmp_path)}, environ={})
    return progress.last_reached(StageContext(settings, group_of(OWN), lambda _: frame(7), current))


def test_the_furthest_that_was_said_of_a_stage_holds(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    said = [Said(OWN, 9), Said("normalize", 20), Said(OWN, 8)]  # the last one of a writer that was paused
    assert reached(said, monkeypatch, tmp_path) == (Start(9, 3, 14), RECENT)


def test_a_deletion_has_the_stage_begin_anew_before_the_topic_is_compacted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert reached([Said(OWN, 9), Said(OWN, None)], monkeypatch, tmp_path) == (Start(), (0, 0))
    later = [Said(OWN, 9), Said(OWN, None), Said(OWN, 4), Said("normalize", None)]
    assert reached(later, monkeypatch, tmp_path) == (Start(4, 3, 9), RECENT)
