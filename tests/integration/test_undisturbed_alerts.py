"""Statistics, alerts and deliveries under forks, kills and edits of rules are what an undisturbed run makes.

Both applications read the same events and adopt the same configuration at the same sequences; what the first
one said and remembers is compared message by message with the second, which nobody disturbs. What came to
the receiver of webhooks is held against what was said.
"""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.integration.alerting.editor import Editor
from tests.integration.alerting.proof import prove_alerts
from tests.integration.alerting.receiving import SECRET, SECRET_VARIABLE, receiving
from tests.integration.alerting.undisturbed import keep_the_record
from tests.integration.line import Line, pause

KILLED = ("aggregate", "alert", "deliver", "kafka")


def _kill(line: Line, part: str) -> None:
    line.wait_until(lambda: part in line.processes(), f"{part} runs", 90)
    line.note(f"kill {part}")
    assert line.signal(part, signal.SIGKILL) is not None


def _disturb(line: Line, blows: list[Callable[[], None]], seconds: float, chance: random.Random) -> None:
    """Blows at even times, and forks of depth 1 to 8 between them."""
    gap = seconds / len(blows)
    for blow in blows:
        end = time.monotonic() + gap
        while time.monotonic() < end:
            pause(chance.uniform(0.2, 0.4) * min(gap, 15))
            line.reorg(chance.randint(1, 8))
        blow()


def _prove(folder: Path, seconds: float, kills: int, seed: int) -> None:
    """Disturb one application for so long, with so many kills, and hold it against what it must have done."""
    chance = random.Random(seed)
    order = list(KILLED) + [chance.choice(KILLED) for _ in range(kills - len(KILLED))]
    chance.shuffle(order)
    with receiving(folder, seed) as (receiver, channels):
        line = Line(
            folder / "line",
            *("--traffic", "15", "--seed", str(seed), "--channels", str(channels)),
            variables={SECRET_VARIABLE: SECRET},
        )
        try:
            line.start()
            line.wait_ready()
            editor = Editor(line)
            keep_the_record(line.settings)
            editor.first()
            blows: list[Callable[[], None]] = [partial(_kill, line, part) for part in order]
            blows.insert(2 * kills // 3, editor.third)
            blows.insert(kills // 3, editor.second)
            _disturb(line, blows, seconds, chance)
            line.wait_ready()
            prove_alerts(line, editor, receiver, folder / "second")
            assert line.stop() == 0
        finally:
            line.end()


def test_kills_forks_and_edits_change_nothing(tmp_path: Path) -> None:
    # This seed kills Kafka first: the other blows fall while everything finds it again.
    _prove(tmp_path, seconds=6, kills=4, seed=1)


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", [12])
def test_ten_minutes_of_kills_forks_and_edits_change_nothing(tmp_path: Path, seed: int) -> None:
    _prove(tmp_path, seconds=600, kills=10, seed=seed)
