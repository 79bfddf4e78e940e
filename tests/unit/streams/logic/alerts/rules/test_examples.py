"""The rules of examples/rules: all compile, none is slow, and each says what it is for and nothing else."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import pytest

from streams.logic.alerts.rule import ConditionError, Rule
from streams.logic.alerts.rules import read_file
from tests.paths import ROOT

FILES: Final = sorted((ROOT / "examples" / "rules").glob("*.yaml"))
ALICE, BOB, TOKEN, ROUTER = (f"0x{each * 20}" for each in ("a1", "b2", "70", "99"))
ZERO: Final = "0x" + "00" * 20
USDC: Final = "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48"
APPROVAL: Final = "0x8c5be1e5ebec7d5bd14f71427d1e84f3dd0314c0f7b2291e5b200ac8c7c3b925"
FOR_ALL: Final = "0x17307eab39ab6107e8899845ad3d59bd9653f200f220920489ca2b5937696c31"
UPGRADED: Final = "0xbc7cd75a20ee27fd9adebab32041f755214dbc6bffa90cc0225b39da2e5c2d3b"
PAIR: Final = "0x0d3648bd0f6ba80134a33ba9275ac585d9d315f0ad8355cddefde31afa28d0e9"
FACTORY: Final = "0x5c69bee701ef814a2b6a3edd4b1652cb9cc5aa6f"
LISTS: Final = {
    "exchanges": frozenset({ALICE, BOB}),
    "watched": frozenset({ALICE}),
    "spenders": frozenset({ROUTER}),
    "watched_contracts": frozenset({TOKEN}),
    "watched_tokens": frozenset({TOKEN}),
}
LABELS: Final = {ALICE: "Alice", BOB: "Bob", TOKEN: "Token"}


def word(value: str | int) -> str:
    return f"0x{value:064x}" if isinstance(value, int) else "0x" + value[2:].rjust(64, "0")


def transfer(token: str, sender: str, receiver: str, value: int) -> dict[str, Any]:
    return {"token_address": token, "from_address": sender, "to_address": receiver, "value": value}


def transaction(sender: str, receiver: str | None, status: int | None = 1) -> dict[str, Any]:
    return {"from_address": sender, "to_address": receiver, "value": 10**18, "receipt_status": status}


def log(address: str, *topics: str, data: str = "0x") -> dict[str, Any]:
    return {"address": address, "topics": list(topics), "data": data, "transaction_hash": "0x" + "12" * 32}


APPROVES: Final = (APPROVAL, word(ALICE), word(BOB))
MATCHES: Final = [
    ("large-usdc-transfer", transfer(USDC, ALICE, TOKEN, 2 * 10**12), "2,000,000 USDC from Alice to Token"),
    ("watched-address-sends", transaction(ALICE, BOB), "Alice sends 1 ETH to Bob"),
    ("watched-address-sends", transaction(ALICE, None, 0), "Alice sends 1 ETH to none"),
    ("watched-address-receives", transaction(BOB, ALICE), "Alice receives 1 ETH from Bob"),
    (
        "watched-address-receives-token",
        transfer(TOKEN, BOB, ALICE, 1),
        "Alice receives a token of Token from Bob",
    ),
    ("uniswap-v2-pair-created", log(FACTORY, PAIR, word(ALICE), word(BOB)), "a pair of Alice and Bob"),
    ("approval-to-unknown-spender", log(TOKEN, *APPROVES, data=word(1)), "Alice approves Bob for Token"),
    (
        "approval-for-all-to-unknown-operator",
        log(TOKEN, FOR_ALL, word(ALICE), word(BOB), data=word(1)),
        "Alice approves Bob for all of Token",
    ),
    (
        "control-of-watched-contract",
        log(TOKEN, UPGRADED, word(BOB)),
        "Token: owner, code or role changed by 0x1212…1212",
    ),
    (
        "base-fee-spike",
        {"base_fee_per_gas": 2 * 10**11, "block_number": 7},
        "base fee of 200 gwei in block 7",
    ),
    (
        "deep-reorg",
        {"depth": 3, "old_block_number": 9, "old_block_hash": "0x" + "cd" * 32},
        "3 blocks left the chain: the tip was 9, 0xcdcd…cdcd",
    ),
    ("mint-or-burn", transfer(TOKEN, ZERO, BOB, 1_500), "1.5k of Token from 0x0000…0000 to 0xb2b2…b2b2"),
    ("mint-or-burn", transfer(TOKEN, BOB, ZERO, 1), "1 of Token from 0xb2b2…b2b2 to 0x0000…0000"),
    ("failed-transaction-burst", transaction(ALICE, TOKEN, 0), None),
]
OTHERS: Final = [
    ("large-usdc-transfer", transfer(USDC, ALICE, BOB, 2 * 10**12)),
    ("large-usdc-transfer", transfer(USDC, ALICE, TOKEN, 10**12)),
    ("large-usdc-transfer", transfer(TOKEN, ALICE, TOKEN, 2 * 10**12)),
    ("watched-address-sends", transaction(BOB, ALICE)),
    ("watched-address-receives", transaction(BOB, ALICE, 0)),
    ("watched-address-receives", transaction(BOB, None)),
    ("watched-address-receives-token", transfer(TOKEN, ALICE, BOB, 1)),
    ("uniswap-v2-pair-created", log(FACTORY, APPROVAL)),
    ("uniswap-v2-pair-created", log(TOKEN, PAIR)),
    ("approval-to-unknown-spender", log(TOKEN, *APPROVES, data=word(0))),
    ("approval-to-unknown-spender", log(TOKEN, APPROVAL, word(ALICE), word(ROUTER), data=word(1))),
    ("approval-to-unknown-spender", log(TOKEN, APPROVAL, word(BOB), word(ROUTER), data=word(1))),
    ("approval-to-unknown-spender", log(TOKEN, *APPROVES, word(7))),
    ("approval-for-all-to-unknown-operator", log(TOKEN, FOR_ALL, word(ALICE), word(BOB), data=word(0))),
    ("control-of-watched-contract", log(USDC, UPGRADED, word(BOB))),
    ("control-of-watched-contract", log(TOKEN, APPROVAL)),
    ("base-fee-spike", {"base_fee_per_gas": 10**11}),
    ("deep-reorg", {"depth": 2}),
    ("mint-or-burn", transfer(TOKEN, ALICE, BOB, 1)),
    ("mint-or-burn", transfer(USDC, ZERO, BOB, 1)),
    ("failed-transaction-burst", transaction(ALICE, TOKEN, 1)),
    ("failed-transaction-burst", transaction(ALICE, None, 0)),
]


@cache
def rules() -> dict[str, Rule]:
    found = {}
    for path in FILES:
        read = read_file(path.read_text("utf-8"))
        assert not read.all_problems, path.name
        for each in read.rules:
            assert not each.warnings, path.name
            assert each.rule is not None
            found[each.id] = each.rule
    return found


def test_there_are_nine_and_each_rule_is_tried_here() -> None:
    assert len(FILES) == 9
    assert set(rules()) == {rule for rule, *_ in MATCHES} == {rule for rule, _ in OTHERS}


@pytest.mark.parametrize(("rule", "record", "title"), MATCHES)
def test_what_a_rule_is_for(rule: str, record: dict[str, Any], title: str | None) -> None:
    assert rules()[rule].where(record, LISTS)
    if title is not None:
        assert rules()[rule].title(record, LABELS) == title


@pytest.mark.parametrize(("rule", "record"), OTHERS)
def test_what_a_rule_is_not_for(rule: str, record: dict[str, Any]) -> None:
    assert not rules()[rule].where(record, LISTS)


def test_a_block_without_a_base_fee_says_nothing_of_it() -> None:
    with pytest.raises(ConditionError):
        rules()["base-fee-spike"].where({"base_fee_per_gas": None}, LISTS)


def test_a_burst_is_called_by_its_window() -> None:
    rule = rules()["failed-transaction-burst"]
    measures = {"count": 21, "to_address": TOKEN, "window_start": 1_700_000_000_000}
    assert rule.title(measures, LABELS) == "21 transactions to Token failed from 2023-11-14 22:13:20 UTC on"
