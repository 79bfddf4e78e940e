"""Texts that are read as one: none of them may hide in another."""

from __future__ import annotations

import pytest

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
