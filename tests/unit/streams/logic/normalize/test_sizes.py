"""No record is larger than the listener reckons from the answers' texts: what fits there, fits here."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.evm.answers import sizes
from headwater.evm.answers.decode import decode_block, decode_receipts
from streams.logic.normalize.records import encode_header, encode_records
from tests.builders.chain_answers import TOKEN, block, encoded, log, receipt, transaction

WORD = "0x" + "0a" * 32
DATA = st.integers(0, 3_000).map(lambda size: "0x" + "ab" * size)
UNMODELLED = st.recursive(
    st.none()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
ENTRY = {"address": TOKEN, "storageKeys": [WORD] * 40}
SIGNED = {"chainId": "0x" + "f" * 64, "address": TOKEN, "nonce": WORD, "r": WORD, "s": WORD, "note": "x" * 90}
WITHDRAWAL = {"index": "0x" + "f" * 16, "validatorIndex": "0x1", "address": TOKEN, "amount": "0x" + "f" * 16}


@st.composite
def answers(draw: st.DrawFn) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A block whose every field of any length has some length."""
    count = st.integers(0, 60)
    sent = transaction(
        input=draw(DATA),
        accessList=[ENTRY] * draw(count),
        authorizationList=[SIGNED] * draw(count),
        blobVersionedHashes=[WORD] * draw(count),
        chainId="0x5",
        blockTimestamp="0x1",
        note=draw(UNMODELLED),
    )
    logs = [log(0, 0, data=draw(DATA), topics=[WORD] * draw(count), removed=True, note=draw(UNMODELLED))]
    other = {
        "from": TOKEN,
        "to": None,
        "type": "0x7",
        "l1FeeScalar": draw(st.text()),
        "note": draw(UNMODELLED),
    }
    header = {
        "extraData": draw(DATA),
        "nonce": draw(DATA.filter(lambda data: data != "0x")),
        "uncles": [WORD] * draw(count),
        "withdrawals": [WITHDRAWAL] * draw(count),
        "note": draw(UNMODELLED),
    }
    return block([sent], **header), [receipt(0, logs, **other)]


@given(answers())
def test_a_record_has_at_most_the_bytes_that_were_reckoned(
    given: tuple[dict[str, Any], list[dict[str, Any]]],
) -> None:
    answer, receipts = given
    read, listed = decode_block(encoded(answer)), decode_receipts(encoded(receipts))
    reckoned = [sizes.header_size(read), *sizes.record_sizes(read, listed)]
    made = encode_records(read, listed, 1)
    real = [len(encode_header(read)), len(made.transactions[0]), len(made.logs[0])]
    assert [each.where for each in reckoned] == ["its header", "transactions[0]", "logs[0]"]
    for size, told in zip(real, reckoned, strict=True):
        # Not far above it either: what is refused is large.
        assert size <= told.size < 4 * size + 10_000


def test_an_answer_that_is_not_looked_into_has_no_record_above_the_bound() -> None:
    """Numbers of a few characters become the longest texts."""
    numbers = b"1e15," * (sizes.RECORD_BYTES // 8 // 5) + b"1"
    answer = encoded(block([transaction()]))
    raw = answer.replace(b'"transactions": [{', b'"transactions": [{"n":[' + numbers + b"],", 1)
    assert len(raw) > len(answer) + 3_000_000
    (sent,) = decode_block(raw).transactions or ()
    assert sizes.RECORD_BYTES // 8 < len(sent.extra or "") < sizes.RECORD_BYTES


@pytest.mark.parametrize("where", ["transactions[0]", "logs[1]"])
def test_the_first_record_that_is_too_large_is_told_with_its_largest_field(where: str) -> None:
    large = "x" * (sizes.RECORD_BYTES + 1)
    of_log = where.startswith("logs")
    sent = transaction(small=1, note="" if of_log else large)
    logs = [log(0, 0), log(0, 1, data="0x12", other=large if of_log else "")]
    answer, receipts = encoded(block([sent])), encoded([receipt(0, logs)])
    read, listed = decode_block(answer), decode_receipts(receipts)
    found = sizes.too_large(read, listed, len(answer) + len(receipts))
    assert found is not None
    record, limit = found
    assert (record.where, limit) == (where, sizes.RECORD_BYTES)
    assert record.largest() == ("other" if of_log else "note", len(large) + 2)


def test_a_block_of_usual_records_is_not_too_large_whatever_it_comes_to() -> None:
    sent = [transaction(position) for position in range(50)]
    receipts = [receipt(position) for position in range(50)]
    read, listed = decode_block(encoded(block(sent))), decode_receipts(encoded(receipts))
    assert sizes.too_large(read, listed, 1 << 30) is None
