"""Times as people type them."""

from __future__ import annotations

import pytest

from headwater.cli.moment import moment
from headwater.errors import Fatal

NOW = 1_764_331_200_000  # 2025-11-28T12:00:00Z


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", NOW - 90_000),
        ("30m", NOW - 1_800_000),
        ("2h", NOW - 7_200_000),
        ("7d", NOW - 604_800_000),
        ("2025-11-28T12:00", NOW),
        ("2025-11-28T13:00:00+01:00", NOW),
        ("2025-11-28", NOW - 43_200_000),
        ("2025-11-28T12:00:00.250Z", NOW + 250),
    ],
)
def test_a_moment_is_so_long_ago_or_a_time_in_utc(text: str, expected: int) -> None:
    assert moment(text, "--since", NOW) == expected


@pytest.mark.parametrize("text", ["", "2", "2w", "-2h", "²h", "yesterday", "1764331200"])
def test_anything_else_is_refused_by_the_options_name(text: str) -> None:
    with pytest.raises(Fatal, match=r"--since .* is not a time; give how long ago"):
        moment(text, "--since", NOW)
