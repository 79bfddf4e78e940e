"""`headwater lag` on a screen of 80 columns: nothing is folded, and a pipe gets all of it."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence

import pytest

from headwater.cli.lag import _print
from headwater.settings import Settings, load_settings
from topics.catalog import topic_name
from topics.lag.counting import PartitionLag
from topics.lag.group import GroupLag
from topics.lag.judgement import judged
from topics.lag.readers import READERS

HOURS = 40 * 3_600.0


@pytest.fixture
def settings() -> Settings:
    return load_settings({"topic_prefix": "production", "chain": {"name": "arbitrum-one"}}, environ={})


def groups(settings: Settings, *, idle: int, members: int = 1) -> list[GroupLag]:
    """Every group, with a great deal waiting in each of its partitions."""
    found = []
    for reader in READERS:
        partitions = [
            PartitionLag(
                topic_name(settings, stream), number, 1_234_567, HOURS, 12_345, False, 876.5, 99_876.5
            )
            for stream in reader.streams
            for number in ([0] if reader.live else range(12))
        ]
        name = f"production.arbitrum-one.{reader.group}"
        found.append(judged(reader, name, members, idle, partitions, behind_seconds=60))
    return found


def printed(
    settings: Settings, found: Sequence[GroupLag], capsys: pytest.CaptureFixture[str], *, partitions: bool
) -> tuple[list[str], str]:
    """The table's lines, and what is said below it."""
    _print(settings, found, "", json=False, partitions=partitions)
    out = capsys.readouterr().out
    table, advice = out.split(f"{found[0].group}: ", 1)
    return table.splitlines(), found[0].group + advice


@pytest.mark.parametrize("idle", [0, 1])
@pytest.mark.parametrize("partitions", [False, True])
def test_a_row_is_a_line_on_a_screen_of_80_columns(
    idle: int,
    partitions: bool,
    settings: Settings,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    found = groups(settings, idle=idle)
    table, advice = printed(settings, found, capsys, partitions=partitions)
    shown = [re.sub(r"\x1b\[[0-9;]*m", "", line).rstrip() for line in table]
    assert max(map(len, shown)) <= 80
    (names,) = [line for line in shown if line.lstrip().startswith("group")]
    assert names.split() == ["group", "replicas", "lag", "oldest", "read/s", "new/s", "done", "in"]
    first = {line.split()[0] for line in shown if line.split()}
    assert {reader.role for reader in READERS} <= first
    waiting = sum(len(each.partitions) for each in found) if partitions else 0
    rows = [line for line in shown if "~" in line]
    assert len(rows) == len(found) + waiting
    assert f"Most of it: 1,234,567 in {topic_name(settings, 'alerts')}[0]." in advice


def test_a_pipe_gets_whole_rows_however_long(
    settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    found = groups(settings, idle=0)
    table, _ = printed(settings, found, capsys, partitions=True)
    rows = [line.split() for line in table if "~" in line]
    assert len(rows) == len(found) + sum(len(each.partitions) for each in found)
    assert rows[0][:4] == ["normalize", "1", "of", "2"]
    assert rows[1] == ["raw-blocks[0]", "12345", "held", "~1,235k", "40", "h", "876.5", "99,876"]


def test_what_stands_by_is_told_apart_from_what_is_called_for(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    table, _ = printed(settings, groups(settings, idle=1), capsys, partitions=False)
    cells = {line.split()[0]: line for line in table if "~" in line}
    assert "1+1 idle" in cells["normalize"]
    assert "2 of 12" in cells["sink"]
