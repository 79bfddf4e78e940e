"""Hostile quantities in a node's answers are bad answers, whatever their length or alphabet."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.evm.blocks.checks import CheckError, Verifier
from connectors.evm.blocks.decode import LAST_SECOND, ShapeError, decode_block, decode_receipts
from headwater.evm.bloom import Bloom

HASH = "0x" + "11" * 32
HOSTILE = [
    "",
    "0x",
    "²",
    "0x_1",
    "-0x1",
    "0x" + "f" * 17,
    "0x" + "f" * 100_000,
    "9" * 5_000,
    None,
    7,
    ["0x1"],
]


def block(**changes: object) -> bytes:
    plain: dict[str, Any] = {"number": "0x7", "hash": HASH, "parentHash": HASH, "timestamp": "0x5"}
    return json.dumps(plain | {"transactions": [{"hash": HASH}]} | changes).encode()


@pytest.mark.parametrize("field", ["number", "timestamp"])
@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: str(text)[:12])
def test_a_height_or_time_that_no_column_holds_is_no_block(field: str, text: object) -> None:
    with pytest.raises(ShapeError, match=field) as raised:
        decode_block(block(**{field: text}))
    assert len(str(raised.value)) < 200


def test_the_latest_time_is_the_last_that_a_column_holds() -> None:
    last = decode_block(block(timestamp=hex(LAST_SECOND))).head.timestamp_ms
    assert datetime.fromtimestamp(last / 1000, UTC).year == 2299
    with pytest.raises(ShapeError):
        decode_block(block(timestamp=hex(LAST_SECOND + 1)))


@pytest.mark.parametrize("text", [text for text in HOSTILE if isinstance(text, str)], ids=lambda t: t[:12])
def test_an_index_that_is_none_is_said_in_few_words(text: str) -> None:
    receipt = {"transactionHash": HASH, "transactionIndex": text, "blockHash": HASH, "logs": []}
    receipts = decode_receipts(json.dumps([receipt]).encode())
    with pytest.raises(CheckError) as raised:
        Verifier(Bloom()).check(decode_block(block()), receipts)
    assert raised.value.check == "receipts"
    assert len(str(raised.value)) < 200
