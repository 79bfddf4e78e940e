"""Records as JSON and back: numbers of 64 bits are what they count, whatever Avro's long makes of them."""

from __future__ import annotations

from schemas import schema_of
from schemas.codec.model import Record, parse
from schemas.jsonable import from_json, to_json
from schemas.sample import sample
from schemas.unsigned import from_long, to_long


def test_unsigned_fields_are_read_out_of_twos_complement_at_any_depth() -> None:
    record = {"gas_limit": -1, "withdrawals": [{"amount": -(2**63)}], "header": {"size": None}, "depth": -1}
    assert to_json(record) == {
        "gas_limit": 2**64 - 1,
        "withdrawals": [{"amount": 2**63}],
        "header": {"size": None},
        "depth": -1,
    }


def test_a_header_nonce_of_bytes_stays_hex() -> None:
    assert to_json({"nonce": bytes(8)}) == {"nonce": "0x" + "00" * 8}


def test_every_long_comes_back() -> None:
    for number in (0, 1, 2**63 - 1, 2**63, 2**64 - 1):
        assert from_long(to_long(number)) == number
        assert -(2**63) <= to_long(number) < 2**63
    shape, _ = parse(schema_of("blocks"))
    assert isinstance(shape, Record)
    record = sample(shape) | {"gas_limit": -1, "gas_used": -(2**63)}
    shown = to_json(record)
    assert isinstance(shown, dict)
    assert (shown["gas_limit"], shown["gas_used"]) == (2**64 - 1, 2**63)
    assert from_json(shape, shown) == record
