"""Native blocks byte by byte, and the values that do not fit."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.clickhouse.native import Encoder, WrongColumn, block, encoder
from headwater.errors import Fatal


def encode(kind: str, *values: Any) -> bytes:
    return encoder(kind).encode(list(values))


def test_a_block_is_counts_then_columns() -> None:
    columns: list[tuple[str, Encoder, list[Any]]] = [
        ("a", encoder("UInt16"), [1, 513]),
        ("b", encoder("LowCardinality(String)"), ["x", b"yz"]),
    ]
    assert block(columns) == (
        b"\x02\x02" + b"\x01a\x06UInt16" + b"\x01\x00\x01\x02" + b"\x01b\x06String" + b"\x01x\x02yz"
    )


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        ("UInt8", [0, 255], b"\x00\xff"),
        ("Int32", [-1], b"\xff\xff\xff\xff"),
        ("Bool", [True, False], b"\x01\x00"),
        ("Float64", [1.0], b"\x00\x00\x00\x00\x00\x00\xf0\x3f"),
        ("DateTime64(3, 'UTC')", [256], b"\x00\x01" + bytes(6)),
        ("FixedString(2)", [b"ab", b"cd"], b"abcd"),
        ("UInt256", ["258", 1], b"\x02\x01" + bytes(30) + b"\x01" + bytes(31)),
        ("UInt256", ["7"] * 3, (b"\x07" + bytes(31)) * 3),
        ("UInt256", [str(2**256 - 1)], b"\xff" * 32),
        ("Nullable(UInt8)", [None, 5], b"\x01\x00\x00\x05"),
        ("Nullable(UInt8)", [None, None], b"\x01\x01\x00\x00"),
        ("Nullable(UInt8)", [4, 5], b"\x00\x00\x04\x05"),
        ("Nullable(FixedString(2))", [b"ab", None], b"\x00\x01ab\x00\x00"),
        ("LowCardinality(Nullable(String))", [None, "é"], b"\x01\x00\x00\x02\xc3\xa9"),
        ("Array(UInt8)", [[1], None, [3]], b"".join(bytes([n]) + bytes(7) for n in (1, 1, 2)) + b"\x01\x03"),
        ("Tuple(a UInt8, b String)", [{"a": 1, "b": "x"}, {"b": "", "a": 2}], b"\x01\x02\x01x\x00"),
        ("Map(String, UInt8)", [{"k": 1}, {}], b"\x01" + bytes(7) + b"\x01" + bytes(7) + b"\x01k\x01"),
    ],
)  # fmt: skip
def test_columns(kind: str, values: list[Any], expected: bytes) -> None:
    assert encode(kind, *values) == expected


def test_long_strings_have_longer_lengths() -> None:
    assert encode("String", b"x" * 300) == b"\xac\x02" + b"x" * 300
    assert encode("String", b"", b"y" * 20_000) == b"\x00" + b"\xa0\x9c\x01" + b"y" * 20_000


def test_nested_types_are_named_without_their_dictionaries() -> None:
    kind = "Array(Tuple(address FixedString(20), keys Array(LowCardinality(String))))"
    assert encoder(kind).sent_as == "Array(Tuple(address FixedString(20), keys Array(String)))"
    inner = [{"address": b"a" * 20, "keys": ["p", "q"]}]
    assert encode(kind, inner) == b"\x01" + bytes(7) + b"a" * 20 + b"\x02" + bytes(7) + b"\x01p\x01q"


def test_an_unsigned_field_comes_in_twos_complement_and_no_other_does() -> None:
    for kind, given in [
        ("UInt64", [-1, 7]),
        ("Nullable(UInt64)", [-1, None]),
        ("Array(Tuple(amount UInt64))", [[{"amount": -1}]]),
    ]:
        assert b"\xff" * 8 in encoder(kind, "gas_limit").encode(given)
        with pytest.raises(OverflowError):
            encoder(kind.replace("amount", "block_number"), "block_number").encode(
                [[{"block_number": -1}]] if "Tuple" in kind else given
            )


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("UInt8", 256),
        ("UInt64", -1),
        ("UInt32", 1.5),
        ("UInt64", None),
        ("UInt256", str(2**256)),
        ("UInt256", "-1"),
        ("UInt256", "0x10"),
        ("FixedString(4)", b"abc"),
        ("FixedString(4)", None),
        ("Bool", 2),
        ("String", 7),
        ("String", None),
        ("DateTime64(3, 'UTC')", 10**16),
        ("Array(UInt8)", [256]),
        ("Tuple(a UInt8)", {"b": 1}),
    ],
)
def test_a_value_that_does_not_fit_is_named_by_its_column(kind: str, value: Any) -> None:
    with pytest.raises(WrongColumn, match=r"^column amount of type "):
        block([("amount", encoder(kind), [value])])


def test_an_unknown_type_is_fatal() -> None:
    with pytest.raises(Fatal, match=r"cannot write columns of type JSON"):
        encoder("JSON")
