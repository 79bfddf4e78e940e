"""Numbers in foreign text: one that fits, or none; never an exception."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.digits import decimal, quantity


@pytest.mark.parametrize(
    "text", ["", "²", "٣", "１", "-1", "+1", " 1", "1 ", "1\n", "1_0", "0x1", "1.0", "1e3", "9" * 5_000]
)
def test_what_is_not_ascii_digits_is_no_number(text: str) -> None:
    assert decimal(text) is None
    assert decimal(text.encode()) is None


@pytest.mark.parametrize("text", [b"\xff\xfe", b"\xb2", b"1\x00", None])
def test_bytes_of_any_alphabet_are_no_number(text: bytes | None) -> None:
    assert decimal(text) is None


@given(st.integers(0, 2**256 - 1), st.integers(1, 256))
def test_a_number_comes_back_where_it_fits(number: int, bits: int) -> None:
    expected = number if number < 2**bits else None
    assert decimal(str(number), bits) == expected
    assert decimal(str(number).encode(), bits) == expected
    assert quantity(hex(number), bits) == expected


@given(st.text() | st.binary())
def test_any_text_at_all_gives_a_number_or_none(text: str | bytes) -> None:
    found = decimal(text)
    assert found is None or 0 <= found < 2**63


@pytest.mark.parametrize(
    "text",
    ["", "0x", "1", "0xg", "0x-1", "-0x1", " 0x1", "0x1\n", "0x_1", "0x" + "1" * 10_000, 1, None, ["0x1"]],
)
def test_what_is_not_a_quantity_is_no_number(text: object) -> None:
    assert quantity(text) is None


def test_the_widest_values() -> None:
    assert decimal("9223372036854775807") == 2**63 - 1
    assert decimal("9223372036854775808") is None
    assert decimal("2147483648", 31) is None
    assert quantity("0x7fffffffffffffff") == 2**63 - 1
    assert quantity("0xffffffffffffffff") is None
    assert quantity("0xffffffffffffffff", 64) == 2**64 - 1
    assert quantity("0X0a") == 10
    assert quantity(f"0x{10:064x}") == 10
