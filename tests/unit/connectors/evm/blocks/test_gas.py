"""Gas of receipts, one by one and against the header, before Amsterdam and from it on."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.evm.blocks.decode import Block, decode_block, decode_receipts
from connectors.evm.blocks.errors import CheckError
from connectors.evm.blocks.gas import check_gas
from headwater.evm.answers.shapes import Receipt
from tests.builders.chain_answers import block, receipt

Gas = list[int]
GAS = st.lists(st.integers(0, 2**40), min_size=1, max_size=6)


def made(used: Gas, **changes: Any) -> tuple[Block, list[Receipt]]:
    receipts = [
        receipt(at, gasUsed=hex(each), cumulativeGasUsed=hex(sum(used[: at + 1])))
        for at, each in enumerate(used)
    ]
    decoded = decode_block(json.dumps(block([], **changes)).encode())
    return decoded, decode_receipts(json.dumps(receipts).encode())


@given(GAS)
def test_what_adds_up_passes_and_each_number_counts(used: Gas) -> None:
    decoded, receipts = made(used)
    check_gas(decoded, hex(sum(used)), receipts)
    for each in receipts:
        for name in ("gas_used", "cumulative_gas_used"):
            right = getattr(each, name)
            setattr(each, name, hex(int(right, 16) + 1))
            with pytest.raises(CheckError) as refused:
                check_gas(decoded, hex(sum(used)), receipts)
            assert refused.value.check == "receipts"
            assert "chain.verify_gas_used" in str(refused.value)
            setattr(each, name, right)
    with pytest.raises(CheckError, match=rf"its last receipt ends at {sum(used)} gas, its header says"):
        check_gas(decoded, hex(sum(used) + 1), receipts)


@pytest.mark.parametrize(
    ("cumulative", "at"),
    [
        pytest.param([21_000, 50_000], 1, id="own gas in place of the sum (cosmos/evm 1299)"),
        pytest.param([71_000, 71_000], 0, id="the block's in each (hiero-json-rpc-relay 4921)"),
    ],
)
def test_what_nodes_make_of_it_is_named(cumulative: Gas, at: int) -> None:
    decoded, receipts = made([21_000, 50_000])
    for each, wrong in zip(receipts, cumulative, strict=True):
        each.cumulative_gas_used = hex(wrong)
    with pytest.raises(
        CheckError, match=rf"block 42: receipts\[{at}\]\.gasUsed is .*cumulativeGasUsed comes to"
    ):
        check_gas(decoded, hex(71_000), receipts)


def test_gas_of_receipts_that_are_left_out_may_be_counted() -> None:
    decoded, receipts = made([21_000, 30_000, 50_000])
    check_gas(decoded, hex(101_000), receipts[::2], left_out=True)
    with pytest.raises(CheckError, match=r"receipts\[1\]"):
        check_gas(decoded, hex(101_000), receipts[::2])
    receipts[2].cumulative_gas_used = hex(70_999)
    with pytest.raises(CheckError, match=r"receipts\[1\]"):
        check_gas(decoded, hex(70_999), receipts[::2], left_out=True)


def test_gas_of_no_receipts_is_none_but_in_a_genesis_and_where_they_were_left_out() -> None:
    decoded, _ = made([])
    check_gas(decoded, "0x0", [])
    check_gas(decoded, "0x5208", [], left_out=True)
    with pytest.raises(CheckError, match=r"it has no receipts, its header says 21000 \(chain\.verify_gas"):
        check_gas(decoded, "0x5208", [])
    check_gas(made([], number="0x0")[0], "0x5208", [])


def test_a_field_of_amsterdam_that_the_header_does_not_hash_changes_nothing() -> None:
    decoded, receipts = made([21_000, 50_000], blockAccessListHash="0x" + "0a" * 32, extDataHash=None)
    with pytest.raises(CheckError, match="ends at 71000 gas, its header says 80000"):
        check_gas(decoded, hex(80_000), receipts)


@st.composite
def amsterdam(draw: st.DrawFn) -> tuple[Gas, int]:
    """What transactions pay, and the gas of their block, as EIP-8037 says with EIP-7778."""
    paid: Gas = []
    execution = state = 0
    for _ in range(draw(st.integers(1, 6))):
        before = draw(st.integers(1, 2**30))
        of_state, floor = draw(st.integers(0, before)), draw(st.integers(0, 2**30))
        refund = draw(st.integers(0, before // 5))
        paid.append(max(before - refund, floor))
        execution += max(before - of_state, floor)
        state += of_state
    return paid, max(execution, state)


@given(amsterdam())
def test_from_amsterdam_on_the_header_counts_otherwise(gas: tuple[Gas, int]) -> None:
    paid, stated = gas
    decoded, receipts = made(paid, blockAccessListHash="0x" + "0a" * 32)
    check_gas(decoded, hex(stated), receipts)
    receipts[0].gas_used = hex(paid[0] + 1)
    with pytest.raises(CheckError, match=r"receipts\[0\]"):
        check_gas(decoded, hex(stated), receipts)


def test_from_amsterdam_on_what_is_cut_off_is_still_missed_where_it_is_much() -> None:
    decoded, receipts = made([21_000, 50_000], blockAccessListHash="0x" + "0a" * 32)
    check_gas(decoded, hex(80_000), receipts)
    with pytest.raises(CheckError, match="ends at 21000 gas, its header says 80000"):
        check_gas(decoded, hex(80_000), receipts[:1])


def test_before_amsterdam_the_header_says_what_is_paid() -> None:
    decoded, receipts = made([21_000, 50_000])
    with pytest.raises(CheckError, match="ends at 71000 gas, its header says 80000"):
        check_gas(decoded, hex(80_000), receipts)
