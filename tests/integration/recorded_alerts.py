"""The alert worker, whose configuration takes effect where another application recorded that it did.

Run as `python -m tests.integration.recorded_alerts`; settings come from the environment, what was recorded is
in the file `adoptions` in the data directory. What changes when is an input of the stage as the events are:
the first application decides it by what had arrived, and records it in the transaction of the event, so that
whoever has the events and this record decides the same.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

import msgspec

from headwater import logging
from headwater.errors import HeadwaterError, Permanent
from headwater.metrics.server import serve
from headwater.settings import Settings, load_settings
from schemas import HEADER_SIZE, codec_for
from streams.agents.alert import AlertStage
from streams.logic.alerts.compiling import compile_rule
from streams.logic.alerts.configuration import Adopted, Change
from streams.logic.event import ChainEvent
from streams.runtime.configuration import Latest
from streams.stage import Outcome, StageContext, StageSpec
from streams.workers import run_stage
from tests.integration.worker_process import messages
from topics.chainlog.headers import SEQUENCE
from topics.groups import group_of

MODULE = ("tests.integration.recorded_alerts",)
FILE = "adoptions"
STATE = "alert-state"
_PREFIX = b"configuration:"


class Adoptions:
    """Hands over what was adopted before the event that is being handled."""

    def __init__(self, recorded: dict[int, list[Change]]) -> None:
        self._recorded = recorded
        self._sequence = 0

    def before(self, sequence: int) -> None:
        """The event of this sequence comes next."""
        self._sequence = sequence

    def catch_up(self) -> Latest:
        """Nothing is in force before the first event."""
        return Latest({}, 0)

    def arrived(self) -> list[Change]:
        """Changes in the order in which they were written."""
        return self._recorded.get(self._sequence, [])


class RecordedAlertStage(AlertStage):
    """The stage, with its configuration as it was recorded."""

    def __init__(self, context: StageContext, adoptions: Adoptions) -> None:
        super().__init__(context, compile_rule, adoptions)
        self._adoptions = adoptions

    def handle(self, event: ChainEvent) -> Outcome:
        self._adoptions.before(event.envelope.sequence)
        return super().handle(event)

    def placeholder(self, event: ChainEvent, problem: Permanent) -> Outcome:
        self._adoptions.before(event.envelope.sequence)
        return super().placeholder(event, problem)


def recorded(settings: Settings) -> dict[int, list[Change]]:
    """Sequence → what an application adopted before that event, of all that its state topic still holds.

    In the order in which it did.
    """
    codec = codec_for(STATE)
    found: dict[int, list[Change]] = defaultdict(list)
    for each in messages(settings, STATE):
        if each.key is None or not each.key.startswith(_PREFIX):
            continue
        sequence, key = int(dict(each.headers)[SEQUENCE] or 0), each.key.removeprefix(_PREFIX).decode()
        if each.value is None:
            found[sequence].append(Change(each.offset, key, None))
        else:
            content = codec.read(each.value, HEADER_SIZE)["content"]
            _, adopted = msgspec.msgpack.decode(content, type=tuple[str, Adopted])
            assert adopted.sequence == sequence
            found[sequence].append(Change(adopted.offset, key, adopted.value))
    return found


def write(folder: Path, adoptions: dict[int, list[Change]]) -> None:
    """Leave the record for a process with this data directory."""
    (folder / FILE).write_bytes(msgspec.msgpack.encode(adoptions))


def main() -> None:
    settings = load_settings()
    logging.configure("alert", settings.log_level, settings.log_format)
    serve(0)
    raw = (settings.data_dir / FILE).read_bytes()
    adoptions = Adoptions(msgspec.msgpack.decode(raw, type=dict[int, list[Change]]))
    try:
        run_stage(
            settings, StageSpec(group_of("alert"), lambda context: RecordedAlertStage(context, adoptions))
        )
    except HeadwaterError as error:
        sys.stderr.write(f"headwater: {error}\n")
        raise SystemExit(1) from error


if __name__ == "__main__":
    main()
