"""A hundred kills over every part, from the first second of two starts on, with rules and channels in force.

Forks and edits of rules fall between them. HEADWATER_TEST_KILLS and HEADWATER_TEST_SEED ask for another run.
"""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Final

import pytest

from tests.integration.aftermath import prove_undisturbed
from tests.integration.alerting.editor import Editor
from tests.integration.alerting.proof import prove_alerts
from tests.integration.alerting.receiving import SECRET, SECRET_VARIABLE, receiving
from tests.integration.alerting.undisturbed import keep_the_record
from tests.integration.blows import disturb, drawn, start_under_kills
from tests.integration.line import Line

KILLS: Final = int(os.environ.get("HEADWATER_TEST_KILLS", "100"))
SEED: Final = int(os.environ.get("HEADWATER_TEST_SEED", "21"))
# Nothing waits for recovery between two blows: the next one falls on whatever works by then.
GAP_SECONDS: Final = (0.0, 8.0)
PAIRS_AT_START: Final = 0.4
RECOVERY_SECONDS: Final = 240.0


@pytest.mark.soak
@pytest.mark.timeout(2400)
@pytest.mark.parametrize("seed", [SEED])
def test_a_hundred_kills_at_random_moments_change_nothing(tmp_path: Path, seed: int) -> None:
    """An eighth of them falls on each start; rules are edited after each third of the others."""
    chance = random.Random(seed)
    starting = KILLS // 8
    blows = drawn(KILLS - 2 * starting, chance)
    third = len(blows) // 3
    with receiving(tmp_path, seed) as (receiver, channels):
        line = Line(
            tmp_path / "line",
            *("--traffic", "12", "--seed", str(seed), "--start", "earliest", "--channels", str(channels)),
            variables={SECRET_VARIABLE: SECRET},
        )
        try:
            done = start_under_kills(line, starting, chance, "first start", PAIRS_AT_START)
            keep_the_record(line.settings)
            editor = Editor(line)
            editor.first()
            done += disturb(line, blows[:third], GAP_SECONDS, chance)
            editor.second()
            done += disturb(line, blows[third : 2 * third], GAP_SECONDS, chance)
            line.wait_ready(RECOVERY_SECONDS)
            assert line.stop() == 0
            done += start_under_kills(line, starting, chance, "second start", PAIRS_AT_START)
            editor.third()
            done += disturb(line, blows[2 * third :], GAP_SECONDS, chance)
            assert done == KILLS
            line.wait_ready(RECOVERY_SECONDS)
            prove_alerts(line, editor, receiver, tmp_path / "second")
            prove_undisturbed(line, tmp_path / "fresh")
            assert line.stop() == 0
        finally:
            line.end()
