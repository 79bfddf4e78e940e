"""Hostile quantities in a node's answers are bad answers, whatever their length or alphabet."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from connectors.evm.blocks.checks import Verifier
from connectors.evm.blocks.decode import LAST_SECOND, ShapeError, decode_block, decode_receipts
from connectors.evm.blocks.errors import CheckError
from headwater.evm.bloom import Bloom
from tests.builders import chain_answers
from tests.builders.chain_answers import encoded, receipt, transaction

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
    return encoded(chain_answers.block([transaction()], **changes))


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


@pytest.mark.parametrize(
    "text", [text for text in HOSTILE if isinstance(text, str) and text != "0x"], ids=lambda t: t[:12]
)
def test_an_index_that_is_none_is_said_in_few_words(text: str) -> None:
    with pytest.raises((ShapeError, CheckError), match=r"receipts\[0\]\.transactionIndex") as raised:
        Verifier(Bloom()).check(
            decode_block(block()), decode_receipts(encoded([receipt(transactionIndex=text)]))
        )
    assert len(str(raised.value)) < 200
