"""Conditions know the fields of the Avro records by their own names."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from schemas import codec_for
from schemas.codec.model import Array, Node, Primitive, Record, Union
from streams.logic.alerts.cel import ScalarType, Type
from streams.logic.alerts.rule import Match
from streams.logic.alerts.rules import fields_of
from streams.logic.alerts.rules.fields import STREAMS, untyped
from streams.logic.alerts.texts import TEXTS
from tests.builders.numbers import NESTED_NUMBERS, NUMBERS


@pytest.mark.parametrize("match", STREAMS)
def test_every_field_is_typed_or_named_as_one_that_is_not(match: Match) -> None:
    names = {each.name for stream in STREAMS[match] for each in codec_for(stream).record.fields}
    known = set(fields_of(match)) - {"statistic"}
    assert known | untyped(match) == names
    assert not known & untyped(match)


def test_types() -> None:
    assert untyped(Match.TOKEN_TRANSFER) == {"amount"}
    assert untyped(Match.TRANSACTION) == {"access_list", "authorization_list"}
    transfer, log = fields_of(Match.TOKEN_TRANSFER), fields_of(Match.LOG)
    assert transfer["value"] == Type(ScalarType.INT)
    assert transfer["token_address"] == Type(ScalarType.STRING, size=42)
    assert transfer["token_id"] == Type(ScalarType.INT, nullable=True)
    assert transfer["token_standard"].symbols == ("UNKNOWN", "ERC20", "ERC721", "ERC1155")
    assert log["topics"] == Type(ScalarType.STRING, list=True, size=66, longest=4)
    assert log["block_timestamp"] == Type(ScalarType.INT)
    assert fields_of(Match.TRANSACTION_STATE)["evidence"] == Type(ScalarType.STRING, list=True)
    assert fields_of(Match.REORG)["depth"] == Type(ScalarType.INT)
    assert fields_of(Match.STAT)["transfer_count"].nullable
    assert not fields_of(Match.STAT)["window_start"].nullable


def _strings(node: Node, name: str) -> Iterator[str]:
    match node:
        case Record():
            for each in node.fields:
                yield from _strings(each.type, each.name)
        case Union():
            for branch in node.branches:
                yield from _strings(branch, name)
        case Array(items):
            yield from _strings(items, name)
        case Primitive("string"):
            yield name


@pytest.mark.parametrize("stream", sorted({each for streams in STREAMS.values() for each in streams}))
def test_a_string_is_a_text_or_a_number_as_its_column_is(stream: str) -> None:
    """One that is neither named a text nor a number would be read as a number, which ends the stage."""
    found = set(_strings(codec_for(stream).record, ""))
    assert {name for name in found if (name in TEXTS) == (name in NUMBERS | NESTED_NUMBERS)} == set()
