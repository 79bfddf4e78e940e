"""As many rules as a file may have: read whole, and more slow ones than a chain takes are named."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from headwater.cli.alerting.reading import RuleFile, problems_of, sound
from headwater.errors import Permanent
from streams.logic.alerts.compiling import read_file

MOST, SLOW = 10_000, 50
PATH = Path("many.yaml")


def test_ten_thousand_sound_rules_are_read_in_bounded_memory() -> None:
    source = "".join(f"- {{id: r{number}, match: log}}\n" for number in range(MOST))
    read_file(source[:2_000])  # what is made once stands already
    tracemalloc.start()
    try:
        found = read_file(source)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert not found.all_problems
    assert len(found.rules) == MOST
    assert peak < 10_000 * MOST, "ten kilobytes a rule"
    read = [RuleFile(PATH, found)]
    beyond = problems_of(read, SLOW)
    assert len(beyond) == MOST - SLOW
    assert beyond[0][1].line == SLOW + 1
    with pytest.raises(Permanent, match=f"and {MOST - SLOW - 5} more") as refused:
        sound(read, SLOW)
    assert len(str(refused.value)) < 2_000, "a few of them are told"
