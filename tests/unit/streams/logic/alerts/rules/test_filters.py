"""How a title writes values."""

from __future__ import annotations

import pytest

from streams.logic.alerts.rules.filters import human, short, units


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, "0"),
        (999, "999"),
        (-999, "-999"),
        (1_000, "1k"),
        (1_234, "1.23k"),
        (12_345, "12.3k"),
        (123_456, "123k"),
        (999_999, "999k"),
        (1_500_000, "1.5M"),
        (-2_000_000_000, "-2B"),
        (7 * 10**12, "7T"),
        (10**15, "1.00e15"),
        ((1 << 256) - 1, "1.15e77"),
    ],
)
def test_human(value: int, expected: str) -> None:
    assert human(value) == expected


@pytest.mark.parametrize(
    ("value", "decimals", "expected"),
    [
        (1_500_000, 6, "1.5"),
        (1, 6, "0"),
        (-1_234_567_891, 6, "-1,234.5678"),
        (10**24, 18, "1,000,000"),
        (5, 0, "5"),
        (
            (1 << 256) - 1,
            18,
            "115,792,089,237,316,195,423,570,985,008,687,907,853,269,984,665,640,564,039,457.584",
        ),
    ],
)
def test_units(value: int, decimals: int, expected: str) -> None:
    assert units(value, decimals) == expected


def test_short() -> None:
    assert short("0x" + "ab" * 20) == "0xabab…abab"
    assert short("0x1234") == "0x1234"
