"""Texts that are read as one: none of them may hide in another."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.evm.answers.digits import receipts_are_hex
from headwater.evm.answers.shapes import Log, Receipt


def receipt(**log: str) -> Receipt:
    return Receipt(
        cumulative_gas_used="0x5208",
        gas_used="0x5208",
        transaction_hash="0x" + "00" * 32,
        logs=[Log(address="0x" + "12" * 20, **log)],
    )


@pytest.mark.parametrize("data", ["0x", "0x12", "0xABCD", "0x" + "ab" * 100])
def test_whole_bytes_are_taken(data: str) -> None:
    assert receipts_are_hex([receipt(data=data)])


@pytest.mark.parametrize("data", ["0x1", "0x123", "0xzz", "1234", "0x1,0x34", "0x12,0x3", "0x 1", "0x12 "])
def test_anything_else_is_not(data: str) -> None:
    assert not receipts_are_hex([receipt(data=data)])


def test_a_quantity_with_another_in_it_is_not_one() -> None:
    assert not receipts_are_hex([Receipt(cumulative_gas_used="0x1,0x3", gas_used="0x1", transaction_hash="")])


@pytest.mark.parametrize("quantity", ["12", "x12", "1x2", "10x2", "12x", "0x1x2", "0X12", "0x1é", "0x1,"])
def test_a_quantity_begins_with_0x_and_goes_on_with_digits(quantity: str) -> None:
    assert not receipts_are_hex([Receipt(cumulative_gas_used=quantity, gas_used="0x1", transaction_hash="")])


GOOD = st.from_regex(r"0x[0-9a-fA-F]{1,6}", fullmatch=True)
ANY = st.one_of(st.text("0x1aF", max_size=6), st.text("0x1,Xg ", max_size=6), st.text(max_size=4))


@given(st.lists(GOOD, min_size=4, max_size=4), ANY, st.integers(0, 4))
def test_all_texts_together_are_hex_where_each_one_is(good: list[str], text: str, place: int) -> None:
    gas, price, address, *topics = [*good[:place], text, *good[place:]]
    one = Receipt(
        cumulative_gas_used=gas,
        gas_used="0x5208",
        effective_gas_price=price,
        transaction_hash="0x" + "00" * 32,
        logs=[Log(address=address, topics=topics)],
    )
    assert receipts_are_hex([one]) == (not text or re.fullmatch("0x[0-9a-fA-F]*", text) is not None)
