"""Answers that are written otherwise than the model has them."""

from __future__ import annotations

from typing import Any

import pytest

from headwater.evm.answers.canonical import DEEPEST
from headwater.evm.answers.decode import decode_block, decode_receipts
from headwater.evm.answers.errors import AnswerError
from headwater.evm.answers.shapes import EXTRA
from tests.builders.chain_answers import block, encoded, log, receipt, transaction


def of_transaction(**changes: Any) -> Any:
    """The transaction of a block's answer. A value of None leaves its field out."""
    sent = {name: value for name, value in transaction(**changes).items() if value is not None}
    (found,) = decode_block(encoded(block([sent]))).transactions or ()
    return found


@pytest.mark.parametrize("input_", [None, "", "0x"])
def test_an_input_may_be_called_data(input_: str | None) -> None:
    found = of_transaction(input=input_, data="0xa9059cbb")
    assert (found.input, found.extra) == ("0xa9059cbb", None)


@pytest.mark.parametrize("data", ["0xA9059CBB", "0xa9059cbb", "0x", ""])
def test_both_may_be_there_and_say_the_same(data: str) -> None:
    found = of_transaction(data=data)
    assert found.input == "0xa9059cbb"
    assert found.extra.content() == {"data": data}


def test_data_that_differs_from_the_input_is_refused() -> None:
    with pytest.raises(
        AnswerError, match=r"transactions\[0\]\.data is '0xa9059cbc', which differs from its input"
    ):
        of_transaction(data="0xa9059cbc")
    with pytest.raises(AnswerError, match=r"transactions\[0\]\.input is 7"):
        of_transaction(input=None, data=7)


@pytest.mark.parametrize("value", ["{no json", "[1]", '{"chainId":"0x5"}', 7, {"a": 1}])
def test_a_field_named_as_our_own_is_one_that_nobody_models(value: object) -> None:
    named = {EXTRA: value}
    read = decode_block(encoded(block([transaction(**named)], **named)))
    (sent,) = read.transactions or ()
    (listed,) = decode_receipts(encoded([receipt(0, [log(**named)], **named)]))
    (written,) = listed.logs or ()
    for each in (read, sent, listed, written):
        assert each.extra is not None
        assert each.extra.content() == named


@pytest.mark.parametrize("list_first", [True, False])
def test_what_nobody_models_is_nested_as_deep_as_anybody_can_read(list_first: bool) -> None:
    def nested(levels: int) -> object:
        found: object = "x"
        for level in range(levels):
            found = [found] if (level % 2 == 0) is list_first else {"a": found, "b": 1}
        return found

    assert of_transaction(note=nested(DEEPEST)).extra.content() == {"note": nested(DEEPEST)}
    for levels in (DEEPEST + 1, 300):
        with pytest.raises(AnswerError, match=r"transactions\[0\]\.note is nested deeper than 64 levels"):
            of_transaction(note=nested(levels))
